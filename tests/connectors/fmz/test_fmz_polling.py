"""The engine asks a plug-in on its timer: the book lives, goes stale at the first failure, and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.fmz import SPEC
from app.core.order_state import OrderState
from app.core.types import BookSnapshot, OrderType
from app.credentials.key_check import check_key
from app.workspace import Workspace
from tests.connectors.fmz.conftest import CREDENTIALS, PAIR, domain_of
from tests.connectors.fmz.plugin import Plugin
from tests.until import until

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def watching(plugin: Plugin, tmp_path: Path) -> AsyncIterator[Exchange]:
    workspace = Workspace(Paths(tmp_path))
    domain = domain_of(plugin)
    assert (await check_key(SPEC, domain, CREDENTIALS)).ok
    exchange = await workspace.open_exchange(SPEC, domain, CREDENTIALS, pairs=[PAIR])
    await until(lambda: exchange.ready, what=f"{exchange.status_dict}")
    yield exchange
    await workspace.close()


async def test_a_watched_pair_is_polled(watching: Exchange, plugin: Plugin) -> None:
    book = watching.order_books[PAIR]
    assert (book.best_bid, book.best_ask) == ("2920.5", "2921.25")
    assert watching.freshness(PAIR).state == "live"
    plugin.bids = [[2921, 1.5]]
    await until(lambda: book.best_bid == "2921", what="the next poll")
    await until(lambda: len(watching.tape(PAIR)) == 4)
    series = watching.candles(PAIR, "1h")
    await until(lambda: len(series.candles) == 2)


async def test_a_failure_makes_the_book_stale_until_the_next_answer(watching: Exchange, plugin: Plugin) -> None:
    book = watching.order_books[PAIR]
    plugin.errors["depth"] = "the exchange is closed"
    await until(lambda: book.stale, what="a stale book")
    assert book.reason == "the exchange is closed" and watching.freshness(PAIR).state == "stale"
    del plugin.errors["depth"]
    await until(lambda: not book.stale, what="a live book")


async def test_an_unwatched_pair_is_asked_for_no_more(watching: Exchange, plugin: Plugin) -> None:
    watching.unwatch(PAIR)
    source = watching.order_book_tracker.data_source
    await until(lambda: not any("book of" in task.get_name() for task in source._tasks), what="the polling to end")


async def test_the_row_says_why_it_stays_unknown(watching: Exchange, plugin: Plugin) -> None:
    plugin.lost = {"trade"}
    watching.arming.arm()
    order = watching.orders.get(watching.buy(PAIR, Decimal("0.1"), OrderType.LIMIT, Decimal("2850")))
    assert order is not None
    await until(lambda: order.state is OrderState.UNKNOWN)
    assert order.reason.endswith("; this exchange cannot be asked by our id")


async def test_a_polled_answer_can_be_read_again(watching: Exchange) -> None:
    frame = watching.venue.log.get(watching.order_books[PAIR].frame)
    assert frame is not None
    [snapshot] = watching.explain(frame)
    assert isinstance(snapshot, BookSnapshot) and snapshot.bids[0] == ("2920.5", "0.25")
