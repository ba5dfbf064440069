"""HTX' JSON shapes of the account, field by field: orders, fills, conditional orders. Nothing is looked up here.

| what | rule | evidence |
|---|---|---|
| open orders | filled-amount, filled-cash-amount, filled-fees; elsewhere field-* (sic) | sheet 5 |
| REST | ids are integers, amounts texts | sheet 5 |
| stream | numbers as texts, ids and times integers; execAmt and remainAmt of a market buy are values | sheet 5 |
| fee currency | what is received | sheet 5 |
| finished-at, canceled-at | 0 until then | docs of 2021 |
"""

from __future__ import annotations

from app.core.types import Side
from app.paper.dialects.htx_books import Json
from app.paper.dialects.htx_listings import symbol_of
from app.paper.dialects.htx_orders import HtxOrder, HtxStop, state_word, type_word
from app.paper.dialects.htx_request import spot_id
from app.paper.events import Fill, OrderEvent
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind, OrderState, StopOrder
from app.paper.units import ATOM_SCALE, to_text

SOURCE = "spot-api"


def order_row(order: Order, stop: StopOrder | None, instrument: Instrument, fee_atoms: int, *, is_open: bool) -> Json:
    """REST form; `is_open` for the list of open orders, which has names of its own."""
    word = "filled" if is_open else "field"
    row: Json = {
        "id": order.order_id,
        "symbol": symbol_of(order.pair),
        "account-id": spot_id(order.owner),
        "client-order-id": order.client_order_id,
        "amount": size_text(order, instrument),
        "price": to_text(order.ticks, instrument.price_scale),
        "created-at": order.created_ms,
        "type": type_word(order, stop),
        f"{word}-amount": to_text(order.filled_lots, instrument.quantity_scale),
        f"{word}-cash-amount": to_text(order.filled_cells, instrument.cell_scale),
        f"{word}-fees": to_text(fee_atoms, ATOM_SCALE),
        "source": SOURCE,
        "state": state_word(order.state, order.filled_lots, waits=order.waits),
    }
    if isinstance(order, HtxOrder) and order.stop_price:
        row |= {"stop-price": order.stop_price, "operator": order.operator}
    if not is_open:
        row["finished-at"] = 0 if order.state.is_open else order.updated_ms
        row["canceled-at"] = order.updated_ms if order.state is OrderState.CANCELED else 0
    return row


def fill_row(fill: Fill, stop: StopOrder | None, instrument: Instrument) -> Json:
    order = fill.order
    return {
        "id": fill.fill_id,
        "order-id": order.order_id,
        "match-id": fill.trade_id,
        "trade-id": fill.trade_id,
        "symbol": symbol_of(order.pair),
        "type": type_word(order, stop),
        "source": SOURCE,
        "price": to_text(fill.ticks, instrument.price_scale),
        "filled-amount": to_text(fill.lots, instrument.quantity_scale),
        "filled-fees": to_text(fill.fee_atoms, ATOM_SCALE),
        "fee-currency": fill.fee_asset.lower(),
        "filled-points": "0.0",
        "fee-deduct-currency": "",
        "fee-deduct-state": "done",
        "role": "maker" if fill.maker else "taker",
        "created-at": fill.time_ms,
    }


def stop_row(stop: HtxStop, instrument: Instrument) -> Json:
    """A conditional order of version 2."""
    states = {OrderState.PENDING: "created", OrderState.CANCELED: "canceled", OrderState.TRIGGERED: "triggered"}
    row: Json = {
        "accountId": spot_id(stop.owner),
        "source": "api",
        "clientOrderId": stop.client_order_id,
        "symbol": symbol_of(stop.pair),
        "orderPrice": to_text(stop.ticks, instrument.price_scale) if stop.ticks else "",
        "orderSide": stop.side.value.lower(),
        "timeInForce": stop.force,
        "orderType": stop.order_type,
        "stopPrice": stop.stop_price,
        "orderOrigTime": stop.created_ms,
        "lastActTime": stop.updated_ms,
        "orderStatus": states.get(stop.state, "rejected"),
    }
    row["orderValue" if stop.cells else "orderSize"] = stop.size
    if stop.trailing_rate:
        row["trailingRate"] = stop.trailing_rate
    if stop.state is OrderState.TRIGGERED:
        row["orderId"] = str(stop.triggered_order_id)
        row["orderCreateTime"] = stop.updated_ms
    if stop.state is OrderState.FAILED:
        row |= {"errCode": 1002, "errMessage": stop.fail_message}
    return row


