"""A short run of the oracle on every push; `python -m tests.lab.book_oracle` runs longer ones."""

from __future__ import annotations

import pytest

from app.core.order_book import BookSync
from tests.lab.book_oracle import run_virtual
from tests.lab.oracle_venues import ORACLES


@pytest.mark.parametrize("exchange", sorted(ORACLES))
def test_no_wrong_book_is_ever_said_to_be_live(exchange: str) -> None:
    tally = run_virtual(exchange, 1, 4_000)
    assert tally.wrong == 0, tally.first_wrong
    assert tally.updates == 4_000 and tally.compared > 3_500
    assert set(tally.faults) == {"dropped", "doubled", "swapped", "spoilt"} and len(tally.resync_s) > 5
    assert sorted(tally.resync_s)[len(tally.resync_s) // 2] <= 3.0


def test_the_oracle_would_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a book that applies whatever comes, as some feeds do, it finds hundreds of wrong ones."""

    def apply_all(self: BookSync, diff: object) -> None:
        self.book.apply_diff(diff)  # type: ignore[arg-type]

    monkeypatch.setattr(BookSync, "on_diff", apply_all)
    assert run_virtual("poloniex", 1, 4_000).wrong > 300
