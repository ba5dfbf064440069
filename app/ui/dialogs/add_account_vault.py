"""The choice of what keeps an account closed: the system's keyring, or a password. It opens and stores nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QProgressBar, QRadioButton, QVBoxLayout, QWidget

from app.credentials.account_info import Lock
from app.credentials.strength import MIN_LENGTH, password_strength
from app.credentials.system_keyring import KeyringState
from app.ui import theme
from app.ui.dialogs.add_account_secret import SecretLine
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

_TONES = ("error", "error", "warning", "live", "live")


class VaultChoice(QWidget):
    """`has_password`: the vault has one already, so it is asked for once; `open_now`: and it has been given."""

    changed = Signal()

    def __init__(self, has_password: bool, open_now: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self._has_password = has_password
        self._open_now = open_now
        self._chosen_by_user = False
        self.keyring = QRadioButton("The system's keyring")
        self.keyring.setChecked(True)
        self.keyring_words = PlainLabel("looking for it…", "secondary")
        self.keyring_words.setWordWrap(True)
        self.password = QRadioButton("The password of the vault" if has_password else "A password of your own")
        self.first = SecretLine("Vault password", "password" if has_password else f"at least {MIN_LENGTH} characters")
        self.second = SecretLine("Vault password again", "once more")
        self.meter = QProgressBar()
        self.meter.setRange(0, 4)
        self.meter.setTextVisible(False)
        self.meter.setFixedHeight(now.px(6))
        self.meter.setAccessibleName("Strength of the password")
        self.hint = ToneLabel("", "secondary")
        self.hint.setWordWrap(True)
        self.fields = QWidget()
        grid = QGridLayout(self.fields)
        grid.setContentsMargins(now.px(24), 0, 0, 0)
        grid.setHorizontalSpacing(now.px(8))
        grid.setVerticalSpacing(now.px(5))
        grid.addWidget(self.first, 0, 0)
        grid.addWidget(self.second, 0, 1)
        grid.addWidget(self.meter, 1, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.hint, 2, 0, 1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(now.px(2))
        for widget in (self.keyring, self.keyring_words, self.password, self.fields):
            column.addWidget(widget)
        self.keyring_words.setContentsMargins(now.px(24), 0, 0, 0)
        self.password.toggled.connect(self._show)
        for button in (self.keyring, self.password):
            button.clicked.connect(self._note_choice)
        for line in (self.first, self.second):
            line.changed.connect(self._show)
        self._show()

    @property
    def lock(self) -> Lock:
        return Lock.PASSWORD if self.password.isChecked() else Lock.KEYRING

    def secret(self) -> str:
        return self.first.secret() if self.password.isChecked() else ""

    def show_keyring(self, state: KeyringState) -> None:
        """What was found. A password is suggested only where nothing else was chosen by hand."""
        self.keyring.setEnabled(state.usable)
        self.keyring_words.say(
            f"{state.title}: a random key is kept there, the API key stays encrypted in a file"
            if state.usable
            else f"Not possible: {state.words}"
        )
        if not state.usable:
            self.password.setChecked(True)
        elif not self._chosen_by_user:
            self.keyring.setChecked(True)
        self._show()

    def problem(self) -> str:
        """What is still missing, or empty."""
        if self.lock is Lock.KEYRING:
            return "" if self.keyring.isEnabled() else "the keyring cannot be used"
        if self._has_password:
            return "" if self._open_now or self.first.secret() else "the vault's password is missing"
        if password_strength(self.first.secret()).score == 0:
            return f"the password needs at least {MIN_LENGTH} characters"
        return "" if self.first.secret() == self.second.secret() else "the two passwords differ"

    def wipe(self) -> None:
        self.first.wipe()
        self.second.wipe()

    def _note_choice(self) -> None:
        self._chosen_by_user = True

    def _show(self) -> None:
        typed, again = self.first.secret(), self.second.secret()
        by_password = self.password.isChecked()
        self.fields.setVisible(by_password and not self._open_now)
        self.second.setVisible(not self._has_password)
        self.meter.setVisible(not self._has_password)
        if self._has_password:
            self.hint.say("All accounts under a password share this one.")
        elif not typed:
            self.meter.setValue(0)
            self.hint.tone("secondary")
            self.hint.say("Nobody can recover a lost password: the keys would have to be added again.")
        else:
            strength = password_strength(typed)
            self.meter.setValue(max(strength.score, 1))
            differs = bool(again) and again != typed
            self.hint.tone("error" if differs else _TONES[strength.score])
            self.hint.say(f"Strength: {strength.words}" + (" · the two passwords differ" if differs else ""))
        self.changed.emit()
