"""OKX tells waiting stop orders on a connection of their own: what becomes of them elsewhere is known unasked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.core.links import LinkState
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from app.twin_process import TwinLine, TwinProcess
from app.workspace import Workspace
from tests.e2e.conftest import PAIR
from tests.until import until

LINK = "okx/stop-orders"
NEVER_S = 600.0


@pytest.fixture(scope="module")
def okx() -> Iterator[TwinLine]:
    process = TwinProcess("okx", seed=11)
    yield process.read_line()
    process.stop()


@pytest.fixture(autouse=True)
def nothing_is_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.connectors.user_stream_tracker.LONG_POLL_S", NEVER_S)


async def trading(workspace: Workspace, line: TwinLine) -> Exchange:
    workspace.start()
    exchange = await workspace.open_exchange(exchange_spec("okx"), line.domain(), line.credentials(), pairs=[PAIR])
    await until(lambda: exchange.ready and live(exchange), what="an account with both of its connections")
    return exchange


def live(exchange: Exchange) -> bool:
    return any(link.name == LINK and link.state is LinkState.LIVE for link in exchange.links)


def stop_buy(exchange: Exchange) -> str:
    """Far above the market, so that it waits."""
    mid = exchange.order_books[PAIR].mid
    assert mid is not None
    draft = OrderDraft(
        pair=PAIR,
        side=Side.BUY,
        type=OrderType.STOP_LIMIT,
        price=mid * Decimal("1.035"),
        stop_price=mid * Decimal("1.03"),
        amount=Decimal("0.01"),
    )
    return exchange.submit(exchange.quantize(draft))


def told_by(exchange: Exchange, order: InFlightOrder, word: str) -> str:
    """The connection whose message said so, as a click on the line of the order's history finds it."""
    line = next(line for line in order.history if word in line.what)
    frame = exchange.venue.log.get(line.frame)
    return "" if frame is None else frame.connection


@pytest.mark.asyncio
async def test_a_stop_order_placed_and_cancelled_elsewhere_comes_and_goes(okx: TwinLine, tmp_path: Path) -> None:
    here, elsewhere = Workspace(Paths(tmp_path / "here")), Workspace(Paths(tmp_path / "elsewhere"))
    try:
        mine, other = await trading(here, okx), await trading(elsewhere, okx)
        key = stop_buy(other)
        await until(lambda: [order.key for order in mine.orders.open] == [key], what="the order of the other program")
        [order] = mine.orders.open
        assert (order.state, order.terms.type, order.side) == (OrderState.OPEN, OrderType.STOP_LIMIT, Side.BUY)
        placed = other.orders.get(key)
        assert placed is not None and order.terms.stop_price == placed.terms.stop_price
        receipt = await other.cancel(key)
        assert receipt.left_over == ()
        await until(lambda: order.is_done, what="its end")
        assert order.state is OrderState.CANCELED
        assert {line.source for line in order.history} - {""} == {"stream"}
        assert told_by(mine, order, "canceled") == LINK
    finally:
        await here.close()
        await elsewhere.close()


@pytest.mark.asyncio
async def test_what_happened_while_that_connection_was_down_is_asked_for(okx: TwinLine, tmp_path: Path) -> None:
    here, elsewhere = Workspace(Paths(tmp_path / "here")), Workspace(Paths(tmp_path / "elsewhere"))
    try:
        mine, other = await trading(here, okx), await trading(elsewhere, okx)
        link = next(link for link in mine.links if link.name == LINK)
        known = len(link.history)
        mine.reconnect(LINK)
        key = stop_buy(other)
        await until(lambda: len(link.history) > known, what="the lost connection")
        assert mine.ready, "the rest of the account is as true as before"
        await until(lambda: [order.key for order in mine.orders.open] == [key], what="the order of the other program")
        await until(lambda: live(mine), what="the connection")
        await other.cancel(key)
        await until(lambda: mine.orders.open == [], what="its end")
    finally:
        await here.close()
        await elsewhere.close()
