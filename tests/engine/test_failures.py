"""Errors of the engine become one clear error of ours."""

import pytest
from pulumi.automation._cmd import CommandResult
from pulumi.automation.errors import create_command_error

from opea_pulumi.engine import Progress
from opea_pulumi.engine._failures import command_failed, update_failed

LOCKED = "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end"


def sdk_error(stderr, code=1):
    return create_command_error(CommandResult("", stderr, code))


@pytest.mark.parametrize(
    "ours",
    [
        command_failed(sdk_error(LOCKED), "s"),
        update_failed(sdk_error(LOCKED), "up", Progress(), "x.log", ()),
    ],
)
def test_a_lock_that_came_after_our_look_at_the_locks(ours):
    assert ours.code == "stack-locked"
    assert "another process" in ours.message
    assert "wait" in ours.hint


@pytest.mark.parametrize(
    ("stderr", "code"),
    [
        ("error: incorrect passphrase", "wrong-passphrase"),
        ("error: no resource plugin 'pulumi-resource-x' found", "plugin-missing"),
        ("error: write /x: no space left on device", "disk-full"),
        ("error: something new", "up-failed"),
    ],
)
def test_known_reasons_have_a_code_of_their_own(stderr, code):
    ours = update_failed(sdk_error(stderr), "up", Progress(), "x.log", ())
    assert ours.code == code
    assert "x.log" in ours.hint


def test_a_killed_engine_is_named():
    ours = update_failed(sdk_error("", code=-9), "up", Progress(), "x.log", ())
    assert ours.code == "engine-killed"
    assert "signal 9" in ours.message


def test_secrets_are_not_repeated():
    ours = update_failed(sdk_error("error: bad key sk-canary-1"), "up", Progress(), "x.log", ["sk-canary-1"])
    assert "sk-canary" not in str(ours)
