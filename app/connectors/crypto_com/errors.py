"""What Crypto.com's refusals mean to us: codes to `ErrorKind`. No retrying, no reading of good replies."""

from __future__ import annotations

from msgspec import Struct

from app.connectors.crypto_com.protocol import decoder
from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

_K = ErrorKind

KINDS: dict[int, tuple[ErrorKind, str]] = {
    202: (_K.REJECTED, "the account is suspended"),
    204: (_K.DUPLICATE_ID, "this client order id is in use"),
    206: (_K.MARKET_CLOSED, "the market has expired"),
    208: (_K.MARKET_CLOSED, "the market is not tradable"),
    209: (_K.MARKET_CLOSED, "no such market"),
    212: (_K.NOT_FOUND, "no such order"),
    213: (_K.RULES_CHANGED, "the amount is not taken"),
    # Which of its failures leave no order is not told.
    224: (_K.UNKNOWN, "error of the matching engine"),
    306: (_K.REJECTED, "the balance is too low"),
    308: (_K.RULES_CHANGED, "the price is not taken"),
    309: (_K.MARKET_CLOSED, "the market is closed"),
    312: (_K.REJECTED, "the price is above the highest taken now"),
    313: (_K.REJECTED, "the price is below the lowest taken now"),
    314: (_K.REJECTED, "the order is too large"),
    315: (_K.REJECTED, "the price is too far from the market"),
    316: (_K.ALREADY_DONE, "the order is not active"),
    318: (_K.REJECTED, "too many open orders"),
    321: (_K.REJECTED, "more than is available"),
    406: (_K.REJECTED, "the account is inactive"),
    410: (_K.REJECTED, "the account is inactive"),
    415: (_K.REJECTED, "the amount is below the smallest taken"),
    10004: (_K.REJECTED, "the request is not understood"),
    # A request of the same kind came before, so an order may exist: it is looked up.
    40006: (_K.UNKNOWN, "the request came twice"),
    40101: (_K.AUTH, "the key or its signature was refused"),
    40102: (_K.CLOCK, "the time of the request is more than 60 s off"),
    40103: (_K.AUTH, "this IP address is not on the key's list"),
    40104: (_K.AUTH, "the account's tier does not allow this"),
    40107: (_K.REJECTED, "too many subscriptions on one connection"),
    40401: (_K.NOT_FOUND, "not found"),
    40801: (_K.UNAVAILABLE, "Crypto.com timed out inside"),
    42901: (_K.SLOW_DOWN, "too many requests"),
    43003: (_K.REJECTED, "fill-or-kill, and could not be filled at once"),
    43004: (_K.REJECTED, "immediate-or-cancel, and nothing could be filled"),
    43005: (_K.REJECTED, "post-only, and would have taken"),
    43012: (_K.REJECTED, "cancelled to prevent a trade with oneself"),
    50001: (_K.UNAVAILABLE, "error inside Crypto.com"),
}
"""Every code we have an example of, and its meaning in our words. Any other leaves an order's outcome unknown."""


class _Status(Struct):
    code: int | None = None
    message: str | None = ""


_read_status = decoder(_Status)


def read_error(response: Response) -> VenueError | None:
    """The refusal in this reply, or None. Rows of a reply may still hold refusals of their own.

    The HTTP state says little: most refusals of orders come as 400 or 500, and some as 200.
    """
    try:
        status = _read_status(response.body)
    except ValueError:
        status = _Status()
    good = 200 <= response.status < 300
    if status.code:
        return refusal_of(status.code, status.message, response)
    if good:
        return None
    kind = _K.SLOW_DOWN if response.status == 429 else _K.AUTH if response.status in (401, 403) else _K.UNAVAILABLE
    words = f"HTTP {response.status} without a readable explanation"
    return VenueError(kind, str(response.status), words, response.status, response.frame)


def refusal_of(code: int, message: str | None, response: Response) -> VenueError:
    """The refusal that a reply or one row of it states; the exchange's words where it gave any."""
    kind, our_words = meaning(code)
    if response.status == 429:
        kind = _K.SLOW_DOWN
    return VenueError(kind, str(code), message or our_words or f"error {code}", response.status, response.frame)


def meaning(code: int) -> tuple[ErrorKind, str]:
    return KINDS.get(code, (_K.UNKNOWN, ""))


def good_body(response: Response) -> bytes:
    """The body of a good reply. Raises VenueError for any other."""
    if error := read_error(response):
        raise error
    return response.body
