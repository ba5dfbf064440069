"""Notices that nobody has touched mouse or keyboard for a while. It locks nothing itself."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication

_LOOK_EVERY_MS = 2_000
_INPUT = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TabletPress,
    }
)


class AutoLock(QObject):
    """`elapsed` after `minutes` without input into any window of the program; 0 never.

    Listens at the native windows, through which only input passes, because a filter for the whole application would
    see every paint as well.
    """

    elapsed = Signal()

    def __init__(self, minutes: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.minutes = minutes
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(minutes * 60_000)
        self._idle.timeout.connect(self.elapsed)
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_EVERY_MS)
        self._look.timeout.connect(self._find_windows)

    def watch(self, on: bool) -> None:
        """Count only while there is something to lock."""
        if on and self.minutes and not self._look.isActive():
            self._idle.start()
            self._look.start()
            self._find_windows()
        elif not on:
            self.stop()

    def stop(self) -> None:
        self._idle.stop()
        self._look.stop()

    @property
    def left_ms(self) -> int:
        """Until the lock; -1 while nothing is counted."""
        return self._idle.remainingTime()

    def _find_windows(self) -> None:
        for window in QGuiApplication.topLevelWindows():
            if not window.property("watched_for_input"):
                window.setProperty("watched_for_input", True)
                window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _INPUT and self._idle.isActive():
            self._idle.start()
        return False
