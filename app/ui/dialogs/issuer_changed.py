"""Asks whether the new issuer of a host's certificate is to be trusted. Keeping on refusing is the default."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox, QWidget

from app.ui.dialogs.warning_question import ask
from app.ui.format import clean
from app.workspace import Workspace


def ask_about_issuer(parent: QWidget, workspace: Workspace, host: str) -> QMessageBox | None:
    """None when there is nothing to confirm any more. Else the open box."""
    desk = workspace.certificates
    question = desk.question(host)
    if not question:
        return None
    name = clean(desk.issuers.new[host].name, 60)
    return ask(
        parent,
        "Certificate issuer changed",
        clean(question),
        yes=f"Trust {name}",
        no="Keep refusing",
        act=lambda: desk.confirm(host, tuple(workspace.exchanges.values())),
    )
