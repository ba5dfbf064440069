"""For a run of tests (`-p tests.lab.canary_notes`): notes every key and password that is used, and all that tests say.

Needs two folders in the environment: `CANARY_NOTES` for what is noted, `CANARY_LEFT` for what was said. Each process of
the run writes files of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from app.connectors.spec import Credentials
from app.credentials import accounts, sealing
from app.paper.accounts import AccountBook
from app.twin_process import TwinLine, TwinProcess

_noted: dict[str, str] = {}


def _note(kind: str, secret: str) -> None:
    _noted.setdefault(secret, kind)


def _note_keys(kind: str, keys: Any) -> None:
    for name in ("api_key", "secret_key", "passphrase"):
        _note(f"{name} of {kind}", getattr(keys, name))


def _before(owner: Any, name: str, look: Callable[..., None]) -> None:
    plain = getattr(owner, name)

    def looked_at(*args: Any, **options: Any) -> Any:
        look(*args, **options)
        return plain(*args, **options)

    setattr(owner, name, looked_at)


def pytest_configure() -> None:
    def opened(_book: AccountBook, *rest: Any, **named: Any) -> None:
        _note_keys("a twin", next(each for each in (*rest, *named.values()) if hasattr(each, "secret_key")))

    def added(_book: AccountBook, credentials: Any, _account_id: str) -> None:
        _note_keys("a twin", credentials)

    def sealed(header: Any, credentials: Credentials, _key: bytes) -> None:
        _note_keys(f"a kept account at {header.exchange}", credentials)

    def asked(password: str, *_rest: Any) -> None:
        _note("a vault", password)

    _before(AccountBook, "open", opened)
    _before(AccountBook, "add_key", added)
    for module in (sealing, accounts):
        for name, look in (("seal", sealed), ("key_of_password", asked)):
            if hasattr(module, name):
                _before(module, name, look)
    read_line = TwinProcess.read_line

    def noted_line(process: TwinProcess) -> TwinLine:
        line = read_line(process)
        _note_keys(f"the twin of {line.exchange}", line)
        return line

    TwinProcess.read_line = noted_line  # type: ignore[method-assign]


def _append(sections: Iterable[tuple[str, str]], test: str) -> None:
    with (Path(os.environ["CANARY_LEFT"]) / f"said-{os.getpid()}.txt").open("a") as file:
        for name, words in sections:
            file.write(f"== {test}: {name}\n{words}\n")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _append(report.sections, report.nodeid)


def pytest_sessionfinish() -> None:
    (Path(os.environ["CANARY_NOTES"]) / f"{os.getpid()}.json").write_text(json.dumps(_noted))
