"""Half a minute of the real exchange, replayed through the connector and beside it."""

from __future__ import annotations

import base64
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from app.connectors.htx import SPEC
from app.connectors.htx.markets import Markets
from app.connectors.htx.public import HtxPublic
from app.core.effects import Channel, Send, Subscribed, Subscription
from app.core.order_book import BookSync, OrderBook
from app.core.requests import Response
from app.core.types import BookSnapshot, MarketStatus, Trade

RECORDING = Path(__file__).parents[3] / "shared" / "recordings" / "htx.jsonl.zst"


@pytest.fixture(scope="module")
def recording() -> list[dict[str, Any]]:
    if not RECORDING.exists():
        pytest.skip(f"the recording is not here: {RECORDING.name} in ../shared/recordings")
    with RECORDING.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def source(recording: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> HtxPublic:
    """One that knows the recorded markets."""
    monkeypatch.setattr("app.connectors.htx.markets._MARKETS", dict[str, Markets]())
    source = HtxPublic(SPEC.domains["main"])
    source.get_trading_rules().parse(market_list(recording))
    return source


def market_list(recording: list[dict[str, Any]]) -> Response:
    (body,) = [line["data"].encode() for line in recording if line["t"] == "http"]
    return Response(status=200, headers={}, body=body, frame=1, sent_ms=0, received_ms=0)


def received(recording: list[dict[str, Any]]) -> list[bytes]:
    return [base64.b64decode(line["b64"]) for line in recording if line["t"] == "recv"]


def plain_books(recording: list[dict[str, Any]]) -> dict[str, dict[str, list[list[Decimal]]]]:
    """The newest picture of each symbol, read with nothing of ours."""
    books = {}
    for data in received(recording):
        message = json.loads(gzip.decompress(data), parse_float=Decimal, parse_int=Decimal)
        if message.get("ch", "").endswith(".depth.step0"):
            books[message["ch"].split(".")[1]] = message["tick"]
    return books


def test_the_recording_through_the_connector(recording: list[dict[str, Any]], source: HtxPublic) -> None:
    syncs: dict[str, BookSync] = {}
    pongs, trades, trade_frames, confirmed = [], [], set(), []
    pictures = 0
    for number, data in enumerate(received(recording), start=1):
        for effect in source.on_message(data, number):
            match effect:
                case BookSnapshot():
                    pictures += 1
                    sync = syncs.setdefault(effect.pair, BookSync(OrderBook(effect.pair)))
                    assert effect.last_id is not None and effect.last_id >= (sync.book.last_id or 0)
                    assert sync.on_snapshot(effect) is None
                    assert not sync.book.crossed and max(len(sync.book.bids), len(sync.book.asks)) <= 150
                case Trade():
                    trades.append(effect)
                    trade_frames.add(number)
                case Send(payload):
                    pongs.append(json.loads(payload))
                case Subscribed(subscriptions):
                    confirmed += subscriptions
                case _:
                    pytest.fail(f"frame {number}: {effect!r}")
    assert (len(syncs), pictures, len(trade_frames), len(pongs)) == (10, 292, 44, 6)
    assert len(confirmed) == 20 and len({one.pair for one in confirmed}) == 10
    assert all(Decimal(trade.amount) > 0 and len(trade.trade_id) < 15 for trade in trades)
    assert not [text for sync in syncs.values() for level in sync.book.bids for text in level if "E" in text.upper()]

    for symbol, tick in plain_books(recording).items():
        (pair,) = [pair for pair in syncs if pair.replace("-", "").lower() == symbol]
        for ours, theirs in zip(syncs[pair].book.top(150), (tick["bids"], tick["asks"]), strict=True):
            assert [[Decimal(price), Decimal(amount)] for price, amount in ours] == theirs


def test_every_ping_is_answered_as_the_recorded_client_did(recording: list[dict[str, Any]], source: HtxPublic) -> None:
    theirs = [json.loads(line["data"]) for line in recording if line["t"] == "send" and "pong" in line["data"]]
    effects = [effect for data in received(recording) for effect in source.on_message(data, 1)]
    assert [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)] == theirs


def test_our_trade_topics_are_what_the_recorded_client_asked_for(
    recording: list[dict[str, Any]], source: HtxPublic
) -> None:
    effects = [effect for data in received(recording) for effect in source.on_message(data, 1)]
    pairs = [one.pair for effect in effects if isinstance(effect, Subscribed) for one in effect.subscriptions]
    wanted = [Subscription(Channel.TRADES, pair) for pair in dict.fromkeys(pairs)]
    ours = {json.loads(effect.payload)["sub"] for effect in source.subscribe(wanted) if isinstance(effect, Send)}
    sent = [json.loads(line["data"]) for line in recording if line["t"] == "send"]
    assert ours == {message["sub"] for message in sent if message.get("sub", "").endswith("trade.detail")}


def test_recorded_markets_become_trading_rules(recording: list[dict[str, Any]], source: HtxPublic) -> None:
    """The older list with long names, which the recorded client asked for."""
    rules = {rule.pair: rule for rule in source.get_trading_rules().parse(market_list(recording))}
    assert len(rules) == 883 and {rule.status for rule in rules.values()} == {MarketStatus.TRADING}
    btc = rules["BTC-USDT"]
    assert (btc.symbol, btc.min_price_increment, btc.min_base_amount_increment) == (
        "btcusdt",
        Decimal("0.01"),
        Decimal("0.000001"),
    )
    assert (btc.min_order_size, btc.max_order_size, btc.min_notional_size) == (Decimal("0.0001"), 1000, 5)
