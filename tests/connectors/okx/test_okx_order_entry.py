from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from app.connectors.okx import SPEC
from app.connectors.okx.private import OkxPrivate
from app.core.client_order_id import new_client_order_id
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Response, VenueError
from app.core.types import OrderType, Side, TimeInForce, VenueState

Reply = Callable[..., Response]


def intent(**changes: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "client_order_id": "abc123",
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "price": Decimal("2.15"),
        "amount": Decimal("2"),
    }
    return OrderIntent(**{**terms, **changes})


def order(kind: OrderType = OrderType.LIMIT, ours: str = "abc123", theirs: str = "", became: str = "") -> InFlightOrder:
    found = InFlightOrder(intent(client_order_id=ours, type=kind))
    found.exchange_order_id = theirs
    found.triggered_order_id = became
    return found


def body(call: Call[Any]) -> Any:
    return json.loads(call.request.body)


def taken(**fields: str) -> list[dict[str, str]]:
    return [{"ordId": "312269865356374016", "clOrdId": "abc123", "tag": "", "sCode": "0", "sMsg": "", **fields}]


# -- placing -----------------------------------------------------------------------------------------------------------


def test_limit_order_as_the_sheet_has_it(private: OkxPrivate) -> None:
    call = private.place_order(intent())
    assert (call.request.method, call.request.path, call.request.signed) == ("POST", "/api/v5/trade/order", True)
    assert call.request.priority is Priority.PLACE
    assert call.request.body == (
        b'{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"2.15","sz":"2","clOrdId":"abc123"}'
    )
    assert {weight.bucket for weight in call.request.weights} <= {limit.bucket for limit in SPEC.rate_limits}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"time_in_force": TimeInForce.IOC}, {"ordType": "ioc", "px": "2.15", "sz": "2"}),
        ({"time_in_force": TimeInForce.FOK}, {"ordType": "fok", "px": "2.15", "sz": "2"}),
        ({"type": OrderType.LIMIT_MAKER}, {"ordType": "post_only", "px": "2.15", "sz": "2"}),
        (
            {"type": OrderType.MARKET, "price": None, "amount": None, "quote_amount": Decimal("100")},
            {"ordType": "market", "sz": "100", "tgtCcy": "quote_ccy"},
        ),
        ({"type": OrderType.MARKET, "price": None}, {"ordType": "market", "sz": "2", "tgtCcy": "base_ccy"}),
        (
            {"type": OrderType.MARKET, "side": Side.SELL, "price": None},
            {"ordType": "market", "side": "sell", "sz": "2", "tgtCcy": "base_ccy"},
        ),
    ],
)
def test_order_kinds(private: OkxPrivate, changes: dict[str, Any], expected: dict[str, str]) -> None:
    common = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "clOrdId": "abc123"}
    assert body(private.place_order(intent(**changes))) == {**common, **expected}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"type": OrderType.STOP_LIMIT},
            {"ordType": "trigger", "triggerPx": "3", "orderPx": "2.15", "triggerPxType": "last", "sz": "2"},
        ),
        (
            {"type": OrderType.STOP_MARKET, "price": None},
            {
                "ordType": "trigger",
                "triggerPx": "3",
                "orderPx": "-1",
                "triggerPxType": "last",
                "sz": "2",
                "tgtCcy": "base_ccy",
            },
        ),
        (
            {"type": OrderType.STOP_MARKET, "price": None, "amount": None, "quote_amount": Decimal(50)},
            {
                "ordType": "trigger",
                "triggerPx": "3",
                "orderPx": "-1",
                "triggerPxType": "last",
                "sz": "50",
                "tgtCcy": "quote_ccy",
            },
        ),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT},
            {"ordType": "conditional", "tpTriggerPx": "3", "tpOrdPx": "2.15", "sz": "2"},
        ),
        (
            {"type": OrderType.TAKE_PROFIT, "price": None},
            {"ordType": "conditional", "tpTriggerPx": "3", "tpOrdPx": "-1", "sz": "2", "tgtCcy": "base_ccy"},
        ),
    ],
)
def test_stop_orders_have_a_path_of_their_own(
    private: OkxPrivate, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    call = private.place_order(intent(stop_price=Decimal(3), **changes))
    assert call.request.path == "/api/v5/trade/order-algo"
    assert body(call) == {
        "instId": "BTC-USDT",
        "tdMode": "cash",
        "side": "buy",
        "algoClOrdId": "abc123",
        **expected,
    }


def test_our_client_ids_fit(private: OkxPrivate) -> None:
    ours = new_client_order_id(1_790_000_000_000, Random(1))
    sent = body(private.place_order(intent(client_order_id=ours)))["clOrdId"]
    assert sent == ours and len(sent) <= 32 and sent.isalnum() and sent.isascii()


def test_numbers_never_go_out_in_exponents(private: OkxPrivate) -> None:
    sent = body(private.place_order(intent(price=Decimal("9.12E-7"), amount=Decimal("1E+3"))))
    assert (sent["px"], sent["sz"]) == ("0.000000912", "1000")


@pytest.mark.parametrize(
    "changes",
    [
        {"type": OrderType.MARKET, "amount": None},
        {"type": OrderType.MARKET, "side": Side.SELL, "amount": None, "quote_amount": Decimal(5)},
        {"type": OrderType.MARKET, "time_in_force": TimeInForce.FOK},
        {"type": OrderType.LIMIT_MAKER, "time_in_force": TimeInForce.IOC},
        {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(3), "time_in_force": TimeInForce.IOC},
        {"price": None},
        {"amount": None},
        {"type": OrderType.STOP_LIMIT},
        {"type": OrderType.TRAILING_STOP},
        {"pair": "BTCUSDT"},
    ],
)
def test_an_order_without_a_form_is_not_built(private: OkxPrivate, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        private.place_order(intent(**changes))


def test_taken(private: OkxPrivate, reply: Reply) -> None:
    accepted = private.place_order(intent()).parse(reply(taken(ts="1790000000421")))
    assert (accepted.exchange_order_id, accepted.frame, accepted.update) == ("312269865356374016", 7, None)
    stop = private.place_order(intent(type=OrderType.STOP_LIMIT, stop_price=Decimal(3)))
    algo = [{"algoId": "31", "clOrdId": "", "algoClOrdId": "abc123", "sCode": "0", "sMsg": ""}]
    assert stop.parse(reply(algo)).exchange_order_id == "31"


@pytest.mark.parametrize(
    ("status", "text", "kind", "definite"),
    [
        (200, '{"code":"1","msg":"All operations failed","data":[ROW]}', ErrorKind.REJECTED, True),
        (200, '{"code":"0","msg":"","data":[ROW]}', ErrorKind.REJECTED, True),
        (400, '{"code":"1","msg":"All operations failed","data":[ROW]}', ErrorKind.REJECTED, True),
        (200, '{"code":"50111","msg":"Invalid OK-ACCESS-KEY","data":[]}', ErrorKind.AUTH, True),
        (200, '{"code":"50004","msg":"Endpoint request timeout","data":[]}', ErrorKind.UNAVAILABLE, False),
        (502, "<html>", ErrorKind.UNAVAILABLE, False),
    ],
)
def test_refused(private: OkxPrivate, reply: Reply, status: int, text: str, kind: ErrorKind, definite: bool) -> None:
    row = '{"ordId":"","clOrdId":"abc123","tag":"","sCode":"51008","sMsg":"Insufficient balance","subCode":"1"}'
    with pytest.raises(VenueError) as caught:
        private.place_order(intent()).parse(reply(text.replace("ROW", row), status))
    assert (caught.value.kind, caught.value.kind.is_definite) == (kind, definite)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        ("51016", "Duplicated client order ID", ErrorKind.DUPLICATE_ID),
        ("51000", "Parameter clOrdId error", ErrorKind.UNKNOWN),
        ("98765", "novelty", ErrorKind.UNKNOWN),
    ],
)
def test_an_order_that_may_exist_is_not_called_refused(
    private: OkxPrivate, reply: Reply, code: str, words: str, kind: ErrorKind
) -> None:
    row = {"ordId": "", "clOrdId": "abc123", "sCode": code, "sMsg": words}
    with pytest.raises(VenueError) as caught:
        private.place_order(intent()).parse(reply(json.dumps({"code": "1", "msg": "", "data": [row]})))
    assert (caught.value.kind, caught.value.kind.is_definite) == (kind, False)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"code":"0","data":[]}', '{"code":"0","data":[{"sCode":"0"}]}'])
