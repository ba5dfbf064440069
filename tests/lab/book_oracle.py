"""Is a wrong book ever painted as live? `python -m tests.lab.book_oracle --updates 100000 --seeds 0:4`.

Real sources, links and trackers in virtual time, on messages of which one in a hundred is dropped, doubled, swapped
with the next or spoilt: cut off, with bytes that are no text, with numbers that are none, with another sequence number,
or under another market's name. After every message its book, if the screen would paint it as live
(`Exchange.freshness`), is compared with the exchange's own: the best 20 levels a side must be, level for level, a state
that the exchange was truly in, and never an older one than was shown before.

Not in it: what is spoilt and still makes sense, such as another amount for a level, or a sequence number forged so that
it hides a loss beside it. No number betrays that; TLS keeps it from happening on the way, and the REST audit
finds it once a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec

from app.connectors.exchange import Exchange
from app.core.clock import NS_PER_S, ManualClock
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.links import Link, LinkStatus
from app.core.requests import Call, NotSent, Request, Response, SignedRequest
from app.net.transport import LinkLost
from tests.lab.figures import spread
from tests.lab.offline import offline_exchange
from tests.lab.oracle_venues import ORACLES, SHOWN, OracleVenue
from tests.lab.virtual import VirtualLoop

FAULT_SHARE = 0.01
EVERY_S = 0.4
"""Between changes of one market: a fault every 40 s for each, well within what may be asked for anew in a minute."""
_BAD_NUMBERS = (b'"NaN"', b'"Infinity"', b'"-1"', b'""', b'"1e999"', b"null")
_ROUND_TRIP_S = 0.05


class Tally:
    """What a run saw. `resync_s` are virtual seconds from the loss of a book to its next live moment."""

    def __init__(self) -> None:
        self.updates = 0
        self.compared = 0
        self.wrong = 0
        self.faults: Counter[str] = Counter()
        self.resync_s: list[float] = []
        self.first_wrong = ""

    def add(self, other: Tally) -> None:
        self.updates += other.updates
        self.compared += other.compared
        self.wrong += other.wrong
        self.faults.update(other.faults)
        self.resync_s += other.resync_s
        self.first_wrong = self.first_wrong or other.first_wrong

    def figures(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("updates", "compared", "wrong", "first_wrong")}
        ms = spread([seconds * 1e3 for seconds in self.resync_s])
        return told | {"faults": dict(self.faults), "resync_ms": ms}

    def words(self) -> str:
        ordered = sorted(self.resync_s)
        p99 = ordered[int(len(ordered) * 0.99)] if ordered else 0.0
        p50 = ordered[len(ordered) // 2] if ordered else 0.0
        share = self.compared / self.updates if self.updates else 0.0
        faults = ", ".join(f"{count:,} {name}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.updates:,} updates, {self.compared:,} live books compared ({share:.0%}), "
            f"wrong book painted as live: {self.wrong}; {len(ordered):,} losses, live again after "
            f"p50 {p50:.2f} s, p99 {p99:.2f} s; faults: {faults}"
        )


class Wire:
    """A transport in memory whose other end is the oracle."""

    def __init__(self, log: FrameLog, venue: OracleVenue) -> None:
        self._log = log
        self._venue = venue
        self._inbox: asyncio.Queue[bytes | LinkLost] | None = None
        self._where: tuple[str, LinkStatus] = ("", LinkStatus(""))

    @asynccontextmanager
    async def open(self, link: Link, status: LinkStatus, connection: str, scan: bool) -> AsyncIterator[Wire]:
        status.epoch += 1
        self._inbox = asyncio.Queue()
        self._where = (connection, status)
        try:
            yield self
        finally:
            self._inbox = None
            self._venue.on_disconnect()

    def deliver(self, message: bytes | LinkLost) -> None:
        if self._inbox is not None:
            self._inbox.put_nowait(message)

    def __aiter__(self) -> Wire:
        return self

    async def __anext__(self) -> Frame:
        assert self._inbox is not None
        message = await self._inbox.get()
        if isinstance(message, LinkLost):
            raise message
        connection, status = self._where
        frame = self._log.add(connection, status.epoch, Direction.IN, FrameKind.WS, message)
        status.messages += 1
        status.last_recv_ns = frame.mono_ns
        return frame

    async def send(self, payload: bytes) -> None:
        await asyncio.sleep(_ROUND_TRIP_S)
        if payload[:1] == b"{":
            for answer in self._venue.on_message(msgspec.json.decode(payload)):
                self.deliver(answer)

    async def close(self, reason: str) -> None:
        self.deliver(LinkLost(reason))


class OracleRest:
    """Answers for books, half a round trip after they were taken; nothing else is known here."""

    def __init__(self, log: FrameLog, venue: OracleVenue) -> None:
        self._log = log
        self._venue = venue

    async def perform(self, call: Call[Any]) -> Any:
        request = call.request
        await asyncio.sleep(_ROUND_TRIP_S / 2)
        if request.path != self._venue.depth_path:
            raise NotSent(f"no answer for {request.path}")
        body = msgspec.json.encode(self._venue.rest_book({name: str(value) for name, value in request.params}))
        await asyncio.sleep(_ROUND_TRIP_S / 2)
        frame = self._log.add("oracle/rest", 1, Direction.IN, FrameKind.REST, body, method="GET")
        return call.parse(Response(status=200, headers={}, body=body, frame=frame.seq, sent_ms=0, received_ms=0))

    def prepare(self, request: Request) -> SignedRequest:
        raise NotSent("nothing is signed here")

    async def close(self) -> None:
        return None


class Spoiler:
    """Drops, doubles, swaps or spoils a share of the messages."""

    def __init__(self, random: Random, faults: Counter[str]) -> None:
        self._random = random
        self._faults = faults
        self._held: dict[str, bytes] = {}
        self._just_spoilt: set[str] = set()
        self._forged: set[str] = set()
        """Whose last message has a wrong number: the next one comes whole."""

    def __call__(self, pair: str, message: bytes) -> list[bytes]:
        held = self._held.pop(pair, None)
        if held is not None:
            return [message, held]
        if self._random.random() >= FAULT_SHARE or pair in self._forged:
            self._just_spoilt.discard(pair)
            self._forged.discard(pair)
            return [message]
        after_fault = pair in self._just_spoilt
        self._just_spoilt.add(pair)
        kind = self._random.choice(("dropped", "doubled", "swapped", "spoilt"))
        self._faults[kind] += 1
        match kind:
            case "dropped":
                return []
            case "doubled":
                return [message, message]
            case "swapped":
                self._held[pair] = message
                return []
        return [self._spoil(pair, message, after_fault)]

    def _spoil(self, pair: str, message: bytes, after_fault: bool) -> bytes:
        random = self._random
        match random.randrange(5):
            case 0:
                return message[: random.randrange(len(message))]
            case 1:
                at = random.randrange(len(message))
                return message[:at] + b"\xff\x00" + message[at + 2 :]
            case 2:
                # A number that is none, in place of some price or amount.
                parts = message.split(b'"')
                numbers = [place for place, part in enumerate(parts) if part[:1].isdigit() and b"." in part]
                if numbers:
                    place = random.choice(numbers)
                    parts[place] = b"\x00\x01"
                return b'"'.join(parts).replace(b'"\x00\x01"', random.choice(_BAD_NUMBERS))
            case 3 if not after_fault:
                self._forged.add(pair)
                return self._wrong_number(message)
        return message.replace(b"BTC", b"ETH")

    def _wrong_number(self, message: bytes) -> bytes:
        """Another sequence number: a step or a leap off."""
        names = [
            name for name in (b'"id":', b'"lastId":', b'"U":', b'"u":', b'"seqId":', b'"prevSeqId":') if name in message
        ]
        name = self._random.choice(names)
        head, _, tail = message.partition(name)
        digits = tail[: len(tail) - len(tail.lstrip(b"0123456789-"))]
        off = self._random.choice((-1, 1, 2, -1_000, 1_000))
        return head + name + str(int(digits) + off).encode() + tail[len(digits) :]


async def run(exchange_name: str, seed: int, updates: int, markets: int, every_s: float, clock: ManualClock) -> Tally:
    """One exchange, one seed. The markets take turns, each every `every_s`."""
    tally, random = Tally(), Random(f"{exchange_name} {seed}")
    pairs = [f"{base}-USDT" for base in ("BTC", "ETH", *(f"C{number:02}" for number in range(markets)))][:markets]
    oracle = ORACLES[exchange_name](random, pairs)
    log = FrameLog(clock, 5_000, 16 << 20)
    wire = Wire(log, oracle)
    exchange = offline_exchange(exchange_name, clock, log, seed=seed, rest=OracleRest(log, oracle), transport=wire)
    exchange.start_network()
    for pair in pairs:
        exchange.watch(pair)
    checks = {pair: _Check(exchange, oracle, pair, tally) for pair in pairs}
    spoil = Spoiler(random, tally.faults)
    try:
        for number in range(updates):
            await asyncio.sleep(every_s / markets)
            pair = pairs[number % markets]
            message = oracle.change(pair)
            tally.updates += 1
            if pair in oracle.subscribed:
                for part in spoil(pair, message):
                    wire.deliver(part)
                    # Let the reader take it, so that no state between two messages goes unseen.
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                    checks[pair].look(clock.mono_ns())
    finally:
        await exchange.stop_network()
    return tally


class _Check:
    """Compares one book with the exchange's, whenever it is said to be live."""

    def __init__(self, exchange: Exchange, oracle: OracleVenue, pair: str, tally: Tally) -> None:
        self._exchange = exchange
        self._truth = oracle.books[pair]
        self._pair = pair
        self._tally = tally
        self._newest = 0
        self._lost_ns = 0
        self._was_live = False

    def look(self, now_ns: int) -> None:
        live = self._exchange.freshness(self._pair).state in ("live", "aging")
        if not live:
            if self._was_live:
                self._lost_ns = now_ns
            self._was_live = False
            return
        if self._lost_ns:
            self._tally.resync_s.append((now_ns - self._lost_ns) / NS_PER_S)
            self._lost_ns = 0
        self._was_live = True
        book = self._exchange.order_books[self._pair]
        picture = (tuple(book.bids[:SHOWN]), tuple(book.asks[:SHOWN]))
        number = self._truth.pictures.get(picture)
        self._tally.compared += 1
        if number is None or number < self._newest:
            self._tally.wrong += 1
            why = "no state the exchange was ever in" if number is None else f"state {number} after {self._newest}"
            self._tally.first_wrong = (
                self._tally.first_wrong or f"{self._exchange.key} {self._pair} at {book.last_id}: {why}"
            )
        else:
            self._newest = number


