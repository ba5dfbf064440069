"""Clocks that are wrong, jump, or count in other units, and what the window makes of them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Config, UiConfig
from app.core.order_state import OrderState
from app.core.types import Side
from app.twin_process import TwinLine
from app.ui import format as show
from tests.lab.clock import ShiftedClock
from tests.lab.desk import PAIR, Desk, Play, column, rows
from tests.lab.fault_proxy import FaultProxy
from tests.lab.faults import answer, change, late
from tests.lab.fixtures import Lab
from tests.until import until

TIME = "/timestamp"
CLOCK_REFUSED = '{"code":400,"message":"Invalid timestamp"}'


def history_words(desk: Desk) -> str:
    return " ".join(" ".join(row.values()) for row in rows(desk.window.history.table))


def signed(desk: Desk) -> list[int]:
    """How far (ms) each signed request's time was from the twin's, which runs on this computer's clock."""
    now_ms, loop_s = time.time() * 1e3, time.monotonic()
    return [
        round(int(one.headers["signTimestamp"]) - (now_ms - (loop_s - one.at_s) * 1e3))
        for one in desk.proxy.requests
        if "signTimestamp" in one.headers
    ]


@pytest.mark.parametrize(("off_s", "words"), [(-90.0, "90.0 s behind"), (90.0, "90.0 s ahead")])
def test_c1_a_wrong_clock_of_the_computer_is_told_and_harms_nothing(lab: Lab, off_s: float, words: str) -> None:
    async def story(desk: Desk) -> None:
        await until(lambda: desk.window.status.skew.text() == f"PC clock is {words}", what="the status bar")
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="the order")
        assert max(map(abs, signed(desk))) < 1_000, "every signature carried the exchange's time, the first one too"
        refused = {one.path for one in desk.proxy.requests if one.status >= 400}
        assert refused <= {"/orders/killSwitchStatus"}, "which says so when no timer runs"
        assert abs(order.created_ms - time.time() * 1e3) < 10_000, "what is written down carries the exchange's time"
        await desk.exchange.cancel_all()

    lab(story, clock=ShiftedClock(off_s))


@pytest.mark.parametrize("step_s", [-30.0, 3_600.0])
def test_c2_a_step_of_the_wall_clock_changes_the_offset_and_nothing_else(lab: Lab, step_s: float) -> None:
    clock = ShiftedClock()

    async def story(desk: Desk) -> None:
        first = await desk.place()
        await until(lambda: first.state is OrderState.OPEN, what="the first order")
        handshakes, posts = len(desk.proxy.handshakes), len(desk.proxy.asked("POST"))
        asked, notices = len(desk.proxy.asked(path=TIME)), len(desk.workspace.notices.items)
        clock.step(step_s)
        await until(lambda: len(desk.proxy.asked(path=TIME)) > asked, within_s=2.0, what="a new measurement")
        await until(lambda: abs((desk.exchange.clock_offset_ms or 0) / 1e3 + step_s) < 1, what="the new offset")
        side = "ahead" if step_s > 0 else "behind"
        await until(lambda: desk.window.status.skew.text().endswith(f"{abs(step_s):.1f} s {side}"), what="the words")
        second = await desk.place(nth=7)
        await until(lambda: second.state is OrderState.OPEN, what="the second order")
        assert (len(desk.proxy.handshakes), len(desk.proxy.asked("POST"))) == (handshakes, posts + 1)
        moments = [event.wall_ms for order in (first, second) for event in order.history]
        assert moments == sorted(moments) and moments[-1] - moments[0] < 60_000
        listed = [notice.wall_ns for notice in desk.workspace.notices.items]
        assert listed == sorted(listed) and len(listed) > notices, "the event list never jumps back"
        assert max(map(abs, signed(desk))) < 1_000
        await desk.exchange.cancel_all()

    lab(story, clock=clock)


def test_c3_an_uncertain_clock_blocks_orders_and_reading_goes_on(
    play: Play, twin_line: TwinLine, tmp_path: Path
) -> None:
    async def story() -> None:
        proxy = FaultProxy(twin_line.rest)
        await proxy.start()
        slow = proxy.on_request(late(before_s=0.05, after_s=2.75), path=TIME)
        desk = Desk(tmp_path, proxy)
        await desk.open(twin_line)
        try:
            await desk.click_price(Side.BUY, 6)
            await until(lambda: desk.gate() == "Blocked: clock uncertainty 1.4 s", what="the gate")
            assert not desk.window.entry.submit.isEnabled()
            version = desk.exchange.order_books[PAIR].version
            await until(lambda: desk.exchange.order_books[PAIR].version > version + 3, what="a book that goes on")
            assert desk.book() == "live" and desk.exchange.balances
            assert max(map(abs, signed(desk))) < 3_000, "early by the bound, never ahead"
            assert max(signed(desk)) <= 50
            slow.end()
            desk.exchange.markets.ask_clock_now()
            await until(lambda: desk.gate() == "", 15, "an open gate")
        finally:
            await desk.close(cancel=False)
            await proxy.stop()

    play(story())


