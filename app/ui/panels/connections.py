"""Health of every connection, book, clock and request budget, and the button that reconnects. No reconnect policy."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QSplitter, QStackedWidget, QTableView, QTabWidget, QVBoxLayout, QWidget

from app.core.clock import NS_PER_S, Clock, SystemClock
from app.core.links import LinkStatus
from app.ui import theme
from app.ui.desk import Desk, ExchangeView
from app.ui.models.connections_figures import RateMeter, offset_words
from app.ui.models.connections_table import (
    BOOK_NUMERIC,
    BOOK_TITLES,
    HISTORY_NUMERIC,
    HISTORY_TITLES,
    LINK_NUMERIC,
    LINK_TITLES,
    RowsModel,
    book_rows,
    history_rows,
    link_rows,
)
from app.ui.panels.inspector_bar import ElidedLabel, header_bar, plain_label, tool_button
from app.ui.panels.inspector_cells import dense_table

RECONNECT_PAUSE_S = 10
_TICK_NS = 200_000_000


class Connections(QWidget):
    """`refresh` may be called at any rate and acts at most five times a second."""

    def __init__(self, desk: Desk, parent: QWidget | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._clock = clock or SystemClock()
        self._meter = RateMeter()
        self._ticked_ns = 0
        self._asked_ns: dict[str, int] = {}
        self._links: list[tuple[ExchangeView, LinkStatus]] = []
        self._history_of: tuple[str, int] = ("", -1)

        self.header, row = header_bar("Connections")
        self.summary = ElidedLabel()
        self.reconnect = tool_button("Reconnect now", "Reconnect the selected connection now", icon="refresh")
        row.addWidget(self.summary, 1)
        row.addWidget(self.reconnect)

        self.link_model = RowsModel(LINK_TITLES, LINK_NUMERIC, 1, self)
        self.book_model = RowsModel(BOOK_TITLES, BOOK_NUMERIC, 1, self)
        self.history_model = RowsModel(HISTORY_TITLES, HISTORY_NUMERIC, 1, self)
        self.link_table = _table("Connections", self.link_model, (170, 206, 66, 62, 76, 82, 72, 84, 72))
        self.book_table = _table("Watched books", self.book_model, (170, 138, 102, 52, 66, 66, 76, 66))
        self.history_table = _table("History of the selected connection", self.history_model, (98, 120, 76))
        self.budgets = Budgets(desk)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Details of connections")
        self.tabs.addTab(self.book_table, "Books")
        self.tabs.addTab(self.history_table, "History")
        self.tabs.addTab(self.budgets, "Clock and limits")
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.link_table)
        splitter.addWidget(self.tabs)
        splitter.setHandleWidth(3)
        splitter.setChildrenCollapsible(False)
        empty = plain_label("No exchange is open. Choose one to see its connections here.", "secondary")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setWordWrap(True)
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(splitter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self._stack, 1)

        self.reconnect.clicked.connect(self._reconnect)
        self.link_table.selectionModel().currentRowChanged.connect(self._link_chosen)
        self.refresh(now=True)

    def minimumSizeHint(self) -> QSize:
        return QSize(300, 120)

    def refresh(self, *, now: bool = False) -> None:
        at = self._clock.mono_ns()
        if not now and at - self._ticked_ns < _TICK_NS:
            return
        self._ticked_ns = at
        self._links = [(exchange, link) for exchange in self._desk.exchanges.values() for link in exchange.links]
        self._stack.setCurrentIndex(1 if self._links else 0)
        self.link_model.show(link_rows([link for _, link in self._links], at, self._meter))
        if self._links and not self.link_table.currentIndex().isValid():
            self.link_table.selectRow(0)
        self.book_model.show(book_rows(self._desk, at))
        self._show_history()
        self.budgets.refresh()
        bad = sum(row.health > 1 for row in self.link_model.rows)
        ignored = _ignored_words(self._desk)
        trouble = f"{bad} with trouble" if bad else ""
        self.summary.setText("  ·  ".join(filter(None, (f"{len(self._links)} open", trouble, ignored))))
        self._show_button(at)

    @property
    def selected(self) -> tuple[ExchangeView, LinkStatus] | None:
        row = self.link_table.currentIndex().row()
        return self._links[row] if 0 <= row < len(self._links) else None

    def _reconnect(self) -> None:
        chosen = self.selected
        at = self._clock.mono_ns()
        if chosen is None or self._seconds_left(chosen[1].name, at):
            return
        exchange, link = chosen
        self._asked_ns[link.name] = at
        exchange.reconnect(link.name)
        self._show_button(at)

    def _seconds_left(self, name: str, at: int) -> int:
        asked = self._asked_ns.get(name)
        left = 0 if asked is None else asked + RECONNECT_PAUSE_S * NS_PER_S - at
        return max(0, -(-left // NS_PER_S))

    def _show_button(self, at: int) -> None:
        chosen = self.selected
        left = self._seconds_left(chosen[1].name, at) if chosen else 0
        self.reconnect.setEnabled(chosen is not None and not left)
        text = f"Reconnect again in {left} s" if left else "Reconnect now"
        if self.reconnect.text() != text:
            self.reconnect.setText(text)

    def _link_chosen(self, _current: QModelIndex, _previous: QModelIndex) -> None:
        self._show_history()
        self._show_button(self._clock.mono_ns())

    def _show_history(self) -> None:
        chosen = self.selected
        if chosen is None:
            return
        link = chosen[1]
        # 200 events at most are kept, so the time of the newest tells more than their number.
        version = (link.name, link.history[-1].wall_ns if link.history else 0)
        if version != self._history_of:
            self._history_of = version
            self.history_model.show(history_rows(link))
            self.tabs.setTabText(1, f"History of {link.name}")


def _table(name: str, model: RowsModel, widths: tuple[int, ...]) -> QTableView:
    table = dense_table(name)
    table.setModel(model)
    table.horizontalHeader().setStretchLastSection(True)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    for column, width in enumerate(widths):
        table.setColumnWidth(column, theme.current().px(width))
    return table


def _ignored_words(desk: Desk) -> str:
    """Reports about orders that came too late or twice and changed nothing."""
    orders = [exchange.orders for exchange in desk.exchanges.values()]
    stale, repeated = sum(o.stale_answers for o in orders), sum(o.repeated_fills for o in orders)
    parts = [f"stale answers {stale}"] if stale else []
    parts += [f"duplicate trade ids {repeated}"] if repeated else []
    return f"ignored: {', '.join(parts)}" if parts else ""


class Budgets(QWidget):
    """Clock offset and use of each request budget, one line per exchange and one bar per budget."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._lines: list[tuple[str, str, str, float]] = []
        self.setAccessibleName("Clock offsets and request budgets")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def refresh(self) -> None:
        lines = []
        for exchange in self._desk.exchanges.values():
            clock = f"clock {offset_words(exchange.clock_offset_ms, exchange.clock_bound_ms)}"
            usage = sorted(exchange.rate_usage().items())
            for number, (name, share) in enumerate(usage or [("no limits told", 0.0)]):
                lines.append((exchange.title if not number else "", clock if not number else "", name, share))
        if lines != self._lines:
            self._lines = lines
            self.setAccessibleDescription("; ".join(self.lines()))
            self.update()

    def lines(self) -> list[str]:
        """As they read on screen."""
        return [" ".join(part for part in (*texts, f"{share:.0%}") if part) for *texts, share in self._lines]

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), look.base)
        painter.setFont(look.digits(9))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height, left = look.px(24), look.px(12)
        name_at, clock_at, bar_at = left, left + look.px(120), left + look.px(350)
        bar = max(look.px(60), min(look.px(320), self.width() - bar_at - look.px(140)))
        middle = Qt.AlignmentFlag.AlignVCenter
        for number, (title, clock, name, share) in enumerate(self._lines):
            y = look.px(6) + number * height
            painter.setPen(look.text)
            painter.drawText(QRectF(name_at, y, clock_at - name_at - 6, height), middle, title)
            painter.setPen(look.secondary)
            painter.drawText(QRectF(clock_at, y, look.px(128), height), middle, clock)
            painter.drawText(QRectF(clock_at + look.px(136), y, bar_at - clock_at - look.px(144), height), middle, name)
            self._paint_bar(painter, QRectF(bar_at, y + height / 2 - 3, bar, 6), share)
            painter.setPen(_share_colour(share))
            painter.drawText(QRectF(bar_at + bar + look.px(8), y, look.px(60), height), middle, f"{share:.0%}")
        if self.hasFocus():
            painter.setPen(look.focus)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_bar(self, painter: QPainter, place: QRectF, share: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.current().hover)
        painter.drawRoundedRect(place, 3, 3)
        painter.setBrush(_share_colour(share))
        filled = QRectF(place)
        filled.setWidth(place.width() * min(max(share, 0.0), 1.0))
        painter.drawRoundedRect(filled, 3, 3)


def _share_colour(share: float) -> QColor:
    look = theme.current()
    return look.error if share >= 0.9 else look.warning if share >= 0.7 else look.live
