from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.connectors.crypto_com import SPEC
from app.connectors.crypto_com.protocol import INTERVALS, pair_of, to_pair, to_symbol
from app.connectors.crypto_com.public import CryptoComPublic
from app.core.effects import Channel, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.market import TradeTape
from app.core.requests import Response, VenueError
from app.core.types import Candle, MarketStatus, OrderType, Side, Ticker, Trade

Reply = Callable[..., Response]

BTC = Subscription(Channel.BOOK, "BTC-USDT")
TRADES = Subscription(Channel.TRADES, "BTC-USDT")
TICKER = Subscription(Channel.TICKER, "ETH-USD")
CANDLES = Subscription(Channel.CANDLES, "BTC-USDT", "1d")

INSTRUMENT: dict[str, Any] = json.loads(
    """{"symbol":"BTC_USDT","inst_type":"CCY_PAIR","display_name":"BTC/USDT","base_ccy":"BTC","quote_ccy":"USDT",
 "quote_decimals":2,"quantity_decimals":5,"price_tick_size":"0.01","qty_tick_size":"0.00001","max_leverage":"50",
 "tradable":true,"expiry_timestamp_ms":0,"beta_product":false,"margin_buy_enabled":true,"margin_sell_enabled":true,
 "product_type":"DIGITAL_CURRENCIES"}"""
)
TRADE = {
    "d": "15281981878",
    "t": "1613547060925",
    "tn": "1613547060925523623",
    "q": "0.1819",
    "p": "50772.0",
    "s": "SELL",
    "i": "BTC_USDT",
    "m": "76423",
}
TICK = {
    "i": "BTC_USDT",
    "h": "51790.00",
    "l": "47895.50",
    "a": "51174.50",
    "c": "0.03955106",
    "b": "51170.00",
    "bs": "0.1000",
    "k": "51180.00",
    "ks": "0.2000",
    "v": "879.5024",
    "vv": "26370000.12",
    "oi": "12345.12",
    "t": 1613580710768,
}


def push(channel: str, subscription: str, *rows: Any, number: int = -1, key: str = "result", **more: Any) -> bytes:
    result = {"instrument_name": "BTC_USDT", "subscription": subscription, "channel": channel, "data": rows, **more}
    return json.dumps({"id": number, "method": "subscribe", "code": 0, key: result}).encode()


def asked(effects: Any) -> list[dict[str, Any]]:
    return [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [("BTC_USDT", "BTC-USDT"), ("BTC_USD", "BTC-USD"), ("1INCH_USD", "1INCH-USD"), ("A_B_USD", "A_B-USD")],
)
def test_symbols_and_pairs(symbol: str, pair: str) -> None:
    assert (to_pair(symbol), to_symbol(pair)) == (pair, symbol)


@pytest.mark.parametrize("symbol", ["BTCUSD-PERP", "BTCUSD-241227", "BTCUSDT", "_USD", "BTC_", ""])
def test_what_is_no_spot_symbol(symbol: str) -> None:
    assert pair_of(symbol) is None
    with pytest.raises(ValueError):
        to_pair(symbol)


def test_domains_and_the_twins_sockets() -> None:
    assert SPEC.domains["main"].rest == {"": "https://api.crypto.com"}
    assert SPEC.domains["main"].sockets == {
        "public": "wss://stream.crypto.com/exchange/v1/market",
        "private": "wss://stream.crypto.com/exchange/v1/user",
    }
    assert SPEC.domains["uat"].rest == {"": "https://uat-api.3ona.co"}
    assert SPEC.domains["uat"].sockets["private"] == "wss://uat-stream.3ona.co/exchange/v1/user"
    public, private = "ws://127.0.0.1:1/exchange/v1/market", "ws://127.0.0.1:1/exchange/v1/user"
    assert SPEC.sockets_of_twin(public, private) == {"public": public, "private": private}


# -- subscriptions -----------------------------------------------------------------------------------------------------


def test_books_travel_apart_from_the_rest(public: CryptoComPublic) -> None:
    list(public.on_open(public.link_for(BTC), 7))
    books, others = asked(public.subscribe([TRADES, BTC, TICKER, CANDLES]))
    assert books["params"] == {
        "channels": ["book.BTC_USDT.50"],
        "book_subscription_type": "SNAPSHOT_AND_UPDATE",
        "book_update_frequency": 10,
    }
    assert others == {
        "id": 2,
        "method": "subscribe",
        "params": {"channels": ["trade.BTC_USDT", "ticker.ETH_USD", "candlestick.1D.BTC_USDT"]},
        "nonce": 7,
    }


