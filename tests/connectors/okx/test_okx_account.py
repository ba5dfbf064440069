from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.okx.private import OkxPrivate
from app.core.account import FeeSchedule
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Page, Response, VenueError
from app.core.types import Balance, Fill, OrderType, Side, VenueState

Reply = Callable[..., Response]

DAY = 86_400_000
NOW = 1_790_000_000_000
ORDER = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "ordId": "312269865356374016",
    "clOrdId": "abc123",
    "side": "buy",
    "ordType": "limit",
    "px": "41006.3",
    "sz": "0.5",
    "tgtCcy": "",
    "state": "partially_filled",
    "accFillSz": "0.2",
    "avgPx": "41000",
    "algoId": "",
    "cTime": "1789999990000",
    "uTime": "1789999991000",
}
STOP = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "algoId": "31",
    "algoClOrdId": "stop1",
    "ordType": "trigger",
    "side": "sell",
    "sz": "2",
    "triggerPx": "30000",
    "ordPx": "29900",
    "state": "live",
    "cTime": "5",
    "uTime": "6",
}
FILL = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "tradeId": "242589207",
    "ordId": "452197707845865472",
    "clOrdId": "abc123",
    "billId": "1111",
    "side": "sell",
    "posSide": "",
    "fillPx": "31527.1",
    "fillSz": "0.001",
    "fillTime": "1790000000263",
    "fee": "-0.02522168",
    "feeCcy": "USDT",
    "feeRate": "-0.0008",
    "execType": "M",
    "subType": "1",
    "tag": "",
    "ts": "1790000000270",
}


def order(kind: OrderType = OrderType.LIMIT, ours: str = "abc123", theirs: str = "", became: str = "") -> InFlightOrder:
    found = InFlightOrder(
        OrderIntent(client_order_id=ours, pair="BTC-USDT", side=Side.BUY, type=kind, created_ms=NOW - 5_000)
    )
    found.exchange_order_id = theirs
    found.triggered_order_id = became
    return found


def params(call: Call[Any]) -> dict[str, str]:
    return dict(call.request.params)


def pages(call: Call[Page[Any]] | None, *answers: Response) -> list[tuple[str, list[Any]]]:
    """Path and items of each page, reading on as long as there are answers."""
    read = []
    for answer in answers:
        assert call is not None
        page = call.parse(answer)
        read.append((call.request.path, page.items))
        call = page.next
    assert call is None
    return read


def test_balances(private: OkxPrivate, reply: Reply) -> None:
    call = private.get_balances()
    assert (call.request.path, call.request.signed) == ("/api/v5/account/balance", True)
    usdt = {"ccy": "USDT", "cashBal": "4.5", "availBal": "3", "frozenBal": "1.5", "eq": "4.5", "uTime": "300"}
    assert call.parse(reply([{"uTime": "311", "details": [usdt]}])).items == [
        Balance(asset="USDT", total=Decimal("4.5"), available=Decimal(3), exchange_ms=300, frame=7, source="rest")
    ]


def test_fee_rates_are_turned_round(private: OkxPrivate, reply: Reply) -> None:
    row = json.loads(
        """{"category":"1","instType":"SPOT","level":"Lv1","maker":"-0.0008","taker":"-0.001","makerU":"","takerU":"",
        "makerUSDC":"","takerUSDC":"","delivery":"","exercise":"","fiat":[],"ts":"1763979985847"}"""
    )
    call = private.get_fees()
    assert (call.request.path, params(call)) == ("/api/v5/account/trade-fee", {"instType": "SPOT"})
    expected = FeeSchedule(maker=Decimal("0.0008"), taker=Decimal("0.001"), source="account", frame=7)
    assert call.parse(reply([row])) == expected
    grouped = {**row, "maker": "", "taker": "", "feeGroup": [{"groupId": "1", "maker": "-0.0008", "taker": "-0.001"}]}
    assert call.parse(reply([grouped])) == expected
    rebate = call.parse(reply([{**row, "maker": "0.0001"}]))
    assert rebate.maker == Decimal("-0.0001")
    for broken in ([], [{"maker": "", "taker": ""}]):
        with pytest.raises(ValueError):
            call.parse(reply(broken))


