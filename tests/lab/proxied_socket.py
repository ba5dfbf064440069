"""One websocket that passes through the fault proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import aiohttp
from aiohttp import WSMsgType, web

Message = str | bytes
MessageFault = Callable[[Message], Iterable[Message]]
"""What is delivered in place of a message: nothing, the same, something else, or several."""


class ProxiedSocket:
    """Passes messages both ways and answers the desk's pings itself, so that a link can look alive and say nothing."""

    def __init__(self, request: web.BaseRequest, server: aiohttp.ClientWebSocketResponse, spoil: MessageFault) -> None:
        self._request = request
        self._server = server
        self._spoil = spoil
        self._client = web.WebSocketResponse(max_msg_size=0)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.path = request.raw_path
        self.from_desk: list[Message] = []
        self.from_server = 0

    async def run(self) -> web.StreamResponse:
        """Until either end is gone."""
        await self._client.prepare(self._request)
        down = asyncio.create_task(self._to_desk())
        try:
            async for message in self._client:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self.from_desk.append(message.data)
                    await self._flowing.wait()
                    await self._send(self._server, message.data)
        finally:
            down.cancel()
            await asyncio.gather(down, return_exceptions=True)
            await self._server.close()
        return self._client

    async def deliver(self, message: Message) -> None:
        """Send this to the desk as if the exchange had."""
        await self._send(self._client, message)

    async def deliver_raw(self, payload: bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        """A frame with this very payload, valid or not."""
        await self._client.send_frame(payload, kind)

    async def cut(self, code: int = 1006, reason: bytes = b"") -> None:
        """End it with a close message."""
        await self._client.close(code=code, message=reason)

    def reset(self) -> None:
        """End it at once, without a word."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    def freeze(self) -> None:
        self._flowing.clear()
        transport = self._request.transport
        if isinstance(transport, asyncio.ReadTransport):
            transport.pause_reading()

    def thaw(self) -> None:
        self._flowing.set()
        transport = self._request.transport
        if isinstance(transport, asyncio.ReadTransport):
            transport.resume_reading()

    async def _to_desk(self) -> None:
        async for message in self._server:
            if message.type is WSMsgType.PING:
                await self._server.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self.from_server += 1
                for part in self._spoil(message.data):
                    await self._flowing.wait()
                    await self._send(self._client, part)
        await self._client.close(code=self._server.close_code or 1006)

    @staticmethod
    async def _send(socket: aiohttp.ClientWebSocketResponse | web.WebSocketResponse, message: Message) -> None:
        try:
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
        except (ConnectionError, RuntimeError):
            pass  # the other end is gone; the reading side notices
