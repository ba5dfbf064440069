"""The command as a user or a script runs it: what it prints, what it returns, and what it leaves alone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.account_desk import remembered_accounts
from app.config import Paths
from app.connectors.spec import Credentials
from app.credentials.account_info import Lock
from app.credentials.accounts import Accounts
from app.credentials.lab import LAB
from app.twin_process import TwinProcess

RECORDING = Path(__file__).resolve().parents[2] / "shared/recordings/poloniex.jsonl.zst"


def run(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "QT_", "DISPLAY", "WAY"))
    }
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        env=clean | {"HOME": str(home)} | environment,
    )


def summary_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_paper_by_default_with_a_live_market_and_balances(tmp_path: Path) -> None:
    done = run("--offscreen", "--seconds", "6", "--summary", "--screenshot", str(tmp_path / "shot.png"), home=tmp_path)
    told = summary_of(done)
    assert set(told) == {"version", "seconds", "frames", "exchanges", "ui"}
    desk = told["exchanges"]["poloniex"]
    assert set(desk) == {
        "ready", "messages", "unknown", "gaps", "resyncs", "orders_open", "fills", "balances", "books",
    }  # fmt: skip
    assert desk["ready"] is True and (desk["unknown"], desk["gaps"]) == (0, 0)
    assert desk["balances"]["USDT"] == {"total": "50000", "available": "50000"}
    book = desk["books"]["BTC-USDT"]
    assert set(book) == {"best_bid", "best_ask", "bids", "asks", "version", "stale"}
    assert float(book["best_bid"]) < float(book["best_ask"]) and book["stale"] is False and book["bids"] == 20
    assert set(told["ui"]) == {"frame_ms_p50", "frame_ms_p99", "loop_lag_ms_p99", "first_book_s"}
    assert 0 < told["ui"]["first_book_s"] < 6
    assert (tmp_path / "shot.png").read_bytes()[:4] == b"\x89PNG"
    written = {path.relative_to(tmp_path).parts[:3] for path in tmp_path.rglob("*") if path.is_file()}
    assert written <= {("shot.png",), (".local", "state", "depthdesk")}, "nothing outside the XDG places"
    assert not list(tmp_path.rglob("orders.db")), "the journal of a twin that is gone is gone"


@pytest.mark.skipif(not RECORDING.exists(), reason="the recordings folder is not beside the project")
def test_a_recording_tells_its_end(tmp_path: Path) -> None:
    told = summary_of(run("--offscreen", "--replay", str(RECORDING), "--summary", home=tmp_path))
    desk = told["exchanges"]["poloniex"]
    assert len(desk["books"]) == 11 and len(desk["trades"]) == 6 and desk["gaps"] == 0 and desk["ready"] is True
    assert desk["trades"][0] == ["BTC-USDT", "21614.59", "0.01149", "SELL"]
    top = desk["books"]["BTC-USDT"]["top"]
    assert top["bids"][:2] == [["21599.85", "0.68"], ["21589.96", "0.34"]]
    assert top["asks"][0] == ["21602.02", "0.68"] and len(top["asks"]) == 10


def test_what_is_recorded_can_be_replayed_to_the_same_books(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl.zst"
    live = summary_of(run("--offscreen", "--seconds", "5", "--summary", "--record", str(file), home=tmp_path))[
        "exchanges"
    ]["poloniex"]
    again = summary_of(run("--offscreen", "--replay", str(file), "--summary", home=tmp_path))["exchanges"]["poloniex"]
    assert again["books"].keys() == live["books"].keys() and again["gaps"] == 0
    assert again["balances"] == live["balances"]
    assert b"secret" not in file.read_bytes()
    refused = run("--offscreen", "--seconds", "1", "--record", str(file), home=tmp_path)
    assert refused.returncode == 2 and "exists already" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pair", "BTC"], "'BTC' is not a pair such as BTC-USDT"),
        (["--seconds", "-3"], "'-3' is not a number of seconds above 0"),
        (["--seconds", "soon"], "'soon' is not a number of seconds"),
        (["--size", "big"], "'big' is not a size such as 1920x1080"),
        (["--paper", "mtgox"], "no exchange is called 'mtgox'. Known exchanges: poloniex"),
        (["--connect", "bittrex"], "Bittrex closed in December 2023"),
        (["--replay", "nowhere.zst"], "there is no file 'nowhere.zst'"),
        (["--record", "no/such/folder/x.zst"], "there is no folder 'no/such/folder'"),
        (["--theme", "pink"], "--theme"),
        (["--twin", "{}"], "this is not the first line of a paper twin"),
        (["--paper", "--connect", "poloniex"], "not allowed with"),
        (["--nonsense"], "--nonsense"),
        (["twin", "mtgox"], "mtgox"),
        (["twin", "poloniex", "--rate", "fast"], "--rate"),
    ],
)
def test_a_wrong_option_is_told_in_words(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = run(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_a_display_it_says_so(tmp_path: Path) -> None:
    done = run(home=tmp_path)
    assert (done.returncode, done.stderr) == (
        4,
        "depthdesk: there is no display: start it on a desktop, or add --offscreen\n",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[ui]\ntheme = "pink"\n', "Invalid enum value 'pink' - at `$.ui.theme`"),
        ("[ui]\nscale = 9.0\n", "`$.ui.scale`"),
        ("[uj]\n", "unknown field `uj`"),
        ("[ui\n", "is not TOML"),
    ],
)
def test_a_broken_settings_file_is_named_and_kept(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    done = run("--offscreen", "--seconds", "1", "--profile", str(tmp_path), home=tmp_path)
    assert done.returncode == 2 and str(file) in done.stderr and words in done.stderr
    assert file.read_text() == text


def test_a_foreign_file_is_no_recording(tmp_path: Path) -> None:
    file = tmp_path / "holiday.zst"
    file.write_bytes(b"\x89PNG not a recording at all")
    done = run("--offscreen", "--replay", str(file), "--summary", home=tmp_path)
    assert done.returncode == 5 and "holiday.zst" in done.stderr and "Traceback" not in done.stderr
    assert file.read_bytes() == b"\x89PNG not a recording at all"


def test_a_corrupt_journal_is_kept_and_told(tmp_path: Path) -> None:
    journal = tmp_path / "orders.db"
    with sqlite3.connect(journal) as connection:
        connection.execute("CREATE TABLE t (x)")
    damage = journal.read_bytes()[:2000] + b"\xff" * 3000
    journal.write_bytes(damage)
    done = run("--connect", "poloniex", "--offscreen", "--seconds", "2", "--profile", str(tmp_path), home=tmp_path)
    assert "Traceback" not in done.stderr
    kept = [path for path in tmp_path.iterdir() if path.is_file() and path.read_bytes() == damage]
    assert kept, "the damaged file is still there"


def test_a_broken_layout_file_gives_the_default(tmp_path: Path) -> None:
    (tmp_path / "layout.json").write_text("{nonsense")
    told = summary_of(run("--offscreen", "--seconds", "3", "--summary", "--profile", str(tmp_path), home=tmp_path))
    assert told["exchanges"]["poloniex"]["books"]
    assert (tmp_path / "layout.broken").read_text() == "{nonsense"


def test_a_polite_kill_ends_it_in_order(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "--offscreen", "--summary", "--profile", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        for _ in range(600):
            if (tmp_path / "paper").exists():
                break
            if process.poll() is not None:
                break
            os.sched_yield()
            signal.sigtimedwait([], 0.05)
        twin = int(children.read_text().split()[0])
        process.terminate()
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["version"]
    assert not Path(f"/proc/{twin}").exists(), "the twin ended with the window"


def test_accounts_that_were_open_come_back_without_options_and_paper_still_starts(tmp_path: Path) -> None:
    twin = TwinProcess("poloniex", seed=5)
    try:
        line = twin.read_line()
        profile = tmp_path / "profile"
        adding = Accounts(profile / "accounts").add(
            exchange="poloniex",
            domain=LAB,
            label="desk 2",
            credentials=Credentials(api_key=line.api_key, secret_key=line.secret_key),
            lock=Lock.PASSWORD,
            password="correct horse battery",
            lab=line.addresses(),
        )
        asyncio.run(adding)
        short = ("--offscreen", "--seconds", "5", "--summary", "--profile", str(profile))
        # The paper twin as ever while no account was opened, and whenever it is asked for.
        assert list(summary_of(run(*short, home=tmp_path))["exchanges"]) == ["poloniex"]
        told = summary_of(run("--accounts", "desk 2", *short, home=tmp_path))["exchanges"]
        assert list(told) == ["poloniex:desk 2"] and told["poloniex:desk 2"]["books"]["BTC-USDT"]["stale"] is False
        assert told["poloniex:desk 2"]["balances"] == {}, "locked: public data only"
        assert remembered_accounts(Paths(profile)) == ("desk 2",)
        assert list(summary_of(run(*short, home=tmp_path))["exchanges"]) == ["poloniex:desk 2"]
        assert list(summary_of(run("--paper", *short, home=tmp_path))["exchanges"]) == ["poloniex"]
        written = b"".join(path.read_bytes() for path in profile.rglob("*") if path.is_file())
        assert line.secret_key.encode() not in written
    finally:
        twin.stop()
