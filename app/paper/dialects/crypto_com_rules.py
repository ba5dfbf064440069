"""Turns Crypto.com's order parameters into orders, or into the code that the exchange would answer. Places nothing.

| rule | code | evidence |
|---|---|---|
| every number in params is a JSON string | 40004 | sheet 2; code unconfirmed |
| unknown or closed instrument | 209, 208 | sheet 8 |
| side, type, time_in_force | 220, 218, 221 | the exchange's code names |
| trigger types in create-order | 218 | sheet 7 (moved in 2025-12); code unconfirmed |
| quantity or price off the step | 213, 308 | sheet 8 |
| below one lot or the hidden least value | 415 | sheet 3 and 8 |
| LIMIT with notional, MARKET with price | ignored; ccxt sends more than is needed | unconfirmed |
| POST_ONLY without GOOD_TILL_CANCEL | 43005 | sheet 7 |
| POST_ONLY for MARKET, or with SMART_POST_ONLY; unknown words | 219 | code's name; unconfirmed |
| REDUCE_ONLY on spot; ISOLATED_MARGIN | 1110; 219 | unconfirmed |
| spot_margin MARGIN | 408: this account has no margin | limit of this twin |
| client_oid over 36 characters | 40004 | sheet 7; code unconfirmed |
| a buy 20 % over, a sell 20 % under the last price | 315 | code sheet 8, 20 % ours |
| over 5,000,000 USD; 200 open orders an instrument | 314; 318 | codes sheet 8, figures ours |
| stp_inst M, T, B: cancel maker, taker, both; with stp_scope | 40004 | sheet 7; letters remembered |
| no stp_inst | an account may trade with itself | unconfirmed |
| fee_instrument_name other than the received asset | 215 | limit of this twin |
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from app.core.types import Side, TimeInForce
from app.paper.dialects.crypto_com_errors import ApiError
from app.paper.dialects.crypto_com_listings import pair_of
from app.paper.dialects.crypto_com_orders import CryptoComOrder
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind, SelfTrade
from app.paper.units import OffScale
from app.paper.venue import Venue

Terms = Mapping[str, Any]
Word = TypeVar("Word")

MAX_OPEN_PER_PAIR = 200
MAX_ORDER_USD = Decimal(5_000_000)
FAR_AWAY_PERCENT = 20
LONGEST_CLIENT_OID = 36

SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
TIMES = {
    "GOOD_TILL_CANCEL": TimeInForce.GTC,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
}
TYPES = {"LIMIT": OrderKind.LIMIT, "MARKET": OrderKind.MARKET}
_EXEC_INST = frozenset({"POST_ONLY", "SMART_POST_ONLY", "REDUCE_ONLY", "ISOLATED_MARGIN"})
_SELF_TRADE = {"M": SelfTrade.EXPIRE_MAKER, "T": SelfTrade.EXPIRE_TAKER, "B": SelfTrade.EXPIRE_BOTH}


class OrderRules:
    """Checks of one venue. `closed` holds pairs that are listed but not tradable."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.closed: set[str] = set()

    def instrument(self, terms: Terms) -> Instrument:
        """Raises ApiError."""
        found = self._venue.instruments.get(pair_of(required(terms, "instrument_name")))
        if found is None:
            raise ApiError(209)
        return found

    def order(self, terms: Terms, owner: str) -> CryptoComOrder:
        """Raises ApiError."""
        instrument = self.tradable(terms, owner)
        side = choice(terms, "side", SIDES, 220)
        kind = choice(terms, "type", TYPES, 218)
        time_in_force = choice({"time_in_force": "GOOD_TILL_CANCEL"} | dict(terms), "time_in_force", TIMES, 221)
        words = _exec_inst(terms, kind)
        if "POST_ONLY" in words or "SMART_POST_ONLY" in words:
            if time_in_force is not TimeInForce.GTC:
                raise ApiError(43005)
            kind = OrderKind.POST_ONLY
        self.check_account_words(terms, side, instrument)
        order = CryptoComOrder(
            order_id=0,
            owner=owner,
            pair=instrument.pair,
            side=side,
            kind=kind,
            time_in_force=time_in_force,
            self_trade=_self_trade(terms),
            client_order_id=client_id(terms, "client_oid"),
            exec_inst=words,
        )
        if kind is OrderKind.MARKET:
            self.size_market(order, terms, instrument)
        else:
            order.ticks = ticks(terms, "price", instrument)
            order.lots = lots(terms, "quantity", instrument)
            self.check_limit(order, instrument)
            if "SMART_POST_ONLY" in words:
                order.ticks = self._beside(order)
        return order

    def tradable(self, terms: Terms, owner: str) -> Instrument:
        """The instrument, when this account may place one more order there. Raises ApiError."""
        instrument = self.instrument(terms)
        if instrument.pair in self.closed:
            raise ApiError(208)
        mine = sum(order.pair == instrument.pair for order in self._venue.ledger(owner).open.values())
        if mine >= MAX_OPEN_PER_PAIR:
            raise ApiError(318)
        return instrument

    def check_account_words(self, terms: Terms, side: Side, instrument: Instrument) -> None:
        """Raises ApiError."""
        if text(terms, "spot_margin") not in ("", "SPOT"):
            raise ApiError(408 if text(terms, "spot_margin") == "MARGIN" else 40004)
        received = instrument.base if side is Side.BUY else instrument.quote
        if text(terms, "fee_instrument_name") not in ("", received):
            raise ApiError(215)

    def size_market(self, order: CryptoComOrder, terms: Terms, instrument: Instrument) -> None:
        """By notional (a buy only) or by quantity. Raises ApiError."""
        last = self._venue.last_ticks[instrument.pair]
        if order.side is Side.BUY and text(terms, "notional"):
            order.notional = text(terms, "notional")
            order.cells = cells(terms, "notional", instrument)
            self._check_value(order.cells, instrument)
            if order.cells < last:
                raise ApiError(415)
        else:
            order.lots = lots(terms, "quantity", instrument)
            self._check_value(order.lots * last, instrument)

    def check_limit(self, order: Order, instrument: Instrument) -> None:
        """Raises ApiError."""
        last = self._venue.last_ticks[instrument.pair]
        if order.side is Side.BUY and order.ticks * 100 > last * (100 + FAR_AWAY_PERCENT):
            raise ApiError(315)
        if order.side is Side.SELL and order.ticks * 100 < last * (100 - FAR_AWAY_PERCENT):
            raise ApiError(315)
        self._check_value(order.ticks * order.lots, instrument)

    def usd_value(self, asset: str, amount: Decimal) -> Decimal:
        """At last prices, a USDT counting as a dollar; zero for an asset without such a market."""
        if asset in ("USDT", "USD"):
            return amount
        instrument = self._venue.instruments.get(f"{asset}-USDT")
        return amount * instrument.price(self._venue.last_ticks[instrument.pair]) if instrument else Decimal(0)

    def _check_value(self, order_cells: int, instrument: Instrument) -> None:
        amount = instrument.quote_amount(order_cells)
        if amount < instrument.min_amount:
            raise ApiError(415)
        if self.usd_value(instrument.quote, amount) > MAX_ORDER_USD:
            raise ApiError(314)

    def _beside(self, order: Order) -> int:
        """The order's price, moved to just before the other side where it would take."""
        book = self._venue.books[order.pair]
        if order.side is Side.BUY:
            best = book.asks.best()
            return order.ticks if best is None else min(order.ticks, best - 1)
        best = book.bids.best()
        return order.ticks if best is None else max(order.ticks, best + 1)


