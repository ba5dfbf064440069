"""Token buckets for a server: who may ask how often. No HTTP and no sleeping; a refusal is an answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from app.core.clock import NS_PER_S, Clock

_KEPT = 1000


class RateLimits:
    """One bucket per (caller, class). A bucket holds one second's worth and refills evenly."""

    def __init__(self, per_second: Mapping[str, float], clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def allow(self, caller: str, rate_class: str) -> bool:
        """Take one token; False when the bucket is empty. Unknown classes are not limited."""
        rate = self._per_second.get(rate_class)
        if rate is None:
            return True
        now_ns = self._clock.mono_ns()
        tokens, seen_ns = self._buckets.pop((caller, rate_class), (rate, now_ns))
        tokens = min(rate, tokens + rate * (now_ns - seen_ns) / NS_PER_S)
        allowed = tokens >= 1.0
        self._buckets[caller, rate_class] = (tokens - 1.0 if allowed else tokens, now_ns)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        return allowed

    def remaining(self, caller: str, rate_class: str) -> int:
        """Whole tokens left when last asked; 0 for a class without a limit."""
        rate = self._per_second.get(rate_class, 0.0)
        return int(self._buckets.get((caller, rate_class), (rate, 0))[0])
