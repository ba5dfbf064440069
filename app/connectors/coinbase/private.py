"""A Coinbase account: reads the user socket and asks REST about orders, fills and balances. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from app.connectors.coinbase import order_entry
from app.connectors.coinbase.account_lists import HISTORICAL, SPOT, fills, found, orders, search, since, wallets
from app.connectors.coinbase.auth import CoinbaseAuth
from app.connectors.coinbase.errors import good_body
from app.connectors.coinbase.listing import Params
from app.connectors.coinbase.market_rows import Envelope, SubscriptionsEvent
from app.connectors.coinbase.private_rows import (
    OrderRow,
    UserOrder,
    is_spot,
    read_order,
    read_user_order,
)
from app.connectors.coinbase.protocol import HEARTBEATS, MAX_MESSAGE_BYTES, PREFIX, PRIVATE, to_ms
from app.connectors.spec import Auth, CancelAnswer, Domain, PlaceAccepted
from app.core.account import FeeSchedule
from app.core.effects import (
    NOTHING,
    Channel,
    Effect,
    LoggedIn,
    Perform,
    Refused,
    Send,
    Subscribed,
    Subscription,
    Unknown,
)
from app.core.effects import Sequence as MessageNumber
from app.core.links import Link
from app.core.order_preview import OrderPreview
from app.core.orders import InFlightOrder, OrderIntent
from app.core.permissions import KeyPermissions
from app.core.requests import Call, Page, Priority, Request, Response
from app.core.types import Balance, Fill, OrderUpdate, VenueState

_ENDED = frozenset({VenueState.FILLED, VenueState.CANCELED, VenueState.EXPIRED, VenueState.FAILED, VenueState.REJECTED})
_NO_ID_YET = "the exchange's id of this order is not known yet, and it cancels by no other: ask again in a moment"


class _UserEvent(Struct):
    type: str = ""
    orders: list[UserOrder] = []


class _OrderReply(Struct):
    order: OrderRow


class _FeeTier(Struct):
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal


class _Summary(Struct):
    fee_tier: _FeeTier


class _KeyRights(Struct):
    can_view: bool | None = None
    can_trade: bool | None = None
    can_transfer: bool | None = None


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_user = msgspec.json.Decoder(list[_UserEvent]).decode
_decode_subscriptions = msgspec.json.Decoder(list[SubscriptionsEvent]).decode
_decode_order = msgspec.json.Decoder(_OrderReply).decode
_decode_summary = msgspec.json.Decoder(_Summary).decode
_decode_rights = msgspec.json.Decoder(_KeyRights).decode


class CoinbasePrivate:
    """The stream tells orders only: executions are asked for when it reports some, balances by who runs us.

    There is no login: the subscription to our orders is signed, and its confirmation counts as one.
    """

    link: Link | None
    streams_balances = False

    def __init__(self, domain: Domain, auth: Auth) -> None:
        self._auth = auth
        self._opened = False
        self.link = Link(name="private", url=domain.sockets["private"], max_message_bytes=MAX_MESSAGE_BYTES)

    # -- the socket ----------------------------------------------------------------------------------------------------

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        self._opened = True
        auth = self._auth
        beats = auth.subscribe_message("heartbeats", now_ms) if isinstance(auth, CoinbaseAuth) else HEARTBEATS
        return (Send(beats), Send(auth.get_ws_auth_payload(now_ms)))

    def on_logged_in(self) -> Iterable[Effect]:
        return NOTHING

    def heartbeat(self, now_ms: int) -> bytes:
        """Never sent: the exchange beats."""
        return HEARTBEATS

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        try:
            message = _decode_envelope(data)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return self._effects(message, frame)

    def _effects(self, message: Envelope, frame: int) -> Iterator[Effect]:
        if message.sequence_num is not None:
            yield MessageNumber(message.sequence_num)
        match message.channel:
            case "user":
                for event in _decode_user(message.events):
                    yield from self._on_user(event, to_ms(message.timestamp), frame)
            case "heartbeats":
                return
            case "subscriptions":
                if any("user" in told.subscriptions for told in _decode_subscriptions(message.events)):
                    yield LoggedIn()
                    yield Subscribed((Subscription(Channel.ORDERS),))
            case "" if message.type == "error":
                words = message.message or "no reason given"
                yield Refused(words, login=_about_login(words))
            case channel:
                yield Unknown(f"channel {channel[:40]!r}" if channel else f"message {message.type[:40]!r}")

    def _on_user(self, event: _UserEvent, exchange_ms: int, frame: int) -> Iterator[Effect]:
        if event.type not in ("snapshot", "update"):
            yield Unknown(f"user event {event.type[:40]!r}")
        for row in event.orders:
            if not is_spot(row):
                yield Unknown(f"an order of {row.product_id[:40]!r}, which is no spot market")
                continue
            update = read_user_order(row, exchange_ms, frame)
            yield update
            # What was filled before the snapshot is asked for by the reconciliation after it.
            if update.filled and event.type == "update" and self._opened:
                yield Perform(_as_effects(fills((("order_ids", row.order_id),)).first()))

    # -- questions -----------------------------------------------------------------------------------------------------

    def get_balances(self) -> Call[Page[Balance]]:
        """Every wallet, page after page of 250."""
        return wallets().first()

    def get_open_orders(self) -> Call[Page[OrderUpdate]]:
        """Orders in the book and, after them, orders on their way there, which the first list leaves out."""
        waiting = orders((("order_status", "PENDING"), ("order_status", "QUEUED")))
        return orders((("order_status", "OPEN"),), then=waiting.first).first()

    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        """By the exchange's id; where that is unknown, by ours among the orders placed since this one began."""
        if not order.exchange_order_id:
            return Call(request=search(order), parse=lambda response: found(response, order))
        return Call(
            request=_ask(f"{HISTORICAL}/{order.exchange_order_id}", priority=Priority.ORDER_QUERY),
            parse=lambda response: read_order(_decode_order(good_body(response)).order, response.frame),
        )

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]:
        """By the exchange's id; where that is unknown, it is found first and the next page holds the executions."""
        if order.exchange_order_id:
            return fills((("order_ids", order.exchange_order_id),)).first()

        def parse(response: Response) -> Page[Fill]:
            return Page([], fills((("order_ids", found(response, order).exchange_order_id),)).first())

        return Call(request=search(order), parse=parse)

    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]:
        """Orders created since then, in every state."""
        return orders(since("start_date", since_ms)).first()

    def get_fills(self, since_ms: int) -> Call[Page[Fill]]:
        return fills(since("start_sequence_timestamp", since_ms)).first()

    def get_fees(self) -> Call[FeeSchedule]:
        def parse(response: Response) -> FeeSchedule:
            tier = _decode_summary(good_body(response)).fee_tier
            return FeeSchedule(
                maker=tier.maker_fee_rate, taker=tier.taker_fee_rate, source="account", frame=response.frame
            )

        return Call(request=_ask(f"{PREFIX}/transaction_summary", (SPOT,)), parse=parse)

    def get_permissions(self) -> Call[KeyPermissions]:
        """A right to transfer may send to other wallets; withdrawing and bound addresses are not told apart."""

        def parse(response: Response) -> KeyPermissions:
            told = _decode_rights(good_body(response))
            return KeyPermissions(read=told.can_view, trade=told.can_trade, transfer=told.can_transfer)

        return Call(request=_ask(f"{PREFIX}/key_permissions"), parse=parse)

    # -- order entry ---------------------------------------------------------------------------------------------------

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        return order_entry.place(intent)

    def preview_order(self, intent: OrderIntent) -> Call[OrderPreview]:
        return order_entry.preview(intent)

    def amend_order(
        self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None
    ) -> Call[PlaceAccepted] | None:
        return order_entry.amend(order, price, amount)

    def cancel_order(self, order: InFlightOrder) -> Call[CancelAnswer]:
        """An order whose exchange id is unknown cannot be cancelled: it is looked for, and the answer says so."""
        if order.exchange_order_id:
            return order_entry.cancel(order.exchange_order_id)
        return Call(request=search(order), parse=lambda response: _not_cancelled(response, order))

    def cancel_orders(self, orders: Sequence[InFlightOrder]) -> Sequence[Call[list[CancelAnswer]]]:
        calls = order_entry.cancel_these([order.exchange_order_id for order in orders if order.exchange_order_id])
        for order in orders:
            if not order.exchange_order_id:
                calls.append(_as_list(self.cancel_order(order)))
        return calls

    def cancel_all(self, pair: str | None) -> Sequence[Call[list[CancelAnswer]]]:
        """There is no such call: the open orders are cancelled by their ids."""
        return ()

    def kill_switch(self, seconds: int | None) -> None:
        return None


def _about_login(words: str) -> bool:
    return "authenticat" in words.lower() or "jwt" in words.lower()


def _not_cancelled(response: Response, order: InFlightOrder) -> CancelAnswer:
    update = found(response, order)
    ended = update.state in _ENDED
    return CancelAnswer(
        exchange_order_id=update.exchange_order_id,
        client_order_id=order.client_order_id,
        accepted=False,
        words="" if ended else _NO_ID_YET,
        final=update if ended else None,
        frame=response.frame,
    )


def _as_list(call: Call[CancelAnswer]) -> Call[list[CancelAnswer]]:
    return Call(request=call.request, parse=lambda response: [call.parse(response)])


def _as_effects(call: Call[Page[Fill]]) -> Call[Iterable[Effect]]:
    def parse(response: Response) -> Iterable[Effect]:
        page = call.parse(response)
        return [*page.items, *([Perform(_as_effects(page.next))] if page.next else [])]

    return Call(request=call.request, parse=parse)


def _ask(path: str, params: Params = (), priority: Priority = Priority.INFO) -> Request:
    return Request(method="GET", path=path, params=params, signed=True, weights=PRIVATE, priority=priority)
