"""Price-time priority matching of one pair in integer ticks and lots. No money, no clock, no ids of its own."""

from __future__ import annotations

from bisect import bisect_left, insort
from enum import Enum, auto

from msgspec import Struct

from app.core.types import Side, TimeInForce
from app.paper.orders import Order, OrderKind, SelfTrade

_ANY = 1 << 62


class Ending(Enum):
    """What became of an order after it met the book."""

    RESTS = auto()
    FILLED = auto()
    WOULD_TAKE = auto()
    NOT_FILLABLE = auto()
    REMAINDER = auto()
    """Immediate order with something left over."""
    SELF_TRADE = auto()


class Match(Struct):
    maker: Order
    ticks: int
    lots: int


class _Level:
    __slots__ = ("lots", "hidden", "queue")

    def __init__(self) -> None:
        self.lots = 0
        self.hidden = 0
        """What iceberg orders here do not show."""
        self.queue: dict[int, Order] = {}


class BookSide:
    """One side. Keys are ticks for asks and negated ticks for bids, so the best price is always the smallest key."""

    __slots__ = ("keys", "levels", "touched", "sign", "order_count")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, _Level] = {}
        self.touched: set[int] = set()
        self.order_count = 0

    def __len__(self) -> int:
        """Price levels."""
        return len(self.keys)

    def best(self) -> int | None:
        """Ticks of the best price."""
        return self.keys[0] * self.sign if self.keys else None

    def top(self, count: int) -> list[tuple[int, int]]:
        """Ticks and lots of the best `count` levels, best first."""
        return [(key * self.sign, self.levels[key].lots) for key in self.keys[:count]]

    def lots_at(self, ticks: int) -> int:
        level = self.levels.get(ticks * self.sign)
        return level.lots if level else 0

    def orders_at(self, ticks: int) -> list[Order]:
        """In time priority."""
        level = self.levels.get(ticks * self.sign)
        return list(level.queue.values()) if level else []

    def add(self, order: Order) -> None:
        key = order.ticks * self.sign
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = _Level()
            insort(self.keys, key)
        level.queue[order.order_id] = order
        order.shown_lots = min(order.peak_lots, order.remaining_lots)
        level.lots += order.visible_lots
        level.hidden += order.remaining_lots - order.visible_lots
        self.order_count += 1
        self.touched.add(key)

    def drop(self, order: Order) -> None:
        """Take an unfinished order out of the book. Raises KeyError when it does not rest here."""
        key = order.ticks * self.sign
        level = self.levels[key]
        del level.queue[order.order_id]
        level.lots -= order.visible_lots
        level.hidden -= order.remaining_lots - order.visible_lots
        self.order_count -= 1
        self.touched.add(key)
        if not level.queue:
            self._forget(key)

    def shrink(self, order: Order, lots: int) -> None:
        """Let a resting order want only `lots` in all; it keeps its place."""
        key = order.ticks * self.sign
        level = self.levels[key]
        before, hidden = order.visible_lots, order.remaining_lots - order.visible_lots
        order.lots = lots
        order.shown_lots = min(order.shown_lots, order.remaining_lots)
        level.lots += order.visible_lots - before
        level.hidden += order.remaining_lots - order.visible_lots - hidden
        self.touched.add(key)

    def reduce(self, key: int, maker: Order, lots: int) -> None:
        """Account for a fill of the first order in the level; the order's own counters are the caller's."""
        level = self.levels[key]
        level.lots -= lots
        self.touched.add(key)
        if maker.peak_lots:
            self._show_more(level, maker, lots)
        if maker.remaining_lots == lots:
            del level.queue[maker.order_id]
            self.order_count -= 1
            if not level.queue:
                self._forget(key)

    @staticmethod
    def _show_more(level: _Level, maker: Order, lots: int) -> None:
        """When all that an iceberg order showed is gone, its next part stands at the end of the queue."""
        maker.shown_lots -= lots
        if maker.shown_lots == 0:
            maker.shown_lots = min(maker.peak_lots, maker.remaining_lots - lots)
            level.lots += maker.shown_lots
            level.hidden -= maker.shown_lots
            level.queue[maker.order_id] = level.queue.pop(maker.order_id)

    def take_touched(self) -> list[tuple[int, int]]:
        """Ticks and lots of every level changed since the last call, best first; zero lots means gone."""
        if not self.touched:
            return []
        levels = self.levels
        changed = [(k * self.sign, levels[k].lots if k in levels else 0) for k in sorted(self.touched)]
        self.touched.clear()
        return changed

    def _forget(self, key: int) -> None:
        del self.levels[key]
        if self.keys[0] == key:
            del self.keys[0]
        else:
            del self.keys[bisect_left(self.keys, key)]


