"""A button that has the exchange check an order without placing it, and what it answered. It places nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.core.order_preview import OrderPreview
from app.core.trading_rule import OrderDraft
from app.ui.desk import ExchangeView
from app.ui.format import clean, exact
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

_LOOK_MS = 60
NOTHING_PLACED = "Nothing was placed."


@dataclass
class _Answer:
    """Filled by the background; read by the widget, which may be gone by then."""

    preview: OrderPreview | None = None
    error: str = ""


class TestOnExchange(QWidget):
    """`spawn` runs work in the background. `frame_requested` names the answer's message."""

    __test__ = False
    frame_requested = Signal(int)

    def __init__(
        self,
        exchange: ExchangeView,
        draft: OrderDraft,
        spawn: Callable[[Coroutine[Any, Any, None], str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._exchange = exchange
        self._draft = draft
        self._spawn = spawn
        self._waiting: _Answer | None = None
        self._frame = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        self.button = QPushButton(f"Test on {exchange.title}")
        self.button.setAccessibleName(f"Have {exchange.title} check this order without placing it")
        self.button.setToolTip("Sends the order as a test: the exchange checks it and places nothing")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self._ask)
        row.addWidget(self.button)
        row.addStretch(1)
        self.message = QToolButton()
        self.message.clicked.connect(self._show_message)
        self.message.hide()
        row.addWidget(self.message)
        column.addLayout(row)
        self.verdict = ToneLabel("", "text")
        self.facts = PlainLabel("", "secondary")
        for label in (self.verdict, self.facts):
            label.setWordWrap(True)
            label.hide()
            column.addWidget(label)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        if not exchange.can_preview:
            self.button.hide()
            self._say(f"{exchange.title} has no test orders.", "secondary", "")

    def _ask(self) -> None:
        if self._waiting is None:
            self._waiting = answer = _Answer()
            self.button.setEnabled(False)
            self._say(f"Asking {self._exchange.title}…", "secondary", "")
            self._spawn(_fetch(self._exchange, self._draft, answer), "test order")
            self._timer.start()
            self._look()

    def _look(self) -> None:
        answer = self._waiting
        if answer is None or (answer.preview is None and not answer.error):
            return
        self._waiting = None
        self._timer.stop()
        self.button.setEnabled(True)
        if answer.preview is None:
            self._say(f"Not tested: {clean(answer.error, 200)}", "error", NOTHING_PLACED)
            return
        told = answer.preview
        facts = [f"fee {exact(told.fee)} {told.fee_asset}" if told.fee is not None else "it tells no fee"]
        if told.total is not None:
            facts.append(f"total {exact(told.total)} {self._draft.pair.partition('-')[2]}")
        if told.slippage is not None:
            facts.append(f"slippage {exact(told.slippage)} (in its own unit)")
        facts += [f"warning: {clean(words, 160)}" for words in told.warnings]
        facts.append(NOTHING_PLACED)
        title = self._exchange.title
        if told.problems:
            words = "; ".join(clean(words, 160) for words in told.problems)
            self._say(f"{title} would refuse it: {words}", "error", NOTHING_PLACED)
        else:
            self._say(f"{title} would take this order.", "live", "  ·  ".join(facts))
        self._frame = told.frame
        self.message.setText(f"Message #{told.frame}")
        self.message.setAccessibleName(f"Show message {told.frame} in the stream inspector")
        self.message.setVisible(told.frame > 0)

    def _say(self, words: str, tone: str, facts: str) -> None:
        self.verdict.tone(tone)
        self.verdict.say(words)
        self.verdict.setVisible(bool(words))
        self.facts.say(facts)
        self.facts.setVisible(bool(facts))

    def _show_message(self) -> None:
        if self._frame:
            self.frame_requested.emit(self._frame)


async def _fetch(exchange: ExchangeView, draft: OrderDraft, answer: _Answer) -> None:
    try:
        answer.preview = await exchange.preview(draft)
    except Exception as error:
        answer.error = str(error) or type(error).__name__
