"""Who vouches for each host's certificate, over restarts: another issuer than yesterday's is no matter of course.

A security program or a company's gateway that opens the traffic on its way shows here, and here only: its certificates
are trusted by this computer. The organisation counts; its certificates' names change all the time.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from app.net.state_file import load_state, save_state
from app.net.tls import IssuerSeen, organisation, trusting_system_store


class KnownIssuer(Struct, frozen=True):
    name: str
    since_ms: int
    """Wall time at which it was first seen."""


class NewIssuer(Struct, frozen=True):
    """Asks for the trader's word before anything signed goes to this host again."""

    host: str
    before: KnownIssuer
    name: str


class Issuers:
    """`path` is where they are kept; a file that is missing or not ours knows none, as on the first day.

    The connection that shows another issuer is ended before a byte is sent on it, and `on_new` is called once. Later
    ones are let through for public data: who sends something signed asks `refusal` first.
    """

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        self.new: dict[str, NewIssuer] = {}
        """By host: what the trader has not confirmed."""
        self.on_new: Callable[[NewIssuer], None] = lambda new: None
        self._path = path
        self._now_ms = now_ms
        self._known = load_state(path, dict[str, KnownIssuer]) or {}

    def refusal(self, host: str) -> str:
        """Why nothing signed may be sent to this host, or empty."""
        new = self.new.get(host)
        return f"certificate issuer changed: {new.before.name} → {new.name}; confirm it first" if new else ""

    def confirm(self, host: str) -> None:
        """The trader trusts the new issuer. Raises OSError when that cannot be written; it holds for now."""
        if new := self.new.pop(host, None):
            self._keep(host, new.name)

    def see(self, host: str, certificate: object) -> None:
        """A handshake with this host succeeded. Raises IssuerSeen to end it."""
        name = organisation(certificate)
        known = self._known.get(host)
        if not name or not host:
            return
        if known is None:
            try:
                self._keep(host, name)
            except OSError:
                # Kept for as long as the program runs.
                return
        elif known.name == name:
            # Back to what it was: nothing to confirm any more.
            self.new.pop(host, None)
        elif host not in self.new or self.new[host].name != name:
            self.new[host] = NewIssuer(host, known, name)
            self.on_new(self.new[host])
            raise IssuerSeen(self.refusal(host))

    def _keep(self, host: str, name: str) -> None:
        self._known[host] = KnownIssuer(name, self._now_ms())
        save_state(self._path, self._known)


class Trust:
    """The one TLS context of a desk: the system's certificates, and an eye on who issued those of the exchanges."""

    def __init__(self, issuers: Issuers | None = None, cafile: str | None = None) -> None:
        """`cafile` adds certificates, as a test server needs."""
        self.issuers = issuers
        self._cafile = cafile
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        # Reading the system's certificates takes tens of ms, so once for all connections.
        if self._context is None:
            self._context = trusting_system_store(
                self._cafile, self.issuers.see if self.issuers is not None else _see_nothing
            )
        return self._context

    def refusal(self, host: str) -> str:
        return self.issuers.refusal(host) if self.issuers is not None else ""


def _see_nothing(_host: str, _certificate: object) -> None:
    return None
