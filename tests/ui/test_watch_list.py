"""The watch list: tracked and starred markets of all exchanges, sorted by value, stale ones unmistakable."""

from __future__ import annotations

from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.core.types import MarketStatus
from app.ui import theme
from app.ui.market_view import Freshness
from app.ui.models.markets_table import CHANGE, EXCHANGE, LAST, PAIR, STAR
from app.ui.panels.watch_list import WatchList
from tests.ui.fake_desk import FakeDesk, FakeFeed, small_desk


@pytest.fixture
def desk() -> FakeDesk:
    """Poloniex tracks BTC and ETH; Binance lists SOL and a halted DOT."""
    desk, _ = small_desk()
    desk.exchanges["poloniex"].ticker(
        "BTC-USDT", "67000.1", change=Decimal("0.0124"), quote_volume=Decimal(861_000_000)
    )
    desk.exchanges["poloniex"].ticker("ETH-USDT", "3500.30", change=Decimal("-0.0042"), base_volume=Decimal(100_000))
    binance = desk.add("binance", "Binance", paper=False)
    binance.market("SOL-USDT", tick="0.001")
    binance.market("DOT-USDT", status=MarketStatus.HALTED)
    binance.ticker("SOL-USDT", "150.5", change=Decimal(0), quote_volume=Decimal(900_000_000))
    return desk


@pytest.fixture
def panel(qtbot, desk) -> WatchList:
    widget = WatchList(desk, clock=desk.clock)
    qtbot.addWidget(widget)
    widget.resize(240, 400)
    widget.show()
    return widget


def pairs(panel: WatchList) -> list[str]:
    return [row.pair for row in panel.model.rows]


def click(qtbot, panel: WatchList, row: int, column: int) -> None:
    place = panel.table.visualRect(panel.model.index(row, column)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def colour(panel: WatchList, row: int, column: int):
    return panel.model.data(panel.model.index(row, column), Qt.ItemDataRole.ForegroundRole)


def test_tracked_markets_show_price_and_change_with_the_larger_volume_first(panel):
    assert panel.visible_rows() == [
        ("☆", "BTC-USDT", "Poloniex (paper)", "67,000.1"),
        ("☆", "ETH-USDT", "Poloniex (paper)", "3,500.30"),
    ]
    look = theme.current()
    cell = panel.model.cell(0, EXCHANGE)
    assert (cell.text, cell.spoken, cell.colour) == ("Poloniex", "Poloniex (paper)", look.paper)
    assert panel.model.data(panel.model.index(0, EXCHANGE), Qt.ItemDataRole.ToolTipRole) == "Poloniex (paper)"
    assert (colour(panel, 0, CHANGE), colour(panel, 1, CHANGE)) == (look.buy, look.sell)


def test_a_wide_list_also_shows_exchange_volume_and_status(panel):
    panel.set_starred([("binance", "DOT-USDT")])
    panel.resize(700, 400)
    panel.refresh(now=True)
    assert panel.visible_rows()[0] == ("★", "DOT-USDT  ⊘", "Binance", "–", "–", "–", "halted")
    assert panel.visible_rows()[1] == (
        "☆",
        "BTC-USDT",
        "Poloniex (paper)",
        "67,000.1",
        "+1.24%",
        "861M USDT",
        "",
    )
    assert panel.visible_rows()[2][5] == "350M USDT"


def test_starred_markets_come_first_and_stay(qtbot, panel):
    click(qtbot, panel, 1, STAR)
    assert panel.starred == {("poloniex", "ETH-USDT")}
    assert pairs(panel) == ["ETH-USDT", "BTC-USDT"]
    panel.set_starred([("binance", "SOL-USDT"), ("poloniex", "ETH-USDT")])
    assert pairs(panel) == ["SOL-USDT", "ETH-USDT", "BTC-USDT"]


def test_a_click_opens_the_market_and_a_click_on_the_star_does_not(qtbot, panel):
    opened = []
    panel.market_selected.connect(lambda *market: opened.append(market))
    click(qtbot, panel, 1, PAIR)
    click(qtbot, panel, 1, STAR)
    assert opened == [("poloniex", "ETH-USDT")]


def test_the_keyboard_opens_stars_copies_and_takes_off(qtbot, desk, panel):
    exchange = desk.exchanges["poloniex"]
    exchange.watched.append("ETH-USDT")
    panel.set_current("poloniex", "BTC-USDT")
    table = panel.table
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.market_selected) as opened:
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert opened.args == ["poloniex", "ETH-USDT"]
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("ETH-USDT\tPoloniex (paper)\t3,500.30\t−0.42%")
    qtbot.keyClick(table, Qt.Key.Key_S)
    assert panel.starred == {("poloniex", "ETH-USDT")}
    panel.set_current("poloniex", "BTC-USDT")
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert panel.starred == frozenset()
    assert exchange.watched == []


