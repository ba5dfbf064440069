"""Account messages of Poloniex, over the stream and over REST, as our facts. No requests, no sockets."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from app.connectors.poloniex.protocol import to_pair
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.effects import AccountEvent, Unknown
from app.core.types import (
    Balance,
    BalanceDelta,
    Fill,
    OrderType,
    OrderUpdate,
    Side,
    TimeInForce,
    VenueState,
)

STREAM = "stream"
REST = "rest"
WORD_OF_TYPE = {
    OrderType.LIMIT: "LIMIT",
    OrderType.LIMIT_MAKER: "LIMIT_MAKER",
    OrderType.MARKET: "MARKET",
    OrderType.STOP_MARKET: "STOP",
    OrderType.STOP_LIMIT: "STOP_LIMIT",
    OrderType.TRAILING_STOP: "TRAILING_STOP",
    OrderType.TRAILING_STOP_LIMIT: "TRAILING_STOP_LIMIT",
}
SMART_TYPES = frozenset(
    {OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT}
)
"""Kept by the exchange outside the book, under /smartorders, until they trigger."""
_TYPES = {word: kind for kind, word in WORD_OF_TYPE.items()} | {
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
}
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_STATES = {
    "PENDING_NEW": VenueState.PENDING,
    "NEW": VenueState.OPEN,
    "PARTIALLY_FILLED": VenueState.OPEN,
    "FILLED": VenueState.FILLED,
    "PENDING_CANCEL": VenueState.CANCELING,
    "PARTIALLY_CANCELED": VenueState.CANCELED,
    "CANCELED": VenueState.CANCELED,
    "REJECTED": VenueState.REJECTED,
    "EXPIRED": VenueState.EXPIRED,
    "FAILED": VenueState.FAILED,
    "TRIGGERED": VenueState.OPEN,
}
_MAKER = {"MAKER": True, "TAKER": False}
_EVENTS = frozenset({"place", "trade", "canceled"})


def real_id(word: str | int | None) -> str:
    """An id as text; "" for "", "0" and null, which stand for none."""
    return "" if word in ("", "0", 0, None) else str(word)


class OrderEvent(Struct, rename="camel", gc=False):
    """A row of the stream's orders channel."""

    symbol: str
    order_id: str | int
    state: str
    event_type: str = ""
    client_order_id: str | None = ""
    type: str = ""
    side: str = ""
    price: str = ""
    quantity: str = ""
    order_amount: str = ""
    filled_quantity: str = ""
    filled_amount: str = ""
    trade_id: str | int | None = ""
    trade_price: str = ""
    trade_qty: str = ""
    trade_fee: str = ""
    fee_currency: str = ""
    match_role: str | None = ""
    create_time: int = 0
    trade_time: int = 0
    ts: int = 0


class BalanceEvent(Struct, rename="camel", gc=False):
    """A row of the stream's balances channel; `available` and `hold` are new absolute values."""

    currency: str
    available: str
    hold: str
    event_type: str = ""
    account_type: str = "SPOT"
    change_time: int = 0


class OrderRow(Struct, rename="camel"):
    """An order or a stop order over REST."""

    id: str | int
    symbol: str
    state: str
    client_order_id: str | None = ""
    side: str = ""
    type: str = ""
    time_in_force: str = ""
    quantity: str = ""
    price: str = ""
    amount: str = ""
    stop_price: str = ""
    filled_quantity: str = ""
    filled_amount: str = ""
    create_time: int = 0
    update_time: int = 0
    triggered_order: OrderRow | None = None


class FillRow(Struct, rename="camel"):
    """An execution over REST."""

    id: str | int
    symbol: str
    order_id: str | int
    side: str
    price: str
    quantity: str
    fee_amount: str = ""
    fee_currency: str = ""
    match_role: str | None = ""
    client_order_id: str | None = ""
    page_id: str | int = ""
    create_time: int = 0


class BalanceRow(Struct):
    currency: str
    available: str
    hold: str


class AccountRow(Struct, rename="camel"):
    account_type: str = "SPOT"
    balances: list[BalanceRow] = []


