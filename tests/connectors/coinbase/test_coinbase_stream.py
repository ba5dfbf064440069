"""The user channel: cumulative orders, no executions, no balances."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.coinbase import SPEC
from app.connectors.coinbase.private import CoinbasePrivate
from app.core.effects import Channel, Effect, LoggedIn, Perform, Refused, Send, Subscribed, Subscription, Unknown
from app.core.effects import Sequence as MessageNumber
from app.core.order_state import OrderState
from app.core.order_tracker import OrderTracker
from app.core.orders import OrderIntent
from app.core.requests import Response
from app.core.types import Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

Reply = Callable[..., Response]

ORDER_ID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
ROW: dict[str, Any] = json.loads(
    """{"order_id":"a1b2c3d4-e5f6-7890-abcd-ef1234567890","client_order_id":"my-1","cumulative_quantity":"0.01",
"leaves_quantity":"0","avg_price":"50000","total_fees":"2","status":"FILLED","product_id":"BTC-USD",
"product_type":"SPOT","creation_time":"2026-04-07T14:29:55.123456Z","end_time":"0001-01-01T00:00:00Z",
"start_time":"0001-01-01T00:00:00Z","order_side":"BUY","order_type":"Limit","limit_price":"50000","stop_price":"",
"completion_percentage":"100.00","filled_value":"500","number_of_fills":"1","outstanding_hold_amount":"0",
"post_only":"false","cancel_reason":"","reject_reason":"","retail_portfolio_id":"..",
"time_in_force":"GOOD_UNTIL_CANCELLED","total_value_after_fees":"502","trigger_status":"INVALID_ORDER_TYPE",
"contract_expiry_type":"UNKNOWN_CONTRACT_EXPIRY_TYPE","risk_managed_by":"UNKNOWN_RISK_MANAGEMENT_TYPE"}"""
)
OPEN = ROW | {"status": "OPEN", "cumulative_quantity": "0", "leaves_quantity": "0.01", "filled_value": "0"}
POSITIONS = {"perpetual_futures_positions": [], "expiring_futures_positions": []}


def frame(channel: str, *events: Any, number: int = 1) -> bytes:
    stamp = "2026-04-07T14:30:06Z"
    message = {"channel": channel, "client_id": "", "timestamp": stamp, "sequence_num": number, "events": events}
    return json.dumps(message).encode()


def user(*rows: dict[str, Any], kind: str = "update") -> bytes:
    return frame("user", {"type": kind, "orders": rows, "positions": POSITIONS})


def read(private: CoinbasePrivate, data: bytes) -> list[Effect]:
    return list(private.on_message(data, 9))


def one(private: CoinbasePrivate, row: dict[str, Any]) -> OrderUpdate:
    update = read(private, user(row))[1]
    assert isinstance(update, OrderUpdate)
    return update


def test_two_signed_subscriptions_one_channel_each(private: CoinbasePrivate) -> None:
    beats, orders = [
        json.loads(effect.payload) for effect in private.on_open(1_700_000_000_000) if isinstance(effect, Send)
    ]
    assert (beats.pop("jwt").count("."), orders.pop("jwt").count(".")) == (2, 2)
    assert beats == {"type": "subscribe", "channel": "heartbeats"}
    assert orders == {"type": "subscribe", "channel": "user"}
    assert private.link is not None
    assert (private.link.name, private.link.url) == ("private", "wss://advanced-trade-ws-user.coinbase.com")
    assert (private.link.heartbeat_s, private.streams_balances) == (0, False)
    assert list(private.on_logged_in()) == []


def test_the_confirmation_counts_as_the_login(private: CoinbasePrivate) -> None:
    beats = frame("subscriptions", {"subscriptions": {"heartbeats": ["heartbeats"]}}, number=0)
    assert read(private, beats) == [MessageNumber(0)]
    both = {"heartbeats": ["heartbeats"], "user": ["6a1d0000-user-id"]}
    assert read(private, frame("subscriptions", {"subscriptions": both})) == [
        MessageNumber(1),
        LoggedIn(),
        Subscribed((Subscription(Channel.ORDERS),)),
    ]


@pytest.mark.parametrize(
    ("words", "login"), [("authentication failure", True), ("invalid jwt", True), ("rate limit exceeded", False)]
)
def test_refusals(private: CoinbasePrivate, words: str, login: bool) -> None:
    data = json.dumps({"type": "error", "message": words}).encode()
    assert read(private, data) == [Refused(words, login=login)]


def test_an_order_as_the_sheet_has_it(private: CoinbasePrivate) -> None:
    assert read(private, user(ROW)) == [
        MessageNumber(1),
        OrderUpdate(
            pair="BTC-USD",
            state=VenueState.FILLED,
            venue_word="FILLED",
            exchange_order_id=ORDER_ID,
            client_order_id="my-1",
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=Decimal(50000),
            amount=Decimal("0.01"),
            filled=Decimal("0.01"),
            filled_quote=Decimal(500),
            created_ms=1_775_572_195_123,
            exchange_ms=1_775_572_206_000,
            frame=9,
            source="stream",
        ),
    ]


def test_executions_are_asked_for_when_something_was_filled(private: CoinbasePrivate, reply: Reply) -> None:
    list(private.on_open(1))
    _, _, ask = read(private, user(ROW))
    assert isinstance(ask, Perform)
    assert ask.call.request.path == "/api/v3/brokerage/orders/historical/fills"
    assert ask.call.request.params == (("order_ids", ORDER_ID), ("limit", "100"))
    row = {
        "entry_id": "e1",
        "trade_id": "t1",
        "order_id": ORDER_ID,
        "trade_time": "2026-04-07T14:30:05Z",
        "trade_type": "FILL",
        "price": "50000",
        "size": "0.01",
        "commission": "2",
        "product_id": "BTC-USD",
        "side": "BUY",
    }
    fill, more = ask.call.parse(reply(json.dumps({"fills": [row], "cursor": "789100"})))
    assert isinstance(fill, Fill) and (fill.trade_id, fill.fee, fill.fee_asset) == ("e1", Decimal(2), "USD")
    assert isinstance(more, Perform) and ("cursor", "789100") in more.call.request.params
    assert list(more.call.parse(reply('{"fills":[],"cursor":""}'))) == []


def test_nothing_is_asked_without_a_fill_from_a_snapshot_or_in_a_replay(private: CoinbasePrivate) -> None:
    assert not any(isinstance(effect, Perform) for effect in read(private, user(ROW)))
    list(private.on_open(1))
    for data in (user(OPEN), user(ROW, kind="snapshot")):
        assert not any(isinstance(effect, Perform) for effect in read(private, data))


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("PENDING", VenueState.PENDING),
        ("QUEUED", VenueState.PENDING),
        ("OPEN", VenueState.OPEN),
        ("EDIT_QUEUED", VenueState.OPEN),
        ("CANCEL_QUEUED", VenueState.CANCELING),
        ("FILLED", VenueState.FILLED),
        ("CANCELLED", VenueState.CANCELED),
        ("EXPIRED", VenueState.EXPIRED),
        ("FAILED", VenueState.FAILED),
        ("UNKNOWN_ORDER_STATUS", VenueState.UNKNOWN_WORD),
        ("REVIEWED", VenueState.UNKNOWN_WORD),
    ],
)
def test_every_status(private: CoinbasePrivate, word: str, state: VenueState) -> None:
    update = one(private, OPEN | {"status": word})
    assert (update.state, update.venue_word) == (state, word)


def test_after_a_cancel_nothing_is_left_and_the_size_is_not_told(private: CoinbasePrivate) -> None:
    row = OPEN | {
        "status": "CANCELLED",
        "cumulative_quantity": "0.004",
        "leaves_quantity": "0",
        "cancel_reason": "User",
    }
    update = one(private, row)
    assert (update.amount, update.filled, update.reason) == (None, Decimal("0.004"), "User")


def test_partly_filled_has_no_word_of_its_own(private: CoinbasePrivate) -> None:
    update = one(private, OPEN | {"cumulative_quantity": "0.004", "leaves_quantity": "0.006", "filled_value": "200"})
    assert (update.state, update.amount, update.filled) == (VenueState.OPEN, Decimal("0.01"), Decimal("0.004"))


@pytest.mark.parametrize(
    ("changes", "kind", "prices"),
    [
        ({"post_only": "true"}, OrderType.LIMIT_MAKER, (Decimal(50000), None)),
        ({"post_only": True}, OrderType.LIMIT_MAKER, (Decimal(50000), None)),
        ({"order_type": "Market", "limit_price": ""}, OrderType.MARKET, (None, None)),
        ({"order_type": "Stop Limit", "stop_price": "51000"}, OrderType.STOP_LIMIT, (Decimal(50000), Decimal(51000))),
        ({"order_type": "STOP_LIMIT", "stop_price": None}, OrderType.STOP_LIMIT, (Decimal(50000), None)),
        ({"order_type": "Bracket"}, None, (Decimal(50000), None)),
    ],
)
def test_kinds(private: CoinbasePrivate, changes: dict[str, Any], kind: OrderType | None, prices: Any) -> None:
    update = one(private, OPEN | changes)
    assert (update.type, (update.price, update.stop_price)) == (kind, prices)


def test_prices_may_be_missing(private: CoinbasePrivate) -> None:
    bare = {name: ROW[name] for name in ("order_id", "status", "product_id", "cumulative_quantity")}
    update = one(private, bare)
    assert (update.price, update.amount, update.side, update.filled) == (None, None, None, Decimal("0.01"))


def test_snapshot_comes_in_batches_and_several_events(private: CoinbasePrivate) -> None:
    rows = [OPEN | {"order_id": str(n)} for n in range(50)]
    event = {"type": "snapshot", "orders": rows}
    effects = read(private, frame("user", event, {"type": "snapshot", "orders": []}, event))
    assert len([effect for effect in effects if isinstance(effect, OrderUpdate)]) == 100


def test_what_is_no_spot_order_and_what_is_new(private: CoinbasePrivate) -> None:
    future = OPEN | {"product_id": "BIT-28NOV25-CDE", "product_type": "FUTURE"}
    assert read(private, user(future))[1:] == [Unknown("an order of 'BIT-28NOV25-CDE', which is no spot market")]
    assert read(private, user(kind="delta"))[1:] == [Unknown("user event 'delta'")]
    balance = {"type": "snapshot", "fcm_balance_summary": {}}
    assert read(private, frame("futures_balance_summary", balance))[1:] == [
        Unknown("channel 'futures_balance_summary'")
    ]
    assert read(private, b'{"type":"hello"}') == [Unknown("message 'hello'")]
    assert read(private, frame("heartbeats", {"heartbeat_counter": 42}, number=5)) == [MessageNumber(5)]


def test_late_and_repeated_reports_change_nothing(private: CoinbasePrivate) -> None:
    tracker = OrderTracker()
    terms = OrderIntent(
        client_order_id="my-1",
        pair="BTC-USD",
        side=Side.BUY,
        type=OrderType.LIMIT,
        price=Decimal(50000),
        amount=Decimal("0.01"),
    )
    order = tracker.start(terms)
    for row in (OPEN, ROW, OPEN, ROW):
        tracker.apply(one(private, row), 1)
    assert (order.state, order.filled, order.exchange_order_id) == (OrderState.FILLED, Decimal("0.01"), ORDER_ID)
    assert order.fills_missing == Decimal("0.01"), "no execution is made up from cumulative amounts"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"[" * 200_000,
        b'{"channel":"user","events":' + b"[" * 200_000,
        frame("user", {"type": "update", "orders": [{"order_id": 5}]}),
        user(ROW | {"cumulative_quantity": "many"}),
        user(ROW | {"creation_time": "then"}),
        frame("subscriptions", {"subscriptions": 5}),
    ],
)
def test_bad_messages_raise_value_errors_only(private: CoinbasePrivate, data: bytes) -> None:
    with pytest.raises(ValueError):
        read(private, data)


def test_unknown_fields_are_ignored(private: CoinbasePrivate) -> None:
    assert read(private, user(ROW | {"colour": ["red"]})) == read(private, user(ROW))


def test_a_replay_reads_without_a_signer() -> None:
    class NoAuth:
        api_key = ""

        def generate_auth_dict(self, request: Any, now_ms: int) -> Any:
            raise AssertionError

        def get_ws_auth_payload(self, now_ms: int) -> bytes:
            return b"{}"

    source = SPEC.private(SPEC.domains["main"], NoAuth())
    assert isinstance(list(source.on_message(user(ROW), 1))[1], OrderUpdate)
    assert source.heartbeat(0) == b'{"type":"subscribe","channel":"heartbeats"}'
