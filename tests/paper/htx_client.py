"""A small HTX client for the twin's tests, signing on its own, and the twin to run it on. No code of a connector."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from app.core.clock import SystemClock
from app.core.types import Side
from app.paper.dialects.htx import HtxTwin, open_twin
from app.paper.dialects.htx_limits import Allowance
from app.paper.server import TwinServer

Json = Any
HOST = "127.0.0.1"


def sign(secret: str, text: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def encoded(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(fields.items()))


def read(text: str | bytes) -> Json:
    return json.loads(text, parse_float=Decimal)


class HtxTrader:
    """Calls the twin's REST side; every answer is the decoded JSON, `status` the HTTP status of the last one."""

    def __init__(self, session: aiohttp.ClientSession, introduction: dict[str, Any]) -> None:
        self.session = session
        self.rest, self.key, self.secret = (introduction[k] for k in ("rest", "api_key", "secret_key"))
        self.stream = str(introduction["ws_public"]).removesuffix("/ws")
        self.host = HOST
        self.skew_s = 0.0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.account = ""

    def stamp(self) -> str:
        return datetime.fromtimestamp(time.time() + self.skew_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")

    async def public(self, path: str, **params: Any) -> Json:
        query = encoded({name: str(value) for name, value in params.items()})
        return await self.send("GET", f"{path}?{query}" if query else path, None)

    async def get(self, path: str, params: dict[str, Any] | None = None) -> Json:
        return await self.send("GET", self.signed("GET", path, params or {}), None)

    async def post(self, path: str, body: Json) -> Json:
        return await self.send("POST", self.signed("POST", path, {}), json.dumps(body))

    def signed(self, method: str, path: str, params: dict[str, Any]) -> str:
        fields = {"AccessKeyId": self.key, "SignatureMethod": "HmacSHA256", "SignatureVersion": "2"}
        fields |= {"Timestamp": self.stamp()} | {name: str(value) for name, value in params.items()}
        query = encoded(fields)
        signature = sign(self.secret, f"{method}\n{self.host}\n{path}\n{query}")
        return f"{path}?{query}&Signature={quote(signature, safe='')}"

    async def send(self, method: str, target: str, data: str | None) -> Json:
        headers = {"Content-Type": "application/json"} if data is not None else {}
        url = URL(self.rest + target, encoded=True)
        async with self.session.request(method, url, headers=headers, data=data) as reply:
            self.status, self.headers = reply.status, dict(reply.headers)
            return read(await reply.text())

    async def data(self, path: str, params: dict[str, Any] | None = None) -> Json:
        """A signed GET that must succeed."""
        reply = await self.get(path, params)
        assert reply.get("status") == "ok" or reply.get("code") == 200, reply
        return reply["data"]

    async def spot_id(self) -> str:
        if not self.account:
            rows = await self.data("/v1/account/accounts")
            (self.account,) = [str(row["id"]) for row in rows if row["type"] == "spot"]
        return self.account

    async def try_order(self, symbol: str, kind: str, amount: str, price: str = "", **more: str) -> Json:
        """The whole answer to an order; names in `more` have underscores for dashes."""
        body = {"account-id": await self.spot_id(), "symbol": symbol, "type": kind, "amount": amount}
        body |= {"price": price} if price else {}
        return await self.post("/v1/order/orders/place", body | {k.replace("_", "-"): v for k, v in more.items()})

    async def order(self, symbol: str, kind: str, amount: str, price: str = "", **more: str) -> str:
        reply = await self.try_order(symbol, kind, amount, price, **more)
        assert reply["status"] == "ok", reply
        return str(reply["data"])

    async def look_up(self, order_id: str) -> Json:
        return await self.data(f"/v1/order/orders/{order_id}")

    async def cancel(self, order_id: str) -> Json:
        return await self.post(f"/v1/order/orders/{order_id}/submitcancel", {})

    async def balance(self, asset: str) -> tuple[str, str]:
        """Free and frozen."""
        data = await self.data(f"/v1/account/accounts/{await self.spot_id()}/balance")
        rows = {row["type"]: row["balance"] for row in data["list"] if row["currency"] == asset}
        return rows["trade"], rows["frozen"]


class HtxStream:
    """One WebSocket of the twin. Pings are answered while `answers` is set."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, path: str) -> None:
        self.socket = socket
        self.path = path
        self.seen: list[Json] = []
        self.answers = True

    async def say(self, message: Json) -> None:
        await self.socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def next(self) -> Json:
        """The next frame but pings, within three seconds."""
        while True:
            message = await self.socket.receive(timeout=3)
            packed = self.path in ("/ws", "/feed")
            wanted = aiohttp.WSMsgType.BINARY if packed else aiohttp.WSMsgType.TEXT
            assert message.type is wanted, message
            frame = read(gzip.decompress(message.data) if packed else message.data)
            self.seen.append(frame)
            if "ping" in frame:
                await self.say({"pong": frame["ping"]} if self.answers else {"pong": 1})
            elif frame.get("action") == "ping":
                await self.say({"action": "pong", "data": frame["data"] if self.answers else {"ts": 1}})
            else:
                return frame

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        """The first frame that is wanted; others are kept in `seen`."""
        async with asyncio.timeout(5):
            while True:
                frame = await self.next()
                if wanted(frame):
                    return frame

    async def ask(self, command: str, topic: str, **more: Any) -> Json:
        """sub, unsub or req, and its answer."""
        await self.say({command: topic, "id": "x1"} | more)
        return await self.until(lambda f: f.get("id") == "x1")

    async def tick(self, topic: str) -> Json:
        return (await self.until(lambda f: f.get("ch") == topic))["tick"]

    async def subscribe(self, channel: str) -> Json:
        """On a signed socket."""
        await self.say({"action": "sub", "ch": channel})
        return await self.until(lambda f: f.get("action") == "sub")

    async def push(self, channel: str) -> Json:
        frame = await self.until(lambda f: f.get("action") == "push" and f["ch"] == channel)
        return frame["data"]

    async def log_in(self, trader: HtxTrader, **changed: str) -> Json:
        fields = {"accessKey": trader.key, "signatureMethod": "HmacSHA256", "signatureVersion": "2.1"}
        fields |= {"timestamp": trader.stamp()}
        signature = sign(trader.secret, f"GET\n{trader.host}\n{self.path}\n{encoded(fields)}")
        params = {"authType": "api", **fields, "signature": signature} | changed
        await self.say({"action": "req", "ch": "auth", "params": params})
        return await self.next()


class Running:
    """A served twin with its trader; connections are closed at the end."""

    def __init__(self, twin: HtxTwin, trader: HtxTrader) -> None:
        self.twin = twin
        self.trader = trader
        self._opened: list[HtxStream] = []

    async def connect(self, path: str) -> HtxStream:
        socket = await self.trader.session.ws_connect(self.trader.stream + path, autoping=False)
        self._opened.append(HtxStream(socket, path))
        return self._opened[-1]

    async def logged_in(self, path: str = "/ws/v2") -> HtxStream:
        stream = await self.connect(path)
        assert await stream.log_in(self.trader) == {"action": "req", "code": 200, "ch": "auth", "data": {}}
        return stream

    async def close(self) -> None:
        for stream in self._opened:
            await stream.socket.close()

    def hit(self, pair: str, side: Side, price: str, amount: str) -> None:
        """Somebody else takes what stands up to that price."""
        rules = self.twin.desk.venue.instruments[pair]
        self.twin.desk.venue.take(pair, side, rules.ticks(Decimal(price)), rules.lots(Decimal(amount)))
        self.twin.desk.publish()

    def best(self, pair: str) -> tuple[Decimal, Decimal]:
        """Bid and ask."""
        rules, book = self.twin.desk.venue.instruments[pair], self.twin.desk.venue.books[pair]
        bid, ask = book.bids.best(), book.asks.best()
        assert bid is not None and ask is not None
        return rules.price(bid), rules.price(ask)


@asynccontextmanager
async def running(rate: float = 0) -> AsyncIterator[Running]:
    """A twin on a free port. At rate 0 its market moves only when told to; tests may ask more often than clients."""
    twin = open_twin(5, SystemClock())
    twin.allowances["other"] = Allowance(1000, 1000, True)
    server = TwinServer(twin, port=0, rate=rate, clock=SystemClock())
    await server.start()
    async with aiohttp.ClientSession() as session:
        here = Running(twin, HtxTrader(session, server.introduction()))
        try:
            yield here
        finally:
            await here.close()
            await server.stop()
