"""Account messages of Coinbase, over the stream and over REST, as our facts. No requests, no sockets."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from app.connectors.coinbase.protocol import is_filler, is_symbol, quote_of, to_ms, to_pair
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.types import Balance, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

STREAM = "stream"
REST = "rest"
SPOT = ("", "SPOT")

_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_STATES = {
    "PENDING": VenueState.PENDING,
    "QUEUED": VenueState.PENDING,
    "OPEN": VenueState.OPEN,
    "EDIT_QUEUED": VenueState.OPEN,
    "CANCEL_QUEUED": VenueState.CANCELING,
    "FILLED": VenueState.FILLED,
    "CANCELLED": VenueState.CANCELED,
    "EXPIRED": VenueState.EXPIRED,
    "FAILED": VenueState.FAILED,
}
"""There is no word for partly filled: that is told by the amounts."""
_KEEPS_SIZE = frozenset({VenueState.PENDING, VenueState.OPEN, VenueState.CANCELING, VenueState.FILLED})
"""States in which filled and left add up to the order; both are zero or less after a cancel."""
_TYPES = {"LIMIT": OrderType.LIMIT, "MARKET": OrderType.MARKET, "STOP_LIMIT": OrderType.STOP_LIMIT}
_TIMES = {
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
}
_GTC, _IOC, _FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
_CONFIGURATIONS: dict[str, tuple[OrderType, TimeInForce | None]] = {
    "market_market_ioc": (OrderType.MARKET, _IOC),
    "market_market_fok": (OrderType.MARKET, _FOK),
    "limit_limit_gtc": (OrderType.LIMIT, _GTC),
    "limit_limit_gtd": (OrderType.LIMIT, None),
    "limit_limit_fok": (OrderType.LIMIT, _FOK),
    "sor_limit_ioc": (OrderType.LIMIT, _IOC),
    "stop_limit_stop_limit_gtc": (OrderType.STOP_LIMIT, _GTC),
    "stop_limit_stop_limit_gtd": (OrderType.STOP_LIMIT, None),
    "trigger_bracket_gtc": (OrderType.LIMIT, _GTC),
    "trigger_bracket_gtd": (OrderType.LIMIT, None),
}
_MAKER = {"MAKER": True, "TAKER": False}
_FINEST_LOT = Decimal("0.00000001")


class UserOrder(Struct, gc=False):
    """A row of the stream's user channel; everything that counts is cumulative."""

    order_id: str
    status: str
    product_id: str
    client_order_id: str | None = ""
    product_type: str | None = "SPOT"
    order_side: str = ""
    order_type: str | None = ""
    time_in_force: str | None = ""
    cumulative_quantity: str | None = ""
    leaves_quantity: str | None = ""
    filled_value: str | None = ""
    limit_price: str | None = ""
    stop_price: str | None = ""
    post_only: str | bool | None = ""
    creation_time: str | None = ""
    cancel_reason: str | None = ""
    reject_reason: str | None = ""


class Terms(Struct):
    """What one order configuration holds."""

    base_size: str | None = ""
    quote_size: str | None = ""
    limit_price: str | None = ""
    stop_price: str | None = ""
    stop_trigger_price: str | None = ""
    post_only: bool | None = False


class OrderRow(Struct):
    """An order over REST."""

    order_id: str
    status: str
    product_id: str
    client_order_id: str | None = ""
    product_type: str | None = "SPOT"
    side: str = ""
    order_configuration: dict[str, Terms | None] | None = None
    time_in_force: str | None = ""
    order_type: str | None = ""
    filled_size: str | None = ""
    filled_value: str | None = ""
    created_time: str | None = ""
    last_fill_time: str | None = ""
    pending_cancel: bool | None = False
    reject_reason: str | None = ""
    reject_message: str | None = ""
    cancel_message: str | None = ""


class FillRow(Struct):
    trade_id: str
    order_id: str
    product_id: str
    side: str
    price: str
    size: str
    entry_id: str = ""
    trade_type: str = "FILL"
    commission: str | None = ""
    size_in_quote: bool = False
    liquidity_indicator: str = ""
    trade_time: str = ""


class Money(Struct):
    value: str


class AccountRow(Struct):
    currency: str
    available_balance: Money
    hold: Money | None = None


def is_spot(row: UserOrder | OrderRow) -> bool:
    return (row.product_type or "") in SPOT and is_symbol(row.product_id)


