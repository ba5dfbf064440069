"""Tells the same life of an order in many orders and with repetitions: what is known in the end must not differ.

`python -m tests.lab.order_facts --lists 1000000` prints how many lists were told and how many ended differently, lost a
quantity or counted one twice.
"""

from __future__ import annotations

import argparse
import sys
import time
from decimal import Decimal
from random import Random
from typing import Any

from app.core.journal import EntryKind, JournalEntry, apply_entry
from app.core.order_state import OrderFlag
from app.core.order_tracker import OrderTracker
from app.core.orders import InFlightOrder, OrderIntent
from app.core.types import Fill, OrderType, OrderUpdate, Side, VenueState

PAIR = "BTC-USDT"
_OURS, _THEIRS = "k1", "E1"
_AMOUNT = Decimal(1)
_COMPARED = (OrderFlag.OVERFILLED, OrderFlag.FILLS_MISSING, OrderFlag.EXTERNAL)
_ENDS = (VenueState.FILLED, VenueState.CANCELED, VenueState.EXPIRED, VenueState.FAILED)
_INTENT = OrderIntent(
    client_order_id=_OURS,
    pair=PAIR,
    side=Side.BUY,
    type=OrderType.LIMIT,
    price=Decimal(100),
    amount=_AMOUNT,
    created_ms=1,
    proof_ms=10,
)


def life(random: Random) -> list[JournalEntry]:
    """What happened to one order, as everything that could be told of it, in the order in which it happened."""
    entries = [_mark(EntryKind.SENT)]
    if random.random() < 0.5:
        entries.append(_mark(EntryKind.AMBIGUOUS))
    if random.random() < 0.7:
        entries.append(JournalEntry(kind=EntryKind.ACCEPTED, key=_OURS, wall_ms=2, exchange_order_id=_THEIRS))
    if random.random() < 0.1:
        entries.append(_mark(EntryKind.ABSENT))
    if random.random() < 0.1:
        entries.append(_mark(EntryKind.EXISTS))
    filled, ms = Decimal(0), 10
    twice_numbered = random.random() < 0.3
    # One report at least names both ids: without it nobody could know that they are one order.
    entries.append(_update(VenueState.OPEN, filled, ms, _OURS))
    for number in range(random.randint(0, 4)):
        ms += random.randint(1, 20)
        amount = Decimal(random.choice(("0.1", "0.25", "0.25", "0.5")))
        filled += amount
        entries.append(_fill(f"t{number}", amount, ms, random.choice(("", _OURS))))
        if twice_numbered and random.random() < 0.7:
            entries.append(_fill(f"r{number}", amount, ms, "", "rest"))
        if random.random() < 0.6:
            entries.append(_update(VenueState.OPEN, filled, ms, random.choice(("", _OURS))))
        if random.random() < 0.3:
            entries.append(_mark(random.choice((EntryKind.CANCEL_REQUESTED, EntryKind.CANCEL_AMBIGUOUS))))
    if random.random() < 0.7:
        for _ in range(random.choice((1, 1, 2))):
            ms += random.randint(0, 20)
            entries.append(_update(random.choice(_ENDS), filled, ms, random.choice(("", _OURS))))
    return entries


def told(entries: list[JournalEntry]) -> OrderTracker:
    """What is known after these reports, in this order."""
    tracker = OrderTracker()
    apply_entry(tracker, JournalEntry(kind=EntryKind.INTENT, key=_OURS, wall_ms=1, intent=_INTENT))
    for entry in entries:
        apply_entry(tracker, entry)
    return tracker


def known(tracker: OrderTracker) -> tuple[object, ...]:
    """Everything that must not depend on the order of the reports."""
    orders: list[InFlightOrder] = list(tracker)
    order = orders[0]
    return (
        len(orders),
        len(tracker.waiting_fills),
        order.key,
        order.exchange_order_id,
        order.state,
        order.filled,
        order.filled_quote,
        order.remaining,
        order.average_price,
        order.fills_missing,
        sorted((fill.amount, fill.price) for fill in order.fills),
        tuple(flag in order.flags for flag in _COMPARED),
    )


def shuffled(random: Random, entries: list[JournalEntry]) -> list[JournalEntry]:
    """All of them in any order, some of them again."""
    again = [entry for entry in entries if random.random() < 0.3]
    mixed = entries + again
    random.shuffle(mixed)
    return mixed


def wrong_in(seed: int, repeats: int = 4) -> tuple[int, str]:
    """How many lists were told of one life, and what was wrong with them, or nothing."""
    random = Random(seed)
    entries = life(random)
    truth = known(told(entries))
    fills = [entry.fill for entry in entries if entry.fill is not None and not entry.fill.id_space]
    executed = sum((fill.amount for fill in fills), Decimal(0))
    if truth[5] != executed or truth[9] != 0:
        return 1, f"seed {seed}: {truth[5]} counted of {executed} executed"
    for _ in range(repeats):
        mixed = shuffled(random, entries)
        ended = known(told(mixed))
        if ended != truth:
            names = [f"{e.kind}{'' if e.update is None else ' ' + e.update.state}" for e in mixed]
            return repeats + 1, f"seed {seed}: {ended} instead of {truth} after {', '.join(names)}"
    return repeats + 1, ""


def _mark(kind: EntryKind) -> JournalEntry:
    return JournalEntry(kind=kind, key=_OURS, wall_ms=3, text="told")


def _update(state: VenueState, filled: Decimal, ms: int, ours: str) -> JournalEntry:
    update = OrderUpdate(
        pair=PAIR,
        state=state,
        venue_word=state.value,
        exchange_order_id=_THEIRS,
        client_order_id=ours,
        side=Side.BUY,
        type=OrderType.LIMIT,
        price=Decimal(100),
        amount=_AMOUNT,
        filled=filled,
        exchange_ms=ms,
    )
    return JournalEntry(kind=EntryKind.UPDATE, key=ours or f"#{_THEIRS}", wall_ms=ms, update=update)


def _fill(trade_id: str, amount: Decimal, ms: int, ours: str, id_space: str = "") -> JournalEntry:
    fill = Fill(
        pair=PAIR,
        exchange_order_id=_THEIRS,
        trade_id=trade_id,
        side=Side.BUY,
        price=Decimal(100) + ms,
        amount=amount,
        client_order_id=ours,
        exchange_ms=ms,
        id_space=id_space,
    )
    return JournalEntry(kind=EntryKind.FILL, key=ours or f"#{_THEIRS}", wall_ms=ms, fill=fill)


def figures(most: int, from_seed: int = 0) -> dict[str, Any]:
    """So many lists told; what was wrong with the first five that were."""
    lists, seed, wrong = 0, from_seed, list[str]()
    while lists < most:
        count, words = wrong_in(seed)
        lists += count
        seed += 1
        wrong += [words] if words else []
    return {"lists": lists, "orders": seed - from_seed, "wrong": len(wrong), "first wrong": wrong[:5]}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.order_facts", description=__doc__)
    parser.add_argument("--lists", type=int, default=10_000)
    parser.add_argument("--from-seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    began, told = time.perf_counter(), figures(asked.lists, asked.from_seed)
    for words in told["first wrong"]:
        print(words)
    took_s = time.perf_counter() - began
    print(f"{told['lists']} lists of {told['orders']} orders in {took_s:.0f} s: {told['wrong']} wrong")
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
