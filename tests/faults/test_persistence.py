"""Kills, full disks and damaged journals, and what the window then shows."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from app.config import Config, HistoryConfig
from app.core.order_state import OrderState
from app.core.types import Side
from app.store import opening, schema
from app.store.journal_file import JournalFile
from app.twin_process import TwinLine
from tests.lab.desk import Desk, Play, column, rows, through
from tests.lab.doomed_desk import ANSWER_READ, FROM_OUTSIDE, INTENT_WRITTEN
from tests.lab.fault_proxy import FaultProxy, Forward
from tests.lab.fixtures import Lab
from tests.paper.poloniex_client import Trader
from tests.until import until

Story = Callable[[FaultProxy, Desk, Trader], Awaitable[None]]


async def _doomed(line: TwinLine, folder: Path, moment: str) -> tuple[Process, str]:
    """A desk in a child process, and the id of the order it is about to send."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.lab.doomed_desk", msgspec.json.encode(line).decode(), str(folder), moment),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    return child, (await asyncio.wait_for(child.stdout.readline(), 30)).decode().strip()


def _after_a_death(play: Play, line: TwinLine, folder: Path, story: Story) -> None:
    """The proxy keeps its port over both lives, as an exchange keeps its name."""

    async def run() -> None:
        proxy = FaultProxy(line.rest)
        await proxy.start()
        desk = Desk(folder, proxy)
        try:
            async with aiohttp.ClientSession() as session:
                await story(proxy, desk, Trader(session, msgspec.structs.asdict(line)))
        finally:
            proxy.heal()
            await proxy.stop()

    play(run())


async def _open_orders(trader: Trader) -> list[str]:
    """Client ids of the account's open orders, as the exchange tells."""
    _, orders = await trader.get("/orders")
    return [order["clientOrderId"] for order in orders]


async def _cancel(trader: Trader) -> None:
    await trader.delete("/orders", {"symbols": []})


def test_s1_killed_before_sending_is_unknown_until_proved_absent(
    play: Play, twin_line: TwinLine, tmp_path: Path
) -> None:
    async def story(proxy: FaultProxy, desk: Desk, trader: Trader) -> None:
        child, key = await _doomed(through(proxy, twin_line), tmp_path, INTENT_WRITTEN)
        await child.wait()
        assert proxy.asked("POST", "/orders") == [], "killed before a byte left"
        proxy.freeze()
        await desk.open(twin_line, ready=False)
        try:
            await until(
                lambda: [words[:18] for words in desk.states()] == ["May be live. Check"],
                within_s=5.0,
                what="the row before any answer",
                seen=desk.states,
            )
            proxy.thaw()
            await desk.live()
            order = desk.exchange.orders.get(key)
            assert order is not None and order.state is OrderState.UNKNOWN
            await until(lambda: order.state is OrderState.NOT_PLACED, within_s=25, what="the proof")
            await until(lambda: _last_state(desk).startswith("Not placed: proved absent"), what="the row's end")
            assert key not in await _open_orders(trader)
            assert proxy.asked("POST", "/orders") == [], "nothing was sent again"
        finally:
            proxy.thaw()
            await desk.close()

    _after_a_death(play, twin_line, tmp_path, story)


@pytest.mark.parametrize("moment", ["request sent", ANSWER_READ])
def test_s2_s3_killed_around_the_answer_leaves_one_order_found_by_our_id(
    moment: str, play: Play, twin_line: TwinLine, tmp_path: Path
) -> None:
    async def story(proxy: FaultProxy, desk: Desk, trader: Trader) -> None:
        child: Process

        async def kill_first(request: web.Request, forward: Forward) -> web.StreamResponse:
            child.send_signal(signal.SIGKILL)
            await child.wait()
            return (await forward()).response()

        if moment != ANSWER_READ:
            proxy.on_request(kill_first, method="POST", path="/orders", times=1)
        child, key = await _doomed(through(proxy, twin_line), tmp_path, moment)
        await child.wait()
        await until(lambda: proxy.asked("POST", "/orders") != [], what="the order to leave")
        proxy.freeze()
        await desk.open(twin_line, ready=False)
        try:
            await until(
                lambda: [words[:18] for words in desk.states()] == ["May be live. Check"],
                within_s=5.0,
                what="the row before any answer",
                seen=desk.states,
            )
            proxy.thaw()
            await until(lambda: desk.states() == ["Open"], within_s=20, what="the order to be found")
            order = desk.exchange.orders.get(key)
            assert order is not None and order.exchange_order_id
            assert (await _open_orders(trader)).count(key) == 1
            assert len(proxy.asked("POST", "/orders")) == 1, "sent once"
        finally:
            proxy.thaw()
            await _cancel(trader)
            await desk.close(cancel=False)

    _after_a_death(play, twin_line, tmp_path, story)


