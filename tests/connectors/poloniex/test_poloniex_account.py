from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from app.connectors.poloniex.private import PoloniexPrivate
from app.core.account import FeeSchedule
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Response, VenueError
from app.core.types import Balance, Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

Reply = Callable[..., Response]

DAY = 86_400_000
ORDER = {
    "id": "24993088082542592",
    "clientOrderId": "",
    "symbol": "ETH_USDT",
    "state": "NEW",
    "accountType": "SPOT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "1600",
    "avgPrice": "0",
    "amount": "0",
    "filledQuantity": "0",
    "filledAmount": "0",
    "createTime": 1646925216548,
    "updateTime": 1646925216549,
}
STOP = {
    "id": "31",
    "clientOrderId": "stop-1",
    "symbol": "ETH_USDT",
    "state": "PENDING_NEW",
    "side": "SELL",
    "type": "STOP_LIMIT",
    "timeInForce": "GTC",
    "quantity": "2",
    "price": "1500",
    "amount": "0",
    "stopPrice": "1510",
    "createTime": 5,
    "updateTime": 6,
}
FILL = {
    "id": "32164924331503616",
    "symbol": "LINK_USDT",
    "accountType": "SPOT",
    "orderId": "32164923987566592",
    "side": "SELL",
    "type": "MARKET",
    "matchRole": "TAKER",
    "createTime": 1648635115525,
    "price": "11",
    "quantity": "0.5",
    "amount": "5.5",
    "feeCurrency": "USDT",
    "feeAmount": "0.007975",
    "pageId": "32164924331503616",
    "clientOrderId": "myOwnId-321",
}


def order(kind: OrderType = OrderType.LIMIT, ours: str = "app-1", theirs: str = "") -> InFlightOrder:
    found = InFlightOrder(
        OrderIntent(client_order_id=ours, pair="ETH-USDT", side=Side.BUY, type=kind, created_ms=1_646_925_216_548)
    )
    found.exchange_order_id = theirs
    return found


def test_balances(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.get_balances()
    assert (call.request.path, call.request.params) == ("/accounts/balances", (("accountType", "SPOT"),))
    assert call.request.signed
    body = (
        '[{"accountId":"7","accountType":"SPOT","balances":[{"currencyId":"214","currency":"USDT",'
        '"available":"2.00","hold":"0.50"}]},{"accountId":"8","accountType":"FUTURE","balances":'
        '[{"currencyId":"214","currency":"USDT","available":"9","hold":"0"}]}]'
    )
    assert call.parse(reply(body)).items == [
        Balance(asset="USDT", total=Decimal("2.50"), available=Decimal("2.00"), frame=7, source="rest")
    ]


def test_fees(private: PoloniexPrivate, reply: Reply) -> None:
    body = '{"trxDiscount":false,"makerRate":"0.00145","takerRate":"0.00155","volume30D":"0.00","special":[]}'
    assert private.get_fees().parse(reply(body)) == FeeSchedule(
        maker=Decimal("0.00145"), taker=Decimal("0.00155"), source="account", frame=7
    )


def test_open_orders_go_on_to_the_waiting_stop_orders(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.get_open_orders()
    assert (call.request.path, dict(call.request.params)) == ("/orders", {"limit": "2000"})
    page = call.parse(reply(json.dumps([ORDER])))
    assert page.items == [
        OrderUpdate(
            pair="ETH-USDT",
            state=VenueState.OPEN,
            venue_word="NEW",
            exchange_order_id="24993088082542592",
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=Decimal(1600),
            amount=Decimal("0.001"),
            filled=Decimal(0),
            filled_quote=Decimal(0),
            created_ms=1646925216548,
            exchange_ms=1646925216549,
            frame=7,
            source="rest",
        )
    ]
    assert page.next is not None
    assert page.next.request.path == "/smartorders"
    stops = page.next.parse(reply(json.dumps([STOP])))
    assert stops.next is None
    (stop,) = stops.items
    assert (stop.state, stop.type, stop.client_order_id) == (VenueState.PENDING, OrderType.STOP_LIMIT, "stop-1")
    assert (stop.stop_price, stop.price, stop.amount, stop.filled) == (Decimal(1510), Decimal(1500), Decimal(2), None)


def test_market_buy_over_rest_is_sized_in_quote(private: PoloniexPrivate, reply: Reply) -> None:
    row = {**ORDER, "type": "MARKET", "quantity": "0", "amount": "100", "price": "0"}
    (update,) = private.get_open_orders().parse(reply(json.dumps([row]))).items
    assert (update.amount, update.quote_amount, update.price) == (None, Decimal(100), None)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (order(), "/orders/cid:app-1"),
        (order(theirs="21"), "/orders/cid:app-1"),
        (order(ours="", theirs="21"), "/orders/21"),
        (order(OrderType.STOP_LIMIT), "/smartorders/cid:app-1"),
        (order(OrderType.STOP_MARKET, ours="", theirs="31"), "/smartorders/31"),
    ],
)
def test_an_order_is_asked_for_by_our_id_first(private: PoloniexPrivate, asked: InFlightOrder, path: str) -> None:
    assert private.get_order(asked).request.path == path


def test_an_order_that_is_not_there(private: PoloniexPrivate, reply: Reply) -> None:
    with pytest.raises(VenueError) as caught:
        private.get_order(order()).parse(reply('{"code":21301,"message":"Order not found"}', 400))
    assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(VenueError) as caught:
        private.get_order(order(OrderType.STOP_LIMIT)).parse(reply("[]"))
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_a_stop_order_that_went_off_takes_state_and_fills_from_what_it_became(
    private: PoloniexPrivate, reply: Reply
) -> None:
    became = {**ORDER, "id": "99", "state": "PARTIALLY_FILLED", "filledQuantity": "0.5", "updateTime": 9}
    call = private.get_order(order(OrderType.STOP_LIMIT, ours="stop-1"))
    update = call.parse(reply(json.dumps([{**STOP, "state": "TRIGGERED", "triggeredOrder": became}])))
    assert (update.exchange_order_id, update.client_order_id) == ("31", "stop-1")
    assert (update.state, update.venue_word, update.filled) == (VenueState.OPEN, "PARTIALLY_FILLED", Decimal("0.5"))
    assert (update.stop_price, update.exchange_ms) == (Decimal(1510), 9)


