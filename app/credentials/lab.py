"""Where an account's exchange is: a domain compiled into the program, or a server on this very computer. No network."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.connectors.spec import Domain, ExchangeSpec
from app.credentials.account_info import AccountInfo
from app.credentials.errors import VaultError

LAB = "lab"
"""The domain under which accounts of such servers are kept."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NAMES = ("rest", "ws_public", "ws_private")


class HostRefused(VaultError):
    """The account names a host that it may not be used with."""


def domain_of(info: AccountInfo, spec: ExchangeSpec) -> Domain:
    """Raises HostRefused; no key may be opened then."""
    if info.domain == LAB:
        return lab_domain(info.lab, spec)
    domain = spec.domains.get(info.domain)
    if domain is None or info.lab:
        raise HostRefused(f"{info.label}: {spec.title} has no domain {info.domain!r}; it has {', '.join(spec.domains)}")
    return domain


def lab_domain(addresses: dict[str, str], spec: ExchangeSpec) -> Domain:
    """The domain of a twin at these addresses. Raises HostRefused for any that is not of this computer."""
    if addresses.keys() != set(_NAMES):
        raise HostRefused("a lab account needs the addresses that its server printed")
    for name in _NAMES:
        schemes = ("http", "https") if name == "rest" else ("ws", "wss")
        try:
            url = urlsplit(addresses[name])
            good = url.scheme in schemes and url.hostname in _LOOPBACK and bool(url.port) and not url.username
        except ValueError:
            good = False
        if not good:
            raise HostRefused(f"host not on the list for {spec.title}: a lab account may name this computer only")
    rest = addresses["rest"]
    return Domain(
        name=LAB,
        title=f"Lab, {urlsplit(rest).netloc}",
        rest=dict.fromkeys(spec.domains["main"].rest, rest),
        sockets=spec.sockets_of_twin(addresses["ws_public"], addresses["ws_private"]),
        paper=True,
        lab=True,
    )
