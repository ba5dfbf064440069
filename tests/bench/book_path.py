"""From a message's bytes to a changed book: ours, the bare typed decode and two peers, on the same frames."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

import msgspec

from tests.bench.capture import poloniex_books
from tests.bench.figures import Figure
from tests.connectors.fake_link import Desk

_FRAMES = 4_000
_ROUNDS = 10
_TURNS = 3
PEER_PYTHON = Path("build/bench-venv/bin/python")


class _Row(msgspec.Struct, gc=False):
    symbol: str
    asks: list[tuple[str, str]]
    bids: list[tuple[str, str]]
    id: int
    lastId: int  # noqa: N815
    ts: int


class _Bare(msgspec.Struct, gc=False):
    channel: str
    data: list[_Row]
    action: str


def best_us(items: int, *works: Callable[[], object], rounds: int = _ROUNDS) -> list[float]:
    """The quickest of several rounds of each, in microseconds an item: other programs only ever make it slower.

    The works take turns, so that a slow moment of the machine meets all of them.
    """
    taken = [[_timed(work) for work in works] for _ in range(rounds)]
    return [min(times) / items / 1_000 for times in zip(*taken, strict=True)]


def _timed(work: Callable[[], object]) -> int:
    started = perf_counter_ns()
    work()
    return perf_counter_ns() - started


def measure() -> list[Figure]:
    frames, markets = poloniex_books(_FRAMES)
    count = len(frames)
    decode = msgspec.json.Decoder(_Bare).decode
    tracker = Desk().exchange.order_book_tracker
    tracker.follow_all = True
    read = tracker.data_source.reader("public")

    def bare() -> None:
        for frame in frames:
            decode(frame)

    def ours() -> None:
        for number, frame in enumerate(frames):
            read(frame, number)

    ours_us = bare_us = ccxt_us = float("inf")
    peer_us: float | None = None
    for _ in range(_TURNS):
        # The peers cannot take part in a round, so they have as many turns of their own.
        ours_now, bare_now = best_us(count, ours, bare)
        peer_now, why = _cryptofeed_us(frames)
        ours_us, bare_us = min(ours_us, ours_now), min(bare_us, bare_now)
        ccxt_us = min(ccxt_us, _ccxt_us(frames, markets))
        peer_us = peer_now if peer_us is None or peer_now is None else min(peer_us, peer_now)
    gaps = sum(feed.gaps for feed in tracker.feeds.values())
    assert gaps == 0 and not any(feed.book.stale for feed in tracker.feeds.values())
    figures = [
        Figure("frame to book", ours_us, "us"),
        Figure("bare typed decode of the same frames", bare_us, "us"),
        Figure("frame to book / bare typed decode", ours_us / bare_us, "ratio", 2.5),
    ]
    figures.append(Figure("ccxt.pro's book path / ours", ccxt_us / ours_us, "ratio", 6, True, f"{ccxt_us:.1f} us"))
    ratio = None if peer_us is None else peer_us / ours_us
    note = why if peer_us is None else f"{peer_us:.1f} us"
    figures.append(Figure("cryptofeed's book path / ours", ratio, "ratio", 6, True, note))
    return figures


def _ccxt_us(frames: list[bytes], markets: bytes) -> float:
    """ccxt.pro from the text of a frame to its order book, in its own client class."""
    import ccxt.pro
    from ccxt.async_support.base.ws.client import Client

    async def measured() -> float:
        exchange = ccxt.pro.poloniex()
        exchange.set_markets(exchange.parse_markets(json.loads(markets)))
        client = Client("ws://127.0.0.1", exchange.handle_message, None, None, None)
        texts = [frame.decode() for frame in frames]

        def work() -> None:
            for text in texts:
                client.handle_text_or_binary_message(text)

        [taken] = best_us(len(texts), work)
        assert exchange.orderbooks["BTC/USDT"]["bids"], "the peer kept a book"
        await exchange.close()
        return taken

    return asyncio.run(measured())


def _cryptofeed_us(frames: list[bytes]) -> tuple[float | None, str]:
    if not PEER_PYTHON.exists():
        return None, "not installed: make build/bench-venv"
    with tempfile.NamedTemporaryFile("wb", suffix=".jsonl") as file:
        file.write(b"\n".join(frames))
        file.flush()
        script = Path(__file__).with_name("peer_cryptofeed.py")
        command = [PEER_PYTHON, script, file.name, str(_ROUNDS)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        return None, f"failed: {done.stderr.strip().splitlines()[-1:]}"
    return float(done.stdout), ""


if __name__ == "__main__":
    sys.exit("run: make bench")
