"""The exchanges this program speaks to: the only list, static. No connecting."""

from __future__ import annotations

from app.connectors import binance, coinbase, crypto_com, fmz, htx, okx, poloniex
from app.connectors.spec import ExchangeSpec

EXCHANGES: dict[str, ExchangeSpec] = {
    spec.name: spec for spec in (poloniex.SPEC, binance.SPEC, okx.SPEC, coinbase.SPEC, htx.SPEC, crypto_com.SPEC)
}

PLUGINS: dict[str, ExchangeSpec] = {fmz.SPEC.name: fmz.SPEC}
"""Protocols rather than exchanges: what is behind them is the user's, and so is their address."""

CLOSED: dict[str, str] = {
    "bittrex": "Bittrex closed in December 2023; no exchange answers under that name any more",
    "probit": "ProBit closed its spot market in January 2026; nothing can be traded there any more",
}


class UnknownExchange(ValueError):
    """There is no such exchange here; the text says what there is."""


def exchange_spec(name: str) -> ExchangeSpec:
    """The exchange of that name. Raises UnknownExchange, for closed ones with the reason."""
    spec = EXCHANGES.get(name.lower()) or PLUGINS.get(name.lower())
    if spec is not None:
        return spec
    if reason := CLOSED.get(name.lower()):
        raise UnknownExchange(f"{reason}. Known exchanges: {', '.join(EXCHANGES)}")
    raise UnknownExchange(f"no exchange is called {name!r}. Known exchanges: {', '.join(EXCHANGES)}")


def exchange_by_url(url: str) -> tuple[ExchangeSpec, str] | None:
    """The exchange and domain name that an address of a recording belongs to."""
    host = url.partition("://")[2].partition("/")[0].partition("?")[0]
    for spec in EXCHANGES.values():
        for domain in spec.domains.values():
            for known in (*domain.rest.values(), *domain.sockets.values()):
                if known.partition("://")[2].partition("/")[0] == host:
                    return spec, domain.name
    return None
