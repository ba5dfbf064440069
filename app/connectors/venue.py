"""What every part of one connected exchange shares: names, clocks, the REST client, dialling and background work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from app.connectors.link_runner import LinkRunner, LinkUser, Transport
from app.connectors.spec import Domain, ExchangeSpec
from app.core.clock import Clock
from app.core.errors import ErrorKind
from app.core.frames import FrameLog
from app.core.links import Link, LinkStatus
from app.core.notices import Notices
from app.core.requests import Call, NoAnswer, NotSent, Page, Request, Response, SignedRequest, VenueError
from app.core.signal import Signal
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.net.redaction import Redactor
from app.net.server_clock import ServerClock

T = TypeVar("T")
MOST_PAGES = 1_000
TROUBLE = (VenueError, NotSent, NoAnswer)
"""Every way a question can fail."""


class Rest(Protocol):
    """Performs calls; a replay has one that refuses every call, so nothing of a recording can be sent."""

    async def perform(self, call: Call[T]) -> T: ...
    def prepare(self, request: Request) -> SignedRequest: ...
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
    ) -> None:
        self.spec = spec
        self.domain = domain
        self.key = f"{spec.name}:{label}" if label else spec.name
        self.rest = rest
        self.clock = clock
        self.server_clock = server_clock
        self.log = log
        self.notices = notices
        self.rate_usage = rate_usage
        self.last_exchange_ns = (0, 0)
        """Boot times at which the newest answered request was written and its answer's head came."""
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

    def estimate_ms(self) -> int:
        """The exchange's time, as near as we know it."""
        return int(self.server_clock.estimate_ms())

    def wall_ms(self) -> int:
        return self.clock.wall_ns() // 1_000_000

    async def perform(self, call: Call[T]) -> T:
        """Raises VenueError, NotSent, NoAnswer."""
        try:
            answer = await self.rest.perform(call)
        except (NotSent, NoAnswer):
            self._silent = True
            raise
        except VenueError as error:
            if error.kind is not ErrorKind.UNAVAILABLE:
                self._note_answer()
            raise
        self._note_answer()
        return answer

    def _note_answer(self) -> None:
        self.answered.emit(None)
        if self._silent:
            self._silent = False
            self.answers_again.emit(None)

    async def sample_clock(self, call: Call[int]) -> None:
        """Ask for the exchange's time and learn the offset of ours. Raises VenueError, NotSent, NoAnswer."""
        server_ms = await self.perform(call)
        sent_ns, received_ns = self.last_exchange_ns
        self.server_clock.add_sample(sent_ns, server_ms, self.spec.server_time_resolution_ms, received_ns)

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
        )

    def spawn(self, work: Coroutine[Any, Any, None], name: str, tasks: set[asyncio.Task[None]]) -> None:
        """Run in the background, held by `tasks`; an unforeseen failure becomes a notice and ends only this work."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.notices.error(self.key, f"internal error in {name}: {type(error).__name__}")
                task.get_loop().call_exception_handler({"message": f"{name} failed", "exception": error})

        task.add_done_callback(done)
