"""The contract, for every exchange in the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.connectors.registry import EXCHANGES
from app.core.types import Side
from app.twin_process import TwinLine, TwinProcess
from tests.connectors import contract

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", params=list(EXCHANGES))
def line(request: pytest.FixtureRequest) -> Iterator[TwinLine]:
    process = TwinProcess(request.param, seed=21)
    try:
        yield process.read_line()
    finally:
        process.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue(line: TwinLine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[contract.Venue]:
    venue = await contract.Venue.open(line, tmp_path_factory.mktemp(line.exchange))
    yield venue
    await venue.close()


async def test_book_follows_its_stream(venue: contract.Venue) -> None:
    await contract.book_follows_its_stream(venue)


async def test_gap_found_and_healed(venue: contract.Venue) -> None:
    await contract.a_gap_is_healed(venue)


async def test_market_data(venue: contract.Venue) -> None:
    await contract.market_data_comes(venue)


@pytest.mark.parametrize("side", list(Side))
async def test_limit_order_rests_and_is_cancelled(venue: contract.Venue, side: Side) -> None:
    await contract.a_limit_order_rests_and_is_cancelled(venue, side)


async def test_post_only(venue: contract.Venue) -> None:
    await contract.a_post_only_order_that_would_take_does_not_trade(venue)


@pytest.mark.parametrize("side", list(Side))
async def test_market_order_fills(venue: contract.Venue, side: Side) -> None:
    await contract.a_market_order_fills(venue, side)


async def test_cancel_all(venue: contract.Venue) -> None:
    await contract.cancel_all_leaves_nothing(venue)


async def test_orders_placed_elsewhere(venue: contract.Venue, line: TwinLine, tmp_path: Path) -> None:
    await contract.orders_placed_elsewhere_are_shown(venue, line, tmp_path)


async def test_asking_tells_the_same(venue: contract.Venue) -> None:
    await contract.asking_tells_the_same_as_the_stream(venue)


async def test_dry_run(venue: contract.Venue) -> None:
    await contract.the_dry_run_shows_what_is_signed_and_no_secret(venue)


async def test_rules_quantise(venue: contract.Venue) -> None:
    contract.rules_quantise_to_the_safe_side(venue)


async def test_strange_messages(venue: contract.Venue) -> None:
    contract.strange_messages_do_no_harm(venue)


async def test_signature_is_stable(venue: contract.Venue) -> None:
    await contract.a_signature_is_stable(venue)


async def test_every_message_can_be_read_again(venue: contract.Venue) -> None:
    await contract.every_message_can_be_read_again(venue)


async def test_no_secret_is_logged(venue: contract.Venue) -> None:
    await contract.no_secret_is_logged(venue)