class MatchingBook:
    """The resting orders of one pair. One writer: the venue."""

    def __init__(self, pair: str) -> None:
        self.pair = pair
        self.bids = BookSide(-1)
        self.asks = BookSide(1)
        self.sequence = 0
        self._expired: list[Order] = []

    def submit(self, order: Order) -> tuple[list[Match], Ending]:
        """Match the order, then let the rest of a GTC limit order stand in the book.

        Counters of both orders are updated; states, ids and money are the caller's.
        """
        far = self.asks if order.side is Side.BUY else self.bids
        limit = self._limit_key(order, far)
        if order.kind is OrderKind.POST_ONLY and far.keys and far.keys[0] <= limit:
            return [], Ending.WOULD_TAKE
        if order.time_in_force is TimeInForce.FOK and not self._fills_completely(order, far, limit):
            return [], Ending.NOT_FILLABLE
        matches, ending = self._take(order, far, limit)
        if ending is Ending.REMAINDER and self._may_rest(order):
            (self.bids if order.side is Side.BUY else self.asks).add(order)
            ending = Ending.RESTS
        return matches, ending

    def take_expired(self) -> list[Order]:
        """Resting orders that self-trade prevention took out since the last call."""
        expired, self._expired = self._expired, []
        return expired

    def shrink(self, order: Order, lots: int) -> None:
        """Make a resting order smaller where it stands; `lots` is the new total, more than what is filled."""
        (self.bids if order.side is Side.BUY else self.asks).shrink(order, lots)

    def remove(self, order: Order) -> None:
        """Take a resting order out. Raises KeyError when it does not rest here."""
        (self.bids if order.side is Side.BUY else self.asks).drop(order)

    def take_changes(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]] | None:
        """Changed bid and ask levels since the last call, or None. Each answer raises the sequence by one."""
        if not self.bids.touched and not self.asks.touched:
            return None
        self.sequence += 1
        return self.bids.take_touched(), self.asks.take_touched()

    def cost_of(self, side: Side, lots: int, bound_ticks: int = 0) -> int:
        """Cells that a market order over `lots` would spend or bring now, as far as the book reaches."""
        far = self.asks if side is Side.BUY else self.bids
        limit = bound_ticks * far.sign if bound_ticks else _ANY
        cells = 0
        for key in far.keys:
            if lots <= 0 or key > limit:
                break
            taken = min(lots, far.levels[key].lots + far.levels[key].hidden)
            cells += taken * key * far.sign
            lots -= taken
        return cells

    @staticmethod
    def _may_rest(order: Order) -> bool:
        return order.kind is not OrderKind.MARKET and order.time_in_force is TimeInForce.GTC

    @staticmethod
    def _limit_key(order: Order, far: BookSide) -> int:
        ticks = order.bound_ticks if order.kind is OrderKind.MARKET else order.ticks
        return ticks * far.sign if ticks else _ANY

    def _take(self, order: Order, far: BookSide, limit: int) -> tuple[list[Match], Ending]:
        matches: list[Match] = []
        guarded = bool(order.owner) and order.self_trade is not SelfTrade.ALLOW
        while far.keys and far.keys[0] <= limit:
            key = far.keys[0]
            ticks = key * far.sign
            wanted = (order.cells - order.filled_cells) // ticks if order.cells else order.remaining_lots
            if wanted == 0:
                return matches, Ending.FILLED
            maker = next(iter(far.levels[key].queue.values()))
            if guarded and maker.owner == order.owner:
                if order.self_trade is not SelfTrade.EXPIRE_TAKER:
                    far.drop(maker)
                    self._expired.append(maker)
                if order.self_trade is not SelfTrade.EXPIRE_MAKER:
                    return matches, Ending.SELF_TRADE
                continue
            lots = min(wanted, maker.visible_lots)
            far.reduce(key, maker, lots)
            maker.filled_lots += lots
            maker.filled_cells += lots * ticks
            order.filled_lots += lots
            order.filled_cells += lots * ticks
            matches.append(Match(maker, ticks, lots))
        done = order.cells == order.filled_cells if order.cells else order.remaining_lots == 0
        return matches, Ending.FILLED if done else Ending.REMAINDER

    @staticmethod
    def _fills_completely(order: Order, far: BookSide, limit: int) -> bool:
        guarded = bool(order.owner) and order.self_trade is not SelfTrade.ALLOW
        lots, cells = order.lots, order.cells
        for key in far.keys:
            if key > limit:
                return False
            for maker in far.levels[key].queue.values():
                if guarded and maker.owner == order.owner:
                    if order.self_trade is SelfTrade.EXPIRE_MAKER:
                        continue
                    return False
                if order.cells:
                    cells -= maker.remaining_lots * key * far.sign
                else:
                    lots -= maker.remaining_lots
                if (cells if order.cells else lots) <= 0:
                    return True
        return False
