"""Half a minute of the real exchange, replayed through the connector and beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from app.connectors.poloniex import SPEC
from app.core.effects import Channel, Subscribed
from app.core.order_book import BookSync, OrderBook
from app.core.requests import Response
from app.core.types import BookDiff, BookSnapshot, MarketStatus, Trade

RECORDING = Path(__file__).parents[3] / "shared" / "recordings" / "poloniex.jsonl.zst"


@pytest.fixture(scope="module")
def recording() -> list[dict[str, Any]]:
    if not RECORDING.exists():
        pytest.skip(f"the recording is not here: {RECORDING.name} in ../shared/recordings")
    with RECORDING.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    return [json.loads(line) for line in text.splitlines()]


def received(recording: list[dict[str, Any]]) -> Iterator[bytes]:
    return (line["data"].encode() for line in recording if line["t"] == "recv")


def plain_replay(recording: list[dict[str, Any]]) -> dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]]:
    """The same books by the rules of the exchange's page and nothing of ours: bids and asks by symbol."""
    books: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = {}
    for data in received(recording):
        message = json.loads(data)
        if message.get("channel") != "book_lv2" or "event" in message:
            continue
        for row in message["data"]:
            if message["action"] == "snapshot":
                books[row["symbol"]] = ({}, {})
            for side, changes in zip(books[row["symbol"]], (row["bids"], row["asks"]), strict=True):
                for price, amount in changes:
                    side[Decimal(price)] = Decimal(amount)
                    if not Decimal(amount):
                        del side[Decimal(price)]
    return books


def test_the_recording_through_the_connector(recording: list[dict[str, Any]]) -> None:
    source = SPEC.public(SPEC.domains["main"])
    syncs: dict[str, BookSync] = {}
    snapshots = diffs = jumps = 0
    trades: list[Trade] = []
    acknowledged: list[tuple[Channel, int]] = []
    gaps: list[str] = []
    for number, data in enumerate(received(recording), start=1):
        for effect in source.on_message(data, number):
            gap = None
            match effect:
                case BookSnapshot():
                    snapshots += 1
                    sync = syncs.setdefault(effect.pair, BookSync(OrderBook(effect.pair, source.integrity)))
                    gap = sync.on_snapshot(effect)
                case BookDiff():
                    diffs += 1
                    assert effect.last_id is not None and effect.prev_id is not None
                    jumps += effect.last_id != effect.prev_id + 1
                    sync = syncs[effect.pair]
                    gap = sync.on_diff(effect)
                case Trade():
                    trades.append(effect)
                    continue
                case Subscribed(subscriptions):
                    acknowledged.append((subscriptions[0].channel, len(subscriptions)))
                    continue
                case _:
                    pytest.fail(f"frame {number}: {effect!r}")
            if gap:
                gaps.append(gap)
            assert not sync.book.crossed
            assert not sync.book.stale
            assert max(len(sync.book.bids), len(sync.book.asks)) <= 20
    assert (len(syncs), snapshots, diffs, len(trades), gaps) == (11, 11, 283, 6, [])
    assert jumps == 32
    assert acknowledged == [(Channel.TRADES, 11), (Channel.BOOK, 11)]
    assert all(Decimal(trade.amount) > 0 and trade.trade_id for trade in trades)

    for symbol, (bids, asks) in plain_replay(recording).items():
        top_bids, top_asks = syncs[symbol.replace("_", "-")].book.top(10)
        assert [(Decimal(p), Decimal(a)) for p, a in top_bids] == sorted(bids.items(), reverse=True)[:10]
        assert [(Decimal(p), Decimal(a)) for p, a in top_asks] == sorted(asks.items())[:10]


def test_our_subscription_is_what_the_recorded_client_sent(recording: list[dict[str, Any]]) -> None:
    source = SPEC.public(SPEC.domains["main"])
    wanted = [line["data"] for line in recording if line["t"] == "send"]
    acknowledgements = [
        effect
        for data in received(recording)
        for effect in source.on_message(data, 1)
        if isinstance(effect, Subscribed)
    ]
    ours = [effect for ack in acknowledgements for effect in source.subscribe(ack.subscriptions)]
    assert [json.loads(effect.payload) for effect in ours] == [json.loads(text) for text in wanted]  # type: ignore[union-attr]


def test_recorded_markets_become_trading_rules(recording: list[dict[str, Any]]) -> None:
    (body,) = [line["data"].encode() for line in recording if line["t"] == "http"]
    reply = Response(status=200, headers={}, body=body, frame=1, sent_ms=0, received_ms=0)
    rules = {rule.pair: rule for rule in SPEC.public(SPEC.domains["main"]).get_trading_rules().parse(reply)}
    assert len(rules) == 524
    assert sum(rule.status is MarketStatus.TRADING for rule in rules.values()) == 513
    assert sum(rule.status is MarketStatus.HALTED for rule in rules.values()) == 11
    bts = rules["BTS-BTC"]
    assert (bts.min_price_increment, bts.min_base_amount_increment) == (Decimal("1E-10"), Decimal(1))
    assert (bts.min_order_size, bts.min_notional_size) == (Decimal(100), Decimal("0.00001"))
