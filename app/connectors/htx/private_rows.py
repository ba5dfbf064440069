"""Account messages of HTX, over the stream and over REST, as our facts. No requests, no sockets."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct, field

from app.connectors.htx.markets import Markets
from app.connectors.htx.protocol import number, required, unless_zero
from app.connectors.htx.public_rows import SIDES
from app.core.account import FeeSchedule
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

STREAM = "stream"
REST = "rest"
SPOT_SOURCE = "spot-api"
GREATER, LESS = "gte", "lte"
KINDS: dict[str, tuple[OrderType, TimeInForce | None]] = {
    "limit": (OrderType.LIMIT, TimeInForce.GTC),
    "limit-maker": (OrderType.LIMIT_MAKER, TimeInForce.GTC),
    "ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "limit-fok": (OrderType.LIMIT, TimeInForce.FOK),
    "market": (OrderType.MARKET, None),
    "stop-limit": (OrderType.STOP_LIMIT, TimeInForce.GTC),
    "stop-limit-fok": (OrderType.STOP_LIMIT, TimeInForce.FOK),
}
_STATES = {
    "created": VenueState.PENDING,
    "submitted": VenueState.OPEN,
    "partial-filled": VenueState.OPEN,
    "filled": VenueState.FILLED,
    "canceling": VenueState.CANCELING,
    "partial-canceled": VenueState.CANCELED,
    "canceled": VenueState.CANCELED,
    # The exchange had taken it before: an end of its own, not a refusal to take it.
    "rejected": VenueState.FAILED,
    "triggered": VenueState.OPEN,
}
_TIMES = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "boc": TimeInForce.GTC}
_ROLES = {"maker": True, "taker": False}


class OrderEvent(Struct, rename="camel"):
    """A push of orders#*. Of a market buy, `order_value` and `exec_amt` are quote."""

    symbol: str
    event_type: str = ""
    order_status: str = ""
    order_id: int | str | None = None
    client_order_id: str | None = ""
    type: str = ""
    order_side: str = ""
    order_price: str | None = ""
    order_size: str | None = ""
    order_value: str | None = ""
    exec_amt: str | None = ""
    account_id: int | str | None = None
    order_create_time: int | None = 0
    trade_time: int | None = 0
    last_act_time: int | None = 0
    err_code: int | str | None = ""
    err_message: str | None = ""


class ClearingEvent(Struct, rename="camel"):
    """A push of trade.clearing#*: one execution with its fee."""

    symbol: str
    order_id: int | str
    trade_id: int | str
    trade_price: str
    trade_volume: str
    event_type: str = "trade"
    order_side: str = ""
    order_type: str = ""
    client_order_id: str | None = ""
    aggressor: bool | None = None
    trade_time: int | None = 0
    transact_fee: str | None = ""
    fee_currency: str | None = ""
    fee_deduct: str | None = ""
    fee_deduct_type: str | None = ""
    account_id: int | str | None = None


class BalanceEvent(Struct, rename="camel"):
    """A push of accounts.update#2. The first ones after subscribing tell neither reason nor time."""

    currency: str
    account_id: int | str | None = None
    account_type: str | None = ""
    balance: str | None = None
    available: str | None = None
    change_type: str | None = ""
    change_time: int | None = 0


class OrderRow(Struct, rename="kebab"):
    """An order over REST. What was executed is `filled-*` in the list of open orders and `field-*` elsewhere."""

    id: int | str
    symbol: str
    state: str
    type: str = ""
    client_order_id: str | None = ""
    amount: str | None = ""
    price: str | None = ""
    filled_amount: str | None = None
    filled_cash_amount: str | None = None
    field_amount: str | None = None
    field_cash_amount: str | None = None
    stop_price: str | None = ""
    operator: str | None = ""
    created_at: int | None = 0
    finished_at: int | None = 0
    canceled_at: int | None = 0


class AlgoRow(Struct, rename="camel"):
    """A conditional order over REST."""

    symbol: str
    client_order_id: str = ""
    order_status: str = "created"
    order_id: int | str | None = None
    order_side: str = ""
    order_type: str = ""
    order_price: str | None = ""
    order_size: str | None = ""
    order_value: str | None = ""
    stop_price: str | None = ""
    trailing_rate: str | None = ""
    time_in_force: str | None = ""
    order_orig_time: int | None = 0
    last_act_time: int | None = 0
    err_message: str | None = ""


