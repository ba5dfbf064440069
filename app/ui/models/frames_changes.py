"""What one frame changed: book levels, orders, fills and balances, with the value before. No Qt, no drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import islice

from msgspec import Struct

from app.core.account import AccountBook
from app.core.effects import Effect
from app.core.frames import Direction, Frame, FrameLog
from app.core.types import BookDiff, BookSnapshot, Side
from app.ui.desk import ExchangeView

MAX_LEVELS = 200
"""Levels of one message that are listed; the rest is counted."""
_CHUNK = 128
_NOT_KEPT = "not in the kept messages"


class CellRef(Struct, frozen=True, kw_only=True):
    """A cell elsewhere on screen. `kind` is "level", "order", "fill" or "balance"; `key` is the order's key, the trade
    id or the asset; `side` and `price` are a level's."""

    exchange: str
    kind: str
    pair: str = ""
    side: Side | None = None
    price: str = ""
    key: str = ""


class Change(Struct, kw_only=True):
    """A row: what it is, its value before, in this frame and now. `before` of a level arrives later."""

    cell: CellRef
    title: str
    before: str
    after: str
    now: str = ""
    still_set: bool | None = None
    """Whether this frame is still what the cell on screen comes from; of a level it arrives later."""


def _amount(text: str | None) -> str:
    if text is None:
        return "none"
    return "none" if Decimal(text).is_zero() else text


def changes_of(frame: Frame, events: Iterable[Effect], exchange: ExchangeView) -> tuple[list[Change], int]:
    """Every cell the frame is known to have set, and how many levels are left out of the list."""
    changes: list[Change] = []
    left_out = 0
    for event in events:
        if isinstance(event, BookDiff | BookSnapshot):
            room = MAX_LEVELS - sum(change.cell.kind == "level" for change in changes)
            levels = [(Side.SELL, *level) for level in event.asks] + [(Side.BUY, *level) for level in event.bids]
            changes += _levels(frame, event.pair, levels[:room], exchange)
            left_out += max(0, len(levels) - room)
    changes += _orders(frame, exchange)
    changes += _fills(frame, exchange)
    changes += _balances(frame, exchange.key, exchange.account)
    return changes, left_out


def _levels(
    frame: Frame, pair: str, levels: Sequence[tuple[Side, str, str]], exchange: ExchangeView
) -> Iterable[Change]:
    book = exchange.order_books.get(pair)
    sides = {Side.BUY: dict(book.bids), Side.SELL: dict(book.asks)} if book is not None else {}
    for side, price, amount in levels:
        word = "bid" if side is Side.BUY else "ask"
        yield Change(
            cell=CellRef(exchange=exchange.key, kind="level", pair=pair, side=side, price=price),
            title=f"{pair} {word} {price}",
            before="…",
            after=_amount(amount),
            now=_amount(sides[side].get(price)) if sides else "",
        )


def _orders(frame: Frame, exchange: ExchangeView) -> Iterable[Change]:
    for order in exchange.orders:
        steps = [index for index, event in enumerate(order.history) if event.frame == frame.seq]
        if not steps and order.frame != frame.seq:
            continue
        last = steps[-1] if steps else len(order.history) - 1
        first = steps[0] if steps else last
        before = order.history[first - 1].state.value if first else "not known"
        event = order.history[last]
        yield Change(
            cell=CellRef(exchange=exchange.key, kind="order", pair=order.pair, side=order.side, key=order.key),
            title=f"order {order.key} {order.side.value} {order.pair}",
            before=before,
            after=f"{event.state.value} ({event.what})",
            now=order.state.value,
            still_set=order.frame == frame.seq,
        )


def _fills(frame: Frame, exchange: ExchangeView) -> Iterable[Change]:
    for record in exchange.fills:
        fill = record.fill
        if fill.frame == frame.seq:
            fee = "" if fill.fee is None else f", fee {fill.fee:f} {fill.fee_asset}"
            yield Change(
                cell=CellRef(exchange=exchange.key, kind="fill", pair=fill.pair, side=fill.side, key=fill.trade_id),
                title=f"fill {fill.trade_id} {fill.side.value} {fill.pair}",
                before="none",
                after=f"{fill.amount:f} at {fill.price:f}{fee}",
                now=f"order {record.order.key}",
                still_set=True,
            )


