"""The foot of a table of past orders or fills: how far back it reaches, and the button for more. Asks for nothing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.core.past import HistoryState
from app.ui import theme
from app.ui.desk import Desk, ExchangeView, PastOrders
from app.ui.format import Display, clean, moment
from app.ui.panels.open_orders_frame import ElidedLabel


class PastFoot(QWidget):
    """`kind` is "orders" or "fills". Call `refresh` per frame."""

    def __init__(self, desk: Desk, kind: str, display: Display, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self._desk = desk
        self._kind = kind
        self._display = display
        self._seen: tuple[object, ...] | None = None
        self.setFixedHeight(now.px(24))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, now.px(4), 0)
        row.setSpacing(now.px(8))
        self.words = ElidedLabel(role="secondary")
        self.words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.words, 1)
        self.older = QPushButton()
        self.older.setProperty("role", "flat")
        self.older.setAutoDefault(False)
        self.older.clicked.connect(self._load)
        row.addWidget(self.older)
        self.refresh()

    def share_row_with(self, footer: QWidget, column: QVBoxLayout) -> None:
        """Stand at the right of the footer, at the end of that column."""
        column.removeWidget(footer)
        row = QHBoxLayout()
        row.setSpacing(theme.current().px(8))
        row.addWidget(footer, 1)
        row.addWidget(self, 1)
        column.addLayout(row)

    def refresh(self) -> None:
        accounts = self._accounts()
        seen = tuple((exchange.key, id(past), past.version) for exchange, past in accounts)
        if seen == self._seen:
            return
        self._seen = seen
        self.setVisible(bool(accounts))
        one = len(accounts) == 1
        parts = [self._told(past) if one else f"{exchange.title}: {self._told(past)}" for exchange, past in accounts]
        self.words.say("  ·  ".join(parts))
        pasts = [past for _, past in accounts]
        days = [past.next_days or 0 for past in pasts]
        busy = any(past.state in (HistoryState.LOADING, HistoryState.WAITING) for past in pasts)
        again = any(past.state is HistoryState.REFUSED for past in pasts)
        text = "Loading…" if busy else "Try again" if again else f"Load {max(days, default=0)} days"
        self.older.setText(text)
        self.older.setAccessibleName(f"{text}: ask the exchange for older orders and fills")
        self.older.setToolTip("Asks for orders and fills of more days, when nothing more urgent waits")
        self.older.setEnabled(not busy)
        self.older.setVisible(any(days))

    def _accounts(self) -> Sequence[tuple[ExchangeView, PastOrders]]:
        return [(exchange, exchange.history) for exchange in self._desk.exchanges.values() if exchange.history]

    def _told(self, past: PastOrders) -> str:
        kind, count = self._kind, past.orders if self._kind == "orders" else past.fills
        match past.state:
            case HistoryState.OFF:
                return f"past {kind} are not asked for at the start"
            case HistoryState.WAITING:
                return f"past {kind}: waiting for the account"
            case HistoryState.LOADING:
                return f"loading past {kind}: {past.orders} orders, {past.fills} fills so far"
            case HistoryState.REFUSED:
                reason = clean(past.reason, 120) or "ended by closing"
                known = f"; known since {self._time(past.since_ms)}" if past.since_ms else ""
                return f"older {kind} not loaded: {reason}{known}"
            case HistoryState.LOADED:
                return self._loaded(past, count)

    def _loaded(self, past: PastOrders, count: int) -> str:
        noun = self._kind if count != 1 else self._kind[:-1]
        words = f"{count} {noun} since {self._time(past.since_ms)}"
        if self._kind == "orders" and past.order_days:
            words = f"{count} {noun} of the last {past.order_days} days, the longest the exchange lists them"
        elif past.next_days is None and past.kept_days:
            words = f"all loaded: {count} {noun} of the {past.kept_days} days the exchange keeps"
        elif past.next_days is None:
            words += ", the furthest that is asked for"
        if past.undescribed and self._kind == "fills":
            words += f"; {past.undescribed} of orders it tells no more are left out"
        return words

    def _time(self, ms: int) -> str:
        return f"{moment(ms, self._display.zone):%Y-%m-%d %H:%M}"

    def _load(self) -> None:
        for _, past in self._accounts():
            past.load_older()
        self.refresh()
