"""What went wrong with the disk, in the trader's words. Never any content of a record."""

from __future__ import annotations

import sqlite3

from app.core.journal import JournalError

_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the journal file may not be written",
    sqlite3.SQLITE_BUSY: "another program holds the journal file",
    sqlite3.SQLITE_LOCKED: "another program holds the journal file",
    sqlite3.SQLITE_CORRUPT: "the journal file is damaged",
    sqlite3.SQLITE_NOTADB: "the journal file is damaged",
    sqlite3.SQLITE_CANTOPEN: "the journal file cannot be opened",
    sqlite3.SQLITE_PERM: "the journal file may not be written",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
}

# Nothing that was acknowledged can be touched by these, so writing may be tried again. A failed sync is different:
# the system may have thrown away what it could not write, and a second sync that succeeds would prove nothing.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
    }
)
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT})


class StoreInUse(JournalError):
    """Another copy of the program holds the file; `pid` is its process, 0 when it could not be read."""

    def __init__(self, pid: int) -> None:
        who = f"process {pid}" if pid else "process unknown"
        super().__init__(f"another copy of Depthdesk ({who}) is using this account data")
        self.pid = pid


class FileMoved(Exception):
    """The path no longer leads to the file that is open: what is written now would be lost."""


def plain_words(error: Exception) -> str:
    if isinstance(error, FileMoved):
        return "the journal file was moved or deleted while in use"
    if isinstance(error, sqlite3.Error):
        code = _code(error)
        if code == sqlite3.SQLITE_IOERR_WRITE:
            return "the disk refused to write (quota, size limit or fault)"
        if code & 0xFF == sqlite3.SQLITE_IOERR:
            return f"the disk reported an error ({error.sqlite_errorname})"
        return _WORDS.get(code & 0xFF, f"the journal file cannot be used ({type(error).__name__})")
    if isinstance(error, OSError):
        return f"the disk reported an error ({error.strerror or type(error).__name__})"
    return f"the journal cannot be used ({type(error).__name__})"


def is_passing(error: Exception) -> bool:
    """Whether writing may be tried again on the same open file."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = _code(error)
    return code == sqlite3.SQLITE_IOERR_WRITE or code & 0xFF in _PASSING


def is_damage(error: Exception) -> bool:
    """Whether the content of the file is broken: its pages, or the text of its table definitions."""
    return isinstance(error, sqlite3.Error) and _code(error) & 0xFF in _DAMAGE


def _code(error: sqlite3.Error) -> int:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return sqlite3.SQLITE_ERROR if code is None else code
