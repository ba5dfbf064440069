"""Whether an order may leave now, and why not, in the trader's words. Pure; cancels never come here."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from app.core.freshness import Freshness
from app.core.gate import OPEN, Gate, GateState
from app.core.order_book import OrderBook
from app.core.orders import InFlightOrder
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side

MOST_CLOCK_BOUND_MS = 1_000.0
FAR_TAKING = Decimal("0.05")
"""A price this share beyond the mid, on the side that trades at once, is taken for a typing error."""
FAR_RESTING = Decimal("0.20")


def order_gate(
    draft: OrderDraft,
    *,
    book: OrderBook | None,
    freshness: Freshness,
    unknown: list[InFlightOrder],
    journal_failure: str,
    clock_bound_ms: float | None,
    stream_live: bool,
    asks_by_our_id: bool = True,
) -> Gate:
    """The strictest of all reasons; several of one strictness are told together."""
    help_words = "" if asks_by_our_id else "; this exchange cannot be asked by our id: say which order it is"
    reasons = list(_blocks(draft, book, freshness, unknown, help_words, journal_failure, clock_bound_ms))
    if reasons:
        return Gate(GateState.BLOCKED, "; ".join(reasons))
    reasons = list(_doubts(draft, book, freshness, stream_live))
    return Gate(GateState.CONFIRM, "; ".join(reasons)) if reasons else OPEN


def _blocks(
    draft: OrderDraft,
    book: OrderBook | None,
    freshness: Freshness,
    unknown: list[InFlightOrder],
    help_words: str,
    journal_failure: str,
    clock_bound_ms: float | None,
) -> Iterator[str]:
    if journal_failure:
        yield f"cannot record orders: {journal_failure}"
    for order in unknown:
        if order.pair == draft.pair:
            yield f"order {order.key} on {order.pair} may be live: its outcome is unknown{help_words}"
    if clock_bound_ms is None:
        yield "the exchange's clock is not known yet"
    elif clock_bound_ms > MOST_CLOCK_BOUND_MS:
        yield f"clock uncertainty {clock_bound_ms / 1000:.1f} s"
    if draft.type is OrderType.MARKET and freshness.state in ("stale", "resync"):
        yield f"the book is not live ({freshness.words}): no market orders"
    deviation = _deviation(draft, book)
    if deviation is not None and deviation > FAR_TAKING:
        side = "above" if draft.side is Side.BUY else "below"
        yield f"the price is {deviation:.1%} {side} the middle of the book"


def _doubts(draft: OrderDraft, book: OrderBook | None, freshness: Freshness, stream_live: bool) -> Iterator[str]:
    if freshness.state != "live":
        yield f"the book is not live: {freshness.words}"
    elif book is not None and (not book.bids or not book.asks):
        yield f"no {'bids' if not book.bids else 'asks'} in the book"
    if not stream_live:
        yield "the account's stream is down: the order will be followed by polling"
    deviation = _deviation(draft, book)
    if deviation is not None and -deviation > FAR_RESTING:
        yield f"the price is {-deviation:.0%} away from the middle of the book"


def _deviation(draft: OrderDraft, book: OrderBook | None) -> Decimal | None:
    """How far the price is beyond the mid in the direction that trades at once, as a fraction."""
    if draft.price is None or book is None or book.stale:
        return None
    mid = book.mid
    if not mid:
        return None
    away = (draft.price - mid) / mid
    return away if draft.side is Side.BUY else -away
