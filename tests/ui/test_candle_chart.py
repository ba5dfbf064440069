"""The chart shows each bar once, follows the newest unless scrolled away, and redraws only what changed."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication

from app.core.clock import ManualClock
from app.core.freshness import Freshness
from app.core.market import CandleSeries
from app.core.types import Candle, Side
from app.ui import theme
from app.ui.format import Display
from app.ui.panels.axis_ticks import linear_ticks, log_ticks, time_ticks
from app.ui.panels.candle_chart import CandlePanel
from app.ui.panels.painted_candle_bars import CLOSE, Bars, Scale, body_width, boxes
from app.ui.panels.painted_candle_marks import apart
from tests.ui.fakes import START_MS, FakeMarket, has_colour, has_green


@pytest.fixture
def chart(qtbot, market: FakeMarket, clock: ManualClock) -> CandlePanel:
    panel = CandlePanel(clock)
    qtbot.addWidget(panel)
    panel.resize(900, 420)
    panel.set_market(market)
    panel.show()
    return panel


def bar(minute: int, close: str = "10", high: str = "12", low: str = "8", volume: str = "1") -> Candle:
    return Candle(
        pair="A-B", interval="1m", start_ms=minute * 60_000, open="10", high=high, low=low, close=close, volume=volume
    )


def view(panel: CandlePanel) -> tuple[float, float]:
    left, right = panel.chart.box.viewRange()[0]
    return left, right


# Bars.


def test_bars_follow_the_series_through_ticks_new_bars_and_late_history() -> None:
    series, bars = CandleSeries("A-B", "1m"), Bars()
    series.add(bar(5, "10"))
    series.add(bar(6, "11"))
    bars.take(series)
    closed = bars.closed_version
    series.add(bar(6, "9"))
    assert bars.take(series)
    assert (bars.table[-1, CLOSE], bars.closed_version) == (9, closed)
    series.add(bar(7))
    bars.take(series)
    assert len(bars) == 3 and bars.closed_version > closed
    series.backfill([bar(4)])
    bars.take(series)
    assert list(bars.xs()) == [0, 1, 2, 3]
    assert not bars.take(series)


def test_a_minute_without_trades_leaves_a_gap() -> None:
    series, bars = CandleSeries("A-B", "1m"), Bars()
    for minute in (1, 2, 3, 7):
        series.add(bar(minute))
    bars.take(series)
    assert list(bars.xs()) == [0, 1, 2, 6]
    assert bars.nearest(5.5) == 3 and bars.nearest(2.4) == 2


def test_wick_body_and_volume_of_a_bar() -> None:
    table = np.array([[0.0, 10, 12, 8, 11, 5], [0.0, 11, 12, 8, 10, 0]])
    drawn = boxes(table, np.array([0.0, 1.0]), Scale(5, 10, 100, 5, 200, 4))
    assert drawn.up == [(5, 40, 1, 21), (2, 45, 7, 6)]
    assert drawn.down == [(15, 40, 1, 21), (12, 45, 7, 6)]
    assert drawn.volume_up == [(2, 180, 7, 20)]
    assert drawn.volume_down == [(12, 200, 7, 0)]


@given(st.floats(0.01, 400))
def test_bodies_are_odd_and_leave_room_between_bars(per_bar: float) -> None:
    wide = body_width(per_bar)
    assert wide == 1 or wide % 2 == 1
    assert wide <= max(1, per_bar)


# Axes.


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 20))
def test_round_values_lie_inside_evenly_spaced_and_few(low: float, span: float, most: int) -> None:
    ticks = linear_ticks(low, low + span, most)
    assert len(ticks) <= most + 1
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    if len(ticks) > 2:
        assert np.allclose(np.diff(ticks), ticks[1] - ticks[0], rtol=1e-3)


def test_logarithmic_values() -> None:
    assert log_ticks(0.5, 1200, 20) == [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    assert log_ticks(0.5, 1200, 4) == [1, 10, 100, 1000]


def test_times_are_round_in_the_zone_they_are_shown_in() -> None:
    day = 1_795_046_400_000  # 2026-11-19 00:00 UTC
    utc = time_ticks(day - 3_600_000, day + 3_600_000, 8, UTC)
    assert [text for _, text in utc] == [
        "23:00",
        "23:15",
        "23:30",
        "23:45",
        "19 Nov",
        "00:15",
        "00:30",
        "00:45",
        "01:00",
    ]
    india = timezone(timedelta(hours=5, minutes=30))
    assert [text for _, text in time_ticks(day, day + 4 * 3_600_000, 4, india)] == ["06:00", "07:00", "08:00", "09:00"]


# On screen.


def test_it_follows_the_newest_bar_until_scrolled_away(qtbot, chart: CandlePanel, market: FakeMarket) -> None:
    bars = chart.chart.bars
    assert view(chart)[1] > bars.xs()[-1]
    chart.chart.pan(-50)
    before = view(chart)
    assert not chart.chart.follow
    last = market.candles("1m").candles[-1]
    market.candles("1m").add(
        Candle(
            pair=last.pair,
            interval="1m",
            start_ms=last.start_ms + 60_000,
            open="1",
            high="2",
            low="1",
            close="2",
            volume="1",
        )
    )
    chart.refresh()
    assert view(chart) == before
    qtbot.keyClick(chart.chart, Qt.Key.Key_End)
    assert view(chart)[1] > bars.xs()[-1]


def test_prices_in_view_fill_the_height(chart: CandlePanel) -> None:
    chart.chart.pan(-100)
    left, right = view(chart)
    first, end = chart.chart.bars.between(left, right)
    highest = max(float(bar.high) for bar in chart.chart.bars.candles[first:end])
    lowest = min(float(bar.low) for bar in chart.chart.bars.candles[first:end])
    low, high = chart.chart.box.viewRange()[1]
    assert low < lowest and highest < high
    assert (highest - lowest) > 0.5 * (high - low)


def test_a_price_change_keeps_the_picture_of_the_closed_bars(chart: CandlePanel, market: FakeMarket) -> None:
    chart.grab()
    picture, close = chart.chart._picture, market.candles("1m").candles[-1].close
    market.tick_bar(close=close)
    chart.refresh()
    chart.grab()
    assert chart.chart._picture is picture
    before = chart.grab().toImage()
    chart.chart.pan(-20)
    assert chart.grab().toImage() != before
    assert chart.chart._picture is not picture


def test_the_crosshair_reads_open_high_low_close_and_volume(qtbot, chart: CandlePanel, market: FakeMarket) -> None:
    qtbot.keyClick(chart.chart, Qt.Key.Key_Left)
    qtbot.keyClick(chart.chart, Qt.Key.Key_Left)
    chosen = market.candles("1m").candles[-2]
    read = dict(chart.chart.reading(chart.chart.bar_at()))
    assert read["O"] == f"{float(chosen.open):,.1f}"
    assert read["C"] == f"{float(chosen.close):,.1f}"
    qtbot.keyClick(chart.chart, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().split("\t")[1:] == [
        chosen.open, chosen.high, chosen.low, chosen.close, chosen.volume,
    ]  # fmt: skip


def test_the_mouse_reads_the_bar_below_it(chart: CandlePanel) -> None:
    at = len(chart.chart.bars) - 30
    x = round(chart.chart.x_pixel(chart.chart.bars.xs()[at]))
    chart.chart.hover = chart.chart.hover_point(QPointF(x, 50))
    assert chart.chart.bar_at() == at


def test_the_wheel_zooms_and_dragging_scrolls(qtbot, chart: CandlePanel) -> None:
    before = view(chart)
    qtbot.keyClick(chart.chart, Qt.Key.Key_Plus)
    assert view(chart)[1] - view(chart)[0] == pytest.approx(0.8 * (before[1] - before[0]))
    right = view(chart)[1]
    target = chart.chart.viewport()
    qtbot.mousePress(target, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    qtbot.mouseMove(target, QPoint(450, 100))
    qtbot.mouseRelease(target, Qt.MouseButton.LeftButton, pos=QPoint(450, 100))
    assert view(chart)[1] < right


def test_intervals_of_the_exchange_are_buttons_and_the_choice_is_kept(chart: CandlePanel, market: FakeMarket) -> None:
    assert list(chart._buttons) == ["1m", "5m", "1h", "1d"]
    chart._buttons["1h"].click()
    assert chart.interval == "1h"
    assert chart.chart.bars.step_ms == 3_600_000
    chart.set_market(FakeMarket(seed=9))
    assert chart.interval == "1h"


def test_an_interval_the_exchange_lacks_falls_back(chart: CandlePanel) -> None:
    chart.set_interval("3m")
    assert chart.interval == "1m"
    chart.set_interval("1D")
    assert chart.interval == "1d"


def test_own_orders_are_lines_and_own_fills_are_arrows(chart: CandlePanel, market: FakeMarket) -> None:
    bare = chart.chart.grab().toImage()
    last = market.candles("1m").candles[-1]
    market.own(Side.SELL, last.close, "0.5")
    chart.refresh()
    with_order = chart.chart.grab().toImage()
    assert with_order != bare
    market.fill(Side.BUY, market.candles("1m").candles[-20].close, "0.1", START_MS - 20 * 60_000)
    chart.refresh()
    assert chart.chart.grab().toImage() != with_order


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([100.0, 105.0, 300.0, 90.0], [83.0, 119.0, 300.0, 65.0]),
        ([101.0, 101.0, 101.0], [47.0, 65.0, 83.0]),
        ([10.0, 200.0], [10.0, 200.0]),
        ([], []),
    ],
)
def test_tags_of_own_orders_cover_neither_each_other_nor_the_last_price(
    wanted: list[float], placed: list[float]
) -> None:
    assert apart(wanted, kept=101.0, high=18.0) == placed


def test_doubtful_bars_have_no_colour_of_a_side(chart: CandlePanel, market: FakeMarket) -> None:
    look = theme.current()
    assert has_colour(chart.chart.grab().toImage(), look.buy)
    market.fresh = Freshness("stale", "STALE 7 s", 7.0)
    chart.refresh()
    picture = chart.chart.grab().toImage()
    assert not has_green(picture)
    assert not has_colour(picture, look.sell)


def test_the_time_zone_can_be_switched(chart: CandlePanel) -> None:
    chart.set_display(Display(zone=timezone(timedelta(hours=9), "JST")))
    assert chart._zone.text() == "JST"
    chart._zone.click()
    assert chart._zone.text() == "UTC"


def test_without_bars_or_market_it_says_what_is_missing(qtbot, clock: ManualClock) -> None:
    panel = CandlePanel(clock)
    qtbot.addWidget(panel)
    panel.set_market(FakeMarket(bars=0))
    panel.grab()
    assert panel.chart.words() == "no bars yet"
    panel.set_market(None)
    panel.grab()
    assert panel.accessibleName() == "Chart, no market"


def test_tiny_prices_are_drawn(qtbot, clock: ManualClock) -> None:
    panel = CandlePanel(clock)
    qtbot.addWidget(panel)
    market = FakeMarket(levels=10, trades=5, bars=30, tick="0.000000001", mid="0.0000123")
    panel.set_market(market)
    panel.resize(600, 300)
    panel.grab()
    assert panel.chart.price_text("0.000000123") == "0.0₆123"


def test_a_screen_reader_hears_the_newest_bar(chart: CandlePanel) -> None:
    assert chart.chart.accessibleName() == "Chart BTC-USDT on poloniex"
    assert "newest bar 2026-11-18" in chart.chart.accessibleDescription()
