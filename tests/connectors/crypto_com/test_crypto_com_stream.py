from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.connectors.crypto_com.private import CryptoComPrivate
from app.core.effects import Channel, LoggedIn, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.order_state import OrderFlag, OrderState
from app.core.order_tracker import OrderTracker
from app.core.orders import OrderIntent
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

ORDER: dict[str, Any] = json.loads(
    """{"account_id":"52e7","order_id":"19848525","client_oid":"app-1","order_type":"LIMIT",
 "time_in_force":"GOOD_TILL_CANCEL","side":"BUY","exec_inst":[],"quantity":"0.0100","limit_price":"50000.0",
 "order_value":"500.000000","maker_fee_rate":"0.00025","taker_fee_rate":"0.0004","avg_price":"0.0",
 "cumulative_quantity":"0.0000","cumulative_value":"0","cumulative_fee":"0","status":"ACTIVE","update_user_id":"..",
 "order_date":"2021-02-17","instrument_name":"BTC_USDT","fee_instrument_name":"USDT","reason":"0",
 "create_time":1613575617173,"create_time_ns":"1613575617173123456","update_time":1613575617173,
 "transaction_time_ns":".."}"""
)
TRADE: dict[str, Any] = json.loads(
    """{"account_id":"52e7","event_date":"2021-02-17","journal_type":"TRADING","traded_quantity":"0.0500",
 "traded_price":"51278.5","fees":"-1.025570","fee_credits":"-0.5","order_id":"19708564","trade_id":"38554669",
 "trade_match_id":"76423","client_oid":"app-1","taker_side":"MAKER","side":"BUY","instrument_name":"BTC_USDT",
 "fee_instrument_name":"USDT","create_time":1613570791060,"create_time_ns":"..","transact_time_ns":"..",
 "match_count":"1","match_index":"0"}"""
)
CRO = {
    "instrument_name": "CRO",
    "quantity": "24422.72",
    "market_value": "4776.1",
    "collateral_eligible": True,
    "haircut": "0.5",
    "collateral_amount": "4537.3",
    "max_withdrawal_balance": "24422.72",
    "reserved_qty": "22.72",
}
PORTFOLIO = {
    "instrument_name": "USD",
    "total_available_balance": "4721.05",
    "total_cash_balance": "7919.55",
    "is_liquidating": False,
    "isolated_positions": [],
    "position_balances": [CRO],
}


def push(channel: str, *rows: Any, subscription: str = "", number: int = -1) -> bytes:
    result = {"subscription": subscription or channel, "channel": channel, "data": rows}
    return json.dumps({"id": number, "method": "subscribe", "code": 0, "result": result}).encode()


def one(private: CryptoComPrivate, **changes: Any) -> OrderUpdate:
    (update,) = private.on_message(push("user.order", {**ORDER, **changes}), 9)
    assert isinstance(update, OrderUpdate)
    return update


# -- login -------------------------------------------------------------------------------------------------------------


def test_login_first_and_subscriptions_after_its_answer(private: CryptoComPrivate) -> None:
    assert private.link is not None and private.streams_balances
    assert private.link.url == "wss://stream.crypto.com/exchange/v1/user"
    (login,) = private.on_open(1587523073344)
    assert isinstance(login, Send)
    assert json.loads(login.payload)["method"] == "public/auth"
    assert list(private.on_message(b'{"id":1,"method":"public/auth","code":0}', 1)) == [LoggedIn()]
    sent = [json.loads(effect.payload) for effect in private.on_logged_in() if isinstance(effect, Send)]
    assert sent == [
        {
            "id": 2,
            "method": "subscribe",
            "params": {"channels": ["user.order", "user.trade", "user.balance"]},
            "nonce": 1587523073344,
        },
        {"id": 3, "method": "subscribe", "params": {"channels": ["user.advanced.order"]}, "nonce": 1587523073344},
    ]
    account = Subscribed((Subscription(Channel.ORDERS), Subscription(Channel.BALANCES)))
    assert list(private.on_message(b'{"id":2,"method":"subscribe","code":0}', 1)) == [account]
    assert list(private.on_message(b'{"id":3,"method":"subscribe","code":0}', 1)) == []


@pytest.mark.parametrize("code", [40101, 40103, 40104, 202])
def test_a_refused_login_keeps_the_exchanges_words(private: CryptoComPrivate, code: int) -> None:
    answer = json.dumps({"id": 1, "method": "public/auth", "code": code, "message": "UNAUTHORIZED"}).encode()
    assert list(private.on_message(answer, 1)) == [Refused("UNAUTHORIZED", login=True)]


