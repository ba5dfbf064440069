"""Three faces of time: what advances, what sleeps and what steps."""

from __future__ import annotations

from app.core.clock import NS_PER_S, ManualClock, SystemClock


def faces(clock: ManualClock) -> tuple[int, int, int]:
    return clock.wall_ns(), clock.mono_ns(), clock.boot_ns()


def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(wall_ns=7)
    assert faces(clock) == faces(clock) == (7, NS_PER_S, NS_PER_S)


def test_advance_moves_all_sleep_spares_monotonic_step_moves_the_wall() -> None:
    clock = ManualClock(wall_ns=0)
    clock.advance(1.5)
    assert faces(clock) == (1_500_000_000, 2_500_000_000, 2_500_000_000)
    clock.sleep(300)
    assert faces(clock) == (301_500_000_000, 2_500_000_000, 302_500_000_000)
    clock.step(-30)
    assert faces(clock) == (271_500_000_000, 2_500_000_000, 302_500_000_000)


def test_the_system_clock_runs_forward_and_counts_sleep() -> None:
    clock = SystemClock()
    mono, boot = clock.mono_ns(), clock.boot_ns()
    assert clock.mono_ns() >= mono
    assert clock.boot_ns() >= boot
    assert clock.wall_ns() > 1_700_000_000 * NS_PER_S
