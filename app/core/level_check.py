"""Whether prices and amounts of a book can be read as such. No books."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from math import isfinite

from app.core.types import Level

_LONGEST = 46
_SPELLING = b"0123456789.eE+-"
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,2})?")


def is_sound(level: Level) -> bool:
    """A price above zero and an amount of zero or more, spelt as numbers of sensible length."""
    price, amount = level
    return bool(_NUMBER.fullmatch(price) and _NUMBER.fullmatch(amount)) and float(price) > 0.0


def unsound(levels: Iterable[Level]) -> list[Level]:
    return [level for level in levels if not is_sound(level)]


def all_look_sound(prices: Collection[str], amounts: Collection[str]) -> bool:
    """A look at thousands that costs next to nothing: sums tell of infinities and of what is no number, ends of signs.

    What passes is safe to sort, to draw and to compute with.
    """
    if not prices:
        return True
    if "".join([*prices, *amounts]).encode(errors="replace").translate(None, _SPELLING):
        return False
    try:
        price_values, amount_values = list(map(float, prices)), list(map(float, amounts))
    except ValueError:
        return False
    longest = max(max(map(len, prices)), max(map(len, amounts)))
    total = sum(price_values) + sum(amount_values)
    return isfinite(total) and longest <= _LONGEST and min(price_values) > 0.0 and min(amount_values) >= 0.0
