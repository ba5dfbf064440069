"""A test order from the form: the exchange checks it in its own words, and nothing is placed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.types import Side
from app.twin_process import TwinProcess
from app.ui.dialogs.dry_run import DryRunDialog
from app.ui.dialogs.test_on_exchange import NOTHING_PLACED
from tests.lab.desk import Desk, Play
from tests.until import until


async def dry_run(desk: Desk, amount: str) -> DryRunDialog:
    entry = desk.window.entry
    await desk.click_price(Side.BUY, 4)
    entry.amount.edit.setFocus()
    entry.amount.edit.selectAll()
    QTest.keyClicks(entry.amount.edit, amount)
    QTest.mouseClick(entry.dry, Qt.MouseButton.LeftButton)
    await until(lambda: entry.dry_run_dialog is not None, what="the dry run")
    assert entry.dry_run_dialog is not None
    return entry.dry_run_dialog


@pytest.mark.parametrize("name", ["binance", "coinbase"])
def test_the_exchange_checks_it_and_places_nothing(play: Play, tmp_path: Path, name: str) -> None:
    async def story() -> None:
        twin = TwinProcess(name, seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            dialog = await dry_run(desk, "0.01")
            test = dialog.test
            assert test is not None and test.button.text() == f"Test on {desk.exchange.title}"
            QTest.mouseClick(test.button, Qt.MouseButton.LeftButton)
            await until(lambda: test.button.isEnabled() and test.message.isVisibleTo(dialog), what="the answer")
            assert test.verdict.text() == f"{desk.exchange.title} would take this order."
            assert test.facts.text().endswith(NOTHING_PLACED)
            if name == "coinbase":
                price = desk.window.entry.price.edit.value()
                assert price is not None
                words = test.facts.text().split("  ·  ")
                assert words[0].startswith("fee ") and words[0].endswith(" USD")
                total = Decimal(words[1].split()[1].replace(",", ""))
                assert total > price * Decimal("0.01") and words[2].startswith("slippage ")
            else:
                assert test.facts.text().startswith("it tells no fee")
            assert len(desk.exchange.orders) == 0
            number = int(test.message.text().partition("#")[2])
            frame = desk.workspace.log.get(number)
            assert frame is not None and ("order/test" in frame.path or "preview" in frame.path)
            QTest.mouseClick(test.message, Qt.MouseButton.LeftButton)
            await until(lambda: f"{number:,}" in [row.number for row in desk.window.inspector.visible_rows()])
            dialog.accept()
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_a_refusal_is_in_the_exchanges_words(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        twin = TwinProcess("coinbase", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            dialog = await dry_run(desk, "9000")
            assert dialog.test is not None
            QTest.mouseClick(dialog.test.button, Qt.MouseButton.LeftButton)
            await until(lambda: dialog.test.verdict.text().startswith("Coinbase would refuse it: "), what="its words")
            assert dialog.test.verdict.text().endswith(": PREVIEW_INVALID_BASE_SIZE_TOO_LARGE")
            assert dialog.test.facts.text() == NOTHING_PLACED and len(desk.exchange.orders) == 0
            dialog.accept()
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_where_there_are_none_the_dry_run_says_so_and_the_confirmation_has_no_button(
    play: Play, tmp_path: Path
) -> None:
    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            dialog = await dry_run(desk, "0.01")
            assert dialog.test is not None and not dialog.test.button.isVisibleTo(dialog)
            assert dialog.test.verdict.text() == "Poloniex has no test orders."
            dialog.accept()
            entry = desk.window.entry
            await until(lambda: entry.submit.isEnabled(), what="the button")
            QTest.mouseClick(entry.submit, Qt.MouseButton.LeftButton)
            await until(lambda: entry.confirmation is not None, what="the question")
            assert entry.confirmation is not None and entry.confirmation.test is None
            entry.confirmation.reject()
        finally:
            await desk.close()
            twin.stop()

    play(story())
