"""A twin that mirrors another twin, each in a process of its own: books, fills, fees, halting and coming back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any, Protocol

import aiohttp
import pytest
import pytest_asyncio

from app.core.clock import SystemClock
from app.mirror import main_with_mirror, mirrored_domain
from app.paper.server import CannotMirror, main
from tests.until import PATIENCE

from .okx_client import OkxTrader
from .poloniex_client import Trader

TWIN = [sys.executable, "-c", "import sys; from app.mirror import main_with_mirror as m; sys.exit(m(sys.argv[1:]))"]
Book = tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]
"""The ten best bids and asks: price, amount."""


class Client(Protocol):
    """What the tests ask of either exchange, all for BTC-USDT."""

    taker_fee: Decimal
    suspended: str

    async def book(self) -> Book: ...
    async def rules(self) -> Any: ...
    async def last_trade(self) -> tuple[Decimal, Decimal]: ...
    async def limit(self, side: str, price: Decimal, amount: Decimal, *, now: bool = False) -> str: ...
    async def sell_at_market(self, amount: Decimal) -> str: ...
    async def filled(self, order_id: str) -> Decimal: ...
    async def fills(self, order_id: str) -> list[tuple[Decimal, Decimal, Decimal]]:
        """Price, amount, fee in quote."""
        ...

    async def refusal(self) -> str:
        """The code that answers an order now, or empty when it is taken (far from the market)."""
        ...


class PoloniexClient:
    taker_fee, suspended = Decimal("0.00155"), "10041"

    def __init__(self, session: aiohttp.ClientSession, line: dict[str, Any]) -> None:
        self._trader = Trader(session, line)

    async def book(self) -> Book:
        _, reply = await self._trader.public("/markets/BTC_USDT/orderBook", limit=10)
        bids, asks = (
            [(Decimal(p), Decimal(a)) for p, a in zip(reply[s][::2], reply[s][1::2], strict=True)]
            for s in ("bids", "asks")
        )
        return bids, asks

    async def rules(self) -> Any:
        return (await self._trader.public("/markets"))[1]

    async def last_trade(self) -> tuple[Decimal, Decimal]:
        _, (row,) = await self._trader.public("/markets/BTC_USDT/trades", limit=1)
        return Decimal(row["price"]), Decimal(row["quantity"])

    async def limit(self, side: str, price: Decimal, amount: Decimal, *, now: bool = False) -> str:
        terms = {"type": "LIMIT", "timeInForce": "IOC" if now else "GTC"}
        return await self._trader.order("BTC_USDT", side, **terms, price=f"{price}", quantity=f"{amount}")

    async def sell_at_market(self, amount: Decimal) -> str:
        return await self._trader.order("BTC_USDT", "SELL", type="MARKET", quantity=f"{amount}")

    async def filled(self, order_id: str) -> Decimal:
        _, row = await self._trader.get(f"/orders/{order_id}")
        return Decimal(row["filledQuantity"])

    async def fills(self, order_id: str) -> list[tuple[Decimal, Decimal, Decimal]]:
        _, rows = await self._trader.get(f"/orders/{order_id}/trades")
        return [(Decimal(r["price"]), Decimal(r["quantity"]), Decimal(r["feeAmount"])) for r in rows]

    async def refusal(self) -> str:
        order = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.001"}
        status, reply = await self._trader.post("/orders", order)
        return "" if status == 200 else str(reply["code"])


class OkxClient:
    taker_fee, suspended = Decimal("0.001"), "51022"

    def __init__(self, session: aiohttp.ClientSession, line: dict[str, Any]) -> None:
        self._trader = OkxTrader(session, line)

    async def book(self) -> Book:
        (row,) = (await self._trader.public("/market/books", instId="BTC-USDT", sz=10))["data"]
        bids, asks = ([(Decimal(level[0]), Decimal(level[1])) for level in row[side]] for side in ("bids", "asks"))
        return bids, asks

    async def rules(self) -> Any:
        return (await self._trader.public("/public/instruments", instType="SPOT"))["data"]

    async def last_trade(self) -> tuple[Decimal, Decimal]:
        (row,) = (await self._trader.public("/market/trades", instId="BTC-USDT", limit=1))["data"]
        return Decimal(row["px"]), Decimal(row["sz"])

    async def limit(self, side: str, price: Decimal, amount: Decimal, *, now: bool = False) -> str:
        return await self._trader.order("BTC-USDT", side.lower(), "ioc" if now else "limit", f"{amount}", f"{price}")

    async def sell_at_market(self, amount: Decimal) -> str:
        return await self._trader.order("BTC-USDT", "sell", "market", f"{amount}")

    async def filled(self, order_id: str) -> Decimal:
        return Decimal((await self._trader.look_up("BTC-USDT", order_id))["accFillSz"])

    async def fills(self, order_id: str) -> list[tuple[Decimal, Decimal, Decimal]]:
        rows = await self._trader.data("/trade/fills", instId="BTC-USDT", ordId=order_id)
        return [(Decimal(r["fillPx"]), Decimal(r["fillSz"]), -Decimal(r["fee"])) for r in rows]

    async def refusal(self) -> str:
        row = await self._trader.try_order(instId="BTC-USDT", side="buy", ordType="limit", sz="0.001", px="90000")
        return "" if row["sCode"] == "0" else str(row["sCode"])


CLIENTS: dict[str, Callable[[aiohttp.ClientSession, dict[str, Any]], Client]] = {
    "poloniex": PoloniexClient,
    "okx": OkxClient,
}


@contextmanager
def twin(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen(
        [*TWIN, *arguments, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


class Pair:
    """Twin A with its own market, and twin B that mirrors it."""

    def __init__(self, exchange: str, session: aiohttp.ClientSession, rate: int) -> None:
        self.exchange, self.rate = exchange, str(rate)
        self._session = session
        self._stack = ExitStack()
        self.start_a()
        _, line = self._stack.enter_context(twin(exchange, "--seed", "8", "--mirror", self.a_line["rest"]))
        self.b = CLIENTS[exchange](session, line)

    def start_a(self, port: str = "0") -> None:
        context = twin(self.exchange, "--seed", "7", "--rate", self.rate, "--port", port)
        self.a_process, self.a_line = self._stack.enter_context(context)
        self.a = CLIENTS[self.exchange](self._session, self.a_line)

    async def same(self) -> Book | None:
        """The book both show, unless it changed meanwhile."""
        before, mirrored, after = await self.a.book(), await self.b.book(), await self.a.book()
        return after if before == mirrored == after else None

    def close(self) -> None:
        self._stack.close()


async def soon(ask: Callable[[], Awaitable[Any]], within_s: float = 2.0) -> Any:
    """The first true answer; asked seldom enough for the exchange's limits."""
    async with asyncio.timeout(within_s * PATIENCE):
        while not (answer := await ask()):
            await asyncio.sleep(0.05)
        return answer


