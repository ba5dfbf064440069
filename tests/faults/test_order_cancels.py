"""Cancels that meet a fill, get lost, fail in part, or are done by the exchange itself."""

from __future__ import annotations

import asyncio

from aiohttp import web

from app.core.kill_switch import KillSwitchState
from app.core.order_state import OrderState
from app.twin_process import TwinLine
from tests.faults.order_stories import (
    at_twin,
    badges,
    buy,
    is_listed,
    open_at_twin,
    press,
    resting,
    silent_stream,
    state,
    taking_price,
    tell,
)
from tests.lab import faults
from tests.lab.desk import Desk
from tests.lab.fault_proxy import Forward
from tests.lab.fixtures import Lab
from tests.paper.poloniex_client import Trader
from tests.until import until


def test_o11_the_order_was_filled_before_the_cancel(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        silent_stream(desk)
        order = buy(desk, taking_price(desk))
        await until(lambda: state(desk, order) == "Open", what="OPEN as far as the desk was told")
        go = asyncio.Event()
        desk.proxy.on_request(faults.hold(go), method="DELETE", times=1)
        await desk.press_cancel()
        await until(lambda: state(desk, order) == "Cancelling", what="the cancel on its way")
        go.set()
        await until(lambda: order.state is OrderState.FILLED, what="its true end")
        assert state(desk, order).startswith("Filled")
        told = "Filled before cancel: BUY BTC-USDT"
        await until(lambda: told in desk.events(), what="the telling")
        assert any(told in text for text in desk.window.toasts.texts())
        await until(lambda: desk.window.open_orders.receipt is not None, what="the receipt")
        receipt = desk.window.open_orders.receipt
        assert receipt is not None and "1 filled before the cancel" in receipt.summary.text()
        assert len(desk.proxy.asked("DELETE")) == 1

    tell(lab, twin_line, story)


def test_o12_a_cancel_without_an_answer_is_asked_about_until_it_is_known(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        order = await resting(desk)
        silent_stream(desk)
        blind = desk.proxy.on_request(faults.lose_request, method="GET", path="/orders")
        desk.proxy.on_request(faults.lose_answer, method="DELETE", times=1)
        await desk.press_cancel()
        await until(lambda: state(desk, order) == "Cancel not confirmed", what="the doubt")
        assert badges(desk, order) == ["CANCEL-UNKNOWN"] and is_listed(desk, order)
        await until(lambda: order.questions >= 1, what="a question in vain")
        assert order.state is OrderState.PENDING_CANCEL
        blind.end()
        await until(lambda: order.state is OrderState.CANCELED, what="its true end")
        assert (await at_twin(trader, order))["state"] == "CANCELED"
        assert len(desk.proxy.asked("DELETE")) == 1 and badges(desk, order) == []

    tell(lab, twin_line, story)


def test_o12_a_cancel_that_never_arrived_is_not_called_done(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        order = await resting(desk)
        desk.proxy.on_request(faults.lose_request, method="DELETE", times=1)
        await desk.press_cancel()
        await until(lambda: "CANCEL-UNKNOWN" in badges(desk, order), what="the doubt")
        await until(lambda: order.questions >= 1, what="a question")
        assert order.state is OrderState.PENDING_CANCEL and (await at_twin(trader, order))["state"] == "NEW"
        await desk.press_cancel()
        await until(lambda: order.state is OrderState.CANCELED, what="the second cancel")

    tell(lab, twin_line, story)


def test_o20_cancel_all_tells_what_failed_and_retries_just_that(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        orders = [await resting(desk, "0.001") for _ in range(12)]
        stubborn = {order.exchange_order_id for order in orders[:3]}

        async def refuse_three(request: web.Request, forward: Forward) -> web.StreamResponse:
            rows = []
            for order in orders:
                order_id = order.exchange_order_id
                row = {"orderId": order_id, "clientOrderId": order.key, "state": "PENDING_CANCEL", "code": 200}
                if order_id in stubborn:
                    row |= {"state": "", "code": 24201, "message": "System is busy"}
                else:
                    await trader.delete(f"/orders/{order_id}")
                rows.append(row)
            return web.json_response(rows)

        desk.proxy.on_request(refuse_three, method="DELETE", times=1)
        panel = desk.window.open_orders
        await until(panel.cancel_all.isEnabled, what="the button")
        assert panel.cancel_all.text() == "Cancel all 12"
        press(panel.cancel_all)
        receipt = panel.receipt
        assert receipt is not None and receipt.verdict.text() == "Cancel all…", "progress is on screen at once"
        await until(lambda: receipt.job.finished, what="every answer")
        panel.refresh()
        assert "9 cancelled" in receipt.summary.text() and receipt.retry.text() == "Retry 3"
        assert receipt.verdict.text() == "3 of 12 may still be open"
        words = [line.words for line in receipt.job.left_over]
        assert len(words) == 3 and all("System is busy" in each for each in words)
        assert len(await open_at_twin(trader)) == 3
        assert {state(desk, order) for order in orders[:3]} == {"Open, cancel refused"}
        assert receipt.retry.isEnabled()
        press(receipt.retry)
        await until(lambda: all(order.is_done for order in orders), what="the retry")
        assert await open_at_twin(trader) == []
        await until(lambda: receipt.verdict.text() == "Cancel again 3: done", what="the verdict")

    tell(lab, twin_line, story)


def test_o24_what_the_safety_timer_cancelled_during_sleep_is_told(lab: Lab, twin_line: TwinLine) -> None:
    """Takes the 10 s of the exchange's shortest timer: the twin's clock cannot be moved."""

    async def story(desk: Desk, trader: Trader) -> None:
        orders = [await resting(desk, "0.001") for _ in range(3)]
        switch = desk.exchange.kill_switch
        assert switch is not None
        switch.arm(10)
        await until(lambda: switch.state is KillSwitchState.ARMED, what="an armed timer")
        desk.proxy.freeze()
        for _ in range(80):
            await asyncio.sleep(0.2)
            if not await open_at_twin(trader):
                break
        assert await open_at_twin(trader) == []
        desk.proxy.thaw()
        tracker = desk.exchange.user_stream_tracker
        assert tracker is not None
        desk.exchange.after_sleep()
        told = "Exchange cancelled 3 orders: safety timer expired at "
        await until(lambda: any(text.startswith(told) for text in desk.events()), within_s=12, what="what it did")
        assert all(order.state is OrderState.CANCELED for order in orders)

    tell(lab, twin_line, story)
