"""Waiting with a time limit, safely cancelled. No I/O."""

from __future__ import annotations

import asyncio


async def happens(event: asyncio.Event, within_s: float) -> bool:
    """Whether the event is set in time.

    `asyncio.wait_for` may swallow a cancellation that meets the event being set; a loop around it then never ends.
    """
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def cut_short(limit: asyncio.Timeout | None, at_s: float | None = None) -> None:
    """End what runs inside this `asyncio.timeout` at that time of the loop (now by default), as if time were over."""
    if limit is not None and not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time() if at_s is None else at_s)
