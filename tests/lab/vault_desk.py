"""A window on a real vault: accounts on twins of this computer, kept under a password, opened as a trader does it."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from app.account_desk import AccountDesk, Phase
from app.config import Config, Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import EXCHANGES
from app.connectors.spec import Credentials, ExchangeSpec
from app.core.order_state import OrderState
from app.credentials.account_info import AccountInfo, Lock
from app.credentials.accounts import Accounts
from app.credentials.lab import LAB
from app.credentials.system_keyring import WrappingKeys
from app.store.database import Store
from app.store.paper_journal import paper_journal
from app.twin_process import TwinLine
from app.ui.dialogs.unlock_vault import UnlockVaultDialog
from app.ui.main_window import MainWindow
from app.workspace import Workspace
from tests.until import until

PASSWORD = "correct horse battery"


class VaultDesk:
    """`keep` accounts, `open` the window, then work it; `close` at the end. The folder is the profile."""

    def __init__(
        self,
        folder: Path,
        *,
        exchanges: Mapping[str, ExchangeSpec] = EXCHANGES,
        keyring: WrappingKeys | None = None,
        config: Config | None = None,
        beside_paper: bool = False,
    ) -> None:
        """`beside_paper`: the window was started for a twin of its own, whose journal ends with it."""
        self.folder = folder
        self._beside_paper = beside_paper
        self._exchanges = exchanges
        self._keyring = keyring
        self._config = config or Config()
        self.secrets: set[str] = {PASSWORD}
        self.workspace: Workspace
        self.window: MainWindow

    def vault(self) -> Accounts:
        return Accounts(Paths(self.folder).data / "accounts", keyring=self._keyring)

    async def keep(self, label: str, line: TwinLine, lock: Lock = Lock.PASSWORD, *, domain: str = LAB) -> AccountInfo:
        """Put the account that this twin named into the vault, which is closed again afterwards."""
        self.secrets |= {line.secret_key, line.passphrase} - {""}
        return await self.vault().add(
            exchange=line.exchange,
            domain=domain,
            label=label,
            credentials=Credentials(api_key=line.api_key, secret_key=line.secret_key, passphrase=line.passphrase),
            lock=lock,
            password=PASSWORD if lock is Lock.PASSWORD else "",
            lab=line.addresses() if domain == LAB else None,
        )

    def open(self) -> None:
        """The window alone, without any exchange."""
        paths = Paths(self.folder)
        journal = paper_journal(paths.state) if self._beside_paper else paths.journal_file
        lasting = paths.journal_file if self._beside_paper else None
        self.workspace = Workspace(paths, self._config, store=Store.open(journal), lasting_journal=lasting)
        self.workspace.start()
        self.accounts = AccountDesk(
            self.workspace,
            self.vault(),
            exchanges=self._exchanges,
            on_keys=lambda: None,
        )
        self.window = MainWindow(self.workspace, self._config, self.folder / "layout.json", self.accounts)
        self.window.resize(1920, 1080)
        self.window.show()

    async def close(self) -> None:
        self.window.finish()
        await self.workspace.close()
        self.window.deleteLater()

    # -- what is seen

    def exchange(self, label: str) -> Exchange:
        return next(e for e in self.workspace.exchanges.values() if e.key.endswith(f":{label}"))

    def phase(self, label: str) -> Phase:
        row = self.accounts.row(label)
        return row.phase if row is not None else Phase.CLOSED

    def strips(self) -> str:
        return " | ".join(self.window.accounts.bar.texts())

    def book(self) -> str:
        return self.window.ladder.fresh.state

    def form(self) -> str:
        """What stands in place of the order form, or empty."""
        missing = self.window.entry.empty
        return missing.words.text() if not missing.isHidden() else ""

    def state(self, label: str, key: str) -> OrderState | None:
        """Of one order, as known here."""
        order = self.exchange(label).orders.get(key)
        return order.state if order is not None else None

    # -- what is done

    async def unlock(self, password: str = PASSWORD) -> None:
        """Press Unlock on the strip and type the password."""
        button = self.window.accounts.bar.button("Unlock…")
        assert button is not None
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        dialog = self.window.accounts.dialog
        assert isinstance(dialog, UnlockVaultDialog)
        QTest.keyClicks(dialog.password, password)
        QTest.keyClick(dialog.password, Qt.Key.Key_Return)
        await until(lambda: self.window.accounts.dialog is None, what="the vault to open")

    def act(self, name: str) -> None:
        """Choose an entry of the menu."""
        next(action for action in self.window.actions() if action.text() == name).trigger()

    async def ready(self, *labels: str) -> None:
        await until(lambda: all(self.phase(label) is Phase.OPEN for label in labels), 20, "open accounts")
        await until(lambda: all(self.exchange(label).ready for label in labels), 20, "ready accounts")

    # -- what must not be found

    def leaks(self) -> list[str]:
        """Where a secret stands in clear: on disk, in messages, in notices."""
        found = []
        for secret in self.secrets:
            raw = secret.encode()
            found += [str(path) for path in self.folder.rglob("*") if path.is_file() and raw in path.read_bytes()]
            log = self.workspace.log
            frames = (log.get(seq) for seq in range(log.first_seq, log.last_seq + 1))
            found += [
                f"frame {f.seq} of {f.connection}" for f in frames if f and (raw in f.payload or secret in f.path)
            ]
            found += [f"notice {n.text[:20]}…" for n in self.workspace.notices.items if secret in n.text]
        return found

    def held(self) -> list[str]:
        """Types of the objects that hold a secret and can be reached from the desk and its window."""
        wanted = [secret.encode() for secret in self.secrets]
        found = []
        for each in reachable(self.workspace, self.accounts, self.window):
            if isinstance(each, str):
                raw = each.encode("utf-8", "replace")
            elif isinstance(each, bytes | bytearray):
                raw = bytes(each)
            else:
                continue
            if any(secret in raw for secret in wanted):
                found.append(type(each).__name__)
        return found


def reachable(*roots: Any) -> Iterator[Any]:
    """Every object that can be reached from these, not through modules, classes and the globals of functions."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, types.ModuleType | type):
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, types.FunctionType):
            waiting += [*(each.__closure__ or ()), *(each.__defaults__ or ())]
        else:
            waiting += gc.get_referents(each)


def press(widget: QWidget, name: str) -> None:
    """Click the button of that accessible name, or of those words."""
    button = next(
        b for b in widget.findChildren(QPushButton) if name in (b.accessibleName(), b.text()) and not b.isHidden()
    )
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def real_looking(line: TwinLine) -> dict[str, ExchangeSpec]:
    """Exchanges whose main domain, not marked as paper, is this twin: what a real account looks like."""
    spec = EXCHANGES[line.exchange]
    main = replace(line.domain(), name="main", title=spec.title, paper=False)
    return {spec.name: replace(spec, domains={"main": main})}
