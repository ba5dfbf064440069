"""What all market panels share: names, the ring of the keyboard, badges, size, and clean changes of market."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.core.clock import ManualClock
from app.ui import theme
from app.ui.panels.candle_chart import CandlePanel
from app.ui.panels.depth_chart import DepthPanel
from app.ui.panels.ladder import LadderPanel
from app.ui.panels.painted_panel import MarketPanel
from app.ui.panels.trade_tape import TapePanel
from tests.ui.fakes import FakeMarket, has_colour


@pytest.fixture(params=[LadderPanel, DepthPanel, TapePanel, CandlePanel], ids=lambda kind: kind.__name__)
def any_panel(request, qtbot, market: FakeMarket, clock: ManualClock) -> MarketPanel:
    panel = request.param(clock)
    qtbot.addWidget(panel)
    panel.resize(600, 400)
    panel.set_market(market)
    panel.show()
    return panel


def test_everything_that_takes_the_focus_has_a_name(any_panel: MarketPanel) -> None:
    controls = [any_panel, *any_panel.findChildren(QWidget)]
    reachable = [one for one in controls if one.focusPolicy() is not Qt.FocusPolicy.NoFocus and one.isVisible()]
    assert len(reachable) >= 2
    assert all(one.accessibleName() for one in reachable)


def test_the_ring_shows_where_the_keyboard_is(qtbot, any_panel: MarketPanel) -> None:
    ring = theme.current().focus
    with qtbot.waitActive(any_panel):
        any_panel.activateWindow()
    any_panel.body.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not has_colour(any_panel.grab().toImage(), ring)
    any_panel.body.clearFocus()
    any_panel.body.setFocus(Qt.FocusReason.TabFocusReason)
    assert has_colour(any_panel.grab().toImage(), ring)


def test_paper_money_is_marked(qtbot, any_panel: MarketPanel, market: FakeMarket) -> None:
    paper = theme.current().paper
    assert any_panel.header.paper.words == ""
    market.is_paper = True
    any_panel.set_market(market)
    assert any_panel.header.paper.words == "PAPER"
    qtbot.waitUntil(lambda: any_panel.header.paper.width() > 30)
    assert any_panel.header.paper.isVisible()
    assert has_colour(any_panel.header.paper.grab().toImage(), theme.mix(paper, theme.current().panel, 0.13))


def test_the_header_is_one_row_and_the_panel_fits_a_small_screen(any_panel: MarketPanel) -> None:
    assert 26 <= any_panel.header.height() <= 29
    assert any_panel.minimumSizeHint().width() <= 400
    assert any_panel.minimumSizeHint().height() <= 200


def test_a_hostile_pair_name_cannot_play_tricks(any_panel: MarketPanel, market: FakeMarket) -> None:
    market._pair = "BTC\u202e-<b>USD</b>\x00" + "X" * 500
    any_panel.set_market(market)
    any_panel.grab()
    assert "\u202e" not in any_panel.accessibleName()
    assert len(any_panel.accessibleName()) <= 200


def test_switching_markets_under_load_leaves_nothing_of_the_old_one(any_panel: MarketPanel) -> None:
    for seed in range(3):
        any_panel.set_market(FakeMarket(levels=20, trades=20, bars=20, seed=seed))
        any_panel.refresh()
        any_panel.set_market(None)
        any_panel.grab()
    assert any_panel.accessibleName().endswith("no market")
    assert any_panel.header.freshness.words == ""
