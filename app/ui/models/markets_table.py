"""Rows of markets as a table for views, sorted by value and not by text. It looks at no exchange itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, Qt
from PySide6.QtGui import QColor

from app.core.types import MarketStatus
from app.ui import theme
from app.ui.models.connections_cells import Cell, CellModel, Index
from app.ui.models.markets_rows import MarketRow
from app.ui.payload_views import visible

STAR, PAIR, EXCHANGE, LAST, CHANGE, VOLUME, USD, STATUS = range(8)
_TITLES = ("", "Market", "Exchange", "Last", "24 h", "Volume 24 h", "24 h in USD", "Status")
_NUMERIC = (LAST, CHANGE, VOLUME, USD)
_MISSING = Decimal("-Infinity")
_KEYS: dict[int, Callable[[MarketRow], Any]] = {
    PAIR: lambda row: row.pair,
    EXCHANGE: lambda row: (row.exchange_title, row.pair),
    LAST: lambda row: _MISSING if row.last is None else row.last,
    CHANGE: lambda row: _MISSING if row.change is None else row.change,
    VOLUME: lambda row: row.value,
    USD: lambda row: row.value,
    STATUS: lambda row: row.status.value,
}


def status_words(row: MarketRow) -> str:
    return "" if row.status is MarketStatus.TRADING else row.status.value


class MarketsModel(CellModel):
    """`show` replaces the rows; while the same markets stay, only what changed is told to the view."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_TITLES, _NUMERIC, parent)
        self.rows: list[MarketRow] = []
        self._sort: tuple[int, bool] | None = None

    def show(self, rows: list[MarketRow]) -> bool:
        """Returns whether the markets or their order changed (and the view's selection must be set again)."""
        if self._sort is not None and self._sort[0] in _KEYS:
            column, down = self._sort
            rows = sorted(rows, key=_KEYS[column], reverse=down)
        if [row.market for row in rows] == [row.market for row in self.rows]:
            changed = [number for number, (old, new) in enumerate(zip(self.rows, rows, strict=True)) if old != new]
            self.rows = rows
            if changed:
                self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], STATUS))
            return False
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By the star column: back to starred first, then volume."""
        self._sort = None if column == STAR else (column, order is Qt.SortOrder.DescendingOrder)
        self.show(list(self.rows))

    def row_of(self, market: tuple[str, str] | None) -> int:
        return next((number for number, row in enumerate(self.rows) if row.market == market), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def cell(self, row: int, column: int) -> Cell:
        market = self.rows[row]
        text = spoken = self.text(market, column)
        if column == STAR:
            spoken = "starred" if market.starred else "not starred"
        elif column == EXCHANGE:
            # The narrow column has room for the name alone: paper is told by its colour and the tip.
            text = visible(market.exchange_title)
        return Cell(
            text,
            self._colour(market, column),
            right=column in _NUMERIC,
            slanted=market.stale and column not in (STAR, STATUS),
            spoken=spoken,
        )

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole:
            row = self.rows[index.row()]
            if index.column() == EXCHANGE and row.paper:
                return self.text(row, EXCHANGE)
            return (f"stale: {visible(row.stale_words)}" if row.stale_words else "stale") if row.stale else None
        return super().data(index, role)

    @staticmethod
    def text(row: MarketRow, column: int) -> str:
        if column == STAR:
            return "★" if row.starred else "☆"
        if column == PAIR:
            closed = row.status in (MarketStatus.HALTED, MarketStatus.CLOSED, MarketStatus.DELISTED)
            return f"{visible(row.pair)}  ⊘" if closed else visible(row.pair)
        if column == EXCHANGE:
            return visible(row.exchange_title) + (" (paper)" if row.paper else "")
        if column == LAST:
            return row.last_words
        if column == CHANGE:
            return row.change_words
        if column == USD:
            return row.usd_words
        return row.volume_words if column == VOLUME else status_words(row)

    @staticmethod
    def _colour(row: MarketRow, column: int) -> QColor:
        look = theme.current()
        if column == STATUS:
            return look.warning
        if column == STAR:
            return look.warning if row.starred else look.disabled
        if row.stale:
            return look.stale
        if column == CHANGE and row.change:
            return look.side(row.change > 0)
        if column == EXCHANGE and row.paper:
            return look.paper
        if column in (EXCHANGE, VOLUME, USD):
            return look.secondary
        return look.text
