"""Virtual time: a loop that never waits. When nothing is left to do now, its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

from app.core.clock import NS_PER_S, ManualClock


class _Selector(selectors.DefaultSelector):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or not timeout:
            return ready
        self._clock.advance(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time is the clock's monotonic one. Threads and sockets have no place in it."""

    def __init__(self, clock: ManualClock) -> None:
        self._virtual = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        # A nanosecond ahead, so that rounding never leaves a timer waiting for no time at all.
        return (self._virtual.mono_ns() + 1) / NS_PER_S
