"""Feeds spoilt messages to every reader of foreign bytes: `python -m tests.lab.fuzz --seconds 60`.

Real messages of the twins (`corpus`) are cut, spliced, bit-flipped and changed in their structure; what comes of them
is applied to real books, orders and balances, and read as a screen reads. Whatever a reader raises beyond what it
declares (`msgspec.DecodeError`, `ValueError`; for answers `VenueError` too; for captures `NotASession`) is a fault. A
found one is printed with its bytes, so that it can become a test.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import sys
import tempfile
import time
import traceback
import warnings
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import zstandard
from msgspec import Struct

from app.connectors.exchange import Exchange
from app.core.clock import ManualClock, SystemClock
from app.core.effects import BookChecksum, Sequence
from app.core.frames import Direction, FrameKind, FrameLog
from app.core.notices import Notices
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Response, VenueError
from app.core.types import (
    BalanceDelta,
    BookDiff,
    BookSnapshot,
    Candle,
    Fill,
    OrderType,
    OrderUpdate,
    Side,
    Ticker,
    TimeInForce,
    Trade,
)
from app.net.recorder import SessionRecorder
from app.net.redaction import Redactor
from app.net.replay import NotASession, read_session
from app.services.fmz_service import FmzService
from app.services.pairing import TOKEN_HEADER, Keys, Pairing, Permissions
from tests.lab.corpus_of_twins import EXCHANGES, read_corpus
from tests.lab.offline import offline_exchange

_FACTS = (BookDiff, BookSnapshot, BookChecksum, Trade, Candle, Ticker, OrderUpdate, Fill, BalanceDelta)
_RENEW_EVERY = 2_000
_SCREEN_EVERY = 20
_GZIP = b"\x1f\x8b"
_EVIL: tuple[Any, ...] = (
    None,
    True,
    "",
    "NaN",
    "Infinity",
    "-1",
    "1e999",
    "1e-999",
    "9" * 400,
    "0",
    "\u202e\u0000",
    "-",
    "A-B-C",
    "x" * 5_000,
    0,
    -1,
    2**63,
    2**64,
    -(2**63) - 1,
    1.5,
    1e308,
    [],
    {},
    [[]],
    [None],
    {"": None},
)


class Mutator:
    """Spoils messages; the same seed spoils the same way."""

    def __init__(self, random: Random, corpus: list[bytes]) -> None:
        self._random = random
        self._corpus = corpus

    def __call__(self, data: bytes) -> bytes:
        random = self._random
        packed = data.startswith(_GZIP)
        if packed and random.random() < 0.85:
            data = gzip.decompress(data)
        else:
            packed = False
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            data = self._by_structure(data) if random.random() < 0.7 else self._by_bytes(data)
        return gzip.compress(data, 1, mtime=0) if packed else data

    def _by_bytes(self, data: bytes) -> bytes:
        random = self._random
        at = random.randrange(len(data) + 1)
        end = min(len(data), at + random.choice((1, 2, 8, 64)))
        match random.randrange(6):
            case 0:
                return data[:at]
            case 1:
                return data[:at] + data[end:]
            case 2:
                return data[:at] + random.randbytes(end - at) + data[end:]
            case 3:
                return data[:end] + data[at:]
            case 4:
                other = random.choice(self._corpus)
                return data[:at] + other[random.randrange(len(other) + 1) :]
        flipped = bytearray(data)
        if flipped:
            flipped[at % len(flipped)] ^= 1 << random.randrange(8)
        return bytes(flipped)

    def _by_structure(self, data: bytes) -> bytes:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return self._by_bytes(data)
        spots = list(_spots(value))
        if not spots:
            return msgspec.json.encode(self._random.choice(_EVIL))
        holder, key = self._random.choice(spots)
        match self._random.randrange(7):
            case 0 | 1 | 2:
                holder[key] = self._random.choice(_EVIL)
            case 3:
                del holder[key]
            case 4:
                other_holder, other_key = self._random.choice(spots)
                holder[key] = other_holder[other_key] if other_holder is not holder[key] else None
            case 5 if isinstance(holder, list):
                holder[key:key] = [holder[key]] * self._random.choice((1, 3, 50))
            case 5:
                holder[f"{key}X"] = holder.pop(key)
            case 6:
                nested: Any = holder[key]
                for _ in range(self._random.choice((1, 30, 3_000))):
                    nested = [nested]
                holder[key] = nested
        try:
            return msgspec.json.encode(value)
        except (RecursionError, ValueError, OverflowError):
            return self._by_bytes(data)


def _spots(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    if depth > 6:
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(inner):
        yield value, key
        yield from _spots(each, depth + 1)


class Finding(Struct):
    target: str
    seed: int
    error: str
    place: str
    data: bytes


class Target:
    """One reader. `feed` reads one message and raises what the reader must not raise."""

    def __init__(self, name: str, random: Random) -> None:
        self.name = name
        self.random = random
        self.corpus: list[bytes] = []

    def feed(self, data: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        return None


class _ExchangeTarget(Target):
    """Of an exchange that is made anew now and then, so that what grows does not slow the run."""

    def __init__(self, exchange: str, side: str, random: Random) -> None:
        super().__init__(f"{exchange}.{side}", random)
        self._exchange_name = exchange
        self._side = side
        self._fed = 0
        self._frame = 1
        self._exchange = self._renewed()

    def _renewed(self) -> Exchange:
        clock = ManualClock()
        exchange = offline_exchange(self._exchange_name, clock, FrameLog(clock, 1_000, 8 << 20), account=True)
        exchange.order_book_tracker.follow_all = True
        # What is asked for anew is asked in the background, and here there is none.
        exchange.venue.spawn = lambda work, name, tasks: work.close()  # type: ignore[method-assign]
        return exchange

    def _count(self) -> None:
        self._fed += 1
        if self._fed % _RENEW_EVERY == 0:
            self._exchange = self._renewed()
        if self._fed % _SCREEN_EVERY == 0:
            self._read_as_a_screen()

    def _read_as_a_screen(self) -> None:
        exchange = self._exchange
        exchange.order_book_tracker.check_books()
        for pair, feed in list(exchange.feeds.items())[-3:]:
            exchange.freshness(pair)
            book = feed.book
            book.top(20)
            if book.mid is not None:
                book.depth(book.mid / 100)
                book.walk(Side.BUY, Decimal("1.5"))
            exchange.tape(pair).newest(50)
        for order in list(exchange.orders)[-3:]:
            assert order.state and order.average_price is not False
        assert exchange.fills is not None


class StreamTarget(_ExchangeTarget):
    """Messages of an exchange's websockets, public or private."""

    def __init__(self, exchange: str, side: str, random: Random) -> None:
        super().__init__(exchange, side, random)
        self.corpus = [
            b64decode(sample.b64)
            for sample in read_corpus(exchange)
            if sample.link and (sample.link == "private") == (side == "private")
        ]

    def feed(self, data: bytes) -> None:
        self._count()
        exchange = self._exchange
        link = "private" if self._side == "private" else "public"
        self._frame = exchange.venue.log.add("fuzz/x", 1, Direction.IN, FrameKind.WS, data).seq
        try:
            effects = list(exchange.recorded.read(link, data, self._frame))
        except (msgspec.DecodeError, ValueError):
            return
        for effect in effects:
            if isinstance(effect, Sequence):
                continue
            if isinstance(effect, _FACTS):
                exchange.recorded.take(effect)


