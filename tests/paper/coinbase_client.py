"""A small Coinbase client for the twin's tests, signing on its own: nothing of the twin's or the connector's code."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from yarl import URL

from app.core.clock import SystemClock
from app.paper.dialects.coinbase import CoinbaseTwin, open_twin
from app.paper.server import TwinServer

Json = Any
API = "/api/v3/brokerage"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def signed(secret: str, text: bytes) -> bytes:
    """Raw r and s, or an Ed25519 signature, by the kind of secret."""
    if not secret.startswith("-----"):
        return ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret)[:32]).sign(text)
    key = serialization.load_pem_private_key(secret.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def signing_input(header: Json, payload: Json) -> str:
    return f"{base64url(compact(header))}.{base64url(compact(payload))}"


def token(name: str, secret: str, uri: str | None, *, header: Json = None, payload: Json = None, now: int = 0) -> str:
    """A fresh JWT; `header` and `payload` change single claims, None removes one."""
    now = now or int(time.time())
    algorithm = "ES256" if secret.startswith("-----") else "EdDSA"
    head = {"alg": algorithm, "typ": "JWT", "kid": name, "nonce": secrets.token_hex(16)} | (header or {})
    body = {"sub": name, "iss": "cdp", "nbf": now, "exp": now + 120, "uri": uri} | (payload or {})
    text = signing_input(*({k: v for k, v in part.items() if v is not None} for part in (head, body)))
    return f"{text}.{base64url(signed(secret, text.encode()))}"


class Trader:
    """Calls the twin's REST side; every answer is (HTTP status, decoded JSON or text)."""

    def __init__(self, session: aiohttp.ClientSession, introduction: dict[str, Any]) -> None:
        self.session = session
        self.rest: str = introduction["rest"]
        self.name: str = introduction["api_key"]
        self.secret: str = introduction["secret_key"]
        self.headers: dict[str, str] = {}
        self._orders = 0

    async def public(self, path: str, **params: Any) -> tuple[int, Json]:
        return await self._send("GET", f"{API}/market{path}", params, None, {})

    async def time(self) -> tuple[int, Json]:
        return await self._send("GET", f"{API}/time", {}, None, {})

    async def get(self, path: str, **params: Any) -> tuple[int, Json]:
        return await self._send("GET", f"{API}{path}", params, None, self.authorization("GET", f"{API}{path}"))

    async def post(self, path: str, body: Json) -> tuple[int, Json]:
        return await self._send("POST", f"{API}{path}", {}, body, self.authorization("POST", f"{API}{path}"))

    async def with_token(self, path: str, bearer: str) -> tuple[int, Json]:
        return await self._send("GET", f"{API}{path}", {}, None, {"Authorization": f"Bearer {bearer}"})

    def authorization(self, method: str, path: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token(self.name, self.secret, self.uri(method, path))}"}

    def uri(self, method: str, path: str) -> str:
        return f"{method} {self.rest.removeprefix('http://')}{path}"

    def socket_token(self) -> str:
        return token(self.name, self.secret, None)

    async def create(self, product: str, side: str, kind: str, client_id: str = "", **terms: Any) -> Json:
        """Ask for an order; the whole answer, which is HTTP 200 whatever it says."""
        self._orders += 1
        body = {
            "client_order_id": client_id or f"test-{self._orders}",
            "product_id": product,
            "side": side,
            "order_configuration": {kind: terms},
        }
        status, answer = await self.post("/orders", body)
        assert status == 200, answer
        return answer

    async def order(self, product: str, side: str, kind: str, client_id: str = "", **terms: Any) -> str:
        """Place an order that must be accepted; its id."""
        answer = await self.create(product, side, kind, client_id, **terms)
        assert answer["success"], answer
        return str(answer["success_response"]["order_id"])

    async def limit(self, side: str, size: str, price: str, product: str = "BTC-USD", **more: Any) -> str:
        return await self.order(product, side, "limit_limit_gtc", base_size=size, limit_price=price, **more)

    async def look(self, order_id: str) -> Json:
        status, answer = await self.get(f"/orders/historical/{order_id}")
        assert status == 200, answer
        return answer["order"]

    async def balance(self, currency: str) -> tuple[str, str]:
        """Available and hold."""
        _, answer = await self.get("/accounts", limit=250)
        (row,) = (row for row in answer["accounts"] if row["currency"] == currency)
        return row["available_balance"]["value"], row["hold"]["value"]

    async def _send(
        self, method: str, path: str, params: dict[str, Any], body: Json, headers: dict[str, str]
    ) -> tuple[int, Json]:
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        url = URL(f"{self.rest}{path}{query}", encoded=True)
        data = None if body is None else compact(body)
        async with self.session.request(method, url, headers=headers, data=data) as reply:
            self.headers = {name.lower(): value for name, value in reply.headers.items()}
            text = await reply.text()
            return reply.status, json.loads(text) if text[:1] in "{[" else text


class Stream:
    """One WebSocket of the twin."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[Json] = []
        self.sizes: list[int] = []

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def next(self) -> Json:
        """The next message, within three seconds."""
        message = await self.socket.receive(timeout=3)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        self.sizes.append(len(message.data))
        self.seen.append(json.loads(message.data))
        return self.seen[-1]

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        """The first message that is wanted; others are kept in `seen`."""
        async with asyncio.timeout(5):
            while True:
                message = await self.next()
                if wanted(message):
                    return message

    async def subscribe(self, channel: str, *products: str, **more: Any) -> Json:
        """Subscribe and return the answer: the list of subscriptions or an error. Data comes before it."""
        extra = {"product_ids": list(products)} if products else {}
        await self.say(type="subscribe", channel=channel, **extra, **more)
        return await self.until(is_answer)

    async def unsubscribe(self, channel: str, *products: str) -> Json:
        extra = {"product_ids": list(products)} if products else {}
        await self.say(type="unsubscribe", channel=channel, **extra)
        return await self.until(is_answer)

    async def data(self, channel: str) -> Json:
        """The one event of the next message of a channel."""
        message = await self.until(lambda m: m.get("channel") == channel)
        (event,) = message["events"]
        return event

    async def end(self) -> int | None:
        """Read until the other side closes; its close code."""
        async with asyncio.timeout(5):
            while (await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        return self.socket.close_code


def is_answer(message: Json) -> bool:
    return message.get("channel") == "subscriptions" or message.get("type") == "error"


class Bench:
    """A running twin with a client of its default key."""

    def __init__(self, server: TwinServer, session: aiohttp.ClientSession) -> None:
        assert isinstance(server.dialect, CoinbaseTwin)
        self.server, self.session, self.twin = server, session, server.dialect
        self.first = server.introduction()
        self.trader = Trader(session, self.first)

    def trader_with(self, kind: str) -> Trader:
        """A client that signs with another of the account's keys."""
        credentials = self.twin.desk.keys[kind]
        return Trader(self.session, self.first | {"api_key": credentials.api_key, "secret_key": credentials.secret_key})

    async def connect(self, which: str = "ws_public") -> Stream:
        return Stream(await self.session.ws_connect(self.first[which], max_msg_size=0))


@asynccontextmanager
async def bench(rate: int = 0, seed: int = 5) -> AsyncIterator[Bench]:
    """With rate 0 the market moves only when told to."""
    server = TwinServer(open_twin(seed, SystemClock()), port=0, rate=rate, clock=SystemClock())
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Bench(server, session)
    await server.stop()