def test_fills_of_one_order(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.get_order_fills(order(theirs="32164923987566592"))
    assert call.request.path == "/orders/32164923987566592/trades"
    page = call.parse(reply(json.dumps([FILL])))
    assert page.next is None
    assert page.items == [
        Fill(
            pair="LINK-USDT",
            exchange_order_id="32164923987566592",
            trade_id="32164924331503616",
            side=Side.SELL,
            price=Decimal(11),
            amount=Decimal("0.5"),
            fee=Decimal("0.007975"),
            fee_asset="USDT",
            maker=False,
            client_order_id="myOwnId-321",
            exchange_ms=1648635115525,
            id_space="rest",
            frame=7,
        )
    ]


def test_fills_of_a_stop_order_are_those_of_what_it_became(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.get_order_fills(order(OrderType.STOP_LIMIT, ours="stop-1", theirs="31"))
    assert call.request.path == "/smartorders/cid:stop-1"
    waiting = call.parse(reply(json.dumps([STOP])))
    assert (waiting.items, waiting.next) == ([], None)
    became = {**ORDER, "id": "32164923987566592"}
    page = call.parse(reply(json.dumps([{**STOP, "state": "TRIGGERED", "triggeredOrder": became}])))
    assert page.next is not None
    assert page.next.request.path == "/orders/32164923987566592/trades"
    assert [fill.exchange_order_id for fill in page.next.parse(reply(json.dumps([FILL]))).items] == [
        "32164923987566592"
    ]


def test_fills_of_an_order_whose_exchange_id_nobody_knows(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.get_order_fills(order(ours="myOwnId-321"))
    params = dict(call.request.params)
    assert (call.request.path, params["symbols"], params["startTime"]) == ("/trades", "ETH_USDT", "1646925156548")
    page = call.parse(reply(json.dumps([FILL, {**FILL, "id": "2", "clientOrderId": "another"}]), received_ms=0))
    assert [fill.trade_id for fill in page.items] == ["32164924331503616"]


# -- pages and windows -------------------------------------------------------------------------------------------------


def fills(*numbers: int) -> str:
    return json.dumps([{**FILL, "id": str(1000 + number), "pageId": f"p{number}"} for number in numbers])


def test_fills_page_by_page_until_a_short_one(private: PoloniexPrivate, reply: Reply) -> None:
    now = 1_700_000_000_000
    call = private.get_fills(now - DAY)
    assert dict(call.request.params) == {
        "limit": "100",
        "startTime": str(now - DAY),
        "endTime": str(now + 89 * DAY - 1),
    }
    first = call.parse(reply(fills(*range(100)), received_ms=now))
    assert first.next is not None
    params = dict(first.next.request.params)
    assert (params["from"], params["direction"]) == ("p99", "NEXT")
    second = first.next.parse(reply(fills(99, 100, 101), received_ms=now))
    assert [fill.trade_id for fill in second.items] == ["1100", "1101"]
    assert second.next is None


def test_where_next_leads_nowhere_pre_is_tried_once(private: PoloniexPrivate, reply: Reply) -> None:
    now = 1_700_000_000_000
    first = private.get_fills(now - DAY).parse(reply(fills(*range(100)), received_ms=now))
    assert first.next is not None
    nothing = first.next.parse(reply(fills(*range(99)), received_ms=now))
    assert nothing.items == []
    assert nothing.next is not None
    params = dict(nothing.next.request.params)
    assert (params["from"], params["direction"]) == ("p99", "PRE")
    more = nothing.next.parse(reply(fills(*range(100, 200)), received_ms=now))
    assert len(more.items) == 100
    assert more.next is not None
    assert dict(more.next.request.params)["direction"] == "PRE"
    end = more.next.parse(reply("[]", received_ms=now))
    assert (end.items, end.next) == ([], None)


def test_history_goes_window_by_window_to_the_time_of_the_reply(private: PoloniexPrivate, reply: Reply) -> None:
    now = 1_700_000_000_000
    call = private.get_order_history(now - 10 * DAY)
    params = dict(call.request.params)
    assert call.request.path == "/orders/history"
    assert int(params["endTime"]) - int(params["startTime"]) == 7 * DAY - 1
    page = call.parse(reply(json.dumps([{**ORDER, "state": "CANCELED"}]), received_ms=now))
    assert [update.state for update in page.items] == [VenueState.CANCELED]
    assert page.next is not None
    assert dict(page.next.request.params)["startTime"] == str(now - 3 * DAY)
    assert page.next.parse(reply("[]", received_ms=now)).next is None


def test_windows_start_where_the_exchanges_memory_does(private: PoloniexPrivate, reply: Reply) -> None:
    now = 1_700_000_000_000
    page = private.get_order_history(1).parse(reply("[]", received_ms=now))
    assert page.next is not None
    assert dict(page.next.request.params)["startTime"] == str(now - 180 * DAY)
    assert "startTime" not in dict(private.get_order_history(0).request.params)


def test_asking_the_same_page_again_gives_the_same(private: PoloniexPrivate, reply: Reply) -> None:
    call = private.get_fills(0)
    answer = reply(fills(1, 2))
    assert call.parse(answer).items == call.parse(answer).items
