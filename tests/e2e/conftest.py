"""A desk on a real paper twin: its own process, real sockets, a real journal file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import qasync
from PySide6.QtWidgets import QApplication

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.store.database import Store
from app.twin_process import TwinLine, TwinProcess
from app.ui import theme as look
from app.workspace import Workspace
from tests.e2e.window_desk import PAIR, Play
from tests.until import until


@pytest.fixture(scope="module")
def twin() -> Iterator[TwinLine]:
    process = TwinProcess("poloniex", seed=11)
    try:
        yield process.read_line()
    finally:
        process.stop()


async def open_desk(twin: TwinLine, folder: Path) -> tuple[Workspace, Exchange]:
    workspace = Workspace(Paths(folder), store=Store.open(Paths(folder).journal_file))
    failures: list[BaseException] = []
    workspace.on_error = lambda name, error: failures.append(error)
    workspace.start()
    exchange = await workspace.open_exchange(exchange_spec("poloniex"), twin.domain(), twin.credentials())
    exchange.watch(PAIR)
    return workspace, exchange


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def desk(twin: TwinLine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    workspace, exchange = await open_desk(twin, tmp_path_factory.mktemp("desk"))
    await until(lambda: exchange.ready, what="the desk to be ready")
    yield exchange
    await workspace.close()


@pytest_asyncio.fixture(loop_scope="module")
async def exchange(desk: Exchange) -> AsyncIterator[Exchange]:
    """The desk, with nothing open before or after the test."""
    yield desk
    await desk.cancel_all()
    assert desk.orders.open == []


@pytest.fixture
def play(qapp: QApplication) -> Iterator[Play]:
    """Runs a test's coroutine on a Qt event loop."""
    look.apply(qapp, look.build())
    loop = qasync.QEventLoop(qapp)

    def run(work: Coroutine[Any, Any, None]) -> None:
        loop.run_until_complete(asyncio.wait_for(work, 90))
        assert not asyncio.all_tasks(loop)

    yield run
    loop.close()
