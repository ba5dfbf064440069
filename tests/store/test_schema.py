"""Older files are upgraded on a copy, newer and foreign ones are refused, and nothing is changed on refusal."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.journal import JournalError
from app.store import opening, schema
from app.store.database import Store
from tests.store.entries import intent

Open = Callable[[], Store]


def know(monkeypatch: pytest.MonkeyPatch, *later: str) -> None:
    """A program whose tables went on by these steps."""
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, *later))
    monkeypatch.setattr(opening, "STEPS", schema.STEPS)


async def write_one(open_store: Open) -> None:
    store = open_store()
    await store.journal("okx").commit(intent(1))
    await store.close()


@pytest.mark.asyncio
async def test_older_file_is_upgraded_and_kept(path: Path, open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    await write_one(open_store)
    old = path.read_bytes()
    know(monkeypatch, "CREATE TABLE note (text TEXT NOT NULL);", "ALTER TABLE note ADD COLUMN wall_ns INTEGER;")

    store = open_store()
    assert await store.entries("okx") == [intent(1)]
    await store.journal("okx").commit(intent(2))
    await store.close()

    assert path.with_name("orders.version-1.db").read_bytes() == old
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT max(version) FROM schema_version").fetchone() == (3,)
        assert connection.execute("SELECT wall_ns FROM note").fetchall() == []
    connection.close()
    assert await open_store().entries("okx") == [intent(1), intent(2)]


@pytest.mark.asyncio
async def test_failed_upgrade_changes_nothing(path: Path, open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    await write_one(open_store)
    old = path.read_bytes()
    with monkeypatch.context() as later:
        know(later, "CREATE TABLE note (text TEXT NOT NULL); CREATE TABLE journal (again INTEGER);")
        with pytest.raises(JournalError, match="the journal cannot be opened"):
            open_store()
    assert path.read_bytes() == old
    assert await open_store().entries("okx") == [intent(1)]


@pytest.mark.asyncio
async def test_downgrade_is_refused_politely(path: Path, open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        know(later, "CREATE TABLE note (text TEXT NOT NULL);")
        await write_one(open_store)
        newer = path.read_bytes()
    with pytest.raises(JournalError) as refusal:
        open_store()
    assert str(refusal.value) == (
        "this journal was written by a newer Depthdesk (format 2, this one knows up to 1); "
        "nothing was changed, please start the newer program"
    )
    assert path.read_bytes() == newer


def test_foreign_database_is_left_alone(path: Path, open_store: Open) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (title TEXT)")
    connection.close()
    with pytest.raises(JournalError, match="this file is not a Depthdesk journal; nothing was changed"):
        open_store()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    connection.close()


@pytest.mark.asyncio
async def test_rows_can_be_added_but_not_changed_or_taken_away(path: Path, open_store: Open) -> None:
    await write_one(open_store)
    connection = sqlite3.connect(path)
    for statement in ("UPDATE journal SET account = 'x'", "DELETE FROM journal"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


@pytest.mark.asyncio
async def test_settings_of_the_one_connection(path: Path, open_store: Open) -> None:
    await write_one(open_store)
    connection = schema.connect(path)
    values = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    connection.close()
    assert values == ["wal", 2]