def test_an_unreadable_answer_is_no_answer(private: OkxPrivate, reply: Reply, text: str) -> None:
    with pytest.raises(ValueError):
        private.place_order(intent()).parse(reply(text))


def test_there_is_no_test_order(private: OkxPrivate) -> None:
    assert private.preview_order(intent()) is None


# -- changing ----------------------------------------------------------------------------------------------------------


def test_change_in_place(private: OkxPrivate, reply: Reply) -> None:
    call = private.amend_order(order(theirs="2108"), Decimal("2.2"), Decimal(3))
    assert call is not None
    assert call.request.path == "/api/v5/trade/amend-order"
    assert body(call) == {"instId": "BTC-USDT", "ordId": "2108", "cxlOnFail": False, "newSz": "3", "newPx": "2.2"}
    assert call.parse(reply(taken(ordId="2108"))).exchange_order_id == "2108"
    only_price = private.amend_order(order(), Decimal("2.2"), None)
    assert only_price is not None
    assert body(only_price) == {"instId": "BTC-USDT", "clOrdId": "abc123", "cxlOnFail": False, "newPx": "2.2"}
    with pytest.raises(VenueError) as caught:
        call.parse(reply([{"ordId": "2108", "sCode": "51510", "sMsg": "already filled"}]))
    assert caught.value.kind is ErrorKind.ALREADY_DONE


