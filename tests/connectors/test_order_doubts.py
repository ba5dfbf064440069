"""When an order in doubt is asked for, and what ends a doubt: in virtual time, against an exchange in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from app.core.journal import EntryKind, JournalEntry
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from tests.lab.memory_exchange import PROFILES
from tests.lab.order_outcome import _Run
from tests.lab.virtual_time import VirtualTimeLoop, run

Story = Callable[[_Run, VirtualTimeLoop], Awaitable[None]]


def tell(story: Story) -> None:
    loop = VirtualTimeLoop()

    async def work() -> None:
        lab = _Run(PROFILES["unique-open"], 1, loop)
        lab.exchange.weather.faulty = False
        while not lab.desk.clock_known:
            await asyncio.sleep(0.1)
        await story(lab, loop)
        await lab.desk.stop()

    run(loop, work())


def questions_of(lab: _Run, loop: VirtualTimeLoop) -> list[float]:
    """Times of the questions for one order, as they happen."""
    times: list[float] = []
    ask = lab.desk.doubts.query

    async def noted(order: InFlightOrder) -> bool:
        times.append(loop.now_s)
        return await ask(order)

    lab.desk.doubts.query = noted
    return times


def test_it_is_asked_after_2_4_and_8_seconds_and_then_every_10_and_at_its_proof_time() -> None:
    async def story(lab: _Run, loop: VirtualTimeLoop) -> None:
        times = questions_of(lab, loop)
        lab.exchange.weather.hole = True
        order = lab.place()
        sent_s = loop.now_s
        await asyncio.sleep(5.5)
        assert order.state is OrderState.UNKNOWN
        lab.exchange.weather.hole, lab.exchange.weather.stream_up = False, False
        proof_s = loop.now_s + (order.proof_ms - lab.desk.server_clock.estimate_ms()) / 1000
        while order.state is OrderState.UNKNOWN:
            await asyncio.sleep(0.05)
        assert order.state is OrderState.NOT_PLACED
        assert 1.6 <= times[0] - sent_s <= 2.5, "while its request is still without an answer"
        assert proof_s < loop.now_s < proof_s + 3.0
        assert any(abs(at - proof_s) < 0.1 for at in times), "asked the moment its absence can be proved"
        assert lab.exchange.ledger == []

    tell(story)


def test_a_cancel_in_doubt_is_asked_about_for_ever_at_growing_distance() -> None:
    async def story(lab: _Run, loop: VirtualTimeLoop) -> None:
        order = await _open(lab)
        await asyncio.sleep(5)  # nobody watches it any more
        times = questions_of(lab, loop)
        lab.desk.ledger.enter(EntryKind.CANCEL_AMBIGUOUS, order.key, 1, "no answer")
        begun_s = loop.now_s
        lab.desk.doubts.watch(order.key)
        await asyncio.sleep(60)
        assert order.state is OrderState.PENDING_CANCEL
        apart = [later - earlier for earlier, later in zip([begun_s, *times], times, strict=False)]
        for seconds, wanted in zip(apart, (2, 4, 8, 10, 10, 10), strict=False):
            assert 0.8 * wanted <= seconds <= 1.2 * wanted + 0.5
        assert len(apart) >= 5 and len({round(seconds, 3) for seconds in apart[3:]}) > 1, "never in step"

    tell(story)


def test_a_cancel_of_an_order_in_doubt_follows_when_it_turns_up() -> None:
    async def story(lab: _Run, loop: VirtualTimeLoop) -> None:
        weather = lab.exchange.weather
        weather.hole = True
        order = lab.place()
        await asyncio.sleep(5.5)
        weather.hole = weather.stream_up = False
        receipt = await lab.desk.sender.cancel(order)
        assert [result.outcome.value for result in receipt.results] == ["queued"]
        assert order.state is OrderState.UNKNOWN
        # The request had only been slow: the engine gets it now.
        lab.exchange.quiet_from_s = 0.0
        lab.exchange._random.random = lambda: 0.99  # type: ignore[method-assign]
        lab.exchange.place(order.terms, lab.exchange.now_ms(), lambda answer: None)
        while not order.is_done:
            await asyncio.sleep(0.1)
        assert order.state is OrderState.CANCELED and lab.exchange.ledger[0].state.value == "canceled"

    tell(story)


async def _open(lab: _Run) -> InFlightOrder:
    lab.exchange._random.random = lambda: 0.99  # type: ignore[method-assign]
    order = lab.place()
    while order.state is not OrderState.OPEN:
        await asyncio.sleep(0.05)
    return order


def test_an_order_that_took_too_long_to_write_down_is_not_sent() -> None:
    async def story(lab: _Run, loop: VirtualTimeLoop) -> None:
        commit = lab.journal.commit

        async def slow(entry: JournalEntry) -> None:
            await commit(entry)
            await asyncio.sleep(5.5)

        lab.journal.commit = slow  # type: ignore[method-assign]
        order = lab.place()
        await asyncio.sleep(6)
        assert (order.state, order.reason) == (OrderState.NOT_PLACED, "not sent: recording it took 6 s")
        assert "POST place" not in lab.desk.rest.requests

    tell(story)


def test_the_proof_time_counts_from_the_signature_not_from_the_click() -> None:
    async def story(lab: _Run, loop: VirtualTimeLoop) -> None:
        spec = lab.desk.venue.spec
        lab.exchange.weather.hole = True
        order = lab.place()
        signed_ms = lab.desk.venue.now_ms()
        assert (
            order.proof_ms
            == order.terms.proof_ms
            == signed_ms + 5_000 + 5_000 + spec.signing_window_ms + 1_000 + (spec.engine_grace_ms)
        ), "until it is signed, the latest that it can be"
        await asyncio.sleep(5.5)
        proof_ms = signed_ms + spec.signing_window_ms + 1_000 + spec.engine_grace_ms
        assert proof_ms <= order.proof_ms <= proof_ms + 50

    tell(story)
