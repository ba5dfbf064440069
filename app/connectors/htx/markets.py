"""Which pair an HTX symbol is, such as `btcusdt`. No requests, no rules."""

from __future__ import annotations

from app.connectors.joined_symbols import JoinedSymbols
from app.connectors.spec import Domain


class Markets(JoinedSymbols):
    QUOTES = frozenset(
        "usdt usdc usdd husd tusd fdusd usd1 btc eth ht htx trx eur gbp brl try rub uah xrp doge".split()
    )
    spell_pair = staticmethod(str.upper)
    spell_symbol = staticmethod(str.lower)


_MARKETS: dict[str, Markets] = {}


def markets_of(domain: Domain) -> Markets:
    """The names of one deployment, shared by its market data and its accounts: a listed name never changes."""
    return _MARKETS.setdefault(domain.rest[""], Markets())
