"""The desk's own event list: what happened, when, and which message shows it. No sounds, no pop-ups."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from msgspec import Struct

from app.core.clock import Clock
from app.core.signal import Signal


class NoticeLevel(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Notice(Struct, frozen=True):
    wall_ns: int
    level: NoticeLevel
    source: str
    """Connection or account it concerns, such as "poloniex/public"."""
    text: str
    frame: int = 0


class Notices:
    """The newest notices, oldest first."""

    def __init__(self, clock: Clock, keep: int = 5_000) -> None:
        self._clock = clock
        self.items: deque[Notice] = deque(maxlen=keep)
        self.total = 0
        self.added: Signal[Notice] = Signal()

    def add(self, level: NoticeLevel, source: str, text: str, frame: int = 0) -> None:
        notice = Notice(self._clock.wall_ns(), level, source, text, frame)
        self.items.append(notice)
        self.total += 1
        self.added.emit(notice)

    def info(self, source: str, text: str, frame: int = 0) -> None:
        self.add(NoticeLevel.INFO, source, text, frame)

    def warning(self, source: str, text: str, frame: int = 0) -> None:
        self.add(NoticeLevel.WARNING, source, text, frame)

    def error(self, source: str, text: str, frame: int = 0) -> None:
        self.add(NoticeLevel.ERROR, source, text, frame)
