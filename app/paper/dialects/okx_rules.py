"""Turns OKX order bodies into orders and stop orders, or into the code that the exchange would answer. Places nothing.

| rule | code | evidence |
|---|---|---|
| clOrdId, algoClOrdId: 1-32 letters and digits; tag up to 16 | 51000 | sheet 6; code unconfirmed |
| time in force is an order type: limit, post_only, ioc, fok, market | 51000 for others | sheet 6 |
| market buy counts `sz` in quote unless tgtCcy says base_ccy, market sell in base | - | sheet 6, trap 4 |
| sz below minSz; not a multiple of lotSz | 51020; 51121 | sheet 7 |
| px not a multiple of tickSz | 51000 px | unconfirmed |
| a limit price over 5 % beyond the last | 51137 buy, 51138 sell; pxAmendType 1 moves it | codes sheet 7, 5 % ours |
| caps of the instrument | 51201, 51202, 51203 | sheet 2 and 7; which for which unconfirmed |
| 500 open orders an instrument | 51174 | the exchange's docs |
| state other than live | 51022; preopen 51021; post_only refuses what is not | sheet 2 and 7; the last unconfirmed |
| attachAlgoOrds, slippagePct | 51000: this twin has neither | limit of this twin |
| tdMode other than cash in this spot-mode account | 51010 | unconfirmed |
| JSON numbers are taken like strings | - | unconfirmed |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from app.core.types import Side, TimeInForce
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_listings import PAIRS_BY_CODE
from app.paper.dialects.okx_orders import OkxOrder
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind, SelfTrade
from app.paper.units import OffScale, to_text
from app.paper.venue import Venue

Terms = Mapping[str, Any]
Word = TypeVar("Word")

MAX_OPEN_PER_PAIR = 500
PRICE_BAND_PERCENT = 5
MAX_LIMIT_SIZE = Decimal("9999999999")
MAX_MARKET_SIZE = Decimal("1000000")
MAX_LIMIT_USD = Decimal("20000000")
MAX_MARKET_USD = Decimal("1000000")

_KINDS = {
    "limit": (OrderKind.LIMIT, TimeInForce.GTC),
    "post_only": (OrderKind.POST_ONLY, TimeInForce.GTC),
    "ioc": (OrderKind.LIMIT, TimeInForce.IOC),
    "fok": (OrderKind.LIMIT, TimeInForce.FOK),
    "market": (OrderKind.MARKET, TimeInForce.GTC),
}
SELF_TRADE = {
    "cancel_maker": SelfTrade.EXPIRE_MAKER,
    "cancel_taker": SelfTrade.EXPIRE_TAKER,
    "cancel_both": SelfTrade.EXPIRE_BOTH,
}
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_TAG = re.compile(r"[A-Za-z0-9]{1,16}")


class OrderRules:
    """Checks of one venue. `states` holds instrument states other than live."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.states: dict[str, str] = {}

    def state(self, pair: str) -> str:
        return self.states.get(pair, "live")

    def order(self, terms: Terms, owner: str, *, by_code: bool = False) -> OkxOrder:
        """Raises ApiError."""
        instrument = self.instrument(terms, by_code=by_code)
        side = choice(terms, "side", SIDES)
        ord_type = text(terms, "ordType")
        kind, time_in_force = choice(terms, "ordType", _KINDS)
        self.check_tradable(instrument.pair, kind, owner)
        stp_mode = text(terms, "stpMode") or "cancel_maker"
        order = OkxOrder(
            order_id=0,
            owner=owner,
            pair=instrument.pair,
            side=side,
            kind=kind,
            time_in_force=time_in_force,
            self_trade=choice({"stpMode": stp_mode}, "stpMode", SELF_TRADE),
            client_order_id=client_id(terms, "clOrdId"),
            ord_type=ord_type,
            size=text(terms, "sz"),
            tag=tag(terms),
            td_mode=trade_mode(terms),
            stp_mode=stp_mode,
            trade_quote_ccy=_trade_quote(terms, instrument),
        )
        if stp_mode == "cancel_both" and ord_type == "fok":
            raise ApiError("51000", "stpMode")
        if terms.get("attachAlgoOrds"):
            raise ApiError("51000", "attachAlgoOrds")
        if terms.get("slippagePct"):
            raise ApiError("51000", "slippagePct")
        if kind is OrderKind.MARKET:
            self._market_size(order, terms, instrument)
        else:
            order.lots = lots(terms, "sz", instrument)
            order.ticks = self.limit_ticks(ticks(terms, "px", instrument), side, instrument, terms)
            self._check_limit_caps(order, instrument)
        return order

    def instrument(self, terms: Terms, *, by_code: bool = False) -> Instrument:
        """Named by instId, or over the WebSocket by the JSON integer instIdCode. Raises ApiError."""
        if by_code:
            code = terms.get("instIdCode")
            if isinstance(code, bool) or not isinstance(code, int):
                raise ApiError("50014" if code is None else "51000", "instIdCode")
            pair = PAIRS_BY_CODE.get(code, "")
        else:
            pair = required(terms, "instId")
        found = self._venue.instruments.get(pair)
        if found is None:
            raise ApiError("51001")
        return found

    def check_tradable(self, pair: str, kind: OrderKind, owner: str) -> None:
        """Raises ApiError."""
        state = self.state(pair)
        if state == "preopen":
            raise ApiError("51021")
        if state != "live" and not (state == "post_only" and kind is OrderKind.POST_ONLY):
            raise ApiError("51022")
        mine = sum(order.pair == pair for order in self._venue.ledger(owner).open.values())
        if mine >= MAX_OPEN_PER_PAIR:
            raise ApiError("51174", pair, MAX_OPEN_PER_PAIR)

    def price_limits(self, instrument: Instrument) -> tuple[int, int]:
        """The highest price a buyer and the lowest a seller may name, in ticks."""
        last = self._venue.last_ticks[instrument.pair]
        return last * (100 + PRICE_BAND_PERCENT) // 100, -(-last * (100 - PRICE_BAND_PERCENT) // 100)

    def limit_ticks(self, wanted: int, side: Side, instrument: Instrument, terms: Terms) -> int:
        """The price, moved to the limit where the order allows that. Raises ApiError."""
        highest, lowest = self.price_limits(instrument)
        moves = text(terms, "pxAmendType") == "1"
        if side is Side.BUY and wanted > highest:
            if not moves:
                raise ApiError("51137", to_text(highest, instrument.price_scale))
            return highest
        if side is Side.SELL and wanted < lowest:
            if not moves:
                raise ApiError("51138", to_text(lowest, instrument.price_scale))
            return lowest
        return wanted

    def usd_value(self, asset: str, amount: Decimal) -> Decimal:
        """At last prices, a USDT counting as a dollar; zero for an asset without a USDT market."""
        instrument = self._venue.instruments.get(f"{asset}-USDT")
        if asset == "USDT" or instrument is None:
            return amount if asset == "USDT" else Decimal(0)
        return amount * instrument.price(self._venue.last_ticks[instrument.pair])

    def _market_size(self, order: OkxOrder, terms: Terms, instrument: Instrument) -> None:
        default = "quote_ccy" if order.side is Side.BUY else "base_ccy"
        order.tgt_ccy = text(terms, "tgtCcy") or default
        last = self._venue.last_ticks[instrument.pair]
        if order.tgt_ccy == "base_ccy":
            order.lots = lots(terms, "sz", instrument)
            value = self.usd_value(instrument.quote, instrument.quote_amount(order.lots * last))
            if value > MAX_MARKET_USD:
                raise ApiError("51201", f"{MAX_MARKET_USD} USD")
        elif order.tgt_ccy == "quote_ccy":
            order.cells = _cells(terms, instrument)
            if self.usd_value(instrument.quote, instrument.quote_amount(order.cells)) > MAX_MARKET_SIZE:
                raise ApiError("51202")
            if order.cells // last < instrument.lots(instrument.min_quantity):
                raise ApiError("51020")
        else:
            raise ApiError("51000", "tgtCcy")

    def _check_limit_caps(self, order: Order, instrument: Instrument) -> None:
        if instrument.amount(order.lots) > MAX_LIMIT_SIZE:
            raise ApiError("51203", MAX_LIMIT_SIZE)
        value = self.usd_value(instrument.quote, instrument.quote_amount(order.ticks * order.lots))
        if value > MAX_LIMIT_USD:
            raise ApiError("51203", f"{MAX_LIMIT_USD} USD")


