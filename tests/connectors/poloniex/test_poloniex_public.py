from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from app.connectors.poloniex.protocol import to_pair, to_symbol
from app.connectors.poloniex.public import PoloniexPublic
from app.core.effects import Channel, Pong, Refused, Send, Subscribed, Subscription, Unknown
from app.core.order_book import BookSync, OrderBook
from app.core.requests import Response, VenueError
from app.core.types import (
    BookDiff,
    BookSnapshot,
    Candle,
    Integrity,
    MarketStatus,
    OrderType,
    Side,
    Ticker,
    TimeInForce,
    Trade,
)

Reply = Callable[..., Response]

SNAPSHOT = (
    b'{"channel":"book_lv2","data":[{"symbol":"BTC_USDT","createTime":1661123485852,"asks":[["21617.15","0.34"]],'
    b'"bids":[["21612.26","0.68"]],"lastId":4485674,"id":4485675,"ts":1661123517823}],"action":"snapshot"}'
)
UPDATE = (
    b'{"channel":"book_lv2","data":[{"symbol":"BTC_USDT","createTime":1661123517832,"asks":[["21617.15","0"]],'
    b'"bids":[],"lastId":4485675,"id":4485676,"ts":1661123517837}],"action":"update"}'
)
TRADE = (
    b'{"channel":"trades","data":[{"symbol":"BTC_USDT","amount":"248.35","quantity":"0.01149","takerSide":"sell",'
    b'"createTime":1661123520381,"price":"21614.59","id":"60184114","ts":1661123520386}]}'
)
MARKETS = """[{"symbol":"BTC_USDT","baseCurrencyName":"BTC","quoteCurrencyName":"USDT","displayName":"BTC/USDT",
  "state":"NORMAL","visibleStartTime":1659018819512,"tradableStartTime":1659018819512,
  "symbolTradeLimit":{"symbol":"BTC_USDT","priceScale":2,"quantityScale":6,"amountScale":2,"minQuantity":"0.000001",
    "minAmount":"1","maxQuantity":"0","maxAmount":"0","highestBid":"0","lowestAsk":"0"},
  "crossMargin":{"supportCrossMargin":true,"maxLeverage":3}}]"""


def sent(effects: object) -> list[object]:
    assert isinstance(effects, list)
    return [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]


# -- the book and the tape ---------------------------------------------------------------------------------------------


def test_first_message_of_a_book_replaces_it(public: PoloniexPublic) -> None:
    assert public.on_message(SNAPSHOT, 3) == [
        BookSnapshot(
            pair="BTC-USDT",
            bids=[("21612.26", "0.68")],
            asks=[("21617.15", "0.34")],
            last_id=4485675,
            exchange_ms=1661123517823,
            frame=3,
        )
    ]


def test_update_names_the_id_it_follows(public: PoloniexPublic) -> None:
    assert list(public.on_message(UPDATE, 4)) == [
        BookDiff(
            pair="BTC-USDT",
            bids=[],
            asks=[("21617.15", "0")],
            last_id=4485676,
            prev_id=4485675,
            exchange_ms=1661123517837,
            frame=4,
        )
    ]
    assert public.integrity is Integrity.PREVIOUS_ID


def test_a_lost_update_is_a_gap_and_the_book_is_asked_again(public: PoloniexPublic) -> None:
    sync = BookSync(OrderBook("BTC-USDT", public.integrity))
    (snapshot,) = public.on_message(SNAPSHOT, 1)
    assert isinstance(snapshot, BookSnapshot)
    assert sync.on_snapshot(snapshot) is None
    late = UPDATE.replace(b"4485675", b"4485690").replace(b"4485676", b"4485691")
    (diff,) = public.on_message(late, 2)
    assert isinstance(diff, BookDiff)
    assert sync.on_diff(diff) == "at 4485675, got a change that follows 4485690"
    assert sync.book.stale
    assert sent(public.resync(Subscription(Channel.BOOK, "BTC-USDT"))) == [
        {"event": "unsubscribe", "channel": ["book_lv2"], "symbols": ["BTC_USDT"]},
        {"event": "subscribe", "channel": ["book_lv2"], "symbols": ["BTC_USDT"]},
    ]


