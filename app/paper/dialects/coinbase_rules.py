"""Turns Coinbase order configurations into orders, or into the reason that the exchange would name. Places nothing.

| what | rule | evidence |
|---|---|---|
| kinds and fields | the table of sheet section 6 | sheet 6 |
| market_market_fok, twap_limit_gtd, scaled_limit_gtc, attached orders | UNSUPPORTED_… | sheet 6 |
| stop-limit and bracket on spot | taken; `stops` switches them off | docs and SDK against one client; unconfirmed |
| quote_size | with fees: the fee is part of what is spent | field size_inclusive_of_fees; unconfirmed |
| precision, size, notional, market state, post-only | the PREVIEW_ reasons of sheet section 7 | sheet 7 |
| no wallet in what is spent | ORDER_ENTRY_DISABLED, "account is not available" | sheet 2, 7; code unconfirmed |
| stop on the wrong side of the last trade | STOP_PRICE_ABOVE_ / _BELOW_LAST_TRADE_PRICE | ccxt, SDK sources |
| bracket: only sales, around the market | INVALID_BRACKET_ORDER_SIDE, _PRICES | SDK sources; unconfirmed |
| order in which rules are checked | ours | unconfirmed |
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from app.core.types import Side, TimeInForce
from app.paper.accounts import Account
from app.paper.dialects.coinbase_catalog import DELISTED, EMPTY_WALLETS, PRODUCTS
from app.paper.dialects.coinbase_errors import ApiError, OrderRefused
from app.paper.dialects.coinbase_records import Kind, Record
from app.paper.dialects.coinbase_wire import milliseconds
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind
from app.paper.units import OffScale, to_units
from app.paper.venue import Venue

Body = Mapping[str, Any]
LONGEST_CLIENT_ID = 128
_PPM = 1_000_000
_KINDS = {
    "market_market_ioc": (Kind.MARKET, "ioc"),
    "limit_limit_gtc": (Kind.LIMIT, "gtc"),
    "limit_limit_gtd": (Kind.LIMIT, "gtd"),
    "limit_limit_fok": (Kind.LIMIT, "fok"),
    "sor_limit_ioc": (Kind.LIMIT, "ioc"),
    "stop_limit_stop_limit_gtc": (Kind.STOP_LIMIT, "gtc"),
    "stop_limit_stop_limit_gtd": (Kind.STOP_LIMIT, "gtd"),
    "trigger_bracket_gtc": (Kind.BRACKET, "gtc"),
    "trigger_bracket_gtd": (Kind.BRACKET, "gtd"),
}
_UNSUPPORTED = frozenset({"market_market_fok", "twap_limit_gtd", "scaled_limit_gtc"})
_LASTING = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}
_DIRECTIONS = {"STOP_DIRECTION_STOP_UP": True, "STOP_DIRECTION_STOP_DOWN": False}
EDITABLE = frozenset({"limit_limit_gtc", "stop_limit_stop_limit_gtc", "trigger_bracket_gtc"})


class OrderRules:
    """Checks of one venue. `flags` holds product fields other than usual, such as {"limit_only": True}."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.flags: dict[str, dict[str, Any]] = {}
        self.stops = True

    def record(self, body: Body, account: Account, portfolio: str) -> Record:
        """The order that a create or preview body asks for. Raises OrderRefused, ApiError."""
        instrument = self.instrument(required(body, "product_id"))
        side = _side(body)
        name, terms = self.configuration(body)
        kind, lasting = self._kind(name, body)
        order = Order(
            order_id=0,
            owner=account.account_id,
            pair=instrument.pair,
            side=side,
            kind=OrderKind.LIMIT,
            time_in_force=_LASTING.get(lasting, TimeInForce.GTC),
        )
        record = Record(order=order, kind=kind, lasting=lasting, configuration={name: dict(terms)}, portfolio=portfolio)
        record.post_only = terms.get("post_only") is True and name in ("limit_limit_gtc", "limit_limit_gtd")
        self._check_state(instrument.pair, record)
        _check_wallet(account, instrument, side)
        if lasting == "gtd":
            record.end_ms = self._end_ms(terms)
        if kind is Kind.MARKET:
            self._market_terms(record, terms, instrument, account)
        else:
            order.ticks = record.limit_ticks = ticks(terms, "limit_price", instrument)
            order.lots = lots(terms, "base_size", instrument)
            check_size(order.lots, order.ticks, instrument)
        if record.post_only:
            order.kind = OrderKind.POST_ONLY
            self._check_post_only(order)
        if kind is Kind.STOP_LIMIT:
            self._stop_terms(record, terms, instrument)
        if kind is Kind.BRACKET:
            self._bracket_terms(record, terms, instrument)
        return record

    def instrument(self, product_id: str) -> Instrument:
        """Raises OrderRefused."""
        if product_id == DELISTED:
            raise OrderRefused("UNTRADABLE_PRODUCT")
        found = self._venue.instruments.get(product_id)
        if found is None:
            raise OrderRefused("INVALID_PRODUCT_ID")
        return found

    def last_ticks(self, pair: str) -> int:
        """Price of the last trade in the pair's book."""
        return self._venue.last_ticks.get(self._venue.books[pair].pair, 0)

    @staticmethod
    def configuration(body: Body) -> tuple[str, Body]:
        """The one kind that is asked for, and its terms. Raises OrderRefused, ApiError."""
        given = body.get("order_configuration")
        if not isinstance(given, dict):
            raise ApiError("INVALID_ARGUMENT", "order_configuration is missing")
        kinds = [(name, terms) for name, terms in given.items() if terms is not None]
        if len(kinds) != 1 or not isinstance(kinds[0][1], dict):
            raise OrderRefused("INVALID_ORDER_CONFIG")
        return kinds[0]

    def _kind(self, name: str, body: Body) -> tuple[Kind, str]:
        if name in _UNSUPPORTED or body.get("attached_order_configuration"):
            raise OrderRefused("UNSUPPORTED_ORDER_CONFIGURATION")
        found = _KINDS.get(name)
        if found is None:
            raise OrderRefused("INVALID_ORDER_CONFIG")
        if found[0] in (Kind.STOP_LIMIT, Kind.BRACKET) and not self.stops:
            raise OrderRefused("UNSUPPORTED_ORDER_CONFIGURATION")
        return found

    def _check_state(self, pair: str, record: Record) -> None:
        flags = self.flags.get(pair, {})
        if any(flags.get(name) for name in ("is_disabled", "trading_disabled", "view_only")):
            raise OrderRefused("UNTRADABLE_PRODUCT")
        if flags.get("status", "online") != "online":
            raise OrderRefused("UNTRADABLE_PRODUCT")
        blocked = flags.get("cancel_only") or (flags.get("limit_only") and record.kind is Kind.MARKET)
        only_resting = flags.get("post_only") or flags.get("auction_mode")
        if blocked or (only_resting and not record.post_only):
            raise OrderRefused("NOT_ALLOWED_BY_MARKET_STATE")

    def _market_terms(self, record: Record, terms: Body, instrument: Instrument, account: Account) -> None:
        order = record.order
        order.kind = OrderKind.MARKET
        by_quote = bool(terms.get("quote_size"))
        if by_quote == bool(terms.get("base_size")) or (by_quote and order.side is Side.SELL):
            raise OrderRefused("INVALID_ORDER_CONFIG")
        book = self._venue.books[order.pair]
        if (book.asks if order.side is Side.BUY else book.bids).best() is None:
            raise OrderRefused("INVALID_NO_LIQUIDITY")
        if by_quote:
            record.quote_cells = _quote_cells(terms, instrument)
            taker = to_units(account.fees.taker, 6) if account.fees.in_quote else 0
            order.cells = record.quote_cells * _PPM // (_PPM + taker)
        else:
            order.lots = lots(terms, "base_size", instrument)
            check_size(order.lots, self.last_ticks(order.pair), instrument)

    def _stop_terms(self, record: Record, terms: Body, instrument: Instrument) -> None:
        record.stop_ticks = ticks(terms, "stop_price", instrument)
        rises = _DIRECTIONS.get(str(terms.get("stop_direction")))
        if rises is None:
            raise OrderRefused("INVALID_ORDER_CONFIG", "stop_direction is missing")
        last = self.last_ticks(record.product_id)
        if rises and record.stop_ticks <= last:
            raise OrderRefused("STOP_PRICE_BELOW_LAST_TRADE_PRICE")
        if not rises and record.stop_ticks >= last:
            raise OrderRefused("STOP_PRICE_ABOVE_LAST_TRADE_PRICE")
        record.trigger_status = "STOP_PENDING"

    def _bracket_terms(self, record: Record, terms: Body, instrument: Instrument) -> None:
        record.stop_ticks = ticks(terms, "stop_trigger_price", instrument)
        if record.order.side is Side.BUY:
            raise OrderRefused("INVALID_BRACKET_ORDER_SIDE")
        if not record.stop_ticks < self.last_ticks(record.product_id) < record.limit_ticks:
            raise OrderRefused("INVALID_BRACKET_PRICES")
        record.trigger_status = "STOP_PENDING"

    def _check_post_only(self, order: Order) -> None:
        book = self._venue.books[order.pair]
        best = (book.asks if order.side is Side.BUY else book.bids).best()
        if best is not None and (order.ticks >= best if order.side is Side.BUY else order.ticks <= best):
            raise OrderRefused("INVALID_LIMIT_PRICE_POST_ONLY")

    def _end_ms(self, terms: Body) -> int:
        try:
            end_ms = milliseconds(str(terms.get("end_time", "")))
        except ValueError:
            raise OrderRefused("INVALID_END_TIME", "end_time is not an RFC 3339 time") from None
        if end_ms <= self._venue.now_ms():
            raise OrderRefused("INVALID_END_TIME")
        return end_ms


