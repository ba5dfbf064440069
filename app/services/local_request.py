"""Reads one HTTP request of a local program and refuses what a web page or a careless client could send. No methods.

One request a connection, nothing chunked, nothing optional: the strictest reading of HTTP/1.1 that a plug-in's client
needs. What is refused is refused before the body is read.
"""

from __future__ import annotations

import asyncio
import re

from msgspec import Struct

MAX_BODY = 64 << 10
MAX_HEAD = 16 << 10
JSON = "application/json"

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]{0,1024}) HTTP/1\.[01]")
_HEADER = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}):[ \t]*([\x20-\x7e\t]{0,8192})")
_PATH = re.compile(r"(/(?:[A-Za-z0-9._~:-]|%[0-9A-F]{2}){1,160}){1,4}")
_LENGTH = re.compile(r"[0-9]{1,9}")
_NATIVE_FETCH = ("", "none")


class RefusedRequest(Exception):
    """`reason` is counted; `browser` says that a web page is behind it."""

    def __init__(self, status: int, reason: str, browser: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.browser = browser


class Head(Struct, frozen=True):
    """`headers` by lower-case name."""

    method: str
    path: str
    headers: dict[str, str]


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Raises RefusedRequest, IncompleteReadError."""
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise RefusedRequest(431, "the head of the request is too long") from None
    first, *lines = data[:-4].split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise RefusedRequest(400, "this is not an HTTP request")
    headers: dict[str, str] = {}
    for each in lines:
        header = _HEADER.fullmatch(each)
        if header is None:
            raise RefusedRequest(400, "a header that is none")
        name = header[1].decode().lower()
        if name in headers:
            raise RefusedRequest(400, "a header that comes twice")
        headers[name] = header[2].decode().strip()
    return Head(line[1].decode(), line[2].decode(), headers)


def check_head(head: Head, port: int, *, content_type_may_be_missing: bool = False) -> int:
    """The length of the body to read. Raises RefusedRequest."""
    headers = head.headers
    if headers.get("host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        raise RefusedRequest(403, "another host was meant", browser=True)
    if "origin" in headers or headers.get("sec-fetch-site", "") not in _NATIVE_FETCH or "referer" in headers:
        raise RefusedRequest(403, "a web page asked", browser=True)
    if head.method != "POST":
        raise RefusedRequest(405, f"not support {head.method[:16]} method.")
    if "transfer-encoding" in headers or "upgrade" in headers or "expect" in headers or "content-encoding" in headers:
        raise RefusedRequest(411, "the body comes as it is, with its length")
    kind = headers.get("content-type")
    if kind != JSON and not (kind is None and content_type_may_be_missing):
        raise RefusedRequest(415, "Content-Type must be application/json", browser=kind is not None)
    length = headers.get("content-length", "")
    if not _LENGTH.fullmatch(length):
        raise RefusedRequest(411, "Content-Length is missing")
    if int(length) > MAX_BODY:
        raise RefusedRequest(413, "the body is too long")
    if not _PATH.fullmatch(head.path):
        raise RefusedRequest(404, "no such path")
    return int(length)


def answer_bytes(status: int, body: bytes) -> bytes:
    """A whole HTTP answer, after which the connection ends. No page of another origin may read it."""
    head = (
        f"HTTP/1.1 {status} {_PHRASES.get(status, 'Refused')}\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


_PHRASES = {200: "OK", 400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed", 429: "Too Many Requests"}
