"""What an HTX account is asked over REST: the questions and how their answers read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.htx.private import HtxPrivate
from app.core.account import FeeSchedule
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Page, VenueError
from app.core.types import Balance, OrderType, OrderUpdate, Side, TimeInForce, VenueState
from tests.connectors.htx.conftest import ACCOUNTS, Reply

D = Decimal
HOUR_MS = 3_600_000
NOW_MS = 1_790_000_000_000
ROW: dict[str, Any] = {
    "id": 59378,
    "symbol": "btcusdt",
    "account-id": 123456,
    "client-order-id": "app-1",
    "amount": "0.0100",
    "price": "20000.10",
    "created-at": 1494901162595,
    "type": "buy-limit",
    "source": "spot-api",
    "state": "partial-filled",
}
MATCH: dict[str, Any] = json.loads(
    """{"id":313288753120940,"order-id":345487249132375,"match-id":5014,"trade-id":1085,"symbol":"btcusdt",
    "type":"buy-market","source":"spot-web","price":"0.338","filled-amount":"147.92","filled-fees":"0",
    "fee-currency":"btc","filled-points":"0.1","fee-deduct-currency":"hbpoint","fee-deduct-state":"done",
    "role":"taker","created-at":1629443051839}"""
)


def known(type: OrderType = OrderType.LIMIT, ours: str = "app-1", theirs: str = "") -> InFlightOrder:
    order = InFlightOrder(
        OrderIntent(client_order_id=ours, pair="BTC-USDT", side=Side.BUY, type=type, created_ms=NOW_MS)
    )
    order.exchange_order_id = theirs
    return order


def asked(call: Call[Any] | None) -> tuple[str, dict[str, str]]:
    assert call is not None and call.request.signed
    return call.request.path, dict(call.request.params)


# -- the account -------------------------------------------------------------------------------------------------------


def test_the_working_spot_account_is_learned_before_open_orders(unknown_account: HtxPrivate, reply: Reply) -> None:
    first = unknown_account.get_open_orders()
    assert asked(first)[0] == "/v1/account/accounts"
    page = first.parse(reply(ACCOUNTS))
    assert page.items == []
    assert asked(page.next) == ("/v1/order/openOrders", {"account-id": "123456", "size": "500"})
    assert asked(unknown_account.get_open_orders())[0] == "/v1/order/openOrders"
    assert asked(unknown_account.get_balances())[0] == "/v1/account/accounts/123456/balance"


def test_a_key_check_without_the_number_asks_for_the_number(unknown_account: HtxPrivate, reply: Reply) -> None:
    call = unknown_account.get_balances()
    page = call.parse(reply(ACCOUNTS))
    assert asked(call)[0] == "/v1/account/accounts" and page.items == []
    assert asked(page.next)[0] == "/v1/account/accounts/123456/balance"
    with pytest.raises(VenueError, match="no working spot account"):
        call.parse(reply([]))


def test_balances_are_added_up_from_their_rows(private: HtxPrivate, reply: Reply) -> None:
    rows = [
        {"currency": "usdt", "type": "trade", "balance": "91.85", "seq-num": "477"},
        {"currency": "usdt", "type": "frozen", "balance": "5.16", "seq-num": "477"},
        {"currency": "usdt", "type": "loan", "balance": "-1000", "seq-num": "477"},
        {"currency": "usdt", "type": "bank", "balance": "7", "seq-num": "477"},
        {"currency": "eth", "type": "trade", "balance": "0", "seq-num": "1"},
        {"currency": "btc", "type": "frozen", "balance": "2", "seq-num": "1"},
    ]
    body = {"id": 123456, "type": "spot", "state": "working", "list": rows}
    assert private.get_balances().parse(reply(body)).items == [
        Balance(asset="USDT", total=D("97.01"), available=D("91.85"), frame=7, source="rest"),
        Balance(asset="BTC", total=D(2), available=D(0), frame=7, source="rest"),
    ]


def test_fees_are_those_really_taken(private: HtxPrivate, reply: Reply) -> None:
    row = {"symbol": "btcusdt", "makerFeeRate": "0.002", "takerFeeRate": "0.002"}
    body = {"code": 200, "data": [{**row, "actualMakerRate": "-0.0001", "actualTakerRate": "0.0015"}], "success": True}
    call = private.get_fees()
    assert asked(call) == ("/v2/reference/transact-fee-rate", {"symbols": "btcusdt"})
    expected = FeeSchedule(maker=D("-0.0001"), taker=D("0.0015"), source="account", frame=7)
    assert call.parse(reply(json.dumps(body))) == expected


# -- orders ------------------------------------------------------------------------------------------------------------


def open_page(private: HtxPrivate, reply: Reply, rows: list[Any]) -> Page[OrderUpdate]:
    return private.get_open_orders().parse(reply(rows))


def test_open_orders_are_followed_by_conditional_ones(private: HtxPrivate, reply: Reply) -> None:
    page = open_page(private, reply, [{**ROW, "filled-amount": "0.004", "filled-cash-amount": "80"}])
    assert page.items == [
        OrderUpdate(
            pair="BTC-USDT",
            state=VenueState.OPEN,
            venue_word="partial-filled",
            exchange_order_id="59378",
            client_order_id="app-1",
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=D("20000.10"),
            amount=D("0.0100"),
            filled=D("0.004"),
            filled_quote=D(80),
            created_ms=1494901162595,
            exchange_ms=1494901162595,
            frame=7,
            source="rest",
        )
    ]
    assert asked(page.next) == ("/v2/algo-orders/opening", {})
    algo = {"symbol": "btcusdt", "clientOrderId": "a001", "orderSide": "sell", "orderType": "market", "orderSize": "1"}
    body = {"code": 200, "data": [{**algo, "stopPrice": "900", "orderStatus": "created", "orderOrigTime": 5}]}
    assert page.next is not None
    (stop,) = page.next.parse(reply(json.dumps(body))).items
    assert (stop.type, stop.state, stop.stop_price, stop.amount) == (OrderType.STOP_MARKET, VenueState.PENDING, 900, 1)
    assert (stop.client_order_id, stop.exchange_order_id, stop.side) == ("a001", "", Side.SELL)


def test_full_pages_lead_on_and_repeated_rows_do_not(private: HtxPrivate, reply: Reply) -> None:
    page = open_page(private, reply, [{**ROW, "id": 1000 - number} for number in range(500)])
    path, params = asked(page.next)
    assert (path, params["from"], params["direct"]) == ("/v1/order/openOrders", "501", "next")
    assert page.next is not None
    rest = page.next.parse(reply([{**ROW, "id": 501}, {**ROW, "id": 500}]))
    assert [update.exchange_order_id for update in rest.items] == ["500"]
    assert asked(rest.next)[0] == "/v2/algo-orders/opening"
    again = page.next.parse(reply([{**ROW, "id": 1000 - number} for number in range(500)]))
    assert again.items == [] and asked(again.next)[0] == "/v2/algo-orders/opening"


def test_detail_and_history_have_other_names_for_what_was_filled(private: HtxPrivate, reply: Reply) -> None:
    row = {**ROW, "state": "partial-canceled", "field-amount": "0.004", "field-cash-amount": "80", "canceled-at": 9}
    update = private.get_order(known()).parse(reply(row))
    assert (update.filled, update.filled_quote, update.state, update.exchange_ms) == (
        D("0.004"),
        80,
        VenueState.CANCELED,
        9,
    )
    market = {**row, "type": "buy-market", "amount": "200", "price": "0", "state": "filled"}
    update = private.get_order(known()).parse(reply(market))
    assert (update.quote_amount, update.amount, update.filled, update.price) == (D(200), None, D("0.004"), None)


def test_the_operator_tells_a_take_profit(private: HtxPrivate, reply: Reply) -> None:
    row = {**ROW, "type": "sell-stop-limit", "state": "created", "stop-price": "9", "operator": "gte"}
    profit = private.get_order(known()).parse(reply(row))
    stop = private.get_order(known()).parse(reply({**row, "operator": "lte"}))
    assert (profit.type, stop.type, stop.stop_price) == (OrderType.TAKE_PROFIT_LIMIT, OrderType.STOP_LIMIT, D(9))


def test_one_order_by_the_number_else_by_ours(private: HtxPrivate, reply: Reply) -> None:
    assert asked(private.get_order(known(theirs="59378"))) == ("/v1/order/orders/59378", {})
    assert asked(private.get_order(known())) == ("/v1/order/orders/getClientOrder", {"clientOrderId": "app-1"})
    stop = known(OrderType.STOP_MARKET)
    assert asked(private.get_order(stop)) == ("/v2/algo-orders/specific", {"clientOrderId": "app-1"})
    assert asked(private.get_order(known(OrderType.STOP_MARKET, theirs="5")))[0] == "/v1/order/orders/5"
    with pytest.raises(ValueError, match="without any id"):
        private.get_order(known(ours=""))
    with pytest.raises(VenueError) as refusal:
        private.get_order(known()).parse(
            reply('{"status":"error","err-code":"base-record-invalid","err-msg":"record invalid","data":null}')
        )
    assert refusal.value.kind is ErrorKind.NOT_FOUND


def test_a_conditional_order_that_went_off_has_a_number(private: HtxPrivate, reply: Reply) -> None:
    row = {
        "symbol": "btcusdt",
        "clientOrderId": "app-1",
        "orderStatus": "triggered",
        "orderId": "77",
        "orderType": "limit",
    }
    update = private.get_order(known(OrderType.STOP_MARKET)).parse(reply(json.dumps({"code": 200, "data": row})))
    assert (update.state, update.exchange_order_id, update.type) == (VenueState.OPEN, "77", OrderType.STOP_LIMIT)


def test_history_of_the_last_two_days(private: HtxPrivate, reply: Reply) -> None:
    call = private.get_order_history(1494901162595)
    assert asked(call)[0] == "/v1/order/history"
    page = call.parse(reply([ROW, {**ROW, "id": 2, "created-at": 1494901162594}]))
    assert ([update.exchange_order_id for update in page.items], page.next) == (["59378"], None)


# -- executions --------------------------------------------------------------------------------------------------------


def test_an_execution_over_rest(private: HtxPrivate, reply: Reply) -> None:
    call = private.get_order_fills(known(theirs="345487249132375"))
    assert asked(call)[0] == "/v1/order/orders/345487249132375/matchresults"
    (fill,) = call.parse(reply([MATCH])).items
    assert (fill.exchange_order_id, fill.trade_id, fill.id_space) == ("345487249132375", "1085", "BTC-USDT")
    assert (fill.side, fill.price, fill.amount, fill.maker) == (Side.BUY, D("0.338"), D("147.92"), False)
    assert (fill.fee, fill.fee_asset, fill.exchange_ms) == (D("0.1"), "HBPOINT", 1629443051839)
    (plain,) = call.parse(reply([{**MATCH, "filled-fees": "0.3"}])).items
    assert (plain.fee, plain.fee_asset) == (D("0.3"), "BTC")


def test_executions_of_an_order_whose_number_is_unknown(private: HtxPrivate, reply: Reply) -> None:
    page = private.get_order_fills(known()).parse(reply(ROW))
    assert page.items == [] and asked(page.next)[0] == "/v1/order/orders/59378/matchresults"


def test_executions_in_windows_of_two_days_up_to_now(private: HtxPrivate, reply: Reply) -> None:
    since = NOW_MS - 50 * HOUR_MS
    call = private.get_fills(since)
    end = since + 48 * HOUR_MS
    path, params = asked(call)
    assert (path, params) == (
        "/v1/order/matchresults",
        {"start-time": str(since), "end-time": str(end - 1), "size": "500"},
    )
    page = call.parse(reply([MATCH]))
    assert asked(page.next)[1]["start-time"] == str(end) and page.next is not None
    assert page.next.parse(reply([])).next is None


def test_executions_page_inside_a_window(private: HtxPrivate, reply: Reply) -> None:
    call = private.get_fills(0)
    assert asked(call)[1] == {"size": "500"}
    page = call.parse(reply([{**MATCH, "id": 900 - number, "trade-id": number} for number in range(500)]))
    assert asked(page.next)[1] == {"size": "500", "from": "401", "direct": "next"} and page.next is not None
    assert page.next.parse(reply([{**MATCH, "id": 401}])).items == []


def test_what_a_very_old_question_would_ask_is_cut_to_what_is_kept(private: HtxPrivate, reply: Reply) -> None:
    page = private.get_fills(1).parse(reply([]))
    assert asked(page.next)[1]["start-time"] == str(NOW_MS - 180 * 24 * HOUR_MS)
