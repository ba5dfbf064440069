"""Who may import whom, who may touch time, chance and Qt, and what no file may contain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[1] / "app"
FILES = {path.relative_to(APP).as_posix(): path.read_text() for path in sorted(APP.rglob("*.py"))}
MAY_IMPORT = {
    "core": {"core"},
    "net": {"core", "net"},
    "store": {"core", "store"},
    "paper": {"core", "paper"},
    "connectors": {"core", "net", "connectors"},
    "services": {"core", "net", "connectors", "services"},
}
PARTS = {"core", "net", "store", "paper", "connectors", "services", "ui"}
NOT_IN_CORE = {"asyncio", "aiohttp", "websockets", "sqlite3", "socket", "ssl", "threading", "subprocess", "logging"}
NOT_IN_CORE |= {"pathlib", "urllib", "http", "os", "time", "datetime", "PySide6", "pyqtgraph", "qasync", "numpy"}
QT = {"PySide6", "pyqtgraph", "qasync"}


def imports(file: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(FILES[file])):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: relative import"
            yield node.module or ""


def roots(file: str) -> set[str]:
    return {name.partition(".")[0] for name in imports(file)}


def places(pattern: str, files: Iterator[str] | list[str]) -> list[str]:
    return [f"{file}: {hit.group()}" for file in files for hit in re.finditer(pattern, FILES[file])]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_parts_import_only_what_the_picture_allows(part: str) -> None:
    for file in FILES:
        if file.startswith(f"{part}/"):
            ours = {name.split(".")[1] for name in imports(file) if name.startswith("app.")}
            assert ours <= MAY_IMPORT[part], file


def test_the_screen_reads_through_the_workspace() -> None:
    """`application.py` starts the program and so knows the parts; no other file of the screen does."""
    for file in FILES:
        if file.startswith("ui/") and file != "ui/application.py":
            ours = {name.split(".")[1] for name in imports(file) if name.startswith("app.")}
            assert not ours & (PARTS - {"core", "ui"}), file


def test_core_has_no_input_output_and_no_clock() -> None:
    for file in FILES:
        if file.startswith("core/") and file != "core/clock.py":
            assert not roots(file) & NOT_IN_CORE, file


def test_qt_stays_on_the_screen() -> None:
    assert [file for file in FILES if not file.startswith(("ui/", "__main__")) and roots(file) & QT] == []


def test_time_and_chance_are_injected() -> None:
    clocks = ("core/clock.py", "ui/frame_clock.py")
    others = [file for file in FILES if file not in clocks]
    # A nonce's default source; tests inject their own.
    secret = [file for file in others if file.endswith("/auth.py") or file.startswith("credentials")]
    assert [file for file in others if "time" in roots(file)] == []
    assert places(r"\buuid[14]\(", others) == []
    assert [file for file in others if file not in secret and "secrets" in roots(file)] == []
    assert places(r"\b(datetime|date)\.(now|utcnow|today)\(", others) == []
    assert places(r"\brandom\.(random|choice|randint|randrange|uniform|shuffle|seed)\(|\burandom\(", others) == []
    unseeded = places(r"\bRandom\(\)|SystemRandom", [file for file in others if file != "workspace.py"])
    assert unseeded == []
    assert places(r"\btime\.(time|time_ns|sleep|localtime|gmtime|strftime|ctime)\b", ["ui/frame_clock.py"]) == []


def test_no_dialog_runs_a_loop_of_its_own() -> None:
    assert places(r"(?<!\bapp)\.exec_?\(", list(FILES)) == []
    assert places(r"QMessageBox\.(information|question|warning|critical|about)\(", list(FILES)) == []
    assert places(r"Q(Input|File|Color|Font)Dialog\.get\w+\(", list(FILES)) == []


def test_no_endpoint_for_withdrawals() -> None:
    connectors = [file for file in FILES if file.startswith("connectors/")]
    assert places(r"""(?i)["'][^"'\s]*/[^"'\s]*withdraw[^"'\s]*""", connectors) == []
