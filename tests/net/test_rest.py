"""REST over a real socket: exact bytes, one attempt, and which failure means what."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from app.core.clock import NS_PER_S, SystemClock
from app.core.errors import ErrorKind
from app.core.frames import Direction, FrameKind, FrameLog
from app.core.requests import Call, NoAnswer, NotSent, Priority, Request, Response, SignedRequest, VenueError, Weight
from app.net import http_session
from app.net.issuers import Trust
from app.net.rate_limiter import Bucket, RateLimiter
from app.net.redaction import Redactor
from app.net.rest import RestClient
from tests.net.loopback import Certificate, raw_server, until

pytestmark = pytest.mark.asyncio

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
GET = Request(method="GET", path="/time", timeout_s=5)
ORDER = Request(method="POST", path="/orders", body=b'{"amount":"1.50"}', signed=True, timeout_s=5)


def answer(body: bytes = b"{}", status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def read_request(reader: Reader) -> bytes:
    """Head and body, byte for byte as they came."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + (await reader.readexactly(length[0]) if length else b"")


class Exchange:
    """A server that keeps what it got and answers as told, and a client of it."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.log = FrameLog(self.clock)
        self.limiter = RateLimiter([Bucket("weight", 1000, 1.0)], self.clock)
        self.redactor = Redactor()
        self.requests: list[bytes] = []
        self.port = 0
        self.now_ms = 1_700_000_000_000
        self.error: VenueError | None = None
        self.rest = self.client("")

    def client(self, base: str, session: aiohttp.ClientSession | None = None) -> RestClient:
        return RestClient(
            {"": base},
            self.log,
            self.clock,
            self.limiter,
            self.redactor,
            self._sign,
            lambda: self.now_ms,
            "test/rest",
            lambda response: self.error,
            session=session,
        )

    def _sign(self, request: Request, now_ms: int) -> SignedRequest:
        return SignedRequest(
            target=f"{request.path}?time={now_ms}&signature=5ec7e7",
            headers={"X-MBX-APIKEY": "key-of-mine", "Content-Type": "application/json"},
            body=request.body,
            now_ms=now_ms,
        )

    async def ask(self, request: Request, parse: Callable[[Response], Any] = lambda r: r) -> Any:
        return await self.rest.perform(Call(request=request, parse=parse))

    def frames(self) -> list[tuple[str, str, int]]:
        return [(frame.direction.value, frame.kind.value, frame.answers) for frame in self.log.since(0)]


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    made = Exchange()
    yield made
    await made.rest.close()


def serving(exchange: Exchange, reply: Callable[[bytes, Writer], Awaitable[None] | None]) -> Any:
    """Serve requests one after the other on kept connections; `reply` writes the answer or does harm."""

    class Serving:
        async def __aenter__(self) -> None:
            async def handler(reader: Reader, writer: Writer) -> None:
                while True:
                    request = await read_request(reader)
                    exchange.requests.append(request)
                    done = reply(request, writer)
                    if done is not None:
                        await done

            self._server = raw_server(handler)
            exchange.port = await self._server.__aenter__()
            exchange.rest = exchange.client(f"http://127.0.0.1:{exchange.port}")

        async def __aexit__(self, *error: Any) -> None:
            await exchange.rest.close()
            await self._server.__aexit__(*error)

    return Serving()


async def test_the_bytes_prepared_are_the_bytes_sent(exchange: Exchange) -> None:
    odd = "/a%2Fb;c=(d)'[x]~?q=%7B%22a%22%3A1%7D&e=+&p=%2B&empty=&comma=a,b:c@d"
    body = '{ "weird" : "spacing é" }'.encode()
    exchange._sign = lambda request, now_ms: SignedRequest(  # type: ignore[method-assign]
        target=odd, headers={"Sign-Time": str(now_ms)}, body=body
    )
    async with serving(exchange, lambda request, writer: writer.write(answer())):
        await exchange.ask(ORDER)
    sent = exchange.requests[0]
    assert sent.split(b"\r\n")[0] == f"POST {odd} HTTP/1.1".encode()
    assert sent.endswith(b"\r\n\r\n" + body)
    assert b"Sign-Time: 1700000000000" in sent
    assert b"Cookie" not in sent


async def test_unsigned_request_is_encoded_from_its_parts(exchange: Exchange) -> None:
    request = Request(method="GET", path="/markets/BTC_USDT", params=(("filter", "a b&c"), ("n", "1")))
    async with serving(exchange, lambda request, writer: writer.write(answer(b"[1]"))):
        response = await exchange.ask(request)
    assert exchange.requests[0].startswith(b"GET /markets/BTC_USDT?filter=a%20b%26c&n=1 HTTP/1.1\r\n")
    assert (response.status, response.body, response.headers["content-length"]) == (200, b"[1]", "3")


async def test_prepare_shows_the_request_without_sending_it(exchange: Exchange) -> None:
    signed = exchange.rest.prepare(ORDER)
    assert signed.target == "/orders?time=1700000000000&signature=5ec7e7"
    assert signed.body == ORDER.body
    assert exchange.frames() == []


async def test_signing_happens_after_waiting_for_the_budget(exchange: Exchange) -> None:
    order = msgspec.structs.replace(ORDER, weights=(Weight("weight"),), priority=Priority.PLACE)
    async with serving(exchange, lambda request, writer: writer.write(answer())):
        exchange.limiter.pause(exchange.clock.boot_ns() + NS_PER_S, "a second of pause")
        asking = asyncio.create_task(exchange.ask(order))
        await until(lambda: exchange.limiter.usage()[0].waiting)
        exchange.now_ms = 1_700_000_000_999
        await asking
    assert b"time=1700000000999" in exchange.requests[0]


async def test_request_and_answer_are_logged_redacted(exchange: Exchange) -> None:
    exchange.redactor.protect("hunter2hunter2")
    reply = answer(b'{"id":"7","listenKey":"pqia91ma19a5s61c","echo":"hunter2hunter2"}')
    async with serving(exchange, lambda request, writer: writer.write(reply)):
        response = await exchange.ask(msgspec.structs.replace(ORDER, body=b'{"secret":"s3","a":"hunter2hunter2"}'))
    out, back = exchange.log.since(0)
    assert (out.direction, out.kind, out.method) == (Direction.OUT, FrameKind.REST, "POST")
    assert out.path.startswith("/orders?time=1700000000000&signature=<redacted:")
    assert (back.direction, back.status, back.answers, back.seq) == (Direction.IN, 200, out.seq, response.frame)
    assert b"listenKey" in back.payload and b'"id":"7"' in back.payload
    shown = repr([out, back])
    for secret in ("key-of-mine", "5ec7e7", "s3", "hunter2", "pqia91"):
        assert secret not in shown
    assert b"pqia91ma19a5s61c" in response.body


async def test_public_answers_are_logged_as_they_came(exchange: Exchange) -> None:
    body = b'[{"key":"BTC_USDT","token":"BTC"}]'
    async with serving(exchange, lambda request, writer: writer.write(answer(body))):
        await exchange.ask(GET)
    assert exchange.log.since(1)[0].payload == body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_dropped_kept_connection_is_never_tried_again(exchange: Exchange, method: str) -> None:
    """Finding 6: by itself aiohttp would send the second request of this test twice, unless it is a POST."""

    def reply(request: bytes, writer: Writer) -> None:
        if len(exchange.requests) == 1:
            writer.write(answer())
        else:
            writer.transport.abort()

    async with serving(exchange, reply):
        await exchange.ask(GET)
        with pytest.raises(NoAnswer, match="connection (was closed before an answer came|reset)") as unknown:
            await exchange.ask(Request(method=method, path="/orders/1", body=b"x" if method == "POST" else b""))
        await asyncio.sleep(0.1)
    assert len(exchange.requests) == 2
    assert unknown.value.frame == 3
    assert exchange.frames()[2:] == [("out", "rest", 0), ("in", "control", 3)]


async def test_the_guard_is_what_prevents_it(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same server, with the guard out of the way: this is the harm it prevents."""

    async def pass_through(request: Any, handler: Any) -> Any:
        return await handler(request)

    monkeypatch.setattr("app.net.rest.refuse_second_attempt", pass_through)

    def reply(request: bytes, writer: Writer) -> None:
        if len(exchange.requests) == 2:
            writer.transport.abort()
        else:
            writer.write(answer())

    async with serving(exchange, reply):
        await exchange.ask(GET)
        await exchange.ask(Request(method="DELETE", path="/orders/1"))
    assert [request.split(b" ")[0] for request in exchange.requests] == [b"GET", b"DELETE", b"DELETE"]