def test_trade_amount_is_base_not_quote(public: PoloniexPublic) -> None:
    assert public.on_message(TRADE, 5) == [
        Trade(
            pair="BTC-USDT",
            trade_id="60184114",
            taker=Side.SELL,
            price="21614.59",
            amount="0.01149",
            exchange_ms=1661123520381,
            frame=5,
        )
    ]


def test_reading_an_old_frame_again_gives_the_same_and_changes_nothing(public: PoloniexPublic) -> None:
    first = public.on_message(UPDATE, 4)
    public.on_message(SNAPSHOT, 5)
    assert public.on_message(UPDATE, 4) == first


def test_unknown_fields_are_ignored(public: PoloniexPublic) -> None:
    assert public.on_message(UPDATE.replace(b'"bids":[]', b'"bids":[],"novel":{"a":[1]}'), 4) == public.on_message(
        UPDATE, 4
    )


def test_symbols_of_any_script(public: PoloniexPublic) -> None:
    (diff,) = public.on_message(UPDATE.replace(b"BTC_USDT", "索拉拉_USDT".encode()), 1)
    assert isinstance(diff, BookDiff)
    assert diff.pair == "索拉拉-USDT"
    assert public.get_snapshot("索拉拉-USDT").request.path == "/markets/索拉拉_USDT/orderBook"
    assert to_symbol(to_pair("A-B_C_USDT")) == "A-B_C_USDT"


# -- everything else on the socket -------------------------------------------------------------------------------------


def test_ticker_has_no_bid_and_ask(public: PoloniexPublic) -> None:
    data = (
        b'{"channel":"ticker","data":[{"symbol":"BTC_USDT","startTime":1661036400000,"open":"21307.4","high":"21700",'
        b'"low":"21200","close":"21616.42","quantity":"25.1","amount":"540000.5","tradeCount":3161,"dailyChange":'
        b'"0.0145","markPrice":"21615","closeTime":1661122817820,"ts":1661122817828}]}'
    )
    assert public.on_message(data, 6) == [
        Ticker(
            pair="BTC-USDT",
            last=Decimal("21616.42"),
            open=Decimal("21307.4"),
            high=Decimal("21700"),
            low=Decimal("21200"),
            change=Decimal("0.0145"),
            base_volume=Decimal("25.1"),
            quote_volume=Decimal("540000.5"),
            exchange_ms=1661122817828,
            frame=6,
        )
    ]


def test_candle_takes_its_interval_from_the_channel(public: PoloniexPublic) -> None:
    row = (
        b'{"symbol":"BTC_USDT","amount":"3916.58","high":"22937.42","quantity":"0.171199","tradeCount":33,'
        b'"low":"22814.01","closeTime":1659665099999,"startTime":1659664800000,"close":"22937.42",'
        b'"open":"22832.57","ts":1659665000000}'
    )
    assert public.on_message(b'{"channel":"candles_minute_5","data":[' + row + b"]}", 8) == [
        Candle(
            pair="BTC-USDT",
            interval="5m",
            start_ms=1659664800000,
            open="22832.57",
            high="22937.42",
            low="22814.01",
            close="22937.42",
            volume="0.171199",
            frame=8,
        )
    ]


def test_every_interval_has_a_channel_of_its_own(public: PoloniexPublic) -> None:
    assert list(public.intervals) == "1m 5m 10m 15m 30m 1h 2h 4h 6h 12h 1d 3d 1w 1M".split()
    wishes = [Subscription(Channel.CANDLES, "BTC-USDT", interval) for interval in public.intervals]
    channels = [message["channel"][0] for message in sent(public.subscribe(wishes))]  # type: ignore[index]
    assert channels[0] == "candles_minute_1"
    assert channels[-4:] == ["candles_day_1", "candles_day_3", "candles_week_1", "candles_month_1"]
    for wish, channel in zip(wishes, channels, strict=True):
        ack = json.dumps({"event": "subscribe", "channel": channel, "symbols": ["BTC_USDT"]})
        assert list(public.on_message(ack.encode(), 1)) == [Subscribed((wish,))]


