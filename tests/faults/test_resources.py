"""Little memory, time, disk or file descriptors, and a connector that fails; what the window then shows."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from app.config import CaptureConfig, Config
from app.core.frames import Direction, FrameKind
from app.core.links import LinkState
from app.net.recorder import SessionRecorder
from app.process_memory import resident_bytes
from app.workspace import LEAST_FREE_BYTES
from tests.faults.test_books import event
from tests.lab.desk import PAIR, Desk
from tests.lab.fixtures import Lab
from tests.until import until


def test_l1_memory_stays_within_its_bounds_and_is_told(lab: Lab) -> None:
    """Fifty markets for a day cannot be lived here: every store that messages reach is driven past its bound instead.

    `tests.lab.flood` measures what that comes to in MB.
    """

    async def story(desk: Desk) -> None:
        log, tape = desk.workspace.log, desk.exchange.tape(PAIR)
        desk.proxy.sockets[0].from_desk.clear()
        await until(lambda: desk.window.status.memory.text().endswith(" MB"), what="the figure")
        shown = int(desk.window.status.memory.text().rpartition("· ")[2].removesuffix(" MB").replace(",", ""))
        assert abs(shown - resident_bytes() / 1e6) < 60
        for _ in range(12_000):
            log.add("poloniex/rest", 1, Direction.IN, FrameKind.CONTROL, b"x" * 300)
        assert len(log) <= 1_000 + 4_096 and log.bytes <= 8 << 20 and log.dropped > 6_000
        assert desk.workspace.notices.items.maxlen == 5_000
        assert tape._trades.maxlen == 10_000 and desk.exchange.feeds[PAIR].sync.MAX_BUFFERED == 10_000
        await until(lambda: "dropped" in desk.window.status.memory.text(), what="what was dropped")

    lab(story, config=Config(capture=CaptureConfig(max_frames=1_000, max_megabytes=8)))


def test_l2_a_busy_computer_is_told_and_a_stall_is_written_down_without_values(lab: Lab, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        secret_local = "s3cret-value-in-a-local"
        time.sleep(0.5)
        await until(lambda: "lag 0." in desk.pill() and "lag 0." in desk.book_words(), within_s=2.0, what="the lag")
        assert desk.book() == "live"
        await until(lambda: "lag" not in desk.pill(), within_s=4.0, what="an end of the lag")
        time.sleep(2.6)
        await until(
            lambda: desk.book() == "aging" and "AGING lag 2." in desk.book_words(), within_s=1.5, what="an aging book"
        )
        await until(lambda: event(desk, "the program stood still for 2."), what="a line")
        (file,) = (tmp_path / "stalls").glob("stall-*.txt")
        dump = file.read_text()
        assert "test_resources.py" in dump and secret_local not in dump
        assert file.name in "".join(desk.events()) and oct(file.parent.stat().st_mode)[-3:] == "700"
        await until(lambda: desk.book() == "live", within_s=5.0, what="a live book")

    lab(story)


def test_l3_the_limit_of_open_files_is_named_and_open_connections_live_on(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        stream = desk.exchange.user_stream_tracker
        assert stream is not None and stream.data_source.status is not None
        private = stream.data_source.status
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        epoch, messages = desk.exchange.links[0].epoch, desk.exchange.feeds[PAIR].messages
        # The lowest free descriptor is the limit from now on.
        probe = os.dup(0)
        os.close(probe)
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
        try:
            # Its own descriptor is free again once it is closed: taken here, as another program part would.
            taken: list[int] = []

            def take() -> bool:
                if private.state is LinkState.LIVE:
                    # Still open, or it was the quicker one.
                    desk.exchange.reconnect(private.name)
                try:
                    taken.append(os.dup(0))
                except OSError:
                    pass
                return any(f"{probe:,} (ulimit -n)" in step.reason for step in private.history)

            await until(take, within_s=20, what="the limit's name")
            assert desk.exchange.links[0].epoch == epoch, "the open connection lives on"
            await until(lambda: desk.exchange.feeds[PAIR].messages > messages + 3, what="its messages")
            assert desk.book() == "live" and event(desk, "too many open connections or files")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in taken:
                os.close(descriptor)
        await until(lambda: desk.exchange.ready, within_s=30, what="everything again")

    lab(story)


def test_l4_what_is_captured_is_bounded_and_what_is_dropped_is_shown(lab: Lab, tmp_path: Path) -> None:
    """The program writes no log files; the only others are stall reports (ten at most) and recordings."""

    async def story(desk: Desk) -> None:
        log = desk.workspace.log
        await until(lambda: log.dropped > 0, within_s=30, what="a full ring")
        assert log.bytes <= 8 << 20 and len(log) <= 1_000 + 4_096
        desk.window.docks.bring_up("inspector")
        dropped = desk.window.inspector.header.dropped
        await until(lambda: "dropped" in dropped.text(), what="how many were dropped")

        desk.workspace.log.recorder = SessionRecorder(
            tmp_path / "small.jsonl.zst",
            desk.workspace.clock,
            app="test",
            exchanges={},
            redactor=desk.workspace._redactor,
            max_file_bytes=2_000,
        )
        await until(lambda: "small.jsonl.zst" in desk.window.status.recording.text(), what="REC")
        await until(lambda: any("CAPTURE-STOPPED" in text for text in desk.banners()), within_s=20, what="the alarm")
        assert any("the file has reached" in text for text in desk.banners())
        await until(lambda: desk.window.status.recording.text() == "", what="no REC")
        assert desk.workspace.recorder is None and (tmp_path / "small.jsonl.zst").stat().st_size < 1 << 20
        assert not list(tmp_path.rglob("*.log"))
        assert SessionRecorder.__init__.__kwdefaults__["max_file_bytes"] == 1 << 30  # type: ignore[index]

    async def filled(desk: Desk) -> None:
        for number in range(6_000):
            desk.workspace.log.add("desk/note", 1, Direction.IN, FrameKind.CONTROL, b"filler %d" % number)
        await story(desk)

    lab(filled, config=Config(capture=CaptureConfig(max_frames=1_000, max_megabytes=8)))


def test_l5_little_disk_stops_the_recording_first_and_orders_are_still_written(lab: Lab, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        desk.workspace.start_recording(tmp_path / "session.jsonl.zst")
        await until(lambda: "session" in desk.window.status.recording.text(), what="REC")
        free = LEAST_FREE_BYTES - 1
        desk.workspace.free_bytes = lambda folder: free
        await until(lambda: any("DISK-LOW" in text for text in desk.banners()), what="the alarm")
        assert any("199 MiB free" in text and "orders are still written down" in text for text in desk.banners())
        await until(lambda: desk.workspace.recorder is None, what="no recording")
        assert any("CAPTURE-STOPPED" in text for text in desk.banners())
        await until(lambda: desk.window.status.recording.text() == "", what="no REC")
        with pytest.raises(OSError, match="MiB free"):
            desk.workspace.start_recording(tmp_path / "another.jsonl.zst")
        order = await desk.place()
        await until(lambda: order.state == "OPEN", what="an order that was written down and sent")
        assert desk.workspace.store is not None and not desk.workspace.store.failure
        desk.workspace.free_bytes = lambda folder: 10 * LEAST_FREE_BYTES
        await until(lambda: not any("DISK-LOW" in text for text in desk.banners()), what="the alarm's end")
        await desk.exchange.cancel_all()

    lab(story)


class Broken(Exception):
    """What nobody foresaw. It holds a secret, which must show nowhere."""


@pytest.mark.parametrize("where", ["reader", "task"])
def test_l6_a_connector_that_fails_is_off_alone_and_can_be_restarted(
    lab: Lab, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(desk: Desk) -> None:
        other = await desk.workspace.open_paper("poloniex")
        await until(lambda: other.ready, within_s=20, what="a second exchange")
        reports: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))
        tracker, status = desk.exchange.order_book_tracker, desk.exchange.links[0]

        def fail(*_: object) -> None:
            raise Broken("api_secret=hunter2-hunter2")

        if where == "reader":
            sinks = tracker.data_source.sinks
            kind, true = next((kind, sink) for kind, sink in sinks.items() if kind.__name__ == "Trade")
            sinks[kind] = fail
        else:
            tracker.check_books = fail  # type: ignore[method-assign]
        await until(lambda: status.state is LinkState.FAILED, within_s=20, what="a link that is off")
        await until(lambda: desk.connection("poloniex/public").get("State") == "OFF", what="OFF on screen")
        await until(lambda: desk.book() in ("stale", "resync"), what="a book that is not live")
        assert any("INTERNAL-ERROR" in text and "restart connector" in text for text in desk.banners())
        assert all("hunter2" not in text for text in [*desk.events(), *desk.banners()])
        assert reports and all("hunter2" not in str(context.get("message")) for context in reports)
        assert other.ready and other.links[0].state is LinkState.LIVE
        if where == "reader":
            sinks[kind] = true
        else:
            del tracker.check_books  # type: ignore[method-assign]
        desk.exchange.reconnect(status.name)
        await desk.live()
        await until(lambda: not any("INTERNAL-ERROR" in text for text in desk.banners()), what="no alarm")
        await desk.workspace.close_exchange(other.key)

    lab(story)
    assert "hunter2" not in capsys.readouterr().err
