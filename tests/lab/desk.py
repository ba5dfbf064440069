"""A desk with its window on a paper twin, in one event loop with the test: what is clicked, and what is seen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from app.config import Config, Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.core.clock import Clock
from app.core.order_state import OrderFlag
from app.core.orders import InFlightOrder
from app.core.types import Side
from app.store.database import Store
from app.store.disk_words import StoreInUse
from app.twin_process import TwinLine
from app.ui.main_window import MainWindow
from app.workspace import Workspace
from tests.lab.fault_proxy import FaultProxy
from tests.until import until

PAIR = "BTC-USDT"
Play = Callable[[Coroutine[Any, Any, None]], None]
"""Runs a test's coroutine on a Qt event loop, and checks that it left no task behind."""


class Desk:
    """A workspace with its window and one exchange; `open`, then `close`.

    With a `proxy`, everything between desk and twin passes through it. `clock` and `random` are the desk's own.
    """

    def __init__(
        self,
        folder: Path,
        proxy: FaultProxy | None = None,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        config: Config | None = None,
    ) -> None:
        self.folder = folder
        self._proxy = proxy
        self._clock = clock
        self._random = random
        self._config = config or Config()
        self.workspace: Workspace
        self.window: MainWindow
        self.exchange: Exchange
        self.pair = PAIR

    async def open(self, line: TwinLine, pair: str = "", *, ready: bool = True) -> None:
        """Open workspace, window and exchange; by default wait until everything is live."""
        if self._proxy is not None:
            line = through(self._proxy, line)
        paths = Paths(self.folder)
        store, refusal = None, ""
        try:
            store = Store.open(paths.journal_file)
        except StoreInUse as error:
            refusal = str(error)
        self.workspace = Workspace(
            paths, self._config, clock=self._clock, random=self._random, store=store, no_orders=refusal
        )
        self.workspace.start()
        self.window = MainWindow(self.workspace, self._config, self.folder / "layout.json")
        self.window.resize(1920, 1080)
        self.window.show()
        spec = exchange_spec(line.exchange)
        self.exchange = await self.workspace.open_exchange(spec, line.domain(), line.credentials())
        self.pair = pair or spec.default_pair
        self.window.open_market(self.exchange.key, self.pair)
        if ready:
            await self.live()

    @property
    def proxy(self) -> FaultProxy:
        assert self._proxy is not None, "this desk was opened without a proxy"
        return self._proxy

    async def live(self, within_s: float = 30.0) -> None:
        """Until the book is live on screen and the account is ready."""
        await until(lambda: self.exchange.ready and self.book() == "live", within_s, "a live window")

    async def close(self, *, cancel: bool = True) -> None:
        if cancel:
            await self.exchange.cancel_all()
        self.window.finish()
        await self.workspace.close()
        self.window.deleteLater()

    # -- what is seen

    def book(self) -> str:
        """State of the ladder's badge: live, aging, stale or resync."""
        return self.window.ladder.fresh.state

    def book_words(self) -> str:
        return self.window.ladder.fresh.words

    def pill(self) -> str:
        """The exchange's words in the status bar."""
        dot = self.window.status._dots.get(self.exchange.key)
        return dot.text() if dot is not None else ""

    def connection(self, name: str) -> dict[str, str]:
        """The row of the connections panel whose first cell contains `name`, by heading."""
        for row in rows(self.window.connections.link_table):
            if name in next(iter(row.values())):
                return row
        return {}

    def link_history(self, name: str) -> list[dict[str, str]]:
        """Select the connection whose first cell contains `name`; the rows of its history, newest first."""
        panel = self.window.connections
        names = [next(iter(row.values())) for row in rows(panel.link_table)]
        panel.link_table.selectRow(next(at for at, each in enumerate(names) if name in each))
        panel.refresh(now=True)
        return rows(panel.history_table)

    def gate(self) -> str:
        """What the order form says about sending, empty when nothing keeps an order back."""
        words = self.window.entry.gate_words
        return words.text() if not words.isHidden() else ""

    def banners(self) -> list[str]:
        return self.window.banner.texts()

    def events(self) -> list[str]:
        """Texts of the event list, newest first."""
        return [notice.text for notice in reversed(self.workspace.notices.items)]

    def states(self) -> list[str]:
        """State of every row of the open orders."""
        return column(self.window.open_orders, "State")

    # -- what is done

    async def click_price(self, side: Side, nth: int) -> str:
        """Click the `nth` price of a side in the book until the form has it; returns that price.

        A click right after the rows have moved is dropped, as the trader may have aimed at another price.
        """
        clicked = ""

        def taken() -> bool:
            nonlocal clicked
            clicked = self._click_price(side, nth)
            return edit.text() != "" and Decimal(edit.text().replace(",", "")) == Decimal(clicked)

        edit = self.window.entry.price.edit
        await until(taken, what="a price taken by the form", seen=lambda: (clicked, edit.text()))
        return clicked

    def _click_price(self, side: Side, nth: int) -> str:
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

    async def submit(self, amount: str, before_send: Callable[[], None] = lambda: None) -> InFlightOrder:
        """Type the amount, press the button, confirm; `before_send` is called with the question already open."""
        entry = self.window.entry
        known = {order.key for order in self.exchange.orders}
        edit = entry.amount.edit
        edit.setFocus()
        edit.selectAll()
        QTest.keyClicks(edit, amount)
        await until(lambda: entry.submit.isEnabled(), what="the button")
        QTest.mouseClick(entry.submit, Qt.MouseButton.LeftButton)
        await until(lambda: entry.confirmation is not None, what="the question", seen=lambda: texts(entry))
        assert entry.confirmation is not None and "PAPER" in texts(entry.confirmation)
        await until(lambda: entry.confirmation.send.isEnabled(), what="the send button")  # type: ignore[union-attr]
        before_send()
        QTest.mouseClick(entry.confirmation.send, Qt.MouseButton.LeftButton)
        return await placed_since(known, self.exchange, seen=lambda: texts(entry))

    async def place(
        self,
        side: Side = Side.BUY,
        nth: int = 6,
        amount: str = "0.01",
        before_send: Callable[[], None] = lambda: None,
    ) -> InFlightOrder:
        """Click a price of the book (deep enough to rest by default), type the amount, confirm."""
        await self.click_price(side, nth)
        return await self.submit(amount, before_send)

    async def press_cancel(self) -> None:
        """Select every open order and press Delete, once there are any on screen."""
        await until(self.states, what="rows to select")
        table = self.window.open_orders.table
        table.selectAll()
        QTest.keyClick(table, Qt.Key.Key_Delete)

    async def cancel_shown(self) -> None:
        """Wait for the open orders to be on screen, cancel them all there, and wait for their end."""
        await until(lambda: len(self.states()) == len(self.exchange.orders.open), what="every open order's row")
        await self.press_cancel()
        await until(lambda: not self.exchange.orders.open, what="the cancel")


