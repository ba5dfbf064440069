"""A desk on a real paper twin: its own process, real sockets, a real journal file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.store.database import Store
from app.twin_process import TwinLine, TwinProcess
from app.workspace import Workspace
from tests.lab.fixtures import lab, play, twin_line  # noqa: F401
from tests.until import until

PAIR = "BTC-USDT"


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
