"""Whether an order may leave now, and why not, in the trader's words. Pure; cancels never come here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice

from app.core.freshness import Freshness
from app.core.gate import OPEN, Gate, GateState
from app.core.order_book import OrderBook
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side

MOST_CLOCK_BOUND_MS = 1_000.0
FAR_TAKING = Decimal("0.05")
"""A price this share beyond the mid, on the side that trades at once, is taken for a typing error."""
FAR_RESTING = Decimal("0.20")
DEEP_TAKING = Decimal("0.01")
"""An order that would trade this share away from the best price is asked about."""
OUTSIZED = 20
"""So many times the usual amount of the account on this market is asked about."""
_FEWEST_FOR_USUAL = 3
_USUAL_OF = 20
_LOOKED_AT = 500


def order_gate(
    draft: OrderDraft,
    *,
    book: OrderBook | None,
    freshness: Freshness,
    unknown: list[InFlightOrder],
    journal_failure: str,
    clock_bound_ms: float | None,
    stream_live: bool,
    reconciled: bool = True,
    earlier: Iterable[InFlightOrder] = (),
    despite: frozenset[str] = frozenset(),
    ban: str = "",
    unreached: str = "",
    asks_by_our_id: bool = True,
) -> Gate:
    """The strictest of all reasons; several of one strictness are told together.

    `earlier` are the account's orders so far, newest first. `despite`: our ids of orders that may be live and that the
    trader has looked for elsewhere. `ban` and `unreached` say why the exchange takes nothing from us, or why the newest
    request did not get there.
    """
    if ban:
        return Gate(GateState.BLOCKED, ban)
    here = [order for order in unknown if order.pair == draft.pair]
    blocking = [order for order in here if order.key not in despite]
    help_words = "" if asks_by_our_id else "; this exchange cannot be asked by our id: say which order it is"
    reasons = list(_blocks(draft, book, freshness, blocking, help_words, journal_failure, clock_bound_ms))
    if reasons:
        alone = len(reasons) == len(blocking) and asks_by_our_id
        return Gate(GateState.BLOCKED, "; ".join(reasons), tuple(order.key for order in blocking) if alone else ())
    reasons = [f"order {order.key} may be live too: you said that you checked" for order in here]
    reasons += _doubts(draft, book, freshness, stream_live, reconciled, unreached)
    reasons += _size_doubts(draft, book, earlier)
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


def _doubts(
    draft: OrderDraft,
    book: OrderBook | None,
    freshness: Freshness,
    stream_live: bool,
    reconciled: bool,
    unreached: str,
) -> Iterator[str]:
    if freshness.state != "live":
        yield f"the book is not live: {freshness.words}"
    elif book is not None and (not book.bids or not book.asks):
        yield f"no {'bids' if not book.bids else 'asks'} in the book"
    if unreached:
        yield f"the exchange was not reached just now: {unreached}"
    if not stream_live:
        yield "the account's stream is down: the order will be followed by polling"
    elif not reconciled:
        yield "the account's orders are still being compared with the exchange's"
    deviation = _deviation(draft, book)
    if deviation is not None and -deviation > FAR_RESTING:
        yield f"the price is {-deviation:.0%} away from the middle of the book"


def _size_doubts(draft: OrderDraft, book: OrderBook | None, earlier: Iterable[InFlightOrder]) -> Iterator[str]:
    """A zero too many: against what the book can fill, and against what this account usually orders here."""
    amount = draft.amount
    if amount is None:
        return
    base = draft.pair.partition("-")[0]
    levels = [] if book is None or book.stale else (book.asks if draft.side is Side.BUY else book.bids)
    if book is not None and levels and draft.type is OrderType.MARKET:
        filled, quote = book.walk(draft.side, amount)
        best = Decimal(levels[0][0])
        if filled < amount:
            yield f"the book shows only {filled:f} of {amount:f} {base}"
        elif (moved := abs(quote / filled - best) / best) > DEEP_TAKING:
            yield f"it would trade {moved:.1%} away from the best price on average"
    alike = (o for o in islice(earlier, _LOOKED_AT) if o.pair == draft.pair and not _never_was(o))
    sizes = sorted(order.terms.amount for order in islice(alike, _USUAL_OF) if order.terms.amount)
    if len(sizes) >= _FEWEST_FOR_USUAL:
        usual = sizes[len(sizes) // 2]
        if amount >= OUTSIZED * usual:
            yield f"{amount:f} {base} is {amount / usual:.0f} times your usual order of {usual:f}"


def _never_was(order: InFlightOrder) -> bool:
    return order.state in (OrderState.REJECTED, OrderState.NOT_PLACED)


def _deviation(draft: OrderDraft, book: OrderBook | None) -> Decimal | None:
    """How far the price is beyond the mid in the direction that trades at once, as a fraction."""
    if draft.price is None or book is None or book.stale:
        return None
    mid = book.mid
    if not mid:
        return None
    away = (draft.price - mid) / mid
    return away if draft.side is Side.BUY else -away
