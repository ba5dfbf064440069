"""Real book messages of a twin, as they come over its socket. Nothing is decoded here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
import msgspec

from app.twin_process import TwinProcess


def poloniex_books(
    count: int, symbols: Sequence[str] = ("BTC_USDT", "ETH_USDT", "SOL_USDT")
) -> tuple[list[bytes], bytes]:
    """At least `count` messages of `book_lv2` (the snapshots first), and the reply of GET /markets."""
    twin = TwinProcess("poloniex", seed=3, rate=2_000)
    try:
        return asyncio.run(_collect(twin, count, symbols))
    finally:
        twin.stop()


async def _collect(twin: TwinProcess, count: int, symbols: Sequence[str]) -> tuple[list[bytes], bytes]:
    line = twin.read_line()
    frames: list[bytes] = []
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{line.rest}/markets") as reply:
            markets = await reply.read()
        async with session.ws_connect(line.ws_public) as socket:
            ask = {"event": "subscribe", "channel": ["book_lv2"], "symbols": list(symbols)}
            await socket.send_str(msgspec.json.encode(ask).decode())
            async for message in socket:
                if '"action"' in message.data:
                    frames.append(message.data.encode())
                if len(frames) >= count:
                    return frames, markets
    raise RuntimeError("the twin ended")
