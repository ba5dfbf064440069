"""The process: first line, endings, errors, and its pace."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest

from app.core.clock import ManualClock
from app.paper.dialects.poloniex import open_twin
from app.paper.server import Pacer, main

from .conftest import Connect
from .poloniex_client import Trader

TWIN = [sys.executable, "-c", "import sys; from app.paper.server import main; sys.exit(main(sys.argv[1:]))"]


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    twin = subprocess.Popen(
        [*TWIN, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert twin.stdout is not None
        yield twin, json.loads(twin.stdout.readline())
    finally:
        twin.kill()
        twin.communicate()


def refused(*arguments: str) -> str:
    ended = subprocess.run([*TWIN, *arguments], capture_output=True, text=True, timeout=10)
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr


def test_first_line_is_all_a_client_needs_and_a_signal_ends_it() -> None:
    with process("poloniex", "--seed", "9") as (twin, first):
        assert list(first) == [
            "exchange", "rest", "ws_public", "ws_private", "api_key", "secret_key", "passphrase", "pairs",
        ]  # fmt: skip
        port = first["rest"].rpartition(":")[2]
        assert first["rest"] == f"http://127.0.0.1:{port}"
        assert first["ws_private"] == f"ws://127.0.0.1:{port}/ws/private"
        assert (first["exchange"], first["passphrase"], first["pairs"][0]) == ("poloniex", "", "BTC-USDT")
        twin.send_signal(signal.SIGTERM)
        assert twin.wait(timeout=3) == 0


def test_same_seed_on_the_same_port_is_the_same_desk() -> None:
    with process("poloniex", "--seed", "9") as (twin, first):
        twin.send_signal(signal.SIGINT)
        assert twin.wait(timeout=3) == 0
    port = first["rest"].rpartition(":")[2]
    with process("poloniex", "--seed", "9", "--port", port) as (_, again):
        assert again == first


def test_leaves_when_stdin_ends() -> None:
    with process("poloniex", "--until-stdin-closes") as (twin, _):
        assert twin.stdin is not None
        assert twin.poll() is None
        twin.stdin.close()
        assert twin.wait(timeout=3) == 0
        twin.stdin = None


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refused("poloniex", "--port", str(port))
    assert message.startswith(f"depthdesk twin: cannot listen on 127.0.0.1:{port}: ")
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("bittrex",), ["'bittrex'", "known: ", "poloniex"]),
        (("poloniex", "--port", "70000"), ["--port", "'70000'"]),
        (("poloniex", "--rate", "fast"), ["--rate", "'fast'"]),
        (("poloniex", "--rate", "20001"), ["--rate", "'20001'"]),
        (("poloniex", "--seed", "-1"), ["--seed", "'-1'"]),
        ((), ["exchange"]),
    ],
)
def test_mistakes_name_the_flag_and_the_value(
    arguments: tuple[str, ...], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == "" and all(name in told.err for name in named)


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(flag in text for flag in ("--port", "--seed", "--rate", "--until-stdin-closes"))


def test_the_pacer_makes_what_the_clock_asks_for() -> None:
    clock = ManualClock()
    pacer = Pacer(open_twin(1, clock), 400, clock)
    for _ in range(500):
        clock.advance(0.02)
        pacer.step()
    assert 3950 <= pacer.made <= 4050
    clock.advance(3600)
    pacer.step()
    assert pacer.made < 4300, "an hour of sleep is not made up for"


@pytest.mark.asyncio
async def test_rest_is_answered_during_a_flood(session: aiohttp.ClientSession, connect: Connect) -> None:
    with process("poloniex", "--rate", "5000") as (_, first):
        trader = Trader(session, first)
        stream = await connect(trader.ws_public)
        for channel in ("book_lv2", "trades"):
            await stream.subscribe(channel, "all")
        stream.seen.clear()
        for _ in range(8):
            for _ in range(250):
                await stream.next()
            assert (await trader.public("/markets/BTC_USDT/orderBook", limit=50))[0] == 200
    assert len(stream.seen) >= 2_000