class RestTarget(_ExchangeTarget):
    """Answers over REST, each to the question it belongs to or to another one."""

    def __init__(self, exchange: str, side: str, random: Random) -> None:
        super().__init__(exchange, side, random)
        self._samples = [sample for sample in read_corpus(exchange) if not sample.link]
        self.corpus = [b64decode(sample.b64) for sample in self._samples]
        self._path_of = {data: sample.path for data, sample in zip(self.corpus, self._samples, strict=True)}
        self._calls = list(_calls(self._exchange))
        self._asked = ""

    def choose(self) -> bytes:
        data = self.random.choice(self.corpus)
        self._asked = self._path_of[data]
        return data

    def feed(self, data: bytes) -> None:
        self._count()
        fitting = [call for call in self._calls if call.request.path == self._asked] or self._calls
        call = self.random.choice(fitting if self.random.random() < 0.8 else self._calls)
        status = self.random.choice((200, 200, 200, 400, 429, 500))
        response = Response(status=status, headers={}, body=data, frame=1, sent_ms=0, received_ms=0)
        try:
            self._exchange.venue.spec.read_error(response)
            call.parse(response)
        except (msgspec.DecodeError, ValueError, VenueError):
            return


def _calls(exchange: Exchange) -> Iterator[Call[Any]]:
    public, private = exchange._public, exchange._private
    assert private is not None
    pair = exchange.venue.spec.default_pair
    intent = OrderIntent(
        client_order_id="k01J00000000000000000000000",
        pair=pair,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=Decimal(100),
        amount=Decimal(1),
        created_ms=1,
        proof_ms=2,
    )
    order = InFlightOrder(intent)
    order.exchange_order_id = "123456"
    makers: list[Callable[[], Any]] = [
        *(lambda: public.get_trading_rules(), lambda: public.get_tickers(), lambda: public.get_server_time()),
        *(lambda: public.get_snapshot(pair), lambda: public.get_trades(pair)),
        lambda: public.get_candles(pair, public.intervals[0]),
        *(lambda: private.get_balances(), lambda: private.get_open_orders(), lambda: private.get_fees()),
        *(lambda: private.get_fills(0), lambda: private.get_order_history(0)),
        *(lambda: private.get_order(order), lambda: private.get_order_fills(order)),
        *(lambda: private.place_order(intent), lambda: private.cancel_order(order)),
        *(lambda: private.cancel_orders([order]), lambda: private.cancel_all(pair), lambda: private.kill_switch(30)),
        lambda: private.amend_order(order, Decimal(101), None),
    ]
    for make in makers:
        try:
            made = make()
        except ValueError:
            continue
        yield from (call for call in (made if isinstance(made, list | tuple) else [made]) if call is not None)


