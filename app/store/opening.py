"""How a journal file is opened: made, checked, salvaged or upgraded. No writing of records."""

from __future__ import annotations

import datetime
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from msgspec import Struct

from app.core.journal import JournalError
from app.store.disk_words import is_damage, plain_words
from app.store.journal_file import Count, JournalFile, verify
from app.store.salvage import DAMAGE, finish_salvage, keep_damaged, salvage
from app.store.schema import (
    STEPS,
    DamagedFile,
    connect,
    create_private,
    migrate_on_a_copy,
    read_version,
    upgrade,
    wal_of,
)


class Opened(Struct):
    """`damage` and `broken` are words for the user, empty when all is well.

    Damaged: records are missing, but the file is sound again. Broken: the file cannot be written at all.
    """

    file: JournalFile
    count: Count
    damage: str = ""
    broken: str = ""


def make_directory(path: Path) -> None:
    """A directory we make is its owner's only; one that exists is left as it is."""
    if not path.is_dir():
        path.mkdir(parents=True, mode=0o700)


def writable(path: Path) -> bool:
    """Whether the file and its directory may be written, as far as the system tells beforehand."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def open_file(path: Path, wall_ns: int) -> Opened:
    """Raises JournalError when the file may not be used: not ours, newer than this program, held by another."""
    try:
        finish_salvage(path)
        create_private(path)
        sound = _open_sound(path)
        if sound is None:
            salvage(_keep(path, wall_ns), path)
            sound = _open_sound(path)
        if sound is None:
            raise JournalError("the journal cannot be opened: the disk changes what is written to it")
        connection, count = sound
        file = JournalFile(connection, path)
        return Opened(file, count, damage=file.setting(DAMAGE) or "")
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"the journal cannot be opened: {plain_words(error)}") from error


def open_for_reading(path: Path, why: str) -> Opened:
    """Read a file that we may not write: from a copy, because even reading it in place would want to write."""
    with tempfile.TemporaryDirectory() as room:
        copy = Path(room) / path.name
        create_private(copy)
        if path.exists():
            shutil.copyfile(path, copy)
        if wal_of(path).exists():
            shutil.copyfile(wal_of(path), wal_of(copy))
        opened = open_file(copy, 0)
        memory = sqlite3.connect(":memory:", isolation_level=None)
        opened.file.copy_into(memory)
        opened.file.close()
        return Opened(JournalFile(memory, path), opened.count, damage=opened.damage, broken=why)


def _open_sound(path: Path) -> tuple[sqlite3.Connection, Count] | None:
    """None when the file is damaged."""
    connection: sqlite3.Connection | None = None
    try:
        connection = connect(path)
        if (version := read_version(connection)) == 0:
            upgrade(connection, 0)
        count = verify(connection)
        if not count.complete:
            raise DamagedFile
    except (sqlite3.Error, DamagedFile, JournalError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, DamagedFile) or is_damage(error):
            return None
        raise
    if 0 < version < len(STEPS):
        connection = migrate_on_a_copy(connection, path, version)
    return connection, count


def _keep(path: Path, wall_ns: int) -> Path:
    moment = datetime.datetime.fromtimestamp(wall_ns // 10**9, datetime.UTC)
    return keep_damaged(path, moment.strftime("%Y%m%dT%H%M%SZ"))
