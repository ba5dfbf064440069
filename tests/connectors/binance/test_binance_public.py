from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance.public import BinancePublic
from app.connectors.spec import Domain
from app.core.effects import Channel, Perform, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.types import BookDiff, Candle, Side, Ticker, Trade

BTC = "BTC-USDT"
DEPTH = {
    "e": "depthUpdate",
    "E": 1790000000123,
    "s": "BTCUSDT",
    "U": 157,
    "u": 160,
    "b": [["64000.10000000", "0.00000000"]],
    "a": [["64000.20000000", "2.50000000"]],
}
TRADE = {
    "e": "trade",
    "E": 1790000000123,
    "s": "BTCUSDT",
    "t": 12345,
    "p": "64000.1",
    "q": "0.01",
    "T": 1790000000120,
    "m": True,
    "M": True,
}
KLINE = {
    "e": "kline",
    "E": 1790000000123,
    "s": "BTCUSDT",
    "k": {
        "t": 1789999980000,
        "T": 1790000039999,
        "s": "BTCUSDT",
        "i": "1m",
        "f": 100,
        "L": 200,
        "o": "64000",
        "c": "64001",
        "h": "64002",
        "l": "63999",
        "v": "12.5",
        "n": 100,
        "x": False,
        "q": "800000",
        "V": "6",
        "Q": "400000",
        "B": "0",
    },
}
TICKER = {
    "e": "24hrTicker",
    "E": 1790000000123,
    "s": "BTCUSDT",
    "p": "951.5",
    "P": "1.51",
    "w": "63500.1",
    "c": "64000.1",
    "Q": "0.2",
    "b": "64000",
    "B": "1",
    "a": "64000.2",
    "A": "2",
    "o": "63048.6",
    "h": "65000",
    "l": "63000",
    "v": "25000.5",
    "q": "1600000000",
    "O": 1789913600123,
    "C": 1790000000123,
    "F": 1,
    "L": 2,
    "n": 2,
}


def combined(stream: str, event: Any) -> bytes:
    return json.dumps({"stream": stream, "data": event}).encode()


def raw(event: Any) -> bytes:
    return json.dumps(event).encode()


def sent(effects: Any) -> list[Any]:
    return [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]


# -- events ------------------------------------------------------------------------------------------------------------


def test_a_change_names_the_range_of_ids_it_holds(public: BinancePublic) -> None:
    expected = [
        BookDiff(
            pair=BTC,
            bids=[("64000.10000000", "0.00000000")],
            asks=[("64000.20000000", "2.50000000")],
            last_id=160,
            first_id=157,
            exchange_ms=1790000000123,
            frame=4,
        )
    ]
    assert list(public.on_message(combined("btcusdt@depth@100ms", DEPTH), 4)) == expected
    assert list(public.on_message(raw(DEPTH), 4)) == expected


def test_one_price_has_one_spelling(public: BinancePublic) -> None:
    """The sheet's own example of a change spells the price of its snapshot example with 2 decimals."""
    bids = [["64000.10", "0.00000000"], ["64000", "1"], ["63999.123456789", "1"], ["63999.000000000", "1"]]
    (diff,) = public.on_message(raw({**DEPTH, "b": bids}), 4)
    assert isinstance(diff, BookDiff)
    assert [price for price, _ in diff.bids] == [
        "64000.10000000",
        "64000.00000000",
        "63999.123456789",
        "63999.00000000",
    ]


def test_a_maker_buyer_means_that_the_aggressor_sold(public: BinancePublic) -> None:
    trade = Trade(
        pair=BTC,
        trade_id="12345",
        taker=Side.SELL,
        price="64000.1",
        amount="0.01",
        exchange_ms=1790000000120,
        frame=5,
    )
    assert list(public.on_message(combined("btcusdt@trade", TRADE), 5)) == [trade]
    assert list(public.on_message(raw(TRADE), 5)) == [trade]
    (bought,) = public.on_message(raw({**TRADE, "m": False}), 5)
    assert isinstance(bought, Trade)
    assert bought.taker is Side.BUY


def test_aggregate_trades_are_numbered_apart(public: BinancePublic) -> None:
    event = {name: value for name, value in TRADE.items() if name != "t"} | {"e": "aggTrade", "a": 7, "f": 1, "l": 3}
    (trade,) = public.on_message(combined("btcusdt@aggTrade", event), 5)
    assert isinstance(trade, Trade)
    assert (trade.trade_id, trade.taker) == ("a7", Side.SELL)