def test_one_channel_a_message_and_several_symbols(public: PoloniexPublic) -> None:
    wishes = [
        Subscription(Channel.BOOK, "BTC-USDT"),
        Subscription(Channel.TRADES, "BTC-USDT"),
        Subscription(Channel.BOOK, "ETH-USDT"),
        Subscription(Channel.TICKER, "ETH-USDT"),
    ]
    assert sent(public.subscribe(wishes)) == [
        {"event": "subscribe", "channel": ["book_lv2"], "symbols": ["BTC_USDT", "ETH_USDT"]},
        {"event": "subscribe", "channel": ["trades"], "symbols": ["BTC_USDT"]},
        {"event": "subscribe", "channel": ["ticker"], "symbols": ["ETH_USDT"]},
    ]
    assert sent(public.unsubscribe(wishes[:1])) == [
        {"event": "unsubscribe", "channel": ["book_lv2"], "symbols": ["BTC_USDT"]}
    ]


def test_acknowledgement_names_the_streams(public: PoloniexPublic) -> None:
    ack = b'{"event":"subscribe","channel":"book_lv2","symbols":["BTC_USDT","ETH_USDT"]}'
    assert list(public.on_message(ack, 1)) == [
        Subscribed((Subscription(Channel.BOOK, "BTC-USDT"), Subscription(Channel.BOOK, "ETH-USDT")))
    ]
    assert list(public.on_message(b'{"event":"unsubscribe","channel":"trades","symbols":["BTC_USDT"]}', 1)) == []


def test_heartbeat_and_its_answer(public: PoloniexPublic) -> None:
    assert public.heartbeat(0) == b'{"event":"ping"}'
    assert public.link_for(Subscription(Channel.BOOK, "BTC-USDT")).heartbeat_s == 10
    assert list(public.on_message(b'{"event":"pong"}', 1)) == [Pong()]


@pytest.mark.parametrize("words", ['Invalid channel value ["x"]', "Platform in maintenance mode"])
def test_errors_keep_the_exchanges_words(public: PoloniexPublic, words: str) -> None:
    data = json.dumps({"event": "error", "message": words}).encode()
    assert list(public.on_message(data, 1)) == [Refused(words)]


@pytest.mark.parametrize(
    "data",
    [
        b'{"channel":"novelty","data":[]}',
        b'{"channel":"exchange","data":[{"MM":"ON"}]}',
        b'{"event":"novelty"}',
        b'{"event":"subscribe","channel":"novelty","symbols":["all"]}',
        b'{"hello":1}',
        UPDATE.replace(b'"update"', b'"merge"'),
        TRADE.replace(b'"sell"', b'"swap"'),
    ],
)
def test_what_is_not_understood_is_said(public: PoloniexPublic, data: bytes) -> None:
    (effect,) = public.on_message(data, 1)
    assert isinstance(effect, Unknown)
    assert effect.reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[1]",
        b'{"channel":"book_lv2","data":[{"novel":' + b"[" * 100_000,
        b'{"channel":"novelty","data":' + b"[" * 100_000,
        b'{"channel":"book_lv2"',
        b'{"channel":"book_lv2","data":[{"symbol":"BTC_USDT"}],"action":"update"}',
        UPDATE.replace(b"4485675", b'"4485675"'),
        UPDATE.replace(b"BTC_USDT", b"BTCUSDT"),
        UPDATE.replace(b"BTC", b"\xff\xfe"),
        b'{"channel":"trades","data":{}}',
        b'{"channel":"ticker","data":[{"symbol":"BTC_USDT","close":"much"}]}',
        b'{"channel":"ticker","data":[{"symbol":"BTC_USDT","close":"NaN"}]}',
        b'{"channel":"candles_hour_1","data":[{"symbol":"BTC_USDT"}]}',
    ],
)
def test_what_cannot_be_read_raises_value_error(public: PoloniexPublic, data: bytes) -> None:
    with pytest.raises(ValueError):
        list(public.on_message(data, 1))


