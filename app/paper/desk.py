"""A whole paper exchange without a protocol: venue, market, tapes, one funded account. No sockets, no timers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random

from app.core.clock import NS_PER_MS, Clock
from app.paper.accounts import Account, AccountBook, Credentials, Fees
from app.paper.bars import BarInterval, Interval, SeededPast
from app.paper.events import Event, Execution
from app.paper.flow import MarketFlow
from app.paper.kill_switch import KillSwitches
from app.paper.listings import LISTINGS, STARTING_BALANCES, Instrument, Listing
from app.paper.mirror_flow import MirrorFlow, MirrorVenue, terms_in_force
from app.paper.tape import Tape
from app.paper.venue import Venue

Listener = Callable[[Sequence[Event]], int]
"""Shows events to the world; answers how many public messages they made."""


def seeded_credentials(exchange: str, seed: int, passphrase: str = "") -> Credentials:
    """The same seed opens the same account on every start."""

    def digest(what: str) -> str:
        return hashlib.sha256(f"depthdesk/{exchange}/{seed}/{what}".encode()).hexdigest()

    key = digest("key").upper()
    api_key = "-".join((key[:8], key[8:16], key[16:24], key[24:32]))
    return Credentials(api_key=api_key, secret_key=digest("secret") + digest("more"), passphrase=passphrase)


class UnknownKey(ValueError):
    """The account has no key of that kind."""


class Desk:
    """Everything a dialect speaks for. All changes go through `venue`, then `publish` tells the listener."""

    def __init__(
        self,
        *,
        exchange: str,
        seed: int,
        clock: Clock,
        fees: Fees,
        next_order_id: Callable[[], int],
        first_trade_id: int,
        listings: Sequence[Listing] = LISTINGS,
        balances: Mapping[str, Decimal] = STARTING_BALANCES,
        passphrase: str = "",
        intervals: Sequence[BarInterval] = tuple(Interval),
        client_ids_reusable: bool = False,
        aliases: Sequence[Instrument] = (),
        keys: Mapping[str, Credentials] | None = None,
    ) -> None:
        """`aliases` trade in a listing's book; `keys` are the account's keys by kind, the default one first.

        Where a mirror's terms are in force, they replace fees and rules, and the market is fed through `mirror`.
        """
        terms = terms_in_force()
        if terms is not None:
            fees = terms.account_fees(fees)
            listings = [terms.listing(listing) for listing in listings]
            aliases = [terms.instrument(alias) for alias in aliases]
        self.exchange = exchange
        self.clock = clock
        self.listings = tuple(listings)
        self.keys = dict(keys or {"default": seeded_credentials(exchange, seed, passphrase)})
        self.credentials = next(iter(self.keys.values()))
        self.accounts = AccountBook()
        self.account: Account = self.accounts.open("1001", 10_001, fees, self.credentials, balances)
        for credentials in self.keys.values():
            self.accounts.add_key(credentials, self.account.account_id)
        self.venue = (Venue if terms is None else MirrorVenue)(
            [*(listing.instrument for listing in self.listings), *aliases],
            self.accounts,
            clock,
            next_order_id,
            first_trade_id,
            client_ids_reusable=client_ids_reusable,
        )
        self._intervals = intervals
        self.mirror = MirrorFlow(self.venue, self.listings) if isinstance(self.venue, MirrorVenue) else None
        seeded = Random(f"{exchange}/{seed}/flow")
        self.flow = self.mirror or MarketFlow(self.venue, self.listings, seeded, clock)
        self.flow.populate()
        self.kill_switches = KillSwitches(self.venue)
        self.opened_ms = clock.wall_ns() // NS_PER_MS
        self.tapes = {
            listing.instrument.pair: self._tape(listing, f"{exchange}/{seed}/{listing.instrument.pair}", first_trade_id)
            for listing in self.listings
        }
        self.venue.drain()
        self._listener: Listener = len
        self._cold = list(self.tapes.values())

    def choose_key(self, kind: str) -> None:
        """Introduce the account by another of its keys. Raises UnknownKey."""
        if kind not in self.keys:
            raise UnknownKey(f"no {kind!r} key; the account has: {', '.join(self.keys)}")
        self.credentials = self.keys[kind]

    def listen(self, listener: Listener) -> None:
        self._listener = listener

    def publish(self) -> int:
        """Put what happened on the tapes and show it; returns the number of public messages."""
        events = self.venue.drain()
        if not events:
            return 0
        for event in events:
            if type(event) is Execution:
                self.tapes[event.pair].record(event)
        return self._listener(events)

    def advance(self, messages: int, until_ns: int | None = None) -> int:
        """Let the market act until that many public messages were made or mono time is over."""
        made = steps = 0
        while made < messages and steps < messages * 20:
            self.flow.step()
            made += self.publish()
            steps += 1
            if until_ns is not None and self.clock.mono_ns() >= until_ns:
                break
        return made

    def warm_up(self) -> None:
        """Do one piece of the work that would delay the start: the seeded day of one pair, some milliseconds."""
        if self._cold:
            self._cold.pop().day(self.venue.now_ms())

    def _tape(self, listing: Listing, seed: str, first_trade_id: int) -> Tape:
        pair = listing.instrument.pair
        anchor = self.flow.fair_ticks(pair)
        self.venue.last_ticks[pair] = anchor
        past = SeededPast(listing, seed, self.opened_ms, anchor)
        return Tape(pair, past, seed, self.opened_ms, first_trade_id, self._intervals)
