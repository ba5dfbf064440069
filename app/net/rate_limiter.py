"""Keeps requests under an exchange's published limits, urgent ones first. No HTTP; what a call weighs is data.

Each bucket is a sliding window on the boot clock: whatever fixed windows the exchange counts in, no more than `units`
ever fall into `per_s` seconds. Ordinary requests stop at 80 %; cancels may use the rest.
"""

from __future__ import annotations

import asyncio
import heapq
from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct

from app.core.clock import NS_PER_S, Clock
from app.core.requests import NotSent, Priority, Weight

ORDINARY_SHARE = 0.8
_SLOTS = 500
# Timers stand still while the computer sleeps, so a long wait looks at the boot clock now and then.
_LONGEST_NAP_S = 1.0


class Bucket(Struct, frozen=True):
    """At most `units` in any `per_s` seconds."""

    name: str
    units: int
    per_s: float


class BucketUsage(Struct, frozen=True, kw_only=True):
    """Figures for display: `used` of `units` now; `target` is where ordinary requests stop."""

    name: str
    used: int
    target: int
    units: int
    per_s: float
    waiting: int


class RateLimiter:
    """One per exchange and address; requests without weights wait only for pauses."""

    def __init__(self, buckets: Iterable[Bucket], clock: Clock) -> None:
        self._clock = clock
        self._windows = {bucket.name: _Window(bucket) for bucket in buckets}
        self._queue: list[_Waiter] = []
        self._arrivals = 0
        self._paused_until_ns = 0
        self.pause_reason = ""

    async def acquire(self, weights: Sequence[Weight], priority: Priority, timeout_s: float) -> None:
        """Wait for a turn: urgent classes first, in order of arrival within a class.

        Raises `NotSent` as soon as it is certain that the turn would come after `timeout_s`, `KeyError` for a bucket
        that was never declared.
        """
        now = self._clock.boot_ns()
        deadline = now + round(timeout_s * NS_PER_S)
        needs = self._needs(weights)
        if not self._queue and self._wait_ns(needs, priority, now) == 0:
            self._take(needs, now)
            return
        self._arrivals += 1
        waiter = _Waiter(priority, self._arrivals, needs)
        insort(self._queue, waiter, key=_Waiter.order)
        try:
            while True:
                waiter.wake.clear()
                wait = self._turn_ns(waiter, now)
                if wait == 0:
                    self._take(needs, now)
                    return
                if now + wait > deadline or now >= deadline:
                    raise NotSent(self._refusal(waiter, now, timeout_s))
                await _nap(waiter.wake, min(wait / NS_PER_S, _LONGEST_NAP_S))
                now = self._clock.boot_ns()
        finally:
            self._queue.remove(waiter)
            self._wake_heads()

    def observe(self, bucket: str, used: int, limit: int | None = None) -> None:
        """The exchange says that `used` units are gone (other programs share our address) and what the limit is."""
        window = self._windows.get(bucket)
        if window is None:
            return
        if limit is not None and limit > 0:
            window.units = limit
        window.observe(used, self._clock.boot_ns())
        self._wake_heads()

    def pause(self, until_boot_ns: int, reason: str) -> None:
        """Send nothing, not even cancels, before this moment of the boot clock. A shorter pause changes nothing."""
        if until_boot_ns > self._paused_until_ns:
            self._paused_until_ns = until_boot_ns
            self.pause_reason = reason
            self._wake_heads()

    def paused_s(self) -> float:
        """Seconds until requests may go again; 0 when not paused."""
        return max(self._paused_until_ns - self._clock.boot_ns(), 0) / NS_PER_S

    def usage(self) -> list[BucketUsage]:
        now = self._clock.boot_ns()
        return [
            BucketUsage(
                name=window.name,
                used=window.used(now),
                target=window.ceiling(Priority.INFO),
                units=window.units,
                per_s=window.per_s,
                waiting=sum(window.name in waiter.needs for waiter in self._queue),
            )
            for window in self._windows.values()
        ]

    def shares(self) -> dict[str, float]:
        """How much of each window is used. One that holds a single request is told only while another one waits."""
        return {one.name: one.used / one.units for one in self.usage() if one.units > 1 or one.waiting}

    def _needs(self, weights: Sequence[Weight]) -> dict[str, int]:
        needs: dict[str, int] = {}
        for weight in weights:
            needs[weight.bucket] = needs.get(weight.bucket, 0) + weight.units
        for name, units in needs.items():
            if units > self._windows[name].units:
                raise NotSent(
                    f"the request weighs {units}, more than the whole limit {name} of {self._windows[name].units}"
                )
        return needs

    def _wait_ns(self, needs: dict[str, int], priority: Priority, now: int) -> int:
        pause = max(self._paused_until_ns - now, 0)
        return max([pause, *(self._windows[name].wait_ns(units, priority, now) for name, units in needs.items())])

    def _turn_ns(self, waiter: _Waiter, now: int) -> int:
        """At least how long until this waiter's turn; 0 when it is now."""
        wait = self._wait_ns(waiter.needs, waiter.priority, now)
        for ahead in self._queue:
            if ahead is waiter:
                break
            if waiter.needs.keys() & ahead.needs.keys():
                # Whoever is ahead goes first; its leaving wakes us.
                return max(wait, self._wait_ns(ahead.needs, ahead.priority, now), 1)
        return wait

    def _take(self, needs: dict[str, int], now: int) -> None:
        for name, units in needs.items():
            self._windows[name].take(units, now)

    def _refusal(self, waiter: _Waiter, now: int, timeout_s: float) -> str:
        if self._paused_until_ns > now:
            return f"{self.pause_reason}; {(self._paused_until_ns - now) / NS_PER_S:.0f} s left"
        full = [
            name for name, units in waiter.needs.items() if self._windows[name].wait_ns(units, waiter.priority, now)
        ]
        return f"request limit {', '.join(full) or 'in use'}: no room within {timeout_s:g} s"

    def _wake_heads(self) -> None:
        # Only those with nobody ahead in any of their buckets: a crowd waking at each grant would cost its square.
        taken: set[str] = set()
        for waiter in self._queue:
            if taken.isdisjoint(waiter.needs):
                waiter.wake.set()
            taken.update(waiter.needs)


