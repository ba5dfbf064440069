"""The same account used by somebody else: a second client that shares no code with the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from app.twin_process import TwinLine
from tests.paper.poloniex_client import Trader


@asynccontextmanager
async def elsewhere(line: TwinLine) -> AsyncIterator[Trader]:
    """A Poloniex client at the twin itself, past any proxy."""
    async with aiohttp.ClientSession() as session:
        yield Trader(session, msgspec.to_builtins(line))
