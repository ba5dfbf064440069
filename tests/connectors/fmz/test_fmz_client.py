"""The client against a plug-in written from the guide: what is sent, and what the answers come to."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from app.connectors.exchange import Exchange
from app.connectors.fmz.candidates import candidates, pick, pick_none
from app.connectors.fmz.lens import look
from app.connectors.fmz.private import FmzPrivate
from app.connectors.trading import OrderRefused
from app.core.cancellation import CancelOutcome
from app.core.effects import Channel
from app.core.frames import Direction
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder
from app.core.requests import VenueError
from app.core.types import OrderType, Side, VenueState
from tests.connectors.fmz.conftest import PAIR, poll
from tests.connectors.fmz.plugin import ACCESS, SECRET, Plugin
from tests.until import until

pytestmark = pytest.mark.asyncio


def private(desk: Exchange) -> FmzPrivate:
    assert desk.user_stream_tracker is not None
    source = desk.user_stream_tracker.data_source.source
    assert isinstance(source, FmzPrivate)
    return source


def order_of(desk: Exchange, key: str) -> InFlightOrder:
    order = desk.orders.get(key)
    assert order is not None
    return order


async def test_every_request_is_the_docker_s(desk: Exchange, plugin: Plugin) -> None:
    asked = plugin.last("depth")
    assert list(asked) == ["access_key", "secret_key", "method", "nonce", "params"]
    assert (asked["access_key"], asked["secret_key"]) == (ACCESS, SECRET)
    assert asked["params"] == {"limit": "30", "symbol": "ETH_USDT"}
    nonces = [request["nonce"] for request in plugin.requests if "nonce" in request]
    assert len(set(nonces)) == len(nonces) and all(nonce > 1 << 60 for nonce in nonces)
    headers = plugin.headers[plugin.requests.index(asked)]
    assert headers["Content-Type"] == "application/json" and headers["Connection"].lower() == "close"
    assert "access_key" not in plugin.requests[0], "the first question shows no key"


async def test_the_book_is_exact_and_live(desk: Exchange, plugin: Plugin) -> None:
    book = desk.order_books[PAIR]
    assert book.bids == [("2920.5", "0.25"), ("2919", "1.5")]
    assert book.asks == [("2921.25", "0.5"), ("2922", "3")]
    plugin.asks = [[2922, 3], [2921.1, 1e-7]]
    await poll(desk, Channel.BOOK)
    assert book.asks == [("2921.1", "0.0000001"), ("2922", "3")] and not book.stale


async def test_ticker_trades_and_bars(desk: Exchange) -> None:
    await poll(desk, Channel.TICKER)
    ticker = desk.tickers[PAIR]
    assert (ticker.last, ticker.bid, ticker.ask) == (Decimal("2914"), Decimal("2920.5"), Decimal("2921.25"))
    assert ticker.change == (Decimal(2914) - 2800) / 2800
    assert (ticker.base_volume, ticker.exchange_ms) == (Decimal("249400.888156"), 1731028903911)
    await poll(desk, Channel.TRADES)
    await poll(desk, Channel.TRADES)
    told = [(trade.taker, trade.price, trade.amount) for trade in desk.tape(PAIR)]
    assert told == [
        (Side.SELL, "2920.5", "0.25"),
        (Side.BUY, "2921.25", "0.5"),
        (Side.BUY, "2921.25", "0.1"),
        (Side.BUY, "2921.25", "0.1"),
    ], "asked twice, kept once; two equal trades without an id stay two"
    source = desk.order_book_tracker.data_source.source
    bars = await desk.venue.perform(source.get_candles(PAIR, "1h"))
    assert [(bar.start_ms, bar.open, bar.close, bar.volume) for bar in bars] == [
        (1731025260000, "1.1", "2", "4.4"),
        (1731028860000, "2", "3", "5.5"),
    ]


async def test_balances_and_assets(desk: Exchange) -> None:
    usdt = desk.balances["USDT"]
    assert (usdt.total, usdt.available) == (Decimal(10000), Decimal(9000))
    assert desk.balances["ETH"].total == 0
    assets = await desk.venue.perform(private(desk).get_assets())
    assert [balance.asset for balance in assets] == ["USDT", "ETH"]


async def test_an_order_rests_fills_in_two_parts_and_ends(desk: Exchange, plugin: Plugin) -> None:
    order = order_of(desk, desk.buy(PAIR, Decimal("0.2"), OrderType.LIMIT, Decimal("2900")))
    await until(lambda: order.state is OrderState.OPEN)
    assert plugin.last("trade")["params"] == {"amount": "0.2", "price": "2900", "symbol": "ETH_USDT", "type": "buy"}
    assert order.exchange_order_id == "ETH-USDT,1000"
    plugin.fill(order.exchange_order_id, 0.05, "2900", "partial-filled")
    await desk.get_order(order.key)
    assert order.state is OrderState.PARTIALLY_FILLED
    plugin.fill(order.exchange_order_id, 0.2, "2891", "filled")
    await desk.get_order(order.key)
    assert order.state is OrderState.FILLED
    assert [(fill.trade_id, fill.amount, fill.price, fill.fee) for fill in order.fills] == [
        ("ETH-USDT,1000:0.05", Decimal("0.05"), Decimal("2900"), None),
        ("ETH-USDT,1000:0.2", Decimal("0.15"), Decimal("2888"), None),
    ]
    history = await desk.venue.perform(private(desk).get_order_history(0))
    assert [(update.exchange_order_id, update.state) for update in history.items] == [
        ("ETH-USDT,1000", VenueState.FILLED)
    ]
    assert plugin.last("historyorders")["params"] == {"limit": 0, "since": 0, "symbol": "ETH_USDT"}


async def test_cancel(desk: Exchange, plugin: Plugin) -> None:
    key = desk.buy(PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("2800"))
    await until(lambda: order_of(desk, key).state is OrderState.OPEN)
    receipt = await desk.cancel(key)
    assert [result.outcome for result in receipt.results] == [CancelOutcome.CANCELED]
    assert plugin.last("cancel")["params"] == {"id": "ETH-USDT,1000", "symbol": "ETH_USDT"}


async def test_a_market_order_has_price_minus_one(desk: Exchange, plugin: Plugin) -> None:
    desk.buy(PAIR, Decimal("250"), OrderType.MARKET)
    await until(lambda: "trade" in plugin.methods())
    assert plugin.last("trade")["params"] == {"amount": "250", "price": "-1", "symbol": "ETH_USDT", "type": "buy"}


async def test_raw_calls_carry_their_verb_in_a_header(desk: Exchange, plugin: Plugin) -> None:
    call = private(desk).call_raw("GET", "/api/v5/trade/orders-pending", "instType=SPOT&instId=ETH-USDT")
    answer = json.loads(await desk.venue.perform(call))
    assert answer == {
        "path": "/api/v5/trade/orders-pending",
        "verb": "GET",
        "query": {"instType": "SPOT", "instId": "ETH-USDT"},
    }


async def test_a_refusal_is_told_in_its_own_words(desk: Exchange, plugin: Plugin) -> None:
    plugin.errors["depth"] = "the exchange is in maintenance until 12:00"
    with pytest.raises(VenueError, match="the exchange is in maintenance until 12:00"):
        await poll(desk, Channel.BOOK)
    plugin.errors["accounts"] = {"code": "50113", "msg": "Invalid Sign"}
    with pytest.raises(VenueError, match="50113.*Invalid Sign"):
        await desk.venue.perform(private(desk).get_balances())


async def test_an_order_without_an_answer_is_offered_its_look_alikes(desk: Exchange, plugin: Plugin) -> None:
    plugin.lost = {"trade"}
    order = order_of(desk, desk.buy(PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("2850")))
    await until(lambda: order.state is OrderState.UNKNOWN)
    with pytest.raises(VenueError, match="this exchange cannot be asked by our id"):
        await desk.get_order(order.key)
    with pytest.raises(OrderRefused, match="its outcome is unknown"):
        desk.buy(PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("2850"))
    assert desk.user_stream_tracker is not None
    desk.user_stream_tracker.ask_now()
    await until(lambda: candidates(order, desk.orders), what="the order to be found among the open ones")
    [found] = candidates(order, desk.orders)
    assert OrderFlag.EXTERNAL in found.flags and found.exchange_order_id == "ETH-USDT,1000"
    assert order.state is OrderState.UNKNOWN, "a likeness proves nothing"
    pick(desk.ledger, order, found, desk.venue.wall_ms())
    assert (order.state, order.exchange_order_id) == (OrderState.OPEN, "ETH-USDT,1000")
    assert [other.key for other in desk.orders.open] == [order.key], "one row, not two"
    assert plugin.methods().count("trade") == 1, "and it was sent once"


async def test_only_the_trader_can_say_that_it_was_never_placed(desk: Exchange, plugin: Plugin) -> None:
    plugin.errors["trade"] = "timed out"
    order = order_of(desk, desk.buy(PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("2850")))
    await until(lambda: order.state is OrderState.UNKNOWN)
    assert "timed out" in order.reason and candidates(order, desk.orders) == []
    pick_none(desk.ledger, order, desk.venue.wall_ms())
    assert (order.state, order.reason) == (OrderState.NOT_PLACED, "the trader says that it was never placed")


async def test_a_method_the_plug_in_lacks_refuses_for_certain(desk: Exchange, plugin: Plugin) -> None:
    plugin.errors["trade"] = "invalid method: trade"
    order = order_of(desk, desk.buy(PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("2850")))
    await until(lambda: order.is_done)
    assert (order.state, order.reason) == (OrderState.REJECTED, "invalid method: trade")


async def test_no_key_is_logged_and_the_lens_shows_both_sides(desk: Exchange) -> None:
    await poll(desk, Channel.TICKER)
    frames = list(desk.venue.log.newest_first())
    logged = b"".join(frame.payload for frame in frames)
    assert ACCESS.encode() not in logged and b"SECRET-KEY" not in logged and b"PASS" not in logged
    answer = next(frame for frame in frames if frame.direction is Direction.IN and b"askSz" in frame.payload)
    asked = desk.venue.log.get(answer.answers)
    assert asked is not None
    view = look(asked.payload, answer.payload)
    assert (view.method, view.params) == ("ticker", {"symbol": "ETH_USDT"})
    assert view.raw == {"data": [{"askSz": "0.5", "last": "2914"}]}
    assert (view.dropped, view.unread) == (("data.askSz",), ())
