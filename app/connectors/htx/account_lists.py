"""The lists of an HTX account: accounts, orders and executions, read to their end. No order entry, no stream."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from app.connectors.htx.errors import good_body
from app.connectors.htx.markets import Markets
from app.connectors.htx.order_entry import ALGO_ORDERS, ORDERS
from app.connectors.htx.private_rows import (
    AccountRow,
    AlgoRow,
    MatchRow,
    OrderRow,
    read_algo,
    read_match,
    read_order,
    text_id,
)
from app.connectors.htx.protocol import weights
from app.core.errors import ErrorKind
from app.core.requests import Call, Page, Priority, Request, Response, VenueError
from app.core.types import Fill, OrderUpdate

MATCHES = "/v1/order/matchresults"
_MOST_ROWS = 500
_WINDOW_MS = 48 * 3_600_000
_KEPT_MS = 180 * 86_400_000
_SLACK_MS = 120_000
"""How far our clock may be behind before the newest window is left out."""
_NOWHERE: frozenset[str] = frozenset()

Params = tuple[tuple[str, str], ...]


class _Accounts(Struct):
    data: list[AccountRow]


class _Orders(Struct):
    data: list[OrderRow]


class _Algos(Struct):
    data: list[AlgoRow]


class _Matches(Struct):
    data: list[MatchRow]


_decode_accounts = msgspec.json.Decoder(_Accounts).decode
_decode_orders = msgspec.json.Decoder(_Orders).decode
_decode_algos = msgspec.json.Decoder(_Algos).decode
_decode_matches = msgspec.json.Decoder(_Matches).decode


def ask(path: str, params: Params, bucket: str, priority: Priority = Priority.RECONCILE) -> Request:
    return Request(method="GET", path=path, params=params, signed=True, weights=weights(bucket), priority=priority)


def accounts_request() -> Request:
    return ask("/v1/account/accounts", (), "account")


def read_spot_account(response: Response) -> str:
    """The number of the working spot account. Raises VenueError where there is none."""
    for row in _decode_accounts(good_body(response)).data:
        if row.type == "spot" and row.state == "working":
            return str(row.id)
    raise VenueError(ErrorKind.REJECTED, "", "no working spot account", response.status, response.frame)


def open_orders(
    account_id: str, markets: Markets, on_end: Callable[[int], None], then: Call[Page[OrderUpdate]]
) -> Call[Page[OrderUpdate]]:
    """Orders in the book of every market, and `then`; `on_end` is told how many there were."""

    def page(last: str, seen: frozenset[str]) -> Call[Page[OrderUpdate]]:
        params: Params = (("account-id", account_id), ("size", str(_MOST_ROWS)))
        if last:
            params = (*params, ("from", last), ("direct", "next"))

        def parse(response: Response) -> Page[OrderUpdate]:
            rows = _decode_orders(good_body(response)).data
            fresh = [row for row in rows if str(row.id) not in seen]
            known = seen | {str(row.id) for row in fresh}
            items = [read_order(row, markets, response.frame) for row in fresh]
            if fresh and len(rows) >= _MOST_ROWS:
                return Page(items, page(str(rows[-1].id), known))
            on_end(len(known))
            return Page(items, then)

        return Call(request=ask("/v1/order/openOrders", params, "orders"), parse=parse)

    return page("", _NOWHERE)


def waiting_algos(markets: Markets, on_end: Callable[[dict[str, str]], None]) -> Call[Page[OrderUpdate]]:
    """Conditional orders that have not gone off; `on_end` is told their client ids and pairs."""

    def parse(response: Response) -> Page[OrderUpdate]:
        updates = [read_algo(row, markets, response.frame) for row in _decode_algos(good_body(response)).data]
        on_end({update.client_order_id: update.pair for update in updates if update.client_order_id})
        return Page(updates)

    return Call(request=ask(f"{ALGO_ORDERS}/opening", (), "other"), parse=parse)


def one_order(path: str, params: Params, markets: Markets) -> Call[OrderUpdate]:
    """One order by its number or by ours."""

    def parse(response: Response) -> OrderUpdate:
        return read_order(_decode_one(good_body(response)).data, markets, response.frame)

    return Call(request=ask(path, params, "orders", Priority.ORDER_QUERY), parse=parse)


def one_algo(client_order_id: str, markets: Markets) -> Call[OrderUpdate]:
    """A conditional order, waiting or ended."""

    def parse(response: Response) -> OrderUpdate:
        return read_algo(_decode_one_algo(good_body(response)).data, markets, response.frame)

    params = (("clientOrderId", client_order_id),)
    return Call(request=ask(f"{ALGO_ORDERS}/specific", params, "other", Priority.ORDER_QUERY), parse=parse)


def order_history(since_ms: int, markets: Markets) -> Call[Page[OrderUpdate]]:
    """Orders of the last 48 hours: beyond them the exchange lists orders of one named market only."""

    def parse(response: Response) -> Page[OrderUpdate]:
        updates = [read_order(row, markets, response.frame) for row in _decode_orders(good_body(response)).data]
        return Page([update for update in updates if update.exchange_ms >= since_ms])

    return Call(request=ask("/v1/order/history", (), "other"), parse=parse)


def order_fills(order_id: str, markets: Markets) -> Call[Page[Fill]]:
    """Every execution of one order."""

    def parse(response: Response) -> Page[Fill]:
        return Page([read_match(row, markets, response.frame) for row in _decode_matches(good_body(response)).data])

    return Call(request=ask(f"{ORDERS}/{order_id}/matchresults", (), "orders"), parse=parse)


def order_fills_by_ours(client_order_id: str, markets: Markets) -> Call[Page[Fill]]:
    """The number first, then its executions on the page after."""

    def parse(response: Response) -> Page[Fill]:
        order_id = text_id(_decode_one(good_body(response)).data.id)
        return Page([], order_fills(order_id, markets) if order_id else None)

    params = (("clientOrderId", client_order_id),)
    return Call(request=ask(f"{ORDERS}/getClientOrder", params, "orders"), parse=parse)


def fills(since_ms: int, markets: Markets) -> Call[Page[Fill]]:
    """Executions since then, 48 hours after 48 hours; with 0 whatever the exchange gives without a window."""

    def page(start_ms: int, last: str, seen: frozenset[str]) -> Call[Page[Fill]]:
        params: Params = (("size", str(_MOST_ROWS)),)
        if start_ms:
            params = (("start-time", str(start_ms)), ("end-time", str(start_ms + _WINDOW_MS - 1)), *params)
        if last:
            params = (*params, ("from", last), ("direct", "next"))

        def parse(response: Response) -> Page[Fill]:
            rows = _decode_matches(good_body(response)).data
            fresh = [row for row in rows if str(row.id) not in seen]
            known = seen | {str(row.id) for row in fresh}
            items = [read_match(row, markets, response.frame) for row in fresh]
            if fresh and len(rows) >= _MOST_ROWS:
                return Page(items, page(start_ms, str(rows[-1].id), known))
            after = start_ms + _WINDOW_MS
            if not start_ms or after > response.received_ms + _SLACK_MS:
                return Page(items)
            return Page(items, page(max(after, response.received_ms - _KEPT_MS), "", known))

        return Call(request=ask(MATCHES, params, "fills"), parse=parse)

    return page(max(since_ms, 0), "", _NOWHERE)


class _OneOrder(Struct):
    data: OrderRow


class _OneAlgo(Struct):
    data: AlgoRow


_decode_one = msgspec.json.Decoder(_OneOrder).decode
_decode_one_algo = msgspec.json.Decoder(_OneAlgo).decode
