"""A short run of every fuzz target on every push, and what longer ones have found."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.connectors.poloniex.public import _step
from app.net.replay import NotASession, read_session
from app.services.fmz_service import _read_body
from app.services.local_request import RefusedRequest
from tests.lab.fuzz import TARGETS, fuzz

NO_TEXT = b'{"method":"tick\xab"}'


@pytest.mark.parametrize("target", TARGETS)
def test_a_reader_raises_only_what_it_declares(target: str) -> None:
    fed, found = fuzz(target, 1.0, seed=1)
    assert fed > 20
    assert not found, [(one.place, one.error, one.data[:200]) for one in found]


def test_a_body_that_is_no_text_is_refused_and_not_a_fault_of_the_service() -> None:
    with pytest.raises(RefusedRequest, match="not a request of the protocol"):
        _read_body(NO_TEXT)


def test_a_session_line_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    file.write_bytes(b'{"t":"header","format":3,"ts":1.0}\n' + NO_TEXT + b"\n")
    with pytest.raises(NotASession, match="line 2"):
        list(read_session(file))
    file.write_bytes(b'{"t":"header","format":3,"ts":1.0}\n' + NO_TEXT)
    assert b"its last line is incomplete" in list(read_session(file))[-1].data


def test_a_market_of_a_billion_decimals_is_refused() -> None:
    with pytest.raises(ValueError, match="decimals"):
        _step(1_000_000_000)
    assert str(_step(2)) == "0.01"
