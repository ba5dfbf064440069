"""A Crypto.com account: reads the user socket and asks REST about orders, fills and balances. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from msgspec import Raw, Struct

from app.connectors.crypto_com import order_entry
from app.connectors.crypto_com.errors import good_body, meaning
from app.connectors.crypto_com.listing import Listing
from app.connectors.crypto_com.order_entry import ask
from app.connectors.crypto_com.private_rows import (
    REST,
    STREAM,
    AccountRow,
    FeeRow,
    OrderRow,
    TradeRow,
    order_time_ns,
    read_balance_events,
    read_balances,
    read_fees,
    read_fill,
    read_order,
    trade_time_ns,
)
from app.connectors.crypto_com.protocol import (
    HEARTBEAT,
    SENDS_PER_S,
    Envelope,
    Push,
    Reply,
    decoder,
    heartbeat_answer,
    operation,
    read_envelope,
    read_push,
    text,
    to_symbol,
)
from app.connectors.spec import Auth, CancelAnswer, Domain, PlaceAccepted
from app.core.account import FeeSchedule
from app.core.effects import (
    Channel,
    Effect,
    LoggedIn,
    Reconnect,
    Refused,
    Send,
    Subscribed,
    Subscription,
    Unknown,
)
from app.core.errors import ErrorKind
from app.core.links import Link
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Page, Response, VenueError
from app.core.requests import Priority as P
from app.core.types import Balance, Fill, OrderUpdate, VenueState

_ACCOUNT_ID, _STOPS_ID = 2, 3
_ACCOUNT = ["user.order", "user.trade", "user.balance"]
_STOPS = ["user.advanced.order"]
_SUBSCRIPTIONS = (Subscription(Channel.ORDERS), Subscription(Channel.BALANCES))
_DEFINITE = frozenset({ErrorKind.AUTH, ErrorKind.REJECTED})
_CLOCK_SLACK_MS = 60_000
"""How far the time we gave an order may be ahead of the exchange's."""


class _OneOrder(Struct):
    """Whether a question about one order is answered by the order or by a list of it is not told."""

    result: Raw


class _Fees(Struct):
    result: FeeRow


class _DataOrOrder(Struct):
    data: list[OrderRow] | None = None


_read_push_orders = decoder(list[OrderRow])
_read_push_trades = decoder(list[TradeRow])
_read_push_accounts = decoder(list[AccountRow])
_reply_of_orders = decoder(Reply[OrderRow])
_reply_of_trades = decoder(Reply[TradeRow])
_reply_of_accounts = decoder(Reply[AccountRow])
_reply_of_one = decoder(_OneOrder)
_reply_of_fees = decoder(_Fees)
_read_data = decoder(_DataOrOrder)
_read_one = decoder(OrderRow)


