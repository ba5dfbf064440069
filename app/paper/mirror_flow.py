"""A market fed from outside instead of seeded: its levels rest here, its trades fill orders here. No I/O, no protocol.

How a paper order fares against a market that does not know it:

- Outside levels stand in the book as orders without an account. What a user takes of a level stays taken until the
  outside market says something new of that price.
- A resting order queues behind what stood at its price when it came. Outside trades at that price use up what is ahead,
  then fill the order; levels that shrink without a trade are cancels, and those leave from behind first, so an order is
  never filled earlier than it would have been outside.
- A trade at a worse price passed through the order, and a level that crosses it met it. Both fill no more than was
  traded or shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache

import msgspec
from msgspec import Struct

from app.core.account import FeeSchedule
from app.core.trading_rule import TradingRule
from app.core.types import Level, Side
from app.paper.accounts import Fees
from app.paper.listings import Instrument, Listing
from app.paper.matching import BookSide, Ending, Match
from app.paper.orders import Order, OrderKind, OrderState
from app.paper.units import ATOM_SCALE
from app.paper.venue import Venue

EXPLAINED_WITHIN_MS = 1000
"""How long after a level shrank a trade may still turn out to be the reason; exchanges print trades in batches."""


class MirrorTerms(Struct, frozen=True, kw_only=True):
    """What the mirrored markets decide. Steps that are no power of ten are listed by their decimals only."""

    rules: Mapping[str, TradingRule]
    prices: Mapping[str, Decimal]
    """Last price by pair, in quote units."""
    fees: FeeSchedule

    def covers(self, pair: str) -> bool:
        """Whether that market can be mirrored: known outside, with steps that money here can be counted in."""
        rule = self.rules.get(pair)
        if rule is None or rule.min_price_increment <= 0 or rule.min_base_amount_increment <= 0:
            return False
        return _decimals(rule.min_price_increment) + _decimals(rule.min_base_amount_increment) <= ATOM_SCALE

    def listing(self, seeded: Listing) -> Listing:
        """The listing by the mirrored market's rules and last price; one that is not covered stays as it is."""
        instrument = self.instrument(seeded.instrument)
        if instrument is seeded.instrument:
            return seeded
        step = Decimal(1).scaleb(-instrument.price_scale)
        price = self.prices.get(instrument.pair, seeded.reference_price).quantize(step, ROUND_HALF_EVEN)
        return msgspec.structs.replace(seeded, instrument=instrument, reference_price=max(price, step))

    def instrument(self, seeded: Instrument) -> Instrument:
        """An alias keeps the scales of the book it shares."""
        book = seeded.book or seeded.pair
        if not self.covers(book):
            return seeded
        rule, own = self.rules[book], self.rules.get(seeded.pair, self.rules[book])
        lot = Decimal(1).scaleb(-_decimals(rule.min_base_amount_increment))
        least = own.min_order_size.quantize(lot, ROUND_CEILING)
        if least == own.min_order_size:
            # Clients see it in the exchange's own spelling.
            least = own.min_order_size
        return msgspec.structs.replace(
            seeded,
            price_scale=_decimals(rule.min_price_increment),
            quantity_scale=_decimals(rule.min_base_amount_increment),
            amount_scale=_decimals(own.min_quote_amount_increment),
            min_quantity=max(lot, least),
            min_amount=own.min_notional_size,
        )

    def account_fees(self, seeded: Fees) -> Fees:
        return msgspec.structs.replace(seeded, maker=self.fees.maker, taker=self.fees.taker)


_IN_FORCE: ContextVar[MirrorTerms | None] = ContextVar("mirror terms", default=None)


@contextmanager
def mirroring(terms: MirrorTerms) -> Iterator[None]:
    """Desks opened within mirror these markets. Dialects open their desks themselves, hence no argument."""
    token = _IN_FORCE.set(terms)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


def terms_in_force() -> MirrorTerms | None:
    return _IN_FORCE.get()


