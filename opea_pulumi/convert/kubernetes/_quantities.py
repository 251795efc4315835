"""Arithmetic on quantities in Kubernetes notation."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}


def amount(quantity: str) -> Decimal:
    """A quantity as a number; ``ValueError`` when it is none."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti|)", quantity)
    if not found:
        raise ValueError(f"no quantity: {quantity!r}")
    return Decimal(found[1]) * _UNITS[found[2]]


def times(quantity: str, factor: int) -> str:
    """``factor`` times a quantity, in its own unit where that is a whole number."""
    found = re.fullmatch(r"([0-9.]+)(.*)", quantity)
    number, unit = (Decimal(found[1]), found[2]) if found else (amount(quantity), "")
    product = (number * factor).normalize()
    if unit == "m" and product % 1000 == 0:
        product, unit = product / 1000, ""
    return f"{product:f}{unit}"


def larger(one: str, other: str) -> str:
    """The larger of two quantities; the first when they are equal."""
    return other if amount(other) > amount(one) else one
