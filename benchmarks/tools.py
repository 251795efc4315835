"""What benchmarks share: measuring child processes, medians, tables, the machine's facts."""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

COMMAND = (sys.executable, "-m", "opea_pulumi.cli")
STACK = ("--stack", "bench")
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""A container's habit: every start would compile our sources, which an installed package never does."""


@dataclass(frozen=True)
class Cost:
    """Seconds of one child process: of the wall clock, and of the CPU (its own children included)."""

    wall: float
    cpu: float


def cost_of(arguments: Sequence[str], **environ: str) -> Cost:
    """Run a command to its end, which must be a good one."""
    inherited = {key: value for key, value in os.environ.items() if key != _NO_BYTECODE}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(
        arguments, env={**inherited, **environ}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        raise SystemExit(
            f"{' '.join(arguments)}: exit code {result.returncode}\n{result.stdout}{result.stderr}"
        )
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def spread(values: Sequence[float], unit: str = "s") -> str:
    """Minimum, median and maximum, as ``0.12 / 0.13 / 0.20 s``."""
    scale, digits = (1000, 1) if unit == "ms" else (1, 3)
    picked = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{value * scale:.{digits}f}" for value in picked) + f" {unit}"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Ours over theirs, of the medians."""
    return f"{statistics.median(ours) / statistics.median(theirs):.2f} x"


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A titled text table."""
    lines = [tuple(headings), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    body = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join([f"\n## {title}", *(line.rstrip() for line in body)])


def machine_table() -> str:
    """The facts that figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    facts = [
        ("date", time.strftime("%Y-%m-%d")),
        ("machine", f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}"),
        ("system", platform.platform(terse=True)),
        ("python", platform.python_version()),
        ("opea-pulumi", version("opea-pulumi")),
        ("load before", f"{os.getloadavg()[0]:.2f}"),
    ]
    return table("machine", ("fact", "value"), facts)


@contextmanager
def deployed() -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with an application and a home of its own; what was deployed there is destroyed."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "bench"
        app.mkdir()
        (app / "opea.yaml").write_text("opea_app: chatqna\n")
        environ = {"OPEA_HOME": f"{folder}/home", "PULUMI_HOME": f"{folder}/pulumi"}
        try:
            yield app, environ
        finally:
            cost_of([*COMMAND, "destroy", "--yes", *STACK], **environ)
