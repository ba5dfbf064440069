"""A small OKX client for the twin's tests, signing on its own, and the twin to run it on. No code of a connector."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from app.core.clock import SystemClock
from app.core.types import Side
from app.paper.dialects.okx import OkxTwin, open_twin
from app.paper.server import TwinServer

Json = Any
API = "/api/v5"


def sign(secret: str, text: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


class OkxTrader:
    """Calls the twin's REST side; every answer is the decoded JSON, `status` the HTTP status of the last one."""

    def __init__(self, session: aiohttp.ClientSession, introduction: dict[str, Any]) -> None:
        self.session = session
        self.rest, self.key, self.secret = (introduction[k] for k in ("rest", "api_key", "secret_key"))
        self.passphrase = introduction["passphrase"]
        self.sockets = {
            "public": introduction["ws_public"],
            "private": introduction["ws_private"],
            "business": introduction["ws_private"].replace("private", "business"),
        }
        self.skew_ms = 0
        self.headers: dict[str, str] = {}
        self.status = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.skew_ms

    def stamp(self) -> str:
        moment = datetime.fromtimestamp(self.now_ms() / 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.now_ms() % 1000:03d}Z"

    async def public(self, path: str, **params: Any) -> Json:
        return await self._send("GET", _target(path, params), {}, None)

    async def get(self, path: str, **params: Any) -> Json:
        target = _target(path, params)
        return await self._send("GET", target, self.signed("GET", target, ""), None)

    async def post(self, path: str, body: Json) -> Json:
        target, data = API + path, json.dumps(body)
        headers = self.signed("POST", target, data) | {"Content-Type": "application/json"}
        return await self._send("POST", target, headers, data)

    def signed(self, method: str, target: str, body: str) -> dict[str, str]:
        stamp = self.stamp()
        return {
            "OK-ACCESS-KEY": self.key,
            "OK-ACCESS-SIGN": sign(self.secret, stamp + method + target + body),
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-PASSPHRASE": self.passphrase,
        }

    async def data(self, path: str, **params: Any) -> list[Json]:
        """A signed GET that must succeed."""
        reply = await self.get(path, **params)
        assert (self.status, reply["code"]) == (200, "0"), reply
        return list(reply["data"])

    async def order(self, pair: str, side: str, kind: str, size: str, price: str = "", **more: Any) -> str:
        """Place an order that must be accepted; its id."""
        row = await self.try_order(instId=pair, side=side, ordType=kind, sz=size, px=price, **more)
        assert row["sCode"] == "0", row
        return str(row["ordId"])

    async def try_order(self, **terms: Any) -> Json:
        """The row that answers an order."""
        reply = await self.post("/trade/order", {"tdMode": "cash"} | {k: v for k, v in terms.items() if v != ""})
        (row,) = reply["data"]
        assert reply["code"] == ("0" if row["sCode"] == "0" else "1"), reply
        return row

    async def look_up(self, pair: str, order_id: str) -> Json:
        (row,) = await self.data("/trade/order", instId=pair, ordId=order_id)
        return row

    async def balance(self, asset: str) -> tuple[str, str]:
        """Available and frozen."""
        (row,) = await self.data("/account/balance", ccy=asset)
        (detail,) = row["details"]
        return detail["availBal"], detail["frozenBal"]

    async def _send(self, method: str, target: str, headers: dict[str, str], data: str | None) -> Json:
        url = URL(self.rest + target, encoded=True)
        async with self.session.request(method, url, headers=headers | self.headers, data=data) as reply:
            self.status = reply.status
            return await reply.json()


def _target(path: str, params: dict[str, Any]) -> str:
    return API + path + (f"?{urlencode(params)}" if params else "")


class OkxStream:
    """One WebSocket of the twin."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[Json] = []

    async def say(self, op: str, *args: Json, **more: Any) -> None:
        await self.socket.send_str(json.dumps({"op": op, "args": list(args), **more}))

    async def next(self) -> Json:
        """The next frame, within three seconds; `pong` is not JSON."""
        message = await self.socket.receive(timeout=3)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        self.seen.append(message.data if message.data == "pong" else json.loads(message.data))
        return self.seen[-1]

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        """The first frame that is wanted; others are kept in `seen`."""
        async with asyncio.timeout(5):
            while True:
                frame = await self.next()
                if wanted(frame):
                    return frame

    async def drain(self) -> list[Json]:
        """Everything said until the answer to a ping, pong left out."""
        self.seen.clear()
        await self.socket.send_str("ping")
        await self.until(lambda f: f == "pong")
        return self.seen[:-1]

    async def subscribe(self, channel: str, **arg: Any) -> Json:
        """Subscribe and return the ack or the error."""
        await self.say("subscribe", {"channel": channel, **arg})
        return await self.until(lambda f: f != "pong" and f.get("event") in ("subscribe", "error"))

    async def data(self, channel: str) -> Json:
        """The next push on a channel."""
        return await self.until(lambda f: f != "pong" and "data" in f and f["arg"]["channel"] == channel)

    async def log_in(self, trader: OkxTrader, **changed: str) -> Json:
        stamp = str(trader.now_ms() // 1000)
        signature = sign(trader.secret, stamp + "GET" + "/users/self/verify")
        login = {"apiKey": trader.key, "passphrase": trader.passphrase, "timestamp": stamp, "sign": signature}
        await self.say("login", login | changed)
        return await self.next()


class Running:
    """A served twin with its trader; connections are closed at the end."""

    def __init__(self, twin: OkxTwin, trader: OkxTrader) -> None:
        self.twin = twin
        self.trader = trader
        self._opened: list[OkxStream] = []

    async def connect(self, kind: str) -> OkxStream:
        socket = await self.trader.session.ws_connect(self.trader.sockets[kind], autoping=False)
        self._opened.append(OkxStream(socket))
        return self._opened[-1]

    async def logged_in(self, kind: str = "private") -> OkxStream:
        stream = await self.connect(kind)
        reply = await stream.log_in(self.trader)
        assert (reply["event"], reply["code"]) == ("login", "0")
        return stream

    async def close(self) -> None:
        for stream in self._opened:
            await stream.socket.close()

    def hit(self, pair: str, side: Side, price: str, amount: str) -> None:
        """Somebody else takes what stands up to that price."""
        rules = self.twin.desk.venue.instruments[pair]
        self.twin.desk.venue.take(pair, side, rules.ticks(Decimal(price)), rules.lots(Decimal(amount)))
        self.twin.desk.publish()


@asynccontextmanager
async def running(rate: float = 0) -> AsyncIterator[Running]:
    """A twin on a free port. At rate 0 its market moves only when told to; it lets tests connect quickly."""
    twin = open_twin(5, SystemClock())
    twin.sockets.new_per_second = 100
    server = TwinServer(twin, port=0, rate=rate, clock=SystemClock())
    await server.start()
    async with aiohttp.ClientSession() as session:
        here = Running(twin, OkxTrader(session, server.introduction()))
        try:
            yield here
        finally:
            await here.close()
            await server.stop()
