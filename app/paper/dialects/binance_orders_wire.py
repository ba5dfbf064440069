"""Binance' JSON of orders, fills and user events, field by field. Values only: nothing is sent or looked up here.

| message | fields | evidence |
|---|---|---|
| order, placed and cancelled | as in sheet 5.3 and 6 | sheet; `origQty` of one by quote (what it bought) unconfirmed |
| conditional fields | stop, iceberg, trailing, strategy, prevention, expiry: where they apply | exchange's page |
| executionReport | sheet 5.2; `C` names the order when `c` names the request that cancelled or amended it | sheet 5.2 |
| a stop order meets the book | executionReport NEW again, with `w` true | unconfirmed |
| `d`, `D` | trailing delta, and the time it started to follow the price (time of the event) | exchange's page |
"""

from __future__ import annotations

from app.core.types import Side
from app.paper.dialects.binance_wire import (
    NO_LIST,
    SELF_TRADE,
    ZERO,
    Json,
    Ms,
    Terms,
    atoms,
    expires,
    expiry_reason,
    fixed,
    moment,
    status,
    symbol_of,
    terms_of,
)
from app.paper.events import BalanceChanged, Fill, OrderEvent, OrderEventKind
from app.paper.listings import Instrument
from app.paper.orders import Order


def placed(order: Order, instrument: Instrument, fills: list[Fill], kind: str) -> Json:
    """Answer to a placement as ACK, RESULT or FULL."""
    row = _head(order) | {"clientOrderId": order.client_order_id, "transactTime": Ms(order.updated_ms)}
    if kind == "ACK":
        return row
    row |= _progress(order, instrument) | {"workingTime": moment(order.working_ms)} | _last(order, instrument)
    if kind == "FULL":
        row["fills"] = [
            {
                "price": fixed(fill.ticks, instrument.price_scale),
                "qty": fixed(fill.lots, instrument.quantity_scale),
                "commission": atoms(fill.fee_atoms),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in fills
        ]
    return row


def canceled(order: Order, instrument: Instrument) -> Json:
    """Answer to a cancel: the order's own id is `origClientOrderId`."""
    row = _head(order) | {
        "origClientOrderId": order.client_order_id,
        "clientOrderId": terms_of(order).closing_id,
        "transactTime": Ms(order.updated_ms),
    }
    return row | _progress(order, instrument) | _last(order, instrument)


def queried(order: Order, instrument: Instrument) -> Json:
    """An order as lists and queries show it."""
    terms = terms_of(order)
    row = _head(order) | {"clientOrderId": order.client_order_id} | _progress(order, instrument)
    row |= {
        "stopPrice": fixed(terms.stop_ticks, instrument.price_scale),
        "icebergQty": fixed(order.peak_lots, instrument.quantity_scale),
        "time": Ms(order.created_ms),
        "updateTime": Ms(order.updated_ms),
        "isWorking": not order.waits and order.working_ms > 0,
        "workingTime": moment(order.working_ms),
    }
    return _last(order, instrument) | row


def amended(order: Order, instrument: Instrument) -> Json:
    """`amendedOrder` in the answer to an amendment."""
    return _head(order) | {
        "origClientOrderId": terms_of(order).former_id,
        "clientOrderId": order.client_order_id,
        "price": fixed(order.ticks, instrument.price_scale),
        "qty": fixed(order.lots, instrument.quantity_scale),
        "executedQty": fixed(order.filled_lots, instrument.quantity_scale),
        "preventedQty": fixed(terms_of(order).prevented_lots, instrument.quantity_scale),
        "quoteOrderQty": ZERO,
        "cumulativeQuoteQty": fixed(order.filled_cells, instrument.cell_scale),
        "status": status(order.state, order.closed_reason),
        "timeInForce": order.time_in_force.value,
        "type": terms_of(order).order_type,
        "side": order.side.value,
        "workingTime": moment(order.working_ms),
        "selfTradePreventionMode": terms_of(order).stp_mode,
    }


def own_trade(fill: Fill, instrument: Instrument) -> Json:
    return {
        "symbol": symbol_of(fill.order.pair),
        "id": fill.trade_id,
        "orderId": fill.order.order_id,
        "orderListId": NO_LIST,
        "price": fixed(fill.ticks, instrument.price_scale),
        "qty": fixed(fill.lots, instrument.quantity_scale),
        "quoteQty": fixed(fill.ticks * fill.lots, instrument.cell_scale),
        "commission": atoms(fill.fee_atoms),
        "commissionAsset": fill.fee_asset,
        "time": Ms(fill.time_ms),
        "isBuyer": fill.order.side is Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def execution_report(event: OrderEvent, instrument: Instrument, execution_id: int, now_ms: int) -> Json:
    order, fill = event.order, event.fill
    terms = terms_of(order)
    renamed = event.kind is OrderEventKind.AMENDED or (event.kind is OrderEventKind.CLOSED and terms.closing_id)
    working = event.kind is not OrderEventKind.PLACED or not order.waits
    own_id = terms.former_id if event.kind is OrderEventKind.AMENDED else order.client_order_id
    row: Json = {
        "e": "executionReport",
        "E": Ms(now_ms),
        "s": symbol_of(order.pair),
        "c": terms.closing_id if renamed else order.client_order_id,
        "S": order.side.value,
        "o": terms.order_type,
        "f": order.time_in_force.value,
        "q": fixed(order.lots or order.filled_lots, instrument.quantity_scale),
        "p": fixed(order.ticks, instrument.price_scale),
        "P": fixed(terms.stop_ticks, instrument.price_scale),
        "F": fixed(order.peak_lots, instrument.quantity_scale),
        "g": NO_LIST,
        "C": own_id if renamed else "",
        "x": _execution_type(event),
        "X": status(event.state, event.reason),
        "r": "NONE",
        "i": order.order_id,
        "l": fixed(fill.lots if fill else 0, instrument.quantity_scale),
        "z": fixed(event.filled_lots, instrument.quantity_scale),
        "L": fixed(fill.ticks if fill else 0, instrument.price_scale),
        "n": atoms(fill.fee_atoms) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": Ms(event.time_ms),
        "t": fill.trade_id if fill else -1,
        "I": execution_id,
        "w": event.state.is_open and working,
        "m": fill.maker if fill else False,
        "M": fill is not None,
        "O": Ms(order.created_ms),
        "Z": fixed(event.filled_cells, instrument.cell_scale),
        "Y": fixed(fill.ticks * fill.lots if fill else 0, instrument.cell_scale),
        "Q": fixed(order.cells, instrument.cell_scale),
        "V": terms.stp_mode,
    }
    if working:
        row["W"] = Ms(order.working_ms or event.time_ms)
    return row | _report_extras(event, terms, instrument)


def _report_extras(event: OrderEvent, terms: Terms, instrument: Instrument) -> Json:
    order = event.order
    row: Json = {}
    if terms.trailing_delta:
        row |= {"d": terms.trailing_delta, "D": Ms(event.time_ms if order.waits else order.working_ms)}
    if terms.strategy_id is not None:
        row["j"] = terms.strategy_id
    if terms.strategy_type is not None:
        row["J"] = terms.strategy_type
    if event.kind is OrderEventKind.CLOSED:
        if event.reason == SELF_TRADE:
            prevented = fixed(terms.prevented_lots, instrument.quantity_scale)
            row |= {
                "v": terms.prevented_id,
                "A": prevented,
                "B": prevented,
                "u": -1,
                "U": terms.counter_order_id,
                "Cs": symbol_of(order.pair),
            }
        elif reason := expiry_reason(order):
            row["eR"] = reason
    return row


def _execution_type(event: OrderEvent) -> str:
    match event.kind:
        case OrderEventKind.FILLED:
            return "TRADE"
        case OrderEventKind.AMENDED:
            return "REPLACED"
        case OrderEventKind.CLOSED:
            if event.reason == SELF_TRADE:
                return "TRADE_PREVENTION"
            return "EXPIRED" if expires(event.reason) else "CANCELED"
    return "NEW"


def account_position(changes: list[BalanceChanged], now_ms: int) -> Json:
    """The last of several changes of an asset counts."""
    rows = {c.asset: {"a": c.asset, "f": atoms(c.available), "l": atoms(c.hold)} for c in changes}
    return {
        "e": "outboundAccountPosition",
        "E": Ms(now_ms),
        "u": Ms(changes[-1].time_ms),
        "B": list(rows.values()),
    }


def _head(order: Order) -> Json:
    return {"symbol": symbol_of(order.pair), "orderId": order.order_id, "orderListId": NO_LIST}


def _progress(order: Order, instrument: Instrument) -> Json:
    return {
        "price": fixed(order.ticks, instrument.price_scale),
        "origQty": fixed(order.lots or order.filled_lots, instrument.quantity_scale),
        "executedQty": fixed(order.filled_lots, instrument.quantity_scale),
        "origQuoteOrderQty": fixed(order.cells, instrument.cell_scale),
        "cummulativeQuoteQty": fixed(order.filled_cells, instrument.cell_scale),
        "status": status(order.state, order.closed_reason),
        "timeInForce": order.time_in_force.value,
        "type": terms_of(order).order_type,
        "side": order.side.value,
    }


def _last(order: Order, instrument: Instrument) -> Json:
    """The fields at the end, most of them only where they apply."""
    terms = terms_of(order)
    row: Json = {"selfTradePreventionMode": terms.stp_mode}
    if terms.stop_ticks:
        row["stopPrice"] = fixed(terms.stop_ticks, instrument.price_scale)
    if order.peak_lots:
        row["icebergQty"] = fixed(order.peak_lots, instrument.quantity_scale)
    if terms.trailing_delta:
        row |= {"trailingDelta": terms.trailing_delta, "trailingTime": moment(order.working_ms)}
    if terms.strategy_id is not None:
        row["strategyId"] = terms.strategy_id
    if terms.strategy_type is not None:
        row["strategyType"] = terms.strategy_type
    if order.closed_reason == SELF_TRADE:
        row["preventedMatchId"] = terms.prevented_id
        row["preventedQuantity"] = fixed(terms.prevented_lots, instrument.quantity_scale)
    if reason := expiry_reason(order):
        row["expiryReason"] = reason
    return row
