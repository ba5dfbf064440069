"""Takes a pasted secret off the clipboard again, unless something else was copied meanwhile. It reads no fields."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QObject, QTimer
from PySide6.QtGui import QClipboard, QGuiApplication

CLEARED_AFTER_MS = 10_000
_SHORTEST = 6
"""A shorter text on the clipboard may be part of a secret by chance."""

After = Callable[[int, Callable[[], None]], None]


def after_ms(ms: int, action: Callable[[], None]) -> None:
    QTimer.singleShot(ms, QCoreApplication.instance(), action)


class ClipboardSweeper(QObject):
    """Outlives the dialog that pasted: it belongs to the application, and the end of the program is its last call."""

    def __init__(self, after: After = after_ms) -> None:
        super().__init__(QCoreApplication.instance())
        self._after = after
        self._pasted: set[tuple[QClipboard.Mode, bytes]] = set()
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.sweep)

    def note(self, secret: str) -> None:
        """A secret field now holds this; begin the count-down if it is what lies on the clipboard."""
        clipboard = QGuiApplication.clipboard()
        for mode in _modes(clipboard):
            text = clipboard.text(mode).strip()
            if len(text) >= _SHORTEST and text in secret and (mode, _mark(text)) not in self._pasted:
                self._pasted.add((mode, _mark(text)))
                self._after(CLEARED_AFTER_MS, self.sweep)

    def sweep(self) -> None:
        """Clear what still is what was pasted."""
        clipboard = QGuiApplication.clipboard()
        for mode, mark in self._pasted:
            if _mark(clipboard.text(mode).strip()) == mark:
                clipboard.clear(mode)
        self._pasted.clear()


def _modes(clipboard: QClipboard) -> list[QClipboard.Mode]:
    modes = [QClipboard.Mode.Clipboard]
    return [*modes, QClipboard.Mode.Selection] if clipboard.supportsSelection() else modes


def _mark(text: str) -> bytes:
    # Only a digest is remembered, so that the sweeper holds no secret itself.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
