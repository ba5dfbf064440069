"""All connected exchanges and accounts: open, close, restore, record, shut down. Knows every part but Qt."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from app.config import Config, Paths
from app.connectors.exchange import Exchange
from app.connectors.order_book_tracker_data_source import usd_prices
from app.connectors.registry import CLOSED, EXCHANGES, exchange_spec
from app.connectors.spec import Auth, Credentials, Domain, ExchangeSpec
from app.connectors.venue import Venue
from app.core.clock import Clock, SystemClock
from app.core.frames import FrameLog
from app.core.journal import ClosedJournal, JournalError, OrderJournal
from app.core.notices import Notices
from app.core.requests import Response
from app.net.rate_limiter import Bucket, RateLimiter
from app.net.reconnect import HandshakeBudget, HandshakeBudgets, ReconnectPolicy
from app.net.recorder import SessionRecorder
from app.net.redaction import Redactor
from app.net.rest import RestClient
from app.net.server_clock import ServerClock
from app.net.suspend import Slept, SuspendDetector, TimeEvent
from app.net.transport import WebSocketTransport
from app.store.database import Store
from app.summary import program_version
from app.twin_process import TwinProcess

_JOURNAL_EVERY_S = 30.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Workspace:
    """The desk without its window. One event loop; every background work is held here and ends with `close`."""

    def __init__(
        self,
        paths: Paths,
        config: Config | None = None,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        store: Store | None = None,
        no_orders: str = "",
    ) -> None:
        config = config or Config()
        self.paths = paths
        self.config = config
        self.clock = clock or SystemClock()
        self.random = random or Random()
        self.log = FrameLog(self.clock, config.capture.max_frames, config.capture.max_megabytes << 20)
        self.notices = Notices(self.clock)
        self.exchanges: dict[str, Exchange] = {}
        self.on_error: Callable[[str, BaseException], None] = lambda name, error: None
        self.store = store
        self.at_close: list[Callable[[], Coroutine[Any, Any, None]]] = []
        """Awaited first when the desk closes."""
        self._no_orders = no_orders
        """Why no order may leave this desk, or empty."""
        self._budgets = HandshakeBudgets(self.clock)
        self._redactor = Redactor()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._twins: dict[str, TwinProcess] = {}
        self._usd: dict[str, tuple[Decimal, str]] = {}
        self._usd_versions: tuple[int, ...] = ()
        self._suspend = SuspendDetector(self.clock)
        self._suspend.events.connect(self._on_suspend)

    def start(self) -> None:
        """Begin the desk's own watches. Needs a running loop."""
        self.spawn(self._suspend.run(), "suspend watch")
        if self.store is not None:
            self.spawn(self._mend_journal(self.store), "journal watch")

    async def close(self) -> None:
        """Disconnect everything, write what is waiting, and end."""
        for stop in self.at_close:
            await stop()
        await asyncio.gather(*(exchange.stop_network() for exchange in self.exchanges.values()), return_exceptions=True)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.stop_recording()
        for twin in self._twins.values():
            await asyncio.get_running_loop().run_in_executor(None, twin.stop)
        if self.store is not None:
            await self.store.close()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run this in the background; a failure becomes a notice and is reported."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    # -- exchanges

    async def open_exchange(
        self,
        spec: ExchangeSpec,
        domain: Domain,
        credentials: Credentials | None = None,
        label: str = "",
        pairs: Sequence[str] = (),
    ) -> Exchange:
        """Connect an exchange, with an account where credentials are given, and restore what its journal remembers.

        `pairs` are watched from the start, so that market data is dialled first.
        """
        key = f"{spec.name}:{label}" if label else spec.name
        if key in self.exchanges:
            raise ValueError(f"{key} is open already")
        redactor = Redactor(spec.secret_fields)
        auth: Auth | None = None
        journal: OrderJournal | None = None
        account = ""
        if credentials is not None:
            for secret in (credentials.secret_key, credentials.passphrase):
                if secret:
                    redactor.protect(secret)
                    self._redactor.protect(secret)
            auth = spec.auth(credentials, domain)
            if self.store is not None:
                account = account_key(spec.name, domain, credentials)
                journal = self.store.journal(account)
            elif self._no_orders:
                journal = ClosedJournal(self._no_orders)
        venue, limiter = self._venue(spec, domain, label, redactor, auth)
        private = None if auth is None else spec.private(domain, auth)
        exchange = Exchange(venue, spec.public(domain), private, journal, self.random)
        if self.store is not None and account:
            await self._restore(exchange, account)
        self.exchanges[key] = exchange
        for pair in pairs:
            exchange.watch(pair)
        exchange.start_network()
        return exchange

    @property
    def known_exchanges(self) -> dict[str, str]:
        """Title by name of every exchange that can be opened."""
        return {name: spec.title for name, spec in EXCHANGES.items()}

    @property
    def closed_exchanges(self) -> dict[str, str]:
        """Exchanges that people may look for in vain, and why."""
        return CLOSED

    async def open_paper(self, name: str, twin: TwinProcess | None = None, pairs: Sequence[str] = ()) -> Exchange:
        """Open the paper twin of an exchange, started here unless given. It ends when the exchange is closed.

        Raises TwinError.
        """
        twin = twin or TwinProcess(name)
        line = await asyncio.get_running_loop().run_in_executor(None, twin.read_line)
        spec = exchange_spec(name)
        exchange = await self.open_exchange(
            spec, line.domain(), line.credentials(), self._free_label(name, "paper"), pairs or [spec.default_pair]
        )
        self._twins[exchange.key] = twin
        return exchange

    async def open_public(self, name: str, pairs: Sequence[str] = ()) -> Exchange:
        """Show an exchange's real public markets; no account, no orders."""
        spec = exchange_spec(name)
        label = self._free_label(name, "public")
        return await self.open_exchange(spec, spec.domains["main"], None, label, pairs or [spec.default_pair])

    def _free_label(self, name: str, wanted: str) -> str:
        """Empty for the first of an exchange, else the word that tells the second apart, with a number if need be."""
        labels = ["", wanted, *(f"{wanted}{number}" for number in range(2, 100))]
        return next(label for label in labels if (f"{name}:{label}" if label else name) not in self.exchanges)

    async def close_exchange(self, key: str) -> None:
        """Disconnect one exchange and forget it; its journal stays."""
        exchange = self.exchanges.pop(key)
        await exchange.stop_network()
        twin = self._twins.pop(key, None)
        if twin is not None:
            await asyncio.get_running_loop().run_in_executor(None, twin.stop)

    async def _restore(self, exchange: Exchange, account: str) -> None:
        assert self.store is not None
        try:
            exchange.restore(await self.store.entries(account))
            tracker = exchange.user_stream_tracker
            if tracker is not None:
                tracker.watermark_ms = await self.store.watermark(account)
                tracker.on_reconciled = lambda: self._keep_watermark(account, tracker.watermark_ms)
        except JournalError as error:
            self.notices.error(exchange.key, str(error))

    def _keep_watermark(self, account: str, watermark_ms: int) -> None:
        assert self.store is not None
        self.spawn(self.store.set_watermark(account, watermark_ms), "watermark")

    def _venue(
        self, spec: ExchangeSpec, domain: Domain, label: str, redactor: Redactor, auth: Auth | None
    ) -> tuple[Venue, RateLimiter]:
        limiter = RateLimiter(
            [Bucket(limit.bucket, limit.units, limit.per_s) for limit in spec.rate_limits], self.clock
        )
        server_clock = ServerClock(self.clock)
        key = f"{spec.name}:{label}" if label else spec.name
        rest = RestClient(
            domain.rest,
            self.log,
            self.clock,
            limiter,
            redactor,
            None if auth is None else auth.generate_auth_dict,
            server_clock.now_ms,
            f"{key}/rest",
            spec.read_error,
            slow_down_s=spec.slow_down_s,
        )
        proxy = self.config.network.proxy or None
        venue = Venue(
            spec,
            domain,
            label,
            rest=rest,
            transport=WebSocketTransport(self.log, self.clock, redactor, proxy=proxy),
            clock=self.clock,
            server_clock=server_clock,
            log=self.log,
            notices=self.notices,
            new_policy=lambda: ReconnectPolicy(self.clock, self.random),
            budget_for=self._budget_for,
            redactor=redactor,
            rate_usage=lambda: {usage.name: usage.used / usage.units for usage in limiter.usage()},
        )

        def on_exchange(response: Response, sent_ns: int, received_ns: int) -> None:
            venue.note_exchange(response, sent_ns, received_ns)
            for bucket, used in spec.read_usage(response):
                limiter.observe(bucket, used)

        rest.on_exchange = on_exchange
        return venue, limiter

    def _budget_for(self, url: str) -> HandshakeBudget:
        host = urlsplit(url)
        budget = self._budgets.of(host.netloc)
        if host.hostname in _LOOPBACK:
            # A twin of ours has nobody else to protect from us; some take no more than three a second, as the real one.
            budget.apart_s = 0.4
        return budget

    async def _mend_journal(self, store: Store) -> None:
        """Try again while the disk refuses, and accept a rescued journal once the exchange has been asked about all."""
        while True:
            await asyncio.sleep(_JOURNAL_EVERY_S)
            try:
                if store.damage and self.exchanges and all(e.ready for e in self.exchanges.values() if e.has_account):
                    await store.accept_damage()
                    self.notices.info("journal", "everything has been asked again: orders may be placed")
                elif store.failure:
                    await store.retry()
            except JournalError as error:
                self.notices.warning("journal", str(error))

    # -- recording

    @property
    def recorder(self) -> SessionRecorder | None:
        recorder = self.log.recorder
        return recorder if isinstance(recorder, SessionRecorder) else None

    def start_recording(self, path: Path) -> None:
        """Write every frame from now on to a session file. Raises OSError when it cannot be made."""
        self.log.recorder = SessionRecorder(
            path,
            self.clock,
            app=program_version(),
            exchanges={key: exchange.venue.domain.name for key, exchange in self.exchanges.items()},
            redactor=self._redactor,
        )

    async def stop_recording(self) -> None:
        recorder = self.recorder
        self.log.recorder = None
        if recorder is not None:
            await asyncio.get_running_loop().run_in_executor(None, recorder.close)

    # -- values

    def price_in_usd(self, asset: str) -> tuple[Decimal, str] | None:
        """Value of one unit and where the price comes from, or None when no price leads to a dollar."""
        versions = tuple(exchange.tickers_version for exchange in self.exchanges.values())
        if versions != self._usd_versions:
            self._usd_versions = versions
            self._usd = {}
            for exchange in self.exchanges.values():
                dollars = exchange.venue.spec.quote_assets
                for priced, price in usd_prices(exchange.tickers, dollars).items():
                    how = "counted as 1 USD" if priced in dollars else f"{exchange.title} ticker"
                    self._usd.setdefault(priced, (price, how))
        return self._usd.get(asset)

    # -- trouble

    def _on_suspend(self, event: TimeEvent) -> None:
        if isinstance(event, Slept):
            self.notices.warning("desk", f"Computer slept {event.seconds:.0f} s: everything is asked again")
            for exchange in self.exchanges.values():
                exchange.after_sleep()

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.notices.error("desk", f"internal error in {task.get_name()}: {type(error).__name__}")
            self.on_error(task.get_name(), error)


def account_key(exchange: str, domain: Domain, credentials: Credentials) -> str:
    """Names an account in the journal without naming its key. A paper account is another one at every address."""
    fingerprint = hashlib.sha256(credentials.api_key.encode()).hexdigest()[:16]
    where = f":{domain.rest['']}" if domain.paper else ""
    return f"{exchange}@{domain.name}:{fingerprint}{where}"
