"""Estimates an exchange's clock from timed requests, with a bound that holds. Asks nobody itself.

A request written at t0 and answered at t1 (boot clock) with server time S, known to `resolution_ms`, proves that the
server's clock minus ours lies in [S - t1, S + resolution - t0]. Several such intervals intersect; each widens by 200
parts per million of its age, for the drift of two ordinary clocks.
"""

from __future__ import annotations

from app.core.clock import NS_PER_MS, NS_PER_S, Clock

_KEPT = 8
_KEPT_NS = 600 * NS_PER_S
_DRIFT_PER_MILLION = 200
_SIGNING_MARGIN_MS = 50.0


class ServerClock:
    """One per exchange host. All `*_ms` are the exchange's wall clock unless they say otherwise."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: list[tuple[int, int, int]] = []

    def add_sample(self, t0_boot: int, server_ms: float, resolution_ms: float, t1_boot: int) -> None:
        """Boot times in ns around one request; `server_ms` as sent, cut (not rounded) to `resolution_ms`."""
        if t1_boot < t0_boot or resolution_ms <= 0:
            raise ValueError("a sample needs t0 <= t1 and a resolution above 0")
        server = _to_ns(server_ms)
        self._samples.append((t0_boot, server - t1_boot, server + _to_ns(resolution_ms) - t0_boot))
        fresh = [sample for sample in self._samples if self._clock.boot_ns() - sample[0] <= _KEPT_NS]
        # An old estimate with its honest bound is still better than the computer's own clock.
        self._samples = (fresh or self._samples[-1:])[-_KEPT:]

    def forget(self) -> None:
        """After sleep, or when the exchange rejects our timestamps: start over."""
        self._samples.clear()

    def now_ms(self) -> int:
        """Time to sign with: early by the bound and at least 50 ms, because exchanges refuse a time ahead of theirs."""
        bound_ms = self.bound_ms
        if bound_ms is None:
            return self._clock.wall_ns() // NS_PER_MS
        return int(self.estimate_ms() - max(_SIGNING_MARGIN_MS, bound_ms))

    def estimate_ms(self) -> float:
        """Best guess of the exchange's time; the computer's own time before the first sample."""
        interval = self._interval()
        if interval is None:
            return self._clock.wall_ns() / NS_PER_MS
        return (self._clock.boot_ns() + (interval[0] + interval[1]) / 2) / NS_PER_MS

    @property
    def offset_ms(self) -> float | None:
        """How far the exchange's clock is ahead of the computer's wall clock; None before the first sample."""
        interval = self._interval()
        if interval is None:
            return None
        ours = self._clock.wall_ns() - self._clock.boot_ns()
        return ((interval[0] - ours) + (interval[1] - ours)) / 2 / NS_PER_MS

    @property
    def bound_ms(self) -> float | None:
        """The estimate is at most this far off; None before the first sample."""
        interval = self._interval()
        return None if interval is None else (interval[1] - interval[0]) / 2 / NS_PER_MS

    def contradicted_by(self, server_ms: float, resolution_ms: float, tolerance_ms: float = 1000.0) -> bool:
        """Whether a time just received from the exchange cannot be true if our estimate is.

        Its age in transit is unknown, so only a time from the future counts, or one older than `tolerance_ms`.
        """
        bound_ms = self.bound_ms
        if bound_ms is None:
            return False
        ahead_ms = server_ms - self.estimate_ms()
        return ahead_ms > bound_ms + tolerance_ms or ahead_ms + resolution_ms < -bound_ms - tolerance_ms

    def _interval(self) -> tuple[int, int] | None:
        now = self._clock.boot_ns()
        intervals = []
        for t0, low, high in self._samples:
            drift = max(now - t0, 0) * _DRIFT_PER_MILLION // 1_000_000 + 1
            intervals.append((low - drift, high + drift))
        while intervals:
            low = max(each[0] for each in intervals)
            high = min(each[1] for each in intervals)
            if low <= high:
                return low, high
            intervals.remove(max(intervals, key=lambda each: each[1] - each[0]))
        return None


def _to_ns(ms: float) -> int:
    return ms * NS_PER_MS if isinstance(ms, int) else round(ms * NS_PER_MS)
