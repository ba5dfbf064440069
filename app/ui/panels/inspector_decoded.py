"""What our own reader makes of one message, event by event and field by field. It decodes nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import fields
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem, QWidget

from app.core.effects import Effect, Perform, Send, Unknown
from app.ui import theme
from app.ui.panels.inspector_bar import ROWS
from app.ui.payload_views import visible

_LEVELS = 60


class DecodedView(QTreeWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("What our reader understood")
        self.setColumnCount(2)
        self.setHeaderLabels(["Event", "Value"])
        self.setUniformRowHeights(True)
        self.setStyleSheet(ROWS)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.header().resizeSection(0, 190)

    def show_events(self, events: Sequence[Effect], nothing: str) -> None:
        """`nothing` says why there are no events."""
        self.clear()
        look = theme.current()
        for event in events:
            item = QTreeWidgetItem([type(event).__name__, summary(event)])
            unknown = isinstance(event, Unknown)
            for column in (0, 1):
                item.setForeground(column, QBrush(look.error if unknown else look.text))
            if not unknown:
                self._add_fields(item, event)
            self.addTopLevelItem(item)
            item.setExpanded(len(events) <= 3)
        if not events:
            item = QTreeWidgetItem([nothing, ""])
            item.setForeground(0, QBrush(look.secondary))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.addTopLevelItem(item)
            item.setFirstColumnSpanned(True)

    def lines(self) -> list[str]:
        """Top rows as they read, for tests."""
        items = [self.topLevelItem(index) for index in range(self.topLevelItemCount())]
        return [f"{item.text(0)} {item.text(1)}".strip() for item in items]

    def _add_fields(self, item: QTreeWidgetItem, event: Effect) -> None:
        if isinstance(event, Send | Perform):
            return
        look = theme.current()
        for field in fields(event):
            value = getattr(event, field.name)
            child = QTreeWidgetItem([field.name, words_for(value)])
            child.setForeground(0, QBrush(look.accent))
            if isinstance(value, list):
                for price, amount in value[:_LEVELS]:
                    child.addChild(QTreeWidgetItem([visible(price), visible(amount)]))
                if len(value) > _LEVELS:
                    child.addChild(QTreeWidgetItem([f"… {len(value) - _LEVELS:,} more", ""]))
            item.addChild(child)


def summary(event: Effect) -> str:
    """One line about an event. What we send is only counted: it may hold a signature."""
    if isinstance(event, Unknown):
        return f"Unknown: {visible(event.reason)}"
    if isinstance(event, Send):
        return f"{len(event.payload)} bytes, shown redacted as an outgoing message"
    if isinstance(event, Perform):
        return f"{event.call.request.method} {visible(event.call.request.path)}"
    pair = getattr(event, "pair", "") or getattr(event, "asset", "")
    return visible(pair)


def words_for(value: Any) -> str:
    if value is None:
        return "not told"
    if isinstance(value, list):
        return f"{len(value):,} levels" if len(value) != 1 else "1 level"
    if isinstance(value, tuple):
        return ", ".join(visible(str(part)) for part in value)
    return visible(str(value))
