"""HTX' request limits: so many in a window, counted per user or per address, and the headers that tell. No HTTP.

Figures: sheet section 7, from 2021; HTX has raised some since, so `CLASSES` may be changed. Unconfirmed: how windows
lie in time (here each begins with the first request after the one before), and whether a batch counts once (here: yes).
"""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Struct

from app.core.clock import NS_PER_MS, Clock

_KEPT = 2000


class Allowance(Struct, frozen=True):
    most: int
    window_ms: int
    per_address: bool = False


CLASSES = {
    "place": Allowance(100, 2000),
    "cancel": Allowance(100, 2000),
    "order": Allowance(50, 2000),
    "fills": Allowance(20, 2000),
    "account": Allowance(100, 2000),
    "other": Allowance(10, 1000, True),
}


class WindowLimits:
    """A refusal counts nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def allow(self, caller: str, what: str, allowance: Allowance) -> tuple[bool, dict[str, str]]:
        """Whether this request may pass, and the headers that say what is left."""
        now_ms = self._clock.mono_ns() // NS_PER_MS
        began_ms, used = self._windows.pop((caller, what), (now_ms, 0))
        if now_ms - began_ms >= allowance.window_ms:
            began_ms, used = now_ms, 0
        allowed = used < allowance.most
        used += allowed
        self._windows[caller, what] = (began_ms, used)
        if len(self._windows) > _KEPT:
            self._windows.popitem(last=False)
        left_ms = began_ms + allowance.window_ms - now_ms
        return allowed, {
            "X-HB-RateLimit-Requests-Remain": str(allowance.most - used),
            "X-HB-RateLimit-Requests-Expire": str(left_ms),
        }
