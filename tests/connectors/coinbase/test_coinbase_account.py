"""Balances, orders, executions and fees over REST."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.coinbase.private import CoinbasePrivate
from app.core.account import FeeSchedule
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Response, VenueError
from app.core.types import Balance, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

Reply = Callable[..., Response]

BATCH = "/api/v3/brokerage/orders/historical/batch"
FILLS = "/api/v3/brokerage/orders/historical/fills"
SPOT = ("product_type", "SPOT")
ORDER: dict[str, Any] = {
    "order_id": "o1",
    "product_id": "BTC-USD",
    "user_id": "u",
    "order_configuration": {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "50000", "post_only": False}},
    "side": "BUY",
    "client_order_id": "my-1",
    "status": "OPEN",
    "time_in_force": "GOOD_UNTIL_CANCELLED",
    "created_time": "2026-04-07T14:29:55.123456Z",
    "completion_percentage": "40",
    "filled_size": "0.004",
    "average_filled_price": "50000",
    "fee": "",
    "number_of_fills": "1",
    "filled_value": "200",
    "pending_cancel": False,
    "size_in_quote": False,
    "total_fees": "1",
    "size_inclusive_of_fees": False,
    "total_value_after_fees": "201",
    "trigger_status": "INVALID_ORDER_TYPE",
    "order_type": "LIMIT",
    "reject_reason": "REJECT_REASON_UNSPECIFIED",
    "settled": False,
    "product_type": "SPOT",
    "reject_message": "",
    "cancel_message": "",
    "order_placement_source": "RETAIL_ADVANCED",
    "outstanding_hold_amount": "301",
    "is_liquidation": False,
    "last_fill_time": "2026-04-07T14:30:01Z",
    "edit_history": [],
    "leverage": "",
    "margin_type": "UNKNOWN_MARGIN_TYPE",
    "retail_portfolio_id": "p",
    "originating_order_id": "",
    "attached_order_id": "",
}
FILL: dict[str, Any] = {
    "entry_id": "e1",
    "trade_id": "t1",
    "order_id": "o1",
    "trade_time": "2026-04-07T14:30:01.5Z",
    "trade_type": "FILL",
    "price": "10000.00",
    "size": "0.001",
    "commission": "1.25",
    "product_id": "BTC-USD",
    "sequence_timestamp": "2026-04-07T14:30:01.6Z",
    "liquidity_indicator": "MAKER",
    "size_in_quote": False,
    "user_id": "u",
    "side": "BUY",
    "retail_portfolio_id": "p",
}


def order(theirs: str = "o1", ours: str = "my-1", created_ms: int = 1_775_572_195_000) -> InFlightOrder:
    terms = OrderIntent(
        client_order_id=ours, pair="BTC-USD", side=Side.BUY, type=OrderType.LIMIT, created_ms=created_ms
    )
    found = InFlightOrder(terms)
    found.exchange_order_id = theirs
    return found


def orders(*rows: dict[str, Any], has_next: bool = False, cursor: str = "") -> str:
    return json.dumps({"orders": rows, "sequence": "0", "has_next": has_next, "cursor": cursor})


def read_one(private: CoinbasePrivate, reply: Reply, **changes: Any) -> OrderUpdate:
    return private.get_order(order()).parse(reply(json.dumps({"order": ORDER | changes})))


# -- balances ----------------------------------------------------------------------------------------------------------


def wallet(asset: str, available: str, hold: str | None) -> dict[str, Any]:
    return {
        "uuid": "..",
        "name": f"{asset} Wallet",
        "currency": asset,
        "available_balance": {"value": available, "currency": asset},
        "default": True,
        "active": True,
        "created_at": "2026-04-07T14:30:01Z",
        "updated_at": "2026-04-07T14:30:01Z",
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": None if hold is None else {"value": hold, "currency": asset},
        "retail_portfolio_id": "..",
    }


def test_total_is_available_and_held(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.get_balances()
    assert (call.request.path, call.request.params) == ("/api/v3/brokerage/accounts", (("limit", "250"),))
    assert call.request.signed
    rows = [wallet("BTC", "1.23", "0.005"), wallet("USD", "10", None)]
    body = json.dumps({"accounts": rows, "has_next": False, "cursor": "", "size": 2})
    assert call.parse(reply(body)).items == [
        Balance(asset="BTC", total=Decimal("1.235"), available=Decimal("1.23"), frame=7, source="rest"),
        Balance(asset="USD", total=Decimal(10), available=Decimal(10), frame=7, source="rest"),
    ]


def test_more_wallets_than_a_page_holds_are_asked_for_page_by_page(private: CoinbasePrivate, reply: Reply) -> None:
    first = json.dumps({"accounts": [wallet("BTC", "1", "0")], "has_next": True, "cursor": "c1", "size": 1})
    page = private.get_balances().parse(reply(first))
    assert page.next is not None
    assert page.next.request.params == (("limit", "250"), ("cursor", "c1"))
    last = page.next.parse(
        reply(json.dumps({"accounts": [wallet("USD", "2", "0")], "has_next": False, "cursor": "c2"}))
    )
    assert [balance.asset for balance in (*page.items, *last.items)] == ["BTC", "USD"]
    assert last.next is None


# -- orders ------------------------------------------------------------------------------------------------------------


def test_an_order_as_the_sheet_has_it(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.get_order(order())
    assert call.request.path == "/api/v3/brokerage/orders/historical/o1"
    assert call.parse(reply(json.dumps({"order": ORDER}))) == OrderUpdate(
        pair="BTC-USD",
        state=VenueState.OPEN,
        venue_word="OPEN",
        exchange_order_id="o1",
        client_order_id="my-1",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=Decimal(50000),
        amount=Decimal("0.01"),
        filled=Decimal("0.004"),
        filled_quote=Decimal(200),
        created_ms=1_775_572_195_123,
        exchange_ms=1_775_572_201_000,
        frame=7,
        source="rest",
    )


SIZE = {"base_size": "2", "limit_price": "3"}


@pytest.mark.parametrize(
    ("configuration", "kind", "time_in_force"),
    [
        ({"limit_limit_gtc": SIZE | {"post_only": True}}, OrderType.LIMIT_MAKER, TimeInForce.GTC),
        ({"limit_limit_gtd": SIZE | {"end_time": "2026-04-08T00:00:00Z"}}, OrderType.LIMIT, None),
        ({"limit_limit_fok": SIZE}, OrderType.LIMIT, TimeInForce.FOK),
        ({"sor_limit_ioc": SIZE}, OrderType.LIMIT, TimeInForce.IOC),
        ({"stop_limit_stop_limit_gtc": SIZE | {"stop_price": "4"}}, OrderType.STOP_LIMIT, TimeInForce.GTC),
        ({"stop_limit_stop_limit_gtd": SIZE | {"stop_price": "4"}}, OrderType.STOP_LIMIT, None),
        ({"trigger_bracket_gtc": SIZE | {"stop_trigger_price": "4"}}, OrderType.LIMIT, TimeInForce.GTC),
        ({"twap_limit_gtd": SIZE | {"number_buckets": "5"}}, OrderType.LIMIT, TimeInForce.GTC),
    ],
)
def test_configurations(
    private: CoinbasePrivate, reply: Reply, configuration: Any, kind: OrderType, time_in_force: TimeInForce | None
) -> None:
    update = read_one(private, reply, order_configuration=configuration)
    assert (update.type, update.time_in_force) == (kind, time_in_force)
    assert (update.amount, update.price) == (Decimal(2), Decimal(3))
    stops = "stop_price" in str(configuration) or "stop_trigger_price" in str(configuration)
    assert update.stop_price == (Decimal(4) if stops else None)


def test_market_buy_by_total(private: CoinbasePrivate, reply: Reply) -> None:
    update = read_one(private, reply, order_configuration={"market_market_ioc": {"quote_size": "100"}})
    assert (update.type, update.amount, update.quote_amount) == (OrderType.MARKET, None, Decimal(100))
    assert update.time_in_force is TimeInForce.IOC


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({"pending_cancel": True}, VenueState.CANCELING, ""),
        ({"status": "CANCELLED", "cancel_message": "User requested"}, VenueState.CANCELED, "User requested"),
        ({"status": "FAILED", "reject_message": "no funds"}, VenueState.FAILED, "no funds"),
        ({"status": "FILLED", "pending_cancel": True, "reject_reason": ""}, VenueState.FILLED, ""),
        ({"status": "NEWER_WORD"}, VenueState.UNKNOWN_WORD, ""),
        ({"status": "OPEN", "order_configuration": None, "reject_reason": None}, VenueState.OPEN, ""),
    ],
)
def test_states_and_reasons(
    private: CoinbasePrivate, reply: Reply, changes: dict[str, Any], state: VenueState, reason: str
) -> None:
    update = read_one(private, reply, **changes)
    assert (update.state, update.reason) == (state, reason)


def test_not_found_is_said_so(private: CoinbasePrivate, reply: Reply) -> None:
    body = '{"error":"NOT_FOUND","code":5,"message":"order not found","error_details":"","details":[]}'
    with pytest.raises(VenueError) as refused:
        private.get_order(order()).parse(reply(body, 404))
    assert refused.value.kind is ErrorKind.NOT_FOUND


def test_open_orders_first_and_then_those_on_their_way(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.get_open_orders()
    assert (call.request.path, call.request.params) == (BATCH, (("order_status", "OPEN"), SPOT, ("limit", "1000")))
    future = ORDER | {"product_id": "BIT-28NOV25-CDE", "product_type": "FUTURE"}
    page = call.parse(reply(orders(ORDER, future, has_next=True, cursor="c1")))
    assert [update.exchange_order_id for update in page.items] == ["o1"]
    assert page.next is not None and ("cursor", "c1") in page.next.request.params
    again = page.next.parse(reply(orders(has_next=True, cursor="c1")))
    assert again.next is not None, "a cursor that leads to itself ends the list"
    assert again.next.request.params[:2] == (("order_status", "PENDING"), ("order_status", "QUEUED"))
    last = again.next.parse(reply(orders(ORDER | {"order_id": "o2", "status": "PENDING"})))
    assert [(update.exchange_order_id, update.state) for update in last.items] == [("o2", VenueState.PENDING)]
    assert last.next is None


def test_by_our_id_means_looking_through_the_list(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.get_order(order(theirs=""))
    assert call.request.path == BATCH
    assert call.request.params == (("start_date", "2026-04-07T14:28:55.000Z"), SPOT, ("limit", "1000"))
    rows = [ORDER | {"order_id": "o0", "client_order_id": "other"}, ORDER]
    assert call.parse(reply(orders(*rows))).exchange_order_id == "o1"
    for body, kind in ((orders(rows[0]), ErrorKind.NOT_FOUND), (orders(rows[0], has_next=True), ErrorKind.UNKNOWN)):
        with pytest.raises(VenueError) as refused:
            call.parse(reply(body))
        assert refused.value.kind is kind
    with pytest.raises(ValueError):
        private.get_order(order(theirs="", ours=""))


def test_history(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.get_order_history(1_775_572_195_123)
    assert call.request.params == (("start_date", "2026-04-07T14:29:55.123Z"), SPOT, ("limit", "1000"))
    assert private.get_order_history(0).request.params == (SPOT, ("limit", "1000"))
    page = call.parse(reply(orders(ORDER | {"status": "EXPIRED"}, cursor="ignored")))
    assert ([update.state for update in page.items], page.next) == ([VenueState.EXPIRED], None)


# -- executions --------------------------------------------------------------------------------------------------------


def test_an_execution_as_the_sheet_has_it(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.get_order_fills(order())
    assert (call.request.path, call.request.params) == (FILLS, (("order_ids", "o1"), ("limit", "100")))
    page = call.parse(reply(json.dumps({"fills": [FILL], "cursor": ""})))
    assert page.next is None
    assert page.items == [
        Fill(
            pair="BTC-USD",
            exchange_order_id="o1",
            trade_id="e1",
            side=Side.BUY,
            price=Decimal("10000.00"),
            amount=Decimal("0.001"),
            fee=Decimal("1.25"),
            fee_asset="USD",
            maker=True,
            exchange_ms=1_775_572_201_500,
            id_space="rest",
            frame=7,
        )
    ]


def test_a_size_in_quote_is_divided_by_the_price(private: CoinbasePrivate, reply: Reply) -> None:
    row = FILL | {"size_in_quote": True, "size": "10", "price": "68923.67", "liquidity_indicator": "TAKER"}
    (fill,) = private.get_fills(0).parse(reply(json.dumps({"fills": [row], "cursor": ""}))).items
    assert (fill.amount, fill.maker) == (Decimal("0.00014509"), False)


def test_own_trades_are_paged_to_an_empty_cursor(private: CoinbasePrivate, reply: Reply) -> None:
    call = private.get_fills(1_775_572_195_123)
    assert call.request.params == (("start_sequence_timestamp", "2026-04-07T14:29:55.123Z"), ("limit", "100"))
    page = call.parse(reply(json.dumps({"fills": [FILL], "cursor": "789100"})))
    assert page.next is not None and page.next.request.params[-1] == ("cursor", "789100")
    assert page.next.parse(reply('{"fills":[],"cursor":""}')).next is None


def test_rows_that_are_no_spot_executions(private: CoinbasePrivate, reply: Reply) -> None:
    rows = [FILL | {"trade_type": "REVERSAL"}, FILL | {"product_id": "BIT-28NOV25-CDE"}, FILL | {"entry_id": ""}]
    page = private.get_fills(0).parse(reply(json.dumps({"fills": rows, "cursor": ""})))
    assert [(fill.trade_id, fill.maker) for fill in page.items] == [("t1", True)]
    for broken in ({"side": "?"}, {"price": ""}, {"size_in_quote": True, "price": "0"}):
        with pytest.raises(ValueError):
            private.get_fills(0).parse(reply(json.dumps({"fills": [FILL | broken], "cursor": ""})))


def test_executions_of_an_order_known_by_our_id_only(private: CoinbasePrivate, reply: Reply) -> None:
    page = private.get_order_fills(order(theirs="")).parse(reply(orders(ORDER)))
    assert page.items == []
    assert page.next is not None and page.next.request.params[0] == ("order_ids", "o1")


# -- fees --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("taker", "maker"), [('"0.012"', '"0.006"'), ("0.012", "0.006")])
def test_fees_as_text_or_as_numbers_stay_exact(private: CoinbasePrivate, reply: Reply, taker: str, maker: str) -> None:
    call = private.get_fees()
    assert (call.request.path, call.request.params) == ("/api/v3/brokerage/transaction_summary", (SPOT,))
    tier = f'{{"pricing_tier":"Intro 1","usd_from":"0","taker_fee_rate":{taker},"maker_fee_rate":{maker}}}'
    body = f'{{"total_volume":1000,"total_fees":25,"fee_tier":{tier},"margin_rate":null,"total_balance":"468.35"}}'
    assert call.parse(reply(body)) == FeeSchedule(
        maker=Decimal("0.006"), taker=Decimal("0.012"), source="account", frame=7
    )


def test_nothing_is_armed_and_nothing_cancels_everything(private: CoinbasePrivate) -> None:
    assert private.kill_switch(60) is None
    assert list(private.cancel_all(None)) == []
