"""The life of one order: every line of its history with time and message, and its executions. It changes nothing."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.core.orders import OrderEvent
from app.core.types import Fill
from app.ui import theme
from app.ui.format import DASH, Display, clean, date_time, exact, plain, time
from app.ui.models.orders import OrderLine, frame_cell
from app.ui.models.orders_table import Cell, Column, LiveTable
from app.ui.models.orders_words import SIDE_WORDS, TYPE_WORDS, filled_of, side_tone, state_words
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel
from app.ui.panels.open_orders_table import LiveTableView

_TONES = {"UNKNOWN": "warning", "REJECTED": "error", "FAILED": "error", "FILLED": "live", "PARTIALLY_FILLED": "live"}


class _Event:
    def __init__(self, place: int, event: OrderEvent, started_ms: int) -> None:
        self.key: Hashable = place
        self.version: Hashable = 0
        self.event = event
        self.after_ms = event.wall_ms - started_ms


class _Execution:
    def __init__(self, fill: Fill, version: int) -> None:
        self.key: Hashable = (fill.id_space, fill.trade_id)
        self.version: Hashable = version
        self.fill = fill


def _after(row: _Event) -> Cell:
    ms = row.after_ms
    words = f"+{ms} ms" if ms < 10_000 else f"+{ms / 1000:,.1f} s"
    return Cell(words if ms > 0 else "", "secondary")


class OrderLifeDialog(QDialog):
    """Follows the order while open: call `refresh` per frame. `frame_requested` names the message of a line."""

    frame_requested = Signal(int)

    def __init__(self, line: OrderLine, display: Display | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self._line = line
        self._display = display or Display()
        self._seen: tuple[int, ...] = ()
        self.setWindowTitle(f"Order life · {line.order.pair} · {line.exchange.title}")
        self.resize(now.px(760), now.px(460))
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(14), now.px(12), now.px(14), now.px(12))
        column.setSpacing(now.px(8))
        column.addLayout(self._build_head(now))
        zone = self._display.zone
        self.history: LiveTable[_Event] = LiveTable(
            [
                Column(
                    "Time",
                    lambda r: Cell(
                        time(r.event.wall_ms, zone), "secondary", tip=date_time(r.event.wall_ms, zone, True)
                    ),
                    lambda r: r.key,
                    96,
                ),
                Column("After", _after, lambda r: r.after_ms, 76, right=True),
                Column(
                    "State",
                    lambda r: Cell(r.event.state.value, _TONES.get(r.event.state.value, "text"), bold=True),
                    lambda r: r.event.state.value,
                    140,
                ),
                Column("What happened", lambda r: Cell(clean(r.event.what)), lambda r: r.event.what, 240),
                Column("Source", lambda r: Cell(r.event.source, "secondary"), lambda r: r.event.source, 64),
                Column(
                    "Message",
                    lambda r: frame_cell(r.event.frame, r.event.source),
                    lambda r: r.event.frame or None,
                    70,
                ),
            ],
            sort_by=0,
            descending=False,
        )
        self.fills: LiveTable[_Execution] = LiveTable(
            [
                Column(
                    "Time",
                    lambda r: Cell(time(r.fill.exchange_ms, zone), "secondary"),
                    lambda r: r.fill.exchange_ms,
                    96,
                ),
                Column("Price", lambda r: Cell(line.price_text(r.fill.price)), lambda r: r.fill.price, 96, right=True),
                Column(
                    "Amount", lambda r: Cell(line.amount_text(r.fill.amount)), lambda r: r.fill.amount, 90, right=True
                ),
                Column(
                    "Fee",
                    lambda r: Cell(DASH if r.fill.fee is None else f"{exact(r.fill.fee)} {r.fill.fee_asset}"),
                    lambda r: r.fill.fee,
                    130,
                    right=True,
                ),
                Column(
                    "Liquidity",
                    lambda r: Cell({True: "maker", False: "taker", None: DASH}[r.fill.maker], "secondary"),
                    lambda r: str(r.fill.maker),
                    70,
                ),
                Column(
                    "Trade id", lambda r: Cell(clean(r.fill.trade_id, 40), "secondary"), lambda r: r.fill.trade_id, 150
                ),
                Column("Message", lambda r: frame_cell(r.fill.frame), lambda r: r.fill.frame or None, 70),
            ],
            sort_by=0,
            descending=False,
        )
        self.history_view = LiveTableView(self.history, "History of the order")
        self.history_view.horizontalHeader().setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.fills_view = LiveTableView(self.fills, "Executions of the order")
        self.fills_view.horizontalHeader().setSectionResizeMode(5, QHeaderView.ResizeMode.Stretch)
        self.history_view.activated_row.connect(self._show_event)
        self.history_view.cell_clicked.connect(self._event_clicked)
        self.fills_view.activated_row.connect(self._show_fill)
        self.fills_view.cell_clicked.connect(self._fill_clicked)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.history_view)
        split.addWidget(self.fills_view)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        column.addWidget(split, 1)
        column.addLayout(self._build_buttons())
        self.refresh()

    def refresh(self) -> None:
        order = self._line.order
        seen = (order.version, order.stale_answers, order.repeated_fills)
        if seen == self._seen:
            return
        self._seen = seen
        text, tone = state_words(order)
        self.state.say(text)
        self.state.tone(tone)
        self.ids.say(f"ours {order.client_order_id or DASH}   ·   exchange {order.exchange_order_id or DASH}")
        parts = [f"{filled_of(order)} filled"]
        if order.average_price is not None:
            parts.append(f"average {self._line.average_text()}")
        if order.repeated_fills:
            parts.append(f"duplicate trade id: {order.repeated_fills} ignored")
        if order.stale_answers:
            parts.append(f"stale answer: {order.stale_answers} ignored")
        if order.questions:
            parts.append(f"asked {order.questions} times")
        self.numbers.say("   ·   ".join(parts))
        started = order.history[0].wall_ms if order.history else 0
        self.history.feed(_Event(place, event, started) for place, event in enumerate(order.history))
        self.fills.feed(_Execution(fill, order.version) for fill in order.fills)

    def _build_head(self, now: theme.Theme) -> QGridLayout:
        order = self._line.order
        terms = order.terms
        size = f" {exact(terms.amount)}" if terms.amount is not None else ""
        if terms.amount is None and terms.quote_amount is not None:
            size = f" for {exact(terms.quote_amount)} {self._line.quote}"
        price = f" at {exact(terms.price)}" if terms.price is not None else ""
        stop = f", stop {exact(terms.stop_price)}" if terms.stop_price is not None else ""
        head = ToneLabel(f"{SIDE_WORDS[order.side]}{size} {self._line.base}{price}{stop}", side_tone(order.side))
        head.setFont(now.font(12.0, bold=True))
        kind = f"{TYPE_WORDS[terms.type]} {terms.time_in_force.value} on {self._line.exchange.title}"
        badge = self._line.exchange.kind
        self.state = ToneLabel("", "text")
        self.state.setFont(now.font(10.5, bold=True))
        self.ids = PlainLabel("", "secondary")
        self.ids.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.numbers = PlainLabel("", "secondary")
        grid = QGridLayout()
        grid.setHorizontalSpacing(now.px(10))
        grid.setVerticalSpacing(now.px(3))
        grid.addWidget(head, 0, 0)
        grid.addWidget(ToneLabel(badge, badge.lower(), badge=True), 0, 1)
        grid.addWidget(self.state, 0, 3, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(PlainLabel(kind, "secondary"), 1, 0, 1, 4)
        grid.addWidget(self.ids, 2, 0, 1, 4)
        grid.addWidget(self.numbers, 3, 0, 1, 4)
        grid.setColumnStretch(2, 1)
        return grid

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        copy = QPushButton("Copy")
        copy.setAccessibleName("Copy the order's life as text")
        copy.setAutoDefault(False)
        copy.clicked.connect(self._copy)
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(copy)
        row.addStretch(1)
        row.addWidget(close)
        return row

    def life_text(self) -> str:
        """Everything shown, one line per event, exact numbers."""
        order = self._line.order
        lines = [f"{self._line.exchange.key} {order.pair} {order.side} {self.ids.text()} {self.state.text()}"]
        for event in order.history:
            source = f" ({event.source})" if event.source else ""
            frame = f" #{event.frame}" if event.frame else ""
            lines.append(
                f"{date_time(event.wall_ms, milliseconds=True)} {event.state} {clean(event.what)}{source}{frame}"
            )
        for fill in order.fills:
            fee = DASH if fill.fee is None else f"{plain(fill.fee)} {fill.fee_asset}"
            at = date_time(fill.exchange_ms, milliseconds=True)
            lines.append(f"{at} fill {plain(fill.amount)} at {plain(fill.price)} fee {fee} trade {fill.trade_id}")
        return "\n".join(lines)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.life_text())

    def _event_clicked(self, row: _Event, column: int) -> None:
        if column == len(self.history.columns) - 1:
            self._show_event(row)

    def _fill_clicked(self, row: _Execution, column: int) -> None:
        if column == len(self.fills.columns) - 1:
            self._show_fill(row)

    def _show_event(self, row: _Event) -> None:
        if row.event.frame:
            self.frame_requested.emit(row.event.frame)

    def _show_fill(self, row: _Execution) -> None:
        if row.fill.frame:
            self.frame_requested.emit(row.fill.frame)