@pytest.mark.parametrize(("unit", "digits"), [("microseconds", "000"), ("nanoseconds", "000000")])
def test_c4_another_unit_of_time_is_read_as_what_it_is(lab: Lab, unit: str, digits: str) -> None:
    async def story(desk: Desk) -> None:
        finer = change(lambda text: re.sub(r'"(ts|createTime|tradeTime)":(\d{13})\b', rf'"\1":\g<2>{digits}', text))
        desk.proxy.on_message(finer)
        tape = desk.exchange.tape(PAIR)
        total = tape.total
        await until(lambda: any(f"times arrive in {unit} now" in text for text in desk.events()), what="the line")
        notice = next(one for one in desk.workspace.notices.items if f"times arrive in {unit}" in one.text)
        shown = desk.workspace.log.get(notice.frame)
        assert shown is not None and digits.encode() + b"," in shown.payload.replace(b"}", b","), "its message is named"
        await until(lambda: tape.total > total + 1, 20, "trades")
        order = await desk.place()
        await until(
            lambda: order.state is OrderState.OPEN and order.updated_ms, what="the stream's report of the order"
        )
        now_ms = time.time() * 1e3
        assert abs(tape.newest(1)[0].exchange_ms - now_ms) < 10_000
        assert abs(desk.exchange.order_books[PAIR].exchange_ms - now_ms) < 10_000
        assert abs(order.updated_ms - now_ms) < 10_000
        today = time.strftime("%m-%d", time.gmtime())
        await until(lambda: column(desk.window.open_orders, "Time"), what="the row")
        assert column(desk.window.open_orders, "Time")[0].startswith(today)
        assert desk.book() == "live" and not desk.banners()
        assert sum("times arrive in" in text for text in desk.events()) == 1
        await until(lambda: desk.connection("public")["Reason"] == f"times in {unit}", what="the badge")
        await desk.exchange.cancel_all()

    lab(story)


def test_c5_a_timestamp_refusal_is_an_end_and_costs_one_measurement(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        refusal = answer(400, CLOCK_REFUSED, {"Content-Type": "application/json"})
        desk.proxy.on_request(refusal, method="POST", path="/orders", times=1)
        asked = len(desk.proxy.asked(path=TIME))
        order = await desk.place()
        await until(lambda: order.is_done, what="the order's end")
        assert order.state is OrderState.REJECTED and "timestamp" in order.reason.lower()
        await until(lambda: len(desk.proxy.asked(path=TIME)) > asked, within_s=2, what="a new measurement")
        await desk.live()
        await until(lambda: desk.exchange.clock_bound_ms is not None and desk.gate() == "", what="an open gate")
        assert len(desk.proxy.asked("POST", "/orders")) == 1, "nothing was sent again"
        assert len(desk.proxy.asked(path=TIME)) - asked <= 3
        await until(lambda: "clock: 400" in history_words(desk), what="the row's words")

    lab(story)


@pytest.fixture
def zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = before
    time.tzset()
    show.forget_times()


@pytest.mark.usefixtures("zone")
def test_c6_another_time_zone_changes_the_times_shown_and_nothing_else(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="the order")
        await until(lambda: len(column(desk.window.open_orders, "Time")) == 1, what="the row")
        (before,) = column(desk.window.open_orders, "Time")
        history, handshakes = list(order.history), len(desk.proxy.handshakes)
        os.environ["TZ"] = "IST-5:30"
        (utc_h, utc_min), rest = map(int, before.split()[1].split(":")[:2]), before.split(":")[2]
        minutes = (utc_h * 60 + utc_min + 330) % 1_440
        wanted = f"{minutes // 60:02d}:{minutes % 60:02d}:{rest}"
        await until(lambda: column(desk.window.open_orders, "Time")[0].endswith(wanted), what="the new time")
        assert show.time(order.created_ms, None, False).startswith(wanted[:5])
        assert order.history == history and len(desk.proxy.handshakes) == handshakes
        assert desk.book() == "live" and desk.window.status.time.text().endswith("UTC")
        assert not desk.banners()
        await desk.exchange.cancel_all()

    lab(story, config=Config(ui=UiConfig(time_zone="local")))


def test_c7_events_from_the_future_are_taken_and_told_when_they_go_on(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        ahead = change(lambda text: re.sub(r'"ts":(\d{13})\b', lambda hit: f'"ts":{int(hit[1]) + 10_000}', text))
        rule = desk.proxy.on_message(ahead, containing='"channel":"book_lv2"')
        version = desk.exchange.order_books[PAIR].version
        status = desk.exchange.links[0]
        await until(lambda: status.lag_ms == 0.0, what="a lag that is never negative")
        assert not desk.banners(), "one such event is no alarm"
        alarm = "events are dated 10.0 s ahead of the exchange's own clock"
        await until(lambda: any("EVENT-TIME" in text and "dated 10." in text for text in desk.banners()), 15, alarm)
        assert desk.exchange.order_books[PAIR].version > version and desk.book() == "live"
        rule.end()
        await until(lambda: not desk.banners(), what="an end of the alarm")

    lab(story)
