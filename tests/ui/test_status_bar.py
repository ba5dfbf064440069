"""The status line: every connection by shape and word, load, clock, limits, and what can move money."""

from __future__ import annotations

from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from app.core.clock import NS_PER_S
from app.core.frames import Direction, FrameKind, FrameLog
from app.core.links import LinkState
from app.ui import format as show
from app.ui import theme
from app.ui.status_bar import StatusBar
from tests.ui.fake_desk import FakeDesk


@pytest.fixture
def desk() -> FakeDesk:
    desk = FakeDesk()
    polo = desk.add("poloniex", "Poloniex")
    polo.links[0].round_trip_ms = 24.2
    desk.add("okx", "OKX", paper=False, has_account=False).links[0].round_trip_ms = 31.0
    return desk


@pytest.fixture
def bar(qtbot, desk) -> StatusBar:
    widget = StatusBar(desk, clock=desk.clock)
    qtbot.addWidget(widget)
    widget.resize(1920, 24)
    widget.show()
    return widget


def dots(bar: StatusBar) -> list[str]:
    return [dot.text() for dot in bar.findChildren(QToolButton)]


def test_each_exchange_has_a_dot_a_name_and_its_round_trip(bar):
    assert dots(bar) == ["Poloniex 24 ms", "OKX 31 ms"]


def test_trouble_is_said_in_words_and_colour(desk, bar):
    link = desk.exchanges["okx"].links[0]
    link.note(desk.clock.wall_ns(), LinkState.RECONNECT, "server closed")
    link.attempts, link.next_attempt_ns = 2, desk.clock.mono_ns() + 4 * NS_PER_S
    bar.refresh(now=True)
    assert dots(bar) == ["Poloniex 24 ms", "OKX RECONNECT in 4 s (2)"]
    dot = bar.findChildren(QToolButton)[1]
    assert theme.current().error.name() in dot.styleSheet()
    assert dot.accessibleName() == "OKX: bad. okx/public RECONNECT in 4 s (2)"


def test_a_dot_leads_to_its_connections(qtbot, bar):
    with qtbot.waitSignal(bar.connections_requested) as asked:
        qtbot.mouseClick(bar.findChildren(QToolButton)[1], Qt.MouseButton.LeftButton)
    assert asked.args == ["okx"]


def test_load_and_memory(desk, bar):
    desk.log = FrameLog(desk.clock, max_frames=10_000)
    bar.refresh(now=True)
    for _ in range(20_000):
        desk.log.add("poloniex/public", 1, Direction.IN, FrameKind.WS, b"{}")
    desk.clock.advance(2)
    bar.refresh()
    assert bar.load.text() == "10,000 msg/s in"
    kept, _, size = bar.memory.text().partition(" · ")
    assert kept == f"{len(desk.log):,} kept, {desk.log.dropped} dropped"
    assert size.endswith(" MB") and int(size.removesuffix(" MB").replace(",", "")) > 20
    bar.resize(1366, 24)
    assert bar.load.text() == "10K/s"
    assert bar.memory.text().partition(" · ")[0] == "11.8K kept, 8.19K dropped"


@pytest.mark.parametrize(("offset", "role"), [(12.0, "secondary"), (-640.0, "warning"), (1_200.0, "error")])
def test_the_worst_clock_is_shown_and_coloured(desk, bar, offset, role):
    desk.exchanges["okx"].clock_offset_ms = offset
    bar.refresh(now=True)
    sign = "+" if offset > 0 else "−"
    assert bar.skew.text() == f"clock {sign}{abs(offset):,.0f} ± 20 ms"
    assert bar.skew.property("role") == role


def test_the_limit_most_in_use_is_shown(desk, bar):
    desk.exchanges["okx"].rates = {"orders": 0.93, "public": 0.1}
    bar.refresh(now=True)
    assert bar.limits.text() == "limit 93%"
    assert bar.limits.property("role") == "error"
    assert bar.limits.toolTip() == "Request budget most in use: okx, orders"


