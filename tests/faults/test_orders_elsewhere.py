"""Orders placed by others, orders that the exchange forgot, and orders that it refuses."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest

from app.config import Config, HistoryConfig
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder
from app.twin_process import TwinLine
from tests.faults.order_stories import (
    ORDER_MESSAGES,
    SYMBOL,
    at_twin,
    badges,
    buy,
    cell,
    far_price,
    is_listed,
    open_at_twin,
    posts,
    press,
    resting,
    silent_stream,
    state,
    tell,
)
from tests.lab import faults
from tests.lab.desk import Desk
from tests.lab.fixtures import Lab
from tests.paper.poloniex_client import Trader
from tests.until import until


async def placed_elsewhere(desk: Desk, trader: Trader, within_s: float = 3.0) -> InFlightOrder:
    order_id = await trader.order(SYMBOL, "BUY", type="LIMIT", price=f"{far_price(desk):f}", quantity="0.02")
    await until(lambda: desk.exchange.orders.get(order_id) is not None, within_s, "the order in our list")
    order = desk.exchange.orders.get(order_id)
    assert order is not None
    return order


def choose(desk: Desk, order: InFlightOrder, words: str) -> None:
    """Pick from the context menu of an open order."""
    panel = desk.window.open_orders
    panel.refresh()
    line = next(line for line in panel.model.shown if line.order is order)
    menu = panel.menu_for(line)
    action: QAction = next(action for action in menu.actions() if action.text().startswith(words))
    action.trigger()
    menu.deleteLater()


def test_o15_an_order_of_the_website_comes_and_goes(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        order = await placed_elsewhere(desk, trader)
        await until(lambda: is_listed(desk, order), what="its row")
        assert badges(desk, order) == ["EXTERNAL"] and state(desk, order) == "Open"
        await trader.delete(f"/orders/{order.exchange_order_id}")
        await until(lambda: state(desk, order) == "Cancelled", within_s=3, what="its end")
        assert not is_listed(desk, order)

    tell(lab, twin_line, story)


def test_o15_it_is_cancelled_only_after_a_question(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        order = await placed_elsewhere(desk, trader)
        await until(lambda: is_listed(desk, order), what="its row")
        panel = desk.window.open_orders
        await desk.press_cancel()
        question = panel.question
        assert question is not None and question.keep.isDefault()
        QTest.keyClick(question, Qt.Key.Key_Escape)
        await until(lambda: panel.question is None, what="the end of the question")
        await asyncio.sleep(0.1)
        assert desk.proxy.asked("DELETE") == [] and len(await open_at_twin(trader)) == 1
        await desk.press_cancel()
        question = panel.question
        assert question is not None
        press(question.confirm)
        await until(lambda: order.state is OrderState.CANCELED, what="the cancel")
        assert await open_at_twin(trader) == []

    tell(lab, twin_line, story)


def test_o16_an_event_of_an_unknown_order_is_completed_by_asking(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        def emptied(text: str) -> str:
            message = json.loads(text)
            for row in message.get("data", ()):
                row |= {"type": "", "price": "", "quantity": ""}
            return json.dumps(message)

        desk.proxy.on_message(faults.change(emptied), containing=ORDER_MESSAGES)
        order = await placed_elsewhere(desk, trader, within_s=1.0)
        await until(lambda: cell(desk, order, "Amount").text.startswith("0.02"), within_s=2, what="its details")
        _, truth = await trader.get(f"/orders/{order.exchange_order_id}")
        assert badges(desk, order) == ["EXTERNAL"] and order.terms.price == Decimal(truth["price"])
        assert desk.proxy.asked("GET", f"/orders/{order.exchange_order_id}")

    tell(lab, twin_line, story)


def test_o17_an_order_that_the_exchange_forgot_is_lost_not_failed(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        order = await resting(desk)
        silent_stream(desk)
        forgotten = '{"code":21301,"message":"Order not found"}'
        desk.proxy.on_request(faults.answer(400, forgotten), method="GET", path=f"cid:{order.key}")
        await trader.delete(f"/orders/{order.exchange_order_id}")
        tracker = desk.exchange.user_stream_tracker
        assert tracker is not None
        tracker.ask_now()
        await until(lambda: "LOST" in badges(desk, order), what="the badge")
        assert order.state is OrderState.OPEN and is_listed(desk, order)
        shown = cell(desk, order, "State")
        assert (shown.text, shown.tone) == ("Exchange does not know it", "error")
        asked = len(desk.proxy.asked("GET", f"cid:{order.key}"))
        tracker.ask_now()
        await until(lambda: len(desk.proxy.asked("GET", f"cid:{order.key}")) > asked, what="the next audit's question")

        choose(desk, order, "Put away")
        await until(lambda: not is_listed(desk, order), what="its leaving")
        assert state(desk, order) == "Put away: the exchange does not know it"
        asked = len(desk.proxy.asked("GET", f"cid:{order.key}"))
        tracker.ask_now()
        await until(
            lambda: len(desk.proxy.asked("GET", f"cid:{order.key}")) > asked, within_s=20, what="it is still asked for"
        )

        desk.proxy.heal()
        tracker.ask_now()
        await until(lambda: order.state is OrderState.CANCELED, what="its true end, once the exchange knows it again")
        assert OrderFlag.LOST not in order.flags and state(desk, order) == "Cancelled"

    # The past that is loaded at the start would tell of its end.
    tell(lab, twin_line, story, config=Config(history=HistoryConfig(days=0)))


def test_o19_refusals_are_told_in_plain_words(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        async def refused(status: int, body: str) -> InFlightOrder:
            desk.proxy.on_request(faults.answer(status, body), method="POST", path="/orders", times=1)
            order = buy(desk, far_price(desk))
            await until(lambda: order.is_done, what="the refusal")
            assert order.state is OrderState.REJECTED and await at_twin(trader, order) == {}
            return order

        poor = await refused(400, '{"code":21721,"message":"Insufficient balance"}')
        assert state(desk, poor) == "Rejected: 21721 Insufficient balance"
        assert cell(desk, poor, "State").tone == "error"
        locked_out = await refused(401, '{"code":401,"message":"Unauthorized"}')
        words = state(desk, locked_out)
        assert words.startswith("Rejected: 401 Unauthorized (check three things: the API key")
        assert "the IP address it is bound to" in cell(desk, locked_out, "State").tip
        assert "its right to trade" in cell(desk, locked_out, "Reason").text
        assert posts(desk) == 2, "none of them is sent again"

    tell(lab, twin_line, story)
