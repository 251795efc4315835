"""Turns a failed engine command into one clear error."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pulumi.automation.errors import CommandError, ConcurrentUpdateError, StackNotFoundError

from opea_pulumi.engine._text import one_screen, readable, redact
from opea_pulumi.engine.progress import Progress
from opea_pulumi.errors import EngineError

_KNOWN = (
    (
        "incorrect passphrase",
        "wrong-passphrase",
        "encrypted with another one: set PULUMI_CONFIG_PASSPHRASE_FILE, or restore OPEA_HOME/passphrase",
    ),
    (
        "no resource plugin",
        "plugin-missing",
        "the plugin named above is missing: pulumi plugin install resource NAME VERSION",
    ),
    ("no space left on device", "disk-full", "free some space, then repeat the command"),
)


def command_failed(error: CommandError, stack: str) -> EngineError:
    """The error of a command that shows no events, from what it printed."""
    if isinstance(error, StackNotFoundError):
        return EngineError(
            f"there is no stack {stack}", code="stack-not-found", hint="pulumi stack ls lists those there are"
        )
    if isinstance(error, ConcurrentUpdateError):
        return _locked(f"stack {stack}")
    return _known(
        one_screen([readable(_stderr(str(error)))]) or "the engine failed and said nothing",
        "engine-failed",
        "",
    )


def update_failed(
    error: CommandError, operation: str, progress: Progress, log: str, secrets: Sequence[str]
) -> EngineError:
    """The error of an update, from its diagnostics; ``log`` is the path of its whole output."""
    if killed := re.match(r"\s*code: -(\d+)\n", str(error)):
        return EngineError(
            f"{operation} failed: the engine was killed by signal {killed[1]}",
            code="engine-killed",
            hint=f"repeat the command, it clears up first; the output until then is in {log}",
        )
    if isinstance(error, ConcurrentUpdateError):  # it began between our look at the locks and the engine's
        return _locked("the stack")
    blocks = [_block(urn, text) for urn, text in progress.errors()]
    blocks = [block for block in blocks if block] or [readable(_stderr(str(error)))]
    message = redact(one_screen(blocks), secrets) or "the engine said no reason"
    return _known(f"{operation} failed: {message}", f"{operation}-failed", f"the whole output is in {log}")


def _locked(stack: str) -> EngineError:
    return EngineError(
        f"{stack} is being updated by another process",
        code="stack-locked",
        hint="wait for it to end, then repeat the command",
    )


def _block(urn: str, text: str) -> str:
    said = readable(text)
    name = urn.rpartition("::")[2]
    return f"{name}: {said}" if said and name and "pulumi:pulumi:Stack" not in urn else said


def _known(message: str, code: str, hint: str) -> EngineError:
    for needle, known, advice in _KNOWN:
        if needle in message:
            return EngineError(message, code=known, hint="; ".join(part for part in (advice, hint) if part))
    return EngineError(message, code=code, hint=hint)


def _stderr(text: str) -> str:
    """The part after ``stderr:`` of the SDK's text of a CommandError."""
    return text.rpartition("\n stderr: ")[2]
