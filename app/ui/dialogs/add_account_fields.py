"""The fields of one exchange's key, as its spec names them, each with the place for what is wrong with it."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from app.ui import theme
from app.ui.dialogs.add_account_secret import KeyFileField, SecretLine
from app.ui.format import clean
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel


class FieldSpec(Protocol):
    """What is read of `app.connectors.spec.CredentialField`."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def optional(self) -> bool: ...


class KeyFields(QWidget):
    """`edits` holds the widgets by field name. Every field is masked: a key is half of what it opens."""

    changed = Signal()

    def __init__(self, fields: list[tuple[FieldSpec, bool]], parent: QWidget | None = None) -> None:
        """`fields`: each with whether it may hold a key file of several lines."""
        super().__init__(parent)
        now = theme.current()
        self.edits: dict[str, SecretLine | KeyFileField] = {}
        self.problems: dict[str, ToneLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(now.px(10))
        grid.setVerticalSpacing(now.px(5))
        grid.setColumnMinimumWidth(0, now.px(108))
        grid.setColumnStretch(1, 1)
        for field, is_file in fields:
            title, _, detail = field.title.partition(" (")
            title, _, rest = title.partition(",")
            hints = [rest.strip(), detail.rstrip(")"), "may be empty" if field.optional else ""]
            hint = clean("; ".join(filter(None, hints)))
            edit = KeyFileField(field.title) if is_file else SecretLine(field.title, hint)
            label, problem = PlainLabel(_short(title)), ToneLabel("", "error")
            label.setWordWrap(True)
            label.setBuddy(edit)
            problem.setWordWrap(True)
            problem.hide()
            at = grid.rowCount()
            top = Qt.AlignmentFlag.AlignTop if is_file else Qt.AlignmentFlag.AlignVCenter
            label.setContentsMargins(0, now.px(4) if is_file else 0, 0, 0)
            label.setMaximumWidth(now.px(128))
            grid.addWidget(label, at, 0, top)
            grid.addWidget(edit, at, 1)
            if is_file and hint:
                edit.box.setPlaceholderText(f"Paste the key here: {hint}")
            grid.addWidget(problem, at + 1, 1)
            edit.changed.connect(self._edited)
            self.edits[field.name], self.problems[field.name] = edit, problem

    def values(self) -> dict[str, str]:
        return {name: edit.secret() for name, edit in self.edits.items()}

    def show_problems(self, problems: dict[str, str]) -> None:
        """Write each beside its field and go to the first."""
        for name, label in self.problems.items():
            label.say(problems.get(name, ""))
            label.setVisible(name in problems)
        for name in self.edits:
            if name in problems:
                self.edits[name].setFocus()
                return

    def wipe(self) -> None:
        for edit in self.edits.values():
            edit.wipe()

    def _edited(self) -> None:
        for label in self.problems.values():
            label.hide()
        self.changed.emit()


def _short(title: str) -> str:
    return clean(title, 40)
