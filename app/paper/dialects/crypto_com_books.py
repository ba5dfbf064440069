"""Crypto.com's order books as its channels show them: what was shown last, what has changed. Sends nothing.

| rule | evidence |
|---|---|
| book.{instrument}.{10 or 50}: best levels [price, size, orders], texts | sheet 4 |
| SNAPSHOT: the whole book every 500 ms, whether it changed or not | sheet 4 |
| SNAPSHOT_AND_UPDATE: one snapshot, then absolute sizes every 10 or 100 ms, "0" removes | sheet 4 |
| `u` jumps; `pu` is the `u` of the message before; both JSON integers | sheet 4 |
| a level that leaves the window is removed, one that enters it is told | unconfirmed |
| without a change for 500 ms: both sides empty, with a new `u` when the book changed farther away | 500 ms: changelog |
| `cs` | a number to be ignored | sheet 4 |
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from app.paper.dialects.crypto_com_errors import Json
from app.paper.dialects.crypto_com_listings import padded
from app.paper.listings import Instrument
from app.paper.matching import BookSide, MatchingBook
from app.paper.units import to_text

KEEP_ALIVE_MS = 500

Shown = dict[int, tuple[int, int]]
"""Ticks to lots and number of orders."""


class BookView:
    """One pair's book as the subscribers of one delta channel know it: one chain of numbers for all of them."""

    def __init__(self, instrument: Instrument, book: MatchingBook, depth: int, first_id: int, now_ms: int) -> None:
        self._instrument = instrument
        self._book = book
        self._depth = depth
        self._base = first_id - book.sequence * 1024
        self._shown: list[Shown] = [_best(side, depth) for side in (book.asks, book.bids)]
        self.update_id = first_id
        self._sent_ms = now_ms

    def snapshot(self, now_ms: int) -> Json:
        """What was shown last, so that the next update joins."""
        asks, bids = (self._rows(shown.items()) for shown in self._shown)
        return {"asks": asks, "bids": bids, "t": now_ms, "tt": now_ms, "u": self.update_id, "cs": 0}

    def update(self, now_ms: int) -> Json | None:
        """What has changed since the last call, a keep-alive when it is due, or None."""
        latest_id = self._base + self._book.sequence * 1024
        latest = self._shown
        if latest_id != self.update_id:
            latest = [_best(side, self._depth) for side in (self._book.asks, self._book.bids)]
        if latest == self._shown and now_ms - self._sent_ms < KEEP_ALIVE_MS:
            return None
        pairs = zip(self._shown, latest, strict=True)
        asks, bids = (self._rows(_changes(old, new)) for old, new in pairs)
        before, self.update_id = self.update_id, latest_id
        self._shown, self._sent_ms = latest, now_ms
        check = crc32(str(latest_id).encode()) - 2**31
        row: Json = {"update": {"asks": asks, "bids": bids}, "t": now_ms, "tt": now_ms}
        return row | {"u": latest_id, "pu": before, "cs": check}

    def lose_one(self) -> None:
        """Forget one number of the chain, so that the next update is a gap."""
        self.update_id -= 7

    def _rows(self, changed: Iterable[tuple[int, tuple[int, int]]]) -> list[list[str]]:
        return [_level(ticks, lots, orders, self._instrument) for ticks, (lots, orders) in changed]


def levels(side: BookSide, depth: int, instrument: Instrument) -> list[list[str]]:
    """The best levels, best first."""
    return [_level(ticks, lots, orders, instrument) for ticks, (lots, orders) in _best(side, depth).items()]


def _level(ticks: int, lots: int, orders: int, instrument: Instrument) -> list[str]:
    size = padded(lots, instrument.quantity_scale) if lots else to_text(0, 0)
    return [padded(ticks, instrument.price_scale), size, str(orders)]


def _best(side: BookSide, depth: int) -> Shown:
    found, sign = side.levels, side.sign
    return {key * sign: (found[key].lots, len(found[key].queue)) for key in side.keys[:depth]}


def _changes(old: Shown, new: Shown) -> list[tuple[int, tuple[int, int]]]:
    changed = [(ticks, level) for ticks, level in new.items() if old.get(ticks) != level]
    return changed + [(ticks, (0, 0)) for ticks in old if ticks not in new]
