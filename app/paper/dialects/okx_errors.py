"""OKX' result codes with their texts, and the HTTP statuses they travel with. No checks are made here.

Codes: sheet section 7. HTTP statuses and texts: the exchange's public error table as of November 2025. An order call
answers HTTP 200 and puts its code in the row (`sCode`), anything else puts it at the top (`code`). Unconfirmed: the
body of HTTP 404, and the split between 50111 (no such form of key) and 50119 (well formed, but unknown).
"""

from __future__ import annotations

MESSAGES = {
    "404": "Not Found",
    "50000": "Body for POST request cannot be empty.",
    "50002": "JSON syntax error",
    "50006": 'Invalid Content-Type. Please use "application/JSON".',
    "50011": "Too Many Requests",
    "50014": "Parameter {0} can not be empty.",
    "50015": "Either parameter {0} or {1} is required",
    "50026": "System error. Try again later",
    "50036": "The expTime can't be earlier than the current system time. Please adjust the expTime and try again.",
    "50061": "You've reached the maximum order rate limit for this account.",
    "50101": "APIKey does not match current environment.",
    "50102": "Timestamp request expired.",
    "50103": 'Request header "OK-ACCESS-KEY" cannot be empty.',
    "50104": 'Request header "OK-ACCESS-PASSPHRASE" cannot be empty.',
    "50105": 'Request header "OK-ACCESS-PASSPHRASE" incorrect.',
    "50106": 'Request header "OK-ACCESS-SIGN" cannot be empty.',
    "50107": 'Request header "OK-ACCESS-TIMESTAMP" cannot be empty.',
    "50111": "Invalid OK-ACCESS-KEY",
    "50112": "Invalid OK-ACCESS-TIMESTAMP",
    "50113": "Invalid Sign",
    "50115": "Invalid request method.",
    "50119": "API key doesn't exist",
    "50120": "This API key doesn't have permission to use this function",
    "51000": "Parameter {0} error",
    "51001": "Instrument ID, Instrument ID code or Spread ID doesn't exist.",
    "51003": "Either client order ID or order ID is required.",
    "51008": "Order failed. Insufficient {0} balance in account",
    "51010": "The current account mode does not support this operation.",
    "51016": "Client order ID already exists.",
    "51020": "Your order should meet or exceed the minimum order amount.",
    "51021": "The pair or contract is not yet listed",
    "51022": "Contract suspended.",
    "51068": "{0} already exists within algoClOrdId and attachAlgoClOrdId.",
    "51111": "Maximum {0} orders can be placed in bulk.",
    "51121": "Order quantity must be a multiple of the lot size.",
    "51137": "The highest price limit for buy orders is {0}.",
    "51138": "The lowest price limit for sell orders is {0}.",
    "51174": "Order failed, number of pending orders for {0} exceed the limit of {1}.",
    "51201": "The value of a market order can't exceed {0}.",
    "51202": "Market order amount exceeds the maximum amount.",
    "51203": "Order amount exceeds the limit {0}.",
    "51277": "TP trigger price cannot be higher than the last price.",
    "51278": "SL trigger price cannot be lower than the last price.",
    "51279": "TP trigger price cannot be lower than the last price.",
    "51280": "SL trigger price cannot be higher than the last price.",
    "51400": "Order cancellation failed as the order has been filled, canceled or does not exist.",
    "51406": "Canceled - order count exceeds the limit {0}.",
    "51411": "Account does not have permission for mass cancellation.",
    "51500": "You must enter a price, quantity, or TP/SL",
    "51501": "Maximum {0} orders can be modified.",
    "51502": "Order failed. Insufficient {0} balance in account and Auto Borrow is not enabled",
    "51503": "Your order has already been filled or canceled.",
    "51511": "Modification failed as the order price did not meet the requirement for Post Only.",
    "51603": "Order does not exist",
    "60001": '"OK-ACCESS-KEY" can not be empty',
    "60002": '"OK-ACCESS-SIGN" can not be empty',
    "60003": '"OK-ACCESS-PASSPHRASE" can not be empty',
    "60004": "Invalid timestamp",
    "60005": "Invalid apiKey",
    "60006": "Timestamp request expired",
    "60007": "Invalid sign",
    "60008": "Login is not supported for public channels",
    "60010": "Already logged in",
    "60011": "Please log in",
    "60012": "Illegal request: {0}",
    "60013": "Invalid args",
    "60014": "Requests too frequent",
    "60015": "Connection closed as there was no data transmission in the last 30 seconds",
    "60018": "Wrong URL or {0} doesn't exist. "
    "Please use the correct URL, channel and parameters referring to API document.",
    "60019": "Invalid op: {0}",
    "60024": "Wrong passphrase",
    "60028": "The current operation is not supported by this URL. "
    "Please use the correct WebSocket URL for the operation.",
    "60032": "API key doesn't exist.",
    "64003": "Your trading fee tier doesn't meet the requirement to access this channel",
    "64008": "The connection will soon be closed for a service upgrade. Please reconnect.",
}

_STATUS = {"404": 404, "50000": 400, "50002": 400, "50006": 400, "50011": 429, "50014": 400, "50015": 400}
_STATUS |= {"50026": 500, "50115": 405, "51000": 400, "51406": 400, "51501": 400}
_SIGNED_BY_NOBODY = {f"501{n:02}" for n in (1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 19)}


class ApiError(Exception):
    """A refusal: a code, its text and, where it stands at the top of a REST answer, an HTTP status."""

    def __init__(self, code: str, *values: object) -> None:
        self.code = code
        self.message = MESSAGES[code].format(*values)
        super().__init__(f"{code} {self.message}")

    @property
    def status(self) -> int:
        return 401 if self.code in _SIGNED_BY_NOBODY else _STATUS.get(self.code, 200)

    def body(self) -> dict[str, object]:
        return {"msg": self.message, "code": self.code, "data": []}
