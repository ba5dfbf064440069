"""One WebSocket's outgoing frames: bounded, in order, closed with a reason when the reader is too slow. No protocol."""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web

MAX_FRAMES = 20_000
MAX_BYTES = 16 * 1024 * 1024
GOODBYE_S = 2.0


class Outbox:
    """The only way out of a connection, so that a fault can be put here. `send` never waits."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        max_frames: int = MAX_FRAMES,
        max_bytes: int = MAX_BYTES,
        goodbye_s: float = GOODBYE_S,
        *,
        binary: bool = False,
    ) -> None:
        self._socket = socket
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._goodbye_s = goodbye_s
        self._kind = WSMsgType.BINARY if binary else WSMsgType.TEXT
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._closing: tuple[int, bytes] | None = None
        self._running = False
        self._patience = asyncio.timeout(None)

    def send(self, frame: bytes) -> None:
        """Queue one frame. A reader that lets too many pile up is disconnected."""
        if self._closing is not None:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        if len(self._frames) > self._max_frames or self._bytes > self._max_bytes:
            self.close(WSCloseCode.POLICY_VIOLATION, b"slow consumer")
        self._wake.set()

    def close(self, code: int, reason: bytes = b"", *, flush: bool = False) -> None:
        """Forget what is queued (or: send it still) and say goodbye; a peer that does not take it is given up soon."""
        if self._closing is None:
            self._closing = code, reason
            if not flush:
                self._frames.clear()
                self._bytes = 0
            self._wake.set()
            if self._running:
                self._patience.reschedule(asyncio.get_running_loop().time() + self._goodbye_s)

    async def run(self) -> None:
        """Write until closed; says goodbye itself after `close`. The peer may still have to be cut off after this."""
        try:
            async with self._patience:
                self._running = True
                await self._write()
        except (ClientConnectionResetError, ConnectionError, TimeoutError):
            pass
        finally:
            self._running = False

    async def _write(self) -> None:
        while self._closing is None or self._frames:
            await self._wake.wait()
            self._wake.clear()
            while self._frames:
                frame = self._frames.popleft()
                self._bytes -= len(frame)
                await self._socket.send_frame(frame, self._kind)
        code, reason = self._closing
        await self._socket.close(code=code, message=reason)
