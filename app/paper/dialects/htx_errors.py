"""HTX' refusals: an err-code with text in version 1, a number with text in version 2. No checks are made here.

| what | rule | evidence |
|---|---|---|
| version 1 | HTTP 200, status error, err-code, err-msg, data null | sheet 7 |
| version 2 | HTTP 200, code, message, data null | sheet 7 |
| err-codes | sheet 7; validation-* and order-stop-order-hit-trigger from an independent client's table | sheet, ccxt |
| texts | in part from that table; the others are ours | unconfirmed |
| HTTP 429 for too many requests of an address | | unconfirmed |
"""

from __future__ import annotations

MESSAGES = {
    "account-frozen-balance-insufficient-error": "trade account balance is not enough, left: `{0}`",
    "account-get-accounts-inexistent-error": "account for id `{0}` does not exist",
    "api-signature-not-valid": "Signature not valid: {0}",
    "base-date-limit-error": "date less than system limit",
    "base-not-found": "The record does not exist",
    "base-record-invalid": "The record is invalid",
    "base-request-exceed-frequency-limit": "Frequency of requests has exceeded the limit, please try again later",
    "base-symbol-error": "The symbol is invalid",
    "base-symbol-trade-disabled": "Trading is disabled for this symbol",
    "base-system-error": "System error",
    "cancel-disabled": "Cancellation is disabled",
    "invalid-parameter": "invalid {0}",
    "login-required": "Login is required",
    "invalid.client.order.id": "the client order id is used already",
    "method-not-allowed": "Method not allowed",
    "not-found": "Not found",
    "order-disabled": "Order placing is disabled",
    "order-invalid-price": "invalid price",
    "order-limitorder-amount-max-error": "limit order amount error, max: `{0}`",
    "order-limitorder-amount-min-error": "limit order amount error, min: `{0}`",
    "order-limitorder-price-buy-max-error": "The price cannot be higher than {0}",
    "order-limitorder-price-sell-min-error": "The price cannot be lower than {0}",
    "order-marketorder-amount-max-error": "market order amount error, max: `{0}`",
    "order-marketorder-amount-min-error": "market order amount error, min: `{0}`",
    "order-orderamount-precision-error": "order amount precision error, scale: `{0}`",
    "order-orderprice-precision-error": "order price precision error, scale: `{0}`",
    "order-orderstate-error": "Incorrect order state",
    "order-stop-order-hit-trigger": "Orders that are triggered immediately are not supported.",
    "order-value-max-error": "Order total cannot be higher than: {0}",
    "order-value-min-error": "Order total cannot be lower than: {0}",
    "rate-too-many-requests": "429 too many request",
    "validation-constraints-required": "Field is missing: {0}.",
    "validation-format-error": "Format Error: {0}.",
}
_NUMBERS = {
    "api-signature-not-valid": 1003,
    "base-request-exceed-frequency-limit": 429,
    "rate-too-many-requests": 429,
    "base-system-error": 500,
    "not-found": 404,
    "method-not-allowed": 405,
}
"""Version 2. 1003: sheet 7; all others here are 2002 or unconfirmed."""
_STATUS = {"rate-too-many-requests": 429, "not-found": 404, "method-not-allowed": 405, "base-system-error": 500}
WRONG_KEY = "Incorrect Access key [Access key错误]"
WRONG_SIGNATURE = "Verification failure [校验失败]"
NO_PERMISSION = "API key has no permission"


class ApiError(Exception):
    """A refusal by its version-1 code."""

    def __init__(self, code: str, *values: object, state: int | None = None) -> None:
        self.code = code
        self.message = MESSAGES[code].format(*values)
        self.state = state
        """`order-state`, for an order that cannot be cancelled."""
        super().__init__(f"{code} {self.message}")

    @property
    def status(self) -> int:
        return _STATUS.get(self.code, 200)

    @property
    def number(self) -> int:
        """The code in version 2."""
        return _NUMBERS.get(self.code, 2002)

    def body(self, version: int) -> dict[str, object]:
        if version == 2:
            return {"code": self.number, "message": self.message, "data": None}
        found: dict[str, object] = {"status": "error", "err-code": self.code, "err-msg": self.message, "data": None}
        return found if self.state is None else found | {"order-state": self.state}
