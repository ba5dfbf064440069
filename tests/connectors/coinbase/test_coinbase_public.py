from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from app.connectors.coinbase.public import CoinbasePublic
from app.core.effects import (
    Channel,
    Effect,
    Perform,
    Refused,
    Send,
    Subscribed,
    Subscription,
    Unknown,
)
from app.core.effects import Sequence as MessageNumber
from app.core.order_book import BookState, BookSync, OrderBook
from app.core.types import BookDiff, BookSnapshot, Candle, Integrity, Side, Ticker, Trade

STAMP = "2026-04-07T14:30:00.123456Z"
STAMP_MS = 1_775_572_200_123


def level(side: str, price: str, quantity: str) -> dict[str, str]:
    return {"side": side, "event_time": "1970-01-01T00:00:00Z", "price_level": price, "new_quantity": quantity}


def book(kind: str, *levels: dict[str, str], product: str = "BTC-USD") -> dict[str, Any]:
    return {"type": kind, "product_id": product, "updates": levels}


def frame(channel: str, *events: Any, number: int = 0, stamp: str = STAMP) -> bytes:
    message = {"channel": channel, "client_id": "", "timestamp": stamp, "sequence_num": number, "events": events}
    return json.dumps(message).encode()


def trade(trade_id: str, side: str = "BUY", **changes: str) -> dict[str, str]:
    return {
        "trade_id": trade_id,
        "product_id": "BTC-USD",
        "price": "68900.50",
        "size": "0.0015",
        "side": side,
        "time": "2026-04-07T14:29:59.5Z",
        **changes,
    }


def sent(effects: Any) -> list[Any]:
    return [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]


def read(public: CoinbasePublic, data: bytes, number: int = 9) -> list[Effect]:
    return list(public.on_message(data, number))


SNAPSHOT = frame("l2_data", book("snapshot", level("bid", "68900.00", "1.50000000"), level("offer", "68901.00", "0.5")))
BOOK = Subscription(Channel.BOOK, "BTC-USD")


# -- book --------------------------------------------------------------------------------------------------------------


def test_snapshot_has_bids_and_offers_and_its_number_comes_first(public: CoinbasePublic) -> None:
    assert public.integrity is Integrity.SEQUENCE
    assert read(public, SNAPSHOT) == [
        MessageNumber(0),
        BookSnapshot(
            pair="BTC-USD",
            bids=[("68900.00", "1.50000000")],
            asks=[("68901.00", "0.5")],
            exchange_ms=STAMP_MS,
            frame=9,
        ),
    ]


def test_update_holds_absolute_amounts(public: CoinbasePublic) -> None:
    data = frame("l2_data", book("update", level("offer", "68901.00", "0"), level("bid", "68900.00", "2")), number=5)
    assert read(public, data) == [
        MessageNumber(5),
        BookDiff(pair="BTC-USD", bids=[("68900.00", "2")], asks=[("68901.00", "0")], exchange_ms=STAMP_MS, frame=9),
    ]


def test_every_event_of_a_message_counts(public: CoinbasePublic) -> None:
    events = [book("update", level("bid", "1", "2")), book("snapshot", level("bid", "3", "4"), product="ETH-USD")]
    number, first, second = read(public, frame("l2_data", *events, number=6))
    assert number == MessageNumber(6)
    assert isinstance(first, BookDiff) and first.pair == "BTC-USD"
    assert isinstance(second, BookSnapshot) and second.pair == "ETH-USD"


