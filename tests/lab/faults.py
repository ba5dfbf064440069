"""What can be done to requests and messages on their way: the verbs of the fault proxy."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from tests.lab.fault_proxy import Forward, RestFault
from tests.lab.proxied_socket import Message, MessageFault

# -- requests


async def lose_request(request: web.Request, forward: Forward) -> web.StreamResponse:
    """The exchange never sees it; the desk sees a reset."""
    return _reset(request)


async def lose_answer(request: web.Request, forward: Forward) -> web.StreamResponse:
    """The exchange acts on it; the desk never hears."""
    await forward()
    return _reset(request)


def never_answer(request_arrives: bool) -> RestFault:
    """The connection stays open and silent, until the desk gives up."""

    async def fault(request: web.Request, forward: Forward) -> web.StreamResponse:
        if request_arrives:
            await forward()
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.02)
        return web.Response(status=504)

    return fault


def late(before_s: float = 0.0, after_s: float = 0.0) -> RestFault:
    """Hold the request, the answer, or both."""

    async def fault(request: web.Request, forward: Forward) -> web.StreamResponse:
        await asyncio.sleep(before_s)
        answer = await forward()
        await asyncio.sleep(after_s)
        return answer.response()

    return fault


def hold(until: asyncio.Event, after: bool = False) -> RestFault:
    """Hold the request (or, with `after`, its answer) until told."""

    async def fault(request: web.Request, forward: Forward) -> web.StreamResponse:
        if not after:
            await until.wait()
        answer = await forward()
        if after:
            await until.wait()
        return answer.response()

    return fault


def answer(
    status: int, body: bytes | str = b"", headers: Mapping[str, str] | None = None, *, forwarded: bool = False
) -> RestFault:
    """Somebody else answers; with `forwarded` the exchange has seen the request all the same."""
    raw = body.encode() if isinstance(body, str) else body

    async def fault(request: web.Request, forward: Forward) -> web.StreamResponse:
        if forwarded:
            await forward()
        return web.Response(status=status, body=raw, headers=headers)

    return fault


def html(status: int, *, forwarded: bool = False) -> RestFault:
    """What a content delivery network says when the exchange behind it is in trouble."""
    page = (
        f"<html><head><title>{status}</title></head><body><h1>Bad gateway</h1><script>alert(1)</script></body></html>"
    )
    return answer(status, page, {"Content-Type": "text/html"}, forwarded=forwarded)


def redirect(target: str) -> RestFault:
    return answer(302, headers={"Location": target})


def rewrite(change: Callable[[bytes], bytes]) -> RestFault:
    """The exchange's own answer with another body."""

    async def fault(request: web.Request, forward: Forward) -> web.StreamResponse:
        true = await forward()
        response = true.response()
        response.body = change(true.body)
        return response

    return fault


def bomb(inflated_bytes: int) -> RestFault:
    """A small answer that inflates to this many bytes."""
    packed = gzip.compress(b" " * inflated_bytes)
    return answer(200, packed, {"Content-Encoding": "gzip", "Content-Type": "application/json"})


def _reset(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


# -- messages


def drop(message: Message) -> Iterable[Message]:
    return ()


def twice(message: Message) -> Iterable[Message]:
    return (message, message)


def change(how: Callable[[str], str]) -> MessageFault:
    """Another text in its place."""

    def fault(message: Message) -> Iterable[Message]:
        return (how(message if isinstance(message, str) else message.decode()),)

    return fault


def edit(how: Callable[[Any], Any]) -> MessageFault:
    """The same JSON message, changed in place by `how`, which may also return another one."""

    def fault(message: Message) -> Iterable[Message]:
        value = msgspec.json.decode(message)
        changed = how(value)
        return (msgspec.json.encode(value if changed is None else changed).decode(),)

    return fault


def edit_body(how: Callable[[Any], Any]) -> RestFault:
    """As `edit`, for the exchange's answer to a request."""

    def change_body(body: bytes) -> bytes:
        value = msgspec.json.decode(body)
        changed = how(value)
        return msgspec.json.encode(value if changed is None else changed)

    return rewrite(change_body)


def stash(copies: list[Message]) -> MessageFault:
    """Hold it back, to be delivered later or never."""

    def fault(message: Message) -> Iterable[Message]:
        copies.append(message)
        return ()

    return fault


def instead(*messages: Message) -> MessageFault:
    return lambda message: messages


def swap() -> MessageFault:
    """Each message waits for the next one and follows it."""
    held: list[Message] = []

    def fault(message: Message) -> Iterable[Message]:
        if not held:
            held.append(message)
            return ()
        return (message, held.pop())

    return fault


def replay(copies: list[Message]) -> MessageFault:
    """Pass it on and keep a copy, to be delivered again later."""

    def fault(message: Message) -> Iterable[Message]:
        copies.append(message)
        return (message,)

    return fault
