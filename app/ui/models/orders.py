"""Open orders of all accounts as table rows, their columns and the totals of a selection. No widgets, no cancelling."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal

from app.core.clock import NS_PER_MS, Clock
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder
from app.core.types import Side
from app.ui.desk import Desk, ExchangeView
from app.ui.format import DASH, Display, age, clean, date_time, decimals_of, exact, moment, plain, rounded
from app.ui.models import orders_words as words
from app.ui.models.orders_table import Badge, Cell, Column, LiveTable


class OrderLine:
    """One order of one account as a row."""

    __slots__ = ("exchange", "order", "key", "_search", "_search_version")

    def __init__(self, exchange: ExchangeView, order: InFlightOrder) -> None:
        self.exchange = exchange
        self.order = order
        # The order's own key changes when a stranger's client id becomes known; the object does not.
        self.key: Hashable = id(order)
        self._search = ""
        self._search_version = -1

    @property
    def version(self) -> Hashable:
        return self.order.version

    @property
    def base(self) -> str:
        return self.order.pair.partition("-")[0]

    @property
    def quote(self) -> str:
        return self.order.pair.partition("-")[2]

    def price_text(self, price: Decimal | None) -> str:
        rule = self.exchange.trading_rules.get(self.order.pair)
        return words.places(price, decimals_of(rule.min_price_increment) if rule else 0)

    def average_text(self) -> str:
        """A quotient, shown with two digits more than the tick has; no number while part of it is unknown."""
        if words.average_incomplete(self.order):
            return "incomplete"
        average = self.order.average_price
        rule = self.exchange.trading_rules.get(self.order.pair)
        return DASH if average is None else rounded(average, 2 + decimals_of(rule.min_price_increment) if rule else 8)

    def amount_text(self, amount: Decimal | None) -> str:
        rule = self.exchange.trading_rules.get(self.order.pair)
        return words.places(amount, decimals_of(rule.min_base_amount_increment) if rule else 0)

    def matches(self, text: str) -> bool:
        """Whether a lower-case text occurs in market, account, ids, type or state."""
        if self._search_version != self.order.version:
            order = self.order
            self._search_version = order.version
            self._search = " ".join(
                (
                    order.pair,
                    self.exchange.title,
                    self.exchange.key,
                    order.client_order_id,
                    order.exchange_order_id,
                    order.triggered_order_id,
                    words.SIDE_WORDS[order.side],
                    words.TYPE_WORDS[order.terms.type],
                    order.state.value,
                    words.state_words(order)[0],
                    *(flag.value for flag in order.flags),
                )
            ).lower()
        return text in self._search


def exchange_cell(exchange: ExchangeView) -> Cell:
    """The account's name, and PAPER or LIVE beside it: the two are never told apart by colour alone."""
    badge = Badge(exchange.kind, exchange.kind.lower())
    _, _, account = exchange.key.partition(":")
    name = f"{exchange.title} {account}" if account and account not in exchange.title else exchange.title
    return Cell(clean(name, 40), badges=(badge,), tip=exchange.key)


def frame_cell(frame: int, source: str = "") -> Cell:
    """The message that said so, or a dash for what no message told."""
    if not frame:
        return Cell(DASH, "secondary", tip="no message of the exchange has set this yet")
    badges = (Badge("REST"),) if source == "rest" else ()
    return Cell(f"#{frame}", "secondary", badges, tip=f"set by message {frame}" + (f" ({source})" if source else ""))


def time_cell(ms: int, display: Display) -> Cell:
    if ms <= 0:
        return Cell(DASH, "secondary")
    return Cell(f"{moment(ms, display.zone):%m-%d %H:%M:%S}", "secondary", tip=date_time(ms, display.zone, True))


def _price_cell(line: OrderLine) -> Cell:
    price = line.order.terms.price
    return Cell("market", "secondary") if price is None else Cell(line.price_text(price))


