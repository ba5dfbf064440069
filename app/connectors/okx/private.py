"""An OKX account: reads the private socket and asks REST about orders, fills and balances. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from app.connectors.okx import order_entry
from app.connectors.okx.errors import OK, good_body
from app.connectors.okx.listing import LIMIT, Listing, Params, older_than, rows_of
from app.connectors.okx.private_rows import (
    REST,
    STREAM,
    AccountRow,
    AlgoRow,
    FeeRow,
    FillRow,
    OrderRow,
    read_balance_events,
    read_balances,
    read_fees,
    read_fill,
    read_order,
    read_order_event,
    read_stop_order,
)
from app.connectors.okx.protocol import HEARTBEAT_S, PING, PONG, Envelope, checked_pair, read_envelope, weights
from app.connectors.okx.stop_stream import OkxStopStream
from app.connectors.okx.stream import on_event
from app.connectors.spec import Auth, CancelAnswer, Domain, PlaceAccepted
from app.core.account import FeeSchedule
from app.core.effects import Channel, Effect, LoggedIn, Pong, Send, Subscribed, Subscription, Unknown
from app.core.errors import ErrorKind
from app.core.links import Link
from app.core.orders import InFlightOrder, OrderIntent
from app.core.permissions import KeyPermissions
from app.core.requests import Call, Page, Priority, Request, Response, VenueError
from app.core.types import Balance, Fill, OrderType, OrderUpdate, VenueState

_decode_orders = msgspec.json.Decoder(list[OrderRow]).decode
_decode_accounts = msgspec.json.Decoder(list[AccountRow]).decode
_decode_stop_orders = msgspec.json.Decoder(list[AlgoRow]).decode
_read_orders = rows_of(OrderRow)
_read_stop_orders = rows_of(AlgoRow)
_read_fills = rows_of(FillRow)
_read_accounts = rows_of(AccountRow)
_read_fee_rows = rows_of(FeeRow)


class _ConfigRow(Struct):
    perm: str | None = None
    ip: str | None = None


_read_config = rows_of(_ConfigRow)

_SPOT = ("instType", "SPOT")
_CHANNELS = {"orders": Channel.ORDERS, "orders-algo": Channel.ORDERS, "account": Channel.BALANCES}
_CLOCK_SLACK_MS = 60_000
"""How far the time we gave an order may be ahead of the exchange's."""
_RECENT_FILL_DAYS, _RECENT_ORDER_DAYS = 3, 7
_SUBSCRIPTIONS = msgspec.json.encode(
    {
        "op": "subscribe",
        "args": [
            # 0: only changes, not every five seconds as well.
            {"channel": "account", "extraParams": '{"updateInterval":"0"}'},
            {"channel": "orders", "instType": "SPOT"},
        ],
    }
)