def test_open_orders_go_on_to_the_waiting_stop_orders(private: OkxPrivate, reply: Reply) -> None:
    call = private.get_open_orders()
    assert (call.request.path, params(call)) == ("/api/v5/trade/orders-pending", {"instType": "SPOT", "limit": "100"})
    swap = {**STOP, "instType": "SWAP", "instId": "BTC-USDT-SWAP"}
    read = pages(call, reply([ORDER]), reply([STOP, swap]), reply([]))
    assert [path for path, _ in read] == ["/api/v5/trade/orders-pending"] + ["/api/v5/trade/orders-algo-pending"] * 2
    (update,), (stop,) = read[0][1], read[1][1]
    assert (update.state, update.filled, update.filled_quote) == (VenueState.OPEN, Decimal("0.2"), Decimal("8200"))
    assert (update.exchange_order_id, update.client_order_id, update.source) == ("312269865356374016", "abc123", "rest")
    assert (stop.state, stop.type, stop.exchange_order_id) == (VenueState.PENDING, OrderType.STOP_LIMIT, "31")


def test_both_kinds_of_stop_orders_are_asked_for(private: OkxPrivate, reply: Reply) -> None:
    second = private.get_open_orders().parse(reply([])).next
    assert second is not None
    third = second.parse(reply([])).next
    assert third is not None
    assert [params(call)["ordType"] for call in (second, third)] == ["trigger", "conditional"]


def test_open_orders_page_by_the_last_id(private: OkxPrivate, reply: Reply) -> None:
    full = [{**ORDER, "ordId": str(1000 - number)} for number in range(100)]
    second = private.get_open_orders().parse(reply(full)).next
    assert second is not None
    assert (second.request.path, params(second)["after"]) == ("/api/v5/trade/orders-pending", "901")
    again = second.parse(reply(full)).next
    assert again is not None
    assert again.request.path == "/api/v5/trade/orders-algo-pending"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (order(), ("clOrdId", "abc123")),
        (order(theirs="21"), ("clOrdId", "abc123")),
        (order(ours="", theirs="21"), ("ordId", "21")),
        (order(OrderType.STOP_LIMIT, theirs="31", became="99"), ("ordId", "99")),
    ],
)
def test_an_order_is_asked_for_by_our_id_first(
    private: OkxPrivate, asked: InFlightOrder, name: tuple[str, str]
) -> None:
    request = private.get_order(asked).request
    assert (request.path, request.params) == ("/api/v5/trade/order", (("instId", "BTC-USDT"), name))


def test_an_order_that_is_not_there(private: OkxPrivate, reply: Reply) -> None:
    for answer in (reply('{"code":"51603","msg":"Order does not exist","data":[]}'), reply([])):
        with pytest.raises(VenueError) as caught:
            private.get_order(order()).parse(answer)
        assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(ValueError, match="without any id"):
        private.get_order(order(ours=""))


def test_a_stop_order_is_looked_for_among_those_that_wait(private: OkxPrivate, reply: Reply) -> None:
    call = private.get_order(order(OrderType.STOP_LIMIT, ours="stop1"))
    assert (call.request.path, params(call)["ordType"]) == ("/api/v5/trade/orders-algo-pending", "trigger")
    update = call.parse(reply([{**STOP, "algoId": "30", "algoClOrdId": ""}, STOP]))
    assert (update.exchange_order_id, update.stop_price) == ("31", Decimal(30000))
    foreign = private.get_order(order(OrderType.STOP_MARKET, ours="", theirs="31"))
    assert foreign.parse(reply([STOP])).client_order_id == "stop1"
    assert params(private.get_order(order(OrderType.TAKE_PROFIT)))["ordType"] == "conditional"


def test_a_stop_order_that_does_not_wait_is_not_called_cancelled(private: OkxPrivate, reply: Reply) -> None:
    call = private.get_order(order(OrderType.STOP_LIMIT, ours="gone"))
    with pytest.raises(VenueError) as caught:
        call.parse(reply([STOP]))
    assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(VenueError) as caught:
        call.parse(reply([STOP] * 100))
    assert caught.value.kind is ErrorKind.UNKNOWN


