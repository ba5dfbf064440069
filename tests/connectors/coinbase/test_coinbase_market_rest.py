from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.coinbase.protocol import to_ms, to_time
from app.connectors.coinbase.public import CoinbasePublic
from app.core.effects import Channel, Subscription
from app.core.requests import Response, VenueError
from app.core.trading_rule import OrderDraft, check
from app.core.types import BookSnapshot, MarketStatus, OrderType, Side, TimeInForce

Reply = Callable[..., Response]

PRODUCT: dict[str, Any] = json.loads(
    """{"product_id":"BTC-USD","price":"68923.67","price_percentage_change_24h":"-0.28","volume_24h":"11005.02",
"volume_percentage_change_24h":"164.9","base_increment":"0.00000001","quote_increment":"0.01","price_increment":"0.01",
 "quote_min_size":"1","quote_max_size":"150000000","base_min_size":"0.00000001","base_max_size":"3400",
 "base_name":"Bitcoin","quote_name":"US Dollar","watched":false,"is_disabled":false,"new":false,"status":"online",
 "cancel_only":false,"limit_only":false,"post_only":false,"trading_disabled":false,"auction_mode":false,
 "view_only":false,"product_type":"SPOT","quote_currency_id":"USD","base_currency_id":"BTC",
 "fcm_trading_session_details":null,"mid_market_price":"","alias":"","alias_to":["BTC-USDC"],
 "base_display_symbol":"BTC","quote_display_symbol":"USD","display_name":"BTC-USD","product_venue":"CBE",
 "approximate_quote_24h_volume":"758506771.41","new_at":"2023-01-01T00:00:00Z","best_bid_price":"",
 "best_ask_price":""}"""
)


def products(*rows: dict[str, Any]) -> str:
    return json.dumps({"products": rows, "num_products": len(rows)})


def test_trading_rule_as_the_sheet_has_it(public: CoinbasePublic, reply: Reply) -> None:
    call = public.get_trading_rules()
    assert (call.request.method, call.request.path) == ("GET", "/api/v3/brokerage/market/products")
    assert (call.request.params, call.request.signed) == ((("product_type", "SPOT"),), False)
    (rule,) = call.parse(reply(products(PRODUCT)))
    assert (rule.pair, rule.symbol, rule.base, rule.quote) == ("BTC-USD", "BTC-USD", "BTC", "USD")
    assert (rule.min_price_increment, rule.min_base_amount_increment) == (Decimal("0.01"), Decimal("0.00000001"))
    assert rule.min_quote_amount_increment == Decimal("0.01")
    assert (rule.min_order_size, rule.max_order_size) == (Decimal("0.00000001"), Decimal(3400))
    assert (rule.min_notional_size, rule.max_notional_size) == (Decimal(1), Decimal(150_000_000))
    assert rule.order_types == {OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET, OrderType.STOP_LIMIT}
    assert rule.times_in_force == set(TimeInForce)
    assert (rule.status, rule.venue_status, rule.frame) == (MarketStatus.TRADING, "online", 7)
    assert rule.market_buy_by_quote


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"status": "delisted", "trading_disabled": True}, MarketStatus.CLOSED, "delisted trading_disabled"),
        ({"trading_disabled": True}, MarketStatus.HALTED, "online trading_disabled"),
        ({"is_disabled": True}, MarketStatus.HALTED, "online is_disabled"),
        ({"view_only": True}, MarketStatus.HALTED, "online view_only"),
        ({"cancel_only": True}, MarketStatus.CANCEL_ONLY, "online cancel_only"),
        ({"post_only": True}, MarketStatus.POST_ONLY, "online post_only"),
        ({"limit_only": True}, MarketStatus.TRADING, "online limit_only"),
        ({"auction_mode": True}, MarketStatus.TRADING, "online auction_mode"),
    ],
)
def test_states_of_a_market(
    public: CoinbasePublic, reply: Reply, changes: dict[str, Any], status: MarketStatus, words: str
) -> None:
    (rule,) = public.get_trading_rules().parse(reply(products(PRODUCT | changes)))
    assert (rule.status, rule.venue_status) == (status, words)
    draft = OrderDraft(pair="BTC-USD", side=Side.BUY, type=OrderType.MARKET, quote_amount=Decimal(10))
    open_now = status is MarketStatus.TRADING and not ("limit_only" in changes or "auction_mode" in changes)
    assert (not check(rule, draft)) is open_now


