"""Poloniex' error codes with its own texts, and the HTTP statuses they travel with. No checks are made here.

Codes: sheet sections 5 and 7 and the exchange's error list. Unconfirmed: that business errors use HTTP 400 (the sheet
says only "not 200"), code and text of authentication failures (401 mirrored), and the body of HTTP 429.
"""

from __future__ import annotations

MESSAGES = {
    401: "Invalid API key, signature or timestamp",
    404: "Not found",
    408: "Request timestamp is outside of recvWindow",
    429: "Too many requests",
    500: "Internal System Error",
    601: "Invalid Parameter",
    602: "Missing Required Parameters",
    10020: "Invalid currency",
    10040: "Invalid symbol",
    10041: "Symbol frozen for trading",
    21301: "Order not found",
    21304: "Order is filled",
    21305: "Order is canceled",
    21309: "Order price must be greater than 0",
    21312: "Client orderId already exists",
    21314: "Max limit of open orders (2000) exceeded",
    21315: "Client orderId exceeded max length of 17 digits",
    21317: "Amount must be greater than 0",
    21319: "Invalid order side",
    21320: "Invalid order type",
    21321: "Invalid timeInForce value",
    21322: "Amount is less than minAmount trade limit",
    21324: "Invalid account type",
    21328: "Order quantity must be greater than 0",
    21330: "Quantity is less than minQuantity trade limit",
    21335: "Invalid priceScale for this symbol",
    21336: "Invalid quantityScale for this symbol",
    21337: "Invalid amountScale for this symbol",
    21340: "No order creation/cancelation is allowed as Poloniex is in Maintenance Mode",
    21341: "Post-only orders (type as LIMIT_MAKER) allowed as Poloniex is in Post Only Mode",
    21344: "Value of limit param is greater than max value",
    21345: "Value of limit param must be greater than 0",
    21346: "Order Id must be of type Long",
    21347: "Stop price must be greater than 0",
    21348: "Order type must be LIMIT_MAKER",
    21355: "Interval between startTime and endTime exceeds the limit",
    21709: "Low available balance",
    21721: "available insufficient",
    24101: "Invalid symbol",
    24102: "Invalid K-line type",
    24104: "Invalid limit",
    24105: "Invalid startTime",
    24106: "Invalid market depth",
    25004: "Client orderId already exists",
    25014: "Failed to cancel as smartorders were not found",
    25020: "No active kill switch",
}

_STATUS = {401: 401, 404: 404, 408: 408, 429: 429, 500: 500}


class ApiError(Exception):
    """An answer other than 200: HTTP status, code and text."""

    def __init__(self, code: int, message: str = "", status: int = 0) -> None:
        self.code = code
        self.message = message or MESSAGES[code]
        self.status = status or _STATUS.get(code, 400)
        super().__init__(f"{code} {self.message}")

    def body(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message}
