"""Asks whether the new issuer of a host's certificate is to be trusted. Keeping on refusing is the default."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.ui.format import clean
from app.workspace import Workspace


def ask_about_issuer(parent: QWidget, workspace: Workspace, host: str) -> QMessageBox | None:
    """None when there is nothing to confirm any more. The box is open and deletes itself."""
    desk = workspace.certificates
    question = desk.question(host)
    if not question:
        return None
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle("Certificate issuer changed")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(clean(question))
    name = clean(desk.issuers.new[host].name, 60)
    trust = box.addButton(f"Trust {name}", QMessageBox.ButtonRole.AcceptRole)
    refuse = box.addButton("Keep refusing", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)

    def on_clicked(button: object) -> None:
        if button is trust:
            desk.confirm(host, tuple(workspace.exchanges.values()))

    box.buttonClicked.connect(on_clicked)
    box.open()
    return box
