from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.okx.private import OkxPrivate
from app.core.effects import Channel, LoggedIn, Pong, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.order_state import OrderFlag, OrderState
from app.core.order_tracker import OrderTracker
from app.core.orders import OrderIntent
from app.core.types import Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

TRADE: dict[str, Any] = json.loads(
    """{"instType":"SPOT","instId":"BTC-USDT","ordId":"452197707845865472","clOrdId":"abc123","tag":"","side":"sell",
 "posSide":"","tdMode":"cash","ccy":"","ordType":"limit","px":"31527.1","sz":"0.001","tgtCcy":"","state":"filled",
 "accFillSz":"0.001","avgPx":"31527.1","fillPx":"31527.1","fillSz":"0.001","fillTime":"1790000000263",
 "tradeId":"242589207","execType":"M","fillFee":"-0.02522168","fillFeeCcy":"USDT","fee":"-0.05","feeCcy":"USDT",
 "rebate":"0","rebateCcy":"BTC","fillPnl":"0","pnl":"0","fillNotionalUsd":"31.5","notionalUsd":"31.5",
 "lastPx":"31527.1","category":"normal","source":"","cancelSource":"","amendSource":"","amendResult":"","reqId":"",
 "code":"0","msg":"","reduceOnly":"false","lever":"0","stpId":"","stpMode":"","algoId":"","algoClOrdId":"",
 "attachAlgoClOrdId":"","attachAlgoOrds":[],"quickMgnType":"","tpTriggerPx":"","tpOrdPx":"","slTriggerPx":"",
 "slOrdPx":"","pxUsd":"","pxVol":"","pxType":"","isTpLimit":"false","tradeQuoteCcy":"USDT",
 "cTime":"1790000000000","uTime":"1790000000264"}"""
)
NO_FILL = {"fillPx": "", "fillSz": "0", "fillTime": "", "tradeId": "", "fillFee": "0", "fillFeeCcy": "", "execType": ""}
LIVE = {**TRADE, **NO_FILL, "state": "live", "accFillSz": "0", "avgPx": "0", "uTime": "1790000000001"}
STOP = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "algoId": "31",
    "algoClOrdId": "stop1",
    "side": "sell",
    "ordType": "trigger",
    "sz": "2",
    "triggerPx": "30000",
    "ordPx": "29900",
    "state": "live",
    "cTime": "5",
    "uTime": "6",
}


def push(channel: str, *rows: Any) -> bytes:
    message = {"arg": {"channel": channel, "instType": "SPOT", "uid": "614488474791936"}, "data": rows}
    return json.dumps(message).encode()


def orders(*rows: Any) -> bytes:
    return push("orders", *rows)


def one(private: OkxPrivate, row: dict[str, Any]) -> OrderUpdate:
    update, *_ = private.on_message(orders(row), 9)
    assert isinstance(update, OrderUpdate)
    return update


# -- login -------------------------------------------------------------------------------------------------------------


def test_login_first_and_subscriptions_after_its_answer(private: OkxPrivate) -> None:
    (login,) = private.on_open(1_704_876_947_000)
    assert isinstance(login, Send)
    assert json.loads(login.payload)["op"] == "login"
    answer = b'{"event":"login","code":"0","msg":"","connId":"a4d3ae55"}'
    assert list(private.on_message(answer, 1)) == [LoggedIn()]
    (subscribe,) = private.on_logged_in()
    assert isinstance(subscribe, Send)
    assert json.loads(subscribe.payload) == {
        "op": "subscribe",
        "args": [
            {"channel": "account", "extraParams": '{"updateInterval":"0"}'},
            {"channel": "orders", "instType": "SPOT"},
        ],
    }
    assert private.link is not None
    assert private.link.url == "wss://ws.okx.com:8443/ws/v5/private"


@pytest.mark.parametrize("code", ["60001", "60002", "60003", "60005", "60007", "60009", "60024", "60032"])
def test_a_refused_login_keeps_the_exchanges_words(private: OkxPrivate, code: str) -> None:
    answer = {"event": "error", "code": code, "msg": "Login failed.", "connId": "a4d3ae55"}
    assert list(private.on_message(json.dumps(answer).encode(), 1)) == [Refused("Login failed.", login=True)]


@pytest.mark.parametrize("code", ["60004", "60006", "60014", "63999"])
def test_a_login_that_a_later_try_may_mend(private: OkxPrivate, code: str) -> None:
    answer = {"event": "error", "code": code, "msg": "later", "connId": "a4d3ae55"}
    assert list(private.on_message(json.dumps(answer).encode(), 1)) == [Reconnect("later")]


