# ruff: noqa: N802  gRPC names
"""A resource plugin whose creates wait for a file, to be interrupted or killed meanwhile."""

from __future__ import annotations

import os
import signal
import threading
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

STOP = threading.Event()
END = threading.Event()


class Gate(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="1.0.0")

    def CheckConfig(self, request, context):
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request, context):
        return provider_pb2.DiffResponse()

    def Configure(self, request, context):
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request, context):
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request, context):
        same = request.old_inputs == request.news
        kinds = provider_pb2.DiffResponse.DiffChanges
        return provider_pb2.DiffResponse(changes=kinds.DIFF_NONE if same else kinds.DIFF_SOME)

    def Create(self, request, context):
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        folder = Path(request.properties["folder"])
        if (folder / "fail").exists():
            context.abort(grpc.StatusCode.UNKNOWN, "the gate is rusty")
        (folder / "started").write_text(str(os.getpid()))
        while not (folder / "open").exists():
            if STOP.wait(0.02):
                context.abort(grpc.StatusCode.CANCELLED, "stopped")
        return provider_pb2.CreateResponse(id="gate-1", properties=request.properties)

    def Read(self, request, context):
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request, context):
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request, context):
        return empty_pb2.Empty()

    def Cancel(self, request, context):
        STOP.set()
        return empty_pb2.Empty()


def main() -> None:
    signal.signal(signal.SIGINT, lambda *_: END.set())  # the engine kills 5 s later
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Gate(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    os.write(1, f"{port}\n".encode())
    parent = os.getppid()
    while os.getppid() == parent and not END.wait(0.1):
        pass
    STOP.set()


main()
