"""Adding an account as a user does: typing, pasting and clicking, against the real vault and a scripted exchange."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QWidget
from shiboken6 import isValid

from app.connectors.registry import EXCHANGES
from app.connectors.spec import Credentials, Domain, ExchangeSpec
from app.core.permissions import KeyPermissions
from app.credentials.account_info import AccountInfo, Lock
from app.credentials.accounts import Accounts
from app.credentials.consent import CONSENT
from app.credentials.key_check import KeyCheck
from app.credentials.setup import AccountSetup
from app.credentials.system_keyring import KeyringState
from app.ui.dialogs.add_account import AddAccountDialog
from app.ui.dialogs.add_account_lamps import RightsLamps, Shape
from tests.lab.desk import Play
from tests.lab.fixtures import play  # noqa: F401
from tests.until import until

PASSWORD = "correct horse battery"
PEM = "-----BEGIN EC PRIVATE KEY-----\n" + "canarycanarycanarycanarycanary\n" * 3 + "-----END EC PRIVATE KEY-----"
READ_ONLY = KeyCheck(ok=True, words="accepted", permissions=KeyPermissions(read=True, trade=False), checked_ms=7)
GOOD = KeyCheck(
    ok=True,
    words="Poloniex accepts this key.",
    permissions=KeyPermissions(read=True, trade=True, transfer=False, withdraw=False, ip_bound=True),
    checked_ms=7,
)
BAD = KeyCheck(ok=False, words="The exchange refused this key.")
WITHDRAWS = KeyCheck(ok=True, words="accepted", permissions=KeyPermissions(read=True, withdraw=True), checked_ms=7)


@pytest.fixture(autouse=True)
def no_closed_loops() -> None:
    """A closed Qt loop still has timers; they must not be collected on the thread that derives a key."""
    gc.collect()


class Shelf:
    """A keyring that works, or tells why it does not."""

    def __init__(self, words: str = "") -> None:
        self.items: dict[str, bytes] = {}
        self.found = KeyringState(not words, "" if words else "Secret Service", words)

    async def state(self) -> KeyringState:
        return self.found

    async def get(self, item: str) -> bytes | None:
        return self.items.get(item)

    async def put(self, item: str, key: bytes) -> None:
        self.items[item] = key

    async def delete(self, item: str) -> None:
        self.items.pop(item, None)


class Story:
    """The dialog with what is around it."""

    def __init__(self, folder: Path, answer: KeyCheck = GOOD, *, exchange: str = "poloniex", keyring: str = "") -> None:
        self.vault = Accounts(folder / "accounts", keyring=Shelf(keyring))
        self.answer = answer
        self.asked: list[tuple[str, str, str]] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.added: list[AccountInfo] = []
        self.left: list[str] = []
        self.timers: list[tuple[int, Callable[[], None]]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.window = QWidget()
        self.dialog = AddAccountDialog(
            AccountSetup(self.vault, EXCHANGES, self._check),
            self._spawn,
            self.window,
            exchange=exchange,
            after=lambda ms, action: self.timers.append((ms, action)),
        )
        self.closed = False
        self.dialog.added.connect(self.added.append)
        self.dialog.finished.connect(self._look_at_what_is_left)
        self.dialog.open()

    async def __aenter__(self) -> Story:
        await until(lambda: self.dialog.vault.keyring_words.text() != "looking for it…")
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.closed:
            self.dialog.reject()
        for _, sweep in self.timers:
            sweep()
        await asyncio.gather(*self._tasks)
        await until(lambda: not isValid(self.dialog), what="the dialog to be deleted")

    def type(self, edit: QWidget, text: str) -> None:
        edit.setFocus()
        if isinstance(edit, QLineEdit):
            edit.selectAll()
        QTest.keyClicks(edit, text)

    def key(self, name: str) -> Any:
        assert self.dialog.fields is not None
        return self.dialog.fields.edits[name]

    def fill(self, key: str = "canary-key", secret: str = "canary-secret") -> None:
        self.type(self.key("api_key"), key)
        self.type(self.key("secret_key"), secret)

    def click(self, button: QWidget) -> None:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(8, button.height() // 2))

    async def check(self) -> None:
        self.click(self.dialog.check_button)
        await until(lambda: self.dialog.check_button.text() == "Check again", what="the check")

    async def keep(self) -> AccountInfo:
        self.click(self.dialog.keep)
        await until(lambda: self.added and self.closed, what="the account")
        return self.added[-1]

    async def _check(self, spec: ExchangeSpec, domain: Domain, keys: Credentials) -> KeyCheck:
        self.asked.append((spec.name, domain.name, keys.api_key))
        await self.answering.wait()
        return self.answer

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(_quietly(work)))

    def _look_at_what_is_left(self) -> None:
        self.closed = True
        self.left = [edit.text() for edit in self.dialog.findChildren(QLineEdit) if edit is not self.dialog.label]
        self.left += [box.toPlainText() for box in self.dialog.findChildren(QPlainTextEdit)]
        assert self.dialog.fields is not None
        self.left += list(self.dialog.fields.values().values()) + [self.dialog.vault.secret()]


async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except asyncio.CancelledError:
        pass


pytestmark = pytest.mark.usefixtures("qapp")


def test_a_checked_key_goes_into_the_vault_and_nowhere_else(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path) as it:
            assert not it.dialog.keep.isEnabled() and it.dialog.why.text() == "The key has to be checked first."
            it.fill()
            await it.check()
            assert it.asked == [("poloniex", "main", "canary-key")]
            assert it.dialog.check_words.text() == "Poloniex accepts this key."
            assert it.dialog.lamps.text() == ("Read: yes, Trade: yes, Transfer: no, Withdraw: no, IP-bound: yes")
            kept = await it.keep()
            assert (kept.label, kept.lock, kept.checked, kept.may_trade) == ("poloniex", Lock.KEYRING, True, True)
            keys = await it.vault.load(kept)
            assert (keys.api_key, keys.secret_key) == ("canary-key", "canary-secret")
            assert set(it.left) == {""}, "nothing is left in any field"
            assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"canary" in file.read_bytes()]

    play(story())


def test_the_needed_rights_are_named_before_a_key_is_made(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path) as it:
            words = it.dialog.needed.text()
            assert "right to read, and to trade" in words and "withdraw and transfer off" in words

    play(story())


def test_a_refused_key_can_be_kept_only_as_unchecked(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path, BAD) as it:
            it.fill()
            await it.check()
            assert it.dialog.check_words.text() == "The exchange refused this key."
            assert not it.dialog.keep.isEnabled()
            it.click(it.dialog.unchecked)
            assert it.dialog.keep.isEnabled() and it.dialog.keep.text() == "Keep unchecked"
            kept = await it.keep()
            assert (kept.checked, kept.permissions) == (False, KeyPermissions())

    play(story())


def test_a_key_that_may_withdraw_needs_typed_consent(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path, WITHDRAWS) as it:
            assert it.dialog.consent_box.isHidden()
            it.fill()
            await it.check()
            assert it.dialog.consent_box.isVisible() and it.dialog.consent.hasFocus()
            assert it.dialog.lamps.lamps["Withdraw"].shape is Shape.WARNING
            it.type(it.dialog.consent, "yes")
            assert not it.dialog.keep.isEnabled()
            it.type(it.dialog.consent, CONSENT)
            kept = await it.keep()
            assert kept.consent_ms > 0 and kept.may_trade

    play(story())


def test_an_edit_takes_the_check_and_the_consent_back(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path, WITHDRAWS) as it:
            it.fill()
            await it.check()
            it.type(it.dialog.consent, CONSENT)
            assert it.dialog.keep.isEnabled()
            QTest.keyClicks(it.key("secret_key"), "x")
            assert not it.dialog.keep.isEnabled() and it.dialog.consent.text() == ""
            assert it.dialog.check_words.text() == "Not checked yet"
            assert "Withdraw: not asked" in it.dialog.lamps.text()

    play(story())


def test_an_answer_about_an_earlier_key_is_dropped(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path) as it:
            it.answering.clear()
            it.fill()
            it.click(it.dialog.check_button)
            await until(lambda: it.asked)
            assert it.dialog.progress.isVisible() and it.dialog.check_button.text() == "Stop"
            QTest.keyClicks(it.key("api_key"), "2")
            it.answering.set()
            assert it.dialog.progress.isHidden()
            await it.check()
            assert [key for _, _, key in it.asked] == ["canary-key", "canary-key2"]

    play(story())


def test_a_check_can_be_stopped_and_closing_stops_it(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path) as it:
            it.answering.clear()
            it.fill()
            for number in (1, 2):
                it.click(it.dialog.check_button)
                await until(lambda number=number: len(it.asked) == number)
                if number == 1:
                    it.click(it.dialog.check_button)
                    assert it.dialog.check_words.text() == "Not checked yet"
            it.dialog.reject()
            assert it.closed and set(it.left) == {""} and it.vault.list() == []

    play(story())


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_asked(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path, exchange="okx") as it:
            it.type(it.key("api_key"), "canary key")
            it.click(it.dialog.check_button)
            assert it.dialog.fields is not None
            assert {name: label.text() for name, label in it.dialog.fields.problems.items()} == {
                "api_key": "API key has blanks or line ends in it: copy it again",
                "secret_key": "Secret key is missing",
                "passphrase": "Passphrase of the key is missing",
            }
            assert it.key("api_key").hasFocus() and it.asked == []
            it.type(it.dialog.label, "a:b")
            assert it.dialog.label_problem.text() == "a name has letters, digits, blanks and - _ . only"

    play(story())


def test_the_fields_follow_the_exchange_and_forget_the_last_key(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path) as it:
            it.fill()
            before = it.dialog.fields
            assert before is not None and list(before.edits) == ["api_key", "secret_key"]
            it.dialog.exchange.setCurrentIndex(it.dialog.exchange.findData("okx"))
            after = it.dialog.fields
            assert after is not None and list(after.edits) == ["api_key", "secret_key", "passphrase"]
            assert set(after.values().values()) == {""} and it.dialog.label.text() == "okx"
            it.type(it.dialog.label, "mine")
            it.dialog.exchange.setCurrentIndex(it.dialog.exchange.findData("poloniex"))
            assert it.dialog.label.text() == "mine", "a name of one's own stays"

    play(story())


def test_every_field_of_every_exchange_is_masked(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        for name in EXCHANGES:
            async with Story(tmp_path / name, exchange=name) as it:
                assert it.dialog.fields is not None
                for edit in it.dialog.fields.edits.values():
                    target = getattr(edit, "box", edit)
                    QTest.keyClicks(target, "canary")
                    assert edit.secret() == "canary"
                shown = [line.displayText() for line in it.dialog.findChildren(QLineEdit)]
                shown += [box.toPlainText() for box in it.dialog.findChildren(QPlainTextEdit)]
                shown += [label.text() for label in it.dialog.findChildren(QLabel)]
                assert not [text for text in shown if "canary" in text]

    play(story())


# -- key files


def test_a_pasted_key_file_keeps_its_lines_and_shows_dots(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path, exchange="coinbase") as it:
            it.type(it.key("api_key"), "organizations/1/apiKeys/2")
            QGuiApplication.clipboard().setText(PEM.replace("\n", "\r\n"))
            it.click(it.key("secret_key").paste_button)
            box = it.key("secret_key").box
            assert box.hasFocus() and it.key("secret_key").words.whole == "key file (PEM), 5 lines"
            assert set(box.toPlainText()) == {"•", "\n"} and box.toPlainText().count("\n") == 4
            QGuiApplication.clipboard().setText("untouched")
            for letter in (Qt.Key.Key_A, Qt.Key.Key_C, Qt.Key.Key_X):
                QTest.keyClick(box, letter, Qt.KeyboardModifier.ControlModifier)
            assert QGuiApplication.clipboard().text() == "untouched", "not even the dots can be copied"
            await it.check()
            kept = await it.keep()
            assert (await it.vault.load(kept)).secret_key == PEM

    play(story())


def test_a_key_file_is_read_from_disk_and_nonsense_is_refused(play: Play, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "key.pem").write_text(PEM)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    (tmp_path / "huge.pem").write_text("x" * 20_000)

    async def story() -> None:
        async with Story(tmp_path, exchange="coinbase") as it:
            field = it.key("secret_key")
            for name, words in (
                ("missing.pem", "not read: No such file or directory"),
                ("picture.png", "that file is no key"),
                ("huge.pem", "that file is no key"),
                ("key.pem", "key file (PEM), 5 lines"),
            ):
                field.read_file(str(tmp_path / name))
                assert field.words.whole == words
            assert field.secret() == PEM
            it.click(field.clear_button)
            assert field.secret() == "" and field.box.toPlainText() == ""

    play(story())


def test_a_cut_off_key_file_is_named(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path, exchange="coinbase") as it:
            it.type(it.key("api_key"), "organizations/1/apiKeys/2")
            it.key("secret_key").box.take(PEM[:-10])
            it.click(it.dialog.check_button)
            assert it.dialog.fields is not None
            assert it.dialog.fields.problems["secret_key"].text() == (
                "Private key: the end of the key file (-----END …) is missing"
            )
            assert it.asked == []

    play(story())


# -- the clipboard


def paste(it: Story, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    it.key("secret_key").setFocus()
    QTest.keyClick(it.key("secret_key"), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


def test_x12_a_pasted_secret_leaves_the_clipboard_after_ten_seconds(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path) as it:
            paste(it, " canary-secret\n")
            assert it.key("secret_key").secret().strip() == "canary-secret"
            ((ms, sweep),) = it.timers
            assert ms == 10_000 and "canary" in QGuiApplication.clipboard().text()
            it.dialog.reject()
            sweep()
            assert QGuiApplication.clipboard().text() == "", "also after the dialog has closed"

    play(story())


def test_x12_what_was_copied_meanwhile_stays(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path) as it:
            paste(it, "canary-secret")
            QGuiApplication.clipboard().setText("a price")
            it.timers[0][1]()
            assert QGuiApplication.clipboard().text() == "a price"

    play(story())


def test_typing_starts_no_timer(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path) as it:
            QGuiApplication.clipboard().setText("something else")
            it.fill()
            assert it.timers == []

    play(story())


# -- the vault


def test_x1_without_a_keyring_a_password_is_asked_for_twice(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path, keyring="this computer offers no keyring") as it:
            vault = it.dialog.vault
            assert not vault.keyring.isEnabled() and vault.password.isChecked()
            assert vault.keyring_words.text() == "Not possible: this computer offers no keyring"
            it.fill()
            await it.check()
            for first, second, why in (
                ("", "", "The password needs at least 10 characters."),
                ("short", "short", "The password needs at least 10 characters."),
                (PASSWORD, "correct", "The two passwords differ."),
                (PASSWORD, PASSWORD, ""),
            ):
                it.type(vault.first, first) if first else vault.first.wipe()
                it.type(vault.second, second) if second else vault.second.wipe()
                assert (it.dialog.why.text(), it.dialog.keep.isEnabled()) == (why, not why)
            assert vault.hint.text() == "Strength: strong" and vault.meter.value() == 4
            kept = await it.keep()
            again = Accounts(tmp_path / "accounts")
            assert kept.lock is Lock.PASSWORD and again.locked
            assert (await again.load(kept, PASSWORD)).secret_key == "canary-secret"

    play(story())


def test_a_second_account_takes_the_password_that_is_there(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        first = Accounts(tmp_path / "accounts")
        keys = Credentials(api_key="first", secret_key="x")
        await first.add(
            exchange="okx", domain="main", label="first", credentials=keys, lock=Lock.PASSWORD, password=PASSWORD
        )
        async with Story(tmp_path) as it:
            vault = it.dialog.vault
            it.click(vault.password)
            assert vault.second.isHidden() and vault.hint.text() == "All accounts under a password share this one."
            it.fill()
            await it.check()
            assert it.dialog.why.text() == "The vault's password is missing."
            it.type(vault.first, "wrong password")
            it.click(it.dialog.keep)
            await until(lambda: it.dialog.why.text() == "Not kept: this password does not open the vault")
            it.type(vault.first, PASSWORD)
            await it.keep()
            assert [info.label for info in it.vault.list()] == ["first", "poloniex"]

    play(story())


def test_a_disk_that_refuses_is_named_and_the_dialog_stays(
    play: Play,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def story() -> None:
        async with Story(tmp_path) as it:
            it.fill()
            await it.check()
            with monkeypatch.context() as patch:
                patch.setattr("os.fsync", full)
                it.click(it.dialog.keep)
                await until(lambda: it.dialog.why.text().startswith("Not kept: "))
            assert "No space left on device" in it.dialog.why.text()
            assert it.added == [] and it.dialog.isVisible() and it.dialog.keep.isEnabled()
            await it.keep()

    play(story())


def test_a_vault_open_to_others_is_named_with_the_fix(play: Play, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "accounts"
    folder.mkdir(mode=0o755)

    async def story() -> None:
        async with Story(tmp_path) as it:
            it.fill()
            await it.check()
            assert f"run chmod 700 '{folder}'" in " ".join(it.dialog.why.text().split())
            assert not it.dialog.keep.isEnabled()
            folder.chmod(0o700)
            it.type(it.dialog.label, "mended")
            await it.keep()

    play(story())


# -- lamps


def test_lamps_tell_by_shape_and_word() -> None:
    lamps = RightsLamps()
    lamps.show_rights(KeyPermissions(read=True, trade=False, transfer=True, ip_bound=False))
    assert lamps.text() == "Read: yes, Trade: no, Transfer: yes, Withdraw: not reported, IP-bound: any address"
    assert [lamp.shape for lamp in lamps.lamps.values()] == [
        Shape.YES, Shape.NO, Shape.WARNING, Shape.UNKNOWN, Shape.WARNING,
    ]  # fmt: skip
    assert lamps.lamps["Transfer"].accessibleName() == "Transfer: yes"


def test_a_reading_key_is_kept_and_marked_so(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path, READ_ONLY) as it:
            it.fill()
            await it.check()
            assert not (await it.keep()).may_trade

    play(story())
