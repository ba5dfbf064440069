"""Connects a plug-in of the FMZ protocol: address, keys, a test, the vault. When it closes, no key is left in it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.credentials.account_info import LONGEST_LABEL
from app.credentials.errors import VaultError
from app.plugin_settings import PluginForm, PluginSettings, consent_words, read_form
from app.plugins import NAME, PluginDesk, PortOwner, Stranger, with_program, with_simulate
from app.ui import theme
from app.ui.dialogs.add_account import Spawn
from app.ui.dialogs.add_account_clipboard import After, ClipboardSweeper, after_ms
from app.ui.dialogs.add_account_fields import KeyFields
from app.ui.dialogs.add_account_vault import VaultChoice
from app.ui.dialogs.connect_plugin_findings import Findings
from app.ui.dialogs.scrolled import lay_out, push_button
from app.ui.format import clean
from app.ui.panels.open_orders_frame import Line, PlainLabel, ToneLabel

INTRO = (
    "A plug-in is a program of yours that speaks FMZ's custom protocol. It gets the keys in clear with every request, "
    "so first see who listens there. Everything is asked for again and again: nothing streams."
)
_MARKET_ORDERS = (
    ("No market orders", "off"),
    ("Market buys sized in quote", "quote"),
    ("Market buys sized in base", "base"),
)
_WORDS_LIMIT = 400


class ConnectPluginDialog(QDialog):
    """Open with `open()`. `connected` carries the key of the opened exchange."""

    connected = Signal(str)

    def __init__(self, desk: PluginDesk, spawn: Spawn, parent: QWidget | None = None, *, after: After = after_ms):
        super().__init__(parent)
        self._desk = desk
        self._spawn = spawn
        self._sweeper = ClipboardSweeper(after)
        self._closed = self._busy = False
        self._question = 0
        """Counts what an answer belongs to: answers to earlier fields are dropped."""
        self._settings: PluginSettings | None = None
        self._domain: Any = None
        self._owner: PortOwner | None = None
        self._kept = False
        self._own_label = False
        self.setWindowTitle("Connect a plug-in")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._build(theme.current())
        self._suggest_label()
        self._edited()

    # -- what it looks like

    def _build(self, now: theme.Theme) -> None:
        form = PluginForm()
        self.label = _line_edit("Name of the plug-in", "")
        self.label.setMaxLength(LONGEST_LABEL)
        self.address = _line_edit("Address of the plug-in", form.address)
        self.path = _line_edit("Path of the exchange", form.path)
        self.path.setMaximumWidth(now.px(130))
        self.pairs = _line_edit("Pairs", form.pairs)
        self.pairs.setPlaceholderText("BTC-USDT, ETH-USDT:2:4 (decimals of price and amount)")
        self.every = _line_edit("Seconds between two questions for a book", form.every)
        self.every.setMaximumWidth(now.px(70))
        self.market_orders = QComboBox()
        self.market_orders.setAccessibleName("Market orders")
        for words, value in _MARKET_ORDERS:
            self.market_orders.addItem(words, value)
        self.has_markets = QCheckBox("It lists its markets")
        self.has_markets.setToolTip("The plug-in answers the method “markets”, which the protocol's guide only names")
        self.paper = QCheckBox("Paper or demo account: mark it PAPER")
        self.confirmation = _line_edit("Type to allow another computer", "")
        self.problems = {name: ToneLabel("", "error") for name in ("label", "address", "path", "pairs", "every")}
        self.problems["confirmation"] = ToneLabel("", "warning")
        for problem in self.problems.values():
            problem.setWordWrap(True)
            problem.hide()

        where = QHBoxLayout()
        where.setSpacing(now.px(8))
        where.addWidget(self.address, 1)
        where.addWidget(PlainLabel("Path"))
        where.addWidget(self.path)
        pace = QHBoxLayout()
        pace.setSpacing(now.px(8))
        pace.addWidget(self.every)
        pace.addWidget(PlainLabel("s for books, 5 s for the account", "secondary"))
        pace.addStretch(1)
        pace.addWidget(self.market_orders)
        marks = QHBoxLayout()
        marks.addWidget(self.has_markets)
        marks.addSpacing(now.px(16))
        marks.addWidget(self.paper)
        marks.addStretch(1)
        grid = QGridLayout()
        grid.setHorizontalSpacing(now.px(10))
        grid.setVerticalSpacing(now.px(5))
        grid.setColumnMinimumWidth(0, now.px(108))
        grid.setColumnStretch(1, 1)
        rows: list[tuple[str, Any, tuple[str, ...]]] = [
            ("Name", self.label, ("label",)),
            ("Address", where, ("address", "path")),
            ("", self.confirmation, ("confirmation",)),
            ("Pairs", self.pairs, ("pairs",)),
            ("Ask every", pace, ("every",)),
            ("", marks, ()),
        ]
        for title, field, names in rows:
            at = grid.rowCount()
            grid.addWidget(PlainLabel(title), at, 0)
            if isinstance(field, QHBoxLayout):
                grid.addLayout(field, at, 1)
            else:
                grid.addWidget(field, at, 1)
            for offset, name in enumerate(names, 1):
                grid.addWidget(self.problems[name], at + offset, 1)

        fields = self._desk.setup().exchanges[NAME].credential_fields
        shown = [replace(f, title="Passphrase (where it has one)") if f.name == "passphrase" else f for f in fields]
        self.fields = KeyFields([(field, False) for field in shown])
        self.simulate = QCheckBox("simulate: ask the plug-in for demo trading (third part of the secret)")
        self.findings = Findings()
        self.is_mine = QCheckBox()
        self.is_mine.hide()
        self.test_button = push_button("Test connection", self._test)
        self.test_words = ToneLabel("", "secondary")
        self.test_words.setWordWrap(True)
        test = QHBoxLayout()
        test.setSpacing(now.px(10))
        test.addWidget(self.test_button, 0, Qt.AlignmentFlag.AlignTop)
        test.addWidget(self.test_words, 1)
        self.session_only = QCheckBox("Only until Depthdesk closes: keep neither keys nor address")
        self.vault = VaultChoice(*self._desk.setup().password_state())

        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(now.px(18), now.px(14), now.px(18), now.px(8))
        column.setSpacing(now.px(8))
        intro = PlainLabel(INTRO, "secondary")
        intro.setWordWrap(True)
        column.addWidget(intro)
        column.addLayout(grid)
        column.addWidget(Line())
        column.addWidget(PlainLabel("Keys", "title"))
        column.addWidget(self.fields)
        column.addWidget(self.simulate)
        column.addWidget(Line())
        column.addLayout(test)
        column.addWidget(self.findings)
        column.addWidget(self.is_mine)
        column.addWidget(Line())
        column.addWidget(PlainLabel("Kept closed by", "title"))
        column.addWidget(self.session_only)
        column.addWidget(self.vault)
        column.addStretch(1)
        self.why = ToneLabel("", "secondary")
        self.why.setWordWrap(True)
        self.cancel = push_button("Cancel", self.reject)
        self.connect_button = push_button("Connect", self._connect)
        self.connect_button.setProperty("role", "primary")
        self.scroll, self.footer = lay_out(self, body, self.cancel, self.why, self.connect_button)

        self.label.textEdited.connect(self._label_edited)
        self.path.textEdited.connect(self._suggest_label)
        for edit in (self.label, self.address, self.path, self.pairs, self.every, self.confirmation):
            edit.textChanged.connect(self._edited)
        for box in (self.has_markets, self.paper):
            box.toggled.connect(self._edited)
        self.market_orders.currentIndexChanged.connect(self._edited)
        self.fields.changed.connect(self._keys_edited)
        self.simulate.toggled.connect(self._keys_edited)
        self.is_mine.toggled.connect(self._consented)
        self.session_only.toggled.connect(self._show)
        self.vault.changed.connect(self._vault_edited)

    # -- what happens

    def open(self) -> None:
        super().open()
        self.address.setFocus()
        self.address.selectAll()
        self._spawn(self._look_for_keyring(), "look for the keyring")

    def done(self, result: int) -> None:
        if self._busy:
            return
        self._closed = True
        self._question += 1
        self.fields.wipe()
        self.vault.wipe()
        super().done(result)

    async def _look_for_keyring(self) -> None:
        state = await self._desk.accounts.keyring_state()
        if not self._closed:
            self.vault.show_keyring(state)

    def _label_edited(self, _text: str = "") -> None:
        self._own_label = True

    def _suggest_label(self, _text: str = "") -> None:
        if not self._own_label:
            word = "".join(letter for letter in self.path.text() if letter.isalnum())[: LONGEST_LABEL - 4].lower()
            names = [word, *(f"{word} {number}" for number in range(2, 100))]
            self.label.setText(next((name for name in names if not self._desk.label_problem(name)), word))

    def _form(self) -> PluginForm:
        return PluginForm(
            label=self.label.text(),
            address=self.address.text(),
            path=self.path.text(),
            pairs=self.pairs.text(),
            every=self.every.text(),
            market_orders=self.market_orders.currentData(),
            has_markets=self.has_markets.isChecked(),
            paper=self.paper.isChecked(),
            confirmation=self.confirmation.text(),
        )

    def _edited(self, _value: object = None) -> None:
        """Whatever was found before is no longer about this plug-in."""
        settings, problems = read_form(self._form())
        if words := self._desk.label_problem(self.label.text()):
            problems.setdefault("label", words)
            settings = None
        for name, label in self.problems.items():
            label.say(_sentence(problems.get(name, "")))
            label.setVisible(name in problems)
        self.confirmation.setVisible(bool(consent_words(self.address.text())))
        self.confirmation.setPlaceholderText(consent_words(self.address.text()))
        self._settings = settings
        self._domain = None if settings is None else settings.domain()
        self._forget_findings()

    def _keys_edited(self, _value: object = None) -> None:
        for secret in self.fields.values().values():
            self._sweeper.note(secret)
        self._forget_findings()

    def _vault_edited(self) -> None:
        self._sweeper.note(self.vault.secret())
        self._show()

    def _forget_findings(self) -> None:
        self._question += 1
        self.findings.clear()
        self.is_mine.setChecked(False)
        self.is_mine.hide()
        self.test_words.tone("secondary")
        self.test_words.say("First who listens there, without any key; then what it answers.")
        self._show()

    def _test(self) -> None:
        """Without the keys first. With them only once the user has said that this is his plug-in."""
        settings = self._settings
        if settings is None:
            return
        self._forget_findings()
        self._busy = True
        self._show()
        self._spawn(self._recognising(self._question, settings), "look at a plug-in")

    async def _recognising(self, question: int, settings: PluginSettings) -> None:
        try:
            found = await self._desk.recognise(settings, self._domain)
            owner = await self._desk.owner(settings)
        finally:
            self._busy = False
        if question != self._question:
            return
        self.findings.add(found)
        if any(each.ok is False for each in found):
            self._tell("No key was sent.", "error")
        else:
            self._settings, self._owner = with_program(settings, owner), owner
            who = owner.words if owner is not None else f"the program at {settings.host}"
            self.is_mine.setText(clean(f"{who} is my plug-in: it may see the keys", 160))
            self.is_mine.show()
            self.is_mine.setFocus()
            self._tell("No key was sent yet.", "secondary")
        self._show()

    def _consented(self, yes: bool) -> None:
        if not yes or self._settings is None:
            return
        values = self.fields.values()
        problems = self._desk.key_problems(self._domain, values, self.simulate.isChecked())
        self.fields.show_problems(problems)
        if problems:
            self.is_mine.setChecked(False)
            self._tell("The keys have to be given first. No key was sent.", "warning")
            self._fit()
            return
        self._busy = True
        self.is_mine.setEnabled(False)
        self._tell("Asking for accounts, markets and a book…", "secondary")
        self._show()
        self._spawn(self._asking(self._question, self._values()), "test a plug-in")

    async def _asking(self, question: int, values: dict[str, str]) -> None:
        assert self._settings is not None
        try:
            if await self._desk.owner(self._settings) != self._owner:
                self._tell("Another program listens there now. No key was sent: test again.", "error")
                return
            async for finding in self._desk.ask(self._domain, values):
                if question == self._question:
                    self.findings.add([finding])
                    self._fit()
            good = self.findings.good
            self._tell("It works." if good else "It does not work yet: see below.", "live" if good else "error")
        finally:
            self._busy = False
            self.is_mine.setEnabled(True)
            self._show()
            if self.connect_button.isEnabled():
                self.connect_button.setFocus()

    def _connect(self) -> None:
        if self._missing() or self._busy or self._settings is None:
            return
        self._busy = True
        self._show()
        self._spawn(self._connecting(self._settings), "connect a plug-in")

    async def _connecting(self, settings: PluginSettings) -> None:
        key, words = "", "not connected: an internal error, see the event list"
        values = self._values()
        try:
            if not self.session_only.isChecked() and not self._kept:
                await self._desk.keep(settings, self._domain, values, self.vault.lock, self.vault.secret())
                self._kept = True
            exchange = await self._desk.connect(settings, self._domain, values)
            key = exchange.key
        except (VaultError, Stranger, ValueError) as error:
            words = str(error)
        except OSError as error:
            words = f"the settings could not be written: {error.strerror}"
        finally:
            self._busy = False
            if not key:
                self._show()
                self.why.tone("error")
                self.why.say(clean(_sentence(words), _WORDS_LIMIT))
        if key:
            self.connected.emit(key)
            self.accept()

    def _values(self) -> dict[str, str]:
        return with_simulate(self.fields.values(), self.simulate.isChecked())

    # -- what is shown

    def _show(self, _value: object = None) -> None:
        if self._closed:
            return
        missing = self._missing()
        self.test_button.setEnabled(self._settings is not None and not self._busy)
        self.vault.setEnabled(not self.session_only.isChecked())
        self.connect_button.setEnabled(not missing and not self._busy)
        self.cancel.setEnabled(not self._busy)
        self.why.tone("secondary")
        self.why.say(missing)
        self._fit()

    def _missing(self) -> str:
        if self._settings is None:
            return "Mend the fields marked above."
        if not self.findings.good or not self.is_mine.isChecked():
            return "The connection has to be tested first."
        return "" if self.session_only.isChecked() else _sentence(self.vault.problem())

    def _tell(self, words: str, tone: str) -> None:
        self.test_words.tone(tone)
        self.test_words.say(clean(words, _WORDS_LIMIT))

    def _fit(self) -> None:
        """As tall as the content asks for, but never out of the screen, nor smaller than the user made it."""
        QTimer.singleShot(0, self, self._resize)
        self._resize()

    def _resize(self) -> None:
        wide = max(self.width(), theme.current().px(640))
        layout = self.scroll.widget().layout()
        layout.activate()
        needed = layout.totalHeightForWidth(wide) + self.footer.sizeHint().height() + 2
        tall = min(needed, round(self.screen().availableGeometry().height() * 0.94))
        if not self.isVisible() or tall > self.height():
            self.resize(wide, tall)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""


def _line_edit(name: str, text: str) -> QLineEdit:
    edit = QLineEdit(text)
    edit.setAccessibleName(name)
    edit.setMaxLength(600)
    return edit
