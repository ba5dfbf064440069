"""The kept accounts in the exchanges dialog: what each may do, and the buttons to open, close and forget it."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.account_desk import AccountDesk, AccountRow, Phase
from app.credentials.account_info import AccountInfo, Lock
from app.credentials.errors import VaultError
from app.ui import theme
from app.ui.dialogs.add_account_lamps import RightsLamps
from app.ui.format import clean, date_time
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

_NONE = "No account is kept yet. Keys are kept encrypted on this computer, under its keyring or a password."
_STATES = {
    Phase.CLOSED: ("closed", "secondary"),
    Phase.OPENING: ("opening…", "warning"),
    Phase.LOCKED: ("locked", "warning"),
    Phase.OPEN: ("open", "live"),
    Phase.FAILED: ("not open", "error"),
}


class AccountsSeam(Protocol):
    """What the list asks of the window; see `AccountsControl`."""

    @property
    def desk(self) -> AccountDesk: ...
    def add_account(self, exchange: str = "") -> None: ...
    def open(self, label: str) -> None: ...
    def unlock(self) -> None: ...
    def ask_removal(self, info: AccountInfo) -> None: ...


class KeptAccounts(QWidget):
    """One card per account. `close_asked` carries an account's name."""

    close_asked = Signal(str)

    def __init__(self, accounts: AccountsSeam, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._accounts = accounts
        self._seen: object = None
        self.cards: dict[str, _Card] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.current().px(6))
        self._disconnect = accounts.desk.changed.connect(lambda _label: self.refresh())
        self.refresh()

    def finish(self) -> None:
        self._disconnect()

    def refresh(self) -> None:
        """List anew what is kept."""
        problem = ""
        rows: list[AccountRow] = []
        try:
            rows = self._accounts.desk.rows()
            problem = "; ".join(self._accounts.desk.vault.problems)
        except VaultError as error:
            problem = str(error)
        if self._seen == (rows, problem):
            return
        self._seen = (rows, problem)
        while item := self._column.takeAt(0):
            if (gone := item.widget()) is not None:
                gone.hide()
                gone.deleteLater()
        self.cards = {}
        if problem:
            label = PlainLabel(clean(problem, 600), "error")
            label.setWordWrap(True)
            self._column.addWidget(label)
        if not rows and not problem:
            none = PlainLabel(
                _NONE,
                "secondary",
            )
            none.setWordWrap(True)
            self._column.addWidget(none)
        for row in rows:
            card = self.cards[row.info.label] = _Card(row, self._accounts)
            card.close_asked.connect(self.close_asked)
            self._column.addWidget(card)


class _Card(QFrame):
    close_asked = Signal(str)

    def __init__(self, row: AccountRow, accounts: AccountsSeam) -> None:
        super().__init__()
        now = theme.current()
        info = row.info
        spec = accounts.desk.exchanges.get(info.exchange)
        self.setProperty("role", "card")
        self.label = PlainLabel(clean(info.label, 40), "title")
        title = clean(spec.title if spec is not None else info.exchange, 40)
        self.where = PlainLabel(f"{title}, {_place(info)}", "secondary")
        lab = bool(info.lab)
        badge = ToneLabel("LAB" if lab else "LIVE", "lab" if lab else "live", badge=True)
        words, tone = _STATES[row.phase]
        self.state = ToneLabel(words, tone)
        self.state.setAccessibleName(f"{info.label} is {words}")
        head = QHBoxLayout()
        head.setSpacing(now.px(8))
        head.addWidget(self.label)
        middle = Qt.AlignmentFlag.AlignVCenter
        head.addWidget(badge, 0, middle)
        head.addWidget(self.where)
        for mark in row.standing.marks:
            word = ToneLabel(mark.word, mark.tone.value, badge=True)
            word.setToolTip(mark.tip)
            head.addWidget(word, 0, middle)
        head.addStretch(1)
        head.addWidget(self.state)
        self.buttons: dict[str, QPushButton] = {}
        if row.phase is Phase.LOCKED:
            self._button(head, "Unlock…", accounts.unlock)
        elif row.phase in (Phase.CLOSED, Phase.FAILED):
            self._button(head, "Open", lambda: accounts.open(info.label))
        if row.phase is not Phase.CLOSED:
            self._button(head, "Close", lambda: self.close_asked.emit(info.label))
        self._button(head, "Remove…", lambda: accounts.ask_removal(info))
        self.lamps = RightsLamps()
        if row.standing.checked_ms:
            self.lamps.show_rights(row.standing.permissions)
        kept = "the system's keyring" if info.lock is Lock.KEYRING else "the vault's password"
        checked = f"checked {date_time(row.standing.checked_ms)} UTC" if row.standing.checked_ms else "not checked yet"
        foot = PlainLabel(f"Key {info.key_fingerprint} · kept under {kept} · {checked}", "secondary")
        foot.setFont(now.font(8.5))
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(10), now.px(7), now.px(10), now.px(7))
        column.setSpacing(now.px(5))
        column.addLayout(head)
        column.addWidget(self.lamps)
        column.addWidget(foot)
        trouble = "; ".join(filter(None, (row.words, info.trouble, row.standing.refused)))
        if trouble:
            said = ToneLabel(clean(trouble, 400), "error" if row.phase is Phase.FAILED else "warning")
            said.setWordWrap(True)
            column.addWidget(said)
        self.setAccessibleName(f"Account {info.label}, {title}, {words}: {self.lamps.text()}")

    def _button(self, line: QHBoxLayout, words: str, action: object) -> None:
        button = QPushButton(words)
        button.setAutoDefault(False)
        button.setAccessibleName(f"{words.rstrip('…')} {self.label.text()}")
        button.clicked.connect(lambda _checked=False: action())
        line.addWidget(button)
        self.buttons[words.rstrip("…")] = button


def _place(info: AccountInfo) -> str:
    return urlsplit(info.lab.get("rest", "")).netloc if info.lab else clean(info.domain, 40)
