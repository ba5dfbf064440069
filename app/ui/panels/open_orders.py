"""Open orders of all accounts: watching, filtering and cancelling them. Placing and done orders are other panels'."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from app.core.cancellation import CancelOutcome
from app.core.clock import NS_PER_S, Clock, SystemClock
from app.core.order_state import OrderFlag, OrderState
from app.core.trading_rule import OrderDraft
from app.core.types import Side
from app.ui.desk import Desk, OrderChangesView
from app.ui.dialogs.amend_order import AmendOrderDialog
from app.ui.dialogs.cancel_foreign import CancelForeignDialog
from app.ui.dialogs.cancel_receipt import CancelReceiptDialog
from app.ui.dialogs.kill_switch import KillSwitchDialog
from app.ui.format import Display, clean
from app.ui.models.orders import OpenOrdersModel, OrderLine, is_traders_to_tell, totals
from app.ui.panels.open_orders_cancel import (
    CancelJob,
    CancelLine,
    CancelScope,
    expiry_job,
    scopes_of,
    start_cancel,
)
from app.ui.panels.orders_panel import OrdersPanel

ANY_SIDE = "Buys and sells"
_CANCEL_COLUMN = 0
_TELL_S = 8
_AGAIN_S = 3
_SIDES = {"Buys only": Side.BUY, "Sells only": Side.SELL}


class OpenOrders(OrdersPanel):
    """Call `refresh` per frame. Our own orders are cancelled without a question; a receipt tells what did not work."""

    title = "Open orders"
    noun = "open order"
    signed_out = "orders of your accounts"
    hint = "Filter: market, id, state…"

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
        self._clock = clock or SystemClock()
        display = display or Display()
        self._second = -1
        self._told = ("", 0)
        self._emergency_ns = 0
        self._expiries_shown: dict[int, int] = {}
        self._switch_dialog: KillSwitchDialog | None = None
        self._receipt: CancelReceiptDialog | None = None
        self._amending: AmendOrderDialog | None = None
        self._question: CancelForeignDialog | None = None
        super().__init__(desk, OpenOrdersModel(desk, self._clock, lambda: display), display, parent)
        self._age_column = [column.title for column in self.model.columns].index("Age")
        self.table.delete_pressed.connect(self.cancel_selected)
        change = QShortcut(QKeySequence(Qt.Key.Key_F2), self)
        change.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        change.activated.connect(self._change_current)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.setFocus)
        self.refresh()

    # -- what the window calls -----------------------------------------------------------------------------------------

    def set_market(self, exchange_key: str, pair: str) -> None:
        self.cancel_market.setText(f"Cancel {pair}" if pair else "Cancel market")
        super().set_market(exchange_key, pair)

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
        self._lives.refresh()
        for dialog in (self._amending, self._switch_dialog):
            if dialog is not None:
                dialog.refresh()
        self._show_expiries()

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

    def emergency(self) -> None:
        """The first call asks, a second one soon after cancels everything everywhere, also what is not known here."""
        now_ns = self._clock.mono_ns()
        if now_ns - self._emergency_ns < _AGAIN_S * NS_PER_S:
            self._emergency_ns = 0
            self.cancel_everything(everywhere=True)
            return
        self._emergency_ns = now_ns
        words = f"Press again within {_AGAIN_S} s to cancel everything on all accounts"
        self._desk.notices.warning("desk", words)
        self._tell(words)

    def cancel_everything(self, side: Side | None = None, everywhere: bool = False) -> None:
        """Every open order of every account, also those that the filter hides.

        `everywhere` asks accounts too where no open order is known.
        """
        scopes = [
            CancelScope(exchange, side=side)
            for exchange in self._desk.exchanges.values()
            if exchange.has_account
            and (everywhere or any(side in (None, order.side) for order in exchange.orders.open))
        ]
        title = "Cancel all" if side is None else f"Cancel all {'buys' if side is Side.BUY else 'sells'}"
        self._start(title, scopes, receipt=True)

    @property
    def receipt(self) -> CancelReceiptDialog | None:
        """The receipt on screen, if any."""
        return self._receipt

    # -- header --------------------------------------------------------------------------------------------------------

    def _add_filters(self) -> None:
        self.side_filter = self._choice([ANY_SIDE, *_SIDES], "Filter open orders by side")

    def _add_buttons(self) -> None:
        self.cancel_chosen = self._button("Cancel selected", "Cancel the selected orders (Del)", self.cancel_selected)
        self.cancel_market = self._button("Cancel market", "Cancel every order of this market", self.cancel_this_market)
        self.cancel_side = self.header.tool("By side", "Cancel all buys or all sells")
        menu = QMenu(self.cancel_side)
        menu.addAction("Cancel all buys", self._cancel_buys)
        menu.addAction("Cancel all sells", self._cancel_sells)
        self.cancel_side.setMenu(menu)
        self.cancel_side.setPopupMode(self.cancel_side.ToolButtonPopupMode.InstantPopup)
        tip = "Let the exchange cancel everything if this desk falls silent"
        self.kill_switch = self.header.tool("Kill switch…", tip)
        self.kill_switch.clicked.connect(self.show_kill_switch)
        self.header.give_way(self.kill_switch, self.cancel_side, self.cancel_market, self.cancel_chosen)
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

    def _own_filter(self) -> Callable[[OrderLine], bool] | None:
        side = _SIDES.get(self.side_filter.currentText())
        return None if side is None else lambda line: line.order.side is side

    def _show_counts(self) -> None:
        total = self.model.total
        self.cancel_all.setText(f"Cancel all {total}" if total else "Cancel all")
        self.cancel_all.setEnabled(total > 0)
        self.cancel_side.setEnabled(total > 0)
        self.cancel_market.setEnabled(any(map(self._is_here, self.model.everything)))
        super()._show_counts()

    def _show_nothing(self) -> None:
        waiting = [e.title for e in self._desk.exchanges.values() if e.has_account and not e.ready]
        if waiting:
            self.show_empty(f"Not known yet: waiting for {', '.join(waiting)}.")
        else:
            self.show_empty("No open orders on any account.", "Write an order")

    def _empty_action(self) -> None:
        if not self.model.total and self._has_account:
            self.entry_requested.emit()
        else:
            super()._empty_action()

    def _show_footer(self) -> None:
        count = len(self.table.selected_rows())
        self.cancel_chosen.setEnabled(count > 0)
        self.cancel_chosen.setText(f"Cancel {count} selected" if count else "Cancel selected")
        super()._show_footer()

    def _tell(self, words: str) -> None:
        """Say something in the footer for some seconds."""
        self._told = (words, self._clock.mono_ns() + _TELL_S * NS_PER_S)
        self._show_footer()

    def _footer_words(self, chosen: Sequence[OrderLine]) -> str:
        words, until_ns = self._told
        if self._clock.mono_ns() < until_ns:
            return words
        if chosen:
            return totals(chosen)
        if any(is_traders_to_tell(line) for line in self.model.everything):
            return "An order may be live, and this exchange cannot be asked by our id: click its state"
        if unknown := sum(line.order.state is OrderState.UNKNOWN for line in self.model.everything):
            return f"{unknown} may be live and {'is' if unknown == 1 else 'are'} being asked for"
        if not self.model.shown:
            return ""
        return "Select rows for their totals  ·  Del cancels  ·  F2 changes  ·  Enter shows an order's life"

    # -- cancelling ----------------------------------------------------------------------------------------------------

    def _cancel_lines(self, title: str, lines: Iterable[OrderLine]) -> None:
        """Orders of other programs or the website are asked about first."""
        lines = list(lines)
        foreign = [line.order for line in lines if OrderFlag.EXTERNAL in line.order.flags]
        if not foreign:
            self._cancel_now(title, lines)
            return
        self._question = CancelForeignDialog(foreign, len(lines), self)
        self._question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._question.accepted.connect(partial(self._cancel_now, title, lines))
        self._question.finished.connect(self._question_closed)
        self._question.open()

    @property
    def question(self) -> CancelForeignDialog | None:
        """The question on screen about orders placed elsewhere, if any."""
        return self._question

    def _question_closed(self, _result: int) -> None:
        self._question = None

    def _cancel_now(self, title: str, lines: Iterable[OrderLine]) -> None:
        wanted = [(line.exchange, line.order.key) for line in lines]
        self._start(title, scopes_of(wanted), receipt=len(wanted) > 1)

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
        scopes = scopes_of((line.exchange, line.order_key) for line in lines)
        self._start(f"Cancel again {len(lines)}", scopes, receipt=True)

    def _receipt_closed(self, _result: int) -> None:
        self._receipt = None

    # -- the exchange's own timer --------------------------------------------------------------------------------------

    @property
    def switch_dialog(self) -> KillSwitchDialog | None:
        """The kill switch's dialog, if it is open."""
        return self._switch_dialog

    def show_kill_switch(self) -> None:
        """The dialog that arms and disarms the exchanges' cancel-all timers."""
        if self._switch_dialog is not None:
            self._switch_dialog.raise_()
            return
        self._switch_dialog = KillSwitchDialog(self._desk, self)
        self._switch_dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._switch_dialog.finished.connect(self._switch_closed)
        self._switch_dialog.show()

    def _switch_closed(self, _result: int) -> None:
        self._switch_dialog = None

    def _show_expiries(self) -> None:
        for exchange in self._desk.exchanges.values():
            switch = exchange.kill_switch
            if switch is not None and len(switch.expiries) > self._expiries_shown.get(id(switch), 0):
                self._expiries_shown[id(switch)] = len(switch.expiries)
                self._show_receipt(expiry_job(exchange, switch.expiries[-1]))

    # -- changing ------------------------------------------------------------------------------------------------------

    @property
    def amending(self) -> AmendOrderDialog | None:
        """The change being written, if any."""
        return self._amending

    def change_order(self, line: OrderLine, *_: object) -> None:
        """Open the editor of an order, or say why its exchange or its state allows none."""
        refusal, changes = self._no_change(line), line.exchange.changes
        if refusal or changes is None:
            self._tell(f"Not changed: {refusal}")
            return
        if self._amending is not None:
            return
        dialog = AmendOrderDialog(line, changes, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.confirmed.connect(partial(self._amend, line, changes))
        dialog.finished.connect(self._amend_closed)
        self._amending = dialog
        dialog.open()

    def _no_change(self, line: OrderLine) -> str:
        changes = line.exchange.changes
        if changes is None:
            return "not signed in"
        if line.order.pair not in line.exchange.trading_rules:
            return "the trading rules of this market are not known yet"
        return changes.offer(line.order).refusal

    def _change_current(self) -> None:
        line = self.table.current_row()
        if isinstance(line, OrderLine):
            self.change_order(line)

    def _amend(self, line: OrderLine, changes: OrderChangesView, draft: OrderDraft) -> None:
        try:
            changes.amend(line.order, draft)
        except ValueError as error:
            self._tell(f"Not changed: {clean(str(error))}")

    def _amend_closed(self, _result: int) -> None:
        self._amending = None
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _clicked(self, line: OrderLine, column: int) -> None:
        if column == _CANCEL_COLUMN:
            self._cancel_lines("Cancel order", [line])
        elif self.model.columns[column].title == "State" and is_traders_to_tell(line):
            self.outcome_requested.emit(line.exchange.key, line.order)
        else:
            super()._clicked(line, column)

    def _double_clicked(self) -> None:
        if self.table.currentIndex().column() != _CANCEL_COLUMN:
            super()._double_clicked()

    def menu_for(self, line: OrderLine) -> QMenu:
        menu, order = super().menu_for(line), line.order
        if is_traders_to_tell(line):
            menu.addAction("Say which order it is…", partial(self.outcome_requested.emit, line.exchange.key, order))
        menu.addSeparator()
        refusal = self._no_change(line)
        change = menu.addAction("Change price / amount…" if not refusal else f"No change: {refusal}")
        change.setShortcut(QKeySequence(Qt.Key.Key_F2))
        change.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        change.setEnabled(not refusal)
        change.triggered.connect(partial(self.change_order, line))
        menu.addAction("Cancel this order", partial(self._cancel_lines, "Cancel order", [line]))
        if OrderFlag.LOST in order.flags:
            menu.addAction("Put away: the exchange does not know it", partial(line.exchange.archive_order, order.key))
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