def read_user_order(row: UserOrder, exchange_ms: int, frame: int) -> OrderUpdate:
    """Raises ValueError for numbers that are none."""
    kind, side = _type(row.order_type, str(row.post_only).lower() == "true"), _SIDES.get(row.order_side)
    state = _STATES.get(row.status, VenueState.UNKNOWN_WORD)
    filled, left = number(row.cumulative_quantity), number(row.leaves_quantity)
    amount = None
    if filled is not None and left is not None and state in _KEEPS_SIZE and kind is not OrderType.MARKET:
        amount = filled + left or None
    return OrderUpdate(
        pair=to_pair(row.product_id),
        state=state,
        venue_word=row.status,
        exchange_order_id=row.order_id,
        client_order_id=row.client_order_id or "",
        side=side,
        type=kind,
        time_in_force=_TIMES.get(row.time_in_force or ""),
        price=unless_zero(row.limit_price),
        stop_price=unless_zero(row.stop_price),
        amount=amount,
        filled=filled,
        filled_quote=number(row.filled_value),
        created_ms=to_ms(row.creation_time),
        exchange_ms=exchange_ms,
        reason=_reason(row.reject_reason, row.cancel_reason),
        frame=frame,
        source=STREAM,
    )


def read_order(row: OrderRow, frame: int) -> OrderUpdate:
    """The row tells no time of its last change: the newest of its creation and its last fill stands for it."""
    state = _STATES.get(row.status, VenueState.UNKNOWN_WORD)
    if state is VenueState.OPEN and row.pending_cancel:
        state = VenueState.CANCELING
    name, terms = next(iter((row.order_configuration or {}).items()), ("", None))
    terms = terms or Terms()
    kind, time_in_force = _CONFIGURATIONS.get(name, (_type(row.order_type), _TIMES.get(row.time_in_force or "")))
    if kind is OrderType.LIMIT and terms.post_only:
        kind = OrderType.LIMIT_MAKER
    created_ms = to_ms(row.created_time)
    return OrderUpdate(
        pair=to_pair(row.product_id),
        state=state,
        venue_word=row.status,
        exchange_order_id=row.order_id,
        client_order_id=row.client_order_id or "",
        side=_SIDES.get(row.side),
        type=kind,
        time_in_force=time_in_force,
        price=unless_zero(terms.limit_price),
        stop_price=unless_zero(terms.stop_price) or unless_zero(terms.stop_trigger_price),
        amount=unless_zero(terms.base_size),
        quote_amount=unless_zero(terms.quote_size),
        filled=number(row.filled_size),
        filled_quote=number(row.filled_value),
        created_ms=created_ms,
        exchange_ms=max(created_ms, to_ms(row.last_fill_time)),
        reason=_reason(row.reject_message, row.cancel_message, row.reject_reason),
        frame=frame,
        source=REST,
    )


def read_fill(row: FillRow, frame: int) -> Fill | None:
    """None for what is no spot execution. Raises ValueError for a row without an id, a side or a price."""
    if row.trade_type != "FILL" or not is_symbol(row.product_id):
        return None
    side, trade_id = _SIDES.get(row.side), row.entry_id or row.trade_id
    if side is None or not trade_id:
        raise ValueError(f"an execution without {'a side' if trade_id else 'an id'}")
    price, amount = required(row.price), required(row.size)
    if row.size_in_quote:
        if not price:
            raise ValueError("an execution without a price")
        # No market has a finer lot, so what the division leaves over is not real.
        amount = (amount / price).quantize(_FINEST_LOT, ROUND_HALF_EVEN)
    return Fill(
        pair=to_pair(row.product_id),
        exchange_order_id=row.order_id,
        trade_id=trade_id,
        side=side,
        price=price,
        amount=amount,
        fee=number(row.commission),
        fee_asset=quote_of(row.product_id),
        maker=_MAKER.get(row.liquidity_indicator),
        exchange_ms=to_ms(row.trade_time),
        id_space=REST,
        frame=frame,
    )


def read_balance(row: AccountRow, frame: int) -> Balance:
    """The row's own time is that of the wallet, not of the balance, so none is told."""
    available = required(row.available_balance.value)
    held = required(row.hold.value) if row.hold else Decimal(0)
    return Balance(asset=row.currency, total=available + held, available=available, frame=frame, source=REST)


def _type(word: str | None, post_only: bool = False) -> OrderType | None:
    """`Stop Limit` on the stream is `STOP_LIMIT` over REST."""
    kind = _TYPES.get((word or "").upper().replace(" ", "_"))
    return OrderType.LIMIT_MAKER if kind is OrderType.LIMIT and post_only else kind


def _reason(*words: str | None) -> str:
    return next((word for word in words if word and not (is_filler(word) or word.endswith("_UNSPECIFIED"))), "")
