"""A header's button whose menu holds the buttons that found no room beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QToolButton, QWidget


class HeaderOverflow(QToolButton):
    """`buttons` give way one after the other, the first one first. It watches the header it is put into."""

    def __init__(self, header: QWidget, row: QHBoxLayout, buttons: Sequence[QAbstractButton]) -> None:
        super().__init__()
        self._row = row
        self._buttons = tuple(buttons)
        self.setText("…")
        self.setAccessibleName("More buttons")
        self.setToolTip("What has no room here")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)
        self.hide()
        header.installEventFilter(self)

    @property
    def least_width(self) -> int:
        """Of the header, with every button given way; pixels."""
        margins = self._row.contentsMargins()
        own = self.sizeHint().width() + self._row.spacing()
        return margins.left() + margins.right() + sum(self._fixed()) + own

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and isinstance(watched, QWidget):
            self._fit(watched.width())
        return super().eventFilter(watched, event)

    def _fixed(self) -> Iterator[int]:
        """Widths, each with the gap beside it, of all that stays."""
        for at in range(self._row.count()):
            item = self._row.itemAt(at)
            widget = item.widget()
            if widget is not None and widget is not self and widget not in self._buttons and not widget.isHidden():
                yield item.minimumSize().width() + self._row.spacing()

    def _fit(self, width: int) -> None:
        wanted = [button.sizeHint().width() + self._row.spacing() for button in self._buttons]
        own = self.sizeHint().width() + self._row.spacing()
        room = width - self.least_width
        hidden = 0
        if sum(wanted) > room + own:
            while hidden < len(wanted) and sum(wanted[hidden:]) > room:
                hidden += 1
        for at, button in enumerate(self._buttons):
            button.setVisible(at >= hidden)
        self.setVisible(hidden > 0)

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        for button in self._buttons:
            if not button.isHidden():
                continue
            below = button.menu() if isinstance(button, QToolButton) else None
            if below is not None:
                below.setTitle(button.text())
                action = menu.addMenu(below)
            else:
                action = menu.addAction(button.text())
                action.triggered.connect(button.click)
            action.setEnabled(button.isEnabled())
