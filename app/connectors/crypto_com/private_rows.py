"""Account messages of Crypto.com, over the stream and over REST, as our facts. No requests, no sockets."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from app.connectors.crypto_com.errors import meaning
from app.connectors.crypto_com.protocol import Loose, number, pair_of, required, text, to_pair, unless_zero, whole
from app.connectors.crypto_com.public_rows import SIDES
from app.core.account import FeeSchedule
from app.core.effects import Unknown
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

STREAM = "stream"
REST = "rest"
WORD_OF_TYPE = {
    OrderType.LIMIT: "LIMIT",
    OrderType.LIMIT_MAKER: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.STOP_MARKET: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LIMIT",
    OrderType.TAKE_PROFIT: "TAKE_PROFIT",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
}
_TYPES = {word: kind for kind, word in WORD_OF_TYPE.items() if kind is not OrderType.LIMIT_MAKER}
WORD_OF_TIME = {
    TimeInForce.GTC: "GOOD_TILL_CANCEL",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
_TIMES = {word: time for time, word in WORD_OF_TIME.items()}
STOP_TYPES = frozenset(
    {OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
)
"""Kept by the exchange beside the book, as "advanced orders", until they go off."""
WENT_OFF = "FILLED"
"""The word of a stop order that became an order (?): that one may rest still, so alone it is no execution."""
_POST_ONLY = frozenset({"POST_ONLY", "SMART_POST_ONLY"})
_STATES = {
    "NEW": VenueState.PENDING,
    "PENDING": VenueState.PENDING,
    "ACTIVE": VenueState.OPEN,
    "FILLED": VenueState.FILLED,
    "CANCELED": VenueState.CANCELED,
    # The reply that it was received came before: by now it is an order, and this is its end.
    "REJECTED": VenueState.FAILED,
    "EXPIRED": VenueState.EXPIRED,
}
"""There is no word for partly filled: that is ACTIVE with something cumulated."""
_MAKER = {"MAKER": True, "TAKER": False}
_BASIS_POINT = Decimal("0.0001")


class OrderRow(Struct):
    """An order or a stop order, on the stream or over REST; `type` and `price` are the names of old frames."""

    instrument_name: str
    order_id: Loose
    status: str
    client_oid: str | None = ""
    order_type: str = ""
    type: str = ""
    time_in_force: str | None = ""
    side: str = ""
    exec_inst: list[str] | None = []
    quantity: Loose = None
    limit_price: Loose = None
    price: Loose = None
    ref_price: Loose = None
    order_value: Loose = None
    cumulative_quantity: Loose = None
    cumulative_value: Loose = None
    reason: Loose = None
    create_time: Loose = None
    create_time_ns: Loose = None
    update_time: Loose = None


class TradeRow(Struct):
    """One of our executions. `taker_side` is our role in it; what is paid is negative."""

    instrument_name: str
    order_id: Loose
    trade_id: Loose
    side: str
    traded_price: Loose
    traded_quantity: Loose
    fees: Loose = None
    fee_instrument_name: str | None = ""
    client_oid: str | None = ""
    taker_side: str | None = ""
    create_time: Loose = None
    create_time_ns: Loose = None


class PositionBalance(Struct):
    instrument_name: str
    quantity: Loose
    reserved_qty: Loose = None


class AccountRow(Struct):
    """The portfolio. Its own figures are in US dollars and no balance of a coin."""

    position_balances: list[PositionBalance] = []


class FeeRow(Struct):
    effective_spot_maker_rate_bps: Loose
    effective_spot_taker_rate_bps: Loose


def read_order(row: OrderRow, frame: int, source: str) -> OrderUpdate | None:
    """None for an order of another product."""
    pair, side = pair_of(row.instrument_name), SIDES.get(row.side)
    if pair is None:
        return None
    kind: OrderType | None = _TYPES.get(row.order_type or row.type)
    if kind is OrderType.LIMIT and _POST_ONLY.intersection(row.exec_inst or ()):
        kind = OrderType.LIMIT_MAKER
    amount, worth = unless_zero(row.quantity), unless_zero(row.order_value)
    # What `quantity` is of an order sized in quote is not told, so only a price or a sale vouches for it.
    at_market = kind in (OrderType.MARKET, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT) and side is Side.BUY
    state, filled = _STATES.get(row.status, VenueState.UNKNOWN_WORD), number(row.cumulative_quantity)
    if row.status == WENT_OFF and kind in STOP_TYPES and not filled:
        state = VenueState.OPEN
    ended = row.status in ("CANCELED", "REJECTED", "EXPIRED")
    return OrderUpdate(
        pair=pair,
        state=state,
        venue_word=row.status,
        exchange_order_id=text(row.order_id),
        client_order_id=row.client_oid or "",
        side=side,
        type=kind,
        time_in_force=_TIMES.get(row.time_in_force or ""),
        price=unless_zero(row.limit_price) or unless_zero(row.price),
        stop_price=unless_zero(row.ref_price),
        amount=None if at_market else amount,
        quote_amount=worth if at_market and amount is None else None,
        filled=filled,
        filled_quote=number(row.cumulative_value),
        created_ms=whole(row.create_time),
        exchange_ms=whole(row.update_time) or whole(row.create_time),
        reason=_reason(row.reason) if ended else "",
        frame=frame,
        source=source,
    )


def _reason(code: Loose) -> str:
    """Why an order ended, in our words where the code is known; 0 is no reason."""
    word = text(code)
    if not word or word == "0":
        return ""
    words = meaning(int(word))[1] if word.isascii() and word.isdigit() and len(word) < 10 else ""
    return words or f"reason {word[:40]}"


def read_fill(row: TradeRow, frame: int) -> Fill | Unknown | None:
    """None for an execution of another product."""
    if pair_of(row.instrument_name) is None:
        return None
    side, trade_id, fees = SIDES.get(row.side), text(row.trade_id), number(row.fees)
    if side is None or not trade_id:
        return Unknown(f"an execution without {'a side' if trade_id else 'an id'}")
    return Fill(
        pair=to_pair(row.instrument_name),
        exchange_order_id=text(row.order_id),
        trade_id=trade_id,
        side=side,
        price=required(row.traded_price),
        amount=required(row.traded_quantity),
        fee=None if fees is None else -fees,
        fee_asset=row.fee_instrument_name or "",
        maker=_MAKER.get(row.taker_side or ""),
        client_order_id=row.client_oid or "",
        exchange_ms=whole(row.create_time),
        frame=frame,
    )


def read_balances(accounts: list[AccountRow], frame: int, source: str) -> list[Balance]:
    return [_balance(row, frame, source) for account in accounts for row in account.position_balances]


def read_balance_events(accounts: list[AccountRow], frame: int) -> list[BalanceDelta]:
    """The stream gives no reason for a change."""
    return [
        BalanceDelta(asset=balance.asset, reason="", balance=balance)
        for balance in read_balances(accounts, frame, STREAM)
    ]


def _balance(row: PositionBalance, frame: int, source: str) -> Balance:
    total = required(row.quantity)
    return Balance(
        asset=row.instrument_name,
        total=total,
        available=total - (number(row.reserved_qty) or Decimal(0)),
        frame=frame,
        source=source,
    )


def read_fees(row: FeeRow, frame: int) -> FeeSchedule:
    """Told in basis points."""
    return FeeSchedule(
        maker=required(row.effective_spot_maker_rate_bps) * _BASIS_POINT,
        taker=required(row.effective_spot_taker_rate_bps) * _BASIS_POINT,
        source="account",
        frame=frame,
    )


def order_time_ns(row: OrderRow) -> int:
    return whole(row.create_time_ns) or whole(row.create_time) * 1_000_000


def trade_time_ns(row: TradeRow) -> int:
    return whole(row.create_time_ns) or whole(row.create_time) * 1_000_000
