"""The order history panel: how orders ended, why, and back to the order form."""

from __future__ import annotations

from decimal import Decimal

import pytest
from PySide6.QtCore import Qt

from app.core.types import Side, VenueState
from app.ui.panels.order_history import OrderHistory
from tests.ui.fake_desk import FakeDesk, FakeExchange
from tests.ui.hands import column


@pytest.fixture
def panel(qtbot, desk: FakeDesk) -> OrderHistory:
    panel = OrderHistory(desk)
    panel.resize(1366, 220)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def ended(exchange: FakeExchange, desk: FakeDesk) -> None:
    """One of each end, oldest first."""
    exchange.order("BTC-USDT", Side.BUY, "66000", "1", state=VenueState.FILLED, filled="1")
    desk.clock.advance(1)
    exchange.order("BTC-USDT", Side.BUY, "66000", "1", state=VenueState.CANCELED, filled="0.4", reason="by user")
    desk.clock.advance(1)
    exchange.order("BTC-USDT", Side.BUY, "66000", "1", state=VenueState.EXPIRED)
    desk.clock.advance(1)
    refused = exchange.order("ETH-USDT", Side.SELL, "3600", "1", state=None)
    exchange.reject(refused, "Insufficient balance")
    desk.clock.advance(1)
    lost = exchange.order("ETH-USDT", Side.SELL, "3600", "1", state=None)
    lost.mark_ambiguous(exchange.now_ms, "timeout")
    lost.mark_absent(exchange.now_ms, "proved absent at 08:53:24")
    exchange.orders.touch(lost)
    desk.clock.advance(1)
    exchange.order("ETH-USDT", Side.SELL, "3600", "1")


def test_ends_are_told_in_words_newest_first(panel, exchange, desk):
    ended(exchange, desk)
    panel.refresh()
    assert column(panel, "State") == [
        "Not placed: proved absent at 08:53:24",
        "Rejected: Insufficient balance",
        "Expired",
        "0.4 of 1 filled, rest cancelled",
        "Filled, details missing 1",
    ]
    assert column(panel, "Reason")[3] == "by user"
    assert panel.header.title.text() == "Order history  5"


def test_open_orders_join_when_they_end(panel, exchange, desk):
    order = exchange.order("BTC-USDT")
    panel.refresh()
    assert panel.empty.words.text() == "No order has ended yet."
    exchange.report(order, state=VenueState.CANCELED)
    panel.refresh()
    assert column(panel, "State") == ["Cancelled"]


def test_late_evidence_takes_an_order_back(panel, exchange):
    order = exchange.order("BTC-USDT", state=None)
    order.mark_absent(exchange.now_ms, "not found")
    exchange.orders.touch(order)
    panel.refresh()
    assert panel.model.rowCount() == 1
    exchange.report(order, state=VenueState.OPEN)
    panel.refresh()
    assert panel.model.rowCount() == 0


def test_filters_by_end_and_text(qtbot, panel, exchange, desk):
    ended(exchange, desk)
    panel.refresh()
    panel.ends.setCurrentText("Refused")
    assert column(panel, "Market") == ["ETH-USDT", "ETH-USDT"]
    qtbot.keyClicks(panel.search, "insufficient")
    assert panel.model.rowCount() == 1
    panel.ends.setCurrentText("Filled")
    qtbot.mouseClick(panel.empty.button, Qt.MouseButton.LeftButton)
    assert panel.model.rowCount() == 5


def test_totals_of_what_was_filled(panel, exchange, desk):
    order = exchange.order("BTC-USDT", Side.BUY, "66000", "1")
    exchange.fill(order, "66000", "0.25")
    exchange.report(order, state=VenueState.CANCELED)
    panel.refresh()
    panel.table.selectAll()
    assert panel.footer.whole == "1 selected  ·  Buy filled 0.25 BTC = 16,500.00 USDT"


def test_life_and_form(qtbot, panel, exchange, desk):
    ended(exchange, desk)
    panel.refresh()
    panel.table.select_only(4)
    qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert panel.lives[0].state.text() == "Filled, details missing 1"
    panel.lives[0].accept()
    assert panel.lives == []
    menu = panel.menu_for(panel.model.shown[4])
    with qtbot.waitSignal(panel.form_requested) as form:
        next(action for action in menu.actions() if action.text().startswith("Fill the form")).trigger()
    assert form.args[1].price == Decimal(66000)
