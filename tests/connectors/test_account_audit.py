"""Holds that no order explains, and what a safety timer cancelled."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.connectors.account_audit import HOLD_MISMATCH, HoldWatch
from app.connectors.venue import Venue
from app.core.clock import NS_PER_MS, ManualClock
from app.core.holds import Hold
from app.core.notices import Notices


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def venue(clock: ManualClock) -> Any:
    return SimpleNamespace(
        clock=clock, notices=Notices(clock), key="poloniex", estimate_ms=lambda: clock.wall_ns() // NS_PER_MS
    )


def hold(held: str, bound: str, uncertain: str = "0") -> Hold:
    return Hold(Decimal(held), Decimal(bound), Decimal(uncertain), False, Decimal("0.002"))


def alarms(venue: Any) -> dict[str, str]:
    return {code: alarm.text for (code, _), alarm in venue.notices.alarms.items()}


def test_a_difference_of_a_moment_is_no_alarm_but_worth_asking_soon(venue: Any, clock: ManualClock) -> None:
    watch = HoldWatch(cast(Venue, venue))
    assert watch.look({"BTC": hold("0.5", "0.3")})
    clock.advance(9.9)
    assert watch.look({"BTC": hold("0.5", "0.3")}) and alarms(venue) == {}
    assert not watch.look({"BTC": hold("0.3", "0.3")})
    clock.advance(60)
    assert watch.look({"BTC": hold("0.5", "0.3")}), "it starts anew"
    assert alarms(venue) == {}


def test_ten_seconds_are_an_alarm_until_it_is_explained(venue: Any, clock: ManualClock) -> None:
    watch = HoldWatch(cast(Venue, venue))
    watch.look({"BTC": hold("0.5", "0.3"), "USDT": hold("10", "10")})
    clock.advance(10)
    assert not watch.look({"BTC": hold("0.5", "0.3"), "USDT": hold("10", "10")})
    assert alarms(venue) == {HOLD_MISMATCH: "BTC: 0.5 held, open orders explain 0.3"}
    watch.look({"BTC": hold("0.3", "0.3")})
    assert alarms(venue) == {}


def test_what_the_trader_put_away_comes_back_only_with_news(venue: Any, clock: ManualClock) -> None:
    watch = HoldWatch(cast(Venue, venue))
    watch.look({"BTC": hold("0.5", "0.3")})
    clock.advance(11)
    watch.look({"BTC": hold("0.5", "0.3")})
    venue.notices.end_alarm(HOLD_MISMATCH, "poloniex")
    clock.advance(30)
    watch.look({"BTC": hold("0.5", "0.3")})
    assert alarms(venue) == {}
    watch.look({"BTC": hold("0.7", "0.3")})
    assert alarms(venue) == {HOLD_MISMATCH: "BTC: 0.7 held, open orders explain 0.3"}


def test_an_order_that_may_not_exist_may_be_held_or_not(venue: Any, clock: ManualClock) -> None:
    watch = HoldWatch(cast(Venue, venue))
    for held in ("0", "1"):
        assert not watch.look({"BTC": hold(held, "1", uncertain="1")})
