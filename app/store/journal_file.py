"""The open database file: verify, write, read. Used from one thread only; knows no asyncio and makes no decisions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from zlib import crc32

import msgspec
from msgspec import Struct

from app.core.journal import JournalEntry
from app.core.types import Fill
from app.store.disk_words import FileMoved
from app.store.journal_row import BadRow, JournalRow, RawRow, is_intact, read_entry
from app.store.schema import DamagedFile

_COLUMNS = "seq, CAST(account AS BLOB), CAST(kind AS BLOB), CAST(order_key AS BLOB), wall_ns, boot_ns, payload, crc32"
SELECT_ROWS = f"SELECT {_COLUMNS} FROM journal"
_LARGEST_INTEGER = 2**63 - 1
_decode_fill = msgspec.json.Decoder(Fill).decode


class Count(Struct, frozen=True):
    """Records that could be read, of how many were ever written; `written` is None when not even that is known."""

    read: int
    written: int | None

    @property
    def complete(self) -> bool:
        return self.read == self.written

    def words(self) -> str:
        whole = "an unknown number of" if self.written is None else f"{self.written}"
        return f"journal damaged: {self.read} of {whole} records read"


class JournalFile:
    """`next_seq` numbers records without a gap, so a missing one shows."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._inode = os.stat(path).st_ino if path.exists() else 0
        self.next_seq = 1 + (last_seq(connection) or 0)

    def write(self, rows: Iterable[JournalRow]) -> None:
        """All rows or none, on the disk when this returns. Raises sqlite3.Error, OSError or FileMoved."""
        self._check_place()
        seq = self.next_seq
        with _transaction(self._connection) as connection:
            for row in rows:
                insert_row(connection, seq, row)
                seq += 1
        self.next_seq = seq

    def entries(self, account: str) -> tuple[list[JournalEntry], int]:
        """The account's entries in the order written, and how many could not be read."""
        entries: list[JournalEntry] = []
        bad = 0
        query = f"{SELECT_ROWS} WHERE account = ? ORDER BY seq"
        for raw in self._connection.execute(query, (account,)):
            try:
                entries.append(read_entry(raw))
            except BadRow:
                bad += 1
        return entries, bad

    def fills(self, account: str, since_ms: int) -> tuple[list[Fill], int]:
        """The account's executions, oldest first, and how many could not be read."""
        fills: list[Fill] = []
        bad = 0
        query = (
            "SELECT payload, crc32 FROM fill WHERE account = ? AND exchange_ms >= ? "
            "ORDER BY exchange_ms, pair, id_space, trade_id"
        )
        for payload, checksum in self._connection.execute(query, (account, since_ms)):
            try:
                if crc32(payload) != checksum:
                    raise BadRow
                fills.append(_decode_fill(payload))
            except (BadRow, TypeError, msgspec.MsgspecError):
                bad += 1
        return fills, bad

    def watermark(self, account: str) -> int:
        row = self._connection.execute("SELECT exchange_ms FROM watermark WHERE account = ?", (account,)).fetchone()
        return int(row[0]) if row else 0

    def set_watermark(self, account: str, exchange_ms: int) -> None:
        self._replace("INSERT OR REPLACE INTO watermark VALUES (?, ?)", (account, exchange_ms))

    def setting(self, name: str) -> str | None:
        row = self._connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def set_setting(self, name: str, value: str | None) -> None:
        """None removes it."""
        if value is None:
            self._replace("DELETE FROM setting WHERE name = ?", (name,))
        else:
            self._replace("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def copy_into(self, target: sqlite3.Connection) -> None:
        self._connection.backup(target)

    def close(self) -> None:
        self._connection.close()

    def _replace(self, statement: str, values: tuple[object, ...]) -> None:
        self._check_place()
        with _transaction(self._connection) as connection:
            connection.execute(statement, values)

    def _check_place(self) -> None:
        try:
            moved = os.stat(self._path).st_ino != self._inode
        except FileNotFoundError:
            moved = True
        if moved:
            raise FileMoved


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit at the end, or take everything back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")


def insert_row(connection: sqlite3.Connection, seq: int, row: JournalRow) -> None:
    """Append the row; an execution also goes into the table of fills, the first report of a trade id wins."""
    connection.execute(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (seq, row.account, row.kind, row.order_key, row.wall_ns, row.boot_ns, row.payload, row.checksum(seq)),
    )
    fill = row.entry.fill
    if fill is not None:
        payload = msgspec.json.encode(fill)
        connection.execute(
            "INSERT OR IGNORE INTO fill VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                row.account,
                fill.pair,
                fill.id_space,
                fill.trade_id,
                min(fill.exchange_ms or row.entry.wall_ms, _LARGEST_INTEGER),
                payload,
                crc32(payload),
            ),
        )


def last_seq(connection: sqlite3.Connection) -> int | None:
    """Number of the last record ever written, None when a damaged file does not tell."""
    known: list[int] = []
    for query in ("SELECT max(seq) FROM journal", "SELECT seq FROM sqlite_sequence WHERE name = 'journal'"):
        try:
            row = connection.execute(query).fetchone()
        except sqlite3.Error:
            continue
        if query.startswith("SELECT max"):
            known.append(row[0] if isinstance(row[0], int) else 0)
        elif row and isinstance(row[0], int):
            known.append(row[0])
    return max(known, default=None)


def verify(connection: sqlite3.Connection) -> Count:
    """Read everything once. Raises DamagedFile or sqlite3.DatabaseError where the file itself is broken."""
    first = connection.execute("PRAGMA quick_check(1)").fetchone()
    if first != ("ok",):
        raise DamagedFile
    read = sum(is_intact(raw) for raw in _each(connection))
    return Count(read, last_seq(connection) or 0)


def _each(connection: sqlite3.Connection) -> Iterator[RawRow]:
    return iter(connection.execute(f"{SELECT_ROWS} ORDER BY seq"))
