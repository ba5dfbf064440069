"""Orders on the exchange that may be one of ours whose answer was lost. They are offered; the trader picks. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.journal import EntryKind, OrderLedger
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder

_CLOCK_SLACK_MS = 2_000
_PICKED = "the trader says that it is the order found on the exchange"
NONE_OF_THEM = "the trader says that it was never placed"


def candidates(order: InFlightOrder, orders: Iterable[InFlightOrder]) -> list[InFlightOrder]:
    """Foreign orders of the same market, side, price and amount that we first saw after `order` was sent.

    The exchange tells no time, so it is the time of our first sight; the earliest comes first.
    """
    if order.state is not OrderState.UNKNOWN:
        return []
    alike = [
        other
        for other in orders
        if OrderFlag.EXTERNAL in other.flags
        and (other.pair, other.side) == (order.pair, order.side)
        and (other.terms.price, other.terms.type) == (order.terms.price, order.terms.type)
        and (other.terms.amount == order.terms.amount or other.terms.amount is None)
        and other.created_ms >= order.created_ms - _CLOCK_SLACK_MS
    ]
    return sorted(alike, key=lambda other: other.created_ms)


def pick(ledger: OrderLedger, order: InFlightOrder, picked: InFlightOrder, wall_ms: int) -> None:
    """The trader says that `order` became `picked`: one row, with everything that was reported of either.

    Raises ValueError for an order that was not offered.
    """
    if picked not in candidates(order, ledger.tracker):
        raise ValueError(f"{picked.key} is not one of the orders that {order.key} may be")
    frame = picked.frame
    ledger.accepted(order.key, picked.exchange_order_id, wall_ms, frame)
    ledger.enter(EntryKind.EXISTS, order.key, wall_ms, _PICKED, frame)


def pick_none(ledger: OrderLedger, order: InFlightOrder, wall_ms: int) -> None:
    """The trader looked on the exchange and says that the order is not there. Late evidence still counts."""
    ledger.enter(EntryKind.ABSENT, order.key, wall_ms, NONE_OF_THEM)
