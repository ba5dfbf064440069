"""Past orders and fills on the screen: at the start without a click, further back on one, each counted once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.frames import FrameKind
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.past import HistoryState
from app.core.types import OrderType
from app.twin_process import TwinLine, TwinProcess
from app.workspace import account_key
from tests.lab.desk import Desk, Play, column
from tests.until import until


async def trade_and_cancel(desk: Desk) -> tuple[InFlightOrder, InFlightOrder]:
    """One order filled, one cancelled."""
    exchange = desk.exchange
    asks = exchange.order_books[desk.pair].asks
    filled = exchange.orders.get(exchange.buy(desk.pair, Decimal("0.02"), OrderType.LIMIT, Decimal(asks[4][0])))
    mid = exchange.order_books[desk.pair].mid
    assert mid is not None and filled is not None
    rests = exchange.orders.get(exchange.buy(desk.pair, Decimal("0.01"), OrderType.LIMIT, mid * Decimal("0.97")))
    assert rests is not None
    await until(lambda: filled.state is OrderState.FILLED and not filled.fills_missing, what="the fill")
    await until(lambda: rests.state is OrderState.OPEN, what="the resting order")
    await exchange.cancel(rests.key)
    await until(lambda: rests.state is OrderState.CANCELED, what="the cancel")
    return filled, rests


@pytest.mark.parametrize("name", ["poloniex", "okx", "htx"])
def test_a_new_desk_shows_the_past_with_its_messages(play: Play, tmp_path: Path, name: str) -> None:
    async def story() -> None:
        twin = TwinProcess(name, seed=5)
        line = twin.read_line()
        first = Desk(tmp_path / "first")
        (tmp_path / "first").mkdir()
        (tmp_path / "second").mkdir()
        await first.open(line)
        filled, rests = await trade_and_cancel(first)
        await first.close()
        second = Desk(tmp_path / "second")
        await second.open(line)
        window, log = second.window, second.workspace.log
        try:
            await until(lambda: second.exchange.history.state is HistoryState.LOADED, 30, "the past")  # type: ignore[union-attr]
            await until(lambda: len(column(window.history, "State")) == 2, what="two done orders")
            await until(lambda: len(column(window.fills, "Price")) == len(filled.fills), what="every execution")
            assert sorted(column(window.history, "State")) == ["Cancelled", "Filled"]
            shown = {line.order.exchange_order_id: line for line in window.history.model.shown}
            assert set(shown) == {filled.exchange_order_id, rests.exchange_order_id}
            total = sum(line.fill.amount for line in window.fills.model.shown if line.fill is not None)
            assert total == filled.filled == Decimal("0.02")
            for row in [*window.history.model.shown, *window.fills.model.shown]:
                number = window.history._message_of(row) if row in window.history.model.shown else row.fill.frame  # type: ignore[union-attr]
                frame = log.get(number)
                assert frame is not None and frame.kind is FrameKind.REST
                assert row.order.exchange_order_id.encode() in frame.payload
            for table in (window.history, window.fills):
                cell = next(at for at, shape in enumerate(table.model.columns) if shape.title == "Message")
                told = [table.model.cell(row, cell).badges for row in table.model.shown]  # type: ignore[arg-type]
                assert [[badge.text for badge in badges] for badges in told] == [["REST"]] * len(told)
            foot = window.history.past.words.whole
            assert foot.startswith("2 orders of the last 2 days" if name == "htx" else "2 orders since 20")
        finally:
            await second.close()
            twin.stop()

    play(story())


def test_what_the_journal_knows_is_not_doubled_and_leads_to_messages_of_this_session(
    play: Play, tmp_path: Path
) -> None:
    """Poloniex numbers the same execution differently on its stream and over REST."""

    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        line = twin.read_line()
        first = Desk(tmp_path)
        await first.open(line)
        filled, _ = await trade_and_cancel(first)
        told = sorted((fill.price, fill.amount) for fill in filled.fills)
        await first.close()
        again = Desk(tmp_path)
        await again.open(line)
        try:
            await until(lambda: again.exchange.history.state is HistoryState.LOADED, 30, "the past")  # type: ignore[union-attr]
            order = again.exchange.orders.get(filled.key)
            assert order is not None and order.filled == Decimal("0.02")
            assert sorted((fill.price, fill.amount) for fill in order.fills) == told
            await until(lambda: len(column(again.window.fills, "Price")) == len(told), what="each execution once")
            for fill in order.fills:
                frame = again.workspace.log.get(fill.frame)
                assert frame is not None and fill.trade_id.encode() in frame.payload
            assert [row.order.key for row in again.window.history.model.shown if not row.order.frame] == []
            entries = await again.workspace.store.entries(_account(line))  # type: ignore[union-attr]
            before = len(entries)
            again.exchange.history.load_older()  # type: ignore[union-attr]
            await until(lambda: again.exchange.history.since_ms and again.exchange.history.state is HistoryState.LOADED)  # type: ignore[union-attr]
            assert again.workspace.store is not None
            await again.workspace.store.flush()
            assert len(await again.workspace.store.entries(_account(line))) == before, "nothing new is written down"
        finally:
            await again.close()
            twin.stop()

    play(story())


def _account(line: TwinLine) -> str:
    return account_key("poloniex", line.domain(), line.credentials())


def test_load_older_goes_back_as_far_as_the_exchange_keeps(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        twin = TwinProcess("okx", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            past, foot = desk.exchange.history, desk.window.history.past
            assert past is not None
            await until(lambda: past.state is HistoryState.LOADED, 30, "the first week")
            for days in (30, 90):
                await until(
                    lambda days=days: foot.older.text() == f"Load {days} days", what=f"the wish for {days} days"
                )  # type: ignore[misc]
                since = past.since_ms
                desk.window.docks.bring_up("history")
                QTest.mouseClick(foot.older, Qt.MouseButton.LeftButton)
                assert (foot.older.text(), foot.older.isEnabled()) == ("Loading…", False)
                await until(lambda since=since: past.since_ms < since and past.state is HistoryState.LOADED, 30)  # type: ignore[misc]
            await until(lambda: not foot.older.isVisibleTo(foot), what="nothing more to load")
            assert foot.words.whole == "all loaded: 0 orders of the 90 days the exchange keeps"
            asked = [frame.path for frame in desk.workspace.log.newest_first() if "archive" in (frame.path or "")]
            assert asked, "the archive was asked"
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_a_refusal_is_told_and_can_be_tried_again(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        desk = Desk(tmp_path)
        monkeypatch.setattr("app.connectors.account_history._BETWEEN_TRIES_S", 0.02)
        await desk.open(twin.read_line())
        try:
            past, foot = desk.exchange.history, desk.window.fills.past
            assert past is not None
            await until(lambda: past.state is HistoryState.LOADED, 30, "the first week")
            await until(lambda: foot.older.text() == "Load 30 days", what="the button")
            known = past.since_ms
            twin.stop()
            desk.window.docks.bring_up("fills")
            QTest.mouseClick(foot.older, Qt.MouseButton.LeftButton)
            await until(lambda: past.state is HistoryState.REFUSED, 30, "the refusal")
            await until(lambda: foot.older.text() == "Try again" and foot.older.isEnabled(), what="another try")
            assert foot.words.whole.startswith("older fills not loaded: ") and "known since 20" in foot.words.whole
            assert past.reason and past.since_ms == known
        finally:
            await desk.close()

    play(story())


def test_no_question_about_the_past_goes_out_before_the_first_book(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            await until(lambda: desk.exchange.history.state is HistoryState.LOADED, 30)  # type: ignore[union-attr]
            frames = list(desk.workspace.log.newest_first())
            history = min(frame.seq for frame in frames if (frame.path or "").startswith("/orders/history"))
            book = min(frame.seq for frame in frames if b'"action":"snapshot"' in frame.payload)
            assert book < history
            assert column(desk.window.history, "State") == []
            foot = desk.window.history.past.words
            await until(lambda: foot.whole.startswith("0 orders since 20"), what="the foot")
        finally:
            await desk.close()
            twin.stop()

    play(story())