def test_candle(public: BinancePublic) -> None:
    assert list(public.on_message(combined("btcusdt@kline_1m", KLINE), 8)) == [
        Candle(
            pair=BTC,
            interval="1m",
            start_ms=1789999980000,
            open="64000",
            high="64002",
            low="63999",
            close="64001",
            volume="12.5",
            frame=8,
        )
    ]


def test_ticker_change_is_a_fraction(public: BinancePublic) -> None:
    assert list(public.on_message(combined("btcusdt@ticker", TICKER), 6)) == [
        Ticker(
            pair=BTC,
            last=Decimal("64000.1"),
            bid=Decimal(64000),
            ask=Decimal("64000.2"),
            open=Decimal("63048.6"),
            high=Decimal(65000),
            low=Decimal(63000),
            change=Decimal("0.0151"),
            base_volume=Decimal("25000.5"),
            quote_volume=Decimal(1600000000),
            exchange_ms=1790000000123,
            frame=6,
        )
    ]


def test_unknown_fields_are_ignored(public: BinancePublic) -> None:
    for event in (DEPTH, TRADE, KLINE, TICKER):
        novel = {**event, "novel": {"a": [1]}}
        assert public.on_message(combined("s", novel), 4) == public.on_message(combined("s", event), 4)
        assert public.on_message(raw(novel), 4) == public.on_message(raw(event), 4)


def test_reading_an_old_frame_again_gives_the_same(public: BinancePublic) -> None:
    first = public.on_message(raw(DEPTH), 4)
    public.on_message(raw({**DEPTH, "U": 161, "u": 170}), 5)
    assert public.on_message(raw(DEPTH), 4) == first


def test_the_end_of_the_connection_is_announced(public: BinancePublic) -> None:
    event = {"e": "serverShutdown", "E": 1790000000123}
    for data in (raw(event), combined("!serverShutdown", event)):
        (effect,) = public.on_message(data, 1)
        assert isinstance(effect, Reconnect)


PARTIAL = {"lastUpdateId": 160, "bids": [["64000.1", "1"]], "asks": [["64000.2", "1"]]}
BOOK_TICKER = {"u": 400900217, "s": "BNBUSDT", "b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"}


@pytest.mark.parametrize(
    "data",
    [
        combined("btcusdt@depth5", PARTIAL),
        combined("btcusdt@depth20@100ms", PARTIAL),
        combined("bnbusdt@bookTicker", BOOK_TICKER),
        combined("!miniTicker@arr", [{"e": "24hrMiniTicker", "s": "BTCUSDT", "c": "1"}]),
        combined("btcusdt@referencePrice", {"e": "referencePrice", "s": "BTCUSDT"}),
        raw(PARTIAL),
        raw(BOOK_TICKER),
        raw({"e": "novelty"}),
        raw({"hello": 1}),
    ],
)
def test_what_is_not_understood_is_said(public: BinancePublic, data: bytes) -> None:
    (effect,) = public.on_message(data, 1)
    assert isinstance(effect, Unknown)
    assert effect.reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[1]",
        b'{"stream":"x","data":' + b"[" * 100_000,
        b'{"stream":"x","data":{"e":"depthUpdate","novel":' + b"[" * 100_000,
        b'{"e":"novelty","x":' + b"[" * 100_000,
        b'{"stream":"btcusdt@depth"',
        combined("btcusdt@depth@100ms", {"e": "depthUpdate", "s": "BTCUSDT"}),
        combined("btcusdt@depth@100ms", {**DEPTH, "u": "160"}),
        combined("x@depth@100ms", {**DEPTH, "s": "NOBODYKNOWS"}),
        raw({"e": "trade", "s": "BTCUSDT"}),
        raw(DEPTH).replace(b"BTCUSDT", b"\xff\xfe"),
        combined("btcusdt@trade", {**TRADE, "m": "yes"}),
        combined("btcusdt@ticker", {**TICKER, "c": "much"}),
        combined("btcusdt@ticker", {**TICKER, "c": "NaN"}),
        combined("btcusdt@kline_1m", {"e": "kline", "k": {}}),
    ],
)
def test_what_cannot_be_read_raises_value_error(public: BinancePublic, data: bytes) -> None:
    with pytest.raises(ValueError):
        list(public.on_message(data, 1))


# -- subscriptions -----------------------------------------------------------------------------------------------------


