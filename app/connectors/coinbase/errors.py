"""What Coinbase' refusals mean to us: words and HTTP states to `ErrorKind`. No retrying, no reading of good replies."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from app.connectors.coinbase.protocol import PRIVATE_A_SECOND, PUBLIC_A_SECOND, is_filler
from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

_K = ErrorKind

KINDS: dict[str, tuple[ErrorKind, str]] = {
    "INVALID_ARGUMENT": (_K.REJECTED, "the request is malformed"),
    "PERMISSION_DENIED": (_K.AUTH, "the key may not do this: it needs View and Trade"),
    "NOT_FOUND": (_K.NOT_FOUND, "no such order"),
    "UNAUTHENTICATED": (_K.AUTH, "the key was not accepted"),
    "UNAUTHORIZED": (_K.AUTH, "the key was not accepted"),
    "INTERNAL": (_K.UNAVAILABLE, "internal error at Coinbase"),
    "RESOURCE_EXHAUSTED": (_K.SLOW_DOWN, "too many requests"),
    "RATE_LIMIT_EXCEEDED": (_K.SLOW_DOWN, "too many requests"),
    "INVALID_PRICE_PRECISION": (_K.RULES_CHANGED, "the price has too many decimals"),
    "INVALID_SIZE_PRECISION": (_K.RULES_CHANGED, "the amount has too many decimals"),
    "INVALID_QUOTE_SIZE_PRECISION": (_K.RULES_CHANGED, "the total has too many decimals"),
    "INVALID_BASE_SIZE_TOO_SMALL": (_K.RULES_CHANGED, "the amount is below the smallest taken"),
    "INVALID_BASE_SIZE_TOO_LARGE": (_K.RULES_CHANGED, "the amount is above the largest taken"),
    "INVALID_QUOTE_SIZE_TOO_SMALL": (_K.RULES_CHANGED, "the total is below the smallest taken"),
    "INVALID_QUOTE_SIZE_TOO_LARGE": (_K.RULES_CHANGED, "the total is above the largest taken"),
    "INVALID_LIMIT_PRICE_POST_ONLY": (_K.REJECTED, "the post-only order would have taken"),
    "INVALID_LIMIT_PRICE_POSTONLY": (_K.REJECTED, "the post-only order would have taken"),
    "NOT_ALLOWED_BY_MARKET_STATE": (_K.MARKET_CLOSED, "the market does not take this order now"),
    "UNTRADABLE_PRODUCT": (_K.MARKET_CLOSED, "the market is not open for trading"),
    "GEOFENCING_RESTRICTION": (_K.REJECTED, "trading is not offered in this region"),
    "INVALID_ORDER_CONFIG": (_K.REJECTED, "the market has no such orders"),
    "UNSUPPORTED_ORDER_CONFIGURATION": (_K.REJECTED, "the market has no such orders"),
    "ORDER_ENTRY_DISABLED": (_K.MARKET_CLOSED, "the market takes no orders now"),
    "DUPLICATE_CLIENT_ORDER_ID": (_K.DUPLICATE_ID, "this client order id is in use"),
    "UNKNOWN_CANCEL_ORDER": (_K.NOT_FOUND, "no such order"),
    "DUPLICATE_CANCEL_REQUEST": (_K.ALREADY_DONE, "a cancel of this order is under way"),
    "INVALID_CANCEL_REQUEST": (_K.REJECTED, "the cancel is malformed"),
    "COMMANDER_REJECTED_CANCEL_ORDER": (_K.REJECTED, "the cancel was refused"),
}
"""Every word we have an example of, without PREVIEW_ in front, and its meaning in our words."""

_INSUFFICIENT_FUNDS = "INSUFFICIENT_FUND"
_NO_WALLET = "account is not available"
_ALIAS_RULE = (
    "a -USDC market is paid from the USDC wallet, a -USD market from the USD wallet; the key sees one portfolio"
)
_KIND_OF_STATUS = {401: _K.AUTH, 429: _K.SLOW_DOWN}
_BUCKET_OF_LIMIT = {str(PUBLIC_A_SECOND): "public", str(PRIVATE_A_SECOND): "private"}


class _AppError(Struct):
    id: str | None = ""
    message: str | None = ""


class _Refusal(Struct):
    """The two bodies a refusal may have: gRPC style, and a list of errors."""

    error: str | None = ""
    message: str | None = ""
    error_details: str | None = ""
    errors: list[_AppError] = []


_decode_refusal = msgspec.json.Decoder(_Refusal).decode


def read_error(response: Response) -> VenueError | None:
    """The refusal in this reply, or None for a reply that HTTP calls good (it may still say success:false)."""
    if 200 <= response.status < 300:
        return None
    try:
        refusal = _decode_refusal(response.body)
    except (ValueError, RecursionError):
        # A 401 is plain text, and a proxy answers with a web page.
        refusal = _Refusal()
    listed = refusal.errors[0] if refusal.errors else _AppError()
    code = refusal.error or listed.id or ""
    message = refusal.message or refusal.error_details or listed.message or ""
    return refusal_of([code], message, response)


def refusal_of(codes: Iterable[str | None], message: str | None, response: Response) -> VenueError:
    """The refusal that these words state: the first that we know, else the first that says anything at all."""
    said = [code for code in codes if code and not is_filler(code)]
    code = next((word for word in said if _known(word)), said[0] if said else "")
    kind, our_words = _known(code) or (ErrorKind.UNKNOWN, "")
    words = message or our_words or code
    status = response.status
    if status == 401 and not message:
        words = "Unauthorized: the key, its private key, the address it is bound to, or this computer's clock"
    if status in _KIND_OF_STATUS:
        kind = _KIND_OF_STATUS[status]
    elif status >= 500:
        kind = ErrorKind.UNAVAILABLE
    elif status == 403 and "missing required scopes" in words.lower():
        kind = ErrorKind.AUTH
    if _NO_WALLET in words.lower():
        kind, words = ErrorKind.REJECTED, f"{words} ({_ALIAS_RULE})"
    http = f"HTTP {status}"
    return VenueError(kind, code or http, words or f"{http} without a readable explanation", status, response.frame)


def _known(code: str) -> tuple[ErrorKind, str] | None:
    word = code.upper().removeprefix("PREVIEW_")
    if word.startswith(_INSUFFICIENT_FUNDS):
        return ErrorKind.REJECTED, "the balance is too low"
    return KINDS.get(word)


def good_body(response: Response) -> bytes:
    """The body of a good reply. Raises VenueError for any other."""
    if error := read_error(response):
        raise error
    return response.body


def read_usage(response: Response) -> Iterable[tuple[str, int]]:
    """The bucket is told by its size, as the headers do not name it."""
    limit = response.headers.get("x-ratelimit-limit", "").strip()
    left = response.headers.get("x-ratelimit-remaining", "").strip()
    bucket = _BUCKET_OF_LIMIT.get(limit)
    if bucket and left.isascii() and left.isdigit():
        yield bucket, max(int(limit) - int(left), 0)
