"""The one reader of an exchange's market data: opens its websockets, reads in order, hands events on. No books."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from app.connectors.link_runner import LinkRunner, NextUser
from app.connectors.next_connection import NextConnection
from app.connectors.spec import PublicSource, Reader, Teller
from app.connectors.taps import offer
from app.connectors.venue import Venue
from app.core.effects import (
    NOTHING,
    Channel,
    Effect,
    MarketEvent,
    Perform,
    Refused,
    Send,
    Sequence,
    Subscribed,
    Subscription,
)
from app.core.links import Link, LinkState, LinkStatus
from app.core.order_book import Lane, OrderBook
from app.core.requests import Call, NoAnswer, NotSent, VenueError
from app.core.trading_rule import TradingRule
from app.core.types import BookDiff, BookSnapshot, Ticker, Trade
from app.net.waiting import happens

Tap = asyncio.Queue[MarketEvent]
_MOST_BETWEEN_POLLS_S = 30.0


class ActiveMarket(Struct, frozen=True):
    """A market open for trading. `usd_volume`: 24 h quote volume in US dollars, None where no price leads there."""

    pair: str
    rule: TradingRule
    ticker: Ticker | None
    usd_volume: Decimal | None


class OrderBookTrackerDataSource:
    """Market data of one exchange.

    `sinks` receive events by their type on the reader's own call stack, in wire order; the `listen_for_*` queues are
    ordered taps on the same reader, and one queue may serve all three.
    """

    def __init__(self, venue: Venue, source: PublicSource) -> None:
        self.source = source
        self.sinks: dict[type, Callable[[Any], None]] = {}
        self.books: dict[str, OrderBook] = {}
        """Books that follow their stream; the tracker fills it."""
        self.on_link_open: Callable[[str], None] = _ignore
        self.on_link_down: Callable[[Link, str], None] = _ignore_link
        self.on_sequence_gap: Callable[[str, str], None] = _ignore_link
        self.on_refused: Callable[[Refused], None] = _ignore
        self.links: dict[str, LinkStatus] = {}
        self.confirmed: set[Subscription] = set()
        self._venue = venue
        self._wanted: dict[Subscription, str] = {}
        self._runners: dict[str, LinkRunner] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._polling: set[Subscription] = set()
        self._poll_now = asyncio.Event()
        self._running = False
        self._taps: dict[type, list[Tap]] = {}
        self._tapped: dict[type, Callable[[Any], None]] = {}
        self._lanes: dict[str, Lane] = {}

    # -- asked of the exchange

    async def get_active_exchange_markets(self) -> list[ActiveMarket]:
        """Markets open for trading, largest 24 h volume first. Raises VenueError, NotSent, NoAnswer."""
        rules, tickers = await asyncio.gather(
            self._venue.perform(self.source.get_trading_rules()), self._venue.perform(self.source.get_tickers())
        )
        by_pair = {ticker.pair: ticker for ticker in tickers}
        usd = usd_prices(by_pair, self._venue.spec.quote_assets)
        markets = []
        for rule in rules:
            ticker = by_pair.get(rule.pair)
            volume = None if ticker is None or ticker.quote_volume is None else ticker.quote_volume
            price = usd.get(rule.quote)
            markets.append(
                ActiveMarket(rule.pair, rule, ticker, None if volume is None or price is None else volume * price)
            )
        return sorted(markets, key=lambda market: market.usd_volume or Decimal(-1), reverse=True)

    async def get_trading_pairs(self) -> list[str]:
        """Every pair the exchange lists. Raises VenueError, NotSent, NoAnswer."""
        return [rule.pair for rule in await self._venue.perform(self.source.get_trading_rules())]

    async def get_snapshot(self, pair: str, depth: int = 0) -> BookSnapshot:
        """The book as REST tells it now. Raises VenueError, NotSent, NoAnswer."""
        return await self._venue.perform(self.source.get_snapshot(pair, depth))

    def get_tracking_pairs(self) -> list[str]:
        """Pairs whose book is subscribed, in the order they were asked for."""
        return [wanted.pair for wanted in self._wanted if wanted.channel is Channel.BOOK]

    # -- taps

    async def listen_for_trades(self, output: Tap) -> None:
        """Put every trade into the queue until cancelled."""
        await self._listen(output, Trade)

    async def listen_for_order_book_diffs(self, output: Tap) -> None:
        """Put every book change into the queue until cancelled."""
        await self._listen(output, BookDiff)

    async def listen_for_order_book_snapshots(self, output: Tap) -> None:
        """Put every whole book into the queue until cancelled."""
        await self._listen(output, BookSnapshot)

    async def _listen(self, output: Tap, kind: type) -> None:
        taps = self._taps.setdefault(kind, [])
        taps.append(output)
        self._forget_met()
        self.connect_sink(kind, self._tapped.get(kind) or self.sinks.get(kind, _ignore))
        try:
            await asyncio.Event().wait()
        finally:
            taps.remove(output)
            if not taps:
                del self._taps[kind]
            self.connect_sink(kind, self._tapped.pop(kind))

    def connect_sink(self, kind: type, sink: Callable[[Any], None]) -> None:
        """Hand events of this type to `sink`; without taps nothing stands in between."""
        taps = self._taps.get(kind)
        if not taps:
            self.sinks[kind] = sink
            return

        def tapped(event: MarketEvent) -> None:
            sink(event)
            for tap in taps:
                offer(tap, event)

        self._tapped[kind] = sink
        self.sinks[kind] = tapped

    # -- subscriptions

    def start(self) -> None:
        self._running = True
        for wanted in self._wanted:
            if not self._poll(wanted):
                self._run(self.source.link_for(wanted))

    async def stop(self) -> None:
        self._running = False
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._runners.clear()
        for status in self.links.values():
            status.state = LinkState.OFF

    def subscribe(self, subscriptions: Collection[Subscription]) -> None:
        """Ask for these streams now, and again after every reconnect."""
        new = [wanted for wanted in subscriptions if wanted not in self._wanted]
        by_link: dict[str, list[Subscription]] = {}
        for wanted in new:
            link = self.source.link_for(wanted)
            self._wanted[wanted] = link.name
            by_link.setdefault(link.name, []).append(wanted)
            if self._running and not self._poll(wanted):
                self._run(link)
        for name, group in by_link.items():
            self._send(name, self.source.subscribe(group))

    def unsubscribe(self, subscriptions: Collection[Subscription]) -> None:
        by_link: dict[str, list[Subscription]] = {}
        for wanted in subscriptions:
            name = self._wanted.pop(wanted, None)
            self.confirmed.discard(wanted)
            if name is not None:
                by_link.setdefault(name, []).append(wanted)
        for name, group in by_link.items():
            self._send(name, self.source.unsubscribe(group))

    def resync(self, pair: str) -> None:
        """Ask for this pair's book again; every other stream goes on undisturbed."""
        wanted = Subscription(Channel.BOOK, pair)
        name = self._wanted.get(wanted)
        if name is not None:
            self._send(name, self.source.resync(wanted))

    def reconnect(self, name: str, reason: str) -> None:
        runner = self._runners.get(name)
        if runner is not None:
            runner.reconnect(reason)
        elif name in self.links:
            self.poll_now()

    def poll_now(self) -> None:
        """Ask for everything that is polled at the next turn of the loop, as after a change of pace."""
        self._poll_now.set()
        self._poll_now.clear()

    def drop(self, name: str, reason: str) -> None:
        """End the connection at once, even if it looks open, and dial again."""
        runner = self._runners.get(name)
        if runner is not None:
            runner.drop(reason)

    def status_for(self, pair: str) -> LinkStatus | None:
        """The connection that carries this pair's book."""
        name = self._wanted.get(Subscription(Channel.BOOK, pair))
        return self.links.get(name or "")

    # -- reading

    def reader(self, link: str) -> Reader:
        """The function that reads one message of that connection and hands its events on; it returns what concerns the
        connection itself. This is the hot path of the desk, hence closures: their names are looked up once.
        """
        tell = self._teller(link)
        reader: Callable[[Lane, Teller], Reader] | None = getattr(self.source, "reader", None)
        if reader is not None:
            return reader(self._lane(link), tell)
        on_message = self.source.on_message
        return lambda data, frame: tell(on_message(data, frame))

    def _teller(self, link: str) -> Teller:
        sinks, books, taps = self.sinks, self.books, self._taps

        def tell(effects: Iterable[Effect]) -> Iterable[Effect]:
            rest: list[Effect] | None = None
            for effect in effects:
                if type(effect) is BookDiff and not taps:
                    book = books.get(effect.pair)
                    if book is not None and book.follow(effect, effect.prev_id, effect.frame):
                        continue
                sink = sinks.get(type(effect))
                if sink is not None:
                    sink(effect)
                elif type(effect) is Sequence:
                    self._on_sequence(link, effect.number)
                elif rest is None:
                    rest = [effect]
                else:
                    rest.append(effect)
            return NOTHING if rest is None else rest

        return tell

    def apply(self, effect: Effect) -> None:
        """Make one effect true. Also the way in for replays, which have no connection."""
        sink = self.sinks.get(type(effect))
        if sink is not None:
            sink(effect)
        elif isinstance(effect, Subscribed):
            self.confirmed.update(effect.subscriptions)
        elif isinstance(effect, Refused):
            self.on_refused(effect)
        elif isinstance(effect, Perform):
            self._spawn(self._perform(effect.call), "perform")

    def _apply_of(self, link: str) -> Callable[[Effect], None]:
        """As `apply`, for what a message of that connection asked for: its answer is dropped once that one is gone."""

        def apply(effect: Effect) -> None:
            if isinstance(effect, Perform):
                self._spawn(self._perform(effect.call, link), "perform")
            else:
                self.apply(effect)

        return apply

    def _lane(self, link: str) -> Lane:
        lane = self._lanes.get(link)
        if lane is None:
            lane = self._lanes[link] = Lane(self.books, self._taps)
        return lane

    def forget_book(self, pair: str) -> None:
        """No message changes this pair's book any more."""
        del self.books[pair]
        self._forget_met()

    def _forget_met(self) -> None:
        for lane in self._lanes.values():
            lane.forget()

    def forget_number(self, link: str) -> None:
        """The connection begins anew: whatever number comes next is its first."""
        self._lane(link).number = None

    def _on_sequence(self, link: str, number: int) -> None:
        lane = self._lane(link)
        last = lane.number
        if last is not None and number <= last:
            return
        lane.number = number
        if last is not None and number != last + 1:
            self.on_sequence_gap(link, f"message {number} came after {last}")

    async def _perform(self, call: Call[Iterable[Effect]], link: str = "") -> None:
        epoch = self.links[link].epoch if link else 0
        apply = self._apply_of(link) if link else self.apply
        try:
            effects = await self._venue.perform(call)
            if link and self.links[link].epoch != epoch:
                return
            for effect in effects:
                apply(effect)
        except (VenueError, NotSent, NoAnswer) as error:
            self._venue.notices.warning(self._venue.connection("rest"), f"{call.request.path}: {error}")

    def _run(self, link: Link) -> None:
        if link.name not in self._runners:
            status = self.links.setdefault(link.name, LinkStatus(self._venue.connection(link.name), link.url))
            runner = self._venue.runner(link, _PublicLink(self, link), status, private=False)
            self._runners[link.name] = runner
            self._spawn(runner.run(), status.name)

    # -- polling

    def _ask_for(self, wanted: Subscription) -> tuple[Call[Iterable[Effect]], float] | None:
        """How a source without a stream is asked for this, None where it has one."""
        polls = getattr(self.source, "polls", None)
        return None if polls is None else polls(wanted)

    def _poll(self, wanted: Subscription) -> bool:
        """Begin to ask for it, unless a websocket carries it."""
        if self._ask_for(wanted) is None:
            return False
        link = self.source.link_for(wanted)
        self.links.setdefault(link.name, LinkStatus(self._venue.connection(link.name), link.url))
        if wanted not in self._polling:
            self._polling.add(wanted)
            self._spawn(self._poll_loop(wanted, link), f"{wanted.channel} of {wanted.pair}")
        return True

    async def _poll_loop(self, wanted: Subscription, link: Link) -> None:
        try:
            await self._poll_until_unwanted(wanted, link)
        finally:
            self._polling.discard(wanted)

    async def _poll_until_unwanted(self, wanted: Subscription, link: Link) -> None:
        """One question at a time; after a failure ever later, and the book is stale from its first failure on."""
        status, book, wait_s = self.links[link.name], wanted.channel is Channel.BOOK, 0.0
        while wanted in self._wanted and (polled := self._ask_for(wanted)) is not None:
            call, every_s = polled
            if book:
                status.polled_every_s = every_s
            try:
                effects = await self._venue.perform(call)
            except (VenueError, NotSent, NoAnswer) as error:
                wait_s = min(_MOST_BETWEEN_POLLS_S, max(wait_s, every_s) * 2)
                if book and status.state is not LinkState.STALE:
                    status.note(self._venue.clock.wall_ns(), LinkState.STALE, str(error))
                    self.on_link_down(link, str(error))
            else:
                wait_s = every_s
                if book:
                    if status.state is not LinkState.LIVE:
                        status.note(self._venue.clock.wall_ns(), LinkState.LIVE)
                        self.on_link_open(link.name)
                    status.last_recv_ns = self._venue.clock.mono_ns()
                    status.messages += 1
                for effect in effects:
                    self.apply(effect)
            await happens(self._poll_now, wait_s)

    def _send(self, name: str, effects: Iterable[Effect]) -> None:
        runner = self._runners.get(name)
        for effect in effects:
            if isinstance(effect, Send):
                if runner is not None:
                    runner.send(effect.payload)
            elif runner is not None:
                self._apply_of(name)(effect)
            else:
                self.apply(effect)

    # -- one connection after another

    def subscribed_on(self, link: Link) -> list[Subscription]:
        """Streams that this connection carries or should carry."""
        return [wanted for wanted, name in self._wanted.items() if name == link.name]

    def take_over(self, link: Link, held: Iterable[Effect], asked: Collection[Subscription]) -> None:
        """From now on another connection carries the link: make true what it held back, and ask it for what became
        wanted since it was asked.
        """
        self.forget_number(link.name)
        for effect in held:
            if isinstance(effect, Sequence):
                self._on_sequence(link.name, effect.number)
            else:
                self.apply(effect)
        wanted = self.subscribed_on(link)
        self._send(link.name, self.source.unsubscribe([gone for gone in asked if gone not in wanted]))
        self._send(link.name, self.source.subscribe([new for new in wanted if new not in asked]))

    def _on_open(self, link: Link) -> Iterable[Effect]:
        self.forget_number(link.name)
        self.on_link_open(link.name)
        yield from self.source.on_open(link, self._venue.now_ms())
        wanted = self.subscribed_on(link)
        self.confirmed.difference_update(wanted)
        yield from self.source.subscribe(wanted)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._venue.spawn(work, name, self._tasks)