def run_virtual(exchange_name: str, seed: int, updates: int, markets: int = 4, every_s: float = EVERY_S) -> Tally:
    """As `run`, on a loop of its own in virtual time."""
    clock = ManualClock()
    loop = VirtualLoop(clock)
    try:
        return loop.run_until_complete(run(exchange_name, seed, updates, markets, every_s, clock))
    finally:
        loop.close()


def run_all(
    updates: int, seeds: range, markets: int = 4, every_s: float = EVERY_S, exchanges: Sequence[str] | None = None
) -> Iterator[tuple[str, Tally]]:
    """So many updates in all, shared by exchanges and seeds."""
    names = exchanges or sorted(ORACLES)
    each = max(1, updates // (len(seeds) * len(names)))
    for name in names:
        tally = Tally()
        for seed in seeds:
            tally.add(run_virtual(name, seed, each, markets, every_s))
        yield name, tally


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.book_oracle", description=__doc__)
    parser.add_argument("--updates", type=lambda text: int(float(text)), default=30_000, help="of all runs together")
    parser.add_argument("--seeds", default="0:1", help="first and end, such as 0:8")
    parser.add_argument("--markets", type=int, default=4)
    parser.add_argument("--every", type=float, default=EVERY_S, help="virtual seconds between changes of a market")
    parser.add_argument("--exchange", choices=sorted(ORACLES), action="append")
    options = parser.parse_args(arguments)
    first, _, end = options.seeds.partition(":")
    seeds = range(int(first), int(end or int(first) + 1))
    whole = Tally()
    for name, tally in run_all(options.updates, seeds, options.markets, options.every, options.exchange):
        print(f"{name}: {tally.words()}", flush=True)
        whole.add(tally)
    print(f"all: {whole.words()}")
    if whole.first_wrong:
        print(f"first wrong one: {whole.first_wrong}", file=sys.stderr)
    return 1 if whole.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
