from __future__ import annotations

import pytest

from opea_pulumi.engine._text import one_screen, plain, readable, redact

INLINE = "python inline source runtime error: "
TRACE = """Traceback (most recent call last):
  File "/x/_server.py", line 95, in run
    loop.run_until_complete(run())
               ^^^^^^^^^^^
  File "/x/p.py", line 3, in f
    raise ValueError("boom")
"""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("<{%reset%}>hello<{%fg 1%}> you\n<{%reset%}>", "hello you"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("rpc error: code = Unknown desc = Exception calling application: no port", "no port"),
        (f"{INLINE}boom\n{TRACE}ValueError: boom", "boom"),
        (
            f"an unhandled error occurred: python inline source runtime error: boom\n{TRACE}ValueError: boom",
            "boom",
        ),
        (f"Program failed with an unhandled exception:\n{TRACE}ValueError: boom", "ValueError: boom"),
        (
            f"{TRACE}ValueError: one\n\nThe next line\n{TRACE}KeyError: two",
            "ValueError: one\nThe next line\nKeyError: two",
        ),
        ("1 error occurred:\n\t* it broke\n\n", "it broke"),
        ("error: it broke\nupdate failed", "it broke"),
        ("update failed", ""),
        ("", ""),
    ],
)
def test_a_message_says_only_what_it_means(message, said):
    assert readable(message) == said


def test_plain_keeps_the_words():
    assert plain("  <{%bold%}>a\n  b ") == "a\n  b"


def test_a_screen_repeats_nothing_and_ends():
    assert one_screen(["a", "b", "a", ""]) == "a\nb"
    long = one_screen(["\n".join(map(str, range(100)))]).splitlines()
    assert len(long) == 31
    assert long[-1] == "... 70 more lines"


def test_secrets_are_covered_the_longest_first():
    assert redact("x secret-value secret y", ["secret", "secret-value"]) == "x [secret] [secret] y"
    assert redact("a b", ["a", ""]) == "a b"
