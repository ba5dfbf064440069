"""The operating system's keyring: which are used, which are refused by name, and one that never answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import keyring.errors
import pytest
from keyring.backends import chainer, fail, null

from app.connectors.spec import Credentials
from app.credentials.account_info import Lock
from app.credentials.accounts import Accounts
from app.credentials.errors import KeyringUnusable
from app.credentials.system_keyring import SERVICE, KeyringState, SystemKeyring

KEY = bytes(range(32))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


class Memory:
    """Holds items like a real one; `named` makes it look like the class of some backend module."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.items[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.items[service, username]


def named(module: str, base: type = Memory, name: str = "Keyring", **more: Any) -> Any:
    return type(name, (base,), {"__module__": module, **more})()


def state_of(backend: Any) -> KeyringState:
    return run(SystemKeyring(lambda: backend).state())


@pytest.mark.parametrize(
    ("module", "title"),
    [
        ("keyring.backends.SecretService", "Secret Service"),
        ("keyring.backends.libsecret", "Secret Service (libsecret)"),
        ("keyring.backends.kwallet", "KWallet"),
        ("keyring.backends.macOS", "macOS Keychain"),
        ("keyring.backends.Windows", "Windows Credential Manager"),
    ],
)
def test_the_systems_own_keyrings_are_used(module: str, title: str) -> None:
    assert state_of(named(module)) == KeyringState(True, title, "")


def test_the_names_on_the_list_are_those_of_the_installed_library() -> None:
    from keyring.backends import SecretService, kwallet, libsecret, macOS

    modules = [SecretService.Keyring, libsecret.Keyring, kwallet.DBusKeyring, macOS.Keyring]
    for backend in modules:
        assert state_of(named(backend.__module__)).usable


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (fail.Keyring(), "this computer offers no keyring"),
        (null.Keyring(), "the keyring is switched off (the null backend keeps nothing)"),
        (
            named("keyrings.alt.file", name="PlaintextKeyring"),
            "keyrings.alt.file.PlaintextKeyring is refused: such keyrings may keep keys in clear",
        ),
        (
            named("somebody.elses", name="CloudKeyring"),
            "somebody.elses.CloudKeyring is refused: it is not a keyring of the operating system",
        ),
    ],
)
def test_x1_others_are_refused_by_name(backend: Any, words: str) -> None:
    assert state_of(backend) == KeyringState(False, "", words)
    with pytest.raises(KeyringUnusable):
        run(SystemKeyring(lambda: backend).put("item", KEY))


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    def of(*members: Any) -> Any:
        monkeypatch.setattr(chainer.ChainerBackend, "backends", list(members), raising=False)
        return chainer.ChainerBackend()

    yield of


def test_a_chain_stands_for_its_first_real_member(chain: Callable[..., Any]) -> None:
    plain, wallet, secret = (named(f"{m}") for m in ("keyrings.alt.file", "keyring.backends.kwallet", "x.y"))
    found = chain(plain, wallet, secret)
    assert state_of(found).title == "KWallet"
    run(SystemKeyring(lambda: found).put("item", KEY))
    assert (list(wallet.items), plain.items) == ([(SERVICE, "item")], {})


def test_a_chain_of_plain_files_is_refused(chain: Callable[..., Any]) -> None:
    found = chain(named("keyrings.alt.file", name="PlainKeyring"), null.Keyring())
    assert state_of(found).words == (
        "the chained keyrings are none that encrypts (keyrings.alt.file.PlainKeyring, keyring.backends.null.Keyring)"
    )


def test_keys_come_back_and_go() -> None:
    backend = named("keyring.backends.SecretService")
    shelf = SystemKeyring(lambda: backend)
    run(shelf.put("item", KEY))
    assert run(shelf.get("item")) == KEY and run(shelf.get("other")) is None
    run(shelf.delete("item"))
    run(shelf.delete("item"))
    assert backend.items == {}


def test_only_a_random_key_reaches_the_keyring(tmp_path: Path) -> None:
    backend = named("keyring.backends.SecretService")
    vault = Accounts(tmp_path / "accounts", keyring=SystemKeyring(lambda: backend))
    keys = Credentials(api_key="canary-key", secret_key="canary-secret")
    kept = run(vault.add(exchange="x", domain="main", label="a", credentials=keys, lock=Lock.KEYRING))
    assert run(vault.load(kept)) == keys
    ((item, text),) = backend.items.items()
    assert "canary" not in str(item) + text and len(text) == 44


def test_a_silent_keyring_is_given_up_and_says_so() -> None:
    stuck = threading.Event()

    def hang(self: Any, service: str, username: str) -> str | None:
        stuck.wait(30)
        return None

    backend = named("keyring.backends.SecretService", get_password=hang)
    try:
        with pytest.raises(KeyringUnusable, match="did not answer within 0.05 s: a window that asks for its password"):
            run(SystemKeyring(lambda: backend, patience_s=0.05).get("item"))
    finally:
        stuck.set()


def test_a_keyring_that_hangs_while_it_is_looked_for_is_given_up_too() -> None:
    stuck = threading.Event()
    try:
        found = run(SystemKeyring(lambda: stuck.wait(30), patience_s=0.05).state())
        assert not found.usable and "did not answer" in found.words
    finally:
        stuck.set()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (keyring.errors.KeyringLocked("canary"), "the keyring is locked and was not opened"),
        (keyring.errors.InitError("canary"), "this computer offers no keyring that answers"),
        (keyring.errors.PasswordSetError("canary"), r"the keyring failed \(PasswordSetError\)"),
        (OSError("canary"), r"the keyring failed \(OSError\)"),
    ],
)
def test_a_failing_keyring_is_named_without_quoting_it(error: Exception, words: str) -> None:
    def refuse(*_: Any) -> None:
        raise error

    shelf = SystemKeyring(lambda: named("keyring.backends.libsecret", set_password=refuse))
    with pytest.raises(KeyringUnusable, match=f"^{words}$") as refused:
        run(shelf.put("item", KEY))
    assert "canary" not in repr(refused.value)


def test_a_keyring_that_keeps_nothing_is_found_out() -> None:
    shelf = SystemKeyring(lambda: named("keyring.backends.kwallet", set_password=lambda *_: None))
    with pytest.raises(KeyringUnusable, match="did not keep the key"):
        run(shelf.put("item", KEY))


def test_a_foreign_item_is_no_key() -> None:
    backend = named("keyring.backends.kwallet")
    backend.items[SERVICE, "item"] = "not ours"
    with pytest.raises(KeyringUnusable, match="not one of ours"):
        run(SystemKeyring(lambda: backend).get("item"))
