from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.crypto_com.listing import DAY_MS
from app.connectors.crypto_com.private import CryptoComPrivate
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Request, Response, VenueError
from app.core.types import Balance, OrderType, Side, VenueState
from tests.connectors.crypto_com.test_crypto_com_stream import CRO, ORDER, PORTFOLIO, TRADE

Reply = Callable[..., Response]
NOW_MS = 1_790_000_000_000


def order(kind: OrderType = OrderType.LIMIT, **changes: Any) -> InFlightOrder:
    made = InFlightOrder(
        OrderIntent(
            client_order_id="app-1",
            pair="BTC-USDT",
            side=Side.BUY,
            type=kind,
            price=Decimal(50000),
            amount=Decimal("0.01"),
            created_ms=NOW_MS - 5_000,
        )
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def asked(call: Call[Any]) -> tuple[str, dict[str, Any]]:
    request: Request = call.request
    assert (request.method, request.signed, request.params) == ("POST", True, ())
    return request.path.removeprefix("/exchange/v1/"), json.loads(request.body)


def executions(first: int, count: int) -> list[dict[str, Any]]:
    """Newest first, one a millisecond."""
    return [
        {**TRADE, "trade_id": str(n), "create_time": n, "create_time_ns": f"{n}000000"}
        for n in range(first, first - count, -1)
    ]


# -- balances and fees -------------------------------------------------------------------------------------------------


def test_balances_are_the_coins_of_the_portfolio(private: CryptoComPrivate, reply: Reply) -> None:
    call = private.get_balances()
    assert asked(call) == ("private/user-balance", {})
    plain = {"instrument_name": "BTC", "quantity": 1.5}
    rows = [{**PORTFOLIO, "position_balances": [CRO, plain]}]
    assert call.parse(reply(rows)).items == [
        Balance(asset="CRO", total=Decimal("24422.72"), available=Decimal(24400), frame=7, source="rest"),
        Balance(asset="BTC", total=Decimal("1.5"), available=Decimal("1.5"), frame=7, source="rest"),
    ]


def test_fees_are_told_in_basis_points(private: CryptoComPrivate, reply: Reply) -> None:
    call = private.get_fees()
    assert asked(call) == ("private/get-fee-rate", {})
    tiers = {"spot_tier": "3", "deriv_tier": "3"}
    told = {**tiers, "effective_spot_maker_rate_bps": "6.5", "effective_spot_taker_rate_bps": "6.9"}
    fees = call.parse(reply(told))
    assert (fees.maker, fees.taker, fees.source) == (Decimal("0.00065"), Decimal("0.00069"), "account")


# -- orders ------------------------------------------------------------------------------------------------------------


def test_open_orders_and_then_the_stop_orders_that_wait(private: CryptoComPrivate, reply: Reply) -> None:
    call = private.get_open_orders()
    assert asked(call) == ("private/get-open-orders", {})
    page = call.parse(reply([ORDER, {**ORDER, "instrument_name": "BTCUSD-PERP"}]))
    (update,) = page.items
    assert (update.exchange_order_id, update.state, update.source) == ("19848525", VenueState.OPEN, "rest")
    assert page.next is not None and asked(page.next) == ("private/advanced/get-open-orders", {})
    stops = page.next.parse(reply([{**ORDER, "order_type": "STOP_LOSS", "ref_price": "4", "status": "PENDING"}]))
    assert [(stop.type, stop.stop_price) for stop in stops.items] == [(OrderType.STOP_MARKET, Decimal(4))]
    assert stops.next is None


@pytest.mark.parametrize("result", [ORDER, [ORDER]])
def test_one_order_is_read_in_either_form(private: CryptoComPrivate, reply: Reply, result: Any) -> None:
    call = private.get_order(order())
    assert asked(call) == ("private/get-order-detail", {"client_oid": "app-1"})
    assert call.parse(reply(result)).exchange_order_id == "19848525"


def test_a_stranger_is_asked_for_by_its_own_id(private: CryptoComPrivate) -> None:
    stranger = InFlightOrder(
        OrderIntent(client_order_id="", pair="BTC-USDT", side=Side.BUY, type=OrderType.LIMIT), external=True
    )
    stranger.exchange_order_id = "19848525000000000001"
    assert asked(private.get_order(stranger))[1] == {"order_id": "19848525000000000001"}
    with pytest.raises(ValueError):
        private.get_order(order(client_order_id="", exchange_order_id=""))


@pytest.mark.parametrize("answer", [{"code": 40401, "message": "NOT_FOUND"}, {"code": 212}])
def test_not_found_comes_with_http_200(private: CryptoComPrivate, reply: Reply, answer: dict[str, Any]) -> None:
    with pytest.raises(VenueError) as refused:
        private.get_order(order()).parse(reply(body={"id": 1, "method": "m", **answer}))
    assert refused.value.kind is ErrorKind.NOT_FOUND


def test_an_empty_answer_is_not_found_either(private: CryptoComPrivate, reply: Reply) -> None:
    results: tuple[Any, ...] = ([], {})
    for result in results:
        with pytest.raises(VenueError) as refused:
            private.get_order(order()).parse(reply(result))
        assert refused.value.kind is ErrorKind.NOT_FOUND


def test_a_stop_order_is_looked_for_among_those_that_wait(private: CryptoComPrivate, reply: Reply) -> None:
    stop = order(OrderType.STOP_LIMIT, exchange_order_id="31")
    call = private.get_order(stop)
    assert asked(call) == ("private/advanced/get-open-orders", {"instrument_name": "BTC_USDT"})
    row = {**ORDER, "order_id": "31", "order_type": "STOP_LIMIT", "ref_price": "49000", "status": "PENDING"}
    other = {**row, "order_id": "32", "client_oid": "app-2"}
    assert call.parse(reply([other, row])).exchange_order_id == "31"
    with pytest.raises(VenueError) as refused:
        call.parse(reply([other]))
    assert refused.value.kind is ErrorKind.NOT_FOUND
    private.cancel_order(stop).parse(reply())
    assert call.parse(reply([other])).state is VenueState.CANCELED


def test_a_stop_order_that_went_off_is_asked_for_as_what_it_became(private: CryptoComPrivate) -> None:
    went_off = order(OrderType.STOP_LIMIT, exchange_order_id="31", triggered_order_id="99")
    assert asked(private.get_order(went_off)) == ("private/get-order-detail", {"order_id": "99"})


# -- the past ----------------------------------------------------------------------------------------------------------


def test_without_a_beginning_one_question(private: CryptoComPrivate, reply: Reply) -> None:
    call = private.get_order_history(0)
    assert asked(call) == ("private/get-order-history", {"limit": "100"})
    assert [weight.bucket for weight in call.request.weights] == ["get-order-history"]
    page = call.parse(reply([{**ORDER, "status": "FILLED"}]))
    assert [update.state for update in page.items] == [VenueState.FILLED] and page.next is None


def test_history_goes_day_by_day_to_the_time_of_the_reply(private: CryptoComPrivate, reply: Reply) -> None:
    start = NOW_MS - DAY_MS - 1_000
    call = private.get_order_history(start)
    assert asked(call)[1] == {
        "limit": "100",
        "start_time": f"{start}000000",
        "end_time": f"{start + DAY_MS}000000",
    }
    page = call.parse(reply([ORDER]))
    assert page.next is not None
    assert asked(page.next)[1]["start_time"] == f"{start + DAY_MS}000000"
    last = page.next.parse(reply([ORDER]))
    assert last.items == [] and last.next is None, "what both days hold is told once"


def test_a_full_page_moves_the_end_back(private: CryptoComPrivate, reply: Reply) -> None:
    start = NOW_MS - 1_000_000
    call = private.get_fills(start)
    assert asked(call)[0] == "private/get-trades"
    page = call.parse(reply(executions(NOW_MS, 100)))
    assert len(page.items) == 100 and page.next is not None
    oldest = NOW_MS - 99
    assert asked(page.next)[1] == {
        "limit": "100",
        "start_time": f"{start}000000",
        "end_time": f"{oldest}000000",
    }
    inclusive = page.next.parse(reply(executions(oldest, 50)))
    assert [fill.trade_id for fill in inclusive.items] == [str(n) for n in range(oldest - 1, oldest - 50, -1)]
    assert inclusive.next is None


def test_a_page_of_one_moment_does_not_go_round_for_ever(private: CryptoComPrivate, reply: Reply) -> None:
    start = NOW_MS - 1_000_000
    rows = [
        {**TRADE, "trade_id": str(n), "create_time": NOW_MS, "create_time_ns": f"{NOW_MS}000000"} for n in range(100)
    ]
    page = private.get_fills(start).parse(reply(rows))
    assert page.next is not None
    page = page.next.parse(reply(rows))
    assert page.items == [] and page.next is not None
    assert asked(page.next)[1]["end_time"] == str(NOW_MS * 1_000_000 - 1)


def test_executions_of_one_order_by_either_id(private: CryptoComPrivate, reply: Reply) -> None:
    call = private.get_order_fills(order(exchange_order_id="5", created_ms=NOW_MS - 5_000))
    method, params = asked(call)
    assert (method, params["instrument_name"]) == ("private/get-trades", "BTC_USDT")
    assert params["start_time"] == f"{NOW_MS - 65_000}000000"
    rows = [
        {**TRADE, "trade_id": "1", "order_id": "5", "client_oid": "", "create_time_ns": None},
        {**TRADE, "trade_id": "2", "order_id": "6", "create_time_ns": None},
        {**TRADE, "trade_id": "3", "order_id": "7", "client_oid": "other", "create_time_ns": None},
    ]
    assert [fill.trade_id for fill in call.parse(reply(rows)).items] == ["1", "2"]


def test_an_execution_that_names_no_side_is_not_passed_over(private: CryptoComPrivate, reply: Reply) -> None:
    with pytest.raises(ValueError):
        private.get_fills(0).parse(reply([{**TRADE, "side": "SIDEWAYS"}]))
