"""Orders against an exchange in memory whose network loses, delays and repeats: two ledgers that must agree.

Some runs of each kind here; thousands with `python -m tests.lab.order_outcome --seeds 10000 --profiles all`.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from app.connectors.order_doubts import OrderDoubts
from app.core.journal import JournalEntry
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.requests import Call
from app.core.types import VenueState
from tests.lab import order_facts
from tests.lab.memory_exchange import PROFILES
from tests.lab.order_outcome import _Run, play
from tests.lab.virtual_time import VirtualTimeLoop, run

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


def test_an_order_that_never_arrived_is_proved_absent_soon_after_its_proof_time() -> None:
    """Asked 2 s before and at that time, then two lists at once: at most 0.6 s here."""
    after_s = sorted(_proof_after_s(seed) for seed in range(60))
    assert 0 < after_s[0] and after_s[-1] < 0.65, after_s


def _proof_after_s(seed: int) -> float:
    """Of one order whose request vanished while everything else works, in seconds from its proof time."""
    loop = VirtualTimeLoop()

    async def work() -> float:
        lab = _Run(PROFILES["unique-open"], seed, loop)
        weather = lab.exchange.weather
        weather.faulty = False
        await asyncio.sleep(1.0)
        weather.hole = True
        order = lab.place()
        await asyncio.sleep(0.3)
        weather.hole = False
        asked_ms: list[float] = []
        query = lab.desk.doubts.query

        async def noted(asked: InFlightOrder) -> bool:
            asked_ms.append(lab.desk.server_clock.estimate_ms())
            return await query(asked)

        lab.desk.doubts.query = noted
        while order.state is not OrderState.NOT_PLACED:
            await asyncio.sleep(0.02)
        assert asked_ms[-1] >= order.proof_ms and asked_ms[-1] - asked_ms[0] >= 1_999
        after_s = (lab.exchange.now_ms() - order.proof_ms) / 1000
        await lab.desk.stop()
        return after_s

    return run(loop, work())


def test_an_exchange_that_is_always_slow_about_orders_is_waited_for() -> None:
    """Everything else is answered at once meanwhile, which alone would look as if questions got lost."""
    loop = VirtualTimeLoop()

    async def work() -> None:
        lab = _Run(PROFILES["unique-open"], 0, loop)
        rest, weather = lab.desk.rest, lab.exchange.weather
        weather.faulty = False
        travel = rest._travel

        async def slowly(call: Call[Any], signed_ms: int) -> Any:
            if call.request.path != "time":
                await asyncio.sleep(2.5)
            return await travel(call, signed_ms)

        rest._travel = slowly  # type: ignore[method-assign]

        async def chatter() -> None:
            while True:
                await lab.desk._sample_clock()

        await asyncio.sleep(1.0)
        weather.hole = True
        order = lab.place()
        await asyncio.sleep(6.0)
        weather.hole = False
        chatting = asyncio.create_task(chatter())
        await asyncio.sleep(60.0)
        chatting.cancel()
        assert order.state is OrderState.NOT_PLACED
        await lab.desk.stop()

    run(loop, work())


def test_a_desk_that_does_not_wait_for_the_proof_time_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OrderDoubts, "_past_proof", lambda self, order: True)
    outcomes = [play(PROFILES["slow-engine"], seed) for seed in range(RUNS)]
    assert any("shown as NOT_PLACED" in words for outcome in outcomes for words in outcome.wrong_ends)


@pytest.mark.parametrize("name", PROFILES)
def test_one_seed_is_one_run(name: str) -> None:
    first, again, other = play(PROFILES[name], 3), play(PROFILES[name], 3), play(PROFILES[name], 4)
    assert first == again and first.digest
    assert first.digest != other.digest


@pytest.mark.parametrize("placed", [True, False])
def test_o5_ten_minutes_offline_end_within_three_seconds_of_the_network_coming_back(placed: bool) -> None:
    loop = VirtualTimeLoop()

    async def work() -> None:
        lab = _Run(PROFILES["unique-open"], 0, loop)
        weather = lab.exchange.weather
        weather.faulty = False
        while not lab.desk.clock_known:
            await asyncio.sleep(0.1)
        weather.stream_up, weather.hole = False, not placed
        order = lab.place()
        await asyncio.sleep(0.06)
        weather.offline = True
        weather.hole = True
        await asyncio.sleep(600.0)
        assert order.state is OrderState.UNKNOWN and order.questions > 60
        assert lab.desk.rest.requests.count("POST place") == 1
        weather.offline = weather.hole = False
        await asyncio.sleep(3.0)
        if placed:
            assert order.state is not OrderState.UNKNOWN and order.exchange_order_id
        else:
            await asyncio.sleep(3.0)
            assert order.state is OrderState.NOT_PLACED
        assert lab.desk.rest.requests.count("POST place") == 1
        assert len(lab.exchange.ledger) == int(placed)
        await lab.desk.stop()

    run(loop, work())


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
