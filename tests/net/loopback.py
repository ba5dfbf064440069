"""Loopback servers, certificates and virtual time for the tests of app/net. No fixtures."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import selectors
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection, serve

from app.core.clock import NS_PER_S, ManualClock, SystemClock
from app.core.frames import FrameKind, FrameLog
from app.core.links import Link, LinkStatus
from app.net.redaction import Redactor
from app.net.transport import WebSocketConnection, WebSocketTransport


async def until(condition: Callable[[], Any], within_s: float = 5.0) -> None:
    """Give other tasks turns until the condition holds."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.002)


class _TimeBySelecting(selectors.SelectSelector):
    """Waiting takes no time: the manual clock jumps instead."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits and no timer is set")
        if not ready and timeout:
            self._clock.advance(timeout + 1e-9)
        return ready


class VirtualTime:
    def __init__(self) -> None:
        self.clock = ManualClock()

    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        def loop() -> asyncio.AbstractEventLoop:
            made = asyncio.SelectorEventLoop(_TimeBySelecting(self.clock))
            made.time = lambda: self.clock.mono_ns() / NS_PER_S  # type: ignore[method-assign]
            return made

        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(main)


class Wire:
    """A transport, its log, and one link."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.log = FrameLog(self.clock)
        self.redactor = Redactor()
        self.transport = WebSocketTransport(self.log, self.clock, self.redactor)
        self.status = LinkStatus("test/public")

    @asynccontextmanager
    async def open(self, url: str, *, scan: bool = False, **link: Any) -> AsyncIterator[WebSocketConnection]:
        opening = self.transport.open(Link(name="public", url=url, **link), self.status, "test/public", scan)
        async with opening as connection:
            yield connection

    def notes(self) -> list[str]:
        return [frame.payload.decode() for frame in self.log.since(0) if frame.kind is FrameKind.CONTROL]


@asynccontextmanager
async def websocket_server(
    handler: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[str]:
    scheme = "wss" if "ssl" in options else "ws"
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"


@asynccontextmanager
async def raw_server(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], **options: Any
) -> AsyncIterator[int]:
    """A TCP server that says whatever `handler` writes; yields its port."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


class Certificate:
    def __init__(self, folder: Path, organisation: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1"),
            ]
        )
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        self.path = folder / "certificate.pem"
        self.path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


class TlsFront:
    """Says inside TLS what a server on loopback says in clear; `present` changes the certificate of new connections."""

    def __init__(self, port: int, certificate: Certificate) -> None:
        self._upstream = port
        self._context = certificate.server_context()
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0

    def present(self, certificate: Certificate) -> None:
        self._context.load_cert_chain(certificate.path)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        for way in (_copy(reader, inner_writer), _copy(inner_reader, writer)):
            task = asyncio.create_task(way)
            self._open.add(task)
            task.add_done_callback(self._open.discard)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()
