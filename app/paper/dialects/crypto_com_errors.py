"""Crypto.com's result codes with their names and the HTTP statuses they travel with. No checks are made here.

Codes: sheet section 8. Names and HTTP statuses: the exchange's common API reference of 2026-08. An invalid channel is
10004 with a text of its own (ccxt's sample). Unconfirmed: which of 212, 316 and 40401 answers which unknown order.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_CODES = {
    10004: (400, "BAD_REQUEST"),
    204: (400, "DUPLICATE_CLORDID"),
    208: (400, "INSTRUMENT_NOT_TRADABLE"),
    209: (400, "INVALID_INSTRUMENT"),
    213: (400, "INVALID_ORDERQTY"),
    218: (400, "INVALID_ORDTYPE"),
    220: (400, "INVALID_SIDE"),
    221: (400, "INVALID_TIF"),
    229: (400, "INVALID_REF_PRICE"),
    230: (400, "INVALID_REF_PRICE_TYPE"),
    308: (400, "INVALID_PRICE"),
    314: (400, "EXCEEDS_MAX_ORDER_SIZE"),
    315: (400, "FAR_AWAY_LIMIT_PRICE"),
    318: (400, "EXCEEDS_MAX_ALLOWED_ORDERS"),
    408: (400, "MARGIN_UNIT_IS_SUSPENDED"),
    1110: (400, "REDUCE_ONLY_REJECTED"),
    40001: (400, "BAD_REQUEST"),
    40002: (400, "METHOD_NOT_FOUND"),
    40003: (400, "INVALID_REQUEST"),
    40004: (400, "MISSING_OR_INVALID_ARGUMENT"),
    40005: (400, "INVALID_DATE"),
    40006: (400, "DUPLICATE_REQUEST"),
    40102: (400, "INVALID_NONCE"),
    40107: (400, "EXCEED_MAX_SUBSCRIPTIONS"),
    50001: (400, "ERR_INTERNAL"),
    40101: (401, "UNAUTHORIZED"),
    42901: (429, "TOO_MANY_REQUESTS"),
    212: (500, "INVALID_ORDERID"),
    215: (500, "INVALID_FEE_CURRENCY"),
    219: (500, "INVALID_EXECINST"),
    306: (500, "INSUFFICIENT_AVAILABLE_BALANCE"),
    316: (500, "NO_ACTIVE_ORDER"),
    415: (500, "BELOW_MIN_ORDER_SIZE"),
    43005: (500, "POST_ONLY_REJ"),
    130008: (500, "NON_APPLICABLE"),
    40401: (200, "NOT_FOUND"),
}


class ApiError(Exception):
    """One refusal. `result` is what some order refusals carry beside the code."""

    def __init__(self, code: int, message: str = "", result: Json | None = None) -> None:
        self.code = code
        self.status, name = _CODES[code]
        self.message = message or name
        self.result = result
        super().__init__(f"{code} {self.message}")

    def body(self, request_id: int, method: str, original: str = "") -> Json:
        answer: Json = {"id": request_id, "method": method, "code": self.code, "message": self.message}
        if self.result is not None:
            answer["result"] = self.result
        return answer | ({"original": original} if original else {})
