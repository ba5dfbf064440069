"""What OKX' refusals mean to us: codes and HTTP states to `ErrorKind`. No retrying, no reading of good replies."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

_K = ErrorKind

KINDS: dict[str, tuple[ErrorKind, str]] = {
    "50001": (_K.UNAVAILABLE, "the service is unavailable"),
    "50004": (_K.UNAVAILABLE, "OKX timed out inside"),
    "50011": (_K.SLOW_DOWN, "too many requests"),
    "50013": (_K.UNAVAILABLE, "OKX is busy"),
    "50026": (_K.UNAVAILABLE, "error inside OKX"),
    "50040": (_K.SLOW_DOWN, "too many requests"),
    "50061": (_K.SLOW_DOWN, "too many orders of this account"),
    "50101": (_K.AUTH, "the key belongs to the other environment (demo or real trading)"),
    "50102": (_K.CLOCK, "the timestamp has expired"),
    "50103": (_K.AUTH, "a signature header is empty"),
    "50105": (_K.AUTH, "the passphrase is wrong"),
    "50110": (_K.AUTH, "this IP address is not on the key's list"),
    "50111": (_K.AUTH, "the key is wrong"),
    "50112": (_K.CLOCK, "the timestamp is wrong"),
    "50113": (_K.AUTH, "the signature is wrong"),
    "50114": (_K.AUTH, "not authorised"),
    "50119": (_K.AUTH, "no such key here; keys of another region are not known either"),
    "50120": (_K.AUTH, "the key has no permission for this"),
    "51000": (_K.REJECTED, "a parameter is wrong"),
    "51001": (_K.MARKET_CLOSED, "no such market"),
    "51006": (_K.REJECTED, "the price is outside the limits"),
    "51008": (_K.REJECTED, "the balance is too low"),
    "51016": (_K.DUPLICATE_ID, "this client order id is in use"),
    "51020": (_K.RULES_CHANGED, "the amount is below the smallest taken"),
    "51021": (_K.MARKET_CLOSED, "the market is not open yet"),
    "51022": (_K.MARKET_CLOSED, "the market is suspended"),
    "51054": (_K.UNAVAILABLE, "the request timed out"),
    "51116": (_K.REJECTED, "the price is outside the limits"),
    "51120": (_K.RULES_CHANGED, "the amount is below the smallest taken"),
    "51121": (_K.RULES_CHANGED, "the amount is no multiple of the lot"),
    "51127": (_K.REJECTED, "the balance is too low"),
    "51131": (_K.REJECTED, "the balance is too low"),
    "51137": (_K.REJECTED, "the price is above the highest taken for buys"),
    "51138": (_K.REJECTED, "the price is below the lowest taken for sells"),
    "51201": (_K.REJECTED, "the order is too large"),
    "51202": (_K.REJECTED, "the order is too large"),
    "51203": (_K.REJECTED, "the order is too large"),
    "51400": (_K.ALREADY_DONE, "the order is filled, cancelled or unknown"),
    "51401": (_K.ALREADY_DONE, "the order is cancelled"),
    "51402": (_K.ALREADY_DONE, "the order is filled"),
    "51410": (_K.ALREADY_DONE, "the order is being cancelled"),
    "51503": (_K.ALREADY_DONE, "the order is filled, cancelled or unknown"),
    "51509": (_K.ALREADY_DONE, "the order is cancelled"),
    "51510": (_K.ALREADY_DONE, "the order is filled"),
    "51603": (_K.NOT_FOUND, "no such order"),
    "54084": (_K.REJECTED, "the order's slippage limit is not taken"),
    "54085": (_K.REJECTED, "the order's slippage limit is not taken"),
    "60001": (_K.AUTH, "the key is empty"),
    "60002": (_K.AUTH, "the signature is empty"),
    "60003": (_K.AUTH, "the passphrase is empty"),
    "60004": (_K.CLOCK, "the timestamp is wrong"),
    "60005": (_K.AUTH, "the key is wrong"),
    "60006": (_K.CLOCK, "the timestamp has expired"),
    "60007": (_K.AUTH, "the signature is wrong"),
    "60008": (_K.REJECTED, "this socket takes no login"),
    "60009": (_K.AUTH, "the login failed"),
    "60010": (_K.REJECTED, "already logged in"),
    "60011": (_K.REJECTED, "a login must come first"),
    "60012": (_K.REJECTED, "the request cannot be read"),
    "60013": (_K.REJECTED, "an argument is wrong"),
    "60014": (_K.SLOW_DOWN, "too many requests"),
    "60015": (_K.UNAVAILABLE, "no data for 30 s"),
    "60018": (_K.REJECTED, "no such channel or market"),
    "60019": (_K.REJECTED, "no such operation"),
    "60024": (_K.AUTH, "the passphrase is wrong"),
    "60032": (_K.AUTH, "no such key"),
    "63999": (_K.UNAVAILABLE, "error inside OKX"),
    "64008": (_K.UNAVAILABLE, "service upgrade"),
}
"""Every code we have an example of, and its meaning in our words. Any other leaves an order's outcome unknown."""

