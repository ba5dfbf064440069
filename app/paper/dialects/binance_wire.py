"""Binance' basic JSON forms: numbers, times, symbols, order words. What whole messages hold is elsewhere.

| what | form | evidence |
|---|---|---|
| prices and amounts | texts with eight decimals | sheet header; eight places as in its examples |
| ids and times | JSON numbers, times in milliseconds or, when asked for, microseconds | sheet 1 |
| symbol | base and quote in one word, upper case; lower case in stream names | sheet 2 |
| status of what closed | EXPIRED, EXPIRED_IN_MATCH or CANCELED by reason | sheet 5.2, exchange's expiry reasons |
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from app.paper.matching import Ending
from app.paper.orders import Order, OrderState, SelfTrade
from app.paper.units import ATOM_SCALE
from app.paper.venue import REASONS, Refusal

Json = dict[str, Any]
PLACES = 8
ZERO = "0.00000000"
NO_LIST = -1

_STATES = {
    OrderState.OPEN: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELED: "CANCELED",
}
STP = {
    "NONE": SelfTrade.ALLOW,
    "EXPIRE_TAKER": SelfTrade.EXPIRE_TAKER,
    "EXPIRE_MAKER": SelfTrade.EXPIRE_MAKER,
    "EXPIRE_BOTH": SelfTrade.EXPIRE_BOTH,
}
SELF_TRADE = REASONS[Ending.SELF_TRADE]


class Ms(int):
    """Milliseconds of the exchange's clock, written in the unit that the reader asked for."""


_IN_MILLISECONDS = msgspec.json.Encoder(enc_hook=int)
_IN_MICROSECONDS = msgspec.json.Encoder(enc_hook=lambda ms: int(ms) * 1000)


def moment(ms: int) -> int:
    """A time that may not have come: then -1."""
    return Ms(ms) if ms > 0 else -1


def encode(value: object, *, microseconds: bool = False) -> bytes:
    return (_IN_MICROSECONDS if microseconds else _IN_MILLISECONDS).encode(value)


class Terms(msgspec.Struct, kw_only=True):
    """What Binance remembers of an order beyond what every exchange does. Kept as the order's memo."""

    order_type: str
    stp_mode: str
    stop_ticks: int = 0
    trailing_delta: int = 0
    strategy_id: int | None = None
    strategy_type: int | None = None
    prevented_lots: int = 0
    prevented_id: int = -1
    counter_order_id: int = 0
    closing_id: str = ""
    """Client id of the request that cancelled or amended it last."""
    former_id: str = ""
    """Client id before the last amendment."""
    amendments: list[Json] = msgspec.field(default_factory=list)
    filled_before: bool = False


def terms_of(order: Order) -> Terms:
    assert isinstance(order.memo, Terms)
    return order.memo


@lru_cache(maxsize=65_536)
def fixed(units: int, scale: int) -> str:
    """Units of 10^-scale as text with eight decimals; what lies beyond them is cut off."""
    size = abs(units) * 10 ** (PLACES - scale) if scale <= PLACES else abs(units) // 10 ** (scale - PLACES)
    digits = str(size).rjust(PLACES + 1, "0")
    return f"{'-' if units < 0 else ''}{digits[:-PLACES]}.{digits[-PLACES:]}"


def atoms(units: int) -> str:
    """An account's atoms as text."""
    return fixed(units, ATOM_SCALE)


def symbol_of(pair: str) -> str:
    return pair.replace("-", "")


def status(state: OrderState, reason: str) -> str:
    """The order's status word at that state, closed for that reason."""
    if state is not OrderState.CANCELED:
        return _STATES[state]
    if reason == SELF_TRADE:
        return "EXPIRED_IN_MATCH"
    return "EXPIRED" if expires(reason) else "CANCELED"


def expires(reason: str) -> bool:
    """Whether an order that closed for this reason did so by itself."""
    return reason in REASONS.values() or reason in (Refusal.BALANCE.value, "amount buys less than the smallest lot")


def expiry_reason(order: Order) -> str:
    """Empty where Binance shows none."""
    reason = order.closed_reason
    if order.state is not OrderState.CANCELED or not expires(reason) or reason == SELF_TRADE:
        return ""
    if reason in (Refusal.BALANCE.value, REASONS[Ending.WOULD_TAKE]):
        return "REJECTED"
    if reason == REASONS[Ending.NOT_FILLABLE]:
        return "UNFILLED_FOK_ORDER_EXPIRED"
    market = order.ticks == 0
    return "INSUFFICIENT_LIQUIDITY" if market else "UNFILLED_IOC_QUANTITY_EXPIRED"
