"""What this program is, and which version."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from app.summary import program_version
from app.ui import theme as look


class AboutDialog(QDialog):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Depthdesk")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        name = QLabel("Depthdesk")
        name.setFont(look.current().font(18, bold=True))
        words = QLabel(
            f"Version {program_version()}\nA desktop trading monitor whose correctness can be seen.\n"
            "Apache License 2.0. No telemetry: it talks to the exchanges you open and to nobody else."
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 16)
        column.setSpacing(12)
        for widget in (name, words, buttons):
            column.addWidget(widget)