class OkxPrivate:
    """The login goes first; the account and its orders are subscribed once it is accepted.

    Waiting stop orders are told on a connection of their own (`side_stream`). The one thing remembered is which of them
    the exchange agreed to cancel: with that, one that waits no longer has ended.
    """

    link: Link | None
    streams_balances = True

    def __init__(self, domain: Domain, auth: Auth) -> None:
        self._auth = auth
        self._cancelled_stops: set[str] = set()
        self.link = Link(name="private", url=domain.sockets["private"], heartbeat_s=HEARTBEAT_S)
        self.side_stream = OkxStopStream(domain, auth, self.on_message)

    # -- the socket ----------------------------------------------------------------------------------------------------

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        return (Send(self._auth.get_ws_auth_payload(now_ms)),)

    def on_logged_in(self) -> Iterable[Effect]:
        return (Send(_SUBSCRIPTIONS),)

    def heartbeat(self, now_ms: int) -> bytes:
        return PING

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        if data == PONG:
            return (Pong(),)
        message = read_envelope(data)
        if message.event:
            return self._on_event(message)
        match message.arg.channel:
            case "orders":
                return [fact for row in _decode_orders(message.data) for fact in read_order_event(row, frame)]
            case "account":
                return read_balance_events(_decode_accounts(message.data), frame)
            case "orders-algo":
                return [read_stop_order(row, frame, STREAM) for row in _decode_stop_orders(message.data) if row.is_spot]
        return (Unknown(f"channel {message.arg.channel[:40]!r}"),)

    def _on_event(self, message: Envelope) -> Iterable[Effect]:
        channel = _CHANNELS.get(message.arg.channel)
        match message.event:
            case "login" if str(message.code) == OK:
                return (LoggedIn(),)
            case "subscribe" if channel:
                return (Subscribed((Subscription(channel),)),)
        return on_event(message, (Subscription(channel),) if channel else ())

    # -- questions -----------------------------------------------------------------------------------------------------

    def get_balances(self) -> Call[Page[Balance]]:
        """Of the trading account; the funding account is not asked."""

        def parse(response: Response) -> Page[Balance]:
            return Page(read_balances(_read_accounts(good_body(response)).data, response.frame, REST))

        return Call(request=_ask("/api/v5/account/balance", (), "balance"), parse=parse)

    def get_open_orders(self) -> Call[Page[OrderUpdate]]:
        """Orders in the book and, on further pages, the stop orders that wait for their trigger."""
        take_profits = _waiting_stops("conditional")
        stops = _waiting_stops("trigger")
        in_book = _orders("/api/v5/trade/orders-pending", "orders-pending")
        return in_book.all(lambda _: stops.all(lambda _: take_profits.all()))

    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        """A stop order is looked for among those that wait; one that ended elsewhere is not found there any more."""
        if order_entry.is_waiting_stop(order):
            return self._find_stop(order)
        params = (("instId", checked_pair(order.pair)), _name_to_ask(order))

        def parse(response: Response) -> OrderUpdate:
            rows = _read_orders(good_body(response)).data
            if not rows:
                raise VenueError(ErrorKind.NOT_FOUND, "", "no such order", response.status, response.frame)
            return read_order(rows[0], response.frame, REST)

        request = _ask("/api/v5/trade/order", params, "order-query", Priority.ORDER_QUERY)
        return Call(request=request, parse=parse)

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]:
        """By the exchange's id; where that is unknown, by our id among the pair's fills since the order began."""
        since_ms, of_pair = order.created_ms, (("instId", checked_pair(order.pair)),)
        if order.live_order_id and not order_entry.is_waiting_stop(order):
            return _fills(since_ms, (*of_pair, ("ordId", order.live_order_id)))
        begin_ms = max(since_ms - _CLOCK_SLACK_MS, 0)
        return _fills(begin_ms, (*of_pair, *_begin(begin_ms)), order.client_order_id)

    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]:
        """Orders that ended since then. Stop orders that never went off are not among them."""
        archive = _orders("/api/v5/trade/orders-history-archive", "archive", since_ms)
        recent = _orders("/api/v5/trade/orders-history", "orders-history", since_ms)
        return recent.all(older_than(_RECENT_ORDER_DAYS, since_ms, archive.all))

    def get_fills(self, since_ms: int) -> Call[Page[Fill]]:
        """Three days, and where `since_ms` lies before them the archive of three months."""
        return _fills(max(since_ms, 0), _begin(since_ms))

    def get_fees(self) -> Call[FeeSchedule]:
        def parse(response: Response) -> FeeSchedule:
            rows = _read_fee_rows(good_body(response)).data
            if not rows:
                raise ValueError("a reply about fees without any")
            return read_fees(rows[0], response.frame)

        return Call(request=_ask("/api/v5/account/trade-fee", (_SPOT,), "trade-fee"), parse=parse)

    def get_permissions(self) -> Call[KeyPermissions]:
        """Transfers between own accounts come with the right to trade and are not told apart."""

        def parse(response: Response) -> KeyPermissions:
            rows = _read_config(good_body(response)).data
            if not rows or rows[0].perm is None:
                raise ValueError("a reply about the account without its rights")
            rights = {word.strip() for word in rows[0].perm.split(",")}
            return KeyPermissions(
                read="read_only" in rights,
                trade="trade" in rights,
                withdraw="withdraw" in rights,
                ip_bound=None if rows[0].ip is None else bool(rows[0].ip.strip()),
            )

        return Call(request=_ask("/api/v5/account/config", (), "config"), parse=parse)

    # -- order entry ---------------------------------------------------------------------------------------------------

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        return order_entry.place(intent)

    def preview_order(self, intent: OrderIntent) -> None:
        """OKX checks orders beforehand for margin accounts only."""
        return None

    def amend_order(
        self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None
    ) -> Call[PlaceAccepted] | None:
        return order_entry.amend(order, price, amount)

    def cancel_order(self, order: InFlightOrder) -> Call[CancelAnswer]:
        return order_entry.cancel(order, self._cancel_taken)

    def cancel_orders(self, orders: Sequence[InFlightOrder]) -> Sequence[Call[list[CancelAnswer]]]:
        return order_entry.cancel_these(orders, self._cancel_taken)

    def cancel_all(self, pair: str | None) -> Sequence[Call[list[CancelAnswer]]]:
        """OKX has none for spot: its mass-cancel is for options."""
        return ()

    def kill_switch(self, seconds: int | None) -> Call[int]:
        return order_entry.kill_switch(seconds)

    # -- stop orders ---------------------------------------------------------------------------------------------------

    def _cancel_taken(self, order: InFlightOrder) -> None:
        if order_entry.is_waiting_stop(order):
            self._cancelled_stops.add(order.key)

    def _find_stop(self, order: InFlightOrder) -> Call[OrderUpdate]:
        take_profit = order.terms.type in (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
        params = (("ordType", "conditional" if take_profit else "trigger"), _SPOT, ("limit", str(LIMIT)))

        def parse(response: Response) -> OrderUpdate:
            rows = _read_stop_orders(good_body(response)).data
            for row in rows:
                ours = order.client_order_id and row.algo_cl_ord_id == order.client_order_id
                if ours or (order.exchange_order_id and row.algo_id == order.exchange_order_id):
                    return read_stop_order(row, response.frame, REST)
            kind, words = ErrorKind.NOT_FOUND, "no such stop order waits"
            if len(rows) >= LIMIT:
                kind, words = ErrorKind.UNKNOWN, "more stop orders wait than one question shows"
            elif order.key in self._cancelled_stops and not order.triggered_order_id:
                return _ended_by_us(order, response.frame)
            raise VenueError(kind, "", words, response.status, response.frame)

        request = _ask("/api/v5/trade/orders-algo-pending", params, "algo-query", Priority.ORDER_QUERY)
        return Call(request=request, parse=parse)


def _ended_by_us(order: InFlightOrder, frame: int) -> OrderUpdate:
    return OrderUpdate(
        pair=order.pair,
        state=VenueState.CANCELED,
        exchange_order_id=order.exchange_order_id,
        client_order_id=order.client_order_id,
        exchange_ms=order.updated_ms,
        reason="the exchange took the cancel, and the order waits no longer",
        frame=frame,
        source=REST,
    )


def _orders(path: str, bucket: str, since_ms: int = 0) -> Listing[OrderRow, OrderUpdate]:
    def read(row: OrderRow, frame: int) -> OrderUpdate | None:
        update = read_order(row, frame, REST)
        return update if update.exchange_ms >= since_ms else None

    return Listing(
        path=path, bucket=bucket, decode=_read_orders, cursor=lambda row: row.ord_id, read=read, params=(_SPOT,)
    )


def _waiting_stops(kind: str) -> Listing[AlgoRow, OrderUpdate]:
    return Listing(
        path="/api/v5/trade/orders-algo-pending",
        bucket="algo-query",
        decode=_read_stop_orders,
        cursor=lambda row: row.algo_id,
        read=_spot_stop_order,
        params=(("ordType", kind), _SPOT),
    )


def _spot_stop_order(row: AlgoRow, frame: int) -> OrderUpdate | None:
    return read_stop_order(row, frame, REST) if row.is_spot else None


def _name_to_ask(order: InFlightOrder) -> tuple[str, str]:
    if order.triggered_order_id:
        return "ordId", order.triggered_order_id
    if order.client_order_id:
        return "clOrdId", order.client_order_id
    if order.exchange_order_id:
        return "ordId", order.exchange_order_id
    raise ValueError("an order without any id cannot be asked for")


def _fills(since_ms: int, params: Params, client_order_id: str = "") -> Call[Page[Fill]]:
    def read(row: FillRow, frame: int) -> Fill | None:
        return read_fill(row, frame) if not client_order_id or row.cl_ord_id == client_order_id else None

    def listing(path: str, bucket: str) -> Listing[FillRow, Fill]:
        return Listing(
            path=path,
            bucket=bucket,
            decode=_read_fills,
            cursor=lambda row: row.bill_id,
            read=read,
            params=(_SPOT, *params),
        )

    archive = listing("/api/v5/trade/fills-history", "archive")
    recent = listing("/api/v5/trade/fills", "fills")
    return recent.all(older_than(_RECENT_FILL_DAYS, since_ms, archive.all))


def _begin(since_ms: int) -> Params:
    return (("begin", str(since_ms)),) if since_ms > 0 else ()


def _ask(path: str, params: Params, bucket: str, priority: Priority = Priority.INFO) -> Request:
    return Request(method="GET", path=path, params=params, signed=True, weights=weights(bucket), priority=priority)
