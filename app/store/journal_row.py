"""One journal entry as a table row with its own checksum. No SQL, no files."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import msgspec
from msgspec import Struct

from app.core.clock import Clock
from app.core.journal import JournalEntry

_decode_entry = msgspec.json.Decoder(JournalEntry).decode


class BadRow(Exception):
    """The row is not what was written. Says nothing of its content."""


class JournalRow(Struct, frozen=True):
    """`wall_ns` and `boot_ns` are our clocks when the entry was made; `payload` is the entry as JSON."""

    account: str
    kind: str
    order_key: str
    wall_ns: int
    boot_ns: int
    payload: bytes
    entry: JournalEntry

    def checksum(self, seq: int) -> int:
        """CRC-32 over the row and its place, so that a row that strayed is found too."""
        texts = self.account.encode(), self.kind.encode(), self.order_key.encode()
        return _checksum(seq, *texts, self.wall_ns, self.boot_ns, self.payload)


def make_row(account: str, entry: JournalEntry, clock: Clock) -> JournalRow:
    return JournalRow(
        account, entry.kind.value, entry.key, clock.wall_ns(), clock.boot_ns(), msgspec.json.encode(entry), entry
    )


RawRow = tuple[Any, ...]
"""(seq, account, kind, order key, wall ns, boot ns, payload, crc32) as read, texts as bytes; a damaged file may hold
any type anywhere."""


def is_intact(raw: RawRow) -> bool:
    """Whether the checksum holds."""
    *written, crc = raw
    try:
        return bool(_checksum(*written) == crc)
    except TypeError:
        return False


def read_entry(raw: RawRow) -> JournalEntry:
    """Raises BadRow when the checksum does not hold or the entry cannot be understood."""
    if not is_intact(raw):
        raise BadRow
    try:
        return _decode_entry(raw[6])
    except (msgspec.MsgspecError, ValueError, ArithmeticError):
        raise BadRow from None


def read_row(raw: RawRow) -> JournalRow:
    """The whole row. Raises BadRow like `read_entry`."""
    entry = read_entry(raw)
    _, account, kind, key, wall_ns, boot_ns, payload, _ = raw
    return JournalRow(account.decode(), kind.decode(), key.decode(), wall_ns, boot_ns, payload, entry)


def _checksum(
    seq: int, account: bytes, kind: bytes, order_key: bytes, wall_ns: int, boot_ns: int, payload: bytes
) -> int:
    return crc32(payload, crc32(b"%d\0%b\0%b\0%b\0%d\0%d" % (seq, account, kind, order_key, wall_ns, boot_ns)))
