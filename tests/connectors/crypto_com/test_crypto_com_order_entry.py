from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from app.connectors.crypto_com import SPEC
from app.connectors.crypto_com.private import CryptoComPrivate
from app.connectors.spec import PrivateSource
from app.core.client_order_id import new_client_order_id
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Priority, Response, VenueError
from app.core.types import OrderType, Side, TimeInForce
from tests.connectors.crypto_com.test_crypto_com_account import asked, order

Reply = Callable[..., Response]


def intent(**changes: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "client_order_id": "app-1",
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "price": Decimal("50000.5"),
        "amount": Decimal("0.001"),
    }
    return OrderIntent(**(terms | changes))


LIMIT = {
    "instrument_name": "BTC_USDT",
    "side": "BUY",
    "type": "LIMIT",
    "price": "50000.5",
    "quantity": "0.001",
    "client_oid": "app-1",
    "time_in_force": "GOOD_TILL_CANCEL",
    "spot_margin": "SPOT",
}
MARKET = {
    "instrument_name": "BTC_USDT",
    "side": "BUY",
    "type": "MARKET",
    "client_oid": "app-1",
    "spot_margin": "SPOT",
}


@pytest.mark.parametrize(
    ("changes", "params"),
    [
        ({}, LIMIT),
        ({"time_in_force": TimeInForce.IOC}, {**LIMIT, "time_in_force": "IMMEDIATE_OR_CANCEL"}),
        ({"time_in_force": TimeInForce.FOK}, {**LIMIT, "time_in_force": "FILL_OR_KILL"}),
        ({"type": OrderType.LIMIT_MAKER}, {**LIMIT, "exec_inst": ["POST_ONLY"]}),
        ({"amount": Decimal("1E-8")}, {**LIMIT, "quantity": "0.00000001"}),
        ({"client_order_id": ""}, {key: value for key, value in LIMIT.items() if key != "client_oid"}),
        (
            {"type": OrderType.MARKET, "price": None, "amount": None, "quote_amount": Decimal(500)},
            {**MARKET, "notional": "500"},
        ),
        ({"type": OrderType.MARKET, "price": None}, {**MARKET, "quantity": "0.001"}),
        (
            {"type": OrderType.MARKET, "price": None, "side": Side.SELL},
            {**MARKET, "side": "SELL", "quantity": "0.001"},
        ),
    ],
)
def test_orders_as_documented(private: CryptoComPrivate, changes: dict[str, Any], params: dict[str, Any]) -> None:
    call = private.place_order(intent(**changes))
    assert asked(call) == ("private/create-order", params)
    assert call.request.priority is Priority.PLACE and call.request.timeout_s == 5
    assert [weight.bucket for weight in call.request.weights] == ["create"]


