from __future__ import annotations

import json
from decimal import Decimal

import pytest

from app.connectors.poloniex.private import PoloniexPrivate
from app.core.effects import Channel, LoggedIn, Pong, Refused, Send, Subscribed, Subscription, Unknown
from app.core.order_state import OrderState
from app.core.order_tracker import OrderTracker
from app.core.orders import OrderIntent
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, VenueState

TRADE = {
    "symbol": "ADA_USDT",
    "type": "MARKET",
    "quantity": "3",
    "orderId": "186250258089635840",
    "tradeFee": "0.00226164",
    "clientOrderId": "",
    "accountType": "SPOT",
    "feeCurrency": "USDT",
    "eventType": "trade",
    "source": "API",
    "side": "SELL",
    "filledQuantity": "3",
    "filledAmount": "1.13082",
    "matchRole": "TAKER",
    "state": "FILLED",
    "tradeTime": 1685371921908,
    "tradeAmount": "1.13082",
    "orderAmount": "0",
    "createTime": 1685371921891,
    "price": "0",
    "tradeQty": "3",
    "tradePrice": "0.37694",
    "tradeId": "62036513",
    "ts": 1685371921945,
}
PLACE = {
    **TRADE,
    "type": "LIMIT",
    "eventType": "place",
    "state": "NEW",
    "clientOrderId": "app-1",
    "price": "0.4",
    "filledQuantity": "0",
    "filledAmount": "0",
    "tradeId": "0",
    "tradeTime": 0,
    "tradeQty": "0",
    "tradePrice": "0",
    "tradeAmount": "0",
    "tradeFee": "0",
    "feeCurrency": "",
}


def orders(*rows: dict[str, object]) -> bytes:
    return json.dumps({"channel": "orders", "data": rows}).encode()


def test_login_then_orders_and_balances(private: PoloniexPrivate) -> None:
    (login,) = private.on_open(1648708187469)
    assert isinstance(login, Send)
    assert json.loads(login.payload)["channel"] == ["auth"]
    answer = b'{"data":{"success":true,"ts":1645597033915},"channel":"auth"}'
    assert list(private.on_message(answer, 1)) == [LoggedIn()]
    assert [json.loads(effect.payload) for effect in private.on_logged_in() if isinstance(effect, Send)] == [
        {"event": "subscribe", "channel": ["orders"], "symbols": ["all"]},
        {"event": "subscribe", "channel": ["balances"]},
    ]
    assert private.link is not None
    assert (private.link.url, private.link.heartbeat_s) == ("wss://ws.poloniex.com/ws/private", 10)


def test_refused_login_keeps_the_exchanges_words(private: PoloniexPrivate) -> None:
    answer = b'{"data":{"success":false,"message":"Authentication failed!","ts":1646276295075},"channel":"auth"}'
    assert list(private.on_message(answer, 1)) == [Refused("Authentication failed!", login=True)]


@pytest.mark.parametrize(
    ("ack", "channel"),
    [
        (b'{"channel":"orders","event":"subscribe"}', Channel.ORDERS),
        (b'{"channel":"orders","event":"subscribe","symbols":["all"]}', Channel.ORDERS),
        (b'{"channel":"balances","event":"subscribe"}', Channel.BALANCES),
    ],
)
def test_acknowledgements_in_both_forms(private: PoloniexPrivate, ack: bytes, channel: Channel) -> None:
    assert list(private.on_message(ack, 1)) == [Subscribed((Subscription(channel),))]


def test_a_trade_is_an_order_update_and_a_fill(private: PoloniexPrivate) -> None:
    assert list(private.on_message(orders(TRADE), 9)) == [
        OrderUpdate(
            pair="ADA-USDT",
            state=VenueState.FILLED,
            venue_word="FILLED",
            exchange_order_id="186250258089635840",
            side=Side.SELL,
            type=OrderType.MARKET,
            amount=Decimal(3),
            filled=Decimal(3),
            filled_quote=Decimal("1.13082"),
            created_ms=1685371921891,
            exchange_ms=1685371921945,
            frame=9,
            source="stream",
        ),
        Fill(
            pair="ADA-USDT",
            exchange_order_id="186250258089635840",
            trade_id="62036513",
            side=Side.SELL,
            price=Decimal("0.37694"),
            amount=Decimal(3),
            fee=Decimal("0.00226164"),
            fee_asset="USDT",
            maker=False,
            exchange_ms=1685371921908,
            id_space="stream",
            frame=9,
        ),
    ]


def test_place_has_no_fill_and_zeros_are_no_values(private: PoloniexPrivate) -> None:
    (update,) = private.on_message(orders(PLACE), 9)
    assert isinstance(update, OrderUpdate)
    assert (update.state, update.client_order_id, update.price) == (VenueState.OPEN, "app-1", Decimal("0.4"))
    assert (update.amount, update.quote_amount, update.filled) == (Decimal(3), None, Decimal(0))


def test_market_buy_is_sized_in_quote(private: PoloniexPrivate) -> None:
    row = {**PLACE, "type": "MARKET", "side": "BUY", "price": "0", "quantity": "0", "orderAmount": "100"}
    (update,) = private.on_message(orders(row), 9)
    assert isinstance(update, OrderUpdate)
    assert (update.amount, update.quote_amount, update.price) == (None, Decimal(100), None)


