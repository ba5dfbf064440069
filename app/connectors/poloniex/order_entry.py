"""Placing and cancelling on Poloniex: what is sent and how the answers read. No checks of trading rules, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from app.connectors.poloniex.errors import OK, good_body, refusal_of
from app.connectors.poloniex.private_rows import SMART_TYPES, WORD_OF_TYPE, real_id
from app.connectors.poloniex.protocol import PRIVATE_CHEAP, PRIVATE_HEAVY, to_symbol
from app.connectors.spec import CancelAnswer, PlaceAccepted
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Request, Response, Weight
from app.core.types import OrderType, Side

ORDERS = "/orders"
SMART_ORDERS = "/smartorders"
_TIMEOUT_S = 5.0
_KILL_SWITCH_S = range(10, 601)
_PLACED = frozenset(
    {OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET, OrderType.STOP_MARKET, OrderType.STOP_LIMIT}
)
_TIMED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


class _Placed(Struct, rename="camel"):
    id: str | int | None = ""
    code: int | str = OK
    message: str | None = ""


class _CancelRow(Struct, rename="camel"):
    order_id: str | int | None = ""
    client_order_id: str | None = ""
    code: int | str = OK
    message: str | None = ""


class _Timer(Struct, rename="camel"):
    cancellation_time: int = 0


_decode_placed = msgspec.json.Decoder(_Placed).decode
_decode_cancel = msgspec.json.Decoder(_CancelRow).decode
_decode_cancels = msgspec.json.Decoder(list[_CancelRow]).decode
_decode_timer = msgspec.json.Decoder(_Timer).decode


def path_of(type: OrderType) -> str:
    """Stop orders live beside the book, under a path of their own."""
    return SMART_ORDERS if type in SMART_TYPES else ORDERS


def _path_now(order: InFlightOrder) -> str:
    """A stop order that triggered is an ordinary order from then on."""
    return ORDERS if order.triggered_order_id else path_of(order.terms.type)


def place(intent: OrderIntent) -> Call[PlaceAccepted]:
    """Raises ValueError for an intent that this exchange has no form for; nothing is sent then."""

    def parse(response: Response) -> PlaceAccepted:
        reply = _decode_placed(good_body(response))
        if str(reply.code) != str(OK):
            raise refusal_of(reply.code, reply.message, response)
        order_id = real_id(reply.id)
        if not order_id:
            raise ValueError("the reply to an order holds no order id")
        return PlaceAccepted(order_id, response.frame)

    body = msgspec.json.encode(_order(intent))
    return Call(request=_send("POST", path_of(intent.type), body, PRIVATE_CHEAP, Priority.PLACE), parse=parse)


def cancel(order: InFlightOrder) -> Call[CancelAnswer]:
    """By the exchange's id where it is known, else by ours."""
    path = f"{_path_now(order)}/{_reference(order)}"

    def parse(response: Response) -> CancelAnswer:
        return _answer(_decode_cancel(good_body(response)), response, order)

    return Call(request=_send("DELETE", path, b"", PRIVATE_CHEAP, Priority.CANCEL), parse=parse)


def cancel_these(orders: Sequence[InFlightOrder]) -> list[Call[list[CancelAnswer]]]:
    """One call for orders in the book and one for stop orders; a single order takes the cheaper call of its own."""
    calls = []
    for path in (ORDERS, SMART_ORDERS):
        group = [order for order in orders if _path_now(order) == path]
        if len(group) == 1:
            calls.append(_as_list(cancel(group[0])))
        elif group:
            calls.append(_cancel_group(path, group))
    return calls


def cancel_everything(path: str, pair: str | None) -> Call[list[CancelAnswer]]:
    """Everything under `ORDERS` or under `SMART_ORDERS`, of one pair or of the account."""
    body = {"symbols": [to_symbol(pair)] if pair else [], "accountTypes": ["SPOT"]}
    return _cancel_many(path, body)