def test_s4_what_was_filled_while_the_desk_was_dead_is_found(play: Play, twin_line: TwinLine, tmp_path: Path) -> None:
    async def story(proxy: FaultProxy, desk: Desk, trader: Trader) -> None:
        child, key = await _doomed(through(proxy, twin_line), tmp_path, FROM_OUTSIDE)
        assert child.stdout is not None and await child.stdout.readline() == b"open\n"
        child.send_signal(signal.SIGKILL)
        await child.wait()
        ids = [
            await trader.order("BTC_USDT", "BUY", type="MARKET", amount="200"),
            await trader.order("BTC_USDT", "SELL", type="MARKET", quantity="0.003"),
        ]
        await _cancel(trader)
        _, trades = await trader.get("/trades")
        wanted = sorted(trade["id"] for trade in trades if trade["orderId"] in ids)
        balance = sum(map(Decimal, await trader.balance("BTC")))
        await desk.open(twin_line)
        try:
            order = desk.exchange.orders.get(key)
            await until(lambda: order is not None and order.state is OrderState.CANCELED, what="the cancel seen")
            fills = desk.window.fills.table

            def shown() -> Decimal:
                return sum((Decimal(row["Amount"].replace(",", "")) for row in rows(fills)), Decimal(0))

            bought = sum(Decimal(trade["quantity"]) for trade in trades if trade["orderId"] in ids)
            await until(lambda: shown() == bought, what="every execution in the table")
            assert sorted(record.fill.trade_id for record in desk.exchange.fills) == wanted
            await until(lambda: desk.exchange.account.balances["BTC"].total == balance, what="the balance")
        finally:
            await desk.close()

    _after_a_death(play, twin_line, tmp_path, story)