def required(body: Body, name: str) -> str:
    """A text that must be there. Raises ApiError."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError("INVALID_ARGUMENT", f"{name} is missing")
    return value


def client_order_id(body: Body) -> str:
    """Raises ApiError."""
    value = required(body, "client_order_id")
    if len(value) > LONGEST_CLIENT_ID:
        raise ApiError("INVALID_ARGUMENT", f"client_order_id has more than {LONGEST_CLIENT_ID} characters")
    return value


def ticks(terms: Body, name: str, instrument: Instrument) -> int:
    """A price. Raises OrderRefused, ApiError."""
    value = _number(terms, name)
    if value <= 0:
        raise OrderRefused("INVALID_LIMIT_PRICE" if name == "limit_price" else "INVALID_STOP_PRICE")
    try:
        return instrument.ticks(value)
    except OffScale:
        raise OrderRefused("INVALID_PRICE_PRECISION") from None


def lots(terms: Body, name: str, instrument: Instrument) -> int:
    """An amount in base. Raises OrderRefused, ApiError."""
    value = _number(terms, name)
    if value < instrument.min_quantity and value <= 0:
        raise OrderRefused("INVALID_BASE_SIZE_TOO_SMALL")
    try:
        return instrument.lots(value)
    except OffScale:
        raise OrderRefused("INVALID_SIZE_PRECISION") from None


def check_size(amount_lots: int, price_ticks: int, instrument: Instrument) -> None:
    """Smallest and largest amount and value. Raises OrderRefused."""
    product = PRODUCTS[instrument.pair]
    amount = instrument.amount(amount_lots)
    if amount < instrument.min_quantity:
        raise OrderRefused("INVALID_BASE_SIZE_TOO_SMALL")
    if amount > Decimal(product.base_max_size):
        raise OrderRefused("INVALID_BASE_SIZE_TOO_LARGE")
    _check_value(amount_lots * price_ticks, instrument)


def _check_value(cells: int, instrument: Instrument) -> None:
    product = PRODUCTS[instrument.pair]
    value = instrument.quote_amount(cells)
    if value < Decimal(product.quote_min_size):
        raise OrderRefused("INVALID_QUOTE_SIZE_TOO_SMALL")
    if value > Decimal(product.quote_max_size):
        raise OrderRefused("INVALID_QUOTE_SIZE_TOO_LARGE")


def _quote_cells(terms: Body, instrument: Instrument) -> int:
    value = _number(terms, "quote_size")
    try:
        to_units(value, instrument.amount_scale)
        cells = instrument.cells(value)
    except OffScale:
        raise OrderRefused("INVALID_QUOTE_SIZE_PRECISION") from None
    _check_value(cells, instrument)
    return cells


def _number(terms: Body, name: str) -> Decimal:
    value = terms.get(name)
    if value is None or value == "":
        raise OrderRefused("INVALID_ORDER_CONFIG", f"{name} is missing")
    if not isinstance(value, str):
        raise ApiError("INVALID_ARGUMENT", f"{name} must be a string")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ApiError("INVALID_ARGUMENT", f"{name} is not a number") from None
    if not number.is_finite():
        raise ApiError("INVALID_ARGUMENT", f"{name} is not a number")
    return number


def _side(body: Body) -> Side:
    try:
        return Side(required(body, "side"))
    except ValueError:
        raise ApiError("INVALID_ARGUMENT", "side must be BUY or SELL") from None


def _check_wallet(account: Account, instrument: Instrument, side: Side) -> None:
    asset = instrument.quote if side is Side.BUY else instrument.base
    if asset not in account.balances and asset not in EMPTY_WALLETS:
        raise OrderRefused("ORDER_ENTRY_DISABLED", "account is not available")
