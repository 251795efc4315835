"""Makes the engine's messages readable: no colours, no gRPC wrapping, no Python traceback."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_COLOUR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*[A-Za-z]")
_INLINE = re.compile(r"(?:an unhandled error occurred: )?python inline source runtime error: ")
_WRAPPING = re.compile(
    r"rpc error: code = \w+ desc = |Exception calling application: |error: (?=\S)"
    r"|^Program failed with an unhandled exception:\s*",
    re.MULTILINE,
)
_TRACEBACK = re.compile(
    r"^[ \t]*(?:\+ )?Traceback \(most recent call last\):\n"  # then indented frames,
    r"(?:[ \t]+.*\n|\n)*"  # and the line that names the exception stays
    r"(?=\S|\Z)",
    re.MULTILINE,
)
_NOISE = re.compile(
    r"^\s*(?:(?:update|preview|refresh|destroy) (?:failed|canceled)|\d+ errors? occurred:)\s*$"
)
_MOST_LINES = 30


def plain(message: str) -> str:
    """The message without colour marks and outer blank space."""
    return _COLOUR.sub("", message).strip()


def readable(message: str) -> str:
    """What a message says, without wrapping, tracebacks and lines that say only "failed"."""
    text = plain(message)
    if inline := _INLINE.match(text):  # the SDK says the error, then its traceback, which says it again
        said, _, trace = text[inline.end() :].partition("\nTraceback (most recent call last):\n")
        text = said.strip() or trace
    text = _TRACEBACK.sub("", text + "\n")
    text = _WRAPPING.sub("", text)
    lines: list[str] = []
    for line in text.splitlines():
        kept = re.sub(r"^\s*\* ", "", line).rstrip()
        if kept and not _NOISE.match(kept) and kept not in lines:
            lines.append(kept)
    return "\n".join(lines)


def one_screen(blocks: Iterable[str]) -> str:
    """The blocks, without those said before, cut to what fits on one screen."""
    said: list[str] = []
    for block in blocks:
        if block and not any(block in earlier for earlier in said):
            said.append(block)
    lines = "\n".join(said).splitlines()
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"... {len(lines) - _MOST_LINES} more lines"]
    return "\n".join(lines)


def redact(text: str, secrets: Sequence[str]) -> str:
    """The text with every secret of at least four characters replaced by ``[secret]``."""
    worth = sorted((secret for secret in secrets if len(secret) >= 4), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, worth)), "[secret]", text) if worth else text
