"""All connected exchanges and accounts: open, close, restore, record, shut down. Knows every part but Qt."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from app.certificate_desk import CertificateDesk
from app.config import Config, Paths
from app.connectors.exchange import Exchange
from app.connectors.order_book_tracker_data_source import usd_prices
from app.connectors.registry import CLOSED, EXCHANGES, exchange_spec
from app.connectors.spec import Auth, Credentials, Domain, ExchangeSpec
from app.core.clock import NS_PER_S, Clock, SystemClock
from app.core.frames import FrameLog
from app.core.journal import ClosedJournal, JournalError, OrderJournal
from app.core.key_standing import KeyStanding
from app.core.notices import Notices
from app.net.loop_watch import LoopWatch
from app.net.recorder import SessionRecorder
from app.net.redaction import Redactor
from app.net.suspend import Slept, SuspendDetector, TimeEvent, WallStepped
from app.store.database import Store
from app.summary import program_version
from app.twin_process import TwinProcess
from app.venues import Venues

_JOURNAL_LOOK_S = 0.5
_JOURNAL_RETRY_S = 30.0
_JOURNAL_REMEDIES = {
    True: "They may be again when every account has been asked about all its orders",
    False: "Cancels still work. File › Save a copy of the order journal keeps what is written",
}
_LOOK_EVERY_S = 0.1
_BANS_EVERY_S = 0.5
_DISK_EVERY_S = 2.0
LEAST_FREE_BYTES = 200 << 20


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
        lasting_journal: Path | None = None,
    ) -> None:
        """`lasting_journal`: where accounts that outlive this window are written, if not to `store`."""
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
        self._lasting_journal = lasting_journal
        self._lasting_store: Store | None = None
        self._opening_store = asyncio.Lock()
        self._redactor = Redactor()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        """Exchanges that were closed or replaced and are still disconnecting."""
        self._twins: dict[str, TwinProcess] = {}
        self._keys: dict[str, tuple[Auth, frozenset[str]]] = {}
        """What signs for an open account, and the values that are hidden in recordings for its sake."""
        self._usd: dict[str, tuple[Decimal, str]] = {}
        self._usd_versions: tuple[int, ...] = ()
        self._loop_watch = LoopWatch(self.clock, paths.state / "stalls", self._on_stall)
        self.free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
        self.certificates = CertificateDesk(paths.issuers_file, self.clock, self.notices)
        self._suspend = SuspendDetector(self.clock)
        self._suspend.events.connect(self._on_suspend)
        self._venues = Venues(
            paths,
            config,
            self.clock,
            self.random,
            self.log,
            self.notices,
            self.certificates,
            lambda: self.loop_lag_s,
        )

    def start(self) -> None:
        """Begin the desk's own watches. Needs a running loop."""
        self.spawn(self._suspend.run(), "suspend watch")
        if self._no_orders:
            self.notices.raise_alarm("JOURNAL", "desk", f"{self._no_orders}: this window cannot place orders")
        self.spawn(self._watch_bans(), "bans")
        self.spawn(self._loop_watch.run(), "loop watch")
        self.spawn(self._watch_disk(), "disk watch")
        if self.store is not None:
            self.spawn(self._watch_journal(self.store), "journal watch")

    async def close(self) -> None:
        """Disconnect everything, write what is waiting, and end."""
        for stop in self.at_close:
            await stop()
        await self._disconnect_all()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # One of those may have opened or replaced an exchange in the meantime.
        await self._disconnect_all()
        await self.stop_recording()
        for twin in self._twins.values():
            await asyncio.get_running_loop().run_in_executor(None, twin.stop)
        for store in (self.store, self._lasting_store):
            if store is not None:
                await store.close()

    async def _disconnect_all(self) -> None:
        open_now = (exchange.stop_network() for exchange in self.exchanges.values())
        await asyncio.gather(*open_now, *self._leaving, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run this in the background; a failure becomes a notice and is reported."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    # -- exchanges

    async def open_exchange(
        self,
        spec: ExchangeSpec,
        domain: Domain,
        credentials: Credentials | None = None,
        label: str = "",
        pairs: Sequence[str] = (),
        *,
        standing: KeyStanding | None = None,
        no_orders: str = "",
        instead: bool = False,
        lasting: bool = False,
    ) -> Exchange:
        """Connect an exchange, with an account where credentials are given, and restore what its journal remembers.

        `pairs` are watched from the start, so that market data is dialled first. `standing` is that of a key of the
        vault. `instead`: take the place, in one step, of what is open under this name. `lasting`: the account is
        another day's too, whatever this window was started for.
        """
        key = f"{spec.name}:{label}" if label else spec.name
        before = self.exchanges.get(key)
        if before is not None and not instead:
            raise ValueError(f"{key} is open already")
        store, refusal = await self._journal_of_accounts() if lasting else (self.store, self._no_orders)
        redactor = Redactor(spec.secret_fields)
        auth: Auth | None = None
        journal: OrderJournal | None = None
        account = ""
        secrets: frozenset[str] = frozenset()
        if credentials is not None:
            secrets = frozenset({credentials.secret_key, credentials.passphrase} - {""})
            for secret in secrets:
                redactor.protect(secret)
                self._redactor.protect(secret)
            auth = spec.auth(credentials, domain)
            if store is not None:
                account = account_key(spec.name, domain, credentials)
                journal = store.journal(account)
            elif refusal:
                journal = ClosedJournal(refusal)
        venue = self._venues.make(spec, domain, label, redactor, auth)
        private = None if auth is None else spec.private(domain, auth)
        exchange = Exchange(
            venue, spec.public(domain), private, journal, self.random, standing, no_orders, self.config.history.days
        )
        if store is not None and account:
            await self._restore(exchange, account, store)
        if self.exchanges.get(key) is not before:
            # Closed or replaced while the journal was read.
            await exchange.stop_network()
            if auth is not None:
                auth.forget()
            raise ValueError(f"{key} was changed while it was being opened")
        self.exchanges[key] = exchange
        forgotten = self._keys.pop(key, None)
        if auth is not None:
            self._keys[key] = (auth, secrets)
        for pair in pairs:
            exchange.watch(pair)
        exchange.start_network()
        if before is not None:
            # Nothing is waited for from here on: who cancels this finds either the old one or the new one.
            self._leave(before, forgotten)
        return exchange

    async def _journal_of_accounts(self) -> tuple[Store | None, str]:
        """Where lasting accounts are written, or why they cannot be."""
        path = self._lasting_journal
        if path is None:
            return self.store, self._no_orders
        async with self._opening_store:
            if self._lasting_store is None:
                try:
                    store = await asyncio.get_running_loop().run_in_executor(None, Store.open, path)
                except JournalError as error:
                    self.notices.error("journal", str(error))
                    return None, str(error)
                self._lasting_store = store
                self.spawn(self._watch_journal(store, "accounts"), "journal watch")
            return self._lasting_store, ""

    @property
    def loop_lag_s(self) -> float:
        """How late the program ran at worst in the last two seconds."""
        return self._loop_watch.lag_s

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
        await asyncio.shield(self._leave(self.exchanges.pop(key), self._keys.pop(key, None)))
        if (twin := self._twins.get(key)) is not None:
            await asyncio.get_running_loop().run_in_executor(None, twin.stop)
            # Only now: a desk that is closed meanwhile must find it.
            self._twins.pop(key, None)

    def _leave(self, exchange: Exchange, keys: tuple[Auth, frozenset[str]] | None) -> asyncio.Task[None]:
        """Disconnect, whoever waits for it, and drop the secrets that no other open account has."""

        def forget(leaving: asyncio.Task[None]) -> None:
            self._leaving.discard(leaving)
            if keys is not None:
                auth, secrets = keys
                auth.forget()
                for secret in secrets - {each for _, others in self._keys.values() for each in others}:
                    self._redactor.forget(secret)

        leaving = asyncio.get_running_loop().create_task(exchange.stop_network(), name=f"close {exchange.key}")
        self._leaving.add(leaving)
        leaving.add_done_callback(forget)
        return leaving

    async def _restore(self, exchange: Exchange, account: str, store: Store) -> None:
        try:
            exchange.restore(await store.entries(account))
            tracker = exchange.user_stream_tracker
            if tracker is not None:
                tracker.watermark_ms = await store.watermark(account)
                tracker.on_reconciled = lambda: self._keep_watermark(account, tracker.watermark_ms, store)
        except JournalError as error:
            self.notices.error(exchange.key, str(error))

    def _keep_watermark(self, account: str, watermark_ms: int, store: Store) -> None:
        self.spawn(store.set_watermark(account, watermark_ms), "watermark")

    async def _watch_bans(self) -> None:
        """A ban that was told yesterday stands today, and one that is over is over on screen."""
        while True:
            for exchange in tuple(self.exchanges.values()):
                exchange.venue.check_ban()
            await asyncio.sleep(_BANS_EVERY_S)

    async def _watch_journal(self, store: Store, source: str = "desk") -> None:
        """Say what is wrong with the journal for as long as it is, and mend what can be mended."""
        retry_ns = 0
        while True:
            if store.failure:
                remedy = _JOURNAL_REMEDIES[bool(store.damage)]
                self.notices.raise_alarm("JOURNAL", source, f"no orders can be placed: {store.failure}. {remedy}")
            else:
                self.notices.end_alarm("JOURNAL", source, "orders may be placed")
            await asyncio.sleep(_JOURNAL_LOOK_S)
            try:
                if store.damage:
                    await self._accept_damage(store)
                elif store.failure and self.clock.mono_ns() > retry_ns:
                    retry_ns = self.clock.mono_ns() + round(_JOURNAL_RETRY_S * NS_PER_S)
                    await store.retry()
            except JournalError as error:
                self.notices.warning("journal", str(error))

    async def _accept_damage(self, store: Store) -> None:
        """What a rescued journal lost is known again once every account has been asked about everything."""
        accounts = [exchange for exchange in self.exchanges.values() if exchange.has_account]
        if accounts and all(exchange.ready for exchange in accounts):
            await store.accept_damage()

    # -- recording

    @property
    def recorder(self) -> SessionRecorder | None:
        recorder = self.log.recorder
        return recorder if isinstance(recorder, SessionRecorder) else None

    def start_recording(self, path: Path) -> None:
        """Write every frame from now on to a session file. Raises OSError when it cannot be made."""
        if ("DISK-LOW", "desk") in self.notices.alarms:
            raise OSError(errno.ENOSPC, f"less than {LEAST_FREE_BYTES >> 20} MiB free on the disk")
        self.notices.end_alarm("CAPTURE-STOPPED", "recording", "recording anew")
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
            words = f"recorded {recorder.frames:,} messages to {recorder.path}, redacted: {recorder.redacted:,} values"
            self.notices.info("desk", words)

    async def _watch_disk(self) -> None:
        """Recordings end long before the journal would have no room."""
        loop = asyncio.get_running_loop()
        while True:
            folder = next((place for place in (self.paths.data, self.paths.state) if place.exists()), None)
            free = None if folder is None else await loop.run_in_executor(None, self.free_bytes, folder)
            if free is not None and free < LEAST_FREE_BYTES:
                words = f"{free >> 20} MiB free on the disk: nothing is recorded; orders are still written down"
                self.notices.raise_alarm("DISK-LOW", "desk", words)
                if self.recorder is not None:
                    self.recorder.stopped = (
                        f"recording stopped: less than {LEAST_FREE_BYTES >> 20} MiB free on the disk"
                    )
            elif free is not None:
                self.notices.end_alarm("DISK-LOW", "desk", f"{free >> 20} MiB free")
            if self.recorder is not None and self.recorder.stopped:
                words = f"{self.recorder.stopped} ({self.recorder.path.name}, {self.recorder.frames:,} messages)"
                self.notices.raise_alarm("CAPTURE-STOPPED", "recording", words)
                await self.stop_recording()
            await asyncio.sleep(_DISK_EVERY_S)

    # -- values

    def prices_in_usd(self) -> Mapping[str, tuple[Decimal, str]]:
        """Value of one unit of every asset that a price leads to, and where it comes from, as of now."""
        versions = tuple(exchange.tickers_version for exchange in self.exchanges.values())
        if versions != self._usd_versions:
            self._usd_versions = versions
            self._usd = {}
            for exchange in self.exchanges.values():
                dollars = exchange.venue.spec.quote_assets
                for priced, price in usd_prices(exchange.tickers, dollars).items():
                    how = "counted as 1 USD" if priced in dollars else f"{exchange.title} ticker"
                    self._usd.setdefault(priced, (price, how))
        return self._usd

    # -- trouble

    def _on_stall(self, seconds: float, file: Path | None) -> None:
        where = f"; where it stood is in {file.name}" if file is not None else ""
        self.notices.warning("desk", f"the program stood still for {seconds:.1f} s{where}")

    def _on_suspend(self, event: TimeEvent) -> None:
        if isinstance(event, Slept):
            told = f"Computer slept {duration_words(event.seconds)}"
            self.notices.raise_alarm("SLEPT", "desk", f"{told}: every connection is opened and everything asked again")
            for exchange in self.exchanges.values():
                exchange.after_sleep()
            self.spawn(self._until_ready_again(told), "wake")
        elif isinstance(event, WallStepped):
            way = "forward" if event.seconds > 0 else "back"
            told = f"the computer's clock was set {way} by {duration_words(abs(event.seconds))}"
            self.notices.warning("desk", f"{told}; the exchanges' clocks are measured again")
            for exchange in self.exchanges.values():
                exchange.markets.ask_clock_now()

    async def _until_ready_again(self, told: str) -> None:
        while not all(exchange.ready for exchange in self.exchanges.values()):
            await asyncio.sleep(_LOOK_EVERY_S)
        self.notices.end_alarm("SLEPT", "desk", f"{told}; everything has been asked again")

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


def duration_words(seconds: float) -> str:
    """5 min 0 s, 2 h 10 min, 12 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
