"""Arms an account with real money for orders after one question, and makes it safe again when nobody is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QMessageBox, QToolButton

from app.ui import theme
from app.ui.auto_lock import AutoLock
from app.ui.desk import ExchangeView
from app.ui.dialogs.warning_question import ask
from app.ui.format import clean

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

_EVERY_MS = 250


class ArmingControl(QObject):
    """`chip` is for the market's account; all accounts are made safe together after `minutes` without input."""

    def __init__(self, window: MainWindow, minutes: int) -> None:
        super().__init__(window)
        self._window = window
        self._desk = window.workspace
        self._minutes = minutes
        self._shown: tuple[object, ...] = ()
        self.question: QMessageBox | None = None
        self.chip = QToolButton()
        self.chip.clicked.connect(self.toggle)
        self.chip.hide()
        self.idle = AutoLock(minutes, self)
        self.idle.elapsed.connect(lambda: self.make_safe(f"nobody touched anything for {minutes} min"))
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(_EVERY_MS)

    def stop(self) -> None:
        self._timer.stop()
        self.idle.stop()

    def toggle(self) -> None:
        """Make the market's account safe, or ask whether to arm it. Nothing for an account without real money."""
        exchange = self._exchange()
        if exchange is None or not exchange.has_account or not exchange.arming.needed or exchange.no_orders:
            return
        if exchange.arming.armed:
            self._set(exchange, False, "by you")
        elif self.question is None:
            self._ask(exchange)

    def make_safe(self, why: str) -> None:
        """No account is armed any more."""
        for exchange in self._desk.exchanges.values():
            if exchange.arming.armed:
                self._set(exchange, False, why)

    def refresh(self) -> None:
        armed = [each for each in self._desk.exchanges.values() if each.arming.armed]
        self.idle.watch(bool(armed))
        exchange = self._exchange()
        needed = exchange is not None and exchange.has_account and exchange.arming.needed and not exchange.no_orders
        here = needed and exchange is not None and exchange.arming.armed
        left_s = max(self.idle.left_ms, 0) // 1000
        titles = ", ".join(clean(each.title) for each in armed)
        state = (needed, here, left_s, titles, id(theme.current()))
        if state == self._shown:
            return
        self._shown = state
        word = "ARMED" if here else "SAFE"
        told = f"ARMED {left_s // 60}:{left_s % 60:02d}" if armed else "SAFE" if needed else ""
        self._window.status.set_armed(told, bool(armed))
        self.chip.setVisible(needed)
        if not needed or exchange is None:
            return
        self.chip.setText(word)
        action = "Click to make it safe" if here else "Click to arm it"
        others = f"\nArmed: {titles}" if armed else ""
        words = f"{clean(exchange.title)}: {word}. {action} (Ctrl+T)"
        self.chip.setToolTip(f"{words}{others}\nSafe again after {self._minutes} min without input.")
        self.chip.setAccessibleName(words)
        now = theme.current()
        ink = now.error if here else now.secondary
        back = theme.mix(ink, now.panel, 0.18).name() if here else "transparent"
        self.chip.setStyleSheet(
            f"QToolButton {{ color: {ink.name()}; background: {back}; border: 1px solid {ink.name()};"
            f" border-radius: {now.px(4)}px; padding: {now.px(2)}px {now.px(10)}px; font-weight: 700; }}"
        )

    def _exchange(self) -> ExchangeView | None:
        market = self._window.market
        return self._desk.exchanges.get(market[0]) if market is not None else None

    def _ask(self, exchange: ExchangeView) -> None:
        title, key = clean(exchange.title), exchange.key

        def arm() -> None:
            # Another object may stand for this account by now: after a lock it has to be asked about again.
            if self._desk.exchanges.get(key) is exchange:
                self._set(exchange, True, "by you")

        self.question = ask(
            self._window,
            "Arm trading",
            f"Orders with real money can be placed on {title} from then on, each after its own question. It is safe "
            f"again when you make it so, when the account is locked, or after {self._minutes} min without input.",
            yes=f"Arm {title}",
            no="Stay safe",
            act=arm,
        )
        self.question.finished.connect(self._on_answered)

    def _on_answered(self, _result: int) -> None:
        self.question = None

    def _set(self, exchange: ExchangeView, armed: bool, why: str) -> None:
        if armed:
            exchange.arming.arm()
            self._desk.notices.warning(exchange.key, f"ARMED for trading {why}")
        else:
            exchange.arming.disarm()
            self._desk.notices.info(exchange.key, f"SAFE: trading is not armed any more, {why}")
        self.refresh()
