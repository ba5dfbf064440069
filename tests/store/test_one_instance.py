"""One program per file, and files that only their owner may read."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.journal import JournalError
from app.store.database import Store
from app.store.disk_words import StoreInUse
from tests.store.entries import intent, start

Open = Callable[[], Store]

HOLD = """
    store = Store.open({path!r})
    await store.journal("okx").commit(intent(1))
    print("holding", flush=True)
    await asyncio.sleep(60)
"""


def test_second_copy_is_refused_with_the_number_of_the_first(path: Path) -> None:
    holder = start(HOLD.format(path=str(path)))
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(StoreInUse) as refusal:
            Store.open(path)
        assert refusal.value.pid == holder.pid
        assert str(refusal.value) == f"another copy of Depthdesk (process {holder.pid}) is using this account data"
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()

    store = Store.open(path)
    assert asyncio.run(store.entries("okx")) == [intent(1)]
    asyncio.run(store.close())


def test_second_store_in_the_same_program_is_refused_too(store: Store, open_store: Open) -> None:
    with pytest.raises(StoreInUse) as refusal:
        open_store()
    assert refusal.value.pid == os.getpid()


def test_closing_lets_the_next_one_in(store: Store, open_store: Open) -> None:
    asyncio.run(store.close())
    assert asyncio.run(open_store().entries("okx")) == []


def test_file_held_by_another_program_is_named(path: Path, open_store: Open) -> None:
    asyncio.run(open_store().close())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="the journal cannot be opened: another program holds the journal file"):
        open_store()
    other.close()
    assert open_store().failure == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps profiles private by other means")
def test_only_the_owner_can_read(path: Path, store: Store) -> None:
    asyncio.run(store.journal("okx").commit(intent(1)))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in [path.parent, *path.parent.iterdir()]}
    assert modes == {"profile": 0o700, "orders.db": 0o600, "orders.db-wal": 0o600, "orders.db.lock": 0o600}


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps profiles private by other means")
def test_an_open_file_is_closed_to_others_at_the_next_start(path: Path, open_store: Open) -> None:
    asyncio.run(open_store().close())
    path.chmod(0o644)
    open_store()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.asyncio
async def test_file_taken_away_while_open_ends_the_recording(path: Path, store: Store) -> None:
    await store.journal("okx").commit(intent(1))
    path.rename(path.with_name("moved.db"))
    with pytest.raises(JournalError, match="the journal file was moved or deleted while in use"):
        await store.journal("okx").commit(intent(2))
    assert store.read_only
    store.journal("okx").append(intent(3))
    await store.close()
    assert store.unwritten == 1


@pytest.mark.asyncio
async def test_errors_tell_nothing_of_the_order(path: Path, store: Store) -> None:
    path.unlink()
    with pytest.raises(JournalError) as error:
        await store.journal("okx").commit(intent(424242))
    for secret in ("424242", "BTC", "21600"):
        assert secret not in str(error.value) + repr(error.value.__cause__) + store.failure