def test_what_cannot_be_changed_in_place(private: OkxPrivate) -> None:
    assert private.amend_order(order(OrderType.STOP_LIMIT, theirs="31"), Decimal(1), None) is None
    assert private.amend_order(order(OrderType.MARKET), None, Decimal(1)) is None
    with pytest.raises(ValueError):
        private.amend_order(order(), None, None)


# -- cancelling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "path", "expected"),
    [
        (order(theirs="2108"), "cancel-order", {"instId": "BTC-USDT", "ordId": "2108"}),
        (order(), "cancel-order", {"instId": "BTC-USDT", "clOrdId": "abc123"}),
        (order(OrderType.STOP_LIMIT, theirs="31"), "cancel-algos", [{"instId": "BTC-USDT", "algoId": "31"}]),
        (order(OrderType.STOP_LIMIT), "cancel-algos", [{"instId": "BTC-USDT", "algoClOrdId": "abc123"}]),
        (
            order(OrderType.STOP_LIMIT, theirs="31", became="99"),
            "cancel-order",
            {"instId": "BTC-USDT", "ordId": "99"},
        ),
    ],
)
def test_cancel_one(private: OkxPrivate, asked: InFlightOrder, path: str, expected: Any) -> None:
    call = private.cancel_order(asked)
    assert (call.request.method, call.request.path) == ("POST", f"/api/v5/trade/{path}")
    assert call.request.priority is Priority.CANCEL
    assert body(call) == expected


@pytest.mark.parametrize("code", ["0", "51410"])
def test_a_cancel_taken_is_not_yet_the_end(private: OkxPrivate, reply: Reply, code: str) -> None:
    answer = private.cancel_order(order(theirs="2108")).parse(reply(taken(ordId="2108", clOrdId="", sCode=code)))
    assert (answer.exchange_order_id, answer.client_order_id, answer.accepted) == ("2108", "abc123", True)
    assert (answer.final, answer.error, answer.frame) == (None, None, 7)


def test_a_stop_order_has_ended_when_its_cancel_was_taken_and_it_waits_no_longer(
    private: OkxPrivate, reply: Reply
) -> None:
    one, other = order(OrderType.STOP_LIMIT, theirs="31"), order(OrderType.TAKE_PROFIT, ours="b", theirs="32")
    waiting = [{"instId": "BTC-USDT", "algoId": "31", "ordType": "trigger", "state": "live"}]
    refused = json.dumps({"code": "1", "msg": "", "data": [{"algoId": "31", "sCode": "51400", "sMsg": "gone"}]})
    with pytest.raises(VenueError):
        private.cancel_order(one).parse(reply(refused))
    with pytest.raises(VenueError) as caught:
        private.get_order(one).parse(reply([]))
    assert caught.value.kind is ErrorKind.NOT_FOUND
    (call,) = private.cancel_orders([one, other])
    call.parse(reply([{"algoId": "31", "sCode": "0"}, {"algoId": "32", "sCode": "51400", "sMsg": "gone"}]))
    assert private.get_order(one).parse(reply(waiting)).state is VenueState.PENDING
    assert private.get_order(one).parse(reply([])).state is VenueState.CANCELED
    with pytest.raises(VenueError):
        private.get_order(other).parse(reply([]))


