"""The command as users run it: a child process, the real engine, real services, a home of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
HANDBOOK = """\
# Corvus handbook

Employees receive 27 days of paid vacation each year. Unused vacation days expire on 31 March.

The office in Lisbon opens at 8:30 and closes at 19:00. Visitors register at the front desk.
"""


@dataclass(frozen=True)
class Command:
    """Runs ``opea-pulumi`` in a folder with a home of its own."""

    home: Path
    cwd: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
        # PULUMI_HOME: a login of the developer's own must not decide where the tests' state goes
        return {**kept, "OPEA_HOME": str(self.home), "PULUMI_HOME": str(self.home / "pulumi"), **self.more}

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "opea_pulumi.cli", *arguments],
            cwd=self.cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *arguments: str, exit_code: int | None = 0) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        assert exit_code is None or process.returncode == exit_code, out + err
        assert "Traceback" not in out + err, out + err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def __call__(self, *arguments: str) -> str:
        return self.run(*arguments).stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def told(self, *arguments: str) -> Any:
        """As :meth:`json`, of a command whose exit code tells something, too."""
        return json.loads(self.run(*arguments, "--json", exit_code=None).stdout)

    def fails(self, *arguments: str, code: str, exit_code: int = 1) -> str:
        """Run what must fail with one clear error; returns it."""
        shown = self.run(*arguments, exit_code=exit_code).stderr
        assert f"[{code}]" in shown, shown
        return shown

    def processes(self) -> list[psutil.Process]:
        """Every process that works in this home, by its command or open files, and its children."""
        found = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and self._is_mine(process):
                    for member in (process, *process.children(recursive=True)):
                        found[member.pid] = member
        return list(found.values())

    def _is_mine(self, process: psutil.Process) -> bool:
        files = (file.path for file in process.open_files())
        words = [*process.cmdline(), *process.environ().values(), process.cwd(), *files]
        return any(str(self.home) in word for word in words)


def until(check: Callable[[], Any], *, seconds: float = 30, what: str = "the event") -> Any:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"{what} did not come in {seconds} s"
        time.sleep(0.05)
    return found


def destroy_all(command: Command) -> None:
    """Destroy every stack, then see that no process is left."""
    if (command.home / "state").exists():
        for stack in list(stacks(command)):
            command("destroy", "--yes", "--stack", stack)
    assert command.processes() == []


def stacks(command: Command) -> list[str]:
    folder = command.home / "stacks"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.exists() else []


def write_app(folder: Path, text: str = "opea_app: chatqna\n", name: str = "handbook") -> Path:
    """An application in a folder of its own, with a document beside it."""
    app = folder / name
    app.mkdir(exist_ok=True)
    (app / "opea.yaml").write_text(text)
    (app / "handbook.md").write_text(HANDBOOK)
    return app
