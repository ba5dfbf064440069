"""One journal entry as a table row with its own checksum. No SQL, no files."""

from __future__ import annotations

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
        return _checksum(
            seq,
            self.account.encode(),
            self.kind.encode(),
            self.order_key.encode(),
            self.wall_ns,
            self.boot_ns,
            self.payload,
        )


def make_row(account: str, entry: JournalEntry, clock: Clock) -> JournalRow:
    return JournalRow(
        account, entry.kind.value, entry.key, clock.wall_ns(), clock.boot_ns(), msgspec.json.encode(entry), entry
    )


RawRow = tuple[object, ...]
"""(seq, account, kind, order key, wall ns, boot ns, payload, crc32) as read, texts as bytes."""


def is_intact(raw: RawRow) -> bool:
    """Whether the checksum holds; any type may come out of a damaged file."""
    match raw:
        case (
            int(seq),
            bytes(account),
            bytes(kind),
            bytes(key),
            int(wall_ns),
            int(boot_ns),
            bytes(payload),
            int(crc),
        ):
            return _checksum(seq, account, kind, key, wall_ns, boot_ns, payload) == crc
        case _:
            return False


def read_row(raw: RawRow) -> JournalRow:
    """Raises BadRow when the checksum does not hold or the entry cannot be understood."""
    if not is_intact(raw):
        raise BadRow
    _, account, kind, key, wall_ns, boot_ns, payload, _ = raw
    assert isinstance(account, bytes) and isinstance(kind, bytes) and isinstance(key, bytes)
    assert isinstance(payload, bytes) and isinstance(wall_ns, int) and isinstance(boot_ns, int)
    try:
        entry = _decode_entry(payload)
        return JournalRow(account.decode(), kind.decode(), key.decode(), wall_ns, boot_ns, payload, entry)
    except (msgspec.MsgspecError, ValueError, ArithmeticError):
        raise BadRow from None


def _checksum(
    seq: int, account: bytes, kind: bytes, order_key: bytes, wall_ns: int, boot_ns: int, payload: bytes
) -> int:
    head = b"\0".join((b"%d" % seq, account, kind, order_key, b"%d" % wall_ns, b"%d" % boot_ns))
    return crc32(payload, crc32(head))
