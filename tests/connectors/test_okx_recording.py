"""Frames of the real exchange, replayed through the connector and beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from app.connectors.okx import SPEC
from app.core.order_book import BookSync, OrderBook
from app.core.types import BookDiff, BookSnapshot, Trade

RECORDING = Path(__file__).parents[3] / "shared" / "recordings" / "okx.jsonl.zst"


def received() -> Iterator[bytes]:
    if not RECORDING.exists():
        pytest.skip(f"the recording is not here: {RECORDING.name} in ../shared/recordings")
    with RECORDING.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    lines = [json.loads(line) for line in text.splitlines()]
    return (line["data"].encode() for line in lines if line["t"] == "recv" and "data" in line)


def test_the_recording_through_the_connector() -> None:
    source = SPEC.public(SPEC.domains["main"])
    syncs: dict[str, BookSync] = {}
    plain: dict[str, tuple[dict[Decimal, str], dict[Decimal, str]]] = {}
    gaps: list[str] = []
    trades: list[Trade] = []
    for number, data in enumerate(received(), start=1):
        for effect in source.on_message(data, number):
            if isinstance(effect, BookSnapshot):
                sync = syncs.setdefault(effect.pair, BookSync(OrderBook(effect.pair, source.integrity)))
                gaps += [gap for gap in (sync.on_snapshot(effect),) if gap]
            elif isinstance(effect, BookDiff):
                gaps += [gap for gap in (syncs[effect.pair].on_diff(effect),) if gap]
            elif isinstance(effect, Trade):
                trades.append(effect)
        replay(data, plain)
    assert gaps == []
    assert syncs and all(not sync.book.crossed and not sync.book.stale for sync in syncs.values())
    assert all(Decimal(trade.amount) > 0 and trade.trade_id for trade in trades)
    for pair, (bids, asks) in plain.items():
        top_bids, top_asks = syncs[pair].book.top(10)
        assert [(Decimal(price), amount) for price, amount in top_bids] == sorted(bids.items(), reverse=True)[:10]
        assert [(Decimal(price), amount) for price, amount in top_asks] == sorted(asks.items())[:10]


def replay(data: bytes, books: dict[str, tuple[dict[Decimal, str], dict[Decimal, str]]]) -> None:
    """The same books by the rules of the exchange's page and nothing of ours."""
    message: dict[str, Any] = {} if data == b"pong" else json.loads(data)
    if message.get("arg", {}).get("channel") != "books" or "event" in message:
        return
    for row in message["data"]:
        if message["action"] == "snapshot":
            books[message["arg"]["instId"]] = ({}, {})
        for side, changes in zip(books[message["arg"]["instId"]], (row["bids"], row["asks"]), strict=True):
            for price, amount, *_ in changes:
                side[Decimal(price)] = amount
                if not Decimal(amount):
                    del side[Decimal(price)]
