"""Opening and closing exchanges from the window, on real twins."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from app.config import Paths
from app.ui.dialogs.exchanges import ExchangesDialog
from app.workspace import Workspace
from tests.lab.desk import Play
from tests.lab.fixtures import play  # noqa: F401
from tests.until import until


def press(dialog: ExchangesDialog, name: str) -> None:
    button = next(b for b in dialog.findChildren(QPushButton) if b.accessibleName() == name)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.usefixtures("qapp")
def test_a_paper_twin_is_opened_twice_and_closed(play: Play, tmp_path: Path) -> None:  # noqa: F811
    async def story() -> None:
        workspace = Workspace(Paths(tmp_path))
        window = QWidget()
        dialog = ExchangesDialog(workspace, window)
        seen: list[str] = []
        dialog.opened.connect(seen.append)
        dialog.open()
        try:
            press(dialog, "Poloniex: Paper twin")
            await until(lambda: seen == ["poloniex"])
            press(dialog, "Poloniex: Paper twin")
            await until(lambda: seen == ["poloniex", "poloniex:paper"])
            await until(lambda: all(e.order_book_tracker.ready for e in workspace.exchanges.values()), what="books")
            press(dialog, "Close poloniex:paper")
            await until(lambda: list(workspace.exchanges) == ["poloniex"])
        finally:
            dialog.close()
            await workspace.close()

    play(story())
