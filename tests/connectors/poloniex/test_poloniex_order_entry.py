from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.poloniex.private import PoloniexPrivate
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Response, VenueError
from app.core.types import OrderType, Side, TimeInForce

Reply = Callable[..., Response]


def intent(**changes: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "client_order_id": "app-1",
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "price": Decimal("40000.50"),
        "amount": Decimal("0.001"),
    }
    return OrderIntent(**{**terms, **changes})


def order(kind: OrderType = OrderType.LIMIT, ours: str = "app-1", theirs: str = "") -> InFlightOrder:
    found = InFlightOrder(intent(client_order_id=ours, type=kind))
    found.exchange_order_id = theirs
    return found


def body(call: Call[Any]) -> Any:
    return json.loads(call.request.body)


# -- placing -----------------------------------------------------------------------------------------------------------


def test_limit_order_as_the_sheet_has_it(private: PoloniexPrivate) -> None:
    call = private.place_order(intent())
    assert (call.request.method, call.request.path, call.request.signed) == ("POST", "/orders", True)
    assert call.request.priority is Priority.PLACE
    assert call.request.body == (
        b'{"symbol":"BTC_USDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","price":"40000.50",'
        b'"quantity":"0.001","clientOrderId":"app-1"}'
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"time_in_force": TimeInForce.FOK},
            {"type": "LIMIT", "timeInForce": "FOK", "price": "40000.50", "quantity": "0.001"},
        ),
        ({"type": OrderType.LIMIT_MAKER}, {"type": "LIMIT_MAKER", "price": "40000.50", "quantity": "0.001"}),
        (
            {"type": OrderType.MARKET, "price": None, "amount": None, "quote_amount": Decimal("100")},
            {"type": "MARKET", "amount": "100"},
        ),
        (
            {"type": OrderType.MARKET, "side": Side.SELL, "price": None},
            {"type": "MARKET", "side": "SELL", "quantity": "0.001"},
        ),
    ],
)
def test_order_kinds(private: PoloniexPrivate, changes: dict[str, Any], expected: dict[str, str]) -> None:
    common = {"symbol": "BTC_USDT", "side": "BUY", "clientOrderId": "app-1"}
    assert body(private.place_order(intent(**changes))) == {**common, **expected}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": Decimal("41000")},
            {
                "type": "STOP_LIMIT",
                "timeInForce": "GTC",
                "stopPrice": "41000",
                "price": "40000.50",
                "quantity": "0.001",
            },
        ),
        (
            {"type": OrderType.STOP_MARKET, "stop_price": Decimal("41000"), "price": None},
            {"type": "STOP", "stopPrice": "41000", "quantity": "0.001"},
        ),
        (
            {
                "type": OrderType.STOP_MARKET,
                "stop_price": Decimal("41000"),
                "amount": None,
                "quote_amount": Decimal(50),
            },
            {"type": "STOP", "stopPrice": "41000", "amount": "50"},
        ),
    ],
)
def test_stop_orders_have_a_path_of_their_own(
    private: PoloniexPrivate, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    call = private.place_order(intent(**changes))
    assert call.request.path == "/smartorders"
    assert body(call) == {"symbol": "BTC_USDT", "side": "BUY", "clientOrderId": "app-1", **expected}


def test_numbers_never_go_out_in_exponents(private: PoloniexPrivate) -> None:
    sent = body(private.place_order(intent(price=Decimal("9.12E-7"), amount=Decimal("1E+3"))))
    assert (sent["price"], sent["quantity"]) == ("0.000000912", "1000")


@pytest.mark.parametrize(
    "changes",
    [
        {"type": OrderType.MARKET},
        {"type": OrderType.MARKET, "side": Side.SELL, "amount": None, "quote_amount": Decimal(5)},
        {"price": None},
        {"amount": None},
        {"type": OrderType.STOP_LIMIT},
        {"type": OrderType.TAKE_PROFIT},
        {"type": OrderType.TRAILING_STOP},
    ],
)
def test_an_order_without_a_form_is_not_built(private: PoloniexPrivate, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        private.place_order(intent(**changes))


def test_taken(private: PoloniexPrivate, reply: Reply) -> None:
    accepted = private.place_order(intent()).parse(reply('{"id":"29772698821328896","clientOrderId":"app-1"}'))
    assert (accepted.exchange_order_id, accepted.frame, accepted.update) == ("29772698821328896", 7, None)


@pytest.mark.parametrize(
    ("status", "text", "kind", "definite"),
    [
        (400, '{"code":21709,"message":"Low available balance"}', ErrorKind.REJECTED, True),
        (400, '{"code":21312,"message":"Client orderId already exists"}', ErrorKind.DUPLICATE_ID, False),
        (200, '{"code":21709,"message":"Low available balance","clientOrderId":""}', ErrorKind.REJECTED, True),
        (502, "<html>", ErrorKind.UNAVAILABLE, False),
        (400, '{"code":99999,"message":"novelty"}', ErrorKind.UNKNOWN, False),
    ],
)
def test_refused(
    private: PoloniexPrivate, reply: Reply, status: int, text: str, kind: ErrorKind, definite: bool
) -> None:
    with pytest.raises(VenueError) as caught:
        private.place_order(intent()).parse(reply(text, status))
    assert (caught.value.kind, caught.value.kind.is_definite) == (kind, definite)


@pytest.mark.parametrize("text", ["", "{}", '{"id":"","clientOrderId":"app-1"}', '{"id":"0"}', "[]"])
def test_an_unreadable_answer_is_no_answer(private: PoloniexPrivate, reply: Reply, text: str) -> None:
    with pytest.raises(ValueError):
        private.place_order(intent()).parse(reply(text))


# -- cancelling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (order(theirs="2108"), "/orders/2108"),
        (order(), "/orders/cid:app-1"),
        (order(OrderType.STOP_LIMIT, theirs="31"), "/smartorders/31"),
    ],
)
def test_cancel_one(private: PoloniexPrivate, asked: InFlightOrder, path: str) -> None:
    request = private.cancel_order(asked).request
    assert (request.method, request.path, request.body, request.priority) == ("DELETE", path, b"", Priority.CANCEL)


