"""Turns HTX order bodies into orders, or into the err-code that the exchange would answer. Places nothing.

| rule | err-code | evidence |
|---|---|---|
| type is side and kind; amount of a market buy is value in quote | validation-format-error for others | sheet 6 |
| amount below or above the limits | order-limitorder-amount-min-error, -max-, order-marketorder-* | sheet 7, ccxt |
| value below or above | order-value-min-error, order-value-max-error | sheet 7; second unconfirmed |
| too many decimals | order-orderprice-precision-error, order-orderamount-precision-error | sheet 7 |
| a buy above 1.1, a sale below 0.9 of the last price | order-limitorder-price-buy-max-error, -sell-min- | sheet 2, 7 |
| a pair that is not online | base-symbol-trade-disabled | sheet 7 |
| the market halted, or only cancelling | order-disabled | sheet 7; which: unconfirmed |
| client-order-id: 64 of letters, digits, _ and - | validation-format-error | sheet 6; code unconfirmed |
| source other than spot-api | validation-format-error | sheet 6; code unconfirmed |
| a stop that the last price has reached | order-stop-order-hit-trigger | ccxt |
| value with more than 8 decimals | order-orderamount-precision-error | unconfirmed |
"""

from __future__ import annotations

import re
from decimal import Decimal

from app.core.types import Side, TimeInForce
from app.paper.desk import Desk
from app.paper.dialects.htx_errors import ApiError
from app.paper.dialects.htx_listings import VALUE_SCALE, largest_amount, largest_value
from app.paper.dialects.htx_market import MarketData
from app.paper.dialects.htx_orders import HtxOrder
from app.paper.dialects.htx_request import Terms, check_account, number, required, text
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind, StopKind, StopOrder
from app.paper.units import OffScale, to_units

_KINDS = {
    "limit": (OrderKind.LIMIT, TimeInForce.GTC),
    "market": (OrderKind.MARKET, TimeInForce.GTC),
    "limit-maker": (OrderKind.POST_ONLY, TimeInForce.GTC),
    "ioc": (OrderKind.LIMIT, TimeInForce.IOC),
    "limit-fok": (OrderKind.LIMIT, TimeInForce.FOK),
    "stop-limit": (OrderKind.LIMIT, TimeInForce.GTC),
    "stop-limit-fok": (OrderKind.LIMIT, TimeInForce.FOK),
}
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BUY_MOST, _SELL_LEAST = Decimal("1.1"), Decimal("0.9")


