"""How a book begins where the stream sends no snapshot first: it is asked over REST and joined. No reading of frames.

OKX announced in 2026-02 that the stream's snapshot will end in favour of this; it was still sent when last seen. So
nothing is asked as long as a snapshot is the first message after the acknowledgement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from app.core.effects import NOTHING, Effect, Perform, Unknown
from app.core.requests import Call, Request, Response
from app.core.types import BookDiff, BookSnapshot

_MOST_ATTEMPTS = 5


class _Stage:
    """`ASKED` before the acknowledgement, `ACKNOWLEDGED` before the first message, else joining from `after` on."""

    def __init__(self, after: int = 0) -> None:
        self.after = after


_ASKED, _ACKNOWLEDGED = _Stage(), _Stage()


class BookStarts:
    """Books whose first message has not come. Messages read again later change nothing that matters.

    An old message read again while a book is starting can at most ask REST once too often.
    """

    def __init__(self, request: Callable[[str], Request], read: Callable[[str, Response], BookSnapshot]) -> None:
        self.stages: dict[str, _Stage] = {}
        """By pair; empty as soon as every book has begun."""
        self._request = request
        self._read = read

    def asked(self, pair: str) -> None:
        self.stages[pair] = _ASKED

    def forget(self, pair: str) -> None:
        """The snapshot came, or nobody wants the book any more."""
        self.stages.pop(pair, None)

    def acknowledged(self, pair: str) -> None:
        """Changes before this moment belong to an older subscription."""
        if self.stages.get(pair) is _ASKED:
            self.stages[pair] = _ACKNOWLEDGED

    def on_diff(self, diff: BookDiff) -> Iterable[Effect]:
        """The change as the book needs it now: while it joins, as a range that waits for the snapshot."""
        stage = self.stages.get(diff.pair)
        if stage is None or stage is _ASKED or diff.prev_id is None:
            return (diff,)
        ranged = replace(diff, prev_id=None, first_id=diff.prev_id + 1)
        if stage is not _ACKNOWLEDGED:
            return (ranged,)
        stage = self.stages[diff.pair] = _Stage(diff.prev_id)
        return Perform(self._ask(diff.pair, stage, 1)), ranged

    def _ask(self, pair: str, stage: _Stage, attempt: int) -> Call[Iterable[Effect]]:
        def parse(response: Response) -> Iterable[Effect]:
            snapshot = self._read(pair, response)
            if self.stages.get(pair) is not stage:
                return NOTHING
            if snapshot.last_id is not None and snapshot.last_id < stage.after and attempt < _MOST_ATTEMPTS:
                return (Perform(self._ask(pair, stage, attempt + 1)),)
            del self.stages[pair]
            if snapshot.last_id is None:
                return (Unknown(f"the book of {pair} over REST has no seqId and cannot join the stream"),)
            if snapshot.last_id < stage.after:
                return (Unknown(f"the book of {pair} over REST stays older than the stream"),)
            return (snapshot,)

        return Call(request=self._request(pair), parse=parse)
