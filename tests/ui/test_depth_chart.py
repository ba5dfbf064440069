"""The depth chart adds up the book exactly, keeps still, and says where its knowledge ends."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt

from app.core.clock import ManualClock
from app.core.freshness import Freshness
from app.core.types import Side
from app.ui import theme
from app.ui.panels.depth_chart import DepthPanel
from app.ui.panels.painted_depth_curve import Held, curve, reach, steps
from tests.ui.fakes import FakeMarket, has_colour, has_green

BIDS = [("100", "1"), ("99", "2"), ("98", "3"), ("90", "4")]
ASKS = [("102", "1"), ("103", "2"), ("104", "3"), ("112", "4")]


@pytest.fixture
def small(market: FakeMarket) -> FakeMarket:
    market.snapshot(BIDS, ASKS)
    return market


@pytest.fixture
def depth(qtbot, small: FakeMarket, clock: ManualClock) -> DepthPanel:
    panel = DepthPanel(clock)
    qtbot.addWidget(panel)
    panel.resize(800, 400)
    panel.set_market(small)
    panel.show()
    return panel


def at(panel: DepthPanel, price: float) -> QPoint:
    return QPoint(round(panel.chart.x_pixel(price)), 200)


# The arithmetic.


def test_a_curve_cumulates_from_the_best_price_up_to_the_limit() -> None:
    bids, asks = curve(BIDS, 95, buy=True), curve(ASKS, 200, buy=False)
    assert list(bids.prices) == [100, 99, 98] and list(bids.totals) == [1, 3, 6]
    assert not bids.ends
    assert list(asks.totals) == [1, 3, 6, 10]
    assert asks.ends


def test_the_steps_touch_the_floor_at_the_best_price_and_where_the_book_ends() -> None:
    x, y = steps(np.array([10.0, 20.0, 30.0]), np.array([90.0, 80.0, 70.0]), None, 100.0)
    assert list(zip(x, y, strict=True)) == [(10, 100), (10, 90), (20, 90), (20, 80), (30, 80), (30, 70), (30, 100)]
    x, y = steps(np.array([10.0]), np.array([90.0]), 99.0, 100.0)
    assert list(zip(x, y, strict=True)) == [(10, 100), (10, 90), (99, 90), (99, 100)]


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 9)), min_size=1, max_size=300))
def test_however_many_levels_there_are_a_pixel_column_has_one_corner_and_no_size_is_lost(raw) -> None:
    xs = np.sort(np.array([x for x, _ in raw]))
    ys = np.cumsum(np.array([size for _, size in raw]))
    x, y = steps(xs, ys, None, 0.0)
    assert len(x) <= 2 * 51 + 1
    assert y.max() == ys[-1]


levels = st.lists(
    st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=40, unique_by=lambda level: level[0]
)


@given(levels)
def test_the_average_fill_lies_between_the_best_and_the_last_price(raw) -> None:
    asks = sorted(
        ((f"{Decimal(p) / 100}", f"{Decimal(s) / 1000}") for p, s in raw), key=lambda level: Decimal(level[0])
    )
    found = reach(asks, len(asks), Decimal("0.01"))
    assert found is not None
    assert found.base == sum(Decimal(size) for _, size in asks)
    assert found.quote == sum(Decimal(size) * Decimal(price) for price, size in asks)
    tolerance = Decimal("1e-20") * found.average
    assert Decimal(asks[0][0]) - tolerance <= found.average <= Decimal(asks[-1][0]) + tolerance


def test_the_cost_of_walking_the_book() -> None:
    found = reach(ASKS, 2, Decimal(101))
    assert found is not None
    assert (found.price, found.base, found.quote) == ("103", Decimal(3), Decimal(308))
    assert round(found.average, 4) == Decimal("102.6667")
    assert round(found.slippage * 10_000, 1) == Decimal("65.4")
    assert round(found.distance, 4) == Decimal("0.0198")


def test_the_scale_holds_its_top_for_two_seconds() -> None:
    held = Held()
    assert held.add(0, 10.0) == 10
    assert held.add(1_900_000_000, 4.0) == 10
    assert held.add(2_100_000_000, 5.0) == 5
    assert held.add(2_200_000_000, 7.0) == 7


# On screen.


def test_the_crosshair_tells_both_sides_at_the_same_distance(qtbot, depth: DepthPanel) -> None:
    depth.set_range(0.10)
    qtbot.mouseMove(depth.chart.viewport(), at(depth, 98.5))
    depth.chart.hover = at(depth, 98.5)
    found = depth.chart.reaches()
    assert found is not None
    side, bids, asks = found
    assert side is Side.BUY
    assert bids is not None and (bids.price, bids.base) == ("99", Decimal(3))
    assert asks is not None and (asks.price, asks.base) == ("103", Decimal(3))
    rows = {label: (left, right) for label, left, right in depth.chart.figures(bids, asks)}
    assert rows["From mid"] == ("−1.980%", "+1.980%")
    assert rows["Size BTC"] == ("3.0000", "3.0000")
    assert rows["Value USDT"] == ("298.00", "308.00")
    assert rows["Slippage"] == ("66.67 bps", "65.36 bps")


def test_a_click_gives_the_price_of_the_level_under_the_crosshair(qtbot, depth: DepthPanel) -> None:
    depth.set_range(0.10)
    with qtbot.waitSignal(depth.price_clicked, timeout=500) as clicked:
        qtbot.mouseClick(depth.chart.viewport(), Qt.MouseButton.LeftButton, pos=at(depth, 103.05))
    assert clicked.args == ["103"]


def test_keys_walk_the_levels_and_enter_uses_the_price(qtbot, depth: DepthPanel) -> None:
    depth.set_range(0.10)
    for _ in range(2):
        qtbot.keyClick(depth.chart, Qt.Key.Key_Right)
    with qtbot.waitSignal(depth.price_clicked, timeout=500) as clicked:
        qtbot.keyClick(depth.chart, Qt.Key.Key_Return)
    assert clicked.args == ["103"]
    for _ in range(3):
        qtbot.keyClick(depth.chart, Qt.Key.Key_Left)
    assert depth.chart.price_at_crosshair() == "99"


def test_the_range_is_a_share_of_the_mid_to_each_side(qtbot, depth: DepthPanel) -> None:
    depth.set_range(0.05)
    low, high = depth.chart.box.viewRange()[0]
    assert (low, high) == (pytest.approx(101 * 0.95), pytest.approx(101 * 1.05))
    qtbot.keyClick(depth.chart, Qt.Key.Key_Plus)
    assert depth.chart.span == pytest.approx(0.04)
    qtbot.keyClick(depth.chart, Qt.Key.Key_C)
    low, high = depth.chart.box.viewRange()[0]
    assert low < 90 and high > 112


def test_a_whole_book_is_not_fitted_to_its_far_ends(qtbot, market: FakeMarket, clock: ManualClock) -> None:
    bids = [(str(10_000 - step), "1") for step in range(1, 300)]
    asks = [(str(10_000 + step), "1") for step in range(1, 300)]
    market.snapshot([("10000.5", "1"), *bids, ("0.01", "5")], [("10000.6", "1"), *asks, ("90000", "5")])
    panel = DepthPanel(clock)
    qtbot.addWidget(panel)
    panel.resize(800, 400)
    panel.set_market(market)
    panel.show()
    low, high = panel.chart.box.viewRange()[0]
    assert 9_400 < low < 9_520 and 10_480 < high < 10_600


def test_a_logarithmic_scale_lifts_small_sizes(depth: DepthPanel) -> None:
    linear = float(depth.chart.y_pixel(1.0))
    depth.set_log(True)
    assert float(depth.chart.y_pixel(1.0)) < linear


def test_the_end_of_the_known_book_is_inside_only_when_it_is_seen(depth: DepthPanel) -> None:
    depth.set_range(0.10)
    assert not depth.chart.bid_curve.ends or depth.chart.bid_curve.prices[-1] == 90
    depth.set_range(0.50)
    assert depth.chart.bid_curve.ends and depth.chart.ask_curve.ends
    depth.set_range(0.02)
    assert not depth.chart.bid_curve.ends


def test_doubtful_depth_has_no_colour_of_a_live_price(depth: DepthPanel, small: FakeMarket) -> None:
    look = theme.current()
    assert has_colour(depth.chart.grab().toImage(), look.buy)
    small.fresh = Freshness("stale", "STALE 7 s", 7.0)
    depth.refresh()
    picture = depth.chart.grab().toImage()
    assert not has_green(picture)
    assert not has_colour(picture, look.sell)


def test_one_empty_side_and_no_market_are_survived(depth: DepthPanel, small: FakeMarket) -> None:
    small.snapshot([], ASKS)
    depth.refresh()
    depth.grab()
    assert depth.chart.words().startswith("no bids, 10 in asks")
    depth.set_market(None)
    depth.grab()
    assert depth.chart.words() == "no depth yet"


def test_own_orders_are_drawn_in_the_colour_of_their_side(depth: DepthPanel, small: FakeMarket) -> None:
    small.snapshot(BIDS, [])
    depth.refresh()
    assert not has_colour(depth.chart.grab().toImage(), theme.current().sell)
    small.own(Side.SELL, "104", "0.5")
    depth.refresh()
    assert has_colour(depth.chart.grab().toImage(), theme.current().sell)


def test_it_is_named_for_a_screen_reader(depth: DepthPanel) -> None:
    assert depth.chart.accessibleName() == "Depth BTC-USDT on poloniex"
    assert depth.chart.accessibleDescription().startswith("10 in bids, 10 in asks")
