"""How books of other exchanges begin, prove themselves and end: checksums, snapshots, refusals, ended logins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from app.core.links import LinkState
from app.core.notices import Notice
from app.core.types import Integrity
from app.twin_process import TwinLine, TwinProcess
from tests.faults.test_books import book_row, event
from tests.lab import faults
from tests.lab.desk import Desk
from tests.lab.fault_proxy import Forward
from tests.lab.fixtures import Lab
from tests.lab.proxied_socket import Message
from tests.until import until

PAIR = "BTC-USDT"
OKX_BOOK = '{"arg":{"channel":"books","instId":"BTC-USDT"},"action"'


@pytest.fixture(scope="module")
def okx_line() -> Iterator[TwinLine]:
    process = TwinProcess("okx", seed=7)
    yield process.read_line()
    process.stop()


@pytest.fixture(scope="module")
def binance_line() -> Iterator[TwinLine]:
    process = TwinProcess("binance", seed=8)
    yield process.read_line()
    process.stop()


class OldOkx:
    """OKX as it was until June 2026, with checksums: computed here, apart from the connector, over the same messages.

    The recipe is the exchange's own of that time: https://www.okx.com/docs-v5/en/#order-book-trading-market-data.
    """

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
        self.wrong = 0
        """How many of the next messages get a wrong one."""

    def __call__(self, message: Any) -> None:
        for row in message["data"]:
            for side, levels in self.sides.items():
                if message["action"] == "snapshot":
                    levels.clear()
                levels.update((level[0], level[1]) for level in row[side])
                for price in [price for price, size in levels.items() if float(size) == 0]:
                    del levels[price]
            row["checksum"] = self._checksum() + (1 if self.wrong else 0)
            self.wrong = max(0, self.wrong - 1)

    def _checksum(self) -> int:
        import zlib

        bids = sorted(self.sides["bids"].items(), key=lambda level: -float(level[0]))[:25]
        asks = sorted(self.sides["asks"].items(), key=lambda level: float(level[0]))[:25]
        words: list[str] = []
        for place in range(25):
            for side in (bids, asks):
                if place < len(side):
                    words.append(f"{side[place][0]}:{side[place][1]}")
        number = zlib.crc32(":".join(words).encode())
        return number - 2**32 if number >= 2**31 else number


async def with_checksums(desk: Desk) -> tuple[OldOkx, Any]:
    old = OldOkx()
    rule = desk.proxy.on_message(faults.edit(old), containing=OKX_BOOK)
    # A fresh snapshot, from which on the old exchange computes.
    desk.exchange.order_book_tracker.data_source.resync(PAIR)
    book = desk.exchange.order_books[PAIR]
    await until(lambda: book.integrity is Integrity.CHECKSUM, what="a checksum that was compared")
    await desk.live()
    return old, rule


def test_p2_a_wrong_checksum_invalidates_three_in_a_minute_raise_an_alarm(lab: Lab, okx_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        old, _ = await with_checksums(desk)
        feed, checked = desk.exchange.feeds[PAIR], desk.exchange.feeds[PAIR].messages
        await until(lambda: feed.messages > checked + 10, what="ten right checksums")
        assert feed.checksums.wrong == 0 and desk.book() == "live" and book_row(desk)["Proof"] == "checksum"
        states: list[str] = []

        def look(notice: Notice) -> None:
            if notice.text.startswith(f"{PAIR}: checksum ") and "is not the book's" in notice.text:
                states.append(desk.exchange.freshness(PAIR).state)

        desk.workspace.notices.added.connect(look)
        for count in (1, 2, 3):
            await until(lambda: not feed.book.stale, within_s=20, what="a book that joined")
            old.wrong = 1
            await until(lambda count=count: feed.checksums.wrong == count, what="a mismatch")
        assert states == ["resync"] * 3, "invalid at once, each time"
        await until(lambda: any("CHECKSUM-REPEATED" in text for text in desk.banners()), what="the alarm")
        await until(lambda: not feed.book.stale, within_s=20, what="a book that joined")
        await until(lambda: desk.book_words() == "CHECKSUM", what="a book that is still not trusted")
        assert not desk.exchange.ready
        # The clean minute passes.
        feed.checksums._wrong_ns[-1] -= 61_000_000_000
        await until(lambda: desk.book() == "live", what="a live book")
        await until(lambda: not desk.banners(), what="no banner")

    lab(story, okx_line)


def test_p3_checksums_end_sequence_only_one_line_no_resync(lab: Lab, okx_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        feed = desk.exchange.feeds[PAIR]
        desk.window.docks.bring_up("connections")
        # As the exchange is today: the checksum is there and always 0.
        frame = next(f for f in desk.workspace.log.newest_first() if OKX_BOOK.encode() in f.payload)
        assert b'"checksum":0' in frame.payload and book_row(desk)["Proof"] == "sequence only"
        _, rule = await with_checksums(desk)
        await until(lambda: book_row(desk)["Proof"] == "checksum", what="the chip")
        resyncs, lines = feed.resyncs, len(desk.events())
        rule.end()
        await until(lambda: book_row(desk)["Proof"] == "sequence only", what="the chip")
        messages = feed.messages
        await until(lambda: feed.messages > messages + 10, what="more messages")
        told = [text for text in desk.events()[: len(desk.events()) - lines] if "checksum" in text]
        assert told == [f"{PAIR}: the exchange sends no checksums any more; its sequence numbers are checked"]
        assert feed.resyncs == resyncs and desk.book() == "live" and feed.checksums.wrong == 0

    lab(story, okx_line)


def test_p6_a_snapshot_older_than_the_first_change_is_asked_for_again(lab: Lab, binance_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        book, feed = desk.exchange.order_books[PAIR], desk.exchange.feeds[PAIR]
        spoilt = 0

        def old(body: Any) -> None:
            body["lastUpdateId"] -= 1_000_000
            body["bids"] = [["1.00", "1.0"]]

        async def twice_old(request: web.Request, forward: Forward) -> web.StreamResponse:
            nonlocal spoilt
            if "symbol=BTCUSDT" not in request.raw_path:
                return (await forward()).response()
            spoilt += 1
            return await faults.edit_body(old)(request, forward) if spoilt <= 2 else (await forward()).response()

        snapshots = book.snapshots
        desk.proxy.on_request(twice_old, path="/depth")
        desk.proxy.reset()
        states: list[tuple[str, int]] = []
        await until(lambda: book.stale, what="a lost book")

        def begun_anew() -> bool:
            states.append((desk.exchange.freshness(PAIR).state, book.snapshots))
            return spoilt == 3 and not book.stale

        await until(begun_anew, within_s=20, what="two old snapshots and a good one")
        assert ("live", snapshots) not in states, "the half-built book is never shown"
        await until(lambda: event(desk, "is older than the first change"), what="words")
        await desk.live()
        assert "1.00" not in dict(book.bids) and book.snapshots == snapshots + 1 and feed.resyncs >= 2

    lab(story, binance_line)


def test_p16_one_of_many_subscriptions_is_refused_and_only_that_market_says_so(lab: Lab, okx_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        exchange = desk.exchange
        listed = list(exchange.trading_rules)[:19]
        for pair in listed:
            exchange.watch(pair)
        exchange.watch("NOPE-USDT")
        await until(lambda: exchange.feeds["NOPE-USDT"].refused, what="a refusal")
        await until(
            lambda: all(exchange.freshness(pair).state == "live" for pair in listed),
            within_s=20,
            what="all others live",
        )
        assert exchange.freshness("NOPE-USDT").words == "REFUSED"
        assert exchange.order_books["NOPE-USDT"].reason.startswith("subscription refused: ")
        assert not any(feed.refused for pair, feed in exchange.feeds.items() if pair != "NOPE-USDT")
        desk.window.docks.bring_up("connections")
        await until(lambda: "REFUSED" in book_row(desk, "NOPE-USDT").get("State", ""), what="the row")
        assert "subscription refused" in book_row(desk, "NOPE-USDT")["Reason"]
        await until(lambda: book_row(desk, PAIR)["State"].startswith(("< 1", "1 s")), what="a live row")
        exchange.unwatch("NOPE-USDT")

    lab(story, okx_line)


def test_p20_an_ended_login_is_renewed_once_then_told_and_left_alone(lab: Lab, binance_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        stream = desk.exchange.user_stream_tracker
        assert stream is not None and stream.data_source.status is not None
        status = stream.data_source.status
        terminated = '{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1790000000000}}'

        def private() -> Any:
            return next(s for s in reversed(desk.proxy.sockets) if any("signature" in str(m) for m in s.from_desk))

        epoch = status.epoch
        await private().deliver(terminated)
        await until(lambda: status.state is not LinkState.LIVE, within_s=1.0, what="a link that is down")
        # The new login begins at once, so this state is over before it could be seen.
        ended = [event.state for event in status.history if "ended the account's stream" in event.reason]
        assert ended == [LinkState.AUTH]
        await until(lambda: status.epoch == epoch + 1 and desk.exchange.ready, within_s=20, what="one new login")
        assert desk.banners() == []
        logins = len(desk.proxy.handshakes)
        await private().deliver(terminated)
        await until(lambda: any("AUTH-FAILED" in text for text in desk.banners()), what="the alarm")
        assert status.state is LinkState.REFUSED
        desk.window.docks.bring_up("connections")
        await until(lambda: desk.connection("private").get("State") == "REFUSED", what="the row")
        await until(lambda: desk.gate() == "" or "stream is down" in desk.gate(), what="a gate that knows")
        loop_time = desk.proxy.handshakes[-1]
        assert len(desk.proxy.handshakes) == logins, "no loop"
        # The trader asks again: that is an attempt, and it mends it.
        desk.exchange.reconnect(status.name)
        await until(lambda: status.state is LinkState.LIVE, within_s=20, what="a login that holds")
        assert desk.proxy.handshakes[-1] > loop_time
        await until(lambda: not desk.banners(), what="no banner")

    lab(story, binance_line)


def test_p20_a_login_refused_after_it_held_is_tried_once_more(lab: Lab, binance_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        stream = desk.exchange.user_stream_tracker
        assert stream is not None and stream.data_source.status is not None
        status = stream.data_source.status
        kept: list[Message] = []

        def refuse(message: Any) -> Any:
            kept.append(str(message))
            return {
                "id": message["id"],
                "status": 401,
                "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions"},
            }

        rule = desk.proxy.on_message(faults.edit(refuse), containing='"subscriptionId":')
        desk.proxy.reset()
        await until(lambda: any("AUTH-FAILED" in text for text in desk.banners()), within_s=20, what="the alarm")
        assert rule.used == 2, "the login was tried once more, and no more"
        assert any("logging in once more" in text for text in desk.events())
        assert any("Invalid API-key" in text for text in desk.banners())
        rule.end()
        desk.exchange.reconnect(status.name)
        await until(lambda: status.state is LinkState.LIVE, within_s=20, what="a login that holds")

    lab(story, binance_line)