async def test_refused_connection_means_not_sent(exchange: Exchange) -> None:
    async with serving(exchange, lambda request, writer: None):
        gone = f"http://127.0.0.1:{exchange.port}"
    exchange.rest = exchange.client(gone)
    with pytest.raises(NotSent, match="^connection refused$"):
        await exchange.ask(ORDER)
    assert exchange.log.since(1)[0].payload == b"not sent: connection refused"


async def test_unknown_name_means_not_sent(exchange: Exchange) -> None:
    exchange.rest = exchange.client("http://exchange.invalid")
    with pytest.raises(NotSent, match="^name lookup failed: exchange.invalid$"):
        await exchange.ask(ORDER)


async def test_untrusted_certificate_means_not_sent_and_no_byte_of_the_request(
    exchange: Exchange, certificate: Certificate
) -> None:
    got: list[bytes] = []

    async def handler(reader: Reader, writer: Writer) -> None:
        got.append(await reader.read(100))

    async with raw_server(handler, ssl=certificate.server_context()) as port:
        exchange.rest = exchange.client(f"https://127.0.0.1:{port}")
        with pytest.raises(NotSent, match="^certificate not trusted .issuer Grey Proxy Ltd, 127.0.0.1.: "):
            await exchange.ask(ORDER)
        await exchange.rest.close()
    assert b"".join(got) == b""


