"""When the book on screen is compared with what REST tells, and how often. Decides nothing about levels."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from app.connectors.book_audit import DEPTH, BookAudit
from app.core.clock import NS_PER_S, Clock
from app.core.order_book import OrderBook
from app.core.types import BookSnapshot, Integrity

EVERY_NS = 60 * NS_PER_S
EVERY_UNVERIFIED_NS = 30 * NS_PER_S
"""For a book whose channel proves nothing."""
BETWEEN_LOOKS_S = 3.0
_LOOK_EVERY_S = 0.25


class AuditedFeed(Protocol):
    book: OrderBook
    audits: int
    failed_audits: int
    audited_ns: int


class BookAudits:
    """`run` audits whatever `shown` returns; `on_convicted` gets pair, words and message number."""

    def __init__(
        self,
        clock: Clock,
        shown: Callable[[], AuditedFeed | None],
        ask: Callable[[str, int], Awaitable[BookSnapshot | None]],
        on_convicted: Callable[[str, str, int], None],
    ) -> None:
        self._clock = clock
        self._shown = shown
        self._ask = ask
        self._on_convicted = on_convicted

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            feed = self._shown()
            if feed is not None and self._due(feed):
                await self.audit(feed)

    def _due(self, feed: AuditedFeed) -> bool:
        now = self._clock.mono_ns()
        if feed.book.stale:
            # A book just begun is as young as any answer: its first audit is a whole period later.
            feed.audited_ns = now
            return False
        every_ns = EVERY_UNVERIFIED_NS if feed.book.integrity is Integrity.NONE else EVERY_NS
        return now - feed.audited_ns >= every_ns

    async def audit(self, feed: AuditedFeed) -> None:
        """Compare the best levels with what REST tells now, in up to three looks."""
        feed.audited_ns = self._clock.mono_ns()
        audit, started = BookAudit(feed.book), feed.book.snapshots
        while True:
            snapshot = await self._ask(feed.book.pair, DEPTH)
            if snapshot is None or feed.book.stale or feed.book.snapshots != started:
                return
            verdict = audit.look(snapshot)
            if verdict is not None:
                break
            await asyncio.sleep(BETWEEN_LOOKS_S)
        feed.audits += 1
        if verdict:
            feed.failed_audits += 1
            self._on_convicted(feed.book.pair, verdict, snapshot.frame)
