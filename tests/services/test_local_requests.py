"""Forty requests that no client of ours would send: none is taken, and none says more than it must."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.core.notices import Notices
from app.credentials.sealing import random_bytes
from app.services.fmz_service import MOST_PER_S, FmzService, PortTaken
from app.services.pairing import Pairing, Permissions, new_keys
from tests.services.client import Client, post, send
from tests.services.conftest import Bare
from tests.until import until

pytestmark = pytest.mark.asyncio

Forged = Callable[[Bare], bytes]
PAIR_IN_FORM = "access_key=a&secret_key=b&method=ticker"


def good(bare: Bare, **headers: str) -> bytes:
    """Right in everything but what `headers` change."""
    return post(bare.service.port, bare.client.body("ticker", {}), **headers)


def other_body(bare: Bare, body: bytes) -> bytes:
    return post(bare.service.port, body)


def changed(bare: Bare, old: bytes, new: bytes) -> bytes:
    return good(bare).replace(old, new, 1)


def replaced(bare: Bare, **fields: object) -> bytes:
    return post(bare.service.port, bare.client.body("ticker", {}, **fields))


FORGED: dict[str, Forged] = {
    # a web page that the user has open
    "origin of a page": lambda b: good(b, Origin="https://evil.example"),
    "origin null": lambda b: good(b, Origin="null"),
    "origin of ourselves": lambda b: good(b, Origin=b.service.url),
    "cross-site fetch": lambda b: good(b, Sec_Fetch_Site="cross-site"),
    "same-site fetch": lambda b: good(b, Sec_Fetch_Site="same-site"),
    "same-origin fetch": lambda b: good(b, Sec_Fetch_Site="same-origin"),
    "a referring page": lambda b: good(b, Referer="https://evil.example/a"),
    "form": lambda b: good(b, Content_Type="application/x-www-form-urlencoded"),
    "form with a form's body": lambda b: post(
        b.service.port, PAIR_IN_FORM.encode(), Content_Type="application/x-www-form-urlencoded"
    ),
    "multipart form": lambda b: good(b, Content_Type="multipart/form-data; boundary=x"),
    "text/plain": lambda b: good(b, Content_Type="text/plain"),
    "text/plain of a form": lambda b: good(b, Content_Type="text/plain;charset=UTF-8"),
    "JSON with a charset": lambda b: good(b, Content_Type="application/json; charset=utf-8"),
    "JSON of a problem": lambda b: good(b, Content_Type="application/problem+json"),
    "no content type": lambda b: good(b, Content_Type=""),
    "preflight": lambda b: changed(b, b"POST", b"OPTIONS"),
    "websocket": lambda b: good(b, Upgrade="websocket"),
    # rebinding
    "rebound host": lambda b: good(b, Host="evil.example"),
    "rebound host with our port": lambda b: good(b, Host=f"evil.example:{b.service.port}"),
    "address that begins as ours": lambda b: good(b, Host=f"127.0.0.1.evil.example:{b.service.port}"),
    "any address": lambda b: good(b, Host=f"0.0.0.0:{b.service.port}"),
    "our address without its port": lambda b: good(b, Host="127.0.0.1"),
    "our address with another port": lambda b: good(b, Host="127.0.0.1:1"),
    "no host": lambda b: good(b, Host=""),
    "two hosts": lambda b: changed(b, b"Host:", b"Host: evil.example\r\nHost:"),
    # other verbs and forms of HTTP
    "GET": lambda b: changed(b, b"POST", b"GET"),
    "PUT": lambda b: changed(b, b"POST", b"PUT"),
    "HEAD": lambda b: changed(b, b"POST", b"HEAD"),
    "chunked": lambda b: good(b, Content_Length="", Transfer_Encoding="chunked"),
    "chunked and with a length": lambda b: good(b, Transfer_Encoding="chunked"),
    "no length": lambda b: good(b, Content_Length=""),
    "negative length": lambda b: good(b, Content_Length="-1"),
    "too long a body": lambda b: good(b, Content_Length=str(64 * 1024 + 1)),
    "too long a head": lambda b: good(b, X_Long="x" * 20_000),
    "a path that climbs": lambda b: changed(b, b"/POLONIEX", b"/../POLONIEX/%2e%2e"),
    # keys
    "wrong secret": lambda b: replaced(b, secret_key="depthdesk-" + "0" * 64),
    "wrong access key": lambda b: replaced(b, access_key="x"),
    "no keys": lambda b: other_body(b, b'{"method":"ticker","params":{}}'),
    "a proof of nothing": lambda b: replaced(b, secret_key="proof-" + "0" * 64),
    "wrong token": lambda b: post(b.service.port, b'{"method":"ticker","params":{}}', X_Depthdesk_Token="x" * 43),
}


async def test_there_are_forty() -> None:
    assert len(FORGED) == 40


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_request_is_refused(bare: Bare, name: str) -> None:
    status, body = await send(bare.service.port, FORGED[name](bare))
    assert 400 <= status < 500 and set(json.loads(body)) == {"error"}
    assert bare.service.answered == 0 and sum(bare.service.blocked.values()) == 1
    assert bare.keys.secret_key.encode() not in body and bare.keys.access_key.encode() not in body


async def test_the_honest_request_passes_every_check(bare: Bare) -> None:
    status, body = await send(bare.service.port, good(bare))
    assert (status, json.loads(body)) == (200, {"error": "unknown exchange: POLONIEX"})
    with_token = post(bare.service.port, b'{"method":"ticker","params":{}}', X_Depthdesk_Token=bare.keys.secret_key)
    assert (await send(bare.service.port, with_token))[0] == 200
    by_name = good(bare, Host=f"localhost:{bare.service.port}")
    assert (await send(bare.service.port, by_name))[0] == 200


async def test_the_longest_body_and_one_without_a_nonce(bare: Bare) -> None:
    longest = bare.client.body("ticker", {}).ljust(64 * 1024)
    assert (await send(bare.service.port, other_body(bare, longest)))[0] == 200
    body = json.loads(bare.client.body("ticker", {}))
    del body["nonce"]
    assert (await send(bare.service.port, other_body(bare, json.dumps(body).encode())))[0] == 200


async def test_a_client_without_a_content_type_only_where_asked_for() -> None:
    clock, keys = SystemClock(), new_keys(random_bytes)
    pairing = Pairing(keys, Permissions(), clock)
    service = FmzService(dict, pairing, clock, Notices(clock), content_type_may_be_missing=True)
    await service.start()
    client = Client(service.port, keys, clock.wall_ns())
    missing = post(service.port, client.body("ticker", {}), Content_Type="")
    assert (await send(service.port, missing))[0] == 200
    form = post(service.port, client.body("ticker", {}), Content_Type="text/plain")
    assert (await send(service.port, form))[0] == 415
    await service.stop()


async def test_x8_a_page_is_counted_as_one(bare: Bare) -> None:
    assert bare.service.blocked_words() == ""
    await send(bare.service.port, good(bare, Content_Type="text/plain"))
    assert bare.service.blocked_words() == "blocked browser requests: 1"


async def test_x9_a_rebound_host_is_refused_before_the_body_is_read(bare: Bare) -> None:
    head = good(bare, Host="evil.example").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert (await send(bare.service.port, head))[0] == 403


async def test_no_answer_opens_itself_to_other_pages(bare: Bare) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bare.service.port)
    writer.write(good(bare))
    answer = (await reader.read()).lower()
    writer.close()
    assert b"access-control" not in answer and b"cross-origin-resource-policy: same-origin" in answer


@pytest.mark.parametrize("kept", [1, 40, -1], ids=["one byte", "half a head", "all but a byte"])
async def test_a_slow_request_is_given_up(bare: Bare, kept: int) -> None:
    status, body = await send(bare.service.port, good(bare)[:kept])
    assert status == 408 and json.loads(body) == {"error": "the request did not come in time"}


async def test_eight_at_once(bare: Bare) -> None:
    waiting = [await asyncio.open_connection("127.0.0.1", bare.service.port) for _ in range(8)]
    await until(lambda: bare.service._busy == 8)
    assert (await send(bare.service.port, good(bare)))[0] == 503
    for _, writer in waiting:
        writer.close()
    await until(lambda: not bare.service._busy)
    assert (await send(bare.service.port, good(bare)))[0] == 200


async def test_twenty_a_second(bare: Bare) -> None:
    statuses = [(await send(bare.service.port, good(bare)))[0] for _ in range(MOST_PER_S + 1)]
    assert statuses == [200] * MOST_PER_S + [429]


async def test_a_request_is_taken_once_and_in_its_time(bare: Bare) -> None:
    once = good(bare)
    assert [(await send(bare.service.port, once))[0] for _ in range(2)] == [200, 403]
    old = post(bare.service.port, bare.client.body("ticker", {}, nonce=bare.client._nonce - 61_000_000_000))
    assert (await send(bare.service.port, old))[0] == 403


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"{", b"[" * 5_000, b"\xff", b'{"nonce":"1"}'])
async def test_what_is_no_request_is_not_repeated(bare: Bare, body: bytes) -> None:
    status, answer = await send(bare.service.port, other_body(bare, body))
    assert status == 400 and json.loads(answer) == {"error": "the body is not a request of the protocol"}


async def test_a_taken_port_starts_nothing(bare: Bare) -> None:
    owner = rf"process {os.getpid()} \(" if Path("/proc/net/tcp").exists() else "another program"
    second = FmzService(dict, bare.service._pairing, bare.service._clock, bare.service._notices, port=bare.service.port)
    with pytest.raises(PortTaken, match=rf"127.0.0.1:{bare.service.port} is taken by {owner}"):
        await second.start()
    await second.stop()
