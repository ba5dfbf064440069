"""Smart orders over REST, triggered by real trades."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.core.types import Side
from app.paper.dialects.poloniex import PoloniexTwin

from .poloniex_client import Trader

STOP = {"symbol": "BTC_USDT", "side": "SELL", "type": "STOP", "stopPrice": "60000", "quantity": "0.01"}


def push_price_to(twin: PoloniexTwin, price: str) -> None:
    """Somebody sells all the way down to a price."""
    venue = twin.desk.venue
    ticks = venue.instruments["BTC-USDT"].ticks(Decimal(price))
    above = sum(lots for level, lots in venue.books["BTC-USDT"].bids.top(999) if level > ticks)
    venue.quote("BTC-USDT", Side.BUY, ticks, 10_000_000)
    venue.take("BTC-USDT", Side.SELL, ticks, above + 1000)
    twin.desk.publish()


@pytest.mark.asyncio
async def test_a_stop_waits_without_a_hold_then_sells(trader: Trader, twin: PoloniexTwin) -> None:
    status, placed = await trader.post("/smartorders", STOP | {"clientOrderId": "guard"})
    assert status == 200 and placed["clientOrderId"] == "guard"
    assert await trader.balance("BTC") == ("1.5", "0")
    _, (waiting,) = await trader.get("/smartorders")
    assert (waiting["id"], waiting["state"], waiting["stopPrice"]) == (placed["id"], "PENDING_NEW", "60000")
    push_price_to(twin, "59000")
    _, (done,) = await trader.get("/smartorders/cid:guard")
    assert done["state"] == "TRIGGERED"
    assert done["triggeredOrder"]["filledQuantity"] == "0.01" and done["triggeredOrder"]["type"] == "MARKET"
    assert (await trader.get("/smartorders"))[1] == []
    assert [r["id"] for r in (await trader.get("/smartorders/history"))[1]] == [placed["id"]]


@pytest.mark.asyncio
async def test_a_stop_limit_rests_at_its_price(trader: Trader, twin: PoloniexTwin) -> None:
    body = STOP | {"price": "95000"}
    del body["type"]
    _, placed = await trader.post("/smartorders", body)
    push_price_to(twin, "59000")
    _, (done,) = await trader.get(f"/smartorders/{placed['id']}")
    assert (done["type"], done["triggeredOrder"]["state"], done["triggeredOrder"]["price"]) == (
        "STOP_LIMIT",
        "NEW",
        "95000",
    )
    assert await trader.balance("BTC") == ("1.49", "0.01")


@pytest.mark.asyncio
async def test_a_trailing_stop_by_percentage(trader: Trader, twin: PoloniexTwin) -> None:
    trailing = {"symbol": "BTC_USDT", "side": "SELL", "type": "TRAILING_STOP", "quantity": "0.01"}
    _, placed = await trader.post("/smartorders", trailing | {"trailingOffset": "20%"})
    _, (waiting,) = await trader.get(f"/smartorders/{placed['id']}")
    assert (waiting["state"], waiting["trailingOffset"]) == ("PENDING_NEW", "20%")
    _, placed = await trader.put(f"/smartorders/{placed['id']}", {"quantity": "0.02"})
    push_price_to(twin, "60000")
    assert (await trader.get(f"/smartorders/{placed['id']}"))[1][0]["state"] == "TRIGGERED"


@pytest.mark.asyncio
async def test_cancel_and_replace(trader: Trader) -> None:
    a, b, c = [(await trader.post("/smartorders", STOP | {"clientOrderId": x}))[1]["id"] for x in "abc"]
    assert (await trader.post("/smartorders", STOP | {"clientOrderId": "a"}))[1]["code"] == 25004
    _, row = await trader.delete("/smartorders/cid:a")
    assert (row["orderId"], row["state"], row["code"]) == (a, "CANCELED", 200)
    assert (await trader.delete(f"/smartorders/{a}"))[1]["code"] == 25014
    _, replaced = await trader.put(f"/smartorders/{b}", {"stopPrice": "61000"})
    _, rows = await trader.delete("/smartorders/cancelByIds", {"orderIds": [replaced["id"], b]})
    assert [r["code"] for r in rows] == [200, 25014]
    _, rows = await trader.delete("/smartorders", {"symbols": ["BTC_USDT"]})
    assert [r["orderId"] for r in rows] == [c]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stopPrice": "0"}, 21347),
        ({"stopPrice": "1.001"}, 21335),
        ({"quantity": "0"}, 21328),
        ({"type": "MARKET"}, 21320),
        ({"type": "STOP_LIMIT"}, 602),
        ({"type": "TRAILING_STOP"}, 602),
        ({"type": "TRAILING_STOP", "trailingOffset": "2.00001%"}, 601),
        ({"operator": "UP"}, 601),
    ],
)
async def test_broken_rules(trader: Trader, change: dict[str, str], code: int) -> None:
    assert (await trader.post("/smartorders", STOP | change))[1]["code"] == code
