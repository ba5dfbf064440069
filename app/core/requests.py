"""REST calls as values: what to ask and how to read the answer. No sockets, no signing."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Generic, TypeVar

from msgspec import Struct

from app.core.errors import ErrorKind

T = TypeVar("T")


class Priority(IntEnum):
    """Who goes first when the request budget is short; cancels may use the part that others leave alone."""

    CANCEL = 1
    ORDER_QUERY = 2
    PLACE = 3
    RECONCILE = 4
    SNAPSHOT = 5
    INFO = 6


class Weight(Struct, frozen=True):
    """`units` drawn from the exchange's bucket of that name (see `ExchangeSpec.rate_limits`)."""

    bucket: str
    units: int = 1


class Request(Struct, frozen=True, kw_only=True):
    """`path` and `params` before percent-encoding; `body` is sent byte for byte."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    signed: bool = False
    weights: tuple[Weight, ...] = ()
    priority: Priority = Priority.INFO
    timeout_s: float = 10.0
    host: str = ""
    """Name of one of the domain's REST hosts; empty is the main one."""


class Response(Struct, frozen=True, kw_only=True):
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    frame: int
    sent_ms: int
    received_ms: int


class SignedRequest(Struct, frozen=True, kw_only=True):
    """The exact bytes that go out, and the text that was signed (it never contains the secret)."""

    target: str
    """Path with query, already percent-encoded."""
    headers: dict[str, str]
    body: bytes
    signed_text: str = ""
    now_ms: int = 0


class Call(Struct, Generic[T], frozen=True, kw_only=True):
    """A request and the pure function that reads its answer.

    `parse` raises `VenueError` when the exchange refused, and `msgspec.DecodeError` or `ValueError` when the answer
    cannot be read.
    """

    request: Request
    parse: Callable[[Response], T]


class Page(Struct, Generic[T], frozen=True):
    """Part of a list; `next` asks for the following part and is None at the end."""

    items: list[T]
    next: Call[Page[T]] | None = None


class VenueError(Exception):
    """The exchange answered with an error of its own.

    `kind` is how to treat it, `code` the venue's number or word, `words` the venue's text (foreign: plain text only).
    """

    def __init__(self, kind: ErrorKind, code: str, words: str, status: int = 0, frame: int = 0) -> None:
        super().__init__(f"{code} {words}".strip())
        self.kind = kind
        self.code = code
        self.words = words
        self.status = status
        self.frame = frame
        self.signed_ms = 0
        """Exchange time that the request was signed with; 0 when it was not signed."""


class NotSent(Exception):
    """No byte of the request left this machine (name lookup, refused connection, TLS, local limit)."""


class NotTrusted(NotSent):
    """The certificate of the other side is not trusted, so nothing was said to it."""


class NoAnswer(Exception):
    """Bytes were written and no readable answer came: the outcome is unknown."""

    def __init__(self, reason: str, frame: int = 0) -> None:
        super().__init__(reason)
        self.frame = frame
        self.signed_ms = 0
        """As in `VenueError`."""
