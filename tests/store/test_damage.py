"""A damaged file: a copy is kept first, what can be read is read, and the loss is told until a reconcile has passed."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.journal import JournalError
from app.store import salvage
from app.store.database import Store
from tests.store.entries import execution, intent, key, run

Open = Callable[[], Store]
WRITTEN = 400


def keys(store: Store) -> list[str]:
    return [entry.key for entry in asyncio.run(store.entries("okx"))]


def copies(path: Path) -> list[bytes]:
    return [copy.read_bytes() for copy in sorted(path.parent.glob("orders.damaged-*.db"))]


@pytest.fixture
def full(path: Path, open_store: Open) -> bytes:
    """A closed journal of 400 intents and one fill; returns its bytes."""

    async def write() -> None:
        store = open_store()
        for number in range(1, WRITTEN):
            store.journal("okx").append(intent(number))
        await store.journal("okx").commit(execution(1, "7"))
        await store.set_watermark("okx", 5)
        await store.close()

    asyncio.run(write())
    return path.read_bytes()


def change(path: Path, statement: str) -> None:
    """Alter the closed file behind the store's back, past its append-only triggers."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER journal_never_changes")
        connection.execute("DROP TRIGGER journal_never_shrinks")
        connection.execute(statement)
    connection.close()


def test_broken_page_costs_its_records_only(path: Path, full: bytes, open_store: Open) -> None:
    at = 4096 * 12
    path.write_bytes(full[:at] + os.urandom(4096) + full[at + 4096 :])
    damaged = path.read_bytes()

    store = open_store()
    kept = keys(store)
    assert store.read_only
    assert store.failure == f"journal damaged: {len(kept)} of {WRITTEN} records read"
    assert WRITTEN - 20 < len(kept) < WRITTEN
    assert kept == [key for key in (f"k{number:026d}" for number in range(1, WRITTEN)) if key in kept] + [key(1)]
    assert copies(path) == [damaged]
    assert asyncio.run(store.watermark("okx")) == 5


@pytest.mark.parametrize("seed", range(25))
def test_no_damage_anywhere_raises_or_invents(path: Path, full: bytes, open_store: Open, seed: int) -> None:
    chance = random.Random(seed)
    broken = bytearray(full)
    for _ in range(chance.randrange(1, 6)):
        at, size = chance.randrange(len(full)), chance.choice([1, 16, 512, 4096])
        broken[at : at + size] = chance.randbytes(len(broken[at : at + size]))
    if chance.random() < 0.3:
        del broken[chance.randrange(len(broken)) :]
    path.write_bytes(broken)

    store = open_store()
    kept = keys(store)
    assert len(kept) == len(set(kept)) or kept[-1] == key(1)
    assert set(kept) <= {key(number) for number in range(1, WRITTEN)}
    if len(kept) < WRITTEN:
        assert store.failure.startswith(f"journal damaged: {len(kept)} of ")
        assert store.read_only
    if store.read_only:
        assert copies(path) == [bytes(broken)]


def test_not_a_database_at_all(path: Path, full: bytes, open_store: Open) -> None:
    path.write_bytes(b"lost" * 5000)
    store = open_store()
    assert store.failure == "journal damaged: 0 of an unknown number of records read"
    assert keys(store) == []
    assert copies(path) == [b"lost" * 5000]


@pytest.mark.parametrize(
    ("statement", "lost", "total"),
    [
        ("UPDATE journal SET payload = replace(CAST(payload AS TEXT), '21600', '99999') WHERE seq = 7", 1, WRITTEN),
        ("UPDATE journal SET account = 'htx' WHERE seq BETWEEN 11 AND 20", 10, WRITTEN),
        ("UPDATE journal SET crc32 = 'text' WHERE seq = 3", 1, WRITTEN),
        ("UPDATE journal SET seq = 1000000 - 1 WHERE seq = 5", 1, "an unknown number of"),
        ("DELETE FROM journal WHERE seq > 398", 2, WRITTEN),
    ],
)
def test_altered_missing_and_strayed_rows_are_counted(
    path: Path, full: bytes, open_store: Open, statement: str, lost: int, total: object
) -> None:
    change(path, statement)
    store = open_store()
    assert store.failure == f"journal damaged: {WRITTEN - lost} of {total} records read"
    assert store.read_only
    assert len(keys(store)) == WRITTEN - lost


def test_damaged_journal_blocks_orders_until_a_reconcile_also_over_restarts(
    path: Path, full: bytes, open_store: Open
) -> None:
    change(path, "DELETE FROM journal WHERE seq = 9")

    async def check() -> None:
        for _ in range(2):
            store = open_store()
            assert store.failure == "journal damaged: 399 of 400 records read"
            with pytest.raises(JournalError, match="journal damaged: 399 of 400 records read"):
                await store.journal("okx").commit(intent(1000))
            store.journal("okx").append(intent(2000))
            await store.close()

        store = open_store()
        await store.accept_damage()
        assert (store.read_only, store.failure) == (False, "")
        await store.journal("okx").commit(intent(1000))
        await store.close()

        store = open_store()
        assert store.failure == ""
        assert [entry.key for entry in await store.entries("okx")][-3:] == [key(2000), key(2000), key(1000)]

    asyncio.run(check())
    assert len(copies(path)) == 1


def test_crash_in_the_last_step_of_a_salvage_is_made_good(
    path: Path, full: bytes, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(path, "DELETE FROM journal WHERE seq = 9")
    real = os.replace

    def power_cut(source: Path, target: Path) -> None:
        if target == path:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(salvage.os, "replace", power_cut)
    with pytest.raises(KeyboardInterrupt):
        open_store()
    monkeypatch.undo()
    assert not path.exists()

    store = open_store()
    assert store.failure == "journal damaged: 399 of 400 records read"
    assert len(keys(store)) == 399


def test_wal_cut_anywhere_gives_a_beginning_of_what_was_written(path: Path, tmp_path: Path, open_store: Open) -> None:
    crashed = tmp_path / "crashed.db"
    run(f"""
        import os, shutil
        store = Store.open({str(crashed)!r})
        for number in range(1, 60):
            await store.journal("okx").commit(intent(number))
        os._exit(0)
    """)
    wal = crashed.with_name("crashed.db-wal").read_bytes()
    written = [key(number) for number in range(1, 60)]
    chance = random.Random(1)
    path.parent.mkdir()
    counts = []
    for _ in range(15):
        path.write_bytes(crashed.read_bytes())
        path.with_name("orders.db-wal").write_bytes(wal[: chance.randrange(len(wal))])
        store = Store.open(path)
        kept = keys(store)
        assert kept == written[: len(kept)]
        asyncio.run(store.close())
        counts.append(len(kept))
    assert max(counts) > 30
