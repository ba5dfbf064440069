"""Figures of connections in words a trader reads, and message rates from counters. No Qt, no clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct

from app.core.clock import NS_PER_MS, NS_PER_S
from app.core.links import LAG_TOLD_MS, LinkState, LinkStatus
from app.ui import format as words

_WINDOW_NS = 3 * NS_PER_S


class Health(IntEnum):
    """How a connection looks: its shape and its colour, from best to worst."""

    GOOD = 0
    WAITING = 1
    """Off, or on its way: nothing is wrong yet."""
    DOUBTFUL = 2
    BAD = 3


_HEALTH = {
    LinkState.LIVE: Health.GOOD,
    LinkState.OFF: Health.WAITING,
    LinkState.CONNECTING: Health.WAITING,
    LinkState.AUTH: Health.WAITING,
    LinkState.AGING: Health.DOUBTFUL,
    LinkState.STALE: Health.BAD,
    LinkState.RECONNECT: Health.BAD,
    LinkState.REFUSED: Health.BAD,
    LinkState.BANNED: Health.BAD,
    LinkState.FAILED: Health.BAD,
}
ICONS = {
    Health.GOOD: "link-ok",
    Health.WAITING: "link-half",
    Health.DOUBTFUL: "link-half",
    Health.BAD: "link-bad",
}


def health_of(link: LinkStatus) -> Health:
    if link.state is LinkState.LIVE and _lags(link):
        return Health.DOUBTFUL
    if link.state is LinkState.OFF and link.reason:
        return Health.BAD
    return _HEALTH[link.state]


def _lags(link: LinkStatus) -> bool:
    return link.lag_ms is not None and link.lag_ms > LAG_TOLD_MS


def worst(links: Iterable[LinkStatus]) -> Health:
    """Of an exchange with several connections; one without any is WAITING."""
    return max((health_of(link) for link in links), default=Health.WAITING)


def state_words(link: LinkStatus, now_ns: int) -> str:
    """LIVE, AGING 3 s, AGING lag 1.4 s, STALE 12 s, RECONNECT in 4 s (2), BANNED until 14:03:22 (2:59), and so on."""
    if link.state is LinkState.LIVE and link.lag_ms is not None and _lags(link):
        return f"AGING lag {link.lag_ms / 1e3:.1f} s"
    if link.state is LinkState.BANNED:
        left_s = max(0, -(-(link.next_attempt_ns - now_ns) // NS_PER_S))
        return ban_words(link.banned_until_ns, left_s)
    if link.state in (LinkState.AGING, LinkState.STALE):
        return f"{link.state.name} {age_words(link, now_ns)}".strip()
    if link.state is LinkState.RECONNECT:
        wait_ns = link.next_attempt_ns - now_ns
        when = f"in {-(-wait_ns // NS_PER_S)} s" if link.next_attempt_ns and wait_ns > 0 else "now"
        return f"RECONNECT {when}" + (f" ({link.attempts})" if link.attempts else "")
    if link.state is LinkState.LIVE and link.polled_every_s:
        return f"polled, {age_words(link, now_ns)}"
    return {
        LinkState.LIVE: "LIVE",
        LinkState.OFF: "OFF",
        LinkState.CONNECTING: "CONNECTING",
        LinkState.AUTH: "AUTH",
        LinkState.REFUSED: "REFUSED",
        LinkState.FAILED: "OFF",
    }[link.state]


def ban_words(until_ns: int, left_s: int) -> str:
    """BANNED until 14:03:22 (2:59); wall time, UTC."""
    until = words.time(until_ns // NS_PER_MS, milliseconds=False)
    left = f"{left_s // 3600}:{left_s // 60 % 60:02d}:" if left_s >= 3600 else f"{left_s // 60}:"
    return f"BANNED until {until} ({left}{left_s % 60:02d})"


def age_words(link: LinkStatus, now_ns: int) -> str:
    """Time since the last message, empty before the first."""
    return words.age((now_ns - link.last_recv_ns) / NS_PER_S) if link.last_recv_ns else ""


def milliseconds(value: float | None) -> str:
    if value is None:
        return words.DASH
    return f"{value:,.0f} ms" if abs(value) >= 9.95 else f"{value:.1f} ms"


def offset_words(offset_ms: float | None, bound_ms: float | None) -> str:
    """+12 ± 20 ms; a dash where the exchange's clock was not measured."""
    if offset_ms is None:
        return words.DASH
    sign = words.MINUS if offset_ms < 0 else "+"
    bound = "" if bound_ms is None else f" ± {bound_ms:,.0f}"
    return f"{sign}{abs(offset_ms):,.0f}{bound} ms"


class Rates(Struct, frozen=True):
    """Per second, over the last few seconds."""

    messages: float = 0.0
    bytes: float = 0.0


class RateMeter:
    """Rates from counters that only rise, sampled whenever the screen looks."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[tuple[int, int, int]]] = {}

    def take(self, name: str, now_ns: int, messages: int, size: int = 0) -> Rates:
        """Note the counters of `name` and return its rates."""
        samples = self._samples.setdefault(name, deque())
        if samples and messages < samples[-1][1]:
            samples.clear()
        samples.append((now_ns, messages, size))
        while len(samples) > 2 and now_ns - samples[1][0] >= _WINDOW_NS:
            samples.popleft()
        first = samples[0]
        span = now_ns - first[0]
        if span < NS_PER_S // 2:
            return Rates()
        return Rates((messages - first[1]) * NS_PER_S / span, (size - first[2]) * NS_PER_S / span)
