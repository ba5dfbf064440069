"""Editing an order: linked fields, shares of balance, following the market, reasons and preview. It sends nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from app.core.gate import OPEN as GATE_OPEN
from app.core.gate import Gate, GateState
from app.core.orders import OrderIntent
from app.core.trading_rule import OrderDraft, Problem, TradingRule
from app.core.types import OrderType, Side, TimeInForce
from app.ui.desk import Desk, ExchangeView
from app.ui.format import clean
from app.ui.models.orders_words import SIDE_WORDS, TYPE_WORDS
from app.ui.panels.order_entry_fields import DecimalEdit
from app.ui.panels.order_entry_form import (
    BadNumber,
    FormState,
    Sizing,
    amount_of,
    draft_of,
    form_of,
    offered_times,
    offered_types,
    plain_number,
    read_number,
    sized_in_quote,
    total_of,
)
from app.ui.panels.order_entry_layout import OrderEntryLayout
from app.ui.panels.order_entry_preview import preview, touch
from app.ui.panels.order_entry_shares import BalanceShares

_FIELDS = {"price": "price", "stop price": "stop", "amount": "amount", "total": "total"}
_ATTRIBUTES = {"price": "price", "stop": "stop_price", "amount": "amount", "total": "total"}


class OrderEntryEditing(OrderEntryLayout):
    """The form up to its button. What was typed is kept per market."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._market: tuple[str, str] | None = None
        self._forms: dict[tuple[str, str], FormState] = {}
        self._form = FormState()
        self._attempted = False
        self._edits = 0
        self._seen: tuple[object, ...] = ()
        self._gate: Gate = GATE_OPEN
        self._shown: tuple[object, ...] | None = None
        self._frozen = False
        """A question is on screen: its price must not move."""
        self.balance_shares = BalanceShares(self, self._sized_market)
        self._connect()

    # -- what the window calls -----------------------------------------------------------------------------------------

    def set_market(self, exchange_key: str, pair: str) -> None:
        """Switch the form; what was typed for the market left is kept and comes back with it."""
        if self._market is not None:
            self._remember()
        self._market = (exchange_key, pair) if pair else None
        self._attempted = False
        self._form = self._forms.setdefault((exchange_key, pair), FormState())
        self._show_market()

    def fill_price(self, price: str) -> None:
        """Take a price that was clicked elsewhere; it stays pinned. A market order becomes a limit order."""
        try:
            value = read_number(price)
        except BadNumber:
            return
        rule = self._rule
        if value is None or rule is None:
            return
        form = self._form
        if not form.type.has_price and form.type.has_stop_price:
            self.stop.edit.put(plain_number(value))
            self._typed(Sizing.AMOUNT)
            return
        if not form.type.has_price and OrderType.LIMIT in rule.order_types:
            self._choose_type(OrderType.LIMIT)
        self.follow.setChecked(False)
        self.price.edit.put(plain_number(value))
        self._price_typed()

    def fill_amount(self, amount: str) -> None:
        """Take an amount (base) that was clicked elsewhere."""
        try:
            value = read_number(amount)
        except BadNumber:
            return
        if value is not None and self._rule is not None:
            self.amount.edit.put(plain_number(value))
            self._typed(Sizing.AMOUNT)

    def focus_side(self, side: Side) -> None:
        """Choose buy or sell and go to the first field."""
        (self.buy if side is Side.BUY else self.sell).setChecked(True)
        self._side_chosen()
        self._first_field().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def fill_from(self, exchange_key: str, terms: OrderIntent) -> None:
        """Take the values of an existing order, as an order of its own: nothing is sent or changed."""
        self.set_market(exchange_key, terms.pair)
        if self._rule is None:
            return
        form = self._form = self._forms[exchange_key, terms.pair] = form_of(terms)
        self._show_market()
        if form.sizing is Sizing.AMOUNT:
            self._typed(Sizing.AMOUNT)

    def refresh(self) -> None:
        """Follow the market and look at the gate; nothing more when nothing changed."""
        exchange, rule = self._exchange, self._rule
        shown = _standing(exchange, rule)
        if shown != self._shown:
            self._show_market()
            return
        if exchange is None or rule is None or exchange.no_orders or not exchange.has_account:
            return
        self._follow_market()
        draft = self._draft_or_none()
        self._gate = _standing_gate(exchange) or (exchange.gate(draft) if draft is not None else GATE_OPEN)
        book = exchange.order_books.get(rule.pair)
        seen = (
            self._edits,
            exchange.account.version,
            exchange.fees,
            book.version if book is not None else -1,
            self._gate,
            self.following_note,
        )
        if seen != self._seen:
            self._seen = seen
            self._show_preview()

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def _exchange(self) -> ExchangeView | None:
        return None if self._market is None else self._desk.exchanges.get(self._market[0])

    @property
    def _rule(self) -> TradingRule | None:
        exchange = self._exchange
        return None if exchange is None or self._market is None else exchange.trading_rules.get(self._market[1])

    def _sized_market(self) -> tuple[ExchangeView, TradingRule, Side] | None:
        exchange, rule = self._exchange, self._rule
        return None if exchange is None or rule is None else (exchange, rule, self._form.side)

    @property
    def _market_price(self) -> Decimal | None:
        exchange = self._exchange
        if exchange is None or self._market is None:
            return None
        return touch(exchange.order_books.get(self._market[1]), self._form.side)

    @property
    def _by_quote(self) -> bool:
        rule = self._rule
        return rule is not None and sized_in_quote(rule, self._form.type, self._form.side)

    def _remember(self) -> None:
        form = self._form
        form.price, form.stop_price = self.price.edit.text(), self.stop.edit.text()
        form.amount, form.total = self.amount.edit.text(), self.total.edit.text()

    def _draft(self) -> OrderDraft:
        """As typed. Raises BadNumber."""
        self._remember()
        assert self._rule is not None
        return draft_of(self._form, self._rule, self._market_price)

    def _draft_or_none(self) -> OrderDraft | None:
        try:
            return self._draft()
        except BadNumber:
            return None

    # -- building what is shown ----------------------------------------------------------------------------------------

    def _connect(self) -> None:
        for button in (self.buy, self.sell):
            button.clicked.connect(self._side_chosen)
        self.type.activated.connect(self._type_chosen)
        self.times.activated.connect(self._time_chosen)
        self.price.edit.typed.connect(self._price_typed)
        self.stop.edit.typed.connect(self._changed)
        self.amount.edit.typed.connect(partial(self._typed, Sizing.AMOUNT))
        self.total.edit.typed.connect(partial(self._typed, Sizing.TOTAL))
        self.price.edit.start = self._start_price
        self.stop.edit.start = self._start_price
        self.balance_shares.sized.connect(self._typed)
        self.follow.toggled.connect(self._follow_toggled)

    def _show_market(self) -> None:
        exchange, rule = self._exchange, self._rule
        self._shown = _standing(exchange, rule)
        self._seen = ()
        self._edits += 1
        self._load_form()
        pair = "" if self._market is None else self._market[1]
        self.show_account(exchange.title if exchange else "", pair, exchange.kind if exchange else "")
        if exchange is None or rule is None:
            if self._market is None:
                self.show_missing("Choose a market: click one in the watch list or press Ctrl+K.")
            elif exchange is None:
                self.show_missing(f"{self._market[0]} is not connected.")
            else:
                self.show_missing(f"Waiting for the trading rules of {pair}.")
            return
        if exchange.no_orders:
            self.show_missing(f"{exchange.no_orders}.")
            return
        if not exchange.has_account:
            self.show_missing(f"Not signed in to {exchange.title}: add an account to trade {pair}.")
            return
        self.show_missing("")
        form = self._form
        types = offered_types(rule)
        if form.type not in types and types:
            form.type = OrderType.LIMIT if OrderType.LIMIT in types else types[0]
        _fill(self.type, [(TYPE_WORDS[type], type.value) for type in types], form.type.value)
        self.show_units(rule.base, rule.quote)
        self.price.edit.step = self.stop.edit.step = rule.min_price_increment
        self.amount.edit.step = rule.min_base_amount_increment
        self.total.edit.step = max(rule.min_quote_amount_increment, rule.min_price_increment)
        self._show_type()
        self.refresh()

    def _load_form(self) -> None:
        """Also while there is no rule: what stands in the fields is always this market's."""
        form = self._form
        for edit, text in (
            (self.price.edit, form.price),
            (self.stop.edit, form.stop_price),
            (self.amount.edit, form.amount),
            (self.total.edit, form.total),
        ):
            edit.put(text)
        (self.buy if form.side is Side.BUY else self.sell).setChecked(True)
        self.follow.blockSignals(True)
        self.follow.setChecked(form.follow)
        self.follow.blockSignals(False)

    def _show_type(self) -> None:
        """Only the fields that this kind of order has."""
        rule, form = self._rule, self._form
        if rule is None:
            return
        times = offered_times(rule, form.type)
        if form.time_in_force not in times and times:
            form.time_in_force = times[0]
        _fill(self.times, [(time.value, time.value) for time in times], form.time_in_force.value)
        self.times.setVisible(len(times) > 1)
        self.price.setVisible(form.type.has_price)
        self.stop.setVisible(form.type.has_stop_price)
        self.amount.edit.setReadOnly(self._by_quote)
        self.amount.edit.setPlaceholderText("set by the total" if self._by_quote else "")
        if self._by_quote:
            form.sizing = Sizing.TOTAL
            self.amount.edit.put("")
        side = "buy" if form.side is Side.BUY else "sell"
        self.show_side(side)
        self._edits += 1

    def _show_preview(self) -> None:
        """Reasons beside their fields, what will be sent, and whether the button may be pressed."""
        exchange, rule = self._exchange, self._rule
        if exchange is None or rule is None:
            return
        bad = {
            name: row.edit.problem() for name, row in self.rows.items() if row.isVisibleTo(self) and row.edit.problem()
        }
        draft = self._draft_or_none() if not bad else None
        if draft is not None:
            sent = exchange.quantize(draft)
            problems = exchange.check(sent)
            told = preview(exchange, rule, draft, sent)
            complete = sent.amount is not None or sent.quote_amount is not None
            self.show_told(told if complete else None)
            self.submit.setText(told.headline)
        else:
            self.show_told(None)
            self.submit.setText(f"{SIDE_WORDS[self._form.side]} {rule.base}")
            problems = self._problems_without(exchange, rule, bad)
        self.submit.setAccessibleName(f"{self.submit.text()}: opens the confirmation")
        self._show_reasons(bad, problems)
        self.show_gate(self._gate)
        self.balance_shares.show()
        self._set_buttons()

    def _problems_without(self, exchange: ExchangeView, rule: TradingRule, bad: dict[str, str]) -> list[Problem]:
        """What is wrong apart from the fields that hold no number."""
        self._remember()
        emptied = {_ATTRIBUTES[name]: "" for name in bad}
        draft = draft_of(replace(self._form, **emptied), rule, self._market_price)
        found = exchange.check(exchange.quantize(draft))
        return [problem for problem in found if _FIELDS.get(problem.field) not in bad]

    def _show_reasons(self, bad: dict[str, str], problems: list[Problem]) -> None:
        said = dict(bad)
        general = []
        for problem in problems:
            name = _FIELDS.get(problem.field, "")
            if problem.field == "balance":
                name = "total" if self._form.side is Side.BUY else "amount"
            row = self.rows.get(name)
            if row is None or not row.isVisibleTo(self):
                general.append(clean(f"{problem.field}: {problem.reason}" if problem.field else problem.reason))
            else:
                reason = clean(problem.reason)
                said[name] = f"{said[name]}; {reason}" if name in said else reason
        for name, row in self.rows.items():
            # An empty field is a mistake only once the trader has tried to send.
            quiet = not row.edit.text() and not self._attempted and name not in bad
            other = {"amount": self.total, "total": self.amount}.get(name)
            if quiet and other is not None and other.edit.text():
                quiet = self._by_quote and name == "amount"
            reason = "" if quiet else said.get(name, "")
            if name == "price" and not reason and self.following_note:
                row.say(self.following_note, "accent")
            else:
                row.say(reason)
        self.show_general("; ".join(general))

    def _set_buttons(self) -> None:
        """Whether the button may be pressed is the sending part's."""

    # -- the trader's hand ---------------------------------------------------------------------------------------------

    def _side_chosen(self) -> None:
        self._form.side = Side.BUY if self.buy.isChecked() else Side.SELL
        self._show_type()
        self._link()

    def _type_chosen(self) -> None:
        self._choose_type(OrderType(self.type.currentData()))

    def _choose_type(self, type: OrderType) -> None:
        self._form.type = type
        self.type.setCurrentIndex(self.type.findData(type.value))
        self._show_type()
        self._link()

    def _time_chosen(self) -> None:
        self._form.time_in_force = TimeInForce(self.times.currentData())
        self._changed()

    def _price_typed(self) -> None:
        self.follow.setChecked(False)
        self._link()

    def _typed(self, sizing: Sizing) -> None:
        self._form.sizing = Sizing.TOTAL if self._by_quote else sizing
        self._link()

    def _link(self) -> None:
        """Price, amount and total agree again; the one set last stays as typed."""
        rule = self._rule
        if rule is not None:
            try:
                price = self.price.edit.value() if self._form.type.has_price else self._market_price
                self._link_at(rule, price)
            except BadNumber:
                # A figure that no longer follows from anything must not stay.
                if not self._by_quote:
                    (self.total if self._form.sizing is Sizing.AMOUNT else self.amount).edit.put("")
        self._changed()

    def _link_at(self, rule: TradingRule, price: Decimal | None) -> None:
        if self._by_quote:
            self.amount.edit.put("")
        elif self._form.sizing is Sizing.AMOUNT:
            amount = self.amount.edit.value()
            worth = "" if amount is None or price is None else plain_number(total_of(amount, price))
            self.total.edit.put(worth)
        else:
            total = self.total.edit.value()
            bought = "" if total is None or not price else plain_number(amount_of(total, price, rule))
            self.amount.edit.put(bought)

    def _changed(self) -> None:
        self._edits += 1
        self.refresh()

    def _follow_toggled(self, on: bool) -> None:
        self._form.follow = on
        self._changed()

    def _follow_market(self) -> None:
        exchange = self._exchange
        form = self._form
        if exchange is None or self._market is None or not form.type.has_price:
            return
        book = exchange.order_books.get(self._market[1])
        best = None if book is None else (book.best_bid if form.side is Side.BUY else book.best_ask)
        live = book is not None and not book.stale and best is not None
        self.show_following(form.follow, "bid" if form.side is Side.BUY else "ask", live)
        if form.follow and live and not self._frozen and best != self.price.edit.text():
            self.price.edit.put(best or "")
            rule = self._rule
            if rule is not None:
                try:
                    self._link_at(rule, Decimal(best or 0))
                except BadNumber:
                    pass
            self._edits += 1

    def _start_price(self) -> Decimal | None:
        exchange = self._exchange
        if exchange is None or self._market is None:
            return None
        return touch(exchange.order_books.get(self._market[1]), self._form.side.opposite)

    def _first_field(self) -> DecimalEdit:
        if self._form.type.has_price:
            return self.price.edit
        if self._form.type.has_stop_price:
            return self.stop.edit
        return self.total.edit if self._by_quote else self.amount.edit


def _fill(box: QComboBox, items: list[tuple[str, str]], chosen: str) -> None:
    if [(box.itemText(at), box.itemData(at)) for at in range(box.count())] != items:
        box.clear()
        for words, value in items:
            box.addItem(words, value)
    box.setCurrentIndex(max(0, box.findData(chosen)))


def _standing(exchange: ExchangeView | None, rule: TradingRule | None) -> tuple[object, ...]:
    """What decides whether there is a form at all; the object itself, because an account may be opened anew."""
    return (exchange, rule) if exchange is None else (exchange, rule, exchange.has_account, exchange.no_orders)


def _standing_gate(exchange: ExchangeView) -> Gate | None:
    """What keeps every order back, told before one is written."""
    safe = exchange.arming.refusal
    return Gate(GateState.BLOCKED, f"{safe} (Ctrl+T arms it)") if safe else None
