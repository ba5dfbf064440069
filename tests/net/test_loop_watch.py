"""How late the loop ran: the worst of two seconds, and what is told of a stall."""

from __future__ import annotations

from pathlib import Path
from random import Random

from app.core.clock import ManualClock
from app.net.loop_watch import TICK_S, LoopWatch


def beat(watch: LoopWatch, clock: ManualClock, late_s: float = 0.0) -> None:
    clock.advance(TICK_S + late_s)
    watch._tick()


def test_the_worst_of_two_seconds_is_told_and_then_the_next(tmp_path: Path) -> None:
    clock = ManualClock()
    watch = LoopWatch(clock, tmp_path)
    watch._ticked_ns = clock.mono_ns()
    assert watch.lag_s == 0.0
    beat(watch, clock, 0.5)
    beat(watch, clock, 0.2)
    beat(watch, clock)
    assert round(watch.lag_s, 6) == 0.5
    for _ in range(18):
        beat(watch, clock)
    assert round(watch.lag_s, 6) == 0.2
    for _ in range(3):
        beat(watch, clock)
    assert watch.lag_s < 1e-6


def test_it_is_the_greatest_of_all_remembered_whatever_comes(tmp_path: Path) -> None:
    clock, random = ManualClock(), Random(7)
    watch = LoopWatch(clock, tmp_path)
    watch._ticked_ns = clock.mono_ns()
    told: list[tuple[int, float]] = []
    for _ in range(500):
        late_s = random.choice((0.0, 0.001, 0.03, 0.4)) * random.random()
        beat(watch, clock, late_s)
        told.append((clock.mono_ns(), late_s))
        recent = [late for at, late in told if at >= clock.mono_ns() - 2_000_000_000]
        assert abs(watch.lag_s - max(recent)) < 1e-6


def test_a_stall_is_told_once_with_its_length(tmp_path: Path) -> None:
    stalls: list[tuple[float, Path | None]] = []
    clock = ManualClock()
    watch = LoopWatch(clock, tmp_path, lambda seconds, file: stalls.append((round(seconds, 3), file)))
    watch._ticked_ns = clock.mono_ns()
    beat(watch, clock, 1.9)
    beat(watch, clock, 2.5)
    beat(watch, clock)
    assert stalls == [(2.5, None)]
