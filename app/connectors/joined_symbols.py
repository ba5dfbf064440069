"""Pairs of exchanges that write base and quote without a separator: learned from the market list, guessed before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar


class JoinedSymbols(dict[str, str]):
    """Pairs by symbol: `symbols["BTCUSDT"]` is `BTC-USDT`. Raises ValueError for a symbol nobody can split.

    Only the market list tells where the base ends. What it told, or what we asked for by pair, is remembered; anything
    else is split before the longest quote asset of `QUOTES`, which is in the exchange's spelling.
    """

    QUOTES: ClassVar[frozenset[str]]

    def __init__(self) -> None:
        super().__init__()
        self._symbols: dict[str, str] = {}
        self._longest = max(map(len, self.QUOTES))

    def __missing__(self, symbol: str) -> str:
        # Not kept: the market list may still tell better.
        for size in range(self._longest, 0, -1):
            if len(symbol) > size and symbol[-size:] in self.QUOTES:
                return self.spell_pair(f"{symbol[:-size]}-{symbol[-size:]}")
        raise ValueError(f"which pair {symbol[:40]!r} is cannot be told before the market list came")

    @staticmethod
    def spell_pair(pair: str, /) -> str:
        """Ours, from base and quote as the exchange spells them."""
        return pair

    @staticmethod
    def spell_symbol(symbol: str, /) -> str:
        """The exchange's, from base and quote as we spell them."""
        return symbol

    def learn(self, listed: Iterable[tuple[str, str, str]]) -> None:
        """Take (symbol, base, quote) from the market list, in the exchange's spelling."""
        for symbol, base, quote in listed:
            pair = self.spell_pair(f"{base}-{quote}")
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
        """`BTC-USDT` to `BTCUSDT`. Raises ValueError for what is no pair."""
        symbol = self._symbols.get(pair)
        if symbol is None:
            base, dash, quote = pair.rpartition("-")
            if not (base and dash and quote):
                raise ValueError(f"not a pair: {pair[:40]!r}")
            symbol = self.spell_symbol(base + quote)
            self.setdefault(symbol, pair)
        return symbol