class CryptoComPrivate:
    """The login goes first; the account and its orders are subscribed once it is accepted.

    The one thing remembered besides is which waiting stop orders the exchange agreed to cancel: with that, one that
    waits no longer has ended, though no question tells its end.
    """

    link: Link | None
    streams_balances = True

    def __init__(self, domain: Domain, auth: Auth) -> None:
        self._auth = auth
        self._opened_ms = 0
        self._cancelled_stops: set[str] = set()
        self.link = Link(name="private", url=domain.sockets["private"], sends_per_s=SENDS_PER_S, settle_s=1.0)

    # -- the socket ----------------------------------------------------------------------------------------------------

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        self._opened_ms = now_ms
        return (Send(self._auth.get_ws_auth_payload(now_ms)),)

    def on_logged_in(self) -> Iterable[Effect]:
        """Stop orders apart: if that name is refused, they are still asked for."""
        return (
            Send(operation(_ACCOUNT_ID, "subscribe", _ACCOUNT, self._opened_ms)),
            Send(operation(_STOPS_ID, "subscribe", _STOPS, self._opened_ms)),
        )

    def heartbeat(self, now_ms: int) -> bytes:
        """Never asked for: it is the server that beats."""
        return b""

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        message = read_envelope(data)
        if message.method == HEARTBEAT:
            return (Send(heartbeat_answer(message)),)
        if message.code:
            return self._on_refusal(message)
        if message.method == "public/auth":
            return (LoggedIn(),)
        effects: list[Effect] = []
        if message.method == "subscribe" and message.id == _ACCOUNT_ID:
            effects.append(Subscribed(_SUBSCRIPTIONS))
        pushed = message.pushed
        if pushed is not None:
            effects += self._on_push(read_push(pushed), frame)
        elif message.method != "subscribe":
            effects.append(Unknown(f"method {message.method[:40]!r}"))
        return effects

    def _on_push(self, push: Push, frame: int) -> Iterable[Effect]:
        channel = push.channel or push.subscription
        if channel.startswith(("user.order", "user.advance")):
            updates = [read_order(row, frame, STREAM) for row in _read_push_orders(push.data)]
            return [update for update in updates if update is not None]
        if channel.startswith("user.trade"):
            fills = [read_fill(row, frame) for row in _read_push_trades(push.data)]
            return [fill for fill in fills if fill is not None]
        if channel.startswith("user.balance"):
            return read_balance_events(_read_push_accounts(push.data), frame)
        return (Unknown(f"channel {channel[:40]!r}"),)

    def _on_refusal(self, message: Envelope) -> Iterable[Effect]:
        kind, our_words = meaning(message.code)
        words = message.message or our_words or f"error {message.code}"
        if message.method == "public/auth":
            return (Refused(words, login=True),) if kind in _DEFINITE else (Reconnect(words),)
        if kind in (ErrorKind.SLOW_DOWN, ErrorKind.UNAVAILABLE, ErrorKind.CLOCK):
            return (Reconnect(words),)
        if message.id == _STOPS_ID:
            return (Unknown(f"no stream of stop orders: {words[:80]}"),)
        about = _SUBSCRIPTIONS if message.id == _ACCOUNT_ID else ()
        return (Refused(words, about, login=kind is ErrorKind.AUTH),)

    # -- questions -----------------------------------------------------------------------------------------------------

    def get_balances(self) -> Call[Page[Balance]]:
        def parse(response: Response) -> Page[Balance]:
            return Page(read_balances(_reply_of_accounts(good_body(response)).result.data, response.frame, REST))

        return Call(request=ask("user-balance", {}, "private"), parse=parse)

    def get_open_orders(self) -> Call[Page[OrderUpdate]]:
        """Orders in the book and, as the second page, the stop orders that wait for their trigger."""
        stops = _open("advanced/get-open-orders", None)
        return _open("get-open-orders", stops)

    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        """A stop order is looked for among those that wait; one that ended elsewhere is not found there any more."""
        if order_entry.is_waiting_stop(order):
            return self._find_stop(order)

        def parse(response: Response) -> OrderUpdate:
            row = _one_of(_reply_of_one(good_body(response)).result)
            update = read_order(row, response.frame, REST) if row is not None else None
            if update is None:
                raise VenueError(ErrorKind.NOT_FOUND, "", "no such order", response.status, response.frame)
            return update

        return Call(request=ask("get-order-detail", _name_to_ask(order), "order-detail", P.ORDER_QUERY), parse=parse)

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]:
        """Among the pair's executions since the order began, by either id."""
        ids = {name for name in (order.exchange_order_id, order.triggered_order_id) if name}
        ours = order.client_order_id

        def is_its(fill: Fill) -> bool:
            return fill.exchange_order_id in ids or bool(ours and fill.client_order_id == ours)

        return _fills(max(order.created_ms - _CLOCK_SLACK_MS, 0), {"instrument_name": to_symbol(order.pair)}, is_its)

    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]:
        """Stop orders that never went off are not among them."""
        listing: Listing[OrderRow, OrderUpdate] = Listing(
            method="get-order-history",
            decode=_reply_of_orders,
            row_id=lambda row: text(row.order_id),
            time_ns=order_time_ns,
            read=lambda row, frame: read_order(row, frame, REST),
        )
        return listing.since(since_ms)

    def get_fills(self, since_ms: int) -> Call[Page[Fill]]:
        return _fills(since_ms)

    def get_fees(self) -> Call[FeeSchedule]:
        def parse(response: Response) -> FeeSchedule:
            return read_fees(_reply_of_fees(good_body(response)).result, response.frame)

        return Call(request=ask("get-fee-rate", {}, "private"), parse=parse)

    def get_permissions(self) -> None:
        """Crypto.com has no such call."""
        return None

    # -- order entry ---------------------------------------------------------------------------------------------------

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        return order_entry.place(intent)

    def preview_order(self, intent: OrderIntent) -> None:
        """Crypto.com has no order that is only checked."""
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
        """Of a pair only: that of the account would also end the orders of its derivatives."""
        return order_entry.cancel_pair(pair) if pair else ()

    def kill_switch(self, seconds: int | None) -> None:
        """Crypto.com has no cancel-all timer."""
        return None

    # -- stop orders ---------------------------------------------------------------------------------------------------

    def _cancel_taken(self, order: InFlightOrder) -> None:
        if order_entry.is_waiting_stop(order):
            self._cancelled_stops.add(order.key)

    def _find_stop(self, order: InFlightOrder) -> Call[OrderUpdate]:
        def parse(response: Response) -> OrderUpdate:
            for row in _reply_of_orders(good_body(response)).result.data:
                ours = order.client_order_id and row.client_oid == order.client_order_id
                update = read_order(row, response.frame, REST)
                if update and (ours or text(row.order_id) == order.exchange_order_id):
                    return update
            if order.key in self._cancelled_stops and not order.triggered_order_id:
                return _ended_by_us(order, response.frame)
            words = "no such stop order waits"
            raise VenueError(ErrorKind.NOT_FOUND, "", words, response.status, response.frame)

        params = {"instrument_name": to_symbol(order.pair)}
        return Call(request=ask("advanced/get-open-orders", params, "private", P.ORDER_QUERY), parse=parse)


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