# -- executions --------------------------------------------------------------------------------------------------------


def test_fills_of_one_order(private: OkxPrivate, reply: Reply) -> None:
    call = private.get_order_fills(order(theirs="452197707845865472"))
    assert call.request.path == "/api/v5/trade/fills"
    assert params(call) == {"instType": "SPOT", "instId": "BTC-USDT", "ordId": "452197707845865472", "limit": "100"}
    assert pages(call, reply([FILL])) == [
        (
            "/api/v5/trade/fills",
            [
                Fill(
                    pair="BTC-USDT",
                    exchange_order_id="452197707845865472",
                    trade_id="242589207",
                    side=Side.SELL,
                    price=Decimal("31527.1"),
                    amount=Decimal("0.001"),
                    fee=Decimal("0.02522168"),
                    fee_asset="USDT",
                    maker=True,
                    client_order_id="abc123",
                    exchange_ms=1790000000263,
                    id_space="BTC-USDT",
                    frame=7,
                )
            ],
        )
    ]


def test_fills_of_a_stop_order_are_those_of_what_it_became(private: OkxPrivate) -> None:
    assert params(private.get_order_fills(order(OrderType.STOP_LIMIT, theirs="31", became="99")))["ordId"] == "99"


def test_fills_of_an_order_whose_exchange_id_nobody_knows(private: OkxPrivate, reply: Reply) -> None:
    call = private.get_order_fills(order())
    assert params(call)["begin"] == str(NOW - 65_000)
    ((_, fills),) = pages(call, reply([FILL, {**FILL, "tradeId": "2", "clOrdId": "another"}]))
    assert [fill.trade_id for fill in fills] == ["242589207"]


def test_fills_page_backwards_by_bill_id(private: OkxPrivate, reply: Reply) -> None:
    call = private.get_fills(NOW - DAY)
    assert params(call) == {"instType": "SPOT", "begin": str(NOW - DAY), "limit": "100"}
    full = [{**FILL, "tradeId": str(number), "billId": str(900 - number)} for number in range(100)]
    second = call.parse(reply(full)).next
    assert second is not None
    assert params(second) == {"instType": "SPOT", "begin": str(NOW - DAY), "limit": "100", "after": "801"}
    assert second.parse(reply([FILL])).next is None


def test_fills_older_than_three_days_come_from_the_archive(private: OkxPrivate, reply: Reply) -> None:
    read = pages(private.get_fills(NOW - 4 * DAY), reply([FILL]), reply([FILL]))
    assert [path for path, _ in read] == ["/api/v5/trade/fills", "/api/v5/trade/fills-history"]
    assert "begin" not in params(private.get_fills(0))
    pages(private.get_fills(0), reply([]))


def test_a_fill_without_side_or_id_is_unreadable(private: OkxPrivate, reply: Reply) -> None:
    for change in ({"side": "swap"}, {"tradeId": ""}):
        with pytest.raises(ValueError):
            private.get_fills(0).parse(reply([{**FILL, **change}]))


# -- history -----------------------------------------------------------------------------------------------------------


def test_history_holds_what_changed_since(private: OkxPrivate, reply: Reply) -> None:
    since = 1789999991000
    old = {**ORDER, "uTime": "1789999990999"}
    gone = {**ORDER, "state": "canceled"}
    ((path, updates),) = pages(private.get_order_history(since), reply([gone, old]))
    assert path == "/api/v5/trade/orders-history"
    assert [update.state for update in updates] == [VenueState.CANCELED]


def test_history_older_than_a_week_comes_from_the_archive(private: OkxPrivate, reply: Reply) -> None:
    read = pages(private.get_order_history(NOW - 8 * DAY), reply([]), reply([ORDER]))
    assert [path for path, _ in read] == [
        "/api/v5/trade/orders-history",
        "/api/v5/trade/orders-history-archive",
    ]
    assert len(read[1][1]) == 1
    pages(private.get_order_history(0), reply([]))
