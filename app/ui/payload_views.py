"""A message as text to look at: unpacked, indented, in hex, on one line. Pure functions; no widgets, no protocol facts.

Numbers keep the spelling of the wire: nothing here turns one into a float.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from app.core.clock import NS_PER_S
from app.core.frames import Direction, Frame, FrameKind

MAX_UNPACKED = 64 << 20
"""Bytes; a message that unpacks to more is cut there."""
RAW_PIECE = 2_048
"""Characters per line of the raw view; lines longer than this would stall a text widget."""

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"'  # a string
    r'|\[(?:[^\[\]{}"]|"(?:[^"\\]|\\.)*"){0,160}\]'  # a short flat list stays on one line
    r"|[\[\]{},:]|[^\s\[\]{},:\"]+|\""
)
_JSON_START = (b"{", b"[")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_KEY = re.compile(r'^(\s*)("(?:[^"\\]|\\.)*")(: ?)')
_ENCODING = {b"\x1f\x8b": ("gzip", 31), b"\x78\x01": ("zlib", 15), b"\x78\x9c": ("zlib", 15), b"\x78\xda": ("zlib", 15)}

_CHANNEL = re.compile(rb'"(?:channel|ch|stream|topic|e|rep)"\s*:\s*\[?\s*"([^"]{1,80})"')
_VERB = re.compile(rb'"(event|op|method|action|sub|unsub|req|ping|pong|type)"\s*:\s*"?([^",}\s]{0,60})')
_ACTION = re.compile(rb'"(?:action|type)"\s*:\s*"(snapshot|update)"')
_SAYING = frozenset((b"event", b"op", b"method", b"action", b"type"))


def unpack(payload: bytes, limit: int = MAX_UNPACKED) -> tuple[bytes, str]:
    """The bytes behind gzip or zlib and the packing's name; the same bytes and "" when not packed or not readable."""
    packing = _ENCODING.get(payload[:2])
    if packing is None:
        return payload, ""
    name, window = packing
    try:
        return zlib.decompressobj(window).decompress(payload, limit), name
    except zlib.error:
        return payload, ""


def is_text(data: bytes) -> bool:
    """Whether the bytes are UTF-8 without control characters other than white space."""
    head = data[:4096]
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return _CONTROL.search(text) is None


