"""A Poloniex account: reads the private socket and asks REST about orders, fills and balances. No I/O, no state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from app.connectors.poloniex import order_entry
from app.connectors.poloniex.errors import good_body
from app.connectors.poloniex.listing import DAY_MS, Listing
from app.connectors.poloniex.private_rows import (
    SMART_TYPES,
    AccountRow,
    BalanceEvent,
    FillRow,
    OrderEvent,
    OrderRow,
    read_balance_event,
    read_balances,
    read_fill,
    read_order,
    read_order_event,
    real_id,
)
from app.connectors.poloniex.protocol import (
    HEARTBEAT_S,
    PING,
    PRIVATE_CHEAP,
    PRIVATE_HEAVY,
    Envelope,
    read_envelope,
    subscription_message,
    to_symbol,
)
from app.connectors.spec import Auth, CancelAnswer, Domain, PlaceAccepted
from app.connectors.wire_numbers import required
from app.core.account import FeeSchedule
from app.core.effects import NOTHING, Channel, Effect, LoggedIn, Pong, Refused, Send, Subscribed, Subscription, Unknown
from app.core.errors import ErrorKind
from app.core.links import Link
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Page, Priority, Request, Response, VenueError, Weight
from app.core.types import Balance, Fill, OrderUpdate


class _Login(Struct):
    success: bool
    message: str | None = ""


class _Fees(Struct, rename="camel"):
    maker_rate: str
    taker_rate: str


_decode_login = msgspec.json.Decoder(_Login).decode
_decode_order_events = msgspec.json.Decoder(list[OrderEvent]).decode
_decode_balance_events = msgspec.json.Decoder(list[BalanceEvent]).decode
_decode_accounts = msgspec.json.Decoder(list[AccountRow]).decode
_decode_order = msgspec.json.Decoder(OrderRow).decode
_decode_orders = msgspec.json.Decoder(list[OrderRow]).decode
_decode_fills = msgspec.json.Decoder(list[FillRow]).decode
_decode_fees = msgspec.json.Decoder(_Fees).decode

_CLOCK_SLACK_MS = 60_000
"""How far the time we gave an order may be ahead of the exchange's."""
_CHANNELS = {"orders": Channel.ORDERS, "balances": Channel.BALANCES}
_OPEN_ORDERS = Listing(
    path=order_entry.ORDERS,
    limit=2_000,
    decode=_decode_orders,
    row_id=lambda row: real_id(row.id),
    cursor=lambda row: real_id(row.id),
    read=read_order,
)
_HISTORY = Listing(
    path="/orders/history",
    limit=100,
    decode=_decode_orders,
    row_id=lambda row: real_id(row.id),
    cursor=lambda row: real_id(row.id),
    read=read_order,
    window_ms=7 * DAY_MS,
    kept_ms=180 * DAY_MS,
)