def test_book_by_the_exchanges_rule(public: CoinbasePublic) -> None:
    sync = BookSync(OrderBook("BTC-USD", public.integrity))

    def receives(*effects: Effect) -> None:
        for effect in effects:
            if isinstance(effect, BookSnapshot):
                assert sync.on_snapshot(effect) is None
            elif isinstance(effect, BookDiff):
                assert sync.on_diff(effect) is None

    receives(*read(public, frame("l2_data", book("update", level("bid", "1", "1")))))
    assert sync.book.state is BookState.WAITING, "an update before the snapshot changes nothing"
    receives(*read(public, SNAPSHOT))
    changes = book(
        "update", level("bid", "68900.00", "0"), level("bid", "68899.00", "3"), level("offer", "68900.50", "1")
    )
    receives(*read(public, frame("l2_data", changes)))
    assert sync.book.bids == [("68899.00", "3")]
    assert sync.book.asks == [("68900.50", "1"), ("68901.00", "0.5")]
    sync.gap("message 9 came after 7")
    receives(*read(public, frame("l2_data", book("update", level("bid", "68899.00", "9")))))
    assert sync.book.stale and sync.book.bids == [("68899.00", "3")]
    receives(*read(public, SNAPSHOT))
    assert sync.book.bids == [("68900.00", "1.50000000")], "levels that the new snapshot does not hold are gone"


@pytest.mark.parametrize(
    "data",
    [
        frame("l2_data", book("update", level("ask", "1", "2"))),
        frame("l2_data", book("merge", level("bid", "1", "2"))),
        frame("l2_data", book("update", level("bid", "1", "2"), product="BIT-28NOV25-CDE")),
        frame("l2_data", book("update", level("bid", "1", "2")), stamp="yesterday"),
        b'{"channel":"l2_data","timestamp":"","sequence_num":3,"events":[{"type":"update"}]}',
        b'{"channel":"market_trades","sequence_num":3,"events":[{"trades":[{}]}]}',
    ],
    ids=["side", "event", "symbol", "time", "no updates", "no trade"],
)
def test_a_book_message_that_cannot_be_read_leaves_its_number_out(public: CoinbasePublic, data: bytes) -> None:
    with pytest.raises(ValueError):
        read(public, data)


# -- trades, tickers, bars ---------------------------------------------------------------------------------------------


def test_side_is_the_makers_and_the_newest_comes_first(public: CoinbasePublic) -> None:
    trades = [trade("995098701", "SELL", price="68900.51"), trade("995098700", "BUY")]
    events = {"type": "update", "trades": trades}
    assert read(public, frame("market_trades", events, number=3)) == [
        MessageNumber(3),
        Trade(
            pair="BTC-USD",
            trade_id="995098700",
            taker=Side.SELL,
            price="68900.50",
            amount="0.0015",
            exchange_ms=1_775_572_199_500,
            frame=9,
        ),
        Trade(
            pair="BTC-USD",
            trade_id="995098701",
            taker=Side.BUY,
            price="68900.51",
            amount="0.0015",
            exchange_ms=1_775_572_199_500,
            frame=9,
        ),
    ]


def test_unknown_side_of_a_trade(public: CoinbasePublic) -> None:
    events = {"type": "snapshot", "trades": [trade("1", "UNKNOWN_ORDER_SIDE")]}
    assert read(public, frame("market_trades", events))[1:] == [Unknown("maker side 'UNKNOWN_ORDER_SIDE'")]


TICKER = {
    "type": "ticker",
    "product_id": "BTC-USD",
    "price": "65086.18",
    "volume_24_h": "2867.5",
    "low_24_h": "64675.22",
    "high_24_h": "65252.99",
    "low_52_w": "57717.55",
    "high_52_w": "126296",
    "price_percent_chg_24_h": "1.85",
    "best_bid": "65083.66",
    "best_bid_quantity": "0.2",
    "best_ask": "65083.67",
    "best_ask_quantity": "0.15",
}


def test_ticker_change_is_percent_on_the_wire(public: CoinbasePublic) -> None:
    number, ticker = read(public, frame("ticker", {"type": "update", "tickers": [TICKER]}, number=11))
    assert number == MessageNumber(11)
    assert isinstance(ticker, Ticker)
    assert (ticker.pair, str(ticker.last), str(ticker.change)) == ("BTC-USD", "65086.18", "0.0185")
    assert (str(ticker.bid), str(ticker.ask), str(ticker.high)) == ("65083.66", "65083.67", "65252.99")
    assert (ticker.quote_volume, ticker.exchange_ms, ticker.frame) == (None, STAMP_MS, 9)


