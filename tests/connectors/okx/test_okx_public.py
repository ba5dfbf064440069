from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.okx.protocol import PairOf
from app.connectors.okx.public import OkxPublic
from app.core.effects import Channel, Effect, Pong, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.requests import Response, VenueError
from app.core.types import BookSnapshot, Candle, MarketStatus, OrderType, Side, Ticker, TimeInForce, Trade

Reply = Callable[..., Response]

TRADE_ROW = {
    "instId": "BTC-USDT",
    "tradeId": "130639474",
    "px": "42219.9",
    "sz": "0.12060306",
    "side": "buy",
    "ts": "1630048897897",
    "count": "3",
}
TICKER_ROW = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "last": "9999.99",
    "lastSz": "0.1",
    "askPx": "10000",
    "askSz": "11",
    "bidPx": "9999.9",
    "bidSz": "5",
    "open24h": "9000",
    "high24h": "10100",
    "low24h": "8888.88",
    "volCcy24h": "22220000",
    "vol24h": "2222",
    "sodUtc0": "9100",
    "sodUtc8": "9200",
    "ts": "1790000000085",
}
INSTRUMENT = json.loads(
    """{"alias":"","auctionEndTime":"","baseCcy":"BTC","category":"1","contTdSwTime":"1704876947000","ctMult":"",
 "ctType":"","ctVal":"","ctValCcy":"","expTime":"","futureSettlement":false,"groupId":"1","instFamily":"",
 "instId":"BTC-USDT","instIdCode":10000,"instType":"SPOT","lever":"10","listTime":"1606468572000",
 "lotSz":"0.00000001","maxIcebergSz":"9999999999","maxLmtAmt":"20000000","maxLmtSz":"9999999999",
 "maxMktAmt":"1000000","maxMktSz":"1000000","maxStopSz":"1000000","maxTriggerSz":"9999999999",
 "maxTwapSz":"9999999999","minSz":"0.00001","openType":"call_auction","optType":"","quoteCcy":"USDT",
 "tradeQuoteCcyList":["USDT"],"settleCcy":"","state":"live","ruleType":"normal","stk":"","tickSz":"0.1","uly":""}"""
)


def data(channel: str, *rows: Any, instrument: str = "BTC-USDT") -> bytes:
    message = {"arg": {"channel": channel, "instId": instrument}, "data": rows}
    return json.dumps(message, separators=(",", ":")).encode()


def sent(effects: Iterable[Effect]) -> list[Any]:
    return [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]


# -- the sockets -------------------------------------------------------------------------------------------------------


def test_trade_has_the_takers_side_and_base_amount(public: OkxPublic) -> None:
    assert list(public.on_message(data("trades", TRADE_ROW), 5)) == [
        Trade(
            pair="BTC-USDT",
            trade_id="130639474",
            taker=Side.BUY,
            price="42219.9",
            amount="0.12060306",
            exchange_ms=1630048897897,
            frame=5,
        )
    ]


def test_ticker_counts_base_and_quote(public: OkxPublic) -> None:
    assert list(public.on_message(data("tickers", TICKER_ROW), 6)) == [
        Ticker(
            pair="BTC-USDT",
            last=Decimal("9999.99"),
            bid=Decimal("9999.9"),
            ask=Decimal("10000"),
            open=Decimal("9000"),
            high=Decimal("10100"),
            low=Decimal("8888.88"),
            change=Decimal("999.99") / 9000,
            base_volume=Decimal("2222"),
            quote_volume=Decimal("22220000"),
            exchange_ms=1790000000085,
            frame=6,
        )
    ]


def test_candle_takes_pair_and_interval_from_the_channel(public: OkxPublic) -> None:
    row = ["1790000000000", "41006", "41100", "40900", "41050", "1.5", "61575", "61575", "0"]
    for channel, interval in (("candle1m", "1m"), ("candle1Dutc", "1d"), ("candle4H", "4h")):
        assert list(public.on_message(data(channel, row), 8)) == [
            Candle(
                pair="BTC-USDT",
                interval=interval,
                start_ms=1790000000000,
                open="41006",
                high="41100",
                low="40900",
                close="41050",
                volume="1.5",
                frame=8,
            )
        ]


def test_candles_have_a_socket_of_their_own(public: OkxPublic) -> None:
    book, candles = Subscription(Channel.BOOK, "BTC-USDT"), Subscription(Channel.CANDLES, "BTC-USDT", "1m")
    assert public.link_for(book).url == "wss://ws.okx.com:8443/ws/v5/public"
    assert public.link_for(candles).url == "wss://ws.okx.com:8443/ws/v5/business"
    assert public.link_for(book).name != public.link_for(candles).name
    assert list(public.on_open(public.link_for(candles), 0)) == []


