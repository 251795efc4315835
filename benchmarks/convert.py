"""Converting ChatQnA. Goals: under 5 ms in process, under 0.25 s as a command. Rival: kompose."""

import statistics
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import process_time

from benchmarks.tools import COMMAND, Cost, cost_of, ratio, spread, table
from opea_pulumi.application import FILE_NAME as FILE
from opea_pulumi.application import Application, parse_application
from opea_pulumi.convert import FORMATS, blueprint_for, convert

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "chatqna"
ROUNDS = 15
CALLS = 100
SIZES = (1, 10, 100)
GOAL_CALL, GOAL_COMMAND = 0.005, 0.25
PHASES = ("parse", "blueprint", "convert")
RIVAL = "kompose 1.35.0 convert, of our compose file"


def run() -> str:
    return "\n".join([_in_process(), _commands(), _applications(), _services()])


def _in_process() -> str:
    text = (EXAMPLE / FILE).read_text()
    rows = []
    for to in FORMATS:
        _phases(text, to)  # the first one reads the catalogue
        phases = [_phases(text, to) for _ in range(CALLS)]
        whole = [sum(phase) for phase in phases]
        middles = [f"{statistics.median(values) * 1000:.2f} ms" for values in zip(*phases, strict=True)]
        rows.append((to, *middles, spread(whole, "ms"), _met(whole, GOAL_CALL)))
    title = f"ChatQnA in process ({CALLS} calls, the catalogue is loaded), ms of CPU"
    return table(title, ("to", *PHASES, "all, min / median / max", "< 5 ms"), rows)


def _phases(text: str, to: str) -> tuple[float, ...]:
    marks = [process_time()]
    application = parse_application(text)
    marks.append(process_time())
    blueprint = blueprint_for(application, to, name="chatqna")
    marks.append(process_time())
    convert(blueprint, to, **_options(to, application))
    marks.append(process_time())
    return tuple(marks[index + 1] - marks[index] for index in range(len(PHASES)))


def _options(to: str, application: Application) -> dict[str, Application]:
    """As the command gives them: the compose file holds the application for the way back."""
    return {"application": application} if to == "compose" else {}


def _commands() -> str:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ours = (*COMMAND, "convert", str(EXAMPLE), "--to")
        commands = {f"opea-pulumi convert --to {to}": (*ours, to, "-o", f"{place}/{to}") for to in FORMATS}
        rival, said = _kompose(place)
        if rival:
            commands[RIVAL] = rival
        costs = {name: [] for name in commands}
        for _ in range(ROUNDS + 1):
            for name, arguments in commands.items():  # interleaved: a busy moment meets all of them
                costs[name].append(cost_of(arguments))
    kept = {name: measured[1:] for name, measured in costs.items()}  # the first one warms the file cache
    rows = [_command_row(name, measured, kept.get(RIVAL)) for name, measured in kept.items()]
    headings = ("command", "CPU min / median / max", "wall min / median / max", "CPU to kompose", "< 0.25 s")
    return table(f"ChatQnA as a whole command ({ROUNDS} rounds)", headings, rows) + f"\nkompose: {said}"


def _command_row(name: str, measured: list[Cost], rival: list[Cost] | None) -> tuple[str, ...]:
    cpu, wall = [cost.cpu for cost in measured], [cost.wall for cost in measured]
    compared = ratio(cpu, [cost.cpu for cost in rival]) if rival else "-"
    return name, spread(cpu), spread(wall), compared, "-" if name == RIVAL else _met(cpu, GOAL_COMMAND)


def _kompose(place: Path) -> tuple[tuple[str, ...], str]:
    """Its command line with what was done for it, or none with the reason."""
    sys.path.append(str(ROOT / "tests" / "support"))
    try:
        from tools import LackingError, program_of
    except ImportError as error:
        return (), f"not measured: {error}"
    try:
        program = program_of("kompose")
    except LackingError as error:
        return (), f"not measured: {error}"
    source = place / "source" / "compose.yaml"
    cost_of((*COMMAND, "convert", str(EXAMPLE), "--to", "compose", "-o", str(source)))
    source.write_text(source.read_text().replace("restart: on-failure:3", "restart: on-failure"))
    (source.parent / "secrets").mkdir()
    (source.parent / "secrets" / "hf-token").write_text("a stand-in")
    arguments = (str(program), "convert", "-f", str(source), "-o", str(place / "kompose.yaml"))
    return arguments, "does not know restart: on-failure:3 and gets on-failure; reads the secret's file"


def _applications() -> str:
    """Different ones, so that nothing is converted twice."""
    text = (EXAMPLE / FILE).read_text()

    def some(count: int, to: str) -> None:
        for index in range(count):
            application = parse_application(f"{text}\nopea_deployment: {{namespace: team-{index}}}\n")
            convert(blueprint_for(application, to, name="chatqna"), to, **_options(to, application))

    return _growth("applications one after the other in one process", "application", some)


def _services() -> str:
    """A custom flow of as many steps; 100 services are the language's limit."""

    def one(count: int, to: str) -> None:
        names = [f"llm-{index}" for index in range(count)]
        listed = "".join(f"  {name}: {{}}\n" for name in names)
        flow = f"opea_mega_service:\n  mega_flow: [{' >> '.join(names)}]\n"
        application = parse_application(f"opea_micro_services:\n{listed}{flow}")
        convert(blueprint_for(application, to, name="many"), to, **_options(to, application))

    return _growth("services in one application", "service", one)


def _growth(what: str, item: str, work: Callable[[int, str], None]) -> str:
    """Medians, and the cost of one more item between two sizes: equal ones are a line."""
    rows = []
    for to in FORMATS:
        work(1, to)
        middles = [_median(work, count, to) for count in SIZES]
        more = [
            (middles[index] - middles[index - 1]) / (SIZES[index] - SIZES[index - 1])
            for index in range(1, len(SIZES))
        ]
        shown = [f"{value * 1000:.1f} ms" for value in middles]
        rows.append((to, *shown, *(f"{value * 1000:.2f} ms" for value in more), f"{more[1] / more[0]:.2f} x"))
    sizes = [str(size) for size in SIZES]
    steps = [f"a further {item}, {low} to {high}" for low, high in pairwise(sizes)]
    return table(f"{what}: {', '.join(sizes)}, ms of CPU", ("to", *sizes, *steps, "second to first"), rows)


def _median(work: Callable[[int, str], None], count: int, to: str) -> float:
    times = []
    for _ in range(5 if count == max(SIZES) else 15):
        started = process_time()
        work(count, to)
        times.append(process_time() - started)
    return statistics.median(times)


def _met(seconds: list[float], goal: float) -> str:
    return "yes" if statistics.median(seconds) < goal else "NO"
