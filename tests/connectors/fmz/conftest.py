"""A desk on a plug-in: real sockets, a workspace without a journal file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.fmz import SPEC, PluginMarket, plugin_domain
from app.connectors.fmz.service import PluginDomain
from app.connectors.spec import Credentials
from app.core.effects import Channel, Subscription
from app.credentials.key_check import check_key
from app.workspace import Workspace
from tests.connectors.fmz.plugin import ACCESS, SECRET, Plugin
from tests.until import until

PAIR = "ETH-USDT"
CREDENTIALS = Credentials(api_key=ACCESS, secret_key=SECRET.split(",")[0], passphrase="PASS,simulate")


def domain_of(plugin: Plugin) -> PluginDomain:
    return plugin_domain(plugin.url, "/OKX", [PluginMarket(PAIR, 2, 4)], market_orders="quote")


async def poll(exchange: Exchange, channel: Channel, pair: str = PAIR, interval: str = "") -> None:
    """What the engine does on its timer: ask once, and hand on what came."""
    source = exchange.order_book_tracker.data_source
    polled = source.source.polls(Subscription(channel, pair, interval))  # type: ignore[attr-defined]
    for effect in await exchange.venue.perform(polled[0]):
        source.apply(effect)


@pytest_asyncio.fixture
async def plugin() -> AsyncIterator[Plugin]:
    plugin = await Plugin().start()
    yield plugin
    await plugin.stop()


@pytest_asyncio.fixture
async def desk(plugin: Plugin, tmp_path: Path) -> AsyncIterator[Exchange]:
    """Signed in, with a live book."""
    workspace = Workspace(Paths(tmp_path))
    failures: list[BaseException] = []
    workspace.on_error = lambda name, error: failures.append(error)
    domain = domain_of(plugin)
    checked = await check_key(SPEC, domain, CREDENTIALS)
    assert checked.ok, checked.words
    exchange = await workspace.open_exchange(SPEC, domain, CREDENTIALS)
    exchange.order_book_tracker.follow_all = True
    await poll(exchange, Channel.BOOK)
    exchange.arming.arm()
    await until(lambda: exchange.ready, what="the desk")
    yield exchange
    await workspace.close()
    assert failures == []