class MirrorVenue(Venue):
    """A venue whose anonymous orders follow somebody else's book; `settle` ends each step of that."""

    def rest(self, pair: str, side: Side, ticks: int, lots: int) -> Order | None:
        """Show outside volume; None when it would cross."""
        order = self._outsider(pair, side, ticks, lots)
        _, ending = self.books[pair].submit(order)
        return order if ending is Ending.RESTS else None

    def lower(self, order: Order, lots: int) -> None:
        """Take that much off an order of `rest`; it keeps its place."""
        if lots >= order.remaining_lots:
            self.books[order.pair].remove(order)
            order.state = OrderState.CANCELED
        else:
            self.books[order.pair].shrink(order, order.lots - lots)

    def fill(self, order: Order, lots: int) -> None:
        """Somebody outside takes that much, no more than it shows, of a user's resting order at its price."""
        book = self.books[order.pair]
        side = book.bids if order.side is Side.BUY else book.asks
        side.reduce(order.ticks * side.sign, order, lots)
        order.filled_lots += lots
        order.filled_cells += lots * order.ticks
        self._announce_book(order.pair, self.now_ms())
        self._report(order, lots)

    def print_trade(self, pair: str, taker: Side, ticks: int, lots: int) -> None:
        """A trade between two outsiders."""
        maker = self._outsider(pair, taker.opposite, ticks, lots)
        maker.filled_lots = lots
        self._report(maker, lots)

    def settle(self, pair: str) -> None:
        """Announce the book and release the stops that the trades since the last call reached."""
        now_ms = self.now_ms()
        self._announce_book(pair, now_ms)
        reached, self._reached = list(self._reached), ()
        if reached:
            self._release_triggered(pair, reached, now_ms)

    _reached: Sequence[Match] = ()

    def _report(self, maker: Order, lots: int) -> None:
        taker = self._outsider(maker.pair, maker.side.opposite, maker.ticks, lots)
        match = Match(maker, maker.ticks, lots)
        self._execute(taker, match, lots, lots * maker.ticks, Ending.FILLED, self.now_ms())
        self._reached = (*self._reached, match)

    def _outsider(self, pair: str, side: Side, ticks: int, lots: int) -> Order:
        self._next_maker_id -= 1
        return Order(
            order_id=self._next_maker_id,
            owner="",
            pair=pair,
            side=side,
            kind=OrderKind.POST_ONLY,
            ticks=ticks,
            lots=lots,
        )


class QueuePlace:
    """What stands ahead of one resting order at its price, outside. Amounts are lots, times are ms of one clock."""

    def __init__(self, ticks: int, lots: int, ahead: int | None) -> None:
        """`ahead` None: the price lies beyond what the outside market shows, so nobody knows."""
        self.ticks = ticks
        self.lots = lots
        self.ahead = ahead
        self._cut = 0
        self._cut_ms = 0

    def shows(self, lots: int, now_ms: int) -> None:
        """The level is that big now: no more than that can be ahead."""
        if self.ahead is None:
            self.ahead = lots
        elif lots < self.ahead:
            self._cut = self._unexplained(now_ms) + self.ahead - lots
            self._cut_ms = now_ms
            self.ahead = lots

    def trades(self, lots: int, now_ms: int) -> int:
        """That much was traded at the price; returns how much of it got past what was ahead."""
        if self.ahead is None:
            return 0
        known = min(lots, self._unexplained(now_ms))
        self._cut = self._unexplained(now_ms) - known
        past = lots - known - self.ahead
        self.ahead = max(0, -past)
        return max(0, past)

    def goes_first(self) -> None:
        """The price was traded through: nothing is ahead any more."""
        self.ahead = self._cut = 0

    def _unexplained(self, now_ms: int) -> int:
        return self._cut if now_ms - self._cut_ms <= EXPLAINED_WITHIN_MS else 0


