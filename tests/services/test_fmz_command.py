"""`depthdesk fmz-serve` as a process: its first line, its end, and a port that is taken."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path


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
