"""A transport in memory: tests hand in messages and read what was sent. Real frames, real log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec

from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.connectors.spec import Credentials
from app.connectors.venue import Venue
from app.core.clock import NS_PER_MS, Clock, SystemClock
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.links import Link, LinkStatus
from app.core.notices import Notices
from app.core.requests import Call, NotSent, Request, Response, SignedRequest
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.net.redaction import Redactor
from app.net.server_clock import ServerClock
from app.net.transport import LinkLost


class FakeSocket:
    def __init__(self, log: FrameLog, connection: str, status: LinkStatus) -> None:
        self.sent: list[Any] = []
        self._log = log
        self._connection = connection
        self._status = status
        self._inbox: asyncio.Queue[bytes | LinkLost] = asyncio.Queue()

    def receives(self, *messages: object) -> None:
        for message in messages:
            self._inbox.put_nowait(message if isinstance(message, bytes) else msgspec.json.encode(message))

    def breaks(self, reason: str) -> None:
        self._inbox.put_nowait(LinkLost(reason))

    def __aiter__(self) -> FakeSocket:
        return self

    async def __anext__(self) -> Frame:
        message = await self._inbox.get()
        if isinstance(message, LinkLost):
            raise message
        frame = self._log.add(self._connection, self._status.epoch, Direction.IN, FrameKind.WS, message)
        self._status.messages += 1
        self._status.last_recv_ns = frame.mono_ns
        return frame

    async def send(self, payload: bytes) -> None:
        self.sent.append(msgspec.json.decode(payload))

    async def close(self, reason: str) -> None:
        self.breaks(reason)

    def abort(self, reason: str) -> None:
        self.breaks(reason)


class FakeTransport:
    """The newest socket of each link is in `sockets`; a link named in `refuse` cannot be opened."""

    def __init__(self, log: FrameLog) -> None:
        self.sockets: dict[str, FakeSocket] = {}
        self.opened: list[str] = []
        self._log = log

    @asynccontextmanager
    async def open(self, link: Link, status: LinkStatus, connection: str, scan: bool) -> AsyncIterator[FakeSocket]:
        status.epoch += 1
        self.opened.append(link.name)
        self.sockets[link.name] = FakeSocket(self._log, connection, status)
        yield self.sockets[link.name]


class FakeRest:
    """Answers by (method, path); an answer may be a value, or an exception to raise. Unknown paths fail as not sent."""

    def __init__(self, log: FrameLog) -> None:
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[Request] = []
        self._log = log

    async def perform(self, call: Call[Any]) -> Any:
        request = call.request
        self.asked.append(request)
        answer = self.answers.get((request.method, request.path), NotSent(f"no answer for {request.path}"))
        if isinstance(answer, BaseException):
            raise answer
        body = msgspec.json.encode(answer)
        frame = self._log.add("poloniex/rest", 1, Direction.IN, FrameKind.REST, body, method=request.method)
        return call.parse(Response(status=200, headers={}, body=body, frame=frame.seq, sent_ms=0, received_ms=0))

    def prepare(self, request: Request) -> SignedRequest:
        raise NotSent("a test signs nothing")

    async def forget_connections(self) -> None:
        return None

    async def close(self) -> None:
        return None


def known_clock(clock: Clock) -> ServerClock:
    """Measured once, against an exchange whose clock is the computer's."""
    known = ServerClock(clock)
    known.add_sample(clock.boot_ns(), clock.wall_ns() // NS_PER_MS, 1, clock.boot_ns())
    return known


class InstantBudget(HandshakeBudget):
    APART_S = 0.0


class Desk:
    """A Poloniex exchange without a network."""

    def __init__(self, with_account: bool = False) -> None:
        clock = SystemClock()
        spec = exchange_spec("poloniex")
        domain = spec.domains["main"]
        self.log = FrameLog(clock)
        self.notices = Notices(clock)
        self.transport = FakeTransport(self.log)
        self.rest = FakeRest(self.log)
        budget = InstantBudget(clock)
        auth = spec.auth(Credentials(api_key="key", secret_key="secret"), domain) if with_account else None
        venue = Venue(
            spec,
            domain,
            "",
            rest=self.rest,
            transport=self.transport,
            clock=clock,
            server_clock=known_clock(clock),
            log=self.log,
            notices=self.notices,
            new_policy=lambda: _Eager(clock, Random(1)),
            budget_for=lambda url: budget,
            redactor=Redactor(),
            rate_usage=dict,
        )
        private = spec.private(domain, auth) if auth is not None else None
        self.exchange = Exchange(venue, spec.public(domain), private, None, Random(1))

    def socket(self, name: str = "public") -> FakeSocket:
        return self.transport.sockets[name]


class _Eager(ReconnectPolicy):
    """Comes back at once, so that tests need not wait."""

    def lost(self, carried_data_s: float) -> float:
        super().lost(60.0)
        return 0.0
