"""Controls of a replay: where it is, how fast it runs. Nothing can be sent from here."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.replay_desk import ReplayDesk
from app.ui import format as show
from app.ui import theme as look

_SPEEDS = {"¼×": 0.25, "1×": 1.0, "4×": 4.0, "20×": 20.0, "As fast as it goes": float("inf")}


class ReplayBar(QFrame):
    """A strip above the panels while a recording is played."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._replay: ReplayDesk | None = None
        self._set_speed: Callable[[float], None] = lambda speed: None
        self.pause = QToolButton(self)
        self.pause.setCheckable(True)
        self.pause.setIcon(look.icon("pause"))
        self.pause.setAccessibleName("Pause the replay")
        self.pause.setToolTip("Pause the replay")
        self.speed = QComboBox(self)
        self.speed.addItems(list(_SPEEDS))
        self.speed.setCurrentText("1×")
        self.speed.setAccessibleName("Speed of the replay")
        self.where = QLabel(self)
        self.where.setTextFormat(Qt.TextFormat.PlainText)
        self.where.setAccessibleName("Replay")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 3, 10, 3)
        for widget in (self.pause, self.speed, self.where):
            row.addWidget(widget)
        row.addStretch(1)
        self.pause.toggled.connect(self._apply)
        self.speed.currentTextChanged.connect(self._apply)

    def follow(self, replay: ReplayDesk, set_speed: Callable[[float], None]) -> None:
        self._replay = replay
        self._set_speed = set_speed

    def refresh(self) -> None:
        replay = self._replay
        if replay is None:
            return
        at = show.date_time(replay.position_ns // 1_000_000) if replay.position_ns else show.DASH
        end = " · end of the recording" if replay.finished else ""
        self.where.setText(f"REPLAY {show.clean(replay.path.name, 80)} · {at}{end} · nothing can be sent")

    def _apply(self, *_: object) -> None:
        self._set_speed(0.0 if self.pause.isChecked() else _SPEEDS[self.speed.currentText()])
