"""What must never leave the desk, and what nobody may make it do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
import zstandard
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox

from app.config import ConfigError, Paths, load_config
from app.connectors.exchange import Exchange
from app.connectors.poloniex.auth import PoloniexAuth
from app.connectors.trading import OrderRefused
from app.core.order_state import OrderState
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from app.diagnostics import diagnostics, hashed
from app.replay_desk import ReplayDesk
from app.twin_process import TwinLine
from app.ui.main_window import MainWindow
from app.workspace import Workspace
from tests.lab.canary_scan import Scan
from tests.lab.desk import Desk, Play, column, texts
from tests.lab.faults import answer
from tests.lab.fixtures import Lab
from tests.until import until

ROOT = Path(__file__).parents[2]


def _hits(folder: Path, secret: str) -> set[str]:
    scan = Scan({"it": secret})
    scan.folder(folder)
    return scan.hits


def test_x5_files_to_share_hold_no_secret_and_count_what_was_masked(
    lab: Lab, twin_line: TwinLine, tmp_path: Path
) -> None:
    async def story(desk: Desk) -> None:
        workspace, window = desk.workspace, desk.window
        workspace.start_recording(tmp_path / "session.jsonl.zst")
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="an open order")
        desk.proxy.reset()
        await desk.live()
        window.docks.bring_up("inspector")
        said: list[str] = []
        window.inspector.exported.connect(said.append)
        window.inspector.export(tmp_path / "messages.jsonl")
        await until(lambda: said != [], what="the export")
        assert "redacted: " in said[0] and "redacted: 0 " not in said[0]
        await workspace.stop_recording()
        (words,) = [text for text in desk.events() if text.startswith("recorded ")]
        count = int(words.rpartition("redacted: ")[2].split()[0].replace(",", ""))
        assert count > 0
        session = zstandard.ZstdDecompressor().stream_reader(
            (tmp_path / "session.jsonl.zst").read_bytes(), read_across_frames=True
        )
        footer = json.loads(session.read().splitlines()[-1])
        assert footer["t"] == "footer" and footer["redacted"] == count
        (tmp_path / "diagnostics.txt").write_text(diagnostics(workspace))
        assert workspace.store is not None
        await workspace.store.copy_to(tmp_path / "copy.db")
        await desk.cancel_shown()
        window.memory.save()

    lab(story)
    assert {"session.jsonl.zst", "messages.jsonl", "copy.db", "layout.json", "orders.db"} <= {
        file.name for file in tmp_path.rglob("*")
    }
    assert _hits(tmp_path, twin_line.secret_key) == set()
    assert _hits(tmp_path, "Depthdesk") != set(), "the scan finds what is there"


def test_x6_an_exception_while_signing_tells_its_place_and_nothing_else(
    lab: Lab, twin_line: TwinLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(desk: Desk) -> None:
        def fail(self: PoloniexAuth, *arguments: object) -> object:
            raise RuntimeError(f"cannot sign with {twin_line.secret_key}: {arguments}")

        await desk.click_price(Side.BUY, 6)
        sent = len(desk.proxy.asked("POST"))
        order = await desk.submit("0.01", lambda: monkeypatch.setattr(PoloniexAuth, "_sign", fail))
        await until(lambda: order.state is OrderState.NOT_PLACED, what="an order that was not sent")
        await until(lambda: column(desk.window.history, "State")[:1] != [], what="the row")
        assert len(desk.proxy.asked("POST")) == sent
        shown = " ".join([*column(desk.window.history, "State"), *desk.events(), texts(desk.window), order.reason])
        assert "signing failed" in order.reason and "RuntimeError" in order.reason
        monkeypatch.undo()
        scan = Scan({"secret": twin_line.secret_key})
        scan.look("screen", shown.encode())
        assert scan.hits == set()

    lab(story)
    said = capsys.readouterr()
    assert twin_line.secret_key not in said.out + said.err


def test_x7_settings_cannot_name_another_host(tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    for text in (
        '[exchanges.binance]\nbase_url = "https://evil.example"\n',
        '[network]\nbase_url = "https://evil.example"\n',
        'rest = "https://evil.example"\n',
    ):
        settings.write_text(text)
        with pytest.raises(ConfigError) as refusal:
            load_config(settings)
        assert "config.toml" in str(refusal.value) and "unknown field" in str(refusal.value)
    ran = subprocess.run(
        [sys.executable, "-m", "app", "--offscreen", "--seconds", "1", "--profile", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.returncode != 0 and "unknown field" in ran.stderr
    assert settings.read_text() == text, "the file is left as it is"


def test_x13_what_an_exchange_says_is_plain_text_and_asks_for_nothing(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        evil = "<a href='https://evil.example'>Update now</a> at https://evil.example \u202e" + "x" * 10_000
        body = json.dumps({"code": 21350, "message": evil})
        desk.proxy.on_request(
            answer(400, body, {"Content-Type": "application/json"}), method="POST", path="/orders", times=1
        )
        order = await desk.place()
        await until(lambda: order.is_done, what="the refusal")

        def told() -> list[str]:
            return [state for state in column(desk.window.history, "State") if "Update now" in state]

        await until(lambda: told() != [], what="the row")
        (state,) = told()
        assert "\u202e" not in state and len(state) < 260
        for label in desk.window.findChildren(QLabel):
            if "Update now" in label.text():
                assert label.textFormat() is Qt.TextFormat.PlainText
                assert not label.openExternalLinks()
        assert desk.window.findChildren(QMessageBox) == []

    lab(story)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_x14_a_tampered_wheel_stops_the_installation(tmp_path: Path) -> None:
    wheel = tmp_path / "honest-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("honest.py", "print('not what was locked')\n")
        archive.writestr("honest-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: honest\nVersion: 1.0\n")
        archive.writestr("honest-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("honest-1.0.dist-info/RECORD", "")
    lock = tmp_path / "requirements.lock"
    lock.write_text("honest==1.0 --hash=sha256:" + "0" * 64 + "\n")
    flags = ["--require-hashes", "--only-binary", ":all:"]
    refused = subprocess.run(
        [sys.executable, "-m", "pip", "install", *flags, "--no-index", "--find-links", str(tmp_path)]
        + ["--target", str(tmp_path / "out"), "-r", str(lock)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode != 0 and "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / "out").exists()
    plan = subprocess.run(["make", "-n", "-B", "run", "test"], cwd=ROOT, capture_output=True, text=True).stdout
    installs = [line for line in plan.splitlines() if "pip install" in line and ".lock" in line]
    assert len(installs) >= 2 and all(" ".join(flags) in line for line in installs)


def test_x16_a_replay_has_nothing_that_could_send(play: Play, tmp_path: Path, lab: Lab) -> None:
    session = tmp_path / "session.jsonl.zst"

    async def record(desk: Desk) -> None:
        desk.workspace.start_recording(session)
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="an order")
        desk.proxy.reset()
        await desk.live()
        await desk.cancel_shown()

    lab(record)

    async def replay() -> None:
        workspace = Workspace(Paths(tmp_path / "replay"))
        window = MainWindow(workspace, workspace.config, tmp_path / "replay" / "layout.json")
        window.show()
        player = ReplayDesk(session, workspace.log, workspace.clock, workspace.notices)

        def opened(exchange: Exchange) -> None:
            workspace.exchanges[exchange.key] = exchange

        player.on_exchange = opened
        window.set_replay(player, lambda speed: None)
        try:
            await player.play(lambda: float("inf"))
            (exchange,) = workspace.exchanges.values()
            assert not exchange.trading.can_send and exchange.no_orders
            assert not window.docks["entry"].isVisible()
            window.replay_bar.refresh()
            assert "nothing can be sent" in window.replay_bar.where.text()
            with pytest.raises(OrderRefused, match="replay"):
                exchange.submit(OrderDraft(pair="BTC-USDT", side=Side.BUY, type=OrderType.MARKET, amount=Decimal(1)))
        finally:
            window.finish()
            await workspace.close()
            window.deleteLater()

    play(replay())


def test_x18_diagnostics_tell_states_and_no_ids_or_amounts(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        order = await desk.place(amount="0.0123")
        await until(lambda: order.state is OrderState.OPEN, what="an open order")
        (entry,) = [action for action in desk.window.actions() if action.text() == "Copy diagnostics"]
        entry.trigger()
        text = QApplication.clipboard().text()
        assert f"order {hashed(order.key)} on BTC-USDT: OPEN" in text
        assert "poloniex: paper, paper, account " in text and "public: live" in text.lower()
        for private in (order.key, order.exchange_order_id or "?", "0.0123", "50000", "50,000"):
            assert private not in text
        await desk.cancel_shown()

    lab(story)
