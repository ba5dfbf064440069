"""Adds an account: fields, a check on the exchange, the vault. When it closes, the keys are in the vault or gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.credentials.account_info import LONGEST_LABEL, AccountInfo
from app.credentials.consent import CONSENT, is_consent
from app.credentials.errors import VaultError
from app.credentials.key_check import KeyCheck
from app.credentials.setup import AccountSetup, takes_pem
from app.ui import theme
from app.ui.dialogs.add_account_clipboard import After, ClipboardSweeper, after_ms
from app.ui.dialogs.add_account_fields import KeyFields
from app.ui.dialogs.add_account_lamps import RightsLamps
from app.ui.dialogs.add_account_vault import VaultChoice
from app.ui.dialogs.scrolled import lay_out, push_button
from app.ui.format import clean
from app.ui.panels.open_orders_frame import Line, PlainLabel, ToneLabel

Spawn = Callable[[Coroutine[Any, Any, Any], str], None]

NEEDED = (
    "Make the key on the exchange's site. It needs the right to read, and to trade if you want to place orders. Leave "
    "withdraw and transfer off, and bind it to this computer's address if you can."
)
DANGER = (
    "This key can move money away from the exchange. Depthdesk never does that and does not need the right; whoever "
    f"gets hold of the key could. Better make one without it. To keep this one, type “{CONSENT}”."
)
_WORDS_LIMIT = 600


class AddAccountDialog(QDialog):
    """Open with `open()`. `added` carries the account once it is in the vault.

    `spawn` runs a coroutine on the application's loop, as `Workspace.spawn`; `after` is the clipboard's timer.
    """

    added = Signal(object)

    def __init__(
        self,
        setup: AccountSetup,
        spawn: Spawn,
        parent: QWidget | None = None,
        *,
        exchange: str = "",
        after: After = after_ms,
    ) -> None:
        super().__init__(parent)
        now = theme.current()
        self._setup = setup
        self._spawn = spawn
        self._sweeper = ClipboardSweeper(after)
        self._closed = self._keeping = False
        self._asking: asyncio.Task[Any] | None = None
        self._question = 0
        """Counts what the answer of a check belongs to: an answer to earlier fields is dropped."""
        self._found: KeyCheck | None = None
        self._own_label = False
        self.setWindowTitle("Add account")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._build(now)
        names = list(setup.exchanges)
        for name in names:
            self.exchange.addItem(clean(setup.exchanges[name].title, 40), name)
        self.exchange.setCurrentIndex(max(names.index(exchange) if exchange in names else 0, 0))
        self.exchange.currentIndexChanged.connect(self._choose_exchange)
        self.domain.currentIndexChanged.connect(self._edited)
        self._choose_exchange()
        self._fit()

    # -- what it looks like

    def _build(self, now: theme.Theme) -> None:
        self.exchange, self.domain, self.label = QComboBox(), QComboBox(), QLineEdit()
        self.exchange.setAccessibleName("Exchange")
        self.domain.setAccessibleName("Environment")
        self.label.setAccessibleName("Name of the account")
        self.label.setMaxLength(LONGEST_LABEL)
        self.label.textEdited.connect(self._name)
        self.badge = ToneLabel("LIVE", "live", badge=True)
        self.label_problem = ToneLabel("", "error")
        head = QGridLayout()
        head.setHorizontalSpacing(now.px(10))
        head.setVerticalSpacing(now.px(5))
        head.setColumnMinimumWidth(0, now.px(108))
        head.setColumnStretch(1, 1)
        environment = QHBoxLayout()
        environment.setSpacing(now.px(8))
        environment.addWidget(self.domain, 1)
        environment.addWidget(self.badge)
        for row, (title, field) in enumerate((("Exchange", self.exchange), ("Environment", environment))):
            head.addWidget(PlainLabel(title), row, 0)
            if isinstance(field, QHBoxLayout):
                head.addLayout(field, row, 1)
            else:
                head.addWidget(field, row, 1)
        head.addWidget(PlainLabel("Name"), 2, 0)
        head.addWidget(self.label, 2, 1)
        head.addWidget(self.label_problem, 3, 1)
        self.needed = PlainLabel(NEEDED, "secondary")
        self.needed.setWordWrap(True)
        self.fields_place = QVBoxLayout()
        self.fields: KeyFields | None = None
        self.check_button = push_button("Check key", self._check_or_stop)
        self.check_words = ToneLabel("Not checked yet", "secondary")
        self.check_words.setWordWrap(True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(now.px(6))
        self.progress.setAccessibleName("Asking the exchange")
        check_row = QHBoxLayout()
        check_row.setSpacing(now.px(10))
        check_row.addWidget(self.check_button, 0, Qt.AlignmentFlag.AlignTop)
        said = QVBoxLayout()
        said.addWidget(self.check_words)
        said.addWidget(self.progress)
        check_row.addLayout(said, 1)
        self.lamps = RightsLamps()
        self.unchecked = QCheckBox("Keep it without a good check, marked “not checked”")
        self.unchecked.toggled.connect(self._show)
        self.consent_box = self._consent(now)
        self.vault = VaultChoice(*self._setup.password_state())
        self.vault.changed.connect(self._vault_edited)

        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(now.px(18), now.px(14), now.px(18), now.px(8))
        column.setSpacing(now.px(9))
        column.addLayout(head)
        column.addWidget(Line())
        column.addWidget(PlainLabel("Key", "title"))
        column.addWidget(self.needed)
        column.addLayout(self.fields_place)
        column.addLayout(check_row)
        column.addWidget(self.lamps)
        column.addWidget(self.consent_box)
        column.addWidget(self.unchecked)
        column.addWidget(Line())
        column.addWidget(PlainLabel("Kept closed by", "title"))
        column.addWidget(self.vault)
        column.addStretch(1)
        self.why = ToneLabel("", "secondary")
        self.why.setWordWrap(True)
        self.cancel = push_button("Cancel", self.reject)
        self.keep = push_button("Keep account", self._keep)
        self.keep.setProperty("role", "primary")
        self.scroll, self.footer = lay_out(self, body, self.cancel, self.why, self.keep)

    def _consent(self, now: theme.Theme) -> QFrame:
        box = QFrame()
        box.setObjectName("danger")
        back = theme.mix(now.error, now.panel, 0.12).name()
        box.setStyleSheet(
            f"#danger {{ background: {back}; border: 1px solid {now.error.name()}; border-radius: {now.px(6)}px; }}"
        )
        column = QVBoxLayout(box)
        column.setContentsMargins(now.px(12), now.px(8), now.px(12), now.px(10))
        self.danger = PlainLabel(DANGER)
        self.danger.setWordWrap(True)
        self.consent = QLineEdit()
        self.consent.setAccessibleName(f"Type: {CONSENT}")
        self.consent.setPlaceholderText(CONSENT)
        self.consent.textChanged.connect(self._show)
        column.addWidget(self.danger)
        column.addWidget(self.consent)
        return box

    # -- what happens

    def open(self) -> None:
        super().open()
        if self.fields is not None:
            next(iter(self.fields.edits.values())).setFocus()
        self._spawn(self._look_for_keyring(), "look for the keyring")

    def done(self, result: int) -> None:
        if self._keeping:
            return
        self._closed = True
        self._question += 1
        if self._asking is not None:
            self._asking.cancel()
        if self.fields is not None:
            self.fields.wipe()
        self.vault.wipe()
        super().done(result)

    async def _look_for_keyring(self) -> None:
        state = await self._setup.accounts.keyring_state()
        if not self._closed:
            self.vault.show_keyring(state)

    def _choose_exchange(self) -> None:
        name = self._exchange()
        spec = self._setup.exchanges[name]
        self.domain.blockSignals(True)
        self.domain.clear()
        for domain in self._setup.domains(name).values():
            self.domain.addItem(clean(domain.title, 60), domain.name)
        self.domain.blockSignals(False)
        if not self._own_label:
            self.label.setText(self._setup.free_label(name))
        if self.fields is not None:
            self.fields.wipe()
            self.fields_place.removeWidget(self.fields)
            self.fields.deleteLater()
        self.fields = KeyFields([(field, takes_pem(field)) for field in spec.credential_fields])
        self.fields.changed.connect(self._edited)
        self.fields_place.addWidget(self.fields)
        self._edited()

    def _name(self) -> None:
        self._own_label = True
        self._show()

    def _edited(self) -> None:
        """Whatever was found before is no longer about this key."""
        self._question += 1
        self._found = None
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        self.consent.clear()
        self.lamps.clear()
        self._tell("Not checked yet", "secondary")
        if self.fields is not None:
            for secret in self.fields.values().values():
                self._sweeper.note(secret)
        self._show()

    def _vault_edited(self) -> None:
        self._sweeper.note(self.vault.secret())
        self._show()

    def _check_or_stop(self) -> None:
        if self._asking is None:
            self._check()
        else:
            self._edited()

    def _check(self) -> None:
        assert self.fields is not None
        problems = self._setup.problems(self._exchange(), self.fields.values())
        self.fields.show_problems(problems)
        if problems:
            self._fit()
            return
        self._question += 1
        self.lamps.clear()
        self._tell(f"Asking {self._title()}: time, balances, rights…", "secondary")
        self._spawn(self._checking(self._question), "check a key")

    async def _checking(self, question: int) -> None:
        assert self.fields is not None
        if question != self._question:
            return
        self._asking = asyncio.current_task()
        self._show()
        found: KeyCheck | None = None
        try:
            found = await self._setup.check(self._exchange(), self._domain(), self.fields.values())
        finally:
            if question == self._question:
                self._asking = None
                self._found = found
                self._show_found(found)

    def _show_found(self, found: KeyCheck | None) -> None:
        if found is None:
            self._tell("The check failed inside this program: see the event list.", "error")
        else:
            self._tell(found.words, "live" if found.ok else "error")
            if found.checked_ms:
                self.lamps.show_rights(found.permissions)
        self._show()
        if self._needs_consent():
            self.consent.setFocus()
            # Only after the layout has given the box its place.
            QTimer.singleShot(0, self, lambda: self.scroll.ensureWidgetVisible(self.consent_box))
        elif self.keep.isEnabled():
            self.keep.setFocus()

    def _keep(self) -> None:
        if self._missing() or self._keeping:
            return
        self._keeping = True
        self._show()
        self._spawn(self._put_into_vault(), "keep an account")

    async def _put_into_vault(self) -> None:
        assert self.fields is not None
        good = self._found is not None and self._found.ok
        info: AccountInfo | None = None
        words = "not kept: an internal error, see the event list"
        try:
            info = await self._setup.keep(
                self._exchange(),
                self._domain(),
                self.label.text(),
                self.fields.values(),
                self.vault.lock,
                password=self.vault.secret(),
                check=self._found if good else None,
                consent=good and self._needs_consent() and is_consent(self.consent.text()),
            )
        except VaultError as error:
            words = f"Not kept: {error}"
        finally:
            self._keeping = False
            if info is None:
                self._show()
                self.why.tone("error")
                self.why.say(clean(words))
        if info is not None:
            self.added.emit(info)
            self.accept()

    # -- what is shown

    def _show(self) -> None:
        if self._closed:
            return
        asking, keeping = self._asking is not None, self._keeping
        paper = self._setup.domains(self._exchange())[self._domain()].paper
        self.badge.tone("paper" if paper else "live")
        self.badge.say("PAPER" if paper else "LIVE")
        problem = self._setup.label_problem(self.label.text())
        self.label_problem.say(problem)
        self.label_problem.setVisible(bool(problem))
        self.progress.setVisible(asking)
        self.check_button.setText("Stop" if asking else "Check key" if self._found is None else "Check again")
        self.check_button.setEnabled(not keeping)
        self.consent_box.setVisible(self._needs_consent())
        good = self._found is not None and self._found.ok
        self.unchecked.setVisible(not good)
        missing = self._missing()
        self.keep.setText("Keeping…" if keeping else "Keep unchecked" if self._bare() else "Keep account")
        self.keep.setEnabled(not missing and not keeping and not asking)
        self.cancel.setEnabled(not keeping)
        self.why.tone("secondary")
        self.why.say(missing)
        self._fit()

    def _fit(self) -> None:
        """As tall as the content asks for, but never out of the screen, nor smaller than the user made it."""
        now = theme.current()
        body, wide = self.scroll.widget(), max(self.width(), now.px(620))
        layout = body.layout()
        layout.activate()
        needed = layout.totalHeightForWidth(wide) + self.footer.sizeHint().height() + 2
        screen = self.screen().availableGeometry().height()
        tall = min(needed, round(screen * 0.94))
        if not self.isVisible() or tall > self.height():
            self.resize(wide, tall)

    def _missing(self) -> str:
        """Why the account cannot be kept yet, or empty."""
        assert self.fields is not None
        if words := self._setup.label_problem(self.label.text()):
            return _sentence(words)
        good = self._found is not None and self._found.ok
        if not good and not self._bare():
            return "The key has to be checked first."
        if problems := self._setup.problems(self._exchange(), self.fields.values()):
            return _sentence(next(iter(problems.values())))
        if good and self._needs_consent() and not is_consent(self.consent.text()):
            return "This key can move money away: accept that in words, or use another key."
        return _sentence(self.vault.problem())

    def _bare(self) -> bool:
        return self.unchecked.isChecked() and (self._found is None or not self._found.ok)

    def _needs_consent(self) -> bool:
        return self._found is not None and self._found.permissions.can_move_money_away

    def _tell(self, words: str, tone: str) -> None:
        self.check_words.tone(tone)
        self.check_words.say(clean(words, _WORDS_LIMIT))

    def _exchange(self) -> str:
        return str(self.exchange.currentData())

    def _domain(self) -> str:
        return str(self.domain.currentData())

    def _title(self) -> str:
        return clean(self._setup.exchanges[self._exchange()].title, 40)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""
