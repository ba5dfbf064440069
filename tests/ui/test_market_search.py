"""The market palette: a few letters find one of thousands of pairs, the largest first."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QWidget

from app.core.types import MarketStatus
from app.ui.models.markets_rows import MarketIndex
from app.ui.panels.market_search import MarketSearch
from tests.ui.fake_desk import FakeDesk

VOLUMES = {
    "poloniex": {"BTC-USDT": 90, "ETH-USDT": 40, "BTC-USDC": 10, "TRX-BTC": 1, "BTS-BTC": 2},
    "binance": {"BTC-USDT": 900, "WBTC-USDT": 5, "SOL-USDT": 300, "USDC-USDT": 200},
}


@pytest.fixture
def desk() -> FakeDesk:
    desk = FakeDesk()
    desk.usd |= {"USDC": (Decimal(1), "USDC as USD"), "BTC": (Decimal(50), "test")}
    for key, title in (("poloniex", "Poloniex"), ("binance", "Binance")):
        exchange = desk.add(key, title, paper=key == "poloniex")
        for pair, volume in VOLUMES[key].items():
            exchange.market(pair, status=MarketStatus.HALTED if pair == "TRX-BTC" else MarketStatus.TRADING)
            exchange.ticker(pair, "10.5", change=Decimal("0.01"), quote_volume=Decimal(volume))
    return desk


@pytest.fixture
def window(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(1366, 700)
    widget.editor = QLineEdit(widget)
    widget.show()
    widget.editor.setFocus()
    return widget


@pytest.fixture
def palette(desk, window) -> MarketSearch:
    palette = MarketSearch(desk, window, clock=desk.clock)
    palette.show_palette()
    return palette


def found(palette: MarketSearch) -> list[str]:
    return [f"{row.exchange} {row.pair}" for row in palette.model.rows]


def test_it_opens_with_the_largest_markets_of_all_exchanges(palette):
    assert found(palette)[:4] == ["binance BTC-USDT", "binance SOL-USDT", "binance USDC-USDT", "poloniex BTS-BTC"]
    assert palette.visible_rows()[0] == ("BTC-USDT", "Binance", "10.50", "+1.00%", "900 USDT", "")
    assert palette.note.text().startswith("9 of 9 markets")


def test_typed_letters_prefer_the_beginning_of_the_pair_then_volume(qtbot, palette):
    qtbot.keyClicks(palette.input, "btc")
    assert found(palette) == [
        "binance BTC-USDT",
        "poloniex BTC-USDT",
        "poloniex BTC-USDC",
        "poloniex BTS-BTC",
        "poloniex TRX-BTC",
        "binance WBTC-USDT",
    ]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("btcusdc", "poloniex BTC-USDC"),
        ("btc-usdt", "binance BTC-USDT"),
        ("BTC/USDT", "binance BTC-USDT"),
        ("btc usdc", "poloniex BTC-USDC"),
        ("polo btc", "poloniex BTC-USDT"),
        ("btc polo usdc", "poloniex BTC-USDC"),
        ("slut", "binance SOL-USDT"),
    ],
)
def test_spellings_words_and_scattered_letters(palette, typed, first):
    palette.input.setText(typed)
    assert found(palette)[0] == first


def test_a_halted_market_is_marked(palette):
    palette.input.setText("trx")
    assert palette.visible_rows() == [("TRX-BTC  ⊘", "Poloniex (paper)", "10.50", "+1.00%", "1 BTC", "halted")]


def test_arrows_choose_and_enter_opens(qtbot, palette, window):
    palette.input.setText("btc")
    qtbot.keyClick(palette.input, Qt.Key.Key_Down)
    assert palette.input.accessibleDescription() == "BTC-USDT on Poloniex"
    qtbot.keyClick(palette.input, Qt.Key.Key_Up)
    qtbot.keyClick(palette.input, Qt.Key.Key_Up)
    qtbot.keyClick(palette.input, Qt.Key.Key_Down)
    with qtbot.waitSignal(palette.market_selected) as opened:
        qtbot.keyClick(palette.input, Qt.Key.Key_Return)
    assert opened.args == ["poloniex", "BTC-USDT"]
    assert not palette.isVisible()


def test_a_click_opens_a_row(qtbot, palette):
    place = palette.table.visualRect(palette.model.index(1, 1)).center()
    with qtbot.waitSignal(palette.market_selected) as opened:
        qtbot.mouseClick(palette.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened.args == ["binance", "SOL-USDT"]


def test_escape_closes_and_gives_the_focus_back(qtbot, palette, window):
    with qtbot.waitSignal(palette.closed):
        qtbot.keyClick(palette.input, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert window.focusWidget() is window.editor


def test_a_click_beside_it_closes_it(qtbot, palette, window):
    qtbot.mouseClick(window, Qt.MouseButton.LeftButton, pos=window.rect().bottomRight())
    assert not palette.isVisible()


def test_enter_with_nothing_found_does_nothing(qtbot, palette):
    palette.input.setText("zzzz")
    assert palette.note.text() == "No market matches."
    with qtbot.assertNotEmitted(palette.market_selected):
        qtbot.keyClick(palette.input, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_new_prices_arrive_while_it_is_open_and_the_choice_stays(qtbot, desk, palette):
    palette.input.setText("btc")
    qtbot.keyClick(palette.input, Qt.Key.Key_Down)
    desk.exchanges["poloniex"].ticker("BTC-USDT", "11.25", quote_volume=Decimal(5_000))
    desk.clock.advance(1)
    palette.refresh()
    assert found(palette)[0] == "poloniex BTC-USDT"
    assert palette.current is not None
    assert palette.current.market == ("poloniex", "BTC-USDT")
    assert palette.visible_rows()[0][2] == "11.25"


def test_without_markets_it_says_why(qtbot, window):
    palette = MarketSearch(FakeDesk(), window)
    palette.show_palette()
    assert palette.note.text() == "No markets yet: no exchange is open, or its market list has not arrived."


def test_it_fits_a_small_window(qtbot, desk):
    small = QWidget()
    qtbot.addWidget(small)
    small.resize(500, 320)
    small.show()
    palette = MarketSearch(desk, small)
    palette.show_palette()
    assert small.rect().contains(palette.geometry())


def test_six_thousand_pairs_are_searched_between_two_key_strokes(desk):
    for number in range(6_000):
        desk.exchanges["binance"].market(f"A{number}-USDT")
    index = MarketIndex(desk)
    began = time.thread_time()
    rows, total = index.find("usdt a12")
    assert time.thread_time() - began < 0.15
    assert total > 100
    assert len(rows) == 100
