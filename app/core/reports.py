"""What the stream last said and what REST last said about each balance and order, and whether they agree. No I/O.

Nothing here decides what is shown elsewhere: the account's own rules do (`account.py`, `orders.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from app.core.types import Balance, OrderUpdate, VenueState

STREAM = "stream"
REST = "rest"
GRACE_MS = 3_000
"""A stream that has not repeated within this time what REST already tells has left something out."""
_KEEP_ENDED = 200
_ENDED = (VenueState.FILLED, VenueState.CANCELED, VenueState.EXPIRED, VenueState.FAILED, VenueState.REJECTED)


class Verdict(StrEnum):
    EQUAL = "equal"
    LATE = "late"
    """They differ, and the one that spoke first has had no time or no occasion to speak again."""
    DIFFERENT = "different"
    """They differ although the stream had time to tell what REST tells."""
    ONE_SIDED = "one side"
    """Only one of them has spoken."""


_URGENCY = (Verdict.DIFFERENT, Verdict.LATE, Verdict.EQUAL, Verdict.ONE_SIDED)


class Told(Struct, frozen=True):
    """One report: balances as total and available, orders as state and filled amount (base units)."""

    first: str
    """Total, or the order's state."""
    second: Decimal | None
    """Available, or filled; None where the report did not hold it."""
    wall_ms: int
    """When it came, by our clock; for REST: when it was asked for."""
    frame: int


class Comparison(Struct, frozen=True):
    kind: str
    """ "balance" or "order"."""
    key: str
    """The asset, or the order's id."""
    about: str
    """Empty, or the order's pair."""
    stream: Told | None
    rest: Told | None
    verdict: Verdict


class Reports:
    """The newest report of each source. One writer per source; memory is bounded by assets and open orders."""

    def __init__(self) -> None:
        self.version = 0
        self._balances: dict[str, dict[str, Told]] = {}
        self._orders: dict[str, dict[str, Told]] = {}
        self._pairs: dict[str, str] = {}

    def note_balance(self, balance: Balance, source: str, wall_ms: int) -> None:
        told = Told(f"{balance.total.normalize():f}", balance.available, wall_ms, balance.frame)
        self._balances.setdefault(balance.asset, {})[source] = told
        self.version += 1

    def note_order(self, key: str, update: OrderUpdate, source: str, wall_ms: int) -> None:
        """`key` is how the order is listed; an order that ended is kept for a while, the oldest is forgotten first."""
        sides = self._orders.pop(key, {})
        before = sides.get(source)
        filled = update.filled if update.filled is not None else before.second if before is not None else None
        sides[source] = Told(update.state.value, filled, wall_ms, update.frame)
        self._orders[key] = sides
        self._pairs[key] = update.pair
        self.version += 1
        self._forget()

    def streamed(self, key: str) -> Decimal:
        """Base amount of an order that the stream told as filled; 0 when it did not tell."""
        told = self._orders.get(key, {}).get(STREAM)
        return told.second or Decimal(0) if told is not None else Decimal(0)

    def compare(self, now_ms: int) -> list[Comparison]:
        """Everything, what differs first."""
        rows = [*self._compared("balance", self._balances, now_ms), *self._compared("order", self._orders, now_ms)]
        return sorted(rows, key=lambda row: (_URGENCY.index(row.verdict), row.kind, row.key))

    def _compared(self, kind: str, sides: dict[str, dict[str, Told]], now_ms: int) -> Iterator[Comparison]:
        for key, told in sides.items():
            stream, rest = told.get(STREAM), told.get(REST)
            about = self._pairs.get(key, "") if kind == "order" else ""
            yield Comparison(kind, key, about, stream, rest, verdict(stream, rest, now_ms))

    def _forget(self) -> None:
        ended = [key for key, sides in self._orders.items() if any(told.first in _ENDED for told in sides.values())]
        for key in ended[: max(0, len(ended) - _KEEP_ENDED)]:
            del self._orders[key], self._pairs[key]


def verdict(stream: Told | None, rest: Told | None, now_ms: int) -> Verdict:
    """How the two agree at `now_ms` of our wall clock."""
    if stream is None or rest is None:
        return Verdict.ONE_SIDED
    same_second = stream.second is None or rest.second is None or stream.second == rest.second
    if stream.first == rest.first and same_second:
        return Verdict.EQUAL
    if rest.wall_ms <= stream.wall_ms or now_ms - rest.wall_ms < GRACE_MS:
        return Verdict.LATE
    return Verdict.DIFFERENT
