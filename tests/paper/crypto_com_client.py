"""A small Crypto.com client for the twin's tests, signing on its own, and the twin to run it on. No connector code."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp

from app.core.clock import SystemClock
from app.core.types import Side
from app.paper.dialects.crypto_com import CryptoComTwin, open_twin
from app.paper.server import TwinServer

Json = Any
API = "/exchange/v1/"


def joined(params: Any) -> str:
    """The parameter string, put together the way the exchange's JavaScript example does."""
    if isinstance(params, dict):
        return "".join(name + joined(params[name]) for name in sorted(params))
    if isinstance(params, list):
        return "".join(joined(element) for element in params)
    return "null" if params is None else str(params)


def sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class CryptoComTrader:
    """Calls the twin's REST side; every answer is the decoded JSON, `status` the HTTP status of the last one."""

    def __init__(self, session: aiohttp.ClientSession, introduction: dict[str, Any]) -> None:
        self.session = session
        self.rest, self.key, self.secret = (introduction[k] for k in ("rest", "api_key", "secret_key"))
        self.sockets = {"market": introduction["ws_public"], "user": introduction["ws_private"]}
        self.ids = itertools.count(1000)
        self.skew_ms = 0
        self.status = 0
        self.headers: Any = {}

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.skew_ms

    def message(self, method: str, params: Json, /, **changed: Any) -> dict[str, Any]:
        """A signed request; what is `changed` is changed after signing."""
        number, nonce = next(self.ids), self.now_ms()
        sig = sign(self.secret, f"{method}{number}{self.key}{joined(params)}{nonce}")
        body = {"id": number, "method": method, "api_key": self.key, "params": params, "nonce": nonce, "sig": sig}
        return body | changed

    async def public(self, name: str, **query: Any) -> Json:
        async with self.session.get(f"{self.rest}{API}public/{name}", params=query) as reply:
            self.status = reply.status
            return await reply.json()

    async def post(self, method: str, body: Json) -> Json:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        async with self.session.post(f"{self.rest}{API}{method}", data=data, headers=headers) as reply:
            self.status, self.headers = reply.status, reply.headers
            return await reply.json()

    async def ask(self, name: str, **params: Any) -> Json:
        """A signed call, whatever comes of it."""
        method = f"private/{name}"
        return await self.post(method, self.message(method, params))

    async def result(self, name: str, **params: Any) -> Json:
        """A signed call that must succeed."""
        reply = await self.ask(name, **params)
        assert (self.status, reply["code"]) == (200, 0), reply
        return reply["result"]

    async def order(self, pair: str, side: str, kind: str, **terms: Any) -> str:
        """Place an order that must be accepted; its id."""
        placed = await self.result("create-order", instrument_name=pair, side=side, type=kind, **terms)
        return str(placed["order_id"])

    async def look_up(self, order_id: str) -> Json:
        return await self.result("get-order-detail", order_id=order_id)

    async def balance(self, asset: str) -> tuple[str, str]:
        """Total and reserved."""
        (data,) = (await self.result("user-balance"))["data"]
        (row,) = [row for row in data["position_balances"] if row["instrument_name"] == asset]
        return row["quantity"], row["reserved_qty"]


class CryptoComStream:
    """One WebSocket of the twin; it answers heartbeats unless told not to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[Json] = []
        self.answers_heartbeats = True
        self._ids = itertools.count(1)

    async def say(self, method: str, params: Json = None, **more: Any) -> int:
        number = next(self._ids)
        named = {} if params is None else {"params": params}
        await self.socket.send_str(json.dumps({"id": number, "method": method, **named, "nonce": 1, **more}))
        return number

    async def next(self) -> Json:
        """The next frame, within three seconds."""
        message = await self.socket.receive(timeout=3)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        frame = json.loads(message.data)
        if frame["method"] == "public/heartbeat" and self.answers_heartbeats:
            await self.socket.send_str(json.dumps({"id": frame["id"], "method": "public/respond-heartbeat"}))
        self.seen.append(frame)
        return frame

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        """The first frame that is wanted; others are kept in `seen`."""
        async with asyncio.timeout(5):
            while True:
                frame = await self.next()
                if wanted(frame):
                    return frame

    async def drain(self) -> list[Json]:
        """Everything said until an empty unsubscribe is confirmed, that left out."""
        self.seen.clear()
        number = await self.say("unsubscribe", {"channels": []})
        await self.until(lambda f: f["id"] == number)
        return self.seen[:-1]

    async def ask(self, method: str, params: Json = None, **more: Any) -> Json:
        """Say something and return its answer."""
        number = await self.say(method, params, **more)
        return await self.until(lambda f: f["id"] == number)

    async def subscribe(self, *channels: str, **params: Any) -> Json:
        return await self.ask("subscribe", {"channels": list(channels), **params})

    async def data(self, subscription: str) -> Json:
        """The result of the next push of a subscription."""
        frame = await self.until(lambda f: f.get("result", {}).get("subscription") == subscription)
        assert (frame["id"], frame["method"], frame["code"]) == (-1, "subscribe", 0)
        return frame["result"]

    async def log_in(self, trader: CryptoComTrader, **changed: Any) -> Json:
        message = trader.message("public/auth", {}, **changed)
        del message["params"]
        await self.socket.send_str(json.dumps(message))
        return await self.until(lambda f: f["id"] == message["id"])


class Running:
    """A served twin with its trader; connections are closed at the end."""

    def __init__(self, twin: CryptoComTwin, trader: CryptoComTrader) -> None:
        self.twin = twin
        self.trader = trader
        self._opened: list[CryptoComStream] = []

    async def connect(self, kind: str = "market") -> CryptoComStream:
        socket = await self.trader.session.ws_connect(self.trader.sockets[kind], autoping=False)
        self._opened.append(CryptoComStream(socket))
        return self._opened[-1]

    async def logged_in(self, *channels: str) -> CryptoComStream:
        stream = await self.connect("user")
        assert (await stream.log_in(self.trader))["code"] == 0
        if channels:
            assert (await stream.subscribe(*channels))["code"] == 0
            await stream.drain()
        return stream

    async def close(self) -> None:
        for stream in self._opened:
            await stream.socket.close()

    def best(self, pair: str, side: str) -> Decimal:
        """Best price of one side of the book."""
        book = self.twin.desk.venue.books[pair]
        ticks = (book.bids if side == "BUY" else book.asks).best()
        assert ticks is not None
        return self.twin.desk.venue.instruments[pair].price(ticks)

    def hit(self, pair: str, side: Side, price: str, amount: str) -> None:
        """Somebody else takes what stands up to that price."""
        rules = self.twin.desk.venue.instruments[pair]
        self.twin.desk.venue.take(pair, side, rules.ticks(Decimal(price)), rules.lots(Decimal(amount)))
        self.twin.desk.publish()


@asynccontextmanager
async def running(rate: float = 0) -> AsyncIterator[Running]:
    """A twin on a free port. At rate 0 its market moves only when told to; new connections get a whole second."""
    twin = open_twin(5, SystemClock())
    twin.sockets.pro_rated = False
    server = TwinServer(twin, port=0, rate=rate, clock=SystemClock())
    await server.start()
    async with aiohttp.ClientSession() as session:
        here = Running(twin, CryptoComTrader(session, server.introduction()))
        try:
            yield here
        finally:
            await here.close()
            await server.stop()
