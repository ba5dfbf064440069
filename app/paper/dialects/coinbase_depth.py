"""The whole visible book of one product: the live levels and thousands of small ones far away. No frames, no sockets.

The recorded BTC-USD snapshot has 46,000 levels, from a cent to 139 million dollars, and 5,079,379 bytes; the venue's
seeded market keeps some dozens near the price. So seeded small amounts stand far from it, a fifth and more, where the
seeded price never goes. They are shown and never traded.
"""

from __future__ import annotations

from math import exp, log
from random import Random

from app.core.types import Side
from app.paper.dialects.coinbase_wire import Levels
from app.paper.listings import Instrument
from app.paper.matching import BookSide, MatchingBook

_NEAR = 0.2
_FARTHEST = 1000.0


class Depth:
    """One book. Far levels are drawn when somebody first asks."""

    def __init__(self, instrument: Instrument, book: MatchingBook, count: int, home_ticks: int, seed: str) -> None:
        self._instrument = instrument
        self._book = book
        self._count = count
        self.home_ticks = home_ticks
        self._seed = seed
        self._far: dict[Side, dict[int, int]] | None = None

    def bids(self, count: int | None = None) -> Levels:
        """Ticks and lots, best first."""
        return self._side(Side.BUY, self._book.bids, count)

    def asks(self, count: int | None = None) -> Levels:
        return self._side(Side.SELL, self._book.asks, count)

    def lots(self, side: Side, ticks: int, live_lots: int) -> int:
        """What a level shows when the venue has `live_lots` there."""
        return live_lots + self._far_levels()[side].get(ticks, 0) if self._far is not None else live_lots

    def best(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Best bid and ask; zeros for an empty side."""
        return (self._book.bids.top(1) or [(0, 0)])[0], (self._book.asks.top(1) or [(0, 0)])[0]

    def _side(self, side: Side, live: BookSide, count: int | None) -> Levels:
        near = live.top(len(live) if count is None else count)
        if count is not None and len(near) >= count:
            return near
        far = self._far_levels()[side]
        merged = dict(far)
        for ticks, lots in near:
            merged[ticks] = lots + far.get(ticks, 0)
        return sorted(merged.items(), reverse=side is Side.BUY)[:count]

    def _far_levels(self) -> dict[Side, dict[int, int]]:
        if self._far is None:
            self._far = {Side.BUY: {}, Side.SELL: {}}
            rng = Random(self._seed)
            highest = int(self.home_ticks * (1.0 - _NEAR))
            for number in range(min(self._count, highest // 2)):
                ticks = int(highest - (number + rng.random() * 0.5) * highest / self._count)
                self._far[Side.BUY][max(1, ticks)] = self._lots(rng, max(1, ticks))
            lowest, growth = self.home_ticks * (1.0 + _NEAR), log(_FARTHEST) / self._count
            for number in range(self._count):
                ticks = int(lowest * exp((number + rng.random() * 0.5) * growth))
                self._far[Side.SELL][ticks] = self._lots(rng, ticks)
        return self._far

    def _lots(self, rng: Random, ticks: int) -> int:
        notional = 40.0 * exp(rng.gauss(0.0, 1.2)) * (1 if self._instrument.quote != "BTC" else 1e-5)
        return max(1, int(notional / ticks * 10**self._instrument.cell_scale))
