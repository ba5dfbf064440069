"""Kill switches and rate limits under a manual clock."""

from __future__ import annotations

from app.core.clock import ManualClock
from app.core.types import Side
from app.paper.orders import Order, OrderKind, OrderState, StopKind, StopOrder
from app.paper.rate_limits import RateLimits

from .session import Session


def test_a_bucket_allows_its_rate_and_refills_evenly() -> None:
    clock = ManualClock()
    limits = RateLimits({"heavy": 10.0}, clock)
    assert [limits.allow("ann", "heavy") for _ in range(12)] == [True] * 10 + [False] * 2
    assert limits.allow("bob", "heavy") and limits.allow("ann", "unlimited")
    clock.advance(0.25)
    assert [limits.allow("ann", "heavy") for _ in range(3)] == [True, True, False]


def test_kill_switch_cancels_orders_and_stops_when_its_time_is_over() -> None:
    session = Session()
    desk, account_id = session.desk, session.desk.account.account_id
    terms = {"order_id": 0, "owner": account_id, "pair": "BTC-USDT", "side": Side.BUY, "lots": 1000, "ticks": 5_000_000}
    order = desk.venue.place(Order(kind=OrderKind.LIMIT, **terms))  # type: ignore[arg-type]
    stop = desk.venue.place_stop(StopOrder(kind=StopKind.STOP_LIMIT, stop_ticks=99_000_000, **terms))  # type: ignore[arg-type]
    desk.kill_switches.arm(account_id, 10)
    session.clock.advance(9)
    desk.kill_switches.fire_due()
    assert order.state is OrderState.OPEN
    desk.kill_switches.arm(account_id, 10)
    session.clock.advance(9.9)
    desk.kill_switches.fire_due()
    assert order.state is OrderState.OPEN
    session.clock.advance(0.1)
    desk.kill_switches.fire_due()
    assert (order.state, stop.state) == (OrderState.CANCELED, OrderState.CANCELED)
    assert desk.kill_switches.status(account_id) is None


def test_a_disarmed_kill_switch_does_nothing() -> None:
    session = Session()
    session.desk.kill_switches.arm("1001", 10)
    session.desk.kill_switches.disarm("1001")
    session.clock.advance(11)
    session.desk.kill_switches.fire_due()
    assert session.desk.kill_switches.status("1001") is None
