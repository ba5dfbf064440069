"""What OKX says on any of its sockets besides data: refusals, notices, counts. No channels, no logging in."""

from __future__ import annotations

from collections.abc import Iterable

from app.connectors.okx.errors import KINDS
from app.connectors.okx.protocol import Envelope
from app.core.effects import NOTHING, Effect, Reconnect, Refused, Subscription, Unknown
from app.core.errors import ErrorKind

_UPGRADE = "64008"
_PASSING = frozenset({ErrorKind.CLOCK, ErrorKind.SLOW_DOWN, ErrorKind.UNAVAILABLE})
"""A fresh connection, some time later, may fare better."""


def on_event(message: Envelope, about: tuple[Subscription, ...] = ()) -> Iterable[Effect]:
    """The meaning of a frame with `event`, other than acknowledgements of logins and subscriptions."""
    code = str(message.code)
    match message.event:
        case "error":
            return (_refusal(code, message.msg, about),)
        case "notice" if code == _UPGRADE:
            return (Reconnect(message.msg or KINDS[_UPGRADE][1]),)
        case "unsubscribe" | "channel-conn-count":
            return NOTHING
        case "channel-conn-count-error":
            return (Refused(message.msg or f"too many connections take channel {message.arg.channel}", about),)
    return (Unknown(f"event {message.event[:40]!r} {code[:10]}".rstrip()),)


def _refusal(code: str, words: str | None, about: tuple[Subscription, ...]) -> Effect:
    kind, our_words = KINDS.get(code, (ErrorKind.UNKNOWN, ""))
    told = words or our_words or (f"error {code}" if code else "no reason given")
    if kind in _PASSING:
        return Reconnect(told)
    return Refused(told, about, login=kind is ErrorKind.AUTH)
