"""Faults of one book's messages, and what the window then shows: never a wrong book as a live one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.core.types import Side
from tests.lab import faults
from tests.lab.desk import PAIR, Desk, rows
from tests.lab.fixtures import Lab
from tests.lab.proxied_socket import Message
from tests.until import until

BOOK = '"book_lv2"'
OURS = '"symbol":"BTC_USDT"'
UPDATE, SNAPSHOT = ('"action":"update"', BOOK, OURS), ('"action":"snapshot"', BOOK, OURS)


def book_row(desk: Desk, pair: str = PAIR) -> dict[str, str]:
    """The connections panel's row of this book."""
    return next((row for row in rows(desk.window.connections.book_table) if pair in row["Book"]), {})


def event(desk: Desk, part: str) -> bool:
    return any(part in text for text in desk.events())


async def ask_for_a_gate(desk: Desk) -> None:
    await desk.click_price(Side.BUY, 6)
    await until(lambda: desk.gate() == "", what="an open gate")


def test_p1_a_gap_makes_the_book_invalid_at_once_and_it_is_live_again_within_three_seconds(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        await ask_for_a_gate(desk)
        held: list[Message] = []
        snapshots = desk.proxy.on_message(faults.stash(held), containing=SNAPSHOT)
        desk.proxy.on_message(faults.drop, containing=UPDATE, times=1)
        book = desk.exchange.order_books[PAIR]
        await until(lambda: book.stale, what="a stale book")
        assert desk.exchange.freshness(PAIR).state == "resync", "the first reading after the gap already says so"
        await until(lambda: desk.book() == "resync" and desk.book_words() == "RESYNC", what="the badge")
        await until(lambda: desk.gate().startswith("Will ask"), what="a gate that asks")
        assert event(desk, f"{PAIR}: lost book changes (at ")
        snapshots.end()
        desk.exchange.feeds[PAIR].asked_ns -= 10_000_000_000
        await until(lambda: desk.book() == "live", within_s=3.0, what="a live book")
        await until(lambda: desk.gate() == "", what="an open gate")
        assert desk.exchange.feeds[PAIR].gaps >= 1 and book_row(desk)["Resyncs"] != "0"

    lab(story)


def test_p4_a_lasting_cross_is_invalid_a_momentary_one_is_never_noticed(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        feed = desk.exchange.feeds[PAIR]

        def cross(message: Any) -> None:
            best_ask = feed.book.best_ask
            assert best_ask is not None
            message["data"][0]["bids"] = [[str(Decimal(best_ask) * 2), "1"]]

        def cross_and_back(message: Any) -> list[Any] | None:
            cross(message)
            price = message["data"][0]["bids"][0][0]
            message["data"][0]["bids"].append([price, "0"])
            return None

        desk.proxy.on_message(faults.edit(cross_and_back), containing=UPDATE, times=1)
        before = feed.messages
        await until(lambda: feed.messages > before + 3, what="more messages")
        assert feed.crossed == 0 and desk.book() == "live"

        snapshots = desk.proxy.on_message(faults.drop, containing=SNAPSHOT)
        desk.proxy.on_message(faults.edit(cross), containing=UPDATE, times=1)
        await until(lambda: feed.crossed == 1, within_s=3.0, what="a crossed book noticed")
        await until(lambda: desk.book() == "resync", what="the badge")
        assert "crossed" in feed.book.reason and event(desk, "crossed: bid")
        snapshots.end()
        feed.asked_ns -= 10_000_000_000
        await desk.live()
        assert not feed.book.crossed

    lab(story)


def test_p5_a_snapshot_on_the_stream_replaces_the_book_and_leaves_no_ghosts(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        book = desk.exchange.order_books[PAIR]
        ghost = book.bids[5][0]

        def thinned(message: Any) -> None:
            row = message["data"][0]
            message["action"] = "snapshot"
            row["bids"] = [list(level) for level in book.bids if level[0] != ghost]
            row["asks"] = [list(level) for level in book.asks]

        snapshots = book.snapshots
        # No change may come after it, so that what is on screen is the snapshot itself.
        desk.proxy.on_message(faults.drop, containing=UPDATE)
        desk.proxy.on_message(faults.edit(thinned), containing=UPDATE, times=1)
        await until(lambda: book.snapshots > snapshots, what="the snapshot")
        assert ghost not in dict(book.bids) and desk.book() == "live"
        ladder = desk.window.ladder.body

        def shown() -> set[str]:
            return {line.price for y in range(0, ladder.height(), 3) if (line := ladder.line_at(y)[1]).bid}

        await until(lambda: shown() and ghost not in shown(), what="a ladder without the ghost")
        assert shown() <= set(dict(book.bids)), "the ladder shows bids that the snapshot does not hold"
        assert {price for price, _ in desk.exchange.order_books[PAIR].bids} == set(dict(book.bids))

    lab(story)


def test_p10_bad_numbers_are_dropped_counted_and_never_drawn(lab: Lab) -> None:
    """Other spellings are in `tests/core/test_level_check.py`."""

    async def story(desk: Desk) -> None:
        feed, status = desk.exchange.feeds[PAIR], desk.exchange.links[0]

        def deep(message: Any) -> None:
            message["data"][0]["bids"] = [["0.00000012", "NaN"], ["1e-7", "5"]]

        unknown, before = status.unknown, feed.book.snapshots
        snapshots = desk.proxy.on_message(faults.drop, containing=SNAPSHOT)
        desk.proxy.on_message(faults.edit(deep), containing=UPDATE, times=1)
        await until(lambda: feed.book.bad_levels == 1, what="a dropped level")
        await until(lambda: status.unknown == unknown + 1, what="a count")
        assert feed.book.state == "live" and ("1e-7", "5") in feed.book.bids
        assert event(desk, "1 unreadable levels behind the best ones dropped")
        # What was left out is asked for anew, without a word on screen.
        await until(lambda: snapshots.used, what="a snapshot asked for, and lost")
        snapshots.end()
        feed.asked_ns = 0
        desk.exchange.order_book_tracker._resync(feed)
        await until(lambda: feed.book.snapshots > before, what="a whole book")
        assert desk.book() == "live"

        snapshots = desk.proxy.on_message(faults.drop, containing=SNAPSHOT)
        for number, bad in enumerate(["NaN", "-1", "9" * 400], start=2):

            def near(message: Any, bad: str = bad) -> None:
                message["data"][0]["bids"] = [[feed.book.bids[0][0], bad]]

            # Else a book is asked for later each time, and six times a minute at most.
            feed.attempts, feed.resynced_ns = 0, []
            desk.proxy.on_message(faults.edit(near), containing=UPDATE, times=1)
            await until(lambda number=number: feed.book.bad_levels == number, what=f"{bad[:9]!r} dropped")
            await until(lambda: desk.book() == "resync", what="the badge")
            assert "unreadable level" in feed.book.reason
            for chart in (desk.window.depth, desk.window.ladder, desk.window.candles):
                chart.grab()
            await until(lambda: snapshots.used, what="a snapshot asked for, and lost")  # noqa: B023
            snapshots.end()
            feed.asked_ns -= 10_000_000_000
            await until(lambda: desk.book() == "live", what="a live book")
            snapshots = desk.proxy.on_message(faults.drop, containing=SNAPSHOT)
        assert all(Decimal(price).is_finite() and Decimal(size) > 0 for price, size in feed.book.bids)

    lab(story)


def test_p12_a_doubled_subscription_doubles_no_trade_and_is_told_once(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        tape = desk.exchange.tape(PAIR)
        desk.proxy.on_message(faults.twice, containing='"trades"')
        desk.proxy.on_message(faults.twice, containing=BOOK)
        await until(lambda: tape.repeated >= 6, within_s=30, what="repeated trades")
        ids = [trade.trade_id for trade in tape]
        assert len(ids) == len(set(ids))
        shown = [trade.trade_id for trade in desk.window.tape.view.tape.newest(50)] if desk.window.tape.view else []
        assert len(shown) == len(set(shown)) and desk.book() == "live"
        await until(lambda: event(desk, f"{PAIR}: the same trades come twice"), what="a line")
        assert sum(f"{PAIR}: the same trades come twice" in text for text in desk.events()) == 1

    lab(story)


def test_p13_messages_of_an_old_connection_change_nothing(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        book, status = desk.exchange.order_books[PAIR], desk.exchange.links[0]
        old: list[Message] = []
        copying = desk.proxy.on_message(faults.replay(old), containing=UPDATE)
        await until(lambda: len(old) >= 10, within_s=30, what="ten messages")
        copying.end()
        # Three hundred of the old connection's messages wait unread when it breaks.
        socket = desk.proxy.socket("public")
        for _ in range(300 // len(old)):
            for message in old:
                await socket.deliver(message)
        epoch = status.epoch
        socket.reset()
        await until(lambda: status.epoch > epoch, what="a new connection")
        await desk.live()
        ids = [book.last_id or 0]
        # And even when they come on the new one, the book never goes back.
        for message in old:
            await desk.proxy.socket("public").deliver(message)
        before = desk.exchange.feeds[PAIR].messages
        while desk.exchange.feeds[PAIR].messages < before + 5:
            await until(lambda: book.last_id != ids[-1], what="the next change")
            ids.append(book.last_id or 0)
        assert ids == sorted(ids) and desk.book() == "live"

    lab(story)


def test_p18_a_message_for_another_market_is_dropped_and_counted(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        book, status = desk.exchange.order_books[PAIR], desk.exchange.links[0]
        others = set(desk.exchange.order_books)

        def astray(message: Any) -> None:
            message["data"][0]["symbol"] = "DOGE_TRX"
            message["data"][0]["bids"] = [["123456789", "1"]]

        unknown = status.unknown
        template: list[Message] = []
        desk.proxy.on_message(faults.replay(template), containing=UPDATE, times=1)
        await until(lambda: template, what="a message")
        (stranger,) = faults.edit(astray)(template[0])
        await desk.proxy.socket("public").deliver(stranger)
        await until(lambda: status.unknown == unknown + 1, what="a count")
        assert event(desk, "message for DOGE-TRX, which is not watched here: dropped")
        assert set(desk.exchange.order_books) == others and "123456789" not in dict(book.bids)
        assert desk.book() == "live"

        # One whose number belongs to another market breaks the chain and is never applied.
        def wrong_market(message: Any) -> None:
            message["data"][0] |= {"symbol": "BTC_USDT", "id": 999_999_999_999, "lastId": 999_999_999_998}
            message["data"][0]["bids"] = [["123456789", "1"]]

        (foreign,) = faults.edit(wrong_market)(template[0])
        gaps = desk.exchange.feeds[PAIR].gaps
        await desk.proxy.socket("public").deliver(foreign)
        await until(lambda: desk.exchange.feeds[PAIR].gaps == gaps + 1, what="a gap")
        assert "123456789" not in dict(book.bids)
        await desk.live()

    lab(story)
