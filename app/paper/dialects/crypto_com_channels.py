"""What Crypto.com's channel names mean on which socket. Who listens to them is kept elsewhere.

| channel | socket | evidence |
|---|---|---|
| book.{i}.{10, 50}, trade.{i}, ticker.{i}, candlestick.{timeframe}.{i} | market | sheet 4 |
| user.order, user.trade, user.advanced.order, each with .{i} or without | user, after public/auth | sheet 6 |
| user.balance, user.position_balance; user.positions, user.account_risk | the same; the last two are silent | sheet 6 |
| anything else, a book without a depth, wildcards | 10004 | sheet 4 |
| SNAPSHOT 500 ms; SNAPSHOT_AND_UPDATE 10 (unless told) or 100 ms | others 40004 | sheet 4; code unconfirmed |
| an unknown book_subscription_type | 40004; other spellings of the name are ignored | sheet 4; code unconfirmed |
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import msgspec
from msgspec import Struct

from app.paper.accounts import Account
from app.paper.dialects.crypto_com_auth import whole_text
from app.paper.dialects.crypto_com_errors import ApiError
from app.paper.dialects.crypto_com_listings import pair_of
from app.paper.dialects.crypto_com_market import TIMEFRAMES

BY_INSTRUMENT = ("user.order", "user.trade", "user.advanced.order")
PRIVATE = (*BY_INSTRUMENT, "user.balance", "user.position_balance", "user.positions", "user.account_risk")
DELTAS = "SNAPSHOT_AND_UPDATE"
WHOLE_MS = 500


class Topic(Struct, frozen=True, kw_only=True):
    """What one subscription is about. `place` is a pair or an account."""

    subscription: str
    channel: str
    place: str
    pair: str = ""
    """Only this instrument, where the channel is about an account."""
    depth: int = 0
    every_ms: int = 0
    """How often a book is shown."""
    deltas: bool = False
    timeframe: str = ""


def topics_of(
    names: object, params: Mapping[str, object], kind: str, account: Account | None, pairs: Container[str]
) -> list[Topic]:
    """All channels of one request, or none of them. Raises ApiError."""
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ApiError(40004)
    bad = [name for name in names if not _is_known(name, kind, pairs)]
    if bad:
        raise ApiError(10004, "invalid channel " + msgspec.json.encode({"channels": bad}).decode())
    if kind == "user" and account is None:
        raise ApiError(40101)
    return [_topic(name, params, account) for name in dict.fromkeys(names)]


def _is_known(name: str, kind: str, pairs: Container[str]) -> bool:
    if kind == "user":
        base, _, symbol = name.rpartition(".")
        return name in PRIVATE or (base in BY_INSTRUMENT and pair_of(symbol) in pairs)
    match name.split("."):
        case ["book", symbol, "10" | "50"] | ["trade" | "ticker", symbol]:
            return pair_of(symbol) in pairs
        case ["candlestick", timeframe, symbol]:
            return timeframe in TIMEFRAMES and pair_of(symbol) in pairs
    return False


def _topic(name: str, params: Mapping[str, object], account: Account | None) -> Topic:
    if name.startswith("user."):
        assert account is not None
        channel, pair = name, ""
        if name not in PRIVATE:
            channel, _, symbol = name.rpartition(".")
            pair = pair_of(symbol)
        return Topic(subscription=name, channel=channel, place=account.account_id, pair=pair)
    channel, *rest = name.split(".")
    if channel == "candlestick":
        return Topic(subscription=name, channel=channel, place=pair_of(rest[1]), timeframe=rest[0])
    if channel != "book":
        return Topic(subscription=name, channel=channel, place=pair_of(rest[0]))
    kind = params.get("book_subscription_type", "SNAPSHOT")
    deltas = kind == DELTAS
    if not deltas and kind != "SNAPSHOT":
        raise ApiError(40004)
    every = whole_text(params.get("book_update_frequency", 10 if deltas else WHOLE_MS))
    if every not in (("10", "100") if deltas else (str(WHOLE_MS),)):
        raise ApiError(40004)
    return Topic(
        subscription=name,
        channel=channel,
        place=pair_of(rest[0]),
        depth=int(rest[1]),
        every_ms=int(every),
        deltas=deltas,
    )
