"""The palette that finds a market of any exchange by a few letters. It opens no market itself; the window does."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QModelIndex, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHeaderView, QLineEdit, QVBoxLayout, QWidget

from app.core.clock import Clock, SystemClock
from app.ui import theme
from app.ui.desk import Desk
from app.ui.models.markets_rows import MarketIndex, MarketRow
from app.ui.models.markets_table import CHANGE, EXCHANGE, LAST, PAIR, STAR, STATUS, USD, VOLUME, MarketsModel
from app.ui.panels.inspector_bar import plain_label, set_role
from app.ui.panels.inspector_cells import dense_table

_TICK_NS = 1_000_000_000
_SHORTEST_NAME = 4
"""Letters of an exchange's name before it is taken for one that closed."""
_MOVES = {
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageDown: 10,
    Qt.Key.Key_PageUp: -10,
}


class MarketSearch(QFrame):
    """A layer over `parent`: `show_palette` opens it, Esc or a click elsewhere closes it.

    Type to filter, arrows to choose, Enter to open. A child widget rather than a window, so that it is placed rightly
    also where windows may not place themselves (Wayland).
    """

    market_selected = Signal(str, str)
    closed = Signal()

    def __init__(self, desk: Desk, parent: QWidget, *, clock: Clock | None = None) -> None:
        super().__init__(parent)
        self._clock = clock or SystemClock()
        self._renewed_ns = 0
        self._desk = desk
        self._index = MarketIndex(desk)
        self._version = MarketIndex.version(desk)
        self._before: QWidget | None = None
        look = theme.current()
        self.setObjectName("palette")
        self.setAccessibleName("Find a market")
        self.input = QLineEdit()
        self.input.setPlaceholderText("Find a market: btc, eth usdc, binance sol …")
        self.input.setAccessibleName("Letters of the pair, the quote or the exchange")
        self.input.setMinimumHeight(look.px(34))
        self.input.setFont(look.font(12))
        self.model = MarketsModel(self)
        self.table = dense_table("Markets found")
        self.table.setModel(self.model)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setColumnHidden(STAR, True)
        header = self.table.horizontalHeader()
        # The hidden column of stars stands for the order of the search itself: best match first.
        header.setSortIndicator(STAR, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        header.setSectionResizeMode(PAIR, QHeaderView.ResizeMode.Stretch)
        for column, width in ((EXCHANGE, 120), (LAST, 104), (CHANGE, 76), (VOLUME, 110), (USD, 96), (STATUS, 70)):
            self.table.setColumnWidth(column, look.px(width))
        self.note = plain_label("", "secondary")
        self.note.setWordWrap(True)
        self.note.setContentsMargins(4, 0, 4, 0)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(8, 8, 8, 6)
        column_layout.setSpacing(6)
        for part in (self.input, self.table, self.note):
            column_layout.addWidget(part)
        self.input.textChanged.connect(self._find)
        self.input.installEventFilter(self)
        self.table.clicked.connect(self._clicked)
        parent.installEventFilter(self)
        self._dress()
        self.hide()

    def sizeHint(self) -> QSize:
        return QSize(theme.current().px(760), theme.current().px(420))

    def show_palette(self) -> None:
        """Open with an empty search: the largest markets of all exchanges."""
        window = self.window()
        self._before = window.focusWidget()
        self._renew()
        self.input.clear()
        self._find()
        self._place()
        self.show()
        self.raise_()
        self.input.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_palette(self) -> None:
        if not self.isVisible():
            return
        self.hide()
        if self._before is not None:
            self._before.setFocus()
        self.closed.emit()

    def refresh(self) -> None:
        """Take in new markets and prices while open; may be called at any rate and acts at most once a second."""
        if self.isVisible() and self._clock.mono_ns() - self._renewed_ns >= _TICK_NS and self._renew():
            self._find(keep=True)

    def visible_rows(self) -> list[tuple[str, ...]]:
        """Market, exchange, last, change, volume and status of each row found."""
        columns = (PAIR, EXCHANGE, LAST, CHANGE, VOLUME, STATUS)
        return [tuple(self.model.text(row, column) for column in columns) for row in self.model.rows]

    def _renew(self) -> bool:
        version = MarketIndex.version(self._desk)
        if version == self._version:
            return False
        self._version = version
        self._renewed_ns = self._clock.mono_ns()
        self._index = MarketIndex(self._desk)
        return True

    @property
    def current(self) -> MarketRow | None:
        number = self.table.currentIndex().row()
        return self.model.rows[number] if 0 <= number < len(self.model.rows) else None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.parent():
            if event.type() is QEvent.Type.Resize and self.isVisible():
                self._place()
            elif event.type() is QEvent.Type.MouseButtonPress and self.isVisible():
                self.close_palette()
        elif watched is self.input and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self._dress()

    def _key(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.close_palette()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.current)
        elif key in _MOVES and self.model.rows:
            number = self.table.currentIndex().row() + _MOVES[key]
            self.table.selectRow(min(max(number, 0), len(self.model.rows) - 1))
            self._speak()
        else:
            return False
        return True

    def _find(self, _text: str = "", *, keep: bool = False) -> None:
        chosen = self.current.market if keep and self.current else None
        rows, total = self._index.find(self.input.text())
        self.model.show(rows)
        if rows:
            self.table.selectRow(max(0, self.model.row_of(chosen)))
        if not len(self._index):
            self.note.setText("No markets yet: no exchange is open, or its market list has not arrived.")
        elif not rows:
            self.note.setText("No market matches.")
        else:
            more = f", the first {len(rows)} shown" if total > len(rows) else ""
            self.note.setText(f"{total:,} of {len(self._index):,} markets{more}  ·  by 24 h volume  ·  Enter opens")
        if gone := self._gone():
            self.note.setText(gone)
        set_role(self.note, "warning" if gone else "secondary")
        self._speak()

    def _gone(self) -> str:
        """The date and the way out when an exchange is asked for that no longer exists."""
        asked = [token for token in self.input.text().lower().split() if len(token) >= _SHORTEST_NAME]
        reasons: Mapping[str, str] = getattr(self._desk, "closed_exchanges", {})
        found = [reason for name, reason in reasons.items() if any(name.startswith(token) for token in asked)]
        titles = ", ".join(getattr(self._desk, "known_exchanges", {}).values())
        return f"{'. '.join(found)}. Instead: {titles} (Ctrl+O)." if found else ""

    def _speak(self) -> None:
        row = self.current
        self.input.setAccessibleDescription(f"{row.pair} on {row.exchange_title}" if row else self.note.text())

    def _clicked(self, index: QModelIndex) -> None:
        self._open(self.model.rows[index.row()])

    def _open(self, row: MarketRow | None) -> None:
        if row is not None:
            self.close_palette()
            self.market_selected.emit(*row.market)

    def _place(self) -> None:
        parent, wanted = self.parentWidget(), self.sizeHint()
        width = min(wanted.width(), parent.width() - 24)
        height = min(wanted.height(), parent.height() - 48)
        self.setGeometry((parent.width() - width) // 2, min(72, (parent.height() - height) // 2), width, height)

    def _dress(self) -> None:
        look = theme.current()
        style = (
            f"QFrame#palette {{ background: {look.raised.name()}; border: 1px solid {look.border.name()};"
            f" border-radius: 8px; }}"
        )
        if self.styleSheet() != style:
            self.setStyleSheet(style)