@pytest.mark.parametrize("code", ["51400", "51401", "51402"])
def test_cancel_of_an_order_already_closed(private: OkxPrivate, reply: Reply, code: str) -> None:
    text = json.dumps({"code": "1", "msg": "All operations failed", "data": taken(sCode=code, sMsg="gone")})
    with pytest.raises(VenueError) as caught:
        private.cancel_order(order()).parse(reply(text))
    assert (caught.value.kind, caught.value.words) == (ErrorKind.ALREADY_DONE, "gone")


def test_exactly_these_in_the_fewest_calls(private: OkxPrivate) -> None:
    plain = [order(ours=f"a{number}", theirs=str(number)) for number in range(21)]
    stops = [order(OrderType.STOP_LIMIT, ours=f"s{number}", theirs=f"9{number}") for number in range(11)]
    calls = private.cancel_orders([*stops, *plain])
    assert [(call.request.path.rpartition("/")[2], len(body(call))) for call in calls] == [
        ("cancel-batch-orders", 20),
        ("cancel-order", 2),
        ("cancel-algos", 10),
        ("cancel-algos", 1),
    ]
    assert body(calls[0])[:2] == [{"instId": "BTC-USDT", "ordId": "0"}, {"instId": "BTC-USDT", "ordId": "1"}]
    assert body(calls[1]) == {"instId": "BTC-USDT", "ordId": "20"}


def test_half_a_batch_is_read_row_by_row(private: OkxPrivate, reply: Reply) -> None:
    (call,) = private.cancel_orders([order(ours="a", theirs="1"), order(ours="b", theirs="2")])
    rows = [
        {"ordId": "1", "clOrdId": "", "sCode": "0", "sMsg": ""},
        {"ordId": "2", "clOrdId": "", "sCode": "51402", "sMsg": "Order already filled"},
    ]
    accepted, refused = call.parse(reply(json.dumps({"code": "2", "msg": "", "data": rows})))
    assert (accepted.exchange_order_id, accepted.client_order_id, accepted.accepted) == ("1", "a", True)
    assert (refused.client_order_id, refused.accepted, refused.words) == ("b", False, "Order already filled")
    assert refused.error is not None
    assert refused.error.kind is ErrorKind.ALREADY_DONE


def test_there_is_no_cancel_all_for_spot(private: OkxPrivate) -> None:
    assert list(private.cancel_all(None)) == list(private.cancel_all("BTC-USDT")) == []


# -- the safety timer --------------------------------------------------------------------------------------------------


def test_kill_switch(private: OkxPrivate, reply: Reply) -> None:
    call = private.kill_switch(30)
    assert call is not None
    assert (call.request.path, body(call)) == ("/api/v5/trade/cancel-all-after", {"timeOut": "30"})
    assert call.parse(reply([{"triggerTime": "1790000030000", "ts": "1790000000000"}])) == 1790000030000
    assert call.parse(reply([{"triggerTime": "1790000030", "ts": "1790000000"}])) == 1790000030000
    assert call.parse(reply([], received_ms=1_790_000_000_000)) == 1790000030000


def test_disarming(private: OkxPrivate, reply: Reply) -> None:
    call = private.kill_switch(None)
    assert call is not None
    assert body(call) == {"timeOut": "0"}
    assert call.parse(reply([{"triggerTime": "0", "ts": "1790000000000"}])) == 0


@pytest.mark.parametrize("seconds", [0, 9, 121, -1])
def test_kill_switch_range(private: OkxPrivate, seconds: int) -> None:
    with pytest.raises(ValueError, match="10 to 120"):
        private.kill_switch(seconds)
