"""Joins a paper twin to a public market: connects it, feeds the twin's engine, halts what is stale. No matching, no Qt.

| what | rule | evidence |
|---|---|---|
| orders of a stale market | refused by the dialect's own state for a suspended pair | protocol sheets, market states |
| fees | the exchange's default schedule, as no account can be asked | `ExchangeSpec.default_fees` |
| candles and trades from before the start | still seeded, around the mirrored last price | ours |
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.core.clock import NS_PER_MS, Clock
from app.core.effects import MarketEvent
from app.core.market import TradeTape
from app.core.types import MarketStatus, Trade
from app.paper.dialects.dialect import Dialect, UnknownDialect, known, load
from app.paper.mirror_flow import MirrorFlow, MirrorTerms, mirroring
from app.paper.server import CannotMirror, TwinServer, open_dialect
from app.paper.server import main as twin_main

if TYPE_CHECKING:
    from app.connectors.exchange import Exchange
    from app.connectors.spec import Domain
    from app.workspace import Workspace

DEPTH = 400
"""Levels a side that are mirrored, at most; exchanges that stream fewer give what they have."""
_ANSWER_WITHIN_S = 20.0
_BOOKS_WITHIN_S = 5.0
"""How long the first line waits for the books: who reads rules once a minute should not find every market halted."""
_OLD_MS = 5_000
"""Trades older than this are history that a stream repeats when it begins."""
_ASK_EVERY_S = 0.02
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SUSPENDED = {
    "binance": ("symbols.states", "HALT"),
    "coinbase": ("rules.flags", {"trading_disabled": True}),
    "crypto_com": ("rules.closed", ""),
    "htx": ("market.states", "suspend"),
    "okx": ("rules.states", "suspend"),
    "poloniex": ("rules.states", "PAUSE"),
}
"""Where each dialect keeps the pairs that are not open (a table, or a set), and its word for a suspended one."""
_log = logging.getLogger(__name__)


def main_with_mirror(argv: Sequence[str]) -> int:
    """`depthdesk twin`, with `--mirror`. Connectors are imported only when a market is mirrored."""
    return twin_main(argv, _mirrored_server)


class Mirror:
    """Carries one exchange's live books and trades into a twin's engine. `step` never waits."""

    def __init__(self, exchange: Exchange, dialect: Dialect, terms: MirrorTerms, clock: Clock) -> None:
        """The dialect's desk was opened under these terms."""
        assert dialect.desk.mirror is not None
        self._exchange = exchange
        self._dialect = dialect
        self._flow: MirrorFlow = dialect.desk.mirror
        self._clock = clock
        self.trades: asyncio.Queue[MarketEvent] = asyncio.Queue()
        """Tap for the exchange's public trades."""
        self.live: dict[str, bool] = {}
        """Whether a pair is open for orders."""
        self._wanted = [pair for pair in dialect.desk.tapes if terms.covers(pair)]
        self._seen: dict[str, int] = {}
        self._tapes: dict[str, TradeTape] = {}
        for listing in dialect.desk.listings:
            pair = listing.instrument.pair
            self._set_live(pair, False)
            self._tapes[pair] = TradeTape(pair, keep=2_000)
        for pair in self._wanted:
            exchange.watch(pair)

    @property
    def ready(self) -> bool:
        """Whether every pair that is open outside is open here."""
        rules = self._exchange.trading_rules
        return all(
            self.live[pair] or (pair in rules and rules[pair].status is not MarketStatus.TRADING)
            for pair in self._wanted
        )

    def step(self) -> None:
        """Bring the twin up to date: trades first, then the books that changed, then who is open."""
        while not self.trades.empty():
            trade = self.trades.get_nowait()
            if isinstance(trade, Trade):
                self._on_trade(trade)
        for pair, book in self._exchange.order_books.items():
            rule = self._exchange.trading_rules.get(pair)
            live = not book.stale and rule is not None and rule.status is MarketStatus.TRADING
            if live and self._seen.get(pair) != book.version and not book.crossed:
                self._seen[pair] = book.version
                self._flow.show(pair, *book.top(DEPTH))
            if live != self.live[pair] and (not live or self._seen.get(pair) == book.version):
                self._set_live(pair, live)
                _log.info("%s %s", pair, "live" if live else f"halted: {book.reason or 'the market is not open'}")

    def _on_trade(self, trade: Trade) -> None:
        if not self.live.get(trade.pair) or not self._tapes[trade.pair].add(trade):
            return
        now_ms = self._clock.wall_ns() // NS_PER_MS
        ahead_ms = self._exchange.clock_offset_ms or 0.0
        time_ms = int(trade.exchange_ms - ahead_ms) if trade.exchange_ms else now_ms
        if now_ms - time_ms <= _OLD_MS:
            self._flow.trade(trade.pair, trade.taker, trade.price, trade.amount, time_ms)

    def _set_live(self, pair: str, live: bool) -> None:
        self.live[pair] = live
        if not live:
            self._flow.halt(pair)
        where, word = _SUSPENDED[self._dialect.desk.exchange]
        closed = attrgetter(where)(self._dialect)
        for instrument in self._dialect.desk.venue.instruments.values():
            if pair not in (instrument.pair, instrument.book):
                continue
            if isinstance(closed, set):
                (closed.discard if live else closed.add)(instrument.pair)
            elif live:
                closed.pop(instrument.pair, None)
            else:
                closed[instrument.pair] = word


