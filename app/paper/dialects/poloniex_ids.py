"""Poloniex' id numbers. They hold the time, so a restarted twin never hands out an old one."""

from __future__ import annotations

from app.core.clock import NS_PER_MS, Clock
from app.paper.dialects.poloniex_wire import SNOWFLAKE_EPOCH_MS

_SEQUENCE_BITS = 22


class Snowflakes:
    """Rising numbers: milliseconds since the exchange's epoch, then a counter (derived from the sheet's examples)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        stamp = (self._clock.wall_ns() // NS_PER_MS - SNOWFLAKE_EPOCH_MS) << _SEQUENCE_BITS
        self._last = max(self._last + 1, stamp)
        return self._last


def first_trade_id(clock: Clock) -> int:
    """Public trade ids are short; 50 a second fit between two starts."""
    return (clock.wall_ns() // NS_PER_MS - SNOWFLAKE_EPOCH_MS) // 20