class _MirroredSide:
    """One side of one outside book, in ticks and lots, and the orders that stand for it here."""

    def __init__(self, instrument: Instrument, side: Side, resting: BookSide) -> None:
        self.side = side
        self.resting = resting
        self.sign = resting.sign
        self.lots: dict[int, int] = {}
        self.quotes: dict[int, list[Order]] = {}
        self.blocked: set[int] = set()
        """Ticks of levels that do not rest: a user's order stands across them, or the market was halted."""
        self._instrument = instrument
        self._shown: dict[str, str] = {}
        self._rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        self._edge: int | None = None

    def read(self, levels: Sequence[Level]) -> dict[int, int]:
        """Take the levels, best first, and return the former lots of those that changed, by ticks."""
        shown = dict(levels)
        former: dict[int, int] = {}
        for price in {price for price, _ in shown.items() ^ self._shown.items()}:
            ticks = self.ticks(price)
            known = self.lots.get(ticks, 0)
            former.setdefault(ticks, known)
            lots = known + self._amount(shown.get(price, "0")) - self._amount(self._shown.get(price, "0"))
            if lots:
                self.lots[ticks] = lots
            else:
                self.lots.pop(ticks, None)
        self._shown = shown
        self._edge = self.ticks(levels[-1][0]) * self.sign if levels else None
        return former

    def ticks(self, price: str) -> int:
        """A price between two ticks counts as the worse one."""
        return _units(price, self._instrument.price_scale, self._rounding)

    def sees(self, ticks: int) -> bool:
        """Whether the outside book reaches that far."""
        return self._edge is not None and ticks * self.sign <= self._edge

    def standing(self, ticks: int) -> int:
        """Lots of our orders at a price, forgetting those that are used up."""
        quotes = [order for order in self.quotes.get(ticks, ()) if order.state.is_open]
        if quotes:
            self.quotes[ticks] = quotes
        else:
            self.quotes.pop(ticks, None)
        return sum(order.remaining_lots for order in quotes)

    def users(self, ticks: int) -> list[Order]:
        """Users' resting orders at this price or a better one, in price-time priority."""
        found = []
        for key in self.resting.keys:
            if key > ticks * self.sign:
                break
            found += [order for order in self.resting.levels[key].queue.values() if order.owner]
        return found

    def _amount(self, text: str) -> int:
        return _units(text, self._instrument.quantity_scale, ROUND_FLOOR)


