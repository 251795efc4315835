"""Starting the command. Goal: under 0.25 s of CPU. Rivals: bare Python, and `pulumi version`."""

from pathlib import Path

from benchmarks.tools import COMMAND, cost_of, ratio, spread, table
from opea_pulumi.engine import obtain

EXAMPLE = str(Path(__file__).parents[1] / "examples" / "chatqna")
ROUNDS = 15
GOAL = 0.25


def run() -> str:
    commands = {
        "python -c pass": (COMMAND[0], "-c", "pass"),
        "pulumi version": (str(obtain().path), "version"),
        "opea-pulumi --help": (*COMMAND, "--help"),
        "opea-pulumi validate": (*COMMAND, "validate", EXAMPLE),
    }
    costs = {name: [] for name in commands}
    for _ in range(ROUNDS + 1):
        for name, arguments in commands.items():  # interleaved, so that a busy moment meets all of them
            costs[name].append(cost_of(arguments))
    rows = []
    bare = [cost.cpu for cost in costs["python -c pass"][1:]]
    for name, measured in costs.items():
        cpu = [cost.cpu for cost in measured[1:]]  # the first one warms the file cache
        met = ("yes" if sorted(cpu)[len(cpu) // 2] < GOAL else "NO") if name.startswith("opea") else "-"
        rows.append((name, spread(cpu), spread([cost.wall for cost in measured[1:]]), ratio(cpu, bare), met))
    headings = (
        "command",
        "CPU min / median / max",
        "wall min / median / max",
        "CPU to bare Python",
        "< 0.25 s",
    )
    return table(f"start of the command ({ROUNDS} rounds)", headings, rows)
