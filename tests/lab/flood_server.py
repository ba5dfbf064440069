"""The other end of `flood`: a market data socket that says as much as it is told to, and a proxy before a twin.

Run as `python -m tests.lab.flood_server RATE MARKETS UPSTREAM`; prints its addresses as one JSON line, afterwards one
line for each cancel that arrived (monotonic ns). A line on its standard input sends the bomb; its end ends the program.
The wire is Poloniex' book_lv2 and trades: https://api-docs.poloniex.com/spot/websocket/market-data.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.lab.fault_proxy import Answer, FaultProxy

BOMB_BYTES = 60 << 20
_TICK_S = 0.01
_MOST_WAITING = 4 << 20
"""More than this in the socket's buffer: the other end does not keep up, and sending pauses."""


class _Proxy(FaultProxy):
    """Says when a cancel has come."""

    async def _ask(self, request: Any, body: bytes) -> Answer:
        if request.method == "DELETE":
            print(json.dumps({"cancel_ns": time.monotonic_ns()}), flush=True)
        return await super()._ask(request, body)


class Flood:
    """Changes of the books that were subscribed, in turn, `rate` a second over all connections."""

    def __init__(self, rate: int, markets: int) -> None:
        self._rate = rate
        self._markets = markets
        self._ids: dict[str, int] = {}
        self._sockets: dict[ServerConnection, list[str]] = {}
        self.sent = 0

    async def serve(self, socket: ServerConnection) -> None:
        subscribed: list[str] = []
        self._sockets[socket] = subscribed
        try:
            async for raw in socket:
                message = json.loads(raw)
                if message.get("event") == "ping":
                    await socket.send('{"event":"pong"}')
                for channel in message.get("channel", ()):
                    for symbol in message.get("symbols", ()):
                        await self._subscribe(socket, subscribed, message["event"], channel, symbol)
        except ConnectionClosed:
            pass
        finally:
            del self._sockets[socket]

    async def _subscribe(
        self, socket: ServerConnection, subscribed: list[str], event: str, channel: str, symbol: str
    ) -> None:
        if channel == "book_lv2" and symbol in subscribed:
            subscribed.remove(symbol)
        if event != "subscribe":
            return
        await socket.send(json.dumps({"event": "subscribe", "channel": channel, "symbols": [symbol]}))
        if channel != "book_lv2":
            return
        number = self._ids.setdefault(symbol, 1_000)
        bids = [[f"{50_000 - step}.00", "1.5"] for step in range(20)]
        asks = [[f"{50_001 + step}.00", "1.5"] for step in range(20)]
        row = {
            "symbol": symbol,
            "createTime": 1,
            "asks": asks,
            "bids": bids,
            "lastId": number - 1,
            "id": number,
            "ts": 2,
        }
        await socket.send(json.dumps({"channel": "book_lv2", "data": [row], "action": "snapshot"}))
        subscribed.append(symbol)

    async def run(self) -> None:
        due, last = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            due = min(due + (now - last) * self._rate, self._rate * 0.2)
            last = now
            for socket, symbols in tuple(self._sockets.items()):
                transport = socket.transport
                if not symbols or transport.is_closing() or transport.get_write_buffer_size() > _MOST_WAITING:
                    continue
                count, due = int(due), due - int(due)
                transport.write(b"".join(self._change(symbols[n % len(symbols)], n) for n in range(count)))
                self.sent += count

    def _change(self, symbol: str, n: int) -> bytes:
        """One unmasked text frame of a server (RFC 6455, 5.2), not compressed."""
        before = self._ids[symbol]
        self._ids[symbol] = before + 1
        step = (before + n) % 20
        payload = (
            f'{{"channel":"book_lv2","data":[{{"symbol":"{symbol}","createTime":1,'
            f'"asks":[["{50_001 + step}.00","{n % 9 + 1}.{before % 1000:03}"]],'
            f'"bids":[["{50_000 - step}.00","{n % 7 + 1}.{before % 1000:03}"]],'
            f'"lastId":{before},"id":{before + 1},"ts":1790000000000}}],"action":"update"}}'
        ).encode()
        size = len(payload)
        head = bytes((0x81, size)) if size < 126 else bytes((0x81, 126)) + size.to_bytes(2, "big")
        return head + payload

    async def bomb(self) -> None:
        """A message of 60 kB that inflates to 60 MiB."""
        for socket in tuple(self._sockets):
            await socket.send(" " * BOMB_BYTES)


async def run(rate: int, markets: int, upstream: str) -> None:
    proxy, flood = _Proxy(upstream), Flood(rate, markets)
    await proxy.start()
    async with serve(flood.serve, "127.0.0.1", 0, ping_interval=None, max_size=1 << 20) as server:
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"public": f"ws://127.0.0.1:{port}/ws/public", "proxy": proxy.port}), flush=True)
        flooding = asyncio.create_task(flood.run())
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            await flood.bomb()
        flooding.cancel()
    await proxy.stop()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
