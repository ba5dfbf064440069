"""An account of Binance over REST: balances, fees, orders, fills and their pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance.private import BinancePrivate
from app.core.account import FeeSchedule
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Response, VenueError
from app.core.types import Balance, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

Reply = Callable[..., Response]
DAY = 86_400_000
NOW = 1_790_000_000_000
ORDER: dict[str, Any] = {
    "symbol": "LTCBTC",
    "orderId": 1,
    "orderListId": -1,
    "clientOrderId": "myOrder1",
    "price": "0.1",
    "origQty": "1.0",
    "executedQty": "0.0",
    "cummulativeQuoteQty": "0.0",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "stopPrice": "0.0",
    "icebergQty": "0.0",
    "time": 1499827319559,
    "updateTime": 1499827319560,
    "isWorking": True,
    "workingTime": 1499827319559,
    "origQuoteOrderQty": "0.000000",
    "selfTradePreventionMode": "NONE",
}
FILL: dict[str, Any] = {
    "symbol": "BNBBTC",
    "id": 28457,
    "orderId": 100234,
    "orderListId": -1,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
    "isBestMatch": True,
}


def order(pair: str = "LTC-BTC", ours: str = "my-1", theirs: str = "") -> InFlightOrder:
    found = InFlightOrder(OrderIntent(client_order_id=ours, pair=pair, side=Side.BUY, type=OrderType.LIMIT))
    found.exchange_order_id = theirs
    return found


def weight(call: Call[Any]) -> int:
    return sum(part.units for part in call.request.weights if part.bucket == "weight-1m")


ACCOUNT = (
    '{"makerCommission":15,"commissionRates":{"maker":"0.00150000","taker":"0.00160000","buyer":"0","seller":"0"},'
    '"canTrade":true,"updateTime":123456789,"balances":[{"asset":"BTC","free":"1.5","locked":"0.5"}],"uid":354937868}'
)


def test_balances(private: BinancePrivate, reply: Reply) -> None:
    call = private.get_balances()
    assert (call.request.path, call.request.params) == ("/api/v3/account", (("omitZeroBalances", "true"),))
    assert call.request.signed and weight(call) == 20
    assert call.parse(reply(ACCOUNT)).items == [
        Balance(asset="BTC", total=Decimal(2), available=Decimal("1.5"), frame=7, source="rest")
    ]


def test_fees_are_fractions_and_not_basis_points(private: BinancePrivate, reply: Reply) -> None:
    call = private.get_fees()
    assert call.parse(reply(ACCOUNT)) == FeeSchedule(
        maker=Decimal("0.0015"), taker=Decimal("0.0016"), source="account", frame=7
    )
    with pytest.raises(ValueError, match="fee rates"):
        call.parse(reply('{"balances":[]}'))


def test_open_orders_of_all_markets_cost_80(private: BinancePrivate, reply: Reply) -> None:
    call = private.get_open_orders()
    assert (call.request.path, call.request.params, weight(call)) == ("/api/v3/openOrders", (), 80)
    page = call.parse(reply(json.dumps([ORDER])))
    assert page.next is None
    assert page.items == [
        OrderUpdate(
            pair="LTC-BTC",
            state=VenueState.OPEN,
            venue_word="NEW",
            exchange_order_id="1",
            client_order_id="myOrder1",
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=Decimal("0.1"),
            amount=Decimal(1),
            filled=Decimal(0),
            filled_quote=Decimal(0),
            created_ms=1499827319559,
            exchange_ms=1499827319560,
            frame=7,
            source="rest",
        )
    ]


def test_stop_orders_quote_sizes_and_lost_totals(private: BinancePrivate, reply: Reply) -> None:
    rows = [
        {**ORDER, "type": "TAKE_PROFIT_LIMIT", "stopPrice": "0.2", "isWorking": False},
        {**ORDER, "type": "MARKET", "price": "0.0", "origQuoteOrderQty": "100.0"},
        {**ORDER, "cummulativeQuoteQty": "-1.0", "status": "FILLED"},
        {**ORDER, "type": "STOP_LOSS", "trailingDelta": 10, "status": "EXPIRED", "expiryReason": "OCO_TRIGGER"},
    ]
    stop, market, old, trailing = private.get_open_orders().parse(reply(json.dumps(rows))).items
    assert (stop.state, stop.type, stop.stop_price) == (
        VenueState.PENDING,
        OrderType.TAKE_PROFIT_LIMIT,
        Decimal("0.2"),
    )
    assert (market.amount, market.quote_amount, market.price) == (None, Decimal(100), None)
    assert (old.state, old.filled_quote) == (VenueState.FILLED, None)
    assert (trailing.type, trailing.state, trailing.reason) == (
        OrderType.TRAILING_STOP,
        VenueState.EXPIRED,
        "OCO_TRIGGER",
    )


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (order(), ("origClientOrderId", "my-1")),
        (order(theirs="21"), ("orderId", "21")),
        (order(ours="", theirs="21"), ("orderId", "21")),
    ],
)
def test_an_order_is_named_by_the_exchanges_id_first(
    private: BinancePrivate, asked: InFlightOrder, named: tuple[str, str]
) -> None:
    call = private.get_order(asked)
    assert (call.request.path, call.request.params) == ("/api/v3/order", (("symbol", "LTCBTC"), named))
    assert weight(call) == 4


def test_an_order_without_any_id_cannot_be_asked_for(private: BinancePrivate) -> None:
    with pytest.raises(ValueError, match="without any id"):
        private.get_order(order(ours=""))


def test_an_order_that_is_not_there(private: BinancePrivate, reply: Reply) -> None:
    with pytest.raises(VenueError) as caught:
        private.get_order(order()).parse(reply('{"code":-2013,"msg":"Order does not exist."}', 400))
    assert caught.value.kind is ErrorKind.NOT_FOUND


# -- fills of one order ------------------------------------------------------------------------------------------------


def test_fills_of_one_order(private: BinancePrivate, reply: Reply) -> None:
    call = private.get_order_fills(order("BNB-BTC", theirs="100234"))
    assert (call.request.path, weight(call)) == ("/api/v3/myTrades", 5)
    assert dict(call.request.params) == {"symbol": "BNBBTC", "orderId": "100234", "limit": "1000"}
    page = call.parse(reply(json.dumps([FILL])))
    assert page.next is None
    assert page.items == [
        Fill(
            pair="BNB-BTC",
            exchange_order_id="100234",
            trade_id="28457",
            side=Side.BUY,
            price=Decimal("4.000001"),
            amount=Decimal(12),
            fee=Decimal("10.1"),
            fee_asset="BNB",
            maker=False,
            exchange_ms=1499865549590,
            id_space="BNBBTC",
            frame=7,
        )
    ]


def test_a_thousand_fills_are_not_all(private: BinancePrivate, reply: Reply) -> None:
    page = private.get_order_fills(order("BNB-BTC", theirs="5")).parse(reply(rows(FILL, range(1000))))
    assert page.next is not None
    assert dict(page.next.request.params)["fromId"] == "1000"
    assert page.next.parse(reply(rows(FILL, [1000]))).next is None


def test_fills_of_an_order_whose_exchange_id_nobody_knows(private: BinancePrivate, reply: Reply) -> None:
    call = private.get_order_fills(order())
    assert call.request.params == (("symbol", "LTCBTC"), ("origClientOrderId", "my-1"))
    page = call.parse(reply(json.dumps({**ORDER, "orderId": 77})))
    assert page.items == [] and page.next is not None
    assert dict(page.next.request.params)["orderId"] == "77"


# -- history, market after market --------------------------------------------------------------------------------------


def rows(sample: dict[str, Any], numbers: Any, time: int = NOW) -> str:
    key = "id" if "id" in sample else "orderId"
    return json.dumps([{**sample, key: number, "time": time, "updateTime": time} for number in numbers])


def params(call: Call[Any] | None) -> dict[str, str]:
    assert call is not None
    return dict(call.request.params)


def test_recent_fills_are_one_question_a_market(private: BinancePrivate, reply: Reply) -> None:
    private.get_order(order("LTC-BTC"))
    private.get_order(order("BNB-BTC"))
    call = private.get_fills(NOW - 600_000)
    assert params(call) == {
        "symbol": "BNBBTC",
        "startTime": str(NOW - 600_000),
        "endTime": str(NOW - 600_000 + DAY - 1),
        "limit": "1000",
    }
    assert weight(call) == 20
    page = call.parse(reply(rows(FILL, [7, 6])))
    assert [fill.trade_id for fill in page.items] == ["6", "7"]
    assert params(page.next)["symbol"] == "LTCBTC"
    assert page.next is not None
    assert page.next.parse(reply("[]")).next is None


def test_a_full_page_goes_on_by_id(private: BinancePrivate, reply: Reply) -> None:
    page = private.get_fills(NOW - DAY // 2).parse(reply(rows(FILL, range(1000))))
    assert params(page.next) == {"symbol": "BTCUSDT", "fromId": "1000", "limit": "1000"}
    assert page.next is not None
    more = page.next.parse(reply(rows(FILL, range(1000, 2000))))
    assert params(more.next)["fromId"] == "2000"
    assert more.next is not None
    assert more.next.parse(reply(rows(FILL, [2000]))).next is None


def test_from_the_first_row_of_a_long_time_the_rest_follows_by_id(private: BinancePrivate, reply: Reply) -> None:
    page = private.get_fills(NOW - 30 * DAY).parse(reply(rows(FILL, [5], NOW - 30 * DAY + 1)))
    assert params(page.next) == {"symbol": "BTCUSDT", "fromId": "6", "limit": "1000"}


def test_an_empty_first_day_asks_for_the_newest(private: BinancePrivate, reply: Reply) -> None:
    page = private.get_order_history(NOW - 30 * DAY).parse(reply("[]"))
    assert params(page.next) == {"symbol": "BTCUSDT", "limit": "1000"}
    assert page.next is not None
    listed = json.loads(rows(ORDER, [3], NOW - 40 * DAY)) + json.loads(rows(ORDER, [4], NOW - DAY))
    newest = page.next.parse(reply(json.dumps(listed)))
    assert [update.exchange_order_id for update in newest.items] == ["4"], "older rows were not asked for"
    assert newest.next is None


def test_where_the_newest_do_not_reach_back_it_goes_day_by_day(private: BinancePrivate, reply: Reply) -> None:
    start = NOW - 3 * DAY
    page = private.get_fills(start).parse(reply("[]"))
    assert page.next is not None
    newest = page.next.parse(reply(rows(FILL, range(5000, 6000))))
    assert params(newest.next)["startTime"] == str(start + DAY)
    assert newest.next is not None
    second = newest.next.parse(reply("[]"))
    assert params(second.next)["startTime"] == str(start + 2 * DAY)
    assert second.next is not None
    third = second.next.parse(reply(rows(FILL, [4990])))
    assert params(third.next) == {"symbol": "BTCUSDT", "fromId": "4991", "limit": "1000"}


def test_without_a_time_the_newest_of_each_market(private: BinancePrivate, reply: Reply) -> None:
    call = private.get_order_history(0)
    assert (call.request.path, params(call)) == ("/api/v3/allOrders", {"symbol": "BTCUSDT", "limit": "1000"})
    assert call.parse(reply(rows(ORDER, range(1000)))).next is None


def test_markets_are_learned_from_orders_and_reports(private: BinancePrivate, reply: Reply) -> None:
    private.get_open_orders().parse(reply(json.dumps([ORDER])))
    report = {"e": "executionReport", "s": "ETHBTC", "i": 1, "X": "NEW", "x": "NEW"}
    private.on_message(json.dumps({"subscriptionId": 0, "event": report}).encode(), 1)
    private.cancel_order(order("BNB-USDT"))
    page = private.get_fills(NOW).parse(reply("[]"))
    assert params(private.get_fills(NOW))["symbol"] == "BNBUSDT"
    assert params(page.next)["symbol"] == "LTCBTC"
    assert page.next is not None
    assert params(page.next.parse(reply("[]")).next)["symbol"] == "ETHBTC"


def test_asking_the_same_page_again_gives_the_same(private: BinancePrivate, reply: Reply) -> None:
    call = private.get_fills(0)
    answer = reply(rows(FILL, [1, 2]))
    assert call.parse(answer).items == call.parse(answer).items
