"""The lines of a price ladder, exact and in order: grouping, cumulated sizes, empty prices. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from app.core.order_book import OrderBook
from app.core.trading_rule import TradingRule
from app.core.types import Level, Side
from app.ui import format as show

FACTORS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_ZERO = Decimal(0)
_REMEMBER = 50_000


class Line(NamedTuple):
    """One price of the ladder. Sizes in base, None where nothing rests; `total` is cumulated from the best price.

    `levels` says how many of the venue's prices the line stands for.
    """

    price: str
    side: Side | None
    bid: Decimal | None = None
    ask: Decimal | None = None
    total: Decimal | None = None
    levels: int = 1

    @property
    def amount(self) -> Decimal | None:
        return self.bid if self.side is Side.BUY else self.ask


BLANK = Line("", None)
SPREAD = Line("spread", None)


def tick_of(rule: TradingRule | None, book: OrderBook | None) -> Decimal:
    """The market's tick; without a rule, the finest spelling among the best prices."""
    if rule is not None:
        return rule.min_price_increment
    places = 0
    if book is not None:
        bids, asks = book.top(20)
        places = max((show.decimals_of(Decimal(price)) for price, _ in (*bids, *asks)), default=0)
    return Decimal(1).scaleb(-places)


class Grouping:
    """Puts levels on a price step: bids round down, asks round up, so that no line looks better than it is."""

    def __init__(self, step: Decimal) -> None:
        self.step = step
        self._lines: dict[Side, dict[str, int]] = {Side.BUY: {}, Side.SELL: {}}

    def index(self, price: str, side: Side) -> int:
        known = self._lines[side]
        at = known.get(price)
        if at is None:
            whole, rest = divmod(Decimal(price), self.step)
            at = int(whole) + (1 if rest and side is Side.SELL else 0)
            if len(known) > _REMEMBER:
                known.clear()
            known[price] = at
        return at

    def price(self, index: int) -> str:
        return show.plain(self.step * index)

    def lines(self, levels: Iterable[Level], side: Side, count: int) -> list[Line]:
        """At most `count` complete lines, best first."""
        made: list[Line] = []
        last: int | None = None
        amount = total = _ZERO
        together = 0
        buy = side is Side.BUY
        for price, size in levels:
            at = self.index(price, side)
            if at != last:
                if last is not None:
                    made.append(_line(self.price(last), buy, amount, total, together))
                    if len(made) == count:
                        return made
                last, amount, together = at, _ZERO, 0
            size_now = Decimal(size)
            amount += size_now
            total += size_now
            together += 1
        if last is not None:
            made.append(_line(self.price(last), buy, amount, total, together))
        return made


def _line(price: str, buy: bool, amount: Decimal, total: Decimal, levels: int) -> Line:
    if buy:
        return Line(price, Side.BUY, amount, None, total, levels)
    return Line(price, Side.SELL, None, amount, total, levels)


def plain_lines(levels: Sequence[Level], side: Side, count: int) -> list[Line]:
    """Ungrouped: the venue's own prices, best first."""
    total = _ZERO
    buy = side is Side.BUY
    made = []
    for price, size in levels[:count]:
        amount = Decimal(size)
        total += amount
        made.append(_line(price, buy, amount, total, 1))
    return made


def side_lines(book: OrderBook, side: Side, grouping: Grouping | None, count: int) -> list[Line]:
    levels = book.bids if side is Side.BUY else book.asks
    return plain_lines(levels, side, count) if grouping is None else grouping.lines(levels, side, count)


def book_lines(book: OrderBook, grouping: Grouping | None, above: int, below: int, offset: int) -> list[Line]:
    """The compact form, top to bottom: `above` asks with the best one lowest, the spread, then `below` bids.

    `offset` rows of scrolling: above zero shows more asks and fewer bids. Blank where a side has no more levels.
    """
    top, bottom = above + offset, offset - below
    asks = side_lines(book, Side.SELL, grouping, max(0, top))
    bids = side_lines(book, Side.BUY, grouping, max(0, -bottom))
    made = []
    for place in range(top, bottom - 1, -1):
        if place == 0:
            made.append(SPREAD)
        else:
            side, at = (asks, place - 1) if place > 0 else (bids, -place - 1)
            made.append(side[at] if at < len(side) else BLANK)
    return made


def dom_lines(book: OrderBook, grouping: Grouping, top: int, count: int) -> list[Line]:
    """One line per price step from index `top` downwards, also where nothing rests."""
    bottom = top - count + 1
    bids = _by_index(book.bids, Side.BUY, grouping, lambda at: at < bottom)
    asks = _by_index(book.asks, Side.SELL, grouping, lambda at: at > top)
    made = []
    for at in range(top, bottom - 1, -1):
        if at <= 0:
            made.append(BLANK)
            continue
        bid, ask = bids.get(at), asks.get(at)
        side = Side.BUY if bid else Side.SELL if ask else None
        made.append(
            Line(
                grouping.price(at),
                side,
                bid[0] if bid else None,
                ask[0] if ask else None,
                None,
                (bid or ask or (0, 0))[1],
            )
        )
    return made


def _by_index(
    levels: Sequence[Level], side: Side, grouping: Grouping, beyond: Callable[[int], bool]
) -> dict[int, tuple[Decimal, int]]:
    found: dict[int, tuple[Decimal, int]] = {}
    for price, size in levels:
        at = grouping.index(price, side)
        if beyond(at):
            break
        amount, together = found.get(at, (_ZERO, 0))
        found[at] = (amount + Decimal(size), together + 1)
    return found


def held_lines(book: OrderBook, grouping: Grouping | None, shown: Sequence[Line]) -> list[Line]:
    """The same prices in the same places with the sizes of now; None where nothing rests any more."""
    count = 4 * len(shown) + 100
    now = {
        (line.side, line.price): line
        for side in (Side.BUY, Side.SELL)
        for line in side_lines(book, side, grouping, count)
    }
    return [
        line if line.side is None else now.get((line.side, line.price), Line(line.price, line.side)) for line in shown
    ]


class Touch(NamedTuple):
    """Best prices in the venue's spelling; `spread` in quote, `share` of it as a fraction of the mid."""

    bid: str | None
    ask: str | None
    spread: Decimal | None
    share: Decimal | None


def touch_of(book: OrderBook) -> Touch:
    bid, ask = book.best_bid, book.best_ask
    if bid is None or ask is None:
        return Touch(bid, ask, None, None)
    low, high = Decimal(bid), Decimal(ask)
    return Touch(bid, ask, high - low, (high - low) * 2 / (high + low) if high + low else None)