def test_a_refused_subscription_is_no_refused_login(private: OkxPrivate) -> None:
    for code in ("60011", "60012", "60013", "60018", "60019", "98765"):
        answer = {"event": "error", "code": code, "msg": "no", "connId": "1"}
        assert list(private.on_message(json.dumps(answer).encode(), 1)) == [Refused("no")]


def test_acknowledgements_pong_and_notice(private: OkxPrivate) -> None:
    for channel, meaning in (("orders", Channel.ORDERS), ("account", Channel.BALANCES)):
        ack = {"event": "subscribe", "arg": {"channel": channel, "instType": "SPOT"}, "connId": "a4d3ae55"}
        assert list(private.on_message(json.dumps(ack).encode(), 1)) == [Subscribed((Subscription(meaning),))]
    assert private.heartbeat(0) == b"ping"
    assert list(private.on_message(b"pong", 1)) == [Pong()]
    notice = b'{"event":"notice","code":"64008","msg":"service upgrade. Please reconnect.","connId":"1"}'
    assert list(private.on_message(notice, 1)) == [Reconnect("service upgrade. Please reconnect.")]
    count = b'{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}'
    assert list(private.on_message(count, 1)) == []


# -- orders and fills --------------------------------------------------------------------------------------------------


def test_a_trade_is_an_order_update_and_a_fill(private: OkxPrivate) -> None:
    assert list(private.on_message(orders(TRADE), 9)) == [
        OrderUpdate(
            pair="BTC-USDT",
            state=VenueState.FILLED,
            venue_word="filled",
            exchange_order_id="452197707845865472",
            client_order_id="abc123",
            side=Side.SELL,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=Decimal("31527.1"),
            amount=Decimal("0.001"),
            filled=Decimal("0.001"),
            filled_quote=Decimal("31.5271"),
            created_ms=1790000000000,
            exchange_ms=1790000000264,
            frame=9,
            source="stream",
        ),
        Fill(
            pair="BTC-USDT",
            exchange_order_id="452197707845865472",
            trade_id="242589207",
            side=Side.SELL,
            price=Decimal("31527.1"),
            amount=Decimal("0.001"),
            fee=Decimal("0.02522168"),
            fee_asset="USDT",
            maker=True,
            client_order_id="abc123",
            exchange_ms=1790000000263,
            id_space="BTC-USDT",
            frame=9,
        ),
    ]


def test_a_paid_fee_is_positive_and_a_rebate_negative(private: OkxPrivate) -> None:
    _, fill = private.on_message(orders({**TRADE, "fillFee": "0.01", "execType": "T"}), 9)
    assert isinstance(fill, Fill)
    assert (fill.fee, fill.maker) == (Decimal("-0.01"), False)
    _, fill = private.on_message(orders({**TRADE, "fillFee": "", "execType": ""}), 9)
    assert isinstance(fill, Fill)
    assert (fill.fee, fill.maker) == (None, None)


def test_a_new_order_has_no_fill_and_empty_strings_are_none(private: OkxPrivate) -> None:
    (update,) = private.on_message(orders({**LIVE, "ordType": "market", "px": ""}), 9)
    assert isinstance(update, OrderUpdate)
    assert (update.state, update.price, update.filled, update.filled_quote) == (
        VenueState.OPEN,
        None,
        Decimal(0),
        None,
    )


@pytest.mark.parametrize(
    ("word", "kind", "time"),
    [
        ("limit", OrderType.LIMIT, TimeInForce.GTC),
        ("post_only", OrderType.LIMIT_MAKER, TimeInForce.GTC),
        ("ioc", OrderType.LIMIT, TimeInForce.IOC),
        ("fok", OrderType.LIMIT, TimeInForce.FOK),
        ("market", OrderType.MARKET, None),
        ("rpi", None, None),
    ],
)
def test_time_in_force_is_an_order_type(
    private: OkxPrivate, word: str, kind: OrderType | None, time: TimeInForce | None
) -> None:
    update = one(private, {**LIVE, "ordType": word})
    assert (update.type, update.time_in_force) == (kind, time)


