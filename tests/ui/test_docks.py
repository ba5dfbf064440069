"""Where panels stand after a start, when the layout remembered is older than the program."""

from __future__ import annotations

import base64

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMainWindow

from app.ui.docks import DockHost

_AREA, _H, _V = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.Orientation.Horizontal, Qt.Orientation.Vertical


def window_with(qtbot, *names: str) -> tuple[QMainWindow, DockHost]:
    """Chart and book side by side; `grid` by default behind the chart, `lens` in a column of its own."""
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(1200, 600)
    host = DockHost(window)
    for name in names:
        panel = QLabel(name)
        panel.setMinimumSize(100, 100)
        host.add(name, name.title(), panel)
    window.addDockWidget(_AREA, host["chart"], _H)
    window.splitDockWidget(host["chart"], host["book"], _H)
    if "grid" in names:
        window.tabifyDockWidget(host["chart"], host["grid"])
        host["chart"].raise_()
    if "lens" in names:
        window.splitDockWidget(host["book"], host["lens"], _H)
    window.show()
    qtbot.waitExposed(window)
    return window, host


def older_state(qtbot) -> tuple[str, int]:
    """A layout with a wide chart, and how wide it is."""
    window, host = window_with(qtbot, "chart", "book")
    window.resizeDocks([host["chart"], host["book"]], [800, 390], _H)
    qtbot.waitUntil(lambda: host["chart"].width() > 700)
    return host.save(), host["chart"].width()


def test_a_panel_younger_than_the_layout_stands_behind_its_neighbour_or_is_closed(qtbot) -> None:
    state, wide = older_state(qtbot)
    window, host = window_with(qtbot, "chart", "book", "grid", "lens")
    assert host["chart"].width() < 500
    assert host.restore(state)
    qtbot.waitUntil(lambda: host["chart"].width() == wide)
    assert host["book"].x() > wide
    assert [dock.objectName() for dock in window.tabifiedDockWidgets(host["chart"])] == ["grid"]
    assert not host["chart"].visibleRegion().isEmpty() and host["grid"].visibleRegion().isEmpty()
    assert host["lens"].isHidden()
    host.bring_up("lens")
    qtbot.waitUntil(lambda: not host["lens"].visibleRegion().isEmpty())


def test_a_layout_that_knows_every_panel_is_restored_as_it_was(qtbot) -> None:
    window, host = window_with(qtbot, "chart", "book", "grid", "lens")
    window.splitDockWidget(host["chart"], host["grid"], _V)
    host["book"].close()
    state = host.save()
    again, restored = window_with(qtbot, "chart", "book", "grid", "lens")
    assert restored.restore(state)
    assert again.tabifiedDockWidgets(restored["chart"]) == []
    qtbot.waitUntil(lambda: restored["grid"].y() > restored["chart"].y())
    assert restored["book"].isHidden() and not restored["lens"].isHidden()


@pytest.mark.parametrize("state", ["", "?", base64.b64encode(b"not a window's state").decode()])
def test_what_is_no_layout_changes_nothing(qtbot, state: str) -> None:
    window, host = window_with(qtbot, "chart", "book", "grid")
    places = {name: host[name].geometry() for name in host.names}
    assert not host.restore(state)
    assert {name: host[name].geometry() for name in host.names} == places
    assert [dock.objectName() for dock in window.tabifiedDockWidgets(host["chart"])] == ["grid"]
