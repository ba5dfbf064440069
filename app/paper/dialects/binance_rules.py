"""Turns the parameters of a Binance order into an order, or into the error the exchange would answer. Places nothing.

| what | rule | evidence |
|---|---|---|
| parameters by type | sheet 6; a missing one -1102, one too many -1106 | sheet 6; codes of the errors page |
| decimals | plain, at most eight places, else -1100 or -1111 | sheet 2, 7 |
| filters | -1013 with the filter's name, in the order of the code below | sheet 2, 7; order unconfirmed |
| average price | of the last five minutes; last price before any trade | sheet 2 |
| trigger side | sheet 6; wrong side of the last price: -2010 | sheet 6 |
| iceberg with another time in force than GTC | -1014 | GTC only: sheet 6; code unconfirmed |
| stop orders hold funds from the start, a stop market buy only when it triggers | | unconfirmed |
| trailing stop | follows from the start, or from stopPrice on | exchange's trailing stop page |
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from app.core.types import Side, TimeInForce
from app.paper.desk import Desk
from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import (
    CLOSED,
    EITHER,
    ICEBERG,
    NO_PEGS,
    STP_MODE,
    THIN_BOOK,
    WOULD_TAKE,
    WOULD_TRIGGER,
    ApiError,
    failed_filter,
    rejected,
)
from app.paper.dialects.binance_klines import kline_interval
from app.paper.dialects.binance_symbols import (
    AVERAGE_MINUTES,
    DEFAULT_STP,
    MAX_ALGO_ORDERS,
    MAX_ICEBERG_PARTS,
    MAX_NOTIONAL,
    MAX_ORDERS,
    MAX_TRAILING,
    MIN_TRAILING,
    MULTIPLIER_DOWN,
    MULTIPLIER_UP,
    ORDER_TYPES,
    Symbols,
    max_lots,
    min_notional_filter,
)
from app.paper.dialects.binance_wire import STP, Terms, terms_of
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind, StopKind, StopOrder
from app.paper.units import OffScale

MAX_PRICE = Decimal(1_000_000)
_PPM_PER_BIP = 100
_UNKNOWN_STP = frozenset({"DECREMENT", "TRANSFER"})
_KINDS = {"LIMIT_MAKER": OrderKind.POST_ONLY, "MARKET": OrderKind.MARKET, "STOP_LOSS": OrderKind.MARKET}
_KINDS["TAKE_PROFIT"] = OrderKind.MARKET
_PRICED = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_TIMED = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_STOPPED = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


class Wanted(NamedTuple):
    """A checked order, and the condition it waits for."""

    order: Order
    stop: StopOrder | None


class OrderRules:
    def __init__(self, desk: Desk, symbols: Symbols) -> None:
        self._desk = desk
        self._symbols = symbols

    def order(self, call: Call) -> Wanted:
        """Everything short of funds and client ids. Raises ApiError."""
        instrument = self._symbols.of(call)
        order_type, order = self._shell(call, instrument)
        _check_parameters(call, order_type)
        order.memo = terms = Terms(order_type=order_type, stp_mode=_stp_mode(call))
        order.self_trade = STP[terms.stp_mode]
        if call.has("strategyId"):
            terms.strategy_id = call.whole("strategyId")
        if call.has("strategyType"):
            terms.strategy_type = call.whole("strategyType")
            if terms.strategy_type < 1_000_000:
                raise ApiError(-1134)
        self._set_size(call, order, instrument)
        if order_type in _PRICED:
            order.ticks = self._ticks(call, "price", instrument)
        stop = self._stop(call, order, terms, instrument) if order_type in _STOPPED else None
        if call.has("icebergQty"):
            order.peak_lots = self._peak(call, order, instrument)
        if self._symbols.status(instrument) != "TRADING":
            raise rejected(CLOSED)
        self._check_filters(order, terms, instrument)
        self._check_market(order, stop, terms, instrument)
        return Wanted(order, stop)

    def lots(self, call: Call, name: str, instrument: Instrument) -> int:
        """A base amount that passes LOT_SIZE. Raises ApiError."""
        value = call.decimal(name)
        try:
            lots = instrument.lots(value)
        except OffScale:
            raise failed_filter("LOT_SIZE") from None
        if not instrument.lots(instrument.min_quantity) <= lots <= max_lots(instrument):
            raise failed_filter("LOT_SIZE")
        return lots

    def average_ticks(self, instrument: Instrument) -> int:
        """Volume-weighted price of the last minutes."""
        tape = self._desk.tapes[instrument.pair]
        bars = tape.bars(kline_interval("1m"), self._desk.venue.now_ms())[-AVERAGE_MINUTES:]
        lots = sum(bar.lots for bar in bars)
        return sum(bar.cells for bar in bars) // lots if lots else self._desk.venue.last_ticks[instrument.pair]

    def _shell(self, call: Call, instrument: Instrument) -> tuple[str, Order]:
        try:
            side = Side(call.text("side"))
        except ValueError:
            raise ApiError(-1117) from None
        order_type = call.text("type")
        if order_type not in ORDER_TYPES:
            raise ApiError(-1116)
        order = Order(
            order_id=0,
            owner=call.account.account_id,
            pair=instrument.pair,
            side=side,
            kind=_KINDS.get(order_type, OrderKind.LIMIT),
            client_order_id=call.client_id("newClientOrderId"),
        )
        if order_type in _TIMED:
            try:
                order.time_in_force = TimeInForce(call.text("timeInForce"))
            except ValueError:
                raise ApiError(-1115) from None
        return order_type, order

    def _set_size(self, call: Call, order: Order, instrument: Instrument) -> None:
        if terms_of(order).order_type != "MARKET":
            order.lots = self.lots(call, "quantity", instrument)
            return
        if call.has("quantity") and call.has("quoteOrderQty"):
            raise ApiError(-1128)
        if call.has("quantity"):
            order.lots = self.lots(call, "quantity", instrument)
            if order.lots > max_lots(instrument, market=True):
                raise failed_filter("MARKET_LOT_SIZE")
        elif call.has("quoteOrderQty"):
            order.cells = self._cells(call, instrument)
        else:
            raise ApiError(-1102, "quantity", "quoteOrderQty", message=EITHER)

    def _cells(self, call: Call, instrument: Instrument) -> int:
        """Quote units, cut to what a tick times a lot can express."""
        value = call.decimal("quoteOrderQty")
        cells = instrument.cells(value.quantize(Decimal(1).scaleb(-instrument.cell_scale), rounding="ROUND_DOWN"))
        if cells <= 0:
            raise failed_filter(min_notional_filter(instrument))
        return cells

    def _ticks(self, call: Call, name: str, instrument: Instrument) -> int:
        value = call.decimal(name)
        try:
            ticks = instrument.ticks(value)
        except OffScale:
            raise failed_filter("PRICE_FILTER") from None
        if not 0 < value <= MAX_PRICE:
            raise failed_filter("PRICE_FILTER")
        return ticks

    def _stop(self, call: Call, order: Order, terms: Terms, instrument: Instrument) -> StopOrder:
        trailing = call.has("trailingDelta")
        if not trailing and not call.has("stopPrice"):
            raise ApiError(-1102, "stopPrice", "trailingDelta", message=EITHER)
        if call.has("stopPrice"):
            terms.stop_ticks = self._ticks(call, "stopPrice", instrument)
        if trailing:
            terms.trailing_delta = call.whole("trailingDelta")
            if not MIN_TRAILING <= terms.trailing_delta <= MAX_TRAILING:
                raise failed_filter("TRAILING_DELTA")
        return StopOrder(
            order_id=0,
            owner=order.owner,
            pair=order.pair,
            side=order.side,
            kind=StopKind.TRAILING_STOP if trailing else StopKind.STOP,
            stop_ticks=terms.stop_ticks,
            rises=(order.side is Side.BUY) == terms.order_type.startswith("STOP_LOSS"),
            trail_ppm=terms.trailing_delta * _PPM_PER_BIP,
        )

    def _peak(self, call: Call, order: Order, instrument: Instrument) -> int:
        if order.time_in_force is not TimeInForce.GTC:
            raise ApiError(-1014)
        if call.decimal("icebergQty") == 0:
            return 0
        peak = self.lots(call, "icebergQty", instrument)
        if peak > order.lots:
            raise rejected(ICEBERG)
        if -(-order.lots // peak) > MAX_ICEBERG_PARTS:
            raise failed_filter("ICEBERG_PARTS")
        return peak if peak < order.lots else 0

    def _check_filters(self, order: Order, terms: Terms, instrument: Instrument) -> None:
        average = self.average_ticks(instrument)
        for ticks in {order.ticks, terms.stop_ticks} - {0}:
            if not average * MULTIPLIER_DOWN <= ticks <= average * MULTIPLIER_UP:
                raise failed_filter("PERCENT_PRICE_BY_SIDE")
        price = order.ticks or terms.stop_ticks or average
        notional = order.cells or price * order.lots
        name = min_notional_filter(instrument)
        if notional < instrument.cells(instrument.min_amount):
            raise failed_filter(name)
        if name == "NOTIONAL" and order.ticks and notional > instrument.cells(MAX_NOTIONAL):
            raise failed_filter(name)
        opened = [o for o in self._desk.venue.ledger(order.owner).open.values() if o.pair == order.pair]
        if len(opened) >= MAX_ORDERS:
            raise failed_filter("MAX_NUM_ORDERS")
        if terms.order_type in _STOPPED and sum(o.waits for o in opened) >= MAX_ALGO_ORDERS:
            raise failed_filter("MAX_NUM_ALGO_ORDERS")

    def _check_market(self, order: Order, stop: StopOrder | None, terms: Terms, instrument: Instrument) -> None:
        """What the matching engine would say."""
        book = self._desk.venue.books[order.pair]
        best = (book.asks if order.side is Side.BUY else book.bids).best()
        if stop is not None and terms.stop_ticks:
            last = self._desk.venue.last_ticks[order.pair]
            if terms.stop_ticks <= last if stop.rises else terms.stop_ticks >= last:
                raise rejected(WOULD_TRIGGER)
        if order.kind is OrderKind.POST_ONLY and best is not None:
            if order.ticks >= best if order.side is Side.BUY else order.ticks <= best:
                raise rejected(WOULD_TAKE)
        if order.cells and (best is None or order.cells < best * instrument.lots(instrument.min_quantity)):
            raise rejected(THIN_BOOK)


def _stp_mode(call: Call) -> str:
    mode = call.choice("selfTradePreventionMode", frozenset(STP) | _UNKNOWN_STP, DEFAULT_STP)
    if mode not in STP:
        raise ApiError(-1013, message=STP_MODE)
    return mode


def _check_parameters(call: Call, order_type: str) -> None:
    """Raises ApiError for parameters that this type does not have."""
    if any(call.has(name) for name in ("pegPriceType", "pegOffsetType", "pegOffsetValue")):
        raise rejected(NO_PEGS)
    for name, fits in (
        ("timeInForce", order_type in _TIMED),
        ("price", order_type in _PRICED),
        ("quoteOrderQty", order_type == "MARKET"),
        ("stopPrice", order_type in _STOPPED),
        ("trailingDelta", order_type in _STOPPED),
        ("icebergQty", order_type in _PRICED),
    ):
        if call.has(name) and not fits:
            raise ApiError(-1106, name)
