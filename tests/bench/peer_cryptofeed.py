"""cryptofeed's own path from a frame's text to its book; run by its own interpreter, prints microseconds a frame.

As its feed handler runs it: its JSON parser, exact decimals, the check of ids, one callback that does nothing. Neither
side sorts before somebody reads. The text is given decoded from UTF-8, which ours does not need.
"""

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


def main(path: str, rounds: int) -> None:
    texts = Path(path).read_text().splitlines()
    bases = ("BTC", "ETH", "SOL")
    Symbols.set("POLONIEX", {Symbol(base, "USDT").normalized: f"{base}_USDT" for base in bases}, {})
    feed = Poloniex(symbols=[f"{base}-USDT" for base in bases], channels=[L2_BOOK], callbacks={L2_BOOK: _ignore})
    feed._Poloniex__reset()

    async def work() -> int:
        started = time.perf_counter_ns()
        for text in texts:
            await feed.message_handler(text, None, 0.0)
        return time.perf_counter_ns() - started

    best = min(asyncio.run(work()) for _ in range(rounds))
    for base in bases:
        assert feed._l2_book[f"{base}-USDT"].book.bids, "the peer kept a book"
    print(best / len(texts) / 1_000)


main(sys.argv[1], int(sys.argv[2]))