def visible(text: str) -> str:
    """One line without control, bidirectional or other invisible characters, each shown as a middle dot."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "·" for char in text)


def one_line(payload: bytes, limit: int = 240) -> str:
    """The beginning of the message for a list row."""
    data, packing = unpack(payload, limit * 2)
    if not packing and data[:1] not in _JSON_START and not is_text(data[:64]):
        return " ".join(f"{byte:02x}" for byte in data[: limit // 3])
    return visible(data[:limit].decode("utf-8", "replace"))


def channel_of(frame: Frame) -> str:
    """What the message is about, for people: method and path of a call, channel and verb of a stream message.

    A reading aid made from the key names that the exchanges use; the connector's own reading is `explain`.
    """
    if frame.kind is FrameKind.REST:
        return f"{frame.method} {frame.path}".strip()
    if frame.kind is FrameKind.CONTROL:
        return ""
    payload, packing = unpack(frame.payload, 600)
    head = payload[:300]
    channel = _CHANNEL.search(head)
    verb = _VERB.search(head)
    words = []
    if channel:
        words.append(channel[1])
    if verb:
        word = verb[2] if verb[1] in _SAYING else verb[1]
        if not channel and verb[1] in (b"sub", b"unsub", b"req"):
            words.append(verb[2])
        if word not in words and word != b"push":
            words.append(word)
    if channel and not (verb and len(words) > 1):
        action = _ACTION.search(payload if packing else payload[-120:]) or _ACTION.search(head)
        if action and action[1] not in words:
            words.append(action[1])
    return visible(b" ".join(words).decode("utf-8", "replace"))


def pretty_lines(text: str, indent: int = 2) -> Iterator[str]:
    """JSON with one entry per line and short flat lists kept together; whatever is not JSON comes out as it is.

    Lazy: a message of megabytes costs only the lines that are asked for.
    """
    depth, line, fresh = 0, "", True
    tokens = _TOKEN.finditer(text)
    held: str | None = None
    while True:
        token, held = held, None
        if token is None:
            match = next(tokens, None)
            if match is None:
                break
            token = match[0]
        if token in "{[":
            following = next(tokens, None)
            closing = following[0] if following else ""
            line = (" " * indent * depth if fresh else line) + token
            fresh = False
            if closing and closing in "}]":
                line += closing
                continue
            held = closing or None
            yield visible(line)
            depth, line, fresh = depth + 1, "", True
        elif token in "}]":
            if not fresh:
                yield visible(line)
            depth = max(0, depth - 1)
            line, fresh = " " * indent * depth + token, False
        elif token == ",":
            yield visible(line + ",")
            line, fresh = "", True
        else:
            piece = ": " if token == ":" else token
            line = " " * indent * depth + piece if fresh else line + piece
            fresh = False
    if not fresh:
        yield visible(line)


def json_problem(text: str) -> str:
    """Why the text is not JSON, or "" when it is."""
    try:
        json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        return str(error) or "nested too deeply"
    return ""


def parse(text: str) -> Any:
    """JSON with every number as `Number`, the spelling of the wire. Raises ValueError or RecursionError."""
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)


class Number(str):
    """A JSON number in its own spelling, told apart from a JSON string."""

    __slots__ = ()


def shown(value: Any) -> str:
    """One JSON value as it was spelt; objects and lists by their size."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return f"{{{len(value)}}}"
    if isinstance(value, list):
        return f"[{len(value)}]"
    return visible(json.dumps(value, ensure_ascii=False))


def raw_lines(text: str) -> Iterator[str]:
    """The text as it came, with a break after `RAW_PIECE` characters where it has none of its own."""
    for line in text.splitlines() or [""]:
        for at in range(0, max(len(line), 1), RAW_PIECE):
            yield visible(line[at : at + RAW_PIECE])


def hex_lines(data: bytes) -> Iterator[str]:
    """Offset, sixteen bytes, and the same bytes as ASCII."""
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        left, right = row[:8].hex(" "), row[8:].hex(" ")
        ascii_text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:08x}  {left:<23}  {right:<23}  {ascii_text}"


def key_span(line: str) -> tuple[int, int] | None:
    """Where the key of a pretty line stands: (start, length)."""
    match = _KEY.match(line)
    return (match.start(2), len(match[2])) if match else None


def size_words(count: int) -> str:
    """340 B, 12.3 kB, 5.1 MB (thousands, as file managers count)."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"


def json_line(frame: Frame) -> str:
    """The frame as one line of a JSON-lines file, with the field names of our session files.

    `data` is text, `b64` is bytes that are not text.
    """
    record: dict[str, Any] = {
        "t": _line_kind(frame),
        "conn": frame.connection,
        "ts": frame.wall_ns / NS_PER_S,
        "seq": frame.seq,
        "epoch": frame.epoch,
        "kind": frame.kind.value,
        "dir": frame.direction.value,
        "wall_ns": frame.wall_ns,
        "mono_ns": frame.mono_ns,
    }
    for name in ("method", "path", "status", "answers"):
        if value := getattr(frame, name):
            record[name] = value
    try:
        record["data"] = frame.payload.decode("utf-8")
    except UnicodeDecodeError:
        record["b64"] = base64.b64encode(frame.payload).decode("ascii")
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _line_kind(frame: Frame) -> str:
    if frame.kind is FrameKind.REST:
        return "http"
    if frame.kind is FrameKind.CONTROL:
        return "connect" if frame.payload.startswith(b"connected ") else "note"
    return "recv" if frame.direction is Direction.IN else "send"
