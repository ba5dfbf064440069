"""The row of filters and the search field above the list of frames. It says what is wanted; it looks at no frame."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtGui import QKeyEvent, Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QProgressBar, QSizePolicy, QWidget

from app.core.frames import Direction, FrameKind
from app.ui import theme
from app.ui.models.frames_filter import FrameFilter, Needle
from app.ui.panels.inspector_bar import FlowLayout, plain_label, tool_button

_PAUSE_MS = 200


class _SearchField(QLineEdit):
    """Enter goes to the next hit, Shift+Enter to the one before, Esc clears."""

    step = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.step.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class InspectorFilters(QWidget):
    """Emits `filter_changed` and `needle_changed` (None: no search) when the user has stopped typing."""

    filter_changed = Signal(object)
    needle_changed = Signal(object)
    hits_only_changed = Signal(bool)
    step = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.exchange = _combo("Exchange", "All exchanges")
        self.connection = _combo("Connection", "All connections")
        self.direction = _combo("Direction", "In + out")
        self.direction.addItem("↓ in", Direction.IN)
        self.direction.addItem("↑ out", Direction.OUT)
        self.kind = _combo("Kind of message", "All kinds")
        for kind in FrameKind:
            self.kind.addItem(kind.value, kind)
        self.channel = _field("Channel or path", "channel or /path", 132)
        self.pair = _field("Pair", "pair", 84)
        self.unknown = tool_button(
            "Unknown 0",
            "Only messages that were not understood",
            "Show only messages, or parts of messages, that no reader of ours understood",
            checkable=True,
            icon="warning",
        )
        self.search = _SearchField()
        self.search.setPlaceholderText("Search whole messages  (Ctrl+F)")
        self.search.setAccessibleName("Search in whole messages")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(150)
        self.search.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.case = tool_button("Aa", "Match upper and lower case", checkable=True)
        self.regex = tool_button(".*", "Search text is a regular expression", checkable=True)
        self.hits_only = tool_button("Hits only", "Show only messages with hits", checkable=True)
        self.previous = tool_button("‹", "Previous hit", "Previous hit (Shift+Enter, Shift+F3)")
        self.next = tool_button("›", "Next hit", "Next hit (Enter, F3)")
        self.state = plain_label("", "secondary")
        self.state.setMinimumWidth(theme.current().px(118))
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Search progress")
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(46, 6)
        self.progress.hide()

        row = FlowLayout(self)
        row.setContentsMargins(6, 3, 6, 3)
        for widget in (
            self.exchange,
            self.connection,
            self.direction,
            self.kind,
            self.channel,
            self.pair,
            self.unknown,
            self.search,
            self.case,
            self.regex,
            self.previous,
            self.next,
            self.hits_only,
            self.progress,
            self.state,
        ):
            row.addWidget(widget)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_PAUSE_MS)
        self._typing.timeout.connect(self.apply_now)
        self._sent: tuple[FrameFilter, Needle | None] = (FrameFilter(), None)
        for box in (self.exchange, self.connection, self.direction, self.kind):
            box.currentIndexChanged.connect(self.apply_now)
        for button in (self.unknown, self.case, self.regex):
            button.toggled.connect(self.apply_now)
        for field in (self.channel, self.pair, self.search):
            field.textChanged.connect(self._typed)
        self.channel.returnPressed.connect(self.apply_now)
        self.pair.returnPressed.connect(self.apply_now)
        self.search.step.connect(self._stepped)
        self.next.clicked.connect(self._step_next)
        self.previous.clicked.connect(self._step_previous)
        self.hits_only.toggled.connect(self.hits_only_changed)

    @property
    def filter(self) -> FrameFilter:
        # Qt gives an enum of texts back as a plain text.
        direction, kind = self.direction.currentData(), self.kind.currentData()
        return FrameFilter(
            exchange=self.exchange.currentData() or "",
            connection=self.connection.currentData() or "",
            direction=Direction(direction) if direction else None,
            kind=FrameKind(kind) if kind else None,
            channel=self.channel.text().strip(),
            pair=self.pair.text().strip(),
            unknown_only=self.unknown.isChecked(),
        )

    @property
    def needle(self) -> Needle | None:
        text = self.search.text()
        return Needle(text=text, regex=self.regex.isChecked(), match_case=self.case.isChecked()) if text else None

    def clear(self) -> None:
        """Let every frame through; the search stays."""
        blockers = [QSignalBlocker(box) for box in (self.exchange, self.connection, self.direction, self.kind)]
        for box in (self.exchange, self.connection, self.direction, self.kind):
            box.setCurrentIndex(0)
        del blockers
        self.channel.clear()
        self.pair.clear()
        self.unknown.setChecked(False)
        self.hits_only.setChecked(False)
        self.apply_now()

    def offer(self, exchanges: Iterable[str], connections: Iterable[str]) -> None:
        """Names to choose from; the choice made stays."""
        _fill(self.exchange, exchanges)
        _fill(self.connection, connections)

    def set_unknown_count(self, count: int) -> None:
        text = f"Unknown {count:,}"
        if self.unknown.text() != text:
            self.unknown.setText(text)
            self.unknown.show_icon("warning", "error" if count else "secondary")

    def show_state(self, text: str, progress: float | None, *, fault: bool = False) -> None:
        """Words beside the search field; `progress` 0 to 1 while it runs."""
        if self.state.text() != text:
            self.state.setText(text)
        self.progress.setVisible(progress is not None)
        if progress is not None:
            self.progress.setValue(int(progress * 100))
        if bool(self.search.property("invalid")) != fault:
            self.search.setProperty("invalid", fault)
            self.search.style().unpolish(self.search)
            self.search.style().polish(self.search)

    def apply_now(self) -> None:
        self._typing.stop()
        wanted, needle = self.filter, self.needle
        before, self._sent = self._sent, (wanted, needle)
        if wanted != before[0]:
            self.filter_changed.emit(wanted)
        if needle != before[1]:
            self.needle_changed.emit(needle)

    def _typed(self) -> None:
        self._typing.start()

    def _stepped(self, by: int) -> None:
        self.apply_now()
        self.step.emit(by)

    def _step_next(self) -> None:
        self.step.emit(1)

    def _step_previous(self) -> None:
        self.step.emit(-1)


def _combo(name: str, everything: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.setMaximumWidth(170)
    box.addItem(everything, None)
    return box


def _field(name: str, hint: str, width: int) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setPlaceholderText(hint)
    field.setClearButtonEnabled(True)
    field.setFixedWidth(theme.current().px(width))
    return field


def _fill(box: QComboBox, names: Iterable[str]) -> None:
    known = {box.itemData(index) for index in range(1, box.count())}
    for name in names:
        if name not in known:
            box.addItem(name, name)
