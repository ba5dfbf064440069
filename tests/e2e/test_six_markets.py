"""Every exchange's market list with its volume in dollars, exchanges that are gone, and six markets side by side."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.connectors.registry import EXCHANGES
from app.core.types import Side
from app.ui.dialogs.exchanges import ExchangesDialog
from app.ui.models.markets_table import LAST, PAIR, USD
from app.ui.panels.market_grid import MarketTile
from tests.e2e.plugin_desk import WindowDesk, click, texts
from tests.lab.desk import Play
from tests.until import until


@pytest.mark.parametrize("name", EXCHANGES)
def test_active_markets_are_sorted_by_their_volume_in_dollars(
    name: str,
    play: Play,
    tmp_path: Path,
) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path)
        try:
            exchange = await desk.workspace.open_paper(name)
            desk.window.open_market(exchange.key, "")
            active = await exchange.order_book_tracker.data_source.get_active_exchange_markets()
            volumes = [market.usd_volume for market in active if market.usd_volume is not None]
            assert len(volumes) >= 5 and volumes == sorted(volumes, reverse=True) and volumes[0] > 1_000
            for market in active:
                ticker, quote = market.ticker, market.rule.quote
                if ticker is not None and ticker.quote_volume is not None and quote in ("USDT", "USDC", "USD"):
                    assert market.usd_volume == ticker.quote_volume
            await until(lambda: exchange.trading_rules and exchange.tickers, what="the market list")
            search = desk.window.search
            search.show_palette()
            header = search.table.horizontalHeader()
            found = {row.pair: row for row in search.model.rows}
            assert set(found) == set(exchange.trading_rules)
            place = QPoint(header.sectionViewportPosition(USD) + 8, header.height() // 2)
            for descending in (True, False):
                while (header.sortIndicatorSection(), header.sortIndicatorOrder()) != (
                    USD,
                    Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder,
                ):
                    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
                values = [row.value for row in search.model.rows]
                assert values == sorted(values, reverse=descending) and max(values) > 1_000
            best = search.model.rows[-1]
            assert search.model.text(best, USD).endswith(" USD")
            assert float(best.value or 0) == pytest.approx(float(volumes[0]), rel=0.05), "the market goes on meanwhile"
            assert search.model.text(best, LAST) != "–" and search.model.text(best, PAIR) == best.pair
        finally:
            await desk.close()

    play(story())


@pytest.mark.parametrize(
    "typed, words",
    [("bittrex", "Bittrex closed in December 2023"), ("prob", "ProBit closed its spot market in January 2026")],
)
def test_an_exchange_that_is_gone_tells_its_date_and_what_to_use(
    typed: str,
    words: str,
    play: Play,
    tmp_path: Path,
) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path)
        try:
            desk.window.search.show_palette()
            QTest.keyClicks(desk.window.search.input, typed)
            note = desk.window.search.note.text()
            assert words in note and "Instead: Poloniex, Binance" in note
            QTest.keyClick(desk.window.search.input, Qt.Key.Key_Escape)
            desk.menu("Exchanges…")
            dialog = await desk.dialog(ExchangesDialog)
            assert words in texts(dialog) and "Instead: Poloniex, Binance" in texts(dialog)
            dialog.reject()
        finally:
            await desk.close()

    play(story())


def _press(tile: MarketTile, side: Side) -> str:
    """Click the best price of a side; returns it."""
    canvas = tile.ladder.body
    lines = [(y, canvas.line_at(y)[1]) for y in range(canvas.height())]  # type: ignore[attr-defined]
    rows = [(y, line.price) for y, line in lines if line.price and line.side is side]
    y, price = rows[0] if side is Side.BUY else rows[-1]
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(canvas.width() // 2, y + 2))
    return str(price)


def test_markets_stand_side_by_side_and_fill_the_form(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path)
        window = desk.window
        try:
            await until(lambda: window.docks["watch"].isVisible())
            for name in ("poloniex", "okx"):
                exchange = await desk.workspace.open_paper(name)
            window.open_market("poloniex", "BTC-USDT")
            window.memory.use_layout("markets")
            await until(lambda: len(window.grid.markets) >= 2 and window.grid.isVisible(), what="two tiles")
            assert window.grid.markets[:2] == [("poloniex", "BTC-USDT"), ("okx", "BTC-USDT")]
            tile = window.grid.tiles["okx", "BTC-USDT"]
            await until(lambda: tile.ladder.fresh.state == "live" and tile.ladder.canvas.picture.lines, what="a book")
            await until(lambda: tile.ladder.canvas.picture.touch.bid == exchange.order_books["BTC-USDT"].best_bid)
            price = _press(tile, Side.BUY)
            assert window.market == ("okx", "BTC-USDT")
            assert Decimal(window.entry.price.edit.text().replace(",", "")) == Decimal(price)
            click(window.grid.tiles["poloniex", "BTC-USDT"].open_button)
            assert window.market == ("poloniex", "BTC-USDT")
            await desk.workspace.close_exchange("okx")
            await until(lambda: all(key == "poloniex" for key, _ in window.grid.markets), what="the tile to go")
        finally:
            await desk.close()

    play(story())