@pytest.mark.parametrize("code", [40102, 42901, 50001, 40801, 98765])
def test_a_login_that_a_later_try_may_mend(private: CryptoComPrivate, code: int) -> None:
    answer = json.dumps({"id": 1, "method": "public/auth", "code": code, "message": "later"}).encode()
    assert list(private.on_message(answer, 1)) == [Reconnect("later")]


def test_refused_subscriptions(private: CryptoComPrivate) -> None:
    def answer(number: int, code: int) -> list[Any]:
        message = {"id": number, "method": "subscribe", "code": code, "message": "no"}
        return list(private.on_message(json.dumps(message).encode(), 1))

    account = (Subscription(Channel.ORDERS), Subscription(Channel.BALANCES))
    assert answer(2, 10004) == [Refused("no", account)]
    assert answer(2, 40101) == [Refused("no", account, login=True)]
    assert answer(2, 42901) == [Reconnect("no")]
    assert answer(3, 10004) == [Unknown("no stream of stop orders: no")], "they are polled then"
    assert answer(-1, 40003) == [Refused("no")]


def test_the_user_socket_beats_too(private: CryptoComPrivate) -> None:
    beat = b'{"id":1587523073344,"method":"public/heartbeat","code":0}'
    answer = Send(b'{"id":1587523073344,"method":"public/respond-heartbeat"}')
    assert list(private.on_message(beat, 1)) == [answer]


# -- orders ------------------------------------------------------------------------------------------------------------


def test_an_order_as_documented(private: CryptoComPrivate) -> None:
    assert one(private) == OrderUpdate(
        pair="BTC-USDT",
        state=VenueState.OPEN,
        venue_word="ACTIVE",
        exchange_order_id="19848525",
        client_order_id="app-1",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=Decimal(50000),
        amount=Decimal("0.01"),
        filled=Decimal(0),
        filled_quote=Decimal(0),
        created_ms=1613575617173,
        exchange_ms=1613575617173,
        frame=9,
        source="stream",
    )


def test_old_frames_and_numbers_that_are_no_strings(private: CryptoComPrivate) -> None:
    old = {key: value for key, value in ORDER.items() if key not in ("order_type", "limit_price")}
    old |= {"type": "LIMIT", "price": 50000.0, "quantity": 0.01, "create_time": "1613575617173", "order_id": 19848525}
    (update,) = private.on_message(push("user.order", old, subscription="user.order.BTC_USDT"), 9)
    assert update == one(private)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("NEW", VenueState.PENDING),
        ("PENDING", VenueState.PENDING),
        ("ACTIVE", VenueState.OPEN),
        ("FILLED", VenueState.FILLED),
        ("CANCELED", VenueState.CANCELED),
        ("REJECTED", VenueState.FAILED),
        ("EXPIRED", VenueState.EXPIRED),
        ("NOVELTY", VenueState.UNKNOWN_WORD),
    ],
)
def test_state_words(private: CryptoComPrivate, word: str, state: VenueState) -> None:
    update = one(private, status=word)
    assert (update.state, update.venue_word) == (state, word)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("LIMIT", OrderType.LIMIT),
        ("MARKET", OrderType.MARKET),
        ("STOP_LOSS", OrderType.STOP_MARKET),
        ("STOP_LIMIT", OrderType.STOP_LIMIT),
        ("TAKE_PROFIT", OrderType.TAKE_PROFIT),
        ("TAKE_PROFIT_LIMIT", OrderType.TAKE_PROFIT_LIMIT),
        ("NOVELTY", None),
    ],
)
def test_order_types(private: CryptoComPrivate, word: str, kind: OrderType | None) -> None:
    assert one(private, order_type=word).type is kind


def test_post_only_is_an_instruction(private: CryptoComPrivate) -> None:
    for word in ("POST_ONLY", "SMART_POST_ONLY"):
        assert one(private, exec_inst=[word]).type is OrderType.LIMIT_MAKER
    assert one(private, exec_inst=["REDUCE_ONLY"]).type is OrderType.LIMIT
    assert one(private, exec_inst=None, time_in_force="FILL_OR_KILL").time_in_force is TimeInForce.FOK


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        ("CANCELED", "43012", "cancelled to prevent a trade with oneself"),
        ("REJECTED", 43005, "post-only, and would have taken"),
        ("CANCELED", "999999", "reason 999999"),
        ("CANCELED", "0", ""),
        ("CANCELED", None, ""),
        ("ACTIVE", "43012", ""),
    ],
)
def test_why_an_order_ended(private: CryptoComPrivate, status: str, code: Any, reason: str) -> None:
    assert one(private, status=status, reason=code).reason == reason


