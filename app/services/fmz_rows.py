"""Our facts in the exact shapes of the FMZ custom protocol, and its params read. No exchange is asked.

Which values are numbers and which are texts is part of the contract: ticker and accounts are texts, depth, trades,
records and orders are numbers, an average price is text. Decimals are written digit for digit.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from app.connectors.fmz.protocol import plain, to_pair, to_symbol
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.types import Balance, Candle, Level, Side, Ticker, Trade

_DIGITS = re.compile(r"[0-9]{1,18}")
_AMOUNT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_WORDS = {
    OrderState.INTENT: "submitting",
    OrderState.SUBMITTING: "submitting",
    OrderState.UNKNOWN: "submitting",
    OrderState.OPEN: "submitted",
    OrderState.PARTIALLY_FILLED: "partial-filled",
    OrderState.FILLED: "filled",
    OrderState.PARTIALLY_CANCELED: "partial-canceled",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "canceled",
}

encode = msgspec.json.Encoder(decimal_format="number").encode


class BadParams(ValueError):
    """A parameter is missing or wrong; the text says which, in the client's words."""


def text_param(params: dict[str, Any], name: str) -> str:
    value = params.get(name)
    if isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) <= 200:
        return str(value)
    raise BadParams(f"missing or wrong parameter: {name}")


def count_param(params: dict[str, Any], name: str, default: int, most: int) -> int:
    """A whole number; 0 and absence are the default, and more than `most` is `most`."""
    text = text_param(params, name) if name in params else "0"
    if not _DIGITS.fullmatch(text):
        raise BadParams(f"missing or wrong parameter: {name}")
    return min(int(text) or default, most)


def amount_param(params: dict[str, Any], name: str) -> Decimal:
    text = text_param(params, name)
    if not _AMOUNT.fullmatch(text):
        raise BadParams(f"missing or wrong parameter: {name}")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadParams(f"missing or wrong parameter: {name}") from None


def pair_param(params: dict[str, Any]) -> str:
    try:
        return to_pair(text_param(params, "symbol"))
    except ValueError as error:
        raise BadParams(str(error)) from None


def ticker_row(ticker: Ticker, bid: Decimal | None, ask: Decimal | None, now_ms: int) -> dict[str, str]:
    def text(value: Decimal | None) -> str:
        return plain(value or Decimal(0))

    return {
        "symbol": to_symbol(ticker.pair),
        "buy": text(bid),
        "sell": text(ask),
        "high": text(ticker.high),
        "low": text(ticker.low),
        "open": text(ticker.open),
        "last": text(ticker.last),
        "vol": text(ticker.base_volume),
        "time": str(ticker.exchange_ms or now_ms),
    }


def depth_row(bids: list[Level], asks: list[Level], time_ms: int) -> dict[str, Any]:
    return {"time": time_ms, "asks": [_level(level) for level in asks], "bids": [_level(level) for level in bids]}


def trade_row(trade: Trade) -> dict[str, Any]:
    return {
        "id": int(trade.trade_id) if _DIGITS.fullmatch(trade.trade_id) else trade.trade_id,
        "time": trade.exchange_ms,
        "price": Decimal(plain(Decimal(trade.price))),
        "amount": Decimal(plain(Decimal(trade.amount))),
        "type": _side(trade.taker),
    }


def candle_row(candle: Candle) -> list[Any]:
    """The open time in seconds."""
    cells = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return [candle.start_ms // 1_000, *(Decimal(plain(Decimal(cell))) for cell in cells)]


def balance_row(balance: Balance) -> dict[str, str]:
    return {"currency": balance.asset, "free": plain(balance.available), "frozen": plain(balance.held)}


def order_id(order: InFlightOrder, native_symbol: str) -> str:
    return f"{native_symbol},{order.live_order_id}"


def order_row(order: InFlightOrder, native_symbol: str) -> dict[str, Any]:
    return {
        "id": order_id(order, native_symbol),
        "symbol": to_symbol(order.pair),
        "amount": _number(order.terms.amount or order.terms.quote_amount),
        "price": _number(order.terms.price),
        "deal_amount": _number(order.filled),
        "avg_price": plain(order.average_price.quantize(Decimal("1E-12"))) if order.average_price else "0",
        "type": _side(order.side),
        "status": status_word(order),
    }


def status_word(order: InFlightOrder) -> str:
    if order.state is OrderState.PENDING_CANCEL:
        return "partial-filled" if order.filled else "submitted"
    return _WORDS.get(order.state, "closed")


def _level(level: Level) -> tuple[Decimal, Decimal]:
    return _number(Decimal(level[0])), _number(Decimal(level[1]))


def _number(value: Decimal | None) -> Decimal:
    return Decimal(plain(value or Decimal(0)))


def _side(side: Side) -> str:
    return "buy" if side is Side.BUY else "sell"