# -- REST --------------------------------------------------------------------------------------------------------------


def test_trading_rules(public: PoloniexPublic, reply: Reply) -> None:
    call = public.get_trading_rules()
    (rule,) = call.parse(reply(MARKETS))
    assert (call.request.method, call.request.path, call.request.signed) == ("GET", "/markets", False)
    assert (rule.pair, rule.symbol, rule.base, rule.quote) == ("BTC-USDT", "BTC_USDT", "BTC", "USDT")
    assert rule.min_price_increment == Decimal("0.01")
    assert rule.min_base_amount_increment == Decimal("0.000001")
    assert rule.min_quote_amount_increment == Decimal("0.01")
    assert (rule.min_order_size, rule.min_notional_size) == (Decimal("0.000001"), Decimal("1"))
    assert (rule.max_order_size, rule.max_notional_size, rule.min_price, rule.max_price) == (None, None, None, None)
    assert OrderType.LIMIT_MAKER in rule.order_types and OrderType.STOP_LIMIT in rule.order_types
    assert rule.times_in_force == frozenset(TimeInForce)
    assert rule.market_buy_by_quote
    assert (rule.status, rule.venue_status, rule.frame) == (MarketStatus.TRADING, "NORMAL", 7)


def test_scale_zero_and_stated_maxima(public: PoloniexPublic, reply: Reply) -> None:
    text = MARKETS.replace('"quantityScale":6', '"quantityScale":0')
    text = text.replace('"maxQuantity":"0","maxAmount":"0"', '"maxQuantity":"90000","maxAmount":"250000.5"')
    (rule,) = public.get_trading_rules().parse(reply(text))
    assert rule.min_base_amount_increment == 1
    assert (rule.max_order_size, rule.max_notional_size) == (Decimal("90000"), Decimal("250000.5"))


def test_rules_without_the_newer_fields(public: PoloniexPublic, reply: Reply) -> None:
    text = MARKETS.replace('"maxQuantity":"0","maxAmount":"0",', "")
    text = text.replace(',\n  "crossMargin":{"supportCrossMargin":true,"maxLeverage":3}', "")
    (rule,) = public.get_trading_rules().parse(reply(text))
    assert (rule.max_order_size, rule.max_notional_size) == (None, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NORMAL", MarketStatus.TRADING),
        ("PAUSE", MarketStatus.HALTED),
        ("POST_ONLY", MarketStatus.POST_ONLY),
        ("UNKNOWN", MarketStatus.CLOSED),
        ("OFFLINE", MarketStatus.CLOSED),
        ("NEW", MarketStatus.CLOSED),
        ("ALL", MarketStatus.CLOSED),
        ("NOVELTY", MarketStatus.CLOSED),
    ],
)
def test_market_states(public: PoloniexPublic, reply: Reply, word: str, status: MarketStatus) -> None:
    (rule,) = public.get_trading_rules().parse(reply(MARKETS.replace("NORMAL", word)))
    assert (rule.status, rule.venue_status) == (status, word)


def test_book_over_rest_is_flat_and_has_no_id(public: PoloniexPublic, reply: Reply) -> None:
    book = public.get_snapshot("BTC-USDT").parse(
        reply(
            '{"time":1659695219507,"scale":"-1","asks":["23139.82","0.317981","23140","0.191091"],'
            '"bids":["23139.74","0.432092"],"ts":1659695219512}'
        )
    )
    assert book == BookSnapshot(
        pair="BTC-USDT",
        bids=[("23139.74", "0.432092")],
        asks=[("23139.82", "0.317981"), ("23140", "0.191091")],
        last_id=None,
        exchange_ms=1659695219512,
        frame=7,
    )
    with pytest.raises(ValueError):
        public.get_snapshot("BTC-USDT").parse(reply('{"asks":["1"],"bids":[],"ts":1}'))


@pytest.mark.parametrize(("depth", "limit"), [(0, ()), (1, "5"), (20, "20"), (21, "50"), (150, "150"), (9_000, "150")])
def test_depth_goes_to_the_next_step_offered(public: PoloniexPublic, depth: int, limit: object) -> None:
    assert public.get_snapshot("BTC-USDT", depth).request.params == ((("limit", limit),) if limit else ())


