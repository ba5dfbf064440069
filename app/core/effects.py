"""What a source wants to happen next, as values. No I/O: the engine performs them in order."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from app.core.requests import Call
from app.core.types import (
    BalanceDelta,
    BookDiff,
    BookSnapshot,
    Candle,
    Fill,
    OrderUpdate,
    Ticker,
    Trade,
)


class Channel(StrEnum):
    BOOK = "book"
    TRADES = "trades"
    CANDLES = "candles"
    TICKER = "ticker"
    ORDERS = "orders"
    BALANCES = "balances"


class Subscription(Struct, frozen=True):
    """One stream of one market; `pair` is empty for account channels, `interval` is for candles."""

    channel: Channel
    pair: str = ""
    interval: str = ""


class Send(Struct, frozen=True):
    """Write this message on the connection that caused it. `payload` may hold a signature: log it redacted."""

    payload: bytes


class Perform(Struct, frozen=True):
    """Make this REST call; its parsed result comes back as further effects."""

    call: Call[Iterable[Effect]]


class LoggedIn(Struct, frozen=True):
    """The exchange accepted our signed login on this connection."""


class Pong(Struct, frozen=True):
    """Answer to our heartbeat."""


class Sequence(Struct, frozen=True, gc=False):
    """The number of this message among all of its connection; it comes before what the message holds.

    A number left out means that any stream of the connection may have lost something.
    """

    number: int


class BookChecksum(Struct, frozen=True, gc=False):
    """What the exchange computed over its book as the last change of that message left it."""

    pair: str
    value: int
    frame: int


class Subscribed(Struct, frozen=True):
    """The exchange confirmed these streams."""

    subscriptions: tuple[Subscription, ...]


class Refused(Struct, frozen=True):
    """The exchange refused a login or a subscription. `words` are foreign text."""

    words: str
    subscriptions: tuple[Subscription, ...] = ()
    login: bool = False


class Reconnect(Struct, frozen=True):
    """This connection is of no more use; `login`: because the exchange ended our login.

    With `planned` it still is for a while, and the next one may take over.
    """

    reason: str
    planned: bool = False
    login: bool = False


class Unknown(Struct, frozen=True):
    """A message, or a part of one, that we do not understand."""

    reason: str


MarketEvent = BookSnapshot | BookDiff | BookChecksum | Trade | Candle | Ticker
AccountEvent = OrderUpdate | Fill | BalanceDelta
Effect = (
    MarketEvent
    | AccountEvent
    | Send
    | Perform
    | LoggedIn
    | Pong
    | Sequence
    | Subscribed
    | Refused
    | Reconnect
    | Unknown
)

NOTHING: tuple[Any, ...] = ()