def test_time_runs_in_utc(desk, bar):
    assert bar.time.text() == "08:53:20 UTC"
    desk.clock.advance(62)
    bar.refresh()
    assert bar.time.text() == "08:54:22 UTC"


def test_paper_and_live_are_never_confused(desk, bar):
    assert bar.mode.text() == "PAPER"
    assert theme.current().paper.name() in bar.mode.styleSheet()
    desk.add("binance", "Binance", paper=False)
    bar.refresh(now=True)
    assert bar.mode.text() == "LIVE + PAPER"
    assert theme.current().warning.name() in bar.mode.styleSheet()


def test_what_others_tell(bar):
    assert not bar.recording.isVisible()
    bar.set_frame_stats("3.9 ms 30 Hz")
    bar.set_recording("12:03 · 84 MB")
    bar.set_armed("ARMED 4:12", True)
    assert bar.frames.text() == "3.9 ms 30 Hz"
    assert bar.recording.text() == "● REC 12:03 · 84 MB"
    assert bar.armed.text() == "ARMED 4:12"
    assert theme.current().error.name() in bar.armed.styleSheet()
    bar.set_recording("")
    bar.set_armed("SAFE")
    bar.set_frame_stats("9.1 ms 20 Hz (slowed from 30 Hz: frames are heavy)")
    assert not bar.recording.isVisible()
    assert theme.current().error.name() not in bar.armed.styleSheet()
    assert bar.frames.property("role") == "warning"


def test_it_fits_1366_pixels_with_five_exchanges(desk, bar):
    for key, title in (("binance", "Binance"), ("coinbase", "Coinbase"), ("crypto_com", "Crypto.com")):
        desk.add(key, title, paper=False).links[0].round_trip_ms = 100.0
    bar.set_frame_stats("3.9 ms 30 Hz")
    bar.set_recording("12:03")
    bar.set_armed("SAFE")
    bar.resize(1366, 24)
    bar.refresh(now=True)
    assert bar.sizeHint().width() <= 1366
    assert dots(bar)[0] == "Pol 24 ms"


def test_without_exchanges_it_says_so(qtbot):
    widget = StatusBar(FakeDesk())
    qtbot.addWidget(widget)
    widget.show()
    assert widget.nothing.isVisible()
    assert widget.nothing.text() == "No exchange open"
    assert widget.limits.text() == ""


def test_closing_an_exchange_takes_its_dot_away(qtbot, desk, bar):
    del desk.exchanges["okx"]
    bar.refresh(now=True)
    qtbot.waitUntil(lambda: dots(bar) == ["Poloniex 24 ms"], timeout=1_000)
    assert Decimal(bar.limits.text().removeprefix("limit ").rstrip("%")) == 10


def test_a_ban_is_told_with_its_end_whatever_the_links_do(desk, bar):
    exchange = desk.exchanges["poloniex"]
    exchange.banned_until_ns = desk.clock.wall_ns() + 179 * NS_PER_S
    bar.refresh(now=True)
    until = show.time(exchange.banned_until_ns // 1_000_000, milliseconds=False)
    assert bar._dots["poloniex"].text() == f"Poloniex BANNED until {until} (2:59)"
    exchange.banned_until_ns = 0
    bar.refresh(now=True)
    assert "BANNED" not in bar._dots["poloniex"].text()


def test_the_tooltip_names_the_certificates_issuer_and_the_proxy(desk, bar):
    exchange = desk.exchanges["poloniex"]
    exchange.links[0].issuer = "Example Trust, CA 1"
    exchange.via = "via proxy proxy.corp:8080"
    bar.refresh(now=True)
    tip = bar._dots["poloniex"].toolTip()
    assert "certificate by Example Trust, CA 1" in tip and "requests and streams via proxy proxy.corp:8080" in tip


def test_when_all_exchanges_agree_the_computers_clock_is_wrong(desk, bar):
    for exchange in desk.exchanges.values():
        exchange.clock_offset_ms = 90_000.0
    bar.refresh(now=True)
    assert bar.skew.text() == "PC clock is 90.0 s behind" and bar.skew.property("role") == "error"