def test_the_answer_names_no_channel_but_our_number(public: CryptoComPublic) -> None:
    books, others = asked(public.subscribe([BTC, TRADES, TICKER]))
    ack = json.dumps({"id": others["id"], "method": "subscribe", "code": 0}).encode()
    assert list(public.on_message(ack, 1)) == [Subscribed((TRADES, TICKER))]
    assert list(public.on_message(b'{"id":1,"method":"subscribe","code":0}', 1)) == [Subscribed((BTC,))]
    assert list(public.on_message(b'{"id":99,"method":"subscribe","code":0}', 1)) == []
    assert list(public.on_message(b'{"id":1,"method":"unsubscribe","code":0}', 1)) == []


def test_an_answer_may_carry_data_already(public: CryptoComPublic) -> None:
    asked(public.subscribe([TRADES]))
    confirmed, trade = public.on_message(push("trade", "trade.BTC_USDT", TRADE, number=1), 1)
    assert confirmed == Subscribed((TRADES,)) and isinstance(trade, Trade)


def test_one_bad_channel_does_not_take_the_good_ones_with_it(public: CryptoComPublic) -> None:
    asked(public.subscribe([TRADES, TICKER]))
    refusal = b'{"id":1,"code":10004,"method":"subscribe","message":"invalid channel {\\"channel\\":\\"x\\"}"}'
    alone = asked(public.on_message(refusal, 1))
    assert [message["params"]["channels"] for message in alone] == [["trade.BTC_USDT"], ["ticker.ETH_USD"]]
    again = refusal.replace(b'"id":1', f'"id":{alone[1]["id"]}'.encode())
    assert list(public.on_message(again, 2)) == [Refused('invalid channel {"channel":"x"}', (TICKER,))]


@pytest.mark.parametrize(
    ("message", "effect"),
    [
        ({"id": 0, "code": 10004, "method": "subscribe", "message": "invalid channel"}, Refused("invalid channel")),
        ({"id": 0, "code": 40107, "method": "subscribe"}, Refused("too many subscriptions on one connection")),
        ({"id": -1, "code": 40003, "method": "ERROR", "message": "no id", "original": "{}"}, Refused("no id")),
        ({"id": 1, "code": 42901, "method": "subscribe", "message": "TOO_MANY"}, Reconnect("TOO_MANY")),
        ({"id": 1, "code": 50001, "method": "subscribe"}, Reconnect("error inside Crypto.com")),
        ({"id": 1, "code": 10004, "method": "unsubscribe", "message": "x"}, Unknown("unsubscribe refused: x")),
    ],
)
def test_refusals(public: CryptoComPublic, message: dict[str, Any], effect: Any) -> None:
    assert list(public.on_message(json.dumps(message).encode(), 1)) == [effect]


def test_a_heartbeat_is_answered_with_its_own_id(public: CryptoComPublic) -> None:
    assert public.link_for(BTC).heartbeat_s == 0
    list(public.on_open(public.link_for(BTC), 1587523070000))
    beat = b'{"id":1587523073344,"method":"public/heartbeat","code":0}'
    (answer,) = public.on_message(beat, 1)
    assert answer == Send(b'{"id":1587523073344,"method":"public/respond-heartbeat"}')
    (later,) = asked(public.subscribe([TRADES]))
    assert later["nonce"] == 1587523073344, "heartbeats keep the nonce near the time"
    list(public.on_message(b'{"id":7,"method":"public/heartbeat","code":0}', 1))
    list(public.on_message(b'{"id":99999999999999,"method":"public/heartbeat","code":0}', 1))
    (later,) = asked(public.subscribe([TRADES]))
    assert later["nonce"] == 1587523073344


# -- streams -----------------------------------------------------------------------------------------------------------


def test_a_trade_is_told_from_the_takers_side_in_base(public: CryptoComPublic) -> None:
    assert list(public.on_message(push("trade", "trade.BTC_USDT", TRADE), 5)) == [
        Trade(
            pair="BTC-USDT",
            trade_id="15281981878",
            taker=Side.SELL,
            price="50772.0",
            amount="0.1819",
            exchange_ms=1613547060925,
            frame=5,
        )
    ]


def test_the_first_batch_of_trades_is_put_in_order_and_taken_once(public: CryptoComPublic) -> None:
    rows = [{**TRADE, "d": str(n), "t": 1000 + n, "tn": str((1000 + n) * 1_000_000)} for n in (3, 1, 2)]
    tape = TradeTape("BTC-USDT")
    for number in (1, 2):
        for trade in public.on_message(push("trade", "trade.BTC_USDT", *rows), number):
            assert isinstance(trade, Trade)
            tape.add(trade)
    assert [trade.trade_id for trade in tape] == ["1", "2", "3"]


