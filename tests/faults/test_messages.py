"""Messages that cannot be read, are too big, or hold foreign text; and what the window then shows."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import msgspec
import pytest

from app.connectors import new_fields
from app.core.frames import FrameKind
from app.twin_process import TwinLine, TwinProcess
from app.ui.models.frames_filter import unknown_reasons
from tests.faults.test_books import UPDATE, event
from tests.lab import faults
from tests.lab.desk import PAIR, Desk
from tests.lab.fixtures import Lab
from tests.lab.proxied_socket import Message
from tests.until import until

BROKEN = [
    b'{"channel":"book_lv2","data":[{"sym',
    b"",
    b"\xff\xfe\x00{",
    b"[" * 5000,
    b'{"data":',
    b"nonsense",
    b"\x00" * 60,
]
HOSTILE = (
    '<b>Update now</b> at <a href="https://evil.example/x">https://evil.example</a>\u202egnp.exe\u200b\x07\r\n'
    + "x" * 10_000
)


@pytest.fixture(scope="module")
def htx_line() -> Iterator[TwinLine]:
    process = TwinProcess("htx", seed=6)
    yield process.read_line()
    process.stop()


def last_unreadable(desk: Desk) -> str:
    """What the inspector says of the newest message that could not be read."""
    inspector = desk.window.inspector
    for frame in desk.workspace.log.newest_first():
        if frame.kind is FrameKind.WS and (reasons := unknown_reasons(frame, desk.workspace.exchanges)):
            inspector.show_frame(frame.seq)
            return reasons[0]
    return ""


def test_p7_unreadable_messages_cost_only_themselves_and_ten_in_a_row_the_connection(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        status, feed = desk.exchange.links[0], desk.exchange.feeds[PAIR]
        socket = desk.proxy.socket("public")
        unknown, epoch = status.unknown, status.epoch
        for payload in BROKEN:
            await socket.deliver(payload)
        await until(lambda: status.unknown == unknown + len(BROKEN), what="seven counted")
        messages = feed.messages
        await until(lambda: feed.messages > messages + 3, what="the feed goes on")
        assert status.epoch == epoch and desk.book() == "live"
        assert event(desk, f"unreadable message ({len(BROKEN[0])} bytes)")
        assert last_unreadable(desk).startswith("unreadable:")
        desk.window.docks.bring_up("inspector")
        await until(lambda: desk.window.inspector.filters.unknown.text() == f"Unknown {status.unknown:,}")
        for _ in range(10):
            await socket.deliver(b"{broken")
        await until(lambda: status.epoch > epoch, what="a new connection")
        assert any("10 unreadable messages in 10 s" in step.reason for step in status.history)
        await desk.live()

    lab(story)


def test_p8_a_new_field_is_named_once_in_the_inspector_and_changes_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_fields, "LEARN_S", 1.0)

    async def story(desk: Desk) -> None:
        messages = desk.exchange.feeds[PAIR].messages
        await until(lambda: desk.exchange.feeds[PAIR].messages > messages + 10, what="what is usual, learned")
        desk.window.docks.bring_up("inspector")
        header = desk.window.inspector.header
        assert header.new_field.isHidden() and not desk.exchange.new_fields

        def grown(message: dict[str, list[dict[str, object]]]) -> None:
            message["data"][0]["makerRebateTier"] = 3

        desk.proxy.on_message(faults.edit(grown), containing=UPDATE)
        await until(lambda: "makerRebateTier" in desk.exchange.new_fields, what="the new field")
        await until(lambda: header.new_field.isVisible(), what="the badge")
        assert header.new_field.text() == "new field makerRebateTier"
        told = [text for text in desk.events() if "makerRebateTier" in text]
        await until(lambda: desk.exchange.feeds[PAIR].messages > messages + 30, within_s=20, what="more of them")
        assert told == [text for text in desk.events() if "makerRebateTier" in text] and len(told) == 1
        assert desk.book() == "live" and desk.banners() == []

    lab(story)


@pytest.mark.parametrize("compressed", [False, True])
def test_p11_a_message_too_big_ends_the_connection_with_1009_and_an_alarm(lab: Lab, compressed: bool) -> None:
    """How little memory it costs is measured by `tests.lab.flood`, where the sender is another process."""

    async def story(desk: Desk) -> None:
        status, socket = desk.exchange.links[0], desk.proxy.socket("public")
        epoch = status.epoch
        bomb = " " * (60 << 20)
        # The proxy speaks compressed when asked to, as an exchange that offers it would.
        await socket._client.send_str(bomb, compress=15 if compressed else None)
        await until(lambda: status.epoch > epoch, within_s=20, what="a new connection")
        assert any("message too big" in step.reason for step in status.history)
        assert any("MESSAGE-TOO-BIG" in text and "4,194,304" in text for text in desk.banners())
        assert any(
            b"closed 1009" in f.payload or b"message too big" in f.payload for f in desk.workspace.log.newest_first()
        )
        await desk.live()

    lab(story)


def test_p17_hostile_words_are_plain_short_and_said_to_be_the_exchanges(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        refusal = {"event": "error", "message": HOSTILE}
        await desk.proxy.socket("public").deliver(msgspec.json.encode(refusal).decode())
        await until(lambda: event(desk, "Exchange says:"), what="the refusal")
        desk.proxy.on_request(
            faults.answer(
                400, msgspec.json.encode({"code": 21721, "message": HOSTILE}), {"Content-Type": "application/json"}
            ),
            method="POST",
            path="/orders",
        )
        order = await desk.place()
        await until(lambda: order.state == "REJECTED", what="a refusal")
        desk.window.docks.bring_up("events")
        table = desk.window.events.table
        model = table.model()

        def shown() -> list[str]:
            return [
                str(model.index(row, c).data()) for row in range(model.rowCount()) for c in range(model.columnCount())
            ]

        await until(lambda: sum("Exchange says:" in text for text in shown()) >= 2, what="both lines on screen")
        for text in [text for text in shown() if "evil" in text] + [desk.window.toasts.accessibleName()]:
            assert len(text) <= 260
            assert not any(bad in text for bad in "\u202e\u200b\x07\r\n")
        from PySide6.QtCore import Qt
        from PySide6.QtWidgets import QLabel

        for label in desk.window.findChildren(QLabel):
            if "evil" in label.text():
                assert label.textFormat() is Qt.TextFormat.PlainText, label.accessibleName()
                assert not label.openExternalLinks()

    lab(story)


def test_p19_a_bad_compressed_block_costs_only_itself_and_pings_are_answered(lab: Lab, htx_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        feed = desk.exchange.feeds[desk.window.market[1]]  # type: ignore[index]
        links = {link.name.rpartition("/")[2]: link for link in desk.exchange.links}
        socket = next(socket for socket in desk.proxy.sockets if "feed" in socket.path)
        status = links["feed"]
        unknown, epoch = status.unknown, status.epoch
        good = gzip.compress(b'{"ping":123456789}')
        bad: list[Message] = [
            good[:12],
            b"\x1f\x8b" + b"\x00" * 40,
            good + b"trailing",
            gzip.compress(b" " * (60 << 20)),
        ]
        for block in bad:
            await socket.deliver(block)
        await until(lambda: status.unknown == unknown + len(bad), what="four counted")
        await socket.deliver(good)

        def answered() -> bool:
            return any("123456789" in str(message) and "pong" in str(message) for message in socket.from_desk)

        await until(answered, what="a pong")
        messages = feed.messages
        await until(lambda: feed.messages > messages + 3, what="the feed goes on")
        assert status.epoch == epoch and desk.book() == "live" and event(desk, "unreadable message")

    lab(story, htx_line)