class MatchRow(Struct, rename="kebab"):
    """An execution over REST; `id` is the row's, for paging."""

    id: int | str
    order_id: int | str
    trade_id: int | str
    symbol: str
    type: str
    price: str
    filled_amount: str
    filled_fees: str | None = ""
    fee_currency: str | None = ""
    filled_points: str | None = ""
    fee_deduct_currency: str | None = ""
    role: str = ""
    created_at: int = 0


class BalanceRow(Struct):
    currency: str
    type: str
    balance: str


class AccountRow(Struct):
    id: int
    type: str = ""
    state: str = ""


class FeeRow(Struct, rename="camel"):
    maker_fee_rate: str
    taker_fee_rate: str
    actual_maker_rate: str = ""
    actual_taker_rate: str = ""


class BalanceList(Struct):
    rows: list[BalanceRow] = field(default_factory=list, name="list")


def read_order_event(row: OrderEvent, markets: Markets, frame: int) -> OrderUpdate:
    """The order as it is now. What was executed is told with its fee by another channel."""
    side, kind, time_in_force = _kind(row.type)
    by_value = kind is OrderType.MARKET and side is Side.BUY
    executed = number(row.exec_amt)
    reason = row.err_message or (f"error {row.err_code}" if row.err_code else "")
    return OrderUpdate(
        pair=markets[row.symbol],
        state=_STATES.get(row.order_status, VenueState.UNKNOWN_WORD),
        venue_word=row.order_status,
        exchange_order_id=text_id(row.order_id),
        client_order_id=row.client_order_id or "",
        side=side or SIDES.get(row.order_side),
        type=kind,
        time_in_force=time_in_force,
        price=unless_zero(row.order_price),
        amount=None if by_value else unless_zero(row.order_size),
        quote_amount=unless_zero(row.order_value) if by_value else None,
        filled=None if by_value else executed,
        filled_quote=executed if by_value else None,
        created_ms=row.order_create_time or 0,
        exchange_ms=row.last_act_time or row.trade_time or row.order_create_time or 0,
        reason=reason,
        frame=frame,
        source=STREAM,
    )


def read_order(row: OrderRow, markets: Markets, frame: int) -> OrderUpdate:
    side, kind, time_in_force = _kind(row.type)
    if kind is OrderType.STOP_LIMIT and row.operator == (LESS if side is Side.BUY else GREATER):
        kind = OrderType.TAKE_PROFIT_LIMIT
    by_value = kind is OrderType.MARKET and side is Side.BUY
    size = unless_zero(row.amount)
    return OrderUpdate(
        pair=markets[row.symbol],
        state=_STATES.get(row.state, VenueState.UNKNOWN_WORD),
        venue_word=row.state,
        exchange_order_id=text_id(row.id),
        client_order_id=row.client_order_id or "",
        side=side,
        type=kind,
        time_in_force=time_in_force,
        price=unless_zero(row.price),
        stop_price=unless_zero(row.stop_price),
        amount=None if by_value else size,
        quote_amount=size if by_value else None,
        filled=number(row.field_amount if row.filled_amount is None else row.filled_amount),
        filled_quote=number(row.field_cash_amount if row.filled_cash_amount is None else row.filled_cash_amount),
        created_ms=row.created_at or 0,
        exchange_ms=row.canceled_at or row.finished_at or row.created_at or 0,
        frame=frame,
        source=REST,
    )


def read_algo(row: AlgoRow, markets: Markets, frame: int) -> OrderUpdate:
    """A conditional order. Its direction is not told: any stop of its form may be a take-profit."""
    at_market = row.order_type == "market"
    if row.trailing_rate:
        kind = OrderType.TRAILING_STOP if at_market else OrderType.TRAILING_STOP_LIMIT
    else:
        kind = OrderType.STOP_MARKET if at_market else OrderType.STOP_LIMIT
    return OrderUpdate(
        pair=markets[row.symbol],
        state=VenueState.PENDING if row.order_status == "created" else _STATES.get(row.order_status, _UNHEARD),
        venue_word=row.order_status,
        exchange_order_id=text_id(row.order_id),
        client_order_id=row.client_order_id,
        side=SIDES.get(row.order_side),
        type=kind,
        time_in_force=None if at_market else _TIMES.get(row.time_in_force or ""),
        price=unless_zero(row.order_price),
        stop_price=unless_zero(row.stop_price),
        amount=unless_zero(row.order_size),
        quote_amount=unless_zero(row.order_value),
        created_ms=row.order_orig_time or 0,
        exchange_ms=row.last_act_time or row.order_orig_time or 0,
        reason=row.err_message or "",
        frame=frame,
        source=REST,
    )


