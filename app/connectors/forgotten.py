"""What is left of an account's secret once it was forgotten: nothing that signs."""

from __future__ import annotations

from typing import Any, NoReturn

from app.core.requests import NotSent


def wiped(secret: bytearray) -> None:
    """Overwrite the secret in place. Copies that Python or a library made of it are not reached."""
    secret[:] = bytes(len(secret))
    secret.clear()


def checked(secret: bytearray) -> bytearray:
    """The secret, to sign with. Raises NotSent once it was wiped."""
    if not secret:
        refuse_to_sign()
    return secret


def refuse_to_sign(*_: Any) -> NoReturn:
    raise NotSent("the keys of this account are locked away")