def _amount_cell(line: OrderLine) -> Cell:
    terms = line.order.terms
    if terms.amount is None and terms.quote_amount is not None:
        return Cell(f"{exact(terms.quote_amount)} {line.quote}", tip="sized in quote currency")
    return Cell(line.amount_text(terms.amount), tip=f"{line.base}")


def _average_cell(line: OrderLine) -> Cell:
    tip = words.average_tip(line.order)
    return Cell(line.average_text(), "warning" if tip else "text", tip=tip)


def _filled_cell(line: OrderLine) -> Cell:
    share = words.share_filled(line.order)
    part = "" if share is None else f"{share:.1%} of the order"
    return Cell(line.amount_text(line.order.filled), share=share, tip=part)


def _state_cell(line: OrderLine) -> Cell:
    text, tone = words.state_words(line.order)
    if is_traders_to_tell(line):
        text = TOO_OLD if OrderFlag.TOO_OLD in line.order.flags else CANNOT_BE_ASKED
    return Cell(text, tone, tip=words.state_tip(line.order), bold=tone in ("warning", "error"))


def id_cell(line: OrderLine) -> Cell:
    order = line.order
    tip = f"ours: {order.client_order_id or DASH}\nexchange: {order.exchange_order_id or DASH}"
    if order.triggered_order_id:
        tip += f"\nafter its trigger: {order.triggered_order_id}"
    return Cell(clean(order.client_order_id or order.exchange_order_id, 48), "secondary", tip=tip)


TOO_OLD = "May be live, too old to prove: choose…"
CANNOT_BE_ASKED = "This exchange cannot be asked by our id: choose…"


def is_traders_to_tell(line: OrderLine) -> bool:
    """Whether the outcome is unknown and no question to the exchange can tell it."""
    asked = line.exchange.asks_by_our_id and OrderFlag.TOO_OLD not in line.order.flags
    return line.order.state is OrderState.UNKNOWN and not asked