def created(event: OrderEvent, stop: StopOrder | None, instrument: Instrument) -> Json:
    order = event.order
    return _terms(order, stop, instrument) | {
        "eventType": "creation",
        "orderStatus": "submitted",
        "orderCreateTime": event.time_ms if order.working_ms else order.created_ms,
    }


def traded(event: OrderEvent, stop: StopOrder | None, instrument: Instrument) -> Json:
    assert event.fill is not None
    return (
        _terms(event.order, stop, instrument)
        | _trade(event.fill, instrument)
        | _progress(event, instrument)
        | {"eventType": "trade", "orderStatus": state_word(event.state, event.filled_lots)}
    )


def cancelled(event: OrderEvent, stop: StopOrder | None, instrument: Instrument) -> Json:
    row = _terms(event.order, stop, instrument) | _progress(event, instrument)
    status = state_word(OrderState.CANCELED, event.filled_lots)
    return row | {"eventType": "cancellation", "orderStatus": status, "lastActTime": event.time_ms}


def deleted(order: Order | StopOrder, time_ms: int) -> Json:
    """A conditional order that was removed before it triggered."""
    return {
        "eventType": "deletion",
        "symbol": symbol_of(order.pair),
        "clientOrderId": order.client_order_id,
        "orderSide": order.side.value.lower(),
        "orderStatus": "canceled",
        "lastActTime": time_ms,
    }


def not_triggered(order: Order | StopOrder, reason: str, time_ms: int) -> Json:
    """A conditional order that failed on triggering."""
    row = deleted(order, time_ms) | {"eventType": "trigger", "orderStatus": "rejected"}
    return row | {"errCode": 1002, "errMessage": reason}


def clearing(event: OrderEvent, stop: StopOrder | None, instrument: Instrument) -> Json:
    """`trade.clearing`: a fill with its fee, or a cancellation."""
    order, fill = event.order, event.fill
    row = _terms(order, stop, instrument)
    row["orderType"] = row.pop("type")
    row["source"] = row.pop("orderSource")
    row |= {"orderSide": order.side.value.lower(), "orderCreateTime": order.created_ms, "feeDeductType": ""}
    row |= {"stopPrice": order.stop_price, "operator": order.operator} if isinstance(order, HtxOrder) else {}
    row["orderStatus"] = state_word(event.state, event.filled_lots)
    if fill is None:
        return row | {"eventType": "cancellation", "remainAmt": _progress(event, instrument)["remainAmt"]}
    return (
        row
        | _trade(fill, instrument)
        | {
            "eventType": "trade",
            "transactFee": to_text(fill.fee_atoms, ATOM_SCALE),
            "feeCurrency": fill.fee_asset.lower(),
            "feeDeduct": "0",
        }
    )


def size_text(order: Order, instrument: Instrument) -> str:
    """Base units, or the value of a market buy."""
    if isinstance(order, HtxOrder):
        return order.size
    if order.cells:
        return to_text(order.cells, instrument.cell_scale)
    return to_text(order.lots, instrument.quantity_scale)


def _terms(order: Order, stop: StopOrder | None, instrument: Instrument) -> Json:
    by_value = order.kind is OrderKind.MARKET and order.side is Side.BUY
    row: Json = {
        "symbol": symbol_of(order.pair),
        "accountId": spot_id(order.owner),
        "orderId": order.order_id,
        "clientOrderId": order.client_order_id,
        "orderSource": SOURCE,
        "type": type_word(order, stop),
    }
    row["orderValue" if by_value else "orderSize"] = size_text(order, instrument)
    if order.kind is not OrderKind.MARKET:
        row["orderPrice"] = to_text(order.ticks, instrument.price_scale)
    return row


def _trade(fill: Fill, instrument: Instrument) -> Json:
    return {
        "tradePrice": to_text(fill.ticks, instrument.price_scale),
        "tradeVolume": to_text(fill.lots, instrument.quantity_scale),
        "tradeId": fill.trade_id,
        "tradeTime": fill.time_ms,
        "aggressor": not fill.maker,
    }


def _progress(event: OrderEvent, instrument: Instrument) -> Json:
    order = event.order
    if order.cells:
        done, left, scale = event.filled_cells, order.cells - event.filled_cells, instrument.cell_scale
    else:
        done, left, scale = event.filled_lots, order.lots - event.filled_lots, instrument.quantity_scale
    return {"execAmt": to_text(done, scale), "remainAmt": to_text(left, scale)}
