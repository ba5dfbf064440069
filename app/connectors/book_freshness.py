"""How far a book or an account can be trusted now, from the state of its stream. Pure."""

from __future__ import annotations

from app.connectors.feed import Feed
from app.connectors.stream_check import QUIET_WORDS
from app.connectors.user_stream_tracker import UserStreamTracker
from app.core.clock import NS_PER_S
from app.core.freshness import Freshness
from app.core.links import LAG_TOLD_MS, LinkState, LinkStatus
from app.core.order_book import BookState
from app.core.types import Integrity

_AGING_S = 1.8
"""Seen within 2 s, with the time until the next frame of the screen. A live link is heard of every second: we ping."""
_STALE_S = 6.0
_LATE_S = 0.25
_POLLED_WITHIN_S = 15.0
_SLOWEST_LIVE_S = 5.0
"""A book asked for less often than this is marked as aging before its next answer comes."""


_LEAST_TOLD_S = 2.0
_SLEPT_NS = NS_PER_S


def book_freshness(
    feed: Feed | None,
    status: LinkStatus | None,
    now_ns: int,
    replayed: bool,
    boot_ns: int = 0,
    loop_lag_s: float = 0.0,
) -> Freshness:
    """`status` is the connection that carries the book, `now_ns` monotonic; a replay's silence means nothing.

    `boot_ns` counts sleep: a connection that was open before it carries nothing of after it, whatever it looks like.
    `loop_lag_s`: how late this program itself runs; what waits unread makes a book old as well.
    """
    if feed is None:
        return Freshness("stale", "not watched", 0.0)
    feed.book.settle()
    last_ns = status.last_recv_ns if status is not None else 0
    age_s = (now_ns - last_ns) / NS_PER_S if last_ns else 0.0
    slept_ns = boot_ns - now_ns - status.slept_ns if boot_ns and status is not None and status.slept_ns else 0
    if slept_ns > _SLEPT_NS:
        age_s += slept_ns / NS_PER_S
    if replayed and feed.book.state is BookState.LIVE:
        return Freshness("live", "REPLAY", age_s)
    if feed.book.state is not BookState.LIVE:
        if status is not None and status.state is LinkState.LIVE:
            return Freshness("resync", "REFUSED" if feed.refused else "RESYNC", age_s)
        return Freshness("stale", f"STALE {age_s:.0f} s" if last_ns else "CONNECTING", age_s)
    if feed.checksums.distrusted:
        return Freshness("resync", "CHECKSUM", age_s)
    if status is not None and status.polled_every_s:
        return _polled(age_s, status.polled_every_s)
    if age_s >= _STALE_S or slept_ns > _SLEPT_NS:
        return Freshness("stale", f"STALE {age_s:.0f} s", age_s)
    if age_s >= _AGING_S:
        return Freshness("aging", f"AGING {max(age_s, _LEAST_TOLD_S):.0f} s", age_s)
    if loop_lag_s > _AGING_S:
        return Freshness("aging", f"AGING lag {loop_lag_s:.1f} s", age_s)
    lag_ms = status.lag_ms if status is not None else None
    if lag_ms is not None and lag_ms > LAG_TOLD_MS:
        return Freshness("aging", f"AGING lag {lag_ms / 1e3:.1f} s", age_s)
    if loop_lag_s > _LATE_S:
        return Freshness("live", f"lag {loop_lag_s:.1f} s", age_s)
    proof = " unverified" if feed.book.integrity is Integrity.NONE else ""
    return Freshness("live", f"< 1 s{proof}" if age_s < 1 else f"{age_s:.0f} s{proof}", age_s)


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
        if tracker.check.quiet:
            return Freshness("aging", QUIET_WORDS, age_s)
        return Freshness("live", "stream", age_s)
    if not tracker.last_poll_ns:
        return Freshness("stale", "CONNECTING", 0.0)
    recent = polled_s < _POLLED_WITHIN_S
    state = "live" if polled and recent else "aging" if recent else "stale"
    return Freshness(state, f"polled, {polled_s:.0f} s ago", polled_s)
