"""The exchange's clock: the truth is always inside the bound, and a signature is never dated ahead of the exchange."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import NS_PER_MS, NS_PER_S, ManualClock
from app.net.server_clock import ServerClock


class DriftingServer:
    """An exchange whose clock is off by `offset_s` at first and runs `ppm` fast."""

    def __init__(self, clock: ManualClock, offset_s: float, ppm: float, resolution_ms: float) -> None:
        self._clock = clock
        self._start = clock.boot_ns()
        self._base = clock.wall_ns() + round(offset_s * NS_PER_S)
        self._ppm = ppm
        self.resolution_ms = resolution_ms

    def true_ns(self) -> int:
        elapsed = self._clock.boot_ns() - self._start
        return self._base + elapsed + round(elapsed * self._ppm / 1e6)

    def ask(self, there_s: float, back_s: float, into: ServerClock) -> None:
        t0 = self._clock.boot_ns()
        self._clock.advance(there_s)
        cut = round(self.resolution_ms * NS_PER_MS)
        said_ns = self.true_ns() // cut * cut
        self._clock.advance(back_s)
        said_ms = said_ns // NS_PER_MS if self.resolution_ms >= 1 else said_ns / NS_PER_MS
        into.add_sample(t0, said_ms, self.resolution_ms, self._clock.boot_ns())


@given(
    seed=st.integers(0, 2**32),
    offset_s=st.floats(-90_000, 90_000),
    ppm=st.floats(-190, 190),
    resolution_ms=st.sampled_from([0.001, 1, 1000]),
)
def test_the_truth_is_always_inside_the_bound(seed: int, offset_s: float, ppm: float, resolution_ms: float) -> None:
    """F12: asymmetric delays, drift, sleep and steps of the wall clock."""
    chance, clock = random.Random(seed), ManualClock()
    server, ours = DriftingServer(clock, offset_s, ppm, resolution_ms), ServerClock(clock)
    for _ in range(30):
        server.ask(chance.expovariate(5), chance.expovariate(5), ours)
        for _ in range(3):
            clock.advance(chance.choice([0, 0.1, 10, 300, 2000]))
            clock.sleep(chance.choice([0, 0, 3600]))
            clock.step(chance.choice([0, 0, -86_400, 3600]))
            true_ms, bound_ms = server.true_ns() / NS_PER_MS, ours.bound_ms
            assert bound_ms is not None
            assert abs(ours.estimate_ms() - true_ms) <= bound_ms + 0.01
            assert ours.now_ms() <= true_ms
            assert not ours.contradicted_by(true_ms, resolution_ms)


def test_a_symmetric_answer_is_read_exactly() -> None:
    clock = ManualClock()
    server, ours = DriftingServer(clock, 90, 0, 1), ServerClock(clock)
    server.ask(0.1, 0.1, ours)
    assert ours.offset_ms == pytest.approx(90_000, abs=1)
    assert ours.bound_ms == pytest.approx(100.5, abs=0.1)
    assert ours.now_ms() == pytest.approx(server.true_ns() / NS_PER_MS - 100.5, abs=1.5)


def test_better_answers_only_shrink_the_bound() -> None:
    clock = ManualClock()
    server, ours = DriftingServer(clock, 5, 0, 1), ServerClock(clock)
    bounds = []
    for there_s, back_s in [(0.5, 0.5), (0.02, 0.6), (0.7, 0.03), (2.0, 2.0)]:
        server.ask(there_s, back_s, ours)
        bounds.append(ours.bound_ms or 0)
    assert bounds[0] == pytest.approx(500, abs=2)
    assert bounds[2] < 30
    assert bounds[3] == pytest.approx(bounds[2], abs=1)


def test_signing_stays_50_ms_behind_even_when_sure() -> None:
    clock = ManualClock()
    server, ours = DriftingServer(clock, 0, 0, 0.001), ServerClock(clock)
    server.ask(0.001, 0.001, ours)
    assert server.true_ns() / NS_PER_MS - ours.now_ms() == pytest.approx(50, abs=2)


def test_without_samples_it_is_the_computers_own_time() -> None:
    clock = ManualClock(wall_ns=1_700_000_000_123 * NS_PER_MS)
    ours = ServerClock(clock)
    assert (ours.now_ms(), ours.bound_ms, ours.offset_ms) == (1_700_000_000_123, None, None)
    DriftingServer(clock, 60, 0, 1).ask(0, 0, ours)
    ours.forget()
    assert (ours.now_ms(), ours.bound_ms) == (1_700_000_000_123, None)


def test_a_step_of_the_wall_clock_changes_the_offset_but_not_the_time() -> None:
    """C2."""
    clock = ManualClock()
    server, ours = DriftingServer(clock, 10, 0, 1), ServerClock(clock)
    server.ask(0.01, 0.01, ours)
    before = ours.now_ms()
    clock.step(-30)
    assert ours.now_ms() == before
    assert ours.offset_ms == pytest.approx(40_000, abs=20)


def test_an_old_estimate_widens_but_stays() -> None:
    clock = ManualClock()
    server, ours = DriftingServer(clock, 10, 0, 1), ServerClock(clock)
    server.ask(0.01, 0.01, ours)
    clock.advance(3600)
    assert ours.bound_ms == pytest.approx(10.5 + 720, abs=1)


def test_a_contradiction_is_noticed() -> None:
    clock = ManualClock()
    server, ours = DriftingServer(clock, 0, 0, 1), ServerClock(clock)
    server.ask(0.01, 0.01, ours)
    now_ms = server.true_ns() / NS_PER_MS
    assert ours.contradicted_by(now_ms + 5000, 1)
    assert ours.contradicted_by(now_ms - 5000, 1)
    assert not ours.contradicted_by(now_ms - 900, 1000)


def test_an_impossible_sample_is_refused() -> None:
    ours = ServerClock(ManualClock())
    with pytest.raises(ValueError):
        ours.add_sample(2, 0, 1, 1)