def mirrored_domain(exchange: str, where: str, clock: Clock) -> Domain:
    """The market that `--mirror` names: "" the real one, else a twin on this machine. Raises CannotMirror."""
    from app.connectors.registry import UnknownExchange, exchange_spec
    from app.twin_process import TwinError, TwinLine, read_twin_line

    try:
        spec = exchange_spec(exchange)
        if not where:
            return spec.domains["main"]
        if where.lstrip().startswith("{"):
            line = read_twin_line(where)
        else:
            url = urlsplit(where)
            if url.scheme != "http" or not url.port or url.path.strip("/"):
                raise CannotMirror(f"--mirror: {where!r} is neither http://127.0.0.1:PORT nor a twin's first line")
            addresses = load(exchange, 0, clock).endpoints(url.hostname or "", url.port)
            line = TwinLine(exchange=exchange, **addresses, api_key="", secret_key="", passphrase="", pairs=[])
    except (UnknownExchange, TwinError, ValueError) as error:
        raise CannotMirror(f"--mirror: {error}") from error
    if line.exchange != spec.name:
        raise CannotMirror(f"--mirror: that is a twin of {line.exchange}, not of {spec.name}")
    for address in (line.rest, line.ws_public):
        if urlsplit(address).hostname not in _LOOPBACK:
            raise CannotMirror(f"--mirror: {address} is not on this machine; without an address the exchange is meant")
    return line.domain()


@asynccontextmanager
async def _mirrored_server(options: argparse.Namespace, clock: Clock) -> AsyncIterator[TwinServer]:
    """A twin fed from the market that the options name. Raises CannotMirror, UnknownDialect, UnknownKey."""
    from app.connectors.registry import exchange_spec

    if options.exchange not in known():
        raise UnknownDialect(f"no twin of {options.exchange!r}; known: {', '.join(known())}")
    domain = mirrored_domain(options.exchange, options.mirror, clock)
    workspace = _workspace(clock)
    workspace.start()
    try:
        spec = exchange_spec(options.exchange)
        exchange = await workspace.open_exchange(spec, domain)
        terms = await _terms(workspace, exchange)
        with mirroring(terms):
            dialect = open_dialect(options, clock)
        mirror = Mirror(exchange, dialect, terms, clock)
        source = exchange.order_book_tracker.data_source
        workspace.spawn(source.listen_for_trades(mirror.trades), "trades")
        await _fill_books(mirror)
        yield TwinServer(dialect, port=options.port, rate=0, clock=clock, feed=mirror.step)
    finally:
        await workspace.close()


def _workspace(clock: Clock) -> Workspace:
    """A desk without accounts, journal or much memory for frames; it minds the user's proxy."""
    from app.config import CaptureConfig, Config, ConfigError, Paths, load_config
    from app.workspace import Workspace

    paths = Paths()
    try:
        network = load_config(paths.settings_file).network
    except ConfigError as error:
        raise CannotMirror(str(error)) from error
    config = Config(network=network, capture=CaptureConfig(max_frames=2_000, max_megabytes=16))
    workspace = Workspace(paths, config, clock=clock, no_orders="a mirror only looks")
    workspace.on_error = lambda name, error: _log.error("%s failed", name, exc_info=error)
    return workspace


async def _fill_books(mirror: Mirror) -> None:
    """Wait for the books, but not for ever: what does not come stays halted until it does."""
    try:
        async with asyncio.timeout(_BOOKS_WITHIN_S):
            while not mirror.ready:
                await asyncio.sleep(_ASK_EVERY_S)
                mirror.step()
    except TimeoutError:
        _log.info("some markets are not live yet")


async def _terms(workspace: Workspace, exchange: Exchange) -> MirrorTerms:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            while not exchange.trading_rules or not exchange.tickers:
                await asyncio.sleep(_ASK_EVERY_S)
    except TimeoutError:
        last = workspace.notices.items[-1].text if workspace.notices.items else "no answer"
        raise CannotMirror(f"{exchange.title} cannot be mirrored: {last}") from None
    return MirrorTerms(
        rules=exchange.trading_rules,
        prices={pair: ticker.last for pair, ticker in exchange.tickers.items()},
        fees=exchange.venue.spec.default_fees,
    )
