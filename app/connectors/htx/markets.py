"""Which pair an HTX symbol is: learned from the market list, guessed before it came. No requests, no rules."""

from __future__ import annotations

from collections.abc import Iterable

from app.connectors.spec import Domain

_QUOTES = frozenset("usdt usdc usdd husd tusd fdusd usd1 btc eth ht htx trx eur gbp brl try rub uah xrp doge".split())
_LONGEST_QUOTE = max(map(len, _QUOTES))


class Markets(dict[str, str]):
    """Pairs by symbol: `markets["btcusdt"]` is `BTC-USDT`. Raises ValueError for a symbol nobody can split.

    HTX writes base and quote without a separator, so only the market list tells where one ends. What it told, or what
    we asked for by pair, is remembered; anything else is split before the longest quote asset known here.
    """

    def __init__(self) -> None:
        super().__init__()
        self._symbols: dict[str, str] = {}

    def __missing__(self, symbol: str) -> str:
        # Not kept: the market list may still tell better.
        return guess_pair(symbol)

    def learn(self, listed: Iterable[tuple[str, str, str]]) -> None:
        """Take (symbol, base, quote) from the market list, in the exchange's spelling."""
        for symbol, base, quote in listed:
            pair = f"{base}-{quote}".upper()
            self[symbol] = pair
            self._symbols[pair] = symbol

    def known(self, symbol: str) -> str | None:
        """The pair, or None for what the market list leaves out; before it came, for what nobody can split."""
        if self._symbols:
            return self.get(symbol)
        try:
            return self[symbol]
        except ValueError:
            return None

    def to_symbol(self, pair: str) -> str:
        """`BTC-USDT` to `btcusdt`. Raises ValueError for what is no pair."""
        symbol = self._symbols.get(pair)
        if symbol is None:
            base, dash, quote = pair.rpartition("-")
            if not (base and dash and quote):
                raise ValueError(f"not a pair: {pair[:40]!r}")
            symbol = (base + quote).lower()
            self.setdefault(symbol, pair)
        return symbol


def guess_pair(symbol: str) -> str:
    """Raises ValueError where no known quote asset ends the symbol."""
    for size in range(_LONGEST_QUOTE, 0, -1):
        if len(symbol) > size and symbol[-size:] in _QUOTES:
            return f"{symbol[:-size]}-{symbol[-size:]}".upper()
    raise ValueError(f"which pair {symbol[:40]!r} is cannot be told before the market list came")


_MARKETS: dict[str, Markets] = {}


def markets_of(domain: Domain) -> Markets:
    """The names of one deployment, shared by its market data and its accounts: a listed name never changes."""
    return _MARKETS.setdefault(domain.rest[""], Markets())
