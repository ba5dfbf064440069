"""The ladder shows the book exactly, stays put under the mouse, and never shows doubtful prices as live ones."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage

from app.core.clock import ManualClock
from app.core.freshness import Freshness
from app.core.order_book import BookState, OrderBook
from app.core.types import Side
from app.ui import theme
from app.ui.panels.ladder import LadderPanel
from app.ui.panels.painted_ladder import first_difference
from app.ui.panels.painted_ladder_draw import row_tops
from app.ui.panels.painted_ladder_rows import SPREAD, Grouping, Line, plain_lines
from tests.ui.fakes import FakeMarket, has_colour, has_green


@pytest.fixture
def ladder(qtbot, market: FakeMarket, clock: ManualClock) -> LadderPanel:
    panel = LadderPanel(clock)
    qtbot.addWidget(panel)
    panel.resize(340, 600)
    panel.set_market(market)
    panel.show()
    return panel


def shown(panel: LadderPanel, side: Side) -> list[Line]:
    """Lines of one side, best first."""
    lines = [line for line in panel.canvas.picture.lines if line.side is side]
    return lines if side is Side.BUY else lines[::-1]


def prices(panel: LadderPanel) -> list[str]:
    return [line.price for line in panel.canvas.picture.lines]


def y_of(panel: LadderPanel, price: str) -> int:
    at = prices(panel).index(price)
    return row_tops(panel.canvas._ink_now(), panel.canvas.picture)[at] + 5


def hover(qtbot, panel: LadderPanel, price: str) -> QPoint:
    """The mouse comes to rest over that row."""
    where = QPoint(120, y_of(panel, price))
    qtbot.mouseMove(panel.canvas, where)
    panel.canvas._hovered = True
    return where


def image(panel: LadderPanel) -> QImage:
    return panel.canvas.grab().toImage()


# What is shown.


def test_asks_stand_above_the_spread_and_bids_below_best_prices_nearest(
    ladder: LadderPanel, market: FakeMarket
) -> None:
    lines = ladder.canvas.picture.lines
    middle = lines.index(SPREAD)
    assert lines[middle - 1].price == "67000.1"
    assert lines[middle + 1].price == "67000"
    assert [line.price for line in shown(ladder, Side.SELL)] == [p for p, _ in market.order_book.asks[:middle]]


def test_sizes_cumulate_exactly_from_the_best_price(ladder: LadderPanel, market: FakeMarket) -> None:
    market.change(bids=[("67000", "0.1"), ("66999.9", "0.2")])
    ladder.refresh()
    first, second = shown(ladder, Side.BUY)[:2]
    assert (first.amount, first.total) == (Decimal("0.1"), Decimal("0.1"))
    assert (second.amount, second.total) == (Decimal("0.2"), Decimal("0.3"))


def test_the_spread_is_told_in_quote_and_basis_points(ladder: LadderPanel) -> None:
    assert ladder.canvas.words() == "best bid 67,000.0, best ask 67,000.1, spread 0.1, 0.015 bps"


def test_a_crossed_and_a_locked_book_are_named(ladder: LadderPanel, market: FakeMarket) -> None:
    market.change(bids=[("67000.1", "1")])
    ladder.refresh()
    assert "LOCKED" in ladder.canvas.words()
    market.change(bids=[("67000.3", "1")])
    ladder.refresh()
    assert "CROSSED by 0.2" in ladder.canvas.words()


def test_a_level_removed_by_the_exchange_is_gone(ladder: LadderPanel, market: FakeMarket) -> None:
    market.change(bids=[("67000", "0")])
    ladder.refresh()
    assert shown(ladder, Side.BUY)[0].price == "66999.9"


def test_an_empty_side_says_so(ladder: LadderPanel, market: FakeMarket) -> None:
    market.snapshot([], market.order_book.asks)
    ladder.refresh()
    assert ladder.canvas.words().startswith("no bids, best ask 67,000.1")
    assert shown(ladder, Side.BUY) == []


def test_without_a_market_it_says_what_to_do(qtbot, clock: ManualClock) -> None:
    panel = LadderPanel(clock)
    qtbot.addWidget(panel)
    panel.resize(300, 300)
    panel.set_market(None)
    panel.refresh()
    assert panel.accessibleName() == "Order book, no market"
    assert len({image(panel).pixelColor(x, 150).rgb() for x in range(300)}) > 2  # words are painted


def test_own_orders_are_marked_with_what_remains(ladder: LadderPanel, market: FakeMarket) -> None:
    market.own(Side.BUY, "66999.5", "0.25")
    market.own(Side.BUY, "66999.5", "0.5")
    ladder.refresh()
    assert ladder.canvas.picture.own == {(Side.BUY, Decimal("66999.5")): Decimal("0.75")}


def test_scrolling_and_centring(ladder: LadderPanel) -> None:
    before = prices(ladder)
    ladder.canvas.scroll_rows(3)
    assert prices(ladder)[3:] == before[:-3]
    ladder.canvas.centre()
    assert prices(ladder) == before


# Grouping.


@given(
    st.lists(
        st.tuples(st.integers(1, 100_000), st.integers(1, 10_000)), min_size=1, max_size=60, unique_by=lambda t: t[0]
    ),
    st.sampled_from([1, 2, 5, 10, 50]),
    st.sampled_from(list(Side)),
)
def test_grouping_loses_nothing_and_flatters_nobody(raw, factor: int, side: Side) -> None:
    tick = Decimal("0.01")
    levels = sorted(
        ((f"{tick * price:f}", f"{Decimal(size) / 1000:f}") for price, size in raw),
        key=lambda level: Decimal(level[0]),
        reverse=side is Side.BUY,
    )
    lines = Grouping(tick * factor).lines(levels, side, 1000)
    assert sum(line.amount for line in lines) == sum(Decimal(size) for _, size in levels)
    assert lines[-1].total == sum(Decimal(size) for _, size in levels)
    assert len({line.price for line in lines}) == len(lines)
    best = Decimal(levels[0][0])
    for line in lines:
        assert Decimal(line.price) % (tick * factor) == 0
    if side is Side.BUY:
        assert best - tick * factor < Decimal(lines[0].price) <= best
    else:
        assert best <= Decimal(lines[0].price) < best + tick * factor


def test_without_grouping_the_venues_own_spelling_is_kept() -> None:
    book = OrderBook("A-B")
    book._bids.amounts.update({"67000.10": "1.500", "66999.9": "2"})
    assert [line.price for line in plain_lines(book.bids, Side.BUY, 9)] == ["67000.10", "66999.9"]


def test_a_coarser_step_is_remembered_per_market(qtbot, ladder: LadderPanel, market: FakeMarket) -> None:
    qtbot.keyClick(ladder.canvas, Qt.Key.Key_Plus)
    qtbot.keyClick(ladder.canvas, Qt.Key.Key_Plus)
    qtbot.keyClick(ladder.canvas, Qt.Key.Key_Plus)
    assert ladder.factor == 10
    assert [line.price for line in shown(ladder, Side.BUY)[:2]] == ["67000.0", "66999.0"]
    assert shown(ladder, Side.SELL)[0].price == "67001.0"
    assert "best ask 67,000.1" in ladder.canvas.words()  # the touch stays ungrouped
    other = FakeMarket()
    other._pair = "ETH-USDT"
    ladder.set_market(other)
    assert ladder.factor == 1
    ladder.set_market(market)
    assert ladder.factor == 10
    assert ladder.steps == {"poloniex BTC-USDT": 10}
    qtbot.keyClick(ladder.canvas, Qt.Key.Key_Minus)
    assert ladder.factor == 5


def test_a_step_that_does_not_exist_is_refused(ladder: LadderPanel) -> None:
    with pytest.raises(ValueError, match="no such price step: 3 ticks"):
        ladder.set_step(3)


def test_the_other_form_has_a_row_for_every_price(ladder: LadderPanel, market: FakeMarket) -> None:
    market.change(bids=[("66999.8", "0")])
    ladder.set_dom(True)
    rows = [Decimal(price) for price in prices(ladder)]
    assert all(above - below == Decimal("0.1") for above, below in zip(rows, rows[1:], strict=False))
    gone = ladder.canvas.picture.lines[rows.index(Decimal("66999.8"))]
    assert gone.side is None
    assert len(rows) / 3 < rows.index(Decimal("67000")) < 2 * len(rows) / 3


def test_the_other_form_follows_the_price_when_it_leaves_the_middle_third(
    ladder: LadderPanel, market: FakeMarket
) -> None:
    ladder.set_dom(True)
    market.snapshot([("67100.0", "1")], [("67100.1", "1")])
    ladder.refresh()
    assert "67100.0" in prices(ladder)


# Under the mouse.


def test_rows_keep_their_prices_while_the_mouse_is_over_them(qtbot, ladder: LadderPanel, market: FakeMarket) -> None:
    hover(qtbot, ladder, "66999.8")
    before = prices(ladder)
    market.change(bids=[("67000", "0"), ("66999.9", "0"), ("66999.8", "7.5")])
    ladder.refresh()
    assert prices(ladder) == before
    by_price = {line.price: line.amount for line in shown(ladder, Side.BUY)}
    assert by_price["67000"] is None
    assert by_price["66999.8"] == Decimal("7.5")
    ladder.canvas.leaveEvent(None)
    assert shown(ladder, Side.BUY)[0].price == "66999.8"


def test_a_pointer_that_was_there_before_the_book_does_not_keep_it_away(
    ladder: LadderPanel, market: FakeMarket
) -> None:
    levels = market.sides(20)
    market.snapshot([], [])
    ladder.refresh()
    ladder.canvas._hovered = True
    market.snapshot(*levels)
    ladder.refresh()
    assert [line.price for line in shown(ladder, Side.BUY)][0] == levels[0][0][0]
    assert len(shown(ladder, Side.SELL)) > 3


def test_prices_kept_from_view_by_the_mouse_are_counted(qtbot, ladder: LadderPanel, market: FakeMarket) -> None:
    hover(qtbot, ladder, "66999.8")
    market.change(asks=[("67000.05", "1"), ("67000.06", "1")])
    ladder.refresh()
    assert ladder.canvas.picture.held == 2


def test_a_click_gives_the_price_that_was_pressed_even_if_the_book_moved(
    qtbot, ladder: LadderPanel, market: FakeMarket
) -> None:
    where = QPoint(120, y_of(ladder, "66999.8"))
    with qtbot.waitSignal(ladder.price_clicked, timeout=500) as clicked:
        qtbot.mousePress(ladder.canvas, Qt.MouseButton.LeftButton, pos=where)
        market.change(bids=[("67000", "0"), ("66999.9", "0")])
        ladder.refresh()
        qtbot.mouseRelease(ladder.canvas, Qt.MouseButton.LeftButton, pos=where)
    assert clicked.args == ["66999.8"]


def test_a_click_that_ends_on_another_price_is_dropped(qtbot, ladder: LadderPanel) -> None:
    with qtbot.assertNotEmitted(ladder.price_clicked):
        qtbot.mousePress(ladder.canvas, Qt.MouseButton.LeftButton, pos=QPoint(120, y_of(ladder, "66999.8")))
        qtbot.mouseRelease(ladder.canvas, Qt.MouseButton.LeftButton, pos=QPoint(120, y_of(ladder, "66999.7")))


def test_a_click_right_after_the_rows_jumped_is_dropped(qtbot, ladder: LadderPanel, clock: ManualClock) -> None:
    where = QPoint(120, y_of(ladder, "66999.8"))
    ladder.canvas.centre()
    clock.advance(0.3)
    with qtbot.assertNotEmitted(ladder.price_clicked):
        qtbot.mouseClick(ladder.canvas, Qt.MouseButton.LeftButton, pos=where)
    clock.advance(0.3)
    with qtbot.waitSignal(ladder.price_clicked, timeout=500):
        qtbot.mouseClick(ladder.canvas, Qt.MouseButton.LeftButton, pos=where)


def test_a_click_on_the_spread_means_nothing(qtbot, ladder: LadderPanel) -> None:
    with qtbot.assertNotEmitted(ladder.price_clicked):
        qtbot.mouseClick(ladder.canvas, Qt.MouseButton.LeftButton, pos=QPoint(120, y_of(ladder, "spread")))


def test_a_grouped_row_gives_its_own_price(qtbot, ladder: LadderPanel) -> None:
    ladder.set_step(50)
    with qtbot.waitSignal(ladder.price_clicked, timeout=500) as clicked:
        qtbot.mouseClick(ladder.canvas, Qt.MouseButton.LeftButton, pos=QPoint(120, y_of(ladder, "66995.0")))
    assert clicked.args == ["66995.0"]


# Keys and menu.


def test_arrow_keys_select_enter_uses_and_copy_copies(qtbot, ladder: LadderPanel, market: FakeMarket) -> None:
    market.change(bids=[("67000", "0.4"), ("66999.9", "0.5")])
    ladder.refresh()
    qtbot.keyClick(ladder.canvas, Qt.Key.Key_Down)
    qtbot.keyClick(ladder.canvas, Qt.Key.Key_Down)
    with qtbot.waitSignal(ladder.price_clicked, timeout=500) as used:
        qtbot.keyClick(ladder.canvas, Qt.Key.Key_Return)
    assert used.args == ["66999.9"]
    qtbot.keyClick(ladder.canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "bid\t66999.9\t0.5\t0.9"


def test_a_selected_price_stays_selected_when_the_book_moves(qtbot, ladder: LadderPanel, market: FakeMarket) -> None:
    qtbot.keyClick(ladder.canvas, Qt.Key.Key_Down)
    market.change(bids=[("67000.05", "1")])
    ladder.refresh()
    with qtbot.waitSignal(ladder.price_clicked, timeout=500) as used:
        qtbot.keyClick(ladder.canvas, Qt.Key.Key_Return)
    assert used.args == ["67000"]


def test_the_menu_leads_to_the_message_that_set_the_level(qtbot, ladder: LadderPanel, market: FakeMarket) -> None:
    frame = market.change(bids=[("66999.7", "3")])
    ladder.refresh()
    line = next(line for line in shown(ladder, Side.BUY) if line.price == "66999.7")
    menu = ladder.show_menu(QPoint(0, 0), line)
    source = next(action for action in menu.actions() if action.text().startswith("Show the message"))
    with qtbot.waitSignal(ladder.frame_requested, timeout=500) as asked:
        source.trigger()
    menu.close()
    assert asked.args == [frame]


def test_a_row_of_many_levels_has_no_single_message(ladder: LadderPanel) -> None:
    ladder.set_step(10)
    menu = ladder.show_menu(QPoint(0, 0), shown(ladder, Side.BUY)[1])
    source = next(action for action in menu.actions() if action.text().startswith("Show the message"))
    menu.close()
    assert not source.isEnabled()
    assert source.text().endswith("(this row stands for 10 levels)")


# Trust.


@pytest.mark.parametrize("fresh", [Freshness("stale", "STALE 7 s", 7.0), Freshness("resync", "RESYNC", 0.2)])
def test_doubtful_prices_have_no_colour_of_a_live_price(ladder: LadderPanel, market: FakeMarket, fresh) -> None:
    look = theme.current()
    assert has_colour(image(ladder), look.buy) and has_colour(image(ladder), look.sell)
    market.fresh = fresh
    ladder.refresh()
    picture = image(ladder)
    assert not has_green(picture)
    assert not has_colour(picture, look.sell)
    assert ladder.header.freshness.words == fresh.words


def test_a_gap_in_the_book_is_believed_before_a_fresh_stream(ladder: LadderPanel, market: FakeMarket) -> None:
    market.order_book.set_state(BookState.STALE, "gap: at 5, got 7..9")
    ladder.refresh()
    assert ladder.header.freshness.words == "RESYNC"
    assert not ladder.trusted


def test_aging_is_a_yellow_badge_and_nothing_more(ladder: LadderPanel, market: FakeMarket) -> None:
    market.fresh = Freshness("aging", "3 s", 3.0)
    ladder.refresh()
    assert ladder.trusted
    assert has_colour(ladder.header.freshness.grab().toImage(), theme.current().warning)


# Flashes.


def test_only_changed_digits_flash_and_fade(ladder: LadderPanel, market: FakeMarket, clock: ManualClock) -> None:
    market.change(bids=[("67000", "0.1234")])
    ladder.refresh()
    clock.advance(1)
    market.change(bids=[("67000", "0.1299")])
    ladder.refresh()
    first, strength = ladder.canvas.picture.flashes[Side.BUY, "67000"]
    assert (first, strength) == (4, 1.0)
    clock.advance(0.2)
    ladder.refresh()
    assert ladder.canvas.picture.flashes[Side.BUY, "67000"][1] == pytest.approx(0.2)
    clock.advance(0.1)
    ladder.refresh()
    assert ladder.canvas.picture.flashes == {}


def test_a_cell_flashes_at_most_three_times_a_second(
    ladder: LadderPanel, market: FakeMarket, clock: ManualClock
) -> None:
    starts = 0
    for at in range(100):
        clock.advance(0.01)
        market.change(bids=[("67000", f"0.{1000 + at}")])
        ladder.refresh()
        starts += ladder.canvas.picture.flashes.get((Side.BUY, "67000"), (0, 0.0))[1] == 1.0
    assert 2 <= starts <= 3


def test_flashes_can_be_switched_off(qapp, ladder: LadderPanel, market: FakeMarket) -> None:
    theme.apply(qapp, theme.build(flash=False))
    try:
        market.stir()
        ladder.refresh()
        assert ladder.canvas.picture.flashes == {}
    finally:
        theme.apply(qapp, theme.build())


def test_where_two_numbers_begin_to_differ() -> None:
    assert first_difference("0.1234", "0.1299") == 4
    assert first_difference("9.5", "10.5") == 0


# Manners.


def test_nothing_new_means_no_painting(qtbot, ladder: LadderPanel, clock: ManualClock) -> None:
    painted = []
    original = ladder.canvas.paintEvent
    ladder.canvas.paintEvent = lambda event: (painted.append(1), original(event))[1]
    qtbot.wait(20)
    painted.clear()
    for _ in range(10):
        clock.advance(1)
        ladder.refresh()
    qtbot.wait(20)
    assert painted == []


def test_a_screen_reader_is_told_at_most_once_a_second(
    ladder: LadderPanel, market: FakeMarket, clock: ManualClock
) -> None:
    told = []
    for _ in range(50):
        clock.advance(0.1)
        bid = Decimal(market.order_book.best_bid)
        market.change(bids=[(f"{bid + Decimal('0.001')}", "1")])
        ladder.refresh()
        if not told or told[-1] != ladder.canvas.accessibleDescription():
            told.append(ladder.canvas.accessibleDescription())
    assert 5 <= len(told) <= 6
    assert ladder.canvas.accessibleName() == "Order book BTC-USDT on poloniex"


def test_it_fits_a_small_screen(ladder: LadderPanel) -> None:
    hint = ladder.minimumSizeHint()
    assert hint.width() <= 300 and hint.height() <= 260


@pytest.mark.parametrize("scheme", [theme.Scheme.LIGHT, theme.Scheme.DARK])
def test_it_follows_the_theme(qapp, ladder: LadderPanel, scheme) -> None:
    theme.apply(qapp, theme.build(scheme))
    assert has_colour(image(ladder), theme.current().base)
    assert has_colour(image(ladder), theme.current().buy)


def test_decimals_follow_a_trading_rule_that_comes_late(qtbot, clock: ManualClock) -> None:
    market = FakeMarket()
    rule, market.trading_rule = market.trading_rule, None
    panel = LadderPanel(clock)
    qtbot.addWidget(panel)
    panel.set_market(market)
    assert panel.canvas.picture.amount_places == 0
    market.trading_rule = rule
    panel.refresh()
    assert panel.canvas.picture.amount_places == 4
