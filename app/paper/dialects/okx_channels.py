"""Which OKX channel is served on which of the three sockets, and what a subscription's argument must hold. No I/O.

| what | rule | evidence |
|---|---|---|
| sockets of the channels | public, private, business | sheet 1 and 3 |
| wrong socket, unknown channel, unknown instrument | 60018 naming the argument | sheet 7; candles: unconfirmed |
| private channels and books*-l2-tbt without login | 60011 | sheet 3.3 and 7 |
| books*-l2-tbt and fills with this account's tier | 64003 | sheet: tiers; code from docs |
| positions, deposit-info, withdrawal-info, algo-advance, status | accepted, silent: none of that happens here | ours |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.paper.accounts import Account
from app.paper.dialects.okx_candles import BARS, SECONDS
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_feed import Topic
from app.paper.venue import Venue

CANDLES = frozenset(f"candle{name}" for name in (*BARS, SECONDS))
_TIERED = frozenset({"books-l2-tbt", "books50-l2-tbt"})
_BY_PAIR = frozenset({"books", "books5", "bbo-tbt", "trades", "tickers", "trades-all"}) | CANDLES | _TIERED
_PERSONAL = frozenset({"account", "orders", "balance_and_position", "fills", "positions"})
_PERSONAL_BUSINESS = frozenset({"orders-algo", "algo-advance", "deposit-info", "withdrawal-info"})
SOCKETS = {
    "public": frozenset({"books", "books5", "bbo-tbt", "trades", "tickers", "instruments", "status"}) | _TIERED,
    "private": _PERSONAL,
    "business": CANDLES | _PERSONAL_BUSINESS | {"trades-all"},
}
COUNTED = frozenset({"account", "orders", "balance_and_position", "positions"})
"""Channels with at most 30 connections for one sub-account."""
_TYPES = frozenset({"SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION", "ANY"})


def topic_of(argument: object, kind: str, account: Account | None, venue: Venue) -> Topic:
    """The topic that an argument names on that socket. Raises ApiError."""
    if not isinstance(argument, dict) or not isinstance(argument.get("channel"), str):
        raise ApiError("60013")
    channel: str = argument["channel"]
    if channel not in SOCKETS[kind]:
        raise _missing(argument)
    if channel in _PERSONAL | _PERSONAL_BUSINESS | _TIERED and account is None:
        raise ApiError("60011")
    if channel in _TIERED or channel == "fills":
        raise ApiError("64003")
    if channel in _BY_PAIR:
        return _market_topic(channel, argument, venue)
    if channel == "instruments":
        kind_of = argument.get("instType")
        if kind_of not in _TYPES:
            raise _missing(argument)
        return Topic(channel=channel, place=kind_of, arg=_encoded(argument, ("channel", "instType")))
    if account is None:
        return Topic(channel=channel, place="", arg=_encoded(argument, ("channel",)))
    return _personal_topic(channel, argument, account, venue)


def _market_topic(channel: str, argument: Mapping[str, Any], venue: Venue) -> Topic:
    pair = argument.get("instId")
    if not isinstance(pair, str) or pair not in venue.instruments:
        raise _missing(argument)
    return Topic(channel=channel, place=pair, arg=_encoded(argument, ("channel", "instId")))


def _personal_topic(channel: str, argument: Mapping[str, Any], account: Account, venue: Venue) -> Topic:
    pair, asset = argument.get("instId", ""), argument.get("ccy", "")
    if channel in ("orders", "orders-algo", "positions") and argument.get("instType") not in _TYPES:
        raise _missing(argument)
    if not isinstance(pair, str) or (pair and pair not in venue.instruments) or not isinstance(asset, str):
        raise _missing(argument)
    names = ("channel", "instType", "instId", "ccy")
    sees = argument.get("instType", "SPOT") in ("SPOT", "ANY")
    return Topic(
        channel=channel,
        place=account.account_id,
        arg=_encoded({**argument, "uid": str(account.user_id)}, (*names, "uid")),
        pair=pair if sees else "-",
        asset=asset,
        regular=_regular(argument.get("extraParams")),
    )


def _regular(extra: object) -> bool:
    """`extraParams` is JSON inside a text. Raises ApiError."""
    if extra is None:
        return True
    try:
        decoded = msgspec.json.decode(extra) if isinstance(extra, str) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        raise ApiError("60013")
    return str(decoded.get("updateInterval", "")) != "0"


def _encoded(argument: Mapping[str, Any], names: tuple[str, ...]) -> bytes:
    return msgspec.json.encode({name: argument[name] for name in names if name in argument})


def _missing(argument: Mapping[str, Any]) -> ApiError:
    named = ",".join(f"{name}:{argument[name]}" for name in ("channel", "instType", "instId") if name in argument)
    return ApiError("60018", named[:200])
