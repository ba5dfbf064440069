"""A seeded market: makers, takers and cancellations around a moving fair price. Same seed and clock, same market."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from math import exp, log, sqrt
from random import Random

from app.core.clock import NS_PER_S, Clock
from app.core.types import Side
from app.paper.listings import Instrument, Listing
from app.paper.matching import BookSide
from app.paper.venue import Venue

_SECONDS_PER_DAY = 86_400.0
_REVERSION_S = 6 * 3600.0
_CROSS_REVERSION_S = 30.0
_ORDERS_PER_LEVEL = 2.4
_FEWEST_LEVELS, _MOST_LEVELS = 24, 56
_VISIBLE_REACH = 6.0
"""Mean rank, counted from the best price, of the level that an action touches."""


class _PairFlow:
    """Fair price and temper of one pair. Floats model behaviour only; everything sent to the venue is integer."""

    def __init__(self, listing: Listing, venue: Venue, rng: Random, now_ns: int) -> None:
        self.listing = listing
        self.instrument: Instrument = listing.instrument
        self.book = venue.books[self.instrument.pair]
        self._venue = venue
        self._rng = rng
        self._home = log(self.instrument.ticks(listing.reference_price)) + rng.gauss(0.0, 0.01)
        self.log_fair = self._home
        self._follows = False
        self._last_ns = now_ns
        self._heat = 0.0
        self._sides = ((Side.BUY, self.book.bids), (Side.SELL, self.book.asks))
        self._levels_wanted = rng.randint(30, 44)

    @property
    def fair_ticks(self) -> float:
        return exp(self.log_fair)

    def follow(self, log_fair: float) -> None:
        """Keep close to a price that two other pairs imply, from the first call on."""
        if not self._follows:
            self._follows, self.log_fair = True, log_fair
        self._home = log_fair

    def drift(self, now_ns: int) -> None:
        seconds = (now_ns - self._last_ns) / NS_PER_S
        if seconds <= 0.0:
            return
        self._last_ns = now_ns
        seconds = min(seconds, 60.0)
        sigma = self.listing.daily_volatility / sqrt(_SECONDS_PER_DAY)
        speed = min(1.0, seconds / (_CROSS_REVERSION_S if self._follows else _REVERSION_S))
        swing = sigma * sqrt(seconds) * (0.7 + 0.3 * self._heat)
        self.log_fair += (self._home - self.log_fair) * speed + swing * self._rng.gauss(0.0, 1.0)

    def populate(self) -> None:
        for side in (Side.BUY, Side.SELL):
            distance = self.listing.spread_ticks / 2
            for _ in range(self._levels_wanted):
                self._quote_at(side, distance)
                distance += 1.0 + self._gap()

    def act(self) -> None:
        """One thing that some participant does."""
        self._heat *= 0.985
        fair = self.fair_ticks
        best_bid, best_ask = self.book.bids.best(), self.book.asks.best()
        if best_ask is not None and fair > best_ask:
            return self._informed_take(Side.BUY, int(fair))
        if best_bid is not None and fair < best_bid:
            return self._informed_take(Side.SELL, int(fair) + 1)
        wide = self.listing.spread_ticks + 1.5 * self.listing.level_gap_ticks
        bid_away = fair - best_bid if best_bid is not None else wide * 9
        ask_away = best_ask - fair if best_ask is not None else wide * 9
        if max(bid_away, ask_away) > wide and self._rng.random() < 0.6:
            side = Side.BUY if bid_away > ask_away else Side.SELL
            return self._quote_at(side, self.listing.spread_ticks / 2 + self._gap() * self._rng.random())
        if self._rng.random() < 0.05 + 0.12 * self._heat / (1.0 + self._heat):
            return self._noise_take()
        self._tend()

    def _tend(self) -> None:
        """Add to a side or take away from it, so that both keep about as many levels as this market likes."""
        crowding = {side: self._crowding(book) for side, book in self._sides}
        thin, thick = sorted(self._sides, key=lambda entry: crowding[entry[0]])
        even = self._rng.random() < 0.4
        if self._rng.random() < 0.8:
            if len(thin[1]) < _FEWEST_LEVELS:
                return self._quote(*thin)
            if len(thick[1]) > _MOST_LEVELS:
                return self._withdraw(thick[1], deepest=True)
        if self._rng.random() < 0.5 - 0.8 * (crowding[thin[0]] + crowding[thick[0]]) / 2:
            self._quote(*(thick if even else thin))
        else:
            _, book_side = thin if even else thick
            self._withdraw(book_side, deepest=self._rng.random() < 0.2)

    def _crowding(self, book_side: BookSide) -> float:
        crowd = max(len(book_side), book_side.order_count / _ORDERS_PER_LEVEL)
        return crowd / self._levels_wanted - 1.0

    def _gap(self) -> float:
        return self._rng.expovariate(1.0 / self.listing.level_gap_ticks)

    def _informed_take(self, side: Side, limit_ticks: int) -> None:
        """Somebody who knows the fair price takes what is offered beyond it, mostly in one sweep."""
        self._heat = min(self._heat + 0.2, 3.0)
        far = self.book.asks if side is Side.BUY else self.book.bids
        stale = far.order_count if self._rng.random() < 0.8 else 1
        self._venue.take(self.instrument.pair, side, limit_ticks, self._lots(0.6) * stale)

    def _noise_take(self) -> None:
        side = Side.BUY if self._rng.random() < 0.5 else Side.SELL
        far = self.book.asks if side is Side.BUY else self.book.bids
        if far.keys:
            reach = far.keys[min(int(self._rng.expovariate(1.2)), len(far.keys) - 1)]
            self._venue.take(self.instrument.pair, side, reach * far.sign, self._lots(0.35 * (1.0 + self._heat)))

    def _quote(self, side: Side, book_side: BookSide) -> None:
        rank = int(self._rng.expovariate(1.0 / _VISIBLE_REACH))
        if rank < len(book_side.keys) and self._rng.random() < 0.3:
            ticks = book_side.keys[rank] * book_side.sign
            self._venue.quote(self.instrument.pair, side, ticks, self._lots(1.0))
            return
        if len(book_side.keys) < self._levels_wanted * 0.8:
            rank = int(self._rng.random() * self._levels_wanted)
        distance = rank * self.listing.level_gap_ticks * (0.5 + self._rng.random())
        self._quote_at(side, self.listing.spread_ticks / 2 + distance)

    def _quote_at(self, side: Side, distance: float) -> None:
        """Stand `distance` ticks away from the fair price, or just behind the other side where that would cross."""
        fair = self.fair_ticks
        if side is Side.BUY:
            ticks = int(fair - distance)
            best_ask = self.book.asks.best()
            ticks = ticks if best_ask is None else min(ticks, best_ask - 1)
        else:
            ticks = int(fair + distance) + 1
            best_bid = self.book.bids.best()
            ticks = ticks if best_bid is None else max(ticks, best_bid + 1)
        self._venue.quote(self.instrument.pair, side, max(1, ticks), self._lots(1.0))

    def _withdraw(self, book_side: BookSide, *, deepest: bool) -> None:
        if len(book_side.keys) < 8:
            return
        rank = len(book_side.keys) - 1 if deepest else int(self._rng.expovariate(1.0 / _VISIBLE_REACH))
        key = book_side.keys[min(rank, len(book_side.keys) - 1)]
        for order in book_side.levels[key].queue.values():
            if not order.owner:
                return self._venue.withdraw(order)

    def _lots(self, scale: float) -> int:
        notional = self.listing.typical_notional * scale * exp(self._rng.gauss(-0.3, 1.0))
        lots = int(notional / self.fair_ticks * 10**self.instrument.cell_scale)
        minimum = self.instrument.lots(self.instrument.min_quantity)
        if lots > 100 and self._rng.random() < 0.55:
            unit = 10 ** (len(str(lots)) - 2)
            lots -= lots % unit
        return max(lots, minimum)


class MarketFlow:
    """All seeded participants of a venue."""

    def __init__(self, venue: Venue, listings: Sequence[Listing], rng: Random, clock: Clock) -> None:
        self._rng = rng
        self._clock = clock
        now_ns = clock.wall_ns()
        self._pairs = [_PairFlow(listing, venue, rng, now_ns) for listing in listings]
        self._by_pair = {flow.instrument.pair: flow for flow in self._pairs}
        self._weights = list(accumulate(listing.activity for listing in listings))
        self._link_cross()

    def populate(self) -> None:
        """Fill the empty books."""
        for flow in self._pairs:
            flow.populate()

    def step(self) -> None:
        """One participant of one pair does one thing; most steps change one book."""
        flow = self._pairs[bisect(self._weights, self._rng.random() * self._weights[-1])]
        flow.drift(self._clock.wall_ns())
        if flow is self._cross:
            self._link_cross()
        flow.act()

    def fair_ticks(self, pair: str) -> int:
        return round(self._by_pair[pair].fair_ticks)

    def _link_cross(self) -> None:
        """ETH-BTC follows ETH-USDT over BTC-USDT, so that no triangle of seeded prices drifts apart."""
        self._cross = self._by_pair.get("ETH-BTC")
        eth, btc = self._by_pair.get("ETH-USDT"), self._by_pair.get("BTC-USDT")
        if self._cross and eth and btc:
            scales = [f.instrument.price_scale for f in (self._cross, eth, btc)]
            shift = (scales[0] - scales[1] + scales[2]) * log(10.0)
            self._cross.follow(eth.log_fair - btc.log_fair + shift)
