"""Orders and trigger orders with the words that Crypto.com gives back. The engine ignores these fields."""

from __future__ import annotations

from app.paper.matching import Ending
from app.paper.orders import Order, OrderKind, OrderState, StopOrder
from app.paper.venue import REASONS

USER = "cancelled by the user"
OUTCOMES = {
    REASONS[Ending.WOULD_TAKE]: ("REJECTED", "43005"),
    REASONS[Ending.NOT_FILLABLE]: ("CANCELED", "43003"),
    REASONS[Ending.REMAINDER]: ("CANCELED", "43004"),
    REASONS[Ending.SELF_TRADE]: ("CANCELED", "43012"),
}
"""Status and `reason` by why an order ended. Codes: sheet section 8; which of the two words: unconfirmed."""

_TIMES = {"GTC": "GOOD_TILL_CANCEL", "IOC": "IMMEDIATE_OR_CANCEL", "FOK": "FILL_OR_KILL"}
_STATES = {
    OrderState.OPEN: "ACTIVE",
    OrderState.PARTIALLY_FILLED: "ACTIVE",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELED: "CANCELED",
    OrderState.PENDING: "PENDING",
    OrderState.TRIGGERED: "FILLED",
    OrderState.FAILED: "REJECTED",
}


class CryptoComOrder(Order, kw_only=True, eq=False):
    exec_inst: tuple[str, ...] = ()
    shown_client_oid: str = ""
    """`client_oid` of an order that was sent without one; no look-up finds it."""
    notional: str = ""
    """What a market buy was ordered by, as sent."""


class CryptoComStop(StopOrder, kw_only=True, eq=False):
    order_type: str
    """STOP_LOSS, STOP_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT."""
    ref_price_type: str = "MARK_PRICE"
    shown_client_oid: str = ""
    notional: str = ""


def client_oid(order: Order | StopOrder) -> str:
    shown = order.shown_client_oid if isinstance(order, CryptoComOrder | CryptoComStop) else ""
    return order.client_order_id or shown


def status_and_reason(state: OrderState, closed_reason: str) -> tuple[str, str]:
    """`status`, and `reason` where there is a code for it ("0" otherwise)."""
    if state is OrderState.CANCELED:
        return OUTCOMES.get(closed_reason, ("CANCELED", "0"))
    return _STATES[state], "0"


def type_word(order: Order) -> str:
    return "MARKET" if order.kind is OrderKind.MARKET else "LIMIT"


def time_word(order: Order | StopOrder) -> str:
    return _TIMES[order.time_in_force.value]
