"""Placing, previewing, amending and cancelling on Binance."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from app.connectors.binance import SPEC
from app.connectors.binance.private import BinancePrivate
from app.core.client_order_id import new_client_order_id
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Response, VenueError
from app.core.types import OrderType, Side, TimeInForce, VenueState

Reply = Callable[..., Response]
FULL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "my-1",
    "transactTime": 1507725176595,
    "price": "64000.50000000",
    "origQty": "10.00000000",
    "executedQty": "10.00000000",
    "origQuoteOrderQty": "0.000000",
    "cummulativeQuoteQty": "640005.00000000",
    "status": "FILLED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "SELL",
    "workingTime": 1507725176595,
    "selfTradePreventionMode": "NONE",
    "fills": [{"price": "4000", "qty": "1", "commission": "4", "commissionAsset": "USDT", "tradeId": 56}],
}
CANCELED = {
    **FULL,
    "origClientOrderId": "my-1",
    "clientOrderId": "the-cancel",
    "status": "CANCELED",
    "executedQty": "4.00000000",
}


def intent(**changes: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "client_order_id": "my-1",
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "price": Decimal("64000.50"),
        "amount": Decimal("0.00100"),
    }
    return OrderIntent(**{**terms, **changes})


def order(ours: str = "my-1", theirs: str = "", **changes: Any) -> InFlightOrder:
    found = InFlightOrder(intent(client_order_id=ours, **changes))
    found.exchange_order_id = theirs
    return found


def params(call: Call[Any] | None) -> dict[str, str]:
    assert call is not None
    return dict(call.request.params)


# -- placing -----------------------------------------------------------------------------------------------------------


def test_limit_order_travels_in_the_query(private: BinancePrivate) -> None:
    request = private.place_order(intent()).request
    assert (request.method, request.path, request.signed, request.body) == ("POST", "/api/v3/order", True, b"")
    assert request.priority is Priority.PLACE
    assert request.params == (
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.001"),
        ("price", "64000.5"),
        ("newClientOrderId", "my-1"),
        ("newOrderRespType", "FULL"),
    )
    assert {part.bucket: part.units for part in request.weights} == {"weight-1m": 1, "orders-10s": 1, "orders-1d": 1}


STOP = Decimal("65000")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"time_in_force": TimeInForce.IOC},
            {"type": "LIMIT", "timeInForce": "IOC", "price": "64000.5", "quantity": "0.001"},
        ),
        (
            {"time_in_force": TimeInForce.FOK},
            {"type": "LIMIT", "timeInForce": "FOK", "price": "64000.5", "quantity": "0.001"},
        ),
        ({"type": OrderType.LIMIT_MAKER}, {"type": "LIMIT_MAKER", "price": "64000.5", "quantity": "0.001"}),
        ({"type": OrderType.MARKET, "price": None}, {"type": "MARKET", "quantity": "0.001"}),
        (
            {"type": OrderType.MARKET, "price": None, "amount": None, "quote_amount": Decimal("100.50")},
            {"type": "MARKET", "quoteOrderQty": "100.5"},
        ),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": STOP},
            {
                "type": "STOP_LOSS_LIMIT",
                "timeInForce": "GTC",
                "price": "64000.5",
                "stopPrice": "65000",
                "quantity": "0.001",
            },
        ),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": STOP, "time_in_force": TimeInForce.IOC},
            {
                "type": "TAKE_PROFIT_LIMIT",
                "timeInForce": "IOC",
                "price": "64000.5",
                "stopPrice": "65000",
                "quantity": "0.001",
            },
        ),
        (
            {"type": OrderType.STOP_MARKET, "stop_price": STOP, "price": None},
            {"type": "STOP_LOSS", "stopPrice": "65000", "quantity": "0.001"},
        ),
        (
            {"type": OrderType.TAKE_PROFIT, "stop_price": STOP, "price": None},
            {"type": "TAKE_PROFIT", "stopPrice": "65000", "quantity": "0.001"},
        ),
    ],
)
def test_order_kinds(private: BinancePrivate, changes: dict[str, Any], expected: dict[str, str]) -> None:
    common = {"symbol": "BTCUSDT", "side": "BUY", "newClientOrderId": "my-1", "newOrderRespType": "FULL"}
    assert params(private.place_order(intent(**changes))) == {**common, **expected}


def test_a_sale_may_be_sized_in_quote_too(private: BinancePrivate) -> None:
    sale = intent(side=Side.SELL, type=OrderType.MARKET, price=None, amount=None, quote_amount=Decimal(5))
    assert params(private.place_order(sale))["quoteOrderQty"] == "5"


def test_numbers_are_plain_and_without_needless_digits(private: BinancePrivate) -> None:
    sent = params(private.place_order(intent(price=Decimal("9.12E-7"), amount=Decimal("1E+3"))))
    assert (sent["price"], sent["quantity"]) == ("0.000000912", "1000")
    assert params(private.place_order(intent(amount=Decimal("10.00000000"))))["quantity"] == "10"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": OrderType.MARKET, "amount": None},
        {"price": None},
        {"amount": None},
        {"amount": None, "quote_amount": Decimal(5)},
        {"type": OrderType.STOP_LIMIT},
        {"type": OrderType.STOP_MARKET, "stop_price": STOP, "amount": None, "quote_amount": Decimal(5)},
        {"type": OrderType.TRAILING_STOP},
        {"type": OrderType.TRAILING_STOP_LIMIT},
        {"pair": "BTCUSDT"},
    ],
)
def test_an_order_without_a_form_is_not_built(private: BinancePrivate, changes: dict[str, Any]) -> None:
    for build in (private.place_order, private.preview_order):
        with pytest.raises(ValueError):
            build(intent(**changes))


def test_our_ids_fit_the_exchanges_pattern(private: BinancePrivate) -> None:
    ours = new_client_order_id(1_790_000_000_000, Random(1))
    assert params(private.place_order(intent(client_order_id=ours)))["newClientOrderId"] == ours
    assert len(ours) <= 36 and ours.isalnum() and ours.isascii()


def test_the_answer_names_the_order_and_its_state(private: BinancePrivate, reply: Reply) -> None:
    accepted = private.place_order(intent()).parse(reply(json.dumps(FULL)))
    assert (accepted.exchange_order_id, accepted.frame) == ("28", 7)
    update = accepted.update
    assert update is not None
    assert (update.state, update.client_order_id, update.pair) == (VenueState.FILLED, "my-1", "BTC-USDT")
    assert (update.filled, update.filled_quote, update.exchange_ms) == (
        Decimal(10),
        Decimal(640005),
        1507725176595,
    )


def test_the_short_answer_is_enough(private: BinancePrivate, reply: Reply) -> None:
    short = {name: FULL[name] for name in ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")}
    accepted = private.place_order(intent()).parse(reply(json.dumps(short)))
    assert (accepted.exchange_order_id, accepted.update) == ("28", None)
    with pytest.raises(ValueError, match="no order id"):
        private.place_order(intent()).parse(reply('{"symbol":"BTCUSDT"}'))


def test_refusals_keep_the_exchanges_words(private: BinancePrivate, reply: Reply) -> None:
    words = "Account has insufficient balance for requested action."
    with pytest.raises(VenueError) as caught:
        private.place_order(intent()).parse(reply(json.dumps({"code": -2010, "msg": words}), 400))
    assert (caught.value.kind, caught.value.words) == (ErrorKind.REJECTED, words)


# -- preview -----------------------------------------------------------------------------------------------------------


def test_a_preview_sends_the_same_terms_elsewhere(private: BinancePrivate, reply: Reply) -> None:
    call = private.preview_order(intent())
    placed = params(private.place_order(intent()))
    del placed["newOrderRespType"]
    assert (call.request.method, call.request.path) == ("POST", "/api/v3/order/test")
    assert params(call) == placed
    assert call.parse(reply("{}")).problems == ()
    refused = reply('{"code":-1013,"msg":"Filter failure: NOTIONAL"}', 400)
    assert call.parse(refused).problems == ("Filter failure: NOTIONAL",)


@pytest.mark.parametrize(("status", "code"), [(400, -1021), (401, -2015), (429, -1003), (500, -1007)])
def test_trouble_that_is_not_about_the_order_is_raised(
    private: BinancePrivate, reply: Reply, status: int, code: int
) -> None:
    with pytest.raises(VenueError):
        private.preview_order(intent()).parse(reply(json.dumps({"code": code, "msg": "no"}), status))


# -- amending ----------------------------------------------------------------------------------------------------------


def test_a_smaller_amount_keeps_place_and_id(private: BinancePrivate, reply: Reply) -> None:
    call = private.amend_order(order(theirs="33", amount=Decimal(10)), None, Decimal("5.0"))
    assert call is not None
    assert (call.request.method, call.request.path) == ("PUT", "/api/v3/order/amend/keepPriority")
    assert params(call) == {"symbol": "BTCUSDT", "orderId": "33", "newQty": "5", "newClientOrderId": "my-1"}
    amended = {
        "symbol": "BTCUSDT",
        "orderId": 33,
        "orderListId": -1,
        "origClientOrderId": "my-1",
        "clientOrderId": "my-1",
        "price": "6.00000000",
        "qty": "5.00000000",
        "executedQty": "0.00000000",
        "cumulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "SELL",
    }
    body = {"transactTime": 1741926410255, "executionId": 75, "amendedOrder": amended}
    accepted = call.parse(reply(json.dumps(body)))
    assert accepted.exchange_order_id == "33" and accepted.update is not None
    assert (accepted.update.amount, accepted.update.client_order_id) == (Decimal(5), "my-1")
    assert accepted.update.exchange_ms == 1741926410255
    bare = call.parse(reply('{"transactTime":1,"amendedOrder":{"symbol":"BTCUSDT","qty":"5"}}'))
    assert (bare.exchange_order_id, bare.update) == ("33", None)


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        (None, None),
        (Decimal(1), None),
        (Decimal(1), Decimal(5)),
        (None, Decimal(10)),
        (None, Decimal(11)),
        (None, Decimal(0)),
    ],
)
def test_nothing_else_can_be_changed_in_place(
    private: BinancePrivate, price: Decimal | None, amount: Decimal | None
) -> None:
    assert private.amend_order(order(theirs="33", amount=Decimal(10)), price, amount) is None


def test_the_same_price_is_no_change(private: BinancePrivate) -> None:
    target = order(theirs="33", amount=Decimal(10))
    assert private.amend_order(target, target.terms.price, Decimal(5)) is not None
    assert private.amend_order(order(amount=None), None, Decimal(5)) is None


# -- cancelling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "named"),
    [(order(), ("origClientOrderId", "my-1")), (order(theirs="28"), ("orderId", "28"))],
)
def test_a_cancel_names_one_order(private: BinancePrivate, target: InFlightOrder, named: tuple[str, str]) -> None:
    request = private.cancel_order(target).request
    assert (request.method, request.path, request.body) == ("DELETE", "/api/v3/order", b"")
    assert request.params == (("symbol", "BTCUSDT"), named)
    assert request.priority is Priority.CANCEL


def test_the_answer_is_the_orders_end_under_its_own_id(private: BinancePrivate, reply: Reply) -> None:
    answer = private.cancel_order(order()).parse(reply(json.dumps(CANCELED)))
    assert (answer.client_order_id, answer.exchange_order_id, answer.accepted) == ("my-1", "28", True)
    assert answer.final is not None
    assert (answer.final.state, answer.final.filled, answer.final.client_order_id) == (
        VenueState.CANCELED,
        Decimal(4),
        "my-1",
    )
    still = private.cancel_order(order()).parse(reply(json.dumps({**CANCELED, "status": "PENDING_CANCEL"})))
    assert still.final is None


def test_an_unknown_order_is_not_declared_gone(private: BinancePrivate, reply: Reply) -> None:
    with pytest.raises(VenueError) as caught:
        private.cancel_order(order()).parse(reply('{"code":-2011,"msg":"Unknown order sent."}', 400))
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_several_orders_take_a_call_each(private: BinancePrivate, reply: Reply) -> None:
    calls = private.cancel_orders([order("a", "1"), order("b")])
    assert [call.request.params[1] for call in calls] == [("orderId", "1"), ("origClientOrderId", "b")]
    (answer,) = calls[0].parse(reply(json.dumps(CANCELED)))
    assert answer.final is not None


def test_everything_of_one_market_order_lists_included(private: BinancePrivate, reply: Reply) -> None:
    (call,) = private.cancel_all("BTC-USDT")
    assert (call.request.method, call.request.path) == ("DELETE", "/api/v3/openOrders")
    assert call.request.params == (("symbol", "BTCUSDT"),)
    leg = {**CANCELED, "orderId": 30, "origClientOrderId": "leg"}
    group = {"orderListId": 1929, "contingencyType": "OCO", "symbol": "BTCUSDT", "orderReports": [leg, leg]}
    answers = call.parse(reply(json.dumps([CANCELED, group])))
    assert [(answer.client_order_id, answer.final is not None) for answer in answers] == [
        ("my-1", True),
        ("leg", True),
        ("leg", True),
    ]
    assert call.parse(reply('{"code":-2011,"msg":"Unknown order sent."}', 400)) == []
    with pytest.raises(VenueError):
        call.parse(reply('{"code":-1021,"msg":"Timestamp"}', 400))


def test_no_call_reaches_all_markets_and_no_timer_exists(private: BinancePrivate) -> None:
    assert list(private.cancel_all(None)) == []
    kill_switch: Any = private.kill_switch
    assert kill_switch(30) is None and kill_switch(None) is None


def test_times_of_proof() -> None:
    assert (SPEC.signing_window_ms, SPEC.engine_grace_ms) == (5_000, 10_000)
