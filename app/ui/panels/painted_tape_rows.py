"""Trades as rows: joined within a millisecond, small ones left out, taken from the tape as they come. No Qt."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice
from statistics import median
from typing import NamedTuple

from app.core.market import TradeTape
from app.core.types import Side, Trade

KEEP = 10_000


class TapeRow(NamedTuple):
    """One row: `price` (quote) as the venue spells the last of its `trades`, `amount` their sum in base."""

    ms: int
    taker: Side
    price: str
    amount: Decimal
    trades: int
    frame: int
    trade_id: str

    @property
    def key(self) -> tuple[int, str]:
        return self.ms, self.trade_id


class TapeRows:
    """The rows kept, oldest first. `minimum` is a base amount; `together` joins trades of one side and millisecond."""

    def __init__(self, keep: int = KEEP) -> None:
        self.rows: deque[TapeRow] = deque(maxlen=keep)
        self.minimum: Decimal | None = None
        self.together = False
        self._open: TapeRow | None = None
        self._open_shown = False
        self._version = -1
        self._total = 0
        self._last: Trade | None = None
        self.skipped = 0
        """Trades that came and went between two looks."""

    def forget(self) -> None:
        self.skipped = 0
        self._clear()

    def _clear(self) -> None:
        self.rows.clear()
        self._open, self._open_shown = None, False
        self._version, self._total, self._last = -1, 0, None

    def pull(self, tape: TradeTape) -> int | None:
        """Take what is new; returns how many rows were added, or None when all rows were made anew."""
        if tape.version == self._version:
            return 0
        new = tape.total - self._total
        if self._version >= 0:
            self.skipped += max(0, new - len(tape))
        fresh = new == tape.version - self._version and new < len(tape)
        trades = tape.newest(new + 1) if fresh else []
        # A backfill puts older trades below: then the one before the new ones is not the last one seen.
        if not fresh or trades[-1] is not self._last:
            self._clear()
            self._take(tape)
            added = None
        else:
            added = self._take(reversed(trades[:-1]))
        self._version, self._total, self._last = tape.version, tape.total, tape.last
        return added

    def _take(self, trades: Iterable[Trade]) -> int:
        added = 0
        for trade in trades:
            before = self._open
            row = TapeRow(
                trade.exchange_ms, trade.taker, trade.price, Decimal(trade.amount), 1, trade.frame, trade.trade_id
            )
            joins = self.together and before is not None and (before.ms, before.taker) == (row.ms, row.taker)
            if joins and before is not None:
                row = row._replace(amount=row.amount + before.amount, trades=before.trades + 1)
            big = self.minimum is None or row.amount >= self.minimum
            if joins and self._open_shown:
                self.rows[-1] = row
            elif big:
                self.rows.append(row)
                added += 1
            self._open, self._open_shown = row, big or (joins and self._open_shown)
        return added

    def window(self, skip: int, count: int) -> list[TapeRow]:
        """`count` rows, newest first, after leaving out the `skip` newest."""
        return list(islice(reversed(self.rows), skip, skip + count))


def size_choices(trades: Sequence[Trade]) -> list[Decimal]:
    """Round base amounts worth filtering by, from what was traded lately."""
    amounts = [float(trade.amount) for trade in trades if float(trade.amount) > 0]
    if not amounts:
        return []
    middle = median(amounts)
    found = {_round(middle * factor) for factor in (1, 5, 20, 100)}
    return sorted(found)


def _round(amount: float) -> Decimal:
    exact = Decimal(str(amount))
    unit = Decimal(1).scaleb(exact.adjusted())
    factor = next((one for one in (1, 2, 5, 10) if unit * one >= exact), 10)
    return (unit * factor).normalize()
