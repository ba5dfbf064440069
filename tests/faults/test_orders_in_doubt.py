"""Orders whose request or answer was lost, and what the trader can do meanwhile."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.twin_process import TwinLine
from tests.faults.order_stories import (
    at_twin,
    badges,
    buy,
    cell,
    confirm,
    far_price,
    hasten,
    is_listed,
    open_at_twin,
    posts,
    press,
    silent_stream,
    state,
    taking_price,
    tell,
    write_order,
)
from tests.lab import faults
from tests.lab.clock import ShiftedClock
from tests.lab.desk import Desk
from tests.lab.fixtures import Lab
from tests.paper.poloniex_client import Trader
from tests.until import until


def lose_the_answer(desk: Desk) -> None:
    desk.proxy.on_request(faults.lose_answer, method="POST", path="/orders", times=1)


def nothing_can_be_asked(desk: Desk) -> None:
    desk.proxy.on_request(faults.lose_request, method="GET", path="/orders")


async def in_doubt(desk: Desk) -> InFlightOrder:
    """An order that the exchange took, with its answer lost, the stream silent and questions in vain."""
    silent_stream(desk)
    nothing_can_be_asked(desk)
    lose_the_answer(desk)
    order = buy(desk, far_price(desk))
    await until(lambda: order.state is OrderState.UNKNOWN, what="an unknown outcome")
    return order


def test_o1_the_stream_tells_what_the_lost_answer_would_have_told(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        desk.proxy.on_request(faults.never_answer(True), method="POST", path="/orders", times=1)
        write_order(desk, far_price(desk))
        press(desk.window.entry.submit)
        order = await confirm(desk)
        await until(lambda: state(desk, order) == "Open", within_s=2, what="OPEN by the stream")
        assert order.exchange_order_id == (await at_twin(trader, order))["id"]
        timed_out = "outcome unknown: no answer within 5 s"
        await until(lambda: timed_out in [line.what for line in order.history], what="the time-out")
        assert (state(desk, order), badges(desk, order)) == ("Open", [])
        assert desk.gate() == "" and posts(desk) == 1

    tell(lab, twin_line, story)


def test_o2_unknown_until_a_question_is_answered_and_the_market_is_blocked(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        order = await in_doubt(desk)
        shown = cell(desk, order, "State")
        assert shown.text.startswith("May be live. ") and ", proof by " in shown.text
        assert shown.tone == "warning" and shown.bold
        write_order(desk, far_price(desk))
        await until(lambda: desk.gate().startswith("Blocked: ") and order.key in desk.gate(), what="a blocked market")
        await until(lambda: order.questions >= 1 and "Check " in state(desk, order), what="a question")
        assert is_listed(desk, order) and order.state is OrderState.UNKNOWN
        desk.proxy.heal()
        silent_stream(desk)
        await until(lambda: state(desk, order) == "Open", within_s=6, what="OPEN by asking")
        answered = next(one for one in desk.proxy.asked("GET", f"cid:{order.key}") if one.status == 200)
        assert asyncio.get_running_loop().time() - answered.at_s < 2.0
        assert order.exchange_order_id == (await at_twin(trader, order))["id"]
        await until(lambda: desk.gate() == "", what="an open gate")
        assert posts(desk) == 1

    tell(lab, twin_line, story)


def test_o3_an_order_that_never_arrived_is_proved_absent_and_can_be_placed_again(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        hasten(desk)
        desk.proxy.on_request(faults.lose_request, method="POST", path="/orders", times=1)
        entry = desk.window.entry
        write_order(desk, far_price(desk))
        press(entry.submit)
        order = await confirm(desk)
        await until(
            lambda: OrderState.UNKNOWN in {step.state for step in order.history},
            what="an unknown outcome",
            seen=lambda: order.history,
        )
        assert order.is_done or not entry.again.isVisible()
        await until(lambda: order.state is OrderState.NOT_PLACED, within_s=20, what="proof")
        assert order.history[-1].wall_ms >= order.proof_ms, "not before its proof time"
        asked = [one for one in desk.proxy.asked("GET", f"cid:{order.key}") if one.status == 400 or one.status == 404]
        assert len(asked) >= 2 and asked[-1].at_s - asked[0].at_s >= 1.9
        assert re.match(r"Not placed: proved absent at \d\d:\d\d:\d\d UTC", state(desk, order))
        assert not is_listed(desk, order)
        assert await at_twin(trader, order) == {}
        await until(lambda: desk.gate() == "", what="an open gate")
        await until(entry.again.isVisible, what="the offer to place it again")
        press(entry.again)
        second = await confirm(desk)
        await until(lambda: state(desk, second) == "Open", what="the second order")
        assert second.key != order.key and second.terms.price == order.terms.price
        assert [one["clientOrderId"] for one in await open_at_twin(trader)] == [second.key]

    tell(lab, twin_line, story)


def test_o4_a_request_held_on_its_way_is_never_called_absent(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        hasten(desk)
        silent_stream(desk)
        desk.proxy.on_request(faults.late(before_s=4.0), method="POST", path="/orders", times=1)
        order = buy(desk, far_price(desk))
        seen: set[str] = set()
        desk.exchange.orders.changed.connect(lambda changed: seen.add(changed.state.value))
        await until(lambda: order.questions >= 1, what="a question while it is on its way")
        assert order.state is OrderState.SUBMITTING and await at_twin(trader, order) == {}
        await until(lambda: state(desk, order) == "Open", what="OPEN after all")
        assert (await at_twin(trader, order))["id"] == order.exchange_order_id
        assert not seen & {"NOT_PLACED", "REJECTED", "UNKNOWN"}

    tell(lab, twin_line, story)


def test_o5_ten_minutes_without_network_change_nothing(lab: Lab, twin_line: TwinLine) -> None:
    clock = ShiftedClock()

    async def story(desk: Desk, trader: Trader) -> None:
        lose_the_answer(desk)
        silent_stream(desk)
        nothing_can_be_asked(desk)
        order = buy(desk, far_price(desk))
        await until(lambda: order.state is OrderState.UNKNOWN, what="an unknown outcome")
        await desk.proxy.go_away()
        proof_ms = order.proof_ms
        # Only the time of day: the twin's clock cannot be moved with ours. `test_order_outcome` waits the ten minutes.
        clock.step(600)
        await until(lambda: cell(desk, order, "Age").text.startswith("10 m"), what="its age")
        assert (order.state, order.proof_ms) == (OrderState.UNKNOWN, proof_ms)
        assert "proof by" in state(desk, order) and posts(desk) == 1
        desk.proxy.heal()
        await desk.proxy.come_back()
        before = len(desk.proxy.requests)
        await until(lambda: any(one.status == 200 for one in desk.proxy.requests[before:]), 35, "an answer")
        await until(lambda: state(desk, order) == "Open", within_s=3, what="its outcome")
        assert posts(desk) == 1 and (await at_twin(trader, order))["id"] == order.exchange_order_id

    tell(lab, twin_line, story, clock=clock)


def test_o6_another_order_meanwhile_needs_typed_consent(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        order = await in_doubt(desk)
        entry = desk.window.entry
        write_order(desk, far_price(desk), "0.02")

        async def asked() -> None:
            await until(entry.submit.isEnabled, what="the button")
            press(entry.submit)
            await until(lambda: entry.unknown_dialog is not None, what="the question")

        await asked()
        dialog = entry.unknown_dialog
        assert dialog is not None and order.key in dialog.text() and "Buy 0.01 BTC" in dialog.text()
        await until(lambda: dialog.wait.hasFocus(), what="the focus on waiting")
        assert dialog.wait.isDefault() and not dialog.anyway.isEnabled()
        QTest.keyClick(dialog.wait, Qt.Key.Key_Return)
        await until(lambda: entry.unknown_dialog is None, what="its end")
        assert posts(desk) == 1 and entry.confirmation is None

        await asked()
        dialog = entry.unknown_dialog
        assert dialog is not None
        before = len(desk.proxy.asked("GET", f"cid:{order.key}"))
        press(dialog.check)
        await until(lambda: len(desk.proxy.asked("GET", f"cid:{order.key}")) > before, within_s=1.5, what="a question")
        QTest.keyClicks(dialog.typed, "I check")
        assert not dialog.anyway.isEnabled()
        QTest.keyClicks(dialog.typed, "ed")
        press(dialog.anyway)
        await until(lambda: entry.confirmation is not None, what="the confirmation")
        assert entry.confirmation is not None and "may be live too" in entry.confirmation.text()
        second = await confirm(desk)
        await until(lambda: posts(desk) == 2, what="the second order")
        assert second.terms.amount == Decimal("0.02")
        words = [line.what for line in order.history]
        assert f"the trader checked on the website and placed {second.key} all the same" in words
        assert len(await open_at_twin(trader)) == 2
        desk.proxy.heal()
        await until(lambda: order.state is second.state is OrderState.OPEN, what="both outcomes")

    tell(lab, twin_line, story)


def test_o7_double_clicks_and_held_keys_make_one_order(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        go = asyncio.Event()
        desk.proxy.on_request(faults.hold(go), method="POST", path="/orders", times=1)
        entry = desk.window.entry
        write_order(desk, far_price(desk))
        await until(entry.submit.isEnabled, what="the button")
        QTest.mouseDClick(entry.submit, Qt.MouseButton.LeftButton)
        QTest.mouseClick(entry.submit, Qt.MouseButton.LeftButton)
        dialog = entry.confirmation
        assert dialog is not None
        await until(dialog.send.isEnabled, what="the sending button")
        QTest.mouseClick(dialog.send, Qt.MouseButton.LeftButton)
        QTest.mouseDClick(dialog.send, Qt.MouseButton.LeftButton)
        QTest.keyClick(dialog.send, Qt.Key.Key_Return)
        await until(lambda: posts(desk) == 1, what="the request")
        edit = entry.amount.edit
        edit.setFocus()
        for _ in range(5):
            QTest.keyClick(edit, Qt.Key.Key_Return)
        (order,) = desk.exchange.orders.open
        assert entry.fate.text() == f"Already sending order {order.key}" and not entry.submit.isEnabled()
        assert entry.confirmation is None
        go.set()
        await until(lambda: state(desk, order) == "Open", what="the order")
        assert posts(desk) == 1 and len(await open_at_twin(trader)) == 1

    tell(lab, twin_line, story)


def test_o18_a_duplicate_id_proves_that_the_order_exists(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        silent_stream(desk)
        refusal = '{"code":21312,"message":"Client order id already exists"}'
        desk.proxy.on_request(faults.answer(400, refusal, forwarded=True), method="POST", path="/orders", times=1)
        order = buy(desk, taking_price(desk))
        await until(lambda: order.state.is_done, what="its true end")
        assert order.state is OrderState.FILLED and state(desk, order).startswith("Filled")
        assert (await at_twin(trader, order))["state"] == "FILLED"
        assert posts(desk) == 1

    tell(lab, twin_line, story)


def test_o26_a_cancel_of_an_order_that_is_being_sent_waits_for_it(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        go = asyncio.Event()
        desk.proxy.on_request(faults.hold(go), method="POST", path="/orders", times=1)
        order = buy(desk, far_price(desk))
        await until(lambda: posts(desk) == 1 and is_listed(desk, order), what="the request on its way")
        await desk.press_cancel()
        await until(lambda: state(desk, order) == "Sending, cancel queued", what="the queued cancel")
        assert desk.proxy.asked("DELETE") == []
        go.set()
        await until(lambda: order.state is OrderState.CANCELED, what="the cancel")
        assert len(desk.proxy.asked("DELETE")) == 1 and state(desk, order) == "Cancelled"
        assert (await at_twin(trader, order))["state"] == "CANCELED"

    tell(lab, twin_line, story)


def test_o26_a_queued_cancel_follows_an_order_that_the_stream_tells_first(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        desk.proxy.on_request(faults.late(before_s=0.5, after_s=3.0), method="POST", path="/orders", times=1)
        order = buy(desk, far_price(desk))
        await until(lambda: is_listed(desk, order), what="its row")
        await desk.press_cancel()
        await until(lambda: order.state is OrderState.CANCELED, within_s=3, what="the cancel before the answer")
        await until(lambda: desk.proxy.asked("POST", "/orders")[-1].status, what="the late answer")
        assert (await at_twin(trader, order))["state"] == "CANCELED"

    tell(lab, twin_line, story)
