"""What is known of one pair's streams. Decides nothing: `order_book_tracker` does."""

from __future__ import annotations

from app.connectors.book_checksums import BookChecksums
from app.core.frames import FrameLog
from app.core.order_book import BookSync, OrderBook
from app.core.types import BookSnapshot


class Feed:
    """One pair's streams: its book, who may change it, and how it has fared. `*_ns` are monotonic."""

    def __init__(self, book: OrderBook, log: FrameLog) -> None:
        self._log = log
        self.pair = book.pair
        self.book = book
        self.sync = BookSync(book)
        self.resyncs = 0
        self.crossed = 0
        self.checksums = BookChecksums(book)
        self.audits = 0
        self.failed_audits = 0
        self.audited_ns = 0
        self.refused = ""
        self.asked_ns = 0
        """When the book was last asked for, while no snapshot has answered."""
        self.held: BookSnapshot | None = None
        """A book over REST that waits for the first change of the stream, which shows whether it is too old."""
        self.held_ns = 0
        self.attempts = 0
        self.resynced_ns: list[int] = []
        self.crossed_since_ns = 0
        self.crossed_updates = 0
        self.checked_version = -1
        self.bad_levels = 0
        self.repeated_trades = 0
        self.lag_frame = 0

    @property
    def gaps(self) -> int:
        return self.sync.gaps

    @property
    def last_recv_ns(self) -> int:
        """When the newest message about the book came; 0 when none did or it has left memory."""
        frame = self._log.get(self.book.frame)
        return frame.mono_ns if frame is not None else 0

    @property
    def messages(self) -> int:
        return self.book.snapshots + self.book.diffs
