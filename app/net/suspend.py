"""Notices that the computer slept, that the program stood still, or that the wall clock was set. Does nothing about it.

On Linux timers and the monotonic clock stop during sleep while the boot clock runs on. Where the boot clock does not
count sleep, a sleep shows as `Stalled` or as `WallStepped` forward.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct

from app.core.clock import NS_PER_S, Clock
from app.core.signal import Signal

TICK_S = 0.25
_SLEEP_S = 1.0
_STALL_S = 2.0
_STEP_S = 0.5


class Slept(Struct, frozen=True):
    seconds: float


class Stalled(Struct, frozen=True):
    """No tick for this long although the computer ran: the loop was blocked or the process stopped."""

    seconds: float


class WallStepped(Struct, frozen=True):
    """The time of day jumped; negative is backwards."""

    seconds: float


TimeEvent = Slept | Stalled | WallStepped


class SuspendDetector:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = self._read()
        self.events: Signal[TimeEvent] = Signal()

    def tick(self) -> list[TimeEvent]:
        """Compare the clocks with the previous tick; emit and return what happened in between."""
        mono, boot, wall = self._read()
        mono_s, boot_s, wall_s = (
            (now - before) / NS_PER_S for now, before in zip((mono, boot, wall), self._last, strict=True)
        )
        self._last = (mono, boot, wall)
        found: list[TimeEvent] = []
        if boot_s - mono_s > _SLEEP_S:
            found.append(Slept(boot_s - mono_s))
        if mono_s > _STALL_S:
            found.append(Stalled(mono_s))
        if abs(wall_s - boot_s) > _STEP_S:
            found.append(WallStepped(wall_s - boot_s))
        for event in found:
            self.events.emit(event)
        return found

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()

    def _read(self) -> tuple[int, int, int]:
        return self._clock.mono_ns(), self._clock.boot_ns(), self._clock.wall_ns()
