"""Which facts an account's stream is expected to confirm, and when their absence is an alarm."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from app.connectors.stream_check import LOST_EVENTS, StreamCheck
from app.core.clock import ManualClock
from app.core.notices import Notices
from app.core.order_tracker import OrderTracker
from app.core.types import OrderType, OrderUpdate, Side, VenueState


class _Venue:
    """As much of a venue as the check asks for."""

    key = "x"

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.notices = Notices(self.clock)

    def estimate_ms(self) -> int:
        return self.clock.wall_ns() // 1_000_000


class Bench:
    def __init__(self) -> None:
        self.venue = _Venue()
        self.orders = OrderTracker()
        self.up = True
        self.subscribed_again = 0
        self.check = StreamCheck(self.venue, self.orders, lambda: self.up, self._lost)  # type: ignore[arg-type]
        self.check.started()
        self.venue.clock.advance(6)

    def _lost(self) -> None:
        self.subscribed_again += 1

    def told(self, state: VenueState = VenueState.OPEN, *, type: OrderType = OrderType.LIMIT, age_s: float = 0) -> None:
        """An answer tells of the order."""
        now_ms = self.venue.estimate_ms()
        update = OrderUpdate(
            pair="BTC-USDT",
            state=state,
            exchange_order_id="1",
            side=Side.BUY,
            type=type,
            amount=Decimal(1),
            exchange_ms=now_ms - round(age_s * 1_000),
        )
        self.orders.apply(update, now_ms)

    def after(self, seconds: float) -> None:
        self.venue.clock.advance(seconds)
        self.check.look()

    @property
    def alarmed(self) -> bool:
        return (LOST_EVENTS, "x") in self.venue.notices.alarms


def test_a_fact_that_the_stream_never_tells_is_an_alarm_and_costs_one_new_subscription() -> None:
    bench = Bench()
    bench.told()
    bench.after(1)
    assert (bench.check.quiet, bench.alarmed) == (False, False)
    bench.after(1)
    assert (bench.check.quiet, bench.alarmed) == (True, False)
    bench.after(2.5)
    assert (bench.check.quiet, bench.alarmed, bench.subscribed_again) == (False, True, 1)
    bench.told(VenueState.CANCELED)
    bench.after(5)
    assert bench.subscribed_again == 1, "not again within a minute"


def test_what_the_stream_tells_in_time_or_told_before_is_no_alarm() -> None:
    bench = Bench()
    bench.told()
    bench.after(1)
    bench.check.confirm(bench.orders.get("1"))
    bench.after(5)
    bench.check.heard(lambda: bench.told(VenueState.CANCELED))
    bench.told(VenueState.CANCELED)
    bench.after(5)
    assert (bench.alarmed, bench.check.quiet) == (False, False)


def test_the_alarm_ends_when_the_stream_tells_of_an_order() -> None:
    bench = Bench()
    bench.told()
    bench.after(5)
    assert bench.alarmed
    bench.check.heard(lambda: bench.told(VenueState.CANCELED))
    assert not bench.alarmed


def _stop_order(bench: Bench) -> None:
    bench.told(type=OrderType.STOP_LIMIT)


def _long_ago(bench: Bench) -> None:
    bench.told(age_s=600)


def _while_down(bench: Bench) -> None:
    bench.up = False
    bench.told()


def _just_subscribed(bench: Bench) -> None:
    bench.check.started()
    bench.told()


@pytest.mark.parametrize("happens", [_stop_order, _long_ago, _while_down, _just_subscribed])
def test_nothing_is_expected_that_the_stream_need_not_tell(happens: Callable[[Bench], None]) -> None:
    bench = Bench()
    happens(bench)
    bench.up = True
    bench.after(5)
    assert not bench.alarmed and not bench.check.quiet
