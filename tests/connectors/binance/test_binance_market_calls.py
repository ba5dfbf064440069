"""Market data of Binance over REST: the market list, tickers, trades, bars, the time."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance import SPEC
from app.connectors.binance.public import BinancePublic
from app.connectors.spec import Domain
from app.core.requests import Response, VenueError
from app.core.trading_rule import OrderDraft, check, quantize
from app.core.types import Candle, MarketStatus, OrderType, Side, Ticker, TimeInForce, Trade

Reply = Callable[..., Response]
FILTERS: list[dict[str, Any]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "120", "stepSize": "0"},
    {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": "5",
        "bidMultiplierDown": "0.2",
        "askMultiplierUp": "5",
        "askMultiplierDown": "0.2",
        "avgPriceMins": 5,
    },
    {
        "filterType": "NOTIONAL",
        "minNotional": "5",
        "applyMinToMarket": True,
        "maxNotional": "9000000",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    },
    {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
]
BTCUSDT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "baseCommissionPrecision": 8,
    "quoteCommissionPrecision": 8,
    "orderTypes": [
        "LIMIT",
        "LIMIT_MAKER",
        "MARKET",
        "STOP_LOSS",
        "STOP_LOSS_LIMIT",
        "TAKE_PROFIT",
        "TAKE_PROFIT_LIMIT",
    ],
    "icebergAllowed": True,
    "quoteOrderQtyMarketAllowed": True,
    "allowTrailingStop": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": True,
    "filters": FILTERS,
    "permissions": [],
    "permissionSets": [["SPOT", "MARGIN"]],
    "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
    "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER"],
}


def info(*symbols: dict[str, Any]) -> str:
    return json.dumps({"timezone": "UTC", "serverTime": 1, "rateLimits": [], "exchangeFilters": [], "symbols": symbols})


def with_filter(kind: str, **changes: Any) -> dict[str, Any]:
    return {
        **BTCUSDT,
        "filters": [{**rule, **changes} if rule["filterType"] == kind else rule for rule in FILTERS],
    }


def test_trading_rules(public: BinancePublic, reply: Reply) -> None:
    call = public.get_trading_rules()
    (rule,) = call.parse(reply(info(BTCUSDT)))
    assert (call.request.method, call.request.path, call.request.signed) == ("GET", "/api/v3/exchangeInfo", False)
    assert [(weight.bucket, weight.units) for weight in call.request.weights] == [("weight-1m", 20)]
    assert (rule.pair, rule.symbol, rule.base, rule.quote) == ("BTC-USDT", "BTCUSDT", "BTC", "USDT")
    assert (rule.min_price_increment, rule.min_base_amount_increment) == (Decimal("0.01"), Decimal("0.00001"))
    assert rule.min_quote_amount_increment == Decimal("1E-8")
    assert (rule.min_order_size, rule.max_order_size) == (Decimal("0.00001"), Decimal(9000))
    assert (rule.min_price, rule.max_price) == (Decimal("0.01"), Decimal(1000000))
    assert (rule.min_notional_size, rule.max_notional_size) == (Decimal(5), Decimal(9000000))
    assert rule.order_types == {
        OrderType.LIMIT,
        OrderType.LIMIT_MAKER,
        OrderType.MARKET,
        OrderType.STOP_MARKET,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
    assert rule.times_in_force == frozenset(TimeInForce)
    assert (rule.status, rule.venue_status, rule.frame) == (MarketStatus.TRADING, "TRADING", 7)


def test_the_smallest_value_stands_under_either_name(public: BinancePublic, reply: Reply) -> None:
    older = [rule for rule in FILTERS if rule["filterType"] != "NOTIONAL"]
    older.append({"filterType": "MIN_NOTIONAL", "minNotional": "10.5", "applyToMarket": True, "avgPriceMins": 5})
    (rule,) = public.get_trading_rules().parse(reply(info({**BTCUSDT, "filters": older})))
    assert (rule.min_notional_size, rule.max_notional_size) == (Decimal("10.5"), None)


def test_a_zero_switches_a_rule_off(public: BinancePublic, reply: Reply) -> None:
    free = with_filter("PRICE_FILTER", minPrice="0.00000000", maxPrice="0", tickSize="0.00000000")
    (rule,) = public.get_trading_rules().parse(reply(info(free)))
    assert (rule.min_price, rule.max_price, rule.min_price_increment) == (None, None, Decimal("1E-8"))
    (rule,) = public.get_trading_rules().parse(reply(info({**BTCUSDT, "filters": [], "baseAssetPrecision": 4})))
    assert (rule.min_base_amount_increment, rule.max_order_size, rule.min_order_size) == (Decimal("0.0001"), None, 0)


def test_rules_quantize_without_digits_beyond_the_step(public: BinancePublic, reply: Reply) -> None:
    listed = with_filter("LOT_SIZE", stepSize="0.00100000", minQty="0.00100000")
    (rule,) = public.get_trading_rules().parse(reply(info(listed)))
    draft = OrderDraft(
        pair="BTC-USDT",
        side=Side.SELL,
        type=OrderType.LIMIT,
        price=Decimal("64000.123"),
        amount=Decimal("0.123456789"),
    )
    order = quantize(rule, draft)
    assert (str(order.price), str(order.amount)) == ("64000.13", "0.123")
    assert check(rule, order) == []


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("TRADING", MarketStatus.TRADING),
        ("HALT", MarketStatus.HALTED),
        ("BREAK", MarketStatus.HALTED),
        ("CANCEL_ONLY", MarketStatus.CANCEL_ONLY),
        ("END_OF_DAY", MarketStatus.CLOSED),
        ("NOVELTY", MarketStatus.CLOSED),
    ],
)
def test_market_states(public: BinancePublic, reply: Reply, word: str, status: MarketStatus) -> None:
    (rule,) = public.get_trading_rules().parse(reply(info({**BTCUSDT, "status": word})))
    assert (rule.status, rule.venue_status) == (status, word)


def test_markets_without_spot_trading_and_unknown_words(public: BinancePublic, reply: Reply) -> None:
    row = {**BTCUSDT, "isSpotTradingAllowed": False, "orderTypes": ["LIMIT", "NOVELTY"], "novel": 1}
    (rule,) = public.get_trading_rules().parse(reply(info(row)))
    assert (rule.status, rule.order_types) == (MarketStatus.CLOSED, {OrderType.LIMIT})


def test_the_market_list_tells_which_pair_a_symbol_is(fresh_domain: Domain, reply: Reply) -> None:
    public = BinancePublic(fresh_domain)
    listed = {**BTCUSDT, "symbol": "这是测试币456", "baseAsset": "这是测试币", "quoteAsset": "456"}
    odd = {**BTCUSDT, "symbol": "ABCBTCX", "baseAsset": "ABC", "quoteAsset": "BTCX"}
    public.get_trading_rules().parse(reply(info(listed, odd)))
    trade = {"e": "trade", "E": 1, "t": 1, "p": "1", "q": "1", "T": 1, "m": True, "M": True}
    for symbol, pair in (("这是测试币456", "这是测试币-456"), ("ABCBTCX", "ABC-BTCX")):
        (event,) = public.on_message(json.dumps({**trade, "s": symbol}).encode(), 1)
        assert isinstance(event, Trade)
        assert event.pair == pair
        assert dict(public.get_snapshot(pair).request.params)["symbol"] == symbol


def test_an_account_knows_the_market_list_of_its_deployment(fresh_domain: Domain, reply: Reply) -> None:
    odd = {**BTCUSDT, "symbol": "ABCBTCX", "baseAsset": "ABC", "quoteAsset": "BTCX"}
    private = SPEC.private(fresh_domain, None)  # type: ignore[arg-type]
    SPEC.public(fresh_domain).get_trading_rules().parse(reply(info(odd)))
    (order,) = private.get_open_orders().parse(reply('[{"symbol":"ABCBTCX","orderId":1,"status":"NEW"}]')).items
    assert order.pair == "ABC-BTCX"


TICKER = {
    "symbol": "BNBBTC",
    "priceChange": "-94.99999800",
    "priceChangePercent": "-95.960",
    "lastPrice": "4.00000200",
    "bidPrice": "4.00000000",
    "askPrice": "0.00000000",
    "openPrice": "99.00000000",
    "highPrice": "100.00000000",
    "lowPrice": "0.10000000",
    "volume": "8913.30000000",
    "quoteVolume": "15.30000000",
    "openTime": 1499783499040,
    "closeTime": 1499869899040,
}


def test_tickers(public: BinancePublic, reply: Reply) -> None:
    call = public.get_tickers()
    assert [(weight.bucket, weight.units) for weight in call.request.weights] == [("weight-1m", 80)]
    assert call.parse(reply(json.dumps([TICKER, {**TICKER, "symbol": "DELISTEDUSDT"}]))) == [
        Ticker(
            pair="BNB-BTC",
            last=Decimal("4.00000200"),
            bid=Decimal(4),
            ask=None,
            open=Decimal(99),
            high=Decimal(100),
            low=Decimal("0.1"),
            change=Decimal("-0.9596"),
            base_volume=Decimal("8913.3"),
            quote_volume=Decimal("15.3"),
            exchange_ms=1499869899040,
            frame=7,
        )
    ]


def test_tickers_before_the_market_list_leave_out_what_nobody_can_split(fresh_domain: Domain, reply: Reply) -> None:
    rows = [TICKER, {**TICKER, "symbol": "NOBODYKNOWS"}]
    tickers = BinancePublic(fresh_domain).get_tickers().parse(reply(json.dumps(rows)))
    assert [ticker.pair for ticker in tickers] == ["BNB-BTC"]


def test_past_trades_oldest_first(public: BinancePublic, reply: Reply) -> None:
    row = {"id": 28457, "price": "4.0", "qty": "12.0", "quoteQty": "48", "time": 5, "isBuyerMaker": True}
    call = public.get_trades("BNB-BTC")
    assert (call.request.path, call.request.params) == (
        "/api/v3/trades",
        (("symbol", "BNBBTC"), ("limit", "1000")),
    )
    newer, older = {**row, "id": 28458, "isBuyerMaker": False}, row
    assert call.parse(reply(json.dumps([newer, older]))) == [
        Trade(pair="BNB-BTC", trade_id="28457", taker=Side.SELL, price="4.0", amount="12.0", exchange_ms=5, frame=7),
        Trade(pair="BNB-BTC", trade_id="28458", taker=Side.BUY, price="4.0", amount="12.0", exchange_ms=5, frame=7),
    ]


def test_candles(public: BinancePublic, reply: Reply) -> None:
    call = public.get_candles("BTC-USDT", "1h", 1_790_000_000_000)
    assert call.request.params == (
        ("symbol", "BTCUSDT"),
        ("interval", "1h"),
        ("limit", "1000"),
        ("endTime", "1790000000000"),
    )
    row = [1499040000000, "0.0163", "0.8", "0.0157", "0.0158", "148976.1", 1499644799999, "2434.1", 308, "1", "2", "0"]
    assert call.parse(reply(json.dumps([row]))) == [
        Candle(
            pair="BTC-USDT",
            interval="1h",
            start_ms=1499040000000,
            open="0.0163",
            high="0.8",
            low="0.0157",
            close="0.0158",
            volume="148976.1",
            frame=7,
        )
    ]
    with pytest.raises(ValueError):
        call.parse(reply("[[1]]"))
    with pytest.raises(ValueError, match="no such interval"):
        public.get_candles("BTC-USDT", "7m")


def test_server_time(public: BinancePublic, reply: Reply) -> None:
    assert public.get_server_time().parse(reply('{"serverTime":1790000000000}')) == 1790000000000


def test_refusals_are_raised(public: BinancePublic, reply: Reply) -> None:
    refused = reply('{"code":-1121,"msg":"Invalid symbol."}', 400)
    for call in (public.get_snapshot("BTC-USDT"), public.get_trades("BTC-USDT"), public.get_candles("BTC-USDT", "1m")):
        with pytest.raises(VenueError, match="Invalid symbol"):
            call.parse(refused)
