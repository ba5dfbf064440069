"""An order of this market may be live: wait for its outcome, ask now, or place another anyway. It sends nothing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.ui import theme
from app.ui.desk import ExchangeView
from app.ui.format import clean, date_time, exact
from app.ui.models.orders_words import SIDE_WORDS, state_words
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

CONSENT = "I checked"
"""What has to be typed to place another order while this one may be live."""


class UnknownOrderDialog(QDialog):
    """Open with `open()` and call `refresh` per frame; it closes by itself once every outcome is known.

    `consented` carries our ids of the orders that were still in doubt; `check_wanted` one of them.
    """

    consented = Signal(object)
    check_wanted = Signal(str)

    def __init__(self, exchange: ExchangeView, orders: Sequence[InFlightOrder], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self._orders = list(orders)
        self._lines: list[tuple[InFlightOrder, ToneLabel, PlainLabel]] = []
        one = len(self._orders) == 1
        self.setWindowTitle(f"Outcome unknown: {exchange.title}")
        self.setMinimumWidth(now.px(460))
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(16), now.px(14), now.px(16), now.px(14))
        column.setSpacing(now.px(10))
        head = ToneLabel(
            "An order of this market may be live" if one else f"{len(self._orders)} orders of this market may be live",
            "warning",
        )
        head.setFont(now.font(12.0, bold=True))
        column.addWidget(head)
        for order in self._orders:
            column.addWidget(self._card(order, now))
        words = PlainLabel(
            "It was sent and no answer came. It is being asked for and is never sent again by itself. "
            "Another order now may be a second one.",
            "secondary",
        )
        words.setWordWrap(True)
        column.addWidget(words)
        row = QHBoxLayout()
        row.setSpacing(now.px(8))
        self.wait = QPushButton("Wait")
        self.wait.setDefault(True)
        self.wait.clicked.connect(self.reject)
        self.check = QPushButton("Check now")
        self.check.setAutoDefault(False)
        self.check.setAccessibleName("Ask the exchange for it now")
        self.check.clicked.connect(self._check)
        row.addWidget(self.wait)
        row.addWidget(self.check)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self._consent(exchange, now))
        self.refresh()

    def open(self) -> None:
        super().open()
        self.wait.setFocus(Qt.FocusReason.OtherFocusReason)

    def refresh(self) -> None:
        """Follow the orders; nothing is left to ask once none of them is in doubt."""
        for order, state, asked in self._lines:
            text, tone = state_words(order)
            state.say(text)
            state.tone(tone)
            times = "once" if order.questions == 1 else f"{order.questions} times"
            asked.say(f"asked {times}" if order.questions else "not asked yet")
        if not self.in_doubt and self.isVisible():
            self.reject()

    @property
    def in_doubt(self) -> list[InFlightOrder]:
        return [order for order in self._orders if order.state is OrderState.UNKNOWN]

    def text(self) -> str:
        """Everything shown, one fact per line."""
        return "\n".join(label.text() for label in self.findChildren(PlainLabel))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.typed.hasFocus():
            # Enter in the field must not wait, and must not place either: placing has its own button.
            event.accept()
            return
        super().keyPressEvent(event)

    def _card(self, order: InFlightOrder, now: theme.Theme) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(now.px(12), now.px(9), now.px(12), now.px(9))
        grid.setHorizontalSpacing(now.px(14))
        grid.setVerticalSpacing(now.px(4))
        grid.setColumnStretch(1, 1)
        terms = order.terms
        base, _, quote = order.pair.partition("-")
        size = f"{exact(terms.amount)} {base}" if terms.amount is not None else base
        if terms.amount is None and terms.quote_amount is not None:
            size = f"{base} for {exact(terms.quote_amount)} {quote}"
        price = f" at {exact(terms.price)} {quote}" if terms.price is not None else " at market"
        state, asked = ToneLabel("", "warning"), PlainLabel("", "secondary")
        order_id = PlainLabel(clean(order.client_order_id, 48))
        order_id.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        reason = PlainLabel(clean(order.reason))
        reason.setWordWrap(True)
        for at, (name, label) in enumerate(
            (
                ("Order", PlainLabel(f"{SIDE_WORDS[order.side]} {size}{price}")),
                ("Sent", PlainLabel(f"{date_time(order.created_ms)} UTC")),
                ("Our id", order_id),
                ("Why", reason),
                ("State", state),
                ("", asked),
            )
        ):
            grid.addWidget(PlainLabel(name, "secondary"), at, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label, at, 1)
        self._lines.append((order, state, asked))
        return card

    def _consent(self, exchange: ExchangeView, now: theme.Theme) -> QFrame:
        frame = QFrame()
        grid = QGridLayout(frame)
        grid.setContentsMargins(0, now.px(4), 0, 0)
        grid.setHorizontalSpacing(now.px(8))
        words = PlainLabel(
            f"Looked on the website of {clean(exchange.title, 40)} and it is not there? "
            f"Type “{CONSENT}” to place your order anyway; this is written down.",
            "secondary",
        )
        words.setWordWrap(True)
        self.typed = QLineEdit()
        self.typed.setPlaceholderText(CONSENT)
        self.typed.setMaxLength(40)
        self.typed.setAccessibleName(f"Type “{CONSENT}” to place your order anyway")
        self.anyway = QPushButton("Place anyway…")
        self.anyway.setAccessibleName("Place your order although this one may be live: opens the confirmation")
        self.anyway.setProperty("role", "danger")
        self.anyway.setAutoDefault(False)
        self.anyway.setEnabled(False)
        self.anyway.clicked.connect(self._consented)
        self.typed.textChanged.connect(self._typed)
        grid.addWidget(words, 0, 0, 1, 2)
        grid.addWidget(self.typed, 1, 0)
        grid.addWidget(self.anyway, 1, 1)
        return frame

    def _typed(self, text: str) -> None:
        self.anyway.setEnabled(" ".join(text.split()).casefold() == CONSENT.casefold())

    def _check(self) -> None:
        for order in self.in_doubt:
            self.check_wanted.emit(order.key)

    def _consented(self) -> None:
        keys = tuple(order.key for order in self.in_doubt)
        self.accept()
        self.consented.emit(keys)
