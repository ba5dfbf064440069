"""Up to six markets side by side, one of each open exchange: best prices, book and depth. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.clock import Clock, SystemClock
from app.ui import theme as look
from app.ui.desk import Desk
from app.ui.format import Display
from app.ui.live_market import LiveMarket
from app.ui.panels.depth_chart import DepthPanel
from app.ui.panels.inspector_bar import header_bar, plain_label
from app.ui.panels.ladder import LadderPanel
from app.ui.panels.painted_panel import header_button

MOST = 6
_DEPTH_SHARE = 34
_DEPTH_FROM = 250
"""Pixels of height from which a tile has room for its depth."""
Market = tuple[str, str]


class MarketGrid(QWidget):
    """Call `refresh` per frame: each call brings one tile up to date, so six cost no more than one.

    `last_pair` tells the pair that was shown last of an exchange, or empty.
    """

    rests_behind = True

    market_selected = Signal(str, str)
    price_clicked = Signal(str, str, str)
    """Exchange key, pair and the price that was meant."""
    frame_requested = Signal(int)
    exchange_requested = Signal()

    def __init__(
        self,
        desk: Desk,
        last_pair: Callable[[str], str],
        clock: Clock | None = None,
        display: Display | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._last_pair = last_pair
        self._clock = clock or SystemClock()
        self._display = display or Display()
        self._turn = 0
        self.tiles: dict[Market, MarketTile] = {}
        self.setAccessibleName("Six markets")
        self.header, row = header_bar("Six markets")
        self.words = plain_label("", "secondary")
        row.addWidget(self.words, 1)
        empty = plain_label("Open exchanges (Ctrl+O) to see a market of each of them here.", "secondary")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._place = QWidget()
        self._grid = QGridLayout(self._place)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(look.current().px(4))
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(self._place)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self._stack, 1)

    def minimumSizeHint(self) -> QSize:
        return QSize(420, 240)

    @property
    def markets(self) -> list[Market]:
        """As they stand in the grid, row by row."""
        return list(self.tiles)

    def refresh(self) -> None:
        wanted = self._wanted()
        if wanted != self.markets:
            self._arrange(wanted)
        tiles = list(self.tiles.values())
        if tiles:
            self._turn = (self._turn + 1) % len(tiles)
            tiles[self._turn].refresh()

    def _wanted(self) -> list[Market]:
        """One of each exchange; where that leaves room, more of what is watched."""
        exchanges = list(self._desk.exchanges.values())
        found: list[Market] = []
        for exchange in exchanges:
            pair = self._last_pair(exchange.key)
            pairs = [pair] if pair in exchange.order_books else list(exchange.order_books)[:1]
            found += [(exchange.key, pair) for pair in pairs]
        for exchange in exchanges:
            found += [(exchange.key, pair) for pair in exchange.order_books if (exchange.key, pair) not in found]
        return found[:MOST]

    def _arrange(self, wanted: list[Market]) -> None:
        for market in [market for market in self.tiles if market not in wanted]:
            tile = self.tiles.pop(market)
            tile.hide()
            tile.deleteLater()
        tiles = {market: self.tiles.get(market) or self._tile(*market) for market in wanted}
        while self._grid.takeAt(0):
            pass
        columns = 1 if len(tiles) < 2 else 2 if len(tiles) < 5 else 3
        for place, tile in enumerate(tiles.values()):
            self._grid.addWidget(tile, place // columns, place % columns)
            tile.show()
        for at in range(3):
            self._grid.setColumnStretch(at, 1 if at < columns else 0)
            self._grid.setRowStretch(at, 1 if at * columns < len(tiles) else 0)
        self.tiles = tiles
        self._stack.setCurrentIndex(1 if tiles else 0)
        self.words.setText("Click a price to fill the order form with it" if tiles else "")

    def _tile(self, key: str, pair: str) -> MarketTile:
        tile = MarketTile(LiveMarket(self._desk.exchanges[key], pair), self._clock, self._display)
        tile.opened.connect(partial(self.market_selected.emit, key, pair))
        tile.ladder.price_clicked.connect(partial(self.price_clicked.emit, key, pair))
        tile.depth.price_clicked.connect(partial(self.price_clicked.emit, key, pair))
        tile.ladder.frame_requested.connect(self.frame_requested)
        return tile


class MarketTile(QFrame):
    """A small book over a small depth chart."""

    opened = Signal()

    def __init__(self, view: LiveMarket, clock: Clock, display: Display) -> None:
        super().__init__()
        self.view = view
        self.setAccessibleName(f"{view.pair} on {view.exchange}")
        self.ladder, self.depth = _TileLadder(clock), DepthPanel(clock)
        self.depth.header.hide()
        for panel in (self.ladder, self.depth):
            panel.set_display(display)
            panel.set_market(view)
        show = header_button(
            "", f"Show {view.pair} on {view.exchange} in every panel", "Show in every panel", "candles"
        )
        show.clicked.connect(lambda _checked=False: self.opened.emit())
        self.open_button = show
        self.ladder.header.add_first(show)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.ladder, 100 - _DEPTH_SHARE)
        column.addWidget(self.depth, _DEPTH_SHARE)

    def minimumSizeHint(self) -> QSize:
        return QSize(look.current().px(150), look.current().px(90))

    def refresh(self) -> None:
        roomy = self.height() >= look.current().px(_DEPTH_FROM)
        if self.depth.isHidden() is roomy:
            self.depth.setVisible(roomy)
        self.ladder.refresh()
        if roomy:
            self.depth.refresh()


class _TileLadder(LadderPanel):
    """Only the name and the state above the prices; steps stay in the menu and on the keys."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.title = "Book"
        self.header.set_title("")
        for button in self._bar:
            self.header.forget(button)
            button.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for button in self._bar:
            button.hide()
