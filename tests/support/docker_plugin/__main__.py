"""Serve: print the port, stay until SIGTERM or SIGINT, or until whoever started this is gone.

It is a Pulumi plugin like any other, so it can be found by the engine as `pulumi-resource-docker`, too.
"""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from .servicer import Servicer


def main() -> None:
    ended, parent = threading.Event(), os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server = grpc.server(ThreadPoolExecutor(64), options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ended.wait(1.0) and os.getppid() == parent:
        pass
    server.stop(grace=None)
    os._exit(0)  # a wait for health may go on in one of the threads


main()