def test_trades_over_rest_come_oldest_first(public: PoloniexPublic, reply: Reply) -> None:
    call = public.get_trades("BTC-USDT")
    trades = call.parse(
        reply(
            '[{"id":"60014521","price":"23162.94","quantity":"0.00009","amount":"2.0846646","takerSide":"SELL",'
            '"ts":1659684602042,"createTime":1659684602036},{"id":"60014520","price":"23162.90","quantity":"0.01",'
            '"amount":"231.629","takerSide":"BUY","ts":1659684602002,"createTime":1659684602000}]'
        )
    )
    assert call.request.path == "/markets/BTC_USDT/trades"
    assert [trade.trade_id for trade in trades] == ["60014520", "60014521"]
    assert trades[1] == Trade(
        pair="BTC-USDT",
        trade_id="60014521",
        taker=Side.SELL,
        price="23162.94",
        amount="0.00009",
        exchange_ms=1659684602036,
        frame=7,
    )


def test_candles_over_rest_have_their_odd_order(public: PoloniexPublic, reply: Reply) -> None:
    call = public.get_candles("BTC-USDT", "5m", end_ms=1659665099999)
    row = (
        '["22814.01","22937.42","22832.57","22937.42","3916.58","0.171199","2982.64","0.130295",33,0,"22877.44",'
        '"MINUTE_5",1659664800000,1659665099999]'
    )
    earlier = row.replace("1659664800000", "1659664500000")
    newest_first = call.parse(reply(f"[{row},{earlier}]"))
    assert call.request.path == "/markets/BTC_USDT/candles"
    assert dict(call.request.params) == {"interval": "MINUTE_5", "limit": "500", "endTime": "1659665099999"}
    assert [bar.start_ms for bar in newest_first] == [1659664500000, 1659664800000]
    assert newest_first[1] == Candle(
        pair="BTC-USDT",
        interval="5m",
        start_ms=1659664800000,
        open="22832.57",
        high="22937.42",
        low="22814.01",
        close="22937.42",
        volume="0.171199",
        frame=7,
    )
    with pytest.raises(ValueError):
        call.parse(reply('[["1","2"]]'))


def test_tickers_over_rest(public: PoloniexPublic, reply: Reply) -> None:
    tickers = public.get_tickers().parse(
        reply(
            '[{"symbol":"BTC_USDT","open":"22814","low":"22700","high":"23200","close":"23162.94","quantity":"10",'
            '"amount":"231000","tradeCount":99,"startTime":1,"closeTime":2,"displayName":"BTC/USDT","dailyChange":'
            '"0.0151","bid":"23162.9","bidQuantity":"1","ask":"23163.1","askQuantity":"2","ts":1659684602042,'
            '"markPrice":"23163"},{"symbol":"DEAD_USDT","close":"0","bid":"0","ask":"","dailyChange":"0"}]'
        )
    )
    assert (tickers[0].pair, tickers[0].last, tickers[0].change) == (
        "BTC-USDT",
        Decimal("23162.94"),
        Decimal("0.0151"),
    )
    assert (tickers[0].bid, tickers[0].ask) == (Decimal("23162.9"), Decimal("23163.1"))
    assert (tickers[0].base_volume, tickers[0].quote_volume) == (Decimal(10), Decimal(231000))
    assert (tickers[1].bid, tickers[1].ask) == (None, None)


def test_server_time(public: PoloniexPublic, reply: Reply) -> None:
    assert public.get_server_time().parse(reply('{"serverTime":1659259836247}')) == 1659259836247


def test_a_refused_question_raises_the_exchanges_words(public: PoloniexPublic, reply: Reply) -> None:
    with pytest.raises(VenueError) as caught:
        public.get_trades("X-Y").parse(reply('{"code":24101,"message":"Invalid symbol"}', 400))
    assert (caught.value.code, caught.value.words) == ("24101", "Invalid symbol")
