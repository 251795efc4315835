"""The progress of an update: plain lines without a terminal, a live table on one."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from opea_pulumi.cli._progress import _table, progress_view
from opea_pulumi.engine import Progress

_FIELDS = (
    "resource_pre_event",
    "res_outputs_event",
    "res_op_failed_event",
    "diagnostic_event",
    "summary_event",
)
_PROCESS = "opea:index:LocalApplication$opea:index:Process"


def _event(field, name, operation, kind=_PROCESS):
    step = SimpleNamespace(urn=f"urn:pulumi:s::opea::{kind}::{name}", op=operation)
    return SimpleNamespace(**{**dict.fromkeys(_FIELDS), field: SimpleNamespace(metadata=step)})


def begin(*arguments):
    return _event("resource_pre_event", *arguments)


def end(*arguments):
    return _event("res_outputs_event", *arguments)


def fail(*arguments):
    return _event("res_op_failed_event", *arguments)


UPDATE = [
    begin("opea-s", "create", "pulumi:pulumi:Stack"),
    begin("default", "create", "pulumi:providers:opea"),
    begin("store", "same"),
    end("store", "same"),
    begin("llm", "create"),
    begin("embedding", "create-replacement"),
    end("embedding", "create-replacement"),
    begin("old", "delete"),
    end("old", "delete"),
    fail("llm", "create"),
    end("opea-s", "create", "pulumi:pulumi:Stack"),
]


def test_plain_lines_for_what_ended_and_changed(capsys):
    with progress_view() as view:
        for event in UPDATE:
            view(event)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [re.sub(r"\d+\.\ds$", "N", line) for line in shown.err.splitlines()] == [
        "  replaced  embedding (opea:index:Process) N",
        "  deleted   old (opea:index:Process) N",
        "  failed    llm (opea:index:Process)",
    ]


def test_lines_come_as_things_end(capsys):
    with progress_view() as view:
        view(begin("llm", "create"))
        assert capsys.readouterr().err == ""
        view(end("llm", "create"))
        assert capsys.readouterr().err.startswith("  created   llm (opea:index:Process) ")


def test_a_preview_says_what_would_be_done(capsys):
    with progress_view(preview=True) as view:
        for name, operation in (("llm", "create"), ("old", "delete"), ("x", "update"), ("store", "same")):
            view(begin(name, operation))
            view(end(name, operation))
    assert capsys.readouterr().err.splitlines() == [
        "  to create    llm (opea:index:Process)",
        "  to delete    old (opea:index:Process)",
        "  to update    x (opea:index:Process)",
    ]


def test_nothing_is_shown_with_json(capsys):
    with progress_view(quiet=True) as view:
        for event in UPDATE:
            view(event)
    assert capsys.readouterr() == ("", "")


def test_the_table_has_a_row_a_resource_with_state_and_elapsed():
    progress = Progress(clock=lambda: 0.0)
    for event in [*UPDATE[:8], begin("new", "same")]:
        progress.feed(event)
    file = io.StringIO()
    Console(file=file, width=100).print(_table(progress, now=2.5))
    rows = [line.split() for line in file.getvalue().splitlines()]
    assert rows == [
        ["resource", "type", "operation", "state", "elapsed"],
        ["llm", "opea:index:Process", "create", "running", "2.5s"],
        ["embedding", "opea:index:Process", "replace", "done", "0.0s"],
        ["old", "opea:index:Process", "delete", "running", "2.5s"],
        ["new", "opea:index:Process", "same", "running", "2.5s"],
    ]


def test_no_rows_no_table():
    file = io.StringIO()
    Console(file=file).print(_table(Progress(), now=0))
    assert file.getvalue().strip() == ""


_PROGRAM = """
import sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
from test_progress import UPDATE
from opea_pulumi.cli._progress import progress_view
with progress_view() as view:
    for event in UPDATE:
        view(event)
"""


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_on_a_terminal(term):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(Path(__file__).parent)],
        env={**os.environ, "TERM": term, "COLUMNS": "100", "LINES": "40"},
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    shown = _read(controller)
    assert process.communicate(timeout=20)[0] == b""
    assert process.returncode == 0
    if term == "dumb":
        assert "\x1b" not in shown
        assert "replaced  embedding" in shown
        return
    assert "\x1b[" in shown
    final = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert re.search(r"embedding +opea:index:Process +replace +done +\d\.\ds", final)
    assert re.search(r"llm +opea:index:Process +create +failed +\d\.\ds", final)
    assert "store" not in final, "what stayed the same is no row"


def _read(controller):
    parts = []
    try:
        while data := os.read(controller, 4096):
            parts.append(data)
    except OSError:  # Linux: the other side is closed
        pass
    os.close(controller)
    return b"".join(parts).decode()


def _say(text, *, urn="", severity="info", ephemeral=True):
    event = SimpleNamespace(message=text, urn=urn, severity=severity, ephemeral=ephemeral)
    return SimpleNamespace(**{**dict.fromkeys(_FIELDS), "diagnostic_event": event})


def test_what_the_program_says_is_shown(capsys):
    root = "urn:pulumi:s::opea::pulumi:pulumi:Stack::opea-s"
    other = "urn:pulumi:s::opea::docker:index/container:Container::x"
    with progress_view() as view:
        view(_say("pulling 2 images"))
        view(_say("step: 1.2 GB received", urn=root))
        view(_say("the engine's own noise", severity="info#err"))
        view(_say("of a resource", urn=other))
    assert capsys.readouterr().err.splitlines() == ["  pulling 2 images", "  step: 1.2 GB received"]


def test_the_table_shows_the_last_thing_said():
    progress = Progress()
    for text in ("first", "second"):
        progress.feed(_say(text))
    assert str(_table(progress, 0).caption) == "second"
