"""Asks once whether a key that can move money away may trade from here. Nothing is sent before that is typed."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.account_desk import AccountDesk, AccountRow
from app.credentials.consent import CONSENT, is_consent
from app.ui.dialogs.typed_consent import Spawn, TypedConsentDialog
from app.ui.format import clean


class AcceptRightsDialog(TypedConsentDialog):
    def __init__(self, row: AccountRow, desk: AccountDesk, spawn: Spawn, parent: QWidget | None = None) -> None:
        info = row.info
        spec = desk.exchanges.get(info.exchange)
        title = spec.title if spec is not None else info.exchange
        rights = "withdraw" if row.standing.permissions.withdraw else "transfer money away"
        words = (
            f"{clean(title, 40)} says that the key {info.key_fingerprint} can {rights}. Depthdesk never does "
            "that and does not need the right; whoever gets hold of the key could. Better make a key without it: until "
            f"then this account is shown, and no order leaves. To trade with it all the same, type “{CONSENT}”; that "
            "is remembered for this key."
        )
        super().__init__(
            f"{clean(info.label, 40)}: this key can {rights}",
            words,
            typed=CONSENT,
            fits=is_consent,
            verb="Accept and trade",
            act=lambda: desk.accept_rights(info.label),
            spawn=spawn,
            parent=parent,
        )
