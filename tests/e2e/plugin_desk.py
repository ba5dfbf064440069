"""A window with a journal, a vault and nothing open, and the reference plug-in as a program beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QMenu, QWidget

from app.config import Config, Paths
from app.connectors.exchange import Exchange
from app.core.orders import InFlightOrder
from app.store.database import Store
from app.ui.dialogs.connect_plugin import ConnectPluginDialog
from app.ui.main_window import MainWindow
from app.workspace import Workspace
from tests.e2e.reference_plugin import ACCESS, SECRET
from tests.lab.desk import placed_since
from tests.until import until

W = TypeVar("W", bound=QWidget)
PASSWORD = "a long enough vault password 7"


class ReferencePlugin:
    """The plug-in's process. `heard` are the bodies it got."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        program = Path(__file__).with_name("reference_plugin.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program), str(folder), str(port)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        with self._process.stdout as said:
            self.port = int(said.readline())
        self.pid = self._process.pid

    @property
    def heard(self) -> list[dict[str, Any]]:
        file = self.folder / "heard.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def switch(self, name: str, on: bool) -> None:
        """`lose` or `drop`."""
        file = self.folder / name
        file.touch() if on else file.unlink(missing_ok=True)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class WindowDesk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = Paths(folder)
        self.workspace = Workspace(paths, store=Store.open(paths.journal_file))
        self.failures: list[BaseException] = []
        self.workspace.on_error = lambda name, error: self.failures.append(error)
        self.workspace.start()
        self.window = MainWindow(self.workspace, Config(), folder / "layout.json")
        self.window.resize(1920, 1080)
        self.window.show()

    async def close(self) -> None:
        self.window.finish()
        await self.workspace.close()
        self.window.deleteLater()
        assert self.failures == []

    def menu(self, text: str) -> None:
        """Choose the entry of that name from the window's menus."""
        action: QAction = next(
            each for menu in self.window.findChildren(QMenu) for each in menu.actions() if each.text() == text
        )
        action.trigger()

    async def dialog(self, kind: type[W]) -> W:
        await until(lambda: any(d.isVisible() for d in self.window.findChildren(kind)), what=f"{kind.__name__}")
        return next(d for d in self.window.findChildren(kind) if d.isVisible())

    async def connect_plugin(
        self,
        port: int,
        path: str = "/OKX",
        pairs: str = "ETH-USDT:2:4",
        keys: tuple[str, str, str] = (ACCESS, *SECRET.split(",")),  # type: ignore[assignment]
        keep: bool = False,
    ) -> Exchange:
        """Everything by the dialog, as a user does."""
        self.menu("Connect a plug-in…")
        dialog = await self.dialog(ConnectPluginDialog)
        fill(dialog.address, f"http://127.0.0.1:{port}")
        fill(dialog.path, path)
        fill(dialog.pairs, pairs)
        for name, value in zip(("api_key", "secret_key", "passphrase"), keys, strict=True):
            fill(dialog.fields.edits[name], value)  # type: ignore[arg-type]
        click(dialog.paper)
        click(dialog.test_button)
        await until(lambda: dialog.is_mine.isVisible(), what=f"the owner: {dialog.findings.texts()}")
        click(dialog.is_mine)
        await until(lambda: len(dialog.findings.shown) == 5, what=f"the answers: {dialog.findings.texts()}")
        if keep:
            click(dialog.vault.password)
            fill(dialog.vault.first, PASSWORD)
            fill(dialog.vault.second, PASSWORD)
        else:
            click(dialog.session_only)
        await until(lambda: dialog.connect_button.isEnabled(), what=dialog.why.text())
        before = set(self.workspace.exchanges)
        click(dialog.connect_button)
        await until(lambda: set(self.workspace.exchanges) > before, 20, what="the plug-in to be open")
        exchange = next(each for key, each in self.workspace.exchanges.items() if key not in before)
        await until(lambda: exchange.ready and exchange.tickers, 20, what=f"{exchange.status_dict}")
        await until(lambda: self.window.market == (exchange.key, next(iter(exchange.order_books))))
        await until(lambda: self.window.ladder.fresh.state == "live", what="a live book")
        return exchange

    async def submit(self, exchange: Exchange, price: str, amount: str) -> InFlightOrder:
        """Write a limit buy into the form, press the button, confirm."""
        entry = self.window.entry
        known = {order.key for order in exchange.orders}
        for edit, text in ((entry.price.edit, price), (entry.amount.edit, amount)):
            # Without a window manager the first keys after a dialog has closed only wake the window.
            await until(lambda edit=edit, text=text: typed(edit, text), what="the form to take keys")  # type: ignore[misc]
        await until(lambda: entry.submit.isEnabled(), what="the button")
        click(entry.submit)
        await until(lambda: entry.confirmation is not None and entry.confirmation.send.isEnabled(), what="the question")
        assert entry.confirmation is not None
        click(entry.confirmation.send)
        return await placed_since(known, exchange)


def fill(edit: QLineEdit, text: str) -> None:
    assert typed(edit, text), edit.text()


def typed(edit: QLineEdit, text: str) -> bool:
    QTest.mouseClick(edit, Qt.MouseButton.LeftButton)
    edit.selectAll()
    if text:
        QTest.keyClicks(edit, text)
    else:
        QTest.keyClick(edit, Qt.Key.Key_Delete)
    return edit.text() == text


def click(button: QWidget) -> None:
    # A check box answers to clicks on its mark, at its left edge.
    place = QPoint(8, button.height() // 2) if isinstance(button, QAbstractButton) else button.rect().center()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=place)


def texts(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())
