"""Compares a streamed book with what REST tells: so a wrong level is found that no number betrays. No requests.

A reply and a stream never tell of quite the same moment. Where both have a number and it is the same, one look decides.
Otherwise a level convicts the book only if it stood unchanged on both sides, and differed, over three looks in a row.
"""

from __future__ import annotations

from app.core.order_book import OrderBook
from app.core.types import BookSnapshot, Level

DEPTH = 20
LOOKS = 3

Difference = tuple[str, str, str, str]
"""Side, price, amount in our book and amount over REST; "" where there is no such level."""


class BookAudit:
    """One audit of one book: `look` at up to three replies."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._suspects: set[Difference] | None = None
        self.looks = 0

    def look(self, snapshot: BookSnapshot) -> str | None:
        """Words that convict the book, "" when it is acquitted, None when another look is needed."""
        book = self._book
        self.looks += 1
        found = differences(book, snapshot)
        if snapshot.last_id is not None and snapshot.last_id == book.last_id:
            return _words(found) if found else ""
        self._suspects = found if self._suspects is None else self._suspects & found
        if not self._suspects:
            return ""
        return _words(self._suspects) if self.looks >= LOOKS else None


def differences(book: OrderBook, snapshot: BookSnapshot) -> set[Difference]:
    """Levels among the best of either that the other does not have so. What lies beyond the reply is not judged."""
    found: set[Difference] = set()
    for side, ours, theirs in (("bid", book.bids, snapshot.bids), ("ask", book.asks, snapshot.asks)):
        found |= _side(side, ours[:DEPTH], theirs[:DEPTH], reverse=side == "bid")
    return found


def _side(side: str, ours: list[Level], theirs: list[Level], *, reverse: bool) -> set[Difference]:
    sign = -1 if reverse else 1
    mine = {float(price): (price, amount) for price, amount in ours}
    told = {float(price): (price, amount) for price, amount in theirs if float(amount)}
    if not mine or not told:
        return {(side, price, amount, "") for price, amount in mine.values()} | {
            (side, price, "", amount) for price, amount in told.values()
        }
    # Only as deep as both reach: behind the last level of the shorter one nothing is known.
    end = min(max(sign * price for price in mine), max(sign * price for price in told))
    found = set()
    for price in mine.keys() | told.keys():
        if sign * price > end:
            continue
        known, truth = mine.get(price, ("", "")), told.get(price, ("", ""))
        if float(known[1] or 0) != float(truth[1] or 0):
            found.add((side, known[0] or truth[0], known[1], truth[1]))
    return found


def _words(found: set[Difference]) -> str:
    side, price, ours, theirs = sorted(found)[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"audit: {side} {price} is {ours or 'absent'} here and {theirs or 'absent'} by REST{more}"
