"""Half a minute of the real exchange, replayed through the connector and beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from app.connectors.coinbase import SPEC
from app.core.effects import Channel, Send, Subscribed, Subscription
from app.core.effects import Sequence as MessageNumber
from app.core.order_book import BookSync, OrderBook
from app.core.requests import Response
from app.core.types import BookDiff, BookSnapshot, Candle, MarketStatus, OrderType, Side, Ticker, Trade

RECORDING = Path(__file__).parents[3] / "shared" / "recordings" / "coinbase.jsonl.zst"
Book = tuple[dict[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def recording() -> list[dict[str, Any]]:
    if not RECORDING.exists():
        pytest.skip(f"the recording is not here: {RECORDING.name} in ../shared/recordings")
    with RECORDING.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    return [json.loads(line) for line in text.splitlines()]


def received(recording: list[dict[str, Any]]) -> Iterator[bytes]:
    return (line["data"].encode() for line in recording if line["t"] == "recv")


def plain_replay(recording: list[dict[str, Any]]) -> dict[str, Book]:
    """The same books by the rules of the exchange's page and nothing of ours: bids and offers by symbol."""
    books: dict[str, Book] = {}
    for data in received(recording):
        message = json.loads(data)
        if message["channel"] != "l2_data":
            continue
        for event in message["events"]:
            if event["type"] == "snapshot":
                books[event["product_id"]] = ({}, {})
            bids, offers = books[event["product_id"]]
            for row in event["updates"]:
                side = {"bid": bids, "offer": offers}[row["side"]]
                side.pop(row["price_level"], None)
                if Decimal(row["new_quantity"]):
                    side[row["price_level"]] = row["new_quantity"]
    return books


def test_the_recording_through_the_connector(recording: list[dict[str, Any]]) -> None:
    source = SPEC.public(SPEC.domains["main"])
    syncs: dict[str, BookSync] = {}
    counts: Counter[str] = Counter()
    sides: Counter[str] = Counter()
    expected = 0
    seen: set[str] = set()
    streams: set[Subscription] = set()
    for frame, data in enumerate(received(recording), start=1):
        number, *effects = source.on_message(data, frame)
        assert number == MessageNumber(expected), "the number comes first, and none is left out"
        expected += 1
        for effect in effects:
            counts[type(effect).__name__] += 1
            match effect:
                case BookSnapshot():
                    sync = syncs.setdefault(effect.pair, BookSync(OrderBook(effect.pair, source.integrity)))
                    assert sync.on_snapshot(effect) is None
                case BookDiff():
                    sync = syncs[effect.pair]
                    assert sync.on_diff(effect) is None
                    assert not sync.book.stale
                case Trade():
                    assert effect.trade_id not in seen, "no trade comes twice without a new subscription"
                    seen.add(effect.trade_id)
                    if effect.pair in syncs:
                        sides[_where(effect, syncs[effect.pair].book)] += 1
                case Subscribed(subscriptions):
                    streams.update(subscriptions)
                case Candle():
                    assert effect.interval == "5m" and effect.start_ms % 300_000 == 0
                case Ticker():
                    assert effect.bid is not None and effect.ask is not None and effect.bid < effect.ask
                case _:
                    pytest.fail(f"frame {frame}: {effect!r}")
    assert (counts["BookSnapshot"], counts["BookDiff"], counts["Ticker"], counts["Subscribed"]) == (2, 773, 160, 5)
    assert counts["Trade"] == len(seen) == 279
    assert counts["Candle"] > 100
    channels = {Channel.BOOK: "", Channel.TRADES: "", Channel.TICKER: "", Channel.CANDLES: "5m"}
    assert streams == {Subscription(c, pair, i) for c, i in channels.items() for pair in ("BTC-USD", "ETH-USD")}
    # What settles the meaning of `side`: no taker's buy happens at the bid, and no sell at the ask.
    assert sides == {"as it should be": 71, "inside": 7}

    for symbol, (bids, offers) in plain_replay(recording).items():
        book = syncs[symbol].book
        assert not book.crossed
        assert dict(book.bids) == bids
        assert dict(book.asks) == offers


def _where(trade: Trade, book: OrderBook) -> str:
    assert book.best_bid is not None and book.best_ask is not None
    price = Decimal(trade.price)
    if price >= Decimal(book.best_ask):
        return "as it should be" if trade.taker is Side.BUY else "a sell at the ask"
    if price <= Decimal(book.best_bid):
        return "as it should be" if trade.taker is Side.SELL else "a buy at the bid"
    return "inside"


def test_trades_come_oldest_first(recording: list[dict[str, Any]]) -> None:
    source = SPEC.public(SPEC.domains["main"])
    newest: dict[str, int] = {}
    for data in received(recording):
        for effect in source.on_message(data, 1):
            if isinstance(effect, Trade):
                assert int(effect.trade_id) > newest.get(effect.pair, 0)
                newest[effect.pair] = int(effect.trade_id)


def test_our_subscriptions_are_what_the_recorded_client_sent(recording: list[dict[str, Any]]) -> None:
    source = SPEC.public(SPEC.domains["main"])
    pairs = ("BTC-USD", "ETH-USD")
    wanted = [
        Subscription(channel, pair, interval)
        for channel, interval in (
            (Channel.TRADES, ""),
            (Channel.CANDLES, "5m"),
            (Channel.TICKER, ""),
            (Channel.BOOK, ""),
        )
        for pair in pairs
    ]
    effects = [*source.subscribe(wanted), *source.on_open(source.link_for(wanted[0]), 1)]
    ours = [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]
    theirs = [json.loads(line["data"]) for line in recording if line["t"] == "send"]
    assert ours[:4] == theirs[:4]
    # That client names products for the beats too, which the exchange's page does not ask for.
    assert theirs[4]["channel"] == ours[4]["channel"] == "heartbeats"


def test_recorded_markets_become_rules_tickers_and_aliases(recording: list[dict[str, Any]]) -> None:
    (body,) = [line["data"].encode() for line in recording if line["t"] == "http"]
    reply = Response(status=200, headers={}, body=body, frame=1, sent_ms=0, received_ms=0)
    source = SPEC.public(SPEC.domains["main"])
    rules = {rule.pair: rule for rule in source.get_trading_rules().parse(reply)}
    assert len(rules) == 920
    assert sum(rule.status is MarketStatus.TRADING for rule in rules.values()) == 912
    assert sum(rule.status is MarketStatus.CLOSED for rule in rules.values()) == 8
    assert sum(OrderType.MARKET not in rule.order_types for rule in rules.values()) == 30
    bitcoin = rules["BTC-USD"]
    assert (bitcoin.min_price_increment, bitcoin.min_base_amount_increment) == (Decimal("0.01"), Decimal("1E-8"))
    assert min(rule.min_base_amount_increment for rule in rules.values()) == Decimal("1E-8"), "no lot is finer"
    assert len(source.get_tickers().parse(reply)) == 920
    shared = [Subscription(Channel.BOOK, pair) for pair in ("BTC-USDC", "AUDD-USDC")]
    (message,) = [json.loads(effect.payload) for effect in source.subscribe(shared) if isinstance(effect, Send)]
    assert message["product_ids"] == ["BTC-USD", "AUDD-USDC"]
