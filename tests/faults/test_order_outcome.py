"""Orders against an exchange in memory whose network loses, delays and repeats: two ledgers that must agree.

Some runs of each kind here; thousands with `python -m tests.lab.order_outcome --seeds 10000 --profiles all`.
"""

from __future__ import annotations

from random import Random

import pytest

from app.core.journal import JournalEntry
from app.core.orders import OrderState
from app.core.types import VenueState
from tests.lab import order_facts
from tests.lab.memory_exchange import PROFILES
from tests.lab.order_outcome import play

RUNS = 200
LISTS_OF = 1_000


@pytest.mark.parametrize("name", PROFILES)
def test_no_order_is_doubled_and_no_end_is_shown_that_was_none(name: str) -> None:
    outcomes = [play(PROFILES[name], seed) for seed in range(RUNS)]
    assert [words for outcome in outcomes for words in outcome.wrong] == []
    assert sum(outcome.lost_answers for outcome in outcomes) > RUNS // 4, "faults that do not bite show nothing"
    assert sum(outcome.restarts for outcome in outcomes) > RUNS // 20
    if PROFILES[name].asks_by_our_id:
        found = sorted(seconds for outcome in outcomes for seconds in outcome.found_after_s)
        assert found[int(len(found) * 0.99)] <= 3.0
    else:
        assert sum(outcome.left_to_the_trader for outcome in outcomes) > 0, "nobody else could have known"


@pytest.mark.parametrize("name", PROFILES)
def test_one_seed_is_one_run(name: str) -> None:
    first, again, other = play(PROFILES[name], 3), play(PROFILES[name], 3), play(PROFILES[name], 4)
    assert first == again and first.digest
    assert first.digest != other.digest


def test_any_order_and_repetition_of_reports_ends_the_same() -> None:
    wrong = [words for seed in range(LISTS_OF) if (words := order_facts.wrong_in(seed)[1])]
    assert wrong == []


def test_a_doubled_quantity_or_a_lost_end_would_be_noticed() -> None:
    lives = (order_facts.life(Random(seed)) for seed in range(200))
    entries = next(each for each in lives if _state(each) is OrderState.PARTIALLY_CANCELED)
    truth = order_facts.known(order_facts.told(entries))
    amount = next(entry.fill.amount for entry in entries if entry.fill is not None)
    doubled = [*entries, order_facts._fill("another", amount, 11, "k1")]
    assert order_facts.known(order_facts.told(doubled)) != truth
    endless = [entry for entry in entries if entry.update is None or entry.update.state is VenueState.OPEN]
    assert order_facts.known(order_facts.told(endless)) != truth


def _state(entries: list[JournalEntry]) -> OrderState:
    return next(iter(order_facts.told(entries))).state
