"""One order book in the venue's own strings, and the rules by which messages change it. No I/O, no resync policy."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from app.core.level_check import all_look_sound, is_sound, unsound
from app.core.timestamps import as_ms
from app.core.types import BookChange, BookDiff, BookSnapshot, Integrity, Level, Side

_FEW = 200
"""Changes up to which settling them one by one is cheaper than sorting the side anew. More are not kept: every change
would be dearer for what nobody reads.
"""
_NEAR = 20
"""A number that cannot be read among this many best levels spoils the book; behind them only its level is dropped."""


class BookState(StrEnum):
    WAITING = "waiting"
    LIVE = "live"
    STALE = "stale"


class _Levels:
    """Amounts by price of one side, and the same sorted, best first, as of the last settling.

    Only the order of prices is taken from floats; what is shown and sent stays the venue's string.
    """

    __slots__ = ("amounts", "best_first", "settled", "_keys", "_sign")

    def __init__(self, sign: int, levels: Iterable[Level] = ()) -> None:
        # A plain dict, not a kind of it: the interpreter has a short way for setting its items.
        self.amounts: dict[str, str] = dict(levels)
        self._sign = sign
        self._keys: list[float] = []
        self.best_first: list[Level] = []
        self.settled = False

    def settle_all(self) -> None:
        amounts = self.amounts
        for price in [price for price, amount in amounts.items() if float(amount) == 0.0]:
            del amounts[price]
        keyed = sorted([(self._sign * float(price), (price, amount)) for price, amount in amounts.items()])
        self._keys = [key for key, _ in keyed]
        self.best_first = [level for _, level in keyed]
        self.settled = True

    def settle(self, changed: Mapping[str, str]) -> None:
        """Settle these levels only. The list handed out before stays as it was: readers may hold it."""
        amounts, keys, levels = self.amounts, self._keys, self.best_first.copy()
        for price, amount in changed.items():
            key = self._sign * float(price)
            at = bisect_left(keys, key)
            known = at < len(keys) and keys[at] == key
            if float(amount) == 0.0:
                del amounts[price]
                if known:
                    del keys[at], levels[at]
            elif known:
                levels[at] = (price, amount)
            else:
                keys.insert(at, key)
                levels.insert(at, (price, amount))
        self.best_first = levels

    def rank(self, price: str) -> int:
        """How many levels are better than this price; 0 for one that cannot be read."""
        if not is_sound((price, "0")):
            return 0
        key = self._sign * float(price)
        return sum(self._sign * float(other) < key for other, amount in self.amounts.items() if float(amount))

    def cut(self, depth: int) -> None:
        """Forget what lies behind the best `depth` levels."""
        for price, _ in self.best_first[depth:]:
            del self.amounts[price]
        if len(self._keys) > depth:
            self._keys = self._keys[:depth]
            self.best_first = self.best_first[:depth]


def _bad_levels(side: _Levels, changed: Mapping[str, str] | None) -> list[Level]:
    """Levels that cannot be read, among those changed since it was settled."""
    amounts = side.amounts if changed is None or not side.settled else changed
    return [] if all_look_sound(amounts.keys(), amounts.values()) else unsound(amounts.items())


_Numbered = tuple[int, BookChange]
"""A change and the number of its message."""
_LIVE = BookState.LIVE
"""Looking a member up in its class costs as much as the rest of the check."""


class OrderBook:
    """Levels of one pair. One writer; readers compare `version`, which rises with every change.

    Prices and amounts (base) stay strings end to end: they are exact, cheap, and keep checksums computable. Amount zero
    means no level; such entries are swept out when the book is read, not when it is written.
    """

    __slots__ = (
        "pair",
        "integrity",
        "state",
        "reason",
        "depth_limit",
        "snapshot_frame",
        "snapshots",
        "diffs",
        "bad_levels",
        "_bids",
        "_asks",
        "_bid_amounts",
        "_ask_amounts",
        "_changes",
        "_last",
        "frame",
        "_fresh",
        "_kept",
        "_diffs_at_snapshot",
        "_sorted_version",
    )

    def __init__(self, pair: str, integrity: Integrity = Integrity.NONE) -> None:
        self.pair = pair
        self.integrity = integrity
        self.state = BookState.WAITING
        self.reason = "no snapshot yet"
        self.depth_limit = 0
        self.snapshot_frame = 0
        self.snapshots = 0
        self.diffs = 0
        self.bad_levels = 0
        """Levels left out because their price or amount cannot be read as a number."""
        self._set_levels(_Levels(-1), _Levels(1))
        self._changes = 0
        self._last: BookChange | BookSnapshot = BookSnapshot(pair=pair, bids=[], asks=[])
        """The newest message applied."""
        self.frame = 0
        """Its number."""
        self._fresh: list[_Numbered] | None = []
        """Changes since the book was last read; None when they are too many to settle one by one."""
        self._kept: deque[_Numbered] = deque(maxlen=_FEW)
        """The newest changes that have been read."""
        self._diffs_at_snapshot = 0
        self._sorted_version = -1

    @property
    def stale(self) -> bool:
        """Whether the book must not be shown or traded on as live; `reason` says why."""
        return self.state is not BookState.LIVE

    # The hot path writes as little as it can; what readers want more rarely is derived.

    @property
    def version(self) -> int:
        return self.diffs + self._changes

    @property
    def last_id(self) -> int | None:
        """The exchange's id of the last message applied, where it has ids."""
        return self._last.last_id

    @property
    def exchange_ms(self) -> int:
        """The exchange's time of the last message applied."""
        return as_ms(self._last.exchange_ms)

    @property
    def exchange_time(self) -> int:
        """The same as the exchange wrote it, in whatever unit."""
        return self._last.exchange_ms

    @property
    def last_change(self) -> BookChange | None:
        """The last change applied, None while the book is as its snapshot told it."""
        return None if isinstance(self._last, BookSnapshot) else self._last

    def apply_snapshot(self, snapshot: BookSnapshot) -> None:
        """Replace everything: levels absent from the snapshot are gone."""
        self._set_levels(_Levels(-1, snapshot.bids), _Levels(1, snapshot.asks))
        self._last = snapshot
        self.frame = snapshot.frame
        self._fresh = []
        self._kept.clear()
        self._diffs_at_snapshot = self.diffs
        self.depth_limit = snapshot.depth
        self.snapshot_frame = snapshot.frame
        self.snapshots += 1
        self._changes += 1

    def _set_levels(self, bids: _Levels, asks: _Levels) -> None:
        self._bids, self._asks = bids, asks
        self._bid_amounts, self._ask_amounts = bids.amounts, asks.amounts

    def apply_diff(self, diff: BookDiff) -> None:
        """Set the amounts named; whether the change may be applied is `BookSync`'s business."""
        self._bid_amounts.update(diff.bids)
        self._ask_amounts.update(diff.asks)
        self._last = diff
        self.frame = diff.frame
        self.diffs += 1
        if self._fresh is not None:
            self._keep(diff.frame, diff)

    def follow(self, change: BookChange, after: int | None, frame: int) -> bool:
        """Apply a change that comes right after the message with the id `after`, if that is the last one applied to a
        live book; else do nothing and return False.

        Nearly all changes take this way, most of them as the struct they were decoded into: it is `BookSync` and
        `apply_diff` in one call. Where neither message has an id, no chain can be broken.
        """
        if after != self._last.last_id or self.state is not _LIVE:
            return False
        # A loop costs less than `update` for as few levels as nearly every change names.
        if levels := change.bids:
            amounts = self._bid_amounts
            for price, amount in levels:
                amounts[price] = amount
        if levels := change.asks:
            amounts = self._ask_amounts
            for price, amount in levels:
                amounts[price] = amount
        self._last = change
        self.frame = frame
        self.diffs += 1
        if self._fresh is not None:
            self._keep(frame, change)
        return True

    def _keep(self, frame: int, change: BookChange) -> None:
        fresh = self._fresh
        if fresh is not None:
            fresh.append((frame, change))
            if len(fresh) > _FEW:
                self._fresh = None

    def set_state(self, state: BookState, reason: str = "") -> None:
        self.state = state
        self.reason = reason
        self._changes += 1

    def settle(self) -> None:
        """Look at what came since the last reading: afterwards `state` tells of levels that cannot be read, too."""
        self._settle()

    @property
    def bids(self) -> list[Level]:
        """All bids, best first. Do not change the list: it is shared until the next version."""
        self._settle()
        return self._bids.best_first

    @property
    def asks(self) -> list[Level]:
        """All asks, best first. Do not change the list: it is shared until the next version."""
        self._settle()
        return self._asks.best_first

    def top(self, n: int) -> tuple[list[Level], list[Level]]:
        """The best `n` bids and asks, best first."""
        return self.bids[:n], self.asks[:n]

    @property
    def best_bid(self) -> str | None:
        bids = self.bids
        return bids[0][0] if bids else None

    @property
    def best_ask(self) -> str | None:
        asks = self.asks
        return asks[0][0] if asks else None

    @property
    def mid(self) -> Decimal | None:
        """Half way between the touch prices (quote), or None while a side is empty."""
        bid, ask = self.best_bid, self.best_ask
        return (Decimal(bid) + Decimal(ask)) / 2 if bid and ask else None

    @property
    def crossed(self) -> bool:
        """Best bid at or above best ask."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and Decimal(bid) >= Decimal(ask)

    def depth(self, within: Decimal) -> tuple[list[Level], list[Level]]:
        """Levels whose price is at most `within` (quote) away from the mid, best first."""
        mid = self.mid
        if mid is None:
            return self.bids, self.asks
        low, high = mid - within, mid + within
        return (
            [level for level in self.bids if Decimal(level[0]) >= low],
            [level for level in self.asks if Decimal(level[0]) <= high],
        )

    def walk(self, side: Side, amount: Decimal) -> tuple[Decimal, Decimal]:
        """What a market order of `amount` (base) would fill now: (base filled, quote paid or received)."""
        left, quote = amount, Decimal(0)
        for price, size in self.asks if side is Side.BUY else self.bids:
            take = min(left, Decimal(size))
            quote += take * Decimal(price)
            left -= take
            if not left:
                break
        return amount - left, quote

    def level_frame(self, side: Side, price: str) -> int | None:
        """Number of the message that set this level, if it is among the newest changes or came with the snapshot.

        None: older than the changes kept here; the frame log may still know (`Exchange.level_frame`).
        """
        known: list[_Numbered] = [*self._kept, *(self._fresh or ())]
        for frame, change in reversed(known):
            for level in change.bids if side is Side.BUY else change.asks:
                if level[0] == price:
                    return frame
        return self.snapshot_frame if self.diffs - self._diffs_at_snapshot == len(known) else None

    def _settle(self) -> None:
        """Bring the sorted sides up to date: level by level after a few changes, else all anew."""
        if self._sorted_version == self.version:
            return
        fresh = self._fresh
        bids: dict[str, str] | None = None
        asks: dict[str, str] | None = None
        if fresh is None:
            self._kept.clear()
        else:
            bids, asks = {}, {}
            for _, change in fresh:
                bids.update(change.bids)
                asks.update(change.asks)
            self._kept.extend(fresh)
        self._settle_side(self._bids, bids)
        self._settle_side(self._asks, asks)
        self._fresh = []
        if self.depth_limit:
            self._bids.cut(self.depth_limit)
            self._asks.cut(self.depth_limit)
        self._sorted_version = self.version

    def _settle_side(self, side: _Levels, changed: dict[str, str] | None) -> None:
        """`changed`: amounts by price as the newest changes left them; None where they are too many."""
        bad = _bad_levels(side, changed)
        if bad:
            self._drop(side, bad)
        if changed is None or not side.settled:
            side.settle_all()
        else:
            side.settle(changed)

    def _drop(self, side: _Levels, bad: list[Level]) -> None:
        """Leave out what cannot be read. It hides what truly stands there: near the touch the book is not believed."""
        for price, _ in bad:
            del side.amounts[price]
        side.settled = False
        self.bad_levels += len(bad)
        near = next((level for level in bad if side.rank(level[0]) < _NEAR), None)
        if near is not None and self.state is _LIVE:
            words = ", ".join(f"{name} {text[:24]!r}" for name, text in zip(("price", "amount"), near, strict=True))
            self.set_state(BookState.STALE, f"unreadable level: {words}")


class Lane:
    """What the messages of one connection may change at once: a `LaneSource` applies a change that follows the last one
    of a live book itself, and no event is made of it.
    """

    __slots__ = ("met", "number", "_books", "_listeners")

    def __init__(self, books: Mapping[str, OrderBook], listeners: Collection[object] = ()) -> None:
        """While there are `listeners`, every change must become an event."""
        self.met: dict[str, OrderBook] = {}
        """Books by the exchange's name for the pair, as far as `meet` found them."""
        self.number: int | None = None
        """Of the connection's last message, where the exchange numbers them."""
        self._books = books
        self._listeners = listeners

    def find(self, pair: str) -> OrderBook | None:
        """The book that may be changed, None where events must be made."""
        return None if self._listeners else self._books.get(pair)

    def meet(self, symbol: str, pair: str) -> OrderBook | None:
        """As `find`, and remember it by the exchange's symbol."""
        book = self.find(pair)
        if book is not None:
            self.met[symbol] = book
        return book

    def forget(self) -> None:
        """A book went, or listeners came: look for the books anew."""
        self.met.clear()


