"""Markets of all exchanges as rows, and the search that finds one of thousands by a few letters. No Qt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import IntEnum

from msgspec import Struct

from app.core.clock import NS_PER_MS
from app.core.types import MarketStatus, Ticker
from app.ui import format as words
from app.ui.desk import Desk, ExchangeView

Market = tuple[str, str]
"""Exchange key and pair."""
_TICKER_STALE_MS = 120_000
_ZERO = Decimal(0)


class MarketRow(Struct, frozen=True, kw_only=True):
    """`last` in quote units, `change` a fraction over 24 hours, `volume` in quote units; None where not told."""

    exchange: str
    exchange_title: str
    pair: str
    last: Decimal | None = None
    change: Decimal | None = None
    volume: Decimal | None = None
    value: Decimal = _ZERO
    """Volume in USD; 0 where no price leads to one."""
    decimals: int = 0
    status: MarketStatus = MarketStatus.TRADING
    starred: bool = False
    stale: bool = False
    stale_words: str = ""
    paper: bool = False

    @property
    def market(self) -> Market:
        return (self.exchange, self.pair)

    @property
    def quote(self) -> str:
        return self.pair.rpartition("-")[2]

    @property
    def last_words(self) -> str:
        return words.DASH if self.last is None else words.exact(self.last, self.decimals)

    @property
    def change_words(self) -> str:
        return words.DASH if self.change is None else words.percent(self.change)

    @property
    def volume_words(self) -> str:
        return words.DASH if self.volume is None else f"{words.compact(self.volume)} {self.quote}"

    @property
    def usd_words(self) -> str:
        return f"{words.compact(self.value)} USD" if self.value else words.DASH


def quote_volume(ticker: Ticker) -> Decimal | None:
    """As told, else from the base volume at the last price."""
    if ticker.quote_volume is not None:
        return ticker.quote_volume
    return None if ticker.base_volume is None else ticker.base_volume * ticker.last


def market_row(
    exchange: ExchangeView, pair: str, usd: Decimal | None, *, starred: bool = False, wall_ms: int = 0
) -> MarketRow:
    """What is known of one market now. `usd` is the value of one quote unit."""
    rule = exchange.trading_rules.get(pair)
    ticker = exchange.tickers.get(pair)
    volume = quote_volume(ticker) if ticker is not None else None
    stale, why = _staleness(exchange, pair, ticker, wall_ms)
    return MarketRow(
        exchange=exchange.key,
        exchange_title=exchange.title,
        pair=pair,
        last=ticker.last or None if ticker is not None else None,
        change=ticker.change if ticker is not None else None,
        volume=volume,
        value=(volume or _ZERO) * (usd or _ZERO),
        decimals=words.decimals_of(rule.min_price_increment) if rule is not None else 0,
        status=rule.status if rule is not None else MarketStatus.TRADING,
        starred=starred,
        stale=stale,
        stale_words=why,
        paper=exchange.paper,
    )


def _staleness(exchange: ExchangeView, pair: str, ticker: Ticker | None, wall_ms: int) -> tuple[bool, str]:
    if pair in exchange.feeds:
        fresh = exchange.freshness(pair)
        return fresh.state not in ("live", "aging"), fresh.words
    if ticker is None:
        return True, "no price yet"
    old = wall_ms - ticker.exchange_ms
    if wall_ms and ticker.exchange_ms and old > _TICKER_STALE_MS:
        return True, f"price is {words.age(old / 1000)} old"
    return not exchange.ready, "" if exchange.ready else "exchange not ready"


def _quote_value(prices: Mapping[str, tuple[Decimal, str]], pair: str) -> Decimal | None:
    """What one unit of the quote asset is worth in USD."""
    price = prices.get(pair.rpartition("-")[2])
    return price[0] if price is not None else None


def watched_rows(desk: Desk, starred: Iterable[Market], wall_ns: int) -> list[MarketRow]:
    """Every market whose book is tracked and every starred one; starred first, then by volume."""
    prices, stars = desk.prices_in_usd(), set(starred)
    rows = []
    for exchange in desk.exchanges.values():
        pairs = set(exchange.feeds) | {pair for key, pair in stars if key == exchange.key}
        for pair in pairs:
            rows.append(
                market_row(
                    exchange,
                    pair,
                    _quote_value(prices, pair),
                    starred=(exchange.key, pair) in stars,
                    wall_ms=wall_ns // NS_PER_MS,
                )
            )
    rows.sort(key=lambda row: (not row.starred, -row.value, -(row.volume or _ZERO), row.pair, row.exchange))
    return rows


class Match(IntEnum):
    """How well a market fits what was typed, best first."""

    EXACT = 0
    PREFIX = 1
    QUOTE = 2
    INSIDE = 3
    EXCHANGE = 4
    SCATTERED = 5


class MarketIndex:
    """All markets of all exchanges, prepared for search; make a new one when rules or tickers changed."""

    def __init__(self, desk: Desk) -> None:
        self._prices = desk.prices_in_usd()
        self._entries: list[tuple[str, ExchangeView, str]] = []
        # Volumes in quotes without a known price cannot be compared with others: they come after them.
        size: dict[Market, tuple[Decimal, Decimal]] = {}
        for exchange in desk.exchanges.values():
            for pair in exchange.trading_rules:
                self._entries.append((pair.replace("-", "").lower(), exchange, pair))
                ticker = exchange.tickers.get(pair)
                volume = (quote_volume(ticker) if ticker is not None else None) or _ZERO
                size[exchange.key, pair] = (-volume * (_quote_value(self._prices, pair) or _ZERO), -volume)
        self._entries.sort(key=lambda entry: (size[entry[1].key, entry[2]], entry[2]))

    def __len__(self) -> int:
        return len(self._entries)

    @staticmethod
    def version(desk: Desk) -> tuple[tuple[str, int, int], ...]:
        """Changes whenever an index made now would differ."""
        return tuple(
            (exchange.key, exchange.trading_rules_version, exchange.tickers_version)
            for exchange in desk.exchanges.values()
        )

    def find(self, text: str, limit: int = 100) -> tuple[list[MarketRow], int]:
        """The best matches by kind of match and then by volume, and how many there are in all."""
        tokens = [re.sub(r"[-_/]", "", token) for token in text.lower().split()]
        tokens = [token for token in tokens if token]
        found = []
        for order, (letters, exchange, pair) in enumerate(self._entries):
            distance = 0
            for token in tokens:
                match = _match(token, letters, exchange, pair)
                if match is None:
                    break
                distance += match
            else:
                found.append((distance, order))
        found.sort()
        rows = []
        for _, order in found[:limit]:
            _, exchange, pair = self._entries[order]
            rows.append(market_row(exchange, pair, _quote_value(self._prices, pair)))
        return rows, len(found)


def _match(token: str, letters: str, exchange: ExchangeView, pair: str) -> Match | None:
    if letters == token:
        return Match.EXACT
    if letters.startswith(token):
        return Match.PREFIX
    if pair.rpartition("-")[2].lower().startswith(token):
        return Match.QUOTE
    if token in letters:
        return Match.INSIDE
    if token in exchange.title.lower() or token in exchange.key.lower():
        return Match.EXCHANGE
    return Match.SCATTERED if len(token) > 1 and token[0] == letters[:1] and _scattered(token, letters) else None


def _scattered(token: str, letters: str) -> bool:
    """Whether the letters come in this order: "bsdt" finds BTC-USDT."""
    rest = iter(letters)
    return all(letter in rest for letter in token)
