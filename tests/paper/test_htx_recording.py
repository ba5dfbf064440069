"""The twin's frames have the keys, types and number spelling of those that the real exchange sent in 2021."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from app.paper.dialects.htx_numbers import double

from .htx_client import running

RECORDING = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "htx.jsonl.zst"

pytestmark = pytest.mark.skipif(not RECORDING.exists(), reason="the recording lies beside the repository, not in it")


def recorded() -> Iterator[str]:
    with RECORDING.open("rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8"):
            row = json.loads(line)
            if row["t"] == "recv":
                yield gzip.decompress(base64.b64decode(row["b64"])).decode()


def shape(value: Any) -> Any:
    """Keys and types; a list is as its first member."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def test_every_recorded_number_is_spelled_the_same() -> None:
    spelled: set[str] = set()

    def keep(text: str) -> float:
        spelled.add(text)
        return float(text)

    for frame in recorded():
        json.loads(frame, parse_float=keep)
    assert len(spelled) > 5000
    for text in spelled:
        value = Decimal(text)
        scale = max(0, -int(value.normalize().as_tuple().exponent))
        assert bytes(double(int(value.scaleb(scale)), scale)).decode() == text


@pytest.mark.asyncio
async def test_frames_have_the_recorded_shapes() -> None:
    real: dict[str, Any] = {}
    for frame in map(json.loads, recorded()):
        kind = frame["ch"].split(".")[2] if "ch" in frame else "ping" if "ping" in frame else "ack"
        if kind not in real or not real[kind].get("tick", {}).get("bids", True):
            real[kind] = frame
    async with running() as here:
        here.twin.sockets.hurry = 20
        stream = await here.connect("/ws")
        for kind, topic in (("depth", "market.btcusdt.depth.step0"), ("trade", "market.btcusdt.trade.detail")):
            await stream.say({"sub": topic, "id": 1})
            ack = await stream.until(lambda f: "subbed" in f)
            assert shape(ack) == shape(real["ack"])
            frame = await stream.until(lambda f, topic=topic: f.get("ch") == topic)
            plain = json.loads(json.dumps(frame, default=float))
            assert shape(plain) == shape(real[kind]), kind
        await stream.tick("market.btcusdt.depth.step0")
        assert shape(next(f for f in stream.seen if "ping" in f)) == shape(real["ping"])
