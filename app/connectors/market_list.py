"""What an exchange lists: trading rules, tickers, and its clock, asked for again and again. No books, no account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from app.connectors.spec import PublicSource
from app.connectors.venue import TROUBLE, Venue
from app.core.trading_rule import TradingRule
from app.core.types import MarketStatus, Ticker
from app.net.waiting import happens

_RULES_EVERY_S = 60.0
_TICKERS_EVERY_S = 5.0
_RETRY_S = 2.0
_CLOCK_EVERY_S = 300.0
_CLOCK_SAMPLES = 3


class MarketList:
    """Markets of one exchange by pair. One writer; readers compare the versions."""

    def __init__(self, venue: Venue, public: PublicSource) -> None:
        self.trading_rules: dict[str, TradingRule] = {}
        self.trading_rules_version = 0
        self.tickers: dict[str, Ticker] = {}
        self.tickers_version = 0
        self._venue = venue
        self._public = public
        self._rules_now = asyncio.Event()
        self._clock_now = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        for work, name in (
            (self._clock_loop(), "clock"),
            (self._trading_rules_polling_loop(), "trading rules"),
            (self._ticker_polling_loop(), "tickers"),
        ):
            self._venue.spawn(work, name, self._tasks)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def ask_rules_now(self) -> None:
        """The exchange refused an order by a rule we did not know."""
        self._rules_now.set()

    async def sample_clock(self) -> None:
        """Ask the exchange for its time once. Raises VenueError, NotSent, NoAnswer."""
        await self._venue.sample_clock(self._public.get_server_time())

    def ask_clock_now(self) -> None:
        """Measure the exchange's clock again at once."""
        self._clock_now.set()

    def apply_trading_rules(self, rules: Iterable[TradingRule]) -> None:
        """Take the market list as the exchange tells it now; pairs it left out are delisted."""
        listed = {rule.pair: rule for rule in rules}
        if not listed:
            raise ValueError("the exchange's list of markets is empty")
        for pair, rule in self.trading_rules.items():
            if pair not in listed:
                listed[pair] = msgspec.structs.replace(rule, status=MarketStatus.DELISTED, venue_status="delisted")
        if listed != self.trading_rules:
            self._tell_changes(listed)
        self.trading_rules = listed
        self.trading_rules_version += 1

    def _tell_changes(self, listed: dict[str, TradingRule]) -> None:
        for pair, rule in listed.items():
            known = self.trading_rules.get(pair)
            if known is not None and known.status is not rule.status:
                words = rule.status_words or "Trading"
                self._venue.notices.warning(self._venue.key, f"{pair}: {words.lower()}", rule.frame)

    def is_trading(self, pair: str) -> bool:
        """Whether the market matches orders now; one that is not known yet is taken to do so."""
        rule = self.trading_rules.get(pair)
        return rule is None or rule.is_open

    def add_rule(self, rule: TradingRule) -> None:
        self.trading_rules[rule.pair] = rule
        self.trading_rules_version += 1

    def on_ticker(self, ticker: Ticker) -> None:
        """Take a ticker of the stream; what it does not tell stays as it was."""
        known = self.tickers.get(ticker.pair)
        if known is not None and ticker.bid is None:
            ticker = msgspec.structs.replace(ticker, bid=known.bid, ask=known.ask)
        self.tickers[ticker.pair] = ticker
        self.tickers_version += 1

    async def _clock_loop(self) -> None:
        while True:
            self._clock_now.clear()
            for _ in range(_CLOCK_SAMPLES):
                try:
                    await self.sample_clock()
                except TROUBLE:
                    break
            known = self._venue.server_clock.bound_ms is not None
            await happens(self._clock_now, _CLOCK_EVERY_S if known else _RETRY_S)

    async def _trading_rules_polling_loop(self) -> None:
        while True:
            self._rules_now.clear()
            try:
                rules = await self._venue.perform(self._public.get_trading_rules())
                self.apply_trading_rules(rules)
                wait_s = _RULES_EVERY_S
            except (*TROUBLE, ValueError) as error:
                self._venue.notices.warning(self._venue.key, f"trading rules not read: {error}")
                wait_s = _RETRY_S
            await happens(self._rules_now, wait_s)

    async def _ticker_polling_loop(self) -> None:
        while True:
            try:
                for ticker in await self._venue.perform(self._public.get_tickers()):
                    self.tickers[ticker.pair] = ticker
                self.tickers_version += 1
                await asyncio.sleep(_TICKERS_EVERY_S)
            except TROUBLE:
                await asyncio.sleep(_RETRY_S)