def test_a_is_the_last_trade_and_k_the_ask(public: CryptoComPublic) -> None:
    expected = Ticker(
        pair="BTC-USDT",
        last=Decimal("51174.50"),
        bid=Decimal("51170.00"),
        ask=Decimal("51180.00"),
        high=Decimal("51790.00"),
        low=Decimal("47895.50"),
        change=Decimal("0.03955106"),
        base_volume=Decimal("879.5024"),
        quote_volume=Decimal("26370000.12"),
        exchange_ms=1613580710768,
        frame=5,
    )
    assert list(public.on_message(push("ticker", "ticker.BTC_USDT", TICK), 5)) == [expected]
    assert list(public.on_message(push("ticker", "ticker.BTC_USDT", TICK, key="info"), 5)) == [expected]
    nameless = {key: value for key, value in TICK.items() if key != "i"}
    assert list(public.on_message(push("ticker", "ticker.BTC_USDT", nameless), 5)) == [expected]


def test_tickers_with_nulls_and_dollars_that_are_no_quote_volume(public: CryptoComPublic) -> None:
    quiet = {"i": "NEW_USDT", "a": None, "b": None, "k": "1"}
    bare = {"i": "ETH_BTC", "a": "0.05", "b": None, "k": None, "h": None, "l": None, "c": None, "v": "3", "vv": "9999"}
    (ticker,) = public.on_message(push("ticker", "ticker.ETH_BTC", quiet, bare), 5)
    assert ticker == Ticker(pair="ETH-BTC", last=Decimal("0.05"), base_volume=Decimal(3), frame=5)


def test_candles_bear_the_interval_that_was_subscribed(public: CryptoComPublic) -> None:
    row = {"o": "1", "h": "4", "l": "0.5", "c": 2.50, "v": "10", "t": 1687237080000}
    for word, interval in (("1m", "1m"), ("1D", "1d"), ("7D", "1w"), ("1M", "1M")):
        data = push("candlestick", f"candlestick.{word}.BTC_USDT", row, interval="M1")
        assert list(public.on_message(data, 5)) == [
            Candle(
                pair="BTC-USDT",
                interval=interval,
                start_ms=1687237080000,
                open="1",
                high="4",
                low="0.5",
                close="2.5",
                volume="10",
                frame=5,
            )
        ]
    assert len(public.intervals) == len(INTERVALS) == 12


