"""Placing, changing and cancelling on OKX: what is sent and how answers read. No checks of trading rules, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from app.connectors.okx.errors import CANCEL_UNDER_WAY, OK, good_body, refusal_of
from app.connectors.okx.private_rows import AT_MARKET
from app.connectors.okx.protocol import checked_pair, weights
from app.connectors.okx.public_rows import Reply
from app.connectors.spec import CancelAnswer, PlaceAccepted
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Request, Response
from app.core.types import OrderType, Side, TimeInForce

STOP_TYPES = frozenset(
    {OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
)
"""Kept by the exchange beside the book, as "algo orders", until they go off."""
_TAKE_PROFITS = (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
_AMENDED = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})
_WORD_OF_TIME = {TimeInForce.GTC: "limit", TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"}
_MOST_CANCELS, _MOST_STOP_CANCELS = 20, 10
_KILL_SWITCH_S = range(10, 121)
_TIMEOUT_S = 5.0
_SECONDS_UNTIL = 100_000_000_000


Taken = Callable[[InFlightOrder], None]
"""Told of every order whose cancel the exchange took."""


class _AnswerRow(Struct, rename="camel"):
    s_code: str | int
    s_msg: str | None = ""
    ord_id: str = ""
    cl_ord_id: str = ""
    algo_id: str = ""
    algo_cl_ord_id: str = ""


class _Timer(Struct, rename="camel"):
    trigger_time: str = ""


_read_answers = msgspec.json.Decoder(Reply[_AnswerRow]).decode
_read_timer = msgspec.json.Decoder(Reply[_Timer]).decode


def is_waiting_stop(order: InFlightOrder) -> bool:
    """A stop order that went off is an ordinary order from then on."""
    return order.terms.type in STOP_TYPES and not order.triggered_order_id


def place(intent: OrderIntent) -> Call[PlaceAccepted]:
    """Raises ValueError for an intent that this exchange has no form for; nothing is sent then."""
    if intent.type in STOP_TYPES:
        body, path, bucket = _stop_order(intent), "/api/v5/trade/order-algo", "algo"
    else:
        body, path, bucket = _order(intent), "/api/v5/trade/order", "place"
    request = _send(path, body, Priority.PLACE, bucket, "order-operations")
    return Call(request=request, parse=_accepted)


def amend(order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> Call[PlaceAccepted] | None:
    """None where OKX has no change in place. `amount` is the whole base amount, what is filled included."""
    if order.terms.type not in _AMENDED:
        return None
    if price is None and amount is None:
        raise ValueError("a change needs a price or an amount")
    body: dict[str, Any] = {"instId": checked_pair(order.pair), **_reference(order), "cxlOnFail": False}
    if amount is not None:
        body["newSz"] = _text(amount, "amount")
    if price is not None:
        body["newPx"] = _text(price, "price")
    request = _send("/api/v5/trade/amend-order", body, Priority.PLACE, "amend", "order-operations")
    return Call(request=request, parse=_accepted)


def cancel(order: InFlightOrder, taken: Taken) -> Call[CancelAnswer]:
    """By the exchange's id where it is known, else by ours. A row refused raises its VenueError."""

    def parse(response: Response) -> CancelAnswer:
        answer = _answer(_only_row(response), response, order)
        if answer.error is not None:
            raise answer.error
        taken(order)
        return answer

    return Call(request=_cancel_request([order], batch=False), parse=parse)


def cancel_these(orders: Sequence[InFlightOrder], taken: Taken) -> list[Call[list[CancelAnswer]]]:
    """Orders in the book twenty a call, waiting stop orders ten; a single order takes the call of its own."""
    calls: list[Call[list[CancelAnswer]]] = []
    for stops, most in ((False, _MOST_CANCELS), (True, _MOST_STOP_CANCELS)):
        group = [order for order in orders if is_waiting_stop(order) is stops]
        for first in range(0, len(group), most):
            calls.append(_cancel_some(group[first : first + most], taken))
    return calls


def kill_switch(seconds: int | None) -> Call[int]:
    """Raises ValueError outside 10 to 120 seconds."""
    if seconds is not None and seconds not in _KILL_SWITCH_S:
        raise ValueError(f"the safety timer takes 10 to 120 seconds, not {seconds}")

    def parse(response: Response) -> int:
        rows = _read_timer(good_body(response)).data
        if seconds is None:
            return 0
        told = int(rows[0].trigger_time) if rows and rows[0].trigger_time else 0
        if not told:
            return response.received_ms + seconds * 1000
        return told * 1000 if told < _SECONDS_UNTIL else told

    body = {"timeOut": str(seconds or 0)}
    return Call(
        request=_send("/api/v5/trade/cancel-all-after", body, Priority.CANCEL, "safety-timer"),
        parse=parse,
    )


# -- forms -------------------------------------------------------------------------------------------------------------


def _order(intent: OrderIntent) -> dict[str, str]:
    order = _common(intent)
    if intent.type is not OrderType.LIMIT and intent.time_in_force is not TimeInForce.GTC:
        raise ValueError(f"{intent.type} orders have no {intent.time_in_force} here")
    match intent.type:
        case OrderType.LIMIT:
            order["ordType"] = _WORD_OF_TIME[intent.time_in_force]
        case OrderType.LIMIT_MAKER:
            order["ordType"] = "post_only"
        case OrderType.MARKET:
            order["ordType"] = "market"
            order |= _market_size(intent)
        case _:
            raise ValueError(f"{intent.type} orders cannot be placed here")
    if intent.type.has_price:
        order["px"] = _text(intent.price, "price")
        order["sz"] = _text(intent.amount, "amount")
    if intent.client_order_id:
        order["clOrdId"] = intent.client_order_id
    return order


