"""One whole life of the program with keys of its own on every push; `python -m tests.lab.canary` trades on more."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import zstandard

from tests.lab import canary, canary_suite
from tests.lab.canary_scan import Scan, family

SECRET = 'canary "x" \\ +/ö'
SPELLED = {
    "raw": SECRET.encode(),
    "base64": base64.b64encode(b"?" + SECRET.encode() + b"!"),
    "hex": SECRET.encode().hex().upper().encode(),
    "url": quote(SECRET).encode(),
    "json": json.dumps({"secret": SECRET}).encode(),
    "utf-16": SECRET.encode("utf-16-le"),
}


@pytest.mark.parametrize("spelling", SPELLED)
def test_a_secret_is_found_in_every_spelling(tmp_path: Path, spelling: str) -> None:
    text = b"before " + SPELLED[spelling] + b" after"
    (tmp_path / "plain").write_bytes(text)
    (tmp_path / "packed.zst").write_bytes(zstandard.compress(text))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(text))
    (tmp_path / "innocent").write_bytes(b"before and after")
    scan = Scan({"it": SECRET})
    scan.folder(tmp_path)
    found = {"plain", "packed.zst, unpacked", "packed.gz, unpacked"}
    assert scan.files == 4 and {f"{where}: it as {spelling}" for where in found} <= scan.hits
    assert all(SECRET not in hit and "innocent" not in hit for hit in scan.hits)


def test_a_secret_is_found_in_a_child_of_a_child() -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "--key", "canary-on-argv"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, env={"KEY": "canary-in-environment"})
    assert child.stdin is not None
    try:
        scan = Scan({"one": "canary-on-argv", "two": "canary-in-environment"})
        assert child.pid in family(os.getpid())
        # Between fork and exec a child still looks like us.
        while len(scan.hits) < 2 and child.poll() is None:
            assert scan.process(child.pid)
        assert {hit.partition(":")[0].split()[0] for hit in scan.hits} == {"cmdline", "environ"}
    finally:
        child.stdin.close()
        child.wait(10)


def test_nothing_that_the_program_leaves_behind_holds_a_secret(tmp_path: Path) -> None:
    outcome = canary.measure(tmp_path, ("poloniex",), whole=False)
    assert outcome.hits == [] and outcome.missing == []
    assert outcome.orders == 2 and outcome.files >= 20 and outcome.processes >= 4 and outcome.looks > 50


LEAKY = """
import sys
from app.twin_process import TwinProcess

def test_that_leaves_things(tmp_path):
    twin = TwinProcess("poloniex", seed=77)
    line = twin.read_line()
    twin.stop()
    (tmp_path / "innocent.txt").write_text("nothing")
    (tmp_path / "key.pem").write_text(line.secret_key)
    if {leaky}:
        (tmp_path / "debug.log").write_text(line.secret_key)
        print(line.api_key, file=sys.stderr)
"""


@pytest.mark.parametrize("leaky", [True, False])
def test_what_tests_leave_behind_and_say_is_searched(tmp_path: Path, leaky: bool) -> None:
    tests = tmp_path / "test_leaky.py"
    tests.write_text(LEAKY.format(leaky=leaky))
    outcome = canary_suite.measure(tmp_path / "run", (str(tests),), jobs=0)
    assert (outcome.tests, outcome.failed, outcome.secrets) == (1, [], 2) and outcome.files >= 4
    raw = [hit.removesuffix(" as raw") for hit in outcome.hits if hit.endswith(" as raw")]
    found = {(re.search(r"debug\.log|said", hit)[0], re.search(r": (\w+) of ", hit)[1]) for hit in raw}
    assert found == ({("debug.log", "secret_key"), ("said", "api_key")} if leaky else set())
    assert bool(outcome.hits) is leaky
