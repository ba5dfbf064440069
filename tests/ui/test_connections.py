"""The connections panel: state in words, figures, books with their proof, history, limits, and a careful reconnect."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.core.clock import NS_PER_S
from app.core.links import LinkState, LinkStatus
from app.core.order_book import OrderBook
from app.core.types import Integrity
from app.ui import theme
from app.ui.market_view import Freshness
from app.ui.models.connections_figures import Health, RateMeter, offset_words, state_words, worst
from app.ui.panels.connections import Connections
from tests.ui.fake_desk import FakeDesk, FakeExchange, FakeFeed


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def exchange(desk) -> FakeExchange:
    exchange = desk.add("poloniex", "Poloniex")
    link = exchange.links[0]
    link.epoch, link.messages, link.bytes, link.unknown = 3, 1_000, 500_000, 2
    link.round_trip_ms, link.lag_ms = 24.2, 31.8
    link.last_recv_ns = desk.clock.mono_ns()
    exchange.links.append(LinkStatus("poloniex/private"))
    return exchange


@pytest.fixture
def panel(qtbot, desk, exchange) -> Connections:
    widget = Connections(desk, clock=desk.clock)
    qtbot.addWidget(widget)
    widget.resize(1366, 300)
    widget.show()
    return widget


def texts(panel: Connections, row: int = 0) -> dict[str, str]:
    model = panel.link_model
    return {
        model.headerData(column, Qt.Orientation.Horizontal): model.rows[row].texts[column]
        for column in range(model.columnCount())
    }


def test_a_link_is_told_in_words_and_figures(desk, exchange, panel):
    link = exchange.links[0]
    desk.clock.advance(1)
    link.messages += 1_834
    link.bytes += 402_000
    link.last_recv_ns = desk.clock.mono_ns() - 120_000_000
    panel.refresh()
    assert texts(panel) == {
        "Connection": "poloniex/public",
        "State": "LIVE",
        "Age": "120 ms",
        "Msg/s": "1,834",
        "Bytes/s": "402.0 kB",
        "Round trip": "24 ms",
        "Lag": "32 ms",
        "Reconnects": "2",
        "Unknown": "2",
        "Reason": "",
    }
    assert texts(panel, 1)["State"] == "OFF"
    assert texts(panel, 1)["Age"] == "–"


@pytest.mark.parametrize(
    ("state", "words", "health"),
    [
        (LinkState.LIVE, "LIVE", Health.GOOD),
        (LinkState.AGING, "AGING 3 s", Health.DOUBTFUL),
        (LinkState.STALE, "STALE 3 s", Health.BAD),
        (LinkState.RECONNECT, "RECONNECT in 7 s (4)", Health.BAD),
        (LinkState.AUTH, "AUTH", Health.WAITING),
        (LinkState.CONNECTING, "CONNECTING", Health.WAITING),
        (LinkState.REFUSED, "REFUSED", Health.BAD),
        (LinkState.OFF, "OFF", Health.WAITING),
    ],
)
def test_every_state_has_its_word_its_shape_and_its_colour(state, words, health):
    link = LinkStatus("poloniex/public")
    link.state, link.attempts = state, 4
    now = 100 * NS_PER_S
    link.last_recv_ns = now - 3 * NS_PER_S
    link.next_attempt_ns = now + 6 * NS_PER_S + 1
    assert state_words(link, now) == words
    assert worst([LinkStatus("other"), link]) == max(health, Health.WAITING)


def test_the_state_is_shown_by_icon_and_colour_too(exchange, panel, desk):
    link = exchange.links[0]
    link.note(desk.clock.wall_ns(), LinkState.REFUSED, "Authentication failed!")
    panel.refresh(now=True)
    index = panel.link_model.index(0, 1)
    assert panel.link_model.data(index, Qt.ItemDataRole.ForegroundRole) == theme.current().error
    assert not panel.link_model.data(index, Qt.ItemDataRole.DecorationRole).isNull()
    assert texts(panel)["Reason"] == "Authentication failed!"
    assert panel.summary.text() == "2 open  ·  1 with trouble"


def test_books_name_what_proves_them(desk, exchange, panel):
    exchange.order_books["BTC-USDT"] = OrderBook("BTC-USDT", Integrity.PREVIOUS_ID)
    exchange.order_books["ETH-USDT"] = OrderBook("ETH-USDT", Integrity.NONE)
    recent = desk.clock.mono_ns() - 2 * NS_PER_S
    exchange.feeds["BTC-USDT"] = FakeFeed(
        "BTC-USDT", gaps=1, resyncs=2, crossed=3, messages=48_211, last_recv_ns=recent
    )
    exchange.feeds["ETH-USDT"] = FakeFeed("ETH-USDT")
    exchange.stale["BTC-USDT"] = Freshness("stale", "STALE 7 s", 7.0)
    panel.refresh(now=True)
    rows = [row.texts for row in panel.book_model.rows]
    assert rows[0] == (
        "poloniex BTC-USDT",
        "STALE 7 s",
        "sequence only",
        "1",
        "2",
        "3",
        "48,211",
        "2 s",
        "no snapshot yet",
    )
    assert rows[1][:3] == ("poloniex ETH-USDT", "live", "unverified")
    assert panel.book_model.rows[0].health is Health.BAD


def test_history_says_when_why_and_how_long(desk, exchange, panel):
    link = exchange.links[0]
    desk.clock.advance(60)
    link.note(desk.clock.wall_ns(), LinkState.RECONNECT, "server closed: 1006")
    desk.clock.advance(4)
    link.note(desk.clock.wall_ns(), LinkState.LIVE)
    panel.refresh()
    assert [row.texts for row in panel.history_model.rows] == [
        ("08:54:24.000", "live", "now", ""),
        ("08:54:20.000", "reconnecting", "4 s", "server closed: 1006"),
        ("08:53:20.000", "live", "1 min", ""),
    ]
    assert panel.tabs.tabText(1) == "History of poloniex/public"
    panel.link_table.selectRow(1)
    assert panel.history_model.rows == []


def test_reconnect_now_asks_once_in_ten_seconds(qtbot, desk, exchange, panel):
    button = panel.reconnect
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert exchange.reconnected == ["poloniex/public"]
    assert not button.isEnabled()
    assert button.text() == "Reconnect again in 10 s"
    panel.link_table.selectRow(1)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert exchange.reconnected == ["poloniex/public", "poloniex/private"]
    panel.link_table.selectRow(0)
    desk.clock.advance(9.5)
    panel.refresh()
    assert button.text() == "Reconnect again in 1 s"
    desk.clock.advance(0.5)
    panel.refresh()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert exchange.reconnected[-1] == "poloniex/public"
    assert len(exchange.reconnected) == 3


def test_clock_offset_and_every_budget_have_a_line(exchange, panel):
    exchange.rates = {"public": 0.18, "orders": 0.93}
    exchange.clock_offset_ms, exchange.clock_bound_ms = -640.0, 20.0
    panel.refresh(now=True)
    assert panel.budgets.lines() == ["Poloniex clock −640 ± 20 ms orders 93%", "public 18%"]
    panel.tabs.setCurrentWidget(panel.budgets)
    assert not panel.grab().isNull()


def test_an_unmeasured_clock_is_not_called_exact():
    assert offset_words(None, None) == "–"
    assert offset_words(12.4, 20) == "+12 ± 20 ms"


def test_rates_are_over_the_last_seconds_and_survive_a_reset():
    meter = RateMeter()
    assert meter.take("a", 0, 0).messages == 0
    assert meter.take("a", NS_PER_S, 5_000, 1_000_000).messages == 5_000
    for second in range(2, 8):
        rates = meter.take("a", second * NS_PER_S, 5_000, 1_000_000)
    assert (rates.messages, rates.bytes) == (0, 0)
    assert meter.take("a", 8 * NS_PER_S, 10).messages == 0


def test_selection_and_rows_stay_while_figures_change(desk, exchange, panel):
    panel.link_table.selectRow(1)
    desk.clock.advance(1)
    exchange.links[0].messages += 10
    panel.refresh()
    assert panel.link_table.currentIndex().row() == 1
    assert panel.selected is not None
    assert panel.selected[1].name == "poloniex/private"


def test_without_exchanges_it_says_so(qtbot):
    widget = Connections(FakeDesk())
    qtbot.addWidget(widget)
    widget.show()
    assert "No exchange is open" in widget._stack.currentWidget().text()
    assert not widget.reconnect.isEnabled()


def test_everything_that_takes_focus_has_a_name(panel):
    for child in panel.findChildren(QWidget):
        if child.isVisibleTo(panel) and child.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert child.accessibleName() or child.objectName().startswith("qt_") or child.parent() is panel.tabs, child
