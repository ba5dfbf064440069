"""A question that is answered by typing words, not by a click. It decides nothing and keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.credentials.errors import VaultError
from app.ui import theme
from app.ui.format import clean
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

Spawn = Callable[[Coroutine[Any, Any, Any], str], object]


class TypedConsentDialog(QDialog):
    """Open with `open()`. `act` runs once `fits` accepts what was typed; its VaultError is shown and may be retried."""

    def __init__(
        self,
        title: str,
        words: str,
        *,
        typed: str,
        fits: Callable[[str], bool],
        verb: str,
        act: Callable[[], Coroutine[Any, Any, Any]],
        spawn: Spawn,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        now = theme.current()
        self._fits = fits
        self._act = act
        self._spawn = spawn
        self._busy = self._closed = False
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(now.px(460))
        head = PlainLabel(title, "title")
        head.setFont(now.font(12.0, bold=True))
        head.setWordWrap(True)
        self.explanation = PlainLabel(words)
        self.explanation.setWordWrap(True)
        self.typed = QLineEdit()
        self.typed.setPlaceholderText(typed)
        self.typed.setAccessibleName(f"Type: {typed}")
        self.typed.textChanged.connect(self._show)
        self.typed.returnPressed.connect(self._try)
        self.error = ToneLabel("", "error")
        self.error.setWordWrap(True)
        self.error.hide()
        self.no = QPushButton("Not now")
        self.no.setAutoDefault(False)
        self.no.clicked.connect(self.reject)
        self.yes = QPushButton(verb)
        self.yes.setProperty("role", "danger")
        self.yes.setAutoDefault(False)
        self.yes.clicked.connect(self._try)
        row = QHBoxLayout()
        row.addWidget(self.no)
        row.addStretch(1)
        row.addWidget(self.yes)
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(18), now.px(16), now.px(18), now.px(14))
        column.setSpacing(now.px(10))
        for widget in (head, self.explanation, self.typed, self.error):
            column.addWidget(widget)
        column.addLayout(row)
        self.resize(self.minimumWidth(), column.totalHeightForWidth(self.minimumWidth()))
        self._show()
        self.typed.setFocus()

    def done(self, result: int) -> None:
        self._closed = True
        super().done(result)

    def _show(self) -> None:
        self.yes.setEnabled(not self._busy and self._fits(self.typed.text()))

    def _try(self) -> None:
        if self.yes.isEnabled():
            self._busy = True
            self._show()
            self._spawn(self._acting(), self.windowTitle())

    async def _acting(self) -> None:
        words = ""
        try:
            await self._act()
        except VaultError as error:
            words = clean(str(error), 300)
        self._busy = False
        if self._closed:
            return
        if not words:
            self.accept()
            return
        self.error.say(f"{words[:1].upper()}{words[1:]}.")
        self.error.show()
        self._show()