class _Waiter:
    __slots__ = ("priority", "arrival", "needs", "wake")

    def __init__(self, priority: Priority, arrival: int, needs: dict[str, int]) -> None:
        self.priority = priority
        self.arrival = arrival
        self.needs = needs
        self.wake = asyncio.Event()

    def order(self) -> tuple[int, int]:
        return (self.priority, self.arrival)


class _Window:
    """Units used in the last `per_s`, kept in slots whose time is rounded up, never down."""

    def __init__(self, bucket: Bucket) -> None:
        self.name = bucket.name
        self.units = bucket.units
        self.per_s = bucket.per_s
        self._per_ns = round(bucket.per_s * NS_PER_S)
        self._slot_ns = max(self._per_ns // _SLOTS, 1)
        self._slots: deque[tuple[int, int]] = deque()
        self._own = 0
        self._others = 0
        self._others_until = 0

    def ceiling(self, priority: Priority) -> int:
        return self.units if priority is Priority.CANCEL else max(int(self.units * ORDINARY_SHARE), 1)

    def used(self, now: int) -> int:
        slots = self._slots
        while slots and slots[0][0] + self._per_ns <= now:
            self._own -= slots.popleft()[1]
        if self._others and self._others_until <= now:
            self._others = 0
        return self._own + self._others

    def wait_ns(self, units: int, priority: Priority, now: int) -> int:
        # A request heavier than the ordinary share must still be possible when nothing else is used.
        spare = max(self.ceiling(priority), units) - units
        over = self.used(now) - spare
        if over <= 0:
            return 0
        for time, amount in heapq.merge(self._slots, [(self._others_until - self._per_ns, self._others)]):
            over -= amount
            if over <= 0:
                return time + self._per_ns - now
        return self._per_ns

    def take(self, units: int, now: int) -> None:
        slot = -(-now // self._slot_ns) * self._slot_ns
        if self._slots and self._slots[-1][0] == slot:
            self._slots[-1] = (slot, self._slots[-1][1] + units)
        else:
            self._slots.append((slot, units))
        self._own += units

    def observe(self, used: int, now: int) -> None:
        self.used(now)
        self._others = max(used - self._own, 0)
        self._others_until = now + self._per_ns


async def _nap(wake: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        pass