@pytest.mark.parametrize(
    ("side", "unit", "amount", "quote"),
    [
        ("buy", "quote_ccy", None, Decimal(100)),
        ("buy", "base_ccy", Decimal(100), None),
        ("buy", "", None, Decimal(100)),
        ("sell", "", Decimal(100), None),
        ("sell", "quote_ccy", None, Decimal(100)),
    ],
)
def test_market_orders_are_sized_in_the_unit_they_name(
    private: OkxPrivate, side: str, unit: str, amount: Decimal | None, quote: Decimal | None
) -> None:
    update = one(private, {**LIVE, "ordType": "market", "side": side, "tgtCcy": unit, "sz": "100"})
    assert (update.amount, update.quote_amount) == (amount, quote)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("live", VenueState.OPEN),
        ("partially_filled", VenueState.OPEN),
        ("filled", VenueState.FILLED),
        ("canceled", VenueState.CANCELED),
        ("mmp_canceled", VenueState.CANCELED),
        ("novelty", VenueState.UNKNOWN_WORD),
    ],
)
def test_state_words(private: OkxPrivate, word: str, state: VenueState) -> None:
    update = one(private, {**LIVE, "state": word})
    assert (update.state, update.venue_word) == (state, word)


def test_why_a_post_only_order_was_cancelled(private: OkxPrivate) -> None:
    gone = {**LIVE, "ordType": "post_only", "state": "canceled", "cancelSource": "31"}
    assert one(private, gone).reason == "post-only, and would have taken"
    assert one(private, {**gone, "cancelSource": "1"}).reason == "cancel source 1"


def test_a_change_that_was_refused_is_told(private: OkxPrivate) -> None:
    refused = one(private, {**LIVE, "amendResult": "-1", "msg": "Size too small"})
    assert (refused.state, refused.reason) == (VenueState.OPEN, "change refused: Size too small")
    changed = one(private, {**LIVE, "amendResult": "0", "px": "31000", "sz": "0.002"})
    assert (changed.price, changed.amount, changed.reason) == (Decimal(31000), Decimal("0.002"), "")


def test_life_of_an_order_from_two_partial_fills_to_a_cancel(private: OkxPrivate) -> None:
    tracker = OrderTracker()
    intent = OrderIntent(
        client_order_id="abc123", pair="BTC-USDT", side=Side.SELL, type=OrderType.LIMIT, amount=Decimal(3)
    )
    order = tracker.start(intent)
    part = {**TRADE, "sz": "3", "state": "partially_filled", "fillPx": "10", "fillSz": "1", "avgPx": "10"}
    frames = [
        orders({**LIVE, "sz": "3"}),
        orders({**part, "tradeId": "71", "accFillSz": "1"}, {**part, "tradeId": "72", "accFillSz": "2"}),
        orders({**LIVE, "sz": "3", "state": "canceled", "accFillSz": "2", "avgPx": "10", "uTime": "1790000000300"}),
    ]
    seen = []
    for number, data in enumerate([*frames, *frames], start=1):
        for effect in private.on_message(data, number):
            if isinstance(effect, OrderUpdate):
                tracker.apply(effect, 0)
            elif isinstance(effect, Fill):
                tracker.apply_fill(effect, 0)
        seen.append(order.state)
    assert seen[:3] == [OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.PARTIALLY_CANCELED]
    assert (order.state, order.filled, len(order.fills)) == (OrderState.PARTIALLY_CANCELED, Decimal(2), 2)
    assert (order.filled_quote, order.flags) == (Decimal(20), set())


# -- stop orders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind", "stop", "price"),
    [
        ({}, OrderType.STOP_LIMIT, "30000", "29900"),
        ({"ordPx": "-1"}, OrderType.STOP_MARKET, "30000", None),
        (
            {"ordType": "conditional", "triggerPx": "", "tpTriggerPx": "40000", "tpOrdPx": "40100"},
            OrderType.TAKE_PROFIT_LIMIT,
            "40000",
            "40100",
        ),
        (
            {"ordType": "conditional", "triggerPx": "", "tpTriggerPx": "40000", "tpOrdPx": "-1"},
            OrderType.TAKE_PROFIT,
            "40000",
            None,
        ),
        (
            {"ordType": "conditional", "triggerPx": "", "slTriggerPx": "20000", "slOrdPx": "-1"},
            OrderType.STOP_MARKET,
            "20000",
            None,
        ),
        ({"ordType": "iceberg", "triggerPx": ""}, None, None, None),
    ],
)
def test_stop_orders_by_their_terms(
    private: OkxPrivate, changes: dict[str, str], kind: OrderType | None, stop: str | None, price: str | None
) -> None:
    (update,) = private.on_message(push("orders-algo", {**STOP, **changes}), 9)
    assert isinstance(update, OrderUpdate)
    assert (update.type, update.exchange_order_id, update.client_order_id) == (kind, "31", "stop1")
    assert (update.stop_price, update.price) == (stop and Decimal(stop), price and Decimal(price))
    assert (update.state, update.amount, update.exchange_ms) == (VenueState.PENDING, Decimal(2), 6)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("live", VenueState.PENDING),
        ("pause", VenueState.PENDING),
        ("effective", VenueState.OPEN),
        ("partially_effective", VenueState.OPEN),
        ("canceled", VenueState.CANCELED),
        ("order_failed", VenueState.FAILED),
        ("novelty", VenueState.UNKNOWN_WORD),
    ],
)
def test_stop_order_states(private: OkxPrivate, word: str, state: VenueState) -> None:
    (update,) = private.on_message(push("orders-algo", {**STOP, "state": word}), 9)
    assert isinstance(update, OrderUpdate)
    assert update.state is state


