"""A cancel over two accounts: progress, outcomes in words, leftovers first."""

from __future__ import annotations

from app.core.cancellation import CancellationReceipt, CancellationResult, CancelOutcome
from app.core.types import Side, VenueState
from app.ui.dialogs.cancel_receipt import CancelReceiptDialog
from app.ui.panels.open_orders_cancel import CancelScope, start_cancel


def column(dialog: CancelReceiptDialog, at: int) -> list[str]:
    return [dialog.model.index(row, at).data() for row in range(dialog.model.rowCount())]


def test_every_outcome_has_its_words_and_leftovers_come_first(qtbot, desk, exchange):
    outcomes = list(CancelOutcome)
    orders = [exchange.order("BTC-USDT", Side.BUY, f"{60000 + at}", "1") for at in range(len(outcomes))]
    exchange.cancel_outcomes = {order.key: (outcome, "") for order, outcome in zip(orders, outcomes, strict=True)}
    dialog = CancelReceiptDialog(start_cancel(desk, "Cancel all", [CancelScope(exchange)]))
    qtbot.addWidget(dialog)
    dialog.show()
    assert column(dialog, 3) == [
        "Refused",
        "Unknown, may still be open",
        "Cancelled",
        "Accepted, end not confirmed yet",
        "Filled before the cancel",
        "Already closed",
        "Queued behind the order itself",
    ]
    assert column(dialog, 2)[0] == "Buy 1 at 60,004"
    assert dialog.verdict.text() == "2 of 7 may still be open"


def test_progress_then_result(qtbot, desk, exchange):
    exchange.order("BTC-USDT")
    exchange.hold_cancels = True
    dialog = CancelReceiptDialog(start_cancel(desk, "Cancel all", [CancelScope(exchange)]))
    qtbot.addWidget(dialog)
    dialog.show()
    assert column(dialog, 3) == ["Waiting for the answer"]
    assert dialog.summary.text() == "1 asked  ·  waiting for Poloniex"
    desk.release()
    assert column(dialog, 3) == ["Cancelled"]
    assert dialog.verdict.text() == "Cancel all: done"


def test_an_order_the_answer_does_not_mention_is_unknown(desk, exchange):
    order = exchange.order("BTC-USDT")

    async def silent(**_scope):
        return CancellationReceipt(())

    exchange.cancel_all = silent
    job = start_cancel(desk, "Cancel all", [CancelScope(exchange)])
    assert [(line.outcome, line.left_over) for line in job.lines] == [(CancelOutcome.UNKNOWN, True)]
    exchange.report(order, state=VenueState.CANCELED)
    assert job.left_over == []


def test_an_order_that_only_the_exchange_knew_is_listed_too(desk, exchange):
    async def more(**_scope):
        return CancellationReceipt((CancellationResult("#77", "ETH-USDT", CancelOutcome.CANCELED),))

    exchange.cancel_all = more
    job = start_cancel(desk, "Cancel all", [CancelScope(exchange)])
    assert [(line.order_key, line.pair) for line in job.lines] == [("#77", "ETH-USDT")]
    assert job.words() == "1 asked  ·  1 cancelled"


def test_nothing_to_cancel(qtbot, desk, exchange):
    dialog = CancelReceiptDialog(start_cancel(desk, "Cancel all", [CancelScope(exchange)]))
    qtbot.addWidget(dialog)
    assert dialog.verdict.text() == "Nothing to cancel"
