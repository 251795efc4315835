"""Quantities in Kubernetes notation: ``100m`` of a processor, ``16Gi`` of memory."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from math import ceil

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")

_UNITS = {
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{unit: Fraction(1000**power) for power, unit in enumerate("kMGT", 1)},
    **{f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGT", 1)},
}

MEBI = 1024**2
GIBI = 1024**3


def parse_quantity(text: str) -> int:
    """The whole number, rounded up, that a quantity says: bytes of a memory.

    Raises:
        ValueError: it is not a quantity.
    """
    return ceil(_parse(text))


def parse_milli(text: str) -> int:
    """The thousandths, rounded up, that a quantity says: ``100m`` and ``0.1`` of a processor are 100.

    Raises:
        ValueError: it is not a quantity.
    """
    return ceil(_parse(text) * 1000)


def format_memory(size: int) -> str:
    """Bytes as ``NGi``, or ``NMi`` rounded up."""
    return f"{size // GIBI}Gi" if size % GIBI == 0 else f"{ceil(Fraction(size, MEBI))}Mi"


@lru_cache(maxsize=1024)
def _parse(text: str) -> Fraction:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"not a quantity: {text!r}")
    return Fraction(found[1]) * _UNITS[found[2] or ""]
