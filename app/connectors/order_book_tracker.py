"""Books, trades and candles of one exchange, kept true: a gap, a cross or a lost link makes a book stale at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TypeVar

from app.connectors.book_audits import BookAudits
from app.connectors.feed import Feed
from app.connectors.order_book_tracker_data_source import OrderBookTrackerDataSource
from app.connectors.venue import Venue
from app.core.clock import NS_PER_S
from app.core.effects import BookChecksum, Channel, Refused, Subscription
from app.core.frames import FrameKind
from app.core.links import Link, LinkState, LinkStatus
from app.core.market import CandleSeries, TradeTape
from app.core.order_book import BookState, OrderBook
from app.core.requests import Call, NoAnswer, NotSent, VenueError
from app.core.timestamps import TimeUnit, in_ms, unit_of
from app.core.types import BookDiff, BookSnapshot, Candle, Integrity, Ticker, Trade

T = TypeVar("T")

_WATCH_EVERY_S = 0.25
_CROSSED_FOR_NS = NS_PER_S // 2
_CROSSED_UPDATES = 3
_RESYNC_LIMIT = 6
_RESYNC_WINDOW_NS = 60 * NS_PER_S
_ANSWER_WITHIN_NS = 10 * NS_PER_S
EVENT_TIME = "EVENT-TIME"
"""Code of an alarm."""
_AHEAD_MS = 1_000.0
_AHEAD_FOR_NS = 3 * NS_PER_S
_QUIET_NS = 3 * NS_PER_S // 2
"""A book over REST that meets no change for so long belongs to a quiet market and is taken as it is."""
_MANY_STALE = 20
"""More stale books than these on one connection: the connection itself is asked for anew, once."""
_DOUBLED_TRADES = 5
_MOST_STRANGERS = 100
_LONGEST_READ = 1_000


class OrderBookTracker:
    """Starts and stops the books of one exchange and keeps them in step with its stream."""

    def __init__(self, venue: Venue, data_source: OrderBookTrackerDataSource, random: Random) -> None:
        self.data_source = data_source
        self.exchange_name = venue.spec.name
        self.feeds: dict[str, Feed] = {}
        self.order_books = data_source.books
        self.tapes: dict[str, TradeTape] = {}
        self.series: dict[tuple[str, str], CandleSeries] = {}
        self.on_ticker: Callable[[Ticker], None] = lambda ticker: None
        self.follow_all = False
        """Whether a pair nobody asked for gets a book when a message about it comes, as in a replay."""
        self.keep_trades = 10_000
        self.audits = BookAudits(venue.clock, self._shown_feed, self._ask_for_best, self._on_convicted)
        self.shown = ""
        """The pair on screen: the one whose book is compared with REST now and then."""
        self.is_trading: Callable[[str], bool] = lambda pair: True
        """Whether the market matches orders now: in an auction or a halt a crossed book is nothing wrong."""
        self._venue = venue
        self._random = random
        self._tasks: set[asyncio.Task[None]] = set()
        self._strangers: set[str] = set()
        self._running = False
        self._ahead_since_ns: dict[str, int] = {}
        self._unit_frame: dict[str, int] = {}
        data_source.connect_sink(BookDiff, self._on_diff)
        data_source.connect_sink(BookSnapshot, self._on_snapshot)
        data_source.connect_sink(BookChecksum, self._on_checksum)
        data_source.connect_sink(Trade, self._on_trade)
        data_source.connect_sink(Candle, self._on_candle)
        data_source.connect_sink(Ticker, lambda ticker: self.on_ticker(ticker))
        data_source.on_link_open = self._on_link_open
        data_source.on_link_down = self._on_link_down
        data_source.on_sequence_gap = self._on_sequence_gap
        data_source.on_refused = self._on_refused

    @property
    def ready(self) -> bool:
        """Whether every tracked pair has a live book."""
        return bool(self.feeds) and all(
            not feed.book.stale and not feed.checksums.distrusted for feed in self.feeds.values()
        )

    @property
    def snapshot(self) -> dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]]:
        """Every book now, as (bids, asks), best first."""
        return {pair: (book.bids, book.asks) for pair, book in self.order_books.items()}

    def start(self) -> None:
        self._running = True
        self.data_source.start()
        self._venue.spawn(self._watch_books(), "book watch", self._tasks)
        self._venue.spawn(self.audits.run(), "book audit", self._tasks)

    async def stop(self) -> None:
        self._running = False
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.data_source.stop()
        for feed in self.feeds.values():
            feed.sync.reset("stopped")

    def track(self, pair: str) -> None:
        """Keep this pair's book and trades from now on."""
        if pair in self.feeds:
            return
        feed = self._add(pair)
        feed.asked_ns = self._venue.clock.mono_ns()
        self.data_source.subscribe([Subscription(Channel.BOOK, pair), Subscription(Channel.TRADES, pair)])
        if self._running:
            self._venue.spawn(self._backfill_trades(pair), f"trades of {pair}", self._tasks)

    def untrack(self, pair: str) -> None:
        if self.feeds.pop(pair, None) is None:
            return
        self.data_source.forget_book(pair)
        gone = [Subscription(Channel.BOOK, pair), Subscription(Channel.TRADES, pair)]
        for key in [key for key in self.series if key[0] == pair]:
            del self.series[key]
            gone.append(Subscription(Channel.CANDLES, *key))
        self.data_source.unsubscribe(gone)

    def candles(self, pair: str, interval: str) -> CandleSeries:
        """The series of that interval, loaded and kept live from the first time it is asked for."""
        series = self.series.get((pair, interval))
        if series is None:
            series = self.series[pair, interval] = CandleSeries(pair, interval)
            self.data_source.subscribe([Subscription(Channel.CANDLES, pair, interval)])
            if self._running:
                self._venue.spawn(self._backfill_candles(series), f"candles of {pair}", self._tasks)
        return series

    def tape(self, pair: str) -> TradeTape:
        tape = self.tapes.get(pair)
        if tape is None:
            tape = self.tapes[pair] = TradeTape(pair, self.keep_trades)
        return tape

    # -- what arrives

    def _on_diff(self, diff: BookDiff) -> None:
        feed = self.feeds.get(diff.pair) or self._adopt(diff.pair)
        if feed is None:
            self._on_stranger(diff.pair, diff.frame)
        elif gap := feed.sync.on_diff(diff):
            self._on_gap(feed, gap, diff.frame)
        elif feed.held is not None:
            self._join(feed, feed.held)

    def _on_trade(self, trade: Trade) -> None:
        if trade.pair in self.feeds or self._adopt(trade.pair):
            self.tape(trade.pair).add(in_ms(trade))
        else:
            self._on_stranger(trade.pair, trade.frame)

    def _on_stranger(self, pair: str, frame: int) -> None:
        """A market nobody asked for, or no more: dropped and counted, and told once a market."""
        status = self._status_of(frame)
        if status is not None:
            status.unknown += 1
        if pair not in self._strangers and len(self._strangers) < _MOST_STRANGERS:
            self._strangers.add(pair)
            source = status.name if status is not None else self._venue.key
            self._venue.notices.warning(source, f"message for {pair[:40]}, which is not watched here: dropped", frame)

    def _on_candle(self, candle: Candle) -> None:
        series = self.series.get((candle.pair, candle.interval))
        if series is not None:
            series.add(in_ms(candle))

    def _on_snapshot(self, snapshot: BookSnapshot) -> None:
        feed = self.feeds.get(snapshot.pair) or self._adopt(snapshot.pair)
        if feed is None:
            self._on_stranger(snapshot.pair, snapshot.frame)
            return
        if feed.book.stale and not feed.sync.buffered and self._may_be_old(snapshot):
            feed.held, feed.held_ns = snapshot, self._venue.clock.mono_ns()
        else:
            self._join(feed, snapshot)

    def _may_be_old(self, snapshot: BookSnapshot) -> bool:
        """Whether it came beside the stream, so that only a change can tell how old it is."""
        frame = self._venue.log.get(snapshot.frame)
        by_rest = frame is not None and frame.kind is FrameKind.REST
        return by_rest and snapshot.last_id is not None and not self.follow_all

    def _join(self, feed: Feed, snapshot: BookSnapshot) -> None:
        feed.asked_ns = 0
        feed.held = None
        if gap := feed.sync.on_snapshot(snapshot):
            self._on_gap(feed, gap, snapshot.frame)
            return
        feed.attempts = 0
        feed.refused = ""

    def _on_checksum(self, told: BookChecksum) -> None:
        feed = self.feeds.get(told.pair)
        compute = getattr(self.data_source.source, "book_checksum", None)
        if feed is None or compute is None:
            return
        wrong = feed.checksums.check(told.value, told.frame, compute, self._venue.clock.mono_ns())
        if not wrong:
            return
        feed.book.set_state(BookState.STALE, wrong)
        self._venue.notices.warning(self._source_of(feed), f"{feed.pair}: {wrong}", told.frame)
        if feed.checksums.distrusted:
            words = f"{feed.pair}: {feed.checksums.distrusted}; not live until a minute passes without"
            self._venue.notices.raise_alarm("CHECKSUM-REPEATED", self._source_of(feed), words, told.frame)
        self._resync(feed)

    def _on_gap(self, feed: Feed, words: str, frame: int) -> None:
        self._venue.notices.warning(self._source_of(feed), f"{feed.pair}: lost book changes ({words})", frame)
        self._resync(feed)

    def _on_refused(self, refused: Refused) -> None:
        for feed in self._meant_by(refused):
            feed.refused = refused.words
            feed.sync.reset(f"subscription refused: {refused.words}")
            # It may have been the moment rather than the market: asked again after a while, ever later.
            feed.asked_ns = self._venue.clock.mono_ns()
        self._venue.notices.error(self._venue.key, f"Exchange says: {refused.words}")

    def _meant_by(self, refused: Refused) -> list[Feed]:
        """Books that were refused. Some exchanges name the market in their text only, in a spelling of their own."""
        if refused.subscriptions:
            pairs = {wanted.pair for wanted in refused.subscriptions if wanted.channel is Channel.BOOK}
            return [feed for pair, feed in self.feeds.items() if pair in pairs]
        words = refused.words[:_LONGEST_READ].upper()
        return [
            feed
            for pair, feed in self.feeds.items()
            if feed.book.stale and any(pair.replace("-", joint) in words for joint in ("-", "_", "/", ""))
        ]

    def _on_link_open(self, link_name: str) -> None:
        now = self._venue.clock.mono_ns()
        for feed in self._carried_by(link_name):
            feed.asked_ns = now
            feed.repeated_trades = self.tape(feed.pair).repeated

    def _on_link_down(self, link: Link, reason: str) -> None:
        for feed in self._carried_by(link.name):
            feed.sync.reset(reason)
            feed.asked_ns = 0
            feed.held = None

    def _on_sequence_gap(self, link_name: str, words: str) -> None:
        """Nobody can say whose message was lost, so no book of the connection is believed."""
        for feed in self._carried_by(link_name):
            if not feed.book.stale:
                feed.sync.gap(words)
                self._on_gap(feed, words, feed.book.frame)

    def _carried_by(self, link_name: str) -> list[Feed]:
        source = self.data_source.source
        return [
            feed
            for feed in self.feeds.values()
            if source.link_for(Subscription(Channel.BOOK, feed.pair)).name == link_name
        ]

    # -- keeping true

    def _resync(self, feed: Feed) -> None:
        """Ask for one book again: one request at a time, later each time, at most six a minute."""
        if feed.asked_ns:
            return
        now = self._venue.clock.mono_ns()
        if self._reconnect_instead(feed, now):
            return
        feed.resynced_ns = [at for at in feed.resynced_ns if now - at < _RESYNC_WINDOW_NS]
        delay = self._random.uniform(0, min(30.0, 0.5 * 2**feed.attempts)) if feed.attempts else 0.0
        if len(feed.resynced_ns) >= _RESYNC_LIMIT:
            delay = max(delay, (_RESYNC_WINDOW_NS - (now - feed.resynced_ns[0])) / NS_PER_S)
        feed.asked_ns = now + int(delay * NS_PER_S)
        feed.attempts += 1
        feed.resyncs += 1
        feed.resynced_ns.append(feed.asked_ns)
        self._venue.spawn(self._resync_later(feed, delay), f"resync of {feed.pair}", self._tasks)

    def _reconnect_instead(self, feed: Feed, now: int) -> bool:
        """So many lost books on one connection are no accident of theirs: it is dropped, and all begin anew."""
        link = self.data_source.source.link_for(Subscription(Channel.BOOK, feed.pair))
        carried = self._carried_by(link.name)
        if sum(other.book.state is BookState.STALE for other in carried) <= _MANY_STALE:
            return False
        for other in carried:
            other.asked_ns = now
        self.data_source.reconnect(link.name, f"more than {_MANY_STALE} books lost changes")
        return True

    async def _resync_later(self, feed: Feed, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        if feed.asked_ns and self.feeds.get(feed.pair) is feed:
            self.data_source.resync(feed.pair)

    async def _watch_books(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            self.check_books()

    def check_books(self) -> None:
        """Look for crossed books and for snapshots that never came."""
        now = self._venue.clock.mono_ns()
        self._note_lag()
        for feed in self.feeds.values():
            book = feed.book
            book.settle()
            if book.bad_levels != feed.bad_levels:
                self._on_bad_levels(feed)
            self._check_checksums(feed, now)
            self._check_doubled(feed)
            if book.state is BookState.LIVE:
                if book.version != feed.checked_version:
                    feed.checked_version = book.version
                    self._check_crossed(feed, now)
                elif feed.crossed_since_ns and now - feed.crossed_since_ns > _CROSSED_FOR_NS:
                    self._on_crossed(feed)
            elif feed.held is not None and now - feed.held_ns > _QUIET_NS:
                self._join(feed, feed.held)
            elif feed.asked_ns and now - feed.asked_ns > _ANSWER_WITHIN_NS and self._carrier_live(feed):
                feed.asked_ns = 0
                self._resync(feed)

    def _note_lag(self) -> None:
        """How old the newest message of each connection was when it came, by the exchange's own clock."""
        offset_ms = self._venue.server_clock.offset_ms
        if offset_ms is None:
            return
        bound_ms = self._venue.server_clock.bound_ms or 0.0
        for feed in self.feeds.values():
            status = self.data_source.status_for(feed.pair)
            frame = self._venue.log.get(feed.book.frame)
            if status is None or frame is None or not feed.book.exchange_ms or frame.seq <= feed.lag_frame:
                continue
            feed.lag_frame = frame.seq
            if frame.seq == feed.book.snapshot_frame:
                # A snapshot may carry the time of the last change, which in a quiet market is long ago.
                continue
            self._note_unit(status, feed.book, frame.seq)
            lag_ms = frame.wall_ns / 1e6 + offset_ms - feed.book.exchange_ms
            # An event cannot be from the future; how far it claims to be is another matter.
            status.lag_ms = max(lag_ms, 0.0)
            self._note_future(status, -lag_ms - bound_ms, frame.seq)

    def _note_unit(self, status: LinkStatus, book: OrderBook, frame: int) -> None:
        # Of several books on one connection, only the newest message tells what is sent now.
        if frame < self._unit_frame.get(status.name, 0):
            return
        self._unit_frame[status.name] = frame
        unit = unit_of(book.exchange_time)
        if book.exchange_time == book.exchange_ms:
            unit = TimeUnit.MILLISECONDS
        if unit is not status.time_unit:
            status.time_unit = unit
            words = f"times arrive in {unit} now; they are read as such"
            self._venue.notices.warning(status.name, words, frame)

    def _note_future(self, status: LinkStatus, ahead_ms: float, frame: int) -> None:
        """A clock over there, or our idea of it, is wrong when events go on being dated in the future."""
        now = self._venue.clock.mono_ns()
        if ahead_ms <= _AHEAD_MS:
            self._ahead_since_ns.pop(status.name, None)
            self._venue.notices.end_alarm(EVENT_TIME, status.name)
            return
        since_ns = self._ahead_since_ns.setdefault(status.name, now)
        if now - since_ns >= _AHEAD_FOR_NS:
            words = f"events are dated {ahead_ms / 1e3:.1f} s ahead of the exchange's own clock"
            self._venue.notices.raise_alarm(EVENT_TIME, status.name, words, frame)

    def _check_crossed(self, feed: Feed, now: int) -> None:
        if not feed.book.crossed or not self.is_trading(feed.pair):
            feed.crossed_since_ns = feed.crossed_updates = 0
            return
        feed.crossed_since_ns = feed.crossed_since_ns or now
        feed.crossed_updates += 1
        if feed.crossed_updates >= _CROSSED_UPDATES or now - feed.crossed_since_ns > _CROSSED_FOR_NS:
            self._on_crossed(feed)

    def _on_crossed(self, feed: Feed) -> None:
        book = feed.book
        words = f"crossed: bid {book.best_bid} at or above ask {book.best_ask}"
        feed.crossed += 1
        feed.crossed_since_ns = feed.crossed_updates = 0
        book.set_state(BookState.STALE, words)
        self._venue.notices.warning(self._source_of(feed), f"{feed.pair}: {words}", book.frame)
        self._resync(feed)

    def _on_bad_levels(self, feed: Feed) -> None:
        book, status = feed.book, self.data_source.status_for(feed.pair)
        count, feed.bad_levels = book.bad_levels - feed.bad_levels, book.bad_levels
        if status is not None:
            status.unknown += count
        words = book.reason if book.stale else f"{count} unreadable levels behind the best ones dropped"
        self._venue.notices.warning(self._source_of(feed), f"{feed.pair}: {words}", book.frame)
        # A level left out far behind the best may be among them one day: asked for anew as well, only without alarm.
        self._resync(feed)

    def _check_checksums(self, feed: Feed, now: int) -> None:
        if feed.book.integrity is Integrity.CHECKSUM and feed.checksums.ended():
            words = f"{feed.pair}: the exchange sends no checksums any more; its sequence numbers are checked"
            self._venue.notices.info(self._source_of(feed), words, feed.book.frame)
        if feed.checksums.cleared(now):
            self._venue.notices.end_alarm("CHECKSUM-REPEATED", self._source_of(feed), f"{feed.pair}: a clean minute")

    def _check_doubled(self, feed: Feed) -> None:
        """Told once a connection: what comes twice is taken once."""
        repeated = self.tape(feed.pair).repeated
        if feed.repeated_trades >= 0 and repeated - feed.repeated_trades >= _DOUBLED_TRADES:
            words = f"{feed.pair}: the same trades come twice, as of a doubled subscription; each is taken once"
            self._venue.notices.warning(self._source_of(feed), words)
            feed.repeated_trades = -1

    def _shown_feed(self) -> Feed | None:
        return self.feeds.get(self.shown)

    async def _ask_for_best(self, pair: str, depth: int) -> BookSnapshot | None:
        return await self._ask(self.data_source.source.get_snapshot(pair, depth))

    def _on_convicted(self, pair: str, words: str, frame: int) -> None:
        feed = self.feeds[pair]
        feed.book.set_state(BookState.STALE, words)
        self._venue.notices.warning(self._source_of(feed), f"{pair}: {words}", frame)
        self._resync(feed)

    def _carrier_live(self, feed: Feed) -> bool:
        status = self.data_source.status_for(feed.pair)
        return status is not None and status.state is LinkState.LIVE

    # -- small parts

    def _add(self, pair: str) -> Feed:
        book = OrderBook(pair, self.data_source.source.integrity)
        feed = self.feeds[pair] = Feed(book, self._venue.log)
        self.order_books[pair] = book
        self.tape(pair)
        return feed

    def _adopt(self, pair: str) -> Feed | None:
        return self._add(pair) if self.follow_all else None

    def _status_of(self, frame: int) -> LinkStatus | None:
        """The connection that carried this message."""
        logged = self._venue.log.get(frame)
        name = logged.connection if logged is not None else ""
        return next((status for status in self.data_source.links.values() if status.name == name), None)

    def _source_of(self, feed: Feed) -> str:
        status = self.data_source.status_for(feed.pair)
        return status.name if status is not None else self._venue.key

    async def _backfill_trades(self, pair: str) -> None:
        trades = await self._ask(self.data_source.source.get_trades(pair))
        if trades and pair in self.feeds:
            self.tape(pair).backfill(trades)

    async def _backfill_candles(self, series: CandleSeries) -> None:
        candles = await self._ask(self.data_source.source.get_candles(series.pair, series.interval))
        if candles:
            series.backfill(candles)

    async def _ask(self, call: Call[T]) -> T | None:
        try:
            return await self._venue.perform(call)
        except (VenueError, NotSent, NoAnswer) as error:
            self._venue.notices.warning(self._venue.connection("rest"), f"{call.request.path}: {error}")
            return None
