"""The private WebSocket: orders and balances in the sheet's words and types, and order entry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from app.core.types import Side
from app.paper.dialects.poloniex import PoloniexTwin

from .conftest import Connect
from .poloniex_client import Stream, Trader


@pytest_asyncio.fixture
async def stream(trader: Trader, connect: Connect) -> Stream:
    """Logged in and subscribed to both channels."""
    stream = await connect(trader.ws_private)
    assert (await stream.log_in(trader))["data"]["success"] is True
    assert await stream.subscribe("orders", "all") == {"event": "subscribe", "channel": "orders", "symbols": ["all"]}
    assert await stream.subscribe("balances") == {"channel": "balances", "event": "subscribe"}
    stream.seen.clear()
    return stream


async def rows(stream: Stream, channel: str) -> list[dict[str, Any]]:
    """Everything said on a channel since the last call."""
    await stream.say(event="ping")
    await stream.until(lambda f: f == {"event": "pong"})
    told = [f["data"][0] for f in stream.seen if f.get("channel") == channel and "data" in f]
    stream.seen = [f for f in stream.seen if f.get("channel") not in (channel, None)]
    return told


@pytest.mark.asyncio
async def test_place_then_cancel(trader: Trader, stream: Stream) -> None:
    order_id = await trader.order(
        "BTC_USDT", "BUY", type="LIMIT", price="90000", quantity="0.01", clientOrderId="app-1"
    )
    (placed,) = await rows(stream, "orders")
    assert placed == {
        "symbol": "BTC_USDT",
        "type": "LIMIT",
        "quantity": "0.01",
        "orderId": order_id,
        "tradeFee": "0",
        "clientOrderId": "app-1",
        "accountType": "SPOT",
        "feeCurrency": "",
        "eventType": "place",
        "source": "API",
        "side": "BUY",
        "filledQuantity": "0",
        "filledAmount": "0",
        "matchRole": "MAKER",
        "state": "NEW",
        "tradeTime": 0,
        "tradeAmount": "0",
        "orderAmount": "0",
        "createTime": placed["createTime"],
        "price": "90000",
        "tradeQty": "0",
        "tradePrice": "0",
        "tradeId": "0",
        "ts": placed["ts"],
    }
    (held,) = await rows(stream, "balances")
    assert [held[k] for k in ("eventType", "currency", "available", "hold")] == ["place_order", "USDT", "49100", "900"]
    assert all(isinstance(held[k], int) for k in ("id", "userId", "changeTime", "ts"))
    assert isinstance(held["accountId"], str) and held["accountType"] == "SPOT"
    await trader.delete(f"/orders/{order_id}")
    (canceled,) = await rows(stream, "orders")
    assert (canceled["eventType"], canceled["state"], canceled["orderId"]) == ("canceled", "CANCELED", order_id)
    (released,) = await rows(stream, "balances")
    assert (released["eventType"], released["available"], released["hold"]) == ("canceled_order", "50000", "0")


@pytest.mark.asyncio
async def test_one_trade_event_per_fill_with_cumulative_amounts(trader: Trader, stream: Stream) -> None:
    order_id = await trader.order("BTC_USDT", "BUY", amount="45000")
    placed, *fills = await rows(stream, "orders")
    assert (placed["eventType"], placed["orderAmount"], placed["quantity"], placed["price"]) == (
        "place",
        "45000",
        "0",
        "0",
    )
    assert placed["matchRole"] == "TAKER"
    assert len(fills) > 1
    quantity = amount = Decimal(0)
    for fill in fills:
        assert (fill["eventType"], fill["matchRole"], fill["feeCurrency"]) == ("trade", "TAKER", "BTC")
        quantity += Decimal(fill["tradeQty"])
        amount += Decimal(fill["tradeAmount"])
        assert (Decimal(fill["filledQuantity"]), Decimal(fill["filledAmount"])) == (quantity, amount)
        assert Decimal(fill["tradePrice"]) * Decimal(fill["tradeQty"]) == Decimal(fill["tradeAmount"])
        assert Decimal(fill["tradeFee"]) == Decimal(fill["tradeQty"]) * Decimal("0.00155")
        assert fill["tradeTime"] > 0
    assert [f["state"] for f in fills] == ["PARTIALLY_FILLED"] * (len(fills) - 1) + ["FILLED"]
    assert len({f["tradeId"] for f in fills}) == len(fills)
    _, listed = await trader.get(f"/orders/{order_id}/trades")
    assert [(t["price"], t["quantity"]) for t in listed] == [(f["tradePrice"], f["tradeQty"]) for f in fills]
    changes = await rows(stream, "balances")
    assert [c["eventType"] for c in changes] == ["place_order"] + ["match_order"] * 2 * len(fills)
    latest = {c["currency"]: (c["available"], c["hold"]) for c in changes}
    for currency, balance in latest.items():
        assert await trader.balance(currency) == balance


@pytest.mark.asyncio
async def test_a_resting_order_is_hit_as_maker(trader: Trader, twin: PoloniexTwin, stream: Stream) -> None:
    book = twin.desk.venue.books["ETH-USDT"]
    best = book.bids.best()
    assert best is not None
    price = str(Decimal(best + 1) / 100)
    await trader.order("ETH_USDT", "BUY", type="LIMIT_MAKER", price=price, quantity="0.5")
    twin.desk.venue.take("ETH-USDT", Side.SELL, best + 1, 20_000)
    twin.desk.publish()
    _, fill = await rows(stream, "orders")
    assert (fill["state"], fill["matchRole"], fill["tradeQty"]) == ("PARTIALLY_FILLED", "MAKER", "0.2")
    assert (fill["tradeFee"], fill["feeCurrency"]) == ("0.00029", "ETH")
    await trader.delete("/orders", {"symbols": []})
    (canceled,) = await rows(stream, "orders")
    assert (canceled["state"], canceled["filledQuantity"], canceled["tradeId"]) == ("PARTIALLY_CANCELED", "0.2", "0")


@pytest.mark.asyncio
async def test_a_post_only_order_that_would_take_is_told_as_canceled(trader: Trader, stream: Stream) -> None:
    await trader.order("ETH_USDT", "BUY", type="LIMIT_MAKER", price="9000", quantity="0.1")
    assert [(r["eventType"], r["state"]) for r in await rows(stream, "orders")] == [
        ("place", "NEW"),
        ("canceled", "CANCELED"),
    ]


@pytest.mark.asyncio
async def test_orders_of_one_symbol_only(trader: Trader, connect: Connect) -> None:
    stream = await connect(trader.ws_private)
    await stream.log_in(trader)
    await stream.subscribe("orders", "ETH_USDT")
    await trader.order("BTC_USDT", "BUY", type="LIMIT", price="90000", quantity="0.01")
    await trader.order("ETH_USDT", "BUY", type="LIMIT", price="1000", quantity="0.1")
    assert [r["symbol"] for r in await rows(stream, "orders")] == ["ETH_USDT"]


@pytest.mark.asyncio
async def test_a_triggered_stop_appears_with_source_smart(trader: Trader, twin: PoloniexTwin, stream: Stream) -> None:
    stop = {"symbol": "BTC_USDT", "side": "BUY", "stopPrice": "10", "price": "90000", "quantity": "0.01"}
    assert (await trader.post("/smartorders", stop | {"operator": "GTE"}))[0] == 200
    assert await rows(stream, "orders") == []
    twin.desk.venue.take("BTC-USDT", Side.SELL, 1, 1000)
    twin.desk.publish()
    (placed,) = await rows(stream, "orders")
    assert (placed["eventType"], placed["source"], placed["type"]) == ("place", "SMART", "LIMIT")


@pytest.mark.asyncio
async def test_order_entry_over_the_stream(trader: Trader, stream: Stream) -> None:
    params = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "90000", "quantity": "0.01"}

    async def ask(event: str, params: object) -> list[dict[str, Any]]:
        await stream.say(id="7", event=event, params=params)
        reply = await stream.until(lambda f: "id" in f)
        assert reply["id"] == "7"
        return list(reply["data"])

    (placed,) = await ask("createOrder", params | {"clientOrderId": "ws-1"})
    assert placed == {"orderId": placed["orderId"], "clientOrderId": "ws-1", "message": "", "code": 200}
    assert isinstance(placed["orderId"], int)
    assert await ask("createOrder", params | {"quantity": "5"}) == [
        {"orderId": 0, "clientOrderId": None, "message": "available insufficient", "code": 21721}
    ]
    done, unknown = await ask("cancelOrders", {"orderIds": [str(placed["orderId"])], "clientOrderIds": ["none"]})
    assert (done["orderId"], done["code"], unknown["code"]) == (placed["orderId"], 200, 21301)
    await ask("createOrder", params)
    assert [r["code"] for r in await ask("cancelAllOrders", {})] == [200]
    assert (await trader.get("/orders"))[1] == []


@pytest.mark.asyncio
async def test_order_entry_needs_a_login(trader: Trader, connect: Connect) -> None:
    stream = await connect(trader.ws_private)
    await stream.say(id="1", event="cancelAllOrders", params={})
    assert await stream.next() == {"event": "error", "message": "Authentication required"}


@pytest.mark.asyncio
async def test_five_order_streams_per_user(trader: Trader, connect: Connect) -> None:
    answers = []
    for _ in range(6):
        stream = await connect(trader.ws_private)
        await stream.log_in(trader)
        answers.append((await stream.subscribe("orders", "all"))["event"])
    assert answers == ["subscribe"] * 5 + ["error"]
