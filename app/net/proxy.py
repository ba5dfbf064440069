"""Which proxy an exchange is reached through, the same for requests and streams. It reads settings, not the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib import request as environment
from urllib.parse import urlsplit

from msgspec import Struct

_OURS = frozenset({"127.0.0.1", "::1", "localhost"})
_SECURE = frozenset({"https", "wss"})


class Proxy(Struct, frozen=True):
    """`url` is None for a direct connection. With a `refusal` nothing may be connected; it says why."""

    url: str | None = None
    refusal: str = ""

    @property
    def words(self) -> str:
        """ "via proxy host:port", without a user's name or password; empty for a direct connection."""
        return f"via proxy {_place(self.url)}" if self.url else ""

    def __repr__(self) -> str:
        return f"Proxy({self.words or 'direct'})"


NO_PROXY = Proxy()


def proxy_for(addresses: Iterable[str], setting: str, told: Mapping[str, str] | None = None) -> Proxy:
    """The one proxy for all addresses (http, https, ws, wss) of an exchange.

    `setting` is the user's: an address, "none", or empty for what the environment says (`https_proxy`, `all_proxy`,
    `no_proxy`, ... as `urllib` reads them; `told` stands in for it). Our own computer is never reached through a proxy.
    Where requests and streams would take different ways, or only one of them could take its way, neither is taken.
    """
    named = [urlsplit(address) for address in addresses]
    outside = [address for address in named if (address.hostname or "") not in _OURS]
    if not outside or setting == "none":
        return NO_PROXY
    if setting:
        return _usable(setting, "the settings")
    told = dict(environment.getproxies_environment() if told is None else told)
    ways = set()
    for address in outside:
        scheme = "https" if address.scheme in _SECURE else "http"
        bypassed = bool(environment.proxy_bypass_environment(address.netloc, told))  # type: ignore[attr-defined]
        ways.add("" if bypassed else told.get(scheme) or told.get("all") or "")
    if len(ways) > 1:
        places = " and ".join(sorted(f"proxy {_place(way)}" if way else "no proxy" for way in ways))
        return Proxy(refusal=f"not connected: the environment asks for {places} for the same exchange")
    way = ways.pop()
    return _usable(way, "the environment") if way else NO_PROXY


def _usable(url: str, whose: str) -> Proxy:
    if "://" not in url:
        url = f"http://{url}"
    scheme = urlsplit(url).scheme
    if scheme != "http":
        words = (
            f"not connected: the {scheme} proxy {_place(url)}, set by {whose}, cannot serve requests and streams alike"
        )
        return Proxy(refusal=words)
    return Proxy(url)


def _place(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return f"{parts.hostname}:{port}" if port else str(parts.hostname)
