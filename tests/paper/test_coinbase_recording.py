"""The twin's messages have the shape of those that the real exchange sent in 2026, key by key and type by type."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from .coinbase_client import bench

RECORDING = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "coinbase.jsonl.zst"

pytestmark = pytest.mark.skipif(not RECORDING.exists(), reason="the recording lies beside the repository, not in it")


def recorded() -> Iterator[dict[str, Any]]:
    with RECORDING.open("rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8"):
            yield json.loads(line)


def shape(value: Any) -> Any:
    """Keys and types; a list is as its first member, which may be absent."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.mark.asyncio
async def test_messages_have_the_recorded_shapes() -> None:
    real: dict[tuple[str, str], Any] = {}
    for line in recorded():
        if line["t"] == "recv":
            message = json.loads(line["data"])
            if message["channel"] != "subscriptions":
                real.setdefault((message["channel"], message["events"][0].get("type", "")), message)
    made: dict[tuple[str, str], Any] = {}
    async with bench(rate=400) as desk:
        stream = await desk.connect()
        for channel in ("market_trades", "candles", "ticker", "level2"):
            await stream.subscribe(channel, "BTC-USD", "ETH-USD")
        await stream.subscribe("heartbeats")
        while made.keys() != real.keys():
            for message in stream.seen:
                if message["channel"] != "subscriptions":
                    made.setdefault((message["channel"], message["events"][0].get("type", "")), message)
            stream.seen.clear()
            await stream.next()
    for kind, message in real.items():
        assert shape(made[kind]) == shape(message), kind


@pytest.mark.asyncio
async def test_products_have_the_recorded_fields() -> None:
    answer = next(json.loads(line["data"]) for line in recorded() if line["t"] == "http")
    real = {row["product_id"]: row for row in answer["products"]}
    async with bench() as desk:
        _, made = await desk.trader.public("/products")
    assert made.keys() == answer.keys() and shape(made["pagination"]) == shape(answer["pagination"])
    for row in made["products"]:
        if row["product_id"] in real:
            twin = real[row["product_id"]]
            assert row.keys() <= twin.keys()
            assert shape(row) == {key: shape(twin[key]) for key in row}, row["product_id"]
            same = "base_increment quote_increment price_increment base_min_size quote_min_size alias alias_to".split()
            assert [row[k] for k in same] == [twin[k] for k in same], row["product_id"]
