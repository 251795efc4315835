"""Cutting texts into passages and sentences."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opea_pulumi.embedded._documents import Text
from opea_pulumi.embedded._passages import cut, sentences, title_of
from opea_pulumi.embedded._words import content_words, stem, words

TEXTS = st.text(st.sampled_from("ab .!?\n#-A1\u3002"), max_size=400)


@given(TEXTS, st.integers(10, 80), st.integers(0, 9), st.booleans())
@example("111111111? 1111111111", 10, 0, False)  # the white space after a sentence that just fits
def test_pieces_are_short_and_lose_no_word(text, size, overlap, structured):
    pieces = cut(Text(text, structured), size, overlap)
    assert all(0 < len(piece.body) <= size for piece in pieces)
    if not structured:
        kept = "".join("".join(piece.body.split()) for piece in cut(Text(text, False), size, 0))
        assert kept == "".join(text.split())


@given(TEXTS)
def test_sentences_lose_no_word(text):
    kept = [char for sentence in sentences(text) for char in sentence if char.isalnum()]
    assert kept == [char for char in text if char.isalnum()]


def test_neighbours_share_the_overlap():
    text = " ".join(f"Sentence number {number} ends here." for number in range(30))
    pieces = [piece.body for piece in cut(Text(text, False), 200, 60)]
    assert len(pieces) > 4
    for one, other in pairwise(pieces):
        assert sentences(one)[-1] in other[:60]


def test_a_passage_carries_its_headings():
    text = Text(
        "# Manual\n\nIntro.\n\n## Power\n\n### Battery\n\n80 minutes.\n\n## Other\n\n```\n# no heading\n```",
        True,
    )
    assert [piece.text for piece in cut(text, 500, 0)] == [
        "Manual\nIntro.",
        "Manual > Power > Battery\n80 minutes.",
        "Manual > Other\n```\n# no heading\n```",
    ]
    assert title_of(text) == "Manual"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "It costs 3.5 euros. Ask Dr. Smith, e.g. Today!",
            ["It costs 3.5 euros.", "Ask Dr. Smith, e.g. Today!"],
        ),
        ("- one item\n- two items\nlast", ["- one item", "- two items", "last"]),
        ("| Height | 46 m |\n| Width | 3 m |", ["| Height | 46 m |", "| Width | 3 m |"]),
        (
            "This line was broken by a fixed width of seventy-two\ncharacters and goes on. End.",
            ["This line was broken by a fixed width of seventy-two characters and goes on.", "End."],
        ),
        (
            "\u4eca\u65e5\u306f\u3002\u660e\u65e5\u3082\u3002",
            ["\u4eca\u65e5\u306f\u3002", "\u660e\u65e5\u3082\u3002"],
        ),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(
    "forms",
    [
        "weigh weighs weighing weighed",
        "policy policies",
        "charge charges charging charged",
        "manage manages manager managers",
        "stop stops stopped stopping",
        "1500 1,500",
    ],
)
def test_inflections_share_a_stem(forms):
    assert len({stem(form) for form in forms.split()}) == 1


def test_words():
    assert words("The X-200's 2.5 litres; caf\u00e9 \u6f22\u5b57") == [
        "the", "x", "200", "s", "2.5", "litres", "caf\u00e9", "\u6f22", "\u5b57",
    ]  # fmt: skip
    assert content_words("What is the price of the Price?") == ["price"]
