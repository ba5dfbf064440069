"""The desk's own event list: what happened, when, and which message shows it; and alarms: what is wrong now.

No sounds, no pop-ups.
"""

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


class Alarm(Struct, frozen=True):
    """Something that stays wrong until it is mended or the trader has seen it."""

    code: str
    """Such as "HOLD-MISMATCH"; with `source` it names the alarm."""
    source: str
    text: str
    since_ns: int
    """Wall time."""
    frame: int = 0


class Notices:
    """The newest notices, oldest first, and the alarms that stand now."""

    def __init__(self, clock: Clock, keep: int = 5_000) -> None:
        self._clock = clock
        self._latest_ns = 0
        self.items: deque[Notice] = deque(maxlen=keep)
        self.total = 0
        self.added: Signal[Notice] = Signal()
        self.alarms: dict[tuple[str, str], Alarm] = {}
        """By code and source, oldest first."""
        self.alarms_version = 0

    def add(self, level: NoticeLevel, source: str, text: str, frame: int = 0) -> None:
        # The time of day may be set back; a list that jumps back in time with it cannot be read.
        self._latest_ns = max(self._latest_ns, self._clock.wall_ns())
        notice = Notice(self._latest_ns, level, source, text, frame)
        self.items.append(notice)
        self.total += 1
        self.added.emit(notice)

    def info(self, source: str, text: str, frame: int = 0) -> None:
        self.add(NoticeLevel.INFO, source, text, frame)

    def warning(self, source: str, text: str, frame: int = 0) -> None:
        self.add(NoticeLevel.WARNING, source, text, frame)

    def error(self, source: str, text: str, frame: int = 0) -> None:
        self.add(NoticeLevel.ERROR, source, text, frame)

    def raise_alarm(self, code: str, source: str, text: str, frame: int = 0) -> None:
        """Say on screen, until `end_alarm`, that this is wrong. A standing alarm takes a new text and keeps its age."""
        standing = self.alarms.get((code, source))
        if standing is not None and standing.text == text:
            return
        since_ns = standing.since_ns if standing is not None else self._clock.wall_ns()
        self.alarms[code, source] = Alarm(code, source, text, since_ns, frame)
        self.alarms_version += 1
        if standing is None:
            self.error(source, f"{code}: {text}", frame)

    def end_alarm(self, code: str, source: str, text: str = "") -> None:
        """It is mended, or the trader has put it away. `text` says how. Does nothing when the alarm does not stand."""
        if self.alarms.pop((code, source), None) is not None:
            self.alarms_version += 1
            self.info(source, f"{code} is over{f': {text}' if text else ''}")
