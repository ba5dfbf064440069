"""Plug-ins of the FMZ protocol as the desk has them: looked at, tested, kept, connected. No widgets.

No key leaves before the program at the plug-in's port has been named to the user and has answered as a plug-in does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from app.connectors.exchange import Exchange
from app.connectors.fmz import SPEC
from app.connectors.fmz.auth import SIMULATE, FmzAuth
from app.connectors.fmz.lens import BridgeView, look
from app.connectors.fmz.private import FmzPrivate
from app.connectors.fmz.public import FmzPublic
from app.connectors.fmz.service import PluginDomain
from app.connectors.registry import PLUGINS
from app.connectors.spec import Credentials
from app.connectors.venue import TROUBLE
from app.core.frames import Frame, FrameLog
from app.core.requests import Call
from app.credentials.account_info import Lock
from app.credentials.accounts import Accounts
from app.credentials.setup import AccountSetup
from app.net.proxy import proxy_for
from app.net.rate_limiter import Bucket, RateLimiter
from app.net.redaction import Redactor
from app.net.rest import RestClient
from app.plugin_settings import PluginFile, PluginSettings
from app.services.port_owner import PortOwner, port_owner
from app.workspace import Workspace

T = TypeVar("T")

NAME = SPEC.name
LENS_FRAMES, _LOG_BYTES = 64, 8 << 20
_NAMED = 6
_LONGEST = 300


class Finding(Struct, frozen=True):
    """What one question came to; `ok` None: it does not matter. `words` are plain text, foreign in part."""

    asked: str
    ok: bool | None
    words: str


class Stranger(Exception):
    """Another program than the plug-in of the user listens at its port; no key was sent. The text says which."""


class PluginDesk:
    """The plug-ins of one profile. `accounts` is its vault."""

    def __init__(self, workspace: Workspace, accounts: Accounts) -> None:
        self.accounts = accounts
        self._workspace = workspace
        self._file = PluginFile(workspace.paths.config / "plugins.json")
        self._kept: list[PluginSettings] | None = None

    @property
    def kept(self) -> list[PluginSettings]:
        """Every plug-in of this profile, by name. A damaged file is told as a notice."""
        if self._kept is None:
            try:
                self._kept = self._file.load()
            except (ValueError, OSError) as error:
                self._workspace.notices.error("plug-ins", str(error))
                self._kept = []
        return sorted(self._kept, key=lambda each: each.label.casefold())

    def label_problem(self, label: str) -> str:
        """Why no further plug-in can have this name, or empty."""
        name = "".join(label.split()).casefold()
        if any(each.name.casefold() == name for each in self.kept) or f"{NAME}:{name}" in self._workspace.exchanges:
            return "there is a plug-in of that name already"
        return self.setup().label_problem(label)

    def setup(self, domain: PluginDomain | None = None) -> AccountSetup:
        """What checks the key fields and puts them into the vault."""
        exchanges = PLUGINS if domain is None else {NAME: replace(PLUGINS[NAME], domains={domain.name: domain})}
        return AccountSetup(self.accounts, exchanges, clock=self._workspace.clock)

    # -- who is there

    async def owner(self, settings: PluginSettings) -> PortOwner | None:
        """Who listens at the plug-in's port. None: nobody, not on this computer, or not told."""
        if not settings.local:
            return None
        return await asyncio.get_running_loop().run_in_executor(None, port_owner, settings.port)

    async def recognise(self, settings: PluginSettings, domain: PluginDomain) -> list[Finding]:
        """Ask who listens and whether it speaks the protocol. No key is sent."""
        findings = []
        if settings.local:
            owner = await self.owner(settings)
            if owner is None:
                findings.append(Finding("port", None, f"nobody is seen to listen on port {settings.port}"))
            elif not owner.ours:
                words = f"port {settings.port} belongs to another user of this computer: no key is sent there"
                return [Finding("port", False, words)]
            else:
                findings.append(Finding("port", True, f"{owner.words} listens on port {settings.port}"))
        client = _client(domain, self._workspace, None)
        try:
            await client.perform(FmzPublic(domain).get_server_time())
        except TROUBLE as error:
            findings.append(Finding("protocol", False, _plain(str(error))))
        else:
            findings.append(Finding("protocol", True, "it answers as a plug-in does; no key was needed for that"))
        finally:
            await client.close()
        return findings

    def key_problems(self, domain: PluginDomain, values: Mapping[str, str], simulate: bool) -> dict[str, str]:
        """What is wrong with the key fields, by name; never quotes a value."""
        problems = self.setup().problems(NAME, values)
        if simulate and not values.get("passphrase") and "," not in values.get("secret_key", ""):
            problems.setdefault("passphrase", "simulate is the third part: the protocol needs a passphrase before it")
        if not problems:
            try:
                FmzAuth(_credentials(with_simulate(values, simulate)), domain)
            except ValueError as error:
                problems["secret_key"] = str(error)
        return problems

    async def ask(self, domain: PluginDomain, values: Mapping[str, str]) -> AsyncIterator[Finding]:
        """With the keys: accounts, markets and the first pair's book. Raises ValueError for keys that are none."""
        credentials = _credentials(values)
        redactor = _redactor(credentials)
        auth = FmzAuth(credentials, domain)
        public, private = FmzPublic(domain), FmzPrivate(domain, auth)
        client = _client(domain, self._workspace, auth, redactor)
        try:
            balances = await _answer(client, private.get_balances(), redactor)
            yield _found(
                "accounts",
                balances,
                lambda page: f"{_count(len(page.items), 'asset')}{_names([row.asset for row in page.items])}",
            )
            named = domain if domain.has_markets else _with_markets(domain)
            rules = await _answer(client, FmzPublic(named).get_trading_rules(), redactor)
            if isinstance(rules, str):
                pairs = _names([market.pair for market in domain.markets])
                needed = domain.has_markets and not domain.markets
                yield Finding("markets", False if needed else None, f"{rules}; the pairs you named are used{pairs}")
            else:
                yield Finding("markets", True, f"{_count(len(rules), 'market')}{_names([rule.pair for rule in rules])}")
            pair = domain.markets[0].pair if domain.markets else "" if isinstance(rules, str) else rules[0].pair
            if pair:
                book = await _answer(client, public.get_snapshot(pair), redactor)
                yield _found(
                    "depth",
                    book,
                    lambda it: (
                        f"{pair}: best bid {it.bids[0][0] if it.bids else '–'}, "
                        f"best ask {it.asks[0][0] if it.asks else '–'}, {len(it.bids)} + {len(it.asks)} levels"
                    ),
                )
        finally:
            await client.close()

    # -- keeping and connecting

    async def keep(
        self, settings: PluginSettings, domain: PluginDomain, values: Mapping[str, str], lock: Lock, password: str
    ) -> None:
        """Put the keys into the vault and the settings beside it. Raises VaultError and OSError."""
        kept = [each for each in self.kept if each.name != settings.name]
        await self.setup(domain).keep(NAME, domain.name, settings.label, values, lock, password=password, check=None)
        try:
            self._file.save([*kept, settings])
        except OSError:
            await self.accounts.remove(settings.label)
            raise
        self._kept = [*kept, settings]

    async def forget(self, settings: PluginSettings) -> None:
        """Drop it and its keys. Raises VaultError and OSError."""
        if any(info.label == settings.label for info in self.accounts.list()):
            await self.accounts.remove(settings.label)
        self._kept = [each for each in self.kept if each.name != settings.name]
        self._file.save(self._kept)

    async def connect_kept(self, settings: PluginSettings, password: str = "") -> Exchange:
        """Open it with its keys from the vault. Raises VaultError, Stranger and ValueError."""
        await self._refuse_strangers(settings)
        info = self.accounts.find(settings.label)
        _, credentials = await self.accounts.open(info, password)
        return await self._open(settings, settings.domain(), credentials)

    async def connect(self, settings: PluginSettings, domain: PluginDomain, values: Mapping[str, str]) -> Exchange:
        """With keys as they were typed. Raises Stranger, and ValueError when it is open already."""
        await self._refuse_strangers(settings)
        return await self._open(settings, domain, _credentials(values))

    async def _open(self, settings: PluginSettings, domain: PluginDomain, credentials: Credentials) -> Exchange:
        pairs = [market.pair for market in settings.pairs[:1]]
        return await self._workspace.open_exchange(SPEC, domain, credentials, settings.name, pairs)

    async def _refuse_strangers(self, settings: PluginSettings) -> None:
        owner = await self.owner(settings)
        if owner is None or (owner.ours and settings.program in ("", owner.program)):
            return
        words = "a program of another user" if not owner.ours else owner.words
        raise Stranger(
            f"port {settings.port} is taken by {words}; "
            + (f"{settings.label} was {settings.program}; " if settings.program and owner.ours else "")
            + "no key was sent"
        )


