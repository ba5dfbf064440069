from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from app.connectors.coinbase.private import CoinbasePrivate
from app.core.client_order_id import new_client_order_id
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Response, VenueError
from app.core.types import OrderType, Side, TimeInForce, VenueState

Reply = Callable[..., Response]
OURS = new_client_order_id(1_700_000_000_000, Random(1))


def intent(**changes: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "client_order_id": OURS,
        "pair": "BTC-USDC",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "price": Decimal("40000.50"),
        "amount": Decimal("0.001"),
        "created_ms": 1_775_572_195_000,
    }
    return OrderIntent(**{**terms, **changes})


def order(theirs: str = "o1", **changes: Any) -> InFlightOrder:
    found = InFlightOrder(intent(**changes))
    found.exchange_order_id = theirs
    return found


def body(call: Call[Any]) -> Any:
    return json.loads(call.request.body)


# -- placing -----------------------------------------------------------------------------------------------------------


def test_limit_order_names_the_wallet_that_pays(private: CoinbasePrivate) -> None:
    call = private.place_order(intent())
    request = call.request
    assert (request.method, request.path, request.signed) == ("POST", "/api/v3/brokerage/orders", True)
    assert (request.priority, request.timeout_s) == (Priority.PLACE, 5.0)
    assert body(call) == {
        "client_order_id": OURS,
        "product_id": "BTC-USDC",
        "side": "BUY",
        "order_configuration": {
            "limit_limit_gtc": {"base_size": "0.001", "limit_price": "40000.50", "post_only": False}
        },
    }


LIMIT = {"base_size": "0.001", "limit_price": "40000.50"}
STOP = {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(41000)}


@pytest.mark.parametrize(
    ("changes", "kind", "terms"),
    [
        ({"type": OrderType.LIMIT_MAKER}, "limit_limit_gtc", LIMIT | {"post_only": True}),
        ({"time_in_force": TimeInForce.IOC}, "sor_limit_ioc", LIMIT),
        ({"time_in_force": TimeInForce.FOK}, "limit_limit_fok", LIMIT),
        (
            {"type": OrderType.MARKET, "price": None, "amount": None, "quote_amount": Decimal("1E+2")},
            "market_market_ioc",
            {"quote_size": "100"},
        ),
        ({"type": OrderType.MARKET, "price": None}, "market_market_ioc", {"base_size": "0.001"}),
        ({"type": OrderType.MARKET, "price": None, "side": Side.SELL}, "market_market_ioc", {"base_size": "0.001"}),
        (
            STOP,
            "stop_limit_stop_limit_gtc",
            LIMIT | {"stop_price": "41000", "stop_direction": "STOP_DIRECTION_STOP_UP"},
        ),
        (
            STOP | {"side": Side.SELL},
            "stop_limit_stop_limit_gtc",
            LIMIT | {"stop_price": "41000", "stop_direction": "STOP_DIRECTION_STOP_DOWN"},
        ),
    ],
)
def test_order_configurations(private: CoinbasePrivate, changes: dict[str, Any], kind: str, terms: Any) -> None:
    assert body(private.place_order(intent(**changes)))["order_configuration"] == {kind: terms}


def test_numbers_never_go_out_in_exponents(private: CoinbasePrivate) -> None:
    sent = body(private.place_order(intent(price=Decimal("9.12E-7"), amount=Decimal("1E+3"))))
    terms = sent["order_configuration"]["limit_limit_gtc"]
    assert (terms["limit_price"], terms["base_size"]) == ("0.000000912", "1000")