def test_stop_orders_of_derivatives_are_not_ours(private: OkxPrivate) -> None:
    assert private.on_message(push("orders-algo", {**STOP, "instType": "SWAP", "instId": "BTC-USDT-SWAP"}), 9) == []


def test_a_stop_order_that_went_off_keeps_both_ids(private: OkxPrivate) -> None:
    tracker = OrderTracker()
    intent = OrderIntent(
        client_order_id="stop1", pair="BTC-USDT", side=Side.SELL, type=OrderType.STOP_LIMIT, amount=Decimal(2)
    )
    order = tracker.start(intent)
    tracker.bind(order, "31")
    became = {**TRADE, "ordId": "99", "clOrdId": "", "algoId": "31", "algoClOrdId": "stop1", "sz": "2"}
    fill = {**became, "state": "filled", "accFillSz": "2", "fillSz": "2"}
    for data in (orders({**became, **NO_FILL, "state": "live", "accFillSz": "0", "avgPx": ""}), orders(fill)):
        for effect in private.on_message(data, 9):
            if isinstance(effect, OrderUpdate):
                tracker.apply(effect, 0)
            elif isinstance(effect, Fill):
                tracker.apply_fill(effect, 0)
    assert (order.exchange_order_id, order.triggered_order_id, order.live_order_id) == ("31", "99", "99")
    assert (order.state, len(order.fills), len(tracker)) == (OrderState.FILLED, 1, 1)
    assert OrderFlag.ID_CONFLICT not in order.flags


def test_a_strangers_stop_order_that_went_off_is_one_order(private: OkxPrivate) -> None:
    tracker = OrderTracker()
    update = one(private, {**LIVE, "ordId": "99", "clOrdId": "", "algoId": "31", "ordType": "market", "px": ""})
    order = tracker.apply(update, 0)
    assert (order.terms.type, order.exchange_order_id, order.live_order_id) == (OrderType.STOP_MARKET, "31", "99")
    assert OrderFlag.ID_CONFLICT not in order.flags


# -- what is not understood --------------------------------------------------------------------------------------------


def test_unknown_fields_are_ignored(private: OkxPrivate) -> None:
    assert private.on_message(orders({**TRADE, "novel": [1]}), 9) == private.on_message(orders(TRADE), 9)


def test_half_understood_rows_keep_the_order_and_say_so(private: OkxPrivate) -> None:
    update, unknown = private.on_message(orders({**TRADE, "side": "swap"}), 9)
    assert isinstance(update, OrderUpdate)
    assert isinstance(unknown, Unknown)


@pytest.mark.parametrize("data", [push("novelty"), b'{"event":"novelty"}', b'{"id":"1","data":[]}'])
def test_what_is_not_understood_is_said(private: OkxPrivate, data: bytes) -> None:
    (effect,) = private.on_message(data, 1)
    assert isinstance(effect, Unknown)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"arg":{"channel":"novelty"},"data":' + b"[" * 100_000,
        b'{"arg":{"channel":"orders"},"data":{}}',
        orders({"instId": "BTC-USDT"}),
        orders({**TRADE, "instId": "BTCUSDT"}),
        orders({**TRADE, "fillPx": ""}),
        orders({**TRADE, "fillSz": "much"}),
        orders({**TRADE, "accFillSz": "Infinity"}),
        orders({**TRADE, "accFillSz": "1e999999", "avgPx": "1e999999"}),
        orders({**TRADE, "uTime": "soon"}),
        push("orders-algo", {**STOP, "sz": "much"}),
    ],
)
def test_what_cannot_be_read_raises_value_error(private: OkxPrivate, data: bytes) -> None:
    with pytest.raises(ValueError):
        list(private.on_message(data, 1))
