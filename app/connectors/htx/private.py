"""An HTX account: reads its socket and asks REST about orders, fills and balances. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from app.connectors.htx import account_lists, order_entry
from app.connectors.htx.account_lists import ask, read_spot_account
from app.connectors.htx.errors import OK_CODE, STREAM_KINDS, good_body
from app.connectors.htx.markets import markets_of
from app.connectors.htx.order_entry import ORDERS
from app.connectors.htx.private_rows import (
    BalanceEvent,
    BalanceList,
    ClearingEvent,
    FeeRow,
    OrderEvent,
    read_balance_event,
    read_balances,
    read_clearing,
    read_fees,
    read_order_event,
)
from app.connectors.htx.protocol import ACCOUNT_REQUESTS_PER_S, AccountEnvelope, read_account_frame
from app.connectors.spec import Auth, CancelAnswer, Domain, PlaceAccepted
from app.core.account import FeeSchedule
from app.core.effects import (
    NOTHING,
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
from app.core.requests import Call, Page, Priority, Response
from app.core.types import Balance, Fill, OrderUpdate


class _Ping(Struct):
    ts: int


class _Balances(Struct):
    data: BalanceList


class _Fees(Struct):
    data: list[FeeRow]


_decode_ping = msgspec.json.Decoder(_Ping).decode
_decode_order = msgspec.json.Decoder(OrderEvent).decode
_decode_clearing = msgspec.json.Decoder(ClearingEvent).decode
_decode_balance = msgspec.json.Decoder(BalanceEvent).decode
_decode_balances = msgspec.json.Decoder(_Balances).decode
_decode_fees = msgspec.json.Decoder(_Fees).decode

_TOPICS = ("orders#*", "trade.clearing#*#0", "accounts.update#2")
_CHANNELS = {
    "accounts.update": Channel.BALANCES,
    "orders": Channel.ORDERS,
    "trade.clearing": Channel.ORDERS,
}
_FEE_SYMBOL = "btcusdt"
_PASSING = frozenset({ErrorKind.SLOW_DOWN, ErrorKind.UNAVAILABLE})
"""A fresh connection, some time later, may fare better."""


class HtxPrivate:
    """The login goes first; the account, its orders and their executions are subscribed once it is accepted.

    Most questions need the number of the spot account. It is learned from the list of accounts, which is asked before
    the first list of open orders; until then balances pushed by the stream are passed over, as they may be those of
    another account of the same user. Also remembered, for "cancel everything": how many orders were last seen open,
    and which conditional orders wait.
    """

    link: Link | None
    streams_balances = True

    def __init__(self, domain: Domain, auth: Auth) -> None:
        self._auth = auth
        self._markets = markets_of(domain)
        self._account_id = ""
        self._open = 0
        self._algos: dict[str, str] = {}
        self.link = Link(name="private", url=domain.sockets["private"], sends_per_s=ACCOUNT_REQUESTS_PER_S)

    # -- the socket ----------------------------------------------------------------------------------------------------

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        return (Send(self._auth.get_ws_auth_payload(now_ms)),)

    def on_logged_in(self) -> Iterable[Effect]:
        return [Send(msgspec.json.encode({"action": "sub", "ch": topic})) for topic in _TOPICS]

    def heartbeat(self, now_ms: int) -> bytes:
        """Never sent: the exchange pings, we answer."""
        return b""

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        message = read_account_frame(data)
        try:
            match message.action:
                case "ping":
                    return (
                        Send(msgspec.json.encode({"action": "pong", "data": {"ts": _decode_ping(message.data).ts}})),
                    )
                case "push":
                    return self._on_push(message, frame)
                case "req" if message.ch == "auth":
                    return (LoggedIn(),) if str(message.code) == OK_CODE else (_refusal(message, (), login=True),)
                case "sub":
                    return self._on_subscribed(message)
                case "unsub" | "pong":
                    return NOTHING
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return (Unknown(f"action {message.action[:40]!r} of {message.ch[:40]!r}"),)

    def _on_push(self, message: AccountEnvelope, frame: int) -> Iterable[Effect]:
        match message.ch.partition("#")[0]:
            case "orders":
                return (read_order_event(_decode_order(message.data), self._markets, frame),)
            case "trade.clearing":
                return self._on_clearing(_decode_clearing(message.data), frame)
            case "accounts.update":
                return self._on_balance(_decode_balance(message.data), frame)
        return (Unknown(f"channel {message.ch[:40]!r}"),)

    def _on_clearing(self, row: ClearingEvent, frame: int) -> Iterable[Effect]:
        """Cancellations are told by the orders' own channel."""
        return (read_clearing(row, self._markets, frame),) if row.event_type == "trade" else NOTHING

    def _on_balance(self, row: BalanceEvent, frame: int) -> Iterable[Effect]:
        """Loans, interest and other accounts than the spot one are not ours to show."""
        if (row.account_type or "trade") != "trade" or str(row.account_id) != self._account_id:
            return NOTHING
        change = read_balance_event(row, frame)
        return (Unknown("a balance without its total or its free part"),) if change is None else (change,)

    def _on_subscribed(self, message: AccountEnvelope) -> Iterable[Effect]:
        channel = _CHANNELS.get(message.ch.partition("#")[0])
        subscriptions = (Subscription(channel),) if channel else ()
        if str(message.code) != OK_CODE:
            return (_refusal(message, subscriptions),)
        return (Subscribed(subscriptions),) if channel else (Unknown(f"confirmed {message.ch[:40]!r}"),)

    # -- questions -----------------------------------------------------------------------------------------------------

    def get_balances(self) -> Call[Page[Balance]]:
        """Of the spot account. Before its number is known the first page asks for the number."""
        if not self._account_id:
            return Call(request=account_lists.accounts_request(), parse=self._learn_for_balances)

        def parse(response: Response) -> Page[Balance]:
            return Page(read_balances(_decode_balances(good_body(response)).data.rows, response.frame))

        path = f"/v1/account/accounts/{self._account_id}/balance"
        return Call(request=ask(path, (), "account", Priority.INFO), parse=parse)

    def get_open_orders(self) -> Call[Page[OrderUpdate]]:
        """Orders in the book and, on the last page, conditional orders that wait. Learns the account's number first."""
        if self._account_id:
            return self._open_orders()

        def parse(response: Response) -> Page[OrderUpdate]:
            self._account_id = read_spot_account(response)
            return Page([], self._open_orders())

        return Call(request=account_lists.accounts_request(), parse=parse)

    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        """Finished orders are known by our id for some two hours only, so the exchange's number goes first."""
        if order_entry.is_waiting_algo(order):
            return account_lists.one_algo(_our_id(order), self._markets)
        if order.live_order_id:
            return account_lists.one_order(f"{ORDERS}/{order.live_order_id}", (), self._markets)
        params = (("clientOrderId", _our_id(order)),)
        return account_lists.one_order(f"{ORDERS}/getClientOrder", params, self._markets)

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]:
        if order.live_order_id:
            return account_lists.order_fills(order.live_order_id, self._markets)
        return account_lists.order_fills_by_ours(_our_id(order), self._markets)

    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]:
        """Of the last 48 hours at most."""
        return account_lists.order_history(since_ms, self._markets)

    def get_fills(self, since_ms: int) -> Call[Page[Fill]]:
        return account_lists.fills(since_ms, self._markets)

    def get_fees(self) -> Call[FeeSchedule]:
        """Those of one market stand for all: the exchange tells them by the market."""

        def parse(response: Response) -> FeeSchedule:
            rows = _decode_fees(good_body(response)).data
            if not rows:
                raise ValueError("a reply about fees without any")
            return read_fees(rows[0], response.frame)

        params = (("symbols", _FEE_SYMBOL),)
        return Call(request=ask("/v2/reference/transact-fee-rate", params, "other", Priority.INFO), parse=parse)

    def get_permissions(self) -> None:
        """Not asked: HTX tells rights to the owner of the main account only, by a call that is not on our paper."""
        return None

    # -- order entry ---------------------------------------------------------------------------------------------------

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        return order_entry.place(intent, self._account_id, self._markets, self._note_algo)

    def preview_order(self, intent: OrderIntent) -> None:
        """HTX has no test of an order."""
        return None

    def amend_order(self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> None:
        """HTX changes no order in place."""
        return None

    def cancel_order(self, order: InFlightOrder) -> Call[CancelAnswer]:
        return order_entry.cancel(order)

    def cancel_orders(self, orders: Sequence[InFlightOrder]) -> Sequence[Call[list[CancelAnswer]]]:
        return order_entry.cancel_these(orders)

    def cancel_all(self, pair: str | None) -> Sequence[Call[list[CancelAnswer]]]:
        """Orders in the book, by as many calls as were last seen to be needed, then conditional orders known to wait.

        Empty before the account's number is known.
        """
        if not self._account_id:
            return ()
        symbol = self._markets.to_symbol(pair) if pair else ""
        waiting = [name for name, where in self._algos.items() if pair in (None, where)]
        calls = order_entry.cancel_everything(self._account_id, symbol, self._open)
        return [*calls, *order_entry.cancel_algos_in_parts(waiting)]

    def kill_switch(self, seconds: int | None) -> Call[int]:
        return order_entry.kill_switch(seconds)

    # -- small parts ---------------------------------------------------------------------------------------------------

    def _open_orders(self) -> Call[Page[OrderUpdate]]:
        algos = account_lists.waiting_algos(self._markets, self._note_algos)
        return account_lists.open_orders(self._account_id, self._markets, self._note_open, algos)

    def _note_open(self, count: int) -> None:
        self._open = count

    def _note_algo(self, client_order_id: str, pair: str) -> None:
        self._algos[client_order_id] = pair

    def _note_algos(self, waiting: dict[str, str]) -> None:
        self._algos = dict(waiting)

    def _learn_for_balances(self, response: Response) -> Page[Balance]:
        self._account_id = read_spot_account(response)
        return Page([], self.get_balances())


def _our_id(order: InFlightOrder) -> str:
    if not order.client_order_id:
        raise ValueError("an order without any id cannot be asked for")
    return order.client_order_id


def _refusal(message: AccountEnvelope, about: tuple[Subscription, ...], login: bool = False) -> Effect:
    code = str(message.code)
    kind, our_words = STREAM_KINDS.get(code, (ErrorKind.UNKNOWN, ""))
    told = message.message or our_words or f"error {code}"
    return Reconnect(told) if kind in _PASSING else Refused(told, about, login=login)
