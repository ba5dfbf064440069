"""A JSON message as a tree whose branches are made when they are opened. No editing; numbers keep their spelling."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHeaderView, QTreeView, QWidget

from app.ui import theme
from app.ui.panels.inspector_bar import ROWS
from app.ui.payload_views import Number, shown, visible

_Index = QModelIndex | QPersistentModelIndex


class _Node:
    __slots__ = ("key", "value", "parent", "row", "_children")

    def __init__(self, key: str, value: Any, parent: _Node | None, row: int) -> None:
        self.key, self.value, self.parent, self.row = key, value, parent, row
        self._children: list[_Node] | None = None

    @property
    def count(self) -> int:
        return len(self.value) if isinstance(self.value, dict | list) else 0

    @property
    def children(self) -> list[_Node]:
        if self._children is None:
            pairs = (
                self.value.items()
                if isinstance(self.value, dict)
                else ((f"[{index}]", value) for index, value in enumerate(self.value))
            )
            self._children = [_Node(key, value, self, row) for row, (key, value) in enumerate(pairs)]
        return self._children

    @property
    def path(self) -> str:
        if self.parent is None:
            return ""
        before = self.parent.path
        return before + self.key if self.key.startswith("[") or not before else f"{before}.{self.key}"


class JsonModel(QAbstractItemModel):
    """Two columns: name and value."""

    def __init__(self, document: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._root = _Node("", document if isinstance(document, dict | list) else [document], None, 0)

    def node(self, index: _Index) -> _Node:
        return index.internalPointer() if index.isValid() else self._root

    def index(self, row: int, column: int, parent: _Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        node = self.node(parent)
        return self.createIndex(row, column, node.children[row]) if 0 <= row < node.count else QModelIndex()

    def parent(self, index: _Index) -> QModelIndex:  # type: ignore[override]
        parent = self.node(index).parent
        return QModelIndex() if parent is None or parent is self._root else self.createIndex(parent.row, 0, parent)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.column() > 0 else self.node(parent).count

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 2

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node = self.node(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return visible(node.key) if index.column() == 0 else shown(node.value)
        if role == Qt.ItemDataRole.ForegroundRole:
            look = theme.current()
            if index.column() == 0:
                return look.accent
            if isinstance(node.value, Number):
                return look.warning
            return look.live if isinstance(node.value, str) else look.secondary
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return ("Name", "Value")[section] if role == Qt.ItemDataRole.DisplayRole else None


class JsonTree(QTreeView):
    """Ctrl+C copies the path and value of the current line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Message as a tree")
        self.setUniformRowHeights(True)
        self.setStyleSheet(ROWS)
        self.setFrameShape(QTreeView.Shape.NoFrame)

    def show_document(self, document: Any) -> None:
        before = self.model()
        self.setModel(JsonModel(document, self))
        if before is not None:
            before.deleteLater()
        self.expandToDepth(1 if self.model().rowCount() < 40 else 0)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.header().resizeSection(0, 190)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy) and self.currentIndex().isValid():
            node = self.currentIndex().internalPointer()
            QGuiApplication.clipboard().setText(f"{node.path}: {shown(node.value)}")
        else:
            super().keyPressEvent(event)
