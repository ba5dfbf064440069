"""Arming an exchange's own cancel-all timer: which account, how long, and what it means. It cancels nothing itself."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QGridLayout, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from app.core.kill_switch import KillSwitchState
from app.ui import theme
from app.ui.desk import Desk, ExchangeView, KillSwitchView
from app.ui.format import clean
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

_DEFAULT_S = 60


class KillSwitchDialog(QDialog):
    """Not modal. Call `refresh` while it is open."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self._desk = desk
        self.setWindowTitle("Kill switch")
        self.setMinimumWidth(now.px(460))
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(16), now.px(14), now.px(16), now.px(14))
        column.setSpacing(now.px(10))
        title = PlainLabel("Let the exchange cancel everything if this desk falls silent", "title")
        title.setFont(now.font(11.5, bold=True))
        title.setWordWrap(True)
        column.addWidget(title)
        grid = QGridLayout()
        grid.setHorizontalSpacing(now.px(10))
        grid.setColumnStretch(1, 1)
        self.account = QComboBox()
        self.account.setAccessibleName("Account")
        self.seconds = QSpinBox()
        self.seconds.setSuffix(" s")
        self.seconds.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.seconds.setAccessibleName("Seconds of silence after which everything is cancelled")
        for at, (words, widget) in enumerate((("Account", self.account), ("After", self.seconds))):
            label = PlainLabel(words, "secondary")
            label.setBuddy(widget)
            grid.addWidget(label, at, 0)
            grid.addWidget(widget, at, 1)
        column.addLayout(grid)
        self.meaning = PlainLabel("", "secondary")
        self.meaning.setWordWrap(True)
        column.addWidget(self.meaning)
        self.state = ToneLabel("", "text")
        self.state.setFont(now.font(10.5, bold=True))
        self.state.setWordWrap(True)
        column.addWidget(self.state)
        self.without = PlainLabel("", "secondary")
        self.without.setWordWrap(True)
        column.addWidget(self.without)
        row = QHBoxLayout()
        self.arm = self._button("Arm", self._arm, "primary")
        self.disarm = self._button("Disarm", self._disarm, "")
        close = self._button("Close", self.accept, "")
        for button in (self.arm, self.disarm):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(close)
        column.addLayout(row)
        self._fill()
        self.account.currentIndexChanged.connect(self._chosen)
        self.seconds.valueChanged.connect(self.refresh)
        self._chosen()

    def refresh(self, *_: object) -> None:
        exchange, switch = self._current()
        for widget in (self.account, self.seconds):
            widget.setEnabled(switch is not None)
        if exchange is None or switch is None:
            self.meaning.say("No account here has such a timer.")
            self.state.say("")
            self.arm.setEnabled(False)
            self.disarm.setEnabled(False)
            return
        seconds = self.seconds.value()
        kind = "PAPER" if exchange.paper else "LIVE"
        self.meaning.say(
            f"{kind} {exchange.title} cancels every open order of this account unless it is asked again in time. "
            f"While this window runs it is asked every {switch.every(seconds):.0f} s. If the program, the computer or "
            f"the network stops, every order ends at most {seconds} s later. Closing Depthdesk lets it run out."
        )
        words, tone = switch_words(switch)
        self.state.tone(tone)
        self.state.say(words)
        running = switch.state in (KillSwitchState.ARMING, KillSwitchState.ARMED)
        # One that an earlier session left running is not renewed here: its length is not known.
        same = running and switch.seconds == seconds
        self.arm.setText("Arm anew" if running else "Arm")
        self.arm.setEnabled(not same and switch.state is not KillSwitchState.DISARMING)
        self.disarm.setEnabled(running)

    def _fill(self) -> None:
        accounts = [exchange for exchange in self._desk.exchanges.values() if exchange.has_account]
        for exchange in accounts:
            if exchange.kill_switch is not None:
                self.account.addItem(f"{exchange.title} ({'PAPER' if exchange.paper else 'LIVE'})", exchange.key)
        names = [exchange.title for exchange in accounts if exchange.kill_switch is None]
        self.without.say(f"No such timer for spot accounts: {', '.join(names)}." if names else "")
        self.without.setVisible(bool(names))

    def _current(self) -> tuple[ExchangeView | None, KillSwitchView | None]:
        exchange = self._desk.exchanges.get(self.account.currentData() or "")
        return exchange, None if exchange is None else exchange.kill_switch

    def _chosen(self, *_: object) -> None:
        _, switch = self._current()
        if switch is not None:
            self.seconds.setRange(switch.least_s, switch.most_s)
            self.seconds.setValue(switch.seconds or _DEFAULT_S)
        self.refresh()

    def _arm(self) -> None:
        _, switch = self._current()
        if switch is not None:
            switch.arm(self.seconds.value())
        self.refresh()

    def _disarm(self) -> None:
        _, switch = self._current()
        if switch is not None:
            switch.disarm()
        self.refresh()

    def _button(self, words: str, slot: object, role: str) -> QPushButton:
        button = QPushButton(words)
        button.setAccessibleName(f"{words} the kill switch" if words != "Close" else words)
        button.setAutoDefault(False)
        if role:
            button.setProperty("role", role)
        button.clicked.connect(slot)
        return button


def switch_words(switch: KillSwitchView) -> tuple[str, str]:
    """One line about the timer, and the name of its colour."""
    trouble = clean(switch.trouble, 200)
    left = f"{switch.remaining_s:.0f} s"
    match switch.state:
        case KillSwitchState.OFF:
            return (f"Off: {trouble}", "error") if trouble else ("Off", "secondary")
        case KillSwitchState.ARMING:
            return f"Arming… {trouble}".rstrip(), "warning" if trouble else "secondary"
        case KillSwitchState.ARMED:
            if trouble:
                return f"Fires in {left}. {trouble}", "error"
            return f"Armed: fires in {left} unless renewed, every {switch.every_s:.0f} s", "live"
        case KillSwitchState.DISARMING:
            return f"Disarming… {trouble}".rstrip(), "warning"
        case KillSwitchState.EXPIRED:
            return f"Expired: {trouble}", "error"