def with_simulate(values: Mapping[str, str], simulate: bool) -> dict[str, str]:
    """The key fields with the third part of the secret, as the protocol packs it."""
    if not simulate:
        return dict(values)
    part = "passphrase" if values.get("passphrase") else "secret_key"
    return {**values, part: f"{values[part].strip()},{SIMULATE}"}


def with_program(settings: PluginSettings, owner: PortOwner | None) -> PluginSettings:
    """The user said that this program is the plug-in."""
    return replace(settings, program="" if owner is None else owner.program)


# -- of an open one


def is_plugin(exchange: Exchange) -> bool:
    return isinstance(exchange.venue.domain, PluginDomain)


def polled_every_s(exchange: Exchange) -> float:
    """Seconds between two questions for a book; 0 where it streams."""
    domain = exchange.venue.domain
    return domain.pace.every_s if isinstance(domain, PluginDomain) else 0.0


def set_polled_every_s(exchange: Exchange, every_s: float) -> None:
    """From now on, without a reconnect. Raises ValueError for a number out of range or an exchange that streams."""
    domain = exchange.venue.domain
    if not isinstance(domain, PluginDomain):
        raise ValueError(f"{exchange.title} streams: it is not asked in intervals")
    domain.pace.set(every_s)
    exchange.order_book_tracker.data_source.poll_now()