def test_match_role_may_be_absent(private: PoloniexPrivate) -> None:
    row = {name: value for name, value in TRADE.items() if name != "matchRole"}
    _, fill = private.on_message(orders(row), 9)
    assert isinstance(fill, Fill)
    assert fill.maker is None
    _, fill = private.on_message(orders({**TRADE, "matchRole": "MAKER"}), 9)
    assert isinstance(fill, Fill)
    assert fill.maker is True


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("PENDING_NEW", VenueState.PENDING),
        ("NEW", VenueState.OPEN),
        ("PARTIALLY_FILLED", VenueState.OPEN),
        ("FILLED", VenueState.FILLED),
        ("PENDING_CANCEL", VenueState.CANCELING),
        ("PARTIALLY_CANCELED", VenueState.CANCELED),
        ("CANCELED", VenueState.CANCELED),
        ("REJECTED", VenueState.REJECTED),
        ("EXPIRED", VenueState.EXPIRED),
        ("FAILED", VenueState.FAILED),
        ("NOVELTY", VenueState.UNKNOWN_WORD),
    ],
)
def test_state_words(private: PoloniexPrivate, word: str, state: VenueState) -> None:
    (update,) = private.on_message(orders({**PLACE, "eventType": "canceled", "state": word}), 9)
    assert isinstance(update, OrderUpdate)
    assert (update.state, update.venue_word) == (state, word)


@pytest.mark.parametrize(
    "change", [{"eventType": "novelty"}, {"eventType": "trade", "tradeId": "0"}, {"eventType": "trade", "side": "?"}]
)
def test_half_understood_rows_keep_the_order_and_say_so(private: PoloniexPrivate, change: dict[str, str]) -> None:
    update, unknown = private.on_message(orders({**PLACE, "tradeId": "5", **change}), 9)
    assert isinstance(update, OrderUpdate)
    assert isinstance(unknown, Unknown)


def test_life_of_an_order_from_two_partial_fills_to_a_cancel(private: PoloniexPrivate) -> None:
    tracker = OrderTracker()
    intent = OrderIntent(
        client_order_id="app-1", pair="ADA-USDT", side=Side.SELL, type=OrderType.LIMIT, amount=Decimal(3)
    )
    order = tracker.start(intent)
    partial = {**PLACE, "eventType": "trade", "state": "PARTIALLY_FILLED", "tradePrice": "0.4", "tradeTime": 1}
    frames = [
        orders(PLACE),
        orders({**partial, "tradeId": "71", "tradeQty": "1", "filledQuantity": "1", "filledAmount": "0.4"}),
        orders({**partial, "tradeId": "72", "tradeQty": "1", "filledQuantity": "2", "filledAmount": "0.8"}),
        orders({**PLACE, "eventType": "canceled", "state": "PARTIALLY_CANCELED", "filledQuantity": "2"}),
    ]
    seen = []
    for number, data in enumerate([*frames, *frames], start=1):
        for effect in private.on_message(data, number):
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
    assert (order.state, order.filled, len(order.fills)) == (OrderState.PARTIALLY_CANCELED, Decimal(2), 2)


def test_balances_are_absolute(private: PoloniexPrivate) -> None:
    row = {
        "changeTime": 1657312008411,
        "accountId": "1234",
        "accountType": "SPOT",
        "eventType": "place_order",
        "available": "9999999983.668",
        "currency": "BTC",
        "id": 60018450912695040,
        "userId": 12345,
        "hold": "16.332",
        "ts": 1657312008443,
    }
    balance = Balance(
        asset="BTC",
        total=Decimal("10000000000.000"),
        available=Decimal("9999999983.668"),
        exchange_ms=1657312008411,
        frame=4,
        source="stream",
    )
    expected = [BalanceDelta(asset="BTC", reason="place_order", balance=balance)]
    assert list(private.on_message(json.dumps({"channel": "balances", "data": [row]}).encode(), 4)) == expected
    del row["accountType"]
    assert list(private.on_message(json.dumps({"channel": "balances", "data": [row]}).encode(), 4)) == expected
    row["accountType"] = "FUTURE"
    assert list(private.on_message(json.dumps({"channel": "balances", "data": [row]}).encode(), 4)) == []


def test_pong_error_and_the_unknown(private: PoloniexPrivate) -> None:
    assert private.heartbeat(0) == b'{"event":"ping"}'
    assert list(private.on_message(b'{"event":"pong"}', 1)) == [Pong()]
    words = "user must be authenticated!"
    assert list(private.on_message(json.dumps({"event": "error", "message": words}).encode(), 1)) == [Refused(words)]
    for data in (b'{"channel":"novelty","data":[]}', b'{"event":"novelty"}', b'{"id":"1","data":[]}'):
        (effect,) = private.on_message(data, 1)
        assert isinstance(effect, Unknown)


def test_unknown_fields_are_ignored(private: PoloniexPrivate) -> None:
    assert private.on_message(orders({**TRADE, "novel": [1]}), 9) == private.on_message(orders(TRADE), 9)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"channel":"novelty","data":' + b"[" * 100_000,
        b'{"channel":"orders","data":{}}',
        b'{"channel":"orders","data":[{"symbol":"ADA_USDT"}]}',
        orders({**TRADE, "symbol": "ADAUSDT"}),
        orders({**TRADE, "tradePrice": ""}),
        orders({**TRADE, "tradeQty": "much"}),
        orders({**TRADE, "filledQuantity": "Infinity"}),
        b'{"channel":"balances","data":[{"currency":"BTC","available":"","hold":"1"}]}',
        b'{"channel":"auth","data":[]}',
    ],
)
def test_what_cannot_be_read_raises_value_error(private: PoloniexPrivate, data: bytes) -> None:
    with pytest.raises(ValueError):
        list(private.on_message(data, 1))
