"""What `fuzz` feeds: each target reads one kind of foreign bytes as the program does, into real books and orders."""

from __future__ import annotations

import asyncio
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import zstandard

from app.connectors.exchange import Exchange
from app.connectors.fmz import PluginMarket, plugin_domain
from app.connectors.fmz.public import FmzPublic
from app.connectors.spec import Domain
from app.core.clock import ManualClock, SystemClock
from app.core.effects import BookChecksum, Sequence
from app.core.frames import Direction, FrameKind, FrameLog
from app.core.notices import Notices
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Page, Response, VenueError
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
from tests.connectors.fmz.plugin import ACCESS, SECRET, Plugin
from tests.lab.corpus_of_twins import read_corpus
from tests.lab.offline import offline_exchange

_FACTS = (BookDiff, BookSnapshot, BookChecksum, Trade, Candle, Ticker, OrderUpdate, Fill, BalanceDelta)
_RENEW_EVERY = 2_000
_SCREEN_EVERY = 20
_STATUSES = (200, 200, 200, 400, 429, 500)


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
        log = FrameLog(clock, 1_000, 8 << 20)
        exchange = offline_exchange(self._exchange_name, clock, log, account=True, domain=self._domain())
        exchange.order_book_tracker.follow_all = True
        # What is asked for anew is asked in the background, and here there is none.
        exchange.venue.spawn = lambda work, name, tasks: work.close()  # type: ignore[method-assign]
        return exchange

    def _domain(self) -> Domain | None:
        """Another one than the exchange's main one."""
        return None

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
        status = self.random.choice(_STATUSES)
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


class PluginTarget(_ExchangeTarget):
    """Answers of a plug-in to the client of the FMZ protocol, each to the question it belongs to or to another one."""

    def __init__(self, random: Random) -> None:
        super().__init__("fmz", "client", random)
        self._method_of = {
            msgspec.json.encode(answer): method for method, answers in _plugin_answers() for answer in answers
        }
        self.corpus = list(self._method_of)
        self._asked = ""

    def _domain(self) -> Domain:
        pairs = [PluginMarket("ETH-USDT"), PluginMarket("BTC-USDT", 2, 4)]
        return plugin_domain(
            "http://127.0.0.1:6666", "/OKX", pairs, market_orders="quote", has_tickers=True, has_markets=True
        )

    def choose(self) -> bytes:
        data = self.random.choice(self.corpus)
        self._asked = self._method_of[data]
        return data

    def feed(self, data: bytes) -> None:
        self._count()
        status, exchange = self.random.choice(_STATUSES), self._exchange
        response = Response(status=status, headers={}, body=data, frame=1, sent_ms=0, received_ms=1_731_028_903_911)
        try:
            exchange.venue.spec.read_error(response)
            for effect in self._read(response):
                if isinstance(effect, _FACTS):
                    exchange.recorded.take(effect)
        except (msgspec.DecodeError, ValueError, VenueError):
            return

    def _read(self, response: Response) -> list[Any]:
        """As the answer to a call of the client, or as a logged one read again."""
        random, public = self.random, self._exchange._public
        calls = list(_calls(self._exchange))
        fitting = [call for call in calls if _method(call) == self._asked] if random.random() < 0.8 else calls
        if not fitting or random.random() < 0.3:
            asked = {"method": self._asked, "params": {"symbol": random.choice(("ETH_USDT", "")), "period": "60"}}
            assert isinstance(public, FmzPublic)
            return list(public.read_reply(msgspec.json.encode(asked), response))
        read = random.choice(fitting).parse(response)
        return list(read.items if isinstance(read, Page) else read if isinstance(read, list | tuple) else [read])


def _method(call: Call[Any]) -> str:
    """What a call asks a plug-in for."""
    return str(msgspec.json.decode(call.request.body)["method"])


def _plugin_answers() -> Iterator[tuple[str, list[Any]]]:
    """What a plug-in says to each method, refusals too."""
    plugin = Plugin()

    def ask(method: str, **params: Any) -> Any:
        body = {"access_key": ACCESS, "secret_key": SECRET, "method": method, "params": {"symbol": "ETH_USDT"} | params}
        return plugin._reply(body, "GET")

    placed = [ask("trade", amount="0.5", price="2900", type="buy"), ask("trade", amount="1", price="-1", type="sell")]
    yield "trade", [*placed, {"error": "refused: too small"}]
    order_id = placed[0]["data"]["id"]
    plugin.fill(order_id, 0.25, "2899.5", "partial-filled")
    for method in ("ticker", "depth", "trades", "records", "accounts", "assets", "orders"):
        yield method, [ask(method)]
    yield "order", [ask("order", id=order_id), {"error": "no such order"}]
    yield "cancel", [ask("cancel", id=order_id)]
    yield "historyorders", [ask("historyorders")]
    yield "markets", [{"data": [{"symbol": "ETH_USDT"}, {"symbol": "btc-usdt"}]}, {"data": {"ETH_USDT": {}}}]
    yield "tickers", [{"data": [ask("ticker")["data"]]}]


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
