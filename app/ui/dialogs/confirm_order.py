"""The last look at an order before it leaves: everything as it will be sent. It sends nothing and can say yes once."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.core.gate import Gate, GateState
from app.core.trading_rule import OrderDraft, TradingRule
from app.core.types import OrderType, Side
from app.ui import theme
from app.ui.desk import ExchangeView
from app.ui.dialogs.test_on_exchange import TestOnExchange
from app.ui.format import clean
from app.ui.models.orders_words import SIDE_WORDS, TYPE_WORDS
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel
from app.ui.panels.order_entry_preview import Preview, price_words, size_words, terms_words

ARM_MS = 350
"""The second half of a double click must not land on the sending button."""


@dataclass(frozen=True)
class Ticket:
    """One order as it will be sent, and what the trader is told about it."""

    exchange: ExchangeView
    rule: TradingRule
    draft: OrderDraft
    preview: Preview
    gate: Gate
    despite: tuple[str, ...] = ()
    """Our ids of orders in doubt that the trader says he has looked for."""

    @property
    def cautious(self) -> bool:
        """Whether the first focus is on not sending."""
        return self.draft.type is OrderType.MARKET or self.gate.state is GateState.CONFIRM


class ConfirmOrderDialog(QDialog):
    """Open with `open()`. `confirmed` carries the ticket at most once."""

    confirmed = Signal(object)

    def __init__(self, ticket: Ticket, parent: QWidget | None = None, test: TestOnExchange | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self.ticket = ticket
        self.gate = ticket.gate
        """As it is shown now."""
        self._said_yes = False
        self._blocked = ""
        account = ticket.exchange.kind
        self.setWindowTitle(f"Confirm order: {account} {ticket.exchange.title}")
        self.setMinimumWidth(now.px(420))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, now.px(14))
        column.setSpacing(now.px(10))
        column.addWidget(self._band(account, now))
        body = QVBoxLayout()
        body.setContentsMargins(now.px(16), 0, now.px(16), 0)
        body.setSpacing(now.px(10))
        side = "buy" if ticket.draft.side is Side.BUY else "sell"
        self.headline = ToneLabel(f"{SIDE_WORDS[ticket.draft.side]} {terms_words(ticket.rule, ticket.draft)}", side)
        self.headline.setFont(now.digits(13.0, bold=True))
        self.headline.setWordWrap(True)
        body.addWidget(self.headline)
        self.facts = self._facts(ticket, now)
        body.addWidget(self.facts)
        self.warning = ToneLabel("", "warning")
        self.warning.setWordWrap(True)
        body.addWidget(self.warning)
        self.test = test
        if test is not None:
            body.addWidget(test)
            test.button.installEventFilter(self)
        body.addLayout(self._buttons(ticket, side))
        column.addLayout(body)
        self.show_gate(ticket.gate)

    def show_gate(self, gate: Gate) -> None:
        """The gate may close while the dialog is open; then nothing can be sent from it any more."""
        blocked = clean(gate.reason) or "blocked" if gate.state is GateState.BLOCKED else ""
        self._blocked = blocked
        if gate.state is GateState.CONFIRM and self.gate.state is GateState.OPEN and self.send.hasFocus():
            # A new doubt must be read before Enter can send.
            self.cancel.setFocus(Qt.FocusReason.OtherFocusReason)
        self.gate = gate
        words = f"Blocked: {blocked}" if blocked else ""
        if gate.state is GateState.CONFIRM:
            words = f"Read before sending: {clean(gate.reason)}"
        self.warning.tone("error" if blocked else "warning")
        self.warning.say(words)
        self.warning.setVisible(bool(words))
        if blocked:
            self.send.setEnabled(False)

    def text(self) -> str:
        """Everything shown, one fact per line."""
        labels = [label.text() for label in self.findChildren(PlainLabel) if label.isVisibleTo(self)]
        return "\n".join(labels)

    def open(self) -> None:
        super().open()
        self.setFocus()
        QTimer.singleShot(ARM_MS, self, self._arm)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A key held down since the form had the focus would press the button here.
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.isAutoRepeat():
            return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            return
        super().keyPressEvent(event)

    def _arm(self) -> None:
        if self._said_yes or not self.isVisible():
            return
        self.send.setEnabled(not self._blocked)
        first = self.cancel if self.ticket.cautious or self._blocked else self.send
        first.setFocus(Qt.FocusReason.TabFocusReason)

    def _send(self) -> None:
        if self._said_yes or self._blocked:
            return
        self._said_yes = True
        self.send.setEnabled(False)
        self.confirmed.emit(self.ticket)
        self.accept()

    def _band(self, account: str, now: theme.Theme) -> QFrame:
        colour = getattr(now, account.lower())
        band = QFrame()
        band.setObjectName("band")
        ink, back = colour.name(), theme.mix(colour, now.panel, 0.20).name()
        band.setStyleSheet(f"#band {{ background: {back}; border: none; border-left: {now.px(4)}px solid {ink}; }}")
        band.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(band)
        row.setContentsMargins(now.px(12), now.px(8), now.px(16), now.px(8))
        word = ToneLabel(account, account.lower())
        word.setFont(now.font(12.0, bold=True))
        row.addWidget(word)
        money = {"PAPER": "no real money moves", "LAB": "a server of your own"}.get(account, "real money")
        row.addWidget(PlainLabel(money, "secondary"))
        row.addStretch(1)
        row.addWidget(PlainLabel(clean(self.ticket.exchange.title, 40), "title"))
        return band

    def _facts(self, ticket: Ticket, now: theme.Theme) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(now.px(12), now.px(9), now.px(12), now.px(9))
        grid.setHorizontalSpacing(now.px(14))
        grid.setVerticalSpacing(now.px(4))
        grid.setColumnStretch(1, 1)
        rule, draft, told = ticket.rule, ticket.draft, ticket.preview
        facts = [
            ("Account", ticket.exchange.key, "text"),
            ("Market", rule.pair, "text"),
            ("Type", f"{TYPE_WORDS[draft.type]}, {draft.time_in_force}", "text"),
            ("Price", f"{price_words(rule, draft.price)} {rule.quote}" if draft.price is not None else "", "text"),
            (
                "Stop price",
                f"{price_words(rule, draft.stop_price)} {rule.quote}" if draft.stop_price is not None else "",
                "text",
            ),
            ("Size", size_words(rule, draft), "text"),
            ("Rounded", told.rounding, "warning"),
            ("Fills at", told.fills_at, "text"),
            ("Value", told.value, "text"),
            ("Fee", " · ".join(filter(None, (told.fee, told.fee_source))), "text"),
            (f"{rule.quote} free", told.quote_after, "text"),
            (f"{rule.base} free", told.base_after, "text"),
        ]
        for label, words, tone in facts:
            if not words:
                continue
            at = grid.rowCount()
            grid.addWidget(PlainLabel(label, "secondary"), at, 0, Qt.AlignmentFlag.AlignTop)
            value = ToneLabel(words, tone)
            value.setFont(now.digits(9.5))
            value.setWordWrap(True)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(value, at, 1)
        return card

    def _buttons(self, ticket: Ticket, side: str) -> QHBoxLayout:
        row = QHBoxLayout()
        self.cancel = QPushButton("Do not send")
        self.cancel.clicked.connect(self.reject)
        self.send = QPushButton(ticket.preview.headline)
        self.send.setAccessibleName(f"Send: {ticket.preview.headline}")
        self.send.setProperty("role", side)
        self.send.setEnabled(False)
        self.send.clicked.connect(self._send)
        for button in (self.cancel, self.send):
            # The focused button answers to Enter; no button does before one has the focus.
            button.setDefault(False)
            button.setAutoDefault(True)
            button.installEventFilter(self)
        row.addWidget(self.cancel, 1)
        row.addWidget(self.send, 2)
        return row