def _open(method: str, following: Call[Page[OrderUpdate]] | None) -> Call[Page[OrderUpdate]]:
    def parse(response: Response) -> Page[OrderUpdate]:
        rows = _reply_of_orders(good_body(response)).result.data
        updates = [read_order(row, response.frame, REST) for row in rows]
        return Page([update for update in updates if update is not None], following)

    return Call(request=ask(method, {}, "private", P.RECONCILE), parse=parse)


def _one_of(result: Raw) -> OrderRow | None:
    """The order, in whichever of the two forms; None where there is none."""
    rows = _read_data(result).data
    if rows is not None:
        return rows[0] if rows else None
    return None if bytes(result).strip() in (b"{}", b"null") else _read_one(result)


def _name_to_ask(order: InFlightOrder) -> dict[str, str]:
    if order.triggered_order_id:
        return {"order_id": order.triggered_order_id}
    if order.client_order_id:
        return {"client_oid": order.client_order_id}
    if order.exchange_order_id:
        return {"order_id": order.exchange_order_id}
    raise ValueError("an order without any id cannot be asked for")


def _fills(
    since_ms: int, params: dict[str, str] | None = None, wanted: Callable[[Fill], bool] | None = None
) -> Call[Page[Fill]]:
    def read(row: TradeRow, frame: int) -> Fill | None:
        fill = read_fill(row, frame)
        if isinstance(fill, Unknown):
            raise ValueError(fill.reason)
        return fill if fill is not None and (wanted is None or wanted(fill)) else None

    listing: Listing[TradeRow, Fill] = Listing(
        method="get-trades",
        decode=_reply_of_trades,
        row_id=lambda row: text(row.trade_id),
        time_ns=trade_time_ns,
        read=read,
        params=params or {},
    )
    return listing.since(since_ms)
