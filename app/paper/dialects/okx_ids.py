"""OKX' numbers: order ids that hold the time, short trade ids, connection ids. Nothing is remembered between starts."""

from __future__ import annotations

from app.core.clock import NS_PER_MS, Clock

_EPOCH_MS = 1_420_041_600_000
_SEQUENCE_BITS = 22
_SCATTER = 2_654_435_761


class OrderNumbers:
    """Rising 19-digit numbers. The time inside is our choice, so that a restarted twin repeats none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        stamp = (self._clock.wall_ns() // NS_PER_MS - _EPOCH_MS) << _SEQUENCE_BITS
        self._last = max(self._last + 1, stamp)
        return self._last


class ConnectionNumbers:
    """Eight hexadecimal digits for every connection."""

    def __init__(self, opened_ms: int) -> None:
        self._last = opened_ms

    def next(self) -> str:
        self._last += 1
        return f"{self._last * _SCATTER % 2**32:08x}"


def first_trade_id(clock: Clock) -> int:
    """Nine or ten digits; 100 trades a second fit between two starts."""
    return (clock.wall_ns() // NS_PER_MS - _EPOCH_MS) // 10 - 30_000_000_000
