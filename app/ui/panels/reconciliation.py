"""What the stream says beside what REST says, per balance and order, and what holds explain. It decides nothing."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QTableView, QTabWidget, QVBoxLayout, QWidget

from app.core.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from app.core.reports import Comparison, Told, Verdict
from app.ui import format as words
from app.ui import theme
from app.ui.desk import Desk, ExchangeView
from app.ui.models.connections_figures import Health
from app.ui.models.connections_table import Cells, RowsModel
from app.ui.panels.inspector_bar import ElidedLabel, header_bar, plain_label, tool_button
from app.ui.panels.inspector_cells import dense_table

_TICK_NS = NS_PER_S // 2
_TITLES = ("What", "Verdict", "Stream says", "REST says", "Stream", "REST", "Account")
_WIDTHS = (210, 100, 240, 240, 110, 110, 120)
_HEALTH = {
    Verdict.EQUAL: Health.GOOD,
    Verdict.LATE: Health.DOUBTFUL,
    Verdict.DIFFERENT: Health.BAD,
    Verdict.ONE_SIDED: Health.WAITING,
}
_HELD_TITLES = ("Asset", "Verdict", "Held by the exchange", "In open orders", "Difference", "Account")
_HELD_WIDTHS = (120, 110, 180, 180, 180, 120)


class Reconciliation(QWidget):
    """`refresh` may be called at any rate and acts twice a second. `frame_requested` carries a message number."""

    rests_behind = True

    frame_requested = Signal(int)

    def __init__(self, desk: Desk, parent: QWidget | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._clock = clock or SystemClock()
        self._ticked_ns = 0
        self._rows: list[tuple[ExchangeView, Comparison]] = []
        self.header, row = header_bar("Reconciliation")
        self.summary = ElidedLabel()
        self.ask = tool_button("Ask now", "Ask every account about everything now", icon="refresh")
        self.take = tool_button("Take REST", "Ask again about the selected row, and believe the answer")
        row.addWidget(self.summary, 1)
        for button in (self.take, self.ask):
            row.addWidget(button)
        self.model = RowsModel(_TITLES, (), 1, self)
        self.table = _table("Stream beside REST", self.model, _WIDTHS)
        self.held_model = RowsModel(_HELD_TITLES, (2, 3, 4), 1, self)
        self.held_table = _table("Held beside open orders", self.held_model, _HELD_WIDTHS)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Stream beside REST, held beside open orders")
        self.tabs.addTab(self.table, "Stream and REST")
        self.tabs.addTab(self.held_table, "Held and in orders")
        empty = plain_label("Sign in to an account to compare what its stream and its REST answers say.", "secondary")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self._stack, 1)
        self.ask.clicked.connect(self._ask)
        self.take.clicked.connect(self._take)
        self.table.activated.connect(self._show_frame)
        self.table.selectionModel().currentRowChanged.connect(self._show_buttons)
        self.refresh(now=True)

    def minimumSizeHint(self) -> QSize:
        return QSize(300, 120)

    def refresh(self, *, now: bool = False) -> None:
        at = self._clock.mono_ns()
        if not now and at - self._ticked_ns < _TICK_NS:
            return
        self._ticked_ns = at
        wall_ms = self._clock.wall_ns() // NS_PER_MS
        accounts = [exchange for exchange in self._desk.exchanges.values() if exchange.reports is not None]
        self._rows = [
            (exchange, found)
            for exchange in accounts
            if exchange.reports is not None
            for found in exchange.reports.compare(wall_ms)
        ]
        self._stack.setCurrentIndex(1 if self._rows else 0)
        self.model.show([_cells(exchange, found, wall_ms) for exchange, found in self._rows])
        self.held_model.show([cells for exchange in accounts for cells in _held_cells(exchange)])
        counts = [sum(found.verdict is kind for _, found in self._rows) for kind in Verdict]
        told = (f"{count} {kind.value}" for count, kind in zip(counts, Verdict, strict=True) if count)
        self.summary.setText("  ·  ".join(told))
        self._show_buttons()

    def _show_buttons(self, *_: QModelIndex) -> None:
        self.take.setEnabled(0 <= self.table.currentIndex().row() < len(self._rows))
        self.ask.setEnabled(bool(self._rows))

    def _ask(self) -> None:
        for exchange in self._desk.exchanges.values():
            exchange.ask_account()

    def _take(self) -> None:
        row = self.table.currentIndex().row()
        if 0 <= row < len(self._rows):
            exchange, found = self._rows[row]
            self._desk.spawn(exchange.take_rest(found.kind, found.key), "take REST")

    def _show_frame(self, index: QModelIndex) -> None:
        found = self._rows[index.row()][1]
        sides = [told for told in (found.stream, found.rest) if told is not None]
        chosen = found.rest if index.column() in (3, 5) and found.rest is not None else sides[0]
        if chosen.frame:
            self.frame_requested.emit(chosen.frame)


def _cells(exchange: ExchangeView, found: Comparison, wall_ms: int) -> Cells:
    what = found.key if found.kind == "balance" else f"Order {found.key}" + (f" {found.about}" if found.about else "")
    texts = (
        words.clean(what, 80),
        found.verdict.value,
        _says(found.kind, found.stream),
        _says(found.kind, found.rest),
        _when(found.stream, wall_ms),
        _when(found.rest, wall_ms),
        exchange.key,
    )
    return Cells(texts, _HEALTH[found.verdict])


def _says(kind: str, told: Told | None) -> str:
    if told is None:
        return words.DASH
    second = words.DASH if told.second is None else words.exact(told.second)
    if kind == "balance":
        return f"{words.exact(told.first)} total, {second} free"
    return f"{told.first}, {second} filled"


def _when(told: Told | None, wall_ms: int) -> str:
    if told is None:
        return ""
    frame = f" #{told.frame:,}" if told.frame else ""
    return f"{words.age(max(0, wall_ms - told.wall_ms) / 1000)} ago{frame}"


def _held_cells(exchange: ExchangeView) -> list[Cells]:
    rows = []
    for asset, hold in sorted(exchange.holds.items()):
        if not hold.held and not hold.bound:
            continue
        verdict = Verdict.EQUAL if hold.explained else Verdict.DIFFERENT
        difference = hold.held - hold.bound
        texts = (
            asset,
            "cannot be computed" if hold.unpriced else "explained" if hold.explained else "not explained",
            words.exact(hold.held),
            words.exact(hold.bound),
            words.exact(difference) if difference else str(Decimal(0)),
            exchange.key,
        )
        rows.append(Cells(texts, _HEALTH[verdict]))
    return rows


def _table(name: str, model: RowsModel, widths: tuple[int, ...]) -> QTableView:
    table = dense_table(name)
    table.setModel(model)
    table.horizontalHeader().setStretchLastSection(True)
    for column, width in enumerate(widths):
        table.setColumnWidth(column, theme.current().px(width))
    return table
