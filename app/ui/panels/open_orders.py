"""Open orders of all accounts: watching, filtering and cancelling them. Placing and done orders are other panels'."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QLineEdit, QMenu, QPushButton, QWidget

from app.core.cancellation import CancelOutcome
from app.core.clock import NS_PER_S, Clock, SystemClock
from app.core.types import Side
from app.ui import theme
from app.ui.desk import Desk
from app.ui.dialogs.cancel_receipt import CancelReceiptDialog
from app.ui.dialogs.order_life import OrderLifeDialog
from app.ui.format import Display
from app.ui.models.orders import OpenOrdersModel, OrderLine, is_traders_to_tell, totals
from app.ui.panels.open_orders_cancel import CancelJob, CancelLine, CancelScope, start_cancel
from app.ui.panels.open_orders_frame import TablePanel
from app.ui.panels.open_orders_table import LiveTableView

ANY_SIDE = "Buys and sells"
_CANCEL_COLUMN = 0
_SIDES = {"Buys only": Side.BUY, "Sells only": Side.SELL}


class OpenOrders(TablePanel):
    """Call `refresh` per frame. Cancels need no question; what did not work is told by a receipt."""

    frame_requested = Signal(int)
    form_requested = Signal(str, object)
    """Exchange key and the `OrderIntent` whose values the order form shall take."""
    account_requested = Signal()
    outcome_requested = Signal(str, object)
    """Exchange key and an order whose outcome only the trader can tell."""
    entry_requested = Signal()

    def __init__(
        self,
        desk: Desk,
        clock: Clock | None = None,
        display: Display | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Open orders", parent)
        self._desk = desk
        self._clock = clock or SystemClock()
        self.display = display or Display()
        self._market: tuple[str, str] | None = None
        self._second = -1
        self._receipt: CancelReceiptDialog | None = None
        self._lives: list[OrderLifeDialog] = []
        self.model = OpenOrdersModel(desk, self._clock, self._shown_as)
        self.table = LiveTableView(self.model, "Open orders")
        titles = [column.title for column in self.model.columns]
        self._stop_column, self._age_column = titles.index("Stop"), titles.index("Age")
        self._build_header()
        self.place(self.table)
        self.table.cell_clicked.connect(self._clicked)
        self.table.delete_pressed.connect(self.cancel_selected)
        self.table.activated_row.connect(self.show_life)
        self.table.doubleClicked.connect(self._double_clicked)
        self.table.menu_wanted.connect(self._show_menu)
        self.table.selection_moved.connect(self._selection_moved)
        self.empty.acted.connect(self._empty_action)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.setFocus)
        self.refresh()

    # -- what the window calls -----------------------------------------------------------------------------------------

    def set_market(self, exchange_key: str, pair: str) -> None:
        """The market that "this market" means; empty strings for none."""
        self._market = (exchange_key, pair) if pair else None
        self.this_market.setText(pair or "This market")
        self.this_market.setEnabled(bool(pair))
        self.cancel_market.setText(f"Cancel {pair}" if pair else "Cancel market")
        self._apply_filter()
        self._show_counts()

    def refresh(self) -> None:
        """Read what changed; ages move once a second."""
        changed = self.model.load()
        second = self._clock.wall_ns() // NS_PER_S
        if changed or second != self._second:
            self._show_counts()
        if not changed and second != self._second and self.table.isVisible():
            self.table.repaint_column(self._age_column)
        self._second = second
        if changed and self._receipt is not None:
            self._receipt.refresh()
        for life in self._lives:
            life.refresh()

    def cancel_selected(self) -> None:
        self._cancel_lines("Cancel selected", self.table.selected_rows())

    def cancel_this_market(self) -> None:
        """Every order of the current market on its account."""
        if self._market is None:
            return
        key, pair = self._market
        exchange = self._desk.exchanges.get(key)
        if exchange is not None:
            self._start(f"Cancel {pair}", [CancelScope(exchange, pair=pair)], receipt=True)

    def cancel_everything(self, side: Side | None = None) -> None:
        """Every open order of every account, also those that the filter hides."""
        scopes = [
            CancelScope(exchange, side=side)
            for exchange in self._desk.exchanges.values()
            if exchange.has_account and any(side in (None, order.side) for order in exchange.orders.open)
        ]
        title = "Cancel all" if side is None else f"Cancel all {'buys' if side is Side.BUY else 'sells'}"
        self._start(title, scopes, receipt=True)

    def show_life(self, line: OrderLine) -> None:
        dialog = OrderLifeDialog(line, self.display, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.frame_requested.connect(self.frame_requested)
        dialog.finished.connect(self._drop_closed_lives)
        self._lives.append(dialog)
        dialog.show()

    @property
    def receipt(self) -> CancelReceiptDialog | None:
        """The receipt on screen, if any."""
        return self._receipt

    @property
    def lives(self) -> list[OrderLifeDialog]:
        return self._lives

    # -- header --------------------------------------------------------------------------------------------------------

    def _build_header(self) -> None:
        header, now = self.header, theme.current()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter: market, id, state…")
        self.search.setAccessibleName("Filter open orders by text")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(now.px(190))
        self.search.setMinimumWidth(now.px(90))
        self.search.setMaxLength(80)
        self.search.textChanged.connect(self._apply_filter)
        self.side_filter = QComboBox()
        self.side_filter.addItems([ANY_SIDE, *_SIDES])
        self.side_filter.setAccessibleName("Filter open orders by side")
        self.side_filter.currentIndexChanged.connect(self._apply_filter)
        header.row.addSpacing(now.px(8))
        header.row.addWidget(self.search, 1)
        header.add(self.side_filter)
        self.this_market = header.tool("This market", "Show this market only", toggle=True)
        self.this_market.setEnabled(False)
        self.this_market.toggled.connect(self._apply_filter)
        header.stretch()
        self.cancel_chosen = self._button("Cancel selected", "Cancel the selected orders (Del)", self.cancel_selected)
        self.cancel_market = self._button("Cancel market", "Cancel every order of this market", self.cancel_this_market)
        self.cancel_side = header.tool("By side", "Cancel all buys or all sells")
        menu = QMenu(self.cancel_side)
        menu.addAction("Cancel all buys", self._cancel_buys)
        menu.addAction("Cancel all sells", self._cancel_sells)
        self.cancel_side.setMenu(menu)
        self.cancel_side.setPopupMode(self.cancel_side.ToolButtonPopupMode.InstantPopup)
        self.cancel_all = self._button(
            "Cancel all", "Cancel every open order of every account, also those not shown", self._cancel_all
        )
        self.cancel_all.setProperty("role", "danger")

    def _button(self, text: str, tip: str, slot: object) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(tip)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.setProperty("role", "flat")
        button.clicked.connect(slot)
        self.header.add(button)
        return button

    def _cancel_all(self) -> None:
        self.cancel_everything()

    def _cancel_buys(self) -> None:
        self.cancel_everything(Side.BUY)

    def _cancel_sells(self) -> None:
        self.cancel_everything(Side.SELL)

    def _apply_filter(self) -> None:
        text = self.search.text().strip().lower()
        side = _SIDES.get(self.side_filter.currentText())
        market = self._market if self.this_market.isChecked() else None
        if not text and side is None and market is None:
            self.model.set_filter(None)
        else:
            self.model.set_filter(partial(_accepts, text, side, market))
        self._show_counts()

    def _show_counts(self) -> None:
        total, shown = self.model.total, len(self.model.shown)
        hidden = total - shown
        count = str(total) if not hidden else f"{shown} of {total}"
        self.header.title.say(f"Open orders  {count}" if total else "Open orders")
        self.cancel_all.setText(f"Cancel all {total}" if total else "Cancel all")
        self.cancel_all.setEnabled(total > 0)
        self.cancel_side.setEnabled(total > 0)
        stops = any(line.order.terms.stop_price is not None for line in self.model.everything)
        self.table.setColumnHidden(self._stop_column, not stops)
        here = self._market is not None and any(
            (line.exchange.key, line.order.pair) == self._market for line in self.model.everything
        )
        self.cancel_market.setEnabled(here)
        self._selection_moved()
        if total and not shown:
            self.show_empty("No open order matches the filter.", "Clear the filter")
        elif total:
            self.show_empty("")
        elif not any(exchange.has_account for exchange in self._desk.exchanges.values()):
            self.show_empty("Not signed in: orders of your accounts will be listed here.", "Add an account…")
        elif waiting := [e.title for e in self._desk.exchanges.values() if e.has_account and not e.ready]:
            self.show_empty(f"Not known yet: waiting for {', '.join(waiting)}.")
        else:
            self.show_empty("No open orders on any account.", "Write an order")

    def _empty_action(self) -> None:
        if self.model.total:
            self.search.clear()
            self.side_filter.setCurrentIndex(0)
            self.this_market.setChecked(False)
        elif any(exchange.has_account for exchange in self._desk.exchanges.values()):
            self.entry_requested.emit()
        else:
            self.account_requested.emit()

    def _selection_moved(self) -> None:
        lines = self.table.selected_rows()
        self.cancel_chosen.setEnabled(bool(lines))
        self.cancel_chosen.setText(f"Cancel {len(lines)} selected" if lines else "Cancel selected")
        unknown = sum(line.order.state.value == "UNKNOWN" for line in self.model.everything)
        if lines:
            self.footer.say(totals(lines))
        elif any(is_traders_to_tell(line) for line in self.model.everything):
            self.footer.say("An order may be live, and this exchange cannot be asked by our id: click its state")
        elif unknown:
            self.footer.say(f"{unknown} may be live and {'is' if unknown == 1 else 'are'} being asked for")
        else:
            self.footer.say(
                not self.model.shown
                and ""
                or "Select rows for their totals  ·  Del cancels  ·  Enter shows an order's life"
            )

    # -- cancelling ----------------------------------------------------------------------------------------------------

    def _cancel_lines(self, title: str, lines: Iterable[OrderLine]) -> None:
        by_exchange: dict[str, list[OrderLine]] = {}
        for line in lines:
            by_exchange.setdefault(line.exchange.key, []).append(line)
        scopes = [
            CancelScope(group[0].exchange, keys=tuple(line.order.key for line in group))
            for group in by_exchange.values()
        ]
        self._start(title, scopes, receipt=sum(map(len, by_exchange.values())) > 1)

    def _start(self, title: str, scopes: list[CancelScope], receipt: bool) -> None:
        """A single order gets its receipt only if something is to be told."""
        if not scopes:
            return
        job = start_cancel(self._desk, title, scopes)
        if receipt:
            self._show_receipt(job)
        elif job.finished:
            self._judge(job)
        else:
            job.changed.connect(partial(self._judge_later, job))
        self.refresh()

    def _judge_later(self, job: CancelJob, _nothing: None) -> None:
        self._judge(job)

    def _judge(self, job: CancelJob) -> None:
        quiet = (CancelOutcome.CANCELED, CancelOutcome.ACCEPTED, CancelOutcome.QUEUED, CancelOutcome.GONE)
        if any(line.outcome not in quiet for line in job.lines):
            self._show_receipt(job)

    def _show_receipt(self, job: CancelJob) -> None:
        if self._receipt is None:
            self._receipt = CancelReceiptDialog(job, self)
            self._receipt.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self._receipt.retry_wanted.connect(self._retry)
            self._receipt.finished.connect(self._receipt_closed)
            self._receipt.show()
        else:
            self._receipt.follow(job)
            self._receipt.raise_()

    def _retry(self, lines: list[CancelLine]) -> None:
        by_exchange: dict[str, list[CancelLine]] = {}
        for line in lines:
            by_exchange.setdefault(line.exchange.key, []).append(line)
        scopes = [
            CancelScope(group[0].exchange, keys=tuple(line.order_key for line in group))
            for group in by_exchange.values()
        ]
        self._start(f"Cancel again {len(lines)}", scopes, receipt=True)

    def _receipt_closed(self, _result: int) -> None:
        self._receipt = None

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _clicked(self, line: OrderLine, column: int) -> None:
        if column == _CANCEL_COLUMN:
            self._cancel_lines("Cancel order", [line])
        elif self.model.columns[column].title == "State" and is_traders_to_tell(line):
            self.outcome_requested.emit(line.exchange.key, line.order)
        elif self.model.columns[column].title == "Message" and line.order.frame:
            self.frame_requested.emit(line.order.frame)

    def _double_clicked(self) -> None:
        line = self.table.current_row()
        if line is not None and self.table.currentIndex().column() != _CANCEL_COLUMN:
            self.show_life(line)

    def _show_menu(self, line: OrderLine, _column: int, at: QPoint) -> None:
        menu = self.menu_for(line)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def menu_for(self, line: OrderLine) -> QMenu:
        """The context menu of a row; its owner shows it."""
        menu = QMenu(self)
        order = line.order
        message = menu.addAction("Show the message that set this", partial(self.frame_requested.emit, order.frame))
        message.setEnabled(order.frame > 0)
        menu.addAction("Order life…", partial(self.show_life, line))
        if is_traders_to_tell(line):
            choose = partial(self.outcome_requested.emit, line.exchange.key, order)
            menu.addAction("Say which order it is…", choose)
        menu.addAction("Fill the form from this order", partial(self._to_form, line))
        menu.addSeparator()
        self._copy_action(menu, "Copy our order id", order.client_order_id)
        self._copy_action(menu, "Copy the exchange's order id", order.exchange_order_id)
        menu.addAction("Copy rows", partial(self._copy, self.table.copy_text))
        menu.addSeparator()
        menu.addAction("Cancel this order", partial(self._cancel_lines, "Cancel order", [line]))
        chosen = self.table.selected_rows()
        if len(chosen) > 1:
            menu.addAction(f"Cancel {len(chosen)} selected", self.cancel_selected)
        same = [one for one in self.model.everything if one.exchange is line.exchange and one.order.pair == order.pair]
        at_price = [one for one in same if one.order.terms.price == order.terms.price]
        menu.addAction(
            f"Cancel {len(at_price)} at this price", partial(self._cancel_lines, "Cancel at one price", at_price)
        )
        menu.addAction(f"Cancel {len(same)} of {order.pair}", partial(self._cancel_lines, f"Cancel {order.pair}", same))
        return menu

    def _copy_action(self, menu: QMenu, words: str, text: str) -> QAction:
        action = menu.addAction(words, partial(QGuiApplication.clipboard().setText, text))
        action.setEnabled(bool(text))
        return action

    @staticmethod
    def _copy(text: object) -> None:
        QGuiApplication.clipboard().setText(text() if callable(text) else str(text))

    def _to_form(self, line: OrderLine) -> None:
        self.form_requested.emit(line.exchange.key, line.order.terms)

    def _drop_closed_lives(self, _result: int) -> None:
        closed = self.sender()
        self._lives = [life for life in self._lives if life is not closed]

    def _shown_as(self) -> Display:
        return self.display


def _accepts(text: str, side: Side | None, market: tuple[str, str] | None, line: OrderLine) -> bool:
    return (
        side in (None, line.order.side)
        and (market is None or (line.exchange.key, line.order.pair) == market)
        and (not text or line.matches(text))
    )
