"""Asks for the password of the vault. It keeps nothing typed and shows no account's key."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.credentials.account_info import Lock
from app.credentials.accounts import Accounts
from app.credentials.errors import VaultError
from app.ui import theme
from app.ui.dialogs.add_account_clipboard import After, ClipboardSweeper, after_ms
from app.ui.dialogs.add_account_secret import SecretLine
from app.ui.format import clean
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

Spawn = Callable[[Coroutine[Any, Any, Any], str], None]
_TICK_MS = 200


class UnlockVaultDialog(QDialog):
    """Open with `open()`. `unlocked` is emitted once the accounts named in it can be loaded."""

    unlocked = Signal()

    def __init__(self, accounts: Accounts, spawn: Spawn, parent: QWidget | None = None, after: After = after_ms):
        super().__init__(parent)
        now = theme.current()
        self._accounts = accounts
        self._spawn = spawn
        self._sweeper = ClipboardSweeper(after)
        self._trying = False
        self._closed = False
        self.setWindowTitle("Unlock the vault")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(now.px(420))
        self.head = PlainLabel("Unlock the vault", "title")
        self.head.setFont(now.font(12.0, bold=True))
        self.waiting = PlainLabel(self._waiting_words(), "secondary")
        self.waiting.setWordWrap(True)
        self.password = SecretLine("Vault password", "password")
        self.password.changed.connect(self._show)
        self.password.returnPressed.connect(self._try)
        self.words = ToneLabel("", "error")
        self.words.setWordWrap(True)
        self.later = QPushButton("Not now")
        self.later.setAutoDefault(False)
        self.later.clicked.connect(self.reject)
        self.unlock = QPushButton("Unlock")
        self.unlock.setProperty("role", "primary")
        self.unlock.setAutoDefault(False)
        self.unlock.clicked.connect(self._try)
        row = QHBoxLayout()
        row.addWidget(self.later)
        row.addStretch(1)
        row.addWidget(self.unlock)
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(18), now.px(16), now.px(18), now.px(14))
        column.setSpacing(now.px(10))
        for widget in (self.head, self.waiting, self.password, self.words):
            column.addWidget(widget)
        column.addLayout(row)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._show)
        self.words.hide()
        self.resize(self.minimumWidth(), column.totalHeightForWidth(self.minimumWidth()))
        self._show()
        self.password.setFocus()

    def done(self, result: int) -> None:
        self._closed = True
        self._clock.stop()
        self.password.wipe()
        super().done(result)

    def _waiting_words(self) -> str:
        try:
            names = [
                clean(f"{info.label} ({info.exchange})", 60)
                for info in self._accounts.list()
                if info.lock is Lock.PASSWORD and self._accounts.is_locked(info)
            ]
        except VaultError as error:
            return clean(str(error), 600)
        return f"Waiting for its password: {', '.join(names)}." if names else "No account is waiting for a password."

    def _show(self) -> None:
        if self._closed:
            return
        self._sweeper.note(self.password.secret())
        wait_s = math.ceil(self._accounts.wait_s)
        if wait_s and not self._clock.isActive():
            self._clock.start()
        elif not wait_s:
            self._clock.stop()
        words = "Unlocking…" if self._trying else f"Again in {wait_s} s" if wait_s else "Unlock"
        self.unlock.setText(words)
        self.unlock.setEnabled(not self._trying and not wait_s and bool(self.password.secret()))
        if self.words.isHidden() is bool(self.words.text()):
            self.words.setVisible(bool(self.words.text()))
            # Wrapped lines need a height that the layout does not ask for by itself.
            wide = max(self.width(), self.minimumWidth())
            self.resize(wide, max(self.height(), self.layout().totalHeightForWidth(wide)))

    def _try(self) -> None:
        if not self.unlock.isEnabled():
            return
        password = self.password.secret()
        self.password.wipe()
        self._trying = True
        self.words.say("")
        self._show()
        self._spawn(self._unlocking(password), "unlock the vault")

    async def _unlocking(self, password: str) -> None:
        words = ""
        try:
            await self._accounts.unlock(password)
        except VaultError as error:
            words = clean(str(error))
        self._trying = False
        if not words:
            self.unlocked.emit()
        if self._closed:
            return
        if not words:
            self.accept()
            return
        self.words.say(f"{words[:1].upper()}{words[1:]}.")
        self._show()
        self.password.setFocus()
