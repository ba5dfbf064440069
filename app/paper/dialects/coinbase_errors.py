"""Coinbase's error bodies and codes: HTTP refusals of a call, and order refusals inside HTTP 200. Checks nothing.

| what | form | evidence |
|---|---|---|
| bad input, no permission, unknown thing | gRPC style: error, code, message, error_details, details | sheet 7 |
| 429, unknown path | App style: errors with id and message | sheet 7; the 404 form unconfirmed |
| 401 | plain text, no code | sheet 4 and 7 |
| refused order | `error_response`: PREVIEW_ reason; `error` bare or a filler | sheet 6, 7; ccxt sample |
| which reasons have a bare twin | only those of the create-order enumeration | sheet 7 (some); public SDK sources |
"""

from __future__ import annotations

from typing import Any

_STATUS = {"INVALID_ARGUMENT": (400, 3), "NOT_FOUND": (404, 5), "PERMISSION_DENIED": (403, 7), "INTERNAL": (500, 13)}
_APP = {"rate_limit_exceeded": (429, "Too many requests"), "not_found": (404, "Not found")}


class ApiError(Exception):
    """An answer other than HTTP 200 with a JSON body."""

    def __init__(self, error: str, message: str = "") -> None:
        self.error = error
        app_style = error in _APP
        self.status = _APP[error][0] if app_style else _STATUS[error][0]
        self.message = message or (_APP[error][1] if app_style else error)
        super().__init__(f"{error} {self.message}")

    def body(self) -> dict[str, Any]:
        if self.error in _APP:
            return {"errors": [{"id": self.error, "message": self.message}]}
        code = _STATUS[self.error][1]
        return {
            "error": self.error,
            "code": code,
            "message": self.message,
            "error_details": self.message,
            "details": [],
        }


class Unauthorized(Exception):
    """HTTP 401 with nothing but that word; the reason is for tests and logs of ours only."""


NO_REASON = "UNKNOWN_FAILURE_REASON"
NO_PREVIEW_REASON = "UNKNOWN_PREVIEW_FAILURE_REASON"

MESSAGES = {
    "DUPLICATE_CLIENT_ORDER_ID": "The client order id is used by another order",
    "INSUFFICIENT_FUND": "Insufficient balance in source account",
    "INVALID_BASE_SIZE_TOO_LARGE": "Base size is above the maximum",
    "INVALID_BASE_SIZE_TOO_SMALL": "Base size is below the minimum",
    "INVALID_BRACKET_ORDER_SIDE": "Bracket orders only sell on spot",
    "INVALID_BRACKET_PRICES": "Bracket prices do not enclose the market",
    "INVALID_END_TIME": "End time is not in the future",
    "INVALID_LIMIT_PRICE": "Invalid limit price",
    "INVALID_LIMIT_PRICE_POST_ONLY": "Invalid limit price for post-only order",
    "INVALID_NO_LIQUIDITY": "No liquidity",
    "INVALID_ORDER_CONFIG": "Invalid order configuration",
    "INVALID_PRICE_PRECISION": "Too many decimals in order price",
    "INVALID_PRODUCT_ID": "Unknown product",
    "INVALID_QUOTE_SIZE_PRECISION": "Too many decimals in quote size",
    "INVALID_QUOTE_SIZE_TOO_LARGE": "Order value is above the maximum",
    "INVALID_QUOTE_SIZE_TOO_SMALL": "Order value is below the minimum",
    "INVALID_SIZE_PRECISION": "Too many decimals in order amount",
    "INVALID_STOP_PRICE": "Invalid stop price",
    "NOT_ALLOWED_BY_MARKET_STATE": "The market does not take such orders now",
    "ORDER_ENTRY_DISABLED": "Orders are disabled",
    "STOP_PRICE_ABOVE_LAST_TRADE_PRICE": "Stop price is above the last trade",
    "STOP_PRICE_BELOW_LAST_TRADE_PRICE": "Stop price is below the last trade",
    "UNSUPPORTED_ORDER_CONFIGURATION": "Order configuration is not supported for this product",
    "UNTRADABLE_PRODUCT": "The product is not tradable",
}
_BARE = frozenset(
    "DUPLICATE_CLIENT_ORDER_ID INSUFFICIENT_FUND INVALID_LIMIT_PRICE INVALID_LIMIT_PRICE_POST_ONLY "
    "INVALID_NO_LIQUIDITY INVALID_PRICE_PRECISION INVALID_PRODUCT_ID INVALID_SIZE_PRECISION ORDER_ENTRY_DISABLED "
    "UNSUPPORTED_ORDER_CONFIGURATION UNTRADABLE_PRODUCT".split()
)
_WITHOUT_PREVIEW = frozenset("DUPLICATE_CLIENT_ORDER_ID ORDER_ENTRY_DISABLED UNSUPPORTED_ORDER_CONFIGURATION".split())


class OrderRefused(Exception):
    """An order that is not taken. `reason` has no PREVIEW_ in front."""

    def __init__(self, reason: str, message: str = "") -> None:
        self.reason = reason
        self.message = message or MESSAGES[reason]
        super().__init__(f"{reason}: {self.message}")

    @property
    def error(self) -> str:
        """The reason as `error` shows it, or its filler."""
        return self.reason if self.reason in _BARE else NO_REASON

    @property
    def preview(self) -> str:
        """The reason as the preview shows it. Where a preview has no word for it, create's own word."""
        return self.reason if self.reason in _WITHOUT_PREVIEW else f"PREVIEW_{self.reason}"

    def body(self, configuration: object) -> dict[str, Any]:
        return {
            "success": False,
            "failure_reason": NO_REASON,
            "order_id": "",
            "error_response": {
                "error": self.error,
                "message": self.message,
                "error_details": "",
                "preview_failure_reason": NO_PREVIEW_REASON if self.reason in _WITHOUT_PREVIEW else self.preview,
                "new_order_failure_reason": self.error,
            },
            "order_configuration": configuration,
        }
