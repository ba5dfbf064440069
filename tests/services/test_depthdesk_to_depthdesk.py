"""Our client of the protocol on our service of it, over a Poloniex twin: book, balance, order, cancel. And no key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.fmz import SPEC, PluginMarket, plugin_domain
from app.connectors.spec import Credentials
from app.core.cancellation import CancelOutcome
from app.core.effects import Channel, Subscription
from app.core.order_state import OrderState
from app.core.types import OrderType
from app.credentials.key_check import check_key
from app.workspace import Workspace
from tests.services.conftest import PAIR, Desk
from tests.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def far(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    """The same market and account, seen through the service."""
    workspace = Workspace(Paths(tmp_path_factory.mktemp("far")))
    domain = plugin_domain(desk.service.url, "/POLONIEX", [PluginMarket(PAIR, 2, 6)], paper=True)
    credentials = Credentials(api_key=desk.keys.access_key, secret_key=desk.keys.secret_key)
    checked = await check_key(SPEC, domain, credentials)
    assert checked.ok, checked.words
    far = await workspace.open_exchange(SPEC, domain, credentials)
    far.order_book_tracker.follow_all = True
    await poll_book(far)
    await until(lambda: far.ready, 20, f"{far.status_dict}")
    yield far
    await workspace.close()


async def poll_book(far: Exchange) -> None:
    source = far.order_book_tracker.data_source
    call, _ = source.source.polls(Subscription(Channel.BOOK, PAIR))  # type: ignore[attr-defined]
    for effect in await far.venue.perform(call):
        source.apply(effect)


async def test_the_book_is_the_same(desk: Desk, far: Exchange) -> None:
    for _ in range(20):
        before = desk.exchange.order_books[PAIR].top(10)
        await poll_book(far)
        if before == desk.exchange.order_books[PAIR].top(10):
            break
    near = [[(Decimal(p), Decimal(a)) for p, a in side] for side in before]
    seen = [[(Decimal(p), Decimal(a)) for p, a in side] for side in far.order_books[PAIR].top(10)]
    assert seen == near and len(seen[0]) == 10


async def test_the_balances_are_the_same(desk: Desk, far: Exchange) -> None:
    for asset in ("BTC", "USDT"):
        near, seen = desk.exchange.balances[asset], far.balances[asset]
        assert (seen.total, seen.available) == (near.total, near.available)


async def test_an_order_rests_on_both_and_is_cancelled(desk: Desk, far: Exchange) -> None:
    mid = far.order_books[PAIR].mid
    assert mid is not None
    key = far.buy(PAIR, Decimal("0.01"), OrderType.LIMIT, mid * Decimal("0.97"))
    order = far.orders.get(key)
    assert order is not None
    await until(lambda: order.state is OrderState.OPEN, what=f"{order.history}")
    native, number = order.exchange_order_id.split(",")
    near = desk.exchange.orders.get(number)
    assert native == "BTC_USDT" and near is not None
    assert (near.terms.price, near.terms.amount) == (order.terms.price, order.terms.amount)
    assert far.user_stream_tracker is not None
    far.user_stream_tracker.ask_now()
    await until(lambda: far.balances["USDT"].held == order.terms.price * Decimal("0.01"))  # type: ignore[operator]
    receipt = await far.cancel(key)
    assert [result.outcome for result in receipt.results] == [CancelOutcome.CANCELED]
    assert (order.state, near.state) == (OrderState.CANCELED, OrderState.CANCELED)


async def test_a_refusal_of_ours_is_certain(desk: Desk, far: Exchange) -> None:
    mid = far.order_books[PAIR].mid
    assert mid is not None
    key = far.buy(PAIR, Decimal("0.000001"), OrderType.LIMIT, mid * Decimal("0.97"))
    order = far.orders.get(key)
    assert order is not None
    await until(lambda: order.is_done)
    assert order.state is OrderState.REJECTED and "below the smallest" in order.reason


async def test_the_pairing_secret_never_travels(desk: Desk, far: Exchange, tmp_path: Path) -> None:
    """A program that takes the port after us hears proofs for single requests and nothing that it could use."""
    signed = far.venue.rest.prepare(far._public.get_tickers().request)
    assert desk.keys.secret_key.encode() not in signed.body and b'"secret_key":"proof-' in signed.body
    logged = b"".join(frame.payload for frame in far.venue.log.newest_first())
    logged += b"".join(frame.payload for frame in desk.exchange.venue.log.newest_first())
    logged += " ".join(notice.text for notice in desk.workspace.notices.items).encode()
    assert desk.keys.secret_key.encode() not in logged
