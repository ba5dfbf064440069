"""Orders and conditional orders with the words that HTX gives back. The engine ignores these fields."""

from __future__ import annotations

from app.paper.orders import Order, OrderState, StopOrder


class HtxOrder(Order, kw_only=True, eq=False):
    order_type: str
    """buy-limit, sell-market, buy-stop-limit ..."""
    size: str = ""
    """`amount` as ordered: the value in quote of a market buy, otherwise base."""
    stop_price: str = ""
    operator: str = ""
    finished_ms: int = 0


class HtxStop(StopOrder, kw_only=True, eq=False):
    """A conditional order of version 2. Its client id is the only name it has until it triggers."""

    order_type: str
    """limit or market."""
    force: str
    """gtc, ioc or fok."""
    size: str
    stop_price: str
    trailing_rate: str = ""
    fail_message: str = ""


def type_word(order: Order, stop: StopOrder | None = None) -> str:
    """A stop order that has been released is a plain one."""
    if isinstance(order, HtxOrder):
        return order.order_type if order.waits else order.order_type.replace("stop-", "")
    kind = "market" if not order.ticks else "limit"
    if isinstance(stop, HtxStop) and stop.order_type == "limit":
        kind = {"gtc": "limit", "ioc": "ioc", "fok": "limit-fok"}[stop.force]
    return f"{order.side.value.lower()}-{kind}"


def state_word(state: OrderState, filled_lots: int, *, waits: bool = False) -> str:
    if state is OrderState.CANCELED:
        return "partial-canceled" if filled_lots else "canceled"
    if waits:
        return "created"
    return {
        OrderState.OPEN: "submitted",
        OrderState.PARTIALLY_FILLED: "partial-filled",
        OrderState.FILLED: "filled",
    }[state]


STATE_NUMBERS = {"partial-canceled": 5, "filled": 6, "canceled": 7}
CLOSED_LONG_AGO = -1
CANCELING = 10
"""`order-state` in answers to cancellations."""
