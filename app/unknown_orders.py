"""Orders whose outcome only the trader can tell: what they may be on the exchange, and his answer. No widgets.

The FMZ protocol carries no id of ours, so a lost answer is never resolved by asking (`connectors/fmz/candidates.py`).
"""

from __future__ import annotations

from msgspec import Struct

from app.connectors.exchange import Exchange
from app.connectors.fmz import candidates as matching
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder

NOT_PLACED = "not placed"
"""What has to be typed to state that none of the orders is the one."""
_LOOK_BACK_MS = 60_000


class Offer(Struct, frozen=True):
    """An order of the exchange that we did not place. `differs`: why it cannot be the one; empty for a candidate."""

    order: InFlightOrder
    seen_after_s: float
    differs: str = ""

    @property
    def how(self) -> str:
        return f"differs: {self.differs}" if self.differs else "same market, side, price and amount"


def is_traders_to_tell(exchange: Exchange, order: InFlightOrder) -> bool:
    return order.state is OrderState.UNKNOWN and (not exchange.asks_by_our_id or OrderFlag.TOO_OLD in order.flags)


def offers(exchange: Exchange, order: InFlightOrder) -> list[Offer]:
    """Candidates, earliest first; after them the other foreign orders of that market seen since, with what differs."""
    found = matching.candidates(order, exchange.orders)
    others = [
        other
        for other in exchange.orders
        if OrderFlag.EXTERNAL in other.flags
        and other not in found
        and other.pair == order.pair
        and other.created_ms >= order.created_ms - _LOOK_BACK_MS
    ]
    return [Offer(each, _after(order, each)) for each in found] + [
        Offer(each, _after(order, each), _difference(order, each)) for each in others
    ]


async def look_again(exchange: Exchange, order: InFlightOrder) -> None:
    """Ask for open orders and for those that ended since. Raises VenueError, NotSent, NoAnswer."""
    tracker = exchange.user_stream_tracker
    if tracker is not None:
        # Open orders come by the tracker's own loop, so that a plug-in without a history is still asked for them.
        tracker.ask_now()
        await tracker.load_history(max(0, order.created_ms - _LOOK_BACK_MS))


def pick(exchange: Exchange, order: InFlightOrder, picked: InFlightOrder) -> None:
    """Raises ValueError for an order that cannot be the one any more."""
    _still_unknown(exchange, order)
    matching.pick(exchange.ledger, order, picked, exchange.venue.wall_ms())
    exchange.venue.notices.info(
        exchange.key, f"{order.key} is the exchange's {picked.exchange_order_id}: the trader says so"
    )


def pick_none(exchange: Exchange, order: InFlightOrder, typed: str) -> None:
    """Raises ValueError unless the words were typed, or when the outcome became known meanwhile."""
    if " ".join(typed.split()).casefold() != NOT_PLACED:
        raise ValueError(f"type “{NOT_PLACED}” to state it")
    _still_unknown(exchange, order)
    matching.pick_none(exchange.ledger, order, exchange.venue.wall_ms())
    exchange.venue.notices.warning(exchange.key, f"{order.key} was not placed: the trader says so")


def _still_unknown(exchange: Exchange, order: InFlightOrder) -> None:
    if not is_traders_to_tell(exchange, order):
        raise ValueError(f"the outcome of {order.key} is known by now: {order.state}")


def _after(order: InFlightOrder, other: InFlightOrder) -> float:
    return (other.created_ms - order.created_ms) / 1000


def _difference(order: InFlightOrder, other: InFlightOrder) -> str:
    mine, theirs = order.terms, other.terms
    parts = {
        "side": (order.side, other.side),
        "type": (mine.type, theirs.type),
        "price": (mine.price, theirs.price),
        "amount": (mine.amount, theirs.amount),
    }
    words = [name for name, (ours, told) in parts.items() if ours != told]
    return ", ".join(words) or "it was there before"
