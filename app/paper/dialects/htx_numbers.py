"""HTX' ways to write numbers: JSON numbers as Java prints a double, or plain; and its ids. No rounding, no floats.

| what | rule | evidence |
|---|---|---|
| market data | 710.0, 0.05164, 9.12E-7, 1.26936964043E7: Java's bounds for exponents | recorded frames |
| settings | plain JSON numbers | sheet 2, recorded rows |
| account | texts | sheet 5 |
| order ids | 15 digits; trade ids 12; the `id` of a public trade 27 | sheet 3, 6; what is inside is ours |
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from app.core.clock import NS_PER_MS, Clock
from app.paper.units import to_text

_EPOCH_MS = 1_420_070_400_000
_PLAIN_FROM, _PLAIN_BELOW = -3, 7
"""Powers of ten of the first digit between which Java writes a double without exponent."""


@lru_cache(maxsize=16_384)
def double(units: int, scale: int) -> msgspec.Raw:
    """A positive amount in units of 10^-scale, as a JSON number in Java's spelling; always the same for one value."""
    if units == 0:
        return msgspec.Raw(b"0.0")
    digits = str(units)
    power = len(digits) - 1 - scale
    if _PLAIN_FROM <= power < _PLAIN_BELOW:
        plain = to_text(units, scale)
        return msgspec.Raw((plain if "." in plain else f"{plain}.0").encode())
    digits = digits.rstrip("0")
    return msgspec.Raw(f"{digits[0]}.{digits[1:] or '0'}E{power}".encode())


def plain(text: str) -> msgspec.Raw:
    """A number that is written already."""
    return msgspec.Raw(text.encode())


class OrderNumbers:
    """Rising 15-digit numbers that hold the time, so that a restarted twin repeats none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        stamp = (self._clock.wall_ns() // NS_PER_MS - _EPOCH_MS) * 1000
        self._last = max(self._last + 1, stamp)
        return self._last


def first_trade_id(clock: Clock) -> int:
    """Twelve digits; 100 trades a second fit between two starts."""
    return 100_000_000_000 + (clock.wall_ns() // NS_PER_MS - _EPOCH_MS) // 10


def public_trade_id(trade_id: int) -> msgspec.Raw:
    """The long `id` of a trade, 27 digits that no float holds."""
    return msgspec.Raw(b"%d%015d" % (trade_id, trade_id * 2_654_435_761 % 10**15))
