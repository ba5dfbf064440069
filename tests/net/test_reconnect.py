"""Reconnecting: never gives up, never storms, remembers bans."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import NS_PER_S, ManualClock
from app.net.reconnect import HandshakeBudget, HandshakeBudgets, ReconnectPolicy


@given(seed=st.integers(0, 2**32), failures=st.integers(1, 5000))
def test_delays_stay_under_2_to_the_n_and_30_seconds(seed: int, failures: int) -> None:
    policy = ReconnectPolicy(ManualClock(), random.Random(seed))
    for k in range(min(failures, 40)):
        assert 0 <= policy.lost(0) <= min(30, 2**k)
    policy.attempts = failures
    assert 0 <= policy.lost(59.9) <= 30


def test_delays_use_the_whole_range() -> None:
    policy = ReconnectPolicy(ManualClock(), random.Random(1))
    delays = [policy.lost(0) for _ in range(2000)][5:]
    assert min(delays) < 0.5 and max(delays) > 29.5
    assert sum(delays) / len(delays) == pytest.approx(15, abs=1)


def test_only_a_minute_of_data_earns_a_retry_at_once() -> None:
    policy = ReconnectPolicy(ManualClock(), random.Random(1))
    for _ in range(6):
        policy.lost(0)
    assert policy.lost(59.9) > 0 and policy.attempts == 7
    assert policy.lost(60.0) == 0.0
    assert 0 < policy.lost(0) <= 2


def test_the_wait_is_counted_on_the_boot_clock() -> None:
    clock = ManualClock()
    policy = ReconnectPolicy(clock, random.Random(1))
    policy.attempts = 5
    delay_s = policy.lost(0)
    assert policy.wait_s() == pytest.approx(delay_s)
    clock.sleep(delay_s / 2)
    assert policy.wait_s() == pytest.approx(delay_s / 2)
    clock.step(-3600)
    clock.advance(delay_s / 2)
    assert policy.wait_s() == pytest.approx(0)


def test_retry_now_works_once_in_ten_seconds_and_waking_always() -> None:
    clock = ManualClock()
    policy = ReconnectPolicy(clock, random.Random(1))
    policy.attempts = 5
    policy.lost(0)
    assert policy.retry_now() and policy.wait_s() == 0
    policy.lost(0)
    assert not policy.retry_now() and policy.wait_s() > 0
    policy.woke()
    assert policy.wait_s() == 0
    clock.advance(10)
    assert policy.retry_now()


@given(
    pauses=st.lists(st.floats(0, 20), min_size=1, max_size=200),
    steps=st.lists(st.sampled_from([-86_400, -1, 0, 0, 86_400]), min_size=1, max_size=10),
)
def test_no_window_holds_more_handshakes_than_the_budget(pauses: list[float], steps: list[int]) -> None:
    clock, starts = ManualClock(), []
    budget = HandshakeBudget(clock)
    for index, pause in enumerate(pauses):
        clock.advance(pause)
        clock.step(steps[index % len(steps)])
        waited = budget.wait_s()
        assert budget.start() == (waited == 0)
        if waited == 0:
            starts.append(clock.boot_ns())
            budget.finish()
    assert all(later - earlier >= NS_PER_S for earlier, later in zip(starts, starts[1:], strict=False))
    assert all(later - earlier >= 300 * NS_PER_S for earlier, later in zip(starts, starts[30:], strict=False))


def test_an_hour_without_the_exchange_costs_at_most_30_handshakes_in_5_minutes() -> None:
    """T6: eight links of one host, and the host is down."""
    clock = ManualClock()
    budget = HandshakeBudgets(clock).of("Ws.Example.com")
    links = [ReconnectPolicy(clock, random.Random(seed)) for seed in range(8)]
    starts: list[int] = []
    while clock.boot_ns() < 3601 * NS_PER_S:
        for link in links:
            if link.wait_s() == 0 and budget.start():
                starts.append(clock.boot_ns())
                budget.finish()
                link.lost(0)
        clock.advance(0.25)
    worst = max(sum(start <= each < start + 300 * NS_PER_S for each in starts) for start in starts)
    assert worst == 30
    assert starts[-1] > 3590 * NS_PER_S - 300 * NS_PER_S


def test_three_at_a_time() -> None:
    clock = ManualClock()
    budget = HandshakeBudget(clock)
    for _ in range(3):
        assert budget.start()
        clock.advance(1)
    assert not budget.start() and budget.wait_s() > 0
    budget.finish()
    assert budget.start()


@pytest.mark.parametrize(
    ("status", "asked", "banned_s"),
    [(429, 7.0, 7), (429, None, 60), (418, 240.0, 240), (418, None, 180), (403, None, 0), (0, None, 0)],
)
def test_refusals_stop_the_host_for_as_long_as_asked(status: int, asked: float | None, banned_s: float) -> None:
    clock = ManualClock()
    budget = HandshakeBudget(clock)
    assert budget.start()
    budget.finish(status, asked)
    assert budget.banned_s() == banned_s
    clock.advance(max(banned_s, 1) - 0.01)
    assert not budget.start()
    clock.advance(0.02)
    assert budget.start()


def test_repeated_bans_double_up_to_three_days() -> None:
    clock = ManualClock()
    budget = HandshakeBudget(clock)
    lengths = []
    for _ in range(14):
        clock.advance(budget.banned_s() + 1)
        assert budget.start()
        budget.finish(418)
        lengths.append(budget.banned_s())
    assert lengths[:4] == [180, 360, 720, 1440]
    assert lengths[-1] == 3 * 86_400
    clock.advance(lengths[-1])
    assert budget.start()
    budget.finish()
    clock.advance(1)
    assert budget.start()
    budget.finish(418)
    assert budget.banned_s() == 180


def test_a_restart_forgets_neither_ban_nor_handshakes() -> None:
    """T7: the new process has another boot clock; only wall time connects them."""
    before = ManualClock()
    budgets = HandshakeBudgets(before)
    for _ in range(30):
        assert budgets.of("a").start()
        budgets.of("a").finish()
        before.advance(1)
    budgets.of("b").ban(180, "banned by the exchange")
    states = budgets.states()

    after = ManualClock(wall_ns=before.wall_ns() + 20 * NS_PER_S)
    after.advance(5000)
    after.step(-5000)
    restored = HandshakeBudgets(after)
    restored.restore(states)
    assert restored.of("a").wait_s() == pytest.approx(300 - 30 - 20)
    assert restored.of("b").banned_s() == pytest.approx(160)
    assert restored.of("b").reason == "banned by the exchange"
    assert restored.of("c").wait_s() == 0


def test_a_wall_clock_set_back_by_years_cannot_ban_for_years() -> None:
    clock = ManualClock()
    budget = HandshakeBudget(clock)
    budget.ban(180, "banned by the exchange")
    state = budget.state()
    clock.step(-3e8)
    again = HandshakeBudget(clock)
    again.restore(state)
    assert again.banned_s() == 3 * 86_400
