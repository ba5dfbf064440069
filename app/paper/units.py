"""Exact conversion between Decimals or text at the border and the integers inside. No rounding anywhere."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

ATOM_SCALE = 18
"""Account books count every asset in integer units of 10^-18, so that fees stay exact."""

_WIDEST_SHIFT = 40
_MOST_DIGITS = 100


class OffScale(ValueError):
    """The value has more decimals than the scale allows."""


def to_units(value: Decimal, scale: int) -> int:
    """The value in integer units of 10^-scale; raises OffScale instead of rounding."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent + scale > _WIDEST_SHIFT or len(digits) > _MOST_DIGITS:
        raise OffScale(f"{value} is not a usable number")
    units = int("".join(map(str, digits)))
    shift = exponent + scale
    if shift >= 0:
        units *= 10**shift
    elif units:
        units, rest = divmod(units, 10 ** min(-shift, _MOST_DIGITS + 1))
        if rest:
            raise OffScale(f"{value} has more than {scale} decimals")
    return -units if sign else units


def to_decimal(units: int, scale: int) -> Decimal:
    """Exact whatever the number of digits."""
    return Decimal((int(units < 0), tuple(map(int, str(abs(units)))), -scale))


@lru_cache(maxsize=16_384)
def to_text(units: int, scale: int) -> str:
    """Plain decimal text without trailing zeros."""
    if scale == 0:
        return str(units)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(scale + 1, "0")
    fraction = digits[-scale:].rstrip("0")
    return f"{sign}{digits[:-scale]}.{fraction}" if fraction else sign + digits[:-scale]


def ratio_text(numerator: int, denominator: int, scale: int) -> str:
    """A quotient as text, cut (not rounded) after `scale` decimals; "0" when there is nothing to divide by."""
    if denominator == 0:
        return "0"
    quotient = abs(numerator) * 10**scale // abs(denominator)
    return to_text(-quotient if (numerator < 0) != (denominator < 0) else quotient, scale)