class CaptureTarget(Target):
    """Session files."""

    def __init__(self, random: Random) -> None:
        super().__init__("capture", random)
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "session.jsonl.zst"
        clock = SystemClock()
        log = FrameLog(clock)
        recorder = log.recorder = SessionRecorder(path, clock, app="fuzz", exchanges={}, redactor=Redactor())
        for number, sample in enumerate(read_corpus("poloniex")[:20]):
            kind = FrameKind.WS if sample.link else FrameKind.REST
            log.add("poloniex/x", 1, Direction.IN, kind, b64decode(sample.b64), path=sample.path, status=number)
        recorder.close()
        packed = path.read_bytes()
        plain = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
        self.corpus = [packed, plain, plain]
        self._file = Path(self._folder.name) / "spoilt"

    def feed(self, data: bytes) -> None:
        self._file.write_bytes(data)
        try:
            for record in read_session(self._file):
                assert record.kind
        except NotASession:
            return

    def close(self) -> None:
        self._folder.cleanup()


class ServiceTarget(Target):
    """The local plug-in service: whole requests on a real socket. It must answer or hang up, and go on serving."""

    def __init__(self, random: Random) -> None:
        super().__init__("fmz.service", random)
        self._loop = asyncio.new_event_loop()
        self._failed: list[dict[str, Any]] = []
        self._loop.set_exception_handler(lambda loop, context: self._failed.append(context))
        clock = SystemClock()
        exchange = offline_exchange("poloniex", clock, FrameLog(clock), account=True)
        token = "f" * 64
        pairing = Pairing(Keys("a" * 32, token), Permissions(), clock)
        self._service = FmzService(lambda: {"poloniex": exchange}, pairing, clock, Notices(clock))
        self._loop.run_until_complete(self._service.start())
        body = msgspec.json.encode(
            {"method": "ticker", "params": {"symbol": "BTC_USDT"}, "access_key": "", "secret_key": ""}
        )
        head = (
            f"POST /POLONIEX HTTP/1.1\r\nHost: 127.0.0.1:{self._service.port}\r\nContent-Type: application/json\r\n"
            f"{TOKEN_HEADER}: {token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.corpus = [head.encode() + body]

    def feed(self, data: bytes) -> None:
        head, gap, body = data.partition(b"\r\n\r\n")
        if gap and self.random.random() < 0.5:
            # A body that fits its head reaches further in.
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
            data = b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + gap + body
        self._service._recent.clear()
        self._loop.run_until_complete(asyncio.wait_for(self._ask(data), 10))
        if self._failed:
            raise AssertionError(str(self._failed.pop().get("exception")))

    async def _ask(self, data: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._service.port)
        try:
            writer.write(data)
            writer.write_eof()
            answer = await reader.read()
            assert not answer or answer.startswith(b"HTTP/1.1 "), answer[:60]
            assert b"internal error" not in answer, answer[-200:]
        except ConnectionError:
            pass
        finally:
            writer.close()

    def close(self) -> None:
        self._loop.run_until_complete(self._service.stop())
        self._loop.close()


def make_target(name: str, random: Random) -> Target:
    if name == "capture":
        return CaptureTarget(random)
    if name == "fmz.service":
        return ServiceTarget(random)
    exchange, _, side = name.partition(".")
    return RestTarget(exchange, side, random) if side == "rest" else StreamTarget(exchange, side, random)


TARGETS = (
    *(f"{exchange}.{side}" for exchange in EXCHANGES for side in ("public", "private", "rest")),
    "capture",
    "fmz.service",
)


def fuzz(name: str, seconds: float, seed: int, most: int = 10**9) -> tuple[int, list[Finding]]:
    """How many messages were fed, and what was raised that must not be: each place in the code once."""
    random = Random(f"{name} {seed}")
    target = make_target(name, random)
    mutate = Mutator(random, target.corpus)
    choose = getattr(target, "choose", None) or (lambda: random.choice(target.corpus))
    found: dict[str, Finding] = {}
    end, fed = time.monotonic() + seconds, 0
    try:
        while fed < most and time.monotonic() < end:
            fed += 1
            data = mutate(choose())
            try:
                target.feed(data)
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{Path(where.filename).name}:{where.lineno}"
                error_words = f"{type(error).__name__}: {str(error)[:160]}"
                found.setdefault(place, Finding(name, seed, error_words, place, data))
    finally:
        target.close()
    return fed, list(found.values())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each target")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ResourceWarning)
    worst = 0
    for name in options.target or TARGETS:
        fed, findings = fuzz(name, options.seconds, options.seed)
        print(f"{name:18} {fed:>10,} messages, {len(findings)} uncaught", flush=True)
        for finding in findings:
            worst = 1
            print(f"    {finding.place} {finding.error}\n    {b64encode(finding.data[:2_000]).decode()}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
