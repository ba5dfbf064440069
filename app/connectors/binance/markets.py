"""Which pair a Binance symbol is. No requests, no rules."""

from __future__ import annotations

from app.connectors.joined_symbols import JoinedSymbols
from app.connectors.spec import Domain


class Markets(JoinedSymbols):
    QUOTES = frozenset(
        "USDT FDUSD USDC TUSD BUSD USDP USD1 USDS DAI EURI AEUR BTC ETH BNB XRP TRX DOGE DOT SOL EUR GBP AUD TRY BRL "
        "ARS COP MXN CZK PLN RON UAH ZAR JPY RUB NGN IDRT BIDR BVND BKRW VAI PAX UST".split()
    )


_MARKETS: dict[str, Markets] = {}


def markets_of(domain: Domain) -> Markets:
    """The names of one deployment, shared by its market data and its accounts: a listed name never changes."""
    return _MARKETS.setdefault(domain.rest[""], Markets())
