"""The plug-in service is switched on from the window, used by a plain HTTP client, and by a second Depthdesk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.core.clock import SystemClock
from app.core.order_state import OrderState
from app.services.pairing import Keys
from app.twin_process import TwinLine, TwinProcess
from app.ui.dialogs.plugin_service import PluginServiceDialog
from tests.e2e.plugin_desk import WindowDesk, click, fill
from tests.lab.desk import Play, column
from tests.services.client import send
from tests.services.test_local_requests import FORGED
from tests.until import until

PAIR = "BTC-USDT"


@pytest.fixture
def twin() -> Iterator[TwinLine]:
    process = TwinProcess("poloniex", seed=7)
    try:
        yield process.read_line()
    finally:
        process.stop()


async def _serving(desk: WindowDesk, line: TwinLine, trade: bool) -> tuple[PluginServiceDialog, Exchange]:
    spec = exchange_spec("poloniex")
    exchange = await desk.workspace.open_exchange(spec, line.domain(), line.credentials(), pairs=[PAIR])
    desk.window.open_market(exchange.key, PAIR)
    await until(lambda: exchange.ready and PAIR in exchange.tickers, 20, what="the exchange")
    assert not desk.window.status.serving.isVisible()
    desk.menu("Plug-in service…")
    dialog = await desk.dialog(PluginServiceDialog)
    assert dialog.where.text() == "Nothing listens" and not dialog.pairing.isVisible()
    fill(dialog.port, str(_free_port()))
    served, may_trade = dialog.boxes["poloniex"]
    assert not served.isChecked() and not may_trade.isEnabled()
    click(served)
    if trade:
        click(may_trade)
    click(dialog.toggle)
    await until(lambda: dialog.pairing.isVisible(), what=dialog.words.text())
    return dialog, exchange


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Asker:
    """A client that knows the protocol and nothing of us: aiohttp, the keys in the body, one POST each."""

    def __init__(self, url: str, access: str, secret: str) -> None:
        self.url, self.access, self.secret = url, access, secret
        self.nonce = SystemClock().wall_ns()

    async def __call__(self, method: str, **params: Any) -> Any:
        self.nonce += 1
        body = {"access_key": self.access, "secret_key": self.secret, "method": method, "nonce": self.nonce}
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.post(f"{self.url}/POLONIEX", json=body | {"params": params}) as reply:
                    answer = json.loads(await reply.text(), parse_float=Decimal)
                    if reply.status != 429:
                        return answer.get("data", f"error: {answer.get('error')}")
                await asyncio.sleep(0.2)


def test_every_method_is_answered_and_seen(play: Play, twin: TwinLine, tmp_path: Path) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path)
        try:
            dialog, exchange = await _serving(desk, twin, trade=False)
            url = dialog.where.text()
            assert desk.window.status.serving.text() == f"⇄ SERVING {url.rpartition('/')[2]}"
            assert desk.window.status.serving.isVisible()
            ask = Asker(url, dialog.access.text(), dialog.secret.text())
            symbol = "BTC_USDT"
            assert (await ask("ticker", symbol=symbol))["symbol"] == symbol
            book = await ask("depth", symbol=symbol, limit="5")
            assert len(book["bids"]) == 5 and book["bids"][0][0] < book["asks"][0][0]
            assert (await ask("trades", symbol=symbol))[0].keys() >= {"id", "price", "amount", "type"}
            assert len((await ask("records", symbol=symbol, period="1", limit="3"))[0]) == 6
            assert {row["currency"] for row in await ask("accounts")} >= {"BTC", "USDT"}
            assert {row["currency"] for row in await ask("assets")} >= {"BTC", "USDT"}
            price = str(int(book["bids"][0][0] * Decimal("0.97")))
            order = {"symbol": symbol, "type": "buy", "price": price, "amount": "0.01"}
            assert "for reading only" in await ask("trade", **order)
            click(dialog.boxes["poloniex"][1])
            assert "TRADE" in desk.window.status.serving.text()
            placed = await ask("trade", **order)
            assert placed["id"].startswith("BTC_USDT,")
            await until(lambda: column(desk.window.open_orders, "State") == ["Open"], what="the order in the window")
            assert [row["id"] for row in await ask("orders", symbol=symbol)] == [placed["id"]]
            assert (await ask("order", id=placed["id"], symbol=symbol))["status"] == "submitted"
            assert await ask("cancel", id=placed["id"], symbol=symbol) is True
            done = await ask("historyorders", symbol=symbol, limit=0, since=0)
            assert [row["status"] for row in done if row["id"] == placed["id"]] == ["canceled"]
            assert "not allowed" in await ask("__api_/orders")
            assert await ask("markets") == "error: not support"
            dialog.refresh()
            assert dialog.counts.whole.startswith("14 answered: ") and dialog.counts.whole.endswith("last markets")
            assert column(dialog, "Call")[:2] == ["markets", "__api_/orders"]
            assert column(dialog, "Answer")[0] == "not support" and "ok" in column(dialog, "Answer")
            click(dialog.boxes["poloniex"][0])
            assert "unknown exchange" in await ask("accounts")
            await _keys_are_shown_once(desk, dialog, ask)
            click(dialog.toggle)
            await until(lambda: dialog.badge.text() == "OFF", what="the end of the service")
            assert not desk.window.status.serving.isVisible()
            with pytest.raises(aiohttp.ClientError):
                await ask("accounts")
        finally:
            await desk.close()

    play(story())


async def _keys_are_shown_once(desk: WindowDesk, dialog: PluginServiceDialog, ask: Asker) -> None:
    """A copy leaves the clipboard, hidden keys do not come back, new ones end the old ones."""
    waiting: list[Any] = []
    dialog._sweeper._after = lambda ms, action: waiting.append((ms, action))
    click(dialog.copies[1])
    assert QGuiApplication.clipboard().text() == ask.secret
    [(ms, sweep)] = waiting
    assert ms == 10_000
    sweep()
    assert QGuiApplication.clipboard().text() == ""
    click(dialog.hide_button)
    assert not dialog.pairing.isVisible() and dialog.secret.text() == ""
    click(dialog.rotate)
    assert dialog.pairing.isVisible() and dialog.secret.text() not in ("", ask.secret)
    assert await ask("accounts") == "error: unauthorized"
    shown = b"".join(frame.payload for frame in desk.workspace.log.newest_first())
    told = " ".join(notice.text for notice in desk.workspace.notices.items)
    assert ask.secret.encode() not in shown and ask.secret not in told


def test_x8_forty_forged_requests_are_counted_in_the_dialog(
    play: Play,
    twin: TwinLine,
    tmp_path: Path,
) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path)
        try:
            dialog, _ = await _serving(desk, twin, trade=True)
            service = desk.window.plugins.service._service
            assert service is not None and len(FORGED) == 40

            class Bare:
                keys = Keys(dialog.access.text(), dialog.secret.text())

            bare = Bare()
            bare.service = service  # type: ignore[attr-defined]
            from tests.services.client import Client

            bare.client = Client(service.port, bare.keys, SystemClock().wall_ns())  # type: ignore[attr-defined]
            for forged in FORGED.values():
                status = 429
                while status == 429:
                    status, _ = await send(service.port, forged(bare))  # type: ignore[arg-type]
                assert 400 <= status < 500
            dialog.refresh()
            assert dialog.counts.whole == "None yet." and column(dialog, "Call") == []
            words = dialog.refusals.text()
            assert dialog.refusals.isVisible() and words.startswith("Refused 4")
            browser = sum(refused for reason, refused in service.blocked.items() if reason == "a web page asked")
            assert f"a web page asked: {browser}" in words
            assert f"blocked browser requests: {service.blocked_browser}" in words and service.blocked_browser >= 20
        finally:
            await desk.close()

    play(story())


def test_x10_a_taken_port_starts_nothing(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path)
        taken = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
        try:
            desk.menu("Plug-in service…")
            dialog = await desk.dialog(PluginServiceDialog)
            fill(dialog.port, "70000")
            click(dialog.toggle)
            await until(lambda: "is not a port from 1024 to 65535" in dialog.words.text())
            fill(dialog.port, str(taken.sockets[0].getsockname()[1]))
            click(dialog.toggle)
            await until(lambda: "is taken by process" in dialog.words.text(), what=dialog.words.text())
            assert "No pairing was made" in dialog.words.text() and not dialog.pairing.isVisible()
            assert not desk.window.plugins.service.running
        finally:
            await desk.close()
            taken.close()

    play(story())


def test_one_depthdesk_trades_through_another(play: Play, twin: TwinLine, tmp_path: Path) -> None:
    async def story() -> None:
        near, far = WindowDesk(tmp_path / "near"), WindowDesk(tmp_path / "far")
        try:
            dialog, served = await _serving(near, twin, trade=True)
            keys = (dialog.access.text(), dialog.secret.text(), "")
            port = int(dialog.where.text().rpartition(":")[2])
            exchange = await far.connect_plugin(port, "/POLONIEX", "BTC-USDT:2:6", keys)
            assert exchange.key == "fmz:poloniex"
            for asset in ("BTC", "USDT"):
                assert exchange.balances[asset].total == served.balances[asset].total
            book = exchange.order_books[PAIR]
            await until(
                lambda: (
                    book.best_bid is not None
                    and Decimal(book.best_bid) in [Decimal(p) for p, _ in served.order_books[PAIR].top(5)[0]]
                ),
                what="the same book",
            )
            mid = served.order_books[PAIR].mid
            assert mid is not None
            order = await far.submit(exchange, str(int(mid * Decimal("0.97"))), "0.01")
            await until(lambda: column(far.window.open_orders, "State") == ["Open"], what="an open row")
            await until(lambda: column(near.window.open_orders, "State") == ["Open"], what="the same on the other desk")
            far.window.open_orders.table.selectAll()
            QTest.keyClick(far.window.open_orders.table, Qt.Key.Key_Delete)
            await until(lambda: order.state is OrderState.CANCELED, 15, what="the cancel")
            assert [each.state for each in served.orders] == [OrderState.CANCELED]
            await until(lambda: column(near.window.open_orders, "State") == [], what="an empty list on the other desk")
            # Towards Depthdesk's own service only proofs travel, never the pairing secret.
            for workspace in (near.workspace, far.workspace):
                assert keys[1].encode() not in b"".join(frame.payload for frame in workspace.log.newest_first())
        finally:
            await far.close()
            await near.close()

    play(story())
