"""Poloniex' JSON shapes, field by field as the exchange writes them. Values only: nothing is sent or looked up here.

Field names, and which numbers are JSON ints or strings: sheet sections 2, 3 and 5. Derived from its examples: order ids
are snowflakes, (ms - 1640966400000) << 22. Unconfirmed: `/markets/price` fields, network details of currencies, and the
`ts` of candle rows (we give the time of the answer).
"""

from __future__ import annotations

from typing import Any

from app.core.types import Side
from app.paper.bars import Bar, Interval
from app.paper.events import BalanceChanged, Cause, Execution, Fill, OrderEvent, OrderEventKind
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind, OrderState, StopOrder
from app.paper.tape import DaySummary
from app.paper.units import ATOM_SCALE, ratio_text, to_text

Json = dict[str, Any]

SNOWFLAKE_EPOCH_MS = 1_640_966_400_000

_STATES = {
    OrderState.PENDING: "PENDING_NEW",
    OrderState.OPEN: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELED: "CANCELED",
    OrderState.TRIGGERED: "TRIGGERED",
    OrderState.FAILED: "FAILED",
}
KINDS = {OrderKind.LIMIT: "LIMIT", OrderKind.MARKET: "MARKET", OrderKind.POST_ONLY: "LIMIT_MAKER"}
_EVENT_TYPES = {
    OrderEventKind.PLACED: "place",
    OrderEventKind.FILLED: "trade",
    OrderEventKind.CLOSED: "canceled",
}
_CAUSES = {Cause.PLACED: "place_order", Cause.FILLED: "match_order", Cause.CLOSED: "canceled_order"}


def symbol_of(pair: str) -> str:
    return pair.replace("-", "_")


def pair_of(symbol: str) -> str:
    return symbol.replace("_", "-")


def state_word(state: OrderState, filled_lots: int) -> str:
    if state is OrderState.CANCELED and filled_lots:
        return "PARTIALLY_CANCELED"
    return _STATES[state]


def market(instrument: Instrument, state: str, listed_ms: int) -> Json:
    symbol = symbol_of(instrument.pair)
    return {
        "symbol": symbol,
        "baseCurrencyName": instrument.base,
        "quoteCurrencyName": instrument.quote,
        "displayName": f"{instrument.base}/{instrument.quote}",
        "state": state,
        "visibleStartTime": listed_ms,
        "tradableStartTime": listed_ms,
        "symbolTradeLimit": {
            "symbol": symbol,
            "priceScale": instrument.price_scale,
            "quantityScale": instrument.quantity_scale,
            "amountScale": instrument.amount_scale,
            "minQuantity": format(instrument.min_quantity, "f"),
            "minAmount": format(instrument.min_amount, "f"),
            "maxQuantity": "0",
            "maxAmount": "0",
            "highestBid": "0",
            "lowestAsk": "0",
        },
        "crossMargin": {"supportCrossMargin": False, "maxLeverage": 1},
    }


def public_trade(trade: Execution, instrument: Instrument) -> Json:
    """REST form: taker side in capitals."""
    return {
        "id": str(trade.trade_id),
        "price": to_text(trade.ticks, instrument.price_scale),
        "quantity": to_text(trade.lots, instrument.quantity_scale),
        "amount": to_text(trade.ticks * trade.lots, instrument.cell_scale),
        "takerSide": trade.taker_side.value,
        "ts": trade.time_ms,
        "createTime": trade.time_ms,
    }


def streamed_trade(trade: Execution, instrument: Instrument, now_ms: int) -> Json:
    """WebSocket form: taker side in small letters."""
    return {
        "symbol": symbol_of(trade.pair),
        "amount": to_text(trade.ticks * trade.lots, instrument.cell_scale),
        "quantity": to_text(trade.lots, instrument.quantity_scale),
        "takerSide": "buy" if trade.taker_side is Side.BUY else "sell",
        "createTime": trade.time_ms,
        "price": to_text(trade.ticks, instrument.price_scale),
        "id": str(trade.trade_id),
        "ts": now_ms,
    }


