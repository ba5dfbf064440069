"""Where a plug-in listens and what the user knows of its markets: values and checks. No connecting."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from app.connectors.spec import Domain

MarketOrders = Literal["off", "quote", "base"]
"""Whether the plug-in takes market orders, and in what it sizes a market buy: its own documentation says."""

_PATH = re.compile(r"(/[A-Za-z0-9._~:-]{1,64}){1,4}")
_RECOGNISED_FOR_MS = 600_000
SHORTEST_S, LONGEST_S = 0.5, 60.0
"""What may stand between two questions for a book."""


class PluginMarket(Struct, frozen=True):
    """A pair and the decimals its prices and amounts take; None: guessed from what the book shows."""

    pair: str
    price_decimals: int | None = None
    amount_decimals: int | None = None


class Listener:
    """Whether the program at the plug-in's port has answered, without seeing a key, as this protocol does."""

    def __init__(self) -> None:
        self.recognised_ms = 0
        """When it last did so, by our wall clock; 0: not yet."""

    def recognised(self, now_ms: int) -> bool:
        return abs(now_ms - self.recognised_ms) < _RECOGNISED_FOR_MS


class Pace:
    """How many seconds after an answer a book is asked for again. It may change while books are being asked for."""

    def __init__(self, every_s: float = 1.0) -> None:
        self.every_s = every_s

    def set(self, every_s: float) -> None:
        """Raises ValueError outside of 0.5 to 60 s."""
        if not SHORTEST_S <= every_s <= LONGEST_S:
            raise ValueError(f"a book is asked for every {SHORTEST_S:g} to {LONGEST_S:g} s, not {every_s:g}")
        self.every_s = every_s


class PluginDomain(Domain, frozen=True, kw_only=True):
    """One plug-in service and the exchange behind one of its paths."""

    path: str
    markets: tuple[PluginMarket, ...]
    market_orders: MarketOrders = "off"
    has_tickers: bool = False
    has_markets: bool = False
    listener: Listener
    pace: Pace


def plugin_domain(
    address: str,
    path: str,
    markets: Sequence[PluginMarket],
    *,
    confirmed: bool = False,
    paper: bool = False,
    market_orders: MarketOrders = "off",
    has_tickers: bool = False,
    has_markets: bool = False,
    every_s: float = 1.0,
) -> PluginDomain:
    """The domain of a plug-in such as `http://127.0.0.1:6666` and `/OKX`.

    Raises ValueError: the secret travels in every request, so an address beyond this computer needs https and
    `confirmed`, the user's word that it is meant.
    """
    parts = urlsplit(address.strip())
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is not a number from 1 to 65535") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("an address such as http://127.0.0.1:6666 is needed")
    if parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise ValueError("the address holds nothing but scheme, host and port; the path is asked for by itself")
    if not _PATH.fullmatch(path):
        raise ValueError("the path is a slash and the name of the exchange, such as /OKX")
    if not is_loopback(host):
        if parts.scheme != "https":
            raise ValueError(f"{host} is not this computer: the keys would travel readable for everyone on the way")
        if not confirmed:
            raise ValueError(f"{host} is not this computer: confirm that your keys may be sent there")
    if not markets and not has_markets:
        raise ValueError("the protocol has no list of markets: name at least one, such as BTC-USDT")
    pace = Pace()
    pace.set(every_s)
    # A name is looked up, and what it leads to may change; the number cannot.
    shown = "127.0.0.1" if host == "localhost" else f"[{host}]" if ":" in host else host
    base = f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    return PluginDomain(
        name=f"{host}:{port}{path}" if port else f"{host}{path}",
        title=f"FMZ plug-in {path[1:]}",
        rest={"": base},
        sockets={},
        paper=paper,
        path=path,
        markets=tuple(markets),
        market_orders=market_orders,
        has_tickers=has_tickers,
        has_markets=has_markets,
        listener=Listener(),
        pace=pace,
    )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def as_plugin(domain: Domain) -> PluginDomain:
    """Raises ValueError for a domain that names no plug-in."""
    if not isinstance(domain, PluginDomain):
        raise ValueError("the address of a plug-in is needed: the FMZ protocol has no fixed one")
    return domain