def test_bars_of_a_day_begin_by_utc(public: OkxPublic) -> None:
    assert list(public.intervals) == "1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 2d 3d 1w 1M 3M".split()
    wishes = [Subscription(Channel.CANDLES, "BTC-USDT", interval) for interval in public.intervals]
    (message,) = sent(public.subscribe(wishes))
    channels = [arg["channel"] for arg in message["args"]]
    assert channels[:6] == ["candle1m", "candle3m", "candle5m", "candle15m", "candle30m", "candle1H"]
    assert channels[8:] == [f"candle{bar}utc" for bar in "6H 12H 1D 2D 3D 1W 1M 3M".split()]
    for wish, channel in zip(wishes, channels, strict=True):
        ack = {"event": "subscribe", "arg": {"channel": channel, "instId": "BTC-USDT"}, "connId": "a4d3ae55"}
        assert list(public.on_message(json.dumps(ack).encode(), 1)) == [Subscribed((wish,))]


def test_subscription_as_the_sheet_has_it(public: OkxPublic) -> None:
    wishes = [
        Subscription(Channel.BOOK, "BTC-USDT"),
        Subscription(Channel.TRADES, "BTC-USDT"),
        Subscription(Channel.TICKER, "ETH-USDT"),
    ]
    args = [
        {"channel": "books", "instId": "BTC-USDT"},
        {"channel": "trades", "instId": "BTC-USDT"},
        {"channel": "tickers", "instId": "ETH-USDT"},
    ]
    assert sent(public.subscribe(wishes)) == [{"op": "subscribe", "args": args}]
    assert sent(public.unsubscribe(wishes)) == [{"op": "unsubscribe", "args": args}]


def test_a_long_subscription_stays_below_64_kilobytes(public: OkxPublic) -> None:
    wishes = [Subscription(Channel.BOOK, f"LONGTOKEN{number}-USDT") for number in range(1_500)]
    frames = [effect.payload for effect in public.subscribe(wishes) if isinstance(effect, Send)]
    assert max(len(frame) for frame in frames) < 64 * 1024
    assert sum(len(json.loads(frame)["args"]) for frame in frames) == 1_500


def test_acknowledgements(public: OkxPublic) -> None:
    ack = b'{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}'
    assert list(public.on_message(ack, 1)) == [Subscribed((Subscription(Channel.BOOK, "BTC-USDT"),))]
    assert list(public.on_message(ack.replace(b"subscribe", b"unsubscribe"), 1)) == []


def test_an_acknowledgement_spelled_like_data(public: OkxPublic) -> None:
    ack = b'{"arg":{"channel":"trades","instId":"BTC-USDT"},"event":"subscribe"}'
    assert list(public.on_message(ack, 1)) == [Subscribed((Subscription(Channel.TRADES, "BTC-USDT"),))]


def test_ping_is_bare_text_and_pong_is_not_json(public: OkxPublic) -> None:
    assert public.heartbeat(0) == b"ping"
    assert 0 < public.link_for(Subscription(Channel.BOOK, "BTC-USDT")).heartbeat_s < 30
    assert list(public.on_message(b"pong", 1)) == [Pong()]


def test_errors_keep_the_exchanges_words(public: OkxPublic) -> None:
    error = b'{"event":"error","code":"60018","msg":"Wrong URL or channel","connId":"a4d3ae55"}'
    assert list(public.on_message(error, 1)) == [Refused("Wrong URL or channel")]
    named = error.replace(b'"code"', b'"arg":{"channel":"books","instId":"X-Y"},"code"')
    assert list(public.on_message(named, 1)) == [Refused("Wrong URL or channel", (Subscription(Channel.BOOK, "X-Y"),))]


@pytest.mark.parametrize(
    "message",
    [
        {"event": "notice", "code": "64008", "msg": "The service will be upgraded. Please reconnect.", "connId": "1"},
        {"event": "error", "code": "60014", "msg": "Requests too frequent", "connId": "1"},
        {"event": "error", "code": "63999", "msg": "Internal system error", "connId": "1"},
        {"event": "error", "code": "60015", "msg": "", "connId": "1"},
    ],
)
def test_what_a_new_connection_may_mend(public: OkxPublic, message: dict[str, str]) -> None:
    (effect,) = public.on_message(json.dumps(message).encode(), 1)
    assert isinstance(effect, Reconnect)
    assert effect.reason == (message["msg"] or "no data for 30 s")


def test_connection_counts(public: OkxPublic) -> None:
    count = b'{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}'
    assert list(public.on_message(count, 1)) == []
    (effect,) = public.on_message(count.replace(b"conn-count", b"conn-count-error"), 1)
    assert isinstance(effect, Refused)


