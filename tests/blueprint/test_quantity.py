"""Kubernetes quantities, read and written."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.blueprint._quantity import GIBI, MEBI, format_memory, parse_milli, parse_quantity


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1", 1),
        ("1.5", 2),
        ("100m", 1),
        ("1k", 1000),
        ("2M", 2_000_000),
        ("1.5G", 1_500_000_000),
        ("1T", 10**12),
        ("1Ki", 1024),
        ("128Mi", 128 * MEBI),
        ("1.5Gi", 3 * GIBI // 2),
        ("1Ti", 1024 * GIBI),
    ],
)
def test_bytes(text, size):
    assert parse_quantity(text) == size


@pytest.mark.parametrize(
    ("text", "milli"), [("100m", 100), ("1", 1000), ("0.1", 100), ("1.5", 1500), ("0.0001", 1)]
)
def test_thousandths(text, milli):
    assert parse_milli(text) == milli


@pytest.mark.parametrize("text", ["", "1 Gi", "-1", "1e3", "Gi", "1Pi", "1GiB", "1.", ".5", "\u0661"])
@pytest.mark.parametrize("read", [parse_quantity, parse_milli])
def test_not_a_quantity(read, text):
    with pytest.raises(ValueError, match="not a quantity"):
        read(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0Gi"), (GIBI, "1Gi"), (GIBI + 1, "1025Mi"), (1, "1Mi"), (512 * MEBI, "512Mi")]
)
def test_format(size, text):
    assert format_memory(size) == text


@given(st.integers(0, 10**16))
def test_what_is_written_is_read_and_holds_as_much(size):
    read = parse_quantity(format_memory(size))
    assert size <= read < size + MEBI


@given(st.text())
def test_any_text_is_read_or_refused(text):
    with suppress(ValueError):
        assert parse_milli(text) >= parse_quantity(text)
