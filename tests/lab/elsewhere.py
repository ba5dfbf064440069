"""A second client with the same account, as a website or another program would be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from app.twin_process import TwinLine
from tests.paper.poloniex_client import Trader


@asynccontextmanager
async def elsewhere(line: TwinLine) -> AsyncIterator[Trader]:
    """Speaks to the Poloniex twin itself, past every fault of the desk's own line."""
    async with aiohttp.ClientSession() as session:
        yield Trader(session, msgspec.to_builtins(line))
