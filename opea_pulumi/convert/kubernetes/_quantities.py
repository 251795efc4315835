"""Arithmetic on quantities that keeps their units."""

from __future__ import annotations

import re
from decimal import Decimal

from opea_pulumi.blueprint import parse_milli


def times(quantity: str, factor: int) -> str:
    """``factor`` times a quantity, in its own unit; thousandths become whole where they can.

    Raises:
        ValueError: it is not a quantity.
    """
    parse_milli(quantity)
    number, unit = re.fullmatch(r"([0-9.]+)(.*)", quantity).groups()  # type: ignore[union-attr]
    product = (Decimal(number) * factor).normalize()
    if unit == "m" and product % 1000 == 0:
        product, unit = product / 1000, ""
    return f"{product:f}{unit}"


def larger(one: str, other: str) -> str:
    """The larger of two quantities; the first when they are equal."""
    return other if parse_milli(other) > parse_milli(one) else one
