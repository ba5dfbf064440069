"""Exact conversions between text, Decimals and integer units."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.paper.units import OffScale, ratio_text, to_decimal, to_text, to_units


@given(st.integers(-(10**40), 10**40), st.integers(0, 18))
def test_units_survive_the_way_through_decimal_and_text(units: int, scale: int) -> None:
    assert to_units(to_decimal(units, scale), scale) == units
    assert to_units(Decimal(to_text(units, scale)), scale) == units


def test_text_is_plain_and_without_trailing_zeros() -> None:
    assert [to_text(u, 6) for u in (340000, 1, -1500000, 0)] == ["0.34", "0.000001", "-1.5", "0"]
    assert to_text(1200, 0) == "1200"


@pytest.mark.parametrize("value", ["0.001", "1E-30", "NaN", "Infinity", "1E+99", "1E-99999", "9" * 5000])
def test_what_does_not_fit_the_scale_is_refused(value: str) -> None:
    with pytest.raises(OffScale):
        to_units(Decimal(value), 2)


def test_trailing_zeros_beyond_the_scale_are_harmless() -> None:
    assert to_units(Decimal("40000.50000"), 2) == 4_000_050


def test_a_ratio_is_cut_and_a_division_by_nothing_is_zero() -> None:
    assert ratio_text(2, 3, 4) == "0.6666"
    assert ratio_text(-2, 3, 4) == "-0.6666"
    assert ratio_text(1, 0, 4) == "0"
