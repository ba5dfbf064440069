"""Another program has the plug-in's port: it never gets to see a key."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from app.config import Paths
from app.connectors.fmz import SPEC, PluginMarket, plugin_domain
from app.connectors.spec import Credentials
from app.connectors.trading import OrderRefused
from app.core.types import OrderType
from app.credentials.key_check import check_key
from app.workspace import Workspace
from tests.connectors.fmz.plugin import ACCESS, SECRET
from tests.until import until

pytestmark = pytest.mark.asyncio
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"


@pytest.mark.parametrize("answer", [PAGE, b""], ids=["a web page", "a closed door"])
async def test_a_stranger_gets_no_key(answer: bytes, tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    domain = plugin_domain(f"http://127.0.0.1:{port}", "/OKX", [PluginMarket("ETH-USDT")])
    credentials = Credentials(api_key=ACCESS, secret_key=SECRET)
    checked = await check_key(SPEC, domain, credentials)
    assert not checked.ok and ("is not a plug-in" in checked.words or "no answer" in checked.words)
    workspace = Workspace(Paths(tmp_path))
    exchange = await workspace.open_exchange(SPEC, domain, credentials)
    await until(lambda: len(heard) >= 3, what="three attempts")
    assert not exchange.ready and exchange.balances == {}
    with pytest.raises(OrderRefused):
        exchange.buy("ETH-USDT", Decimal("0.1"), OrderType.LIMIT, Decimal(2900))
    await workspace.close()
    server.close()
    await server.wait_closed()
    everything = b"".join(heard)
    assert everything.startswith(b"POST /OKX") and b'"method":"ticker"' in everything
    assert ACCESS.encode() not in everything and b"SECRET-KEY" not in everything and b"PASS" not in everything
