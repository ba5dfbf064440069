"""HTX' order books as its topics show them: whole pictures, and chains of changes with their numbers. Nothing is sent.

| rule | evidence |
|---|---|
| seqNum jumps (by the changes in between); prevSeqNum is the seqNum of the message before | sheet 3 |
| 150 and 400 levels: every 100 ms, `[]` for an unchanged side; 5 and 20: at once, without it | sheet 3 |
| empty messages advance seqNum too; here after 3 s without a change | sheet 3; 3 s unconfirmed |
| a refresh may be older than the changes that came before it: `late_answers` | sheet 3 |
| `version` of depth.step* is another number | sheet 3 |
| step1 to step5 round to 10 ... 10^5 ticks, 20 levels by default | unconfirmed |
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.paper.dialects.htx_numbers import double
from app.paper.listings import Instrument
from app.paper.matching import BookSide, MatchingBook

Json = dict[str, Any]
Levels = list[list[msgspec.Raw]]
Shown = dict[int, int]
"""Ticks to lots."""

TICK_BY_TICK = (5, 20)
BATCHED = (150, 400)
HEARTBEAT_MS = 3000
_VERSION_AHEAD = 7_000_000_000


class PairBook:
    """One pair's book, and one chain of numbers for all that show it."""

    def __init__(self, instrument: Instrument, book: MatchingBook, opened_ms: int) -> None:
        self.instrument = instrument
        self.book = book
        self.base = opened_ms // 10
        """Where the numbers begin; more of them make an empty change."""
        self.views = {depth: View(self, depth, opened_ms) for depth in (*TICK_BY_TICK, *BATCHED)}

    @property
    def sequence(self) -> int:
        """`seqNum` of the book as it is now."""
        return self.base + self.book.sequence

    def picture(self, depth: int) -> Json:
        """`mbp.refresh`: the best levels as they are."""
        return {
            "seqNum": self.sequence,
            "bids": self._top(self.book.bids, depth),
            "asks": self._top(self.book.asks, depth),
        }

    def step(self, step: int, depth: int | None, now_ms: int) -> Json:
        """`depth.step*`: aggregated levels."""
        wanted = depth or (150 if step == 0 else 20)
        bids, asks = (
            self._top(side, wanted) if step == 0 else self._rounded(side, 10**step, wanted)
            for side in (self.book.bids, self.book.asks)
        )
        return {"bids": bids, "asks": asks, "version": self.sequence + _VERSION_AHEAD, "ts": now_ms}

    def rows(self, levels: list[tuple[int, int]]) -> Levels:
        prices, amounts = self.instrument.price_scale, self.instrument.quantity_scale
        return [[double(ticks, prices), double(lots, amounts)] for ticks, lots in levels]

    def _top(self, side: BookSide, depth: int) -> Levels:
        return self.rows(side.top(depth))

    def _rounded(self, side: BookSide, unit: int, depth: int) -> Levels:
        """Bids are rounded down and asks up."""
        found: Shown = {}
        for ticks, lots in side.top(len(side)):
            price = ticks // unit * unit if side.sign < 0 else -(-ticks // unit) * unit
            if price:
                found[price] = found.get(price, 0) + lots
        return self.rows(list(found.items())[:depth])


class View:
    """`mbp.<depth>`: what the subscribers of one depth were told last."""

    def __init__(self, pair: PairBook, depth: int, now_ms: int) -> None:
        self._pair = pair
        self._depth = depth
        self._whole = depth in BATCHED
        self._shown = self._best()
        self._sequence = pair.sequence
        self._earlier = (self._sequence, self._shown)
        self._sent_ms = now_ms
        self.late_answers = 0
        """How many of the next refreshes are older than the last change that was told."""

    def refresh(self, *, followed: bool) -> Json:
        """The answer to a pull: what was told last, so that the next change joins; or the book, if nobody was told."""
        if not followed:
            self._keep(self._best())
        sequence, shown = self._sequence, self._shown
        if self.late_answers:
            self.late_answers -= 1
            sequence, shown = self._earlier
        bids, asks = (self._pair.rows(list(side.items())) for side in shown)
        return {"seqNum": sequence, "bids": bids, "asks": asks}

    def follow(self) -> None:
        """Somebody begins to listen after nobody did."""
        self._keep(self._best())

    def update(self, now_ms: int) -> Json | None:
        """What has changed since the last call, an empty change when that is due, or None."""
        latest = self._best() if self._pair.sequence != self._sequence else self._shown
        if latest == self._shown:
            if not self._whole or now_ms - self._sent_ms < HEARTBEAT_MS:
                return None
            self._pair.base += 1
        before, old = self._sequence, self._shown
        self._keep(latest)
        self._sent_ms = now_ms
        row: Json = {"seqNum": self._sequence, "prevSeqNum": before}
        for name, was, now in zip(("bids", "asks"), old, latest, strict=True):
            changed = [(t, lots) for t, lots in now.items() if was.get(t) != lots] + [
                (t, 0) for t in was if t not in now
            ]
            if changed or self._whole:
                row[name] = self._pair.rows(changed)
        return row

    def _keep(self, latest: tuple[Shown, Shown]) -> None:
        self._earlier = (self._sequence, self._shown)
        self._sequence, self._shown = self._pair.sequence, latest

    def _best(self) -> tuple[Shown, Shown]:
        book = self._pair.book
        return dict(book.bids.top(self._depth)), dict(book.asks.top(self._depth))


Books = dict[str, PairBook]
