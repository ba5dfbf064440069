"""Which exchanges and accounts are open, and the buttons to open and close them. Keys are another dialog's business."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.credentials.errors import VaultError
from app.ui import theme as look
from app.ui.dialogs.exchanges_accounts import AccountsSeam, KeptAccounts
from app.ui.dialogs.exchanges_plugins import PluginCard, pace_of
from app.workspace import Workspace

if TYPE_CHECKING:
    from app.ui.plugin_tools import PluginTools


class ExchangesDialog(QDialog):
    """One line per exchange known here and per exchange open now. `opened` carries the key of a new one."""

    opened = Signal(str)

    def __init__(
        self,
        workspace: Workspace,
        parent: QWidget,
        accounts: AccountsSeam | None = None,
        plugins: PluginTools | None = None,
    ) -> None:
        """`accounts`: those of the vault; without them the dialog lists exchanges only."""
        super().__init__(parent)
        self._workspace = workspace
        self._busy: set[str] = set()
        self._accounts = accounts
        self.setWindowTitle("Accounts and exchanges" if accounts else "Exchanges")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = look.current()
        self.setMinimumWidth(theme.px(760 if accounts else 640))
        self.open_now = QFrame(self)
        self.open_now.setProperty("role", "card")
        self.known = QFrame(self)
        self.known.setProperty("role", "card")
        self.words = _label("", "error")
        self.words.setWordWrap(True)
        instead = ", ".join(workspace.known_exchanges.values())
        closed = _label(f"{'. '.join(workspace.closed_exchanges.values())}. Instead: {instead}.", "secondary")
        closed.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        body = QWidget()
        self._body = column = QVBoxLayout(body)
        column.setContentsMargins(theme.px(18), theme.px(16), theme.px(18), theme.px(8))
        column.setSpacing(theme.px(10))
        self.kept: KeptAccounts | None = None
        if accounts is not None:
            self.kept = KeptAccounts(accounts)
            self.kept.close_asked.connect(self._close_account)
            head = QHBoxLayout()
            head.addWidget(_label("Accounts", "title"))
            head.addStretch(1)
            self.add = QPushButton("Add an account…")
            self.add.setAutoDefault(False)
            self.add.clicked.connect(_without_arguments(accounts.add_account))
            head.addWidget(self.add)
            column.addLayout(head)
            column.addWidget(self.kept)
        for widget in (_label("Open now", "title"), self.open_now, _label("Open another", "title"), self.known):
            column.addWidget(widget)
        if plugins is not None:
            card = PluginCard(workspace, plugins)
            card.left.connect(self.accept)
            column.addWidget(_label("Plug-ins", "title"))
            column.addWidget(card)
        column.addWidget(closed)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(body)
        foot = QVBoxLayout()
        foot.setContentsMargins(theme.px(18), 0, theme.px(18), theme.px(14))
        foot.addWidget(self.words)
        foot.addWidget(buttons)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll, 1)
        whole.addLayout(foot)
        self._list_known()
        self.refresh()
        tall = column.totalHeightForWidth(self.minimumWidth()) + buttons.sizeHint().height() + theme.px(40)
        self.resize(self.minimumWidth(), min(tall, round(self.screen().availableGeometry().height() * 0.9)))

    def done(self, result: int) -> None:
        if self.kept is not None:
            self.kept.finish()
        super().done(result)

    def refresh(self) -> None:
        """List anew what is open."""
        frame = QFrame(self)
        frame.setProperty("role", "card")
        grid = QGridLayout(frame)
        grid.setColumnStretch(2, 1)
        ours = {row.key for row in self._accounts.desk.used_rows} if self._accounts is not None else set()
        others = [exchange for exchange in self._workspace.exchanges.values() if exchange.key not in ours]
        for row, exchange in enumerate(others):
            kind = exchange.kind if exchange.paper or exchange.has_account else "public"
            grid.addWidget(_label(exchange.title), row, 0)
            grid.addWidget(_label(kind, "secondary"), row, 1)
            grid.addWidget(_label(exchange.key, "secondary"), row, 2)
            if (pace := pace_of(exchange)) is not None:
                grid.addLayout(pace, row, 3)
            button = QPushButton("Close")
            button.setAccessibleName(f"Close {exchange.key}")
            button.clicked.connect(partial(self._close, exchange.key))
            grid.addWidget(button, row, 4)
        if not others:
            grid.addWidget(_label("Nothing else is open." if ours else "Nothing is open.", "secondary"), 0, 0)
        self._body.replaceWidget(self.open_now, frame)
        self.open_now.hide()
        self.open_now.deleteLater()
        self.open_now = frame

    def _list_known(self) -> None:
        grid = QGridLayout(self.known)
        grid.setColumnStretch(0, 1)
        for row, (name, title) in enumerate(self._workspace.known_exchanges.items()):
            grid.addWidget(_label(title), row, 0)
            line = QHBoxLayout()
            for text, action in (
                ("Paper twin", partial(self._open, name, self._workspace.open_paper)),
                ("Public markets", partial(self._open, name, self._workspace.open_public)),
            ):
                button = QPushButton(text)
                button.setAccessibleName(f"{title}: {text}")
                button.clicked.connect(_without_arguments(action))
                line.addWidget(button)
            grid.addLayout(line, row, 1)

    def _open(self, name: str, how: Callable[[str], Coroutine[Any, Any, Any]]) -> None:
        if name not in self._busy:
            self._busy.add(name)
            self._workspace.spawn(self._opening(name, how), f"open {name}")

    async def _opening(self, name: str, how: Callable[[str], Coroutine[Any, Any, Any]]) -> None:
        self.words.setText("")
        try:
            exchange = await how(name)
        except (ValueError, RuntimeError) as error:
            self.words.setText(str(error))
        else:
            self.opened.emit(exchange.key)
            self.refresh()
        finally:
            self._busy.discard(name)

    def _close_account(self, label: str) -> None:
        assert self._accounts is not None
        self._workspace.spawn(self._closing_account(label), f"close {label}")

    async def _closing_account(self, label: str) -> None:
        assert self._accounts is not None
        try:
            await self._accounts.desk.close(label)
        except VaultError as error:
            self.words.setText(str(error))

    def _close(self, key: str) -> None:
        self._workspace.spawn(self._closing(key), f"close {key}")

    async def _closing(self, key: str) -> None:
        await self._workspace.close_exchange(key)
        self.refresh()


def _label(text: str, role: str = "") -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", role)
    return label


def _without_arguments(action: Callable[[], object]) -> Callable[[bool], None]:
    def clicked(_checked: bool = False) -> None:
        action()

    return clicked
