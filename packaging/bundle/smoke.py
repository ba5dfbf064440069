"""Starts a built program as a user would, with nothing of the checkout in sight, and looks at what it answers."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

_TIMEOUT_S = 120
_LEAST_PICTURE = 40_000
"""Bytes. An empty window of that size is a PNG of a few thousand."""


class SmokeError(RuntimeError):
    """The built program did not do what it should; the text says what."""


class Smoke:
    def __init__(self, program: Path, home: Path) -> None:
        self._program = program
        self._home = home
        self._environment = {
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
        }

    def version(self, expected: str) -> None:
        _same("--version", self._run("--version").strip(), f"depthdesk {expected}")

    def live_book(self) -> float:
        """A live book within 10 s and a recording of it; returns s from the start of the process to the first book."""
        recording = self._home / "session.jsonl.zst"
        told = self._summary("--paper", "--offscreen", "--seconds", "10", "--record", str(recording))
        _live(told["exchanges"]["poloniex"], "poloniex")
        first_book_s = told["ui"]["first_book_s"]
        if not isinstance(first_book_s, float) or not 0 < first_book_s < 10:
            raise SmokeError(f"the first book was seen after {first_book_s} s")
        replayed = self._summary("--offscreen", "--replay", str(recording))
        if not any(desk["books"] for desk in replayed["exchanges"].values()):
            raise SmokeError("the replay of its own recording shows no book")
        return first_book_s

    def every_exchange(self) -> None:
        told = self._summary("--paper", "all", "--offscreen", "--seconds", "20")
        for name, desk in told["exchanges"].items():
            _live(desk, name)
        if len(told["exchanges"]) < 6:
            raise SmokeError(f"--paper all opened only {', '.join(told['exchanges'])}")

    def screenshot(self) -> None:
        picture = self._home / "window.png"
        self._run("--paper", "--offscreen", "--size", "1366x768", "--screenshot", str(picture))
        data = picture.read_bytes()
        width, height = struct.unpack(">II", data[16:24])
        _same("the screenshot's size", (width, height), (1366, 768))
        if len(data) < _LEAST_PICTURE:
            raise SmokeError(f"the screenshot is empty: {len(data)} bytes")

    def twin(self) -> None:
        """A twin alone serves the exchange's REST interface, and ends with its standard input."""
        with subprocess.Popen(
            [self._program, "twin", "poloniex", "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            cwd=self._home,
        ) as process:
            assert process.stdin is not None and process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            if not line:
                raise SmokeError(f"depthdesk twin said nothing: {process.stderr.read().decode()}")
            with urllib.request.urlopen(f"{json.loads(line)['rest']}/markets/BTC_USDT/orderBook", timeout=10) as answer:
                book = json.load(answer)
            if not Decimal(book["bids"][0]) < Decimal(book["asks"][0]):
                raise SmokeError(f"the twin's book is crossed: {book}")
            process.stdin.close()
            _same("the twin's exit code", process.wait(10), 0)

    def accounts(self) -> None:
        if not self._run("accounts", "list").strip():
            raise SmokeError("accounts list said nothing")

    def _summary(self, *arguments: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._run(*arguments, "--summary").splitlines()[-1])
        return told

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._program, *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env=self._environment,
            cwd=self._home,
        )
        if done.returncode or done.stderr:
            raise SmokeError(f"depthdesk {' '.join(arguments)} returned {done.returncode}: {done.stderr.strip()}")
        return done.stdout


def _live(desk: dict[str, Any], name: str) -> None:
    if not desk["ready"] or desk["unknown"] or desk["gaps"]:
        raise SmokeError(f"{name} is not well: {desk}")
    books = [book for book in desk["books"].values() if not book["stale"] and book["best_bid"]]
    if not any(Decimal(book["best_bid"]) < Decimal(book["best_ask"]) and book["version"] > 1 for book in books):
        raise SmokeError(f"{name} has no live book: {desk['books']}")


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise SmokeError(f"{what} is {found!r}, not {expected!r}")


def smoke(program: Path, version: str) -> float:
    """Everything; returns s from the start of the process to the first live book. Raises SmokeError."""
    with tempfile.TemporaryDirectory() as home:
        built = Smoke(program, Path(home))
        built.version(version)
        first_book_s = built.live_book()
        built.screenshot()
        built.twin()
        built.accounts()
        built.every_exchange()
    return first_book_s


if __name__ == "__main__":
    print(f"first live book after {smoke(Path(sys.argv[1]).resolve(), sys.argv[2])} s")