def test_stale_rows_are_grey_slanted_and_say_why(desk, panel):
    desk.exchanges["poloniex"].stale["ETH-USDT"] = Freshness("stale", "STALE 7 s", 7.0)
    panel.refresh(now=True)
    index = panel.model.index(panel.model.row_of(("poloniex", "ETH-USDT")), LAST)
    look = theme.current()
    assert panel.model.data(index, Qt.ItemDataRole.ForegroundRole) == look.stale
    assert colour(panel, index.row(), CHANGE) == look.stale
    assert panel.model.data(index, Qt.ItemDataRole.FontRole).italic()
    assert panel.model.data(index, Qt.ItemDataRole.ToolTipRole) == "stale: STALE 7 s"


def test_an_old_ticker_of_an_untracked_market_is_stale(desk, panel):
    panel.set_starred([("binance", "SOL-USDT")])
    assert not panel.model.rows[0].stale
    desk.clock.advance(180)
    panel.refresh(now=True)
    assert panel.model.rows[0].stale_words == "price is 3 min old"


def test_sorting_is_by_value_and_not_by_text(desk, panel):
    exchange = desk.exchanges["poloniex"]
    for pair, last in (("AAA-USDT", "9"), ("BBB-USDT", "10"), ("CCC-USDT", "100.5")):
        exchange.market(pair)
        exchange.ticker(pair, last)
        exchange.feeds[pair] = FakeFeed(pair)
    panel.refresh(now=True)
    panel.table.sortByColumn(LAST, Qt.SortOrder.AscendingOrder)
    assert pairs(panel) == ["AAA-USDT", "BBB-USDT", "CCC-USDT", "ETH-USDT", "BTC-USDT"]
    panel.table.sortByColumn(LAST, Qt.SortOrder.DescendingOrder)
    assert pairs(panel)[0] == "BTC-USDT"


def test_new_prices_keep_the_selection(desk, panel):
    panel.set_current("poloniex", "ETH-USDT")
    desk.exchanges["poloniex"].ticker("ETH-USDT", "3600", change=Decimal("0.02"))
    panel.refresh(now=True)
    assert panel.table.currentIndex().row() == panel.model.row_of(("poloniex", "ETH-USDT"))
    assert "3,600.00" in panel.visible_rows()[panel.table.currentIndex().row()]


def test_the_column_of_prices_is_as_wide_as_the_longest_price(desk, panel):
    exchange = desk.exchanges["poloniex"]
    before = panel.table.columnWidth(LAST)
    exchange.market("PEPE-BTC", tick="0.000000000000001")
    exchange.ticker("PEPE-BTC", "0.000000001234567")
    exchange.feeds["PEPE-BTC"] = FakeFeed("PEPE-BTC")
    panel.refresh(now=True)
    assert panel.table.columnWidth(LAST) > before


def test_it_looks_at_most_five_times_a_second(desk, panel):
    panel.refresh(now=True)
    desk.exchanges["poloniex"].ticker("BTC-USDT", "1")
    panel.refresh()
    assert panel.visible_rows()[0][3] == "67,000.1"
    desk.clock.advance(0.25)
    panel.refresh()
    assert "1.0" in [row[3] for row in panel.visible_rows()]


def test_an_empty_list_offers_the_search(qtbot):
    widget = WatchList(FakeDesk())
    qtbot.addWidget(widget)
    widget.show()
    with qtbot.waitSignal(widget.search_requested):
        qtbot.mouseClick(widget.find_button, Qt.MouseButton.LeftButton)


def test_everything_that_takes_focus_has_a_name(panel):
    for child in panel.findChildren(QWidget):
        if child.isVisibleTo(panel) and child.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert child.accessibleName() or child.objectName().startswith("qt_"), child
    panel.set_current("poloniex", "BTC-USDT")
    assert panel.table.accessibleDescription() == "BTC-USDT on Poloniex, last 67,000.1, +1.24%"
