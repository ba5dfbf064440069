"""The window on a real twin, worked with mouse and keyboard: what a trader clicks, and what he then sees."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.order_state import OrderState
from app.core.types import Side
from app.twin_process import TwinProcess
from tests.lab.desk import PAIR, Desk, Play, column
from tests.until import until


@pytest.fixture
def twin() -> Iterator[TwinProcess]:
    process = TwinProcess("poloniex", seed=5)
    yield process
    process.stop()


def test_click_submit_confirm_see_open_then_cancel(play: Play, twin: TwinProcess, tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            price = await desk.click_price(Side.BUY, 4)
            assert Decimal(desk.window.entry.price.edit.text().replace(",", "")) == Decimal(price)
            order = await desk.submit("0.01")
            await until(lambda: column(desk.window.open_orders, "State")[:1] == ["Open"], what="an open row")
            assert order.state is OrderState.OPEN and order.terms.price == Decimal(price)
            assert [own.price for own in desk.window.ladder.view.own_orders()] == [Decimal(price)]
            desk.window.open_orders.table.selectAll()
            QTest.keyClick(desk.window.open_orders.table, Qt.Key.Key_Delete)
            await until(lambda: order.state is OrderState.CANCELED, what="the cancel")
            await until(lambda: column(desk.window.history, "State")[:1] == ["Cancelled"], what="a history row")
            await until(lambda: column(desk.window.open_orders, "State") == [], what="an empty list")
        finally:
            await desk.close()

    play(story())


def test_a_fill_is_seen_in_balance_fills_and_inspector(play: Play, twin: TwinProcess, tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            before = desk.exchange.account.balances["BTC"].total
            await desk.click_price(Side.SELL, 3)
            order = await desk.submit("0.02")
            await until(lambda: order.state is OrderState.FILLED and not order.fills_missing, what="the fill")
            bought = sum(fill.amount - (fill.fee or 0) for fill in order.fills)
            await until(lambda: desk.exchange.account.balances["BTC"].total == before + bought, what="the balance")
            await until(lambda: len(column(desk.window.fills, "Price")) == len(order.fills), what="the fill rows")
            fill = order.fills[0]
            desk.window.fills.frame_requested.emit(fill.frame)
            inspector = desk.window.inspector
            await until(lambda: inspector.isVisible())
            frame = desk.workspace.log.get(fill.frame)
            assert frame is not None and fill.trade_id.encode() in frame.payload
            await until(lambda: f"{fill.frame:,}" in [row.number for row in inspector.visible_rows()])
        finally:
            await desk.close()

    play(story())


def test_a_killed_twin_greys_the_books_and_its_return_needs_no_click(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        first = TwinProcess("poloniex", seed=5)
        line = first.read_line()
        desk = Desk(tmp_path)
        await desk.open(line)
        window, exchange = desk.window, desk.exchange
        second: TwinProcess | None = None
        try:
            os.kill(first.pid, signal.SIGKILL)
            await until(lambda: not window.ladder.trusted, within_s=2.0, what="a grey book")
            for panel in window.market_panels:
                await until(lambda panel=panel: not panel.trusted, within_s=2.0)  # type: ignore[misc]
            assert exchange.order_books[PAIR].stale and window.ladder.fresh.state == "stale"
            assert exchange.account_freshness().state != "live"
            await until(lambda: "line-through" in window.top._last.styleSheet(), within_s=2.0)
            second = TwinProcess("poloniex", seed=5, port=urlsplit(line.rest).port or 0)
            second.read_line()
            await until(lambda: window.ladder.trusted and exchange.ready, within_s=40.0, what="the recovery")
            assert not exchange.order_books[PAIR].stale
            await until(lambda: "line-through" not in window.top._last.styleSheet(), what="a price that is live again")
        finally:
            await desk.close()
            for twin in (first, second):
                if twin is not None:
                    twin.stop()

    play(story())


def test_closed_panels_come_back_and_the_layout_is_remembered(play: Play, twin: TwinProcess, tmp_path: Path) -> None:
    async def story() -> None:
        line = twin.read_line()
        desk = Desk(tmp_path)
        await desk.open(line)
        actions = {action.text(): action for action in desk.window.docks.toggle_actions()}
        actions["Depth"].trigger()
        assert not desk.window.depth.isVisible()
        actions["Depth"].trigger()
        assert desk.window.depth.isVisible()
        actions["Trades"].trigger()
        QTest.mouseClick(desk.window.ladder._coarser, Qt.MouseButton.LeftButton)
        factor = desk.window.ladder.factor
        assert factor > 1
        await desk.close()
        again = Desk(tmp_path)
        await again.open(line)
        try:
            await until(lambda: not again.window.docks["tape"].isVisible(), what="the closed panel to stay closed")
            assert again.window.depth.isVisible()
            assert again.window.ladder.factor == factor, "the price step of this market"
        finally:
            await again.close()

    play(story())


def test_a_toast_stays_before_a_panel_that_is_raised(play: Play, twin: TwinProcess, tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        window = desk.window
        try:
            desk.workspace.notices.error("desk", "stays until it is closed")
            await until(lambda: "stays until it is closed" in window.toasts.texts())

            def on_top() -> bool:
                found = window.childAt(window.toasts.geometry().center())
                return found is not None and window.toasts.isAncestorOf(found)

            assert on_top()
            for name in ("candles", "grid", "orders", "fills", "balances", "entry", "events"):
                window.docks[name].show()
                window.docks[name].raise_()
                await until(on_top, what=f"the toast before {name}")
            window.docks["balances"].setFloating(True)
            window.docks["balances"].setFloating(False)
            window.docks["balances"].raise_()
            await until(on_top, what="the toast before a panel that was detached")
        finally:
            await desk.close()

    play(story())


def test_every_focusable_widget_of_the_window_has_a_name(play: Play, twin: TwinProcess, tmp_path: Path) -> None:
    from PySide6.QtWidgets import QAbstractScrollArea, QHeaderView, QScrollBar, QWidget

    async def story() -> None:
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            nameless = [
                f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}"
                for widget in desk.window.findChildren(QWidget)
                if widget.isVisible()
                and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
                and not isinstance(widget, QScrollBar | QHeaderView)
                and not (isinstance(widget.parentWidget(), QAbstractScrollArea) and not widget.accessibleName())
                and not widget.accessibleName()
            ]
            assert nameless == []
        finally:
            await desk.close()

    play(story())
