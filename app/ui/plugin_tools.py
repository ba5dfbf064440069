"""Dialogs of plug-ins and of the plug-in service, and what they open in the window. The work is `app.plugins`'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.core.orders import InFlightOrder
from app.credentials.accounts import Accounts
from app.credentials.errors import VaultError
from app.plugin_service import ServiceSwitch
from app.plugin_settings import PluginSettings
from app.plugins import PluginDesk, Stranger
from app.ui.dialogs.connect_plugin import ConnectPluginDialog
from app.ui.dialogs.order_outcome import OrderOutcomeDialog
from app.ui.dialogs.plugin_service import PluginServiceDialog
from app.ui.dialogs.unlock_vault import UnlockVaultDialog

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow


class PluginTools(QObject):
    """One per window. `accounts` is the vault of the profile."""

    def __init__(self, window: MainWindow, accounts: Accounts | None = None) -> None:
        super().__init__(window)
        workspace = window.workspace
        self._window, self._workspace = window, workspace
        self.desk = PluginDesk(
            workspace, accounts or Accounts(workspace.paths.data / "accounts", clock=workspace.clock)
        )
        self.service = ServiceSwitch(workspace)
        workspace.at_close.append(self.service.stop)
        self._service_dialog: PluginServiceDialog | None = None

    def connect_plugin(self) -> ConnectPluginDialog:
        """Ask for a plug-in and open its market."""
        dialog = ConnectPluginDialog(self.desk, self._workspace.spawn, self._window)
        dialog.connected.connect(self._opened)
        dialog.open()
        return dialog

    def connect_kept(self, settings: PluginSettings) -> None:
        """Open a kept plug-in, after the vault's password where it waits for one."""
        try:
            info = self.desk.accounts.find(settings.label)
            locked = self.desk.accounts.is_locked(info)
        except VaultError as error:
            self._workspace.notices.error("plug-ins", f"{settings.label}: {error}")
            return
        if not locked:
            self._workspace.spawn(self._connecting(settings), "connect a plug-in")
            return
        dialog = UnlockVaultDialog(self.desk.accounts, self._workspace.spawn, self._window)
        dialog.unlocked.connect(lambda: self._workspace.spawn(self._connecting(settings), "connect a plug-in"))
        dialog.open()

    async def _connecting(self, settings: PluginSettings) -> None:
        try:
            exchange = await self.desk.connect_kept(settings)
        except (VaultError, Stranger, ValueError) as error:
            self._workspace.notices.error("plug-ins", f"{settings.label} is not connected: {error}")
        else:
            self._opened(exchange.key)

    def show_service(self) -> PluginServiceDialog:
        """The switch of the service; not modal, so that calls can be watched while one trades."""
        dialog = self._service_dialog
        if dialog is None:
            dialog = PluginServiceDialog(self._workspace, self.service, self._window)
            dialog.changed.connect(self._show_serving)
            dialog.finished.connect(self._service_closed)
            self._service_dialog = dialog
            dialog.show()
        dialog.raise_()
        return dialog

    def ask_outcome(self, exchange_key: str, order: InFlightOrder) -> OrderOutcomeDialog | None:
        """Have the trader say what became of an order that nobody can be asked about."""
        exchange = self._workspace.exchanges.get(exchange_key)
        if exchange is None:
            return None
        dialog = OrderOutcomeDialog(exchange, order, self._workspace.spawn, self._window)
        dialog.open()
        return dialog

    def show_call(self, seq: int) -> None:
        """Show the call that a message belongs to in the bridge lens."""
        self._window.docks.bring_up("bridge")
        self._window.bridge.show_frame(seq)

    def _opened(self, exchange_key: str) -> None:
        exchange = self._workspace.exchanges[exchange_key]
        pair = self._window.last_pair(exchange_key)
        # A pair shown last time may no longer be among those the user named.
        watched = next(iter(exchange.order_books), "")
        self._window.open_market(exchange_key, pair if pair in self._pairs(exchange_key) else watched)

    def _pairs(self, exchange_key: str) -> set[str]:
        return {m.pair for each in self.desk.kept if f"fmz:{each.name}" == exchange_key for m in each.pairs}

    def _service_closed(self, _result: Any) -> None:
        self._service_dialog = None

    def _show_serving(self) -> None:
        url = self.service.url
        trading = any(self.service.share(key).trade for key in self.service.served)
        words = f"SERVING {url.rpartition('/')[2]}{' · TRADE' if trading else ''}" if url else ""
        self._window.status.set_serving(words)
