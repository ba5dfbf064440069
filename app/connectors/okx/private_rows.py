"""Account messages of OKX, over the stream and over REST, as our facts. No requests, no sockets."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from app.connectors.okx.protocol import checked_pair, millis
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.account import FeeSchedule
from app.core.effects import AccountEvent, Unknown
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

STREAM = "stream"
REST = "rest"
AT_MARKET = "-1"
"""The order price of a stop order that becomes a market order."""
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_KINDS: dict[str, tuple[OrderType, TimeInForce | None]] = {
    "limit": (OrderType.LIMIT, TimeInForce.GTC),
    "post_only": (OrderType.LIMIT_MAKER, TimeInForce.GTC),
    "ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "fok": (OrderType.LIMIT, TimeInForce.FOK),
    "market": (OrderType.MARKET, None),
}
_STATES = {
    "live": VenueState.OPEN,
    "partially_filled": VenueState.OPEN,
    "filled": VenueState.FILLED,
    "canceled": VenueState.CANCELED,
    "mmp_canceled": VenueState.CANCELED,
}
_STOP_STATES = {
    "live": VenueState.PENDING,
    "pause": VenueState.PENDING,
    "effective": VenueState.OPEN,
    "partially_effective": VenueState.OPEN,
    "canceled": VenueState.CANCELED,
    "order_failed": VenueState.FAILED,
}
_MAKER = {"M": True, "T": False}
_CANCEL_REASONS = {"31": "post-only, and would have taken"}


class OrderRow(Struct, rename="camel"):
    """An order, on the stream or over REST; what begins with `fill` and `trade_id` is its newest execution."""

    inst_id: str
    ord_id: str
    state: str
    cl_ord_id: str = ""
    side: str = ""
    ord_type: str = ""
    px: str = ""
    sz: str = ""
    tgt_ccy: str = ""
    acc_fill_sz: str = ""
    avg_px: str = ""
    fill_px: str = ""
    fill_sz: str = ""
    fill_time: str = ""
    trade_id: str = ""
    exec_type: str = ""
    fill_fee: str = ""
    fill_fee_ccy: str = ""
    cancel_source: str = ""
    amend_result: str = ""
    msg: str = ""
    algo_id: str = ""
    algo_cl_ord_id: str = ""
    c_time: str = ""
    u_time: str = ""


class AlgoRow(Struct, rename="camel"):
    """A stop order, on the stream or over REST."""

    inst_id: str
    algo_id: str
    state: str
    inst_type: str = ""
    algo_cl_ord_id: str = ""
    ord_id: str = ""
    side: str = ""
    ord_type: str = ""
    sz: str = ""
    tgt_ccy: str = ""
    trigger_px: str = ""
    ord_px: str = ""
    tp_trigger_px: str = ""
    tp_ord_px: str = ""
    sl_trigger_px: str = ""
    sl_ord_px: str = ""
    c_time: str = ""
    u_time: str = ""

    @property
    def is_spot(self) -> bool:
        return self.inst_type in ("", "SPOT", "MARGIN")


class FillRow(Struct, rename="camel"):
    inst_id: str
    trade_id: str
    ord_id: str
    side: str
    fill_px: str
    fill_sz: str
    cl_ord_id: str = ""
    bill_id: str = ""
    fill_time: str = ""
    fee: str = ""
    fee_ccy: str = ""
    exec_type: str = ""
    ts: str = ""


class BalanceRow(Struct, rename="camel"):
    ccy: str
    eq: str = ""
    cash_bal: str = ""
    avail_bal: str = ""
    frozen_bal: str = ""
    u_time: str = ""


class AccountRow(Struct, rename="camel"):
    u_time: str = ""
    details: list[BalanceRow] = []


class _GroupFee(Struct):
    maker: str = ""
    taker: str = ""


class FeeRow(Struct, rename="camel"):
    maker: str = ""
    taker: str = ""
    fee_group: list[_GroupFee] = []


def read_order(row: OrderRow, frame: int, source: str) -> OrderUpdate:
    """An order that a stop order became is reported as that stop order, with its own id as the triggered one."""
    kind, time_in_force = _KINDS.get(row.ord_type, (None, None))
    side, filled, average = _SIDES.get(row.side), number(row.acc_fill_sz), unless_zero(row.avg_px)
    by_quote = row.tgt_ccy == "quote_ccy" or (not row.tgt_ccy and kind is OrderType.MARKET and side is Side.BUY)
    size = unless_zero(row.sz)
    if row.algo_id:
        kind = OrderType.STOP_MARKET if kind is OrderType.MARKET else OrderType.STOP_LIMIT
    return OrderUpdate(
        pair=checked_pair(row.inst_id),
        state=_STATES.get(row.state, VenueState.UNKNOWN_WORD),
        venue_word=row.state,
        exchange_order_id=row.algo_id or row.ord_id,
        triggered_order_id=row.ord_id if row.algo_id else "",
        client_order_id=(row.algo_id and row.algo_cl_ord_id) or row.cl_ord_id,
        side=side,
        type=kind,
        time_in_force=time_in_force,
        price=unless_zero(row.px),
        amount=None if by_quote else size,
        quote_amount=size if by_quote else None,
        filled=filled,
        filled_quote=filled * average if filled and average is not None else None,
        created_ms=millis(row.c_time),
        exchange_ms=millis(row.u_time) or millis(row.c_time),
        reason=_reason(row),
        frame=frame,
        source=source,
    )


def read_order_event(row: OrderRow, frame: int) -> list[AccountEvent | Unknown]:
    """The order as it is now and, where an execution made it so, that execution."""
    facts: list[AccountEvent | Unknown] = [read_order(row, frame, STREAM)]
    amount, side = unless_zero(row.fill_sz), _SIDES.get(row.side)
    if not row.trade_id or amount is None:
        return facts
    if side is None:
        return [*facts, Unknown(f"an execution with side {row.side[:40]!r}")]
    facts.append(
        Fill(
            pair=checked_pair(row.inst_id),
            exchange_order_id=row.ord_id,
            trade_id=row.trade_id,
            side=side,
            price=required(row.fill_px),
            amount=amount,
            fee=_paid(row.fill_fee),
            fee_asset=row.fill_fee_ccy,
            maker=_MAKER.get(row.exec_type),
            client_order_id=(row.algo_id and row.algo_cl_ord_id) or row.cl_ord_id,
            exchange_ms=millis(row.fill_time) or millis(row.u_time),
            id_space=row.inst_id,
            frame=frame,
        )
    )
    return facts


def read_stop_order(row: AlgoRow, frame: int, source: str) -> OrderUpdate:
    """A stop order on its own; once it went off, the order that it became tells the rest."""
    kind, stop, price = _stop_terms(row)
    side, size = _SIDES.get(row.side), unless_zero(row.sz)
    at_market = kind in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT)
    by_quote = row.tgt_ccy == "quote_ccy" or (not row.tgt_ccy and at_market and side is Side.BUY)
    return OrderUpdate(
        pair=checked_pair(row.inst_id),
        state=_STOP_STATES.get(row.state, VenueState.UNKNOWN_WORD),
        venue_word=row.state,
        exchange_order_id=row.algo_id,
        triggered_order_id=row.ord_id,
        client_order_id=row.algo_cl_ord_id,
        side=side,
        type=kind,
        price=price,
        stop_price=stop,
        amount=None if by_quote else size,
        quote_amount=size if by_quote else None,
        created_ms=millis(row.c_time),
        exchange_ms=millis(row.u_time) or millis(row.c_time),
        frame=frame,
        source=source,
    )


def read_fill(row: FillRow, frame: int) -> Fill:
    """Trade ids are those of the stream, and unique within their market. Raises ValueError for an unknown side."""
    side = _SIDES.get(row.side)
    if side is None or not row.trade_id:
        raise ValueError(f"an execution without {'a side' if row.trade_id else 'an id'}")
    return Fill(
        pair=checked_pair(row.inst_id),
        exchange_order_id=row.ord_id,
        trade_id=row.trade_id,
        side=side,
        price=required(row.fill_px),
        amount=required(row.fill_sz),
        fee=_paid(row.fee),
        fee_asset=row.fee_ccy,
        maker=_MAKER.get(row.exec_type),
        client_order_id=row.cl_ord_id,
        exchange_ms=millis(row.fill_time) or millis(row.ts),
        id_space=row.inst_id,
        frame=frame,
    )


def read_balances(accounts: list[AccountRow], frame: int, source: str) -> list[Balance]:
    return [_balance(row, account, frame, source) for account in accounts for row in account.details]


def read_balance_events(accounts: list[AccountRow], frame: int) -> list[BalanceDelta]:
    """The account channel gives no reason for a change."""
    return [
        BalanceDelta(asset=balance.asset, reason="", balance=balance)
        for balance in read_balances(accounts, frame, STREAM)
    ]


def read_fees(row: FeeRow, frame: int) -> FeeSchedule:
    """OKX writes what is paid as a negative rate."""
    rates = row if row.maker else next((group for group in row.fee_group if group.maker), row)
    return FeeSchedule(maker=-required(rates.maker), taker=-required(rates.taker), source="account", frame=frame)


def _balance(row: BalanceRow, account: AccountRow, frame: int, source: str) -> Balance:
    total = number(row.eq)
    if total is None:
        total = number(row.cash_bal)
    available, frozen = number(row.avail_bal), number(row.frozen_bal) or Decimal(0)
    if available is None and total is None:
        raise ValueError(f"no amount of {row.ccy[:20]!r}")
    if available is None:
        available = (total or Decimal(0)) - frozen
    return Balance(
        asset=row.ccy,
        total=available + frozen if total is None else total,
        available=available,
        exchange_ms=millis(row.u_time) or millis(account.u_time),
        frame=frame,
        source=source,
    )


def _stop_terms(row: AlgoRow) -> tuple[OrderType | None, Decimal | None, Decimal | None]:
    """What kind of stop it is, its trigger price and its order price."""
    if row.ord_type == "conditional" and row.tp_trigger_px:
        trigger, order, kinds = row.tp_trigger_px, row.tp_ord_px, (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    elif row.ord_type == "conditional":
        trigger, order, kinds = row.sl_trigger_px, row.sl_ord_px, (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
    elif row.ord_type == "trigger":
        trigger, order, kinds = row.trigger_px, row.ord_px, (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
    else:
        return None, unless_zero(row.trigger_px), None
    if order == AT_MARKET:
        return kinds[0], unless_zero(trigger), None
    return kinds[1], unless_zero(trigger), unless_zero(order)


def _paid(fee: str) -> Decimal | None:
    """OKX writes what is paid as a negative number, a rebate as a positive one."""
    value = number(fee)
    return None if value is None else -value


def _reason(row: OrderRow) -> str:
    if row.amend_result == "-1":
        return f"change refused: {row.msg}" if row.msg else "change refused"
    if row.cancel_source and row.state == "canceled":
        return _CANCEL_REASONS.get(row.cancel_source, f"cancel source {row.cancel_source}")
    return row.msg
