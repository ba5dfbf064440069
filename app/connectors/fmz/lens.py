"""One exchange with a plug-in, side by side: what was asked, what came, what we made of it, what fell away. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from app.connectors.fmz.protocol import read_question

_KNOWN: dict[str, frozenset[str]] = {
    "ticker": frozenset({"symbol", "buy", "sell", "high", "low", "open", "last", "vol", "time"}),
    "depth": frozenset({"time", "asks", "bids"}),
    "trades": frozenset({"id", "time", "price", "amount", "type"}),
    "accounts": frozenset({"currency", "free", "frozen"}),
    "assets": frozenset({"currency", "free", "frozen"}),
    "trade": frozenset({"id"}),
}
_ORDER = frozenset({"id", "symbol", "amount", "price", "deal_amount", "avg_price", "type", "status", "state"})
_KNOWN |= {"orders": _ORDER, "order": _ORDER, "historyorders": _ORDER}


class BridgeView(Struct, frozen=True, kw_only=True):
    """`data` and `raw` are decoded JSON, None where there is none; `error` is the plug-in's own text."""

    method: str
    params: dict[str, Any]
    data: Any = None
    raw: Any = None
    error: str = ""
    dropped: tuple[str, ...] = ()
    """Names in `raw` whose values are nowhere in `data`: what the translation lost."""
    unread: tuple[str, ...] = ()
    """Names in `data` that we do not read."""


def look(asked: bytes, answered: bytes) -> BridgeView:
    """Both as logged, headers included. Raises ValueError (DecodeError is one) for what is no exchange of ours."""
    question = read_question(asked)
    try:
        reply = msgspec.json.decode(answered, type=dict[str, Any])
    except RecursionError:
        raise ValueError("nested too deeply") from None
    data, raw, error = reply.get("data"), reply.get("raw"), reply.get("error", "")
    kept = {str(value) for _, value in _leaves("", data)}
    names = {name for name, value in _leaves("", raw) if str(value) not in kept and value not in ("", None)}
    known = _KNOWN.get(question.method)
    rows = data if isinstance(data, list) else [data]
    seen = {name for row in rows if isinstance(row, dict) for name in row}
    return BridgeView(
        method=question.method,
        params=dict(question.params),
        data=data,
        raw=raw,
        error=error if isinstance(error, str) else msgspec.json.encode(error).decode(),
        dropped=tuple(sorted(names)),
        unread=tuple(sorted(seen - known)) if known is not None else (),
    )


def _leaves(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(name, inner)
    else:
        yield name, value