def kill_switch(seconds: int | None) -> Call[int]:
    """Raises ValueError outside 10 to 600 seconds."""
    if seconds is not None and seconds not in _KILL_SWITCH_S:
        raise ValueError(f"the safety timer takes 10 to 600 seconds, not {seconds}")

    def parse(response: Response) -> int:
        fires_ms = _decode_timer(good_body(response)).cancellation_time
        return 0 if seconds is None else fires_ms

    body = msgspec.json.encode({"timeout": "-1" if seconds is None else str(seconds)})
    return Call(request=_send("POST", "/orders/killSwitch", body, PRIVATE_CHEAP, Priority.CANCEL), parse=parse)


def kill_switch_status() -> Call[int]:
    """When the account's timer fires (exchange ms). While none runs it raises VenueError NOT_FOUND, code 25020."""

    def parse(response: Response) -> int:
        return _decode_timer(good_body(response)).cancellation_time

    request = Request(
        method="GET", path="/orders/killSwitchStatus", signed=True, weights=PRIVATE_CHEAP, priority=Priority.RECONCILE
    )
    return Call(request=request, parse=parse)


def _order(intent: OrderIntent) -> dict[str, str]:
    kind = intent.type
    if kind not in _PLACED:
        raise ValueError(f"{kind} orders cannot be placed here")
    order = {"symbol": to_symbol(intent.pair), "side": intent.side.value, "type": WORD_OF_TYPE[kind]}
    if kind in _TIMED:
        order["timeInForce"] = intent.time_in_force.value
    if kind.has_stop_price:
        order["stopPrice"] = _text(intent.stop_price, "stop price")
    if kind.has_price:
        order["price"] = _text(intent.price, "price")
    if _sized_in_quote(intent):
        order["amount"] = _text(intent.quote_amount, "total")
    else:
        order["quantity"] = _text(intent.amount, "amount")
    if intent.client_order_id:
        order["clientOrderId"] = intent.client_order_id
    return order


def _sized_in_quote(intent: OrderIntent) -> bool:
    if intent.type is OrderType.MARKET:
        return intent.side is Side.BUY
    return intent.type is OrderType.STOP_MARKET and intent.side is Side.BUY and intent.amount is None


def _text(number: Decimal | None, name: str) -> str:
    if number is None:
        raise ValueError(f"an order of this type needs a {name}")
    return format(number, "f")


def _reference(order: InFlightOrder) -> str:
    if order.live_order_id:
        return order.live_order_id
    if order.client_order_id:
        return f"cid:{order.client_order_id}"
    raise ValueError("an order without any id cannot be named")


def _cancel_group(path: str, orders: list[InFlightOrder]) -> Call[list[CancelAnswer]]:
    body: dict[str, list[str]] = {}
    for order in orders:
        if order.live_order_id:
            body.setdefault("orderIds", []).append(order.live_order_id)
        else:
            body.setdefault("clientOrderIds", []).append(order.client_order_id)
    return _cancel_many(f"{path}/cancelByIds", body)


def _cancel_many(path: str, body: dict[str, list[str]]) -> Call[list[CancelAnswer]]:
    def parse(response: Response) -> list[CancelAnswer]:
        return [_answer(row, response) for row in _decode_cancels(good_body(response))]

    request = _send("DELETE", path, msgspec.json.encode(body), PRIVATE_HEAVY, Priority.CANCEL)
    return Call(request=request, parse=parse)


def _as_list(call: Call[CancelAnswer]) -> Call[list[CancelAnswer]]:
    return Call(request=call.request, parse=lambda response: [call.parse(response)])


def _answer(row: _CancelRow, response: Response, order: InFlightOrder | None = None) -> CancelAnswer:
    """Taken is not cancelled: the stream or a query tells the end, so `final` stays empty."""
    error = None if str(row.code) == str(OK) else refusal_of(row.code, row.message, response)
    return CancelAnswer(
        exchange_order_id=real_id(row.order_id) or (order.live_order_id if order else ""),
        client_order_id=real_id(row.client_order_id) or (order.client_order_id if order else ""),
        accepted=error is None,
        words=error.words if error else row.message or "",
        error=error,
        frame=response.frame,
    )


def _send(method: str, path: str, body: bytes, weights: tuple[Weight, ...], priority: Priority) -> Request:
    return Request(
        method=method,
        path=path,
        body=body,
        signed=True,
        weights=weights,
        priority=priority,
        timeout_s=_TIMEOUT_S,
    )
