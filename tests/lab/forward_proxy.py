"""An HTTP proxy as companies have them: CONNECT and absolute addresses, all led to one server. It keeps what it saw."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

HOST = "127.0.0.1"


class ForwardProxy:
    """`start`, then `stop`. Whatever host is asked for, `upstream` (host:port) answers."""

    def __init__(self, upstream: str) -> None:
        self._host, _, port = upstream.partition(":")
        self._port = int(port)
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()
        self.connects: list[str] = []
        """host:port of every CONNECT, as streams use it."""
        self.requests: list[str] = []
        """host:port of every request with an absolute address."""

    @property
    def address(self) -> str:
        return f"{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, 0)

    async def stop(self) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._pass_on(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        if method == "CONNECT":
            self.connects.append(target)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            self.requests.append(urlsplit(target).netloc)
            # One request a connection: the following ones would have absolute addresses again.
            lines = head.decode().split("\r\n")
            parts = urlsplit(target)
            lines[0] = f"{method} {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1"
            kept = [line for line in lines[:-2] if not line.lower().startswith(("connection:", "proxy-"))]
            up_writer.write("\r\n".join([*kept, "Connection: close", "", ""]).encode())
        try:
            await asyncio.gather(_pipe(reader, up_writer), _pipe(up_reader, writer))
        finally:
            up_writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
