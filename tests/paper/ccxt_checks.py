"""What every twin must show an independent client library; the tests of one exchange say how it differs."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

_known: dict[str, tuple[Any, Any]] = {}


async def load_markets_once(client: Any) -> None:
    """Markets and currencies, asked for once per exchange; the library takes its time for them."""
    if client.id not in _known:
        await client.load_markets()
        _known[client.id] = client.markets, client.currencies
    client.set_markets(*_known[client.id])


async def reads_book_trades_and_candles(exchange: Any, symbol: str, depth: int | None = 50, least: int = 6) -> Any:
    """Returns 200 hourly candles, which any exchange can give and may give more of."""
    book = await exchange.fetch_order_book(symbol, depth)
    assert len(book["bids"]) >= least and book["bids"][0][0] < book["asks"][0][0]
    trades = await exchange.fetch_trades(symbol, limit=10)
    assert len(trades) == 10 and {t["side"] for t in trades} <= {"buy", "sell"}
    candles = await exchange.fetch_ohlcv(symbol, "1h", limit=200)
    assert 199 <= len(candles) <= 200
    assert all(low <= min(o, c) <= max(o, c) <= high for _, o, high, low, c, _ in candles)
    return candles


async def tells_the_time(exchange: Any, within_ms: int = 2000) -> None:
    assert abs(await exchange.fetch_time() - exchange.milliseconds()) < within_ms


async def rests_with_our_id(exchange: Any, symbol: str, own_id: dict[str, str], held: float) -> Any:
    """Place 0.01 at 90,000 under the id "mine"; the order, found again with its hold."""
    order = await exchange.create_order(symbol, "limit", "buy", 0.01, 90000, own_id)
    balance = await exchange.fetch_balance()
    quote = symbol.partition("/")[2]
    assert (balance[quote]["free"], balance[quote]["used"]) == (50000 - held, held)
    (waiting,) = await exchange.fetch_open_orders(symbol)
    assert (waiting["id"], waiting["clientOrderId"], waiting["price"]) == (order["id"], "mine", 90000)
    return waiting


async def sells_half_and_finds_both(
    exchange: Any, bought: Any, symbol: str, fees_in: set[str]
) -> tuple[Any, list[Any]]:
    """After a buy: sell 0.5 at the market; that order as it was answered, and the account's trades of both."""
    sold = await exchange.create_order(symbol, "market", "sell", 0.5)
    assert (await exchange.fetch_order(sold["id"], symbol))["filled"] == 0.5
    trades: list[Any] = await exchange.fetch_my_trades(symbol)
    assert {t["order"] for t in trades} == {bought["id"], sold["id"]}
    assert sum(t["amount"] for t in trades if t["side"] == "sell") == pytest.approx(0.5)
    assert {t["fee"]["currency"] for t in trades} == fees_in and all(t["fee"]["cost"] > 0 for t in trades)
    return sold, trades


async def refuses_the_unpayable(exchange: Any, symbol: str) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order(symbol, "limit", "buy", 100, 90000)


async def refuses_a_wrong_secret(exchange: Any, field: str = "secret", value: str = "wrong") -> None:
    """Last in a test: the client is of no use afterwards."""
    setattr(exchange, field, value)
    with pytest.raises(ccxt.AuthenticationError):
        await exchange.fetch_balance()


async def watches_books(exchange: Any, symbol: str, times: int, least: int = 15) -> Any:
    """That many books, none of them crossed; the last one."""
    for _ in range(times):
        book = await exchange.watch_order_book(symbol)
        assert book["bids"][0][0] < book["asks"][0][0]
    assert len(book["bids"]) >= least
    return book


async def watches_trades_and_ticker(exchange: Any, trades_of: str, ticker_of: str) -> None:
    trades = await exchange.watch_trades(trades_of)
    assert trades[-1]["symbol"] == trades_of and trades[-1]["price"] > 0
    assert (await exchange.watch_ticker(ticker_of))["last"] > 0


async def watches_candles(exchange: Any, symbol: str) -> None:
    assert (await exchange.watch_ohlcv(symbol, "1m"))[-1][4] > 0
