"""What accounts wait for, in strips above the panels: the keyring, the vault's password, the user's word."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.account_desk import AccountDesk, AccountRow, Phase
from app.core.clock import NS_PER_S, Clock, SystemClock
from app.ui import theme
from app.ui.format import clean
from app.ui.panels.open_orders_frame import ElidedLabel, ToneLabel

_MOST = 3
_TICK_MS = 500
_SOON_S = 1.0


class AccountsBar(QWidget):
    """One strip per thing to know; hidden when there is none. The signals carry an account's name."""

    unlock_asked = Signal()
    accept_asked = Signal(str)
    again_asked = Signal(str)
    cancel_asked = Signal(str)
    password_asked = Signal(str)

    def __init__(self, desk: AccountDesk, clock: Clock | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._clock = clock or SystemClock()
        self._shown: list[tuple[str, ...]] = []
        self._strips: list[_Strip] = []
        self._put_away: set[str] = set()
        self.setAccessibleName("Accounts that wait")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.refresh)
        self.hide()

    def finish(self) -> None:
        self._tick.stop()

    def texts(self) -> list[str]:
        """What the strips say, top to bottom."""
        return [strip.says for strip in self._strips]

    def button(self, name: str) -> QPushButton | None:
        """By its words, on the first strip that has it."""
        return next((button for strip in self._strips for button in strip.buttons if button.text() == name), None)

    def refresh(self) -> None:
        rows = list(self._desk.used_rows)
        self._put_away &= {row.info.label for row in rows if row.phase is Phase.FAILED}
        strips = [strip for row in rows if (strip := self._strip_of(row))]
        if locked := [row for row in rows if row.phase is Phase.LOCKED]:
            names = ", ".join(clean(row.info.label, 32) for row in locked[:4]) + ("…" if len(locked) > 4 else "")
            strips.insert(0, ("warning", f"LOCKED: {names} · market data goes on, no order can be sent", "unlock"))
        strips = strips[:_MOST]
        # Words that count seconds change in place; a button under the mouse must not be another one every second.
        if [(strip[0], *strip[2:]) for strip in strips] != [(strip[0], *strip[2:]) for strip in self._shown]:
            self._build(strips)
        for strip, (_, words, *_rest) in zip(self._strips, strips, strict=True):
            strip.say(words)
        self._shown = strips
        self.setVisible(bool(strips))
        waits = any(row.phase is Phase.OPENING for row in rows)
        if waits and not self._tick.isActive():
            self._tick.start()
        elif not waits:
            self._tick.stop()

    def _strip_of(self, row: AccountRow) -> tuple[str, ...] | None:
        label = row.info.label
        name = clean(label, 32)
        if row.phase is Phase.OPENING:
            waited_s = (self._clock.boot_ns() - row.since_ns) / NS_PER_S
            if row.words:
                return ("warning", f"{name}: {clean(row.words, 300)}", "cancel", label)
            if row.waits_for_keyring and waited_s >= _SOON_S:
                words = f"{name}: waiting for the keyring {waited_s:.0f} s · its question may be behind another window"
                return ("warning", words, "password", label, "cancel", label)
        elif row.phase is Phase.FAILED and label not in self._put_away:
            return ("error", f"{name} is not open: {clean(row.words, 300)}", "again", label, "away", label)
        elif row.phase is Phase.OPEN and row.standing.needs_consent:
            return ("error", f"{name}: this key can move money away · no order can be sent", "accept", label)
        return None

    def _build(self, strips: list[tuple[str, ...]]) -> None:
        for strip in self._strips:
            self._column.removeWidget(strip)
            strip.hide()
            strip.deleteLater()
        self._strips = []
        for tone, words, *actions in strips:
            strip = _Strip(tone, words)
            asked = iter(actions)
            for what in asked:
                label = "" if what == "unlock" else next(asked)
                self._add_button(strip, what, label)
            self._column.addWidget(strip)
            self._strips.append(strip)

    def _add_button(self, strip: _Strip, what: str, label: str) -> None:
        words, signal = {
            "unlock": ("Unlock…", self.unlock_asked),
            "accept": ("Read and accept…", self.accept_asked),
            "again": ("Try again", self.again_asked),
            "cancel": ("Cancel", self.cancel_asked),
            "password": ("Use a password…", self.password_asked),
            "away": ("Dismiss", None),
        }[what]
        button = strip.add(words, label)
        if what == "away":
            button.clicked.connect(lambda _checked=False: self._dismiss(label))
        elif what == "unlock":
            button.clicked.connect(lambda _checked=False: self.unlock_asked.emit())
        else:
            button.clicked.connect(lambda _checked=False: signal.emit(label))

    def _dismiss(self, label: str) -> None:
        self._put_away.add(label)
        self.refresh()


class _Strip(QFrame):
    def __init__(self, tone: str, words: str) -> None:
        super().__init__()
        look = theme.current()
        colour = getattr(look, tone).name()
        self.says = ""
        self.buttons: list[QPushButton] = []
        self.setObjectName("accounts-strip")
        self.setStyleSheet(
            f"QFrame#accounts-strip {{ background: {look.raised.name()}; border-left: 4px solid {colour}; }}"
        )
        self._words = ElidedLabel("")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(look.px(8), look.px(2), look.px(6), look.px(2))
        self._row.setSpacing(look.px(8))
        self._row.addWidget(ToneLabel("ACCOUNTS", tone, badge=True))
        self._row.addWidget(self._words, 1)
        self.say(words)

    def say(self, words: str) -> None:
        if words != self.says:
            self.says = words
            self._words.say(words)
            self.setAccessibleName(words)

    def add(self, words: str, label: str) -> QPushButton:
        button = QPushButton(words)
        button.setAutoDefault(False)
        button.setAccessibleName(f"{words.rstrip('…')}: {clean(label, 32)}" if label else words.rstrip("…"))
        self._row.addWidget(button)
        self.buttons.append(button)
        return button