@pytest.mark.parametrize(
    "changes",
    [
        {"type": OrderType.STOP_MARKET, "stop_price": Decimal(1)},
        {"type": OrderType.TRAILING_STOP},
        {"type": OrderType.LIMIT_MAKER, "time_in_force": TimeInForce.IOC},
        STOP | {"time_in_force": TimeInForce.FOK},
        STOP | {"stop_price": None},
        {"price": None},
        {"amount": None},
        {"type": OrderType.MARKET, "amount": None},
        {"type": OrderType.MARKET, "side": Side.SELL, "quote_amount": Decimal(5)},
        {"client_order_id": ""},
        {"pair": "BTCUSD"},
    ],
)
def test_what_the_exchange_has_no_form_for(private: CoinbasePrivate, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        private.place_order(intent(**changes))


SUCCESS = '{"order_id":"o1","product_id":"BTC-USD","side":"BUY","client_order_id":"my-1"}'


@pytest.mark.parametrize(
    "answer",
    [
        f'{{"success":true,"success_response":{SUCCESS},"order_configuration":{{}}}}',
        f'{{"success":true,"failure_reason":"UNKNOWN_FAILURE_REASON","order_id":"o1","success_response":{SUCCESS}}}',
        '{"success":true,"order_id":"o1"}',
        f'{{"success_response":{SUCCESS}}}',
    ],
)
def test_taken_with_and_without_fillers(private: CoinbasePrivate, reply: Reply, answer: str) -> None:
    accepted = private.place_order(intent()).parse(reply(answer))
    assert (accepted.exchange_order_id, accepted.frame) == ("o1", 7)


def refusal(**error: str) -> str:
    told = {"success": False, "failure_reason": "UNKNOWN_FAILURE_REASON", "error_response": error}
    return json.dumps(told | {"order_configuration": {}})


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            refusal(
                error="INSUFFICIENT_FUND",
                message="Insufficient balance in source account",
                error_details="",
                preview_failure_reason="PREVIEW_INSUFFICIENT_FUND",
                new_order_failure_reason="INSUFFICIENT_FUND",
            ),
            ErrorKind.REJECTED,
            "Insufficient balance in source account",
        ),
        (
            refusal(error="UNKNOWN_FAILURE_REASON", preview_failure_reason="PREVIEW_INVALID_LIMIT_PRICE_POSTONLY"),
            ErrorKind.REJECTED,
            "the post-only order would have taken",
        ),
        (
            refusal(new_order_failure_reason="INVALID_PRICE_PRECISION"),
            ErrorKind.RULES_CHANGED,
            "the price has too many",
        ),
        (refusal(error="DUPLICATE_CLIENT_ORDER_ID"), ErrorKind.DUPLICATE_ID, "this client order id is in use"),
        (
            refusal(error="X", error_details="account is not available"),
            ErrorKind.REJECTED,
            "account is not available (",
        ),
        (refusal(error="A_NEW_WORD"), ErrorKind.UNKNOWN, "A_NEW_WORD"),
        ('{"success":false,"failure_reason":"UNKNOWN_FAILURE_REASON"}', ErrorKind.UNKNOWN, "HTTP 200 without"),
        ('{"error_response":{"error":"PREVIEW_UNTRADABLE_PRODUCT"}}', ErrorKind.MARKET_CLOSED, "the market is not"),
    ],
)
def test_refused_inside_a_good_reply(
    private: CoinbasePrivate, reply: Reply, answer: str, kind: ErrorKind, words: str
) -> None:
    with pytest.raises(VenueError) as refused:
        private.place_order(intent()).parse(reply(answer))
    assert refused.value.kind is kind
    assert refused.value.words.startswith(words)


@pytest.mark.parametrize("answer", ['{"success":true}', "{}", "[]", "not json"])
def test_an_answer_without_an_id_is_no_answer(private: CoinbasePrivate, reply: Reply, answer: str) -> None:
    with pytest.raises(ValueError):
        private.place_order(intent()).parse(reply(answer))


def test_broken_server_leaves_the_outcome_open(private: CoinbasePrivate, reply: Reply) -> None:
    with pytest.raises(VenueError) as refused:
        private.place_order(intent()).parse(reply("<html>", 502))
    assert not refused.value.kind.is_definite


# -- preview -----------------------------------------------------------------------------------------------------------