def through(proxy: FaultProxy, line: TwinLine) -> TwinLine:
    """The same twin, reached through the proxy."""
    return replace(
        line,
        rest=proxy.behind(line.rest),
        ws_public=proxy.behind(line.ws_public),
        ws_private=proxy.behind(line.ws_private),
    )


def click_state(panel: Any, order: InFlightOrder) -> None:
    """Click the State cell of that order's row."""
    row = next(at for at, line in enumerate(panel.model.shown) if line.order is order)
    place = [each.title for each in panel.model.columns].index("State")
    panel.table.scrollTo(panel.model.index(row, place))
    at = panel.table.visualRect(panel.model.index(row, place)).center()
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=at)


def texts(widget: QWidget) -> str:
    """All labels of a widget."""
    return " ".join(label.text() for label in widget.findChildren(QLabel))


def rows(table: Any) -> list[dict[str, str]]:
    """What a table shows, each row by heading."""
    model = table.model()
    titles = [str(model.headerData(c, Qt.Orientation.Horizontal)) for c in range(model.columnCount())]
    return [
        {title: str(model.index(row, place).data() or "") for place, title in enumerate(titles)}
        for row in range(model.rowCount())
    ]


def column(panel: Any, title: str) -> list[str]:
    """What the panel's table shows under that heading."""
    return [row[title] for row in rows(panel.table)]


async def placed_since(known: set[str], exchange: Exchange, seen: Callable[[], object] | None = None) -> InFlightOrder:
    """The first order of this desk whose key is not known; past ones of the account may be loaded at any moment."""

    def placed() -> list[InFlightOrder]:
        ours = (order for order in exchange.orders if OrderFlag.EXTERNAL not in order.flags)
        return [order for order in ours if order.key not in known]

    await until(placed, what="the order", seen=seen)
    return placed()[0]
