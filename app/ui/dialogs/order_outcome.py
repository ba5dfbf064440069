"""Asks the trader which order of the exchange an unknown one is, or whether it was placed at all. It sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QHeaderView, QLineEdit, QVBoxLayout, QWidget

from app.core.orders import InFlightOrder
from app.core.requests import NoAnswer, NotSent, VenueError
from app.ui import theme
from app.ui.dialogs.add_account import Spawn
from app.ui.dialogs.scrolled import push_button
from app.ui.format import Display, clean, date_time, exact
from app.ui.models.orders import time_cell
from app.ui.models.orders_table import Cell, Column, LiveTable
from app.ui.models.orders_words import SIDE_WORDS, side_tone, state_words
from app.ui.panels.open_orders_frame import Line, PlainLabel, ToneLabel
from app.ui.panels.open_orders_table import LiveTableView
from app.unknown_orders import NOT_PLACED, Offer, is_traders_to_tell, look_again, offers, pick, pick_none
from app.workspace import Exchange

NONE_WORDS = (
    "None of these? Look on the exchange's own site first. An order that is there after all would come back as one "
    f"that was placed elsewhere. To state that this one was never placed, type “{NOT_PLACED}”."
)


class _Row:
    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.key: Hashable = id(offer.order)
        self.version: Hashable = (offer.order.version, offer.differs)


def _side(row: _Row) -> Cell:
    order = row.offer.order
    return Cell(SIDE_WORDS[order.side], side_tone(order.side), bold=True)


def _price(row: _Row) -> Cell:
    price = row.offer.order.terms.price
    return Cell("market", "secondary") if price is None else Cell(exact(price))


def _amount(row: _Row) -> Cell:
    amount = row.offer.order.terms.amount
    return Cell("not told", "secondary") if amount is None else Cell(exact(amount))


def _state(row: _Row) -> Cell:
    text, tone = state_words(row.offer.order)
    return Cell(text, tone)


def _seen(row: _Row) -> Cell:
    return Cell(f"{row.offer.seen_after_s:+,.1f} s", "secondary", tip="first seen by us, after the order was sent")


def _how(row: _Row) -> Cell:
    return Cell(row.offer.how, "warning" if row.offer.differs else "live", tip=row.offer.how)


def _columns(display: Callable[[], Display]) -> list[Column[_Row]]:
    return [
        Column("First seen", lambda r: time_cell(r.offer.order.created_ms, display()), lambda r: r.key, 104),
        Column("After", _seen, lambda r: (bool(r.offer.differs), r.offer.seen_after_s), 76, right=True),
        Column("Side", _side, lambda r: r.offer.order.side.value, 50),
        Column("Price", _price, lambda r: r.offer.order.terms.price, 96, right=True),
        Column("Amount", _amount, lambda r: r.offer.order.terms.amount, 96, right=True),
        Column("State", _state, lambda r: r.offer.order.state.value, 120),
        Column("How it matches", _how, lambda r: r.offer.how, 200),
        Column(
            "Exchange's id",
            lambda r: Cell(clean(r.offer.order.exchange_order_id, 60), "secondary"),
            lambda r: r.offer.order.exchange_order_id,
            150,
        ),
    ]


class OrderOutcomeDialog(QDialog):
    """Open with `open()`. It closes by itself when the outcome becomes known. `told` is emitted after an answer."""

    told = Signal()

    def __init__(
        self,
        exchange: Exchange,
        order: InFlightOrder,
        spawn: Spawn,
        parent: QWidget | None = None,
        display: Display | None = None,
    ) -> None:
        super().__init__(parent)
        now = theme.current()
        self._exchange, self._order, self._spawn = exchange, order, spawn
        self._display = display or Display()
        self._closed = self._looking = False
        self.setWindowTitle("Which order is it?")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(now.px(820))
        terms = order.terms
        price = "at market" if terms.price is None else f"at {exact(terms.price)}"
        amount = terms.amount if terms.amount is not None else terms.quote_amount
        size = "" if amount is None else f" {exact(amount)}"
        self.head = ToneLabel(f"{SIDE_WORDS[order.side]}{size} {order.pair} {price}", side_tone(order.side))
        self.head.setFont(now.digits(13.0, bold=True))
        sent = date_time(order.created_ms, self._display.zone)
        self.words = PlainLabel(
            f"Sent {sent} as {order.key} to {clean(exchange.key, 60)}. {clean(order.reason, 240)}. Until you say which "
            f"order it is, no further order on {order.pair} can leave.",
            "secondary",
        )
        self.words.setWordWrap(True)
        self.model: LiveTable[_Row] = LiveTable(_columns(lambda: self._display), sort_by=1, descending=False)
        self.table = LiveTableView(self.model, "Orders it may be")
        self.table.setSelectionMode(LiveTableView.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setSectionResizeMode(6, QHeaderView.ResizeMode.Stretch)
        self.table.setMinimumHeight(now.px(150))
        self.state = ToneLabel("", "secondary")
        self.state.setWordWrap(True)
        self.again = push_button("Look again", self.look)
        self.pick_button = push_button("It is the chosen one", self._pick)
        self.pick_button.setProperty("role", "primary")
        self.none_words = PlainLabel(NONE_WORDS, "secondary")
        self.none_words.setWordWrap(True)
        self.typed = QLineEdit()
        self.typed.setAccessibleName(f"Type: {NOT_PLACED}")
        self.typed.setPlaceholderText(NOT_PLACED)
        self.none_button = push_button("None of these: not placed", self._pick_none)
        self.none_button.setProperty("role", "danger")
        self.later = push_button("Decide later", self.reject)

        picking = QHBoxLayout()
        picking.addWidget(self.again)
        picking.addWidget(self.state, 1)
        picking.addWidget(self.pick_button)
        card = QFrame()
        card.setProperty("role", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(now.px(12), now.px(10), now.px(12), now.px(10))
        inside.setSpacing(now.px(8))
        inside.addWidget(self.none_words)
        stating = QHBoxLayout()
        stating.addWidget(self.typed, 1)
        stating.addWidget(self.none_button)
        inside.addLayout(stating)
        foot = QHBoxLayout()
        foot.addWidget(self.later)
        foot.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(18), now.px(14), now.px(18), now.px(14))
        column.setSpacing(now.px(10))
        column.addWidget(self.head)
        column.addWidget(self.words)
        column.addWidget(self.table, 1)
        column.addLayout(picking)
        column.addWidget(card)
        column.addWidget(Line())
        column.addLayout(foot)
        self.table.selection_moved.connect(self._show)
        self.table.activated_row.connect(lambda _row: self._pick())
        self.typed.textChanged.connect(self._show)
        self._disconnect = exchange.orders.changed.connect(self._changed)
        self._feed()

    def open(self) -> None:
        super().open()
        self.table.setFocus()
        self.look()

    def done(self, result: int) -> None:
        self._closed = True
        self._disconnect()
        super().done(result)

    def look(self) -> None:
        """Ask the exchange for open orders and for those that ended since."""
        if not self._looking:
            self._looking = True
            self._show()
            self._spawn(self._look(), "look for an order")

    async def _look(self) -> None:
        words = ""
        try:
            await look_again(self._exchange, self._order)
        except (VenueError, NotSent, NoAnswer) as error:
            words = str(error)
        self._looking = False
        if not self._closed:
            self._feed()
            if words:
                self.state.tone("error")
                self.state.say(f"The exchange was not read: {clean(words, 200)}")

    def _changed(self, _order: InFlightOrder) -> None:
        if self._closed:
            return
        if is_traders_to_tell(self._exchange, self._order):
            self._feed()
        else:
            self.reject()

    def _feed(self) -> None:
        self.model.feed(_Row(offer) for offer in offers(self._exchange, self._order))
        if not self.table.selected_rows() and self.model.shown and not self.model.shown[0].offer.differs:
            self.table.select_only(0)
        self._show()

    @property
    def chosen(self) -> Offer | None:
        rows = self.table.selected_rows()
        return rows[0].offer if rows else None

    def _show(self, _value: object = None) -> None:
        chosen = self.chosen
        fits = sum(not row.offer.differs for row in self.model.everything)
        self.pick_button.setEnabled(chosen is not None and not chosen.differs)
        self.again.setEnabled(not self._looking)
        stated = " ".join(self.typed.text().split()).casefold() == NOT_PLACED
        self.none_button.setEnabled(stated and not self._looking)
        self.state.tone("secondary")
        if self._looking:
            self.state.say("Asking the exchange for its orders…")
        elif chosen is not None and chosen.differs:
            self.state.say(f"The chosen order cannot be it: {chosen.how}")
        else:
            many = f"{fits} order{'s' if fits != 1 else ''} of the exchange can be it"
            self.state.say(many if fits else "No order of the exchange that we know can be it")

    def _pick(self) -> None:
        chosen = self.chosen
        if chosen is None or chosen.differs:
            return
        self._answer(lambda: pick(self._exchange, self._order, chosen.order))

    def _pick_none(self) -> None:
        self._answer(lambda: pick_none(self._exchange, self._order, self.typed.text()))

    def _answer(self, say: Callable[[], None]) -> None:
        try:
            say()
        except ValueError as error:
            self.state.tone("error")
            self.state.say(clean(str(error), 240))
            return
        self.told.emit()
        if not self._closed:
            self.accept()
