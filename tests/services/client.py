"""A plain client of the service: bytes on a socket, as any program of this computer could send them."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

from app.services.pairing import Keys


async def send(port: int, data: bytes, within_s: float = 5.0) -> tuple[int, bytes]:
    """Status and body of the answer; status 0 when the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(within_s):
            answer = await reader.read()
    except ConnectionError:
        return 0, b""
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return (int(head.split()[1]), body) if head else (0, b"")


def post(port: int, body: bytes, path: str = "/POLONIEX", **headers: str) -> bytes:
    """A good request; a header given as "" is left out."""
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Client:
    """As a strategy host calls: the pair in the body, a nonce that rises, numbers read digit for digit."""

    def __init__(self, port: int, keys: Keys, now_ns: int, path: str = "/POLONIEX") -> None:
        self.port, self.keys, self.path = port, keys, path
        self._nonce = now_ns

    def body(self, method: str, params: dict[str, Any], **changed: Any) -> bytes:
        self._nonce += 1
        body = {"access_key": self.keys.access_key, "secret_key": self.keys.secret_key, "method": method}
        return json.dumps(body | {"nonce": self._nonce, "params": params} | changed).encode()

    async def ask(self, method: str, verb: str = "", **params: Any) -> dict[str, Any]:
        """Waits its turn where the service takes no more a second."""
        status, body = 429, b""
        async with asyncio.timeout(20):
            while status == 429:
                data = post(self.port, self.body(method, params), self.path, Http_Method=verb)
                status, body = await send(self.port, data, 20)
                await asyncio.sleep(0.1 if status == 429 else 0)
        assert status == 200, body
        return json.loads(body, parse_float=Decimal)  # type: ignore[no-any-return]

    async def data(self, method: str, verb: str = "", **params: Any) -> Any:
        reply = await self.ask(method, verb, **params)
        assert "error" not in reply, reply
        return reply["data"]

    async def error(self, method: str, verb: str = "", **params: Any) -> str:
        reply = await self.ask(method, verb, **params)
        assert set(reply) == {"error"} and isinstance(reply["error"], str), reply
        return reply["error"]
