"""A running twin of Poloniex per test: `quiet` trades only when told to, `lively` by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest_asyncio

from app.core.clock import SystemClock
from app.paper.dialects.poloniex import PoloniexTwin, open_twin
from app.paper.server import TwinServer

from .poloniex_client import Stream, Trader


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def quiet() -> AsyncIterator[TwinServer]:
    server = TwinServer(open_twin(5, SystemClock()), port=0, rate=0, clock=SystemClock())
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def lively() -> AsyncIterator[TwinServer]:
    server = TwinServer(open_twin(5, SystemClock()), port=0, rate=400, clock=SystemClock())
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def trader(quiet: TwinServer, session: aiohttp.ClientSession) -> Trader:
    return Trader(session, quiet.introduction())


@pytest_asyncio.fixture
async def twin(quiet: TwinServer) -> PoloniexTwin:
    assert isinstance(quiet.dialect, PoloniexTwin)
    return quiet.dialect


Connect = Callable[[str], Awaitable[Stream]]


@pytest_asyncio.fixture
async def connect(session: aiohttp.ClientSession) -> AsyncIterator[Connect]:
    """Opens streams and closes them at the end."""
    opened: list[Stream] = []

    async def open_stream(url: str) -> Stream:
        opened.append(Stream(await session.ws_connect(url, autoping=False)))
        return opened[-1]

    yield open_stream
    for stream in opened:
        await stream.socket.close()
