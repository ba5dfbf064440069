"""Bans and pauses of one exchange: what they stop, and that a restart does not lift them."""

from __future__ import annotations

from pathlib import Path

from app.core.clock import NS_PER_S, ManualClock
from app.net.host_file import load_hosts, save_hosts
from app.net.rate_limiter import RateLimiter
from app.net.reconnect import HandshakeBudget, HandshakeBudgets
from app.net.standing import Standing


def test_a_banned_request_stops_requests_and_every_handshake() -> None:
    clock = ManualClock()
    budgets = HandshakeBudgets(clock)
    rest, stream = budgets.of("api.example"), budgets.of("ws.example")
    standing = Standing(clock, RateLimiter((), clock), (rest, stream))
    told: list[tuple[int, float]] = []
    standing.on_told = lambda status, seconds: told.append((status, seconds))
    standing.told(418, 180.0)
    assert told == [(418, 180.0)] and standing.banned_s == 180.0
    assert (rest.banned, stream.banned, stream.start()) == (True, True, False)
    assert standing.limiter.paused_s() == 180.0
    assert standing.banned_until_ns == clock.wall_ns() + 180 * NS_PER_S
    clock.advance(180)
    assert (standing.banned_s, standing.banned_until_ns, stream.start()) == (0.0, 0, True)


def test_a_banned_handshake_stops_requests_too() -> None:
    clock = ManualClock()
    budget = HandshakeBudget(clock)
    standing = Standing(clock, RateLimiter((), clock), [budget])
    assert budget.start()
    budget.finish(418, 60.0)
    standing.handshake_refused(418)
    assert standing.limiter.paused_s() == 60.0


def test_too_many_requests_are_no_ban() -> None:
    clock = ManualClock()
    budget = HandshakeBudget(clock)
    standing = Standing(clock, RateLimiter((), clock), [budget])
    standing.told(429, 7.0)
    assert (standing.banned_s, budget.start()) == (0.0, True)


def test_a_restart_is_no_way_around_a_ban(tmp_path: Path) -> None:
    clock, file = ManualClock(), tmp_path / "state" / "hosts.json"
    budgets = HandshakeBudgets(clock, lambda: save_hosts(file, budgets.states()))
    assert budgets.of("api.example").start()
    Standing(clock, RateLimiter((), clock), [budgets.of("api.example")]).told(418, 180.0)

    clock.sleep(60)
    again = HandshakeBudgets(clock)
    again.restore(load_hosts(file))
    standing = Standing(clock, RateLimiter((), clock), [again.of("api.example")])
    assert standing.banned_s == 120.0 and standing.limiter.paused_s() == 120.0


def test_a_file_that_is_not_ours_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "hosts.json"
    assert load_hosts(file) == {}
    file.write_bytes(b'{"api.example": 3}')
    assert load_hosts(file) == {}


def test_what_is_over_is_not_stored() -> None:
    clock = ManualClock()
    budgets = HandshakeBudgets(clock)
    assert budgets.of("api.example").start()
    assert set(budgets.states()) == {"api.example"}
    clock.advance(301)
    assert budgets.states() == {}


def test_a_host_that_is_down_is_looked_at_every_20_s_and_its_return_is_known_to_all() -> None:
    clock = ManualClock()
    budget = HandshakeBudget(clock)
    for _ in range(3):
        assert budget.start()
        budget.finish(1)
        clock.advance(1)
    assert budget.wait_s() == 19.0
    clock.advance(19)
    assert budget.start() and budget.returns == 0
    budget.finish()
    clock.advance(1)
    assert (budget.returns, budget.wait_s()) == (1, 0.0)
