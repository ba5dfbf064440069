"""What is known of a kept account without opening it, and how it is named. No keys, no files."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from app.core.key_standing import KeyStanding
from app.core.permissions import KeyPermissions
from app.credentials.errors import NameRefused
from app.credentials.record import Header, Kdf, file_name

LONGEST_LABEL = 32
_SIGNS = " -_."


class Lock(StrEnum):
    """What keeps an account's keys closed."""

    KEYRING = "keyring"
    PASSWORD = "password"


class AccountInfo(Struct, frozen=True, kw_only=True):
    """Times in ms of the wall clock, 0 for never. Read from the open header: proven only once the keys are loaded."""

    exchange: str
    domain: str
    label: str
    key_fingerprint: str
    lock: Lock
    permissions: KeyPermissions
    checked_ms: int
    consent_ms: int
    created_ms: int
    file: str
    lab: dict[str, str] = {}
    """As in `Header.lab`."""
    trouble: str = ""
    """Why it cannot be used as it stands, or that it was read from its backup; else empty."""

    @property
    def key(self) -> str:
        """As in `Workspace.exchanges`."""
        return f"{self.exchange}:{self.label}"

    @property
    def checked(self) -> bool:
        return self.checked_ms > 0

    @property
    def may_trade(self) -> bool:
        """Whether orders may leave with this key: not a reading key, and no unaccepted right to move money away."""
        return not self.standing.no_orders

    @property
    def standing(self) -> KeyStanding:
        return KeyStanding(permissions=self.permissions, checked_ms=self.checked_ms, consent_ms=self.consent_ms)


def info_of(header: Header, file: str, trouble: str = "") -> AccountInfo:
    return AccountInfo(
        exchange=header.exchange,
        domain=header.domain,
        label=header.label,
        key_fingerprint=header.key_fingerprint,
        lock=Lock.KEYRING if header.kdf is Kdf.KEYRING else Lock.PASSWORD,
        permissions=header.permissions,
        checked_ms=header.checked_ms,
        consent_ms=header.consent_ms,
        created_ms=header.created_ms,
        file=file,
        lab=header.lab,
        trouble=trouble,
    )


def is_named_right(header: Header, file: str) -> bool:
    """A record answers to its own file name only, so one account's file cannot stand in for another's."""
    return file == file_name(header.exchange, header.domain, header.label)


def good_label(label: str) -> str:
    """The name as it is kept. Raises NameRefused."""
    label = " ".join(label.split())
    if not label:
        raise NameRefused("the account needs a name")
    if len(label) > LONGEST_LABEL:
        raise NameRefused(f"the name has {len(label)} characters; {LONGEST_LABEL} are the most")
    if not all(letter.isalnum() or letter in _SIGNS for letter in label):
        raise NameRefused("a name has letters, digits, blanks and - _ . only")
    return label