def test_preview_is_the_order_without_our_id(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.preview_order(intent())
    assert call.request.path == "/api/v3/brokerage/orders/preview"
    placed = body(private.place_order(intent()))
    del placed["client_order_id"]
    assert body(call) == placed
    good = call.parse(reply('{"order_total":"40.1","commission_total":"0.1","errs":[],"warning":[],"preview_id":"p"}'))
    assert (good.problems, good.fee, good.fee_asset, good.frame) == ((), Decimal("0.1"), "USDC", 7)
    assert (good.total, good.slippage, good.warnings) == (Decimal("40.1"), None, ())
    bad = call.parse(reply('{"errs":["PREVIEW_INSUFFICIENT_FUND"],"commission_total":""}'))
    assert (bad.problems, bad.fee, bad.fee_asset) == (("PREVIEW_INSUFFICIENT_FUND",), None, "")


# -- amending ----------------------------------------------------------------------------------------------------------


def test_an_edit_sends_price_and_size_both(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.amend_order(order(), Decimal(41000), None)
    assert call is not None
    assert call.request.path == "/api/v3/brokerage/orders/edit"
    assert body(call) == {"order_id": "o1", "price": "41000", "size": "0.001"}
    for answer in ('{"success":true,"errors":[]}', '{"success":true,"success_response":{"order_id":"o1"}}'):
        assert call.parse(reply(answer)).exchange_order_id == "o1"
    for answer in (
        '{"success":false,"errors":[{"edit_failure_reason":"UNKNOWN_EDIT_REASON",'
        '"preview_failure_reason":"PREVIEW_INVALID_PRICE_PRECISION"}]}',
        '{"success":false,"errors":{"preview_failure_reason":"INVALID_PRICE_PRECISION"}}',
        '{"success":false,"error_response":{"preview_failure_reason":"INVALID_PRICE_PRECISION"}}',
    ):
        with pytest.raises(VenueError) as refused:
            call.parse(reply(answer))
        assert refused.value.kind is ErrorKind.RULES_CHANGED
    with pytest.raises(VenueError) as refused:
        call.parse(reply('{"success":false,"errors":[{"edit_failure_reason":"ONLY_OPEN_ORDERS_CAN_BE_EDITED"}]}'))
    assert refused.value.kind is ErrorKind.UNKNOWN


@pytest.mark.parametrize(
    "unfit",
    [
        order(type=OrderType.MARKET),
        order(time_in_force=TimeInForce.IOC),
        order(theirs=""),
        order(amount=None),
    ],
)
def test_orders_without_an_edit(private: CoinbasePrivate, unfit: InFlightOrder) -> None:
    assert private.amend_order(unfit, Decimal(1), None) is None


# -- cancelling --------------------------------------------------------------------------------------------------------


def results(*rows: tuple[str, bool, str]) -> str:
    told = [{"success": success, "failure_reason": reason, "order_id": name} for name, success, reason in rows]
    return json.dumps({"results": told})


def test_one_cancel_by_the_exchanges_id(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.cancel_order(order())
    assert (call.request.method, call.request.path) == ("POST", "/api/v3/brokerage/orders/batch_cancel")
    assert (body(call), call.request.priority) == ({"order_ids": ["o1"]}, Priority.CANCEL)
    answer = call.parse(reply(results(("o1", True, "UNKNOWN_CANCEL_FAILURE_REASON"))))
    assert (answer.accepted, answer.exchange_order_id, answer.final, answer.words) == (True, "o1", None, "")
    with pytest.raises(ValueError):
        call.parse(reply(results(("o2", True, ""))))


@pytest.mark.parametrize(
    ("reason", "accepted", "kind"),
    [
        ("UNKNOWN_CANCEL_ORDER", False, ErrorKind.NOT_FOUND),
        ("INVALID_CANCEL_REQUEST", False, ErrorKind.REJECTED),
        ("COMMANDER_REJECTED_CANCEL_ORDER", False, ErrorKind.REJECTED),
        ("DUPLICATE_CANCEL_REQUEST", True, ErrorKind.ALREADY_DONE),
        ("A_NEW_WORD", False, ErrorKind.UNKNOWN),
    ],
)
def test_cancels_that_fail(
    private: CoinbasePrivate, reply: Reply, reason: str, accepted: bool, kind: ErrorKind
) -> None:
    answer = private.cancel_order(order()).parse(reply(results(("o1", False, reason))))
    assert answer.error is not None
    assert (answer.accepted, answer.error.kind, bool(answer.words)) == (accepted, kind, True)


def test_a_hundred_cancels_a_call(private: CoinbasePrivate, reply: Reply) -> None:
    first, last = private.cancel_orders([order(f"o{n}") for n in range(101)])
    assert (len(body(first)["order_ids"]), body(last)) == (100, {"order_ids": ["o100"]})
    answers = first.parse(reply(results(("o0", True, ""), ("o1", False, "UNKNOWN_CANCEL_ORDER"))))
    assert [(answer.exchange_order_id, answer.accepted) for answer in answers] == [("o0", True), ("o1", False)]
    assert list(private.cancel_orders([])) == []


def test_without_the_exchanges_id_the_order_is_looked_for(private: CoinbasePrivate, reply: Reply) -> None:
    (call,) = private.cancel_orders([order("")])
    assert (call.request.method, call.request.path) == ("GET", "/api/v3/brokerage/orders/historical/batch")
    row = {"order_id": "o1", "client_order_id": OURS, "product_id": "BTC-USDC", "side": "BUY"}
    (waiting,) = call.parse(reply(json.dumps({"orders": [row | {"status": "OPEN"}]})))
    assert (waiting.accepted, waiting.exchange_order_id, waiting.client_order_id) == (False, "o1", OURS)
    assert "ask again" in waiting.words
    (ended,) = call.parse(reply(json.dumps({"orders": [row | {"status": "FILLED"}]})))
    assert ended.final is not None and ended.final.state is VenueState.FILLED
    with pytest.raises(VenueError) as refused:
        call.parse(reply('{"orders":[]}'))
    assert refused.value.kind is ErrorKind.NOT_FOUND
