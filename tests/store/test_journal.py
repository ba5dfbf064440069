"""What goes into the store comes out of it, in order, also after a restart."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from app.core.journal import EntryKind, JournalError
from app.core.order_state import OrderState
from app.store.database import Store
from tests.store.entries import execution, intent, key, note

Open = Callable[[], Store]


@pytest.mark.asyncio
async def test_entries_come_back_as_they_were_after_a_restart(open_store: Open) -> None:
    written = [intent(1), note(EntryKind.SENT, 1), note(EntryKind.AMBIGUOUS, 1, "no answer in 5 s"), execution(1, "7")]
    store = open_store()
    journal = store.journal("poloniex")
    await journal.commit(written[0])
    for entry in written[1:]:
        journal.append(entry)
    await store.close()

    assert await open_store().entries("poloniex") == written


@pytest.mark.asyncio
async def test_appends_and_commits_keep_their_order(store: Store) -> None:
    journal = store.journal("okx")
    numbers = list(range(200))
    for number in numbers:
        if number % 7 == 0:
            await journal.commit(intent(number))
        else:
            journal.append(intent(number))
    assert [entry.key for entry in await store.entries("okx")] == [key(number) for number in numbers]


@pytest.mark.asyncio
async def test_a_commit_takes_earlier_appends_with_it(store: Store) -> None:
    journal = store.journal("okx")
    journal.append(intent(1))
    await journal.commit(intent(2))
    assert store.unwritten == 0


@pytest.mark.asyncio
async def test_many_commits_at_once_are_all_kept(store: Store) -> None:
    await asyncio.gather(*(store.journal("okx").commit(intent(number)) for number in range(50)))
    assert {entry.key for entry in await store.entries("okx")} == {key(number) for number in range(50)}


@pytest.mark.asyncio
async def test_accounts_do_not_mix(store: Store) -> None:
    await store.journal("okx").commit(intent(1))
    await store.journal("okx:second").commit(intent(2))
    assert await store.entries("okx") == [intent(1)]
    assert await store.entries("okx:second") == [intent(2)]
    assert await store.entries("htx") == []


@pytest.mark.asyncio
async def test_tracking_states_are_the_orders_not_done(open_store: Open) -> None:
    store = open_store()
    journal = store.journal("poloniex")
    await journal.commit(intent(1))
    await journal.commit(intent(2))
    journal.append(note(EntryKind.REJECTED, 2, "insufficient balance"))
    await journal.commit(intent(3))
    journal.append(execution(3, "70"))
    await store.close()

    restored = await open_store().tracking_states("poloniex")
    assert [(order.client_order_id, order.state, order.filled) for order in restored] == [
        (key(1), OrderState.UNKNOWN, Decimal(0)),
        (key(3), OrderState.PARTIALLY_FILLED, Decimal("0.1")),
    ]


@pytest.mark.asyncio
async def test_fills_are_kept_once_per_pair_space_and_trade_id(store: Store) -> None:
    journal = store.journal("poloniex")
    for entry in [
        execution(1, "7", at_ms=3000),
        execution(1, "7", at_ms=3000),
        execution(1, "7", price="99", at_ms=3000),
        execution(1, "7", id_space="rest", at_ms=2000),
        execution(2, "8", at_ms=1000),
    ]:
        journal.append(entry)
    fills = await store.fills("poloniex")
    assert [(fill.trade_id, fill.id_space, fill.price) for fill in fills] == [
        ("8", "stream", Decimal(21600)),
        ("7", "rest", Decimal(21600)),
        ("7", "stream", Decimal(21600)),
    ]
    assert [fill.exchange_ms for fill in await store.fills("poloniex", since_ms=2000)] == [2000, 3000]
    assert await store.fills("okx") == []


@pytest.mark.asyncio
async def test_a_fill_with_an_absurd_time_is_kept(store: Store) -> None:
    store.journal("okx").append(execution(1, "7", at_ms=10**30))
    assert [fill.exchange_ms for fill in await store.fills("okx")] == [10**30]
    assert store.failure == ""


@pytest.mark.asyncio
async def test_watermarks_and_pairs_survive_a_restart(open_store: Open) -> None:
    store = open_store()
    assert await store.watermark("okx") == 0
    assert await store.tracked_pairs("okx") == []
    await store.set_watermark("okx", 1_700_000_000_000)
    await store.set_tracked_pairs("okx", ["ETH-USDT", "BTC-USDT"])
    await store.set_tracked_pairs("htx", [])
    await store.close()

    store = open_store()
    assert await store.watermark("okx") == 1_700_000_000_000
    assert await store.tracked_pairs("okx") == ["ETH-USDT", "BTC-USDT"]
    assert await store.tracked_pairs("htx") == []


@pytest.mark.asyncio
async def test_after_closing_nothing_can_be_committed(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(JournalError, match="the journal is closed"):
        await store.journal("okx").commit(intent(1))


@pytest.mark.asyncio
async def test_a_cancelled_commit_harms_nothing(store: Store) -> None:
    journal = store.journal("okx")
    commit = asyncio.ensure_future(journal.commit(intent(1)))
    await asyncio.sleep(0)
    commit.cancel()
    await asyncio.gather(commit, return_exceptions=True)
    await journal.commit(intent(2))
    assert [entry.key for entry in await store.entries("okx")][-1] == key(2)
    assert store.failure == ""


@pytest.mark.asyncio
async def test_a_copy_can_be_taken_while_open(store: Store, tmp_path: Path) -> None:
    await store.journal("okx").commit(intent(1))
    await store.copy_to(tmp_path / "copy.db")
    copy = Store.open(tmp_path / "copy.db")
    assert await copy.entries("okx") == [intent(1)]
    await copy.close()


@pytest.mark.asyncio
async def test_random_work_over_restarts_loses_and_doubles_nothing(open_store: Open) -> None:
    chance = random.Random(7)
    expected: dict[str, list[str]] = {"okx": [], "htx": []}
    number = 0
    for _ in range(12):
        store = open_store()
        for _ in range(chance.randrange(12)):
            number += 1
            account = chance.choice(["okx", "htx"])
            expected[account].append(key(number))
            if chance.random() < 0.5:
                await store.journal(account).commit(intent(number))
            else:
                store.journal(account).append(intent(number))
        await store.close()
    store = open_store()
    for account, keys in expected.items():
        assert [entry.key for entry in await store.entries(account)] == keys


def test_one_store_serves_one_loop_after_another(path: Path) -> None:
    store = Store.open(path)
    asyncio.run(store.journal("okx").commit(intent(1)))
    assert asyncio.run(store.entries("okx")) == [intent(1)]
    asyncio.run(store.close())
