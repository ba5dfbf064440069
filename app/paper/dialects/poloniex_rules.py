"""Turns Poloniex order bodies into orders, or into the error code that the exchange would answer. Places nothing.

Fields and codes: sheet sections 6 and 7. Unconfirmed: the order in which rules are checked, that a market sale is held
to minAmount at the last price, that a STOP without `operator` waits on the far side of the last price, and which of
10040 and 24101 names a bad symbol (here orders: 10040, market data: 24101). JSON numbers are accepted like strings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any

from app.core.types import Side, TimeInForce
from app.paper.dialects.poloniex_errors import ApiError
from app.paper.dialects.poloniex_wire import pair_of
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind, SelfTrade, StopKind, StopOrder
from app.paper.units import OffScale, to_units
from app.paper.venue import Venue

MAX_OPEN_ORDERS = 2000
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KINDS = {"LIMIT": OrderKind.LIMIT, "MARKET": OrderKind.MARKET, "LIMIT_MAKER": OrderKind.POST_ONLY}
_SELF_TRADE = {"EXPIRE_TAKER": SelfTrade.EXPIRE_TAKER, "NONE": SelfTrade.ALLOW}
_PPM = 1_000_000

Body = Mapping[str, Any]


class OrderRules:
    """Checks of one venue. `states` holds market states other than NORMAL, `mode` a venue-wide one."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.states: dict[str, str] = {}
        self.maintenance = False
        self.post_only = False

    def state(self, pair: str) -> str:
        return self.states.get(pair, "NORMAL")

    def order(self, body: object, owner: str) -> Order:
        """Raises ApiError."""
        terms = _object(body)
        instrument = self.instrument(terms)
        side = _side(terms)
        kind = _KINDS.get(_word(terms, "type", "MARKET"))
        if kind is None:
            raise ApiError(21320)
        self._check_open(instrument.pair, kind, owner)
        order = Order(
            order_id=0,
            owner=owner,
            pair=instrument.pair,
            side=side,
            kind=kind,
            time_in_force=time_in_force(terms),
            client_order_id=client_order_id(terms),
            self_trade=_self_trade(terms),
        )
        _check_account_type(terms)
        if kind is OrderKind.MARKET:
            self._market_terms(order, terms, instrument)
        else:
            order.ticks = ticks(terms, "price", instrument)
            order.lots = lots(terms, instrument)
            _check_notional(order.ticks * order.lots, instrument)
            if kind is OrderKind.POST_ONLY:
                order.time_in_force = TimeInForce.GTC
        return order

    def stop(self, body: object, owner: str) -> StopOrder:
        """Raises ApiError."""
        terms = _object(body)
        instrument = self.instrument(terms)
        side = _side(terms)
        default = "STOP_LIMIT" if "price" in terms else "STOP"
        try:
            kind = StopKind(_word(terms, "type", default))
        except ValueError:
            raise ApiError(21320) from None
        self._check_open(instrument.pair, OrderKind.LIMIT, owner)
        stop = StopOrder(
            order_id=0,
            owner=owner,
            pair=instrument.pair,
            side=side,
            kind=kind,
            time_in_force=time_in_force(terms),
            client_order_id=client_order_id(terms),
        )
        _check_account_type(terms)
        if "stopPrice" in terms or not kind.is_trailing:
            stop.stop_ticks = ticks(terms, "stopPrice", instrument, too_low=21347)
        stop.rises = self._rises(terms, stop)
        if kind is StopKind.STOP_LIMIT:
            stop.ticks = ticks(terms, "price", instrument)
        if kind.is_trailing:
            stop.trail_ticks, stop.trail_ppm = _offset(terms, "trailingOffset", instrument)
        if kind is StopKind.TRAILING_STOP_LIMIT:
            stop.limit_ticks, stop.limit_ppm = _offset(terms, "limitOffset", instrument)
        is_limit = kind in (StopKind.STOP_LIMIT, StopKind.TRAILING_STOP_LIMIT)
        if not is_limit and side is Side.BUY and "amount" in terms:
            stop.cells = cells(terms, instrument)
        else:
            stop.lots = lots(terms, instrument)
            price = stop.ticks or stop.stop_ticks or self._venue.last_ticks.get(stop.pair, 0)
            _check_notional(price * stop.lots, instrument)
        return stop

    def instrument(self, terms: Body) -> Instrument:
        """The instrument of `symbol`. Raises ApiError."""
        if "symbol" not in terms:
            raise ApiError(602, "Missing Required Parameters: symbol")
        found = self._venue.instruments.get(pair_of(str(terms["symbol"])))
        if found is None or "-" in str(terms["symbol"]):
            raise ApiError(10040)
        return found

    def _market_terms(self, order: Order, terms: Body, instrument: Instrument) -> None:
        if order.side is Side.BUY:
            order.cells = cells(terms, instrument)
        else:
            order.lots = lots(terms, instrument)
            last = self._venue.last_ticks.get(order.pair, 0)
            if last:
                _check_notional(order.lots * last, instrument)
        if "slippageTolerance" in terms:
            tolerance = number(terms, "slippageTolerance")
            if not 0 < tolerance < 1:
                raise ApiError(601, "Invalid Parameter: slippageTolerance")
            order.bound_ticks = self._bound(order, tolerance)

    def _bound(self, order: Order, tolerance: Decimal) -> int:
        book = self._venue.books[order.pair]
        best = (book.asks if order.side is Side.BUY else book.bids).best()
        if best is None:
            return 0
        return int(best * (1 + tolerance)) if order.side is Side.BUY else ceil(best * (1 - tolerance))

    def _rises(self, terms: Body, stop: StopOrder) -> bool:
        operator = terms.get("operator")
        if operator is not None:
            if operator not in ("GTE", "LTE"):
                raise ApiError(601, "Invalid Parameter: operator")
            return bool(operator == "GTE")
        return stop.stop_ticks >= self._venue.last_ticks.get(stop.pair, 0)

    def _check_open(self, pair: str, kind: OrderKind, owner: str) -> None:
        post_only = kind is OrderKind.POST_ONLY
        if self.maintenance:
            raise ApiError(21340)
        if self.post_only and not post_only:
            raise ApiError(21341)
        state = self.state(pair)
        if state == "POST_ONLY" and not post_only:
            raise ApiError(21348)
        if state not in ("NORMAL", "POST_ONLY"):
            raise ApiError(10041)
        if len(self._venue.ledger(owner).open) >= MAX_OPEN_ORDERS:
            raise ApiError(21314)