def day(summary: DaySummary, instrument: Instrument, now_ms: int) -> Json:
    """The fields that the REST and the WebSocket ticker share."""
    return {
        "symbol": symbol_of(instrument.pair),
        "open": to_text(summary.open, instrument.price_scale),
        "low": to_text(summary.low, instrument.price_scale),
        "high": to_text(summary.high, instrument.price_scale),
        "close": to_text(summary.close, instrument.price_scale),
        "quantity": to_text(summary.lots, instrument.quantity_scale),
        "amount": to_text(summary.cells, instrument.cell_scale),
        "tradeCount": summary.trades,
        "startTime": summary.start_ms,
        "closeTime": summary.close_ms,
        "dailyChange": ratio_text(summary.close - summary.open, summary.open, 4),
        "markPrice": to_text(summary.close, instrument.price_scale),
        "ts": now_ms,
    }


def candle_row(bar: Bar, interval: Interval, instrument: Instrument, now_ms: int) -> list[Any]:
    """REST form: fourteen values in Poloniex' own order (low, high, open, close, quote, base, ...)."""
    return [
        to_text(bar.low, instrument.price_scale),
        to_text(bar.high, instrument.price_scale),
        to_text(bar.open, instrument.price_scale),
        to_text(bar.close, instrument.price_scale),
        to_text(bar.cells, instrument.cell_scale),
        to_text(bar.lots, instrument.quantity_scale),
        to_text(bar.buy_cells, instrument.cell_scale),
        to_text(bar.buy_lots, instrument.quantity_scale),
        bar.trades,
        now_ms,
        ratio_text(bar.cells, bar.lots * 10**instrument.price_scale, instrument.price_scale + 6),
        interval.name,
        bar.start_ms,
        interval.next_start(bar.start_ms) - 1,
    ]


def streamed_candle(bar: Bar, interval: Interval, instrument: Instrument, now_ms: int) -> Json:
    return {
        "symbol": symbol_of(instrument.pair),
        "amount": to_text(bar.cells, instrument.cell_scale),
        "high": to_text(bar.high, instrument.price_scale),
        "quantity": to_text(bar.lots, instrument.quantity_scale),
        "tradeCount": bar.trades,
        "low": to_text(bar.low, instrument.price_scale),
        "closeTime": interval.next_start(bar.start_ms) - 1,
        "startTime": bar.start_ms,
        "close": to_text(bar.close, instrument.price_scale),
        "open": to_text(bar.open, instrument.price_scale),
        "ts": now_ms,
    }


def currency(currency_id: int, coin: str) -> Json:
    network = {
        "id": currency_id,
        "coin": coin,
        "name": coin,
        "currencyType": "address",
        "blockchain": coin,
        "withdrawalEnable": False,
        "depositEnable": False,
        "depositAddress": None,
        "withdrawMin": "-1",
        "decimals": 8,
        "withdrawFee": "0",
        "minConfirm": 1,
        "contractAddress": None,
    }
    return {
        "id": currency_id,
        "coin": coin,
        "delisted": False,
        "tradeEnable": True,
        "name": coin,
        "networkList": [network],
        "supportCollateral": False,
        "supportBorrow": False,
    }


def order(order: Order, instrument: Instrument) -> Json:
    """REST form of an order."""
    return {
        "id": str(order.order_id),
        "clientOrderId": order.client_order_id,
        "symbol": symbol_of(order.pair),
        "state": state_word(order.state, order.filled_lots),
        "accountType": "SPOT",
        "side": order.side.value,
        "type": KINDS[order.kind],
        "timeInForce": order.time_in_force.value,
        "quantity": to_text(order.lots, instrument.quantity_scale),
        "price": to_text(order.ticks, instrument.price_scale),
        "avgPrice": ratio_text(
            order.filled_cells, order.filled_lots * 10**instrument.price_scale, instrument.price_scale + 6
        ),
        "amount": to_text(order.cells, instrument.cell_scale),
        "filledQuantity": to_text(order.filled_lots, instrument.quantity_scale),
        "filledAmount": to_text(order.filled_cells, instrument.cell_scale),
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
    }


