"""Asks for an account's name before its keys are forgotten for good. The key at the exchange is not touched."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.account_desk import AccountDesk
from app.credentials.account_info import AccountInfo
from app.ui.dialogs.typed_consent import Spawn, TypedConsentDialog
from app.ui.format import clean


class RemoveAccountDialog(TypedConsentDialog):
    def __init__(self, info: AccountInfo, desk: AccountDesk, spawn: Spawn, parent: QWidget | None = None) -> None:
        name = clean(info.label, 40)
        spec = desk.exchanges.get(info.exchange)
        title = clean(spec.title if spec is not None else info.exchange, 40)
        super().__init__(
            f"Forget the account {name}",
            f"Its keys are kept nowhere else by this program. Type its name, {name}, to forget them; delete the key "
            f"{info.key_fingerprint} on {title} as well if it is not used elsewhere. Orders in the "
            "market stay there.",
            typed=name,
            fits=lambda typed: " ".join(typed.split()).casefold() == info.label.casefold(),
            verb="Forget it",
            act=lambda: desk.remove(info.label),
            spawn=spawn,
            parent=parent,
        )
