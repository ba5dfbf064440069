"""The journal file of the whole program: opens it, writes and reads it in a thread of its own. Knows no exchange."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from app.core.clock import Clock, SystemClock
from app.core.journal import JournalEntry, JournalError, rebuild
from app.core.orders import InFlightOrder
from app.core.types import Fill
from app.store.disk_words import StoreInUse, is_passing, plain_words
from app.store.instance_lock import InstanceLock
from app.store.journal_file import JournalFile
from app.store.journal_row import JournalRow, make_row
from app.store.opening import Opened, make_directory, open_file, open_for_reading, writable
from app.store.order_journal import AccountJournal
from app.store.salvage import DAMAGE
from app.store.schema import create_private

T = TypeVar("T")


class Store:
    """One SQLite connection in one worker thread: WAL, synchronous=FULL.

    `damage` says which records were lost: nothing may be placed until `accept_damage` after a full reconcile.
    `failure` says why orders cannot be recorded now; disk full passes by itself at the next write or `retry` that
    succeeds, a disk error does not, and entries then stay in memory. Every coroutine works on any event loop.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.unreadable = 0
        """Records skipped by the readers since the start: their checksum did not hold."""
        self._clock = clock
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._lock = InstanceLock(path.with_name(path.name + ".lock"))
        self._opened: Opened | None = None
        self._waiting: deque[JournalRow] = deque()
        self._scheduled = False
        self._closed = False
        self._trouble = ""
        self._broken = ""
        self._damage = ""

    # -- opening and closing

    @classmethod
    def open(cls, path: Path | str, clock: Clock | None = None) -> Store:
        """Open, check and if need be salvage or upgrade the file; blocks until done.

        Raises StoreInUse when another copy of the program holds it, JournalError when it may not be used at all. A file
        that may only be read opens with `read_only` set.
        """
        store = cls(Path(path), clock or SystemClock())
        try:
            store._worker.submit(store._open).result()
        except BaseException:
            store._lock.release()
            store._worker.shutdown()
            raise
        return store

    async def close(self) -> None:
        """Write what waits, then let go of the file. `failure` still tells when something could not be written."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._worker, self._close)
            self._worker.shutdown()

    def _open(self) -> None:
        path = self.path
        try:
            make_directory(path.parent)
            if writable(path):
                self._lock.take()
                self._opened = open_file(path, self._clock.wall_ns())
            else:
                self._opened = open_for_reading(path, "the journal file may not be written")
        except StoreInUse:
            raise
        except OSError as error:
            raise JournalError(f"the journal cannot be opened: {plain_words(error)}") from error
        self._damage, self._broken = self._opened.damage, self._opened.broken

    def _close(self) -> None:
        try:
            self._drain()
            with suppress(sqlite3.Error):
                self._file.close()
        finally:
            self._opened = None
            self._lock.release()

    # -- how it fares

    @property
    def read_only(self) -> bool:
        """Whether nothing may be placed: records are missing, or the file cannot be written any more."""
        return bool(self._damage or self._broken)

    @property
    def damage(self) -> str:
        return self._damage

    @property
    def failure(self) -> str:
        """Why orders cannot be recorded now, or empty; the words follow "cannot record orders: "."""
        return self._broken or self._damage or self._trouble

    @property
    def unwritten(self) -> int:
        """Entries that are only in memory."""
        return len(self._waiting)

    # -- writing

    def journal(self, account: str) -> AccountJournal:
        return AccountJournal(self, account)

    async def commit(self, account: str, entry: JournalEntry) -> None:
        """Return only when the entry and all before it are on the disk. Raises JournalError: nothing may leave then."""
        if self.read_only:
            raise JournalError(self.failure)
        row = make_row(account, entry, self._clock)
        await self._run(lambda: self._write((row,)))

    def append(self, account: str, entry: JournalEntry) -> None:
        """Write soon, in order, without waiting."""
        self._waiting.append(make_row(account, entry, self._clock))
        if not self._scheduled and not self._closed:
            self._scheduled = True
            self._worker.submit(self._drain)

    async def retry(self) -> None:
        """Try again to write after a failure; `failure` tells the outcome. Does nothing while all is well."""
        if self._trouble and not self._broken and not self._closed:
            await asyncio.get_running_loop().run_in_executor(self._worker, self._probe)

    async def accept_damage(self) -> None:
        """A full reconcile has passed: what the journal lost is known from the exchange again."""
        if self._damage:
            await self._run(lambda: self._guard(lambda: self._file.set_setting(DAMAGE, None)))
            self._damage = ""

    async def flush(self) -> None:
        """Return when everything appended so far is on the disk. Raises JournalError."""
        await self._run(lambda: self._write(()))

    # -- reading

    async def entries(self, account: str) -> list[JournalEntry]:
        """All entries of the account, oldest first. Records whose checksum fails are skipped and counted."""
        return await self._run(lambda: self._entries(account))

    async def tracking_states(self, account: str) -> list[InFlightOrder]:
        """Orders that were not done when the journal ended; those without an answer are UNKNOWN."""
        return await self._run(lambda: rebuild(self._entries(account)).open)

    async def fills(self, account: str, since_ms: int = 0) -> list[Fill]:
        """Executions since that exchange time, oldest first, each (pair, id space, trade id) once."""

        def read() -> list[Fill]:
            self._drain()
            fills, bad = self._file.fills(account, since_ms)
            self.unreadable += bad
            return fills

        return await self._run(read)

    async def watermark(self, account: str) -> int:
        """Exchange time (ms) up to which all executions are known to be here; 0 when none was set."""
        return await self._run(lambda: self._file.watermark(account))

    async def set_watermark(self, account: str, exchange_ms: int) -> None:
        await self._run(lambda: self._guard(lambda: self._file.set_watermark(account, exchange_ms)))

    async def tracked_pairs(self, exchange: str) -> list[str]:
        """The pairs open when the program ended, in order."""
        text = await self._run(lambda: self._file.setting(f"tracked pairs/{exchange}"))
        return [] if text is None else msgspec.json.decode(text, type=list[str])

    async def set_tracked_pairs(self, exchange: str, pairs: list[str]) -> None:
        text = msgspec.json.encode(pairs).decode()
        await self._run(lambda: self._guard(lambda: self._file.set_setting(f"tracked pairs/{exchange}", text)))

    async def setting(self, name: str) -> str | None:
        return await self._run(lambda: self._file.setting(name))

    async def set_setting(self, name: str, value: str | None) -> None:
        """None removes it."""
        await self._run(lambda: self._guard(lambda: self._file.set_setting(name, value)))

    async def copy_to(self, path: Path) -> None:
        """A sound copy of the file as it is now, for the user to keep. Raises JournalError."""

        def copy() -> None:
            create_private(path)
            with closing(sqlite3.connect(path)) as target:
                self._file.copy_into(target)

        await self._run(copy)

    # -- in the worker thread

    async def _run(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise JournalError("the journal is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the journal cannot be read: {plain_words(error)}") from error

    @property
    def _file(self) -> JournalFile:
        if self._opened is None:
            raise JournalError("the journal is closed")
        return self._opened.file

    def _entries(self, account: str) -> list[JournalEntry]:
        self._drain()
        entries, bad = self._file.entries(account)
        self.unreadable += bad
        return entries

    def _drain(self) -> None:
        """Write what waits; a failure is told by `failure` only, and what is not written waits on."""
        self._scheduled = False
        if self._waiting and not self._broken:
            with suppress(JournalError):
                self._write(())

    def _write(self, rows: tuple[JournalRow, ...]) -> None:
        """What waits and then `rows`, in one transaction."""
        waiting = tuple(self._waiting)
        if waiting or rows:
            self._guard(lambda: self._file.write((*waiting, *rows)))
        for _ in waiting:
            self._waiting.popleft()

    def _probe(self) -> None:
        with suppress(JournalError):
            self._guard(lambda: self._file.set_setting("last attempt to write", str(self._clock.wall_ns())))
            self._write(())

    def _guard(self, write: Callable[[], None]) -> None:
        """Every write goes through here. Raises JournalError and remembers why."""
        if self._broken:
            raise JournalError(self.failure)
        try:
            write()
        except Exception as error:
            if is_passing(error):
                self._trouble = plain_words(error)
            else:
                self._broken = plain_words(error)
            raise JournalError(self.failure) from error
        self._trouble = ""