def test_a_market_buy_in_quote_has_a_worth_and_no_amount(private: CryptoComPrivate) -> None:
    update = one(private, order_type="MARKET", quantity="0", limit_price="0", order_value="500")
    assert (update.amount, update.quote_amount, update.price) == (None, Decimal(500), None)
    sale = one(private, order_type="MARKET", side="SELL", limit_price=None)
    assert (sale.amount, sale.quote_amount) == (Decimal("0.01"), None)


def test_orders_of_derivatives_are_not_ours(private: CryptoComPrivate) -> None:
    assert list(private.on_message(push("user.order", {**ORDER, "instrument_name": "BTCUSD-PERP"}), 9)) == []
    assert list(private.on_message(push("user.trade", {**TRADE, "instrument_name": "BTCUSD-PERP"}), 9)) == []


def test_stop_orders_have_a_channel_of_their_own(private: CryptoComPrivate) -> None:
    row = {**ORDER, "order_type": "STOP_LIMIT", "ref_price": "49000", "status": "PENDING"}
    for channel in ("user.advanced.order", "user.advance.order"):
        (update,) = private.on_message(push(channel, row), 9)
        assert isinstance(update, OrderUpdate)
        assert (update.type, update.stop_price) == (OrderType.STOP_LIMIT, Decimal(49000))
        assert (update.price, update.state) == (Decimal(50000), VenueState.PENDING)


# -- executions and balances -------------------------------------------------------------------------------------------


def test_what_is_paid_is_negative_and_taker_side_is_the_role(private: CryptoComPrivate) -> None:
    assert list(private.on_message(push("user.trade", TRADE), 9)) == [
        Fill(
            pair="BTC-USDT",
            exchange_order_id="19708564",
            trade_id="38554669",
            side=Side.BUY,
            price=Decimal("51278.5"),
            amount=Decimal("0.05"),
            fee=Decimal("1.02557"),
            fee_asset="USDT",
            maker=True,
            client_order_id="app-1",
            exchange_ms=1613570791060,
            frame=9,
        )
    ]
    (fill,) = private.on_message(push("user.trade", {**TRADE, "fees": "0.5", "taker_side": "TAKER"}), 9)
    assert isinstance(fill, Fill)
    assert (fill.fee, fill.maker, fill.side) == (Decimal("-0.5"), False, Side.BUY)


def test_coins_and_not_the_portfolio(private: CryptoComPrivate) -> None:
    balance = Balance(asset="CRO", total=Decimal("24422.72"), available=Decimal(24400), frame=9, source="stream")
    assert list(private.on_message(push("user.balance", PORTFOLIO), 9)) == [
        BalanceDelta(asset="CRO", reason="", balance=balance)
    ]
    assert balance.held == Decimal("22.72")


# -- lives -------------------------------------------------------------------------------------------------------------


def follow(private: CryptoComPrivate, tracker: OrderTracker, *frames: bytes) -> None:
    for number, data in enumerate(frames, start=1):
        for effect in private.on_message(data, number):
            if isinstance(effect, OrderUpdate):
                tracker.apply(effect, 0)
            elif isinstance(effect, Fill):
                tracker.apply_fill(effect, 0)


def intent(kind: OrderType = OrderType.LIMIT) -> OrderIntent:
    return OrderIntent(
        client_order_id="app-1", pair="BTC-USDT", side=Side.BUY, type=kind, price=Decimal(50000), amount=Decimal("0.01")
    )


