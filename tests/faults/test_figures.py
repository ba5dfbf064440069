"""The laboratory's commands at a small size: what each holds to, on every push. Larger runs are made by command."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from tests.lab import blackhole, clock_trials, outage, suspend_cycles
from tests.lab.desk import Play


def test_dead_lines_turn_grey_in_time(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HandshakeBudget, "PER_WINDOW", 1_000)
    monkeypatch.setattr(ReconnectPolicy, "lost", lambda self, carried_data_s: 0.0)

    async def story() -> None:
        found = await blackhole.trials(closed=5, silent=1, folder=tmp_path)
        # Other programs of this computer may hold up one look; the command reports every one of them.
        middle = {name: [sorted(ms)[len(ms) // 2]] for name, ms in found.items()}
        assert blackhole.is_kept(middle) and max(found["closed"]) < 4 * blackhole.CLOSED_MS, found

    play(story())


def test_no_price_of_before_a_sleep_looks_live(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HandshakeBudget, "PER_WINDOW", 1_000)

    async def story() -> None:
        outcome = await suspend_cycles.cycles(4, Random(3), tmp_path)
        assert outcome.frames > 100 and suspend_cycles.is_kept(outcome), outcome

    play(story())


def test_an_hour_of_outages_stays_within_the_budget(tmp_path: Path) -> None:
    outcome = outage.run(1.0, 4, tmp_path)
    assert outcome.outages >= 1 and outcome.handshakes > 24 and outage.is_kept(outcome), outcome


def test_an_outage_run_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert outage.run(0.5, 9, tmp_path / "a") == outage.run(0.5, 9, tmp_path / "b")


@pytest.mark.parametrize("seed", range(3))
def test_no_request_is_signed_outside_the_exchanges_window(seed: int) -> None:
    outcome = clock_trials.run(700, seed)
    assert outcome.requests >= 700 and outcome.steps and outcome.sleeps
    assert (outcome.refused, outcome.outside_bound) == (0, 0)
    assert max(outcome.relock_ms) <= 2_000
