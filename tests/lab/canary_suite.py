"""All tests, then a search of everything they left behind: `python -m tests.lab.canary_suite`.

The run gets an empty HOME, TMPDIR and XDG_RUNTIME_DIR and keeps the folder of each test. Every key and password used in
it (`canary_notes`) is then looked for, in the spellings of `canary_scan`, in all files and in what tests said.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from tests.lab.canary_scan import Scan, parts

_PROJECT = Path(__file__).parents[2]
_SHORTEST = 12
"""Shorter ones, such as "abc" in a test of the password's strength, are words that stand anywhere."""
WRITTEN_BY_TESTS = ("/plugin/heard.jsonl", "/key.pem")
"""What a test's plug-in was told (its protocol tells it the keys), and a key file that a test takes in."""


class Outcome(Struct):
    tests: int = 0
    failed: list[str] = field(default_factory=list)
    secrets: int = 0
    files: int = 0
    bytes: int = 0
    hits: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


def measure(folder: Path, tests: tuple[str, ...] = ("tests",), jobs: int = 3) -> Outcome:
    outcome = Outcome()
    notes, left = folder / "notes", folder / "left"
    homes = {name: left / name.lower() for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR")}
    for place in (notes, *homes.values()):
        place.mkdir(mode=0o700, parents=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DEPTHDESK_"))}
    environment = kept | {name: str(place) for name, place in homes.items()}
    environment |= {"QT_QPA_PLATFORM": "offscreen", "CANARY_NOTES": str(notes), "CANARY_LEFT": str(left)}
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(jobs), "--dist", "worksteal", *tests]
    command += [
        "-p",
        "tests.lab.canary_notes",
        "--basetemp",
        str(left / "tests"),
        "-o",
        "tmp_path_retention_policy=all",
    ]
    said = subprocess.run(command, env=environment, cwd=_PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    (left / "said.txt").write_bytes(said.stdout)
    outcome.tests = sum(int(count) for count in re.findall(rb"(\d+) (?:passed|failed|error)", said.stdout[-200:]))
    outcome.failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", said.stdout.decode(), re.MULTILINE)
    secrets: dict[str, str] = {}
    for file in sorted(notes.iterdir()):
        for secret, kind in json.loads(file.read_bytes()).items():
            secrets |= {part: kind for part in parts(secret) if len(part) >= _SHORTEST}
    outcome.secrets = len(secrets)
    scan = Scan({f"{kind}, no. {number}": secret for number, (secret, kind) in enumerate(secrets.items(), 1)})
    scan.folder(left)
    outcome.files, outcome.bytes = scan.files, scan.bytes
    outcome.hits = sorted(hit for hit in scan.hits if not hit.partition(": ")[0].endswith(WRITTEN_BY_TESTS))
    return outcome


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.canary_suite", description=__doc__)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="an empty folder in which everything stays")
    parser.add_argument("tests", nargs="*", default=["tests"], help="all by default")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = measure(asked.keep or Path(folder), tuple(asked.tests), asked.jobs)
    print(json.dumps(outcome.figures(), indent=1))
    return 1 if outcome.hits or outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
