"""The account's socket: the sheet's messages through the connector."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec import DecodeError

from app.connectors.htx.private import HtxPrivate
from app.core.effects import Channel, LoggedIn, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState
from tests.connectors.htx.conftest import packed

D = Decimal
TRADE: dict[str, Any] = {
    "tradePrice": "76",
    "tradeVolume": "1.0131",
    "tradeId": 301,
    "tradeTime": 1583854188883,
    "aggressor": True,
    "remainAmt": "0.0004",
    "execAmt": "2",
    "orderId": 27163536,
    "type": "sell-limit",
    "clientOrderId": "abc123",
    "orderSource": "spot-api",
    "orderPrice": "15000",
    "orderSize": "0.01",
    "orderStatus": "filled",
    "symbol": "btcusdt",
    "eventType": "trade",
}
CLEARING: dict[str, Any] = {
    "eventType": "trade",
    "symbol": "btcusdt",
    "orderId": 99998888,
    "tradePrice": "9999.99",
    "tradeVolume": "0.96",
    "orderSide": "buy",
    "orderType": "buy-limit",
    "aggressor": True,
    "tradeId": 919219323232,
    "tradeTime": 998787897878,
    "transactFee": "0.00192",
    "feeCurrency": "btc",
    "feeDeduct": "0",
    "feeDeductType": "",
    "accountId": 123456,
    "clientOrderId": "k1",
}
BALANCE: dict[str, Any] = {
    "currency": "btc",
    "accountId": 123456,
    "balance": "23.111",
    "available": "20.1",
    "changeType": "order.match",
    "accountType": "trade",
    "seqNum": "86872993928",
    "changeTime": 1568601800000,
}


def read(source: HtxPrivate, message: dict[str, Any]) -> list[Any]:
    return list(source.on_message(json.dumps(message).encode(), 5))


def order(source: HtxPrivate, **fields: Any) -> OrderUpdate:
    (update,) = read(source, {"action": "push", "ch": "orders#btcusdt", "data": {"symbol": "btcusdt", **fields}})
    assert isinstance(update, OrderUpdate)
    return update


def fill(source: HtxPrivate, **fields: Any) -> list[Any]:
    return read(source, {"action": "push", "ch": "trade.clearing#btcusdt#0", "data": {**CLEARING, **fields}})


def balance(source: HtxPrivate, **fields: Any) -> list[Any]:
    return read(source, {"action": "push", "ch": "accounts.update#2", "data": {**BALANCE, **fields}})


# -- the connection ----------------------------------------------------------------------------------------------------


def test_login_then_three_topics(private: HtxPrivate) -> None:
    (login,) = private.on_open(1_575_546_783_000)
    assert isinstance(login, Send) and json.loads(login.payload)["ch"] == "auth"
    assert read(private, {"action": "req", "code": 200, "ch": "auth", "data": {}}) == [LoggedIn()]
    topics = [json.loads(effect.payload) for effect in private.on_logged_in() if isinstance(effect, Send)]
    assert topics == [
        {"action": "sub", "ch": "orders#*"},
        {"action": "sub", "ch": "trade.clearing#*#0"},
        {"action": "sub", "ch": "accounts.update#2"},
    ]


def test_a_ping_is_answered_with_its_own_time(private: HtxPrivate) -> None:
    ping = {"action": "ping", "data": {"ts": 1575537778295}}
    (pong,) = read(private, ping)
    assert json.loads(pong.payload) == {"action": "pong", "data": {"ts": 1575537778295}}
    assert list(private.on_message(packed(ping), 1)) == [pong], "a compressed frame reads the same"


@pytest.mark.parametrize(
    ("code", "words", "effect"),
    [
        (2002, "auth.fail", Refused("auth.fail", login=True)),
        (2000, "invalid.ip", Refused("invalid.ip", login=True)),
        (2001, "", Refused("a field of the request is wrong", login=True)),
        (4000, "too.many.request", Reconnect("too.many.request")),
        (429, "", Reconnect("too many requests")),
        (500, "system.error", Reconnect("system.error")),
        (100, "", Reconnect("error inside HTX")),
    ],
)
def test_refused_logins(private: HtxPrivate, code: int, words: str, effect: object) -> None:
    assert read(private, {"action": "req", "code": code, "ch": "auth", "message": words}) == [effect]


def test_confirmed_and_refused_topics(private: HtxPrivate) -> None:
    orders, balances = Subscription(Channel.ORDERS), Subscription(Channel.BALANCES)
    assert read(private, {"action": "sub", "code": 200, "ch": "orders#*", "data": {}}) == [Subscribed((orders,))]
    assert read(private, {"action": "sub", "code": 200, "ch": "accounts.update#2"}) == [Subscribed((balances,))]
    assert read(private, {"action": "sub", "code": 200, "ch": "trade.clearing#*#0"}) == [Subscribed((orders,))]
    refusal = {"action": "sub", "code": 2001, "ch": "orders#*", "message": "invalid.ch"}
    assert read(private, refusal) == [Refused("invalid.ch", (orders,))]


@pytest.mark.parametrize(
    "message",
    [
        {"action": "push", "ch": "novel#*", "data": {}},
        {"action": "sub", "code": 200, "ch": "novel"},
        {"action": "dance", "ch": "orders#*"},
        {"unheard": "of"},
    ],
)
def test_what_is_not_known_is_said(private: HtxPrivate, message: dict[str, Any]) -> None:
    (effect,) = read(private, message)
    assert isinstance(effect, Unknown)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 50_000,
        b'{"action":"ping","data":' + b"[" * 50_000,
        b'{"action":"ping"}',
        b'{"action":"push","ch":"orders#*","data":{}}',
        b'{"action":"push","ch":"orders#*","data":{"symbol":"btcusdt","orderPrice":"NaN"}}',
        b'{"action":"push","ch":"trade.clearing#*#0","data":{"symbol":"btcusdt"}}',
    ],
)
def test_what_cannot_be_read_raises_and_nothing_else(private: HtxPrivate, data: bytes) -> None:
    with pytest.raises((DecodeError, ValueError)):
        list(private.on_message(data, 1))


# -- orders ------------------------------------------------------------------------------------------------------------


def test_an_execution_changes_the_order_and_tells_no_fill(private: HtxPrivate) -> None:
    assert order(private, **TRADE) == OrderUpdate(
        pair="BTC-USDT",
        state=VenueState.FILLED,
        venue_word="filled",
        exchange_order_id="27163536",
        client_order_id="abc123",
        side=Side.SELL,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=D(15000),
        amount=D("0.01"),
        filled=D(2),
        exchange_ms=1583854188883,
        frame=5,
        source="stream",
    )
    assert order(private, **{**TRADE, "orderId": "27163536"}).exchange_order_id == "27163536"


def test_a_market_buy_is_told_in_quote(private: HtxPrivate) -> None:
    market = {"type": "buy-market", "orderValue": "200", "execAmt": "199.9", "orderPrice": "0", "orderSize": ""}
    update = order(private, **{**TRADE, **market})
    assert (update.quote_amount, update.filled_quote, update.amount, update.filled) == (D(200), D("199.9"), None, None)
    assert (update.price, update.state) == (None, VenueState.FILLED), "the dust that remains does not matter"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("created", VenueState.PENDING),
        ("submitted", VenueState.OPEN),
        ("partial-filled", VenueState.OPEN),
        ("filled", VenueState.FILLED),
        ("canceling", VenueState.CANCELING),
        ("canceled", VenueState.CANCELED),
        ("partial-canceled", VenueState.CANCELED),
        ("rejected", VenueState.FAILED),
        ("novel", VenueState.UNKNOWN_WORD),
    ],
)
def test_states(private: HtxPrivate, word: str, state: VenueState) -> None:
    update = order(private, eventType="cancellation", orderStatus=word, orderId=1, lastActTime=9, execAmt="0.5")
    assert (update.state, update.venue_word, update.exchange_ms, update.filled) == (state, word, 9, D("0.5"))


@pytest.mark.parametrize(
    ("word", "side", "kind", "time_in_force"),
    [
        ("buy-limit", Side.BUY, OrderType.LIMIT, TimeInForce.GTC),
        ("sell-limit-maker", Side.SELL, OrderType.LIMIT_MAKER, TimeInForce.GTC),
        ("buy-ioc", Side.BUY, OrderType.LIMIT, TimeInForce.IOC),
        ("sell-limit-fok", Side.SELL, OrderType.LIMIT, TimeInForce.FOK),
        ("sell-market", Side.SELL, OrderType.MARKET, None),
        ("buy-stop-limit-fok", Side.BUY, OrderType.STOP_LIMIT, TimeInForce.FOK),
        ("novel", None, None, None),
    ],
)
def test_types(private: HtxPrivate, word: str, side: Side, kind: OrderType, time_in_force: TimeInForce) -> None:
    update = order(private, eventType="creation", orderStatus="submitted", orderId=1, type=word, orderCreateTime=8)
    assert (update.side, update.type, update.time_in_force) == (side, kind, time_in_force)
    assert (update.created_ms, update.exchange_ms) == (8, 8)


def test_a_conditional_order_that_failed_has_no_number(private: HtxPrivate) -> None:
    failed = {"eventType": "trigger", "orderSide": "buy", "errCode": 2002, "errMessage": "too little", "lastActTime": 4}
    update = order(private, **failed, orderStatus="rejected", clientOrderId="a001")
    assert (update.state, update.reason, update.exchange_order_id) == (VenueState.FAILED, "too little", "")
    assert (update.client_order_id, update.side) == ("a001", Side.BUY)
    gone = order(private, eventType="deletion", orderSide="buy", orderStatus="canceled", clientOrderId="a001")
    assert gone.state is VenueState.CANCELED


# -- executions --------------------------------------------------------------------------------------------------------


def test_an_execution_with_its_fee(private: HtxPrivate) -> None:
    assert fill(private) == [
        Fill(
            pair="BTC-USDT",
            exchange_order_id="99998888",
            trade_id="919219323232",
            side=Side.BUY,
            price=D("9999.99"),
            amount=D("0.96"),
            fee=D("0.00192"),
            fee_asset="BTC",
            maker=False,
            client_order_id="k1",
            exchange_ms=998787897878,
            id_space="BTC-USDT",
            frame=5,
        )
    ]


def test_rebates_and_fees_paid_otherwise(private: HtxPrivate) -> None:
    (rebate,) = fill(private, transactFee="-0.5", feeCurrency="usdt", aggressor=False)
    assert (rebate.fee, rebate.fee_asset, rebate.maker) == (D("-0.5"), "USDT", True)
    (points,) = fill(private, transactFee="0", feeDeduct="0.1", feeDeductType="point")
    assert (points.fee, points.fee_asset) == (D("0.1"), "POINT")
    assert fill(private, eventType="cancellation") == []


# -- balances ----------------------------------------------------------------------------------------------------------


def test_a_balance_is_total_and_free(private: HtxPrivate) -> None:
    held = Balance(
        asset="BTC",
        total=D("23.111"),
        available=D("20.1"),
        exchange_ms=1568601800000,
        frame=5,
        source="stream",
    )
    assert balance(private) == [BalanceDelta(asset="BTC", reason="order.match", balance=held)]
    (first,) = balance(private, changeType=None, changeTime=None)
    assert (first.reason, first.balance.exchange_ms, first.balance.available) == ("", 0, D("20.1"))


def test_other_accounts_and_loans_are_passed_over(private: HtxPrivate, unknown_account: HtxPrivate) -> None:
    assert balance(private, accountType="loan") == balance(private, accountId=99) == []
    (half,) = balance(private, available=None)
    assert isinstance(half, Unknown)


def test_before_the_account_is_known_no_balance_is_believed(unknown_account: HtxPrivate) -> None:
    assert balance(unknown_account) == []
