"""Placing, amending and cancelling on Coinbase: what is sent, how answers read. No checks of trading rules, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from app.connectors.coinbase.errors import good_body, refusal_of
from app.connectors.coinbase.protocol import PREFIX, PRIVATE, quote_of, to_symbol
from app.connectors.spec import CancelAnswer, PlaceAccepted
from app.connectors.wire_numbers import number
from app.core.order_preview import OrderPreview
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Request, Response, VenueError
from app.core.types import OrderType, Side, TimeInForce

ORDERS = f"{PREFIX}/orders"
CANCELS_A_CALL = 100
_TIMEOUT_S = 5.0
_LIMITS = {
    TimeInForce.GTC: "limit_limit_gtc",
    TimeInForce.IOC: "sor_limit_ioc",
    TimeInForce.FOK: "limit_limit_fok",
}
_STOP_DIRECTIONS = {Side.BUY: "STOP_DIRECTION_STOP_UP", Side.SELL: "STOP_DIRECTION_STOP_DOWN"}
_AMENDED = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT})
_UNDER_WAY = "DUPLICATE_CANCEL_REQUEST"


class _Success(Struct):
    order_id: str | None = ""


class _ErrorResponse(Struct):
    error: str | None = ""
    message: str | None = ""
    error_details: str | None = ""
    preview_failure_reason: str | None = ""
    new_order_failure_reason: str | None = ""


class _Placed(Struct):
    success: bool | None = None
    order_id: str | None = ""
    failure_reason: str | None = ""
    success_response: _Success | None = None
    error_response: _ErrorResponse | None = None


class _EditError(Struct):
    edit_failure_reason: str | None = ""
    preview_failure_reason: str | None = ""


class _Edited(Struct):
    success: bool | None = None
    errors: list[_EditError] | _EditError | None = None
    success_response: _Success | None = None
    error_response: _EditError | None = None


class _CancelRow(Struct):
    order_id: str
    success: bool = False
    failure_reason: str | None = ""


class _Canceled(Struct):
    results: list[_CancelRow] = []


class _Preview(Struct):
    errs: list[str] = []
    warning: list[str] = []
    commission_total: str | None = ""
    order_total: str | None = ""
    slippage: str | None = ""


_decode_placed = msgspec.json.Decoder(_Placed).decode
_decode_edited = msgspec.json.Decoder(_Edited).decode
_decode_canceled = msgspec.json.Decoder(_Canceled).decode
_decode_preview = msgspec.json.Decoder(_Preview).decode


def place(intent: OrderIntent) -> Call[PlaceAccepted]:
    """Raises ValueError for an intent that this exchange has no form for; nothing is sent then."""
    if not intent.client_order_id:
        raise ValueError("an order needs a client order id here")
    body = {"client_order_id": intent.client_order_id, **_order(intent)}
    return Call(request=_post("", body, Priority.PLACE), parse=_read_placed)


def preview(intent: OrderIntent) -> Call[OrderPreview]:
    """Raises ValueError as `place` does."""

    def parse(response: Response) -> OrderPreview:
        reply = _decode_preview(good_body(response))
        fee = number(reply.commission_total)
        asset = quote_of(intent.pair) if fee is not None else ""
        return OrderPreview(
            tuple(reply.errs),
            fee,
            asset,
            response.frame,
            tuple(reply.warning),
            number(reply.order_total),
            number(reply.slippage),
        )

    return Call(request=_post("/preview", _order(intent), Priority.ORDER_QUERY), parse=parse)


def amend(order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> Call[PlaceAccepted] | None:
    """Price and whole amount (base) go out both, as a missing one counts as zero; None for orders without an edit."""
    terms = order.terms
    price, amount = terms.price if price is None else price, terms.amount if amount is None else amount
    editable = terms.type in _AMENDED and terms.time_in_force is TimeInForce.GTC
    if not editable or not order.exchange_order_id or price is None or amount is None:
        return None
    order_id = order.exchange_order_id

    def parse(response: Response) -> PlaceAccepted:
        reply = _decode_edited(good_body(response))
        if reply.success or (reply.success is None and reply.success_response is not None):
            return PlaceAccepted(order_id, response.frame)
        told = reply.errors if isinstance(reply.errors, list) else [reply.errors]
        errors = [error for error in (*told, reply.error_response) if error is not None]
        codes = [code for error in errors for code in (error.edit_failure_reason, error.preview_failure_reason)]
        raise refusal_of(codes, "", response)

    body = {"order_id": order_id, "price": _text(price, "price"), "size": _text(amount, "amount")}
    return Call(request=_post("/edit", body, Priority.PLACE), parse=parse)


def cancel(exchange_order_id: str) -> Call[CancelAnswer]:
    """One order by the exchange's id: it takes no other."""

    def parse(response: Response) -> CancelAnswer:
        for answer in _read_canceled(response):
            if answer.exchange_order_id == exchange_order_id:
                return answer
        raise ValueError("the reply to a cancel does not name the order")

    return Call(request=_cancel_request([exchange_order_id]), parse=parse)


