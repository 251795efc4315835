"""Words of a text: tokens, stems and stop words, for the lexical index and for relevance."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["STOPWORDS", "content_words", "stem", "words"]

_WORD = re.compile(
    r"\d+(?:[.,]\d+)+"  # 1,500 or 2.5 is one word
    r"|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"  # scripts without spaces: a character is a word
    r"|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:['\u2019](?=[^\W\d_]{3,})[^\W_]+)?"
)

_STOPWORDS = """
a about above after again all also am an and any anyone are as at be because been before being below
between big both but by can cannot come comes could did do does doing don down during each else ever fast
for frequently from further get gets getting give given go goes going got had happen happens has have
having he her here hers him his how i if in into is it its itself just let ll long m many max maximum may
me mean might min mine minimum more most much must my need needs no nor not now of off often ok on once
one only or other our ours out over own per please quickly re run s same shall she should so some
somebody someone something soon still such t take tell than that the their theirs them then there these
they thing things this those through time to too under until up us use used using ve very want was we
were what when where whether which while who whom whose why will with within without would yes you your
yours
"""
STOPWORDS = frozenset(_STOPWORDS.split())

_SUFFIXES = (
    ("ational", "ate"), ("ization", "ize"), ("ations", "ate"), ("ation", "ate"), ("ments", "ment"),
    ("iness", "y"), ("ities", "ity"), ("ingly", ""), ("edly", ""), ("sses", "ss"), ("ies", "y"), ("ied", "y"),
    ("ing", ""), ("ers", ""), ("er", ""), ("ed", ""), ("ly", ""), ("es", "e"), ("s", ""),
)  # fmt: skip
_DOUBLED = re.compile(r"([bdfgmnprt])\1$")


def words(text: str) -> list[str]:
    """Every word of the text in lower case, in order."""
    return _WORD.findall(text.lower())


def content_words(text: str) -> list[str]:
    """The words that are not stop words, in order, each once."""
    return list(dict.fromkeys(word for word in words(text) if word not in STOPWORDS))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """One form for the inflections of an English word; numbers and codes stay as they are."""
    if len(word) < 4 or not word.isalpha() or word.endswith(("ss", "us", "is")):
        return word.replace(",", "")
    for suffix, instead in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            root = word[: len(word) - len(suffix)] + instead
            root = _DOUBLED.sub(r"\1", root) if not instead else root
            return root.removesuffix("e")
    return word.removesuffix("e")
