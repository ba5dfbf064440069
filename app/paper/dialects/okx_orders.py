"""Orders and stop orders with the words that OKX gives back as they were sent. The engine ignores these fields."""

from __future__ import annotations

from app.paper.kill_switch import KILLED
from app.paper.matching import Ending
from app.paper.orders import Order, OrderKind, OrderState, StopOrder
from app.paper.venue import REASONS

USER = "cancelled by the user"
CANCEL_SOURCES = {
    USER: "1",
    KILLED: "20",
    REASONS[Ending.WOULD_TAKE]: "31",
    REASONS[Ending.NOT_FILLABLE]: "13",
    REASONS[Ending.SELF_TRADE]: "32",
    REASONS[Ending.REMAINDER]: "14",
}
"""`cancelSource`: 31 is in sheet section 5.1, the others in the exchange's list of November 2025."""


class OkxOrder(Order, kw_only=True, eq=False):
    ord_type: str
    """limit, market, post_only, ioc, fok."""
    tgt_ccy: str = ""
    size: str = ""
    """`sz` as ordered, in the unit that tgtCcy says; amended with the order."""
    tag: str = ""
    td_mode: str = "cash"
    stp_mode: str = "cancel_maker"
    trade_quote_ccy: str = ""
    amend_source: str = ""
    amend_result: str = ""
    req_id: str = ""


class OkxStop(StopOrder, kw_only=True, eq=False):
    """`client_order_id` stays empty, because algoClOrdId is a name space of its own."""

    ord_type: str
    """trigger or conditional."""
    algo_client_id: str = ""
    tgt_ccy: str = ""
    size: str = ""
    tag: str = ""
    td_mode: str = "cash"
    take_profit: bool = False
    placed_at_ticks: int = 0
    """The last price when it was placed."""
    req_id: str = ""


def cancel_source(order: Order) -> str:
    """Empty unless the order was cancelled."""
    if order.state is not OrderState.CANCELED:
        return ""
    return CANCEL_SOURCES.get(order.closed_reason, "0")


def type_word(order: Order) -> str:
    """`ordType`; an order that a stop released has no words of its own."""
    if isinstance(order, OkxOrder):
        return order.ord_type
    return "market" if order.kind is OrderKind.MARKET else "limit"


def state_word(state: OrderState) -> str:
    return _STATES[state]


_STATES = {
    OrderState.OPEN: "live",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "canceled",
    OrderState.PENDING: "live",
    OrderState.TRIGGERED: "effective",
    OrderState.FAILED: "order_failed",
}
