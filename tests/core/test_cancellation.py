"""What became of a cancel, for each order and in words."""

from __future__ import annotations

import pytest

from app.core.cancellation import CancellationReceipt, CancellationResult, CancelOutcome


def receipt(*outcomes: CancelOutcome) -> CancellationReceipt:
    results = [CancellationResult(f"k{number}", "BTC-USDT", outcome) for number, outcome in enumerate(outcomes)]
    return CancellationReceipt(tuple(results))


@pytest.mark.parametrize(
    ("outcome", "success", "left_over"),
    [
        (CancelOutcome.CANCELED, True, False),
        (CancelOutcome.ACCEPTED, True, False),
        (CancelOutcome.GONE, True, False),
        (CancelOutcome.FILLED_FIRST, False, False),
        (CancelOutcome.QUEUED, False, False),
        (CancelOutcome.REFUSED, False, True),
        (CancelOutcome.UNKNOWN, False, True),
    ],
)
def test_outcomes(outcome: CancelOutcome, success: bool, left_over: bool) -> None:
    one = receipt(outcome)
    assert (one.results[0].success, one.left_over == one.results) == (success, left_over)


def test_words_count_each_outcome() -> None:
    many = receipt(*[CancelOutcome.CANCELED] * 9, CancelOutcome.REFUSED, CancelOutcome.UNKNOWN, CancelOutcome.REFUSED)
    assert many.words() == "9 canceled, 2 refused, 1 unknown"
    assert [result.key for result in many.left_over] == ["k9", "k10", "k11"]


def test_nothing_to_cancel_says_so() -> None:
    assert receipt().words() == "nothing to cancel"
