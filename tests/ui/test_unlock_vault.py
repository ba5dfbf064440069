"""Unlocking the vault by its password, as a user does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from app.connectors.spec import Credentials
from app.core.clock import ManualClock
from app.credentials.account_info import Lock
from app.credentials.accounts import Accounts
from app.ui.dialogs.unlock_vault import UnlockVaultDialog
from tests.lab.desk import Play
from tests.lab.fixtures import play  # noqa: F401
from tests.until import until

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(autouse=True)
def no_closed_loops() -> None:
    """A closed Qt loop still has timers; they must not be collected on the thread that derives a key."""
    gc.collect()


class Story:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.unlocked: list[bool] = []
        self.left = "?"
        self.closed = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Story:
        self.vault = Accounts(self.folder, clock=self.clock)
        for label in ("Night desk", "Old one"):
            keys = Credentials(api_key=label, secret_key="canary")
            await self.vault.add(
                exchange="okx", domain="main", label=label, credentials=keys, lock=Lock.PASSWORD, password=PASSWORD
            )
        self.vault.lock()
        self.window = QWidget()
        self.dialog = UnlockVaultDialog(self.vault, self._spawn, self.window, after=lambda ms, action: None)
        self.dialog.unlocked.connect(lambda: self.unlocked.append(self.vault.locked))
        self.dialog.finished.connect(self._look)
        self.dialog.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.closed:
            self.dialog.reject()
        await asyncio.gather(*self._tasks)
        await until(lambda: not isValid(self.dialog), what="the dialog to be deleted")

    def type(self, text: str) -> None:
        self.dialog.password.setFocus()
        QTest.keyClicks(self.dialog.password, text)

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(work))

    def _look(self) -> None:
        self.closed, self.left = True, self.dialog.password.text()


def test_the_right_password_opens_every_account_and_leaves_nothing(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path / "accounts") as it:
            assert it.dialog.waiting.text() == "Waiting for its password: Night desk (okx), Old one (okx)."
            assert not it.dialog.unlock.isEnabled()
            it.type(PASSWORD)
            assert PASSWORD not in it.dialog.password.displayText()
            QTest.keyClick(it.dialog.password, Qt.Key.Key_Return)
            await until(lambda: it.closed)
            assert it.unlocked == [False] and it.left == ""

    play(story())


def test_a_wrong_password_is_said_and_the_button_waits(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path / "accounts") as it:
            it.type("wrong password")
            QTest.mouseClick(it.dialog.unlock, Qt.MouseButton.LeftButton)
            await until(lambda: it.dialog.words.text())
            assert it.dialog.words.text() == "This password does not open the vault."
            assert it.dialog.password.text() == "" and it.dialog.password.hasFocus()
            it.type(PASSWORD)
            assert it.dialog.unlock.text() == "Again in 1 s" and not it.dialog.unlock.isEnabled()
            QTest.keyClick(it.dialog.password, Qt.Key.Key_Return)
            assert it.unlocked == []
            it.clock.advance(1)
            await until(it.dialog.unlock.isEnabled)
            QTest.mouseClick(it.dialog.unlock, Qt.MouseButton.LeftButton)
            await until(lambda: it.closed)
            assert it.unlocked == [False]

    play(story())


def test_not_now_leaves_the_vault_closed(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        async with Story(tmp_path / "accounts") as it:
            it.type("something")
            QTest.mouseClick(it.dialog.later, Qt.MouseButton.LeftButton)
            assert it.closed and it.left == "" and it.vault.locked and it.unlocked == []

    play(story())
