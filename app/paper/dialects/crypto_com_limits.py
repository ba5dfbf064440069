"""Crypto.com's request limits: per key and method, per address and method, per connection. No HTTP, no sockets.

| what | limit | evidence |
|---|---|---|
| create-order, cancel-order, cancel-all-orders | 15 in 100 ms each | sheet 8 |
| get-order-detail | 30 in 100 ms | sheet 8 |
| get-trades, get-order-history | 1 a second each | sheet 8 |
| other private methods | 3 in 100 ms each | sheet 8 |
| public methods | 100 a second per method and address | sheet 8 |
| user socket, market socket | 150, 100 a second; pro-rated to the rest of its first calendar second | sheet 4, 8 |
| windows of REST | begin with the first request after the one before | unconfirmed |
| headers | none | sheet 8 |
"""

from __future__ import annotations

from collections import OrderedDict

from app.core.clock import NS_PER_MS, NS_PER_S, Clock

_TENTH = 100
_SECOND = 1000
_KEPT = 2000
_OTHERS = (3, _TENTH)
PUBLIC = (100, _SECOND)
PRIVATE = {
    "private/create-order": (15, _TENTH),
    "private/cancel-order": (15, _TENTH),
    "private/cancel-all-orders": (15, _TENTH),
    "private/get-order-detail": (30, _TENTH),
    "private/get-trades": (1, _SECOND),
    "private/get-order-history": (1, _SECOND),
}
"""How many in how many milliseconds."""
SOCKETS = {"user": 150, "market": 100}


class RestLimits:
    """Counts by caller and method; a refusal counts nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def allow(self, caller: str, method: str) -> bool:
        """Whether this caller (a key, or an address for a public method) may do that now."""
        most, length_ms = PUBLIC if method.startswith("public/") else PRIVATE.get(method, _OTHERS)
        now_ns = self._clock.mono_ns()
        began_ns, used = self._windows.pop((caller, method), (now_ns, 0))
        if now_ns - began_ns >= length_ms * NS_PER_MS:
            began_ns, used = now_ns, 0
        allowed = used < most
        self._windows[caller, method] = (began_ns, used + allowed)
        if len(self._windows) > _KEPT:
            self._windows.popitem(last=False)
        return allowed


class SocketLimit:
    """One connection's budget by calendar second; the first second's is only its rest."""

    def __init__(self, clock: Clock, per_second: int, *, pro_rated: bool = True) -> None:
        self._clock = clock
        self._per_second = per_second
        self._second, into_ns = divmod(clock.wall_ns(), NS_PER_S)
        self._left = per_second * (NS_PER_S - into_ns) // NS_PER_S if pro_rated else per_second

    def allow(self) -> bool:
        second = self._clock.wall_ns() // NS_PER_S
        if second != self._second:
            self._second, self._left = second, self._per_second
        if self._left <= 0:
            return False
        self._left -= 1
        return True
