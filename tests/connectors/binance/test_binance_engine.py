"""The engine on Binance's wire: a book begins after its stream, mends itself over REST, and the account logs in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from app.connectors.binance import SPEC
from app.connectors.exchange import Exchange
from app.connectors.spec import Credentials, Domain
from app.connectors.venue import Venue
from app.core.clock import SystemClock
from app.core.frames import FrameLog
from app.core.links import LinkState
from app.core.notices import Notices
from app.core.order_state import OrderState
from app.net.redaction import Redactor
from tests.connectors.fake_link import FakeRest, FakeSocket, FakeTransport, InstantBudget, _Eager, known_clock
from tests.until import until

pytestmark = pytest.mark.asyncio
PAIR = "BTC-USDT"
DEPTH_PATH = ("GET", "/api/v3/depth")


class Desk:
    def __init__(self, domain: Domain) -> None:
        clock = SystemClock()
        self.log = FrameLog(clock)
        self.transport = FakeTransport(self.log)
        self.rest = FakeRest(self.log)
        budget = InstantBudget(clock)
        venue = Venue(
            SPEC,
            domain,
            "",
            rest=self.rest,
            transport=self.transport,
            clock=clock,
            server_clock=known_clock(clock),
            log=self.log,
            notices=Notices(clock),
            new_policy=lambda: _Eager(clock, Random(1)),
            budget_for=lambda url: budget,
            redactor=Redactor(),
            rate_usage=dict,
        )
        auth = SPEC.auth(Credentials(api_key="key", secret_key="secret"), domain)
        private = SPEC.private(domain, auth)
        self.exchange = Exchange(venue, SPEC.public(domain), private, None, Random(1))

    @property
    def socket(self) -> FakeSocket:
        return self.transport.sockets["public"]

    def confirms(self) -> None:
        self.socket.receives({"result": None, "id": self.socket.sent[-1]["id"]})

    def snapshot(self, last_id: int, bid: str = "100.00000000") -> None:
        self.rest.answers[DEPTH_PATH] = {"lastUpdateId": last_id, "bids": [[bid, "1"]], "asks": [["101.00000000", "1"]]}

    def books_asked(self) -> int:
        return sum(request.path == DEPTH_PATH[1] for request in self.rest.asked)


def change(first: int, last: int, *bids: list[str]) -> dict[str, Any]:
    event = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last, "b": bids, "a": []}
    return {"stream": "btcusdt@depth@100ms", "data": event}


@pytest_asyncio.fixture
async def desk(domain: Domain) -> AsyncIterator[Desk]:
    desk = Desk(domain)
    desk.snapshot(160)
    desk.exchange.watch(PAIR)
    desk.exchange.start_network()
    await until(lambda: set(desk.transport.sockets) == {"public", "private"} and bool(desk.socket.sent))
    yield desk
    await desk.exchange.stop_network()


async def test_a_book_waits_for_its_stream_and_then_joins(desk: Desk) -> None:
    book = desk.exchange.order_books[PAIR]
    (message,) = desk.socket.sent
    assert message["params"] == ["btcusdt@depth@100ms", "btcusdt@trade"]
    assert desk.books_asked() == 0
    desk.confirms()
    desk.socket.receives(change(158, 161, ["99.00000000", "2"]))
    await until(lambda: book.last_id == 161)
    assert not book.stale
    assert book.bids == [("100.00000000", "1"), ("99.00000000", "2")]


async def test_a_gap_costs_one_snapshot_and_no_message(desk: Desk) -> None:
    book = desk.exchange.order_books[PAIR]
    desk.confirms()
    desk.socket.receives(change(158, 161))
    await until(lambda: book.last_id == 161)
    desk.snapshot(170, "98.00000000")
    desk.socket.receives(change(165, 170, ["1.00000000", "5"]))
    await until(lambda: book.last_id == 170)
    desk.socket.receives(change(171, 172, ["97.00000000", "3"]))
    await until(lambda: book.last_id == 172)
    assert book.bids == [("98.00000000", "1"), ("97.00000000", "3")]
    assert (desk.books_asked(), len(desk.socket.sent)) == (2, 1)


async def test_an_announced_end_brings_a_new_connection_at_once(desk: Desk) -> None:
    old = desk.socket
    old.receives({"e": "serverShutdown", "E": 1})
    await until(lambda: desk.socket is not old and bool(desk.socket.sent))
    assert desk.socket.sent[0]["method"] == "SUBSCRIBE"


async def test_the_account_logs_in_and_follows_an_order(desk: Desk) -> None:
    socket = desk.transport.sockets["private"]
    await until(lambda: bool(socket.sent))
    assert socket.sent[0]["method"] == "userDataStream.subscribe.signature"
    report = {"e": "executionReport", "s": "BTCUSDT", "i": 5, "c": "web", "S": "SELL", "o": "LIMIT", "q": "1", "p": "2"}
    socket.receives(
        {"id": "login", "status": 200, "result": {"subscriptionId": 0}},
        {"subscriptionId": 0, "event": {**report, "x": "NEW", "X": "NEW", "T": 1}},
        {"subscriptionId": 0, "event": {**report, "x": "CANCELED", "X": "CANCELED", "c": "x", "C": "web", "T": 2}},
    )
    await until(lambda: len(desk.exchange.orders) == 1)
    (order,) = desk.exchange.orders
    assert (order.client_order_id, order.exchange_order_id, order.state) == ("web", "5", OrderState.CANCELED)
    (status,) = [link for link in desk.exchange.links if link.name.endswith("/private")]
    assert status.state is LinkState.LIVE
