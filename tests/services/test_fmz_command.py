"""`depthdesk fmz-serve` as a process: its first line, its end, and a port that is taken."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from app.connectors.spec import Credentials
from app.core.permissions import KeyPermissions
from app.credentials.account_info import Lock
from app.credentials.accounts import Accounts
from app.credentials.lab import LAB
from app.twin_process import TwinProcess

PASSWORD = "correct horse battery"


def start(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")} | {"HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-m", "app", "fmz-serve", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean,
    )


def test_a_paper_exchange_is_served_until_stdin_closes(tmp_path: Path) -> None:
    process = start(tmp_path, "--paper", "poloniex", "--until-stdin-closes")
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert (line["paths"], line["trade"]) == (["/POLONIEX"], False)
    body = {"method": "markets", "params": {}, "access_key": line["access_key"], "secret_key": line["secret_key"]}
    request = urllib.request.Request(
        line["url"] + "/POLONIEX", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer) == {"error": "not support"}
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0 and line["secret_key"].encode() not in said


def test_a_taken_port_is_named_and_no_key_is_shown(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        process = start(tmp_path, "--paper", "poloniex", "--port", str(port))
        shown, said = process.communicate(timeout=30)
    assert process.returncode == 5 and shown == b""
    assert f"127.0.0.1:{port} is taken by" in said.decode() and b"depthdesk-" not in said


def test_nothing_to_serve_is_a_usage_error(tmp_path: Path) -> None:
    process = start(tmp_path)
    shown, said = process.communicate(timeout=30)
    assert (process.returncode, shown) == (2, b"") and b"say what to serve" in said


def test_kept_accounts_have_paths_of_their_own_and_a_reading_key_trades_nowhere(tmp_path: Path) -> None:
    with ExitStack() as ends:
        twin = TwinProcess("binance", seed=5, key="read-only")
        ends.callback(twin.stop)
        line = twin.read_line()
        vault = Accounts(tmp_path / "accounts")
        for label, key in (("desk 2", line.api_key), ("desk2", "B" * 64)):
            keys = Credentials(api_key=key, secret_key=line.secret_key)
            adding = vault.add(
                exchange="binance",
                domain=LAB,
                label=label,
                credentials=keys,
                lock=Lock.PASSWORD,
                password=PASSWORD,
                permissions=KeyPermissions(read=True, trade=False),
                checked_ms=1,
                lab=line.addresses(),
            )
            asyncio.run(adding)
        accounts = ("--account", "desk 2", "--account", "desk2", "--profile", str(tmp_path))
        process = start(tmp_path, "--trade", *accounts)
        ends.callback(process.kill)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{PASSWORD}\n".encode())
        process.stdin.flush()
        told = json.loads(process.stdout.readline())
        assert told["paths"] == ["/BINANCE-DESK%202", "/BINANCE-DESK2"]
        keys_of_run = {"access_key": told["access_key"], "secret_key": told["secret_key"]}
        order = {"symbol": "BTC_USDT", "type": "buy", "price": "100", "amount": "1"}
        answer = {"error": "no market yet"}
        for _ in range(100):
            body = {"method": "trade", "params": order, "nonce": time.time_ns(), **keys_of_run}
            request = urllib.request.Request(
                told["url"] + told["paths"][0], json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=10) as reply:
                answer = json.load(reply)
            if "not a market" not in answer["error"]:
                break
            time.sleep(0.1)
        assert "READ ONLY: this key may not trade" in answer["error"]
        process.send_signal(signal.SIGTERM)
        shown, said = process.communicate(timeout=20)
        assert process.returncode == 0
        assert line.secret_key.encode() not in shown + said and PASSWORD.encode() not in shown + said
