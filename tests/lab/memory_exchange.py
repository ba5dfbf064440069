"""An exchange in memory with its own ledger, an engine that takes its time, and a network that loses things.

It is what an order is compared with: `ledger` is the truth. No sockets; time is the running loop's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from msgspec import Struct

from app.connectors.spec import CancelAnswer, PlaceAccepted
from app.core.errors import ErrorKind
from app.core.links import Link
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, NoAnswer, NotSent, Page, Request, Response, VenueError
from app.core.types import Balance, Fill, OrderUpdate, VenueState
from tests.lab.virtual_time import START_WALL_S

T = TypeVar("T")
PAIR = "BTC-USDT"
_GATEWAY_PATIENCE_S = 10.0
_AHEAD_MS = 1_000
_ENDS = {VenueState.FILLED, VenueState.CANCELED, VenueState.EXPIRED}


class Profile(Struct, frozen=True):
    """The rules of one kind of exchange. `unique`: "open" among open orders, "ever", or "no"."""

    name: str
    unique: str
    asks_by_our_id: bool = True
    slowest_engine_s: float = 0.05
    window_ms: int = 5_000
    grace_ms: int = 10_000
    delivers_twice: bool = False
    """The network may deliver one order request twice. Only where the exchange refuses the second for ever: nobody
    else can be protected from that. The second is answered only where it says that the id is taken."""


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("unique-open", "open"),
        Profile("not-unique", "no"),
        Profile("no-lookup", "no", asks_by_our_id=False),
        Profile("slow-engine", "open", slowest_engine_s=9.8),
        Profile("strict", "ever", window_ms=2_000, delivers_twice=True),
    )
}


class VenueOrder:
    """One order as the exchange has it."""

    def __init__(self, number: int, intent: OrderIntent, now_ms: int) -> None:
        self.exchange_order_id = str(number)
        self.intent = intent
        self.created_ms = now_ms
        self.updated_ms = now_ms
        self.state = VenueState.OPEN
        self.fills: list[Fill] = []

    @property
    def filled(self) -> Decimal:
        return sum((fill.amount for fill in self.fills), Decimal(0))

    @property
    def is_done(self) -> bool:
        return self.state in _ENDS


class Weather(Struct):
    """How the network is now. `offline`: nothing leaves; `hole`: everything vanishes."""

    faulty: bool = True
    offline: bool = False
    hole: bool = False
    stream_up: bool = True


class MemoryExchange:
    """Server side: ledger, engine and stream. `deliver` gets every report that reaches the desk."""

    def __init__(self, profile: Profile, random: Random, loop: asyncio.AbstractEventLoop) -> None:
        self.profile = profile
        self.weather = Weather()
        self.ledger: list[VenueOrder] = []
        self.deliver: Callable[[OrderUpdate | Fill], None] = lambda event: None
        self._random = random
        self._loop = loop
        self._queued: list[str] = []
        self._used: set[str] = set()
        self._refused: set[str] = set()
        """A request that was refused is not judged another way when the network delivers it again."""
        self._numbers = 100
        self.answers_since_s = 0.0
        """Loop time of the first answer to a question asked after the faults had ended."""
        self.quiet_from_s = 0.0
        """Loop time after which the exchange itself changes nothing any more."""

    def now_ms(self) -> int:
        return int((START_WALL_S + self._loop.time()) * 1000)

    # -- what the desk asks

    def place(self, intent: OrderIntent, signed_ms: int, reply: Callable[[object], None]) -> None:
        now_ms, profile, random = self.now_ms(), self.profile, self._random
        if now_ms > signed_ms + profile.window_ms or signed_ms > now_ms + _AHEAD_MS:
            return reply(VenueError(ErrorKind.CLOCK, "-1021", "timestamp outside of the window"))
        if intent.client_order_id in self._refused:
            return None
        if self.weather.faulty and random.random() < 0.04:
            self._refused.add(intent.client_order_id)
            return reply(VenueError(ErrorKind.REJECTED, "-2010", "insufficient balance"))
        if self.weather.faulty and random.random() < 0.04:
            self._refused.add(intent.client_order_id)
            return reply(VenueError(ErrorKind.UNAVAILABLE, "503", "unknown error, please check"))
        key = intent.client_order_id
        taken = key in self._queued or any(o.intent.client_order_id == key and not o.is_done for o in self.ledger)
        if (profile.unique == "open" and taken) or (profile.unique == "ever" and key in self._used):
            return reply(VenueError(ErrorKind.DUPLICATE_ID, "-4116", "duplicate client order id"))
        self._used.add(key)
        self._queued.append(key)
        delay_s = random.uniform(0.0, profile.slowest_engine_s)
        if self.weather.faulty and random.random() < 0.05:
            # The engine drops it without a word.
            self._refused.add(key)
            self._loop.call_later(delay_s, self._forget, key)
            self._loop.call_later(_GATEWAY_PATIENCE_S, reply, _busy())
            return None
        self._loop.call_later(delay_s, self._insert, intent, reply)
        return None

    def find(self, order: InFlightOrder) -> VenueOrder:
        """Raises VenueError NOT_FOUND, or UNKNOWN where our id means nothing here."""
        if order.exchange_order_id:
            found = [o for o in self.ledger if o.exchange_order_id == order.exchange_order_id]
        elif self.profile.asks_by_our_id:
            found = [o for o in self.ledger if o.intent.client_order_id == order.client_order_id]
        else:
            raise VenueError(ErrorKind.UNKNOWN, "", "cannot be asked by our id")
        if not found:
            raise VenueError(ErrorKind.NOT_FOUND, "-2013", "order does not exist")
        return found[-1]

    def cancel(self, order: InFlightOrder, reply: Callable[[object], None]) -> None:
        try:
            found = self.find(order)
        except VenueError as error:
            return reply(error)
        if found.is_done:
            return reply(VenueError(ErrorKind.ALREADY_DONE, "-2011", "unknown order sent"))
        self._loop.call_later(self._random.uniform(0.0, 0.2), self._end, found, VenueState.CANCELED)
        return reply(True)

    def report(self, order: VenueOrder) -> OrderUpdate:
        """The order as it is now."""
        intent = order.intent
        return OrderUpdate(
            pair=intent.pair,
            state=order.state,
            venue_word=order.state.value,
            exchange_order_id=order.exchange_order_id,
            client_order_id=intent.client_order_id if self.profile.asks_by_our_id else "",
            side=intent.side,
            type=intent.type,
            price=intent.price,
            amount=intent.amount,
            filled=order.filled,
            created_ms=order.created_ms,
            exchange_ms=order.updated_ms,
        )

    # -- the engine

    def _insert(self, intent: OrderIntent, reply: Callable[[object], None]) -> None:
        self._queued.remove(intent.client_order_id)
        self._numbers += 1
        order = VenueOrder(self._numbers, intent, self.now_ms())
        self.ledger.append(order)
        random, amount = self._random, intent.amount or Decimal(0)
        chance = random.random()
        self._publish(self.report(order))
        if chance < 0.30:
            self._fill(order, amount)
        elif chance < 0.45:
            self._fill(order, amount / 4)
            self._end(order, VenueState.EXPIRED)
        elif chance < 0.60:
            self._fill(order, amount / 4)
            self._later(order, lambda: self._fill(order, amount / 2))
        elif chance < 0.70:
            self._later(order, lambda: self._fill(order, amount))
        elif chance < 0.78:
            self._later(order, lambda: self._end(order, VenueState.CANCELED))
        reply(order.exchange_order_id)

    def _forget(self, key: str) -> None:
        self._queued.remove(key)
        self._used.discard(key)

    def _later(self, order: VenueOrder, what: Callable[[], None]) -> None:
        room_s = self.quiet_from_s - self._loop.time()
        if room_s > 0:
            self._loop.call_later(self._random.uniform(0.0, room_s), lambda: None if order.is_done else what())

    def _fill(self, order: VenueOrder, amount: Decimal) -> None:
        self._numbers += 1
        order.updated_ms = self.now_ms()
        fill = Fill(
            pair=PAIR,
            exchange_order_id=order.exchange_order_id,
            trade_id=f"t{self._numbers}",
            side=order.intent.side,
            price=order.intent.price or Decimal(1),
            amount=amount,
            client_order_id=order.intent.client_order_id if self.profile.asks_by_our_id else "",
            exchange_ms=order.updated_ms,
        )
        order.fills.append(fill)
        if order.filled >= (order.intent.amount or Decimal(0)):
            order.state = VenueState.FILLED
        if self._random.random() < 0.5:
            self._publish(fill)
            self._publish(self.report(order))
        else:
            self._publish(self.report(order))
            self._publish(fill)

    def _end(self, order: VenueOrder, state: VenueState) -> None:
        if not order.is_done:
            order.state, order.updated_ms = state, self.now_ms()
            self._publish(self.report(order))

    def _publish(self, event: OrderUpdate | Fill) -> None:
        random, faulty = self._random, self.weather.faulty
        if faulty and random.random() < 0.08:
            return
        for _ in range(2 if faulty and random.random() < 0.08 else 1):
            late = faulty and random.random() < 0.08
            self._loop.call_later(
                random.uniform(2.0, 25.0) if late else random.uniform(0.005, 0.4), self._arrive, event
            )

    def _arrive(self, event: OrderUpdate | Fill) -> None:
        if self.weather.stream_up:
            self.deliver(event)


class MemoryRest:
    """The desk's REST client over that network. Raises VenueError, NotSent, NoAnswer as the real one does."""

    def __init__(self, exchange: MemoryExchange, random: Random, signing_ms: Callable[[], int]) -> None:
        self.exchange = exchange
        self._random = random
        self._signing_ms = signing_ms
        self._loop = exchange._loop
        self.on_exchange: Callable[[int, int], None] = lambda sent_ns, received_ns: None
        self.requests: list[str] = []
        """Method and path of everything that left."""

    def prepare(self, request: Request) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        return None

    async def perform(self, call: Call[T]) -> T:
        request, weather, random = call.request, self.exchange.weather, self._random
        if weather.offline:
            await asyncio.sleep(random.uniform(0.0, 0.05))
            raise NotSent("connection refused")
        if weather.faulty and request.method == "POST" and random.random() < 0.1:
            # Its turn in the request budget comes later.
            await asyncio.sleep(random.uniform(0.0, request.timeout_s))
        signed_ms = self._signing_ms()
        self.requests.append(f"{request.method} {request.path}")
        sent_ns, fair = round(self._loop.time() * 1e9), not weather.faulty
        try:
            answer = await self._travel(call, signed_ms)
        except (VenueError, NoAnswer) as error:
            error.signed_ms = signed_ms
            raise
        if fair and not self.exchange.answers_since_s:
            self.exchange.answers_since_s = self._loop.time()
        self.on_exchange(sent_ns, round(self._loop.time() * 1e9))
        return answer

    async def _travel(self, call: Call[T], signed_ms: int) -> T:
        loop, random, weather = self._loop, self._random, self.exchange.weather
        answered: asyncio.Future[object] = loop.create_future()

        def back(answer: object) -> None:
            delay_s = random.uniform(0.005, 0.15)
            if weather.faulty:
                fate = random.random()
                if fate < 0.15:
                    answer = NoAnswer("the connection was closed before an answer came")
                elif fate < 0.20:
                    answer = _busy()
                elif fate < 0.30:
                    delay_s = random.uniform(1.0, 12.0)
            if weather.hole:
                return
            loop.call_later(delay_s, lambda: answered.done() or answered.set_result(answer))

        times, delay_s = 1, random.uniform(0.005, 0.15)
        if weather.hole:
            times = 0
        elif weather.faulty:
            fate = random.random()
            if fate < 0.12:
                times = 0
                if fate < 0.06:
                    loop.call_later(
                        delay_s, lambda: answered.done() or answered.set_result(NoAnswer("the connection was reset"))
                    )
            elif fate < 0.24:
                delay_s = random.uniform(0.5, 20.0)
            elif fate < 0.30 and self.exchange.profile.delivers_twice:
                times = 2
        for nth in range(times):
            reply = back if not nth else lambda answer: back(answer) if _taken(answer) else None
            loop.call_later(delay_s + nth * random.uniform(0.0, 3.0), self._serve, call.request, signed_ms, reply)
        try:
            async with asyncio.timeout(call.request.timeout_s):
                answer = await answered
        except TimeoutError:
            raise NoAnswer(f"no answer within {call.request.timeout_s:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return call.parse(answer)  # type: ignore[arg-type]

    def _serve(self, request: Request, signed_ms: int, reply: Callable[[object], None]) -> None:
        try:
            _SERVED[request.path](self.exchange, request, signed_ms, reply)
        except VenueError as error:
            reply(error)


def _taken(answer: object) -> bool:
    return isinstance(answer, VenueError) and answer.kind is ErrorKind.DUPLICATE_ID


def _busy() -> VenueError:
    return VenueError(ErrorKind.UNAVAILABLE, "-1007", "timeout waiting for the matching engine")


class _Asked(Request, frozen=True, kw_only=True):
    """A request whose subject travels with it as it is."""

    subject: Any = None


def _ask(method: str, path: str, subject: object = None, timeout_s: float = 10.0) -> Call[Any]:
    request = _Asked(method=method, path=path, signed=True, timeout_s=timeout_s, subject=subject)
    return Call(request=request, parse=_as_it_is)


def _as_it_is(answer: Response) -> Any:
    return answer


_Serve = Callable[[MemoryExchange, Any, int, Callable[[object], None]], None]
_SERVED: dict[str, _Serve] = {
    "time": lambda x, request, signed_ms, reply: reply(x.now_ms()),
    "place": lambda x, request, signed_ms, reply: x.place(request.subject, signed_ms, reply),
    "cancel": lambda x, request, signed_ms, reply: x.cancel(request.subject, reply),
    "order": lambda x, request, signed_ms, reply: reply(x.report(x.find(request.subject))),
    "open": lambda x, request, signed_ms, reply: reply([x.report(o) for o in x.ledger if not o.is_done]),
    "fills": lambda x, request, signed_ms, reply: reply(
        [fill for o in x.ledger for fill in o.fills if fill.exchange_ms >= request.subject]
    ),
    "order fills": lambda x, request, signed_ms, reply: reply(list(x.find(request.subject).fills)),
    "history": lambda x, request, signed_ms, reply: reply([x.report(o) for o in x.ledger if o.is_done]),
    "balances": lambda x, request, signed_ms, reply: reply([]),
}


def server_time() -> Call[int]:
    return _ask("GET", "time", timeout_s=5.0)


class MemorySource:
    """The desk's side of it: what a connector's `PrivateSource` is."""

    streams_balances = True

    def __init__(self, profile: Profile) -> None:
        self.asks_by_our_id = profile.asks_by_our_id
        self.link = Link(name="private", url="memory://private")

    def get_balances(self) -> Call[Page[Balance]]:
        return _pages(_ask("GET", "balances"))

    def get_open_orders(self) -> Call[Page[OrderUpdate]]:
        return _pages(_ask("GET", "open"))

    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        return _ask("GET", "order", order)

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]:
        return _pages(_ask("GET", "order fills", order))

    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]:
        return _pages(_ask("GET", "history", since_ms))

    def get_fills(self, since_ms: int) -> Call[Page[Fill]]:
        return _pages(_ask("GET", "fills", since_ms))

    def get_fees(self) -> None:
        return None

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        call = _ask("POST", "place", intent, timeout_s=5.0)
        return Call(request=call.request, parse=lambda answer: PlaceAccepted(str(answer), 0))

    def cancel_order(self, order: InFlightOrder) -> Call[CancelAnswer]:
        call = _ask("DELETE", "cancel", order, timeout_s=5.0)
        return Call(request=call.request, parse=lambda answer: CancelAnswer(accepted=True))


def _pages(call: Call[Any]) -> Call[Page[Any]]:
    return Call(request=call.request, parse=lambda answer: Page(list(answer)))  # type: ignore[call-overload]
