from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest
from pulumi.automation import EngineEvent

from opea_pulumi.engine import Progress

EVENTS = Path(__file__).parent / "events"
URN = "urn:pulumi:rec::opea::gate:index:Gate::"


def updates(version):
    """The recorded events of a failing up, a preview and a destroy, as the SDK gives them."""
    found: list[list[EngineEvent]] = [[]]
    for line in (EVENTS / f"{version}.jsonl").read_text().splitlines():
        found[-1].append(EngineEvent.from_json(json.loads(line)))
        if found[-1][-1].cancel_event:
            found.append([])
    return found[:-1]


def replay(events):
    ticks = count()
    progress = Progress(clock=lambda: float(next(ticks)))
    for event in events:
        progress.feed(event)
    return progress


@pytest.fixture(params=["3.200.0", "3.256.0"])
def recorded(request):
    return updates(request.param)


def test_three_updates_are_recorded(recorded):
    assert len(recorded) == 3


def test_each_resource_is_a_row_with_its_state(recorded):
    rows = replay(recorded[0]).rows
    assert {row.name: (row.type, row.operation, row.state) for row in rows.values()} == {
        "opea-rec": ("pulumi:pulumi:Stack", "create", "done"),
        "good": ("gate:index:Gate", "create", "done"),
        "bad": ("gate:index:Gate", "create", "failed"),
    }


def test_rows_change_from_running_to_their_end(recorded):
    progress = Progress()
    states = [(row.name, row.state) for event in recorded[0] if (row := progress.feed(event))]
    assert states.index(("good", "running")) < states.index(("good", "done"))
    assert states.index(("bad", "running")) < states.index(("bad", "failed"))


def test_elapsed_time_stands_still_after_the_end():
    ticks = iter([10.0, 14.5])
    progress = Progress(clock=lambda: next(ticks))
    step = {"metadata": {"op": "create", "urn": URN + "x", "type": "gate:index:Gate"}}
    row = progress.feed(EngineEvent.from_json({"resourcePreEvent": step}))
    assert row is not None
    assert row.elapsed(12.0) == 2.0
    progress.feed(EngineEvent.from_json({"resOutputsEvent": step}))
    assert row.elapsed(100.0) == 4.5


def test_errors_name_the_resource(recorded):
    progress = replay(recorded[0])
    assert [(urn, "rusty" in text) for urn, text in progress.errors() if urn.startswith(URN)] == [
        (URN + "bad", True)
    ]
    assert ("warning", "careful") in progress.diagnostics[""]
    assert "registering resource" not in str(progress.diagnostics)  # debug messages


def test_the_summary_counts(recorded):
    failing, preview, destroy = (replay(events).summary for events in recorded)
    assert failing is not None
    assert preview is not None
    assert destroy is not None
    assert failing.changes == {"create": 2}
    assert (preview.changes, preview.changed) == ({"create": 1, "same": 2}, 1)
    assert (destroy.changes, destroy.changed) == ({"delete": 2}, 2)


def test_the_steps_of_a_replacement_are_one_row():
    progress = Progress(clock=lambda: 0.0)
    for operation in ("create-replacement", "replace", "delete-replaced"):
        step = {"metadata": {"op": operation, "urn": URN + "x", "type": "gate:index:Gate"}}
        for kind in ("resourcePreEvent", "resOutputsEvent"):
            progress.feed(EngineEvent.from_json({kind: step}))
    assert [(row.operation, row.state) for row in progress.rows.values()] == [("replace", "done")]


def test_what_passes_by_is_no_diagnostic():
    progress = Progress()
    for message in ({"message": "dots", "ephemeral": True}, {"message": "<{%reset%}>\n"}):
        progress.feed(
            EngineEvent.from_json({"diagnosticEvent": {"severity": "info", "color": "", **message}})
        )
    assert progress.diagnostics == {}


def test_the_type_of_a_child_is_its_own():
    step = {
        "metadata": {
            "op": "same",
            "urn": "urn:pulumi:s::opea::opea:index:App$opea:index:Process::llm",
            "type": "x",
        }
    }
    row = Progress().feed(EngineEvent.from_json({"resourcePreEvent": step}))
    assert row is not None
    assert (row.type, row.name) == ("opea:index:Process", "llm")