class PoloniexPrivate:
    """Every method is pure. The login goes first; orders and balances are subscribed once it is accepted."""

    link: Link | None
    streams_balances = True

    def __init__(self, domain: Domain, auth: Auth) -> None:
        self._auth = auth
        self.link = Link(name="private", url=domain.sockets["private"], heartbeat_s=HEARTBEAT_S)

    # -- the socket ----------------------------------------------------------------------------------------------------

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        return (Send(self._auth.get_ws_auth_payload(now_ms)),)

    def on_logged_in(self) -> Iterable[Effect]:
        return (
            Send(subscription_message("subscribe", "orders", ["all"])),
            Send(subscription_message("subscribe", "balances")),
        )

    def heartbeat(self, now_ms: int) -> bytes:
        return PING

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        message = read_envelope(data)
        if message.event:
            return self._on_event(message)
        match message.channel:
            case "orders":
                return [fact for row in _decode_order_events(message.data) for fact in read_order_event(row, frame)]
            case "balances":
                return [
                    read_balance_event(row, frame)
                    for row in _decode_balance_events(message.data)
                    if row.account_type == "SPOT"
                ]
            case "auth":
                login = _decode_login(message.data)
                return (LoggedIn(),) if login.success else (Refused(login.message or "login refused", login=True),)
        return (Unknown(f"channel {message.channel[:40]!r}"),)

    def _on_event(self, message: Envelope) -> Iterable[Effect]:
        match message.event:
            case "pong":
                return (Pong(),)
            case "error":
                return (Refused(message.message or "no reason given"),)
            case "subscribe" if channel := _CHANNELS.get(message.channel):
                return (Subscribed((Subscription(channel),)),)
            case "unsubscribe" | "unsubscribe_all":
                return NOTHING
        return (Unknown(f"event {message.event[:40]!r} of channel {message.channel[:40]!r}"),)

    # -- questions -----------------------------------------------------------------------------------------------------

    def get_balances(self) -> Call[Page[Balance]]:
        return Call(
            request=_ask("/accounts/balances", (("accountType", "SPOT"),)),
            parse=lambda response: Page(read_balances(_decode_accounts(good_body(response)), response.frame)),
        )

    def get_open_orders(self) -> Call[Page[OrderUpdate]]:
        """Orders in the book and, on the last page, stop orders that wait for their trigger."""
        return _OPEN_ORDERS.all(then=_open_stop_orders)

    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        if order.terms.type in SMART_TYPES:
            return Call(
                request=_ask_for(order, Priority.ORDER_QUERY),
                parse=lambda response: read_order(_stop_order(response), response.frame),
            )
        return Call(
            request=_ask_for(order, Priority.ORDER_QUERY),
            parse=lambda response: read_order(_decode_order(good_body(response)), response.frame),
        )

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]:
        """By the exchange's id; where that is unknown, by our id among the fills of the pair since the order began.

        A stop order has none itself: the next page holds those of the order it became, under that one's id.
        """
        if order.terms.type in SMART_TYPES:
            return Call(request=_ask_for(order, Priority.RECONCILE), parse=_fills_of_what_it_became)
        if not order.exchange_order_id:
            listing = _fills(to_symbol(order.pair), order.client_order_id)
            return listing.since(order.created_ms - _CLOCK_SLACK_MS)
        return _order_fills(order.exchange_order_id)

    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]:
        """Orders changed since then. Stop orders are not among them: ask for each by its id."""
        return _HISTORY.since(since_ms)

    def get_fills(self, since_ms: int) -> Call[Page[Fill]]:
        return _fills().since(since_ms)

    def get_fees(self) -> Call[FeeSchedule]:
        def parse(response: Response) -> FeeSchedule:
            fees = _decode_fees(good_body(response))
            return FeeSchedule(
                maker=required(fees.maker_rate),
                taker=required(fees.taker_rate),
                source="account",
                frame=response.frame,
            )

        return Call(request=_ask("/feeinfo", weights=PRIVATE_HEAVY), parse=parse)

    def get_permissions(self) -> None:
        """Poloniex has no such call."""
        return None

    # -- order entry ---------------------------------------------------------------------------------------------------

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        return order_entry.place(intent)

    def preview_order(self, intent: OrderIntent) -> None:
        return None

    def amend_order(self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> None:
        """Poloniex replaces an order by a new one under a new id, which is not a change in place."""
        return None

    def cancel_order(self, order: InFlightOrder) -> Call[CancelAnswer]:
        return order_entry.cancel(order)

    def cancel_orders(self, orders: Sequence[InFlightOrder]) -> Sequence[Call[list[CancelAnswer]]]:
        return order_entry.cancel_these(orders)

    def cancel_all(self, pair: str | None) -> Sequence[Call[list[CancelAnswer]]]:
        """Orders in the book, then stop orders: no one call reaches both."""
        return [order_entry.cancel_everything(path, pair) for path in (order_entry.ORDERS, order_entry.SMART_ORDERS)]

    def kill_switch(self, seconds: int | None) -> Call[int]:
        return order_entry.kill_switch(seconds)

    def kill_switch_status(self) -> Call[int]:
        return order_entry.kill_switch_status()


def _open_stop_orders() -> Call[Page[OrderUpdate]]:
    return Call(
        request=_ask(order_entry.SMART_ORDERS, weights=PRIVATE_HEAVY, priority=Priority.RECONCILE),
        parse=lambda response: Page([read_order(row, response.frame) for row in _decode_orders(good_body(response))]),
    )


def _ask_for(order: InFlightOrder, priority: Priority) -> Request:
    name = f"cid:{order.client_order_id}" if order.client_order_id else order.exchange_order_id
    if not name:
        raise ValueError("an order without any id cannot be asked for")
    return _ask(f"{order_entry.path_of(order.terms.type)}/{name}", priority=priority)


def _stop_order(response: Response) -> OrderRow:
    rows = _decode_orders(good_body(response))
    if not rows:
        raise VenueError(ErrorKind.NOT_FOUND, "", "no such stop order", response.status, response.frame)
    return rows[0]


def _fills_of_what_it_became(response: Response) -> Page[Fill]:
    became = _stop_order(response).triggered_order
    return Page([], _order_fills(real_id(became.id)) if became else None)


def _order_fills(exchange_order_id: str) -> Call[Page[Fill]]:
    return Call(
        request=_ask(f"/orders/{exchange_order_id}/trades", priority=Priority.RECONCILE),
        parse=lambda response: Page([read_fill(row, response.frame) for row in _decode_fills(good_body(response))]),
    )


def _fills(symbol: str = "", client_order_id: str = "") -> Listing[FillRow, Fill]:
    def read(row: FillRow, frame: int) -> Fill | None:
        return read_fill(row, frame) if not client_order_id or row.client_order_id == client_order_id else None

    return Listing(
        path="/trades",
        limit=100,
        decode=_decode_fills,
        row_id=lambda row: real_id(row.id),
        cursor=lambda row: real_id(row.page_id) or real_id(row.id),
        read=read,
        params=(("symbols", symbol),) if symbol else (),
        window_ms=90 * DAY_MS,
        kept_ms=180 * DAY_MS,
    )


def _ask(
    path: str,
    params: tuple[tuple[str, str], ...] = (),
    *,
    weights: tuple[Weight, ...] = PRIVATE_CHEAP,
    priority: Priority = Priority.INFO,
) -> Request:
    return Request(method="GET", path=path, params=params, signed=True, weights=weights, priority=priority)
