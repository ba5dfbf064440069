"""Account messages of Binance, over the stream and over REST, as our facts. No requests, no sockets."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct, field

from app.connectors.binance.rules import TYPE_OF_WORD
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.effects import AccountEvent, Unknown
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

STREAM = "stream"
REST = "rest"
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_STATES = {
    "NEW": VenueState.OPEN,
    "PENDING_NEW": VenueState.PENDING,
    "PARTIALLY_FILLED": VenueState.OPEN,
    "FILLED": VenueState.FILLED,
    "PENDING_CANCEL": VenueState.CANCELING,
    "CANCELED": VenueState.CANCELED,
    "REJECTED": VenueState.REJECTED,
    "EXPIRED": VenueState.EXPIRED,
    "EXPIRED_IN_MATCH": VenueState.EXPIRED,
}
ENDED = frozenset({VenueState.FILLED, VenueState.CANCELED, VenueState.EXPIRED})
_EXECUTIONS = frozenset({"NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION"})
_TRAILING = {
    OrderType.STOP_MARKET: OrderType.TRAILING_STOP,
    OrderType.STOP_LIMIT: OrderType.TRAILING_STOP_LIMIT,
}
Pairs = Mapping[str, str]


class ExecutionReport(Struct):
    """A report about one order; names as on the wire are single letters."""

    symbol: str = field(name="s")
    order_id: int = field(name="i")
    status: str = field(name="X")
    execution: str = field(name="x", default="")
    client_order_id: str = field(name="c", default="")
    original_client_order_id: str | None = field(name="C", default="")
    side: str = field(name="S", default="")
    type: str = field(name="o", default="")
    time_in_force: str = field(name="f", default="")
    amount: str = field(name="q", default="")
    price: str = field(name="p", default="")
    stop_price: str = field(name="P", default="")
    quote_amount: str = field(name="Q", default="")
    trailing_delta: int | None = field(name="d", default=None)
    reject_reason: str = field(name="r", default="NONE")
    expiry_reason: str = field(name="eR", default="")
    last_amount: str = field(name="l", default="")
    last_price: str = field(name="L", default="")
    filled: str = field(name="z", default="")
    filled_quote: str = field(name="Z", default="")
    fee: str | None = field(name="n", default="")
    fee_asset: str | None = field(name="N", default="")
    trade_id: int = field(name="t", default=-1)
    working: bool = field(name="w", default=True)
    maker: bool = field(name="m", default=False)
    transaction_ms: int = field(name="T", default=0)
    created_ms: int = field(name="O", default=0)
    event_ms: int = field(name="E", default=0)


class PositionRow(Struct):
    asset: str = field(name="a")
    free: str = field(name="f")
    locked: str = field(name="l")


class AccountPosition(Struct):
    """`B` holds new absolute values of the assets that may have changed."""

    balances: list[PositionRow] = field(name="B")
    event_ms: int = field(name="E", default=0)
    account_ms: int = field(name="u", default=0)


class AssetChange(Struct):
    """A balance changed from outside of trading, by a delta that nobody should add."""

    asset: str = field(name="a")
    event_ms: int = field(name="E", default=0)


class BalanceRow(Struct):
    asset: str
    free: str
    locked: str


class CommissionRates(Struct):
    maker: str
    taker: str


class Account(Struct, rename="camel"):
    balances: list[BalanceRow] = []
    commission_rates: CommissionRates | None = None


class OrderRow(Struct, rename="camel"):
    """An order as any REST reply shows it; a cancelled order list holds those of its orders."""

    symbol: str
    order_id: int = -1
    client_order_id: str = ""
    orig_client_order_id: str = ""
    status: str = ""
    side: str = ""
    type: str = ""
    time_in_force: str = ""
    price: str = ""
    stop_price: str = ""
    orig_qty: str = ""
    qty: str = ""
    orig_quote_order_qty: str = ""
    executed_qty: str = ""
    cummulative_quote_qty: str = ""
    trailing_delta: int | None = None
    is_working: bool = True
    expiry_reason: str = ""
    time: int = 0
    update_time: int = 0
    transact_time: int = 0
    order_reports: list[OrderRow] = []


class FillRow(Struct, rename="camel"):
    symbol: str
    id: int
    order_id: int
    price: str
    qty: str
    is_buyer: bool
    is_maker: bool | None = None
    commission: str = ""
    commission_asset: str | None = ""
    time: int = 0


def read_report(row: ExecutionReport, pairs: Pairs, frame: int) -> list[AccountEvent | Unknown]:
    """The order as it is now and, for a trade, the execution that made it so."""
    pair, side = pairs[row.symbol], SIDES.get(row.side)
    # On a cancel `c` names the cancel and `C` the order; otherwise `C` is empty.
    client_order_id = row.original_client_order_id or row.client_order_id
    amount, quote_amount = _terms(row.amount, row.quote_amount)
    facts: list[AccountEvent | Unknown] = [
        OrderUpdate(
            pair=pair,
            state=_state(row.status, row.type, row.working),
            venue_word=row.status,
            exchange_order_id=str(row.order_id),
            client_order_id=client_order_id,
            side=side,
            type=_type(row.type, row.trailing_delta),
            time_in_force=_TIMES.get(row.time_in_force),
            price=unless_zero(row.price),
            stop_price=unless_zero(row.stop_price),
            amount=amount,
            quote_amount=quote_amount,
            filled=number(row.filled),
            filled_quote=_known_quote(row.filled_quote),
            created_ms=row.created_ms,
            exchange_ms=row.transaction_ms or row.event_ms,
            reason=row.reject_reason if row.reject_reason != "NONE" else row.expiry_reason,
            frame=frame,
            source=STREAM,
        )
    ]
    if row.execution == "TRADE":
        if side is None or row.trade_id < 0:
            facts.append(Unknown(f"a trade without {'a trade id' if side else 'a side'}"))
        else:
            facts.append(
                Fill(
                    pair=pair,
                    exchange_order_id=str(row.order_id),
                    trade_id=str(row.trade_id),
                    side=side,
                    price=required(row.last_price),
                    amount=required(row.last_amount),
                    fee=number(row.fee or ""),
                    fee_asset=row.fee_asset or "",
                    maker=row.maker,
                    client_order_id=client_order_id,
                    exchange_ms=row.transaction_ms or row.event_ms,
                    id_space=row.symbol,
                    frame=frame,
                )
            )
    elif row.execution not in _EXECUTIONS:
        facts.append(Unknown(f"execution type {row.execution[:40]!r}"))
    return facts


def read_position(row: PositionRow, event: AccountPosition, frame: int) -> BalanceDelta:
    balance = _balance(row.asset, row.free, row.locked, frame, STREAM, event.account_ms or event.event_ms)
    return BalanceDelta(asset=row.asset, reason="outboundAccountPosition", balance=balance)


def read_balances(account: Account, frame: int) -> list[Balance]:
    return [_balance(row.asset, row.free, row.locked, frame, REST) for row in account.balances]


def read_changed_asset(account: Account, change: AssetChange, reason: str, frame: int) -> BalanceDelta:
    """The balance of one asset after it changed; an asset that the account leaves out is zero."""
    row = next((row for row in account.balances if row.asset == change.asset), BalanceRow(change.asset, "0", "0"))
    # As new as the event at least, so that whatever the stream told since is newer.
    balance = _balance(row.asset, row.free, row.locked, frame, REST, change.event_ms)
    return BalanceDelta(asset=row.asset, reason=reason, balance=balance)


def read_order(row: OrderRow, pairs: Pairs, frame: int) -> OrderUpdate:
    """An order over REST. Where the reply is about a cancel or an amendment, its own id is the original one."""
    amount, quote_amount = _terms(row.orig_qty or row.qty, row.orig_quote_order_qty)
    return OrderUpdate(
        pair=pairs[row.symbol],
        state=_state(row.status, row.type, row.is_working),
        venue_word=row.status,
        exchange_order_id=_id(row.order_id),
        client_order_id=row.orig_client_order_id or row.client_order_id,
        side=SIDES.get(row.side),
        type=_type(row.type, row.trailing_delta),
        time_in_force=_TIMES.get(row.time_in_force),
        price=unless_zero(row.price),
        stop_price=unless_zero(row.stop_price),
        amount=amount,
        quote_amount=quote_amount,
        filled=number(row.executed_qty),
        filled_quote=_known_quote(row.cummulative_quote_qty),
        created_ms=row.time,
        exchange_ms=row.update_time or row.transact_time or row.time,
        reason=row.expiry_reason,
        frame=frame,
        source=REST,
    )


def read_fill(row: FillRow, pairs: Pairs, frame: int) -> Fill:
    """Numbered as on the stream: a trade id and its symbol name one execution."""
    return Fill(
        pair=pairs[row.symbol],
        exchange_order_id=_id(row.order_id),
        trade_id=str(row.id),
        side=Side.BUY if row.is_buyer else Side.SELL,
        price=required(row.price),
        amount=required(row.qty),
        fee=number(row.commission),
        fee_asset=row.commission_asset or "",
        maker=row.is_maker,
        exchange_ms=row.time,
        id_space=row.symbol,
        frame=frame,
    )


def _id(number: int) -> str:
    return "" if number < 0 else str(number)


def _state(word: str, type: str, working: bool) -> VenueState:
    state = _STATES.get(word, VenueState.UNKNOWN_WORD)
    if word == "NEW" and not working and type.startswith(("STOP_LOSS", "TAKE_PROFIT")):
        return VenueState.PENDING
    return state


def _type(word: str, trailing_delta: int | None) -> OrderType | None:
    kind = TYPE_OF_WORD.get(word)
    return _TRAILING.get(kind, kind) if kind is not None and trailing_delta else kind


def _terms(amount: str, quote_amount: str) -> tuple[Decimal | None, Decimal | None]:
    """What the order was sized in: base, or quote where a market order was."""
    quote = unless_zero(quote_amount)
    return (unless_zero(amount), None) if quote is None else (None, quote)


def _known_quote(text: str) -> Decimal | None:
    """Below zero for some very old orders, whose total is not known any more."""
    value = number(text)
    return None if value is None or value < 0 else value


def _balance(asset: str, free: str, locked: str, frame: int, source: str, exchange_ms: int = 0) -> Balance:
    available = required(free)
    return Balance(
        asset=asset,
        total=available + required(locked),
        available=available,
        exchange_ms=exchange_ms,
        frame=frame,
        source=source,
    )