def read_order_event(row: OrderEvent, frame: int) -> list[AccountEvent | Unknown]:
    """The order as it is now and, for a trade event, the execution that made it so."""
    kind, side = _TYPES.get(row.type), _SIDES.get(row.side)
    amount, quote_amount = _terms(kind, side, row.quantity, row.order_amount)
    client_order_id = real_id(row.client_order_id)
    facts: list[AccountEvent | Unknown] = [
        OrderUpdate(
            pair=to_pair(row.symbol),
            state=_STATES.get(row.state, VenueState.UNKNOWN_WORD),
            venue_word=row.state,
            exchange_order_id=real_id(row.order_id),
            client_order_id=client_order_id,
            side=side,
            type=kind,
            price=unless_zero(row.price),
            amount=amount,
            quote_amount=quote_amount,
            filled=number(row.filled_quantity),
            filled_quote=number(row.filled_amount),
            created_ms=row.create_time,
            exchange_ms=row.ts or row.trade_time or row.create_time,
            frame=frame,
            source=STREAM,
        )
    ]
    if row.event_type == "trade":
        trade_id = real_id(row.trade_id)
        if not trade_id or side is None:
            facts.append(Unknown(f"a trade event without {'a side' if trade_id else 'a trade id'}"))
        else:
            facts.append(
                Fill(
                    pair=to_pair(row.symbol),
                    exchange_order_id=real_id(row.order_id),
                    trade_id=trade_id,
                    side=side,
                    price=required(row.trade_price),
                    amount=required(row.trade_qty),
                    fee=number(row.trade_fee),
                    fee_asset=row.fee_currency,
                    maker=_MAKER.get(row.match_role or ""),
                    client_order_id=client_order_id,
                    exchange_ms=row.trade_time or row.ts,
                    id_space=STREAM,
                    frame=frame,
                )
            )
    elif row.event_type not in _EVENTS:
        facts.append(Unknown(f"order event {row.event_type[:40]!r}"))
    return facts


def read_balance_event(row: BalanceEvent, frame: int) -> BalanceDelta:
    available = required(row.available)
    balance = Balance(
        asset=row.currency,
        total=available + required(row.hold),
        available=available,
        exchange_ms=row.change_time,
        frame=frame,
        source=STREAM,
    )
    return BalanceDelta(asset=row.currency, reason=row.event_type, balance=balance)


def read_balances(accounts: list[AccountRow], frame: int) -> list[Balance]:
    """Of the spot account. The reply tells no time."""
    return [
        Balance(
            asset=row.currency,
            total=required(row.available) + required(row.hold),
            available=required(row.available),
            frame=frame,
            source=REST,
        )
        for account in accounts
        if account.account_type == "SPOT"
        for row in account.balances
    ]


def read_order(row: OrderRow, frame: int) -> OrderUpdate:
    """A triggered stop order keeps its own id and terms and takes state and fills from the order it became."""
    kind, side = _TYPES.get(row.type), _SIDES.get(row.side)
    amount, quote_amount = _terms(kind, side, row.quantity, row.amount)
    live = row.triggered_order or row
    return OrderUpdate(
        pair=to_pair(row.symbol),
        state=_STATES.get(live.state, VenueState.UNKNOWN_WORD),
        venue_word=live.state,
        exchange_order_id=real_id(row.id),
        client_order_id=real_id(row.client_order_id),
        triggered_order_id=real_id(row.triggered_order.id) if row.triggered_order else "",
        side=side,
        type=kind,
        time_in_force=_TIMES.get(row.time_in_force),
        price=unless_zero(row.price),
        stop_price=unless_zero(row.stop_price),
        amount=amount,
        quote_amount=quote_amount,
        filled=number(live.filled_quantity),
        filled_quote=number(live.filled_amount),
        created_ms=row.create_time,
        exchange_ms=max(row.update_time or row.create_time, live.update_time),
        frame=frame,
        source=REST,
    )


def read_fill(row: FillRow, frame: int) -> Fill:
    """Raises ValueError for a row without an id or with an unknown side."""
    side, trade_id = _SIDES.get(row.side), real_id(row.id)
    if side is None or not trade_id:
        raise ValueError(f"an execution without {'a side' if trade_id else 'an id'}")
    return Fill(
        pair=to_pair(row.symbol),
        exchange_order_id=real_id(row.order_id),
        trade_id=trade_id,
        side=side,
        price=required(row.price),
        amount=required(row.quantity),
        fee=number(row.fee_amount),
        fee_asset=row.fee_currency,
        maker=_MAKER.get(row.match_role or ""),
        client_order_id=real_id(row.client_order_id),
        exchange_ms=row.create_time,
        id_space=REST,
        frame=frame,
    )


def _terms(
    kind: OrderType | None, side: Side | None, quantity: str, amount: str
) -> tuple[Decimal | None, Decimal | None]:
    """What the order was sized in: base or, for a market buy by total, quote."""
    quote_amount = unless_zero(amount)
    if quote_amount is not None and side is Side.BUY and kind in (OrderType.MARKET, OrderType.STOP_MARKET):
        return None, quote_amount
    return unless_zero(quantity), None
