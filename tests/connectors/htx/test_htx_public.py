"""HTX market data besides books: names, frames, subscriptions and REST."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec import DecodeError

from app.connectors.htx import SPEC
from app.connectors.htx.public import HtxPublic
from app.core.effects import Channel, Refused, Send, Subscribed, Subscription, Unknown
from app.core.trading_rule import OrderDraft, check
from app.core.types import BookSnapshot, Candle, MarketStatus, OrderType, Side, Ticker, TimeInForce, Trade
from tests.connectors.htx.conftest import Reply, packed

D = Decimal
BTC_ROW: dict[str, Any] = json.loads(
    """{"symbol":"btcusdt","state":"online","bc":"btc","qc":"usdt","pp":2,"ap":6,"sp":"main","vp":8,"minoa":0.0001,
    "maxoa":1000,"minov":10,"lominoa":0.0001,"lomaxoa":1000,"lomaxba":1000,"lomaxsa":1000,"smminoa":0.0001,
    "smmaxoa":100,"bmmaxov":1000000,"blmlt":1.1,"slmgt":0.9,"msormlt":0.1,"mbormlt":0.1,"maxov":2500,"at":"enabled",
    "tags":"activities"}"""
)
TRADE = (
    '{"ch":"market.btcusdt.trade.detail","ts":1630994963175,"tick":{"id":137005445109,"ts":1630994963173,"data":['
    '{"id":137005445109359286410323766,"ts":1630994963173,"tradeId":102523573486,"amount":0.006754,"price":52648.62,'
    '"direction":"buy"}]}}'
)


def sent(effects: Any) -> list[Any]:
    return [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]


# -- the sockets -------------------------------------------------------------------------------------------------------


def test_a_ping_is_answered_with_its_own_number(public: HtxPublic) -> None:
    assert sent(public.on_message(packed('{"ping":1492420473027}'), 1)) == [{"pong": 1492420473027}]


def test_a_trade_by_its_short_id_and_the_takers_side(public: HtxPublic) -> None:
    expected = Trade(
        pair="BTC-USDT",
        trade_id="102523573486",
        taker=Side.BUY,
        price="52648.62",
        amount="0.006754",
        exchange_ms=1630994963173,
        frame=3,
    )
    assert list(public.on_message(packed(TRADE), 3)) == [expected]
    assert list(public.on_message(TRADE.encode(), 3)) == [expected], "an uncompressed frame reads the same"
    strange = TRADE.replace('"buy"', '"up"')
    assert list(public.on_message(packed(strange), 3)) == [Unknown("a trade with direction 'up'")]


def test_candles_begin_at_their_id_in_seconds(public: HtxPublic) -> None:
    frame = (
        '{"ch":"market.btcusdt.kline.60min","ts":1489474082831,"tick":{"id":1489464480,"amount":1.5,"count":2,'
        '"open":7962.62,"close":7962.0,"low":7962.62,"high":7963.50,"vol":3.3}}'
    )
    assert list(public.on_message(packed(frame), 3)) == [
        Candle(
            pair="BTC-USDT",
            interval="1h",
            start_ms=1489464480000,
            open="7962.62",
            high="7963.5",
            low="7962.62",
            close="7962",
            volume="1.5",
            frame=3,
        )
    ]


def test_ticker(public: HtxPublic) -> None:
    frame = (
        '{"ch":"market.btcusdt.ticker","ts":1630982370526,"tick":{"open":50000,"high":52700.0,"low":49000,"close":51000,'
        '"amount":2,"vol":100000.5,"count":9,"bid":"50999.9","bidSize":1,"ask":51000.1,"askSize":2,"lastPrice":51000,'
        '"lastSize":0.1}}'
    )
    assert list(public.on_message(packed(frame), 3)) == [
        Ticker(
            pair="BTC-USDT",
            last=D(51000),
            bid=D("50999.9"),
            ask=D("51000.1"),
            open=D(50000),
            high=D("52700.0"),
            low=D(49000),
            change=D("0.02"),
            base_volume=D(2),
            quote_volume=D("100000.5"),
            exchange_ms=1630982370526,
            frame=3,
        )
    ]


def test_whole_books_replace(public: HtxPublic) -> None:
    frame = packed('{"ch":"market.btcusdt.depth.step0","ts":2,"tick":{"ts":1,"version":7,"bids":[[1.50,2]],"asks":[]}}')
    assert list(public.on_message(frame, 3)) == [
        BookSnapshot(pair="BTC-USDT", bids=[("1.5", "2")], asks=[], last_id=7, exchange_ms=1, frame=3)
    ]


def test_each_topic_has_a_frame_and_a_socket_of_its_own(public: HtxPublic) -> None:
    book, trades = Subscription(Channel.BOOK, "BTC-USDT"), Subscription(Channel.TRADES, "ETH-USDT")
    candles, ticker = Subscription(Channel.CANDLES, "BTC-USDT", "1m"), Subscription(Channel.TICKER, "BTC-USDT")
    assert sent(public.subscribe([book, trades, candles, ticker])) == [
        {"sub": "market.btcusdt.mbp.150", "id": "1"},
        {"sub": "market.ethusdt.trade.detail", "id": "2"},
        {"sub": "market.btcusdt.kline.1min", "id": "3"},
        {"sub": "market.btcusdt.ticker", "id": "4"},
    ]
    assert sent(public.unsubscribe([trades])) == [{"unsub": "market.ethusdt.trade.detail", "id": "5"}]
    assert public.link_for(book).url == "wss://api.huobi.pro/feed"
    assert {public.link_for(one).url for one in (trades, candles, ticker)} == {"wss://api.huobi.pro/ws"}
    for one, topic in ((trades, "market.ethusdt.trade.detail"), (candles, "market.btcusdt.kline.1min")):
        ack = packed({"id": "1", "status": "ok", "subbed": topic, "ts": 1489474081631})
        assert list(public.on_message(ack, 1)) == [Subscribed((one,))]
    assert list(public.on_message(packed({"id": "5", "status": "ok", "unsubbed": "market.ethusdt.ticker"}), 1)) == []


def test_a_refusal_is_told_by_the_number_of_our_request(public: HtxPublic) -> None:
    wanted = Subscription(Channel.BOOK, "LINK-USDT")
    list(public.subscribe([wanted]))
    error = {
        "ts": 1586323747018,
        "status": "error",
        "err-code": "bad-request",
        "err-msg": "invalid mbp.150.symbol linkusdt",
    }
    assert list(public.on_message(packed({**error, "id": "1"}), 1)) == [
        Refused("invalid mbp.150.symbol linkusdt", (wanted,))
    ]
    assert list(public.on_message(packed({**error, "id": "77"}), 1)) == [Refused("invalid mbp.150.symbol linkusdt")]


@pytest.mark.parametrize(
    "message",
    [
        {"ch": "market.btcusdt.novel", "ts": 1, "tick": {}},
        {"ch": "market.btcusdt.kline.7min", "ts": 1, "tick": {}},
        {"ch": "market.btcusdt.mbp.5", "ts": 1, "tick": {"seqNum": 2, "prevSeqNum": 1}},
        {"rep": "market.btcusdt.kline.1min", "status": "ok", "data": []},
        {"status": "ok", "subbed": "market.btcusdt.novel"},
        {"unheard": "of"},
    ],
)
def test_what_is_not_known_is_said(public: HtxPublic, message: dict[str, Any]) -> None:
    (effect,) = public.on_message(packed(message), 1)
    assert isinstance(effect, Unknown)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"\x1f\x8b",
        b"\x1f\x8b\x08\x00broken",
        packed(TRADE)[:-9],
        packed(TRADE) + b"more",
        packed("[" * 50_000),
        packed('{"ch":"market.btcusdt.mbp.150","tick":' + "[" * 50_000),
        packed('{"ch":"nonsense","tick":{}}'),
        packed('{"ch":"market.btcusdt.trade.detail","tick":{"data":[{}]}}'),
        packed(
            '{"ch":"market.btcusdt.trade.detail","tick":{"data":[{"ts":1,"amount":1,"price":1,"direction":"buy"}]}}'
        ),
        packed('{"ch":"market.whoknows.ticker","ts":1,"tick":{"close":1}}'),
    ],
)
def test_what_cannot_be_read_raises_and_nothing_else(public: HtxPublic, data: bytes) -> None:
    with pytest.raises((DecodeError, ValueError)):
        list(public.on_message(data, 1))


def test_a_frame_that_inflates_without_end_is_refused(public: HtxPublic) -> None:
    with pytest.raises(ValueError, match="too large"):
        list(public.on_message(packed(" " * (17 << 20)), 1))


def test_sockets_of_a_twin() -> None:
    assert SPEC.sockets_of_twin("ws://127.0.0.1:81/ws", "ws://127.0.0.1:82/ws/v2") == {
        "public": "ws://127.0.0.1:81/ws",
        "feed": "ws://127.0.0.1:81/feed",
        "private": "ws://127.0.0.1:82/ws/v2",
    }
    assert SPEC.sockets_of_twin("ws://h:1", "ws://h:1")["private"] == "ws://h:1/ws/v2"


# -- REST --------------------------------------------------------------------------------------------------------------


def rules(public: HtxPublic, reply: Reply, *rows: dict[str, Any]) -> dict[str, Any]:
    call = public.get_trading_rules()
    assert call.request.path == "/v1/settings/common/market-symbols"
    return {rule.pair: rule for rule in call.parse(reply(list(rows)))}


def test_trading_rules(public: HtxPublic, reply: Reply) -> None:
    rule = rules(public, reply, BTC_ROW)["BTC-USDT"]
    assert (rule.symbol, rule.base, rule.quote, rule.status) == ("btcusdt", "BTC", "USDT", MarketStatus.TRADING)
    assert (rule.min_price_increment, rule.min_base_amount_increment) == (D("0.01"), D("0.000001"))
    assert rule.min_quote_amount_increment == D("0.000001"), "the fewer of both precisions"
    assert (rule.min_order_size, rule.max_order_size) == (D("0.0001"), D(1000))
    assert (rule.min_notional_size, rule.max_notional_size) == (D(10), D(2500))
    assert rule.times_in_force == frozenset(TimeInForce) and OrderType.STOP_LIMIT in rule.order_types
    assert rule.market_buy_by_quote and not rule.market_buy_by_base
    by_base = OrderDraft(pair="BTC-USDT", side=Side.BUY, type=OrderType.MARKET, amount=D(1))
    assert [problem.field for problem in check(rule, by_base)] == ["total"]


def test_markets_that_take_no_orders(public: HtxPublic, reply: Reply) -> None:
    found = rules(
        public,
        reply,
        {**BTC_ROW, "symbol": "aabtc", "bc": "aa", "qc": "btc", "at": "disabled"},
        {**BTC_ROW, "symbol": "bbbtc", "bc": "bb", "qc": "btc", "state": "suspend"},
        {**BTC_ROW, "symbol": "ccbtc", "bc": "cc", "qc": "btc", "state": "pre-online"},
        {**BTC_ROW, "symbol": "ddbtc", "bc": "dd", "qc": "btc", "state": "offline"},
    )
    assert {pair: rule.status for pair, rule in found.items()} == {
        "AA-BTC": MarketStatus.CLOSED,
        "BB-BTC": MarketStatus.HALTED,
        "CC-BTC": MarketStatus.CLOSED,
    }


def test_names_are_learned_from_the_market_list(public: HtxPublic, reply: Reply) -> None:
    strange = TRADE.replace("btcusdt", "abusdtry").encode()
    assert [trade.pair for trade in public.on_message(strange, 1) if isinstance(trade, Trade)] == ["ABUSD-TRY"]
    rules(public, reply, {**BTC_ROW, "symbol": "abusdtry", "bc": "ab", "qc": "usdtry"})
    assert [trade.pair for trade in public.on_message(strange, 1) if isinstance(trade, Trade)] == ["AB-USDTRY"]
    assert sent(public.subscribe([Subscription(Channel.TICKER, "AB-USDTRY")]))[0]["sub"] == "market.abusdtry.ticker"
    with pytest.raises(ValueError, match="not a pair"):
        list(public.subscribe([Subscription(Channel.TICKER, "BTCUSDT")]))


def test_tickers_of_listed_markets(public: HtxPublic, reply: Reply) -> None:
    rules(public, reply, BTC_ROW)
    row = {"symbol": "btcusdt", "open": 10, "close": 11.0, "high": 12, "low": 9, "amount": 5, "vol": 55.5}
    body = {"status": "ok", "ts": 5, "data": [{**row, "bid": 10.9, "bidSize": 1, "ask": 11.1, "askSize": 1}]}
    body["data"] += [{**row, "symbol": "nobodyknows"}, {"symbol": "btcusdt", "close": 0}]  # type: ignore[operator]
    (ticker,) = public.get_tickers().parse(reply(json.dumps(body)))
    assert (ticker.pair, ticker.last, ticker.bid, ticker.ask) == ("BTC-USDT", D("11.0"), D("10.9"), D("11.1"))
    assert (ticker.change, ticker.base_volume, ticker.quote_volume) == (D("0.1"), D(5), D("55.5"))


def test_server_time(public: HtxPublic, reply: Reply) -> None:
    assert public.get_server_time().parse(reply(1629715504949)) == 1629715504949


def test_bars_come_newest_first_and_are_told_oldest_first(public: HtxPublic, reply: Reply) -> None:
    row = {"open": 1.5, "close": 2, "low": 1, "high": 3.0, "amount": 4, "vol": 9, "count": 196}
    rows = [{"id": 1629769260, **row}, {"id": 1629769200, **row}]
    call = public.get_candles("BTC-USDT", "1m")
    assert dict(call.request.params) == {"symbol": "btcusdt", "period": "1min", "size": "2000"}
    assert [bar.start_ms for bar in call.parse(reply(rows))] == [1629769200000, 1629769260000]
    older = public.get_candles("BTC-USDT", "1m", 1629769259999).parse(reply(rows))
    assert [(bar.start_ms, bar.open, bar.high, bar.volume) for bar in older] == [(1629769200000, "1.5", "3", "4")]


def test_trades_over_rest_have_another_name_for_their_id(public: HtxPublic, reply: Reply) -> None:
    def group(ms: int, trade_id: int) -> str:
        row = f'"ts":{ms},"trade-id":{trade_id},"amount":1.0E-7,"price":2.50,"direction":"sell"'
        return f'{{"id":1,"ts":{ms},"data":[{{"id":137005445109359286410323766,{row}}}]}}'

    body = f'{{"status":"ok","data":[{group(20, 102523573487)},{group(10, 102523573486)}]}}'
    first, second = public.get_trades("BTC-USDT").parse(reply(body))
    assert (first.trade_id, second.trade_id) == ("102523573486", "102523573487")
    assert (first.taker, first.price, first.amount) == (Side.SELL, "2.5", "0.0000001")
