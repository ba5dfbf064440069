"""The order form: confirmation, sending once, and the fate of what was sent. Editing is `order_entry_editing`'s."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from app.core.clock import NS_PER_S, Clock, SystemClock
from app.core.gate import GateState
from app.core.order_state import OrderState
from app.core.orders import OrderIntent
from app.core.trading_rule import OrderDraft
from app.ui.desk import Desk, ExchangeView
from app.ui.dialogs.confirm_order import ConfirmOrderDialog, Ticket
from app.ui.dialogs.dry_run import DryRunDialog
from app.ui.dialogs.test_on_exchange import TestOnExchange
from app.ui.dialogs.unknown_order import UnknownOrderDialog
from app.ui.format import clean
from app.ui.models.orders_words import SIDE_WORDS, state_words
from app.ui.panels.order_entry_editing import OrderEntryEditing
from app.ui.panels.order_entry_preview import preview

ACK_WAIT_S = 3
_WAITING = (OrderState.INTENT, OrderState.SUBMITTING)


class OrderEntry(OrderEntryEditing):
    """Call `refresh` per frame. One confirmation makes at most one order."""

    order_sent = Signal(str, str)
    """Exchange key and client order id."""
    frame_requested = Signal(int)

    def __init__(self, desk: Desk, clock: Clock | None = None, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._clock = clock or SystemClock()
        self._sent: tuple[ExchangeView, str, int] | None = None
        self._told: tuple[ExchangeView, str, int] | None = None
        self._sent_words: tuple[object, ...] = ()
        self._dialog: ConfirmOrderDialog | None = None
        self._dry: DryRunDialog | None = None
        self._unknown: UnknownOrderDialog | None = None
        for row in self.rows.values():
            row.edit.submitted.connect(self.ask)
        self.submit.clicked.connect(self.ask)
        self.dry.clicked.connect(self.show_dry_run)
        self.again.clicked.connect(self._place_last_again)
        self.refresh()

    def refresh(self) -> None:
        """Also look at the order sent last, and at the gate of the question on screen."""
        super().refresh()
        self._follow_sent()
        if self._dialog is not None:
            ticket = self._dialog.ticket
            self._dialog.show_gate(ticket.exchange.gate(ticket.draft, ticket.despite))
        if self._unknown is not None:
            self._unknown.refresh()

    @property
    def confirmation(self) -> ConfirmOrderDialog | None:
        """The question on screen, if any."""
        return self._dialog

    @property
    def unknown_dialog(self) -> UnknownOrderDialog | None:
        """The question about orders in doubt, if it is on screen."""
        return self._unknown

    @property
    def dry_run_dialog(self) -> DryRunDialog | None:
        return self._dry

    def _set_buttons(self) -> None:
        blocked = self._gate.state is GateState.BLOCKED and not self._gate.unknown
        self.submit.setEnabled(not blocked and self._sent is None and not self._asking)

    @property
    def _asking(self) -> bool:
        return self._dialog is not None or self._unknown is not None

    def ask(self) -> None:
        """Open the confirmation, or show what is still wrong and go to the first such field."""
        if self._sent is not None:
            self.show_fate(f"Already sending order {self._sent[1]}", "warning")
            self._sent_words = ()
            return
        self._ask(())

    def place_again(self, exchange_key: str, terms: OrderIntent) -> None:
        """Ask to place an order with these values: a new one, with an id of its own."""
        self.fill_from(exchange_key, terms)
        self.ask()

    def _place_last_again(self) -> None:
        if self._told is not None:
            exchange, client_order_id, _ = self._told
            order = exchange.orders.get(client_order_id)
            if order is not None:
                self.place_again(exchange.key, order.terms)

    def _ask(self, despite: tuple[str, ...]) -> None:
        exchange, rule = self._exchange, self._rule
        if exchange is None or rule is None or self._asking:
            return
        self._attempted = True
        self._edits += 1
        self.refresh()
        ticket = self._ticket(despite)
        if ticket is None:
            self._focus_problem()
            return
        if ticket.gate.unknown:
            self._ask_about_unknown(exchange, ticket.gate.unknown)
            return
        if ticket.gate.state is GateState.BLOCKED:
            return
        test = self._test(exchange, ticket.draft) if exchange.can_preview else None
        dialog = ConfirmOrderDialog(ticket, self, test)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.confirmed.connect(self._send)
        dialog.finished.connect(self._answered)
        self._dialog, self._frozen = dialog, True
        self._set_buttons()
        dialog.open()

    def _ask_about_unknown(self, exchange: ExchangeView, keys: tuple[str, ...]) -> None:
        orders = [order for key in keys if (order := exchange.orders.get(key)) is not None]
        dialog = UnknownOrderDialog(exchange, orders, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.check_wanted.connect(exchange.check_order_now)
        dialog.consented.connect(self._ask)
        dialog.finished.connect(self._unknown_answered)
        self._unknown = dialog
        self._set_buttons()
        dialog.open()

    def _unknown_answered(self, _result: int) -> None:
        self._unknown = None
        self._edits += 1
        self._set_buttons()

    def show_dry_run(self) -> None:
        """The request as it would leave now; nothing is sent."""
        self._attempted = True
        self._edits += 1
        self.refresh()
        exchange, draft = self._exchange, self._draft_or_none()
        if exchange is None or draft is None or not (draft.amount or draft.quote_amount):
            self._focus_problem()
            return
        sent = exchange.quantize(draft)
        try:
            request = exchange.dry_run(sent)
        except Exception as error:
            self.show_fate(f"No dry run: {clean(str(error))}", "error")
            return
        title = f"{exchange.title} {draft.pair}"
        self._dry = DryRunDialog(request, title, exchange.kind, self, self._test(exchange, sent))
        self._dry.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dry.finished.connect(self._dry_closed)
        self._dry.open()

    def _test(self, exchange: ExchangeView, draft: OrderDraft) -> TestOnExchange:
        test = TestOnExchange(exchange, draft, self._desk.spawn)
        test.frame_requested.connect(self.frame_requested)
        return test

    def _ticket(self, despite: tuple[str, ...]) -> Ticket | None:
        """The order as it would be sent, or None while something is wrong with it."""
        exchange, rule, draft = self._exchange, self._rule, self._draft_or_none()
        if exchange is None or rule is None or draft is None:
            return None
        sent = exchange.quantize(draft)
        if exchange.check(sent):
            return None
        gate = exchange.gate(sent, despite)
        return Ticket(exchange, rule, sent, preview(exchange, rule, draft, sent), gate, despite)

    def _focus_problem(self) -> None:
        for row in self.rows.values():
            if row.isVisibleTo(self) and row.note.isVisibleTo(self):
                row.edit.setFocus(Qt.FocusReason.OtherFocusReason)
                return

    def _answered(self, _result: int) -> None:
        self._dialog, self._frozen = None, False
        self._edits += 1
        self._set_buttons()
        self._first_field().setFocus(Qt.FocusReason.OtherFocusReason)

    def _dry_closed(self, _result: int) -> None:
        self._dry = None

    def _send(self, ticket: Ticket) -> None:
        """The order that was confirmed and no other; the desk may have changed since the question was asked."""
        exchange, draft = ticket.exchange, ticket.draft
        gate = exchange.gate(draft, ticket.despite)
        problems = exchange.check(draft)
        shown = ticket.gate if self._dialog is None else self._dialog.gate
        unread = gate.state is GateState.CONFIRM and shown.state is not GateState.CONFIRM
        if gate.state is GateState.BLOCKED or unread:
            self.show_fate(f"Not sent: {clean(gate.reason)}", "error")
        elif problems:
            self.show_fate(f"Not sent: {clean(problems[0].reason)}", "error")
        else:
            try:
                client_order_id = exchange.submit(draft, ticket.despite)
            except Exception as error:
                self.show_fate(f"Not sent: {clean(str(error))}", "error")
                return
            self._sent = (exchange, client_order_id, self._clock.mono_ns())
            self._sent_words = ()
            self._attempted = False
            self._follow_sent()
            self.order_sent.emit(exchange.key, client_order_id)

    def _follow_sent(self) -> None:
        """The state of the order sent last, in its own words; the button comes back with an answer or after 3 s."""
        last = self._sent or self._told
        if last is None:
            return
        exchange, client_order_id, sent_ns = last
        order = exchange.orders.get(client_order_id)
        if order is None:
            self._sent = None
            return
        waiting = order.state in _WAITING
        late = self._clock.mono_ns() - sent_ns >= ACK_WAIT_S * NS_PER_S
        now = (order.version, waiting and late)
        if now != self._sent_words:
            self._sent_words = now
            words, tone = state_words(order)
            if waiting and late:
                words, tone = f"no answer for {ACK_WAIT_S} s, may be live. Checking", "warning"
            elif order.state is OrderState.UNKNOWN:
                words = f"UNKNOWN: {words}"
            self.offer_again(order.state is OrderState.NOT_PLACED)
            self.show_fate(f"{SIDE_WORDS[order.side]} {order.pair}: {words}", tone, f"order id {client_order_id}")
        if self._sent is not None and (not waiting or late):
            self._told, self._sent = self._sent, None
            self._edits += 1
            self._set_buttons()
