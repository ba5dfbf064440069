"""Every method over a Poloniex twin, its answer compared with the protocol's sheet field by field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.core.order_state import OrderState
from tests.services.conftest import PAIR, Desk
from tests.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SYMBOL = "BTC_USDT"
NUMBER = (int, Decimal)
ORDER = {
    "id": str,
    "symbol": str,
    "amount": NUMBER,
    "price": NUMBER,
    "deal_amount": NUMBER,
    "avg_price": str,
    "type": str,
    "status": str,
}


def fits(row: dict[str, Any], shape: dict[str, Any]) -> None:
    assert set(row) == set(shape)
    for name, kind in shape.items():
        assert isinstance(row[name], kind), f"{name}: {row[name]!r}"


def far_price(desk: Desk) -> str:
    mid = desk.exchange.order_books[PAIR].mid
    assert mid is not None
    return f"{mid * Decimal('0.97'):.2f}"


async def placed(desk: Desk) -> str:
    data = await desk.client.data("trade", symbol=SYMBOL, type="buy", amount="0.01", price=far_price(desk))
    fits(data, {"id": str})
    return data["id"]  # type: ignore[no-any-return]


async def test_ticker(desk: Desk) -> None:
    row = await desk.client.data("ticker", symbol="btc_usdt")
    fits(row, dict.fromkeys(("symbol", "buy", "sell", "high", "low", "open", "last", "vol", "time"), str))
    assert row["symbol"] == SYMBOL and Decimal(row["buy"]) < Decimal(row["sell"])
    assert Decimal(row["last"]) == desk.exchange.tickers[PAIR].last and len(row["time"]) == 13


async def test_depth(desk: Desk) -> None:
    row = await desk.client.data("depth", symbol=SYMBOL, limit="10")
    fits(row, {"time": int, "asks": list, "bids": list})
    assert len(row["asks"]) == len(row["bids"]) == 10
    assert all(isinstance(cell, NUMBER) for level in row["asks"] + row["bids"] for cell in level)
    asks, bids = [level[0] for level in row["asks"]], [level[0] for level in row["bids"]]
    assert asks == sorted(asks) and bids == sorted(bids, reverse=True) and bids[0] < asks[0]


async def test_depth_of_a_market_nobody_watches_is_asked_for(desk: Desk) -> None:
    assert "ETH-USDT" not in desk.exchange.order_books
    row = await desk.client.data("depth", symbol="ETH_USDT", limit="5")
    assert len(row["bids"]) == 5 and row["bids"][0][0] < row["asks"][0][0]
    assert "ETH-USDT" not in desk.exchange.order_books


async def test_trades(desk: Desk) -> None:
    rows = await desk.client.data("trades", symbol=SYMBOL)
    for row in rows:
        fits(row, {"id": int, "time": int, "price": NUMBER, "amount": NUMBER, "type": str})
    assert rows and {row["type"] for row in rows} <= {"buy", "sell"}


async def test_records(desk: Desk) -> None:
    rows = await desk.client.data("records", symbol=SYMBOL, period="60", limit="20")
    assert len(rows) == 20 and all(len(row) == 6 and isinstance(row[0], int) for row in rows)
    starts = [row[0] for row in rows]
    assert {later - earlier for earlier, later in zip(starts, starts[1:], strict=False)} == {3_600}, "seconds"
    assert all(low <= opened <= high for _, opened, high, low, _, _ in rows)
    assert "no period of 7 minutes" in await desk.client.error("records", symbol=SYMBOL, period="7", limit="5")


async def test_accounts_and_assets(desk: Desk) -> None:
    for method in ("accounts", "assets"):
        rows = await desk.client.data(method)
        for row in rows:
            fits(row, dict.fromkeys(("currency", "free", "frozen"), str))
        usdt = next(row for row in rows if row["currency"] == "USDT")
        assert Decimal(usdt["free"]) + Decimal(usdt["frozen"]) == desk.exchange.balances["USDT"].total


async def test_an_order_from_trade_to_cancel(desk: Desk) -> None:
    order_id = await placed(desk)
    native, number = order_id.split(",")
    assert native == SYMBOL and number.isdigit()
    for asked in ({"symbol": SYMBOL}, {"symbol": ""}):
        [row] = await desk.client.data("orders", **asked)
        fits(row, ORDER)
        assert (row["id"], row["symbol"], row["type"]) == (order_id, SYMBOL, "buy")
        assert (row["status"], row["amount"], row["deal_amount"]) == ("submitted", Decimal("0.01"), 0)
    assert (await desk.client.data("order", id=order_id, symbol=SYMBOL))["status"] == "submitted"
    assert await desk.client.data("cancel", id=order_id) is True
    order = desk.exchange.orders.get(number)
    assert order is not None
    await until(lambda: order.state is OrderState.CANCELED)
    assert await desk.client.data("orders", symbol=SYMBOL) == []
    row = await desk.client.data("order", id=order_id)
    assert (row["status"], row["avg_price"]) == ("canceled", "0")
    rows = await desk.client.data("historyorders", symbol=SYMBOL, limit=0, since=0)
    assert [each["status"] for each in rows if each["id"] == order_id] == ["canceled"]


async def test_a_market_order_is_priced_minus_one(desk: Desk) -> None:
    order_id = (await desk.client.data("trade", symbol=SYMBOL, type="sell", amount="0.002", price="-1"))["id"]
    order = desk.exchange.orders.get(order_id.split(",")[1])
    assert order is not None
    await until(lambda: order.state is OrderState.FILLED and not order.fills_missing)
    row = await desk.client.data("order", id=order_id)
    fits(row, ORDER)
    assert (row["status"], row["deal_amount"]) == ("filled", Decimal("0.002")) and Decimal(row["avg_price"]) > 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"amount": "0.0000000001"}, "an amount above 0 is needed"),
        ({"amount": "-1"}, "amount and price are above 0"),
        ({"amount": "1e3"}, "missing or wrong parameter: amount"),
        ({"amount": 0.1}, "missing or wrong parameter: amount"),
        ({"price": "0"}, "amount and price are above 0"),
        ({"price": "NaN"}, "missing or wrong parameter: price"),
        ({"type": "short"}, "type is buy or sell"),
        ({"symbol": "BTC_USDT&x=1"}, "not a symbol"),
        ({"symbol": "NO_COIN"}, "NO-COIN is not a market of Poloniex"),
        ({"amount": "1000"}, "is free"),
    ],
)
async def test_a_wrong_order_is_refused_before_it_is_sent(desk: Desk, changed: dict[str, Any], words: str) -> None:
    params = {"symbol": SYMBOL, "type": "buy", "amount": "0.01", "price": far_price(desk)} | changed
    before = len(list(desk.exchange.orders))
    error = await desk.client.error("trade", **params)
    assert error.startswith("refused: ") and words in error
    assert len(list(desk.exchange.orders)) == before


async def test_orders_that_are_not_there(desk: Desk) -> None:
    assert await desk.client.error("order", id=f"{SYMBOL},999999999999") == "no such order"
    assert "an id is made of" in await desk.client.error("cancel", id="999")
    assert "not a symbol" in await desk.client.error("cancel", id="BTC/USDT?,1")


async def test_raw_calls_only_where_allowed(desk: Desk) -> None:
    assert await desk.client.data("__api_/orders", "GET", limit="5") == []
    for verb, path in (
        ("DELETE", "/orders"),
        ("", "/orders"),
        ("GET", "/accounts/balances"),
        ("GET", "/ordersx"),
        ("GET", "/orders/../accounts/balances"),
        ("GET", "/orders/%2e%2e/wallets"),
        ("GET", "/orders/withdraw"),
    ):
        assert "are not allowed here" in await desk.client.error(f"__api_{path}", verb)


async def test_what_is_not_there_is_said_as_the_guide_s_sample_does(desk: Desk) -> None:
    for method in ("markets", "tickers", "positions"):
        assert await desk.client.error(method) == "not support"
    assert await desk.client.error("io") == "invalid method: io"


async def test_raw_is_the_exchange_s_own_message(desk: Desk) -> None:
    reply = await desk.client.ask("depth", symbol="ETH_USDT", limit="5")
    assert set(reply["raw"]) >= {"asks", "bids"}, "a flat list, as the exchange sends it"
    assert Decimal(reply["raw"]["bids"][0]) == reply["data"]["bids"][0][0]
