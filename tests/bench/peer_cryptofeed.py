"""cryptofeed's own path from a frame's text to its book; run by its own interpreter, prints microseconds a frame."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from cryptofeed.defines import L2_BOOK
from cryptofeed.exchanges import Poloniex
from cryptofeed.symbols import Symbol, Symbols


async def _ignore(*_: object) -> None:
    return None


def main(path: str) -> None:
    texts = Path(path).read_text().splitlines()
    bases = ("BTC", "ETH", "SOL")
    Symbols.set("POLONIEX", {Symbol(base, "USDT").normalized: f"{base}_USDT" for base in bases}, {})
    feed = Poloniex(symbols=[f"{base}-USDT" for base in bases], channels=[L2_BOOK], callbacks={L2_BOOK: _ignore})
    feed._Poloniex__reset()

    async def work() -> None:
        for text in texts:
            await feed.message_handler(text, None, 0.0)

    best = float("inf")
    for _ in range(3):
        started = time.perf_counter_ns()
        asyncio.run(work())
        best = min(best, time.perf_counter_ns() - started)
    print(best / len(texts) / 1_000)


main(sys.argv[1])
