"""Fixtures of all tests of the screen: an application without a display, dressed in the dark theme, and a market."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication

from app.core.clock import ManualClock
from app.ui import theme
from app.ui.panels.order_entry import OrderEntry
from tests.ui.fake_desk import FakeDesk, FakeExchange, small_desk
from tests.ui.fakes import FakeMarket


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    """Dressed once: doing it per test would restyle every widget still alive."""
    theme.apply(qapp, theme.build())
    return qapp


@pytest.fixture(autouse=True)
def dark(qapp: QApplication):
    """Every test starts and ends in the dark theme, with the mouse far from any window."""
    QCursor.setPos(3000, 3000)
    yield theme.current()
    if not theme.current().dark or theme.current().sides is not theme.SideColours.GREEN_RED:
        theme.apply(qapp, theme.build())


@pytest.fixture(autouse=True)
def nothing_is_collected_while_it_paints():
    """A test's window without a parent may be garbage as soon as the test returns, and is painted once more after that:
    a collection in the middle of it would delete what is being painted on. Windows of the program have parents."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def market() -> FakeMarket:
    """BTC-USDT with 200 levels a side around 67,000.05, 500 trades and 300 one-minute bars; always the same."""
    return FakeMarket()


@pytest.fixture
def desk() -> FakeDesk:
    return small_desk()[0]


@pytest.fixture
def exchange(desk: FakeDesk) -> FakeExchange:
    return desk.exchanges["poloniex"]


@pytest.fixture
def form(qtbot, desk: FakeDesk) -> OrderEntry:
    form = OrderEntry(desk, desk.clock)
    form.resize(280, 536)
    qtbot.addWidget(form)
    form.show()
    form.set_market("poloniex", "BTC-USDT")
    return form
