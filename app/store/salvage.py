"""A damaged journal: keep a copy of it, then read every record that can still be read. Nothing is guessed or mended."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from app.core.journal import JournalError
from app.store.disk_words import plain_words
from app.store.journal_file import SELECT_ROWS, Count, insert_row, last_seq
from app.store.journal_row import BadRow, JournalRow, read_row
from app.store.schema import beside, create_private, keep_copy, remove, sync, upgrade, wal_of

DAMAGE = "journal damaged"
"""The setting that holds the words about a damage until a full reconcile has passed."""

# A higher number of records than fit into the file is itself part of the damage.
_SMALLEST_RECORD = 64


def keep_damaged(path: Path, stamp: str) -> Path:
    """Copy the file and its WAL as they are. Raises JournalError, with nothing changed, when that is impossible."""
    kept = beside(path, f"damaged-{stamp}")
    try:
        keep_copy(path, kept)
        if wal_of(path).exists():
            keep_copy(wal_of(path), wal_of(kept))
    except OSError as error:
        raise JournalError(
            f"the journal is damaged and no copy of it can be kept ({plain_words(error)}); nothing was changed"
        ) from error
    return kept


def salvage(kept: Path, path: Path) -> None:
    """Put a sound file with the readable records in the place of the damaged one, of which `kept` is a copy."""
    draft = beside(path, "salvaging")
    try:
        remove(draft)
        create_private(draft)
        _rewrite(kept, draft)
        sync(draft)
    except (OSError, sqlite3.Error) as error:
        remove(draft)
        raise JournalError(f"the damaged journal cannot be read out: {plain_words(error)}; a copy is kept") from error
    os.replace(draft, beside(path, "salvaged"))
    finish_salvage(path)


def finish_salvage(path: Path) -> None:
    """The last step, also after a crash in the middle: the old WAL must be gone before the new file takes its place."""
    done = beside(path, "salvaged")
    if done.exists():
        remove(path)
        os.replace(done, path)
        sync(path.parent)


def _rewrite(kept: Path, draft: Path) -> None:
    with tempfile.TemporaryDirectory(dir=draft.parent) as room:
        source = Path(room) / "damaged.db"
        shutil.copyfile(kept, source)
        if wal_of(kept).exists():
            shutil.copyfile(wal_of(kept), wal_of(source))
        with closing(sqlite3.connect(source, isolation_level=None)) as damaged:
            with closing(sqlite3.connect(draft, isolation_level=None)) as sound:
                upgrade(sound, 0)
                _carry_over(damaged, sound, source.stat().st_size)


def _carry_over(damaged: sqlite3.Connection, sound: sqlite3.Connection, size: int) -> None:
    most = size // _SMALLEST_RECORD
    written = last_seq(damaged)
    if written is not None and written > most:
        written = None
    sound.execute("BEGIN")
    read = 0
    for row in _readable(damaged, most if written is None else written):
        read += 1
        insert_row(sound, read, row)
    for table in ("watermark", "setting"):
        with suppress(sqlite3.Error):
            for values in damaged.execute(f"SELECT * FROM {table}"):
                sound.execute(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", values)
    sound.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (DAMAGE, Count(read, written).words()))
    sound.execute("COMMIT")


def _readable(damaged: sqlite3.Connection, last: int) -> Iterator[JournalRow]:
    """One look-up per record: a broken page costs the records on it and no others."""
    for seq in range(1, last + 1):
        try:
            raw = damaged.execute(f"{SELECT_ROWS} WHERE seq = ?", (seq,)).fetchone()
            if raw is not None:
                yield read_row(raw)
        except (sqlite3.Error, BadRow):
            continue