def test_empty_strings_and_other_kinds_of_products(public: CoinbasePublic, reply: Reply) -> None:
    thin = PRODUCT | {"price_increment": "", "base_max_size": "", "quote_max_size": "0", "quote_min_size": ""}
    future = PRODUCT | {"product_id": "BIT-28NOV25-CDE", "product_type": "FUTURE"}
    odd = PRODUCT | {"product_id": "A-B-C"}
    bare = PRODUCT | {"base_increment": ""}
    (rule,) = public.get_trading_rules().parse(reply(products(future, thin, odd, bare)))
    assert rule.min_price_increment == Decimal("0.01"), "the quote increment stands in"
    assert (rule.max_order_size, rule.max_notional_size, rule.min_notional_size) == (None, None, Decimal(0))


def test_listed_tickers(public: CoinbasePublic, reply: Reply) -> None:
    rows = [PRODUCT, PRODUCT | {"product_id": "OLD-USD", "price": ""}]
    (ticker,) = public.get_tickers().parse(reply(products(*rows)))
    assert (ticker.pair, ticker.last, ticker.change) == ("BTC-USD", Decimal("68923.67"), Decimal("-0.0028"))
    assert (ticker.base_volume, ticker.quote_volume) == (Decimal("11005.02"), Decimal("758506771.41"))
    assert (ticker.bid, ticker.ask) == (None, None)


def test_server_time_is_text(public: CoinbasePublic, reply: Reply) -> None:
    body = '{"iso":"2026-11-20T10:00:00Z","epochSeconds":"1795168800","epochMillis":"1795168800123"}'
    call = public.get_server_time()
    assert call.request.path == "/api/v3/brokerage/time"
    assert call.parse(reply(body)) == 1_795_168_800_123


def test_book_over_rest_has_no_number(public: CoinbasePublic, reply: Reply) -> None:
    call = public.get_snapshot("BTC-USD", 100)
    assert call.request.path == "/api/v3/brokerage/market/product_book"
    assert call.request.params == (("product_id", "BTC-USD"), ("limit", "100"))
    body = """{"pricebook":{"product_id":"BTC-USD","bids":[{"price":"68923.66","size":"0.17"}],
        "asks":[{"price":"68923.67","size":"0.16"}],"time":"2026-04-07T00:28:59.662782Z"},"last":"68923.665",
        "mid_market":"68923.665","spread_bps":"0.00145","spread_absolute":"0.01"}"""
    assert call.parse(reply(body)) == BookSnapshot(
        pair="BTC-USD",
        bids=[("68923.66", "0.17")],
        asks=[("68923.67", "0.16")],
        last_id=None,
        exchange_ms=1_775_521_739_662,
        frame=7,
    )
    assert public.get_snapshot("BTC-USD").request.params == (("product_id", "BTC-USD"),)


def test_trades_over_rest_tell_the_makers_side_too(public: CoinbasePublic, reply: Reply) -> None:
    row = """{"trade_id":"%s","product_id":"BTC-USD","price":"68923.67","size":"0.00064",
        "time":"2026-04-07T00:28:59.662782Z","side":"%s","bid":"","ask":"","exchange":"coinbase"}"""
    rows = ",".join(row % pair for pair in [("3", "SELL"), ("2", "BUY"), ("1", "?")])
    call = public.get_trades("BTC-USDC")
    assert call.request.path == "/api/v3/brokerage/market/products/BTC-USDC/ticker"
    older, newer = call.parse(reply('{"trades":[' + rows + '],"best_bid":"68923.66","best_ask":"68923.67"}'))
    assert (older.trade_id, older.taker, newer.trade_id, newer.taker) == ("2", Side.SELL, "3", Side.BUY)
    assert (newer.pair, newer.price, newer.amount) == ("BTC-USDC", "68923.67", "0.00064")


