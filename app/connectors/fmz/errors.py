"""What a plug-in's refusals mean to us: the words are shown as they are and hardly ever interpreted. No retrying."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw

from app.connectors.fmz.protocol import OUTCOME_UNKNOWN, REFUSED, Envelope
from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

_LONGEST_WORDS = 300
_NOT_OFFERED = ("not support", "invalid method", "missing required parameters", "unknown exchange")
"""The plug-in did nothing: it does not know what was asked."""

_decode = msgspec.json.Decoder(Envelope).decode


def read_error(response: Response) -> VenueError | None:
    """None for every reply in the form of the protocol: its `error` is read with the rest, whatever HTTP says."""
    if _envelope(response) is not None and response.status < 500 and response.status not in (418, 429):
        return None
    words = f"HTTP {response.status} without an answer in the form of the protocol"
    kind = ErrorKind.SLOW_DOWN if response.status == 429 else ErrorKind.UNAVAILABLE
    if response.status < 400:
        return None
    return VenueError(kind, str(response.status), words, response.status, response.frame)


def good_data(response: Response) -> Raw:
    """`data` of a good reply. Raises VenueError for a refusal and ValueError for what is no reply."""
    envelope = _decode(response.body)
    if envelope.error is not UNSET:
        words = _words(envelope.error)
        raise VenueError(kind_of(words), "", words, response.status, response.frame)
    if envelope.data is UNSET:
        raise ValueError("a reply with neither data nor error")
    return envelope.data


def is_protocol(response: Response) -> bool:
    """Whether this is a reply of the protocol, good or not."""
    envelope = _envelope(response)
    return envelope is not None and (envelope.error is not UNSET or envelope.data is not UNSET)


def kind_of(words: str) -> ErrorKind:
    """Nearly always UNKNOWN: a sample plug-in says any fault of its own, a lost answer too, in the same place."""
    low = words.lower()
    if low.startswith(REFUSED) or any(known in low for known in _NOT_OFFERED):
        return ErrorKind.REJECTED
    if low == "unauthorized":
        return ErrorKind.AUTH
    if low == "no such order":
        return ErrorKind.NOT_FOUND
    return ErrorKind.UNAVAILABLE if low.startswith(OUTCOME_UNKNOWN) else ErrorKind.UNKNOWN


def _envelope(response: Response) -> Envelope | None:
    try:
        return _decode(response.body)
    except (ValueError, RecursionError):
        return None


def _words(error: Raw) -> str:
    """A text as it is, and anything else as its JSON."""
    try:
        words = msgspec.json.decode(bytes(error), type=str)
    except (msgspec.ValidationError, RecursionError):
        words = bytes(error).decode(errors="replace")
    return words[:_LONGEST_WORDS] or "no reason given"
