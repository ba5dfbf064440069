"""Compares books with the checksums that an exchange may send, for as long as it sends them. Asks for nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from app.core.clock import NS_PER_S
from app.core.order_book import OrderBook
from app.core.types import Integrity, Level

OFTEN = 3
CLEAN_NS = 60 * NS_PER_S
_SILENT_CHANGES = 5
"""So many changes without a checksum after some with one: the exchange has stopped."""

Compute = Callable[[Sequence[Level], Sequence[Level]], int]


class BookChecksums:
    """Of one book. `distrusted` says why it is not to be shown as live although its changes join; empty when it is.

    Three wrong ones within a minute make it distrusted until a minute has passed without one.
    """

    def __init__(self, book: OrderBook) -> None:
        self.wrong = 0
        self.distrusted = ""
        self._book = book
        self._floor = book.integrity
        self._changes = 0
        self._wrong_ns: deque[int] = deque(maxlen=OFTEN)

    def check(self, value: int, frame: int, compute: Compute, now_ns: int) -> str:
        """Words when the checksum that came with this message is not the book's."""
        book = self._book
        if book.stale or book.frame != frame:
            return ""
        book.integrity = Integrity.CHECKSUM
        self._changes = book.diffs
        ours = compute(book.bids, book.asks)
        if ours == value:
            return ""
        self.wrong += 1
        self._wrong_ns.append(now_ns)
        if len(self._wrong_ns) == OFTEN and now_ns - self._wrong_ns[0] < CLEAN_NS:
            self.distrusted = f"checksum wrong {OFTEN} times in a minute"
        return f"checksum {value} is not the book's {ours}"

    def ended(self) -> bool:
        """Whether the exchange has just been found to send none any more; the book then rests on its sequence alone."""
        book = self._book
        if book.integrity is not Integrity.CHECKSUM or book.diffs - self._changes < _SILENT_CHANGES:
            return False
        book.integrity = self._floor
        return True

    def cleared(self, now_ns: int) -> bool:
        """Whether the clean minute has just passed."""
        if not self.distrusted or now_ns - self._wrong_ns[-1] < CLEAN_NS:
            return False
        self.distrusted = ""
        return True
