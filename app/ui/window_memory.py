"""What a window remembers of itself: its place, its layouts, and what was shown of each market."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.ui import layouts
from app.ui.docks import LayoutState, load_layout, save_layout

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

_AUTOSAVE_MS = 60_000


class WindowMemory(QObject):
    """Writes its file every minute and when it is asked to. The layout left is kept beside the others."""

    def __init__(self, window: MainWindow, file: Path) -> None:
        super().__init__(window)
        self._window = window
        self._file = file
        self._state = load_layout(file) or LayoutState()
        self._autosave = QTimer(self)
        self._autosave.timeout.connect(self.save)
        self._autosave.start(_AUTOSAVE_MS)

    def put_in_place(self) -> None:
        """The window where it was; its panels take their sizes only later, by `restore`."""
        if self._state.geometry:
            self._window.docks.restore_geometry(self._state.geometry)
        else:
            self._window.move(self._window.screen().availableGeometry().topLeft())
        layouts.arrange(self._window, "trade")

    @property
    def fills_screen(self) -> bool:
        """Whether a window that nobody has placed yet is as wide or as high as its screen."""
        size, screen = self._window.size(), self._window.screen().availableGeometry()
        return not self._state.geometry and (size.width() >= screen.width() or size.height() >= screen.height())

    def restore(self) -> None:
        """The panels as they were."""
        window, state = self._window, self._state
        current = state.current if state.current in layouts.NAMES else "trade"
        if not self._lay_out(current):
            window.workspace.notices.warning("desk", "the saved layout could not be used; the default is shown")
        steps = state.values.get("ladder_steps")
        if isinstance(steps, dict):
            window.ladder.restore_steps({pair: step for pair, step in steps.items() if isinstance(step, int)})
        state.current = current
        window.ladder.setFocus()

    def use_layout(self, name: str) -> None:
        """Switch to a named layout; the one left is kept as it is."""
        docks, state = self._window.docks, self._state
        state.layouts[state.current] = docks.save()
        state.current = name
        self._lay_out(name)
        self._window.ladder.setFocus()

    def _lay_out(self, name: str) -> bool:
        """The panels as they were in this layout, else as by default. False: what was kept of it could not be used."""
        layouts.arrange(self._window, name)
        kept = self._state.layouts.get(name)
        if kept is None or self._window.docks.restore(kept):
            return True
        layouts.arrange(self._window, name)
        return False

    def reset_layout(self) -> None:
        """Back to the default of the current layout."""
        layouts.arrange(self._window, self._state.current)

    def last_pair(self, exchange_key: str) -> str:
        """The pair last shown of that exchange, or empty."""
        return str(self._state.values.get(f"pair:{exchange_key}", ""))

    def keep_pair(self, exchange_key: str, pair: str) -> None:
        self._state.values[f"pair:{exchange_key}"] = pair

    def save(self) -> None:
        docks, state = self._window.docks, self._state
        state.geometry = docks.save_geometry()
        state.layouts[state.current] = docks.save()
        state.values["ladder_steps"] = dict(self._window.ladder.steps)
        try:
            save_layout(self._file, state)
        except OSError as error:
            self._window.workspace.notices.warning("desk", f"the layout is not saved: {error.strerror}")

    def finish(self) -> None:
        """Write for the last time."""
        self._autosave.stop()
        self.save()
