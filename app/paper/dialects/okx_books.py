"""OKX' order books as its channels show them: what was shown last, and what has changed since. Nothing is sent here.

| rule | evidence |
|---|---|
| `books`: 400 levels, a snapshot with prevSeqId -1, then absolute sizes every 100 ms, "0" removes | sheet 3.3 |
| seqId jumps (here by the changes in between); prevSeqId is the seqId before; both JSON integers | sheet 3.3 |
| without a change for 60 s: empty sides, prevSeqId == seqId | sheet 3.3; 60 s unconfirmed |
| after maintenance the numbers begin again: seqId < prevSeqId, prevSeqId still the one before | sheet 3.3; `renumber` |
| checksum is there and always 0 | sheet 3.3, trap 1 |
| books5 and bbo-tbt: whole, no action, with instId and seqId | sheet 3.3; fields from the exchange's docs |
"""

from __future__ import annotations

from collections.abc import Iterable

from app.paper.dialects.okx_wire import Json
from app.paper.listings import Instrument
from app.paper.matching import BookSide, MatchingBook
from app.paper.units import to_text

DEPTH = 400
KEEP_ALIVE_MS = 60_000

Shown = dict[int, tuple[int, int]]
"""Ticks to lots and number of orders."""


class BookView:
    """One pair's book as the subscribers of `books` know it: one chain of numbers for all of them."""

    def __init__(self, instrument: Instrument, book: MatchingBook, first_number: int, now_ms: int) -> None:
        self._instrument = instrument
        self._book = book
        self._base = first_number
        self._shown: list[Shown] = [_best(side) for side in (book.asks, book.bids)]
        self._shown_sequence = self.sequence
        self._sent_ms = now_ms
        self._whole: dict[int, list[list[list[str]]]] = {}

    @property
    def sequence(self) -> int:
        """`seqId` of the book as it is now."""
        return self._base + self._book.sequence

    def renumber(self) -> None:
        """Begin again with small numbers, as after maintenance; the next diff shows it."""
        self._base = 1 - self._book.sequence

    def snapshot(self, now_ms: int) -> Json:
        """What was shown last, so that the next diff joins."""
        asks, bids = (self._rows(shown.items()) for shown in self._shown)
        return self._row(asks, bids, -1, now_ms)

    def update(self, now_ms: int) -> Json | None:
        """What has changed since the last call, a keep-alive when it is due, or None."""
        sides = (self._book.asks, self._book.bids)
        latest = [_best(side) for side in sides] if self.sequence != self._shown_sequence else self._shown
        if latest == self._shown:
            if now_ms - self._sent_ms < KEEP_ALIVE_MS:
                return None
            self._sent_ms = now_ms
            return self._row([], [], self._shown_sequence, now_ms)
        asks, bids = (self._rows(_changes(old, new)) for old, new in zip(self._shown, latest, strict=True))
        before, self._shown_sequence = self._shown_sequence, self.sequence
        self._shown, self._sent_ms = latest, now_ms
        return self._row(asks, bids, before, now_ms)

    def whole(self, depth: int, now_ms: int) -> Json:
        """The best `depth` levels as they are."""
        asks, bids = self._whole[depth] = self._top(depth)
        row: Json = {"asks": asks, "bids": bids, "instId": self._instrument.pair}
        return row | {"ts": str(now_ms), "seqId": self.sequence}

    def looks_new(self, depth: int) -> bool:
        """Whether the best `depth` levels differ from those given last."""
        return self._whole.get(depth) != self._top(depth)

    def _top(self, depth: int) -> list[list[list[str]]]:
        return [levels(side, depth, self._instrument) for side in (self._book.asks, self._book.bids)]

    def _rows(self, changed: Iterable[tuple[int, tuple[int, int]]]) -> list[list[str]]:
        prices, sizes = self._instrument.price_scale, self._instrument.quantity_scale
        return [[to_text(ticks, prices), to_text(lots, sizes), "0", str(count)] for ticks, (lots, count) in changed]

    def _row(self, asks: list[list[str]], bids: list[list[str]], before: int, now_ms: int) -> Json:
        row: Json = {"asks": asks, "bids": bids, "ts": str(now_ms), "checksum": 0}
        return row | {"prevSeqId": before, "seqId": self._shown_sequence}


Books = dict[str, BookView]


def levels(side: BookSide, depth: int, instrument: Instrument) -> list[list[str]]:
    """Best first: price, size, a retired "0", and how many orders."""
    return [
        [
            to_text(key * side.sign, instrument.price_scale),
            to_text(side.levels[key].lots, instrument.quantity_scale),
            "0",
            str(len(side.levels[key].queue)),
        ]
        for key in side.keys[:depth]
    ]


def _best(side: BookSide) -> Shown:
    found, sign = side.levels, side.sign
    return {key * sign: (found[key].lots, len(found[key].queue)) for key in side.keys[:DEPTH]}


def _changes(old: Shown, new: Shown) -> list[tuple[int, tuple[int, int]]]:
    changed = [(ticks, level) for ticks, level in new.items() if old.get(ticks) != level]
    return changed + [(ticks, (0, 0)) for ticks in old if ticks not in new]
