"""Makes the venue of every exchange: its requests, sockets and clock, and what all accounts at one address share."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

from app.certificate_desk import CertificateDesk
from app.config import Config, Paths
from app.connectors.spec import Auth, Domain, ExchangeSpec
from app.connectors.venue import Venue
from app.core.clock import Clock
from app.core.frames import FrameLog
from app.core.notices import Notices
from app.core.requests import Response
from app.net.host_file import load_hosts, save_hosts
from app.net.proxy import proxy_for
from app.net.rate_limiter import Bucket, RateLimiter
from app.net.reconnect import HandshakeBudget, HandshakeBudgets, ReconnectPolicy
from app.net.redaction import Redactor
from app.net.rest import RestClient
from app.net.server_clock import ServerClock
from app.net.standing import Standing
from app.net.transport import WebSocketTransport

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Venues:
    """Handshakes of earlier runs are remembered in a file, so that a restart takes no more than its share."""

    def __init__(
        self,
        paths: Paths,
        config: Config,
        clock: Clock,
        random: Random,
        log: FrameLog,
        notices: Notices,
        certificates: CertificateDesk,
        loop_lag_s: Callable[[], float],
    ) -> None:
        self._paths = paths
        self._config = config
        self._clock = clock
        self._random = random
        self._log = log
        self._notices = notices
        self._certificates = certificates
        self._loop_lag_s = loop_lag_s
        self._standings: dict[str, Standing] = {}
        self._budgets = HandshakeBudgets(clock, self._keep_hosts)
        self._budgets.restore(load_hosts(paths.hosts_file))

    def make(self, spec: ExchangeSpec, domain: Domain, label: str, redactor: Redactor, auth: Auth | None) -> Venue:
        """`auth` signs; None for public data."""
        clock, log, trust = self._clock, self._log, self._certificates.trust
        standing = self._standing(spec, domain)
        limiter = standing.limiter
        server_clock = ServerClock(clock)
        key = f"{spec.name}:{label}" if label else spec.name
        proxy = proxy_for((*domain.rest.values(), *domain.sockets.values()), self._config.network.proxy)
        if proxy.refusal:
            self._notices.raise_alarm("PROXY", key, proxy.refusal)
        rest = RestClient(
            domain.rest,
            log,
            clock,
            limiter,
            redactor,
            None if auth is None else auth.generate_auth_dict,
            server_clock.now_ms,
            f"{key}/rest",
            spec.read_error,
            slow_down_s=spec.slow_down_s,
            proxy=proxy,
            trust=trust,
        )
        venue = Venue(
            spec,
            domain,
            label,
            rest=rest,
            transport=WebSocketTransport(log, clock, redactor, proxy=proxy, trust=trust),
            clock=clock,
            server_clock=server_clock,
            log=log,
            notices=self._notices,
            new_policy=lambda: ReconnectPolicy(clock, self._random),
            budget_for=self._budget_for,
            redactor=redactor,
            loop_lag_s=self._loop_lag_s,
            rate_usage=limiter.shares,
            standing=standing,
            via=proxy.words,
        )
        rest.on_limit = standing.told
        standing.on_told = venue.on_limited

        def on_exchange(response: Response, sent_ns: int, received_ns: int) -> None:
            venue.note_exchange(response, sent_ns, received_ns)
            for bucket, used in spec.read_usage(response):
                limiter.observe(bucket, used)

        rest.on_exchange = on_exchange
        return venue

    def _standing(self, spec: ExchangeSpec, domain: Domain) -> Standing:
        """Limits and bans of one exchange are about our address: its accounts share them."""
        key = domain.rest[""]
        if key not in self._standings:
            limits = [Bucket(limit.bucket, limit.units, limit.per_s) for limit in spec.rate_limits]
            budgets = {id(one): one for one in map(self._budget_for, (*domain.rest.values(), *domain.sockets.values()))}
            self._standings[key] = Standing(self._clock, RateLimiter(limits, self._clock), budgets.values())
        return self._standings[key]

    def _budget_for(self, url: str) -> HandshakeBudget:
        host = urlsplit(url)
        budget = self._budgets.of(host.netloc)
        if host.hostname in _LOOPBACK:
            # A twin of ours has nobody else to protect from us; some take no more than three a second, as the real one.
            budget.apart_s = 0.4
            budget.probe_apart_s = 1.0
        return budget

    def _keep_hosts(self) -> None:
        try:
            save_hosts(self._paths.hosts_file, self._budgets.states())
        except OSError as error:
            self._notices.warning("desk", f"bans and connections are not remembered: {error.strerror}")
