"""Another password for the vault. It keeps nothing typed."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.credentials.accounts import Accounts
from app.credentials.errors import VaultError
from app.credentials.strength import MIN_LENGTH, password_strength
from app.ui import theme
from app.ui.dialogs.add_account_clipboard import After, ClipboardSweeper, after_ms
from app.ui.dialogs.add_account_secret import SecretLine
from app.ui.format import clean
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

Spawn = Callable[[Coroutine[Any, Any, Any], str], object]
_TICK_MS = 200


class ChangePasswordDialog(QDialog):
    """Open with `open()`; accepted once nothing opens with the old password any more."""

    def __init__(self, accounts: Accounts, spawn: Spawn, parent: QWidget | None = None, after: After = after_ms):
        super().__init__(parent)
        now = theme.current()
        self._accounts = accounts
        self._spawn = spawn
        self._sweeper = ClipboardSweeper(after)
        self._busy = self._closed = False
        try:
            self._has_password = accounts.has_password
        except VaultError:
            self._has_password = False
        self.setWindowTitle("Change the vault's password")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(now.px(440))
        head = PlainLabel("Change the vault's password", "title")
        head.setFont(now.font(12.0, bold=True))
        self.explanation = PlainLabel(
            "All accounts kept under a password share one. Nobody can recover a lost password: the keys would have to "
            "be added again."
            if self._has_password
            else "No account is kept under a password: those of the system's keyring need none.",
            "secondary",
        )
        self.explanation.setWordWrap(True)
        self.old = SecretLine("Password now", "password")
        self.new = SecretLine("New password", f"at least {MIN_LENGTH} characters")
        self.again = SecretLine("New password again", "once more")
        self.hint = ToneLabel("", "secondary")
        self.hint.setWordWrap(True)
        self.words = ToneLabel("", "error")
        self.words.setWordWrap(True)
        form = QFormLayout()
        form.setHorizontalSpacing(now.px(10))
        for name, line in (("Password now", self.old), ("New password", self.new), ("Once more", self.again)):
            form.addRow(PlainLabel(name), line)
            line.changed.connect(self._show)
            line.returnPressed.connect(self._try)
            line.setEnabled(self._has_password)
        self.cancel = QPushButton("Cancel")
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.reject)
        self.change = QPushButton("Change password")
        self.change.setProperty("role", "primary")
        self.change.setAutoDefault(False)
        self.change.clicked.connect(self._try)
        row = QHBoxLayout()
        row.addWidget(self.cancel)
        row.addStretch(1)
        row.addWidget(self.change)
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(18), now.px(16), now.px(18), now.px(14))
        column.setSpacing(now.px(10))
        for widget in (head, self.explanation):
            column.addWidget(widget)
        column.addLayout(form)
        for widget in (self.hint, self.words):
            column.addWidget(widget)
        column.addLayout(row)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._show)
        self.words.hide()
        self.resize(self.minimumWidth(), column.totalHeightForWidth(self.minimumWidth()))
        self._show()
        self.old.setFocus()

    def done(self, result: int) -> None:
        if self._busy:
            return
        self._closed = True
        self._clock.stop()
        for line in (self.old, self.new, self.again):
            line.wipe()
        super().done(result)

    def _problem(self) -> str:
        """What is still missing, or empty."""
        new = self.new.secret()
        if not self._has_password or not self.old.secret() or not new:
            return " "
        if password_strength(new).score == 0:
            return f"The new password needs at least {MIN_LENGTH} characters."
        if new != self.again.secret():
            return "The two new passwords differ." if self.again.secret() else " "
        return ""

    def _show(self) -> None:
        if self._closed:
            return
        for line in (self.old, self.new):
            self._sweeper.note(line.secret())
        wait_s = math.ceil(self._accounts.wait_s)
        if wait_s and not self._clock.isActive():
            self._clock.start()
        elif not wait_s:
            self._clock.stop()
        problem = self._problem()
        new = self.new.secret()
        strength = f"Strength: {password_strength(new).words}." if new else ""
        self.hint.say(" ".join(filter(None, (strength, problem.strip()))))
        self.words.setVisible(bool(self.words.text()))
        words = "Changing…" if self._busy else f"Again in {wait_s} s" if wait_s else "Change password"
        self.change.setText(words)
        self.change.setEnabled(not problem and not self._busy and not wait_s)
        self.cancel.setEnabled(not self._busy)

    def _try(self) -> None:
        if self.change.isEnabled():
            self._busy = True
            self.words.say("")
            self._show()
            self._spawn(self._changing(self.old.secret(), self.new.secret()), "change the vault's password")

    async def _changing(self, old: str, new: str) -> None:
        words = "an internal error, see the event list"
        try:
            await self._accounts.change_password(old, new)
            words = ""
        except VaultError as error:
            words = str(error)
        finally:
            self._busy = False
            if words:
                self.old.wipe()
                self.words.say(f"Not changed: {clean(words, 300)}.")
                self._show()
                self.old.setFocus()
        if not words:
            self.accept()
