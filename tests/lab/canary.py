"""No secret may be found in what the program leaves behind: `python -m tests.lab.canary`.

The real commands with keys that nobody else has: `accounts add`, a window (`python -m app --accounts`, off screen) that
is unlocked, trades, records, exports, stands still, fails inside and is at last killed by SIGABRT, and `fmz-serve`.
Their files, what they said, and command line and environment of each process and child are then looked through for
every key, secret, passphrase and password in the spellings of `canary_scan`. One account's keys are none that its
exchange knows, so that refusals are among what was written.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from app.twin_process import TwinLine, TwinProcess
from tests.lab.canary_scan import Scan, family, parts

PASSWORD = 'canary "vault" \\ p%41ss+word/9'
REFUSED = {
    "api_key": "canary-KEY+of/nobody=%41",
    "secret_key": 'canary"SECRET\\öf/nobody+%42',
    "passphrase": "canary-PHRASE+of/nobody=%43",
}
TRADED = ("poloniex", "okx", "coinbase")
"""Signing with an HMAC, with a passphrase beside it, and with a private key in PEM."""
_LOOK_EVERY_S = 0.05
_LONGEST_S = 100.0
"""After which a command that does not end is killed."""
_PROJECT = Path(__file__).parents[2]
LEFT = ("orders.db", "layout.json", "hosts.json", "session.jsonl.zst", "messages.jsonl", "diagnostics.txt", "copy.db")
"""Files that must be among those looked through."""


class Outcome(Struct):
    secrets: int = 0
    files: int = 0
    bytes: int = 0
    processes: int = 0
    """Whose command line and environment were looked at, again and again."""
    looks: int = 0
    hits: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What should have been left behind and was not: then nothing was shown."""
    orders: int = 0

    def figures(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


def measure(folder: Path, exchanges: tuple[str, ...] = TRADED, *, whole: bool = True) -> Outcome:
    """One life of the program in that folder; without `whole` only the window, not killed, and no service.

    Raises AssertionError when it did not do what it was to do.
    """
    outcome = Outcome()
    with ExitStack() as ends:
        twins = {name: TwinProcess(name, seed=number) for number, name in enumerate(exchanges, 11)}
        for twin in twins.values():
            ends.callback(twin.stop)
        lines = {name: twin.read_line() for name, twin in twins.items()}
        secrets = _secrets(lines.values())
        scan = Scan(secrets)
        outcome.secrets = len(secrets)
        life = _Life(folder, scan, outcome)
        with life.watched():
            for name, line in lines.items():
                life.add(name, name, line, _keys(line), "--password")
            life.add("nobody", exchanges[0], lines[exchanges[0]], REFUSED, "--password", "--no-check")
            life.window([*exchanges, "nobody"])
            if whole:
                life.serve(exchanges[0])
                life.window([*exchanges], abort=True)
    scan.folder(folder)
    outcome.files, outcome.bytes, outcome.hits = scan.files, scan.bytes, sorted(scan.hits)
    names = {file.name for file in folder.rglob("*")}
    stalls = any(name.startswith("stall-") for name in names)
    wanted = [*LEFT, *(["crashed.jsonl.zst", "answers.txt"] if whole else [])]
    outcome.missing = [name for name in wanted if name not in names] + ["a stall report"] * (not stalls)
    return outcome


def is_kept(outcome: Outcome) -> bool:
    return not outcome.hits and not outcome.missing


def _keys(line: TwinLine) -> dict[str, str]:
    keys = {"api_key": line.api_key, "secret_key": line.secret_key, "passphrase": line.passphrase}
    return {name: value for name, value in keys.items() if value}


def _secrets(lines: Iterable[TwinLine]) -> dict[str, str]:
    """By a name that may be told."""
    found = {"vault password": PASSWORD} | {f"{name} of nobody": value for name, value in REFUSED.items()}
    for line in lines:
        for name, value in _keys(line).items():
            found |= {f"{name} of {line.exchange}, part {nth}": part for nth, part in enumerate(parts(value))}
    return found


class _Life:
    """Starts the real commands, each with everything it might write to inside the folder."""

    def __init__(self, folder: Path, scan: Scan, outcome: Outcome) -> None:
        self._folder = folder
        self._profile = folder / "profile"
        self._scan = scan
        self._outcome = outcome
        self._runs = 0
        self._seen: set[int] = set()
        self._children: list[tuple[threading.Timer, subprocess.Popen[bytes]]] = []
        places = {name: folder / name.lower() for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR")}
        for place in (*places.values(), self._profile):
            place.mkdir(mode=0o700, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DEPTHDESK_"))}
        self._environment = kept | {name: str(place) for name, place in places.items()}
        self._environment |= {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(_PROJECT)}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Meanwhile every process of ours is looked at. Ourselves excepted: the keys are made here."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(_LOOK_EVERY_S):
                for pid in family(os.getpid()) - {os.getpid()}:
                    self._outcome.looks += 1
                    if self._scan.process(pid):
                        self._seen.add(pid)

        guard = threading.Thread(target=look, name="looking at processes")
        guard.start()
        try:
            yield
        finally:
            for limit, child in self._children:
                limit.cancel()
                if child.poll() is None:
                    child.kill()
                child.wait()
            ended.set()
            guard.join()
            self._outcome.processes = len(self._seen)

    def _start(self, *command: str, stdout: Any = None) -> subprocess.Popen[bytes]:
        """What it says goes to files of the folder; the folder is where it would leave a core."""
        self._runs += 1
        said = (self._folder / f"{self._runs}-said.txt").open("wb")
        errors = (self._folder / f"{self._runs}-errors.txt").open("wb")
        with said, errors:
            child = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.PIPE,
                stdout=stdout or said,
                stderr=errors,
                env=self._environment,
                cwd=self._folder,
            )
        limit = threading.Timer(_LONGEST_S, child.kill)
        limit.daemon = True
        limit.start()
        self._children.append((limit, child))
        return child

    def _errors(self) -> str:
        return (self._folder / f"{self._runs}-errors.txt").read_text()

    def add(self, label: str, exchange: str, line: TwinLine, keys: dict[str, str], *options: str) -> None:
        # Only its addresses are taken from the line, so no key is put on the command line.
        address = msgspec.json.encode(replace(line, api_key="", secret_key="", passphrase="")).decode()
        command = ("accounts", "add", exchange, "--label", label, "--twin", address, *options)
        child = self._start("-m", "app", *command, "--profile", str(self._profile))
        child.communicate(json.dumps(keys | {"vault_password": PASSWORD}).encode(), 60)
        assert child.returncode == 0, self._errors()

    def window(self, labels: list[str], abort: bool = False) -> None:
        """`abort`: it gets SIGABRT while it works."""
        told: dict[str, Any] = {
            "profile": str(self._profile),
            "out": str(self._folder),
            "password": PASSWORD,
            "labels": labels,
        }
        told |= {"secret": REFUSED["secret_key"], "run": self._runs, "abort": abort}
        child = self._start("-m", "tests.lab.canary_window")
        assert child.stdin is not None
        child.stdin.write(json.dumps(told).encode() + b"\n")
        child.stdin.flush()
        done = self._folder / f"done{told['run']}"
        end = time.monotonic() + 90
        while not done.exists() and child.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert done.exists(), self._errors()
        self._outcome.orders += int(done.read_text())
        if abort:
            child.send_signal(signal.SIGABRT)
        child.communicate(timeout=30)
        assert child.returncode == (-signal.SIGABRT if abort else 0), self._errors()

    def serve(self, label: str) -> None:
        """The plug-in service on a kept account, asked with and without the pairing of this run."""
        command = ("fmz-serve", "--account", label, "--trade")
        child = self._start("-m", "app", *command, "--profile", str(self._profile), stdout=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(PASSWORD.encode() + b"\n")
        child.stdin.close()
        line = json.loads(child.stdout.readline() or "{}")
        assert line, self._errors()
        for key in (line["secret_key"], "not the one"):
            for method in ("accounts", "orders", "nonsense"):
                body = {"method": method, "params": {"symbol": "BTC_USDT"}, "secret_key": key}
                asked = json.dumps(body | {"access_key": line["access_key"]}).encode()
                request = urllib.request.Request(
                    line["url"] + line["paths"][0], asked, {"Content-Type": "application/json"}
                )
                try:
                    with urllib.request.urlopen(request, timeout=10) as answer:
                        self._keep(answer.read())
                except urllib.error.HTTPError as error:
                    self._keep(error.read())
        child.send_signal(signal.SIGTERM)
        child.stdout.close()
        assert child.wait(30) == 0, self._errors()

    def _keep(self, answer: bytes) -> None:
        with (self._folder / "answers.txt").open("ab") as file:
            file.write(answer + b"\n")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.canary", description=__doc__)
    parser.add_argument("--exchange", action="append", choices=TRADED, help="which to trade on; all by default")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = measure(Path(folder), tuple(asked.exchange or TRADED))
    print(json.dumps(outcome.figures()))
    return 0 if is_kept(outcome) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
