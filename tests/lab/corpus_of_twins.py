"""Collects one short session with every twin as a corpus for `fuzz`: `python -m tests.lab.corpus_of_twins`.

What is kept is redacted as every log is: a few messages of each shape, none of them long.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from base64 import b64encode
from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.connectors.trading import OrderRefused
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.types import OrderType
from app.store.database import Store
from app.twin_process import TwinProcess
from app.workspace import Workspace
from tests.until import until

FOLDER = Path(__file__).parent / "corpus"
EXCHANGES = ("binance", "coinbase", "crypto_com", "htx", "okx", "poloniex")
_OF_A_SHAPE = 3
_LONGEST = 12_000


class Sample(Struct, frozen=True):
    """`link` is empty for an answer over REST; `b64` holds the payload."""

    link: str
    method: str
    path: str
    b64: str


def read_corpus(exchange: str) -> list[Sample]:
    return msgspec.json.decode((FOLDER / f"{exchange}.json").read_bytes(), type=list[Sample])


async def _session(name: str, folder: Path) -> FrameLog:
    twin = TwinProcess(name, seed=3)
    workspace = Workspace(Paths(folder), store=Store.open(Paths(folder).journal_file))
    workspace.start()
    try:
        pair = exchange_spec(name).default_pair
        exchange = await workspace.open_paper(name, twin, [pair])
        await until(lambda: exchange.ready, 20, f"{name} ready")
        exchange.candles(pair, exchange.intervals[0])
        await _trade(exchange, pair)
        await asyncio.sleep(4)
        return workspace.log
    finally:
        await workspace.close()


async def _trade(exchange: Exchange, pair: str) -> None:
    rule, book = exchange.trading_rules[pair], exchange.order_books[pair]
    assert book.best_bid is not None and book.best_ask is not None
    amount = max(rule.min_order_size, Decimal("0.01")) * 2
    for kind, price in (
        (OrderType.LIMIT, Decimal(book.best_bid) * Decimal("0.97")),
        (OrderType.LIMIT, Decimal(book.best_ask)),
    ):
        try:
            exchange.buy(pair, amount, kind, price)
        except OrderRefused as refused:
            print(f"{exchange.key}: {refused}", file=sys.stderr)
    await asyncio.sleep(1.5)
    await exchange.cancel_all()
    assert exchange.user_stream_tracker is not None
    await exchange.user_stream_tracker.load_history(0)


def _shape(frame: Frame) -> str:
    head = frame.payload[:2] if frame.payload[:1] == b"\x1f" else re.sub(rb"[0-9]+", b"0", frame.payload[:60])
    path = re.sub("[0-9a-zA-Z]{20,}|[0-9]+", "0", frame.path.partition("?")[0])
    return f"{frame.connection} {frame.method} {path} {head!r}"


def _chosen(log: FrameLog) -> list[Sample]:
    seen: Counter[str] = Counter()
    samples = []
    for frame in log.since(0):
        if frame.direction is not Direction.IN or frame.kind is FrameKind.CONTROL or len(frame.payload) > _LONGEST:
            continue
        shape = _shape(frame)
        seen[shape] += 1
        if seen[shape] <= (40 if frame.payload[:1] == b"\x1f" else _OF_A_SHAPE):
            link = frame.connection.rpartition("/")[2] if frame.kind is FrameKind.WS else ""
            path = frame.path.partition("?")[0]
            samples.append(Sample(link, frame.method, path, b64encode(frame.payload).decode()))
    return samples


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name in EXCHANGES:
        with tempfile.TemporaryDirectory() as folder:
            samples = _chosen(asyncio.run(_session(name, Path(folder))))
        (FOLDER / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(samples), indent=0) + b"\n")
        links = Counter(sample.link or "rest" for sample in samples)
        print(f"{name}: {len(samples)} messages {dict(links)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