def test_ticker_batch_has_no_best_prices(public: CoinbasePublic) -> None:
    row = {name: value for name, value in TICKER.items() if not name.startswith("best")}
    _, ticker = read(public, frame("ticker_batch", {"type": "snapshot", "tickers": [row]}))
    assert isinstance(ticker, Ticker) and (ticker.bid, ticker.ask) == (None, None)


def test_streamed_bars_are_five_minute_ones(public: CoinbasePublic) -> None:
    bar = {"start": "1775521800", "high": "3", "low": "1", "open": "2", "close": "2.5", "volume": "7"}
    event = {"type": "update", "candles": [bar | {"product_id": "BTC-USD"}]}
    assert read(public, frame("candles", event))[1:] == [
        Candle(
            pair="BTC-USD",
            interval="5m",
            start_ms=1_775_521_800_000,
            open="2",
            high="3",
            low="1",
            close="2.5",
            volume="7",
            frame=9,
        )
    ]


def test_a_broken_ticker_harms_no_book(public: CoinbasePublic) -> None:
    effects = iter(
        public.on_message(frame("ticker", {"tickers": [{"product_id": "BTC-USD", "price": "?"}]}, number=4), 1)
    )
    assert next(effects) == MessageNumber(4)
    with pytest.raises(ValueError):
        next(effects)


# -- the connection ----------------------------------------------------------------------------------------------------


def test_beats_are_asked_for_on_every_connection(public: CoinbasePublic) -> None:
    assert sent(public.on_open(public.link_for(BOOK), STAMP_MS)) == [{"type": "subscribe", "channel": "heartbeats"}]
    assert json.loads(public.heartbeat(0)) == {"type": "subscribe", "channel": "heartbeats"}
    link = public.link_for(BOOK)
    assert (link.name, link.url, link.heartbeat_s) == ("public", "wss://advanced-trade-ws.coinbase.com", 0)
    assert link.max_message_bytes > 6_000_000, "the first book of BTC-USD has 5 MB"