@pytest.mark.parametrize(
    "message",
    [
        data("novelty", {}),
        data("books5", {"asks": [], "bids": []}),
        data("trades", {**TRADE_ROW, "side": "swap"}),
        b'{"event":"novelty"}',
        b'{"event":"notice","code":"1","msg":"?"}',
        b'{"event":"subscribe","arg":{"channel":"instruments","instType":"SPOT"}}',
        b'{"hello":1}',
        b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"merge","data":[]}',
    ],
)
def test_what_is_not_understood_is_said(public: OkxPublic, message: bytes) -> None:
    (effect,) = public.on_message(message, 1)
    assert isinstance(effect, Unknown)
    assert effect.reason


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"<html>",
        b"[1]",
        b"pong pong",
        b'{"arg":{"channel":"books","instId":"BTC-USDT"},"data":' + b"[" * 100_000,
        b'{"arg":{"channel":"books","instId":"BTC-USDT"},"novel":' + b"[" * 100_000,
        b'{"novel":' + b"[" * 100_000,
        b'{"arg":{"channel":"books"',
        b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[]}]}',
        b'{"arg":{"channel":"books","instId":"BTCUSDT"},"action":"update","data":[]}',
        b'{"arg":{"channel":"books","instId":"BTC-USDT-SWAP"},"action":"update","data":[]}',
        b'{"arg":{"channel":"books","instId":"\xff-USDT"},"action":"update","data":[]}',
        data("trades", {**TRADE_ROW, "ts": "soon"}),
        data("trades", {**TRADE_ROW, "px": 1}),
        data("tickers", {**TICKER_ROW, "last": "much"}),
        data("tickers", {**TICKER_ROW, "last": "NaN"}),
        data("candle1m", ["1"]),
        data("candle1m", ["x"] * 9),
    ],
)
def test_what_cannot_be_read_raises_value_error(public: OkxPublic, message: bytes) -> None:
    with pytest.raises(ValueError):
        list(public.on_message(message, 1))


def test_symbols_of_any_script(public: OkxPublic) -> None:
    row = {**TRADE_ROW, "instId": "索拉拉-USDT"}
    (trade,) = public.on_message(data("trades", row, instrument="索拉拉-USDT"), 1)
    assert isinstance(trade, Trade)
    assert trade.pair == "索拉拉-USDT"


# -- REST --------------------------------------------------------------------------------------------------------------


def test_trading_rules(public: OkxPublic, reply: Reply) -> None:
    call = public.get_trading_rules()
    assert (call.request.method, call.request.path, call.request.signed) == ("GET", "/api/v5/public/instruments", False)
    assert call.request.params == (("instType", "SPOT"),)
    (rule,) = call.parse(reply([INSTRUMENT]))
    assert (rule.pair, rule.symbol, rule.base, rule.quote) == ("BTC-USDT", "BTC-USDT", "BTC", "USDT")
    assert (rule.min_price_increment, rule.min_base_amount_increment) == (Decimal("0.1"), Decimal("0.00000001"))
    assert (rule.min_order_size, rule.max_order_size) == (Decimal("0.00001"), Decimal("9999999999"))
    assert (rule.min_notional_size, rule.max_notional_size) == (Decimal(0), Decimal("20000000"))
    assert {OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT} <= rule.order_types
    assert OrderType.TRAILING_STOP not in rule.order_types
    assert rule.times_in_force == frozenset(TimeInForce)
    assert rule.market_buy_by_quote
    assert (rule.status, rule.venue_status, rule.frame) == (MarketStatus.TRADING, "live", 7)


def test_caps_in_dollars_are_taken_for_dollar_markets_only(public: OkxPublic, reply: Reply) -> None:
    (rule,) = public.get_trading_rules().parse(reply([{**INSTRUMENT, "instId": "ETH-BTC", "quoteCcy": "BTC"}]))
    assert rule.max_notional_size is None


def test_empty_strings_are_no_numbers(public: OkxPublic, reply: Reply) -> None:
    unopened = {**INSTRUMENT, "state": "preopen", "tickSz": "", "maxLmtSz": "", "maxLmtAmt": ""}
    (rule,) = public.get_trading_rules().parse(reply([unopened]))
    assert (rule.max_order_size, rule.max_notional_size, rule.status) == (None, None, MarketStatus.CLOSED)
    never_traded = {**TICKER_ROW, "last": "", "open24h": "", "bidPx": ""}
    quiet = {**TICKER_ROW, "instId": "A-B", "open24h": "", "bidPx": "", "ts": ""}
    (ticker,) = public.get_tickers().parse(reply([never_traded, quiet]))
    assert (ticker.pair, ticker.open, ticker.change, ticker.bid) == ("A-B", None, None, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("live", MarketStatus.TRADING),
        ("post_only", MarketStatus.POST_ONLY),
        ("suspend", MarketStatus.HALTED),
        ("preopen", MarketStatus.CLOSED),
        ("test", MarketStatus.CLOSED),
        ("rebase", MarketStatus.CLOSED),
        ("novelty", MarketStatus.CLOSED),
    ],
)
def test_market_states(public: OkxPublic, reply: Reply, word: str, status: MarketStatus) -> None:
    (rule,) = public.get_trading_rules().parse(reply([{**INSTRUMENT, "state": word}]))
    assert (rule.status, rule.venue_status) == (status, word)


