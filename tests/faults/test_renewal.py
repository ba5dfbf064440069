"""Connections that are about to end: the next one takes over, and nothing on screen turns grey."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from app.connectors import link_runner
from app.twin_process import TwinLine, TwinProcess
from tests.lab.desk import PAIR, Desk
from tests.lab.faults import drop
from tests.lab.fixtures import Lab
from tests.until import until

SHUTDOWN = msgspec.json.encode({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}).decode()
STREAMS = "/stream"


@pytest.fixture(scope="module")
def twin_line() -> Iterator[TwinLine]:
    """A Binance twin: the exchange whose connections have an end."""
    process = TwinProcess("binance", seed=5)
    yield process.read_line()
    process.stop()


class Watched:
    """Every state and every version the book went through, looked at as often as the loop turns."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.states: set[str] = set()
        self.ids: list[int] = []
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        book = self._desk.exchange.order_books[PAIR]
        while True:
            self.states |= {self._desk.book(), self._desk.exchange.freshness(PAIR).state, book.state.value}
            if book.last_id is not None and (not self.ids or self.ids[-1] != book.last_id):
                self.ids.append(book.last_id)
            await asyncio.sleep(0.001)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def is_renewed(desk: Desk, why: str) -> None:
    """The public link changed its connection unnoticed by the book."""
    proxy = desk.proxy
    feed, tape = desk.exchange.feeds[PAIR], desk.exchange.tape(PAIR)
    await until(lambda: any(text == f"connection renewed: {why}" for text in desk.events()), 20, "the line of the list")
    following = proxy.socket(STREAMS)
    carried, seen = following.from_server, feed.messages
    await until(lambda: following.from_server > carried + 10 and feed.messages > seen + 10, 20, "changes over the new")
    assert (feed.gaps, feed.resyncs) == (0, 0)
    ids = [trade.trade_id for trade in tape]
    assert len(ids) == len(set(ids)), "no trade twice"


def test_t5_the_next_connection_is_open_before_the_announced_end(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        old = desk.proxy.socket(STREAMS)
        snapshots = desk.exchange.order_books[PAIR].snapshots
        watched = Watched(desk)
        opened_beside = []
        await old.deliver(SHUTDOWN)
        for_streams = lambda: [socket for socket in desk.proxy.sockets if STREAMS in socket.path]  # noqa: E731
        await until(lambda: len(for_streams()) == 2, what="two connections at a time")
        opened_beside.append(old in for_streams())
        await is_renewed(desk, "the exchange announced its end")
        await until(lambda: old not in desk.proxy.sockets, what="the old one is closed")
        await watched.end()
        assert opened_beside == [True] and watched.states == {"live"}
        assert watched.ids == sorted(watched.ids), "the book never went back"
        assert desk.exchange.order_books[PAIR].snapshots == snapshots, "switched at an update id, without a new book"
        assert "RECONNECT" not in " ".join(event.state.name for event in desk.exchange.links[0].history)

    lab(story)


def test_t5_a_connection_near_its_age_limit_is_renewed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Binance ends connections after 24 h; the desk's 23 h are made 5 s here."""
    monkeypatch.setattr(link_runner, "_RENEW_AT", 5 / 86_400)

    async def story(desk: Desk) -> None:
        watched = Watched(desk)
        await is_renewed(desk, "it is nearly as old as the exchange allows")
        await watched.end()
        assert watched.states == {"live"}

    lab(story)


def test_t5_a_next_connection_that_does_not_catch_up_is_given_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_runner, "_TAKE_OVER_WITHIN_S", 1.5)
    monkeypatch.setattr(link_runner, "_RENEW_AGAIN_S", 0.5)

    async def story(desk: Desk) -> None:
        old = desk.proxy.socket(STREAMS)
        watched = Watched(desk)
        unconfirmed = desk.proxy.on_message(drop, containing='"result":null')
        await old.deliver(SHUTDOWN)
        failed = "connection not renewed: the next one did not catch up in time"
        await until(lambda: failed in desk.events(), what="the failed attempt")
        assert old in desk.proxy.sockets and watched.states == {"live"}
        unconfirmed.end()
        await is_renewed(desk, "the exchange announced its end")
        await watched.end()
        assert watched.states == {"live"}

    lab(story)
