"""The lines of a session file, as they stand in it. No reading or writing of files.

A session is zstd-compressed (or plain) JSON, one object a line. `t` is the kind of line: header first, then http,
connect, send, recv and note, then footer. The founding recordings (format 2) know `t`, `conn`, `ts` (seconds), `url` or
`addr`, and `data` (text) or `b64`; ours (format 3) adds the rest. The footer's `crc32` covers all bytes
before its line. `addr` stands where a connection is first met, and is not repeated.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

FORMAT = 3


class RecordKind(StrEnum):
    HEADER = "header"
    HTTP = "http"
    CONNECT = "connect"
    SEND = "send"
    RECV = "recv"
    NOTE = "note"
    """A remark of ours about a connection, or about the recording itself."""
    FOOTER = "footer"


class Line(Struct, kw_only=True, omit_defaults=True):
    t: str
    conn: str = ""
    ts: float = 0.0
    url: str = ""
    addr: str = ""
    data: str | None = None
    b64: str | None = None
    seq: int = 0
    epoch: int = 0
    kind: str = ""
    dir: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    mono_ns: int = 0
    wall_ns: int = 0
    answers: int = 0
    dropped: int = 0
    frames: int | None = None
    redacted: int | None = None
    """Values masked in this file, in the footer."""
    crc32: int | None = None
    format: int | None = None
    app: str = ""
    exchanges: dict[str, str] = {}
    """Exchange and the domain it was connected to."""
    exchange: str = ""
    redaction: str = ""