class OrderRules:
    """Checks of one venue."""

    def __init__(self, desk: Desk, market: MarketData) -> None:
        self._desk = desk
        self.market = market

    def order(self, terms: Terms, owner: str) -> tuple[HtxOrder, StopOrder | None]:
        """The order, and the condition that it waits for. Raises ApiError."""
        account = self._desk.accounts.get(owner)
        assert account is not None
        check_account(terms, account)
        instrument = self.market.instrument(terms)
        order_type = required(terms, "type")
        side, _, kind = order_type.partition("-")
        if side not in ("buy", "sell") or kind not in _KINDS:
            raise ApiError("validation-format-error", "type")
        if text(terms, "source") not in ("", "spot-api"):
            raise ApiError("validation-format-error", "source")
        self.check_tradable(instrument)
        order = HtxOrder(
            order_id=0,
            owner=owner,
            pair=instrument.pair,
            side=Side.BUY if side == "buy" else Side.SELL,
            kind=_KINDS[kind][0],
            time_in_force=_KINDS[kind][1],
            client_order_id=client_id(terms, "client-order-id"),
            order_type=order_type,
            size=required(terms, "amount"),
        )
        self.set_terms(order, instrument, terms, "price", "amount")
        return order, self._stop(order, instrument, terms) if kind.startswith("stop") else None

    def set_terms(
        self,
        order: Order | StopOrder,
        instrument: Instrument,
        terms: Terms,
        price: str,
        size: str,
        *,
        market: bool = False,
    ) -> None:
        """Price and size of an order, in the fields of these names. Raises ApiError."""
        at_market = market or getattr(order, "kind", None) is OrderKind.MARKET
        if at_market and order.side is Side.BUY:
            order.cells = value_cells(number(terms, size), instrument)
            return
        amount = number(terms, size)
        kind = "market" if at_market else "limit"
        if amount < instrument.min_quantity:
            raise ApiError(f"order-{kind}order-amount-min-error", instrument.min_quantity)
        largest = largest_amount(instrument) / (10 if at_market else 1)
        if amount > largest:
            raise ApiError(f"order-{kind}order-amount-max-error", largest)
        try:
            order.lots = instrument.lots(amount)
        except OffScale:
            raise ApiError("order-orderamount-precision-error", instrument.quantity_scale) from None
        if at_market:
            return
        order.ticks = price_ticks(number(terms, price), instrument)
        self._check_band(order.ticks, order.side, instrument)
        if instrument.quote_amount(order.ticks * order.lots) < instrument.min_amount:
            raise ApiError("order-value-min-error", f"{instrument.min_amount} {instrument.quote}")

    def check_tradable(self, instrument: Instrument) -> None:
        """Raises ApiError."""
        if self.market.market_status["marketStatus"] != 1:
            raise ApiError("order-disabled")
        if self.market.states.get(instrument.pair, "online") != "online":
            raise ApiError("base-symbol-trade-disabled")

    def check_cancellable(self) -> None:
        """Raises ApiError."""
        if self.market.market_status["marketStatus"] == 2:
            raise ApiError("cancel-disabled")

    def _check_band(self, ticks: int, side: Side, instrument: Instrument) -> None:
        last = self._desk.venue.last_ticks[instrument.pair]
        if side is Side.BUY and ticks > last * _BUY_MOST:
            raise ApiError("order-limitorder-price-buy-max-error", instrument.price(int(last * _BUY_MOST)))
        if side is Side.SELL and ticks < last * _SELL_LEAST:
            raise ApiError("order-limitorder-price-sell-min-error", instrument.price(int(last * _SELL_LEAST) + 1))

    def _stop(self, order: HtxOrder, instrument: Instrument, terms: Terms) -> StopOrder:
        ticks = price_ticks(number(terms, "stop-price"), instrument)
        operator = required(terms, "operator")
        if operator not in ("gte", "lte"):
            raise ApiError("validation-format-error", "operator")
        last = self._desk.venue.last_ticks[instrument.pair]
        rises = operator == "gte"
        if last >= ticks if rises else last <= ticks:
            raise ApiError("order-stop-order-hit-trigger")
        order.stop_price, order.operator = text(terms, "stop-price"), operator
        return StopOrder(
            order_id=0,
            owner=order.owner,
            pair=order.pair,
            side=order.side,
            kind=StopKind.STOP_LIMIT,
            stop_ticks=ticks,
            rises=rises,
        )


def price_ticks(price: Decimal, instrument: Instrument) -> int:
    """Raises ApiError."""
    try:
        return instrument.ticks(price)
    except OffScale:
        raise ApiError("order-orderprice-precision-error", instrument.price_scale) from None


def value_cells(value: Decimal, instrument: Instrument) -> int:
    """A market buy's value, cut to what the pair can express. Raises ApiError."""
    try:
        units = to_units(value, VALUE_SCALE)
    except OffScale:
        raise ApiError("order-orderamount-precision-error", VALUE_SCALE) from None
    if value < instrument.min_amount:
        raise ApiError("order-value-min-error", f"{instrument.min_amount} {instrument.quote}")
    if value > largest_value(instrument):
        raise ApiError("order-value-max-error", f"{largest_value(instrument)} {instrument.quote}")
    shift = instrument.cell_scale - VALUE_SCALE
    cells: int = units * 10**shift if shift >= 0 else units // 10**-shift
    return cells


def client_id(terms: Terms, name: str) -> str:
    """Empty when there is none. Raises ApiError."""
    found = text(terms, name)
    if found and not _CLIENT_ID.fullmatch(found):
        raise ApiError("validation-format-error", name)
    return found
