"""What is wrong now, in strips below the top bar that stay until it is mended or put away. It mends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.notices import Alarm, Notices
from app.ui import format as words
from app.ui import theme
from app.ui.panels.inspector_bar import ElidedLabel, plain_label, tool_button

MOST_STRIPS = 3


class Banner(QWidget):
    """At most three alarms, the newest on top, and how many more. `frame_requested` carries a message number."""

    frame_requested = Signal(int)

    def __init__(
        self,
        notices: Notices,
        parent: QWidget | None = None,
        *,
        questions: Mapping[str, tuple[str, Callable[[Alarm], None]]] | None = None,
    ) -> None:
        """`questions`: by code, the words and the effect of a button; such an alarm cannot be put away."""
        super().__init__(parent)
        self._notices = notices
        self._questions = questions or {}
        self._version = -1
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self.setAccessibleName("Alarms")
        self.refresh()

    def texts(self) -> list[str]:
        """What the strips say, top to bottom."""
        return [strip.says for strip in self.findChildren(_Strip)]

    def refresh(self) -> None:
        if self._version == self._notices.alarms_version:
            return
        self._version = self._notices.alarms_version
        while item := self._column.takeAt(0):
            gone = item.widget()
            gone.setParent(None)
            gone.deleteLater()
        alarms = list(reversed(self._notices.alarms.values()))
        for alarm in alarms[:MOST_STRIPS]:
            strip = _Strip(alarm, self._questions.get(alarm.code))
            strip.closed.connect(self._put_away)
            strip.frame_requested.connect(self.frame_requested)
            self._column.addWidget(strip)
        if len(alarms) > MOST_STRIPS:
            self._column.addWidget(plain_label(f"   and {len(alarms) - MOST_STRIPS} more in the event list", "error"))
        self.setVisible(bool(alarms))

    def _put_away(self, alarm: Alarm) -> None:
        self._notices.end_alarm(alarm.code, alarm.source, "put away")
        self.refresh()


class _Strip(QFrame):
    closed = Signal(object)
    frame_requested = Signal(int)

    def __init__(self, alarm: Alarm, question: tuple[str, Callable[[Alarm], None]] | None) -> None:
        super().__init__()
        look = theme.current()
        text = words.clean(alarm.text)
        source = words.clean(alarm.source, 60)
        since = words.time(alarm.since_ns // 1_000_000, milliseconds=False)
        self.says = f"{alarm.code} {source}: {text}"
        self.setObjectName("alarm")
        self.setAccessibleName(self.says)
        self.setStyleSheet(
            f"QFrame#alarm {{ background: {look.raised.name()}; border-left: 4px solid {look.error.name()}; }}"
        )
        code = plain_label(alarm.code, "error")
        body = ElidedLabel("")
        body.setText(text)
        row = QHBoxLayout(self)
        row.setContentsMargins(look.px(8), look.px(2), look.px(6), look.px(2))
        row.setSpacing(look.px(10))
        icon = QLabel()
        icon.setPixmap(theme.icon("error", look.error).pixmap(16, 16))
        row.addWidget(icon)
        row.addWidget(code)
        row.addWidget(plain_label(source, "secondary"))
        row.addWidget(body, 1)
        row.addWidget(plain_label(f"since {since} UTC", "secondary"))
        if alarm.frame:
            link = tool_button(f"#{alarm.frame:,}", "Show the message that tells this")
            link.clicked.connect(lambda: self.frame_requested.emit(alarm.frame))
            row.addWidget(link)
        if question is not None:
            asking, act = question
            button = tool_button(asking, f"{asking} {source}")
            button.clicked.connect(lambda: act(alarm))
            row.addWidget(button)
            return
        close = tool_button("", "Put this away", icon="cancel")
        close.clicked.connect(lambda: self.closed.emit(alarm))
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignVCenter)
