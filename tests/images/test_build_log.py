"""What is made of the classic builder's messages; tests/docker has a real one."""

import pytest

from opea_pulumi.errors import OperationError
from opea_pulumi.images import own_images
from opea_pulumi.images._build import _Log

MESSAGES = [
    {"stream": "Step 1/22 : ARG BASE"},
    {"stream": "\n"},
    {"stream": "Step 2/22 : FROM ${BASE} AS build"},
    {"stream": "\n"},
    {"stream": " ---> 111111111111\n"},
    {"stream": "Step 3/22 : ARG EXTRA"},
    {"stream": " ---> Running in aaaaaaaaaaaa\n"},
    {"stream": " ---> 222222222222\n"},
    {"stream": "Step 4/22 : FROM ${BASE} AS base"},
    {"stream": " ---> 111111111111\n"},
    {"stream": "Step 5/22 : RUN python3 -m pip install --no-index --find-links /wheels --no-cache-dir"},
]


@pytest.fixture
def log():
    reported = []
    log = _Log(own_images()[1], reported.append)
    log.reported = reported
    for message in MESSAGES:
        log.take(message)
    return log


def test_steps_are_progress(log):
    assert len(log.reported) == 5
    assert log.reported[1].endswith(": step 2/22: FROM ${BASE} AS build")


def test_the_last_image_of_every_stage(log):
    assert log.stages == ["222222222222", "111111111111"]


def test_an_error_shows_the_last_lines_and_the_place(log):
    for number in range(100):
        log.take({"stream": f"line {number} {'x' * 500}\nand more\n"})
    with pytest.raises(OperationError) as caught:
        log.take({"error": "The command '/bin/sh -c python3' returned a non-zero code: 1", "errorDetail": {}})
    said = str(caught.value)
    assert caught.value.code == "build-failed"
    assert caught.value.location.line == 8
    assert caught.value.location.file.endswith("Dockerfile")
    assert "returned a non-zero code: 1" in said
    assert "line 99" in said
    assert "line 90" not in said
    assert len(said.splitlines()) < 15
    assert max(map(len, said.splitlines())) < 300
