"""The window on a real twin, ready to be worked with mouse and keyboard, and short ways to read what it shows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from app.config import Config, Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.core.orders import InFlightOrder
from app.core.types import Side
from app.store.database import Store
from app.twin_process import TwinLine
from app.ui.main_window import MainWindow
from app.workspace import Workspace
from tests.until import until

PAIR = "BTC-USDT"
Play = Callable[[Coroutine[Any, Any, None]], None]


class Desk:
    """A workspace with its window, on one twin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace: Workspace
        self.window: MainWindow
        self.exchange: Exchange
        self.pair = PAIR

    async def open(self, line: TwinLine) -> None:
        self.workspace = Workspace(Paths(self.folder), store=Store.open(Paths(self.folder).journal_file))
        self.workspace.start()
        self.window = MainWindow(self.workspace, Config(), self.folder / "layout.json")
        self.window.resize(1920, 1080)
        self.window.show()
        self.exchange = await self.workspace.open_exchange(
            exchange_spec(line.exchange), line.domain(), line.credentials()
        )
        default = self.exchange.venue.spec.default_pair
        self.pair = default if default in line.pairs else line.pairs[0]
        self.window.open_market(self.exchange.key, self.pair)
        # HTX gives the books of a watch list one at a time.
        live = lambda: self.exchange.ready and self.window.ladder.fresh.state == "live"  # noqa: E731
        await until(live, 30, "a live window")

    async def close(self) -> None:
        await self.exchange.cancel_all()
        self.window.finish()
        await self.workspace.close()
        self.window.deleteLater()

    def click_price(self, side: Side, nth: int) -> str:
        """Click the `nth` price of a side in the book; returns the price under the mouse."""
        canvas = self.window.ladder.body
        seen: list[str] = []
        for y in range(canvas.height()):
            _, line = canvas.line_at(y)
            if line.price and (line.bid if side is Side.BUY else line.ask) and line.price not in seen:
                seen.append(line.price)
        wanted = seen[nth] if side is Side.BUY else seen[::-1][nth]
        y = next(y for y in range(canvas.height()) if canvas.line_at(y)[1].price == wanted)
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(canvas.width() // 2, y + 3))
        return wanted

    async def submit(self, amount: str) -> InFlightOrder:
        """Type the amount, press the button, confirm."""
        entry = self.window.entry
        known = {order.key for order in self.exchange.orders}
        edit = entry.amount.edit
        edit.setFocus()
        edit.selectAll()
        QTest.keyClicks(edit, amount)
        await until(lambda: entry.submit.isEnabled(), what="the button")
        QTest.mouseClick(entry.submit, Qt.MouseButton.LeftButton)
        await until(lambda: entry.confirmation is not None, what="the question")
        assert entry.confirmation is not None and "PAPER" in texts(entry.confirmation)
        await until(lambda: entry.confirmation.send.isEnabled(), what="the send button")  # type: ignore[union-attr]
        QTest.mouseClick(entry.confirmation.send, Qt.MouseButton.LeftButton)
        await until(lambda: len(self.exchange.orders) > len(known), what="the order")
        return next(order for order in self.exchange.orders if order.key not in known)


def texts(widget: Any) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel))


def column(panel: Any, title: str) -> list[str]:
    """What the table shows under that heading."""
    model = panel.table.model()
    titles = [model.headerData(c, Qt.Orientation.Horizontal) for c in range(model.columnCount())]
    place = titles.index(title)
    return [str(model.index(row, place).data()) for row in range(model.rowCount())]
