"""HTX' account topics: orders, clearings, balances, who listens to them and the frames they become. Sockets elsewhere.

| topic | rule | evidence |
|---|---|---|
| orders#symbol, orders#* | nothing at once; `ch` as subscribed, or see `names_symbols` | sheet 5 |
| an untriggered stop order | says nothing; once released it is created | sheet 5 |
| trade.clearing#symbol#mode | later than orders#, here by one tick; mode 1 also cancellations | sheet 5 |
| accounts.update#mode | at once every coin with changeType and changeTime null, then each change | sheet 5 |
| modes | 0 when the total changes, 1 separate frames, 2 both together | sheet 5; fields of 0 and 1 unconfirmed |
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects import htx_wire as wire
from app.paper.dialects.htx_books import Json
from app.paper.dialects.htx_listings import PAIRS
from app.paper.dialects.htx_orders import HtxStop
from app.paper.dialects.htx_request import spot_id
from app.paper.events import BalanceChanged, Cause, Event, OrderEvent, OrderEventKind, StopEvent
from app.paper.orders import OrderState
from app.paper.units import ATOM_SCALE, to_text

_CAUSES = {Cause.PLACED: "order.place", Cause.FILLED: "order.match", Cause.CLOSED: "order.cancel"}


class UserTopic(Struct, frozen=True):
    name: str
    """`ch` on the wire."""
    kind: str
    account_id: str
    symbol: str = ""
    mode: int = 0


class Subscriber(Protocol):
    def send(self, frame: bytes) -> None: ...


def topic_of(name: object, account_id: str) -> UserTopic | None:
    """None for what is no topic."""
    if not isinstance(name, str):
        return None
    match name.split("#"):
        case ["orders", symbol] if symbol == "*" or symbol in PAIRS:
            return UserTopic(name, "orders", account_id, symbol)
        case ["trade.clearing", symbol, ("0" | "1") as mode] if symbol == "*" or symbol in PAIRS:
            return UserTopic(name, "clearing", account_id, symbol, int(mode))
        case ["trade.clearing", symbol] if symbol == "*" or symbol in PAIRS:
            return UserTopic(name, "clearing", account_id, symbol)
        case ["accounts.update", ("0" | "1" | "2") as mode]:
            return UserTopic(name, "accounts", account_id, mode=int(mode))
        case ["accounts.update"]:
            return UserTopic(name, "accounts", account_id)
    return None


class UserFeed:
    """All account topics of one desk and their subscribers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._topics: dict[tuple[str, str], dict[UserTopic, dict[Subscriber, None]]] = {}
        self._later: deque[tuple[OrderEvent, Json]] = deque()
        self._totals: dict[tuple[str, str], int] = {}
        self._sequence = desk.opened_ms
        self.names_symbols = False
        """Whether pushes to `orders#*` name the concrete symbol instead; the exchange may do either."""

    def subscribe(self, subscriber: Subscriber, topic: UserTopic) -> None:
        self._topics.setdefault((topic.kind, topic.account_id), {}).setdefault(topic, {})[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, topic: UserTopic) -> None:
        topics = self._topics.get((topic.kind, topic.account_id), {})
        listeners = topics.get(topic, {})
        listeners.pop(subscriber, None)
        if not listeners:
            topics.pop(topic, None)
        if not topics:
            self._topics.pop((topic.kind, topic.account_id), None)

    def listens(self, kind: str, account_id: str) -> bool:
        """Whether anybody listens to this kind of topic."""
        return (kind, account_id) in self._topics

    def first_frames(self, topic: UserTopic) -> list[bytes]:
        """What a new subscriber sees at once."""
        account = self._desk.accounts.get(topic.account_id)
        if topic.kind != "accounts" or account is None:
            return []
        for asset, balance in account.balances.items():
            self._totals[account.account_id, asset] = balance.total
        held = [(asset, balance) for asset, balance in account.balances.items() if balance.total]
        return [_push(topic, self._balance(account, a, b.total, b.available, None, None)) for a, b in held]

    def show(self, events: Sequence[Event]) -> None:
        for event in events:
            if type(event) is OrderEvent:
                self._show_order(event)
            elif type(event) is StopEvent:
                self._show_stop(event)
            elif type(event) is BalanceChanged:
                self._show_balance(event)

    def tick(self) -> None:
        """Clearings that wait for their turn."""
        while self._later:
            event, row = self._later.popleft()
            for topic, subscribers in self._topics.get(("clearing", event.order.owner), {}).items():
                if _fits(topic, row["symbol"]) and (event.fill is not None or topic.mode == 1):
                    for subscriber in subscribers:
                        subscriber.send(_push(topic, row))

    def _show_order(self, event: OrderEvent) -> None:
        order = event.order
        stop = self._desk.venue.ledger(order.owner).stops.get(order.stop_id)
        instrument = self._desk.venue.instruments[order.pair]
        row: Json | None = None
        if event.kind is OrderEventKind.FILLED:
            row = wire.traded(event, stop, instrument)
        elif event.kind is OrderEventKind.CLOSED:
            row = wire.deleted(order, event.time_ms) if order.waits else wire.cancelled(event, stop, instrument)
        elif event.kind is OrderEventKind.RELEASED or not order.waits:
            row = wire.created(event, stop, instrument)
        if row is not None:
            self._tell(order.owner, row)
        if event.kind in (OrderEventKind.FILLED, OrderEventKind.CLOSED) and ("clearing", order.owner) in self._topics:
            self._later.append((event, wire.clearing(event, stop, instrument)))

    def _show_stop(self, event: StopEvent) -> None:
        stop = event.stop
        if event.state is OrderState.CANCELED:
            self._tell(stop.owner, wire.deleted(stop, event.time_ms))
        elif event.state is OrderState.FAILED:
            reason = "insufficient balance"
            if isinstance(stop, HtxStop):
                stop.fail_message = reason
            self._tell(stop.owner, wire.not_triggered(stop, reason, event.time_ms))

    def _tell(self, account_id: str, row: Json) -> None:
        for topic, subscribers in self._topics.get(("orders", account_id), {}).items():
            if _fits(topic, row["symbol"]):
                frame = _push(topic, row, f"orders#{row['symbol']}" if self.names_symbols else topic.name)
                for subscriber in subscribers:
                    subscriber.send(frame)

    def _show_balance(self, event: BalanceChanged) -> None:
        account = self._desk.accounts.get(event.account)
        if account is None or ("accounts", event.account) not in self._topics:
            return
        total = event.available + event.hold
        moved = self._totals.get((event.account, event.asset)) != total
        self._totals[event.account, event.asset] = total
        row = self._balance(account, event.asset, total, event.available, _CAUSES[event.cause], event.time_ms)
        free, whole = dict(row), dict(row)
        del free["balance"], whole["available"]
        for topic, subscribers in self._topics["accounts", event.account].items():
            rows = [row] if topic.mode == 2 else ([whole] if moved else []) + ([free] if topic.mode == 1 else [])
            for found in rows:
                for subscriber in subscribers:
                    subscriber.send(_push(topic, found))

    def _balance(
        self, account: Account, asset: str, total: int, available: int, change: str | None, time_ms: int | None
    ) -> Json:
        self._sequence += 1
        return {
            "currency": asset.lower(),
            "accountId": spot_id(account.account_id),
            "balance": to_text(total, ATOM_SCALE),
            "available": to_text(available, ATOM_SCALE),
            "changeType": change,
            "accountType": "trade",
            "seqNum": str(self._sequence),
            "changeTime": time_ms,
        }


def _fits(topic: UserTopic, symbol: str) -> bool:
    return topic.symbol in ("*", symbol)


def _push(topic: UserTopic, row: Json, name: str = "") -> bytes:
    return msgspec.json.encode({"action": "push", "ch": name or topic.name, "data": row})
