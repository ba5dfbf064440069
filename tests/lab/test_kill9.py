"""Kill -9 and failing disk syncs at a small size on every push; `python -m tests.lab.kill9` runs larger ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import kill9


def test_no_acknowledged_intent_is_lost_to_kill_9(tmp_path: Path) -> None:
    outcome = kill9.rounds(6, 3, tmp_path)
    assert outcome.rounds == 6 and outcome.acknowledged == len(outcome.commit_ms) > 0
    assert (outcome.lost, outcome.doubled, outcome.damaged) == (0, 0, 0)


def test_none_is_lost_where_a_sync_fails_or_the_program_dies_in_it(tmp_path: Path) -> None:
    outcome = kill9.sweep(tmp_path, 7, 10)
    if not outcome.swept_by:
        pytest.skip("needs gcc, or strace with the right to trace")
    assert outcome.syncs == 4 and outcome.refused > 0 and outcome.acknowledged > 0
    assert (outcome.lost, outcome.doubled, outcome.damaged) == (0, 0, 0)


def test_a_lost_intent_and_a_damaged_journal_would_be_counted(tmp_path: Path) -> None:
    outcome = kill9.rounds(3, 4, tmp_path)
    path = tmp_path / "orders0.db"
    kill9._count(path, {999_999_999}, outcome)
    assert outcome.lost == 1
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])
    kill9._count(path, set(), outcome)
    assert outcome.damaged == 1
