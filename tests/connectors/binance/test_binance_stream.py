"""The account's stream of Binance: login, orders, fills, balances."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance.private import BinancePrivate
from app.core.effects import Channel, LoggedIn, Perform, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.order_state import OrderState
from app.core.order_tracker import OrderTracker
from app.core.orders import OrderIntent
from app.core.requests import Response
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

Reply = Callable[..., Response]
TRADE: dict[str, Any] = {
    "e": "executionReport",
    "E": 1790000000200,
    "s": "BTCUSDT",
    "c": "my-1",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "0.01000000",
    "p": "64000.00000000",
    "P": "0.00000000",
    "F": "0.00000000",
    "g": -1,
    "C": "",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "r": "NONE",
    "i": 4293153,
    "l": "0.00400000",
    "z": "0.00400000",
    "L": "63999.99000000",
    "n": "0.00000400",
    "N": "BTC",
    "T": 1790000000199,
    "t": 77517,
    "I": 8641984,
    "w": True,
    "m": False,
    "M": True,
    "O": 1790000000100,
    "Z": "255.99996000",
    "Y": "255.99996000",
    "Q": "0.00000000",
    "W": 1790000000100,
    "V": "EXPIRE_MAKER",
}
NEW = {
    **TRADE,
    "x": "NEW",
    "X": "NEW",
    "l": "0.00000000",
    "z": "0.00000000",
    "L": "0.00000000",
    "n": "0",
    "N": None,
    "t": -1,
    "Z": "0.00000000",
    "Y": "0.00000000",
}
CANCELED = {**NEW, "x": "CANCELED", "X": "CANCELED", "c": "the-cancel", "C": "my-1"}


def event(body: dict[str, Any]) -> bytes:
    return json.dumps({"subscriptionId": 0, "event": body}).encode()


def one(private: BinancePrivate, body: dict[str, Any]) -> OrderUpdate:
    update, *_ = private.on_message(event(body), 9)
    assert isinstance(update, OrderUpdate)
    return update


# -- login -------------------------------------------------------------------------------------------------------------


def test_one_signed_message_on_the_api_socket_and_no_listen_key(private: BinancePrivate) -> None:
    (login,) = private.on_open(1790000000000)
    assert isinstance(login, Send)
    assert json.loads(login.payload)["method"] == "userDataStream.subscribe.signature"
    assert private.link is not None
    assert private.link.url == "wss://ws-api.binance.com:443/ws-api/v3"
    assert private.link.lifetime_s == 86_400
    answer = b'{"id":"login","status":200,"result":{"subscriptionId":0},"rateLimits":[]}'
    assert list(private.on_message(answer, 1)) == [
        LoggedIn(),
        Subscribed((Subscription(Channel.ORDERS), Subscription(Channel.BALANCES))),
    ]
    assert list(private.on_logged_in()) == []


def refusal(code: int, msg: str, status: int = 400) -> bytes:
    error = {"code": code, "msg": msg, "data": {"retryAfter": 1790000060000}}
    return json.dumps({"id": "login", "status": status, "error": error}).encode()


@pytest.mark.parametrize(
    ("code", "msg"),
    [
        (-2015, "Invalid API-key, IP, or permissions for action."),
        (-2014, "API-key format invalid."),
        (-1022, "Signature for this request is not valid."),
        (-1002, "You are not authorized to execute this request."),
    ],
)
def test_a_refused_key_is_final(private: BinancePrivate, code: int, msg: str) -> None:
    assert list(private.on_message(refusal(code, msg, 401), 1)) == [Refused(f"{code} {msg}", login=True)]


@pytest.mark.parametrize(
    ("code", "status"),
    [(-1021, 400), (-1003, 429), (-1003, 418), (-1007, 500), (-1008, 503), (-9999, 400), (-2035, 400)],
)
def test_a_login_refused_for_now_is_tried_again(private: BinancePrivate, code: int, status: int) -> None:
    (effect,) = private.on_message(refusal(code, "said so", status), 1)
    assert isinstance(effect, Reconnect)
    assert "said so" in effect.reason


def test_other_replies(private: BinancePrivate) -> None:
    (effect,) = private.on_message(b'{"id":"x","status":200,"result":{}}', 1)
    assert isinstance(effect, Unknown)
    (effect,) = private.on_message(b'{"id":"x","status":400,"error":{"code":-1100,"msg":"no"}}', 1)
    assert effect == Refused("-1100 no")


def test_the_stream_can_end_in_two_ways(private: BinancePrivate) -> None:
    for data in (
        event({"e": "eventStreamTerminated", "E": 1}),
        json.dumps({"event": {"e": "serverShutdown", "E": 1}}).encode(),
    ):
        (effect,) = private.on_message(data, 1)
        assert isinstance(effect, Reconnect)


# -- orders ------------------------------------------------------------------------------------------------------------


def test_a_trade_is_an_order_update_and_a_fill(private: BinancePrivate) -> None:
    assert list(private.on_message(event(TRADE), 9)) == [
        OrderUpdate(
            pair="BTC-USDT",
            state=VenueState.OPEN,
            venue_word="PARTIALLY_FILLED",
            exchange_order_id="4293153",
            client_order_id="my-1",
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=Decimal(64000),
            amount=Decimal("0.01"),
            filled=Decimal("0.004"),
            filled_quote=Decimal("255.99996"),
            created_ms=1790000000100,
            exchange_ms=1790000000199,
            frame=9,
            source="stream",
        ),
        Fill(
            pair="BTC-USDT",
            exchange_order_id="4293153",
            trade_id="77517",
            side=Side.BUY,
            price=Decimal("63999.99"),
            amount=Decimal("0.004"),
            fee=Decimal("0.000004"),
            fee_asset="BTC",
            maker=False,
            client_order_id="my-1",
            exchange_ms=1790000000199,
            id_space="BTCUSDT",
            frame=9,
        ),
    ]


def test_a_new_order_has_no_fill(private: BinancePrivate) -> None:
    (update,) = private.on_message(event(NEW), 9)
    assert isinstance(update, OrderUpdate)
    assert (update.state, update.filled, update.stop_price, update.quote_amount) == (VenueState.OPEN, 0, None, None)


def test_on_a_cancel_our_id_is_the_original_one(private: BinancePrivate) -> None:
    update = one(private, CANCELED)
    assert (update.client_order_id, update.state) == ("my-1", VenueState.CANCELED)


def test_an_amended_order_keeps_its_first_id_and_takes_the_new_amount(private: BinancePrivate) -> None:
    update = one(private, {**NEW, "x": "REPLACED", "c": "made-up", "C": "my-1", "q": "0.00500000"})
    assert (update.client_order_id, update.amount, update.state) == ("my-1", Decimal("0.005"), VenueState.OPEN)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("NEW", VenueState.OPEN),
        ("PENDING_NEW", VenueState.PENDING),
        ("PARTIALLY_FILLED", VenueState.OPEN),
        ("FILLED", VenueState.FILLED),
        ("PENDING_CANCEL", VenueState.CANCELING),
        ("CANCELED", VenueState.CANCELED),
        ("REJECTED", VenueState.REJECTED),
        ("EXPIRED", VenueState.EXPIRED),
        ("EXPIRED_IN_MATCH", VenueState.EXPIRED),
        ("NOVELTY", VenueState.UNKNOWN_WORD),
    ],
)
def test_state_words(private: BinancePrivate, word: str, state: VenueState) -> None:
    update = one(private, {**NEW, "X": word})
    assert (update.state, update.venue_word) == (state, word)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("LIMIT", OrderType.LIMIT),
        ("LIMIT_MAKER", OrderType.LIMIT_MAKER),
        ("MARKET", OrderType.MARKET),
        ("STOP_LOSS", OrderType.STOP_MARKET),
        ("STOP_LOSS_LIMIT", OrderType.STOP_LIMIT),
        ("TAKE_PROFIT", OrderType.TAKE_PROFIT),
        ("TAKE_PROFIT_LIMIT", OrderType.TAKE_PROFIT_LIMIT),
        ("NOVELTY", None),
    ],
)
def test_order_types(private: BinancePrivate, word: str, kind: OrderType | None) -> None:
    assert one(private, {**NEW, "o": word}).type is kind


def test_a_stop_order_waits_until_it_is_on_the_book(private: BinancePrivate) -> None:
    stop = {**NEW, "o": "STOP_LOSS_LIMIT", "P": "63000.00000000", "w": False}
    update = one(private, stop)
    assert (update.state, update.stop_price) == (VenueState.PENDING, Decimal(63000))
    assert one(private, {**stop, "w": True}).state is VenueState.OPEN
    assert one(private, {**stop, "d": 100, "D": 1}).type is OrderType.TRAILING_STOP_LIMIT


def test_a_market_order_sized_in_quote(private: BinancePrivate) -> None:
    update = one(private, {**NEW, "o": "MARKET", "p": "0.00000000", "Q": "100.00000000"})
    assert (update.amount, update.quote_amount, update.price) == (None, Decimal(100), None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"r": "NONE"}, ""),
        ({"x": "REJECTED", "X": "REJECTED", "r": "INSUFFICIENT_BALANCES"}, "INSUFFICIENT_BALANCES"),
        ({"x": "EXPIRED", "X": "EXPIRED", "eR": "UNFILLED_IOC_QUANTITY_EXPIRED"}, "UNFILLED_IOC_QUANTITY_EXPIRED"),
    ],
)
def test_reasons(private: BinancePrivate, change: dict[str, str], reason: str) -> None:
    assert one(private, {**NEW, **change}).reason == reason


@pytest.mark.parametrize("change", [{"x": "NOVELTY"}, {"x": "TRADE", "t": -1}, {"x": "TRADE", "t": 5, "S": "?"}])
def test_half_understood_reports_keep_the_order_and_say_so(private: BinancePrivate, change: dict[str, Any]) -> None:
    update, unknown = private.on_message(event({**NEW, **change}), 9)
    assert isinstance(update, OrderUpdate)
    assert isinstance(unknown, Unknown)


def test_life_of_an_order_from_two_fills_to_a_cancel_told_twice(private: BinancePrivate) -> None:
    tracker = OrderTracker()
    order = tracker.start(
        OrderIntent(
            client_order_id="my-1", pair="BTC-USDT", side=Side.BUY, type=OrderType.LIMIT, amount=Decimal("0.01")
        )
    )
    frames = [
        NEW,
        {**TRADE, "t": 71, "l": "0.004", "z": "0.004"},
        {**TRADE, "t": 72, "l": "0.004", "z": "0.008"},
        {**CANCELED, "z": "0.008"},
    ]
    seen = []
    for number, body in enumerate([*frames, *frames], start=1):
        for effect in private.on_message(event(body), number):
            if isinstance(effect, OrderUpdate):
                tracker.apply(effect, 0)
            elif isinstance(effect, Fill):
                tracker.apply_fill(effect, 0)
        seen.append(order.state)
    assert seen[:4] == [
        OrderState.OPEN,
        OrderState.PARTIALLY_FILLED,
        OrderState.PARTIALLY_FILLED,
        OrderState.PARTIALLY_CANCELED,
    ]
    assert (order.state, order.filled, len(order.fills)) == (OrderState.PARTIALLY_CANCELED, Decimal("0.008"), 2)
    assert (len(tracker), order.flags) == (1, set())


# -- balances ----------------------------------------------------------------------------------------------------------


def test_positions_are_absolute(private: BinancePrivate) -> None:
    body = {
        "e": "outboundAccountPosition",
        "E": 1790000000201,
        "u": 1790000000199,
        "B": [{"a": "BTC", "f": "1.0", "l": "0.2"}],
    }
    balance = Balance(
        asset="BTC",
        total=Decimal("1.2"),
        available=Decimal("1.0"),
        exchange_ms=1790000000199,
        frame=4,
        source="stream",
    )
    assert list(private.on_message(event(body), 4)) == [
        BalanceDelta(asset="BTC", reason="outboundAccountPosition", balance=balance)
    ]
    assert private.streams_balances


@pytest.mark.parametrize("name", ["balanceUpdate", "externalLockUpdate"])
def test_a_delta_is_never_added_but_asked_about(private: BinancePrivate, reply: Reply, name: str) -> None:
    data = event({"e": name, "E": 1790000000200, "a": "BTC", "d": "-0.5", "T": 1790000000199})
    (perform,) = private.on_message(data, 4)
    assert isinstance(perform, Perform)
    assert perform.call.request.path == "/api/v3/account"
    told = '{"balances":[{"asset":"BTC","free":"0.7","locked":"0.1"},{"asset":"USDT","free":"9","locked":"0"}]}'
    for body, total in ((told, "0.8"), ('{"balances":[]}', "0")):
        (delta,) = perform.call.parse(reply(body))
        assert isinstance(delta, BalanceDelta)
        assert (delta.asset, delta.reason, delta.balance.total) == ("BTC", name, Decimal(total))
        assert delta.balance.exchange_ms == 1790000000200


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_order_lists_report_through_their_orders(private: BinancePrivate) -> None:
    body = {"e": "listStatus", "E": 1, "s": "BTCUSDT", "g": 2, "c": "OCO", "l": "EXEC_STARTED", "L": "EXECUTING"}
    assert list(private.on_message(event(body), 1)) == []


@pytest.mark.parametrize(
    "data",
    [
        event({"e": "novelty", "E": 1}),
        event({}),
        json.dumps(TRADE).encode(),
        b'{"hello":1}',
    ],
)
def test_what_is_not_understood_is_said(private: BinancePrivate, data: bytes) -> None:
    (effect,) = private.on_message(data, 1)
    assert isinstance(effect, Unknown)


def test_unknown_fields_are_ignored(private: BinancePrivate) -> None:
    assert private.on_message(event({**TRADE, "novel": [1]}), 9) == private.on_message(event(TRADE), 9)


def test_reading_old_frames_again_gives_the_same(private: BinancePrivate) -> None:
    first = private.on_message(event(NEW), 9)
    private.on_message(event(CANCELED), 10)
    assert private.on_message(event(NEW), 9) == first


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"event":' + b"[" * 100_000,
        b'{"event":{"e":"novelty","x":' + b"[" * 100_000,
        b'{"event":[1]}',
        event({"e": "executionReport", "s": "BTCUSDT"}),
        event({**NEW, "s": "NOBODYKNOWS"}),
        event({**TRADE, "L": ""}),
        event({**TRADE, "l": "much"}),
        event({**TRADE, "z": "Infinity"}),
        event({**TRADE, "i": "4293153"}),
        event({"e": "outboundAccountPosition", "B": [{"a": "BTC", "f": "", "l": "0"}]}),
        event({"e": "balanceUpdate"}),
    ],
)
def test_what_cannot_be_read_raises_value_error(private: BinancePrivate, data: bytes) -> None:
    with pytest.raises(ValueError):
        list(private.on_message(data, 1))
