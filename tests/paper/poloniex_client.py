"""A small Poloniex client for the twin's tests, signing on its own: nothing of the twin's or the connector's code."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

Json = Any


def sign(secret: str, text: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def encoded(params: dict[str, Any]) -> str:
    """Sorted by key, values as encodeURIComponent writes them."""
    return "&".join(f"{k}={quote(str(params[k]), safe=chr(39) + '-_.!~*()')}" for k in sorted(params))


class Trader:
    """Calls the twin's REST side; every answer is (HTTP status, decoded JSON)."""

    def __init__(self, session: aiohttp.ClientSession, introduction: dict[str, Any]) -> None:
        self.session = session
        self.rest, self.key, self.secret = (introduction[k] for k in ("rest", "api_key", "secret_key"))
        self.ws_public, self.ws_private = introduction["ws_public"], introduction["ws_private"]
        self.skew_ms = 0
        self.extra_headers: dict[str, str] = {}

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.skew_ms

    async def public(self, path: str, **params: Any) -> tuple[int, Json]:
        async with self.session.get(self._url(path, encoded(params))) as reply:
            return reply.status, await reply.json()

    async def get(self, path: str, **params: Any) -> tuple[int, Json]:
        stamp = str(self.now_ms())
        text = f"GET\n{path}\n{encoded(params | {'signTimestamp': stamp})}"
        return await self._send("GET", self._url(path, encoded(params)), stamp, text, None)

    async def post(self, path: str, body: Json) -> tuple[int, Json]:
        return await self.with_body("POST", path, body)

    async def put(self, path: str, body: Json) -> tuple[int, Json]:
        return await self.with_body("PUT", path, body)

    async def delete(self, path: str, body: Json = None) -> tuple[int, Json]:
        return await self.with_body("DELETE", path, body)

    async def with_body(self, method: str, path: str, body: Json) -> tuple[int, Json]:
        stamp, data = str(self.now_ms()), None if body is None else json.dumps(body)
        text = f"{method}\n{path}\n" + (f"requestBody={data}&" if data else "") + f"signTimestamp={stamp}"
        return await self._send(method, self._url(path, ""), stamp, text, data)

    async def order(self, symbol: str, side: str, **terms: Any) -> str:
        """Place an order that must be accepted; its id."""
        status, reply = await self.post("/orders", {"symbol": symbol, "side": side, **terms})
        assert status == 200, reply
        return str(reply["id"])

    async def balance(self, currency: str) -> tuple[str, str]:
        """Available and hold."""
        _, accounts = await self.get("/accounts/balances")
        for row in accounts[0]["balances"]:
            if row["currency"] == currency:
                return row["available"], row["hold"]
        return "0", "0"

    async def _send(self, method: str, url: URL, stamp: str, text: str, data: str | None) -> tuple[int, Json]:
        headers = {
            "key": self.key,
            "signTimestamp": stamp,
            "signature": sign(self.secret, text),
            "Content-Type": "application/json",
        } | self.extra_headers
        async with self.session.request(method, url, headers=headers, data=data) as reply:
            return reply.status, await reply.json()

    def _url(self, path: str, query: str) -> URL:
        return URL(f"{self.rest}{path}" + (f"?{query}" if query else ""), encoded=True)


class Stream:
    """One WebSocket of the twin."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[Json] = []

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

    async def subscribe(self, channel: str, *symbols: str, **more: Any) -> Json:
        """Subscribe and return the ack."""
        extra = {"symbols": list(symbols)} if symbols else {}
        await self.say(event="subscribe", channel=[channel], **extra, **more)
        return await self.until(lambda f: "event" in f or f.get("channel") == "auth")

    async def log_in(self, trader: Trader) -> Json:
        stamp = trader.now_ms()
        signature = sign(trader.secret, f"GET\n/ws\nsignTimestamp={stamp}")
        params = {"key": trader.key, "signTimestamp": stamp, "signature": signature}
        await self.say(event="subscribe", channel=["auth"], params=params)
        return await self.next()
