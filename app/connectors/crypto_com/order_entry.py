"""Placing, changing and cancelling on Crypto.com: what is sent and how answers read. No trading rules, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from app.connectors.crypto_com.errors import good_body, refusal_of
from app.connectors.crypto_com.private_rows import STOP_TYPES, WENT_OFF, WORD_OF_TIME, WORD_OF_TYPE
from app.connectors.crypto_com.protocol import PREFIX, Loose, decoder, text, to_symbol, weights, whole
from app.connectors.spec import CancelAnswer, PlaceAccepted
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Request, Response, VenueError
from app.core.types import OrderType, Side, TimeInForce

_AMENDED = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})
_AT_MARKET = frozenset({OrderType.MARKET, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT})
_A_LIST = 10
"""As many as one list of new orders holds; of a list of cancels the number is not told."""
_TIMEOUT_S = 5.0

Taken = Callable[[InFlightOrder], None]
"""Told of every order whose cancel the exchange took."""


class _Answer(Struct):
    order_id: Loose = None
    client_oid: str | None = ""


class _Answered(Struct):
    result: _Answer


class _ListRow(Struct):
    index: Loose
    code: Loose = 0
    message: str | None = ""


class _ListAnswered(Struct):
    result: list[_ListRow]


_read_answer = decoder(_Answered)
_read_list = decoder(_ListAnswered)


def is_waiting_stop(order: InFlightOrder) -> bool:
    """A stop order that went off is an ordinary order from then on, even before that order's id is known."""
    went_off = order.triggered_order_id or order.venue_word == WENT_OFF
    return order.terms.type in STOP_TYPES and not went_off


def place(intent: OrderIntent) -> Call[PlaceAccepted]:
    """Raises ValueError for an intent that this exchange has no form for; nothing is sent then."""
    params = _order(intent)
    if intent.type in STOP_TYPES:
        request = ask("advanced/create-order", params, "private", Priority.PLACE)
    else:
        request = ask("create-order", params, "create", Priority.PLACE)
    return Call(request=request, parse=_accepted)


