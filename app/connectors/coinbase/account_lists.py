"""The lists of a Coinbase account: orders, executions and wallets, and the search for an order by our id. No I/O."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from app.connectors.coinbase.errors import good_body
from app.connectors.coinbase.listing import Listing, Params, Rows
from app.connectors.coinbase.order_entry import ORDERS
from app.connectors.coinbase.private_rows import (
    AccountRow,
    FillRow,
    OrderRow,
    is_spot,
    read_balance,
    read_fill,
    read_order,
)
from app.connectors.coinbase.protocol import PREFIX, PRIVATE, to_time
from app.core.errors import ErrorKind
from app.core.orders import InFlightOrder
from app.core.requests import Call, Page, Priority, Request, Response, VenueError
from app.core.types import Balance, Fill, OrderUpdate

HISTORICAL = f"{ORDERS}/historical"
_BATCH = f"{HISTORICAL}/batch"
_CLOCK_SLACK_MS = 60_000
"""How far the time we gave an order may be ahead of the exchange's."""
SPOT = ("product_type", "SPOT")
_MOST_ORDERS = ("limit", "1000")
_MOST_FILLS = ("limit", "100")
_MOST_ACCOUNTS = ("limit", "250")


class _Orders(Struct):
    orders: list[OrderRow] = []
    has_next: bool = False
    cursor: str | None = ""


class _Fills(Struct):
    fills: list[FillRow] = []
    cursor: str | None = ""


class _Accounts(Struct):
    accounts: list[AccountRow] = []
    has_next: bool = False
    cursor: str | None = ""


_decode_orders = msgspec.json.Decoder(_Orders).decode
_decode_fills = msgspec.json.Decoder(_Fills).decode
_decode_accounts = msgspec.json.Decoder(_Accounts).decode


def orders(params: Params, then: Callable[[], Call[Page[OrderUpdate]]] | None = None) -> Listing[OrderRow, OrderUpdate]:
    """Spot orders; `then` is the list that follows on this one."""
    return Listing(
        path=_BATCH,
        params=(*params, SPOT, _MOST_ORDERS),
        decode=_order_rows,
        read=lambda row, frame: read_order(row, frame) if is_spot(row) else None,
        then=then,
    )


def fills(params: Params) -> Listing[FillRow, Fill]:
    """Spot executions, newest first."""
    return Listing(path=f"{HISTORICAL}/fills", params=(*params, _MOST_FILLS), decode=_fill_rows, read=read_fill)


def wallets() -> Listing[AccountRow, Balance]:
    """Every wallet of the key's portfolio."""
    return Listing(path=f"{PREFIX}/accounts", params=(_MOST_ACCOUNTS,), decode=_account_rows, read=read_balance)


def since(name: str, since_ms: int) -> Params:
    """From this exchange time on; no limit for 0."""
    return ((name, to_time(since_ms)),) if since_ms > 0 else ()


def search(order: InFlightOrder) -> Request:
    """The orders placed since this one began: there is no question by our id. Raises ValueError without that."""
    if not order.client_order_id:
        raise ValueError("an order without any id cannot be asked for")
    return Request(
        method="GET",
        path=_BATCH,
        params=(*since("start_date", order.created_ms - _CLOCK_SLACK_MS), SPOT, _MOST_ORDERS),
        signed=True,
        weights=PRIVATE,
        priority=Priority.ORDER_QUERY,
    )


def found(response: Response, order: InFlightOrder) -> OrderUpdate:
    """Raises VenueError: NOT_FOUND only where the list is whole, since a part proves nothing."""
    reply = _decode_orders(good_body(response))
    for row in reply.orders:
        if row.client_order_id == order.client_order_id:
            return read_order(row, response.frame)
    if reply.has_next:
        words = "the order is not among the newest 1000, and there are more"
        raise VenueError(ErrorKind.UNKNOWN, "has_next", words, response.status, response.frame)
    raise VenueError(ErrorKind.NOT_FOUND, "", "no order has this client order id", response.status, response.frame)


def _order_rows(body: bytes) -> Rows[OrderRow]:
    reply = _decode_orders(body)
    return Rows(reply.orders, (reply.cursor or "") if reply.has_next else "")


def _fill_rows(body: bytes) -> Rows[FillRow]:
    reply = _decode_fills(body)
    return Rows(reply.fills, reply.cursor or "")


def _account_rows(body: bytes) -> Rows[AccountRow]:
    reply = _decode_accounts(body)
    return Rows(reply.accounts, (reply.cursor or "") if reply.has_next else "")
