"""A plug-in as simple as the guide's: one thread, HTTP/1.0, one request at a time, no chunks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any

import pytest

from app.config import Paths
from app.connectors.fmz import SPEC, PluginMarket, plugin_domain
from app.connectors.spec import Credentials
from app.core.effects import Channel
from app.credentials.key_check import check_key
from app.workspace import Workspace
from tests.connectors.fmz.conftest import PAIR, poll
from tests.until import until

pytestmark = pytest.mark.asyncio
DEPTH = {"time": 1731028903911, "asks": [[2921.25, 0.5]], "bids": [["2920.5", 0.25]]}
REPLIES: dict[str, Any] = {"depth": DEPTH, "accounts": [{"currency": "ETH", "free": "1", "frozen": "0"}], "orders": []}


class OldPlugin(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = body["method"]
        reply = {"data": REPLIES[method]} if method in REPLIES else {"error": "not support"}
        if "access_key" not in body:
            reply = {"error": "missing required parameters"}
        self.send_response(200)
        self.send_header("Content-type", "application/json; charset=utf-8")
        self.end_headers()
        self.wfile.write(json.dumps(reply).encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        return None


@pytest.fixture
def address() -> Iterator[str]:
    with TCPServer(("127.0.0.1", 0), OldPlugin) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


async def test_it_is_read_like_any_other(address: str, tmp_path: Path) -> None:
    domain = plugin_domain(address, "/OKX", [PluginMarket(PAIR)])
    credentials = Credentials(api_key="AK", secret_key="SECRET")
    checked = await check_key(SPEC, domain, credentials)
    assert checked.ok, checked.words
    workspace = Workspace(Paths(tmp_path))
    exchange = await workspace.open_exchange(SPEC, domain, credentials)
    exchange.order_book_tracker.follow_all = True
    await poll(exchange, Channel.BOOK)
    await until(lambda: exchange.ready, what="the desk")
    assert exchange.order_books[PAIR].bids == [("2920.5", "0.25")]
    await workspace.close()
