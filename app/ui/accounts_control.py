"""Accounts in the window: their dialogs, the strip that says what they wait for, and the lock. It keeps no key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog

from app.account_desk import AccountDesk
from app.config import AccountsConfig
from app.credentials.account_info import AccountInfo
from app.credentials.errors import VaultError
from app.credentials.key_check import Check, check_key
from app.credentials.setup import AccountSetup
from app.ui.accounts_bar import AccountsBar
from app.ui.auto_lock import AutoLock
from app.ui.dialogs.accept_rights import AcceptRightsDialog
from app.ui.dialogs.add_account import AddAccountDialog
from app.ui.dialogs.change_password import ChangePasswordDialog
from app.ui.dialogs.remove_account import RemoveAccountDialog
from app.ui.dialogs.unlock_vault import UnlockVaultDialog

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow


class AccountsControl(QObject):
    """`dialog` is the account dialog opened last, or None once it is closed; `check` asks an exchange about a key."""

    def __init__(self, window: MainWindow, desk: AccountDesk, config: AccountsConfig) -> None:
        super().__init__(window)
        self.desk = desk
        trust, proxy = window.workspace.certificates.trust, window.workspace.config.network.proxy
        self.check: Check = partial(check_key, trust=trust, proxy=proxy)
        self.dialog: QDialog | None = None
        self._window = window
        self._workspace = window.workspace
        self.bar = AccountsBar(desk)
        self.bar.unlock_asked.connect(self.unlock)
        self.bar.accept_asked.connect(self._accept)
        self.bar.again_asked.connect(self.open)
        self.bar.cancel_asked.connect(lambda label: self._workspace.spawn(desk.cancel(label), f"cancel {label}"))
        self.bar.password_asked.connect(self._use_a_password)
        self.auto_lock = AutoLock(config.auto_lock_minutes if config.auto_lock else 0, self)
        self.auto_lock.elapsed.connect(self._lock_unattended)
        desk.pair_for = window.last_pair
        self._disconnect = (
            desk.shown.connect(self._on_shown),
            desk.changed.connect(self._on_changed),
            desk.consent_needed.connect(lambda info: self._accept(info.label)),
        )
        self._on_changed("")

    def finish(self) -> None:
        """The window closes: nothing is shown any more."""
        for disconnect in self._disconnect:
            disconnect()
        self.auto_lock.stop()
        self.bar.finish()

    # -- what the user asks for

    def connect_account(self) -> None:
        """From a panel that has no account to show: the kept ones where there are any, else a new one."""
        try:
            kept = bool(self.desk.vault.list()) or bool(self.desk.vault.problems)
        except VaultError:
            kept = True
        if kept:
            self._window.show_exchanges()
        else:
            self.add_account()

    def add_account(self, exchange: str = "") -> None:
        """The dialog for a new key, on the exchange that is being watched unless one is named."""
        market = self._window.market
        # What is typed there is a key already.
        self.desk.on_keys()
        setup = AccountSetup(self.desk.vault, self.desk.exchanges, self.check)
        name = exchange or (market[0].partition(":")[0] if market else "")
        dialog = AddAccountDialog(setup, self._workspace.spawn, self._window, exchange=name)
        dialog.added.connect(lambda info: self.open(info.label))
        self._show(dialog)

    def open(self, label: str) -> None:
        """Open a kept account; what is in the way is said on the strip."""
        try:
            self.desk.open(label)
        except VaultError as error:
            self._workspace.notices.error("accounts", str(error))

    def lock_or_unlock(self) -> None:
        if self.desk.holds_keys:
            self.desk.lock("locked by you")
        else:
            self.unlock()

    def unlock(self) -> None:
        """Ask for the password where one is needed, then open what was locked."""
        if not self.desk.locked:
            self._workspace.notices.info("accounts", "No account is locked")
        elif self.desk.needs_password:
            dialog = UnlockVaultDialog(self.desk.vault, self._workspace.spawn, self._window)
            dialog.unlocked.connect(self.desk.open_locked)
            self._show(dialog)
        else:
            self.desk.open_locked()

    def change_password(self) -> None:
        self._show(ChangePasswordDialog(self.desk.vault, self._workspace.spawn, self._window))

    def ask_removal(self, info: AccountInfo) -> None:
        """Forget an account for good, once its name was typed."""
        self._show(RemoveAccountDialog(info, self.desk, self._workspace.spawn, self._window))

    # -- what happens

    def _accept(self, label: str) -> None:
        row = self.desk.row(label)
        if row is not None and row.standing.needs_consent:
            self._show(AcceptRightsDialog(row, self.desk, self._workspace.spawn, self._window))

    def _use_a_password(self, label: str) -> None:
        """The keyring does not answer: the key can be kept under a password instead, by adding it again."""
        row = self.desk.row(label)
        if row is not None:
            self.add_account(row.info.exchange)

    def _lock_unattended(self) -> None:
        if self.desk.holds_keys:
            self.desk.lock(f"locked after {self.auto_lock.minutes} min without input")

    def _on_shown(self, key: str) -> None:
        market = self._window.market
        if market is None or market[0] == key:
            self._window.open_market(key, market[1] if market else self._window.last_pair(key))

    def _on_changed(self, _label: str) -> None:
        self.bar.refresh()
        self.auto_lock.watch(self.desk.holds_keys)

    def _show(self, dialog: QDialog) -> None:
        def gone() -> None:
            if self.dialog is dialog:
                self.dialog = None

        self.dialog = dialog
        dialog.finished.connect(gone)
        dialog.open()