class MirrorFlow:
    """All outside markets of a venue. `show` and `trade` are one step each; the desk publishes what came of them."""

    def __init__(self, venue: MirrorVenue, listings: Iterable[Listing]) -> None:
        self._venue = venue
        self._anchors = {x.instrument.pair: x.instrument.ticks(x.reference_price) for x in listings}
        self._sides: dict[str, dict[Side, _MirroredSide]] = {}
        for pair in self._anchors:
            instrument, book = venue.instruments[pair], venue.books[pair]
            self._sides[pair] = {
                Side.BUY: _MirroredSide(instrument, Side.BUY, book.bids),
                Side.SELL: _MirroredSide(instrument, Side.SELL, book.asks),
            }
        self._places: dict[str, dict[int, QueuePlace]] = {pair: {} for pair in self._anchors}

    def populate(self) -> None:
        """Nothing stands before the outside market has spoken."""

    def step(self) -> None:
        """Nothing moves by itself."""

    def fair_ticks(self, pair: str) -> int:
        """The last outside price when the desk was opened."""
        return self._anchors[pair]

    def show(self, pair: str, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """The outside book is now this, best first, and not crossed. Deeper levels count as unknown, not as empty."""
        sides = self._sides[pair]
        places = self._notice(pair)
        taken: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        for side, levels in ((sides[Side.BUY], bids), (sides[Side.SELL], asks)):
            for ticks, former in side.read(levels).items():
                standing = side.standing(ticks)
                taken[side.side][ticks] = max(0, former - standing)
                self._lower(side, ticks, standing - side.lots.get(ticks, 0))
        for side in sides.values():
            for ticks in sorted({*taken[side.side], *side.blocked}, key=lambda ticks: ticks * side.sign):
                self._raise(pair, side, ticks, taken[side.side].get(ticks))
        now_ms = self._venue.now_ms()
        for side in sides.values():
            for order in self._resting_users(side):
                if order.order_id in places and side.sees(order.ticks):
                    places[order.order_id].shows(side.lots.get(order.ticks, 0), now_ms)
        self._venue.settle(pair)

    def trade(self, pair: str, taker: Side, price: str, amount: str, time_ms: int) -> None:
        """A trade outside, at that moment of the venue's clock; orders that came later are none of its business."""
        hit = self._sides[pair][taker.opposite]
        instrument = self._venue.instruments[pair]
        # Rounded against the resting user, where the price is off the scale.
        ticks = _units(price, instrument.price_scale, ROUND_CEILING if taker is Side.SELL else ROUND_FLOOR)
        left = _units(amount, instrument.quantity_scale, ROUND_FLOOR)
        places = self._notice(pair)
        now_ms = self._venue.now_ms()
        for order in hit.users(ticks):
            if order.working_ms > time_ms:
                continue
            place = places[order.order_id]
            if order.ticks != ticks:
                place.goes_first()
                left -= self._fill(order, left)
                continue
            shown = order.visible_lots
            reach = min(place.trades(left, now_ms), shown)
            if reach:
                self._venue.fill(order, reach)
                left -= reach
                if reach == shown:
                    # The next part of an iceberg queues anew.
                    del places[order.order_id]
        if left > 0:
            self._venue.print_trade(pair, taker, ticks, left)
        self._venue.settle(pair)

    def halt(self, pair: str) -> None:
        """Nobody knows the outside book any more: nothing may fill against what it was, not even an amended order.
        It comes back with the next `show`; places in the queue are kept."""
        for side in self._sides[pair].values():
            for ticks in list(side.quotes):
                self._lower(side, ticks, side.standing(ticks))
            side.blocked.update(side.lots)
        self._venue.settle(pair)

    def ahead_of(self, order: Order) -> int | None:
        """Outside lots that must trade at its price first; None where the outside book does not reach."""
        return self._notice(self._venue.books[order.pair].pair)[order.order_id].ahead

    def _notice(self, pair: str) -> dict[int, QueuePlace]:
        """Places of the users' orders that rest now. Nothing outside happened since they came, so they start here."""
        known = self._places[pair]
        places: dict[int, QueuePlace] = {}
        for side in self._sides[pair].values():
            for order in self._resting_users(side):
                place = known.get(order.order_id)
                if place is None or place.ticks != order.ticks or order.lots > place.lots:
                    seen = side.lots.get(order.ticks, 0) if side.sees(order.ticks) else None
                    place = QueuePlace(order.ticks, order.lots, seen)
                place.lots = order.lots
                places[order.order_id] = place
        self._places[pair] = places
        return places

    def _resting_users(self, side: _MirroredSide) -> list[Order]:
        return [
            order
            for ledger in self._venue.ledgers.values()
            for order in ledger.open.values()
            if order.side is side.side
            and order.order_id in getattr(side.resting.levels.get(order.ticks * side.sign), "queue", ())
        ]

    def _lower(self, side: _MirroredSide, ticks: int, excess: int) -> None:
        for order in reversed(side.quotes.get(ticks, ())):
            if excess <= 0:
                break
            part = min(excess, order.remaining_lots)
            self._venue.lower(order, part)
            excess -= part
        side.standing(ticks)

    def _raise(self, pair: str, side: _MirroredSide, ticks: int, taken: int | None) -> None:
        """Bring a level up to the outside one. `taken` of it users had before; None: it has not changed since."""
        side.blocked.discard(ticks)
        wanted, standing = side.lots.get(ticks, 0), side.standing(ticks)
        if wanted <= standing:
            return
        across = self._sides[pair][side.side.opposite]
        best = across.resting.best()
        if best is not None and best * side.sign >= ticks * side.sign:
            # What users had of a level already does not come back to fill them again.
            fresh = 0 if taken is None else max(0, wanted - standing - taken)
            for order in across.users(ticks):
                fresh -= self._fill(order, fresh)
            wanted = standing + fresh
        if wanted > standing and (order_here := self._venue.rest(pair, side.side, ticks, wanted - standing)):
            side.quotes.setdefault(ticks, []).append(order_here)
        elif side.standing(ticks) < side.lots.get(ticks, 0):
            side.blocked.add(ticks)

    def _fill(self, order: Order, lots: int) -> int:
        """Fill up to that much of an order, part by part where it hides some; returns what it got."""
        got = 0
        while got < lots and order.state.is_open:
            part = min(lots - got, order.visible_lots)
            self._venue.fill(order, part)
            got += part
        return got


@lru_cache(maxsize=65_536)
def _units(text: str, scale: int, rounding: str) -> int:
    return int(Decimal(text).scaleb(scale).to_integral_value(rounding=rounding))


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