def test_one_channel_a_message_and_level2_by_its_other_name(public: CoinbasePublic) -> None:
    wanted = [
        Subscription(Channel.BOOK, "BTC-USD"),
        Subscription(Channel.TRADES, "BTC-USD"),
        Subscription(Channel.BOOK, "ETH-USD"),
        Subscription(Channel.TICKER, "ETH-USD"),
        Subscription(Channel.CANDLES, "BTC-USD", "5m"),
    ]
    assert sent(public.subscribe(wanted)) == [
        {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channel": "level2"},
        {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "market_trades"},
        {"type": "subscribe", "product_ids": ["ETH-USD"], "channel": "ticker"},
        {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "candles"},
    ]
    assert sent(public.unsubscribe(wanted[:1])) == [
        {"type": "unsubscribe", "product_ids": ["BTC-USD"], "channel": "level2"}
    ]


def test_resync_asks_for_one_snapshot_again(public: CoinbasePublic) -> None:
    list(public.subscribe([BOOK]))
    assert sent(public.resync(BOOK)) == [
        {"type": "unsubscribe", "product_ids": ["BTC-USD"], "channel": "level2"},
        {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "level2"},
    ]


def test_acknowledgement_lists_all_streams(public: CoinbasePublic) -> None:
    told = {
        "level2": ["BTC-USD", "ETH-USD"],
        "candles": ["BTC-USD"],
        "heartbeats": ["heartbeats"],
        "market_trades": ["BTC-USD"],
    }
    assert read(public, frame("subscriptions", {"subscriptions": told}, number=1)) == [
        MessageNumber(1),
        Subscribed(
            (
                Subscription(Channel.BOOK, "BTC-USD"),
                Subscription(Channel.BOOK, "ETH-USD"),
                Subscription(Channel.CANDLES, "BTC-USD", "5m"),
                Subscription(Channel.TRADES, "BTC-USD"),
            )
        ),
    ]
    assert read(public, frame("subscriptions", {"subscriptions": {}}, number=2)) == [MessageNumber(2)]
    assert read(public, frame("subscriptions", {"subscriptions": {"futures": ["X"]}}))[1:] == [
        Unknown("acknowledged channel 'futures'")
    ]


def test_refusals_have_neither_channel_nor_number(public: CoinbasePublic) -> None:
    words = "too many L2 streams requested in a single session"
    assert read(public, json.dumps({"type": "error", "message": words}).encode()) == [Refused(words)]
    assert read(public, b'{"type":"error"}') == [Refused("no reason given")]


def test_what_is_new_is_unknown_and_still_counted(public: CoinbasePublic) -> None:
    assert read(public, frame("futures_news", {"x": 1}, number=8)) == [
        MessageNumber(8),
        Unknown("channel 'futures_news'"),
    ]
    assert read(public, b'{"type":"greeting"}') == [Unknown("message 'greeting'")]
    status = {"type": "snapshot", "products": [{"product_type": "SPOT", "id": "BTC-USD", "status": "online"}]}
    assert read(public, frame("status", status))[1:] == [Unknown("channel 'status'")]


def test_unknown_fields_are_ignored(public: CoinbasePublic) -> None:
    message = json.loads(SNAPSHOT)
    message["colour"] = {"deep": [1]}
    message["events"][0]["colour"] = "red"
    message["events"][0]["updates"][0]["colour"] = 7
    assert read(public, json.dumps(message).encode()) == read(public, SNAPSHOT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"channel":"ticker","events":' + b"[" * 200_000,
        b'{"channel":"l2_data","events":[],"sequence_num":"x","timestamp":""}',
        b'{"channel":"subscriptions","sequence_num":1,"events":[{"subscriptions":[]}]}',
        b'{"channel":"candles","sequence_num":1,"events":[{"candles":[{"start":"x"}]}]}',
        b'{"channel":7}',
    ],
)
def test_bad_messages_raise_value_errors_only(public: CoinbasePublic, data: bytes) -> None:
    with pytest.raises(ValueError):
        read(public, data)


# -- bars that are not streamed ----------------------------------------------------------------------------------------


def beat(number: int, stamp: str) -> bytes:
    event = {"current_time": "2026-04-07 14:30:10.0 +0000 UTC m=+91717.5", "heartbeat_counter": 42}
    return frame("heartbeats", event, number=number, stamp=stamp)


def asked(effects: Sequence[Effect]) -> list[Any]:
    return [dict(effect.call.request.params) for effect in effects if isinstance(effect, Perform)]


def test_other_bars_are_asked_for_by_the_exchanges_beat(public: CoinbasePublic) -> None:
    list(public.on_open(public.link_for(BOOK), STAMP_MS))
    assert sent(public.subscribe([Subscription(Channel.CANDLES, "BTC-USD", "1h")])) == []
    first = read(public, beat(1, "2026-04-07T14:30:00Z"))
    assert first[0] == MessageNumber(1)
    assert asked(first) == [
        {"granularity": "ONE_HOUR", "start": "1775565000", "end": "1775572200", "limit": "3"},
    ]
    assert asked(read(public, beat(2, "2026-04-07T14:30:04Z"))) == []
    assert len(asked(read(public, beat(3, "2026-04-07T14:30:05Z")))) == 1
    assert asked(read(public, beat(1, "2026-04-07T14:30:00Z"))) == [], "an old beat read again asks for nothing"
    list(public.unsubscribe([Subscription(Channel.CANDLES, "BTC-USD", "1h")]))
    assert asked(read(public, beat(4, "2026-04-07T14:31:00Z"))) == []


def test_a_recording_asks_for_nothing(public: CoinbasePublic) -> None:
    list(public.subscribe([Subscription(Channel.CANDLES, "BTC-USD", "1h")]))
    assert read(public, beat(1, STAMP)) == [MessageNumber(1)]
