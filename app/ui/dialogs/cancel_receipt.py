"""What a cancel asked for and what became of each order, leftovers first and red. It sends nothing itself."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QHeaderView, QPushButton, QVBoxLayout, QWidget

from app.core.cancellation import CancelOutcome
from app.ui import theme
from app.ui.format import clean, exact
from app.ui.models.orders import exchange_cell
from app.ui.models.orders_table import Cell, Column, LiveTable
from app.ui.models.orders_words import SIDE_WORDS, side_tone, state_words
from app.ui.panels.open_orders_cancel import CancelJob, CancelLine, outcome_words
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel
from app.ui.panels.open_orders_table import LiveTableView

_TONES = {
    None: "secondary",
    CancelOutcome.CANCELED: "live",
    CancelOutcome.ACCEPTED: "text",
    CancelOutcome.FILLED_FIRST: "warning",
    CancelOutcome.GONE: "secondary",
    CancelOutcome.REFUSED: "error",
    CancelOutcome.UNKNOWN: "error",
    CancelOutcome.QUEUED: "warning",
}


class _Row:
    def __init__(self, line: CancelLine, place: int) -> None:
        self.line = line
        self.key: Hashable = place
        order = line.order
        self.version: Hashable = (line.outcome, line.words, order.version if order else 0)


def _order_cell(row: _Row) -> Cell:
    order = row.line.order
    if order is None:
        return Cell(clean(row.line.order_key, 40), "secondary")
    terms = order.terms
    size = f" {exact(order.remaining)}" if order.remaining is not None else ""
    price = f" at {exact(terms.price)}" if terms.price is not None else ""
    return Cell(f"{SIDE_WORDS[order.side]}{size}{price}", side_tone(order.side), tip=order.key)


def _outcome_cell(row: _Row) -> Cell:
    line = row.line
    leftover = line.left_over
    if line.outcome in (CancelOutcome.REFUSED, CancelOutcome.UNKNOWN) and not leftover:
        return Cell(f"{outcome_words(line.outcome)}; now closed", "secondary")
    return Cell(outcome_words(line.outcome), _TONES[line.outcome], bold=leftover)


def _state_cell(row: _Row) -> Cell:
    if row.line.order is None:
        return Cell("–", "secondary")
    text, tone = state_words(row.line.order)
    return Cell(text, tone)


def _rank(row: _Row) -> tuple[int, int]:
    place = row.key if isinstance(row.key, int) else 0
    return (0 if row.line.left_over else 1, place)


_COLUMNS: list[Column[_Row]] = [
    Column("Account", lambda r: exchange_cell(r.line.exchange), lambda r: r.line.exchange.key, 126),
    Column("Market", lambda r: Cell(r.line.pair, bold=True), lambda r: r.line.pair, 90),
    Column("Order", _order_cell, lambda r: r.line.order_key, 190),
    Column("Outcome", _outcome_cell, _rank, 170),
    Column("State now", _state_cell, lambda r: _state_cell(r).text, 130),
    Column(
        "Exchange says",
        lambda r: Cell(clean(r.line.words), "secondary", tip=clean(r.line.words)),
        lambda r: r.line.words,
        200,
    ),
]


class CancelReceiptDialog(QDialog):
    """Not modal: orders go on living behind it. `retry_wanted` carries the leftover lines."""

    retry_wanted = Signal(object)

    def __init__(self, job: CancelJob, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self.setWindowFlag(Qt.WindowType.WindowContextHelpButtonHint, False)
        self.resize(now.px(900), now.px(320))
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(14), now.px(12), now.px(14), now.px(12))
        column.setSpacing(now.px(8))
        self.verdict = ToneLabel("", "text")
        self.verdict.setFont(now.font(12.0, bold=True))
        column.addWidget(self.verdict)
        self.summary = PlainLabel("", "secondary")
        self.summary.setWordWrap(True)
        column.addWidget(self.summary)
        self.model: LiveTable[_Row] = LiveTable(_COLUMNS, sort_by=3, descending=False)
        self.table = LiveTableView(self.model, "Cancelled orders")
        self.table.horizontalHeader().setSectionResizeMode(5, QHeaderView.ResizeMode.Stretch)
        column.addWidget(self.table, 1)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self.retry = QPushButton("Retry")
        self.retry.setProperty("role", "danger")
        self.retry.setAutoDefault(False)
        self.retry.clicked.connect(self._ask_retry)
        self.done_button = QPushButton("Close")
        self.done_button.setDefault(True)
        self.done_button.clicked.connect(self.accept)
        buttons.addWidget(self.retry)
        buttons.addWidget(self.done_button)
        column.addLayout(buttons)
        self._forget = self._nothing
        self._job = job
        self.follow(job)

    @property
    def job(self) -> CancelJob:
        return self._job

    def follow(self, job: CancelJob) -> None:
        """Show this command from now on."""
        self._forget()
        self._job = job
        self._forget = job.changed.connect(self._changed)
        self.setWindowTitle(job.title)
        self.refresh()

    def refresh(self) -> None:
        """Orders may end after their exchange has answered: leftovers that closed are no leftovers."""
        job = self._job
        self.model.feed(_Row(line, place) for place, line in enumerate(job.lines))
        left = len(job.left_over)
        if not job.finished:
            self._say(f"{job.title}…", "text")
        elif not job.lines:
            self._say("Nothing to cancel", "text")
        elif left:
            self._say(f"{left} of {len(job.lines)} may still be open", "error")
        else:
            self._say(f"{job.title}: done", "live")
        self.summary.say(job.words())
        self.retry.setText(f"Retry {left}")
        self.retry.setAccessibleName(f"Cancel the {left} left over again")
        self.retry.setVisible(left > 0)
        self.retry.setEnabled(job.finished)

    def done(self, result: int) -> None:
        self._forget()
        self._forget = self._nothing
        super().done(result)

    def _say(self, words: str, tone: str) -> None:
        self.verdict.say(words)
        self.verdict.tone(tone)

    def _changed(self, _nothing: None) -> None:
        self.refresh()

    def _ask_retry(self) -> None:
        self.retry.setEnabled(False)
        self.retry_wanted.emit(self._job.left_over)

    @staticmethod
    def _nothing() -> None:
        return
