"""A service over nothing, and one over a paper exchange that is a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from msgspec import Struct

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.core.clock import SystemClock
from app.core.notices import Notices
from app.credentials.sealing import random_bytes
from app.services.fmz_service import FmzService
from app.services.pairing import Keys, Pairing, Permissions, new_keys, raw_rule
from app.twin_process import TwinLine, TwinProcess
from app.workspace import Workspace
from tests.services.client import Client
from tests.until import until

PAIR = "BTC-USDT"


class Bare(Struct):
    """A service without exchanges."""

    service: FmzService
    keys: Keys
    client: Client


@pytest_asyncio.fixture
async def bare() -> AsyncIterator[Bare]:
    clock, keys = SystemClock(), new_keys(random_bytes)
    pairing = Pairing(keys, Permissions(), clock)
    service = FmzService(dict, pairing, clock, Notices(clock), read_within_s=0.5)
    await service.start()
    yield Bare(service, keys, Client(service.port, keys, clock.wall_ns()))
    await service.stop()


class Desk(Struct):
    """An exchange on its twin, served."""

    workspace: Workspace
    exchange: Exchange
    service: FmzService
    keys: Keys
    client: Client


@pytest.fixture(scope="module")
def twin() -> Iterator[TwinLine]:
    process = TwinProcess("poloniex", seed=31)
    try:
        yield process.read_line()
    finally:
        process.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(twin: TwinLine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    workspace = Workspace(Paths(tmp_path_factory.mktemp("desk")))
    workspace.start()
    spec = exchange_spec("poloniex")
    exchange = await workspace.open_exchange(spec, twin.domain(), twin.credentials(), pairs=[PAIR])
    await until(lambda: exchange.ready and PAIR in exchange.tickers, 20, "the desk to be ready")
    keys = new_keys(random_bytes)
    permissions = Permissions(trade=True, raw=(raw_rule("GET:/orders"),))
    service = FmzService(
        lambda: workspace.exchanges,
        Pairing(keys, permissions, workspace.clock),
        workspace.clock,
        workspace.notices,
    )
    await service.start()
    yield Desk(workspace, exchange, service, keys, Client(service.port, keys, workspace.clock.wall_ns()))
    await service.stop()
    await workspace.close()
