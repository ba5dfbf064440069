"""What a plug-in answered, line by line, each with a lamp. It asks nothing itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from app.plugins import Finding
from app.ui import theme
from app.ui.format import clean
from app.ui.panels.open_orders_frame import PlainLabel

_TITLES = {
    "port": "Port",
    "protocol": "Protocol",
    "accounts": "Accounts",
    "markets": "Markets",
    "depth": "Order book",
}
_LAMPS = {True: ("check", "live"), False: ("error", "error"), None: ("info", "secondary")}
_WORDS_LIMIT = 300


class Findings(QFrame):
    """Takes no room while there is nothing to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setAccessibleName("What the plug-in answers")
        now = theme.current()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(now.px(10), now.px(8), now.px(10), now.px(8))
        self._grid.setHorizontalSpacing(now.px(10))
        self._grid.setVerticalSpacing(now.px(4))
        self._grid.setColumnStretch(2, 1)
        self.shown: list[Finding] = []
        self.hide()

    def texts(self) -> list[str]:
        """Each line as it reads."""
        return [f"{_TITLES.get(each.asked, each.asked)}: {clean(each.words, _WORDS_LIMIT)}" for each in self.shown]

    def clear(self) -> None:
        while item := self._grid.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self.shown = []
        self.hide()

    def add(self, findings: Sequence[Finding]) -> None:
        now = theme.current()
        for each in findings:
            row = len(self.shown)
            self.shown.append(each)
            icon, tone = _LAMPS[each.ok]
            lamp = QLabel()
            lamp.setPixmap(theme.icon(icon, getattr(now, tone)).pixmap(now.px(16), now.px(16)))
            title = PlainLabel(_TITLES.get(each.asked, each.asked), "secondary")
            words = PlainLabel(clean(each.words, _WORDS_LIMIT), "error" if each.ok is False else "")
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            for column, widget in enumerate((lamp, title, words)):
                self._grid.addWidget(
                    widget, row, column, Qt.AlignmentFlag.AlignTop if column < 2 else Qt.AlignmentFlag(0)
                )
        self.setAccessibleDescription("; ".join(self.texts()))
        self.setVisible(bool(self.shown))

    @property
    def good(self) -> bool:
        """Nothing failed, and the accounts were read."""
        return all(each.ok is not False for each in self.shown) and any(each.asked == "accounts" for each in self.shown)
