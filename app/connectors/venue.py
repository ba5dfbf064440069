"""What every part of one connected exchange shares: names, clocks, the REST client, dialling and background work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from msgspec.structs import replace

from app.connectors.link_connection import Transport
from app.connectors.link_runner import LinkRunner, LinkUser
from app.connectors.spec import Domain, ExchangeSpec
from app.core.clock import NS_PER_MS, NS_PER_S, Clock
from app.core.errors import ErrorKind
from app.core.frames import FrameLog
from app.core.links import Link, LinkStatus
from app.core.notices import Notices
from app.core.requests import Call, NoAnswer, NotSent, NotTrusted, Page, Request, Response, SignedRequest, VenueError
from app.core.signal import Signal
from app.core.timestamps import as_ms, utc_time
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.net.redaction import Redactor
from app.net.server_clock import ServerClock
from app.net.standing import Standing
from app.net.transport import LinkLost
from app.net.waiting import happens

T = TypeVar("T")
MOST_PAGES = 1_000
CLOCK_MARGIN_MS = 1_000
_LONG_S = 3_600.0
_LONGEST_SAMPLE_NS = 4 * NS_PER_S
"""A request signed by such a sample is 2 s old when it leaves; the shortest window of an exchange is 5 s."""
UNTRUSTED = "CERTIFICATE"
REDIRECTED = "REDIRECT"
BANNED = "BANNED"
"""Codes of alarms."""
TROUBLE = (VenueError, NotSent, NoAnswer)
"""Every way a question can fail."""


class Rest(Protocol):
    """Performs calls; a replay has one that refuses every call, so nothing of a recording can be sent."""

    async def perform(self, call: Call[T]) -> T: ...
    def prepare(self, request: Request) -> SignedRequest: ...
    async def forget_connections(self) -> None: ...
    async def close(self) -> None: ...


class Venue:
    """One exchange domain and, where there is one, one account on it."""

    def __init__(
        self,
        spec: ExchangeSpec,
        domain: Domain,
        label: str,
        *,
        rest: Rest,
        transport: Transport,
        clock: Clock,
        server_clock: ServerClock,
        log: FrameLog,
        notices: Notices,
        new_policy: Callable[[], ReconnectPolicy],
        budget_for: Callable[[str], HandshakeBudget],
        redactor: Redactor,
        rate_usage: Callable[[], Mapping[str, float]],
        standing: Standing | None = None,
        via: str = "",
        loop_lag_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.spec = spec
        self.domain = domain
        self.key = f"{spec.name}:{label}" if label else spec.name
        own_name = label if label.casefold() not in (spec.name, spec.title.casefold()) else ""
        self.title = f"{spec.title} {own_name}".strip()
        """The exchange's name, and that of the account where it has one of its own."""
        self.rest = rest
        self.clock = clock
        self.server_clock = server_clock
        self.log = log
        self.notices = notices
        self.rate_usage = rate_usage
        self.loop_lag_s = loop_lag_s
        self.on_failure: Callable[[str], None] = lambda name: None
        """Told the name of a background work that an unforeseen error ended."""
        self.last_exchange_ns = (0, 0)
        """Boot times at which the newest answered request was written and its answer's head came."""
        self.on_key_refused: Callable[[VenueError], None] = lambda error: None
        """Called when the exchange refuses the key or what it may do."""
        self.via = via
        """The proxy in words, or empty."""
        self.standing = standing
        self.unreached = ""
        """Why the newest request did not reach the exchange or got no answer; empty after one that did."""
        self.on_clock_refused: Callable[[], None] = _nothing
        self._clock_known = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._written_down: tuple[float, int] | None = None
        self.answers_again: Signal[None] = Signal()
        """The exchange answered after a question had got no answer."""
        self.answered: Signal[None] = Signal()
        """The exchange answered any question."""
        self._silent = False
        self._redactor = redactor
        self._transport = transport
        self._new_policy = new_policy
        self._budget_for = budget_for

    def connection(self, link_name: str) -> str:
        """The name under which a link's frames are logged."""
        return f"{self.key}/{link_name}"

    def now_ms(self) -> int:
        """The exchange's time, safe to sign with."""
        return self.server_clock.now_ms()

    def proof_ms(self, signed_ms: int = 0) -> int:
        """From this exchange time on, a request signed at `signed_ms` (0: now) can no longer take effect."""
        return (signed_ms or self.now_ms()) + self.spec.signing_window_ms + CLOCK_MARGIN_MS + self.spec.engine_grace_ms

    def estimate_ms(self) -> int:
        """The exchange's time, as near as we know it."""
        return int(self.server_clock.estimate_ms())

    def wall_ms(self) -> int:
        """Now, for what is written down: the exchange's time once it is known. It never runs backwards, whatever
        happens to the computer's time of day.
        """
        if self.server_clock.bound_ms is not None:
            now_ms = self.server_clock.estimate_ms()
        elif self._written_down is not None:
            before_ms, at_ns = self._written_down
            now_ms = before_ms + (self.clock.boot_ns() - at_ns) / NS_PER_MS
        else:
            return self.clock.wall_ns() // NS_PER_MS
        if self._written_down is not None:
            now_ms = max(now_ms, self._written_down[0])
        self._written_down = (now_ms, self.clock.boot_ns())
        return int(now_ms)

    async def perform(self, call: Call[T]) -> T:
        """Raises VenueError, NotSent, NoAnswer. A signed request waits until the exchange's clock is known."""
        request = call.request
        if request.signed and not await self.clock_learned(request.timeout_s):
            raise NotSent(f"the exchange's clock is not known yet{f': {self.unreached}' if self.unreached else ''}")
        try:
            return await self._ask(call)
        except VenueError as error:
            if error.kind is ErrorKind.AUTH and request.signed:
                self.on_key_refused(error)
            raise

    async def sample_clock(self, call: Call[int]) -> None:
        """Ask for the exchange's time and learn the offset of ours. Raises VenueError, NotSent, NoAnswer."""
        server_ms = as_ms(await self._ask(call))
        sent_ns, received_ns = self.last_exchange_ns
        if received_ns - sent_ns > _LONGEST_SAMPLE_NS:
            # As when the computer slept in between: true, but of no use for signing.
            return
        self.server_clock.add_sample(sent_ns, server_ms, self.spec.server_time_resolution_ms, received_ns)
        self._clock_known.set()

    def forget_clock(self) -> None:
        """What is known of the exchange's clock no longer holds; nothing is signed until it is known again."""
        self.server_clock.forget()
        self._clock_known.clear()

    async def wait_for_clock(self) -> None:
        """Return when there is an estimate of the exchange's clock, however long that takes."""
        while not await self.clock_learned(_LONG_S):
            pass

    async def clock_learned(self, within_s: float) -> bool:
        """Wait until there is an estimate of the exchange's clock; False when there is none in time."""
        return self.server_clock.bound_ms is not None or await happens(self._clock_known, within_s)

    async def _ask(self, call: Call[T]) -> T:
        try:
            answer = await self.rest.perform(call)
        except VenueError as refusal:
            self._on_refusal(refusal)
            if refusal.kind is not ErrorKind.UNAVAILABLE:
                self._note_answer()
            raise
        except (NotSent, NoAnswer) as failure:
            self._silent = True
            self.unreached = str(failure)
            if isinstance(failure, NotTrusted):
                self._alarm_untrusted(self.domain.rest[call.request.host], str(failure))
            raise
        self.unreached = ""
        self.notices.end_alarm(REDIRECTED, self.key)
        self.notices.end_alarm(UNTRUSTED, self._place(self.domain.rest[call.request.host]))
        self._note_answer()
        return answer

    def _note_answer(self) -> None:
        self.answered.emit(None)
        if self._silent:
            self._silent = False
            self.answers_again.emit(None)

    def _on_refusal(self, refusal: VenueError) -> None:
        if 300 <= refusal.status < 400:
            # It is somebody between us and the exchange who speaks.
            self.unreached = refusal.words
            self.notices.raise_alarm(REDIRECTED, self.key, _sentence(refusal.words), refusal.frame)
            return
        self.unreached = ""
        if refusal.kind is ErrorKind.CLOCK:
            self.forget_clock()
            self.on_clock_refused()

    @property
    def banned_until_ns(self) -> int:
        """Wall time until which the exchange wants nothing from our address; 0 when it does not ban us."""
        return self.standing.banned_until_ns if self.standing is not None else 0

    @property
    def ban_words(self) -> str:
        """Why nothing may be sent, and where to turn meanwhile; empty when not banned."""
        until_ns = self.banned_until_ns
        if not until_ns:
            return ""
        site = f"; to cancel in an emergency use {self.spec.site}" if self.spec.site else ""
        return f"IP banned by exchange until {utc_time(until_ns // NS_PER_MS)} UTC{site}"

    def check_ban(self) -> None:
        """Raise or end the alarm about a ban."""
        if words := self.ban_words:
            self.notices.raise_alarm(BANNED, self.key, words)
        else:
            self.notices.end_alarm(BANNED, self.key)

    def on_limited(self, status: int, seconds: float) -> None:
        """The exchange answered 418 or 429."""
        if status == 418:
            self.check_ban()
        else:
            self.notices.warning(self.key, f"the exchange asked us to slow down: no requests for {seconds:.0f} s")

    def _place(self, address: str) -> str:
        """This exchange at one of its hosts."""
        return f"{self.key} {urlsplit(address).hostname}"

    def _alarm_untrusted(self, address: str, words: str) -> None:
        host = urlsplit(address).hostname or address
        told = words.replace("certificate not trusted", f"Certificate for {host} not trusted", 1)
        self.notices.raise_alarm(UNTRUSTED, self._place(address), f"{told}; nothing was sent there")

    def note_exchange(self, response: Response, sent_boot_ns: int, received_boot_ns: int) -> None:
        """Remember when the newest answered request was written and answered."""
        self.last_exchange_ns = (sent_boot_ns, received_boot_ns)

    def redacted(self, signed: SignedRequest) -> SignedRequest:
        """The request with its signature and key masked, fit to be shown."""
        return replace(
            signed,
            target=self._redactor.query(signed.target),
            headers=self._redactor.headers(signed.headers),
            body=self._redactor.payload(signed.body),
            signed_text=self._redactor.text(signed.signed_text),
        )

    async def all_pages(self, call: Call[Page[T]] | None) -> list[T]:
        """Every item of a paged list: all of it or an error. Raises VenueError, NotSent, NoAnswer."""
        items: list[T] = []
        for _ in range(MOST_PAGES):
            if call is None:
                return items
            page = await self.perform(call)
            items += page.items
            call = page.next
        if call is not None:
            raise NoAnswer(f"a list did not end within {MOST_PAGES} pages")
        return items

    def runner(self, link: Link, user: LinkUser, status: LinkStatus, private: bool) -> LinkRunner:
        return LinkRunner(
            link,
            user,
            status,
            self._transport,
            self._new_policy(),
            self._budget_for(link.url),
            self.clock,
            self.notices,
            private,
            self.spec.slow_down_s,
            before_dialling=self.wait_for_clock if private else None,
            on_refusal=partial(self._on_handshake_refused, link),
            on_opened=partial(self._on_opened, link),
        )

    def connection_lost(self) -> None:
        """The network may be another one now: no kept connection is used for a request."""
        self.spawn(self.rest.forget_connections(), "new connections", self._tasks)

    def _on_handshake_refused(self, link: Link, lost: LinkLost) -> None:
        if lost.untrusted:
            self._alarm_untrusted(link.url, str(lost))
        elif 300 <= lost.status < 400:
            self.notices.raise_alarm(REDIRECTED, self.connection(link.name), _sentence(str(lost)))
        elif self.standing is not None:
            self.standing.handshake_refused(lost.status)

    def _on_opened(self, link: Link) -> None:
        self.notices.end_alarm(UNTRUSTED, self._place(link.url))
        self.notices.end_alarm(REDIRECTED, self.connection(link.name))

    def spawn(self, work: Coroutine[Any, Any, None], name: str, tasks: set[asyncio.Task[None]]) -> None:
        """Run in the background, held by `tasks`; an unforeseen failure becomes a notice and ends only this work."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                words = f"internal error in {name} ({type(error).__name__}): restart connector"
                self.notices.raise_alarm("INTERNAL-ERROR", self.key, words)
                self.on_failure(name)
                task.get_loop().call_exception_handler({"message": f"{name} failed", "exception": error})

        task.add_done_callback(done)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _nothing() -> None:
    return None
