"""Checking a key on a running twin and on one that answers as it is told: what the user is told of each fault."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from app.connectors.registry import exchange_spec
from app.connectors.spec import Auth, Credentials, Domain, ExchangeSpec, PrivateSource
from app.core.permissions import KeyPermissions
from app.core.requests import Call, Request, Response
from app.credentials.key_check import KeyCheck, check_key
from app.twin_process import TwinLine, TwinProcess

SPEC = exchange_spec("poloniex")


@pytest.fixture(scope="module")
def twin() -> Iterator[TwinLine]:
    process = TwinProcess("poloniex", seed=11)
    try:
        yield process.read_line()
    finally:
        process.stop()


def check(spec: ExchangeSpec, domain: Domain, keys: Credentials) -> KeyCheck:
    return asyncio.run(check_key(spec, domain, keys))


def test_a_good_key_is_found_good(twin: TwinLine) -> None:
    found = check(SPEC, twin.domain(), twin.credentials())
    assert found.ok and found.checked_ms > 0
    assert found.words == "Poloniex accepts this key: its balances were read. Whether it may trade is not reported."
    assert found.permissions == KeyPermissions(read=True)
    assert found.clock_offset_ms is not None and abs(found.clock_offset_ms) < 1000


@pytest.mark.parametrize(
    "wrong", [{"secret_key": "canary-wrong-secret"}, {"api_key": "canary-wrong-key"}], ids=["secret", "key"]
)
def test_a_wrong_key_or_secret_is_refused_in_clear_words(twin: TwinLine, wrong: dict[str, str]) -> None:
    found = check(SPEC, twin.domain(), replace(twin.credentials(), **wrong))
    assert not found.ok and found.checked_ms == 0
    assert found.words.startswith("The exchange refused this key. Check that key and secret belong together")
    assert "canary" not in repr(found)


def test_a_key_of_another_kind_is_told_before_anything_is_sent() -> None:
    coinbase = exchange_spec("coinbase")
    nowhere = replace(coinbase.domains["main"], rest={"": "http://127.0.0.1:9"})
    found = check(coinbase, nowhere, Credentials(api_key="name", secret_key="canary, not a key"))
    assert found.words == "This is no key of Coinbase: the private key is neither PEM nor base64."
    assert not found.ok


def test_an_exchange_that_cannot_be_reached_says_nothing_of_the_key() -> None:
    nowhere = replace(SPEC.domains["main"], rest={"": "http://127.0.0.1:9"})
    found = check(SPEC, nowhere, Credentials(api_key="a", secret_key="b"))
    assert not found.ok and found.words.startswith("Poloniex could not be asked: ")


# -- an exchange that answers as the test says

Answer = Callable[[], tuple[int, Any]]


def answered(balances: Answer, rights: Answer | None = None, ahead_s: float = 0.0) -> KeyCheck:
    async def serve() -> KeyCheck:
        import time

        async def reply(request: web.Request) -> web.Response:
            if request.path == "/timestamp":
                return web.json_response({"serverTime": int((time.time() + ahead_s) * 1000)})
            assert rights is not None or request.path != "/rights"
            status, body = (rights if request.path == "/rights" and rights else balances)()
            return web.json_response(body, status=status)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", reply)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        domain = Domain(
            name="x", title="x", rest={"": f"http://127.0.0.1:{port}"}, sockets=SPEC.domains["main"].sockets
        )
        try:
            return await check_key(_telling(SPEC), domain, Credentials(api_key="a", secret_key="b"))
        finally:
            await runner.cleanup()

    def _telling(spec: ExchangeSpec) -> ExchangeSpec:
        if rights is None:
            return spec

        def private(domain: Domain, auth: Auth) -> PrivateSource:
            source = spec.private(domain, auth)
            source.get_permissions = lambda: Call(  # type: ignore[attr-defined]
                request=Request(method="GET", path="/rights", signed=True), parse=_rights
            )
            return source

        return replace(spec, private=private)

    return asyncio.run(serve())


def _rights(response: Response) -> KeyPermissions:
    import msgspec

    return msgspec.json.decode(response.body, type=KeyPermissions)


def no_balances() -> tuple[int, Any]:
    return 200, []


@pytest.mark.parametrize(
    ("told", "ok", "words"),
    [
        ({"read": True, "trade": True}, True, "Poloniex accepts this key: it may read and trade."),
        (
            {"read": True, "trade": False},
            True,
            "Poloniex accepts this key, for reading only: no orders can be placed with it.",
        ),
        (
            {"read": False, "trade": True},
            False,
            "Poloniex knows this key, but it may not read: balances and orders could not be shown.",
        ),
    ],
)
def test_rights_that_the_exchange_reports_are_told(told: dict[str, bool], ok: bool, words: str) -> None:
    found = answered(no_balances, lambda: (200, told))
    assert (found.ok, found.words) == (ok, words)
    assert found.permissions == KeyPermissions(**told)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((429, {"code": 429, "message": "Too many requests"}), "The exchange asks to wait before another request"),
        ((500, {"code": 500, "message": "System error"}), "The exchange is busy or out of order"),
        ((200, {"not": "a list"}), "Poloniex gave no answer: "),
    ],
)
def test_trouble_at_the_exchange_is_not_blamed_on_the_key(reply: tuple[int, Any], words: str) -> None:
    found = answered(lambda: reply)
    assert not found.ok and found.words.startswith(words)


def test_what_the_exchange_says_stays_plain_and_short() -> None:
    found = answered(lambda: (401, {"code": 401, "message": "<b>Update\u202e now</b>\nat http://evil.example " * 40}))
    assert "\n" not in found.words and "\u202e" not in found.words and len(found.words) < 500


def test_a_wrong_clock_is_named_with_its_error() -> None:
    found = answered(no_balances, ahead_s=93.0)
    assert found.ok
    assert found.words.endswith("This computer's clock is 93.0 s behind the exchange's.")


@pytest.mark.skipif(sys.platform != "linux", reason="the flag is Linux's")
def test_x15_a_crash_leaves_no_core_file_and_nobody_may_attach() -> None:
    crash = (
        "import ctypes, os, resource as r\n"
        "r.setrlimit(r.RLIMIT_CORE, (r.getrlimit(r.RLIMIT_CORE)[1],) * 2)\n"
        "from app.credentials.core_dumps import forbid_core_dumps\n"
        "forbid_core_dumps()\n"
        "print(r.getrlimit(r.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)\n"
        "os.abort()\n"
    )
    done = subprocess.run([sys.executable, "-c", crash], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (-signal.SIGABRT, "(0, 0) 0\n")