def amend(order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> Call[PlaceAccepted] | None:
    """None where there is no change in place. `amount` is the whole base amount, what is filled included.

    Both values must be sent, so what does not change is sent as it is. Unless it only shrinks, it loses its place.
    """
    if order.terms.type not in _AMENDED:
        return None
    if price is None and amount is None:
        raise ValueError("a change needs a price or an amount")
    params = {
        **_reference(order, "orig_client_oid"),
        "new_price": _text(order.terms.price if price is None else price, "price"),
        "new_quantity": _text(order.terms.amount if amount is None else amount, "amount"),
    }

    def parse(response: Response) -> PlaceAccepted:
        answer = _read_answer(good_body(response)).result
        return PlaceAccepted(text(answer.order_id) or order.live_order_id, response.frame)

    return Call(request=ask("amend-order", params, "private", Priority.PLACE), parse=parse)


def cancel(order: InFlightOrder, taken: Taken) -> Call[CancelAnswer]:
    """By the exchange's id where it is known, else by ours."""

    def parse(response: Response) -> CancelAnswer:
        good_body(response)
        taken(order)
        return _received(order, response)

    return Call(request=_cancel_request(order), parse=parse)


def cancel_these(orders: Sequence[InFlightOrder], taken: Taken) -> list[Call[list[CancelAnswer]]]:
    """Orders in the book ten a call; waiting stop orders, and a single order, in calls of their own."""
    in_book = [order for order in orders if not is_waiting_stop(order)]
    groups = [in_book[first : first + _A_LIST] for first in range(0, len(in_book), _A_LIST)]
    alone = [order for order in orders if is_waiting_stop(order)]
    calls = [_cancel_list(group) for group in groups if len(group) > 1]
    return calls + [_cancel_alone(order, taken) for order in [*alone, *(g[0] for g in groups if len(g) == 1)]]


def cancel_pair(pair: str) -> list[Call[list[CancelAnswer]]]:
    """Everything of one market: what is in the book, and the stop orders that wait. The replies name no orders."""

    def parse(response: Response) -> list[CancelAnswer]:
        good_body(response)
        return []

    symbol = to_symbol(pair)
    in_book = ask("cancel-all-orders", {"instrument_name": symbol, "type": "ALL"}, "cancel-all", Priority.CANCEL)
    stops = ask("advanced/cancel-all-orders", {"instrument_name": symbol}, "private", Priority.CANCEL)
    return [Call(request=in_book, parse=parse), Call(request=stops, parse=parse)]


def ask(method: str, params: dict[str, Any], bucket: str, priority: Priority = Priority.INFO) -> Request:
    """A signed question. Its body is the parameters alone: `auth` wraps them."""
    return Request(
        method="POST",
        path=f"{PREFIX}private/{method}",
        body=msgspec.json.encode(params),
        signed=True,
        weights=weights(bucket),
        priority=priority,
        timeout_s=_TIMEOUT_S,
    )


# -- forms -------------------------------------------------------------------------------------------------------------


def _order(intent: OrderIntent) -> dict[str, Any]:
    """Every number is a string, or the signature is not that of the message."""
    kind = WORD_OF_TYPE.get(intent.type)
    if kind is None:
        raise ValueError(f"{intent.type} orders cannot be placed here")
    if intent.type is not OrderType.LIMIT and intent.time_in_force is not TimeInForce.GTC:
        raise ValueError(f"{intent.type} orders have no {intent.time_in_force} here")
    order: dict[str, Any] = {"instrument_name": to_symbol(intent.pair), "side": intent.side.value, "type": kind}
    if intent.type in STOP_TYPES:
        # Left out, the trigger would watch the mark price.
        order |= {"ref_price": _text(intent.stop_price, "stop price"), "ref_price_type": "LAST_PRICE"}
    if intent.type in _AT_MARKET:
        order |= _market_size(intent)
    else:
        order |= {"price": _text(intent.price, "price"), "quantity": _text(intent.amount, "amount")}
        order["time_in_force"] = WORD_OF_TIME[intent.time_in_force]
    if intent.type is OrderType.LIMIT_MAKER:
        order["exec_inst"] = ["POST_ONLY"]
    if intent.client_order_id:
        order["client_oid"] = intent.client_order_id
    # Nothing is ever borrowed.
    return order | {"spot_margin": "SPOT"}


def _market_size(intent: OrderIntent) -> dict[str, str]:
    if intent.quote_amount is not None and intent.amount is None:
        if intent.side is Side.SELL:
            raise ValueError("a market sell is sized in base")
        return {"notional": _text(intent.quote_amount, "total")}
    return {"quantity": _text(intent.amount, "amount or total")}


def _text(number: Decimal | None, name: str) -> str:
    if number is None:
        raise ValueError(f"an order of this type needs a {name}")
    return format(number, "f")


def _reference(order: InFlightOrder, ours: str = "client_oid") -> dict[str, str]:
    waits_no_longer = order.terms.type in STOP_TYPES and not (is_waiting_stop(order) or order.triggered_order_id)
    if order.live_order_id and not (waits_no_longer and order.client_order_id):
        return {"order_id": order.live_order_id}
    if order.client_order_id:
        return {ours: order.client_order_id}
    raise ValueError("an order without any id cannot be named")


def _cancel_request(order: InFlightOrder) -> Request:
    if is_waiting_stop(order):
        return ask("advanced/cancel-order", _reference(order), "private", Priority.CANCEL)
    return ask("cancel-order", _reference(order), "cancel", Priority.CANCEL)


def _cancel_alone(order: InFlightOrder, taken: Taken) -> Call[list[CancelAnswer]]:
    call = cancel(order, taken)
    return Call(request=call.request, parse=lambda response: [call.parse(response)])


def _cancel_list(orders: Sequence[InFlightOrder]) -> Call[list[CancelAnswer]]:
    def parse(response: Response) -> list[CancelAnswer]:
        answers = []
        for row in _read_list(good_body(response)).result:
            index, code = whole(row.index), whole(row.code)
            if not 0 <= index < len(orders):
                raise ValueError(f"an answer to order {index} of {len(orders)}")
            error = refusal_of(code, row.message, response) if code else None
            answers.append(_received(orders[index], response, error))
        return answers

    rows = [{"instrument_name": to_symbol(order.pair), **_reference(order)} for order in orders]
    params = {"contingency_type": "LIST", "order_list": rows}
    return Call(request=ask("cancel-order-list", params, "private", Priority.CANCEL), parse=parse)


# -- answers -----------------------------------------------------------------------------------------------------------


def _accepted(response: Response) -> PlaceAccepted:
    """Received is not resting: the order's fate is told on the stream."""
    order_id = text(_read_answer(good_body(response)).result.order_id)
    if not order_id:
        raise ValueError("the reply to an order holds no order id")
    return PlaceAccepted(order_id, response.frame)


def _received(order: InFlightOrder, response: Response, error: VenueError | None = None) -> CancelAnswer:
    """Received is not cancelled: the stream or a query tells the end, so `final` stays empty."""
    return CancelAnswer(
        exchange_order_id=order.exchange_order_id,
        client_order_id=order.client_order_id,
        accepted=error is None,
        words=error.words if error else "",
        error=error,
        frame=response.frame,
    )