async def traded(client: Client, price: Decimal) -> None:
    """Until the last trade was at that price."""

    async def at_price() -> bool:
        return (await client.last_trade())[0] == price

    await soon(at_price)


@pytest_asyncio.fixture(params=sorted(CLIENTS))
async def exchange(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def quiet(exchange: str, session: aiohttp.ClientSession) -> AsyncIterator[Pair]:
    """A's market moves only by what a test does there."""
    pair = Pair(exchange, session, rate=0)
    await soon(pair.same)
    yield pair
    pair.close()


@pytest_asyncio.fixture
async def lively(exchange: str, session: aiohttp.ClientSession) -> AsyncIterator[Pair]:
    pair = Pair(exchange, session, rate=40)
    yield pair
    pair.close()


@pytest.mark.asyncio
async def test_from_its_first_line_on_it_is_open_by_the_mirrored_rules(
    exchange: str, session: aiohttp.ClientSession
) -> None:
    pair = Pair(exchange, session, rate=40)
    try:
        assert await pair.b.refusal() == ""
        assert await pair.b.rules() == await pair.a.rules()
    finally:
        pair.close()


@pytest.mark.asyncio
async def test_the_book_equals_the_mirrored_one_and_follows_it(lively: Pair) -> None:
    first = await soon(lively.same)
    assert len(first[0]) == len(first[1]) == 10

    async def moved() -> bool:
        return await lively.same() not in (None, first)

    await soon(moved)


@pytest.mark.asyncio
async def test_a_market_order_fills_at_the_mirrored_prices_with_its_own_fees_and_moves_nothing(quiet: Pair) -> None:
    bids, asks = await quiet.a.book()
    last = await quiet.a.last_trade()
    amount = bids[0][1] + bids[1][1] / 4
    amount -= amount % Decimal("0.000001")
    order = await quiet.b.sell_at_market(amount)
    fills = sorted(await quiet.b.fills(order), reverse=True)
    assert [(price, sold) for price, sold, _ in fills] == [bids[0], (bids[1][0], amount - bids[0][1])]
    assert all(fee == price * sold * quiet.b.taker_fee for price, sold, fee in fills)
    assert await quiet.a.book() == (bids, asks)
    assert await quiet.a.last_trade() == last


@pytest.mark.asyncio
async def test_a_resting_order_keeps_its_place_in_the_queue_and_fills_by_trades_on_the_mirrored_market(
    quiet: Pair,
) -> None:
    (best, second, third, *_), _ = await quiet.a.book()
    size = Decimal("0.001")
    order = await quiet.b.limit("BUY", second[0], size)
    assert (await quiet.b.book())[0][:3] == [best, (second[0], second[1] + size), third]

    await quiet.a.limit("SELL", second[0], best[1] + second[1] - size, now=True)
    await traded(quiet.b, second[0])
    assert await quiet.b.filled(order) == 0, "what stood there before comes first"

    # The rest of the level goes, and a little of the next: the trade has passed through the order's price.
    await quiet.a.limit("SELL", third[0], 3 * size, now=True)

    async def done() -> bool:
        return await quiet.b.filled(order) == size

    await soon(done)
    assert [price for price, _, _ in await quiet.b.fills(order)] == [second[0]]
    await soon(quiet.same)


@pytest.mark.asyncio
async def test_losing_the_mirrored_market_halts_and_its_return_revives(quiet: Pair) -> None:
    async def open_again() -> bool:
        return await quiet.b.refusal() == ""

    async def halted() -> bool:
        return await quiet.b.refusal() == quiet.b.suspended

    await soon(open_again)
    quiet.a_process.kill()
    quiet.a_process.wait()
    await soon(halted)
    quiet.start_a(quiet.a_line["rest"].rpartition(":")[2])
    await soon(open_again, within_s=20)


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("http://192.0.2.7:80", "not on this machine"),
        ("http://127.0.0.1", "neither"),
        ("ftp://127.0.0.1:9", "neither"),
        ('{"exchange":"okx"}', "first line"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_in_words(where: str, named: str) -> None:
    with pytest.raises(CannotMirror, match=named):
        mirrored_domain("poloniex", where, SystemClock())


def test_a_twins_line_and_its_address_lead_to_the_same_sockets(quiet_line: dict[str, Any]) -> None:
    by_line = mirrored_domain("okx", json.dumps(quiet_line), SystemClock())
    assert by_line == mirrored_domain("okx", quiet_line["rest"], SystemClock())
    assert sorted(by_line.sockets) == ["business", "private", "public"] and by_line.paper
    assert mirrored_domain("okx", "", SystemClock()).name == "main"
    with pytest.raises(CannotMirror, match="of okx, not of poloniex"):
        mirrored_domain("poloniex", json.dumps(quiet_line), SystemClock())


@pytest.fixture
def quiet_line() -> Iterator[dict[str, Any]]:
    with twin("okx", "--rate", "0") as (_, line):
        yield line


def test_mistakes_are_one_line_and_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["poloniex", "--mirror"]) == 2
    assert "whole program" in capsys.readouterr().err
    assert main_with_mirror(["bittrex", "--mirror"]) == 2
    assert "'bittrex'" in capsys.readouterr().err
    assert main_with_mirror(["poloniex", "--mirror", "http://192.0.2.7:80"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
