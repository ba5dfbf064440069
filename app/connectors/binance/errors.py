"""What Binance's refusals mean to us: codes and HTTP states to `ErrorKind`. No retrying, no reading of good replies."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

_K = ErrorKind

KINDS: dict[int, tuple[ErrorKind, str]] = {
    -1002: (_K.AUTH, "not authorised"),
    -1003: (_K.SLOW_DOWN, "too many requests"),
    -1006: (_K.UNAVAILABLE, "unexpected answer inside Binance: the outcome is unknown"),
    -1007: (_K.UNAVAILABLE, "Binance timed out inside: the outcome is unknown"),
    -1008: (_K.UNAVAILABLE, "Binance is overloaded"),
    -1010: (_K.REJECTED, "refused by the matching engine"),
    -1013: (_K.REJECTED, "a trading rule was broken"),
    -1014: (_K.REJECTED, "unsupported combination"),
    -1015: (_K.SLOW_DOWN, "too many new orders"),
    -1016: (_K.UNAVAILABLE, "the service is shutting down"),
    -1020: (_K.REJECTED, "not supported"),
    -1021: (_K.CLOCK, "the time stamp is outside the window"),
    -1022: (_K.AUTH, "the signature is wrong"),
    -1034: (_K.SLOW_DOWN, "too many connections"),
    -1100: (_K.REJECTED, "illegal characters in a parameter"),
    -1101: (_K.REJECTED, "too many parameters"),
    -1102: (_K.REJECTED, "a parameter is missing or malformed"),
    -1103: (_K.REJECTED, "an unknown parameter"),
    -1104: (_K.REJECTED, "a parameter was not read"),
    -1105: (_K.REJECTED, "a parameter is empty"),
    -1106: (_K.REJECTED, "a parameter that does not belong"),
    -1108: (_K.REJECTED, "a parameter is too large"),
    -1111: (_K.RULES_CHANGED, "a number has too many decimals"),
    -1112: (_K.REJECTED, "the book is empty"),
    -1114: (_K.REJECTED, "this order takes no time in force"),
    -1115: (_K.REJECTED, "the time in force is wrong"),
    -1116: (_K.REJECTED, "the order type is wrong"),
    -1117: (_K.REJECTED, "the side is wrong"),
    -1118: (_K.REJECTED, "the client order id is empty"),
    -1119: (_K.REJECTED, "the client order id is empty"),
    -1120: (_K.REJECTED, "the interval is wrong"),
    -1121: (_K.MARKET_CLOSED, "no such market"),
    -1127: (_K.REJECTED, "the time window asked for is too long"),
    -1128: (_K.REJECTED, "parameters that do not go together"),
    -1130: (_K.REJECTED, "the value of a parameter is wrong"),
    -2010: (_K.REJECTED, "the order was refused"),
    -2011: (_K.REJECTED, "the cancel was refused"),
    -2013: (_K.NOT_FOUND, "no such order"),
    -2014: (_K.AUTH, "the API key is malformed"),
    -2015: (_K.AUTH, "the API key, its permissions or this address are refused"),
    # Ended unfilled 90 days ago or more: nothing that a query could tell.
    -2026: (_K.NOT_FOUND, "the order is archived"),
    # Half done; which half only the rows of the reply tell.
    -2021: (_K.UNKNOWN, "replaced by half"),
    -2022: (_K.REJECTED, "not replaced"),
    -2035: (_K.REJECTED, "the account's stream is subscribed already"),
    -2038: (_K.REJECTED, "not amended"),
    -2039: (_K.REJECTED, "the two order ids do not belong together"),
    -2043: (_K.REJECTED, "the market has no reference price"),
}
"""Every code we have an example of, and its meaning in our words. Any other leaves an order's outcome unknown."""

_BY_WORDS: dict[int, tuple[tuple[str, ErrorKind], ...]] = {
    -1013: (
        ("Filter failure: PRICE_FILTER", _K.RULES_CHANGED),
        ("Filter failure: LOT_SIZE", _K.RULES_CHANGED),
        ("Filter failure: MARKET_LOT_SIZE", _K.RULES_CHANGED),
        ("Filter failure: NOTIONAL", _K.RULES_CHANGED),
        ("Filter failure: MIN_NOTIONAL", _K.RULES_CHANGED),
        ("Market is closed", _K.MARKET_CLOSED),
    ),
    -1010: (("Market is closed", _K.MARKET_CLOSED), ("Duplicate order sent", _K.DUPLICATE_ID)),
    -2010: (("Market is closed", _K.MARKET_CLOSED), ("Duplicate order sent", _K.DUPLICATE_ID)),
    -2011: (("Unknown order sent", _K.NOT_FOUND), ("Market is closed", _K.MARKET_CLOSED)),
}
"""Codes that say what happened only in their text."""


class _Refusal(Struct):
    code: int | str | None = None
    msg: str | None = None


_decode = msgspec.json.Decoder(_Refusal).decode


def read_error(response: Response) -> VenueError | None:
    """The refusal in this reply, or None for a reply that HTTP calls good."""
    if 200 <= response.status < 300:
        return None
    try:
        refusal = _decode(response.body)
    except (ValueError, RecursionError):
        refusal = _Refusal()
    return refusal_of(refusal.code, refusal.msg, response.status, response.frame)


def refusal_of(code: int | str | None, words: str | None, status: int, frame: int) -> VenueError:
    """A refusal over either transport; the exchange's words where it gave any."""
    if code is None and not words:
        return VenueError(
            _kind_of_status(status) or _K.UNAVAILABLE,
            str(status),
            f"HTTP {status} without a readable explanation",
            status,
            frame,
        )
    kind, our_words = KINDS.get(code if isinstance(code, int) else 0, (_K.UNKNOWN, ""))
    words = words or our_words or f"error {code}"
    for start, better in _BY_WORDS.get(code if isinstance(code, int) else 0, ()):
        if words.startswith(start):
            kind = better
    return VenueError(_kind_of_status(status) or kind, str(status if code is None else code), words, status, frame)


def good_body(response: Response) -> bytes:
    """The body of a good reply. Raises VenueError for any other."""
    if error := read_error(response):
        raise error
    return response.body


def _kind_of_status(status: int) -> ErrorKind | None:
    """Where HTTP alone decides, whatever the code says."""
    if status == 418:
        return _K.BANNED
    if status == 429:
        return _K.SLOW_DOWN
    if status >= 500:
        return _K.UNAVAILABLE
    return None
