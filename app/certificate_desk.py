"""Tells the trader when a host's certificate has another issuer than before, and takes his word for the new one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from app.connectors.exchange import Exchange
from app.core.clock import NS_PER_MS, Clock
from app.core.notices import Notices
from app.dates import utc_date
from app.net.issuers import Issuers, NewIssuer, Trust

ISSUER_CHANGED = "ISSUER-CHANGED"
"""Code of the alarm; its source is the host."""


class CertificateDesk:
    def __init__(self, path: Path, clock: Clock, notices: Notices) -> None:
        self.issuers = Issuers(path, lambda: clock.wall_ns() // NS_PER_MS)
        self.trust = Trust(self.issuers)
        self._notices = notices
        self.issuers.on_new = self._tell

    def question(self, host: str) -> str:
        """What the trader is asked before `confirm`; empty when there is nothing to confirm."""
        new = self.issuers.new.get(host)
        if new is None:
            return ""
        return (
            f"Since {utc_date(new.before.since_ms)} the certificate of {host} was issued by {new.before.name}. "
            f"Now {new.name} vouches for it. Exchanges change their issuer now and then. A security program on this "
            "computer, or a gateway of your company that reads along, shows in the same way."
        )

    def confirm(self, host: str, exchanges: Iterable[Exchange]) -> None:
        """The trader trusts the new issuer: signed traffic with this host begins again."""
        try:
            self.issuers.confirm(host)
        except OSError as error:
            self._notices.warning("desk", f"the issuer is not remembered: {error.strerror}")
        self._notices.end_alarm(ISSUER_CHANGED, host, "confirmed by you")
        for exchange in exchanges:
            stream = exchange.user_stream_tracker
            if stream is None:
                continue
            for status in stream.data_source.statuses:
                if urlsplit(status.url).hostname == host:
                    exchange.reconnect(status.name)
            stream.ask_now()

    def _tell(self, new: NewIssuer) -> None:
        since = utc_date(new.before.since_ms)
        words = f"{new.before.name} (since {since}) → {new.name}: nothing signed is sent there until you confirm it"
        self._notices.raise_alarm(ISSUER_CHANGED, new.host, words)