def test_all_streams_go_into_one_message_in_lower_case(public: BinancePublic) -> None:
    wishes = [
        Subscription(Channel.BOOK, BTC),
        Subscription(Channel.TRADES, BTC),
        Subscription(Channel.TICKER, "BNB-BTC"),
        Subscription(Channel.CANDLES, BTC, "1M"),
        Subscription(Channel.CANDLES, BTC, "1m"),
    ]
    (message,) = sent(public.subscribe(wishes))
    assert message["method"] == "SUBSCRIBE"
    assert message["params"] == [
        "btcusdt@depth@100ms",
        "btcusdt@trade",
        "bnbbtc@ticker",
        "btcusdt@kline_1M",
        "btcusdt@kline_1m",
    ]
    assert 0 <= message["id"] < 1 << 63
    (gone,) = sent(public.unsubscribe(wishes[:1]))
    assert (gone["method"], gone["params"]) == ("UNSUBSCRIBE", ["btcusdt@depth@100ms"])
    assert gone["id"] != message["id"]
    assert list(public.subscribe([])) == []


def test_the_book_is_asked_for_when_its_stream_is_confirmed_and_not_before(public: BinancePublic) -> None:
    wishes = (Subscription(Channel.BOOK, BTC), Subscription(Channel.TRADES, BTC))
    effects = list(public.subscribe(wishes))
    assert [type(effect) for effect in effects] == [Send]
    (message,) = sent(effects)
    subscribed, perform = public.on_message(raw({"result": None, "id": message["id"]}), 3)
    assert subscribed == Subscribed(wishes)
    assert isinstance(perform, Perform)
    request = perform.call.request
    assert (request.path, request.params) == ("/api/v3/depth", (("symbol", "BTCUSDT"), ("limit", "1000")))
    assert {weight.bucket: weight.units for weight in request.weights} == {"weight-1m": 50, "book-snapshots": 50}


def test_confirmations_of_others_say_nothing(public: BinancePublic) -> None:
    (message,) = sent(public.unsubscribe([Subscription(Channel.BOOK, BTC)]))
    assert list(public.on_message(raw({"result": None, "id": message["id"]}), 3)) == []
    assert list(public.on_message(raw({"result": None, "id": 1}), 3)) == []
    assert list(public.on_message(raw({"result": ["btcusdt@trade"], "id": "x"}), 3)) == []


def test_a_refused_subscription_names_its_streams(public: BinancePublic) -> None:
    wish = Subscription(Channel.BOOK, BTC)
    (message,) = sent(public.subscribe([wish]))
    bare = {"code": 2, "msg": "Invalid request: unknown", "id": message["id"]}
    wrapped = {"error": {"code": 2, "msg": "Invalid request: unknown"}, "id": message["id"]}
    for error in (bare, wrapped):
        assert list(public.on_message(raw(error), 3)) == [Refused("Invalid request: unknown", (wish,))]
    assert list(public.on_message(raw({**bare, "id": 5}), 3)) == [Refused("Invalid request: unknown")]
    assert list(public.on_message(raw({"code": 3, "id": None}), 3)) == [Refused("error 3")]


def test_every_interval_of_the_sheet(public: BinancePublic) -> None:
    assert list(public.intervals) == "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split()


def test_the_connection(public: BinancePublic) -> None:
    link = public.link_for(Subscription(Channel.BOOK, BTC))
    assert link.url == "wss://stream.binance.com:9443/stream"
    assert (link.name, link.lifetime_s, link.heartbeat_s) == ("public", 86_400, 0)
    assert list(public.on_open(link, 0)) == []


# -- names -------------------------------------------------------------------------------------------------------------


def test_before_the_market_list_a_symbol_is_split_before_its_quote(fresh_domain: Domain) -> None:
    public = BinancePublic(fresh_domain)
    for symbol, pair in [
        ("BTCUSDT", "BTC-USDT"),
        ("WBTCBTC", "WBTC-BTC"),
        ("BTCFDUSD", "BTC-FDUSD"),
        ("USDTTRY", "USDT-TRY"),
    ]:
        (trade,) = public.on_message(raw({**TRADE, "s": symbol}), 1)
        assert isinstance(trade, Trade)
        assert trade.pair == pair


def test_a_pair_we_asked_for_is_known_by_its_symbol(fresh_domain: Domain) -> None:
    public = BinancePublic(fresh_domain)
    (message,) = sent(public.subscribe([Subscription(Channel.TRADES, "这是测试币-456")]))
    assert message["params"] == ["这是测试币456@trade"]
    (trade,) = public.on_message(raw({**TRADE, "s": "这是测试币456"}), 1)
    assert isinstance(trade, Trade)
    assert trade.pair == "这是测试币-456"


def test_what_is_no_pair_is_refused(public: BinancePublic) -> None:
    for pair in ("BTCUSDT", "-USDT", "BTC-", ""):
        with pytest.raises(ValueError, match="not a pair"):
            public.get_snapshot(pair)
