"""More than the desk can take, or later than it should be: lag is told, skipped trades are counted, orders are kept."""

from __future__ import annotations

import asyncio
import re
import time

import msgspec

from app.core.order_state import OrderState
from app.twin_process import TwinLine
from tests.lab.desk import PAIR, Desk, column
from tests.lab.elsewhere import elsewhere
from tests.lab.faults import change
from tests.lab.fixtures import Lab
from tests.until import until

TRADES = 13_000
"""More than the tape keeps."""


def late_by(ms: int) -> object:
    return change(lambda text: re.sub(r'"ts":(\d+)', lambda hit: f'"ts":{int(hit[1]) - ms}', text))


def trade(number: int) -> str:
    row = {
        "symbol": "BTC_USDT",
        "amount": "50",
        "quantity": "0.001",
        "takerSide": "buy",
        "createTime": 1_795_000_000_000,
    }
    row |= {"price": "98000", "id": f"flood{number}", "ts": 1_795_000_000_000}
    return msgspec.json.encode({"channel": "trades", "data": [row]}).decode()


def test_t12_old_news_are_called_lag_and_not_live(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        rule = desk.proxy.on_message(late_by(1_400), containing='"channel":"book_lv2"')  # type: ignore[arg-type]
        await until(lambda: "AGING lag 1.4 s" in desk.book_words(), what="the book's words")
        assert desk.book() == "aging"
        await until(lambda: "AGING lag 1.4 s" in desk.connection("public").get("State", ""), what="the connection")
        await until(lambda: "AGING lag 1.4 s" in desk.pill(), what="the status bar")
        rule.end()
        await until(lambda: desk.book() == "live" and "lag" not in desk.pill(), what="a live book")

    lab(story)


def test_t12_a_flood_skips_trades_and_says_how_many_and_no_order_event_is_lost(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        tape, canvas = desk.exchange.tape(PAIR), desk.window.tape.canvas
        await until(lambda: canvas.shown, what="trades on screen")
        public = desk.proxy.socket("public")
        # The window is not painted while the flood passes, as on a computer that is too busy.
        desk.window.frames.stop()
        total = tape.total
        for number in range(TRADES):
            await public.deliver(trade(number))
        async with elsewhere(twin_line) as other:
            filled = await other.order("BTC_USDT", "BUY", type="MARKET", amount="20")
            resting = await other.order("BTC_USDT", "BUY", type="LIMIT", price="50000", quantity="0.001")
            await until(lambda: tape.total - total >= TRADES, 30, "all trades read")
            desk.window.frames.start()
            await until(lambda: "trades skipped" in canvas.waiting_words(), what="the count")
            skipped = int(canvas.waiting_words().split(" trades skipped")[0].split()[-1].replace(",", ""))
            assert TRADES - 10_000 <= skipped <= tape.total - total - 10_000 + 5, "as many as the tape cannot keep"
            assert len(tape) == 10_000 and len(canvas.feed.rows) <= 10_000, "memory is bounded"
            orders = desk.exchange.orders
            await until(lambda: orders.get(filled) is not None and orders.get(resting) is not None, what="both orders")
            assert orders.get(resting).state is OrderState.OPEN  # type: ignore[union-attr]
            await until(lambda: any(filled in text for text in column(desk.window.fills, "Order id")), what="the fill")
            await other.delete(f"/orders/{resting}")
            await until(lambda: orders.get(resting).state is OrderState.CANCELED, what="the cancel")  # type: ignore[union-attr]

    lab(story)


def test_t12_after_three_seconds_of_standing_still_everything_goes_on(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        feed = desk.exchange.feeds[PAIR]
        async with elsewhere(twin_line) as other:
            resting = await other.order("BTC_USDT", "BUY", type="LIMIT", price="50000", quantity="0.001")
            await until(lambda: desk.exchange.orders.get(resting) is not None, what="the order")
            handshakes = len(desk.proxy.handshakes)
            pending = asyncio.create_task(other.delete(f"/orders/{resting}"))
            await asyncio.sleep(0)
            time.sleep(3)
            await pending
            order = desk.exchange.orders.get(resting)
            assert order is not None
            await until(lambda: order.state is OrderState.CANCELED, what="the event of the meantime")
        await desk.live()
        assert feed.gaps == 0 and len(desk.proxy.handshakes) == handshakes, "no connection was given up"

    lab(story)