def bridge_view(asked: Frame, answered: Frame) -> BridgeView:
    """One call to a plug-in, side by side. Raises ValueError for what is no exchange of the protocol."""
    return look(asked.payload, answered.payload)


# -- small parts


def _client(
    domain: PluginDomain, workspace: Workspace, auth: FmzAuth | None, redactor: Redactor | None = None
) -> RestClient:
    clock = workspace.clock
    return RestClient(
        domain.rest,
        FrameLog(clock, LENS_FRAMES, _LOG_BYTES),
        clock,
        RateLimiter([Bucket(limit.bucket, limit.units, limit.per_s) for limit in SPEC.rate_limits], clock),
        redactor or Redactor(SPEC.secret_fields),
        None if auth is None else auth.generate_auth_dict,
        lambda: clock.wall_ns() // 1_000_000,
        f"{NAME}/test",
        SPEC.read_error,
        slow_down_s=SPEC.slow_down_s,
        proxy=proxy_for(domain.rest.values(), workspace.config.network.proxy),
        trust=workspace.certificates.trust,
    )


def _credentials(values: Mapping[str, str]) -> Credentials:
    given = {name: values.get(name, "").strip() for name in ("api_key", "secret_key", "passphrase")}
    return Credentials(**given)


def _redactor(credentials: Credentials) -> Redactor:
    redactor = Redactor(SPEC.secret_fields)
    for secret in (credentials.api_key, credentials.secret_key, credentials.passphrase):
        if secret:
            redactor.protect(secret)
    return redactor


def _with_markets(domain: PluginDomain) -> PluginDomain:
    return replace(domain, has_markets=True)


async def _answer(client: RestClient, call: Call[T], redactor: Redactor) -> T | str:
    """Words where it was refused: a plug-in may repeat what it was sent, keys too."""
    try:
        return await client.perform(call)
    except TROUBLE as error:
        return f"the plug-in says: {_plain(redactor.text(str(error)))}"


def _found(asked: str, answer: T | str, words: Callable[[T], str]) -> Finding:
    return Finding(asked, False, answer) if isinstance(answer, str) else Finding(asked, True, _plain(words(answer)))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f": {', '.join(names[:_NAMED])}{more}" if names else ""


def _plain(words: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
