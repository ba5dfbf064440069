"""Executions that come early, late, twice, too many, too few or in contradiction."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side, TimeInForce
from app.twin_process import TwinLine, TwinProcess
from app.ui.format import exact
from tests.faults.order_stories import (
    ORDER_MESSAGES,
    altered,
    at_twin,
    badges,
    buy,
    cell,
    event,
    far_price,
    is_listed,
    silent_stream,
    state,
    taking_price,
    tell,
    the,
)
from tests.lab import faults
from tests.lab.desk import PAIR, Desk
from tests.lab.fixtures import Lab
from tests.lab.proxied_socket import Message
from tests.paper.poloniex_client import Trader
from tests.until import until


@pytest.fixture(scope="module")
def binance_line() -> Iterator[TwinLine]:
    process = TwinProcess("binance", seed=5)
    yield process.read_line()
    process.stop()


@pytest.fixture(scope="module")
def calm_line() -> Iterator[TwinLine]:
    """A market in which little happens between two clicks; its best ask is small at first."""
    process = TwinProcess("poloniex", seed=7, rate=4)
    yield process.read_line()
    process.stop()


def remember_messages(desk: Desk) -> list[Message]:
    """Copies of what the orders channel says from now on."""
    copies: list[Message] = []
    desk.proxy.on_message(faults.replay(copies), containing=ORDER_MESSAGES)
    return copies


def trades(messages: list[Message]) -> list[Message]:
    found = [message for message in messages if b'"eventType":"trade"' in _bytes(message)]
    assert found, "no trade was told"
    return found


def _bytes(message: Message) -> bytes:
    return message.encode() if isinstance(message, str) else message


async def small_best_ask(desk: Desk) -> tuple[Decimal, Decimal]:
    """Price and size of the best ask, as soon as there is one that the account can pay several times."""
    book = desk.exchange.order_books[PAIR]
    await until(lambda: Decimal(book.asks[0][1]) < Decimal("0.05"), within_s=20, what="a small best ask")
    return Decimal(book.asks[0][0]), Decimal(book.asks[0][1])


async def filled(desk: Desk, amount: str = "0.01") -> InFlightOrder:
    order = buy(desk, taking_price(desk), amount)
    await until(lambda: order.state is OrderState.FILLED and not order.fills_missing, what="a filled order")
    return order


def account_counters(desk: Desk) -> str:
    desk.window.connections.refresh(now=True)
    return desk.window.connections.summary.text()


def test_o8_the_fill_comes_before_the_answer(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        go = asyncio.Event()
        desk.proxy.on_request(faults.hold(go, after=True), method="POST", path="/orders", times=1)
        order = buy(desk, taking_price(desk))
        await until(lambda: state(desk, order).startswith("Filled"), within_s=2, what="FILLED without an answer")
        assert desk.proxy.asked("POST", "/orders")[-1].status == 0, "the answer is still held"
        assert order.filled == Decimal("0.01")
        go.set()
        await until(lambda: "accepted" in [line.what for line in order.history], what="the answer")
        assert (order.state, order.filled) == (OrderState.FILLED, Decimal("0.01"))
        assert len([each for each in desk.exchange.orders if each.terms.amount == order.terms.amount]) >= 1
        assert "EXTERNAL" not in badges(desk, order)

    tell(lab, twin_line, story)


def test_o9_old_executions_replayed_after_a_reconnect_are_counted_once(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        told = remember_messages(desk)
        order = await filled(desk)
        before = (order.filled, order.filled_quote, len(order.fills), len(desk.exchange.fills))
        assert order.repeated_fills == 0 and "duplicate" not in account_counters(desk)
        handshakes = len(desk.proxy.handshakes)
        desk.proxy.reset()
        await until(lambda: len(desk.proxy.handshakes) > handshakes, what="a new connection")
        await desk.live()
        old = trades(told)
        for _ in range(3):
            for message in old:
                await desk.proxy.socket("private").deliver(message)
        await until(lambda: order.repeated_fills >= 3 * len(old), what="the repetitions")
        assert (order.filled, order.filled_quote, len(order.fills), len(desk.exchange.fills)) == before
        assert f"duplicate trade ids {order.repeated_fills}" in account_counters(desk)
        desk.window.history.refresh()
        line = next(line for line in desk.window.history.model.shown if line.order is order)
        desk.window.history.show_life(line)
        life = desk.window.history.lives[-1]
        assert f"duplicate trade id: {order.repeated_fills} ignored" in life.numbers.text()
        life.close()

    tell(lab, twin_line, story)


def test_o10_a_late_open_does_not_undo_a_fill(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        order = await filled(desk)
        stale = faults.rewrite(altered(state="NEW", filledQuantity="0", filledAmount="0"))
        desk.proxy.on_request(stale, method="GET", path=f"cid:{order.key}")
        assert await desk.exchange.get_order(order.key) is order
        assert order.state is OrderState.FILLED and state(desk, order).startswith("Filled")
        assert order.stale_answers == 1 and "stale answers 1" in account_counters(desk)
        assert order.filled == Decimal("0.01")

    tell(lab, twin_line, story)


def test_o13_partly_filled_then_cancelled(lab: Lab, calm_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        for _ in range(3):
            price, size = await small_best_ask(desk)
            order = buy(desk, price, f"{size + Decimal('0.1'):f}")
            await until(lambda: order.filled > 0 or order.is_done, what="a first fill")  # noqa: B023
            if not is_listed(desk, order):
                continue
            await desk.press_cancel()
            await until(lambda: order.is_done, what="its end")  # noqa: B023
            if order.state is OrderState.PARTIALLY_CANCELED:
                break
        assert order.state is OrderState.PARTIALLY_CANCELED, "the market was too fast three times"
        await until(lambda: not order.fills_missing, what="every execution")
        amount = order.terms.amount or Decimal(0)
        assert state(desk, order) == f"{exact(order.filled)} of {exact(amount)} filled, rest cancelled"
        truth = await at_twin(trader, order)
        assert truth["state"] == "PARTIALLY_CANCELED" and Decimal(truth["filledQuantity"]) == order.filled
        await until(lambda: desk.exchange.balances["USDT"].held == 0, what="the hold to be released")
        available, hold = await trader.balance("USDT")
        assert (desk.exchange.balances["USDT"].available, Decimal(hold)) == (Decimal(available), Decimal(0))

    tell(lab, calm_line, story)


def test_o14_what_expires_is_no_failure(lab: Lab, binance_line: TwinLine) -> None:
    async def ended(desk: Desk, price: Decimal, amount: Decimal) -> InFlightOrder:
        draft = OrderDraft(
            pair=PAIR, side=Side.BUY, type=OrderType.LIMIT, time_in_force=TimeInForce.IOC, price=price, amount=amount
        )
        order = the(desk, desk.exchange.submit(draft))
        await until(lambda: order.is_done, what="its end")
        told = order.filled
        await desk.exchange.get_order(order.key)
        assert order.filled == told, "the exchange knows of more than was told"
        return order

    async def story(desk: Desk) -> None:
        missed = await ended(desk, far_price(desk), Decimal("0.01"))
        assert (missed.state, missed.filled) == (OrderState.EXPIRED, 0)
        for _ in range(5):
            price, size = await small_best_ask(desk)
            order = await ended(desk, price, size + Decimal("0.1"))
            if 0 < order.filled < (order.terms.amount or 0):
                break
        assert order.state is OrderState.EXPIRED and order.filled > 0, "the market was too fast five times"
        parts = f"Expired, {exact(order.filled)} of {exact(order.terms.amount or Decimal(0))} filled"
        for each, words in ((missed, "Expired"), (order, parts)):
            shown = cell(desk, each, "State")
            assert (shown.text, shown.tone) == (words, "secondary"), "not the colour of a failure"

    lab(story, binance_line)


def test_o21_more_filled_than_ordered_is_shown_as_it_is(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        told = remember_messages(desk)
        order = await filled(desk)
        more = event(trades(told)[-1], tradeId="999000111", tradeQty="0.0005", filledQuantity="0.0105")
        await desk.proxy.socket("private").deliver(more)
        await until(lambda: "OVERFILLED" in badges(desk, order), what="the badge")
        shown = cell(desk, order, "State")
        assert (shown.text, shown.tone) == ("Filled 0.0105 of 0.01", "error")
        assert order.filled == Decimal("0.0105") and order.remaining == 0

    tell(lab, twin_line, story)


def test_o22_missing_executions_are_asked_for_and_never_made_up(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        silent_stream(desk)
        nothing = desk.proxy.on_request(faults.rewrite(lambda body: b"[]"), method="GET", path="/trades")
        no_value = faults.rewrite(altered(filledAmount="0"))
        desk.proxy.on_request(no_value, method="GET", path="/orders/cid:")
        order = buy(desk, taking_price(desk))
        await until(lambda: order.exchange_order_id, what="the answer")
        await desk.exchange.get_order(order.key)
        assert order.state is OrderState.FILLED and order.fills == []
        assert state(desk, order) == "Filled, details missing 0.01" and badges(desk, order) == ["FILLS-MISSING"]
        assert cell(desk, order, "Average").text == "incomplete"
        nothing.end()
        tracker = desk.exchange.user_stream_tracker
        assert tracker is not None
        tracker.ask_now()
        await until(lambda: not order.fills_missing, what="the executions")
        assert state(desk, order) == "Filled" and badges(desk, order) == []
        assert sum(fill.amount for fill in order.fills) == Decimal("0.01")
        assert cell(desk, order, "Average").text != "incomplete"

    tell(lab, twin_line, story)


def test_o23_one_trade_id_with_two_prices(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk, trader: Trader) -> None:
        told = remember_messages(desk)
        order = await filled(desk)
        message = trades(told)[-1]
        trade_id = str(json.loads(message)["data"][0]["tradeId"])
        kept = [(fill.trade_id, fill.price) for fill in order.fills]
        contradiction = event(message, tradePrice="12345.67")
        for _ in range(2):
            await desk.proxy.socket("private").deliver(contradiction)
        await until(lambda: "ID-CONFLICT" in badges(desk, order), what="the badge")
        assert [(fill.trade_id, fill.price) for fill in order.fills] == kept
        lines = [line for line in order.history if line.what.startswith(f"trade {trade_id} told again as ")]
        assert len(lines) == 1 and "at 12345.67; kept " in lines[0].what
        frame = desk.workspace.log.get(lines[0].frame)
        assert frame is not None and b"12345.67" in frame.payload, "the second one can be looked at"

    tell(lab, twin_line, story)
