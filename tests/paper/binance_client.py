"""A small Binance client for the twin's tests, signing on its own, and a bench with a running twin to talk to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from app.core.clock import SystemClock
from app.core.types import Side
from app.paper.dialects.binance import BinanceTwin, open_twin
from app.paper.server import TwinServer

Json = Any


def sign(secret: str, text: str) -> str:
    """By the kind of secret: hexadecimal HMAC, or base64 of what a private key signs."""
    data = text.encode()
    if "PRIVATE KEY" not in secret:
        return hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    key = load_pem_private_key(secret.encode(), None)
    if isinstance(key, Ed25519PrivateKey):
        return base64.b64encode(key.sign(data)).decode()
    assert isinstance(key, RSAPrivateKey)
    return base64.b64encode(key.sign(data, PKCS1v15(), SHA256())).decode()


class Trader:
    """Calls the twin's REST side; every answer is (HTTP status, decoded JSON), headers are kept."""

    def __init__(self, session: aiohttp.ClientSession, introduction: dict[str, Any]) -> None:
        self.session = session
        self.rest, self.key, self.secret = (introduction[k] for k in ("rest", "api_key", "secret_key"))
        self.ws_public, self.ws_api = introduction["ws_public"], introduction["ws_private"]
        self.skew_ms = 0
        self.headers: dict[str, str] = {}
        self.extra_headers: dict[str, str] = {}

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.skew_ms

    async def public(self, path: str, **params: Any) -> tuple[int, Json]:
        return await self.send("GET", path, urlencode(params), headers={})

    async def get(self, path: str, **params: Any) -> tuple[int, Json]:
        return await self.signed("GET", path, params)

    async def post(self, path: str, **params: Any) -> tuple[int, Json]:
        return await self.signed("POST", path, params)

    async def put(self, path: str, **params: Any) -> tuple[int, Json]:
        return await self.signed("PUT", path, params)

    async def delete(self, path: str, **params: Any) -> tuple[int, Json]:
        return await self.signed("DELETE", path, params)

    async def signed(self, method: str, path: str, params: dict[str, Any]) -> tuple[int, Json]:
        query = urlencode({"timestamp": self.now_ms()} | params)
        return await self.send(method, path, f"{query}&signature={quote(sign(self.secret, query), safe='')}")

    async def send(
        self, method: str, path: str, query: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Json]:
        """Exactly these characters."""
        url = URL(f"{self.rest}/api/v3/{path}" + (f"?{query}" if query else ""), encoded=True)
        own = {"X-MBX-APIKEY": self.key} if headers is None else headers
        if body is not None:
            own = own | {"Content-Type": "application/x-www-form-urlencoded"}
        async with self.session.request(method, url, headers=own | self.extra_headers, data=body) as reply:
            self.headers = dict(reply.headers)
            return reply.status, await reply.json(content_type=None)

    async def order(self, symbol: str, side: str, type: str = "LIMIT", **terms: Any) -> Json:
        """Place an order that must be accepted; the answer."""
        if type == "LIMIT":
            terms = {"timeInForce": "GTC"} | terms
        status, reply = await self.post("order", symbol=symbol, side=side, type=type, **terms)
        assert status == 200, reply
        return reply

    async def balance(self, asset: str) -> tuple[str, str]:
        """Free and locked."""
        _, account = await self.get("account")
        return next((row["free"], row["locked"]) for row in account["balances"] if row["asset"] == asset)

    async def best(self, symbol: str) -> tuple[str, str]:
        """Best bid and ask."""
        _, row = await self.public("ticker/bookTicker", symbol=symbol)
        return row["bidPrice"], row["askPrice"]


class Stream:
    """One WebSocket of the twin."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[Json] = []
        self._next_id = 0

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def next(self) -> Json:
        """The next frame, within three seconds."""
        message = await self.socket.receive(timeout=3)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        self.seen.append(json.loads(message.data))
        return self.seen[-1]

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        """The first frame that is wanted; others are kept in `seen`."""
        async with asyncio.timeout(5):
            while True:
                frame = await self.next()
                if wanted(frame):
                    return frame

    async def control(self, method: str, *params: Any) -> Json:
        """A control message of the market streams; its answer."""
        self._next_id += 1
        number = self._next_id
        await self.say(method=method, params=list(params), id=number)
        return await self.until(lambda f: isinstance(f, dict) and f.get("id") == number)

    async def ask(self, method: str, **params: Any) -> Json:
        """An unsigned request of the WebSocket API; its answer."""
        self._next_id += 1
        number = f"r{self._next_id}"
        await self.say(id=number, method=method, **({"params": params} if params else {}))
        return await self.until(lambda f: f.get("id") == number)

    async def ask_signed(self, trader: Trader, method: str, **params: Any) -> Json:
        return await self.ask(method, **with_signature(trader, params))

    async def event(self, name: str) -> Json:
        """The next user event of that kind."""
        frame = await self.until(lambda f: f.get("event", {}).get("e") == name)
        return frame["event"]


def with_signature(trader: Trader, params: dict[str, Any]) -> dict[str, Any]:
    """What the WebSocket API wants: sorted, not encoded, the key included."""
    params = {"apiKey": trader.key, "timestamp": trader.now_ms()} | params
    text = "&".join(f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in sorted(params.items()))
    return params | {"signature": sign(trader.secret, text)}


class Bench:
    """A running twin and what talks to it."""

    def __init__(self, server: TwinServer, session: aiohttp.ClientSession) -> None:
        assert isinstance(server.dialect, BinanceTwin)
        self.server = server
        self.twin = server.dialect
        self.trader = Trader(session, server.introduction())
        self._session = session
        self._opened: list[Stream] = []

    async def connect(self, url: str) -> Stream:
        self._opened.append(Stream(await self._session.ws_connect(url, autoping=False)))
        return self._opened[-1]

    async def user_stream(self) -> Stream:
        """A connection that hears what happens to the account."""
        stream = await self.connect(self.trader.ws_api)
        answer = await stream.ask_signed(self.trader, "userDataStream.subscribe.signature")
        assert answer["result"] == {"subscriptionId": 0}
        return stream

    def hits(self, pair: str, side: Side, price: str, amount: str) -> None:
        """Somebody else takes up to that price."""
        instrument = self.twin.desk.venue.instruments[pair]
        self.twin.desk.venue.take(pair, side, instrument.ticks(Decimal(price)), instrument.lots(Decimal(amount)))
        self.twin.desk.publish()

    async def close(self) -> None:
        for stream in self._opened:
            await stream.socket.close()


@asynccontextmanager
async def opened(rate: float = 0) -> AsyncIterator[Bench]:
    """A twin that trades by itself at that rate."""
    server = TwinServer(open_twin(5, SystemClock()), port=0, rate=rate, clock=SystemClock())
    await server.start()
    async with aiohttp.ClientSession() as session:
        bench = Bench(server, session)
        yield bench
        await bench.close()
    await server.stop()
