"""Why the vault refuses, each in the user's words and never with a secret. No handling."""

from __future__ import annotations


class VaultError(Exception):
    """The vault cannot do what was asked; the text says why and, where there is one, the way out."""


class VaultExposed(VaultError):
    """Other users of this computer may read or change the files."""


class RecordDamaged(VaultError):
    """An account's file is cut off or was changed."""


class NewerRecord(VaultError):
    """An account's file was written by a later version of the program."""


class VaultLocked(VaultError):
    """The account is kept under a password that has not been given yet."""

    def __init__(self) -> None:
        super().__init__("the vault is locked: its password has to be entered first")


class WrongPassword(VaultError):
    """Says the same whatever went wrong, so that nothing can be learned from it."""

    def __init__(self) -> None:
        super().__init__("this password does not open the vault")


class WeakPassword(VaultError):
    """The password is shorter than the vault takes."""


class KeyringUnusable(VaultError):
    """The system's keyring is missing, locked, silent, or of a kind that keeps keys in clear."""


class NameRefused(VaultError):
    """The name of an account is taken or is no name, or its key is kept already."""


class NoSuchAccount(VaultError):
    """No account has that name."""
