"""Binance' error codes with its own texts and the HTTP statuses they travel with. No checks are made here.

| what | rule | evidence |
|---|---|---|
| codes and texts | as listed | sheet 7; texts word by word from the exchange's errors page |
| status | 400, but 401 for keys, 429 and 418 for limits, 409 for half a cancel-replace | sheet 7; 401 unconfirmed |
| body | {"code", "msg"}, and "data" for cancel-replace | sheet 6, 7 |
"""

from __future__ import annotations

MESSAGES = {
    -1000: "An unknown error occurred while processing the request.",
    -1002: "You are not authorized to execute this request.",
    -1003: "Too much request weight used; current limit is %s request weight per %s. "
    "Please use WebSocket Streams for live updates to avoid polling the API.",
    -1013: "Filter failure: %s",
    -1014: "Unsupported order combination",
    -1015: "Too many new orders; current limit is %s orders per %s.",
    -1016: "This service is no longer available.",
    -1020: "This operation is not supported.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1034: "Too many connection attempts from IP; current limit is %s per '%s'.",
    -1100: "Illegal characters found in parameter '%s'; legal range is '%s'.",
    -1101: "Too many parameters; expected '%s' and received '%s'.",
    -1102: "Mandatory parameter '%s' was not sent, was empty/null, or malformed.",
    -1104: "Not all sent parameters were read; read '%s' parameter(s) but was sent '%s'.",
    -1105: "Parameter '%s' was empty.",
    -1106: "Parameter '%s' sent when not required.",
    -1111: "Parameter '%s' has too much precision.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1122: "Invalid symbolStatus.",
    -1127: "More than %s hours between startTime and endTime.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '%s' is not valid.",
    -1134: "`strategyType` was less than 1000000.",
    -1135: "Invalid JSON Request",
    -1139: "Invalid ticker type.",
    -1145: "Invalid cancelRestrictions",
    -1151: "Symbol is present multiple times in the list.",
    -1194: "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    -1220: "The symbol's status does not match the requested symbolStatus.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2021: "Order cancel-replace partially failed.",
    -2022: "Order cancel-replace failed.",
    -2035: "User Data Stream subscription already active.",
    -2036: "User Data Stream subscription not active.",
    -2038: "Filter failure: MAX_NUM_ORDER_AMENDS",
    -2039: "Client order ID is not correct for this order ID.",
    -2043: "This symbol doesn't have a reference price.",
}

BALANCE = "Account has insufficient balance for requested action."
DUPLICATE = "Duplicate order sent."
CLOSED = "Market is closed."
WOULD_TAKE = "Order would immediately match and take."
WOULD_TRIGGER = "Order would trigger immediately."
RESTRICTED = "Order was not canceled due to cancel restrictions."
INCREASE = "Order amend (quantity increase) is not supported."
NO_CHANGE = "The requested action would change no state; rejecting"
STP_MODE = "This symbol does not allow the specified self-trade prevention mode."
NO_LISTS = "OCO orders are not supported for this symbol"
NO_PEGS = "Pegged orders are not supported for this symbol."
ICEBERG = "IcebergQty exceeds QTY."
THIN_BOOK = "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."
AHEAD = "Timestamp for this request was 1000ms ahead of the server's time."
EITHER = "Param '%s' or '%s' must be sent, but both were empty/null!"
BANNED = (
    "Way too much request weight used; IP banned until %s. Please use WebSocket Streams for live updates to avoid bans."
)

_STATUS = {-1002: 401, -1003: 429, -1015: 429, -1034: 429, -2014: 401, -2015: 401, -2021: 409}


class ApiError(Exception):
    """An answer other than 200: HTTP status, code, text, sometimes data. `retry_ms` is when to come back (epoch)."""

    def __init__(
        self, code: int, *words: object, message: str = "", status: int = 0, data: object = None, retry_ms: int = 0
    ) -> None:
        text = message or MESSAGES[code]
        self.code = code
        self.message = text % words if words else text
        self.status = status or _STATUS.get(code, 400)
        self.data = data
        self.retry_ms = retry_ms
        super().__init__(f"{code} {self.message}")

    def body(self) -> dict[str, object]:
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        return body if self.data is None else body | {"data": self.data}


def rejected(message: str) -> ApiError:
    """A new order that the matching engine would not take; only the text tells why."""
    return ApiError(-2010, message=message)


def failed_filter(name: str) -> ApiError:
    return ApiError(-1013, name)