def test_candles_are_turned_round_and_ask_for_300_at_most(public: CoinbasePublic, reply: Reply) -> None:
    call = public.get_candles("BTC-USD", "5m", 1_775_572_200_999)
    assert call.request.path == "/api/v3/brokerage/market/products/BTC-USD/candles"
    params = dict(call.request.params)
    assert (params["granularity"], params["end"]) == ("FIVE_MINUTE", "1775572200")
    assert (int(params["end"]) - int(params["start"])) // 300 + 1 == 300
    bar = '{"start":"%s","low":"1","high":"4","open":"2","close":"3","volume":"9"}'
    first, second = call.parse(reply('{"candles":[' + bar % "1712192700" + "," + bar % "1712192400" + "]}"))
    assert (first.start_ms, second.start_ms) == (1_712_192_400_000, 1_712_192_700_000)
    assert (first.open, first.high, first.low, first.close, first.volume) == ("2", "4", "1", "3", "9")


def test_the_newest_candles_end_at_the_newest_exchange_time_we_know(public: CoinbasePublic, reply: Reply) -> None:
    assert dict(public.get_candles("BTC-USD", "1m").request.params) == {"granularity": "ONE_MINUTE", "limit": "300"}
    public.on_open(public.link_for(Subscription(Channel.BOOK, "BTC-USD")), 1_795_168_700_000)
    assert dict(public.get_candles("BTC-USD", "1m").request.params)["end"] == "1795168700"
    public.get_server_time().parse(reply('{"epochMillis":"1795168800123"}'))
    assert dict(public.get_candles("BTC-USD", "1m").request.params)["end"] == "1795168800"


def test_intervals_are_those_of_the_exchanges_own_list(public: CoinbasePublic) -> None:
    assert public.intervals == ("1m", "5m", "15m", "30m", "1h", "2h", "6h", "1d")
    words = [dict(public.get_candles("BTC-USD", i, 10**12).request.params)["granularity"] for i in public.intervals]
    assert words == "ONE_MINUTE FIVE_MINUTE FIFTEEN_MINUTE THIRTY_MINUTE ONE_HOUR TWO_HOUR SIX_HOUR ONE_DAY".split()
    with pytest.raises(KeyError):
        public.get_candles("BTC-USD", "4h")


@pytest.mark.parametrize("body", ["{}", '{"products":[{"product_id":"BTC-USD","base_increment":"x"}]}', "[", '{"a":1}'])
def test_unreadable_lists_raise(public: CoinbasePublic, reply: Reply, body: str) -> None:
    with pytest.raises(ValueError):
        public.get_trading_rules().parse(reply(body))


def test_refusals_are_raised_with_the_exchanges_words(public: CoinbasePublic, reply: Reply) -> None:
    body = '{"error":"NOT_FOUND","code":5,"message":"product not found"}'
    with pytest.raises(VenueError, match="product not found"):
        public.get_snapshot("NO-USD").parse(reply(body, 404))


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-08-09T21:05:48.505350477Z", 1_786_309_548_505),
        ("2026-08-09T21:05:48.999999999Z", 1_786_309_548_999),
        ("2026-08-09T21:05:48.5Z", 1_786_309_548_500),
        ("2026-08-09T21:05:48Z", 1_786_309_548_000),
        ("2026-08-09T23:05:48.25+02:00", 1_786_309_548_250),
        ("2026-08-09T21:05:48", 1_786_309_548_000),
        ("1970-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", 0),
        ("", 0),
    ],
)
def test_times_as_fine_as_nanoseconds(text: str, ms: int) -> None:
    assert to_ms(text) == ms


def test_times_we_send() -> None:
    assert to_time(1_786_309_548_505) == "2026-08-09T21:05:48.505Z"
    assert to_ms(to_time(1_786_309_548_000)) == 1_786_309_548_000
    with pytest.raises(ValueError):
        to_ms("soon")
