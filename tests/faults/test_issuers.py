"""Another issuer of the exchange's certificate than yesterday: told, and nothing signed leaves before a word for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QToolButton

from app.twin_process import TwinLine
from tests.lab.desk import Desk, Play
from tests.lab.fault_proxy import FaultProxy
from tests.net.loopback import Certificate, TlsFront
from tests.until import until

HOST = "127.0.0.1"


def signed(proxy: FaultProxy) -> int:
    """Requests with a signature, and sockets for the account."""
    requests = sum("signature" in {name.lower() for name in one.headers} for one in proxy.requests)
    return requests + sum("private" in socket.path for socket in proxy.sockets)


def test_x11_a_new_issuer_is_told_and_waits_for_one_confirmation(
    play: Play, twin_line: TwinLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        proxy = FaultProxy(twin_line.rest)
        await proxy.start()
        front = TlsFront(proxy.port, yesterday)
        await front.start()
        line = replace(
            twin_line,
            rest=f"https://{HOST}:{front.port}",
            ws_public=f"wss://{HOST}:{front.port}{urlsplit(twin_line.ws_public).path}",
            ws_private=f"wss://{HOST}:{front.port}{urlsplit(twin_line.ws_private).path}",
        )
        profile = tmp_path / "profile"
        try:
            first = Desk(profile)
            await first.open(line)
            assert first.banners() == []
            await first.close()

            front.present(today)
            before = signed(proxy)
            desk = Desk(profile)
            await desk.open(line, ready=False)
            try:
                await until(lambda: desk.book() == "live", within_s=20, what="public data")
                (banner,) = desk.banners()
                assert banner.startswith(f"ISSUER-CHANGED {HOST}: Tidy Root Ltd (since ")
                assert "→ Virus Scanner Inc: nothing signed is sent there until you confirm it" in banner
                await asyncio.sleep(3)
                assert signed(proxy) == before and not desk.exchange.ready
                answer(desk, "Keep refusing")
                await asyncio.sleep(1)
                assert signed(proxy) == before and desk.banners() == [banner]
                answer(desk, "Trust Virus Scanner Inc")
                await desk.live()
                assert signed(proxy) > before
                await until(lambda: desk.banners() == [], what="no banner")
            finally:
                await desk.close()

            again = Desk(profile)
            await again.open(line)
            assert again.banners() == []
            await again.close()
        finally:
            await front.stop()
            await proxy.stop()

    for name in ("yesterday", "today"):
        (tmp_path / name).mkdir()
    yesterday = Certificate(tmp_path / "yesterday", "Tidy Root Ltd")
    today = Certificate(tmp_path / "today", "Virus Scanner Inc")
    roots = tmp_path / "roots.pem"
    roots.write_bytes(yesterday.path.read_bytes() + today.path.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    play(story())


def answer(desk: Desk, words: str) -> None:
    """Press the banner's button and answer its question."""
    (button,) = (each for each in desk.window.banner.findChildren(QToolButton) if each.text() == "Confirm…")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    (box,) = (each for each in desk.window.findChildren(QMessageBox) if each.isVisible())
    assert "Tidy Root Ltd" in box.text() and "Virus Scanner Inc" in box.text()
    assert box.defaultButton() is not None and box.defaultButton().text() == "Keep refusing"
    QTest.mouseClick(next(each for each in box.buttons() if each.text() == words), Qt.MouseButton.LeftButton)
