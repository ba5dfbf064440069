"""A plug-in is connected and traded through the window: fields, test, vault, orders, lost answers, the bridge lens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDoubleSpinBox, QPushButton

from app.connectors.exchange import Exchange
from app.connectors.spec import Credentials
from app.core.journal import EntryKind
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.ui.dialogs.connect_plugin import ConnectPluginDialog
from app.ui.dialogs.exchanges import ExchangesDialog
from app.ui.dialogs.order_outcome import OrderOutcomeDialog
from app.ui.dialogs.unlock_vault import UnlockVaultDialog
from app.workspace import account_key
from tests.e2e.plugin_desk import PASSWORD, ReferencePlugin, WindowDesk, click, fill, texts, typed
from tests.e2e.reference_plugin import ACCESS, SECRET
from tests.lab.desk import Play, click_state, column
from tests.until import until

PAIR = "ETH-USDT"


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[ReferencePlugin]:
    made = ReferencePlugin(tmp_path / "plugin")
    yield made
    made.stop()


def test_a_plugin_is_added_kept_and_traded(play: Play, plugin: ReferencePlugin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path / "desk")
        try:
            exchange = await desk.connect_plugin(plugin.port, keep=True)
            assert exchange.key == "fmz:okx" and exchange.paper
            await _buys_cancels_and_fills(desk, exchange)
            kept = [each.label for each in desk.window.plugins.desk.kept]
            assert kept == ["okx"] and (tmp_path / "desk/plugins.json").exists()
            stored = b"".join(p.read_bytes() for p in (tmp_path / "desk").rglob("*") if p.is_file())
            for secret in (ACCESS, *SECRET.split(",")):
                assert secret.encode() not in stored
        finally:
            await desk.close()

        again = WindowDesk(tmp_path / "desk")
        try:
            again.menu("Exchanges…")
            dialog = await again.dialog(ExchangesDialog)
            click(next(b for b in dialog.findChildren(QPushButton) if b.accessibleName() == "Connect okx"))
            unlock = await again.dialog(UnlockVaultDialog)
            fill(unlock.password, PASSWORD)
            click(unlock.unlock)
            await until(lambda: "fmz:okx" in again.workspace.exchanges, 20, what="the kept plug-in")
            exchange = again.workspace.exchanges["fmz:okx"]
            await until(lambda: exchange.ready and exchange.balances["ETH"].total > 5, 20, what="its balance")
            # What the first run knew came back from the journal.
            assert {order.state for order in exchange.orders} == {OrderState.FILLED, OrderState.CANCELED}
        finally:
            await again.close()

    play(story())


async def _buys_cancels_and_fills(desk: WindowDesk, exchange: Exchange) -> None:
    window = desk.window
    assert window.ladder.header.freshness.words.startswith("polled, ")
    assert exchange.account_freshness().words.startswith("polled, ")
    order = await desk.submit(exchange, "2900", "0.5")
    await until(lambda: column(window.open_orders, "State")[:1] == ["Open"], what="an open row")
    assert (order.exchange_order_id, order.terms.price) == ("ETH-USDT,7000", Decimal("2900"))
    await until(
        lambda: exchange.balances["USDT"].held == Decimal("1450"),
        15,
        what="the frozen part",
    )
    window.open_orders.table.selectAll()
    QTest.keyClick(window.open_orders.table, Qt.Key.Key_Delete)
    await until(lambda: order.state is OrderState.CANCELED, what="the cancel")
    taker = await desk.submit(exchange, "2922", "0.5")
    await until(lambda: taker.state is OrderState.FILLED and not taker.fills_missing, 15, what="the fill")
    assert taker.average_price == Decimal("2921.5")
    await until(lambda: exchange.balances["ETH"].total == Decimal("5.5"), 15, what="the balance")
    assert exchange.balances["USDT"].total == Decimal("8539.25")
    await until(lambda: column(window.fills, "Market") == [PAIR], what="a row of fills")
    await until(lambda: column(window.open_orders, "State") == [], what="no open order on screen")


async def _lost(desk: WindowDesk, exchange: Exchange, plugin: ReferencePlugin, how: str, price: str) -> InFlightOrder:
    plugin.switch(how, True)
    order = await desk.submit(exchange, price, "0.25")
    await until(lambda: order.state is OrderState.UNKNOWN, 20, what="the doubt")
    assert order.terms.price == Decimal(price)
    plugin.switch(how, False)
    await until(
        lambda: any("cannot be asked by our id" in text for text in column(desk.window.open_orders, "State")),
        what="the words of the row",
    )
    return order


def test_o25_a_lost_answer_is_told_by_the_trader(play: Play, plugin: ReferencePlugin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path / "desk")
        try:
            exchange = await desk.connect_plugin(plugin.port)
            order = await _lost(desk, exchange, plugin, "lose", "2890")
            await until(lambda: typed(desk.window.entry.price.edit, "2880"))
            await until(lambda: typed(desk.window.entry.amount.edit, "0.1"))
            await until(lambda: "say which order it is" in texts(desk.window.entry), what="the reason of the block")
            assert not desk.window.entry.submit.isEnabled()
            click_state(desk.window.open_orders, order)
            dialog = await desk.dialog(OrderOutcomeDialog)
            await until(lambda: dialog.chosen is not None and not dialog.chosen.differs, what="a candidate")
            assert dialog.chosen is not None and dialog.chosen.order.exchange_order_id == "ETH-USDT,7000"
            await until(lambda: dialog.pick_button.isEnabled())
            click(dialog.pick_button)
            assert order.state is OrderState.OPEN and order.exchange_order_id == "ETH-USDT,7000"
            await until(lambda: column(desk.window.open_orders, "State") == ["Open"], what="one open row")
            await until(lambda: desk.window.entry.submit.isEnabled(), what="the market to be free again")

            never = await _lost(desk, exchange, plugin, "drop", "2870")
            click_state(desk.window.open_orders, never)
            dialog = await desk.dialog(OrderOutcomeDialog)
            await until(lambda: dialog.again.isEnabled(), what="the question to be answered")
            assert dialog.chosen is None or dialog.chosen.differs
            assert not dialog.pick_button.isEnabled() and not dialog.none_button.isEnabled()
            fill(dialog.typed, "not placed")
            click(dialog.none_button)
            assert never.state is OrderState.NOT_PLACED
            await until(lambda: column(desk.window.open_orders, "State") == ["Open"])
            store = desk.workspace.store
            assert store is not None
            keys = Credentials(api_key=ACCESS, secret_key=SECRET)
            entries = await store.entries(account_key("fmz", exchange.venue.domain, keys))
            told = {(entry.kind, entry.key) for entry in entries}
            assert (EntryKind.EXISTS, order.key) in told and (EntryKind.ABSENT, never.key) in told
        finally:
            await desk.close()

    play(story())


def test_every_field_says_what_is_wrong(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path)
        try:
            desk.menu("Connect a plug-in…")
            dialog = await desk.dialog(ConnectPluginDialog)
            wrong = {
                "address": (dialog.address, "http://192.0.2.7:6666", "would travel readable"),
                "path": (dialog.path, "OKX", "a slash and the name"),
                "pairs": (dialog.pairs, "BTCUSDT", "is not a pair such as BTC-USDT"),
                "every": (dialog.every, "0.1", "0.1 is not 0.5 to 60 seconds"),
                "label": (dialog.label, "a/b", "letters, digits"),
            }
            for name, (edit, text, words) in wrong.items():
                before = edit.text()
                fill(edit, text)
                assert words in dialog.problems[name].text() and dialog.problems[name].isVisible(), name
                assert not dialog.test_button.isEnabled()
                fill(edit, before)
                assert not dialog.problems[name].isVisible(), name
            fill(dialog.address, "https://plugin.example:8443")
            assert dialog.confirmation.isVisible() and not dialog.test_button.isEnabled()
            fill(dialog.confirmation, "send my keys to plugin.example")
            assert dialog.test_button.isEnabled()
            fill(dialog.address, "http://127.0.0.1:6666")
            assert not dialog.confirmation.isVisible()
            fill(dialog.fields.edits["api_key"], "key")  # type: ignore[arg-type]
            dialog.reject()
            assert dialog.fields.values()["api_key"] == ""
        finally:
            await desk.close()

    play(story())


def test_x10_a_stranger_at_the_port_gets_no_key(play: Play, plugin: ReferencePlugin, tmp_path: Path) -> None:
    """First another kind of server; then one that takes the plug-in's place after it was looked at."""
    heard: list[bytes] = []

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(stranger, "127.0.0.1", 0)
        desk = WindowDesk(tmp_path / "desk")
        try:
            desk.menu("Connect a plug-in…")
            dialog = await desk.dialog(ConnectPluginDialog)
            for name, value in zip(("api_key", "secret_key"), (ACCESS, SECRET), strict=True):
                fill(dialog.fields.edits[name], value)  # type: ignore[arg-type]
            fill(dialog.address, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            click(dialog.test_button)
            await until(lambda: "is not a plug-in" in " ".join(dialog.findings.texts()), what="the stranger's name")
            assert not dialog.is_mine.isVisible() and not dialog.connect_button.isEnabled()
            fill(dialog.address, f"http://127.0.0.1:{plugin.port}")
            click(dialog.test_button)
            await until(lambda: dialog.is_mine.isVisible(), what="the plug-in")
            assert f"process {plugin.pid} (" in dialog.is_mine.text()
            plugin.stop()
            taken = await asyncio.start_server(stranger, "127.0.0.1", plugin.port)
            click(dialog.is_mine)
            await until(lambda: "Another program" in dialog.test_words.text(), what=dialog.test_words.text())
            assert not dialog.connect_button.isEnabled()
            taken.close()
            dialog.reject()
        finally:
            await desk.close()
            server.close()
        everything = b"".join(heard) + json.dumps(plugin.heard).encode()
        assert heard and b'"method":"ticker"' in everything
        assert ACCESS.encode() not in everything and b"REFERENCE-SECRET" not in everything

    play(story())


def test_the_pace_is_changed_while_it_runs(play: Play, plugin: ReferencePlugin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path / "desk")
        try:
            exchange = await desk.connect_plugin(plugin.port)
            desk.menu("Exchanges…")
            dialog = await desk.dialog(ExchangesDialog)
            pace = next(s for s in dialog.findChildren(QDoubleSpinBox) if "fmz:okx" in s.accessibleName())
            assert pace.value() == 1.0
            pace.lineEdit().setFocus()
            pace.lineEdit().selectAll()
            QTest.keyClicks(pace.lineEdit(), "30")
            QTest.keyClick(pace.lineEdit(), Qt.Key.Key_Return)
            source = exchange.order_book_tracker.data_source
            await until(lambda: source.status_for(PAIR).polled_every_s == 30.0, what="the slower pace")  # type: ignore[union-attr]
            # A book that is asked for so rarely does not stand there as if it were live.
            await until(lambda: exchange.freshness(PAIR).state == "aging", 12, what="an aging book")
            assert exchange.freshness(PAIR).words.startswith("polled, ")
            pace.setValue(0.5)
            await until(lambda: exchange.freshness(PAIR).state == "live", what="a live book")
            assert source.status_for(PAIR).polled_every_s == 0.5  # type: ignore[union-attr]
            dialog.reject()
        finally:
            await desk.close()

    play(story())


def test_the_bridge_lens(play: Play, plugin: ReferencePlugin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = WindowDesk(tmp_path / "desk")
        window = desk.window
        try:
            await desk.connect_plugin(plugin.port)
            window.docks.bring_up("bridge")
            lens = window.bridge
            await until(lambda: {"depth", "ticker", "accounts", "orders"} <= set(column(lens, "Method")), what="calls")
            lens.method.setCurrentIndex(lens.method.findText("ticker"))
            assert set(column(lens, "Method")) == {"ticker"}
            # The first one carried no keys, and the plug-in refused it.
            click(lens.errors)
            assert set(column(lens, "Result")) == {"missing required parameters"}
            click(lens.errors)
            answered = next(at for at, call in enumerate(lens.model.shown) if not call.error and call.answered)
            lens.table.select_only(answered)
            call = lens.current
            assert call is not None and call.answered is not None
            assert lens.raw.marked() == {
                "data.askSz": "dropped in translation",
                "data.instType": "dropped in translation",
            }
            assert lens.data.marked() == {"last": "text, number in raw"}
            assert [lens.request.document["method"], lens.data.document["last"]] == ["ticker", "2921.5"]
            click(lens.copy)
            copied = QGuiApplication.clipboard().text()
            assert json.loads(copied)["dropped"] == ["data.askSz", "data.instType"]
            assert ACCESS not in copied and "REFERENCE" not in copied
            click(lens.answered)
            await until(lambda: window.inspector.isVisible() and window.inspector.detail.frame is not None)
            assert window.inspector.detail.frame.seq == call.answered.seq  # type: ignore[union-attr]
            assert call.answered.seq in window.inspector.bridged()
            window.inspector.bridge_requested.emit(call.answered.seq)
            await until(lambda: lens.isVisible() and lens.current is call)
            shown = b"".join(frame.payload for frame in desk.workspace.log.newest_first())
            assert ACCESS.encode() not in shown and b"REFERENCE-SECRET" not in shown
        finally:
            await desk.close()

    play(story())
