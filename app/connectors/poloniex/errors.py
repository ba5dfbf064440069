"""What Poloniex' refusals mean to us: codes and HTTP states to `ErrorKind`. No retrying, no reading of good replies."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

_K = ErrorKind

KINDS: dict[int, tuple[ErrorKind, str]] = {
    500: (_K.UNAVAILABLE, "internal error at Poloniex"),
    601: (_K.REJECTED, "a parameter is wrong"),
    602: (_K.REJECTED, "a parameter is missing"),
    603: (_K.UNAVAILABLE, "Poloniex timed out inside"),
    10040: (_K.MARKET_CLOSED, "no such market"),
    10041: (_K.MARKET_CLOSED, "the market is frozen"),
    21301: (_K.NOT_FOUND, "no such order"),
    21304: (_K.ALREADY_DONE, "the order is filled"),
    21305: (_K.ALREADY_DONE, "the order is cancelled"),
    21310: (_K.REJECTED, "the price is above the highest taken"),
    21311: (_K.REJECTED, "the price is below the lowest taken"),
    21312: (_K.DUPLICATE_ID, "this client order id is in use"),
    21315: (_K.REJECTED, "the client order id is malformed"),
    21322: (_K.REJECTED, "the total is below the smallest taken"),
    21330: (_K.REJECTED, "the amount is below the smallest taken"),
    21335: (_K.RULES_CHANGED, "the price has too many decimals"),
    21336: (_K.RULES_CHANGED, "the amount has too many decimals"),
    21337: (_K.RULES_CHANGED, "the total has too many decimals"),
    21340: (_K.MARKET_CLOSED, "Poloniex is in maintenance"),
    21341: (_K.MARKET_CLOSED, "Poloniex takes only post-only orders now"),
    21342: (_K.REJECTED, "the price is above the highest bid taken now"),
    21343: (_K.REJECTED, "the price is below the lowest ask taken now"),
    21344: (_K.REJECTED, "too many rows asked for"),
    21345: (_K.REJECTED, "no rows asked for"),
    21348: (_K.MARKET_CLOSED, "only post-only orders are taken now"),
    21350: (_K.REJECTED, "the order is worth less than 1 USDT"),
    21351: (_K.REJECTED, "trading is frozen for this account"),
    21352: (_K.MARKET_CLOSED, "trading of this currency is frozen"),
    21353: (_K.REJECTED, "trading is not offered in this region"),
    21354: (_K.REJECTED, "the account's e-mail address is not verified"),
    21355: (_K.REJECTED, "the time window asked for is too long"),
    21356: (_K.REJECTED, "the order would move the price too far"),
    21359: (_K.ALREADY_DONE, "the order is already filled or cancelled"),
    21360: (_K.REJECTED, "the order is too large"),
    21601: (_K.REJECTED, "the account is locked"),
    21709: (_K.REJECTED, "the balance is too low"),
    21721: (_K.REJECTED, "the balance is too low"),
    24101: (_K.MARKET_CLOSED, "no such market"),
    24105: (_K.REJECTED, "the start time is wrong"),
    24201: (_K.UNAVAILABLE, "Poloniex is busy"),
    25004: (_K.DUPLICATE_ID, "this client order id is in use"),
    25013: (_K.NOT_FOUND, "no such orders"),
    25014: (_K.NOT_FOUND, "no such stop orders"),
    25015: (_K.NOT_FOUND, "there are no orders"),
    25020: (_K.NOT_FOUND, "no safety timer is running"),
}
"""Every code we have an example of, and its meaning in our words. Any other leaves an order's outcome unknown."""

OK = 200
"""`code` of a row that was taken."""
_WRONG_PARAMETER = (601, 602)


class _Refusal(Struct):
    code: int | str | None = None
    message: str | None = None


_REFUSAL = msgspec.json.Decoder(_Refusal)


def read_error(response: Response) -> VenueError | None:
    """The refusal in this reply, or None for a reply that HTTP calls good (its rows may still hold codes)."""
    if 200 <= response.status < 300:
        return None
    try:
        refusal = _REFUSAL.decode(response.body)
    except (ValueError, RecursionError):
        refusal = _Refusal()
    if refusal.code is None and not refusal.message:
        kind = ErrorKind.SLOW_DOWN if response.status == 429 else ErrorKind.UNAVAILABLE
        words = f"HTTP {response.status} without a readable explanation"
        return VenueError(kind, str(response.status), words, response.status, response.frame)
    return refusal_of(refusal.code, refusal.message, response)


def refusal_of(code: int | str | None, message: str | None, response: Response) -> VenueError:
    """The refusal that one row of a reply states; the exchange's words where it gave any."""
    number = int(code) if isinstance(code, int) or (code and code.isascii() and code.isdigit()) else None
    kind, our_words = KINDS.get(number or 0, (ErrorKind.UNKNOWN, ""))
    words = message or our_words or f"error {code}"
    status = response.status
    if status == 429:
        kind = ErrorKind.SLOW_DOWN
    elif status == 408:
        kind = ErrorKind.CLOCK
    elif status >= 500:
        kind = ErrorKind.UNAVAILABLE
    elif status >= 400 and (kind is ErrorKind.UNKNOWN or number in _WRONG_PARAMETER) and _about_time(words):
        kind = ErrorKind.CLOCK
    elif kind is ErrorKind.UNKNOWN and status in (401, 403):
        kind = ErrorKind.AUTH
    return VenueError(kind, str(status if code is None else code), words, status, response.frame)


def good_body(response: Response) -> bytes:
    """The body of a good reply. Raises VenueError for any other."""
    if error := read_error(response):
        raise error
    return response.body


def _about_time(words: str) -> bool:
    return "timestamp" in words.lower() or "recvwindow" in words.lower()
