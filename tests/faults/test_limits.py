"""Outages, bans and limits: what is not asked any more, and how the window says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.requests import NotSent
from app.core.types import Side
from app.twin_process import TwinLine
from tests.lab.clock import ShiftedClock
from tests.lab.desk import PAIR, Desk, Play, texts, through
from tests.lab.fault_proxy import FaultProxy
from tests.lab.faults import answer
from tests.lab.fixtures import Lab
from tests.until import until


def test_t6_an_outage_counts_down_and_leaves_other_exchanges_alone(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        window, proxy = desk.window, desk.proxy
        spec = desk.exchange.venue.spec
        other = await desk.workspace.open_exchange(spec, twin_line.domain(), twin_line.credentials(), "other", [PAIR])
        await until(lambda: other.ready, 20, "the exchange that stays")
        seen: set[str] = set()
        before = other.feeds[PAIR].messages
        await proxy.go_away()

        def counts_down() -> bool:
            seen.add(other.freshness(PAIR).state)
            state = desk.connection("poloniex/public").get("State", "")
            return state.startswith("RECONNECT in") and "(" in state

        await until(counts_down, 30, "a countdown with the number of attempts")
        await until(lambda: "RECONNECT in" in desk.pill(), 30, "the countdown in the status bar")
        row = next(i for i, (_, link) in enumerate(window.connections._links) if link.name == "poloniex/public")
        window.docks.bring_up("connections")
        window.connections.link_table.selectRow(row)
        button = window.connections.reconnect
        await until(lambda: button.isEnabled(), what="the button")
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert not button.isEnabled() and button.text().startswith("Reconnect again in")
        await proxy.come_back()
        await desk.live(31)
        assert seen == {"live"} and other.feeds[PAIR].messages > before
        assert "poloniex/public" in desk.connection("poloniex/public")["Connection"]

    lab(story)


def test_t7_a_ban_stops_everything_until_it_is_over_even_over_a_restart(
    play: Play, twin_line: TwinLine, tmp_path: Path
) -> None:
    async def story() -> None:
        proxy = FaultProxy(twin_line.rest)
        await proxy.start()
        first = Desk(tmp_path, proxy, clock=ShiftedClock())
        await first.open(twin_line)
        await first.click_price(Side.BUY, 6)
        await until(lambda: first.gate() == "", what="an open gate")
        ban = proxy.on_request(answer(418, headers={"Retry-After": "180"}), times=1)
        await until(lambda: ban.used, what="the ban")
        await _shows_the_ban(first)
        assert first.book() == "live", "what still flows is still shown"
        await _asks_nothing(first, proxy)
        proxy.reset()
        await until(lambda: "BANNED until" in first.connection("public").get("State", ""), what="no reconnecting")
        await first.close(cancel=False)

        asked, dialled = len(proxy.requests), len(proxy.handshakes)
        clock = ShiftedClock()
        second = Desk(tmp_path, proxy, clock=clock)
        await second.open(twin_line, ready=False)
        try:
            await until(lambda: "BANNED until" in second.pill(), what="the ban after a restart")
            await until(lambda: any("IP banned by exchange" in words for words in second.banners()), what="the banner")
            await asyncio.sleep(1)
            assert (len(proxy.requests), len(proxy.handshakes)) == (asked, dialled)
            clock.sleep(181)
            await second.live()
            await until(lambda: "BANNED" not in second.pill() and not second.banners(), what="no trace of it")
        finally:
            await second.close(cancel=False)
            await proxy.stop()

    play(story())


async def _shows_the_ban(desk: Desk) -> None:
    await until(lambda: "BANNED until" in desk.pill() and desk.pill().endswith(("(2:59)", "(2:58)")), what="the pill")
    await until(lambda: desk.gate().startswith("Blocked: IP banned by exchange until"), what="the gate")
    assert "to cancel in an emergency use poloniex.com" in desk.gate()
    assert not desk.window.entry.submit.isEnabled()
    banner = next(words for words in desk.banners() if "IP banned by exchange" in words)
    assert "poloniex.com" in banner and "<a" not in texts(desk.window.banner)


async def _asks_nothing(desk: Desk, proxy: FaultProxy) -> None:
    """Polls would have come within three seconds, and a cancel is refused here."""
    asked = len(proxy.requests)
    await until(lambda: desk.pill().endswith("(2:55)"), what="the countdown")
    try:
        await desk.exchange.venue.perform(desk.exchange._public.get_tickers())
        raise AssertionError("a request left during the ban")
    except NotSent as refusal:
        assert str(refusal).startswith("banned by the exchange; 17")
    assert len(proxy.requests) == asked


def test_t8_too_many_requests_pause_for_as_long_as_told(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        proxy = desk.proxy
        line = through(proxy, twin_line)
        spec = desk.exchange.venue.spec
        second = await desk.workspace.open_exchange(spec, line.domain(), line.credentials(), "second", [PAIR])
        await until(lambda: second.ready, 20, "a second account at the same host")
        limit = proxy.on_request(answer(429, headers={"Retry-After": "7"}), path="/markets", times=1)
        await until(lambda: limit.used, what="the refusal")
        told = next(one.at_s for one in reversed(proxy.requests) if one.status == 429)
        await until(lambda: any("no requests for 7 s" in text for text in desk.events()), what="the line")
        assert "as of" in desk.window.balances.footer.text(), "what is not asked shows its age"
        await until(lambda: proxy.requests[-1].at_s > told + 6, 12, "the next request")
        later = [one.at_s - told for one in proxy.requests if one.at_s > told + 0.2]
        assert min(later) >= 6.9, "nothing was asked by either account while the exchange wanted silence"
        assert [one.status for one in proxy.requests].count(429) == 1
        assert sum("no requests for" in text for text in desk.events()) == 1

    lab(story)