def test_a_cancel_taken_is_not_yet_the_end(private: PoloniexPrivate, reply: Reply) -> None:
    text = '{"orderId":"2108","clientOrderId":"","state":"PENDING_CANCEL","code":200,"message":""}'
    answer = private.cancel_order(order(theirs="2108")).parse(reply(text))
    assert (answer.exchange_order_id, answer.client_order_id, answer.accepted) == ("2108", "app-1", True)
    assert (answer.final, answer.error, answer.frame) == (None, None, 7)


def test_cancel_of_an_order_already_closed(private: PoloniexPrivate, reply: Reply) -> None:
    with pytest.raises(VenueError) as caught:
        private.cancel_order(order()).parse(reply('{"code":21304,"message":"Order is filled"}', 400))
    assert caught.value.kind is ErrorKind.ALREADY_DONE


def test_exactly_these_in_the_fewest_calls(private: PoloniexPrivate) -> None:
    calls = private.cancel_orders(
        [
            order(ours="a", theirs="1"),
            order(OrderType.STOP_LIMIT, ours="s", theirs="31"),
            order(ours="b"),
            order(OrderType.LIMIT_MAKER, ours="c", theirs="3"),
        ]
    )
    assert [(call.request.method, call.request.path) for call in calls] == [
        ("DELETE", "/orders/cancelByIds"),
        ("DELETE", "/smartorders/31"),
    ]
    assert body(calls[0]) == {"orderIds": ["1", "3"], "clientOrderIds": ["b"]}


def test_answers_are_read_row_by_row(private: PoloniexPrivate, reply: Reply) -> None:
    (call,) = private.cancel_orders([order(ours="a", theirs="1"), order(ours="b", theirs="2")])
    taken, refused = call.parse(
        reply(
            '[{"orderId":"1","clientOrderId":"a","state":"PENDING_CANCEL","code":200,"message":""},'
            '{"orderId":"2","clientOrderId":"b","state":"","code":21301,"message":"Order not found"}]'
        )
    )
    assert (taken.exchange_order_id, taken.accepted) == ("1", True)
    assert (refused.client_order_id, refused.accepted, refused.words) == ("b", False, "Order not found")
    assert refused.error is not None
    assert refused.error.kind is ErrorKind.NOT_FOUND


def test_cancel_all_of_a_pair_and_of_the_account(private: PoloniexPrivate, reply: Reply) -> None:
    calls = private.cancel_all("BTC-USDT")
    assert [(call.request.method, call.request.path) for call in calls] == [
        ("DELETE", "/orders"),
        ("DELETE", "/smartorders"),
    ]
    assert [body(call) for call in calls] == [{"symbols": ["BTC_USDT"], "accountTypes": ["SPOT"]}] * 2
    assert [body(call) for call in private.cancel_all(None)] == [{"symbols": [], "accountTypes": ["SPOT"]}] * 2
    assert calls[0].parse(reply("[]")) == []


# -- the safety timer --------------------------------------------------------------------------------------------------


def test_kill_switch(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.kill_switch(30)
    assert (call.request.method, call.request.path, body(call)) == ("POST", "/orders/killSwitch", {"timeout": "30"})
    assert call.parse(reply('{"startTime":1665456130000,"cancellationTime":1665456160000}')) == 1665456160000


def test_disarming_where_none_runs_says_so(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.kill_switch(None)
    assert body(call) == {"timeout": "-1"}
    assert call.parse(reply('{"startTime":1665456130000,"cancellationTime":1665456130000}')) == 0
    with pytest.raises(VenueError) as refused:
        call.parse(reply('{"code":25020,"message":"No active kill switch"}', 400))
    assert refused.value.kind is ErrorKind.NOT_FOUND


def test_a_running_timer_is_asked_for(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.kill_switch_status()
    assert (call.request.method, call.request.path, call.request.signed) == ("GET", "/orders/killSwitchStatus", True)
    assert call.parse(reply('{"startTime":1665456130000,"cancellationTime":1665456160000}')) == 1665456160000
    with pytest.raises(VenueError) as refused:
        call.parse(reply('{"code":25020,"message":"No active kill switch"}', 400))
    assert refused.value.kind is ErrorKind.NOT_FOUND


@pytest.mark.parametrize("seconds", [0, 9, 601, -1])
def test_kill_switch_range(private: PoloniexPrivate, seconds: int) -> None:
    with pytest.raises(ValueError, match="10 to 600"):
        private.kill_switch(seconds)
