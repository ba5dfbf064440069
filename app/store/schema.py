"""The tables, their version, and how an older file becomes a newer one: always on a copy. No reading of records."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from app.core.journal import JournalError

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        kind TEXT NOT NULL,
        order_key TEXT NOT NULL,
        wall_ns INTEGER NOT NULL,
        boot_ns INTEGER NOT NULL,
        payload BLOB NOT NULL,
        crc32 INTEGER NOT NULL
    );
    CREATE INDEX journal_by_account ON journal (account, seq);
    CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER journal_never_shrinks BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TABLE fill (
        account TEXT NOT NULL,
        pair TEXT NOT NULL,
        id_space TEXT NOT NULL,
        trade_id TEXT NOT NULL,
        exchange_ms INTEGER NOT NULL,
        payload BLOB NOT NULL,
        crc32 INTEGER NOT NULL,
        PRIMARY KEY (account, pair, id_space, trade_id)
    ) WITHOUT ROWID;
    CREATE INDEX fill_by_time ON fill (account, exchange_ms);
    CREATE TABLE watermark (account TEXT PRIMARY KEY, exchange_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
)
"""Step n makes version n + 1 out of version n; the last one made is the version this program knows."""

# Written into the file's header, so that a damaged journal is told from a file that was never ours ("DDjl").
_APPLICATION_ID = 0x44446A6C


class DamagedFile(Exception):
    """The structure of the file, or what it says of itself, is not what was written."""


def connect(path: Path) -> sqlite3.Connection:
    """The one connection. EXCLUSIVE keeps a second one out: SQLite before 3.52 can damage a WAL that two share."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=2.0)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def read_version(connection: sqlite3.Connection) -> int:
    """0 for an empty file. Raises JournalError for a file that is not ours or of a later program, DamagedFile."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    ours = connection.execute("PRAGMA application_id").fetchone() == (_APPLICATION_ID,) or "schema_version" in tables
    if not ours:
        if tables:
            raise JournalError("this file is not a Depthdesk journal; nothing was changed")
        return 0
    if "schema_version" not in tables:
        raise DamagedFile
    (version,) = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    if not isinstance(version, int) or connection.execute("PRAGMA user_version").fetchone() != (version,):
        raise DamagedFile
    if version > len(STEPS):
        raise JournalError(
            f"this journal was written by a newer Depthdesk (format {version}, this one knows up to {len(STEPS)}); "
            "nothing was changed, please start the newer program"
        )
    return version


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables from `version` to the newest, wholly or not at all."""
    script = "".join(STEPS[version:])
    newest = len(STEPS)
    connection.executescript(
        f"BEGIN IMMEDIATE; {script}"
        "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);"
        f"INSERT INTO schema_version (version) VALUES ({newest});"
        f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {newest}; COMMIT;"
    )


def migrate_on_a_copy(connection: sqlite3.Connection, path: Path, version: int) -> sqlite3.Connection:
    """Upgrade a copy, keep the old file beside it, and only then put the copy in its place."""
    draft = beside(path, "migrating")
    remove(draft)
    create_private(draft)
    copy = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.backup(copy)
        upgrade(copy, version)
        if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise JournalError("the journal could not be brought to the new format; nothing was changed")
    finally:
        copy.close()
        connection.close()
    if wal_of(path).exists():
        raise JournalError("the journal could not be brought to the new format; nothing was changed")
    sync(draft)
    keep_copy(path, beside(path, f"version-{version}"))
    os.replace(draft, path)
    sync(path.parent)
    return connect(path)


def beside(path: Path, word: str) -> Path:
    """`orders.db` and a word make `orders.word.db`."""
    return path.with_name(f"{path.stem}.{word}{path.suffix}")


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def remove(path: Path) -> None:
    """The database file and what SQLite keeps beside it."""
    for each in (wal_of(path), path.with_name(path.name + "-shm"), path.with_name(path.name + "-journal"), path):
        each.unlink(missing_ok=True)


def create_private(path: Path) -> None:
    """Make the file if it is missing, readable by its owner only from the first moment."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def keep_copy(path: Path, kept: Path) -> None:
    """A copy that is on the disk when this returns. Raises OSError."""
    create_private(kept)
    shutil.copyfile(path, kept)
    sync(kept)
    sync(kept.parent)


def sync(path: Path) -> None:
    """Wait until the file, or the directory's list of names, is on the disk."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
