"""The open orders panel as its user sees it: rows, states, sorting, filters, and cancels with their receipts."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QMenu, QWidget

from app.core.cancellation import CancelOutcome
from app.core.types import OrderType, Side, VenueState
from app.ui.panels.open_orders import OpenOrders
from tests.ui.fake_desk import FakeDesk


@pytest.fixture
def panel(qtbot, desk: FakeDesk) -> OpenOrders:
    panel = OpenOrders(desk, desk.clock)
    panel.resize(1366, 220)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def column(panel: OpenOrders, title: str) -> int:
    return [shape.title for shape in panel.model.columns].index(title)


def texts(panel: OpenOrders, title: str) -> list[str]:
    """What the column shows, from top to bottom."""
    at = column(panel, title)
    return [panel.model.index(row, at).data() for row in range(panel.model.rowCount())]


def spoken(panel: OpenOrders, row: int, title: str) -> str:
    return panel.model.index(row, column(panel, title)).data(Qt.ItemDataRole.AccessibleTextRole)


def click_cell(qtbot, panel: OpenOrders, row: int, title: str) -> None:
    rect = panel.table.visualRect(panel.model.index(row, column(panel, title)))
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())


def click_header(qtbot, panel: OpenOrders, title: str) -> None:
    header = panel.table.horizontalHeader()
    at = header.sectionViewportPosition(column(panel, title)) + 20
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(at, 10))


def choose(menu: QMenu, start: str) -> None:
    next(action for action in menu.actions() if action.text().startswith(start)).trigger()


def test_a_row_shows_terms_fill_state_and_message(panel, exchange):
    order = exchange.order("BTC-USDT", Side.BUY, "66000", "0.1")
    fill = exchange.fill(order, "66000", "0.04")
    panel.refresh()
    assert texts(panel, "Market") == ["BTC-USDT"]
    assert texts(panel, "Price") == ["66,000.0"]
    assert texts(panel, "Filled") == ["0.0400"]
    assert texts(panel, "Remaining") == ["0.0600"]
    assert texts(panel, "Average") == ["66,000.000"]
    assert texts(panel, "State") == ["Part filled 0.04 of 0.1"]
    assert texts(panel, "Message") == [f"#{fill.frame}"]
    assert "PAPER" in spoken(panel, 0, "Account")
    assert panel.header.title.text() == "Open orders  1"


def test_an_order_without_an_answer_may_be_live(panel, exchange):
    order = exchange.order("BTC-USDT", state=None)
    panel.refresh()
    assert texts(panel, "State") == ["Sending"]
    exchange.lose_answer(order)
    panel.refresh()
    cell = panel.model.cell(panel.model.shown[0], column(panel, "State"))
    assert cell.text.startswith("May be live. Checking, proof by ") and cell.tone == "warning"
    assert "never sent again" in cell.tip


def test_flags_are_badges(panel, exchange):
    order = exchange.order("BTC-USDT", external=True)
    order.mark_lost(exchange.now_ms)
    exchange.orders.touch(order)
    panel.refresh()
    assert spoken(panel, 0, "Flags") == "Flags EXTERNAL LOST"
    assert texts(panel, "State") == ["Exchange does not know it"]


def test_an_average_that_would_be_wrong_is_not_shown(panel, exchange):
    order = exchange.order("BTC-USDT", Side.SELL, "67000", "1", filled="0.8")
    exchange.fill(order, "67000", "0.5")
    panel.refresh()
    assert texts(panel, "Average") == ["incomplete"]


def test_numbers_sort_as_numbers(qtbot, panel, exchange):
    for price in ("9", "10", "100", "1000.5"):
        exchange.order("ETH-USDT", Side.BUY, price, "1")
    exchange.order("ETH-USDT", Side.BUY, None, "1", type=OrderType.MARKET)
    panel.refresh()
    click_header(qtbot, panel, "Price")
    up = texts(panel, "Price")
    click_header(qtbot, panel, "Price")
    down = texts(panel, "Price")
    assert {tuple(up), tuple(down)} == {
        ("9.00", "10.00", "100.00", "1,000.50", "market"),
        ("1,000.50", "100.00", "10.00", "9.00", "market"),
    }


def test_rows_change_in_place_and_keep_selection_and_scroll(panel, exchange, desk):
    orders = []
    for number in range(40):
        desk.clock.advance(1)
        orders.append(exchange.order("ETH-USDT", Side.BUY, f"{3000 + number}", "1"))
    panel.refresh()
    panel.table.select_only(20)
    panel.table.verticalScrollBar().setValue(200)
    chosen = panel.table.selected_rows()[0].order
    exchange.report(orders[39], state=VenueState.CANCELED)
    exchange.report(orders[0], state=VenueState.CANCELED)
    desk.clock.advance(1)
    exchange.order("ETH-USDT", Side.SELL, "5000", "1")
    panel.refresh()
    assert [line.order for line in panel.table.selected_rows()] == [chosen]
    assert panel.table.verticalScrollBar().value() == 200
    assert panel.model.rowCount() == 39


def test_filters_by_text_side_and_market(qtbot, panel, exchange):
    exchange.order("BTC-USDT", Side.BUY, "60000", "0.1")
    exchange.order("BTC-USDT", Side.SELL, "70000", "0.1")
    exchange.order("ETH-USDT", Side.SELL, "3600", "1")
    panel.set_market("poloniex", "BTC-USDT")
    panel.refresh()
    qtbot.keyClicks(panel.search, "eth")
    assert texts(panel, "Market") == ["ETH-USDT"]
    assert panel.header.title.text() == "Open orders  1 of 3"
    panel.search.clear()
    panel.side_filter.setCurrentText("Sells only")
    assert sorted(texts(panel, "Market")) == ["BTC-USDT", "ETH-USDT"]
    qtbot.mouseClick(panel.this_market, Qt.MouseButton.LeftButton)
    assert texts(panel, "Price") == ["70,000.0"]
    qtbot.keyClicks(panel.search, "nothing like it")
    assert panel.empty.words.text() == "No open order matches the filter."
    qtbot.mouseClick(panel.empty.button, Qt.MouseButton.LeftButton)
    assert panel.model.rowCount() == 3


def test_totals_of_the_selected_rows(panel, exchange):
    exchange.order("BTC-USDT", Side.BUY, "60000", "0.1")
    exchange.order("BTC-USDT", Side.BUY, "50000", "0.2", filled="0.1")
    exchange.order("ETH-USDT", Side.SELL, "3600", "1")
    panel.refresh()
    panel.table.selectAll()
    assert panel.footer.whole == ("3 selected  ·  Buy 0.2 BTC = 11,000.00 USDT  ·  Sell 1 ETH = 3,600.00 USDT")


def test_the_button_in_the_row_cancels_that_order_only(qtbot, panel, exchange, desk):
    first = exchange.order("BTC-USDT", Side.BUY, "60000", "0.1")
    desk.clock.advance(1)
    exchange.order("BTC-USDT", Side.BUY, "61000", "0.1")
    panel.refresh()
    click_cell(qtbot, panel, 1, "")
    assert exchange.cancel_asked == [first.key]
    assert texts(panel, "Price") == ["61,000.0"]
    assert panel.receipt is None


def test_delete_cancels_what_is_selected(qtbot, panel, exchange):
    orders = [exchange.order("ETH-USDT", Side.BUY, f"{3000 + number}", "1") for number in range(3)]
    panel.refresh()
    panel.table.select_only(0)
    qtbot.keyClick(panel.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    chosen = {line.order.key for line in panel.table.selected_rows()}
    assert len(chosen) == 2
    qtbot.keyClick(panel.table, Qt.Key.Key_Delete)
    assert set(exchange.cancel_asked) == chosen
    assert panel.model.rowCount() == 1
    assert len([order for order in orders if not order.is_done]) == 1
    assert panel.receipt.summary.text() == "2 asked  ·  2 cancelled"
    panel.receipt.done_button.click()
    assert panel.receipt is None


def test_cancel_this_market_leaves_other_markets_alone(qtbot, panel, exchange):
    exchange.order("BTC-USDT")
    exchange.order("ETH-USDT")
    panel.set_market("poloniex", "BTC-USDT")
    panel.refresh()
    qtbot.mouseClick(panel.cancel_market, Qt.MouseButton.LeftButton)
    assert texts(panel, "Market") == ["ETH-USDT"]


def test_cancel_by_side(panel, exchange):
    exchange.order("BTC-USDT", Side.BUY)
    exchange.order("BTC-USDT", Side.SELL)
    panel.refresh()
    choose(panel.cancel_side.menu(), "Cancel all buys")
    assert texts(panel, "Side") == ["Sell"]


def test_where_it_is_narrow_buttons_go_into_a_menu(qtbot, panel, exchange):
    exchange.order("BTC-USDT")
    exchange.order("ETH-USDT")
    panel.set_market("poloniex", "BTC-USDT")
    panel.refresh()
    buttons = (panel.kill_switch, panel.cancel_side, panel.cancel_market, panel.cancel_chosen)
    assert all(button.isVisible() for button in buttons) and not panel.header.overflow.isVisible()
    panel.resize(panel.header.minimumSizeHint().width(), 220)
    qtbot.waitUntil(panel.header.overflow.isVisible)
    assert not any(button.isVisible() for button in buttons)
    assert panel.cancel_all.visibleRegion().boundingRect() == panel.cancel_all.rect()
    menu = panel.header.overflow.menu()
    menu.aboutToShow.emit()
    offered = [(action.text(), action.isEnabled()) for action in menu.actions()]
    assert offered == [
        ("Kill switch…", True), ("By side", True), ("Cancel BTC-USDT", True), ("Cancel selected", False),
    ]  # fmt: skip
    choose(menu, "Cancel BTC-USDT")
    assert texts(panel, "Market") == ["ETH-USDT"]
    panel.resize(panel.width() + panel.cancel_chosen.sizeHint().width() + 8, 220)
    qtbot.waitUntil(panel.cancel_chosen.isVisible)
    assert not panel.cancel_market.isVisible()
    panel.resize(1366, 220)
    qtbot.waitUntil(lambda: all(button.isVisible() for button in buttons) and not panel.header.overflow.isVisible())


def test_cancel_all_tells_what_is_left_over_and_retries_only_that(qtbot, panel, exchange, desk):
    other = desk.add("okx", "OKX", paper=False)
    other.market("BTC-USDT")
    orders = [exchange.order("BTC-USDT", Side.BUY, f"{60000 + number}", "0.1") for number in range(3)]
    orders.append(other.order("BTC-USDT", Side.SELL, "70000", "1"))
    exchange.cancel_outcomes = {
        orders[0].key: (CancelOutcome.REFUSED, "order is <b>locked</b>"),
        orders[1].key: (CancelOutcome.UNKNOWN, "no answer within 5 s"),
    }
    panel.refresh()
    qtbot.mouseClick(panel.cancel_all, Qt.MouseButton.LeftButton)
    receipt = panel.receipt
    assert receipt.verdict.text() == "2 of 4 may still be open"
    assert receipt.summary.text() == "4 asked  ·  2 cancelled  ·  1 refused  ·  1 unknown, may still be open"
    outcomes = [receipt.model.index(row, 3).data() for row in range(4)]
    assert outcomes == ["Refused", "Unknown, may still be open", "Cancelled", "Cancelled"]
    assert receipt.model.cell(receipt.model.shown[0], 3).tone == "error"
    assert receipt.model.index(0, 5).data() == "order is <b>locked</b>"
    assert receipt.retry.text() == "Retry 2"

    exchange.cancel_asked.clear()
    exchange.cancel_outcomes = {}
    qtbot.mouseClick(receipt.retry, Qt.MouseButton.LeftButton)
    assert exchange.cancel_asked == [orders[0].key, orders[1].key]
    assert receipt.summary.text() == "2 asked  ·  2 cancelled"
    assert not receipt.retry.isVisible()
    assert panel.model.rowCount() == 0


def test_a_leftover_that_closes_later_is_none(panel, exchange):
    order = exchange.order("BTC-USDT")
    exchange.order("ETH-USDT")
    exchange.cancel_outcomes = {order.key: (CancelOutcome.UNKNOWN, "no answer")}
    panel.refresh()
    panel.cancel_everything()
    assert panel.receipt.retry.text() == "Retry 1"
    exchange.report(order, state=VenueState.FILLED, filled="1")
    panel.refresh()
    assert not panel.receipt.retry.isVisible()
    assert panel.receipt.model.index(0, 3).data() in ("Unknown, may still be open; now closed", "Cancelled")


def test_the_receipt_shows_progress_and_a_crash_of_one_account_is_unknown(panel, exchange, desk):
    other = desk.add("okx", "OKX")
    other.market("BTC-USDT")
    other.order("BTC-USDT")
    exchange.order("BTC-USDT")
    exchange.hold_cancels = True

    async def broken(**_scope):
        raise RuntimeError("connection lost")

    other.cancel_all = broken
    panel.refresh()
    panel.cancel_everything()
    assert panel.receipt.verdict.text() == "Cancel all…"
    assert "waiting for Poloniex" in panel.receipt.summary.text()
    assert not panel.receipt.retry.isEnabled()
    desk.release()
    assert panel.receipt.summary.text() == "2 asked  ·  1 cancelled  ·  1 unknown, may still be open"
    assert panel.receipt.retry.isEnabled()
    assert [notice.text for notice in desk.notices.items] == ["connection lost"]


def test_a_single_cancel_that_fails_opens_a_receipt(qtbot, panel, exchange):
    order = exchange.order("BTC-USDT")
    exchange.cancel_outcomes = {order.key: (CancelOutcome.FILLED_FIRST, "")}
    panel.refresh()
    click_cell(qtbot, panel, 0, "")
    assert panel.receipt.summary.text() == "1 asked  ·  1 filled before the cancel"


def test_the_context_menu_leads_to_message_life_form_and_ids(qtbot, panel, exchange):
    order = exchange.order("BTC-USDT", Side.BUY, "66000", "0.1")
    exchange.fill(order, "66000", "0.04")
    panel.refresh()
    line = panel.model.shown[0]
    menu = panel.menu_for(line)
    with qtbot.waitSignal(panel.frame_requested) as asked:
        choose(menu, "Show the message")
    assert asked.args == [order.frame]
    with qtbot.waitSignal(panel.form_requested) as form:
        choose(menu, "Fill the form")
    assert (form.args[0], form.args[1].price) == ("poloniex", Decimal("66000"))
    choose(menu, "Copy our order id")
    assert QGuiApplication.clipboard().text() == order.client_order_id
    choose(menu, "Order life")
    life = panel.lives[0]
    states = [life.history.index(row, 2).data() for row in range(life.history.rowCount())]
    assert states == ["INTENT", "SUBMITTING", "OPEN", "PARTIALLY_FILLED"]
    assert life.fills.index(0, 1).data() == "66,000.0"


def test_the_life_dialog_follows_its_order_and_leads_to_messages(qtbot, panel, exchange):
    order = exchange.order("BTC-USDT", Side.BUY, "66000", "0.1")
    panel.refresh()
    panel.show_life(panel.model.shown[0])
    life = panel.lives[0]
    assert life.state.text() == "Open"
    exchange.report(order, state=VenueState.CANCELED)
    panel.refresh()
    assert life.state.text() == "Cancelled"
    life.history_view.select_only(2)
    with qtbot.waitSignal(panel.frame_requested) as asked:
        qtbot.keyClick(life.history_view, Qt.Key.Key_Return)
    assert asked.args == [order.history[2].frame]
    assert order.client_order_id in life.life_text()
    life.accept()
    assert panel.lives == []


def test_copied_rows_hold_exact_numbers(qtbot, panel, exchange):
    exchange.order("BTC-USDT", Side.BUY, "66000", "0.1")
    panel.refresh()
    panel.table.select_only(0)
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    header, row = (line.split("\t") for line in QGuiApplication.clipboard().text().split("\n"))
    assert row[header.index("Price")] == "66000"


def test_ages_grow_without_any_report(panel, exchange, desk):
    exchange.order("BTC-USDT")
    panel.refresh()
    desk.clock.advance(61)
    panel.refresh()
    assert texts(panel, "Age") == ["1 min"]


def test_empty_states_say_what_is_missing(qtbot, desk, exchange, panel):
    panel.refresh()
    assert panel.empty.words.text() == "No open orders on any account."
    with qtbot.waitSignal(panel.entry_requested):
        qtbot.mouseClick(panel.empty.button, Qt.MouseButton.LeftButton)
    bare = FakeDesk()
    signed_out = OpenOrders(bare, bare.clock)
    qtbot.addWidget(signed_out)
    signed_out.show()
    assert signed_out.empty.words.text().startswith("Not signed in")
    with qtbot.waitSignal(signed_out.account_requested):
        qtbot.mouseClick(signed_out.empty.button, Qt.MouseButton.LeftButton)


def test_every_control_has_a_name_and_fits_a_small_screen(panel, exchange):
    exchange.order("BTC-USDT")
    panel.refresh()
    unnamed = [
        widget
        for widget in panel.findChildren(QWidget)
        if widget.isVisible()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
        and widget.objectName() != "qt_scrollarea_viewport"
    ]
    assert unnamed == []
    assert panel.minimumSizeHint().width() <= 1000
    assert panel.minimumSizeHint().height() <= 170


def test_a_thousand_orders_stay_fast(panel, exchange):
    orders = [exchange.order("ETH-USDT", Side.BUY, f"{3000 + number % 500}", "1") for number in range(1000)]
    panel.refresh()
    spent = []
    for order in orders[:50]:
        exchange.fill(order, "3000", "0.1")
        start = time.process_time()
        panel.refresh()
        spent.append(time.process_time() - start)
    start = time.process_time()
    for _ in range(1000):
        panel.refresh()
    idle = (time.process_time() - start) / 1000
    assert sorted(spent)[len(spent) // 2] < 0.030
    assert idle < 0.001
