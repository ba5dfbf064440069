"""Plays a recorded session through the same sources, trackers and books as live data. It owns nothing that can send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, NoReturn
from urllib.parse import urlsplit

import msgspec

from app.connectors.exchange import Exchange
from app.connectors.registry import EXCHANGES, exchange_by_url
from app.connectors.spec import ExchangeSpec
from app.connectors.venue import Venue
from app.core.clock import Clock
from app.core.effects import LoggedIn, Perform, Pong, Reconnect, Refused, Send, Subscribed, Unknown
from app.core.frames import Direction, FrameKind, FrameLog
from app.core.links import LinkState, LinkStatus
from app.core.notices import Notices
from app.core.requests import Call, NotSent, Page, Request, Response, SignedRequest, VenueError
from app.core.types import BookSnapshot, Trade
from app.net.redaction import Redactor
from app.net.replay import Record, read_session
from app.net.server_clock import ServerClock
from app.net.session_format import RecordKind

_REPLAYED = "This is a replay: nothing can be sent"
_SLICE = 500
"""Records played before the loop gets a turn."""


class ReplayError(Exception):
    """The recording cannot be played; the text says why."""


class ReplayDesk:
    """One recording and the exchanges found in it. Every frame keeps its recorded time."""

    def __init__(self, path: Path, log: FrameLog, clock: Clock, notices: Notices) -> None:
        self.path = path
        self.exchanges: dict[str, Exchange] = {}
        self.trades: dict[str, list[Trade]] = {}
        """Every trade, by exchange, in the order it was recorded."""
        self.position_ns = 0
        """Recorded wall time of the last record played."""
        self.finished = False
        self.skipped = 0
        """Records of connections that belong to no exchange known here."""
        self.on_exchange: Callable[[Exchange], None] = lambda exchange: None
        self._log = log
        self._clock = clock
        self._notices = notices
        self._routes: dict[str, _Route | None] = {}

    async def play(self, speed: Callable[[], float]) -> None:
        """Play to the end. `speed` is asked often: 1 is as recorded, 0 pauses, infinity is as fast as it goes.

        Raises ReplayError and `net.replay.NotASession`.
        """
        played = 0
        for record in read_session(self.path):
            await self._wait_until(record.wall_ns, speed)
            self._play(record)
            played += 1
            if played % _SLICE == 0:
                await asyncio.sleep(0)
        self.finished = True
        if not self.exchanges:
            raise ReplayError(f"{self.path} holds no messages of an exchange known here")

    async def _wait_until(self, wall_ns: int, speed: Callable[[], float]) -> None:
        gap_s = (wall_ns - self.position_ns) / 1e9 if self.position_ns and wall_ns else 0.0
        while gap_s > 0 and (now := speed()) != float("inf"):
            if now <= 0:
                await asyncio.sleep(0.05)
                continue
            step_s = min(gap_s / now, 0.05)
            await asyncio.sleep(step_s)
            gap_s -= step_s * now
        self.position_ns = max(self.position_ns, wall_ns)

    def _play(self, record: Record) -> None:
        if record.kind in (RecordKind.HEADER, RecordKind.FOOTER, RecordKind.NOTE):
            if record.kind is RecordKind.NOTE and not record.connection:
                self._notices.warning(self.path.name, record.data.decode(errors="replace"))
            return
        route = self._route(record)
        if route is None:
            self.skipped += 1
            return
        if record.kind is RecordKind.HTTP:
            if record.direction is Direction.IN:
                route.on_reply(record)
        elif record.kind is RecordKind.CONNECT:
            route.on_connect(record)
        else:
            direction = Direction.IN if record.kind is RecordKind.RECV else Direction.OUT
            route.on_frame(record, direction)

    def _route(self, record: Record) -> _Route | None:
        if record.connection not in self._routes:
            self._routes[record.connection] = self._new_route(record)
        return self._routes[record.connection]

    def _new_route(self, record: Record) -> _Route | None:
        name, _, link = record.connection.rpartition("/")
        spec = EXCHANGES.get(name.partition(":")[0])
        domain = "main"
        if spec is None:
            found = exchange_by_url(record.url)
            if found is None:
                return None
            spec, domain = found
            link = _link_name(spec, domain, record.url)
        exchange = self.exchanges.get(name or spec.name) or self._new_exchange(spec, domain, name)
        return _Route(exchange, link, self._log, self.trades[exchange.key])

    def _new_exchange(self, spec: ExchangeSpec, domain: str, name: str) -> Exchange:
        where = spec.domains[domain]
        label = name.partition(":")[2]
        venue = Venue(
            spec,
            where,
            label,
            rest=_NothingLeaves(),
            transport=_NothingLeaves(),
            clock=self._clock,
            server_clock=ServerClock(self._clock),
            log=self._log,
            notices=self._notices,
            new_policy=_refuse,
            budget_for=_refuse,
            redactor=Redactor(spec.secret_fields),
            rate_usage=dict,
        )
        private = spec.private(where, _NothingLeaves())
        exchange = Exchange(venue, spec.public(where), private, None, Random(0), no_orders=_REPLAYED)
        exchange.order_book_tracker.follow_all = True
        exchange.replayed = True
        self.exchanges[exchange.key] = exchange
        self.trades[exchange.key] = []
        self.on_exchange(exchange)
        return exchange


class _Route:
    """Where the records of one connection go."""

    def __init__(self, exchange: Exchange, link: str, log: FrameLog, trades: list[Trade]) -> None:
        self._exchange = exchange
        self._link = link
        self._log = log
        self._trades = trades
        self._waiting: list[Call[Iterable[Any]]] = []
        self._status = LinkStatus(exchange.venue.connection(link))
        if link != "rest":
            exchange.order_book_tracker.data_source.links[link] = self._status

    def on_connect(self, record: Record) -> None:
        self._status.epoch += 1
        self._status.url = record.url
        self._status.note(record.wall_ns, LinkState.LIVE)
        self._add(record, Direction.IN, FrameKind.CONTROL)

    def on_frame(self, record: Record, direction: Direction) -> None:
        frame = self._add(record, direction, FrameKind.WS)
        if direction is Direction.OUT:
            return
        status, exchange = self._status, self._exchange
        status.state = LinkState.LIVE
        status.messages += 1
        status.bytes += len(record.data)
        status.last_recv_ns = exchange.venue.clock.mono_ns()
        try:
            for effect in exchange.recorded.read(self._link, record.data, frame):
                self._apply(effect)
        except (msgspec.DecodeError, ValueError) as error:
            status.unknown += 1
            exchange.venue.notices.warning(status.name, f"unreadable message: {error}", frame)

    def on_reply(self, record: Record) -> None:
        frame = self._add(record, Direction.IN, FrameKind.REST)
        path, query = urlsplit(record.url or record.path)[2:4]
        response = Response(
            status=record.status or 200, headers={}, body=record.data, frame=frame, sent_ms=0, received_ms=0
        )
        for call in (*self._waiting, *self._exchange.recorded.calls()):
            request = call.request
            if request.method != (record.method or "GET") or request.path != path or not _same_query(request, query):
                continue
            try:
                answer = call.parse(response)
            except (msgspec.DecodeError, ValueError, VenueError) as error:
                self._exchange.venue.notices.warning(self._status.name, f"unreadable reply: {error}", frame)
                return
            if call in self._waiting:
                self._waiting.remove(call)
            if isinstance(answer, BookSnapshot):
                # An audit's reply was compared with a live book, not put in its place.
                if not self._is_live(answer.pair):
                    self._apply(answer)
                return
            for item in answer.items if isinstance(answer, Page) else answer:
                self._apply(item)
            return

    def _apply(self, effect: Any) -> None:
        if isinstance(effect, Unknown):
            self._status.unknown += 1
        elif isinstance(effect, Perform):
            self._waiting.append(effect.call)
        elif not isinstance(effect, Send | LoggedIn | Pong | Subscribed | Refused | Reconnect):
            if isinstance(effect, Trade):
                self._trades.append(effect)
            self._exchange.recorded.take(effect)

    def _is_live(self, pair: str) -> bool:
        book = self._exchange.order_books.get(pair)
        return book is not None and not book.stale

    def _add(self, record: Record, direction: Direction, kind: FrameKind) -> int:
        return self._log.add(
            self._status.name,
            self._status.epoch,
            direction,
            kind,
            record.data,
            method=record.method,
            path=record.path or (record.url if kind is FrameKind.REST else ""),
            status=record.status,
            wall_ns=record.wall_ns,
        ).seq


class _NothingLeaves:
    """Stands where a live desk has its REST client, its transport and its keys."""

    api_key = ""

    async def perform(self, call: Call[Any]) -> NoReturn:
        raise NotSent("this is a replay: nothing is sent")

    def prepare(self, request: Request) -> SignedRequest:
        raise NotSent("this is a replay: nothing is signed")

    async def close(self) -> None:
        return None

    def open(self, *_: object) -> NoReturn:
        raise RuntimeError("a replay opens no connection")

    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        raise NotSent("this is a replay: nothing is signed")

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        raise NotSent("this is a replay: nothing is signed")

    def forget(self) -> None:
        return None


def _refuse(*_: object) -> NoReturn:
    raise RuntimeError("a replay opens no connection")


def _link_name(spec: ExchangeSpec, domain: str, url: str) -> str:
    sockets: Mapping[str, str] = spec.domains[domain].sockets
    exact = [name for name, known in sockets.items() if url.startswith(known)]
    if exact:
        return max(exact, key=lambda name: len(sockets[name]))
    return next(iter(sockets)) if url.startswith("ws") else "rest"


def _same_query(request: Request, query: str) -> bool:
    """Whether every parameter that we would send stands in the recorded query; a recorder may have sent more."""
    recorded = dict(part.partition("=")[::2] for part in query.split("&") if part)
    return all(name not in recorded or recorded[name] == value for name, value in request.params)
