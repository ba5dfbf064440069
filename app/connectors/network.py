"""The life of one exchange: connect, fail, sleep, disconnect, each part in its order. No sockets of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum

from app.connectors.market_list import MarketList
from app.connectors.new_fields import NewFields
from app.connectors.order_book_tracker import OrderBookTracker
from app.connectors.spec import PublicSource
from app.connectors.trading import SignedIn, Trading
from app.connectors.venue import TROUBLE, Venue
from app.core.links import LinkState, LinkStatus


class NetworkStatus(StrEnum):
    CONNECTED = "connected"
    NOT_CONNECTED = "not connected"
    STOPPED = "stopped"


class Network:
    """Starts and stops the parts of one exchange together."""

    def __init__(
        self,
        venue: Venue,
        public: PublicSource,
        markets: MarketList,
        books: OrderBookTracker,
        signed_in: SignedIn | None,
        trading: Trading,
        fields: NewFields,
    ) -> None:
        self.started = False
        self._venue = venue
        self._public = public
        self._markets = markets
        self._books = books
        self._signed_in = signed_in
        self._trading = trading
        self._fields = fields
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping: asyncio.Task[None] | None = None
        venue.on_failure = self._on_failure

    @property
    def links(self) -> list[LinkStatus]:
        """Every connection, public ones first."""
        private = [] if self._signed_in is None else self._signed_in.stream.data_source.statuses
        return [*self._books.data_source.links.values(), *private]

    def start(self, ready: Callable[[], bool]) -> None:
        """Connect and keep connected: clock, rules, tickers, books, account. `ready`: whether all of it is known."""
        if self.started:
            return
        self.started = True
        self._books.start()
        self._markets.start()
        self._venue.spawn(self._fields.watch(self._venue.notices, self._venue.key), "new fields", self._tasks)
        if self._signed_in is not None:
            self._signed_in.stream.start()
            self._signed_in.doubts.watch_all()
            self._signed_in.history.start(ready)
        self._trading.start(ready)

    async def stop(self) -> None:
        """Disconnect; what is known stays readable, as stale."""
        self._end()
        if self._stopping is not None:
            await self._stopping
        await self._trading.break_off()
        await self._stop_reading()
        await self._trading.stop_sending()
        if self._signed_in is not None:
            # Last: a cancel that is broken off hands its order over to be asked for.
            await self._signed_in.doubts.stop()
        await self._venue.rest.close()

    async def check(self) -> NetworkStatus:
        """Ask the exchange for its time."""
        if not self.started:
            return NetworkStatus.STOPPED
        try:
            await self._venue.perform(self._public.get_server_time())
        except TROUBLE:
            return NetworkStatus.NOT_CONNECTED
        return NetworkStatus.CONNECTED

    def reconnect(self, link_name: str) -> None:
        """Drop this connection (as named in `links`) and dial again now."""
        self._books.data_source.reconnect(link_name.rpartition("/")[2], "reconnect asked by the user")
        if self._signed_in is not None:
            self._signed_in.stream.data_source.reconnect("reconnect asked by the user", link_name)

    def after_sleep(self) -> None:
        """The computer slept: connections that look open are not, and the clock offset is forgotten."""
        if not self.started:
            return
        self._venue.forget_clock()
        self._venue.connection_lost()
        self._markets.ask_clock_now()
        source = self._books.data_source
        for name in source.links:
            source.drop(name, "the computer slept")
        if self._signed_in is not None:
            self._signed_in.stream.data_source.drop("the computer slept")
            self._signed_in.stream.start_over()

    def _end(self) -> None:
        self.started = False
        self._trading.pause()

    def _on_failure(self, name: str) -> None:
        """What kept this exchange true is gone: better OFF than half alive. Orders under way are still followed."""
        if not self.started or name.startswith(("order ", "outcome of ")):
            return
        self._end()
        for status in self.links:
            status.note(self._venue.clock.wall_ns(), LinkState.FAILED, f"internal error in {name}: restart connector")
        self._stopping = asyncio.get_running_loop().create_task(self._turn_off(), name=f"stop {self._venue.key}")

    async def _turn_off(self) -> None:
        await self._stop_reading()
        for status in self.links:
            status.state = LinkState.FAILED

    async def _stop_reading(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._markets.stop()
        if self._signed_in is not None:
            await self._signed_in.history.stop()
        await self._trading.stop_asking()
        await self._books.stop()
        if self._signed_in is not None:
            await self._signed_in.stream.stop()