def cancel_these(exchange_order_ids: Sequence[str]) -> list[Call[list[CancelAnswer]]]:
    """A hundred a call."""
    groups = [exchange_order_ids[at : at + CANCELS_A_CALL] for at in range(0, len(exchange_order_ids), CANCELS_A_CALL)]
    return [Call(request=_cancel_request(list(group)), parse=_read_canceled) for group in groups]


def _read_placed(response: Response) -> PlaceAccepted:
    reply = _decode_placed(good_body(response))
    order_id = (reply.success_response.order_id if reply.success_response else "") or ""
    if reply.success is False or (reply.success is None and reply.error_response is not None):
        error = reply.error_response or _ErrorResponse()
        codes = (
            error.error,
            error.new_order_failure_reason,
            error.preview_failure_reason,
            reply.failure_reason,
        )
        raise refusal_of(codes, error.message or error.error_details, response)
    order_id = order_id or reply.order_id or ""
    if not order_id:
        raise ValueError("the reply to an order holds no order id")
    return PlaceAccepted(order_id, response.frame)


def _read_canceled(response: Response) -> list[CancelAnswer]:
    return [_answer(row, response) for row in _decode_canceled(good_body(response)).results]


def _answer(row: _CancelRow, response: Response) -> CancelAnswer:
    """Taken is not cancelled: the stream or a query tells the end, so `final` stays empty."""
    error: VenueError | None = None if row.success else refusal_of([row.failure_reason], "", response)
    return CancelAnswer(
        exchange_order_id=row.order_id,
        # An earlier cancel that is under way serves as well as this one.
        accepted=error is None or row.failure_reason == _UNDER_WAY,
        words=error.words if error else "",
        error=error,
        frame=response.frame,
    )


def _order(intent: OrderIntent) -> dict[str, Any]:
    kind, terms = _configuration(intent)
    return {
        "product_id": to_symbol(intent.pair),
        "side": intent.side.value,
        "order_configuration": {kind: terms},
    }


def _configuration(intent: OrderIntent) -> tuple[str, dict[str, Any]]:
    kind, time_in_force = intent.type, intent.time_in_force
    if kind is OrderType.MARKET:
        if intent.quote_amount is not None:
            if intent.side is Side.SELL:
                raise ValueError("a market sell is sized in base here")
            return "market_market_ioc", {"quote_size": _text(intent.quote_amount, "total")}
        return "market_market_ioc", {"base_size": _text(intent.amount, "amount")}
    if kind not in _AMENDED:
        raise ValueError(f"{kind} orders cannot be placed here")
    terms: dict[str, Any] = {
        "base_size": _text(intent.amount, "amount"),
        "limit_price": _text(intent.price, "price"),
    }
    if kind is OrderType.LIMIT:
        if time_in_force is TimeInForce.GTC:
            terms["post_only"] = False
        return _LIMITS[time_in_force], terms
    if time_in_force is not TimeInForce.GTC:
        raise ValueError(f"{kind} orders are good till cancelled here, not {time_in_force}")
    if kind is OrderType.LIMIT_MAKER:
        return "limit_limit_gtc", {**terms, "post_only": True}
    terms["stop_price"] = _text(intent.stop_price, "stop price")
    terms["stop_direction"] = _STOP_DIRECTIONS[intent.side]
    return "stop_limit_stop_limit_gtc", terms


def _text(value: Decimal | None, name: str) -> str:
    if value is None:
        raise ValueError(f"an order of this type needs a {name}")
    return format(value, "f")


def _cancel_request(exchange_order_ids: list[str]) -> Request:
    return _post("/batch_cancel", {"order_ids": exchange_order_ids}, Priority.CANCEL)


def _post(path: str, body: dict[str, Any], priority: Priority) -> Request:
    return Request(
        method="POST",
        path=ORDERS + path,
        body=msgspec.json.encode(body),
        signed=True,
        weights=PRIVATE,
        priority=priority,
        timeout_s=_TIMEOUT_S,
    )
