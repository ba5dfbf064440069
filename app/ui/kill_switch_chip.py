"""The countdown of armed kill switches on top of the window, and the sign of life that keeps them from firing."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QToolButton, QWidget

from app.core.kill_switch import KillSwitchState
from app.ui import theme
from app.ui.desk import Desk
from app.ui.dialogs.kill_switch import switch_words

_EVERY_MS = 500


class KillSwitchChip(QToolButton):
    """Shown while any timer runs or has expired. It has its own timer: a minimised window is alive but not painted."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(_EVERY_MS)
        self.refresh()

    def stop(self) -> None:
        """No more signs of life."""
        self._timer.stop()

    def refresh(self) -> None:
        running = []
        for exchange in self._desk.exchanges.values():
            if exchange.kill_switch is not None:
                exchange.kill_switch.beat()
                if exchange.kill_switch.state is not KillSwitchState.OFF:
                    running.append((exchange, exchange.kill_switch))
        self.setVisible(bool(running))
        if not running:
            return
        expired = [switch for _, switch in running if switch.state is KillSwitchState.EXPIRED]
        live = [switch for _, switch in running if switch.state is not KillSwitchState.EXPIRED]
        soonest = min((switch.remaining_s for switch in live), default=0.0)
        text = "Kill switch expired" if expired else f"Kill switch {soonest:.0f} s"
        alarmed = bool(expired) or any(switch.trouble for switch in live)
        told = "\n".join(f"{exchange.title}: {switch_words(switch)[0]}" for exchange, switch in running)
        self.setText(text)
        self.setToolTip(told)
        self.setAccessibleName(f"{text}. {told}")
        now = theme.current()
        ink = now.error if alarmed else now.warning
        back = theme.mix(ink, now.panel, 0.18).name()
        style = (
            f"QToolButton {{ color: {ink.name()}; background: {back}; border: 1px solid {ink.name()};"
            f" border-radius: {now.px(4)}px; padding: {now.px(2)}px {now.px(8)}px; font-weight: 600; }}"
        )
        if style != self.styleSheet():
            self.setStyleSheet(style)