def _stop_order(intent: OrderIntent) -> dict[str, str]:
    if intent.time_in_force is not TimeInForce.GTC:
        raise ValueError(f"{intent.type} orders have no {intent.time_in_force} here")
    order = _common(intent)
    trigger = _text(intent.stop_price, "stop price")
    price = _text(intent.price, "price") if intent.type.has_price else AT_MARKET
    if intent.type in _TAKE_PROFITS:
        order |= {"ordType": "conditional", "tpTriggerPx": trigger, "tpOrdPx": price}
    else:
        order |= {"ordType": "trigger", "triggerPx": trigger, "orderPx": price, "triggerPxType": "last"}
    order |= {"sz": _text(intent.amount, "amount")} if intent.type.has_price else _market_size(intent)
    if intent.client_order_id:
        order["algoClOrdId"] = intent.client_order_id
    return order


def _common(intent: OrderIntent) -> dict[str, str]:
    return {"instId": checked_pair(intent.pair), "tdMode": "cash", "side": intent.side.value.lower()}


def _market_size(intent: OrderIntent) -> dict[str, str]:
    """The unit is always said: left out, it is quote for buys and base for sells."""
    if intent.quote_amount is not None and intent.amount is None:
        if intent.side is Side.SELL:
            raise ValueError("a market sell is sized in base")
        return {"sz": _text(intent.quote_amount, "total"), "tgtCcy": "quote_ccy"}
    return {"sz": _text(intent.amount, "amount or total"), "tgtCcy": "base_ccy"}


def _text(number: Decimal | None, name: str) -> str:
    if number is None:
        raise ValueError(f"an order of this type needs a {name}")
    return format(number, "f")


def _reference(order: InFlightOrder) -> dict[str, str]:
    theirs, ours = ("algoId", "algoClOrdId") if is_waiting_stop(order) else ("ordId", "clOrdId")
    if order.live_order_id:
        return {theirs: order.live_order_id}
    if order.client_order_id:
        return {ours: order.client_order_id}
    raise ValueError("an order without any id cannot be named")


def _cancel_request(orders: Sequence[InFlightOrder], batch: bool) -> Request:
    body = [{"instId": checked_pair(order.pair), **_reference(order)} for order in orders]
    if is_waiting_stop(orders[0]):
        return _send("/api/v5/trade/cancel-algos", body, Priority.CANCEL, "cancel-algo")
    if batch:
        return _send("/api/v5/trade/cancel-batch-orders", body, Priority.CANCEL, "cancel")
    return _send("/api/v5/trade/cancel-order", body[0], Priority.CANCEL, "cancel")


def _cancel_some(orders: Sequence[InFlightOrder], taken: Taken) -> Call[list[CancelAnswer]]:
    named = {order.live_order_id or order.client_order_id: order for order in orders}

    def parse(response: Response) -> list[CancelAnswer]:
        answers = []
        for row in _read_answers(good_body(response)).data:
            order = _order_of(row, named)
            answer = _answer(row, response, order)
            if order is not None and answer.accepted:
                taken(order)
            answers.append(answer)
        return answers

    return Call(request=_cancel_request(orders, batch=len(orders) > 1), parse=parse)


# -- answers -----------------------------------------------------------------------------------------------------------


def _order_of(row: _AnswerRow, named: dict[str, InFlightOrder]) -> InFlightOrder | None:
    words = (row.ord_id, row.algo_id, row.cl_ord_id, row.algo_cl_ord_id)
    return next((named[word] for word in words if word in named), None)


def _only_row(response: Response) -> _AnswerRow:
    rows = _read_answers(good_body(response)).data
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} answers to one order")
    return rows[0]


def _accepted(response: Response) -> PlaceAccepted:
    """Taken is not resting: a post-only order that would take is cancelled on the stream."""
    row = _only_row(response)
    if str(row.s_code) != OK:
        raise refusal_of(row.s_code, row.s_msg, response)
    order_id = row.ord_id or row.algo_id
    if not order_id:
        raise ValueError("the reply to an order holds no order id")
    return PlaceAccepted(order_id, response.frame)


def _answer(row: _AnswerRow, response: Response, order: InFlightOrder | None) -> CancelAnswer:
    """Taken is not cancelled: the stream or a query tells the end, so `final` stays empty."""
    code = str(row.s_code)
    accepted = code in (OK, CANCEL_UNDER_WAY)
    error = None if accepted else refusal_of(code, row.s_msg, response)
    return CancelAnswer(
        exchange_order_id=(order.exchange_order_id if order else "") or row.algo_id or row.ord_id,
        client_order_id=(order.client_order_id if order else "") or row.algo_cl_ord_id or row.cl_ord_id,
        accepted=accepted,
        words=error.words if error else row.s_msg or "",
        error=error,
        frame=response.frame,
    )


def _send(path: str, body: object, priority: Priority, *buckets: str) -> Request:
    return Request(
        method="POST",
        path=path,
        body=msgspec.json.encode(body),
        signed=True,
        weights=weights(*buckets),
        priority=priority,
        timeout_s=_TIMEOUT_S,
    )
