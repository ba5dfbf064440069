"""Balances of all accounts: totals, what is held and why, what it is worth by which price. Nothing can be sent here."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QComboBox, QMenu, QWidget

from app.core.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from app.core.types import Balance
from app.ui import theme
from app.ui.desk import Desk
from app.ui.format import DASH, Display, clean, rounded, time, zone_name
from app.ui.models.balances import HIDDEN, BalanceRow, BalancesModel, Grouping
from app.ui.models.balances_worth import asset_text, grand_total
from app.ui.panels.inspector_bar import tool_button
from app.ui.panels.open_orders_frame import ElidedLabel, TablePanel, ToneLabel
from app.ui.panels.open_orders_table import LiveTableView

CURRENCIES = ("USD", "USDT", "EUR", "BTC", "ETH")
_WIDER = 56
# The least width (px at scale 1) at which a column is shown.
_SHOWN_FROM = {
    "Asset": 0,
    "Total": 0,
    "Available": 0,
    "Value": 0,
    "Held": 390,
    "Account": 500,
    "Price from": 640,
    "As of": 760,
    "Message": 820,
}


class Balances(TablePanel):
    """Call `refresh` per frame."""

    frame_requested = Signal(int)
    account_requested = Signal()

    def __init__(
        self,
        desk: Desk,
        clock: Clock | None = None,
        display: Display | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Balances", parent)
        self._desk = desk
        self._clock = clock or SystemClock()
        self.display = display or Display()
        self._second = -1
        self._kinds: set[bool] = set()
        self.model = BalancesModel(desk, self._clock, self._shown_as)
        self.table = LiveTableView(self.model, "Balances")
        self._build_header()
        self.place(self.table)
        now = theme.current()
        self.sum = ElidedLabel()
        self.sum.setFont(now.digits(10.5, bold=True))
        self.sum.setContentsMargins(now.px(10), 0, now.px(8), 0)
        self.sum.setFixedHeight(now.px(24))
        self.column.insertWidget(self.column.count() - 1, self.sum)
        self.table.cell_clicked.connect(self._clicked)
        self.table.activated_row.connect(self._show_message)
        self.table.menu_wanted.connect(self._show_menu)
        self.empty.acted.connect(self._empty_action)
        self.refresh()

    def minimumSizeHint(self) -> QSize:
        now = theme.current()
        return QSize(now.px(260), now.px(115))

    def refresh(self) -> None:
        """Read what changed; prices and ages once a second."""
        second = self._clock.wall_ns() // NS_PER_S
        if self.model.load() or second != self._second:
            self._second = second
            self._show_rest()

    def set_amounts_hidden(self, hidden: bool) -> None:
        self.hide_amounts.setChecked(hidden)

    def set_currency(self, currency: str) -> None:
        """One of `CURRENCIES`; what has no price in it says so."""
        self.currency.setCurrentText(currency)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    # -- header --------------------------------------------------------------------------------------------------------

    def _build_header(self) -> None:
        header = self.header
        self.badge = ToneLabel("", "paper", badge=True)
        header.add(self.badge)
        header.stretch()
        hide, view = "Hide all amounts, for sharing the screen", "How balances are grouped and which are shown"
        self.hide_amounts = tool_button("", hide, checkable=True, icon="eye")
        self.hide_amounts.toggled.connect(self._amounts_hidden)
        self.view = tool_button("", view, icon="filter")
        for button in (self.hide_amounts, self.view):
            header.add(button)
        menu = QMenu(self.view)
        self.group = menu.addAction("Group by account")
        self.group.setCheckable(True)
        self.group.toggled.connect(self._grouped)
        self.hide_small = menu.addAction("Hide zero and less than 1 USD")
        self.hide_small.setCheckable(True)
        self.hide_small.toggled.connect(self._small_hidden)
        self.view.setMenu(menu)
        self.view.setPopupMode(self.view.ToolButtonPopupMode.InstantPopup)
        self.currency = QComboBox()
        self.currency.addItems(CURRENCIES)
        self.currency.setAccessibleName("Currency in which balances are valued")
        self.currency.setFixedWidth(theme.current().px(70))
        self.currency.currentTextChanged.connect(self._valued_in)
        header.add(self.currency)

    def _grouped(self, by_account: bool) -> None:
        self.model.grouping = Grouping.ACCOUNT if by_account else Grouping.ASSET
        self.refresh()
        self._fit()

    def _small_hidden(self, on: bool) -> None:
        self.model.hide_small = on
        self.refresh()

    def _amounts_hidden(self, on: bool) -> None:
        self.model.hide_amounts(on)
        self.hide_amounts.setText("Hidden" if on else "Hide")
        self._show_rest()

    def _valued_in(self, currency: str) -> None:
        self.model.currency = currency
        self.model.forget_cells()
        self.refresh()

    # -- below the table -----------------------------------------------------------------------------------------------

    def _show_rest(self) -> None:
        accounts = [exchange for exchange in self._desk.exchanges.values() if exchange.has_account]
        total = grand_total(self._desk, self.model.currency)
        kinds = {exchange.paper for exchange in accounts}
        if kinds != self._kinds:
            self._kinds = kinds
            self._fit()
        self.badge.setVisible(len(kinds) == 1)
        if len(kinds) == 1:
            words = {exchange.kind for exchange in accounts}
            word = words.pop() if len(words) == 1 else "PAPER"
            self.badge.say(word)
            self.badge.tone(word.lower())
        if not accounts:
            self.show_empty("Not signed in: balances of your accounts will be listed here.", "Add an account…")
        elif not self.model.total and self.model.left_out:
            self.show_empty("Every balance is zero or worth less than 1 USD.", "Show them")
        elif not any(exchange.account.balances for exchange in accounts):
            waiting = ", ".join(exchange.title for exchange in accounts)
            self.show_empty(f"No balance reported yet by {clean(waiting, 80)}.")
        else:
            self.show_empty("")
        self.sum.setVisible(total is not None)
        if total is not None:
            value = HIDDEN if self.model.amounts_hidden else rounded(total.value, 2 if self._coarse else 8)
            if not total.known:
                value = DASH
            parts = [f"{'PAPER total' if total.paper else 'Total'} {value} {self.model.currency}"]
            if total.unpriced:
                names = ", ".join(asset_text(asset) for asset in total.unpriced[:4])
                more = f" and {len(total.unpriced) - 4} more" if len(total.unpriced) > 4 else ""
                parts.append(f"without {names}{more}: no price")
            if total.silent:
                parts.append(f"not told yet: {clean(', '.join(total.silent), 60)}")
            if total.left_out:
                parts.append("paper not included")
            self.sum.say("  ·  ".join(parts))
        self._show_freshness(accounts)

    def _show_freshness(self, accounts: list) -> None:
        zone = self.display.zone
        parts = []
        for exchange in accounts:
            newest = max((self._told_ms(balance) for balance in exchange.account.balances.values()), default=0)
            name = f"{clean(exchange.title, 20)} " if len(accounts) > 1 else ""
            words = clean(exchange.account_freshness().words, 40)
            parts.append(f"{name}as of {time(newest, zone, False)} {zone_name(zone)} · {words}")
        if self.model.left_out:
            parts.append(f"{self.model.left_out} small hidden")
        self.footer.say("  ·  ".join(parts))

    def _told_ms(self, balance: Balance) -> int:
        """The exchange's time of a balance, or when its message came where it gives none."""
        if balance.exchange_ms:
            return balance.exchange_ms
        frame = self._desk.log.get(balance.frame)
        return frame.wall_ns // NS_PER_MS if frame is not None else 0

    @property
    def _coarse(self) -> bool:
        return self.model.currency not in ("BTC", "ETH")

    def _fit(self) -> None:
        """Fewer columns where it is narrow; what is left of the width goes to all of them."""
        now = theme.current()
        width = self.width() / now.scale
        # Names of accounts and paper badges need room beside the asset.
        wide = self.model.grouping is Grouping.ACCOUNT or len(self._kinds) > 1
        shown = []
        for at, column in enumerate(self.model.columns):
            visible = width >= _SHOWN_FROM[column.title] + (_WIDER if wide and _SHOWN_FROM[column.title] else 0)
            if column.title == "Available" and wide:
                visible = width >= 300 + _WIDER
            self.table.setColumnHidden(at, not visible)
            if visible:
                shown.append((at, now.px(column.width + (_WIDER if wide and at == 0 else 0))))
        bar = now.px(14)
        spare = max(0, self.width() - bar - sum(size for _, size in shown))
        for at, size in shown:
            self.table.setColumnWidth(at, size + spare // len(shown))

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _empty_action(self) -> None:
        if self.model.left_out:
            self.hide_small.setChecked(False)
        else:
            self.account_requested.emit()

    def _clicked(self, row: BalanceRow, column: int) -> None:
        if self.model.columns[column].title == "Message":
            self._show_message(row)

    def _show_message(self, row: BalanceRow) -> None:
        if row.balance is not None and row.balance.frame:
            self.frame_requested.emit(row.balance.frame)

    def _show_menu(self, row: BalanceRow, _column: int, at: QPoint) -> None:
        menu = self.menu_for(row)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def menu_for(self, row: BalanceRow) -> QMenu:
        """The context menu of a row; its owner shows it."""
        menu = QMenu(self)
        message = menu.addAction("Show the message that set this", partial(self._show_message, row))
        message.setEnabled(row.balance is not None and row.balance.frame > 0)
        menu.addAction("Copy rows", self._copy_rows)
        return menu

    def _copy_rows(self) -> None:
        QGuiApplication.clipboard().setText(self.table.copy_text())

    def _shown_as(self) -> Display:
        return self.display
