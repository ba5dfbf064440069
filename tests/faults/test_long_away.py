"""A desk that was off for days: what the exchange no longer tells is said so, and is the trader's to decide."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.config import Paths
from app.core.journal import EntryKind, JournalEntry
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder, OrderIntent
from app.core.types import OrderType, Side
from app.store.database import Store
from app.twin_process import TwinLine, TwinProcess
from app.ui.dialogs.order_outcome import OrderOutcomeDialog
from app.workspace import account_key
from tests.lab.desk import Desk, Play, click_state, rows, through
from tests.lab.fault_proxy import FaultProxy
from tests.until import until

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def htx_line() -> Iterator[TwinLine]:
    process = TwinProcess("htx", seed=5)
    yield process.read_line()
    process.stop()


def _sent(key: str, ago_ms: int) -> list[JournalEntry]:
    """A buy that was being sent so long ago when the desk went away."""
    at_ms = round(time.time() * 1000) - ago_ms
    terms = OrderIntent(
        client_order_id=key,
        pair="BTC-USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        price=Decimal("21600"),
        amount=Decimal("0.01"),
        created_ms=at_ms,
        proof_ms=at_ms + 60_000,
    )
    return [
        JournalEntry(kind=EntryKind.INTENT, key=key, wall_ms=at_ms, intent=terms),
        JournalEntry(kind=EntryKind.SENT, key=key, wall_ms=at_ms),
    ]


def test_s9_htx_after_three_days_finds_by_number_and_says_what_is_too_old_to_prove(
    play: Play, htx_line: TwinLine, tmp_path: Path
) -> None:
    async def story() -> None:
        proxy = FaultProxy(htx_line.rest)
        await proxy.start()
        before = Desk(tmp_path, proxy)
        await before.open(htx_line)
        try:
            known = await before.place()
            await until(lambda: known.state is OrderState.OPEN, what="an order whose number is known")
        finally:
            await before.close(cancel=False)
        store = Store.open(Paths(tmp_path).journal_file)
        there = through(proxy, htx_line)
        journal = store.journal(account_key("htx", there.domain(), there.credentials()))
        for key, ago_ms in (("old", 3 * DAY_MS), ("yesterday", DAY_MS)):
            for entry in _sent(key, ago_ms):
                await journal.commit(entry)
        await store.close()
        desk = Desk(tmp_path, proxy)
        asked = len(proxy.requests)
        await desk.open(htx_line)
        try:
            orders = desk.exchange.orders
            old, yesterday, kept = orders.get("old"), orders.get("yesterday"), orders.get(known.key)
            assert old is not None and yesterday is not None and kept is not None
            await until(lambda: OrderFlag.TOO_OLD in old.flags, within_s=30, what="the end of all questions")
            await until(lambda: yesterday.state is OrderState.NOT_PLACED, within_s=30, what="a proof by the history")
            assert old.state is OrderState.UNKNOWN and kept.state is OrderState.OPEN
            await until(
                lambda: sorted(desk.states()) == ["May be live, too old to prove: choose…", "Open"], what="the rows"
            )
            said = old.history[-1].what
            assert said == (
                "too old to prove: HTX finds orders by our id for 2 h and lists those that ended for 2 days"
            )
            assert not [one for one in proxy.requests[asked:] if one.method == "POST"], "nothing was sent again"
            await desk.click_price(Side.BUY, 6)
            await until(lambda: "old on BTC-USDT may be live" in desk.gate(), what="a blocked market")
            count = len([one for one in proxy.requests if "getClientOrder" in one.path])
            await asyncio.sleep(3)
            assert len([one for one in proxy.requests if "getClientOrder" in one.path]) == count, "asked no more"
            await _state_that_it_was_not_placed(desk, old)
            assert old.state is OrderState.NOT_PLACED
            await until(lambda: desk.states() == ["Open"], what="the other row alone")
            await until(lambda: "may be live" not in desk.gate(), what="an open market")
            ended = [row["State"] for row in rows(desk.window.history.table)]
            assert any(words.startswith("Not placed: proved absent") for words in ended)
        finally:
            await desk.close()
            await proxy.stop()

    play(story())


async def _state_that_it_was_not_placed(desk: Desk, order: InFlightOrder) -> None:
    click_state(desk.window.open_orders, order)
    await until(lambda: desk.window.findChildren(OrderOutcomeDialog), what="the question")
    dialog = desk.window.findChildren(OrderOutcomeDialog)[0]
    await until(lambda: dialog.again.isEnabled(), what="the exchange's other orders")
    QTest.keyClicks(dialog.typed, "not placed")
    await until(lambda: dialog.none_button.isEnabled(), what="the button")
    QTest.mouseClick(dialog.none_button, Qt.MouseButton.LeftButton)