async def test_a_server_without_tls_means_not_sent(exchange: Exchange) -> None:
    """As where a hotel's sign-in page, or a proxy that speaks for nobody, answers in the exchange's place."""
    got: list[bytes] = []

    async def handler(reader: Reader, writer: Writer) -> None:
        got.append(await reader.read(1000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw_server(handler) as port:
        exchange.rest = exchange.client(f"https://127.0.0.1:{port}")
        with pytest.raises(NotSent, match="^TLS failed: wrong version number$"):
            await exchange.ask(ORDER)
        await exchange.rest.close()
    assert got and b"HTTP" not in b"".join(got)


async def test_connecting_too_slowly_means_not_sent(exchange: Exchange, certificate: Certificate) -> None:
    async def deaf(reader: Reader, writer: Writer) -> None:
        await reader.read()

    async with raw_server(deaf) as port:
        exchange.rest = exchange.client(f"https://127.0.0.1:{port}")
        with pytest.raises(NotSent, match="^timed out$"):
            await exchange.ask(msgspec.structs.replace(ORDER, timeout_s=0.3))
        await exchange.rest.close()


@pytest.mark.parametrize("request_", [ORDER, GET], ids=["with body", "without body"])
async def test_silence_after_writing_means_unknown(exchange: Exchange, request_: Request) -> None:
    async with serving(exchange, lambda request, writer: None):
        with pytest.raises(NoAnswer, match="^no answer within 0.3 s$"):
            await exchange.ask(msgspec.structs.replace(request_, timeout_s=0.3))
    assert len(exchange.requests) == 1


async def test_half_an_answer_means_unknown(exchange: Exchange) -> None:
    def reply(request: bytes, writer: Writer) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":')
        writer.close()

    async with serving(exchange, reply):
        with pytest.raises(NoAnswer, match="closed in the middle of the answer"):
            await exchange.ask(ORDER)


async def test_an_answer_that_is_not_http_means_unknown(exchange: Exchange) -> None:
    async with serving(exchange, lambda request, writer: writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")):
        with pytest.raises(NoAnswer):
            await exchange.ask(ORDER)


async def test_an_answer_nobody_can_read_means_unknown_and_names_the_frame(exchange: Exchange) -> None:
    """T11: a page of a content network instead of the exchange's answer."""
    page = answer(b"<html>Access denied</html>", "403 Forbidden")
    async with serving(exchange, lambda request, writer: writer.write(page)):
        with pytest.raises(NoAnswer, match=r"^the answer \(HTTP 403, 26 bytes\) cannot be read$") as unknown:
            await exchange.ask(ORDER, lambda response: msgspec.json.decode(response.body))
    frame = exchange.log.get(unknown.value.frame)
    assert frame is not None and frame.payload == b"<html>Access denied</html>"


@pytest.mark.parametrize(
    "parse",
    [
        lambda response: Decimal(response.body.decode()),
        lambda response: msgspec.json.decode(response.body)["orderId"],
        lambda response: msgspec.json.decode(response.body, type=int),
    ],
    ids=["arithmetic", "lookup", "validation"],
)
async def test_any_failure_to_read_an_answer_means_unknown(
    exchange: Exchange, parse: Callable[[Response], Any]
) -> None:
    async with serving(exchange, lambda request, writer: writer.write(answer(b'{"code":0}'))):
        with pytest.raises(NoAnswer, match=r"^the answer \(HTTP 200, 10 bytes\) has an unexpected form$"):
            await exchange.ask(ORDER, parse)


async def test_an_error_page_that_read_error_cannot_read_is_the_exchange_being_broken(exchange: Exchange) -> None:
    def read_error(response: Response) -> VenueError | None:
        raise ValueError("not JSON")

    async with serving(exchange, lambda r, w: w.write(answer(b"<html>", "503 Service Unavailable"))):
        exchange.rest._read_error = read_error
        with pytest.raises(VenueError) as refused:
            await exchange.ask(ORDER)
    assert refused.value.kind is ErrorKind.UNAVAILABLE


async def test_an_answer_without_end_is_cut(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_session, "MAX_ANSWER_BYTES", 1 << 20)
    bomb = gzip.compress(b"\0" * (8 << 20))
    async with serving(exchange, lambda r, w: w.write(answer(bomb, headers="Content-Encoding: gzip\r\n"))):
        with pytest.raises(NoAnswer, match="^answer larger than 1 MiB$"):
            await exchange.ask(ORDER)


async def test_the_exchange_saying_no_is_its_own_error(exchange: Exchange) -> None:
    exchange.error = VenueError(ErrorKind.REJECTED, "21721", "Insufficient balance")
    async with serving(exchange, lambda r, w: w.write(answer(b'{"code":21721}', "400 Bad Request"))):
        with pytest.raises(VenueError, match="^21721 Insufficient balance$") as refused:
            await exchange.ask(ORDER)
    assert (refused.value.status, refused.value.frame) == (400, 2)


async def test_a_busy_exchange_leaves_the_outcome_open(exchange: Exchange) -> None:
    async with serving(exchange, lambda r, w: w.write(answer(b"", "502 Bad Gateway"))):
        with pytest.raises(VenueError) as refused:
            await exchange.ask(ORDER)
    assert (refused.value.kind, refused.value.kind.is_definite) == (ErrorKind.UNAVAILABLE, False)


async def test_a_redirect_is_refused_and_the_key_does_not_travel(exchange: Exchange) -> None:
    """T13."""
    elsewhere: list[bytes] = []

    async def thief(reader: Reader, writer: Writer) -> None:
        elsewhere.append(await reader.read(1000))

    async with raw_server(thief) as port:
        moved = answer(b"", "307 Temporary Redirect", f"Location: http://localhost:{port}/orders\r\n")
        async with serving(exchange, lambda r, w: w.write(moved)):
            with pytest.raises(VenueError, match="unexpected redirect to localhost refused") as refused:
                await exchange.ask(ORDER)
    assert refused.value.kind is ErrorKind.UNAVAILABLE
    assert elsewhere == []


@pytest.mark.parametrize(
    ("status", "headers", "kind", "seconds"),
    [
        ("429 Too Many Requests", "Retry-After: 7\r\n", ErrorKind.SLOW_DOWN, 7),
        ("429 Too Many Requests", "", ErrorKind.SLOW_DOWN, 60),
        ("418 I'm a teapot", "", ErrorKind.BANNED, 180),
        (
            "418 I'm a teapot",
            "Date: Sun, 01 Mar 2026 10:00:00 GMT\r\nRetry-After: Sun, 01 Mar 2026 10:02:00 GMT\r\n",
            ErrorKind.BANNED,
            120,
        ),
    ],
)
async def test_a_limit_answer_stops_everything_for_as_long_as_it_asks(
    exchange: Exchange, status: str, headers: str, kind: ErrorKind, seconds: float
) -> None:
    """T7, T8: no second request, not even a cancel."""
    cancel = Request(method="DELETE", path="/orders", priority=Priority.CANCEL, timeout_s=1)
    async with serving(exchange, lambda r, w: w.write(answer(b"{}", status, headers))):
        with pytest.raises(VenueError) as refused:
            await exchange.ask(GET)
        with pytest.raises(NotSent, match="(slow down|banned)"):
            await exchange.ask(cancel)
    assert refused.value.kind is kind
    assert exchange.limiter.paused_s() == pytest.approx(seconds, abs=2)
    assert len(exchange.requests) == 1


async def test_times_of_writing_and_answering_are_told(exchange: Exchange) -> None:
    told: list[int] = []
    heard: list[tuple[int, int]] = []

    async def slow(request: bytes, writer: Writer) -> None:
        await asyncio.sleep(0.1)
        writer.write(answer())

    async with serving(exchange, slow):
        exchange.rest.on_wire = lambda request, boot_ns: told.append(boot_ns)
        exchange.rest.on_exchange = lambda response, sent, received: heard.append((sent, received))
        for request in (GET, ORDER):
            before = exchange.clock.boot_ns()
            await exchange.ask(request)
            assert before <= told[-1] == heard[-1][0]
            assert 0.1 <= (heard[-1][1] - heard[-1][0]) / NS_PER_S < 2
    assert len(told) == len(heard) == 2


async def test_giving_up_ourselves_is_noted(exchange: Exchange) -> None:
    async with serving(exchange, lambda request, writer: None):
        asking = asyncio.create_task(exchange.ask(ORDER))
        await until(lambda: exchange.requests)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert exchange.log.since(1)[0].payload == b"abandoned by us"


async def test_environment_proxies_are_never_used(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with serving(exchange, lambda request, writer: writer.write(answer())):
        assert (await exchange.ask(GET)).status == 200


async def test_a_proxy_is_used_when_given(exchange: Exchange) -> None:
    async with serving(exchange, lambda request, writer: writer.write(answer())):
        async with http_session.open_session(Trust().context, f"http://127.0.0.1:{exchange.port}") as session:
            exchange.rest = exchange.client("http://api.example.invalid", session)
            assert (await exchange.ask(GET)).status == 200
            await exchange.rest.close()
            assert not session.closed
    assert exchange.requests[0].startswith(b"GET http://api.example.invalid/time HTTP/1.1\r\n")


async def test_a_lent_session_we_cannot_follow_gets_the_careful_answer(exchange: Exchange) -> None:
    """Without our trace nobody knows whether bytes were written, so silence is never called "not sent"."""

    async def silence(reader: Reader, writer: Writer) -> None:
        await reader.read()

    async with raw_server(silence) as port, aiohttp.ClientSession() as session:
        exchange.rest = exchange.client(f"http://127.0.0.1:{port}", session)
        with pytest.raises(NoAnswer):
            await exchange.ask(msgspec.structs.replace(ORDER, timeout_s=0.2))
    with pytest.raises(NotSent, match="session is closed"):
        await exchange.ask(ORDER)


async def test_a_signed_request_without_a_key_is_not_sent(exchange: Exchange) -> None:
    exchange.rest._sign = None
    with pytest.raises(NotSent, match="no API key"):
        await exchange.ask(ORDER)
