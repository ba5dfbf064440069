"""The tape shows each trade once, newest on top, and stands still when somebody aims at it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from app.core.clock import ManualClock
from app.core.freshness import Freshness
from app.core.market import TradeTape
from app.core.types import Side, Trade
from app.ui import theme
from app.ui.format import Display
from app.ui.panels.painted_tape_rows import TapeRows, size_choices
from app.ui.panels.trade_tape import TapePanel
from tests.ui.fakes import START_MS, FakeMarket, has_colour, has_green


@pytest.fixture
def tape(qtbot, market: FakeMarket, clock: ManualClock) -> TapePanel:
    panel = TapePanel(clock)
    qtbot.addWidget(panel)
    panel.resize(340, 400)
    panel.set_market(market)
    panel.show()
    return panel


def made(number: int, ms: int = 1000, taker: Side = Side.BUY, amount: str = "1", price: str = "10") -> Trade:
    return Trade(pair="A-B", trade_id=str(number), taker=taker, price=price, amount=amount, exchange_ms=ms)


def row_y(panel: TapePanel, at: int) -> QPoint:
    ink = panel.canvas._ink_now()
    return QPoint(60, ink.head + at * ink.row + 5)


# Rows.


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans(), st.integers(1, 9)), max_size=60), st.integers(1, 7))
def test_joining_loses_no_size_and_taking_in_pieces_changes_nothing(raw, piece: int) -> None:
    tape = TradeTape("A-B")
    stepwise, at_once = TapeRows(), TapeRows()
    stepwise.together = at_once.together = True
    ms = 0
    for number, (gap, buy, size) in enumerate(raw):
        ms += gap // 20
        tape.add(made(number, ms, Side.BUY if buy else Side.SELL, str(size)))
        if number % piece == 0:
            stepwise.pull(tape)
    stepwise.pull(tape)
    at_once.pull(tape)
    assert list(stepwise.rows) == list(at_once.rows)
    assert sum(row.amount for row in at_once.rows) == sum(size for _, _, size in raw)
    assert sum(row.trades for row in at_once.rows) == len(raw)


def test_trades_of_one_millisecond_and_side_become_one_row() -> None:
    tape, rows = TradeTape("A-B"), TapeRows()
    rows.together = True
    for trade in (made(1, 5), made(2, 5, price="11"), made(3, 5, Side.SELL), made(4, 6, Side.SELL)):
        tape.add(trade)
    rows.pull(tape)
    assert [(row.taker, row.price, row.amount, row.trades) for row in rows.rows] == [
        (Side.BUY, "11", Decimal(2), 2),
        (Side.SELL, "10", Decimal(1), 1),
        (Side.SELL, "10", Decimal(1), 1),
    ]


def test_small_trades_that_add_up_within_a_millisecond_pass_the_filter() -> None:
    tape, rows = TradeTape("A-B"), TapeRows()
    rows.together, rows.minimum = True, Decimal(2)
    tape.add(made(1, 5, amount="1.5"))
    rows.pull(tape)
    assert list(rows.rows) == []
    tape.add(made(2, 5, amount="0.5"))
    rows.pull(tape)
    assert [row.amount for row in rows.rows] == [Decimal("2.0")]


def test_older_trades_fetched_later_are_put_below() -> None:
    tape, rows = TradeTape("A-B"), TapeRows()
    tape.add(made(5, 500))
    rows.pull(tape)
    tape.backfill([made(4, 400)])
    assert rows.pull(tape) is None
    assert [row.ms for row in rows.rows] == [400, 500]


def test_sizes_to_filter_by_are_round() -> None:
    choices = size_choices([made(at, amount=f"0.0{at}") for at in range(1, 10)])
    assert choices == [Decimal("0.05"), Decimal("0.5"), Decimal("1"), Decimal("5")]


# On screen.


def test_the_newest_trade_is_on_top(tape: TapePanel, market: FakeMarket) -> None:
    market.trade("67001.5", "0.7", Side.SELL, START_MS + 999_999_123)
    tape.refresh()
    first = tape.canvas.shown[0]
    assert (first.price, first.amount, first.taker) == ("67001.5", Decimal("0.7"), Side.SELL)
    assert tape.canvas.words().startswith("last trade 0.7 sold at 67,001.5")


def test_a_filter_leaves_out_small_trades_and_says_so_when_nothing_is_left(tape: TapePanel, market: FakeMarket) -> None:
    tape.set_minimum(Decimal("0.5"))
    assert tape.canvas.shown
    assert all(row.amount >= Decimal("0.5") for row in tape.canvas.shown)
    tape.set_minimum(Decimal(1000))
    assert tape.canvas.shown == []
    tape.grab()


def test_paused_rows_stand_still_and_what_came_is_counted(qtbot, tape: TapePanel, market: FakeMarket) -> None:
    before = list(tape.canvas.shown)
    qtbot.keyClick(tape.canvas, Qt.Key.Key_Space)
    for _ in range(12):
        market.trade()
    tape.refresh()
    assert tape.canvas.shown == before
    assert tape.canvas.waiting_words() == "Paused  ·  12 new"
    qtbot.keyClick(tape.canvas, Qt.Key.Key_Space)
    assert tape.canvas.shown[12:] == before[:-12]
    assert tape.canvas.waiting_words() == ""


def test_rows_stand_still_while_the_mouse_moves_over_them(
    qtbot, tape: TapePanel, market: FakeMarket, clock: ManualClock
) -> None:
    before = list(tape.canvas.shown)
    qtbot.mouseMove(tape.canvas, row_y(tape, 2))
    qtbot.mouseMove(tape.canvas, row_y(tape, 3))
    qtbot.waitUntil(lambda: tape.canvas._aimed_ns is not None)
    market.trade()
    tape.refresh()
    assert tape.canvas.shown == before
    clock.advance(1.6)
    tape.refresh()
    assert tape.canvas.shown[1:] == before[:-1]


def test_a_click_gives_the_price_that_was_pressed(qtbot, tape: TapePanel, market: FakeMarket) -> None:
    row = tape.canvas.shown[3]
    with qtbot.waitSignal(tape.price_clicked, timeout=500) as clicked:
        qtbot.mousePress(tape.canvas, Qt.MouseButton.LeftButton, pos=row_y(tape, 3))
        market.trade("1.5")
        tape.refresh()
        qtbot.mouseRelease(tape.canvas, Qt.MouseButton.LeftButton, pos=row_y(tape, 3))
    assert clicked.args == [row.price]


def test_keys_select_use_and_copy(qtbot, tape: TapePanel, market: FakeMarket) -> None:
    market.trade("67001.5", "0.7", Side.SELL, 1_795_000_000_123)
    tape.refresh()
    qtbot.keyClick(tape.canvas, Qt.Key.Key_Down)
    market.trade()
    tape.refresh()  # the selection follows its trade
    with qtbot.waitSignal(tape.price_clicked, timeout=500) as used:
        qtbot.keyClick(tape.canvas, Qt.Key.Key_Return)
    assert used.args == ["67001.5"]
    qtbot.keyClick(tape.canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "2026-11-18 11:06:40.123\tsell\t67001.5\t0.7"


def test_the_menu_leads_to_the_message_of_the_trade(qtbot, tape: TapePanel, market: FakeMarket) -> None:
    trade = market.trade()
    tape.refresh()
    menu = tape.show_menu(QPoint(0, 0), tape.canvas.shown[0])
    source = next(action for action in menu.actions() if action.text().startswith("Show the message"))
    with qtbot.waitSignal(tape.frame_requested, timeout=500) as asked:
        source.trigger()
    menu.close()
    assert asked.args == [trade.frame]


def test_scrolling_back_stays_at_the_same_trades(tape: TapePanel, market: FakeMarket) -> None:
    tape.canvas.scroll_rows(50)
    before = list(tape.canvas.shown)
    for _ in range(5):
        market.trade()
    tape.refresh()
    assert tape.canvas.shown == before
    tape.canvas.to_newest()
    assert tape.canvas.shown[0].trade_id == market.tape.last.trade_id


def test_ten_thousand_trades_are_kept(qtbot, clock: ManualClock) -> None:
    panel = TapePanel(clock)
    qtbot.addWidget(panel)
    panel.set_market(FakeMarket(trades=10_050))
    assert len(panel.canvas.feed.rows) == 10_000


def test_doubtful_trades_have_no_colour_of_a_side(tape: TapePanel, market: FakeMarket) -> None:
    look = theme.current()
    assert has_colour(tape.canvas.grab().toImage(), look.buy)
    market.fresh = Freshness("resync", "RESYNC", 0.5)
    tape.refresh()
    picture = tape.canvas.grab().toImage()
    assert not has_green(picture)
    assert not has_colour(picture, look.sell)


def test_another_market_starts_without_the_filter_of_the_last(tape: TapePanel) -> None:
    tape.set_minimum(Decimal(5))
    tape.set_market(FakeMarket(seed=8))
    assert tape.canvas.feed.minimum is None
    tape.set_market(None)
    tape.set_display(Display(milliseconds=False))
    tape.grab()
    assert tape.canvas.words() == "no trades yet"