@pytest.mark.parametrize(
    "data",
    [
        push("novelty", "novelty.BTC_USDT", {}),
        push("candlestick", "candlestick.9h.BTC_USDT", {}),
        push("candlestick", "candlestick", {}),
        push("trade", "trade.BTC_USDT", {**TRADE, "s": "SIDEWAYS"}),
        b'{"id":1,"method":"public/novelty","code":0}',
        b'{"unheard":"of"}',
        b'{"data":[{}]}',
    ],
)
def test_what_is_not_understood_is_said(public: CryptoComPublic, data: bytes) -> None:
    (effect,) = public.on_message(data, 1)
    assert isinstance(effect, Unknown)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"1",
        b"[" * 100_000,
        b'{"result":' + b"[" * 100_000,
        b'{"result":{"channel":"book.update","x":' + b"[" * 100_000,
        push("trade", "trade.BTC_USDT", {"d": "1"}),
        push("trade", "trade.BTC_USDT", {**TRADE, "p": []}),
        push("ticker", "ticker.BTC_USDT", {**TICK, "a": "Infinity"}),
        push("ticker", "ticker.BTC_USDT", {**TICK, "a": "1e999999"}),
        push("ticker", "ticker.BTC_USDT", {**TICK, "b": "much"}),
        push("book", "book.BTC_USDT.50", {"bids": [["1"]], "asks": [], "u": 1}),
        push("book", "book.BTC_USDT.50", {"bids": [], "asks": [], "u": "soon"}),
        push("trade", "trade.X", TRADE, instrument_name="BTCUSD-PERP"),
    ],
)
def test_what_cannot_be_read_raises_nothing_else(public: CryptoComPublic, data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        list(public.on_message(data, 1))


# -- REST --------------------------------------------------------------------------------------------------------------


def test_rules_are_of_spot_and_their_tick_is_no_number_of_decimals(public: CryptoComPublic, reply: Reply) -> None:
    call = public.get_trading_rules()
    assert (call.request.method, call.request.path) == ("GET", "/exchange/v1/public/get-instruments")
    perpetual = {"symbol": "BTCUSD-PERP", "inst_type": "PERPETUAL_SWAP", "tradable": True, "price_tick_size": "0.5"}
    novelty = {"symbol": "WHO_WINS", "inst_type": "PREDICTION"}
    coarse = {**INSTRUMENT, "symbol": "BTC_USD", "quote_ccy": "USD", "price_tick_size": 0.5, "unheard": "of"}
    shut = {**INSTRUMENT, "symbol": "OLD_USD", "base_ccy": "OLD", "tradable": False}
    rows = [INSTRUMENT, perpetual, coarse, novelty, shut]
    one, two, closed = call.parse(reply(rows))
    assert (one.pair, one.symbol, one.base, one.quote) == ("BTC-USDT", "BTC_USDT", "BTC", "USDT")
    assert (one.min_price_increment, one.min_base_amount_increment) == (Decimal("0.01"), Decimal("0.00001"))
    assert (one.min_order_size, one.min_quote_amount_increment) == (Decimal("0.00001"), Decimal("0.01"))
    assert one.min_notional_size == 0 and one.market_buy_by_quote and one.frame == 7
    assert one.order_types >= {OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT}
    assert (two.pair, two.min_price_increment) == ("BTC-USD", Decimal("0.5"))
    assert (closed.status, closed.venue_status) == (MarketStatus.CLOSED, "not tradable")


def test_a_market_without_steps_is_closed(public: CryptoComPublic, reply: Reply) -> None:
    (rule,) = public.get_trading_rules().parse(reply([{**INSTRUMENT, "price_tick_size": None}]))
    assert rule.status is MarketStatus.CLOSED


def test_tickers_of_spot(public: CryptoComPublic, reply: Reply) -> None:
    tickers = public.get_tickers().parse(reply([TICK, {**TICK, "i": "BTCUSD-PERP"}, {"i": "NEW_USD"}]))
    assert [ticker.pair for ticker in tickers] == ["BTC-USDT"]


def test_time_is_told_by_a_reply_in_passing(public: CryptoComPublic, reply: Reply) -> None:
    call = public.get_server_time()
    assert call.request.params == (("instrument_name", "BTC_USDT"),) and not call.request.signed
    date = {"date": "Wed, 17 Feb 2021 16:51:50 GMT"}
    at = 1613580710000
    assert call.parse(reply([{**TICK, "t": at + 768}], headers=date)) == at + 768
    assert call.parse(reply([{**TICK, "t": at - 9_000}], headers=date)) == at
    assert call.parse(reply([], headers=date)) == at
    assert call.parse(reply([TICK])) == at + 768
    with pytest.raises(ValueError):
        call.parse(reply([]))


def test_a_book_over_rest_joins_nothing(public: CryptoComPublic, reply: Reply) -> None:
    call = public.get_snapshot("BTC-USDT", 500)
    assert call.request.params == (("instrument_name", "BTC_USDT"), ("depth", "50"))
    assert public.get_snapshot("BTC-USDT", 20).request.params[1] == ("depth", "20")
    row = {"asks": [["50126.0", "0.4", "0"]], "bids": [["50113.5", "0.4", "0"]], "u": 5, "t": 1}
    book = call.parse(reply({"depth": "10", "data": [row], "instrument_name": "BTC_USDT"}))
    assert (book.bids, book.asks, book.last_id) == ([("50113.5", "0.4")], [("50126.0", "0.4")], None)
    with pytest.raises(ValueError):
        call.parse(reply([]))


def test_trades_over_rest_are_oldest_first(public: CryptoComPublic, reply: Reply) -> None:
    call = public.get_trades("BTC-USDT")
    assert call.request.params == (("instrument_name", "BTC_USDT"), ("count", "100"))
    older = {**TRADE, "d": "1", "tn": "1613547060925523622"}
    assert [trade.trade_id for trade in call.parse(reply([TRADE, older]))] == ["1", "15281981878"]


def test_candles_over_rest(public: CryptoComPublic, reply: Reply) -> None:
    call = public.get_candles("BTC-USDT", "1h", 1_700_000_000_000)
    assert call.request.params == (
        ("instrument_name", "BTC_USDT"),
        ("timeframe", "1h"),
        ("count", "300"),
        ("end_ts", "1700000000000"),
    )
    rows = [{"o": "1", "h": "2", "l": "1", "c": "2", "v": "1", "t": t} for t in (1687237080000, 1687233480000)]
    bars = call.parse(reply({"interval": "H1", "data": rows, "instrument_name": "BTC_USDT"}))
    assert [(bar.start_ms, bar.interval) for bar in bars] == [(1687233480000, "1h"), (1687237080000, "1h")]
    with pytest.raises(KeyError):
        public.get_candles("BTC-USDT", "6h")


def test_a_refusal_with_http_200_is_a_refusal(public: CryptoComPublic, reply: Reply) -> None:
    with pytest.raises(VenueError):
        public.get_trades("BTC-USDT").parse(reply(body={"id": 1, "method": "public/get-trades", "code": 40401}))