@pytest.mark.parametrize(
    ("error", "words"),
    [(sqlite3.SQLITE_FULL, "the disk is full"), (sqlite3.SQLITE_IOERR_FSYNC, "the disk reported an error")],
    ids=["full", "sync"],
)
def test_s5_s6_without_a_disk_nothing_is_sent_and_cancels_go_on(
    error: int, words: str, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(desk: Desk) -> None:
        resting = await desk.place()
        await until(lambda: resting.state is OrderState.OPEN, what="an open order")
        assert desk.workspace.store is not None
        await desk.workspace.store.flush()
        sent = len(desk.proxy.asked("POST", "/orders"))

        def refuse(*_: object) -> None:
            failure = sqlite3.OperationalError("injected")
            failure.sqlite_errorcode = error
            failure.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise failure

        second = await desk.place(nth=5, before_send=lambda: monkeypatch.setattr(JournalFile, "write", refuse))
        await until(lambda: second.state is OrderState.NOT_PLACED, what="the order kept back")
        assert words in second.reason
        await until(lambda: _last_state(desk).startswith("Not placed: not sent: cannot record orders"))
        await until(lambda: desk.gate().startswith("Blocked: cannot record orders: ") and words in desk.gate())
        assert len(desk.proxy.asked("POST", "/orders")) == sent, "no byte left"
        await until(lambda: any("JOURNAL" in text and words in text for text in desk.banners()), what="a banner")
        await desk.press_cancel()
        await until(lambda: resting.state is OrderState.CANCELED, what="the cancel")
        if error == sqlite3.SQLITE_FULL:
            monkeypatch.undo()
            assert desk.workspace.store is not None
            await desk.workspace.store.retry()
            await until(lambda: not any("JOURNAL" in text for text in desk.banners()), what="the banner to go")
            await desk.place(nth=5)
            await desk.cancel_shown()

    # Nothing is to be written but the order, so that it is the order that meets the disk.
    lab(story, config=Config(history=HistoryConfig(days=0)))


def test_s7_a_torn_journal_is_told_and_nothing_is_placed_until_all_was_asked(
    play: Play, twin_line: TwinLine, tmp_path: Path
) -> None:
    async def story(proxy: FaultProxy, desk: Desk, trader: Trader) -> None:
        await desk.open(twin_line)
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="an open order")
        journal = desk.workspace.paths.journal_file
        await desk.close(cancel=False)
        with sqlite3.connect(journal) as connection:
            connection.execute("DROP TRIGGER journal_never_changes")
            connection.execute("UPDATE journal SET payload = x'00' WHERE seq = 1")
        connection.close()
        again = Desk(tmp_path, proxy)
        proxy.freeze()
        await again.open(twin_line, ready=False)
        try:
            await until(lambda: bool(again.banners()), what="the damage in a banner")
            (banner,) = again.banners()
            assert banner.startswith("JOURNAL desk: no orders can be placed: journal damaged: ")
            assert re.search(r"(\d+) of (\d+) records read", banner) is not None
            proxy.thaw()
            await again.live()
            await until(lambda: not again.banners(), within_s=45, what="the damage accepted after a reconcile")
            assert again.exchange.orders.get(order.exchange_order_id or order.key) is not None
        finally:
            proxy.thaw()
            await again.close()

    _after_a_death(play, twin_line, tmp_path, story)


def test_s10_an_older_journal_is_carried_over_on_a_copy_and_a_newer_one_refused(
    play: Play, twin_line: TwinLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "orders.db"

    async def story(proxy: FaultProxy, desk: Desk, trader: Trader) -> None:
        await desk.open(twin_line)
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="an open order")
        await desk.close(cancel=False)
        old = journal.read_bytes()
        with monkeypatch.context() as newer:
            newer.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE note (text TEXT NOT NULL);"))
            newer.setattr(opening, "STEPS", schema.STEPS)
            again = Desk(tmp_path, proxy)
            proxy.freeze()
            await again.open(twin_line, ready=False)
            try:
                await until(lambda: again.states() == ["Open"], within_s=5.0, what="the row before any answer")
                assert journal.with_name("orders.version-1.db").read_bytes() == old
            finally:
                proxy.thaw()
                await again.close()
        newest = journal.read_bytes()
        refused = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "app", "--offscreen", "--seconds", "1", "--profile", str(tmp_path), "--connect", "poloniex"),
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await asyncio.wait_for(refused.communicate(), 30)
        assert refused.returncode != 0 and b"was written by a newer Depthdesk" in err
        assert journal.read_bytes() == newest

    _after_a_death(play, twin_line, tmp_path, story)


def test_s8_a_second_copy_names_the_first_and_cannot_trade(lab: Lab, tmp_path: Path, twin_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        second = Desk(tmp_path)
        await second.open(twin_line)
        try:
            refusal = f"another copy of Depthdesk (process {os.getpid()}) is using this account data"
            assert second.banners() == [f"JOURNAL desk: {refusal}: this window cannot place orders"]
            await second.click_price(Side.BUY, 6)
            await until(lambda: second.gate() == f"Blocked: cannot record orders: {refusal}", what="a closed gate")
            assert not second.window.entry.submit.isEnabled()
            assert second.book() == "live" and rows(second.window.balances.table), "it still shows everything"
        finally:
            await second.close(cancel=False)
        await desk.click_price(Side.BUY, 6)
        await until(lambda: desk.gate() == "", what="the first to go on")

    lab(story)


def _last_state(desk: Desk) -> str:
    return next(iter(column(desk.window.history, "State")), "")
