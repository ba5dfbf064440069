"""Placing, amending and cancelling on Binance: what is sent and how answers read. No trading rules, no I/O."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from app.connectors.binance.errors import good_body
from app.connectors.binance.markets import Markets
from app.connectors.binance.private_rows import ENDED, OrderRow, read_order
from app.connectors.binance.protocol import ORDER_WEIGHTS, plain, weigh
from app.connectors.binance.rules import TYPE_OF_WORD
from app.connectors.spec import CancelAnswer, PlaceAccepted
from app.core.errors import ErrorKind
from app.core.order_preview import OrderPreview
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Request, Response, VenueError, Weight
from app.core.types import OrderType

ORDER = "/api/v3/order"
TEST = "/api/v3/order/test"
AMEND = "/api/v3/order/amend/keepPriority"
OPEN_ORDERS = "/api/v3/openOrders"
_TIMEOUT_S = 5.0
_WORDS = {kind: word for word, kind in TYPE_OF_WORD.items()}
_TIMED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_ABOUT_THE_ORDER = frozenset(
    {ErrorKind.REJECTED, ErrorKind.MARKET_CLOSED, ErrorKind.RULES_CHANGED, ErrorKind.DUPLICATE_ID}
)
_NOTHING_TO_CANCEL = "-2011"

Params = tuple[tuple[str, str], ...]


class _Amendment(Struct, rename="camel"):
    amended_order: OrderRow
    transact_time: int = 0


_decode_order = msgspec.json.Decoder(OrderRow).decode
_decode_orders = msgspec.json.Decoder(list[OrderRow]).decode
_decode_amendment = msgspec.json.Decoder(_Amendment).decode


def place(intent: OrderIntent, markets: Markets) -> Call[PlaceAccepted]:
    """Raises ValueError for an intent that this exchange has no form for; nothing is sent then."""

    def parse(response: Response) -> PlaceAccepted:
        row = _decode_order(good_body(response))
        if row.order_id < 0:
            raise ValueError("the reply to an order holds no order id")
        update = read_order(row, markets, response.frame) if row.status else None
        return PlaceAccepted(str(row.order_id), response.frame, update)

    # Orders other than LIMIT and MARKET would be answered without their state.
    params = (*order_params(intent, markets), ("newOrderRespType", "FULL"))
    return Call(request=_send("POST", ORDER, params, ORDER_WEIGHTS, Priority.PLACE), parse=parse)


def preview(intent: OrderIntent, markets: Markets) -> Call[OrderPreview]:
    """Raises ValueError as `place` does. What the exchange says against the order itself is its result."""

    def parse(response: Response) -> OrderPreview:
        try:
            good_body(response)
        except VenueError as error:
            if error.kind in _ABOUT_THE_ORDER:
                return OrderPreview(problems=(error.words,), frame=response.frame)
            raise
        return OrderPreview(frame=response.frame)

    return Call(request=_send("POST", TEST, order_params(intent, markets), weigh(1), Priority.INFO), parse=parse)


def order_params(intent: OrderIntent, markets: Markets) -> Params:
    """The terms of an order as they are sent, without the time and the signature."""
    kind = intent.type
    if kind not in _WORDS:
        raise ValueError(f"{kind} orders cannot be placed here")
    params = [
        ("symbol", markets.to_symbol(intent.pair)),
        ("side", intent.side.value),
        ("type", _WORDS[kind]),
    ]
    if kind in _TIMED:
        params.append(("timeInForce", intent.time_in_force.value))
    if kind is OrderType.MARKET and intent.amount is None and intent.quote_amount is not None:
        params.append(("quoteOrderQty", plain(intent.quote_amount)))
    else:
        params.append(("quantity", _text(intent.amount, "amount")))
    if kind.has_price:
        params.append(("price", _text(intent.price, "price")))
    if kind.has_stop_price:
        params.append(("stopPrice", _text(intent.stop_price, "stop price")))
    if intent.client_order_id:
        params.append(("newClientOrderId", intent.client_order_id))
    return tuple(params)


def amend(
    order: InFlightOrder, price: Decimal | None, amount: Decimal | None, markets: Markets
) -> Call[PlaceAccepted] | None:
    """Only a smaller amount can be had in place; None for any other wish."""
    known = order.terms.amount
    if amount is None or known is None or not 0 < amount < known or price not in (None, order.terms.price):
        return None

    def parse(response: Response) -> PlaceAccepted:
        reply = _decode_amendment(good_body(response))
        row = reply.amended_order
        row.transact_time = row.transact_time or reply.transact_time
        update = read_order(row, markets, response.frame) if row.status else None
        return PlaceAccepted(order.exchange_order_id if row.order_id < 0 else str(row.order_id), response.frame, update)

    params = [*reference(order, markets), ("newQty", plain(amount))]
    if order.client_order_id:
        # The exchange makes up a new id otherwise.
        params.append(("newClientOrderId", order.client_order_id))
    return Call(request=_send("PUT", AMEND, tuple(params), weigh(4), Priority.PLACE), parse=parse)


def cancel(order: InFlightOrder, markets: Markets) -> Call[CancelAnswer]:
    """By the exchange's id where it is known, which is faster there, else by ours."""

    def parse(response: Response) -> CancelAnswer:
        return _answer(_decode_order(good_body(response)), markets, response)

    return Call(request=_send("DELETE", ORDER, reference(order, markets), weigh(1), Priority.CANCEL), parse=parse)


def cancel_everything(pair: str, markets: Markets) -> Call[list[CancelAnswer]]:
    """Every open order of one market, those in order lists included."""

    def parse(response: Response) -> list[CancelAnswer]:
        try:
            rows = _decode_orders(good_body(response))
        except VenueError as error:
            if error.code == _NOTHING_TO_CANCEL and error.kind is ErrorKind.NOT_FOUND:
                return []
            raise
        return [_answer(order, markets, response) for row in rows for order in row.order_reports or [row]]

    params = (("symbol", markets.to_symbol(pair)),)
    return Call(request=_send("DELETE", OPEN_ORDERS, params, weigh(1), Priority.CANCEL), parse=parse)


def as_list(call: Call[CancelAnswer]) -> Call[list[CancelAnswer]]:
    return Call(request=call.request, parse=lambda response: [call.parse(response)])


def reference(order: InFlightOrder, markets: Markets) -> Params:
    """The parameters that name an order.

    The exchange's id goes first: our id may name another order once this one is finished, and an amendment made
    elsewhere changes it.
    """
    symbol = ("symbol", markets.to_symbol(order.pair))
    if order.exchange_order_id:
        return (symbol, ("orderId", order.exchange_order_id))
    if order.client_order_id:
        return (symbol, ("origClientOrderId", order.client_order_id))
    raise ValueError("an order without any id cannot be named")


def _answer(row: OrderRow, markets: Markets, response: Response) -> CancelAnswer:
    """The exchange cancels before it answers, so the answer may be the order's end."""
    update = read_order(row, markets, response.frame)
    return CancelAnswer(
        exchange_order_id=update.exchange_order_id,
        client_order_id=update.client_order_id,
        accepted=True,
        words=row.status,
        final=update if update.state in ENDED else None,
        frame=response.frame,
    )


def _text(number: Decimal | None, name: str) -> str:
    if number is None:
        raise ValueError(f"an order of this type needs a {name}")
    return plain(number)


def _send(method: str, path: str, params: Params, weights: tuple[Weight, ...], priority: Priority) -> Request:
    return Request(
        method=method,
        path=path,
        params=params,
        signed=True,
        weights=weights,
        priority=priority,
        timeout_s=_TIMEOUT_S,
    )
