"""Reads session files, ours and the founding recordings, as typed records. It feeds nothing and can send nothing."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard
from msgspec import Struct

from app.core.frames import Direction
from app.net.session_format import FORMAT, Line, RecordKind

MAX_LINE_BYTES = 64 << 20
MAX_TOTAL_BYTES = 8 << 30
_MAGIC = b"\x28\xb5\x2f\xfd"
_READ = 1 << 20
_RECORD_KINDS = frozenset(RecordKind)


class NotASession(Exception):
    """The file is not a session, or is broken: the text names the file, the line and what is wrong."""


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """One line of a session.

    `connection` is the recorder's name of it, `url` its address, `wall_ns` the recorder's wall clock. For HTTP,
    `direction` tells request from answer (the founding recordings hold answers only). `exchanges` and `app` are of the
    header.
    """

    kind: RecordKind
    connection: str = ""
    url: str = ""
    wall_ns: int = 0
    data: bytes = b""
    direction: Direction = Direction.IN
    seq: int = 0
    epoch: int = 0
    mono_ns: int = 0
    method: str = ""
    path: str = ""
    status: int = 0
    answers: int = 0
    exchanges: dict[str, str] = {}
    app: str = ""


def read_session(path: Path) -> Iterator[Record]:
    """All records in the order of the file, the header first.

    A file cut short gives what is there and a last NOTE that says so. Raises `NotASession`, also in the middle, and
    `OSError` when the file cannot be opened.
    """
    with path.open("rb") as file:
        yield from _Reading(path.name, file).records()


class _Reading:
    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name = name
        self._file = file
        self._decoder = msgspec.json.Decoder(Line)
        self._number = 0
        self._format = 0
        self._frames = 0
        self._crc = 0
        self._torn = ""
        self._addresses: dict[str, str] = {}

    def records(self) -> Iterator[Record]:
        finished = False
        for raw in self._lines():
            line = self._parse(raw)
            if finished:
                raise self._wrong("there is more after the footer")
            if self._number == 1:
                self._check_header(line)
            elif line.t == RecordKind.HEADER:
                raise self._wrong("a second header")
            if line.t == RecordKind.FOOTER:
                finished = True
                self._check_footer(line)
            elif line.seq:
                self._frames += 1
            self._crc = zlib.crc32(raw, self._crc)
            yield self._record(line)
        if self._number == 0:
            raise self._wrong("the file is empty")
        if finished and self._torn:
            raise self._wrong("there is more after the footer")
        if self._format >= 3 and not finished and not self._torn:
            self._torn = "it has no footer"
        if self._torn:
            words = f"{self._name} ends early after line {self._number}: {self._torn}"
            yield Record(kind=RecordKind.NOTE, data=words.encode())

    def _lines(self) -> Iterator[bytes]:
        """Whole lines with their line feed. What follows the last line feed is a torn end."""
        # The pieces of an unfinished line are joined once: joining at every piece would cost the square of a long line.
        pieces: list[bytes] = []
        size = total = 0
        for chunk in self._chunks():
            total += len(chunk)
            if total > MAX_TOTAL_BYTES:
                raise self._wrong(f"more than {MAX_TOTAL_BYTES >> 30} GiB of data")
            whole, feed, rest = chunk.rpartition(b"\n")
            if feed:
                for line in b"".join((*pieces, whole)).split(b"\n"):
                    self._number += 1
                    yield line + b"\n"
                pieces, size = [], 0
            pieces.append(rest)
            size += len(rest)
            if size > MAX_LINE_BYTES:
                self._number += 1
                raise self._wrong(f"the line is longer than {MAX_LINE_BYTES >> 20} MiB")
        last = b"".join(pieces)
        if not last:
            return
        try:
            self._decoder.decode(last)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._torn = "its last line is incomplete"
            if self._number == 0:
                self._number = 1
                raise self._wrong("not a line of JSON") from None
            return
        self._number += 1
        yield last

    def _chunks(self) -> Iterator[bytes]:
        start = self._file.read(len(_MAGIC))
        self._file.seek(0)
        if start != _MAGIC:
            while chunk := self._file.read(_READ):
                yield chunk
            return
        # Bounded reads: a small file may stand for terabytes.
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(self._file, read_across_frames=True)
        try:
            while chunk := reader.read(_READ):
                yield chunk
        except zstandard.ZstdError as error:
            self._number += 1
            raise self._wrong(f"the compressed data is damaged ({error})") from None

    def _parse(self, raw: bytes) -> Line:
        if self._number == 1 and not raw.lstrip().startswith(b"{"):
            raise self._wrong("not a line of JSON")
        try:
            line = self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise self._wrong(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._wrong(f"not a line of JSON: {error}") from None
        if line.t not in _RECORD_KINDS:
            raise self._wrong(f"unknown kind of record {line.t[:40]!r}")
        return line

    def _check_header(self, line: Line) -> None:
        if line.t != RecordKind.HEADER or line.format is None:
            raise self._wrong("the first line is not the header of a session")
        if line.format > FORMAT:
            raise self._wrong(f"made by a newer version (format {line.format}, this one reads up to {FORMAT})")
        self._format = line.format

    def _check_footer(self, line: Line) -> None:
        if line.frames is not None and line.frames != self._frames:
            raise self._wrong(f"the footer counts {line.frames} frames, the file holds {self._frames}")
        if line.crc32 is not None and line.crc32 != self._crc:
            raise self._wrong("the checksum does not match: the file was changed")

    def _record(self, line: Line) -> Record:
        if line.b64 is not None:
            try:
                data = base64.b64decode(line.b64, validate=True)
            except (binascii.Error, ValueError):
                raise self._wrong("b64 is not base64") from None
        else:
            data = (line.data or "").encode()
        if line.addr:
            self._addresses[line.conn] = line.addr
        exchanges = line.exchanges or ({line.exchange.lower(): ""} if line.exchange else {})
        return Record(
            kind=RecordKind(line.t),
            connection=line.conn,
            url=line.url or self._addresses.get(line.conn, ""),
            # A float of seconds holds microseconds, not nanoseconds.
            wall_ns=line.wall_ns or round(line.ts * 1e6) * 1000,
            data=data,
            direction=Direction.OUT if line.t == RecordKind.SEND or line.dir == Direction.OUT else Direction.IN,
            seq=line.seq,
            epoch=line.epoch,
            mono_ns=line.mono_ns,
            method=line.method,
            path=line.path,
            status=line.status,
            answers=line.answers,
            exchanges=exchanges,
            app=line.app,
        )

    def _wrong(self, what: str) -> NotASession:
        return NotASession(f"{self._name}, line {self._number}: {what}")