def terms_of(value: object) -> Terms:
    """A body, or a row of one, as an object. Raises ApiError."""
    if not isinstance(value, dict):
        raise ApiError("50002")
    return value


def text(terms: Terms, name: str) -> str:
    """Empty when it is absent. Raises ApiError for what is neither text nor number."""
    value = terms.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ApiError("51000", name)
    return str(value)


def required(terms: Terms, name: str) -> str:
    """Raises ApiError."""
    found = text(terms, name)
    if not found:
        raise ApiError("50014", name)
    return found


def choice(terms: Terms, name: str, words: Mapping[str, Word]) -> Word:
    """Raises ApiError."""
    word = required(terms, name)
    if word not in words:
        raise ApiError("51000", name)
    return words[word]


def flag(terms: Terms, name: str) -> bool:
    """A JSON boolean or its word."""
    return terms.get(name) in (True, "true")


def number(terms: Terms, name: str) -> Decimal:
    """A positive number. Raises ApiError."""
    try:
        value = Decimal(required(terms, name))
    except InvalidOperation:
        raise ApiError("51000", name) from None
    if not value.is_finite() or value <= 0:
        raise ApiError("51000", name)
    return value


def ticks(terms: Terms, name: str, instrument: Instrument) -> int:
    """Raises ApiError."""
    try:
        return instrument.ticks(number(terms, name))
    except OffScale:
        raise ApiError("51000", name) from None


def lots(terms: Terms, name: str, instrument: Instrument) -> int:
    """A base amount. Raises ApiError."""
    value = number(terms, name)
    if value < instrument.min_quantity:
        raise ApiError("51020")
    try:
        return instrument.lots(value)
    except OffScale:
        raise ApiError("51121") from None


def client_id(terms: Terms, name: str) -> str:
    """Empty when there is none. Raises ApiError."""
    found = text(terms, name)
    if found and not _CLIENT_ID.fullmatch(found):
        raise ApiError("51000", name)
    return found


def tag(terms: Terms) -> str:
    """Raises ApiError."""
    found = text(terms, "tag")
    if found and not _TAG.fullmatch(found):
        raise ApiError("51000", "tag")
    return found


def trade_mode(terms: Terms) -> str:
    """Raises ApiError."""
    mode = required(terms, "tdMode")
    if mode in ("cross", "isolated", "spot_isolated"):
        raise ApiError("51010")
    if mode != "cash":
        raise ApiError("51000", "tdMode")
    return mode


def _trade_quote(terms: Terms, instrument: Instrument) -> str:
    found = text(terms, "tradeQuoteCcy") or instrument.quote
    if found != instrument.quote:
        raise ApiError("51000", "tradeQuoteCcy")
    return found


def _cells(terms: Terms, instrument: Instrument) -> int:
    value = number(terms, "sz")
    try:
        return instrument.cells(value)
    except OffScale:
        raise ApiError("51121") from None