def _balances(frame: Frame, exchange: str, account: AccountBook) -> Iterable[Change]:
    previous: dict[str, str] = {}
    told: dict[str, tuple[str, str, str]] = {}
    for delta in account.changes:
        balance = delta.balance
        words = f"{balance.total:f} ({balance.available:f} free)"
        if balance.frame == frame.seq:
            told[delta.asset] = (previous.get(delta.asset, _NOT_KEPT), words, delta.reason)
        previous[delta.asset] = words
    for asset, balance in account.balances.items():
        if balance.frame == frame.seq and asset not in told:
            told[asset] = (_NOT_KEPT, f"{balance.total:f} ({balance.available:f} free)", balance.source)
    for asset, (before, after, reason) in told.items():
        now = account.balances[asset]
        yield Change(
            cell=CellRef(exchange=exchange, kind="balance", key=asset),
            title=f"balance {asset}" + (f" ({reason})" if reason else ""),
            before=before,
            after=after,
            now=f"{now.total:f} ({now.available:f} free)",
            still_set=now.frame == frame.seq,
        )


class BeforeSearch:
    """Finds out in slices which levels this frame still sets, and which amounts stood there before.

    It looks back through the log: only messages of the same connection that name the market's symbol are read again,
    and a snapshot ends the search. `version` rises whenever a change has learned something.
    """

    def __init__(
        self,
        log: FrameLog,
        frame: Frame,
        changes: Sequence[Change],
        exchange: ExchangeView,
        now_ns: Callable[[], int],
        reach: int = 200_000,
    ) -> None:
        self._log = log
        self._seq = frame.seq
        self._connection = frame.connection
        self._exchange = exchange
        self._now_ns = now_ns
        self._next = frame.seq - 1
        self._last = max(log.first_seq, frame.seq - reach)
        self._open: dict[str, dict[tuple[Side, str], Change]] = {}
        for change in changes:
            cell = change.cell
            if cell.kind == "level" and cell.side is not None:
                self._open.setdefault(cell.pair, {})[cell.side, cell.price] = change
        self._unchecked = [change for change in changes if change.still_set is None]
        self.version = 0
        rules = exchange.trading_rules
        self._symbols = {pair: (rules[pair].symbol if pair in rules else pair).encode() for pair in self._open}

    @property
    def done(self) -> bool:
        return not self._unchecked and (not self._open or self._next < self._last)

    def step(self, budget_ns: int) -> bool:
        """Work for about `budget_ns`; returns whether work remains."""
        end = self._now_ns() + budget_ns
        while self._unchecked and self._now_ns() < end:
            self._check(self._unchecked.pop(0))
        while not self._unchecked and not self.done:
            for frame in islice(self._log.newest_first(self._next), _CHUNK):
                self._next = frame.seq - 1
                if frame.connection == self._connection and frame.direction is Direction.IN:
                    self._read(frame)
                if self.done:
                    break
            if self._now_ns() >= end:
                break
        if self.done:
            for levels in self._open.values():
                for change in levels.values():
                    change.before = _NOT_KEPT
                    self.version += 1
            self._open = {}
        return not self.done

    def _check(self, change: Change) -> None:
        cell = change.cell
        if cell.side is not None:
            change.still_set = self._exchange.level_frame(cell.pair, cell.side, cell.price) == self._seq
            self.version += 1

    def _read(self, frame: Frame) -> None:
        pairs = [pair for pair, symbol in self._symbols.items() if pair in self._open and symbol in frame.payload]
        if not pairs:
            return
        try:
            events = self._exchange.explain(frame)
        except Exception:  # an unreadable message says nothing about a level
            return
        for event in reversed(events):
            if isinstance(event, BookDiff | BookSnapshot) and event.pair in self._open:
                self._take(event)

    def _take(self, event: BookDiff | BookSnapshot) -> None:
        waiting = self._open[event.pair]
        self.version += 1
        for side, levels in ((Side.BUY, event.bids), (Side.SELL, event.asks)):
            for price, amount in levels:
                if change := waiting.pop((side, price), None):
                    change.before = _amount(amount)
        if isinstance(event, BookSnapshot):
            for change in waiting.values():
                change.before = "none"
            waiting = {}
        if not waiting:
            del self._open[event.pair]
