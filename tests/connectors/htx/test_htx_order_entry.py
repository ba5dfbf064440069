"""What is sent to place and to cancel on HTX, and what its answers come to."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.htx.private import HtxPrivate
from app.connectors.spec import PlaceAccepted
from app.core.client_order_id import is_ours
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, VenueError
from app.core.types import OrderType, Side, TimeInForce
from tests.connectors.htx.conftest import Reply

D = Decimal
OURS = "k01ARZ3NDEKTSV4RRFFQ69G5FAV"


def intent(type: OrderType = OrderType.LIMIT, side: Side = Side.BUY, **fields: Any) -> OrderIntent:
    terms: dict[str, Any] = {"price": D("20000.10"), "amount": D("0.0100"), "client_order_id": OURS, **fields}
    return OrderIntent(pair="BTC-USDT", side=side, type=type, **terms)


def body(call: Call[Any]) -> dict[str, Any]:
    request = call.request
    assert (request.method, request.signed, request.params) == ("POST", True, ())
    found: dict[str, Any] = json.loads(request.body)
    return found


def known(ours: str = OURS, theirs: str = "", type: OrderType = OrderType.LIMIT) -> InFlightOrder:
    order = InFlightOrder(intent(type, client_order_id=ours))
    order.exchange_order_id = theirs
    return order


# -- placing -----------------------------------------------------------------------------------------------------------


def test_a_limit_order(private: HtxPrivate, reply: Reply) -> None:
    call = private.place_order(intent())
    assert (call.request.path, call.request.priority) == ("/v1/order/orders/place", Priority.PLACE)
    assert body(call) == {
        "account-id": "123456",
        "symbol": "btcusdt",
        "type": "buy-limit",
        "amount": "0.0100",
        "price": "20000.10",
        "source": "spot-api",
        "client-order-id": OURS,
    }
    assert is_ours(OURS)
    assert call.parse(reply('{"status":"ok","data":"356501383558845"}')) == PlaceAccepted("356501383558845", 7)
    with pytest.raises(ValueError, match="no order id"):
        call.parse(reply('{"status":"ok","data":""}'))
    with pytest.raises(VenueError) as refusal:
        call.parse(reply('{"status":"error","err-code":"timeout","err-msg":"","data":null}'))
    assert not refusal.value.kind.is_definite


@pytest.mark.parametrize(
    ("type", "time_in_force", "word"),
    [
        (OrderType.LIMIT, TimeInForce.IOC, "sell-ioc"),
        (OrderType.LIMIT, TimeInForce.FOK, "sell-limit-fok"),
        (OrderType.LIMIT_MAKER, TimeInForce.GTC, "sell-limit-maker"),
        (OrderType.MARKET, TimeInForce.GTC, "sell-market"),
        (OrderType.STOP_LIMIT, TimeInForce.GTC, "sell-stop-limit"),
        (OrderType.TAKE_PROFIT_LIMIT, TimeInForce.FOK, "sell-stop-limit-fok"),
    ],
)
def test_words_of_types(private: HtxPrivate, type: OrderType, time_in_force: TimeInForce, word: str) -> None:
    sent = body(private.place_order(intent(type, Side.SELL, time_in_force=time_in_force, stop_price=D(1))))
    assert (sent["type"], sent["amount"]) == (word, "0.0100")
    assert ("price" in sent) is (type is not OrderType.MARKET)
    assert ("stop-price" in sent) is type.has_stop_price


def test_a_market_buy_is_sized_in_quote(private: HtxPrivate) -> None:
    sent = body(private.place_order(intent(OrderType.MARKET, price=None, amount=None, quote_amount=D("200.5"))))
    assert (sent["type"], sent["amount"], "price" in sent) == ("buy-market", "200.5", False)
    with pytest.raises(ValueError, match="needs a total"):
        private.place_order(intent(OrderType.MARKET, price=None))


@pytest.mark.parametrize(
    ("type", "side", "operator"),
    [
        (OrderType.STOP_LIMIT, Side.BUY, "gte"),
        (OrderType.STOP_LIMIT, Side.SELL, "lte"),
        (OrderType.TAKE_PROFIT_LIMIT, Side.BUY, "lte"),
        (OrderType.TAKE_PROFIT_LIMIT, Side.SELL, "gte"),
    ],
)
def test_which_way_a_stop_waits(private: HtxPrivate, type: OrderType, side: Side, operator: str) -> None:
    sent = body(private.place_order(intent(type, side, stop_price=D("19999.5"))))
    assert (sent["operator"], sent["stop-price"], sent["price"]) == (operator, "19999.5", "20000.10")


def test_a_stop_at_market_is_a_conditional_order_under_our_id(private: HtxPrivate, reply: Reply) -> None:
    call = private.place_order(intent(OrderType.STOP_MARKET, Side.SELL, price=None, stop_price=D("19999.5")))
    assert call.request.path == "/v2/algo-orders"
    assert body(call) == {
        "accountId": 123456,
        "symbol": "btcusdt",
        "orderSide": "sell",
        "orderType": "market",
        "orderSize": "0.0100",
        "stopPrice": "19999.5",
        "clientOrderId": OURS,
    }
    accepted = call.parse(reply(json.dumps({"code": 200, "data": {"clientOrderId": OURS}})))
    assert accepted == PlaceAccepted("", 7)
    assert body(private.cancel_all("BTC-USDT")[-1]) == {"clientOrderIds": [OURS]}, "it is known to wait from now on"
    buy = intent(OrderType.TAKE_PROFIT, price=None, amount=None, quote_amount=D(50), stop_price=D(1))
    assert body(private.place_order(buy))["orderValue"] == "50"


@pytest.mark.parametrize(
    "impossible",
    [
        intent(OrderType.TRAILING_STOP),
        intent(OrderType.LIMIT_MAKER, time_in_force=TimeInForce.IOC),
        intent(OrderType.STOP_LIMIT, stop_price=D(1), time_in_force=TimeInForce.IOC),
        intent(OrderType.STOP_MARKET, stop_price=D(1), quote_amount=D(1), time_in_force=TimeInForce.FOK),
        intent(OrderType.STOP_LIMIT),
        intent(price=None),
        intent(amount=None),
    ],
)
def test_what_has_no_form_is_not_sent(private: HtxPrivate, impossible: OrderIntent) -> None:
    with pytest.raises(ValueError):
        private.place_order(impossible)


def test_nothing_is_placed_before_the_account_is_known(unknown_account: HtxPrivate) -> None:
    with pytest.raises(ValueError, match="not known yet"):
        unknown_account.place_order(intent())
    assert unknown_account.cancel_all(None) == ()


def test_what_the_exchange_does_not_offer(private: HtxPrivate) -> None:
    private.preview_order(intent())
    private.amend_order(known(theirs="1"), D(1), None)


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_cancel_by_number(private: HtxPrivate, reply: Reply) -> None:
    call = private.cancel_order(known(theirs="59378"))
    assert (call.request.path, body(call)) == ("/v1/order/orders/59378/submitcancel", {})
    assert call.request.priority is Priority.CANCEL
    answer = call.parse(reply('{"status":"ok","data":"59378"}'))
    assert (answer.accepted, answer.final, answer.exchange_order_id) == (True, None, "59378")
    with pytest.raises(VenueError, match="order is filled") as refusal:
        text = (
            '{"status":"error","err-code":"order-orderstate-error","err-msg":"Incorrect order state","order-state":6}'
        )
        call.parse(reply(text))
    assert refusal.value.kind is ErrorKind.ALREADY_DONE


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (10, None),
        (7, None),
        (5, None),
        (0, ErrorKind.NOT_FOUND),
        (6, ErrorKind.ALREADY_DONE),
        (-1, ErrorKind.ALREADY_DONE),
    ],
)
def test_cancel_by_our_id_says_ok_even_when_not_found(
    private: HtxPrivate, reply: Reply, state: int, kind: ErrorKind | None
) -> None:
    call = private.cancel_order(known())
    assert call.request.path == "/v1/order/orders/submitCancelClientOrder"
    assert body(call) == {"client-order-id": OURS}
    if kind is None:
        assert call.parse(reply(state)).accepted
        return
    with pytest.raises(VenueError) as refusal:
        call.parse(reply(state))
    assert refusal.value.kind is kind


def test_many_are_cancelled_by_fifty_and_by_kind_of_name(private: HtxPrivate) -> None:
    orders = [known(f"k{number}", str(number + 1)) for number in range(51)]
    orders += [known("lost"), known("stop", type=OrderType.STOP_MARKET)]
    calls = private.cancel_orders(orders)
    assert [call.request.path for call in calls] == ["/v1/order/orders/batchcancel"] * 3 + [
        "/v2/algo-orders/cancellation"
    ]
    assert [len(next(iter(body(call).values()))) for call in calls] == [50, 1, 1, 1]
    assert [body(call) for call in calls[1:]] == [
        {"order-ids": ["51"]},
        {"client-order-ids": ["lost"]},
        {"clientOrderIds": ["stop"]},
    ]


def test_each_of_many_has_its_own_answer(private: HtxPrivate, reply: Reply) -> None:
    (call,) = private.cancel_orders([known(theirs="123"), known("x", "124"), known("y", "125")])
    row = {"order-id": "124", "client-order-id": "x", "err-code": "base-not-found", "err-msg": "gone", "order-state": 7}
    under_way = {"order-id": "125", "client-order-id": "", "err-code": "order-orderstate-error", "order-state": 10}
    taken, refused, going = call.parse(reply({"success": ["123"], "failed": [row, under_way]}))
    assert (taken.exchange_order_id, taken.accepted) == ("123", True)
    assert (refused.exchange_order_id, refused.client_order_id, refused.accepted) == ("124", "x", False)
    assert refused.words == "gone (order is cancelled)" and refused.error is not None
    assert (going.exchange_order_id, going.accepted) == ("125", True)


def test_a_conditional_order_is_cancelled_by_our_id(private: HtxPrivate, reply: Reply) -> None:
    call = private.cancel_order(known(type=OrderType.STOP_MARKET))
    assert (call.request.path, body(call)) == ("/v2/algo-orders/cancellation", {"clientOrderIds": [OURS]})
    answer = call.parse(reply(json.dumps({"code": 200, "data": {"accepted": [OURS], "rejected": []}})))
    assert (answer.accepted, answer.client_order_id) == (True, OURS)
    with pytest.raises(VenueError) as refusal:
        call.parse(reply(json.dumps({"code": 200, "data": {"accepted": [], "rejected": [OURS]}})))
    assert refusal.value.kind is ErrorKind.ALREADY_DONE
    went_off = private.cancel_order(known(theirs="77", type=OrderType.STOP_MARKET))
    assert went_off.request.path == "/v1/order/orders/77/submitcancel"


def test_everything_of_a_pair_or_of_the_account(private: HtxPrivate, reply: Reply) -> None:
    (call,) = private.cancel_all("BTC-USDT")
    assert call.request.path == "/v1/order/orders/batchCancelOpenOrders"
    assert body(call) == {"account-id": "123456", "size": "100", "symbol": "btcusdt"}
    assert call.parse(reply({"success-count": 2, "failed-count": 0, "next-id": -1})) == []
    (whole,) = private.cancel_all(None)
    assert body(whole) == {"account-id": "123456", "size": "100"}


def test_everything_includes_conditional_orders_and_more_than_a_hundred(private: HtxPrivate, reply: Reply) -> None:
    row = {"symbol": "btcusdt", "state": "submitted", "type": "buy-limit"}
    page = private.get_open_orders().parse(reply([{**row, "id": number + 1} for number in range(250)]))
    algos = [{"symbol": "btcusdt", "clientOrderId": "a1"}, {"symbol": "ethusdt", "clientOrderId": "a2"}]
    assert page.next is not None
    page.next.parse(reply(json.dumps({"code": 200, "data": algos})))
    paths = [call.request.path.rpartition("/")[2] for call in private.cancel_all(None)]
    assert paths == ["batchCancelOpenOrders"] * 3 + ["cancellation"]
    assert body(private.cancel_all(None)[-1]) == {"clientOrderIds": ["a1", "a2"]}
    assert body(private.cancel_all("ETH-USDT")[-1]) == {"clientOrderIds": ["a2"]}


def test_the_safety_timer(private: HtxPrivate, reply: Reply) -> None:
    call = private.kill_switch(10)
    assert (call.request.path, body(call)) == ("/v2/algo-orders/cancel-all-after", {"timeout": "10"})
    told = {"code": 200, "data": {"currentTime": 1_790_000_000_000, "triggerTime": 1_790_000_009_999}}
    assert call.parse(reply(json.dumps(told))) == 1_790_000_009_999
    assert call.parse(reply('{"code":200,"data":{}}', received_ms=1_000)) == 11_000
    off = private.kill_switch(None)
    assert body(off) == {"timeout": "0"} and off.parse(reply('{"code":200,"data":null}')) == 0
    with pytest.raises(ValueError, match="5 seconds or more"):
        private.kill_switch(4)
