"""Writes the frame log's messages to a session file in a worker thread. The loop never waits; nothing is read here."""

from __future__ import annotations

import base64
import errno
import os
import shutil
import threading
import zlib
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import msgspec
import zstandard

from app.core.clock import NS_PER_S, Clock
from app.core.frames import Direction, Frame, FrameKind, Recorder
from app.net.redaction import MARK, Redactor
from app.net.session_format import FORMAT, Line, RecordKind

_WRITE_EVERY_S = 0.25
_BATCH = 4096
_CLOSE_WITHIN_S = 10.0


class SessionRecorder(Recorder):
    """A recorder for `FrameLog.recorder`. Create it, hang it there, take it off, `close` it.

    `addresses` maps connection names to the URLs to note beside their frames. What a kill leaves behind is readable up
    to a second before its end. When the disk fails or fills, recording stops and `stopped` says why: nothing is raised.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        app: str,
        exchanges: Mapping[str, str],
        redactor: Redactor,
        addresses: Mapping[str, str] | None = None,
        max_queued_bytes: int = 64 << 20,
        max_file_bytes: int = 1 << 30,
        min_free_bytes: int = 200 << 20,
    ) -> None:
        """Raises `OSError` when the file exists or cannot be made."""
        self.path = path
        self.stopped = ""
        """Why recording ended early, in plain words; empty while it goes on."""
        self.frames = 0
        """Frames on their way to the file or in it."""
        self.dropped = 0
        """Frames left out because the disk could not keep up."""
        self.redacted = 0
        """Masked values written so far."""
        self._clock = clock
        self._redactor = redactor
        self._addresses = {} if addresses is None else addresses
        self._max_queued_bytes = max_queued_bytes
        self._max_file_bytes = max_file_bytes
        self._min_free_bytes = min_free_bytes
        # The loop appends and counts what it gave; the thread pops and counts what it took: neither needs a lock.
        self._queue: deque[Frame] = deque()
        self._given = 0
        self._taken = 0
        self._dropped_noted = 0
        self._noted_addresses: dict[str, str] = {}
        self._written = 0
        self._crc = 0
        self._closed = False
        self._closing = threading.Event()
        self._encoder = msgspec.json.Encoder()
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._zstd = zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(self._file, closefd=False)
        header = Line(
            t=RecordKind.HEADER,
            format=FORMAT,
            app=app,
            exchanges=dict(exchanges),
            redaction="fields known as secret and all live secrets are masked; the footer counts them",
            wall_ns=clock.wall_ns(),
            ts=clock.wall_ns() / NS_PER_S,
        )
        # Written here, so that whoever opens the file at any later moment finds a session.
        self._write([header])
        self._thread = threading.Thread(target=self._run, name=f"recorder {path.name}", daemon=True)
        self._thread.start()

    def record(self, frame: Frame) -> None:
        if self.stopped or self._closed:
            return
        size = len(frame.payload) + 256
        if self._given - self._taken + size > self._max_queued_bytes:
            self.dropped += 1
            return
        self._given += size
        self.frames += 1
        self._queue.append(frame)

    def close(self) -> None:
        """Write the rest and the footer. Blocks for as long as the disk needs (at most 10 s): call it in a worker."""
        self._closed = True
        self._closing.set()
        self._thread.join(_CLOSE_WITHIN_S)
        if self._thread.is_alive():
            self.stopped = self.stopped or "recording stopped: the disk did not answer"

    def _run(self) -> None:
        try:
            while not self._closing.wait(_WRITE_EVERY_S):
                self._drain()
            self._drain()
            footer = Line(
                t=RecordKind.FOOTER,
                frames=self._written,
                dropped=self.dropped,
                redacted=self.redacted,
                crc32=self._crc,
                ts=self._now_s(),
            )
            self._write([footer])
        except OSError as error:
            self.stopped = f"recording stopped: {_disk_words(error)}"
        except _Enough as limit:
            self.stopped = f"recording stopped: {limit}"
        finally:
            self._queue.clear()
            try:
                self._file.close()
            except OSError:
                pass

    def _drain(self) -> None:
        if self._queue and shutil.disk_usage(self.path.parent).free < self._min_free_bytes:
            raise _Enough(f"less than {self._min_free_bytes >> 20} MiB free on the disk")
        while self._queue:
            batch: list[Line] = []
            taken = 0
            while self._queue and len(batch) < _BATCH and taken < 8 << 20:
                frame = self._queue.popleft()
                taken += len(frame.payload) + 256
                batch.append(self._line(frame))
            self._write(batch)
            self._written += len(batch)
            self._taken += taken
        missing = self.dropped - self._dropped_noted
        if missing:
            words = f"{missing} frames not recorded: the disk was too slow"
            self._write([Line(t=RecordKind.NOTE, data=words, dropped=missing, ts=self._now_s())])
            self._dropped_noted += missing
        if self._file.tell() > self._max_file_bytes:
            raise _Enough(f"the file has reached {self._max_file_bytes >> 20} MiB")

    def _write(self, lines: list[Line]) -> None:
        data = self._encoder.encode_lines(lines)
        if self._redactor.values(data) is not data:
            # Frames arrive redacted; this is the last net, and replacing inside base64 would break it.
            for line in lines:
                if line.b64 is not None:
                    line.b64 = base64.b64encode(self._redactor.values(base64.b64decode(line.b64))).decode()
            data = self._redactor.values(self._encoder.encode_lines(lines))
        self.redacted += data.count(MARK)
        self._crc = zlib.crc32(data, self._crc)
        self._zstd.write(data)
        # A finished zstd frame can be read whatever happens to the ones after it.
        self._zstd.flush(zstandard.FLUSH_FRAME)
        self._file.flush()

    def _line(self, frame: Frame) -> Line:
        kind, address = _kind_of(frame), self._addresses.get(frame.connection, "")
        line = Line(
            t=kind,
            conn=frame.connection,
            ts=frame.wall_ns / NS_PER_S,
            seq=frame.seq,
            epoch=frame.epoch,
            kind=frame.kind,
            dir=frame.direction,
            method=frame.method,
            path=frame.path,
            status=frame.status,
            mono_ns=frame.mono_ns,
            wall_ns=frame.wall_ns,
            answers=frame.answers,
        )
        if kind is RecordKind.HTTP:
            line.url = address + frame.path
        elif self._noted_addresses.get(frame.connection) != address:
            self._noted_addresses[frame.connection] = line.addr = address
        try:
            line.data = frame.payload.decode()
        except UnicodeDecodeError:
            line.b64 = base64.b64encode(frame.payload).decode()
        return line

    def _now_s(self) -> float:
        return self._clock.wall_ns() / NS_PER_S


class _Enough(Exception):
    pass


def _kind_of(frame: Frame) -> RecordKind:
    if frame.kind is FrameKind.REST:
        return RecordKind.HTTP
    if frame.kind is FrameKind.CONTROL:
        return RecordKind.CONNECT if frame.payload.startswith(b"connected ") else RecordKind.NOTE
    return RecordKind.RECV if frame.direction is Direction.IN else RecordKind.SEND


def _disk_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk full"
    return (error.strerror or str(error)).lower()