def test_book_over_rest(public: OkxPublic, reply: Reply) -> None:
    call = public.get_snapshot("BTC-USDT")
    row = {
        "asks": [["41006.8", "0.60038921", "0", "1"]],
        "bids": [["41006.3", "0.30178218", "0", "2"]],
        "ts": "1629966436396",
    }
    assert call.request.path == "/api/v5/market/books"
    assert call.parse(reply([row])) == BookSnapshot(
        pair="BTC-USDT",
        bids=[("41006.3", "0.30178218")],
        asks=[("41006.8", "0.60038921")],
        last_id=None,
        depth=400,
        exchange_ms=1629966436396,
        frame=7,
    )
    assert call.parse(reply([{**row, "seqId": 11}])).last_id == 11
    with pytest.raises(ValueError):
        call.parse(reply([]))


@pytest.mark.parametrize(("depth", "size"), [(0, "400"), (1, "1"), (25, "25"), (400, "400"), (5_000, "400")])
def test_depth_is_always_asked_for(public: OkxPublic, depth: int, size: str) -> None:
    assert dict(public.get_snapshot("BTC-USDT", depth).request.params) == {"instId": "BTC-USDT", "sz": size}


def test_trades_over_rest_come_oldest_first(public: OkxPublic, reply: Reply) -> None:
    call = public.get_trades("BTC-USDT")
    older = {**TRADE_ROW, "tradeId": "130639473", "side": "sell"}
    trades = call.parse(reply([TRADE_ROW, older]))
    assert (call.request.path, dict(call.request.params)) == (
        "/api/v5/market/trades",
        {"instId": "BTC-USDT", "limit": "500"},
    )
    assert [(trade.trade_id, trade.taker) for trade in trades] == [("130639473", Side.SELL), ("130639474", Side.BUY)]


def test_candles_over_rest_are_turned_round(public: OkxPublic, reply: Reply) -> None:
    call = public.get_candles("BTC-USDT", "1d")
    assert call.request.path == "/api/v5/market/candles"
    assert dict(call.request.params) == {"instId": "BTC-USDT", "bar": "1Dutc", "limit": "300"}
    newest = ["1790000060000", "3", "4", "2", "3.5", "10", "35", "35", "0"]
    before = ["1790000000000", "1", "3", "1", "3", "11", "22", "22", "1"]
    bars = call.parse(reply([newest, before]))
    assert [bar.start_ms for bar in bars] == [1790000000000, 1790000060000]
    assert (bars[1].open, bars[1].high, bars[1].low, bars[1].close, bars[1].volume) == ("3", "4", "2", "3.5", "10")


def test_older_candles_come_from_the_history(public: OkxPublic) -> None:
    request = public.get_candles("BTC-USDT", "1h", end_ms=1_790_000_000_000).request
    assert request.path == "/api/v5/market/history-candles"
    assert dict(request.params) == {"instId": "BTC-USDT", "bar": "1H", "after": "1790000000001", "limit": "100"}


def test_tickers_and_time(public: OkxPublic, reply: Reply) -> None:
    (ticker,) = public.get_tickers().parse(reply([TICKER_ROW]))
    assert (ticker.pair, ticker.last, ticker.frame) == ("BTC-USDT", Decimal("9999.99"), 7)
    assert public.get_server_time().parse(reply([{"ts": "1790000000123"}])) == 1790000000123


def test_a_refused_question_raises_the_exchanges_words(public: OkxPublic, reply: Reply) -> None:
    with pytest.raises(VenueError) as caught:
        public.get_trades("X-Y").parse(reply('{"code":"51001","msg":"Instrument ID does not exist","data":[]}'))
    assert (caught.value.code, caught.value.words) == ("51001", "Instrument ID does not exist")


def test_names_made_up_without_end_do_not_fill_the_memory() -> None:
    pairs = PairOf()
    for number in range(45_000):
        assert pairs[f"A{number}-USDT"] == f"A{number}-USDT"
    assert len(pairs) <= 20_000
