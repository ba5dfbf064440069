"""Done orders of all accounts, with how each of them ended. Open orders and executions are other panels'."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QLineEdit, QMenu, QWidget

from app.core.orders import OrderState
from app.ui import theme
from app.ui.desk import Desk
from app.ui.dialogs.order_life import OrderLifeDialog
from app.ui.format import Display
from app.ui.models.history import HistoryModel, history_totals
from app.ui.models.orders import OrderLine
from app.ui.panels.open_orders_frame import TablePanel
from app.ui.panels.open_orders_table import LiveTableView

_ENDS: dict[str, frozenset[OrderState]] = {
    "All ends": frozenset(),
    "Filled": frozenset({OrderState.FILLED, OrderState.PARTIALLY_CANCELED}),
    "Cancelled": frozenset({OrderState.CANCELED, OrderState.PARTIALLY_CANCELED, OrderState.EXPIRED}),
    "Refused": frozenset({OrderState.REJECTED, OrderState.FAILED, OrderState.NOT_PLACED}),
}


class OrderHistory(TablePanel):
    """Call `refresh` per frame."""

    frame_requested = Signal(int)
    form_requested = Signal(str, object)
    """Exchange key and the `OrderIntent` whose values the order form shall take."""
    again_requested = Signal(str, object)
    """Exchange key and the `OrderIntent` of an order that never came to be, to be placed as a new one."""
    account_requested = Signal()

    def __init__(self, desk: Desk, display: Display | None = None, parent: QWidget | None = None) -> None:
        super().__init__("Order history", parent)
        self._desk = desk
        self.display = display or Display()
        self._market: tuple[str, str] | None = None
        self._lives: list[OrderLifeDialog] = []
        self.model = HistoryModel(desk, self._shown_as)
        self.table = LiveTableView(self.model, "Order history")
        self._stop_column = [column.title for column in self.model.columns].index("Stop")
        self._build_header()
        self.place(self.table)
        self.table.cell_clicked.connect(self._clicked)
        self.table.activated_row.connect(self.show_life)
        self.table.doubleClicked.connect(self._double_clicked)
        self.table.menu_wanted.connect(self._show_menu)
        self.table.selection_moved.connect(self._show_footer)
        self.empty.acted.connect(self._empty_action)
        self.refresh()

    def set_market(self, exchange_key: str, pair: str) -> None:
        """The market that "this market" means; empty strings for none."""
        self._market = (exchange_key, pair) if pair else None
        self.this_market.setText(pair or "This market")
        self.this_market.setEnabled(bool(pair))
        self._apply_filter()

    def refresh(self) -> None:
        if self.model.load():
            self._show_counts()
        for life in self._lives:
            life.refresh()

    def show_life(self, line: OrderLine) -> None:
        dialog = OrderLifeDialog(line, self.display, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.frame_requested.connect(self.frame_requested)
        dialog.finished.connect(self._drop_closed_lives)
        self._lives.append(dialog)
        dialog.show()

    @property
    def lives(self) -> list[OrderLifeDialog]:
        return self._lives

    def _build_header(self) -> None:
        header, now = self.header, theme.current()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter: market, id, state…")
        self.search.setAccessibleName("Filter done orders by text")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(now.px(190))
        self.search.setMaxLength(80)
        self.search.textChanged.connect(self._apply_filter)
        self.ends = QComboBox()
        self.ends.addItems(list(_ENDS))
        self.ends.setAccessibleName("Filter done orders by how they ended")
        self.ends.currentIndexChanged.connect(self._apply_filter)
        header.row.addSpacing(now.px(8))
        header.row.addWidget(self.search, 1)
        header.add(self.ends)
        self.this_market = header.tool("This market", "Show this market only", toggle=True)
        self.this_market.setEnabled(False)
        self.this_market.toggled.connect(self._apply_filter)
        header.stretch()

    def _apply_filter(self) -> None:
        text = self.search.text().strip().lower()
        ends = _ENDS[self.ends.currentText()]
        market = self._market if self.this_market.isChecked() else None
        plain = not text and not ends and market is None
        self.model.set_filter(None if plain else partial(_accepts, text, ends, market))
        self._show_counts()

    def _show_counts(self) -> None:
        total, shown = self.model.total, len(self.model.shown)
        count = str(total) if shown == total else f"{shown} of {total}"
        self.header.title.say(f"Order history  {count}" if total else "Order history")
        self.table.setColumnHidden(
            self._stop_column, all(line.order.terms.stop_price is None for line in self.model.everything)
        )
        if total and not shown:
            self.show_empty("No done order matches the filter.", "Clear the filter")
        elif total:
            self.show_empty("")
        elif not any(exchange.has_account for exchange in self._desk.exchanges.values()):
            self.show_empty("Not signed in: orders that have ended will be listed here.", "Add an account…")
        else:
            self.show_empty("No order has ended yet.")
        self._show_footer()

    def _show_footer(self) -> None:
        lines = self.table.selected_rows()
        if lines:
            self.footer.say(history_totals(lines))
        else:
            self.footer.say("Select rows for their totals  ·  Enter shows an order's life" if self.model.shown else "")

    def _empty_action(self) -> None:
        if self.model.total:
            self.search.clear()
            self.ends.setCurrentIndex(0)
            self.this_market.setChecked(False)
        else:
            self.account_requested.emit()

    def _clicked(self, line: OrderLine, column: int) -> None:
        if self.model.columns[column].title == "Message" and line.order.frame:
            self.frame_requested.emit(line.order.frame)

    def _double_clicked(self) -> None:
        line = self.table.current_row()
        if line is not None:
            self.show_life(line)

    def _show_menu(self, line: OrderLine, _column: int, at: QPoint) -> None:
        menu = self.menu_for(line)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def menu_for(self, line: OrderLine) -> QMenu:
        """The context menu of a row; its owner shows it."""
        menu = QMenu(self)
        order, clipboard = line.order, QGuiApplication.clipboard()
        message = menu.addAction("Show the message that set this", partial(self.frame_requested.emit, order.frame))
        message.setEnabled(order.frame > 0)
        menu.addAction("Order life…", partial(self.show_life, line))
        menu.addAction("Fill the form from this order", partial(self._to_form, line))
        if order.state in (OrderState.NOT_PLACED, OrderState.REJECTED):
            menu.addAction("Place again…", partial(self.again_requested.emit, line.exchange.key, order.terms))
        menu.addSeparator()
        ours = menu.addAction("Copy our order id", partial(clipboard.setText, order.client_order_id))
        ours.setEnabled(bool(order.client_order_id))
        theirs = menu.addAction("Copy the exchange's order id", partial(clipboard.setText, order.exchange_order_id))
        theirs.setEnabled(bool(order.exchange_order_id))
        menu.addAction("Copy rows", self._copy_rows)
        return menu

    def _copy_rows(self) -> None:
        QGuiApplication.clipboard().setText(self.table.copy_text())

    def _to_form(self, line: OrderLine) -> None:
        self.form_requested.emit(line.exchange.key, line.order.terms)

    def _drop_closed_lives(self, _result: int) -> None:
        closed = self.sender()
        self._lives = [life for life in self._lives if life is not closed]

    def _shown_as(self) -> Display:
        return self.display


def _accepts(text: str, ends: frozenset[OrderState], market: tuple[str, str] | None, line: OrderLine) -> bool:
    return (
        (not ends or line.order.state in ends)
        and (market is None or (line.exchange.key, line.order.pair) == market)
        and (not text or line.matches(text) or text in line.order.reason.lower())
    )
