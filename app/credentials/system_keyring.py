"""Wrapping keys in the operating system's keyring, asked patiently but not for ever. No API key gets there.

Only backends that encrypt are used; what `keyring` offers otherwise (nothing, plain files) is refused by name.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from app.credentials.errors import KeyringUnusable
from app.credentials.sealing import KEY_BYTES

T = TypeVar("T")

SERVICE = "Depthdesk"
PATIENCE_S = 30.0
"""Long enough for the user to answer the keyring's own question."""
ALLOWED = {
    "keyring.backends.SecretService": "Secret Service",
    "keyring.backends.libsecret": "Secret Service (libsecret)",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.Windows": "Windows Credential Manager",
}
_CHAINER = "keyring.backends.chainer"
_REFUSED = {
    "keyring.backends.fail": "this computer offers no keyring",
    "keyring.backends.null": "the keyring is switched off (the null backend keeps nothing)",
}


class KeyringState(Struct, frozen=True):
    """`title` names the keyring; `words` say why it cannot be used."""

    usable: bool
    title: str = ""
    words: str = ""


class WrappingKeys(Protocol):
    """Keeps 256-bit keys by name. Every call raises KeyringUnusable."""

    async def state(self) -> KeyringState: ...
    async def get(self, item: str) -> bytes | None: ...
    async def put(self, item: str, key: bytes) -> None: ...
    async def delete(self, item: str) -> None: ...


class Backend(Protocol):
    """What is used of `keyring.backend.KeyringBackend`."""

    def get_password(self, service: str, username: str, /) -> str | None: ...
    def set_password(self, service: str, username: str, password: str, /) -> None: ...
    def delete_password(self, service: str, username: str, /) -> None: ...


def _find() -> Any:
    # Asks the bus and every plug-in, so it is left until it is needed.
    import keyring

    return keyring.get_keyring()


class SystemKeyring:
    """Each question is put on a thread of its own, because a keyring may wait for the user or hang."""

    def __init__(self, find: Callable[[], Any] = _find, patience_s: float = PATIENCE_S) -> None:
        self._find = find
        self._patience_s = patience_s

    async def state(self) -> KeyringState:
        """Whether keys can be kept there, found without writing anything."""
        try:
            return KeyringState(True, await self._ask(lambda: title_of(accepted(self._find()))))
        except KeyringUnusable as error:
            return KeyringState(False, "", str(error))

    async def get(self, item: str) -> bytes | None:
        """None when the keyring has no such item."""
        text = await self._ask(lambda: accepted(self._find()).get_password(SERVICE, item))
        return None if text is None else _read(text)

    async def put(self, item: str, key: bytes) -> None:
        """Store the key and read it back, because some keyrings refuse in silence."""
        text = base64.b64encode(key).decode()

        def store() -> str | None:
            backend = accepted(self._find())
            backend.set_password(SERVICE, item, text)
            return backend.get_password(SERVICE, item)

        if await self._ask(store) != text:
            raise KeyringUnusable("the keyring did not keep the key that it was given")

    async def delete(self, item: str) -> None:
        """An item that is not there is no error."""

        def remove() -> None:
            backend = accepted(self._find())
            if backend.get_password(SERVICE, item) is not None:
                backend.delete_password(SERVICE, item)

        await self._ask(remove)

    async def _ask(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(outcome: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if answer.done() else outcome())

        def run() -> None:
            try:
                value = work()
            except KeyringUnusable as refused:
                settle(lambda refused=refused: answer.set_exception(refused))  # type: ignore[misc]
            except BaseException as error:
                words = _words_of(error)
                settle(lambda: answer.set_exception(KeyringUnusable(words)))
            else:
                settle(lambda: answer.set_result(value))

        # A daemon: a keyring that never answers must not keep the program from ending.
        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            async with asyncio.timeout(self._patience_s):
                return await answer
        except TimeoutError:
            raise KeyringUnusable(
                f"the keyring did not answer within {self._patience_s:g} s: a window that asks for its password may be "
                "hidden, or it hangs"
            ) from None


def accepted(backend: Any) -> Backend:
    """The backend, or the first accepted member of a chain. Raises KeyringUnusable, naming what was refused."""
    module = type(backend).__module__
    if module == _CHAINER:
        members = list(backend.backends)
        for member in members:
            if type(member).__module__ in ALLOWED:
                return _as_backend(member)
        names = ", ".join(name_of(member) for member in members) or "nothing"
        raise KeyringUnusable(f"the chained keyrings are none that encrypts ({names})")
    if module in ALLOWED:
        return _as_backend(backend)
    if module in _REFUSED:
        raise KeyringUnusable(_REFUSED[module])
    if module.partition(".")[0] == "keyrings":
        raise KeyringUnusable(f"{name_of(backend)} is refused: such keyrings may keep keys in clear")
    raise KeyringUnusable(f"{name_of(backend)} is refused: it is not a keyring of the operating system")


def title_of(backend: Backend) -> str:
    return ALLOWED[type(backend).__module__]


def name_of(backend: object) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _as_backend(backend: Any) -> Backend:
    found: Backend = backend
    return found


def _read(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyringUnusable("the keyring's item is not one of ours")
    return key


def _words_of(error: BaseException) -> str:
    """Never the error's own text: a backend may quote what it was given."""
    name = type(error).__name__
    if name == "KeyringLocked":
        return "the keyring is locked and was not opened"
    if name in ("NoKeyringError", "InitError"):
        return "this computer offers no keyring that answers"
    return f"the keyring failed ({name})"