class _PublicLink:
    """The market data side of one connection (see `link_runner.LinkUser`)."""

    def __init__(self, owner: OrderBookTrackerDataSource, link: Link) -> None:
        self._owner = owner
        self._link = link
        self.on_frame = owner.reader(link.name)
        self.apply = owner._apply_of(link.name)

    def on_open(self) -> Iterable[Effect]:
        return self._owner._on_open(self._link)

    def heartbeat(self) -> bytes:
        return self._owner.source.heartbeat(self._owner._venue.now_ms())

    def successor(self) -> NextUser | None:
        return NextConnection(self._owner, self._link, self._owner._venue.clock, self._owner._venue.now_ms)

    def on_down(self, reason: str) -> None:
        self._owner._venue.connection_lost()
        self._owner.on_link_down(self._link, reason)


def usd_prices(tickers: dict[str, Ticker], dollars: Collection[str]) -> dict[str, Decimal]:
    """Dollars per unit of each asset: directly against a dollar asset, else over one other quote asset."""
    prices = {asset: Decimal(1) for asset in dollars}
    for _ in range(2):
        for pair, ticker in tickers.items():
            base, _, quote = pair.partition("-")
            if base not in prices and quote in prices and ticker.last > 0:
                prices[base] = ticker.last * prices[quote]
    return prices


def _ignore(_: object) -> None:
    return None


def _ignore_link(_: object, __: str) -> None:
    return None