def text(terms: Terms, name: str) -> str:
    """Empty when it is absent. Raises ApiError for what is not text."""
    value = terms.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ApiError(40004, f"MISSING_OR_INVALID_ARGUMENT: {name} must be a string")
    return value


def required(terms: Terms, name: str) -> str:
    """Raises ApiError."""
    found = text(terms, name)
    if not found:
        raise ApiError(40004)
    return found


def choice(terms: Terms, name: str, words: Mapping[str, Word], code: int) -> Word:
    """Raises ApiError."""
    found = words.get(required(terms, name))
    if found is None:
        raise ApiError(code)
    return found


def number(terms: Terms, name: str, code: int) -> Decimal:
    """A positive number. Raises ApiError."""
    try:
        value = Decimal(required(terms, name))
    except InvalidOperation:
        raise ApiError(code) from None
    if not value.is_finite() or value <= 0:
        raise ApiError(code)
    return value


def ticks(terms: Terms, name: str, instrument: Instrument) -> int:
    """Raises ApiError."""
    try:
        return instrument.ticks(number(terms, name, 308))
    except OffScale:
        raise ApiError(308) from None


def lots(terms: Terms, name: str, instrument: Instrument) -> int:
    """A base amount. Raises ApiError."""
    value = number(terms, name, 213)
    if value < instrument.min_quantity:
        raise ApiError(415)
    try:
        return instrument.lots(value)
    except OffScale:
        raise ApiError(213) from None


def cells(terms: Terms, name: str, instrument: Instrument) -> int:
    """A quote amount. Raises ApiError."""
    try:
        return instrument.cells(number(terms, name, 213))
    except OffScale:
        raise ApiError(213) from None


def client_id(terms: Terms, name: str) -> str:
    """Empty when there is none. Raises ApiError."""
    found = text(terms, name)
    if len(found) > LONGEST_CLIENT_OID:
        raise ApiError(40004)
    return found


def _exec_inst(terms: Terms, kind: OrderKind) -> tuple[str, ...]:
    words = terms.get("exec_inst") or []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ApiError(40004)
    if not set(words) <= _EXEC_INST or "ISOLATED_MARGIN" in words:
        raise ApiError(219)
    if "REDUCE_ONLY" in words:
        raise ApiError(1110)
    if len(words) > 1 or (words and kind is OrderKind.MARKET):
        raise ApiError(219)
    return tuple(words)


def _self_trade(terms: Terms) -> SelfTrade:
    scope, instruction = text(terms, "stp_scope"), text(terms, "stp_inst")
    if not scope and not instruction:
        return SelfTrade.ALLOW
    if scope not in ("M", "S") or instruction not in _SELF_TRADE:
        raise ApiError(40004)
    return _SELF_TRADE[instruction]
