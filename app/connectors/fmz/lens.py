"""One exchange with a plug-in, side by side: what was asked, what came, what we made of it, what fell away. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from app.connectors.fmz.protocol import RAW_PREFIX, read_question

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
_LONGEST_NUMBER = 64


class Number(str):
    """A JSON number in its own spelling, told apart from a JSON text."""

    __slots__ = ()


class BridgeView(Struct, frozen=True, kw_only=True):
    """`data` and `raw`: decoded, numbers as `Number`, None where there is none; `error`: the plug-in's own text."""

    method: str
    params: dict[str, Any]
    data: Any = None
    raw: Any = None
    error: str = ""
    dropped: tuple[str, ...] = ()
    """Names in `raw` whose values are nowhere in `data`: what the translation lost."""
    unread: tuple[str, ...] = ()
    """Names in `data` that we do not read."""
    respelled: tuple[str, ...] = ()
    """Names in `data` whose value is a text here and a number in `raw`, or the other way round, each with how."""


def look(asked: bytes, answered: bytes) -> BridgeView:
    """Both as logged, headers included. Raises ValueError (DecodeError is one) for what is no exchange of ours."""
    question = read_question(asked)
    try:
        reply = json.loads(answered, parse_float=Number, parse_int=Number, parse_constant=Number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(reply, dict):
        raise ValueError("not a reply of the protocol")
    data, raw, error = reply.get("data"), reply.get("raw"), reply.get("error", "")
    kept = [(name, _value(value), type(value) is Number) for name, value in _leaves("", data)]
    lost = [(name, _value(value), type(value) is Number) for name, value in _leaves("", raw) if value not in ("", None)]
    values = {value for _, value, _ in kept}
    known = _KNOWN.get(question.method)
    rows = data if isinstance(data, list) else [data]
    seen = {name for row in rows if isinstance(row, dict) for name in row}
    raw_call = question.method.startswith(RAW_PREFIX)
    return BridgeView(
        method=question.method,
        params=dict(question.params),
        data=data,
        raw=raw,
        error=error if isinstance(error, str) else json.dumps(error, ensure_ascii=False),
        dropped=() if raw_call else tuple(sorted({name for name, value, _ in lost if value not in values})),
        unread=tuple(sorted(seen - known)) if known is not None else (),
        respelled=_respelled(kept, lost),
    )


def _respelled(kept: list[tuple[str, Any, bool]], lost: list[tuple[str, Any, bool]]) -> tuple[str, ...]:
    """By equal values, as names differ: only where the name is the same, or the value stands once on our side.

    A value that came in both forms in `raw` proves nothing.
    """
    forms: dict[Decimal, set[bool]] = {}
    names: dict[Decimal, set[str]] = {}
    for name, value, as_number in lost:
        if isinstance(value, Decimal):
            forms.setdefault(value, set()).add(as_number)
            names.setdefault(value, set()).add(name.rpartition(".")[2])
    ours: dict[Decimal, set[str]] = {}
    for name, value, _ in kept:
        if isinstance(value, Decimal):
            ours.setdefault(value, set()).add(name)
    words = set()
    for name, value, as_number in kept:
        if not isinstance(value, Decimal) or forms.get(value) != {not as_number}:
            continue
        if name.rpartition(".")[2] in names[value] or len(ours[value]) == 1:
            words.add(f"{name}: {'number' if as_number else 'text'}, {'text' if as_number else 'number'} in raw")
    return tuple(sorted(words))


def _value(value: Any) -> Any:
    """A number however it is spelled, so that 1000, "1000" and 1000.0 are the same; else the text of the value."""
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        return number if number.is_finite() else value
    return value if isinstance(value, str) else str(value)


def _leaves(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(name, inner)
    else:
        yield name, value
