"""Two books side by side: aligned rows, and what is left between them after fees."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from app.core.freshness import Freshness
from app.ui.panels.two_books import TwoBooks, between, gather
from tests.ui.fake_desk import FakeDesk

D = Decimal


def two_exchanges() -> FakeDesk:
    desk = FakeDesk()
    for key, bid, ask in (("poloniex", "100.0", "100.2"), ("okx", "101.0", "101.3")):
        exchange = desk.add(key, paper=True)
        exchange.market("BTC-USDT", tick="0.1")
        exchange.book("BTC-USDT", [(bid, "1.5"), ("99.0", "4")], [(ask, "2"), ("103.0", "5")])
    return desk


def test_sizes_gather_in_rows_that_flatter_nobody() -> None:
    levels = [("100.19", "1"), ("100.12", "2"), ("99.9", "3")]
    assert gather(levels, D("0.1"), ROUND_FLOOR) == {D("100.1"): D(3), D("99.9"): D(3)}
    assert gather(levels, D("0.1"), ROUND_CEILING) == {D("100.2"): D(3), D("99.9"): D(3)}


def test_levels_behind_the_last_row_shown_are_not_read() -> None:
    asks = [("99.95", "1"), ("100.0", "2"), ("100.12", "3"), ("100.3", "5"), ("not", "read")]
    rows = gather(asks, D("0.1"), ROUND_CEILING, {D("100.0"), D("100.1"), D("100.2")})
    assert rows == {D("100.0"): D(3), D("100.2"): D(3)}


def test_the_difference_counts_both_taker_fees() -> None:
    desk = two_exchanges()
    left, right = desk.exchanges.values()
    words = between((left, "BTC-USDT"), (right, "BTC-USDT"))
    gross, net = D("101.0") / D("100.2") - 1, D("101.0") * D("0.998") / (D("100.2") * D("1.002")) - 1
    assert words.startswith(f"buy on {left.title} at 100.2, sell on {right.title} at 101.0: ")
    assert f"{gross:.2%}" in words.replace("+", "") and f"{net:.2%}" in words.replace("+", "")


def test_rows_are_aligned_and_a_stale_book_is_not_compared(qtbot) -> None:
    desk = two_exchanges()
    panel = TwoBooks(desk)
    qtbot.addWidget(panel)
    panel.resize(500, 600)
    panel.show()
    panel.refresh()
    assert [panel.left.currentText(), panel.right.currentText()] == [
        f"BTC-USDT · {exchange.title}" for exchange in desk.exchanges.values()
    ]
    prices = panel.ladder.prices
    assert prices == sorted(prices, reverse=True) and prices[0] > D("101.3") and prices[-1] < D("100.0")
    left_bids, left_asks, right_bids, right_asks = panel.ladder.columns
    assert left_bids[max(left_bids)] == D("1.5") and right_asks[min(right_asks)] == D(2)
    assert max(left_bids) in prices and min(left_asks) in prices
    desk.exchanges["okx"].stale["BTC-USDT"] = Freshness("stale", "STALE 7 s", 7.0)
    panel.refresh()
    assert panel.words.text().startswith("No comparison: ")
    assert "STALE 7 s" in panel.words.text()


def test_one_market_alone_says_what_to_do(qtbot) -> None:
    panel = TwoBooks(FakeDesk())
    qtbot.addWidget(panel)
    panel.refresh()
    assert "two exchanges" in panel.words.text()