def test_partly_filled_is_active_with_something_cumulated(private: CryptoComPrivate) -> None:
    tracker = OrderTracker()
    order = tracker.start(intent())
    follow(private, tracker, push("user.order", {**ORDER, "status": "NEW"}), push("user.order", ORDER))
    assert order.state is OrderState.OPEN
    part = {**TRADE, "order_id": "19848525", "traded_quantity": "0.004", "traded_price": "50000"}
    cumulated = {"cumulative_quantity": "0.004", "cumulative_value": "200", "update_time": 1613575617200}
    frames = [push("user.trade", part), push("user.order", {**ORDER, **cumulated})]
    follow(private, tracker, *frames, *frames)
    assert (order.state, order.filled, order.filled_quote) == (
        OrderState.PARTIALLY_FILLED,
        Decimal("0.004"),
        Decimal(200),
    )
    ended = {**ORDER, **cumulated, "status": "CANCELED", "update_time": 1613575617300}
    follow(private, tracker, push("user.order", ended), *frames)
    assert (order.state, len(order.fills), order.flags) == (OrderState.PARTIALLY_CANCELED, 1, set())


def test_an_order_that_was_received_and_then_rejected_has_ended(private: CryptoComPrivate) -> None:
    tracker = OrderTracker()
    order = tracker.start(intent(OrderType.LIMIT_MAKER))
    tracker.bind(order, "19848525")
    order.mark_exists(0, "accepted")
    follow(private, tracker, push("user.order", {**ORDER, "status": "REJECTED", "reason": "43005"}))
    assert (order.is_done, order.state, order.filled) == (True, OrderState.FAILED, Decimal(0))
    assert order.reason == "post-only, and would have taken"


def test_a_stop_order_that_went_off_keeps_both_ids(private: CryptoComPrivate) -> None:
    tracker = OrderTracker()
    order = tracker.start(intent(OrderType.STOP_LIMIT))
    waits = {**ORDER, "order_id": "31", "order_type": "STOP_LIMIT", "ref_price": "49000", "status": "PENDING"}
    became = {**ORDER, "order_id": "99", "update_time": 1613575617500}
    follow(private, tracker, push("user.advanced.order", waits), push("user.order", became))
    assert (order.exchange_order_id, order.triggered_order_id, order.state) == ("31", "99", OrderState.OPEN)
    assert len(tracker) == 1 and OrderFlag.ID_CONFLICT not in order.flags


def test_going_off_is_not_being_filled(private: CryptoComPrivate) -> None:
    tracker = OrderTracker()
    order = tracker.start(intent(OrderType.STOP_LIMIT))
    waits = {**ORDER, "order_id": "31", "order_type": "STOP_LIMIT", "ref_price": "49000", "status": "PENDING"}
    went_off = {**waits, "status": "FILLED", "update_time": 1613575617500}
    follow(private, tracker, push("user.advanced.order", waits), push("user.advanced.order", went_off))
    assert (order.state, order.filled) == (OrderState.OPEN, Decimal(0))
    assert json.loads(private.get_order(order).request.body) == {"client_oid": "app-1"}, "asked for as what it became"
    cancel = private.cancel_order(order).request
    assert (cancel.path, json.loads(cancel.body)) == ("/exchange/v1/private/cancel-order", {"client_oid": "app-1"})
    filled = {
        "status": "FILLED",
        "cumulative_quantity": "0.01",
        "cumulative_value": "500",
        "update_time": 1613575617600,
    }
    follow(private, tracker, push("user.order", {**ORDER, **filled, "order_id": "99"}))
    assert (order.state, order.triggered_order_id, order.filled) == (OrderState.FILLED, "99", Decimal("0.01"))


@pytest.mark.parametrize(
    "data",
    [
        push("user.novelty", {}),
        push("", {}),
        b'{"id":1,"method":"private/novelty","code":0}',
        b'{"unheard":"of"}',
        push("user.trade", {**TRADE, "side": "SIDEWAYS"}),
        push("user.trade", {**TRADE, "trade_id": ""}),
    ],
)
def test_what_is_not_understood_is_said(private: CryptoComPrivate, data: bytes) -> None:
    (effect,) = private.on_message(data, 1)
    assert isinstance(effect, Unknown)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"result":' + b"[" * 100_000,
        push("user.order", {"instrument_name": "BTC_USDT"}),
        push("user.order", {**ORDER, "quantity": "much"}),
        push("user.order", {**ORDER, "cumulative_value": "Infinity"}),
        push("user.order", {**ORDER, "update_time": "soon"}),
        push("user.trade", {**TRADE, "traded_price": ""}),
        push("user.balance", {"position_balances": [{"instrument_name": "CRO", "quantity": None}]}),
        push("user.order", ORDER).replace(b'"data": [', b'"data": ' + b"[" * 50_000),
    ],
)
def test_what_cannot_be_read_raises_nothing_else(private: CryptoComPrivate, data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        list(private.on_message(data, 1))
