"""The markets the user keeps an eye on, on all exchanges. It opens no market itself; the window does."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.core.clock import Clock, SystemClock
from app.ui import theme
from app.ui.desk import Desk
from app.ui.models.markets_rows import Market, watched_rows
from app.ui.models.markets_table import CHANGE, EXCHANGE, LAST, PAIR, STAR, STATUS, USD, VOLUME, MarketsModel
from app.ui.panels.inspector_bar import header_bar, plain_label, tool_button
from app.ui.panels.inspector_cells import dense_table

_TICK_NS = 200_000_000
_PAD = 4


class WatchList(QWidget):
    """`refresh` may be called at any rate and acts at most five times a second.

    Keys: Enter opens the market, S stars it, Del takes it off the list, Ctrl+C copies the row.
    """

    market_selected = Signal(str, str)
    search_requested = Signal()
    starred_changed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._clock = clock or SystemClock()
        self._ticked_ns = 0
        self._starred: set[Market] = set()
        self._current: Market | None = None

        self.header, row = header_bar("Watch list")
        self.count = plain_label("", "secondary")
        add = tool_button("", "Find a market", "Find a market (Ctrl+K)", icon="plus")
        add.clicked.connect(self.search_requested)
        row.addWidget(self.count, 1)
        row.addWidget(add)
        self.model = MarketsModel(self)
        self.table = dense_table("Watched markets", _PAD)
        self.table.setModel(self.model)
        self.table.setSortingEnabled(True)
        header = self.table.horizontalHeader()
        header.setSortIndicator(STAR, Qt.SortOrder.AscendingOrder)
        header.setSectionResizeMode(PAIR, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(theme.current().px(20))
        for column, width in ((STAR, 20), (EXCHANGE, 88), (LAST, 80), (CHANGE, 60), (VOLUME, 96), (STATUS, 66)):
            self.table.setColumnWidth(column, theme.current().px(width))
        self.find_button = QPushButton("Find a market")
        empty = QWidget()
        words = plain_label("No market is watched yet.", "secondary")
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        middle = QVBoxLayout(empty)
        middle.addStretch(1)
        middle.addWidget(words)
        middle.addWidget(self.find_button, 0, Qt.AlignmentFlag.AlignCenter)
        middle.addStretch(2)
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(self.table)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.header)
        outer.addWidget(self._stack, 1)
        self.find_button.clicked.connect(self.search_requested)
        self.table.installEventFilter(self)
        self.table.clicked.connect(self._clicked)
        self.table.activated.connect(self._open)
        self.table.selectionModel().currentRowChanged.connect(self._moved)
        self.refresh(now=True)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 120)

    def sizeHint(self) -> QSize:
        return QSize(theme.current().px(256), 400)

    @property
    def starred(self) -> frozenset[Market]:
        """To be kept with the user's settings; `starred_changed` tells when."""
        return frozenset(self._starred)

    def set_starred(self, markets: Iterable[Market]) -> None:
        self._starred = set(markets)
        self.refresh(now=True)

    def toggle_star(self, exchange: str, pair: str) -> None:
        self._starred ^= {(exchange, pair)}
        self.starred_changed.emit()
        self.refresh(now=True)

    def set_current(self, exchange: str, pair: str) -> None:
        """Mark the market that the window shows."""
        self._current = (exchange, pair)
        self._reselect()

    def refresh(self, *, now: bool = False) -> None:
        at = self._clock.mono_ns()
        if not now and at - self._ticked_ns < _TICK_NS:
            return
        self._ticked_ns = at
        rows = watched_rows(self._desk, self._starred, self._clock.wall_ns())
        # Ages in the reasons of stale rows tick; the rows themselves stay equal while nothing else changed.
        if rows != self.model.rows:
            if self.model.show(rows):
                self._reselect()
            self._widen_prices()
        text = f"{len(rows)}" if rows else ""
        if self.count.text() != text:
            self.count.setText(text)
        self._stack.setCurrentIndex(1 if rows else 0)
        self._fit()

    def visible_rows(self) -> list[tuple[str, ...]]:
        """The texts of the shown columns, row by row."""
        shown = [column for column in range(self.model.columnCount()) if not self.table.isColumnHidden(column)]
        return [tuple(self.model.text(row, column) for column in shown) for row in self.model.rows]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Taken before the table, which would search for a row that begins with the letter.
        if watched is self.table and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        number = self.table.currentIndex().row()
        row = self.model.rows[number] if 0 <= number < len(self.model.rows) else None
        if row is None:
            return False
        if event.matches(QKeySequence.StandardKey.Copy):
            texts = (self.model.text(row, column) for column in (PAIR, EXCHANGE, LAST, CHANGE, VOLUME))
            QGuiApplication.clipboard().setText("\t".join(texts))
        elif event.key() == Qt.Key.Key_S and not event.modifiers():
            self.toggle_star(*row.market)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and not event.modifiers():
            self._take_off(row.market)
        else:
            return False
        return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _widen_prices(self) -> None:
        """A price that is cut off would be another price."""
        metrics = QFontMetricsF(theme.current().digits(9))
        widest = max((metrics.horizontalAdvance(row.last_words) for row in self.model.rows), default=0.0)
        width = max(theme.current().px(56), int(widest) + 2 * _PAD + 4)
        if width != self.table.columnWidth(LAST):
            self.table.setColumnWidth(LAST, width)

    def _fit(self) -> None:
        px, width = theme.current().px, self.width()
        several = len(self._desk.exchanges) > 1
        self.table.setColumnHidden(EXCHANGE, not several)
        self.table.setColumnHidden(CHANGE, several and width < px(330))
        self.table.setColumnHidden(VOLUME, width < px(440))
        halted = any(row.status.value != "trading" for row in self.model.rows)
        self.table.setColumnHidden(USD, True)
        self.table.setColumnHidden(STATUS, not halted or width < px(500))

    def _take_off(self, market: Market) -> None:
        self._starred.discard(market)
        exchange = self._desk.exchanges.get(market[0])
        if exchange is not None and market[1] in exchange.feeds and market != self._current:
            exchange.unwatch(market[1])
        self.starred_changed.emit()
        self.refresh(now=True)

    def _clicked(self, index: QModelIndex) -> None:
        row = self.model.rows[index.row()]
        if index.column() == STAR:
            self.toggle_star(*row.market)
        else:
            self._open(index)

    def _open(self, index: QModelIndex) -> None:
        by_mouse = QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton
        if not 0 <= index.row() < len(self.model.rows) or (by_mouse and index.column() == STAR):
            return
        self._current = self.model.rows[index.row()].market
        self.market_selected.emit(*self._current)

    def _moved(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            row = self.model.rows[current.row()]
            spoken = f"{row.pair} on {row.exchange_title}, last {row.last_words}, {row.change_words}"
            self.table.setAccessibleDescription(f"{spoken}, stale" if row.stale else spoken)

    def _reselect(self) -> None:
        number = self.model.row_of(self._current)
        if number >= 0:
            self.table.selectRow(number)
