"""A Binance account: reads its stream and asks REST about orders, fills and balances. No I/O.

It remembers only which markets the account has to do with, because executions are told one market at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Raw, Struct, field

from app.connectors.binance import order_entry
from app.connectors.binance.auth import LOGIN_ID
from app.connectors.binance.errors import good_body, refusal_of
from app.connectors.binance.history import History, TradedMarkets
from app.connectors.binance.markets import markets_of
from app.connectors.binance.private_rows import (
    Account,
    AccountPosition,
    AssetChange,
    ExecutionReport,
    FillRow,
    OrderRow,
    read_balances,
    read_changed_asset,
    read_fill,
    read_order,
    read_position,
    read_report,
)
from app.connectors.binance.protocol import LIFETIME_S, ErrorBody, EventName, weigh
from app.connectors.spec import Auth, CancelAnswer, Domain, PlaceAccepted
from app.connectors.wire_numbers import required
from app.core.account import FeeSchedule
from app.core.effects import (
    NOTHING,
    Channel,
    Effect,
    LoggedIn,
    Perform,
    Reconnect,
    Refused,
    Send,
    Subscribed,
    Subscription,
    Unknown,
)
from app.core.errors import ErrorKind
from app.core.links import Link
from app.core.order_preview import OrderPreview
from app.core.orders import InFlightOrder, OrderIntent
from app.core.permissions import KeyPermissions
from app.core.requests import Call, Page, Priority, Request, Response, Weight
from app.core.types import Balance, Fill, OrderUpdate

ACCOUNT = "/api/v3/account"
MY_TRADES = "/api/v3/myTrades"
ALL_ORDERS = "/api/v3/allOrders"
_DEFAULT_SYMBOL = "BTCUSDT"
_FILLS_A_REPLY = 1_000
_RESTRICTIONS = "/sapi/v1/account/apiRestrictions"
_STREAMS = (Subscription(Channel.ORDERS), Subscription(Channel.BALANCES))
_PASSING = frozenset({ErrorKind.CLOCK, ErrorKind.SLOW_DOWN, ErrorKind.BANNED, ErrorKind.UNAVAILABLE, ErrorKind.UNKNOWN})
"""A login refused for these may be tried again."""
_DOUBLE_SUBSCRIPTION = "-2035"


class _Message(Struct):
    """What any message of the socket may hold: a reply has an id and a status, an event is wrapped."""

    id: int | str | None = None
    status: int = 0
    error: ErrorBody | None = None
    event: Raw = Raw(b"")
    name: str = field(name="e", default="")


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_name = msgspec.json.Decoder(EventName).decode
_decode_report = msgspec.json.Decoder(ExecutionReport).decode
_decode_position = msgspec.json.Decoder(AccountPosition).decode
_decode_change = msgspec.json.Decoder(AssetChange).decode
_decode_account = msgspec.json.Decoder(Account).decode
_decode_order = msgspec.json.Decoder(OrderRow).decode
_decode_orders = msgspec.json.Decoder(list[OrderRow]).decode
_decode_fills = msgspec.json.Decoder(list[FillRow]).decode


class _Restrictions(Struct, rename="camel"):
    """Every field may be missing: what is not told is not known."""

    ip_restrict: bool | None = None
    enable_reading: bool | None = None
    enable_spot_and_margin_trading: bool | None = None
    enable_withdrawals: bool | None = None
    enable_internal_transfer: bool | None = None
    permits_universal_transfer: bool | None = None


_decode_restrictions = msgspec.json.Decoder(_Restrictions).decode


class BinancePrivate:
    """Reading an old message again has no effect that matters."""

    link: Link | None
    streams_balances = True

    def __init__(self, domain: Domain, auth: Auth) -> None:
        self._auth = auth
        self._markets = markets_of(domain)
        self._traded = TradedMarkets(_DEFAULT_SYMBOL)
        self._has_wallet_calls = domain.name == "main" or domain.paper
        self.link = None
        if url := domain.sockets.get("private"):
            self.link = Link(name="private", url=url, lifetime_s=LIFETIME_S, sends_per_s=4)

    # -- the socket ----------------------------------------------------------------------------------------------------

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        """One signed message is login and subscription in one, whatever kind of key it is."""
        return (Send(self._auth.get_ws_auth_payload(now_ms)),)

    def on_logged_in(self) -> Iterable[Effect]:
        return NOTHING

    def heartbeat(self, now_ms: int) -> bytes:
        """Never sent: answering the exchange's pings is the library's work."""
        return b""

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        try:
            message = _decode_message(data)
            event = bytes(message.event)
            name = _decode_name(event).event if event else ""
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if event:
            return self._on_event(name, event, frame)
        if message.id is None and not message.status:
            return (Unknown(f"event {message.name[:40]!r} outside of a subscription"),)
        return self._on_reply(message, frame)

    def _on_event(self, name: str, event: bytes, frame: int) -> Iterable[Effect]:
        match name:
            case "executionReport":
                report = _decode_report(event)
                self._traded.seen(report.symbol)
                return read_report(report, self._markets, frame)
            case "outboundAccountPosition":
                position = _decode_position(event)
                return [read_position(row, position, frame) for row in position.balances]
            case "balanceUpdate" | "externalLockUpdate":
                return (Perform(self._changed_asset(name, _decode_change(event))),)
            case "eventStreamTerminated":
                return (Reconnect("the exchange ended the account's stream", login=True),)
            case "serverShutdown":
                return (Reconnect("the exchange announced that it ends this connection"),)
            case "listStatus":
                return NOTHING
        return (Unknown(f"event {name[:40]!r}"),)

    def _on_reply(self, message: _Message, frame: int) -> Iterable[Effect]:
        if message.error is None and message.status == 200:
            if message.id == LOGIN_ID:
                return (LoggedIn(), Subscribed(_STREAMS))
            return (Unknown(f"a reply to {str(message.id)[:40]!r}"),)
        told = message.error or ErrorBody()
        refusal = refusal_of(told.code or None, told.msg, message.status, frame)
        if message.id not in (LOGIN_ID, None):
            return (Refused(str(refusal)),)
        if refusal.kind in _PASSING or refusal.code == _DOUBLE_SUBSCRIPTION:
            return (Reconnect(f"login not taken: {refusal}"),)
        return (Refused(str(refusal), login=True),)

    def _changed_asset(self, reason: str, change: AssetChange) -> Call[Iterable[Effect]]:
        def parse(response: Response) -> Iterable[Effect]:
            account = _decode_account(good_body(response))
            return (read_changed_asset(account, change, reason, response.frame),)

        return Call(request=_account(), parse=parse)

    # -- questions -----------------------------------------------------------------------------------------------------

    def get_balances(self) -> Call[Page[Balance]]:
        return Call(
            request=_account(),
            parse=lambda response: Page(read_balances(_decode_account(good_body(response)), response.frame)),
        )

    def get_open_orders(self) -> Call[Page[OrderUpdate]]:
        """Of every market at once, stop orders included: one reply, however many there are."""

        def parse(response: Response) -> Page[OrderUpdate]:
            rows = _decode_orders(good_body(response))
            for row in rows:
                self._traded.seen(row.symbol)
            return Page([read_order(row, self._markets, response.frame) for row in rows])

        request = _ask(order_entry.OPEN_ORDERS, weights=weigh(80), priority=Priority.RECONCILE)
        return Call(request=request, parse=parse)

    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        self._touch(order.pair)
        return Call(
            request=self._ask_for(order, Priority.ORDER_QUERY),
            parse=lambda response: read_order(_decode_order(good_body(response)), self._markets, response.frame),
        )

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]:
        """By the exchange's id; where that is unknown the order is asked for first: fills hold no id of ours."""
        symbol = self._touch(order.pair)
        if order.exchange_order_id:
            return self._order_fills(symbol, order.exchange_order_id)

        def parse(response: Response) -> Page[Fill]:
            row = _decode_order(good_body(response))
            return Page([], self._order_fills(symbol, str(row.order_id)))

        return Call(request=self._ask_for(order, Priority.RECONCILE), parse=parse)

    def _ask_for(self, order: InFlightOrder, priority: Priority) -> Request:
        named = order_entry.reference(order, self._markets)
        return _ask(order_entry.ORDER, named, weights=weigh(4), priority=priority)

    def _order_fills(self, symbol: str, order_id: str, from_id: int | None = None) -> Call[Page[Fill]]:
        def parse(response: Response) -> Page[Fill]:
            rows = _decode_fills(good_body(response))
            fills = [read_fill(row, self._markets, response.frame) for row in rows]
            if len(rows) < _FILLS_A_REPLY:
                return Page(fills)
            return Page(fills, self._order_fills(symbol, order_id, max(row.id for row in rows) + 1))

        params = [("symbol", symbol), ("orderId", order_id)]
        if from_id is not None:
            params.append(("fromId", str(from_id)))
        params.append(("limit", str(_FILLS_A_REPLY)))
        request = _ask(MY_TRADES, tuple(params), weights=weigh(5), priority=Priority.RECONCILE)
        return Call(request=request, parse=parse)

    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]:
        """Of the markets this account is known to have to do with, the one asked about last first."""
        history = History(
            path=ALL_ORDERS,
            id_param="orderId",
            decode=_decode_orders,
            row_id=lambda row: row.order_id,
            row_ms=lambda row: max(row.time, row.update_time),
            read=lambda row, frame: read_order(row, self._markets, frame),
        )
        return history.since(iter(self._traded), since_ms)

    def get_fills(self, since_ms: int) -> Call[Page[Fill]]:
        """As `get_order_history`: executions of markets nobody here has heard of are not found."""
        history = History(
            path=MY_TRADES,
            id_param="fromId",
            decode=_decode_fills,
            row_id=lambda row: row.id,
            row_ms=lambda row: row.time,
            read=lambda row, frame: read_fill(row, self._markets, frame),
        )
        return history.since(iter(self._traded), since_ms)

    def get_fees(self) -> Call[FeeSchedule]:
        """The account's own rates; single markets may differ, and a discount for fees paid in BNB is not in them."""

        def parse(response: Response) -> FeeSchedule:
            rates = _decode_account(good_body(response)).commission_rates
            if rates is None:
                raise ValueError("the account tells no fee rates")
            return FeeSchedule(
                maker=required(rates.maker), taker=required(rates.taker), source="account", frame=response.frame
            )

        return Call(request=_account(), parse=parse)

    def get_permissions(self) -> Call[KeyPermissions] | None:
        """None in demo mode and on the test network, which are not known to have wallet calls."""
        if not self._has_wallet_calls:
            return None
        return Call(request=_ask(_RESTRICTIONS, weights=weigh(1)), parse=_read_restrictions)

    # -- order entry ---------------------------------------------------------------------------------------------------

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        call = order_entry.place(intent, self._markets)
        self._touch(intent.pair)
        return call

    def preview_order(self, intent: OrderIntent) -> Call[OrderPreview]:
        return order_entry.preview(intent, self._markets)

    def amend_order(
        self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None
    ) -> Call[PlaceAccepted] | None:
        return order_entry.amend(order, price, amount, self._markets)

    def cancel_order(self, order: InFlightOrder) -> Call[CancelAnswer]:
        self._touch(order.pair)
        return order_entry.cancel(order, self._markets)

    def cancel_orders(self, orders: Sequence[InFlightOrder]) -> Sequence[Call[list[CancelAnswer]]]:
        """One call each: no call names several orders."""
        return [order_entry.as_list(self.cancel_order(order)) for order in orders]

    def cancel_all(self, pair: str | None) -> Sequence[Call[list[CancelAnswer]]]:
        """Of one market; no call reaches all markets."""
        return [] if pair is None else [order_entry.cancel_everything(pair, self._markets)]

    def kill_switch(self, seconds: int | None) -> None:
        """Binance spot has none."""
        return None

    def _touch(self, pair: str) -> str:
        symbol = self._markets.to_symbol(pair)
        self._traded.asked(symbol)
        return symbol


def _read_restrictions(response: Response) -> KeyPermissions:
    told = _decode_restrictions(good_body(response))
    transfers = (told.enable_internal_transfer, told.permits_universal_transfer)
    return KeyPermissions(
        read=told.enable_reading,
        trade=told.enable_spot_and_margin_trading,
        transfer=True if True in transfers else None if None in transfers else False,
        withdraw=told.enable_withdrawals,
        ip_bound=told.ip_restrict,
    )


def _account() -> Request:
    return _ask(ACCOUNT, (("omitZeroBalances", "true"),), weights=weigh(20))


def _ask(
    path: str,
    params: tuple[tuple[str, str], ...] = (),
    *,
    weights: tuple[Weight, ...],
    priority: Priority = Priority.INFO,
) -> Request:
    return Request(method="GET", path=path, params=params, signed=True, weights=weights, priority=priority)
