"""``pulumi-language-python``: runs Python programs and plugins for the engine.

The vendor's host comes with the vendor's installer only; this one stands beside an engine that
was built from source. The protocol is the SDK's ``language.proto``: print the port, serve gRPC,
end on SIGINT. https://github.com/pulumi/pulumi/blob/master/proto/pulumi/language.proto
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import LanguageRuntimeServicer, language_pb2, language_pb2_grpc, plugin_pb2

from opea_pulumi.engine import _host_process as process
from opea_pulumi.engine._program import SHOWN

__all__ = ["LanguageHost", "main"]

_PROGRAM = Path(__file__).with_name("_program.py")
_OPTIONS = [("grpc.max_receive_message_length", 400 * 1024 * 1024)]  # bytes, as in the SDK
_MOST_PARALLEL = 64  # the engine sends 2**31 - 1 for "no limit"; threads of a Python program

_PACKAGES = """
import importlib.metadata as m, json
print(json.dumps(sorted({(d.metadata["Name"], d.version) for d in m.distributions()})))
"""


class LanguageHost(LanguageRuntimeServicer):
    """The engine's LanguageRuntime service; each program runs in a child process."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self.children = process.Children()

    def Handshake(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Learn the engine's address."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Say nothing of a version: this host comes with the engine."""
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Ask for nothing ahead: a resource asks for its plugin when it is registered."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Ask for nothing ahead, as above."""
        return language_pb2.GetRequiredPluginsResponse()

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Name the interpreter that programs run with."""
        python = _interpreter(request, context)
        version = process.output([python, "-c", "import platform; print(platform.python_version())"])
        return language_pb2.AboutResponse(executable=python, version=version.strip())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        """List the distributions installed where the program runs."""
        found = json.loads(process.output([_interpreter(request, context), "-c", _PACKAGES]) or "[]")
        packages = [language_pb2.DependencyInfo(name=name, version=version) for name, version in found]
        return language_pb2.GetProgramDependenciesResponse(dependencies=packages)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Make the virtual environment when it is missing, and install requirements.txt into it."""
        venv = process.virtualenv(request.info)
        commands = []
        if venv and not (venv / "bin" / "python").exists():
            commands.append([sys.executable, "-m", "venv", str(venv)])
        if Path(request.directory, "requirements.txt").exists():
            python = str(venv / "bin" / "python") if venv else _interpreter(request, context)
            commands.append([python, "-m", "pip", "install", "-r", "requirements.txt"])
        for command in commands:
            for part in self.children.stream(command, request.directory, os.environ):
                if isinstance(part, tuple):
                    yield _chunk(language_pb2.InstallDependenciesResponse, part)
                elif part:
                    context.abort(
                        grpc.StatusCode.FAILED_PRECONDITION, f"{' '.join(command)}: exit code {part}"
                    )

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run a program to its end; its error is in the update's output or in the response."""
        python = _interpreter(request, context)
        settings = {
            "project": request.project,
            "stack": request.stack,
            "monitor": request.monitor_address,
            "engine": request.args[0] if request.args else self._engine,
            "parallel": min(max(request.parallel, 1), _MOST_PARALLEL),
            "dry_run": request.dryRun,
            "organization": request.organization or "organization",
            "root_directory": request.info.root_directory,
        }
        config = {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        program = str(Path(request.info.program_directory, request.info.entry_point or "."))
        code = self.children.run(
            [python, "-u", str(_PROGRAM), json.dumps(settings), program],
            request.pwd,
            process.environment(python, config),
        )
        if code == SHOWN or (code and self.children.cancelled):
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"Program exited with code {code}" if code else "")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a plugin that is a folder with a PulumiPlugin.yaml, and stream its output."""
        python = _interpreter(request, context)
        program = str(Path(request.info.program_directory, request.info.entry_point or "."))
        extra = dict(pair.split("=", 1) for pair in request.env)
        command = [python, "-u", program, *request.args]
        for part in self.children.stream(command, request.pwd, process.environment(python, extra)):
            if isinstance(part, tuple):
                yield _chunk(language_pb2.RunPluginResponse, part)
            else:
                yield language_pb2.RunPluginResponse(exitcode=part)

    def Cancel(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """End the programs that run."""
        self.children.end()
        return empty_pb2.Empty()


def _interpreter(request: Any, context: Any) -> str:
    try:
        return process.interpreter(request.info)
    except FileNotFoundError as error:
        return str(context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error)))


def _chunk(message: Any, chunk: process.Chunk) -> Any:
    return message(**{chunk[0]: chunk[1]})


def main(arguments: list[str]) -> None:
    """Serve until a signal comes or the engine is gone; the engine's address is the last argument."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    host = LanguageHost(arguments[-1] if arguments else "")
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while not stop.wait(1.0) and os.getppid() == parent:  # a killed engine sends no signal
        pass
    host.children.end()
    server.stop(grace=0).wait()


if __name__ == "__main__":
    main(sys.argv[1:])