def number(terms: Body, name: str) -> Decimal:
    """A required number, given as text or as a JSON number. Raises ApiError."""
    value = terms.get(name)
    if value is None or value == "":
        raise ApiError(602, f"Missing Required Parameters: {name}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ApiError(601, f"Invalid Parameter: {name}")
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        raise ApiError(601, f"Invalid Parameter: {name}") from None
    if not parsed.is_finite():
        raise ApiError(601, f"Invalid Parameter: {name}")
    return parsed


def ticks(terms: Body, name: str, instrument: Instrument, too_low: int = 21309) -> int:
    """A price. Raises ApiError."""
    value = number(terms, name)
    if value <= 0:
        raise ApiError(too_low)
    try:
        return instrument.ticks(value)
    except OffScale:
        raise ApiError(21335) from None


def lots(terms: Body, instrument: Instrument) -> int:
    """`quantity`, base units. Raises ApiError."""
    value = number(terms, "quantity")
    if value <= 0:
        raise ApiError(21328)
    try:
        found = instrument.lots(value)
    except OffScale:
        raise ApiError(21336) from None
    if value < instrument.min_quantity:
        raise ApiError(21330)
    return found


def cells(terms: Body, instrument: Instrument) -> int:
    """`amount`, quote units. Raises ApiError."""
    value = number(terms, "amount")
    if value <= 0:
        raise ApiError(21317)
    try:
        to_units(value, instrument.amount_scale)
        found = instrument.cells(value)
    except OffScale:
        raise ApiError(21337) from None
    if value < instrument.min_amount:
        raise ApiError(21322)
    return found


def time_in_force(terms: Body) -> TimeInForce:
    """Raises ApiError."""
    try:
        return TimeInForce(_word(terms, "timeInForce", "GTC"))
    except ValueError:
        raise ApiError(21321) from None


def client_order_id(terms: Body) -> str:
    """Empty when there is none. Raises ApiError."""
    value = terms.get("clientOrderId") or ""
    if value and not (isinstance(value, str) and _CLIENT_ID.fullmatch(value)):
        raise ApiError(21315)
    return str(value)


def _object(body: object) -> Body:
    if not isinstance(body, dict):
        raise ApiError(601, "Invalid Parameter: body")
    return body


def _word(terms: Body, name: str, default: str) -> str:
    value = terms.get(name)
    return default if value is None or value == "" else str(value)


def _side(terms: Body) -> Side:
    if "side" not in terms:
        raise ApiError(602, "Missing Required Parameters: side")
    try:
        return Side(str(terms["side"]))
    except ValueError:
        raise ApiError(21319) from None


def _self_trade(terms: Body) -> SelfTrade:
    mode = _SELF_TRADE.get(_word(terms, "stpMode", "EXPIRE_TAKER"))
    if mode is None:
        raise ApiError(601, "Invalid Parameter: stpMode")
    return mode


def _check_account_type(terms: Body) -> None:
    if _word(terms, "accountType", "SPOT") != "SPOT":
        raise ApiError(21324)


def _check_notional(notional_cells: int, instrument: Instrument) -> None:
    if notional_cells < instrument.cells(instrument.min_amount):
        raise ApiError(21322)


def _offset(terms: Body, name: str, instrument: Instrument) -> tuple[int, int]:
    """A distance in ticks, or (with a per cent sign) in millionths of the price."""
    text = str(terms.get(name, ""))
    if text.endswith("%"):
        share = number({name: text[:-1]}, name)
        try:
            return 0, to_units(share, 4)
        except OffScale:
            raise ApiError(601, f"Invalid Parameter: {name}") from None
    return ticks(terms, name, instrument, too_low=601), 0