def _exact(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def order_columns(display: Callable[[], Display]) -> list[Column[OrderLine]]:
    """Columns that open and done orders share; prices in quote, amounts in base."""
    return [
        Column("Time", lambda r: time_cell(r.order.created_ms, display()), lambda r: r.order.created_ms or None, 104),
        Column("Account", lambda r: exchange_cell(r.exchange), lambda r: r.exchange.key, 122),
        Column("Market", lambda r: Cell(r.order.pair, bold=True), lambda r: r.order.pair, 86),
        Column(
            "Side",
            lambda r: Cell(words.SIDE_WORDS[r.order.side], words.side_tone(r.order.side), bold=True),
            lambda r: r.order.side.value,
            44,
        ),
        Column(
            "Type",
            lambda r: Cell(words.TYPE_WORDS[r.order.terms.type], tip=r.order.terms.time_in_force.value),
            lambda r: words.TYPE_WORDS[r.order.terms.type],
            76,
        ),
        Column(
            "Price",
            _price_cell,
            lambda r: r.order.terms.price,
            88,
            right=True,
            tip="quote currency",
            plain=lambda r: _exact(r.order.terms.price),
        ),
        Column(
            "Stop",
            lambda r: Cell(r.price_text(r.order.terms.stop_price)),
            lambda r: r.order.terms.stop_price,
            84,
            right=True,
            tip="trigger price, quote currency",
            plain=lambda r: _exact(r.order.terms.stop_price),
        ),
        Column(
            "Amount",
            _amount_cell,
            lambda r: r.order.terms.amount,
            84,
            right=True,
            tip="base currency",
            plain=lambda r: _exact(r.order.terms.amount),
        ),
        Column(
            "Filled",
            _filled_cell,
            lambda r: r.order.filled,
            84,
            right=True,
            tip="base currency",
            plain=lambda r: _exact(r.order.filled),
        ),
        Column(
            "Remaining",
            lambda r: Cell(r.amount_text(r.order.remaining)),
            lambda r: r.order.remaining,
            84,
            right=True,
            tip="base currency",
            plain=lambda r: _exact(r.order.remaining),
        ),
        Column(
            "Average",
            _average_cell,
            lambda r: None if words.average_incomplete(r.order) else r.order.average_price,
            92,
            right=True,
            tip="average price of what is filled, quote currency",
        ),
        Column("State", _state_cell, lambda r: words.state_rank(r.order), 250),
        Column(
            "Flags",
            lambda r: Cell("", badges=words.flag_badges(r.order), tip=words.flag_tip(r.order)),
            lambda r: " ".join(sorted(r.order.flags)) or None,
            98,
        ),
    ]


def open_columns(clock: Clock, display: Callable[[], Display]) -> list[Column[OrderLine]]:
    """The first column is the cancel button."""

    def since(line: OrderLine) -> Cell:
        if line.order.created_ms <= 0:
            return Cell(DASH, "secondary")
        return Cell(age(clock.wall_ns() / NS_PER_MS / 1000 - line.order.created_ms / 1000), "secondary")

    return [
        Column("", lambda r: Cell("✕", "secondary", tip="Cancel this order (Del)"), lambda r: None, 28),
        *order_columns(display),
        Column(
            "Age",
            since,
            lambda r: -r.order.created_ms if r.order.created_ms else None,
            54,
            right=True,
            live=True,
            tip="since it was placed",
        ),
        Column("Message", lambda r: frame_cell(r.order.frame, r.order.source), lambda r: r.order.frame or None, 92),
        Column("Order id", id_cell, lambda r: r.order.client_order_id or r.order.exchange_order_id, 200),
    ]


class OpenOrdersModel(LiveTable[OrderLine]):
    """Every order that may still trade, UNKNOWN ones included. `load` is cheap while no version rises."""

    def __init__(self, desk: Desk, clock: Clock, display: Callable[[], Display]) -> None:
        super().__init__(open_columns(clock, display), sort_by=1, descending=True)
        self._desk = desk
        self._versions: tuple[tuple[Hashable, ...], ...] | None = None
        self._lines: dict[int, OrderLine] = {}

    def load(self) -> bool:
        """Read the trackers again if any of them changed; returns whether it did."""
        exchanges = list(self._desk.exchanges.values())
        versions = tuple((e.key, id(e), e.orders.version, e.trading_rules_version) for e in exchanges)
        if versions == self._versions:
            return False
        new_rules = [v[3] for v in versions] != [v[3] for v in self._versions or ()]
        self._versions = versions
        lines = {}
        for exchange in exchanges:
            for order in exchange.orders.open:
                lines[id(order)] = self._lines.get(id(order)) or OrderLine(exchange, order)
        self._lines = lines
        self.feed(lines.values())
        if new_rules:
            self.forget_cells()
        return True


def totals(lines: Iterable[OrderLine]) -> str:
    """Words for a selection: how many, what is left of them in base and quote, buys and sells apart."""
    lines = list(lines)
    left: dict[tuple[Side, str], Decimal] = {}
    value: dict[tuple[Side, str], Decimal] = {}
    unpriced = 0
    for line in lines:
        order, side = line.order, line.order.side
        remaining = order.remaining
        if remaining is None:
            quote = order.terms.quote_amount
            if quote is None:
                unpriced += 1
            else:
                value[side, line.quote] = value.get((side, line.quote), Decimal(0)) + quote - order.filled_quote
            continue
        left[side, line.base] = left.get((side, line.base), Decimal(0)) + remaining
        if order.terms.price is None:
            unpriced += 1
        else:
            worth = remaining * order.terms.price
            value[side, line.quote] = value.get((side, line.quote), Decimal(0)) + worth
    parts = [f"{len(lines)} selected"]
    for side in Side:
        amounts = [f"{exact(amount)} {asset}" for (s, asset), amount in left.items() if s is side]
        worths = [f"{rounded(amount, 2)} {asset}" for (s, asset), amount in value.items() if s is side]
        if amounts or worths:
            parts.append(
                f"{words.SIDE_WORDS[side]} {', '.join(amounts)}" + (f" = {', '.join(worths)}" if worths else "")
            )
    if unpriced:
        parts.append(f"{unpriced} without a price")
    return "  ·  ".join(parts)