def stop_order(stop: StopOrder, instrument: Instrument) -> Json:
    """REST form of a smart order; the trailing kinds have three more fields."""
    row = {
        "id": str(stop.order_id),
        "clientOrderId": stop.client_order_id,
        "symbol": symbol_of(stop.pair),
        "state": _STATES[stop.state],
        "accountType": "SPOT",
        "side": stop.side.value,
        "type": stop.kind.value,
        "timeInForce": stop.time_in_force.value,
        "quantity": to_text(stop.lots, instrument.quantity_scale),
        "price": to_text(stop.ticks, instrument.price_scale),
        "amount": to_text(stop.cells, instrument.cell_scale),
        "stopPrice": to_text(stop.stop_ticks, instrument.price_scale),
        "createTime": stop.created_ms,
        "updateTime": stop.updated_ms,
    }
    if stop.kind.is_trailing:
        row["trailingOffset"] = _offset(stop.trail_ticks, stop.trail_ppm, instrument)
        row["limitOffset"] = _offset(stop.limit_ticks, stop.limit_ppm, instrument)
        row["operator"] = "GTE" if stop.rises else "LTE"
    return row


def _offset(ticks: int, ppm: int, instrument: Instrument) -> str:
    return f"{to_text(ppm, 4)}%" if ppm else to_text(ticks, instrument.price_scale)


def own_trade(fill: Fill, instrument: Instrument) -> Json:
    """REST form of a fill. Its id is a snowflake, unlike the short id that the stream gives the same fill."""
    return {
        "id": str(fill.fill_id),
        "symbol": symbol_of(fill.order.pair),
        "accountType": "SPOT",
        "orderId": str(fill.order.order_id),
        "side": fill.order.side.value,
        "type": KINDS[fill.order.kind],
        "matchRole": "MAKER" if fill.maker else "TAKER",
        "createTime": fill.time_ms,
        "price": to_text(fill.ticks, instrument.price_scale),
        "quantity": to_text(fill.lots, instrument.quantity_scale),
        "amount": to_text(fill.ticks * fill.lots, instrument.cell_scale),
        "feeCurrency": fill.fee_asset,
        "feeAmount": to_text(fill.fee_atoms, ATOM_SCALE),
        "pageId": str(fill.fill_id),
        "clientOrderId": fill.order.client_order_id,
    }


def order_event(event: OrderEvent, instrument: Instrument, now_ms: int) -> Json:
    """Private stream, channel `orders`."""
    order, fill = event.order, event.fill
    maker = fill.maker if fill else order.kind is not OrderKind.MARKET
    return {
        "symbol": symbol_of(order.pair),
        "type": KINDS[order.kind],
        "quantity": to_text(order.lots, instrument.quantity_scale),
        "orderId": str(order.order_id),
        "tradeFee": to_text(fill.fee_atoms, ATOM_SCALE) if fill else "0",
        "clientOrderId": order.client_order_id,
        "accountType": "SPOT",
        "feeCurrency": fill.fee_asset if fill else "",
        "eventType": _EVENT_TYPES[event.kind],
        "source": order.source,
        "side": order.side.value,
        "filledQuantity": to_text(event.filled_lots, instrument.quantity_scale),
        "filledAmount": to_text(event.filled_cells, instrument.cell_scale),
        "matchRole": "MAKER" if maker else "TAKER",
        "state": state_word(event.state, event.filled_lots),
        "tradeTime": fill.time_ms if fill else 0,
        "tradeAmount": to_text(fill.ticks * fill.lots, instrument.cell_scale) if fill else "0",
        "orderAmount": to_text(order.cells, instrument.cell_scale),
        "createTime": order.created_ms,
        "price": to_text(order.ticks, instrument.price_scale),
        "tradeQty": to_text(fill.lots, instrument.quantity_scale) if fill else "0",
        "tradePrice": to_text(fill.ticks, instrument.price_scale) if fill else "0",
        "tradeId": str(fill.trade_id) if fill else "0",
        "ts": now_ms,
    }


def balance_event(event: BalanceChanged, user_id: int, event_id: int, now_ms: int) -> Json:
    """Private stream, channel `balances`."""
    return {
        "changeTime": event.time_ms,
        "accountId": event.account,
        "accountType": "SPOT",
        "eventType": _CAUSES[event.cause],
        "available": to_text(event.available, ATOM_SCALE),
        "currency": event.asset,
        "id": event_id,
        "userId": user_id,
        "hold": to_text(event.hold, ATOM_SCALE),
        "ts": now_ms,
    }
