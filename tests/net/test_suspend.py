"""Sleep, stalls and clock steps told apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.net.suspend import Slept, Stalled, SuspendDetector, TimeEvent, WallStepped
from tests.net.loopback import VirtualTime


@pytest.mark.parametrize(
    ("happens", "seen"),
    [
        (lambda clock: clock.advance(0.25), []),
        (lambda clock: clock.advance(1.9), []),
        (lambda clock: clock.sleep(0.9), []),
        (lambda clock: clock.sleep(300), [Slept(300)]),
        (lambda clock: clock.advance(3), [Stalled(3)]),
        (lambda clock: clock.step(-30), [WallStepped(-30)]),
        (lambda clock: clock.step(3600), [WallStepped(3600)]),
        (lambda clock: clock.step(0.4), []),
        (lambda clock: (clock.sleep(28_800), clock.step(2)), [Slept(28_800), WallStepped(2)]),
    ],
)
def test_what_happened_between_two_ticks(happens: Callable[[ManualClock], object], seen: list[TimeEvent]) -> None:
    clock = ManualClock()
    detector = SuspendDetector(clock)
    told: list[TimeEvent] = []
    detector.events.connect(told.append)
    happens(clock)
    assert detector.tick() == told == seen
    assert detector.tick() == []


@given(st.lists(st.floats(0.2, 0.5), max_size=100))
def test_ordinary_ticks_tell_nothing(pauses: list[float]) -> None:
    clock = ManualClock()
    detector = SuspendDetector(clock)
    for pause in pauses:
        clock.advance(pause)
        assert detector.tick() == []


def test_it_is_told_within_a_second_of_waking(virtual: VirtualTime) -> None:
    """T4."""
    clock, told = virtual.clock, []

    async def main() -> None:
        detector = SuspendDetector(clock)
        detector.events.connect(lambda event: told.append((event, clock.mono_ns())))
        running = asyncio.create_task(detector.run())
        await asyncio.sleep(3.1)
        clock.sleep(300)
        woke = clock.mono_ns()
        await asyncio.sleep(1)
        running.cancel()
        event, at = told[0]
        assert (event, len(told)) == (Slept(300), 1)
        assert (at - woke) / 1e9 <= 0.25 + 1e-6

    virtual.run(main())
