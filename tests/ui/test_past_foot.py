"""The foot of Order history and Fills: how far back the table reaches, in words, and the button for more."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from app.core.past import HistoryState
from app.ui.panels.fills import Fills
from app.ui.panels.order_history import OrderHistory
from tests.ui.fake_desk import START_MS, FakeDesk


@pytest.fixture
def history(qtbot, desk: FakeDesk) -> OrderHistory:
    panel = OrderHistory(desk)
    panel.resize(1200, 220)
    qtbot.addWidget(panel)
    panel.show()
    return panel


@pytest.mark.parametrize(
    ("state", "facts", "words", "button"),
    [
        (HistoryState.OFF, {}, "past orders are not asked for at the start", "Load 7 days"),
        (HistoryState.WAITING, {}, "past orders: waiting for the account", "Loading…"),
        (
            HistoryState.LOADING,
            {"orders": 120, "fills": 3},
            "loading past orders: 120 orders, 3 fills so far",
            "Loading…",
        ),
        (
            HistoryState.LOADED,
            {"orders": 1, "since_ms": START_MS, "next_days": 30},
            "1 order since 2025-10-09 08:53",
            "Load 30 days",
        ),
        (
            HistoryState.LOADED,
            {"orders": 9, "since_ms": START_MS, "order_days": 2, "next_days": 30},
            "9 orders of the last 2 days, the longest the exchange lists them",
            "Load 30 days",
        ),
        (
            HistoryState.LOADED,
            {"orders": 9, "since_ms": START_MS, "kept_days": 180, "next_days": None},
            "all loaded: 9 orders of the 180 days the exchange keeps",
            None,
        ),
        (
            HistoryState.LOADED,
            {"orders": 9, "since_ms": START_MS, "next_days": None},
            "9 orders since 2025-10-09 08:53, the furthest that is asked for",
            None,
        ),
        (
            HistoryState.REFUSED,
            {"reason": "-2015 Invalid\nkey"},
            "older orders not loaded: -2015 Invalid key",
            "Try again",
        ),
    ],
)
def test_each_state_in_words(history, desk, state, facts, words, button):
    desk.exchanges["poloniex"].history.tell(state, **facts)
    history.refresh()
    assert history.past.words.whole == words
    assert history.past.older.isVisibleTo(history) is (button is not None)
    if button is not None:
        assert history.past.older.text() == button
        assert history.past.older.isEnabled() is (button != "Loading…")


def test_the_button_asks_every_account(qtbot, history, desk):
    other = desk.add("okx", "OKX")
    for exchange in desk.exchanges.values():
        exchange.history.tell(HistoryState.LOADED, since_ms=START_MS, next_days=30)
    history.refresh()
    assert history.past.words.whole == (
        "Poloniex: 0 orders since 2025-10-09 08:53  ·  OKX: 0 orders since 2025-10-09 08:53"
    )
    qtbot.mouseClick(history.past.older, Qt.MouseButton.LeftButton)
    assert [exchange.history.asked for exchange in (desk.exchanges["poloniex"], other)] == [1, 1]


def test_without_an_account_there_is_no_foot(qtbot):
    desk = FakeDesk()
    desk.add("poloniex", has_account=False)
    panel = Fills(desk)
    qtbot.addWidget(panel)
    panel.show()
    assert not panel.past.isVisibleTo(panel)


def test_fills_whose_orders_the_exchange_tells_no_more_are_counted(qtbot, desk):
    panel = Fills(desk)
    qtbot.addWidget(panel)
    desk.exchanges["poloniex"].history.tell(HistoryState.LOADED, fills=12, since_ms=START_MS, undescribed=2)
    panel.refresh()
    assert panel.past.words.whole == ("12 fills since 2025-10-09 08:53; 2 of orders it tells no more are left out")
