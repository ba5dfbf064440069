"""Panels in docks: made, moved, closed, reopened, and restored from a layout file. Knows no panel by name."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QByteArray, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QTabBar, QToolButton, QWidget

from app.ui import theme as look

SCHEMA = 1


class LayoutState(msgspec.Struct, omit_defaults=True):
    """What is remembered of a window. `geometry` and the values of `layouts` are Qt's own, in base64."""

    schema: int = SCHEMA
    geometry: str = ""
    layouts: dict[str, str] = {}
    current: str = ""
    values: dict[str, Any] = {}


class DockHost(QObject):
    """Docks of one window. `add` returns the dock; named layouts are kept beside each other."""

    rearranged = Signal()
    """Some were shown, hidden, moved or raised, which puts them before other children of the window."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._docks: dict[str, QDockWidget] = {}
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.timeout.connect(self._settle)
        window.setDockNestingEnabled(True)
        window.setDockOptions(
            QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.GroupedDragging
        )
        window.setTabPosition(
            Qt.DockWidgetArea.AllDockWidgetAreas, window.tabPosition(Qt.DockWidgetArea.TopDockWidgetArea)
        )

    def add(self, name: str, title: str, panel: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self._window)
        dock.setObjectName(name)
        dock.setWidget(panel)
        dock.setAccessibleName(title)
        dock.setTitleBarWidget(_TitleBar(dock, getattr(panel, "header", None)))
        for change in (dock.visibilityChanged, dock.topLevelChanged, dock.dockLocationChanged):
            change.connect(self._settle_soon)
        self._docks[name] = dock
        return dock

    def __getitem__(self, name: str) -> QDockWidget:
        return self._docks[name]

    @property
    def names(self) -> list[str]:
        return list(self._docks)

    def toggle_actions(self) -> list[QAction]:
        """One checkable action per panel: closes and reopens it."""
        return [dock.toggleViewAction() for dock in self._docks.values()]

    def bring_up(self, name: str) -> QWidget:
        """Show the panel, in front of those it shares its place with, and give it the keyboard."""
        dock = self._docks[name]
        dock.show()
        dock.raise_()
        panel = dock.widget()
        panel.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return panel

    def _settle_soon(self) -> None:
        self._settling.start(0)

    def _settle(self) -> None:
        self._name_tabs()
        self.rearranged.emit()

    def _name_tabs(self) -> None:
        """Qt makes tab bars for docks as they are stacked, and gives them no name."""
        for bar in self._window.findChildren(QTabBar):
            if not bar.accessibleName():
                inside = bar.parentWidget().accessibleName() if bar.parentWidget() is not None else ""
                bar.setAccessibleName(f"Tabs of {inside}" if inside else "Panel tabs")

    def save(self) -> str:
        return base64.b64encode(self._window.saveState(SCHEMA).data()).decode()

    def restore(self, state: str) -> bool:
        """Returns False when the state is not one of ours; panels may then have to be put in place anew.

        A panel younger than the state goes behind one it shares its place with now, or is closed.
        """
        try:
            data = base64.b64decode(state, validate=True)
        except (binascii.Error, ValueError):
            return False
        window = self._window
        young = [name for name in self._docks if not _tells(data, name)]
        if len(young) == len(self._docks):
            return False
        beside = {name: window.tabifiedDockWidgets(self._docks[name]) for name in young}
        for name in young:
            # Qt would make a column of its own for it, however narrow the others become.
            window.removeDockWidget(self._docks[name])
        if not window.restoreState(QByteArray(data), SCHEMA):
            return False
        for name, companions in beside.items():
            settled = [each for each in companions if each.objectName() not in young and not each.isFloating()]
            if settled:
                window.tabifyDockWidget(settled[0], self._docks[name])
                self._docks[name].show()
                settled[0].raise_()
        return True

    def save_geometry(self) -> str:
        return base64.b64encode(self._window.saveGeometry().data()).decode()

    def restore_geometry(self, geometry: str) -> bool:
        """Put the window where it was, moved onto a screen that exists."""
        try:
            restored = self._window.restoreGeometry(QByteArray(base64.b64decode(geometry, validate=True)))
        except (binascii.Error, ValueError):
            return False
        place = self._window.frameGeometry()
        screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if restored and not any(screen.intersects(place) for screen in screens):
            self._window.move(screens[0].topLeft())
        return restored


def _tells(state: bytes, name: str) -> bool:
    """Whether Qt's state of a window holds the dock: its name stands there as length and UTF-16."""
    text = name.encode("utf-16-be")
    return len(text).to_bytes(4, "big") + text in state


class _TitleBar(QWidget):
    """The panel's own header with the dock's two buttons, so that no panel has two titles."""

    def __init__(self, dock: QDockWidget, header: QWidget | None) -> None:
        super().__init__(dock)
        self._dock = dock
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 2, 0)
        row.setSpacing(0)
        if header is not None:
            row.addWidget(header, 1)
        else:
            row.addStretch(1)
        row.addWidget(self._button("detach", f"Detach {dock.windowTitle()}", self._toggle_floating))
        row.addWidget(self._button("close", f"Close {dock.windowTitle()}", dock.close))
        self.setAutoFillBackground(True)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            for button in self.findChildren(QToolButton, options=Qt.FindChildOption.FindDirectChildrenOnly):
                button.setIcon(look.icon(button.property("icon_name"), look.current().secondary))

    def _button(self, icon: str, name: str, action: Callable[[], object]) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("icon_name", icon)
        button.setIcon(look.icon(icon, look.current().secondary))
        button.setAutoRaise(True)
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda _checked=False: action())
        size = look.current().px(22)
        button.setFixedSize(size, size)
        return button

    def _toggle_floating(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())


def load_layout(path: Path) -> LayoutState | None:
    """The remembered layout; None when there is none or it cannot be used (a broken file is kept as *.broken)."""
    try:
        state = msgspec.json.decode(path.read_bytes(), type=LayoutState)
    except OSError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            path.replace(path.with_suffix(".broken"))
        except OSError:
            pass
        return None
    return state if state.schema == SCHEMA else None


def save_layout(path: Path, state: LayoutState) -> None:
    """Replace the file in one step. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
    os.replace(beside, path)
