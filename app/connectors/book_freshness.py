"""How far a book or an account can be trusted now, from the state of its stream. Pure."""

from __future__ import annotations

from app.connectors.order_book_tracker import Feed
from app.connectors.user_stream_tracker import UserStreamTracker
from app.core.clock import NS_PER_S
from app.core.freshness import Freshness
from app.core.links import LinkState, LinkStatus
from app.core.order_book import BookState

_AGING_S = 2.0
_STALE_S = 6.0
_POLLED_WITHIN_S = 15.0
_SLOWEST_LIVE_S = 5.0
"""A book asked for less often than this is marked as aging before its next answer comes."""


def book_freshness(feed: Feed | None, status: LinkStatus | None, now_ns: int, replayed: bool) -> Freshness:
    """`status` is the connection that carries the book, `now_ns` monotonic; a replay's silence means nothing."""
    if feed is None:
        return Freshness("stale", "not watched", 0.0)
    last_ns = status.last_recv_ns if status is not None else 0
    age_s = (now_ns - last_ns) / NS_PER_S if last_ns else 0.0
    if replayed and feed.book.state is BookState.LIVE:
        return Freshness("live", "REPLAY", age_s)
    if feed.book.state is not BookState.LIVE:
        if status is not None and status.state is LinkState.LIVE:
            return Freshness("resync", "REFUSED" if feed.refused else "RESYNC", age_s)
        return Freshness("stale", f"STALE {age_s:.0f} s" if last_ns else "CONNECTING", age_s)
    if status is not None and status.polled_every_s:
        return _polled(age_s, status.polled_every_s)
    if age_s >= _STALE_S:
        return Freshness("stale", f"STALE {age_s:.0f} s", age_s)
    if age_s >= _AGING_S:
        return Freshness("aging", f"AGING {age_s:.0f} s", age_s)
    return Freshness("live", "< 1 s" if age_s < 1 else f"{age_s:.0f} s", age_s)


def _polled(age_s: float, every_s: float) -> Freshness:
    words = f"polled, {age_s:.0f} s"
    if age_s >= every_s + _STALE_S:
        return Freshness("stale", f"STALE, {words}", age_s)
    live = age_s < max(_AGING_S, min(every_s, _SLOWEST_LIVE_S) + 1.0)
    return Freshness("live" if live else "aging", words, age_s)


def account_freshness(tracker: UserStreamTracker | None, now_ns: int, polled: bool) -> Freshness:
    """`polled`: the exchange has no private stream, so asking is all there is."""
    if tracker is None:
        return Freshness("stale", "no account", 0.0)
    polled_s = (now_ns - tracker.last_poll_ns) / NS_PER_S if tracker.last_poll_ns else 0.0
    status = tracker.data_source.status
    if tracker.stream_fresh and status is not None:
        age_s = (now_ns - status.last_recv_ns) / NS_PER_S
        if not tracker.reconciled:
            return Freshness("aging", "RECONCILING", age_s)
        return Freshness("live", "stream", age_s)
    if not tracker.last_poll_ns:
        return Freshness("stale", "CONNECTING", 0.0)
    recent = polled_s < _POLLED_WITHIN_S
    state = "live" if polled and recent else "aging" if recent else "stale"
    return Freshness(state, f"polled, {polled_s:.0f} s ago", polled_s)