_UNHEARD = VenueState.UNKNOWN_WORD


def read_clearing(row: ClearingEvent, markets: Markets, frame: int) -> Fill:
    """Raises ValueError for an unknown side."""
    pair = markets[row.symbol]
    fee, asset = _fee(row.transact_fee, row.fee_currency, row.fee_deduct, row.fee_deduct_type)
    return Fill(
        pair=pair,
        exchange_order_id=text_id(row.order_id),
        trade_id=text_id(row.trade_id),
        side=_side(SIDES.get(row.order_side) or _kind(row.order_type)[0]),
        price=required(row.trade_price),
        amount=required(row.trade_volume),
        fee=fee,
        fee_asset=asset,
        maker=None if row.aggressor is None else not row.aggressor,
        client_order_id=row.client_order_id or "",
        exchange_ms=row.trade_time or 0,
        id_space=pair,
        frame=frame,
    )


def read_match(row: MatchRow, markets: Markets, frame: int) -> Fill:
    """Trade ids are those of the stream, and unique within their market. Raises ValueError for an unknown side."""
    pair = markets[row.symbol]
    fee, asset = _fee(row.filled_fees, row.fee_currency, row.filled_points, row.fee_deduct_currency)
    return Fill(
        pair=pair,
        exchange_order_id=text_id(row.order_id),
        trade_id=text_id(row.trade_id),
        side=_side(_kind(row.type)[0]),
        price=required(row.price),
        amount=required(row.filled_amount),
        fee=fee,
        fee_asset=asset,
        maker=_ROLES.get(row.role),
        exchange_ms=row.created_at,
        id_space=pair,
        frame=frame,
    )


def read_balances(rows: Iterable[BalanceRow], frame: int) -> list[Balance]:
    """Free and held of each asset; what is nothing of both is left out, as are loans, interest and locked rows."""
    free: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    for row in rows:
        part = {"trade": free, "frozen": held}.get(row.type)
        if part is not None:
            asset = row.currency.upper()
            part[asset] = part.get(asset, Decimal(0)) + required(row.balance)
    return [
        Balance(
            asset=asset,
            total=free.get(asset, Decimal(0)) + held.get(asset, Decimal(0)),
            available=free.get(asset, Decimal(0)),
            frame=frame,
            source=REST,
        )
        for asset in dict.fromkeys((*free, *held))
        if free.get(asset) or held.get(asset)
    ]


def read_balance_event(row: BalanceEvent, frame: int) -> BalanceDelta | None:
    """None where only one of the two figures is told: the other would have to be guessed."""
    total, available = number(row.balance), number(row.available)
    if total is None or available is None:
        return None
    asset = row.currency.upper()
    balance = Balance(
        asset=asset,
        total=total,
        available=available,
        exchange_ms=row.change_time or 0,
        frame=frame,
        source=STREAM,
    )
    return BalanceDelta(asset=asset, reason=row.change_type or "", balance=balance)


def read_fees(row: FeeRow, frame: int) -> FeeSchedule:
    """What is really taken, after discounts; a negative maker rate is paid out."""
    return FeeSchedule(
        maker=required(row.actual_maker_rate or row.maker_fee_rate),
        taker=required(row.actual_taker_rate or row.taker_fee_rate),
        source="account",
        frame=frame,
    )


def text_id(value: int | str | None) -> str:
    """Ids come as numbers and as strings; "" for none."""
    return "" if value is None or value in (0, "0") else str(value)


def _kind(word: str) -> tuple[Side | None, OrderType | None, TimeInForce | None]:
    """`buy-limit-maker` is (BUY, LIMIT_MAKER, GTC)."""
    side, _, rest = word.partition("-")
    kind, time_in_force = KINDS.get(rest, (None, None))
    return SIDES.get(side), kind, time_in_force


def _side(side: Side | None) -> Side:
    if side is None:
        raise ValueError("an execution without a side")
    return side


def _fee(
    fee: str | None, asset: str | None, deducted: str | None, deducted_in: str | None
) -> tuple[Decimal | None, str]:
    """What was paid, in what: where points or tokens paid for it, nothing is taken from the trade itself."""
    paid = number(fee)
    if not paid and (instead := unless_zero(deducted)) is not None:
        return instead, (deducted_in or "").upper()
    return paid, (asset or "").upper()