OK = "0"
CANCEL_UNDER_WAY = "51410"
_IN_ROWS = ("1", "2")
"""All of the rows failed, some did: the reasons are in the rows."""
_AUTH_BLOCK = range(50100, 50121)


class _Status(Struct):
    code: str | int = ""
    msg: str | None = ""


class _Row(Struct, rename="camel"):
    s_code: str | int = ""
    s_msg: str | None = ""


class _Rows(Struct):
    data: list[_Row] = []


_decode_status = msgspec.json.Decoder(_Status).decode
_decode_rows = msgspec.json.Decoder(_Rows).decode


def read_error(response: Response) -> VenueError | None:
    """The refusal of the whole request, or None. Rows of a reply may still hold refusals of their own (`sCode`)."""
    good = 200 <= response.status < 300
    try:
        status = _decode_status(response.body)
    except (ValueError, RecursionError):
        status = _Status()
    code, words = str(status.code), status.msg
    if code == OK and good:
        return None
    if code in _IN_ROWS:
        row = _first_refused(response.body)
        if row is not None and good:
            return None
        if row is not None:
            code, words = str(row.s_code), row.s_msg
    if code in ("", OK):
        if good:
            return None
        kind = ErrorKind.SLOW_DOWN if response.status == 429 else ErrorKind.UNAVAILABLE
        unexplained = f"HTTP {response.status} without a readable explanation"
        return VenueError(kind, str(response.status), unexplained, response.status, response.frame)
    return refusal_of(code, words, response)


def refusal_of(code: str | int, words: str | None, response: Response) -> VenueError:
    """The refusal that a reply or one row of it states; the exchange's words where it gave any."""
    code = str(code)
    kind, our_words = _meaning(code)
    told = words or our_words or f"error {code}"
    if code == "51000" and "clordid" in told.lower():
        # The same code has been seen for an id in use, so the order may exist.
        kind = ErrorKind.UNKNOWN
    if response.status == 429:
        kind = ErrorKind.SLOW_DOWN
    elif response.status >= 500:
        kind = ErrorKind.UNAVAILABLE
    elif kind is ErrorKind.UNKNOWN and response.status in (401, 403):
        kind = ErrorKind.AUTH
    return VenueError(kind, code, told, response.status, response.frame)


def good_body(response: Response) -> bytes:
    """The body of a good reply. Raises VenueError for any other."""
    if error := read_error(response):
        raise error
    return response.body


def _meaning(code: str) -> tuple[ErrorKind, str]:
    known = KINDS.get(code)
    if known is not None:
        return known
    in_block = code.isascii() and code.isdigit() and len(code) < 10 and int(code) in _AUTH_BLOCK
    return (ErrorKind.AUTH, "the key or its signature was refused") if in_block else (ErrorKind.UNKNOWN, "")


def _first_refused(body: bytes) -> _Row | None:
    try:
        rows = _decode_rows(body).data
    except (ValueError, RecursionError):
        return None
    return next((row for row in rows if str(row.s_code) not in ("", OK)), None)