@pytest.mark.parametrize(
    ("kind", "word", "terms"),
    [
        (OrderType.STOP_MARKET, "STOP_LOSS", {"quantity": "0.001"}),
        (OrderType.TAKE_PROFIT, "TAKE_PROFIT", {"quantity": "0.001"}),
        (
            OrderType.STOP_LIMIT,
            "STOP_LIMIT",
            {"price": "50000.5", "quantity": "0.001", "time_in_force": "GOOD_TILL_CANCEL"},
        ),
        (
            OrderType.TAKE_PROFIT_LIMIT,
            "TAKE_PROFIT_LIMIT",
            {"price": "50000.5", "quantity": "0.001", "time_in_force": "GOOD_TILL_CANCEL"},
        ),
    ],
)
def test_triggers_go_by_the_advanced_method_only(
    private: CryptoComPrivate, kind: OrderType, word: str, terms: dict[str, str]
) -> None:
    price = Decimal("50000.5") if kind.has_price else None
    call = private.place_order(intent(type=kind, price=price, stop_price=Decimal("49000"), side=Side.SELL))
    assert asked(call) == (
        "private/advanced/create-order",
        {**MARKET, "side": "SELL", "type": word, "ref_price": "49000", "ref_price_type": "LAST_PRICE", **terms},
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"type": OrderType.TRAILING_STOP},
        {"type": OrderType.LIMIT_MAKER, "time_in_force": TimeInForce.FOK},
        {"type": OrderType.MARKET, "time_in_force": TimeInForce.IOC},
        {"type": OrderType.MARKET, "side": Side.SELL, "amount": None, "quote_amount": Decimal(5)},
        {"type": OrderType.MARKET, "amount": None},
        {"type": OrderType.STOP_LIMIT},
        {"price": None},
        {"amount": None},
        {"pair": "BTCUSDT"},
    ],
)
def test_what_has_no_form_here_is_not_sent(private: CryptoComPrivate, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        private.place_order(intent(**changes))


def test_every_leaf_is_a_string_and_our_ids_fit(private: CryptoComPrivate) -> None:
    ours = new_client_order_id(1_790_000_000_000, Random(1))
    _, params = asked(private.place_order(intent(client_order_id=ours, type=OrderType.LIMIT_MAKER)))
    assert params["client_oid"] == ours and len(ours) <= 36
    leaves = [leaf for value in params.values() for leaf in (value if isinstance(value, list) else [value])]
    assert all(isinstance(leaf, str) for leaf in leaves)


def test_received_is_not_resting(private: CryptoComPrivate, reply: Reply) -> None:
    call = private.place_order(intent())
    accepted = call.parse(reply({"client_oid": "app-1", "order_id": "18342311"}))
    assert (accepted.exchange_order_id, accepted.frame, accepted.update) == ("18342311", 7, None)
    assert call.parse(reply({"order_id": 18342311})).exchange_order_id == "18342311"
    with pytest.raises(ValueError):
        call.parse(reply({"client_oid": "app-1"}))


@pytest.mark.parametrize(
    ("code", "status", "kind", "definite"),
    [
        (306, 500, ErrorKind.REJECTED, True),
        (43012, 200, ErrorKind.REJECTED, True),
        (204, 400, ErrorKind.DUPLICATE_ID, False),
        (40102, 401, ErrorKind.CLOCK, True),
        (40801, 200, ErrorKind.UNAVAILABLE, False),
        (50001, 500, ErrorKind.UNAVAILABLE, False),
        (12345, 400, ErrorKind.UNKNOWN, False),
    ],
)
def test_refused_orders(
    private: CryptoComPrivate, reply: Reply, code: int, status: int, kind: ErrorKind, definite: bool
) -> None:
    with pytest.raises(VenueError) as refused:
        private.place_order(intent()).parse(reply(body={"code": code, "message": "WORDS"}, status=status))
    assert (refused.value.kind, refused.value.words) == (kind, "WORDS")
    assert refused.value.kind.is_definite is definite


# -- changes -----------------------------------------------------------------------------------------------------------


def test_a_change_sends_both_values(private: CryptoComPrivate, reply: Reply) -> None:
    resting = order(exchange_order_id="5")
    call = private.amend_order(resting, Decimal(49000), None)
    assert call is not None
    assert asked(call) == ("private/amend-order", {"order_id": "5", "new_price": "49000", "new_quantity": "0.01"})
    assert call.parse(reply({"client_oid": "app-1", "order_id": "6"})).exchange_order_id == "6"
    assert call.parse(reply({})).exchange_order_id == "5"
    by_ours = private.amend_order(order(), None, Decimal("0.02"))
    assert by_ours is not None
    assert asked(by_ours)[1] == {"orig_client_oid": "app-1", "new_price": "50000", "new_quantity": "0.02"}
    assert private.amend_order(order(OrderType.MARKET), Decimal(1), None) is None
    with pytest.raises(ValueError):
        private.amend_order(resting, None, None)


# -- cancels -----------------------------------------------------------------------------------------------------------


def test_one_cancel_by_the_id_that_is_known(private: CryptoComPrivate, reply: Reply) -> None:
    call = private.cancel_order(order(exchange_order_id="5"))
    assert asked(call) == ("private/cancel-order", {"order_id": "5"})
    assert call.request.priority is Priority.CANCEL
    answer = call.parse(reply({"client_oid": "app-1", "order_id": "5"}))
    assert (answer.accepted, answer.final, answer.exchange_order_id) == (True, None, "5")
    assert asked(private.cancel_order(order()))[1] == {"client_oid": "app-1"}
    stop = private.cancel_order(order(OrderType.STOP_LIMIT, exchange_order_id="31"))
    assert asked(stop) == ("private/advanced/cancel-order", {"order_id": "31"})


@pytest.mark.parametrize(
    ("code", "kind"), [(316, ErrorKind.ALREADY_DONE), (212, ErrorKind.NOT_FOUND), (40401, ErrorKind.NOT_FOUND)]
)
def test_a_cancel_that_came_too_late(private: CryptoComPrivate, reply: Reply, code: int, kind: ErrorKind) -> None:
    with pytest.raises(VenueError) as refused:
        private.cancel_order(order()).parse(reply(body={"code": code, "message": "WORDS"}))
    assert refused.value.kind is kind


def numbered(count: int, kind: OrderType = OrderType.LIMIT) -> list[InFlightOrder]:
    return [order(kind, exchange_order_id=str(n), client_order_id=f"c{n}") for n in range(count)]


def test_many_cancels_ten_a_call_each_with_its_own_answer(private: CryptoComPrivate, reply: Reply) -> None:
    stops = numbered(1, OrderType.STOP_LIMIT)
    calls = private.cancel_orders([*stops, *numbered(21)])
    assert [asked(call)[0] for call in calls] == [
        "private/cancel-order-list",
        "private/cancel-order-list",
        "private/advanced/cancel-order",
        "private/cancel-order",
    ]
    _, params = asked(calls[0])
    assert params["contingency_type"] == "LIST" and len(params["order_list"]) == 10
    assert params["order_list"][0] == {"instrument_name": "BTC_USDT", "order_id": "0"}
    rows = [{"index": "1", "code": "0"}, {"index": 0, "code": 316, "message": "NOT_ACTIVE"}]
    done, refused = calls[0].parse(reply(body={"code": 0, "result": rows}))
    assert (done.exchange_order_id, done.accepted) == ("1", True)
    assert (refused.exchange_order_id, refused.client_order_id, refused.accepted) == ("0", "c0", False)
    assert refused.error is not None and refused.error.kind is ErrorKind.ALREADY_DONE
    assert refused.words == "NOT_ACTIVE"
    with pytest.raises(ValueError):
        calls[0].parse(reply(body={"code": 0, "result": [{"index": "10", "code": "0"}]}))


def test_all_of_a_pair_and_its_stop_orders_but_never_the_derivatives(private: CryptoComPrivate, reply: Reply) -> None:
    book, stops = private.cancel_all("BTC-USDT")
    assert asked(book) == ("private/cancel-all-orders", {"instrument_name": "BTC_USDT", "type": "ALL"})
    assert asked(stops) == ("private/advanced/cancel-all-orders", {"instrument_name": "BTC_USDT"})
    assert book.parse(reply()) == []
    assert private.cancel_all(None) == ()


def test_what_the_exchange_does_not_have(private: CryptoComPrivate) -> None:
    source: PrivateSource = private
    assert source.kill_switch(60) is None and source.preview_order(intent()) is None


def test_the_proof_waits_for_the_whole_window_of_the_nonce() -> None:
    assert SPEC.signing_window_ms == 60_000


def test_what_is_placed_is_what_is_signed(private: CryptoComPrivate) -> None:
    request = private.place_order(intent()).request
    signed = private._auth.generate_auth_dict(request, 5)
    assert json.loads(signed.body)["params"] == json.loads(request.body)
