"""The default layouts at sizes that screens have: no panel covers another, and the main one has the room."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QWidget

from app.twin_process import TwinLine
from app.ui.docks import DockHost
from tests.lab.desk import Desk, Play
from tests.until import until


def shown(docks: DockHost) -> dict[str, QRect]:
    """Places of the panels that can be seen, by name; of stacked ones only the front one."""
    fronts = [name for name in docks.names if not docks[name].titleBarWidget().visibleRegion().isEmpty()]
    return {name: docks[name].geometry() for name in fronts}


def covered(docks: DockHost) -> list[tuple[str, str]]:
    pairs = itertools.combinations(shown(docks).items(), 2)
    return [(one, other) for (one, first), (other, second) in pairs if first.intersects(second)]


def all_of(widget: QWidget, window: QWidget) -> bool:
    """Whether the whole widget lies inside the window, and nothing cuts it off."""
    place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
    return widget.visibleRegion().boundingRect() == widget.rect() and window.rect().contains(place)


@pytest.mark.parametrize("size", [(1366, 720), (1920, 1040)])
def test_default_layouts_fit(play: Play, twin_line: TwinLine, tmp_path: Path, size: tuple[int, int]) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        await desk.open(twin_line)
        window = desk.window
        try:
            window.resize(*size)
            for layout, main in (("stream", "inspector"), ("markets", "grid"), ("trade", "candles")):
                window.memory.use_layout(layout)
                window.memory.reset_layout()  # trade was laid out for the size before
                await until(lambda: main in shown(window.docks), what=main, seen=lambda: shown(window.docks))  # noqa: B023
                await until(lambda: covered(window.docks) == [], what=layout, seen=lambda: covered(window.docks))
                areas = {name: place.width() * place.height() for name, place in shown(window.docks).items()}
                assert max(areas, key=areas.__getitem__) == main or layout == "trade", areas
                assert (window.width(), window.height()) == size
            assert all_of(window.entry.submit, window) and all_of(window.status, window)
        finally:
            await desk.close()

    play(story())


def test_a_wide_layout_on_a_low_screen_keeps_its_button(play: Play, twin_line: TwinLine, tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        await desk.open(twin_line)
        window = desk.window
        try:
            window.memory.reset_layout()
            await until(lambda: {"entry", "balances", "tape"} <= set(shown(window.docks)), what="the wide layout")
            window.resize(1366, 720)
            await until(lambda: all_of(window.entry.submit, window), what="the whole button")
            assert covered(window.docks) == [] and all_of(window.entry.dry, window)
        finally:
            await desk.close()

    play(story())
