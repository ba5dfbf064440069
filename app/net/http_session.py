"""The shared aiohttp session: one attempt per request, a known moment of writing, bounded answers. No calls."""

from __future__ import annotations

from collections.abc import Callable
from ssl import SSLContext
from types import SimpleNamespace

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType

from app.core.clock import Clock

MAX_ANSWER_BYTES = 32 << 20
_NO_BYTE_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


class AnswerTooLarge(Exception):
    pass


class SecondAttempt(aiohttp.ClientError):
    """aiohttp wanted to repeat a request on its own; `first` is why the only attempt failed."""

    def __init__(self, first: aiohttp.ClientError) -> None:
        super().__init__(str(first))
        self.first = first


class Exchange:
    """One request on its way: when its bytes were given to the socket (boot clock), None before."""

    def __init__(self, clock: Clock, has_body: bool, on_written: Callable[[int], None]) -> None:
        self._clock = clock
        self._has_body = has_body
        self._on_written = on_written
        self._followed = False
        self.written_ns: int | None = None

    def may_be_written(self, error: BaseException) -> bool:
        """Whether the exchange may have seen the request. A session we cannot follow gets the careful answer."""
        if isinstance(error, _NO_BYTE_LEFT):
            return False
        return self.written_ns is not None or not self._followed

    def started(self) -> None:
        self._followed = True

    def head_ready(self) -> None:
        # The head waits for the body and leaves together with it.
        if not self._has_body:
            self._written()

    def body_ready(self) -> None:
        self._written()

    def _written(self) -> None:
        if self.written_ns is None:
            self.written_ns = self._clock.boot_ns()
            self._on_written(self.written_ns)

    async def read(self, reply: aiohttp.ClientResponse) -> bytes:
        """The whole body, at most 32 MiB after decompression."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in reply.content.iter_any():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                reply.close()
                raise AnswerTooLarge(f"answer larger than {MAX_ANSWER_BYTES >> 20} MiB")
            chunks.append(chunk)
        return b"".join(chunks)


async def refuse_second_attempt(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware. aiohttp (3.14, client.py) repeats GET, PUT, DELETE and others once when a kept connection drops, by
    catching `ClientOSError` and `ServerDisconnectedError` around its middlewares; another exception ends the request.
    """
    try:
        return await handler(request)
    except _NO_BYTE_LEFT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as dropped:
        raise SecondAttempt(dropped) from dropped


def open_session(tls: SSLContext, proxy: str | None = None) -> aiohttp.ClientSession:
    """A session to share among `RestClient`s: no cookies, certificates always checked, a proxy only when given."""
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(_on_start)
    trace.on_request_headers_sent.append(_on_head)
    trace.on_request_chunk_sent.append(_on_body)
    return aiohttp.ClientSession(
        # Names are looked up for every new connection: after a change of network the old answer may lead nowhere.
        connector=aiohttp.TCPConnector(ssl=tls, limit=64, limit_per_host=16, use_dns_cache=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Depthdesk"},
        skip_auto_headers=("Content-Type",),
        trust_env=False,
        proxy=proxy,
        trace_configs=[trace],
    )


async def _on_start(_: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestStartParams) -> None:
    if exchange := _exchange_of(context):
        exchange.started()


async def _on_head(
    _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams
) -> None:
    if exchange := _exchange_of(context):
        exchange.head_ready()


async def _on_body(_: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestChunkSentParams) -> None:
    if exchange := _exchange_of(context):
        exchange.body_ready()


def _exchange_of(context: SimpleNamespace) -> Exchange | None:
    exchange = context.trace_request_ctx
    return exchange if isinstance(exchange, Exchange) else None