class BookSync:
    """Decides whether a message may change the book: buffer, join, live, stale.

    A chained feed (`prev_id`) joins only where the chain is unbroken; a ranged feed (`first_id`..`last_id`) may start
    before its snapshot and joins where the range spans it; a feed without ids is applied as it comes. Both `on_*`
    return None, or the words that name the gap; the book is stale from that moment until the next snapshot that joins.
    """

    MAX_BUFFERED = 10_000

    def __init__(self, book: OrderBook) -> None:
        self.book = book
        self.gaps = 0
        self.ignored = 0
        self._early: deque[BookDiff] = deque(maxlen=self.MAX_BUFFERED)

    @property
    def buffered(self) -> int:
        """Changes that wait for a snapshot."""
        return len(self._early)

    def reset(self, reason: str) -> None:
        """The stream broke or will be asked again: nothing known is live any more."""
        self._early.clear()
        if self.book.state is not BookState.WAITING or self.book.reason != reason:
            self.book.set_state(BookState.STALE if self.book.snapshots else BookState.WAITING, reason)

    def on_snapshot(self, snapshot: BookSnapshot) -> str | None:
        early = self._early
        if early and early[0].first_id is not None and snapshot.last_id is not None:
            if snapshot.last_id < early[0].first_id - 1:
                return f"snapshot {snapshot.last_id} is older than the first change {early[0].first_id}"
        self.book.apply_snapshot(snapshot)
        self.book.set_state(BookState.LIVE)
        waiting = [diff for diff in early if diff.first_id is not None]
        early.clear()
        for diff in waiting:
            if gap := self.on_diff(diff):
                return gap
        return None

    def on_diff(self, diff: BookDiff) -> str | None:
        book = self.book
        if book.follow(diff, diff.prev_id, diff.frame):
            return None
        if book.state is _LIVE:
            if diff.prev_id is not None:
                return self._chain_broken(diff)
            if diff.first_id is None:
                book.apply_diff(diff)
                return None
            return self._ranged(diff)
        if diff.first_id is not None:
            self._early.append(diff)
        return None

    def _chain_broken(self, diff: BookDiff) -> str | None:
        last, change = self.book.last_id, self.book.last_change
        if last is not None and diff.last_id is not None and diff.prev_id is not None:
            # An old one begins no later than the last one applied: what begins after it and ends before is no repeat.
            begun = change is None or change.prev_id is None or diff.prev_id <= change.prev_id
            if begun and diff.last_id <= last and diff.prev_id < diff.last_id:
                self.ignored += 1
                return None
        return self.gap(f"at {last}, got a change that follows {diff.prev_id}")

    def _ranged(self, diff: BookDiff) -> str | None:
        book = self.book
        if book.last_id is None or diff.last_id is None or diff.first_id is None:
            book.apply_diff(diff)
            return None
        change = book.last_change
        # Once joined, a feed tells every number once: a range that begins within the last one is neither old nor next.
        within = change is not None and change.first_id is not None and change.first_id < diff.first_id <= book.last_id
        if diff.last_id <= book.last_id and not within:
            self.ignored += 1
            return None
        if diff.first_id <= book.last_id + 1 and not within:
            book.apply_diff(diff)
            return None
        return self.gap(f"at {book.last_id}, got {diff.first_id}..{diff.last_id}")

    def gap(self, words: str) -> str:
        """Something was lost: the book is stale until a snapshot joins."""
        self.gaps += 1
        self.book.set_state(BookState.STALE, f"gap: {words}")
        return words
