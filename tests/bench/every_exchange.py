"""The same question for every exchange's own messages: what a book change costs beside the bare typed decode."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

import msgspec

from app.config import Paths
from app.connectors.exchange import Exchange
from app.core.effects import Channel, Subscription
from app.core.frames import Direction, FrameKind
from app.core.types import BookDiff, BookSnapshot
from app.twin_process import TwinProcess
from app.workspace import Workspace
from tests.bench.book_path import best_us
from tests.bench.figures import Figure
from tests.until import until

_FRAMES = 300
_NUMBER = re.compile(rb'"sequence_num":\d+')
"""Coinbase counts every message of a connection; what is no change of a book is left out here."""


class _BinanceChange(msgspec.Struct, gc=False):
    E: int
    s: str
    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class _Binance(msgspec.Struct, gc=False):
    stream: str
    data: _BinanceChange


class _OkxRow(msgspec.Struct, gc=False):
    asks: list[tuple[str, str, str, str]]
    bids: list[tuple[str, str, str, str]]
    ts: str
    seqId: int  # noqa: N815
    prevSeqId: int  # noqa: N815


class _Okx(msgspec.Struct, gc=False):
    arg: dict[str, str]
    action: str
    data: list[_OkxRow]


class _CoinbaseUpdate(msgspec.Struct, gc=False):
    side: str
    price_level: str
    new_quantity: str


class _CoinbaseEvent(msgspec.Struct, gc=False):
    type: str
    product_id: str
    updates: list[_CoinbaseUpdate]


class _Coinbase(msgspec.Struct, gc=False):
    channel: str
    timestamp: str
    sequence_num: int
    events: list[_CoinbaseEvent]


BARE: dict[str, type] = {"binance": _Binance, "okx": _Okx, "coinbase": _Coinbase}


RATES = {"coinbase": 600}
"""A message is then as long as those of the exchange itself: 0.8 kB and six levels on average."""


def measure() -> list[Figure]:
    return [figure for name, bare in BARE.items() for figure in _one(name, bare)]


def _one(name: str, bare: type) -> list[Figure]:
    twin = TwinProcess(name, seed=3, rate=RATES.get(name, 2_000))
    try:
        frames, exchange = asyncio.run(_collect(name, twin))
    finally:
        twin.stop()
    decode = msgspec.json.Decoder(bare).decode
    tracker = exchange.order_book_tracker
    read = tracker.data_source.reader("bench")
    number_anew = tracker.data_source.forget_number
    [feed] = tracker.feeds.values()
    first, frames = frames[0], frames[1:]
    [begin] = [effect for effect in tracker.data_source.source.on_message(first, 0) if type(effect) is BookDiff]
    again = BookDiff(pair=begin.pair, bids=[], asks=[], last_id=begin.last_id)
    feed.sync.on_snapshot(BookSnapshot(pair=begin.pair, bids=[], asks=[], last_id=begin.last_id))

    def decoded() -> None:
        for frame in frames:
            decode(frame)

    def ours() -> None:
        # Back to the first message, so that the chains of ids and numbers hold in every round.
        number_anew("bench")
        read(first, 0)
        feed.book.apply_diff(again)
        for number, frame in enumerate(frames):
            read(frame, number)

    ours_us, bare_us = best_us(len(frames), ours, decoded)
    assert feed.gaps == 0 and not feed.book.stale
    size = sum(map(len, frames)) / len(frames)
    note = f"{ours_us:.2f} / {bare_us:.2f} us, {size:,.0f} bytes a message"
    return [Figure(f"{name}: frame to book / bare typed decode", ours_us / bare_us, "ratio", 2.5, False, note)]


async def _collect(name: str, twin: TwinProcess) -> tuple[list[bytes], Exchange]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Paths(Path(folder)))
        exchange = await workspace.open_paper(name, twin)
        pair = next(iter(exchange.order_books))
        link = exchange.venue.connection(
            exchange.order_book_tracker.data_source.source.link_for(Subscription(Channel.BOOK, pair)).name
        )
        await until(lambda: exchange.feeds[pair].book.diffs > _FRAMES, 90, f"{_FRAMES} changes of {name}")
        frames = [
            frame.payload
            for frame in workspace.log.since(0)
            if frame.connection == link and frame.kind is FrameKind.WS and frame.direction is Direction.IN
        ]
        source = exchange.order_book_tracker.data_source.source
        changes = [f for f in frames if any(type(effect) is BookDiff for effect in source.on_message(f, 1))]
        await workspace.close()
    return [_NUMBER.sub(b'"sequence_num":%d' % at, frame) for at, frame in enumerate(changes)], exchange
