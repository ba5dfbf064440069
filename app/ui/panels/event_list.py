"""The events of the desk as a list, and as short-lived messages in a corner of the window. No sounds."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.core.notices import Notice, NoticeLevel, Notices
from app.ui import format as words
from app.ui import theme
from app.ui.desk import Desk
from app.ui.models.events_table import EventsModel, level_colour
from app.ui.panels.inspector_bar import header_bar, plain_label, tool_button
from app.ui.panels.inspector_cells import dense_table

_LEVELS = (NoticeLevel.INFO, NoticeLevel.WARNING, NoticeLevel.ERROR)
TOAST_MS = 6_000
MAX_TOASTS = 3


class EventList(QWidget):
    """`frame_requested` carries the number of the message that shows the event."""

    frame_requested = Signal(int)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = EventsModel(desk.notices, self)
        self.header, row = header_bar("Events")
        self.levels = QButtonGroup(self)
        for number, (level, text) in enumerate(zip(_LEVELS, ("All", "Warnings", "Errors"), strict=True)):
            button = tool_button(text, f"Show {text.lower()}", f"{level.value} and above", checkable=True)
            button.setChecked(not number)
            self.levels.addButton(button, number)
            row.addWidget(button)
        self.count = plain_label("", "secondary")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter text")
        self.search.setAccessibleName("Filter events by text")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(theme.current().px(240))
        row.addWidget(self.count)
        row.addStretch(1)
        row.addWidget(self.search)

        self.table = dense_table("Events, newest first")
        self.table.setModel(self.model)
        self.table.horizontalHeader().setStretchLastSection(False)
        for column, width in enumerate((100, 92, 150, 300, 84)):
            self.table.setColumnWidth(column, theme.current().px(width))
        self.table.horizontalHeader().setSectionResizeMode(3, self.table.horizontalHeader().ResizeMode.Stretch)
        self.empty = plain_label("", "secondary")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.table)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.setSpacing(0)
        column_layout.addWidget(self.header)
        column_layout.addWidget(self._stack, 1)
        self.levels.idClicked.connect(self._filter)
        self.search.textChanged.connect(self._filter)
        self.table.activated.connect(self._open)
        self.table.clicked.connect(self._clicked)
        self._show_count()

    def minimumSizeHint(self) -> QSize:
        return QSize(280, 110)

    def refresh(self) -> None:
        if self.model.unseen:
            self.model.refresh()
            self._show_count()

    def visible_rows(self) -> list[tuple[str, ...]]:
        """The texts of the rows, newest first."""
        model = self.model
        return [
            tuple(model.data(model.index(row, column)) for column in range(model.columnCount()))
            for row in range(model.rowCount())
        ]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.table.currentIndex()
        if event.matches(QKeySequence.StandardKey.Copy) and current.isValid():
            QGuiApplication.clipboard().setText("  ".join(part for part in self.visible_rows()[current.row()] if part))
        else:
            super().keyPressEvent(event)

    def _filter(self) -> None:
        self.model.set_filter(_LEVELS[self.levels.checkedId()], self.search.text().strip())
        self._show_count()

    def _show_count(self) -> None:
        shown = self.model.rowCount()
        self.count.setText(f"{shown:,}")
        self._stack.setCurrentIndex(1 if shown else 0)
        filtered = self.levels.checkedId() > 0 or self.search.text()
        self.empty.setText("No event passes the filter." if filtered else "Nothing has happened yet.")

    def _open(self, index: QModelIndex) -> None:
        frame = self.model.shown[index.row()].frame
        if frame:
            self.frame_requested.emit(frame)

    def _clicked(self, index: QModelIndex) -> None:
        if index.column() == 4:
            self._open(index)


class _Toast(QFrame):
    """One message; it leaves by itself unless it is an error or the mouse is on it."""

    closed = Signal(object)
    frame_requested = Signal(int)

    def __init__(self, notice: Notice, life_ms: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.notice = notice
        self._icon = QLabel()
        self._dress()
        self.setObjectName("toast")
        text = words.clean(notice.text)
        self.setAccessibleName(f"{notice.level.value}: {text}")
        title = plain_label(f"{notice.level.value.capitalize()}  ·  {words.clean(notice.source, 60)}", "secondary")
        self.body = plain_label(text)
        self.body.setWordWrap(True)
        close = tool_button("", "Close this message", icon="cancel")
        close.clicked.connect(self._close)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addWidget(title)
        column.addWidget(self.body)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 8, 6, 8)
        row.setSpacing(8)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        if notice.frame:
            link = tool_button(f"#{notice.frame:,}", "Show the message that tells this")
            link.clicked.connect(self._show_frame)
            row.addWidget(link, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(life_ms)
        self._timer.timeout.connect(self._close)
        if notice.level is not NoticeLevel.ERROR:
            self._timer.start()

    def _dress(self) -> None:
        self._dressed = look = theme.current()
        ink = level_colour(self.notice.level)
        self._icon.setPixmap(theme.icon(self.notice.level.value, ink).pixmap(18, 18))
        self.setStyleSheet(
            f"QFrame#toast {{ background: {look.raised.name()}; border: 1px solid {look.border.name()};"
            f" border-left: 3px solid {ink.name()}; border-radius: 5px; }}"
        )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # Its own style sheet changes its palette again.
        if event.type() is QEvent.Type.PaletteChange and self._dressed is not theme.current():
            self._dress()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._timer.stop()

    def leaveEvent(self, event: QEvent) -> None:
        if self.notice.level is not NoticeLevel.ERROR:
            self._timer.start()

    def _close(self) -> None:
        self.closed.emit(self)

    def _show_frame(self) -> None:
        self.frame_requested.emit(self.notice.frame)


class ToastStack(QWidget):
    """At most three messages in the lower right corner of `parent`; errors stay until closed.

    When there is no room the oldest that is not an error goes first; errors that find no room are counted.
    """

    frame_requested = Signal(int)

    def __init__(
        self,
        parent: QWidget,
        notices: Notices,
        *,
        life_ms: int = TOAST_MS,
        lowest: NoticeLevel = NoticeLevel.INFO,
    ) -> None:
        super().__init__(parent)
        self._life_ms = life_ms
        self._levels = _LEVELS[_LEVELS.index(lowest) :]
        self._toasts: list[_Toast] = []
        self._hidden = 0
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self.more = plain_label("", "error")
        self.more.hide()
        self._column.addWidget(self.more)
        parent.installEventFilter(self)
        # A listener that outlives its widget would call into a deleted object.
        disconnect = notices.added.connect(self._added)
        self.destroyed.connect(lambda: disconnect())
        self.hide()

    def texts(self) -> list[str]:
        """What is on screen, oldest first."""
        return [toast.body.text() for toast in self._toasts]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def come_forward(self) -> None:
        """Before whatever was raised in the window since."""
        self.raise_()

    def _added(self, notice: Notice) -> None:
        if notice.level not in self._levels:
            return
        if len(self._toasts) >= MAX_TOASTS:
            spare = next((toast for toast in self._toasts if toast.notice.level is not NoticeLevel.ERROR), None)
            if spare is not None:
                self._remove(spare)
            elif notice.level is NoticeLevel.ERROR:
                self._hidden += 1
                self._remove(self._toasts[0])
            else:
                return
        toast = _Toast(notice, self._life_ms, self)
        toast.closed.connect(self._remove)
        toast.frame_requested.connect(self.frame_requested)
        self._toasts.append(toast)
        self._column.addWidget(toast)
        toast.show()
        self._place()

    def _remove(self, toast: _Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
            self._column.removeWidget(toast)
            toast.hide()
            toast.deleteLater()
        if not self._toasts:
            self._hidden = 0
        self._place()

    def _place(self) -> None:
        if not self._toasts:
            self.hide()
            return
        self.more.setText(f"{self._hidden} more error{'s' if self._hidden != 1 else ''} in the event list")
        self.more.setVisible(bool(self._hidden))
        parent, look = self.parentWidget(), theme.current()
        width = min(look.px(380), parent.width() - look.px(24))
        self.setFixedWidth(width)
        height = max(self._column.heightForWidth(width), self._column.sizeHint().height())
        self.resize(width, height)
        self.move(parent.width() - width - look.px(12), parent.height() - height - look.px(34))
        self.show()
        self.raise_()
