"""What HTX' refusals mean to us: words, codes and HTTP states to `ErrorKind`. No retrying, no good replies."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

_K = ErrorKind

KINDS: dict[str, tuple[ErrorKind, str]] = {
    "account-frozen-balance-insufficient-error": (_K.REJECTED, "the balance is too low"),
    "order-accountbalance-error": (_K.REJECTED, "the balance is too low"),
    "dw-insufficient-balance": (_K.REJECTED, "the balance is too low"),
    "order-orderstate-error": (_K.ALREADY_DONE, "the order is filled or cancelled"),
    "order-queryorder-invalid": (_K.NOT_FOUND, "no such order"),
    "base-record-invalid": (_K.NOT_FOUND, "no such order"),
    "base-not-found": (_K.NOT_FOUND, "no such order"),
    # Told for an id in use, and perhaps for an id of a wrong form: whether the order exists has to be asked.
    "invalid.client.order.id": (_K.UNKNOWN, "the client order id is in use or not taken"),
    "api-signature-not-valid": (_K.AUTH, "key, signature, clock or host is wrong"),
    "api-signature-check-failed": (_K.AUTH, "key, signature, clock or host is wrong"),
    "login-required": (_K.AUTH, "the request was not signed"),
    "1003": (_K.AUTH, "the key or its signature was refused"),
    "order-limitorder-amount-min-error": (_K.RULES_CHANGED, "the amount is below the smallest taken"),
    "order-marketorder-amount-min-error": (_K.RULES_CHANGED, "the amount is below the smallest taken"),
    "order-value-min-error": (_K.RULES_CHANGED, "the value is below the smallest taken"),
    "order-orderprice-precision-error": (_K.RULES_CHANGED, "the price is no multiple of the tick"),
    "order-orderamount-precision-error": (_K.RULES_CHANGED, "the amount is no multiple of the lot"),
    "order-invalid-price": (_K.REJECTED, "the price is outside the limits"),
    "base-symbol-trade-disabled": (_K.MARKET_CLOSED, "the market is closed"),
    "order-disabled": (_K.MARKET_CLOSED, "the market takes no orders"),
    "cancel-disabled": (_K.MARKET_CLOSED, "the market takes no cancels"),
    "base-symbol-error": (_K.MARKET_CLOSED, "no such market"),
    "order-holding-limit-failed": (_K.REJECTED, "more of this asset may not be held"),
    "base-request-exceed-frequency-limit": (_K.SLOW_DOWN, "too many requests"),
    "rate-too-many-requests": (_K.SLOW_DOWN, "too many requests"),
    "4000": (_K.SLOW_DOWN, "too many requests"),
    "429": (_K.SLOW_DOWN, "too many requests"),
    "gateway-internal-error": (_K.UNAVAILABLE, "error inside HTX"),
    "timeout": (_K.UNAVAILABLE, "HTX timed out inside"),
    "system-maintenance": (_K.UNAVAILABLE, "HTX is under maintenance"),
    "base-system-error": (_K.UNAVAILABLE, "error inside HTX"),
    "500": (_K.UNAVAILABLE, "error inside HTX"),
    "100": (_K.UNAVAILABLE, "error inside HTX"),
}
"""Every word and code we have an example of, and its meaning in ours. Any other leaves an order's outcome unknown."""

STREAM_KINDS = KINDS | {
    "2000": (_K.AUTH, "this address is not on the key's list"),
    "2001": (_K.REJECTED, "a field of the request is wrong"),
    "2002": (_K.AUTH, "the login was refused"),
}
"""On the account's socket; over REST these codes have been seen with other meanings."""

_PRICE_BAND = (_K.REJECTED, "the price is outside the limits")
_TOO_MANY = "429 too many request"
OK, OK_CODE = "ok", "200"


class Status(Struct):
    """v1 says `status` and `err-code`, v2 says `code`. `order-state` comes with refused cancels."""

    status: str | int | None = ""
    err_code: str | int | None = field(default="", name="err-code")
    err_msg: str | None = field(default="", name="err-msg")
    code: str | int | None = ""
    message: str | None = ""
    order_state: str | int | None = field(default=None, name="order-state")


_decode_status = msgspec.json.Decoder(Status).decode

_STATE_WORDS = {
    "-1": "closed long ago",
    "5": "partially filled, then cancelled",
    "6": "filled",
    "7": "cancelled",
    "10": "being cancelled",
}


def read_error(response: Response) -> VenueError | None:
    """The refusal of the whole request, or None. HTTP 200 alone proves nothing here."""
    good = 200 <= response.status < 300
    try:
        status = _decode_status(response.body)
    except (ValueError, RecursionError):
        status = Status()
    code = str(status.err_code or "")
    words = status.err_msg
    if not code and status.code not in ("", None) and str(status.code) != OK_CODE:
        code, words = str(status.code), status.message
    if code:
        if status.order_state is not None:
            words = f"{words or ''} (order is {state_words(status.order_state)})".strip()
        return refusal_of(code, words, response)
    if not good:
        kind = ErrorKind.SLOW_DOWN if response.status == 429 else ErrorKind.UNAVAILABLE
        unexplained = f"HTTP {response.status} without a readable explanation"
        return VenueError(kind, str(response.status), unexplained, response.status, response.frame)
    if status.status not in ("", None, OK):
        told = words or "an error without a reason"
        return VenueError(ErrorKind.UNKNOWN, str(status.status), told, response.status, response.frame)
    return None


def refusal_of(code: str | int | None, words: str | None, response: Response) -> VenueError:
    """The refusal that a reply or one row of it states; the exchange's words where it gave any."""
    code = str(code or "")
    kind, our_words = meaning(code, words or "")
    if response.status == 429:
        kind = ErrorKind.SLOW_DOWN
    elif response.status >= 500:
        kind = ErrorKind.UNAVAILABLE
    elif kind is ErrorKind.UNKNOWN and response.status in (401, 403):
        kind = ErrorKind.AUTH
    return VenueError(kind, code, words or our_words or f"error {code}", response.status, response.frame)


def meaning(code: str, words: str = "") -> tuple[ErrorKind, str]:
    """How to treat a word or code, and what it means in our words."""
    if known := KINDS.get(code):
        return known
    if code.startswith("order-limitorder-price-") and code.endswith("-error"):
        return _PRICE_BAND
    if code.startswith("order-etp-nav-price-"):
        return _PRICE_BAND
    if _TOO_MANY in code.lower() or _TOO_MANY in words.lower():
        return KINDS["429"]
    if words in ("auth.fail", "invalid.auth") or "api key has no permission" in words.lower():
        return ErrorKind.AUTH, ""
    return ErrorKind.UNKNOWN, ""


def state_words(state: str | int) -> str:
    """What the number of an order's state in a refused cancel means."""
    return _STATE_WORDS.get(str(state), f"in state {str(state)[:20]}")


def good_body(response: Response) -> bytes:
    """The body of a good reply. Raises VenueError for any other."""
    if error := read_error(response):
        raise error
    return response.body
