"""Queues that somebody outside reads from: a full one loses its oldest entry and never holds up the reader."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")

MOST_WAITING = 10_000


def offer(tap: asyncio.Queue[T], event: T) -> None:
    """Put the event into the queue; one that is full gives up its oldest."""
    if tap.full():
        tap.get_nowait()
    tap.put_nowait(event)
