"""A frozen program is its own interpreter: the twin behind the window is started as a command of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from app.twin_process import TwinProcess

LINE = {
    "exchange": "poloniex", "rest": "http://127.0.0.1:1", "ws_public": "ws://127.0.0.1:1", "ws_private":
    "ws://127.0.0.1:1", "api_key": "", "secret_key": "", "passphrase": "", "pairs": [],
}  # fmt: skip


def test_the_frozen_program_starts_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "arguments"
    program = tmp_path / "depthdesk"
    program.write_text(f"#!/bin/sh\necho \"$@\" > {told}\necho '{json.dumps(LINE)}'\ncat > /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    twin = TwinProcess("poloniex", seed=7)
    assert twin.read_line().rest == "http://127.0.0.1:1"
    twin.stop()
    assert told.read_text() == "twin poloniex --until-stdin-closes --port 0 --seed 7\n"
