"""The vault: what is written, what opens it, and what happens to every bit that changes on the way."""

from __future__ import annotations

import asyncio
import os
import pickle
import stat
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.connectors.spec import Credentials
from app.core.clock import NS_PER_S, ManualClock
from app.core.permissions import KeyPermissions
from app.credentials.account_info import AccountInfo, Lock
from app.credentials.accounts import Accounts
from app.credentials.errors import (
    KeyringUnusable,
    NameRefused,
    NewerRecord,
    NoSuchAccount,
    RecordDamaged,
    VaultError,
    VaultExposed,
    VaultLocked,
    WeakPassword,
    WrongPassword,
)
from app.credentials.record import Kdf, take_apart
from app.credentials.sealing import SCRYPT_PARAMS, key_of_password, password_kdf, seal, unseal
from app.credentials.strength import password_strength
from app.credentials.system_keyring import KeyringState

PASSWORD = "correct horse battery"
KEYS = Credentials(api_key="AKEY-canary-1", secret_key="SECRET-canary-2", passphrase="PASS-canary-3")
CANARIES = (b"canary-1", b"canary-2", b"canary-3", b"correct horse")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


class Shelf:
    """A keyring that works."""

    def __init__(self) -> None:
        self.items: dict[str, bytes] = {}

    async def state(self) -> KeyringState:
        return KeyringState(True, "Shelf")

    async def get(self, item: str) -> bytes | None:
        return self.items.get(item)

    async def put(self, item: str, key: bytes) -> None:
        self.items[item] = key

    async def delete(self, item: str) -> None:
        self.items.pop(item, None)


class Vault(Accounts):
    """With everything from outside in the test's hands."""

    def __init__(self, folder: Path, shelf: Shelf | None = None) -> None:
        self.clock = ManualClock()
        self.slept: list[float] = []
        self.remarks: list[str] = []
        self.shelf = shelf or Shelf()
        super().__init__(folder, keyring=self.shelf, clock=self.clock, sleep=self._nap, on_remark=self.remarks.append)

    async def _nap(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def keep(
        self, label: str = "desk", lock: Lock = Lock.KEYRING, keys: Credentials = KEYS, **more: Any
    ) -> AccountInfo:
        password = {"password": PASSWORD} if lock is Lock.PASSWORD else {}
        given = {"exchange": "poloniex", "domain": "main", "label": label, "credentials": keys, "lock": lock}
        return run(self.add(**(given | password | more)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "accounts"


@pytest.fixture
def vault(folder: Path) -> Vault:
    return Vault(folder)


def shown(keys: Credentials) -> tuple[str, str, str]:
    return keys.api_key, keys.secret_key, keys.passphrase


# -- round trips


@pytest.mark.parametrize("lock", Lock)
def test_what_is_kept_comes_back_after_a_restart(folder: Path, lock: Lock) -> None:
    first = Vault(folder)
    kept = first.keep(lock=lock, permissions=KeyPermissions(read=True, trade=True, withdraw=False), checked_ms=5)
    again = Vault(folder, first.shelf)
    assert again.list() == [kept]
    assert (kept.key, kept.lock, kept.checked_ms, kept.may_trade) == ("poloniex:desk", lock, 5, True)
    assert shown(run(again.load(kept, PASSWORD))) == shown(KEYS)


def test_a_list_needs_no_key_and_says_what_is_locked(folder: Path) -> None:
    first = Vault(folder)
    open_one, closed_one = first.keep("one"), first.keep("two", Lock.PASSWORD, credentials=other(2))
    again = Vault(folder, first.shelf)
    assert [(info.label, again.is_locked(info)) for info in again.list()] == [("one", False), ("two", True)]
    assert again.locked and again.has_password
    with pytest.raises(VaultLocked, match="its password has to be entered"):
        run(again.load(closed_one))
    run(again.unlock(PASSWORD))
    assert not again.locked and shown(run(again.load(closed_one))) == shown(other(2))
    again.lock()
    assert again.locked and shown(run(again.load(open_one))) == shown(KEYS)


def other(number: int) -> Credentials:
    return Credentials(api_key=f"key {number}", secret_key=f"secret {number}")


@pytest.mark.parametrize("lock", Lock)
def test_key_files_of_any_length_survive(vault: Vault, lock: Lock) -> None:
    long, short = generate_private_key(65537, 4096), Ed25519PrivateKey.generate()
    for number, key in enumerate((long, short)):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        keys = Credentials(api_key=f"k{number}", secret_key=pem)
        kept = vault.keep(f"pem {number}", lock, keys)
        assert run(vault.load(kept)).secret_key == pem


def test_no_secret_is_on_disk_nor_in_anything_that_is_printed(vault: Vault, folder: Path) -> None:
    kept = [vault.keep("a"), vault.keep("b", Lock.PASSWORD, domain="test")]
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert not [canary for canary in CANARIES for data in files if canary in data]
    words = repr(kept) + repr(vault) + repr(KEYS) + repr(vault.list()) + str(take_apart(files[0]))
    assert not [canary for canary in CANARIES if canary.decode() in words]
    assert not [canary for canary in CANARIES if canary in pickle.dumps(kept)]


def test_each_write_has_a_nonce_of_its_own_and_leaves_the_version_before(vault: Vault, folder: Path) -> None:
    kept = vault.keep()
    first = (folder / kept.file).read_bytes()
    told = run(vault.note_check(kept, KeyPermissions(read=True, withdraw=True), checked_ms=7))
    second = (folder / kept.file).read_bytes()
    assert (folder / f"{kept.file}.bak").read_bytes() == first
    assert take_apart(first).header.nonce != take_apart(second).header.nonce
    assert vault.list() == [told]
    assert (told.permissions.withdraw, told.checked_ms, told.may_trade) == (True, 7, False)


# -- tampering


@pytest.mark.parametrize("lock", Lock)
def test_every_byte_of_the_file_counts(vault: Vault, folder: Path, lock: Lock) -> None:
    kept = vault.keep(lock=lock)
    path = folder / kept.file
    good = path.read_bytes()
    line = good.index(b"\n") + 1
    step = 1 if lock is Lock.KEYRING else 7
    for at in [*range(0, line, step), *range(line, len(good), 5)]:
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises((RecordDamaged, NewerRecord, VaultLocked, KeyringUnusable)):
            run(vault.load(kept))
    path.write_bytes(good)
    assert shown(run(vault.load(kept))) == shown(KEYS)


def test_no_cut_off_file_opens(vault: Vault, folder: Path) -> None:
    kept = vault.keep()
    path = folder / kept.file
    good = path.read_bytes()
    for length in range(0, len(good), 9):
        path.write_bytes(good[:length])
        with pytest.raises(RecordDamaged):
            run(vault.load(kept))


def test_added_spaces_in_the_header_are_seen_although_they_mean_the_same(vault: Vault, folder: Path) -> None:
    kept = vault.keep()
    path = folder / kept.file
    path.write_bytes(path.read_bytes().replace(b'":', b'": ', 1))
    assert vault.list() == [kept]
    with pytest.raises(RecordDamaged, match="was changed or cut off, and no backup opens"):
        run(vault.load(kept))


def test_one_accounts_file_does_not_stand_in_for_anothers(vault: Vault, folder: Path) -> None:
    first, second = vault.keep("one"), vault.keep("two", credentials=other(2))
    (folder / second.file).write_bytes((folder / first.file).read_bytes())
    assert [info.label for info in vault.list()] == ["one"]
    assert vault.problems == (f"{second.file} and its backup cannot be read as an account",)
    with pytest.raises(RecordDamaged):
        run(vault.load(second))


def test_forged_rights_are_not_what_opening_tells(vault: Vault, folder: Path) -> None:
    kept = vault.keep(permissions=KeyPermissions(withdraw=True))
    kept = run(vault.note_check(kept, KeyPermissions(withdraw=True), 1))
    path = folder / kept.file
    path.write_bytes(path.read_bytes().replace(b'"withdraw":true', b'"withdraw":null'))
    listed = vault.list()[0]
    assert listed.permissions.withdraw is None
    proven, _ = run(vault.open(listed))
    assert proven.permissions.withdraw is True and not proven.may_trade


def test_a_backup_takes_the_place_of_a_damaged_file_and_says_so(vault: Vault, folder: Path) -> None:
    kept = vault.keep()
    run(vault.note_check(kept, KeyPermissions(read=True), 9))
    path = folder / kept.file
    path.write_bytes(path.read_bytes()[:40])
    assert [(info.label, info.trouble) for info in vault.list()] == [
        ("desk", "its file is damaged; the backup beside it is used")
    ]
    assert shown(run(vault.load(kept))) == shown(KEYS)
    assert vault.remarks == ["desk: its file is damaged; the backup beside it is used and was put in its place"]
    assert vault.list() == [kept], "mended"


def test_a_lost_file_comes_back_from_its_backup_under_a_password_too(vault: Vault, folder: Path) -> None:
    kept = vault.keep(lock=Lock.PASSWORD)
    run(vault.note_check(kept, KeyPermissions(), 9))
    (folder / kept.file).unlink()
    again = Vault(folder)
    assert shown(run(again.load(kept, PASSWORD))) == shown(KEYS)
    assert (folder / kept.file).exists() and again.remarks


def test_a_record_of_a_newer_version_is_left_alone(vault: Vault, folder: Path) -> None:
    kept = vault.keep()
    path = folder / kept.file
    path.write_bytes(path.read_bytes().replace(b'"version":2', b'"version":3'))
    newer = path.read_bytes()
    assert vault.list() == []
    assert "newer version of Depthdesk" in vault.problems[0]
    with pytest.raises(NewerRecord):
        run(vault.load(kept))
    assert path.read_bytes() == newer


# -- passwords


def test_a_wrong_password_says_the_same_and_waits_longer_each_time(vault: Vault) -> None:
    kept = vault.keep(lock=Lock.PASSWORD)
    vault.lock()
    told = set()
    for wrong in ("", "x", PASSWORD + " ", PASSWORD.upper()):
        with pytest.raises(WrongPassword) as refused:
            run(vault.unlock(wrong))
        told.add(str(refused.value))
    assert told == {"this password does not open the vault"}
    assert vault.slept == [1, 2, 4] and vault.wait_s == 8
    assert shown(run(vault.load(kept, PASSWORD))) == shown(KEYS)
    assert vault.slept == [1, 2, 4, 8] and vault.wait_s == 0


def test_time_that_has_passed_is_not_waited_for_again(vault: Vault) -> None:
    vault.keep(lock=Lock.PASSWORD)
    with pytest.raises(WrongPassword):
        run(vault.unlock("wrong"))
    vault.clock.advance(0.75)
    run(vault.unlock(PASSWORD))
    assert vault.slept == [0.25]


def test_the_delay_ends_at_a_minute(vault: Vault) -> None:
    for _ in range(9):
        with pytest.raises(WrongPassword):
            run(vault.unlock("no account is there to open"))
    assert vault.wait_s == 60


def test_accounts_under_a_password_share_it(folder: Path) -> None:
    first = Vault(folder)
    first.keep("one", Lock.PASSWORD)
    again = Vault(folder)
    with pytest.raises(WrongPassword):
        again.keep("two", Lock.PASSWORD, credentials=other(2), password="another password")
    with pytest.raises(VaultLocked):
        again.keep("two", Lock.PASSWORD, credentials=other(2), password="")
    two = again.keep("two", Lock.PASSWORD, credentials=other(2))
    assert len({take_apart((folder / info.file).read_bytes()).header.salt for info in again.list()}) == 1
    three = again.keep("three", Lock.PASSWORD, credentials=other(3), password="")
    assert shown(run(again.load(two))) == shown(other(2)) and shown(run(again.load(three))) == shown(other(3))


def test_a_short_password_is_refused(vault: Vault) -> None:
    with pytest.raises(WeakPassword, match="at least 10 characters"):
        vault.keep(lock=Lock.PASSWORD, password="123456789")
    assert vault.list() == []


def test_the_same_letters_typed_on_another_system_open_it(vault: Vault) -> None:
    kept = vault.keep(lock=Lock.PASSWORD, password="Caf\u00e9 M\u00fcnchen")
    vault.lock()
    assert shown(run(vault.load(kept, "Cafe\u0301 Mu\u0308nchen"))) == shown(KEYS)


def test_argon2id_is_used_where_it_is_built_in(vault: Vault, folder: Path) -> None:
    header = take_apart((folder / vault.keep(lock=Lock.PASSWORD).file).read_bytes()).header
    assert (header.kdf, header.params) == password_kdf()
    assert password_kdf() == (Kdf.ARGON2ID, {"memory_kib": 65536, "iterations": 3, "lanes": 4})


def test_scrypt_is_used_where_argon2id_is_missing(vault: Vault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.credentials.accounts.password_kdf", lambda: (Kdf.SCRYPT, dict(SCRYPT_PARAMS)))
    kept = vault.keep(lock=Lock.PASSWORD)
    header = take_apart((folder / kept.file).read_bytes()).header
    assert (header.kdf, header.params) == (Kdf.SCRYPT, {"n": 131072, "r": 8, "p": 1})
    assert shown(run(Vault(folder).load(kept, PASSWORD))) == shown(KEYS)


@pytest.mark.parametrize(
    "params",
    [
        {"memory_kib": 8, "iterations": 1, "lanes": 1},
        {"memory_kib": 1 << 40, "iterations": 3, "lanes": 4},
        {"memory_kib": 65536, "iterations": 10**9, "lanes": 4},
        {"n": 2, "r": 8, "p": 1},
        {},
    ],
)
def test_planted_parameters_neither_weaken_nor_freeze(params: dict[str, int]) -> None:
    with pytest.raises(RecordDamaged):
        key_of_password(PASSWORD, Kdf.ARGON2ID, params, bytes(16))


def test_another_implementation_can_read_a_record(vault: Vault, folder: Path) -> None:
    """The format as documented: the first line, with its line end, is what AES-GCM authenticates."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = (folder / vault.keep(lock=Lock.PASSWORD).file).read_bytes()
    line, sealed = data.split(b"\n", 1)
    header = take_apart(data).header
    key = key_of_password(PASSWORD, header.kdf, header.params, header.salt)
    plain = AESGCM(key).decrypt(header.nonce, sealed, line + b"\n")
    assert plain == b'{"api_key":"AKEY-canary-1","secret_key":"SECRET-canary-2","passphrase":"PASS-canary-3"}'
    assert data == seal(header, unseal(take_apart(data), key), key)


@pytest.mark.parametrize(
    ("password", "score"),
    [
        ("short", 0),
        ("aaaaaaaaaaaaaaaa", 1),
        ("1234567890", 1),
        ("qwertyuiop", 1),
        ("password123", 1),
        ("horse battery", 2),
        ("k7#Vq2!mTw", 3),
        ("four quick brown jumping words", 4),
    ],
)
def test_the_hint_follows_what_is_hard_to_guess(password: str, score: int) -> None:
    assert password_strength(password).score == score


# -- the folder


def test_files_are_private_from_the_start(vault: Vault, folder: Path) -> None:
    before = os.umask(0)
    try:
        kept = vault.keep()
        run(vault.note_check(kept, KeyPermissions(), 1))
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        kept.file: 0o600,
        f"{kept.file}.bak": 0o600,
    }


def test_a_file_open_to_others_is_refused_with_the_fix(vault: Vault, folder: Path) -> None:
    kept = vault.keep()
    path = folder / kept.file
    path.chmod(0o644)
    assert vault.list() == []
    assert vault.problems == (f"{path} is open to other users of this computer: run  chmod 600 '{path}'",)
    with pytest.raises(VaultExposed):
        run(vault.load(kept))
    path.chmod(0o600)
    assert shown(run(vault.load(kept))) == shown(KEYS)


def test_a_folder_open_to_others_is_refused_with_the_fix(vault: Vault, folder: Path) -> None:
    kept = vault.keep()
    folder.chmod(0o750)
    for use in (vault.list, lambda: run(vault.load(kept)), lambda: vault.keep("two", credentials=other(2))):
        with pytest.raises(VaultExposed, match=f"chmod 700 '{folder}'"):
            use()


def test_a_link_is_not_followed(vault: Vault, folder: Path, tmp_path: Path) -> None:
    kept = vault.keep()
    (folder / kept.file).rename(tmp_path / "elsewhere")
    (folder / kept.file).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultError, match="cannot be read"):
        run(vault.load(kept))


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_disk_that_refuses_loses_nothing(
    vault: Vault, folder: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    kept = vault.keep()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, fails, full)
        with pytest.raises(VaultError, match="No space left on device"):
            run(vault.note_check(kept, KeyPermissions(), 1))
        with pytest.raises(VaultError):
            vault.keep("two", credentials=other(2))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert len(vault.shelf.items) == 1, "no key is left behind in the keyring"


def test_content_never_stands_in_a_file_that_others_may_read(
    vault: Vault, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    sync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    vault.keep()
    assert seen == [0o600, 0o700], "the file, then the folder"


# -- names and removal


def test_names_and_keys_are_taken_once(vault: Vault) -> None:
    vault.keep("My desk")
    with pytest.raises(NameRefused, match="called My desk already"):
        vault.keep("  my   DESK ", credentials=other(2))
    with pytest.raises(NameRefused, match="kept already, as My desk"):
        vault.keep("other")
    assert vault.keep("other", domain="test").label == "other"


@pytest.mark.parametrize("label", ["", " ", "x" * 33, "a:b", "a/b", "a\u202eb", "<b>"])
def test_a_name_is_plain_text(vault: Vault, label: str) -> None:
    with pytest.raises(NameRefused):
        vault.keep(label)


def test_removal_leaves_no_copy_and_no_key(vault: Vault, folder: Path) -> None:
    kept, stays = vault.keep("gone"), vault.keep("stays", credentials=other(2))
    run(vault.note_check(kept, KeyPermissions(), 1))
    run(vault.remove("GONE"))
    assert [path.name for path in folder.iterdir()] == [stays.file]
    assert len(vault.shelf.items) == 1 and vault.list() == [stays]
    with pytest.raises(NoSuchAccount):
        run(vault.remove("gone"))


def test_a_key_that_left_the_keyring_is_named(vault: Vault) -> None:
    kept = vault.keep()
    vault.shelf.items.clear()
    with pytest.raises(KeyringUnusable, match="desk: the keyring no longer has the key"):
        run(vault.load(kept))


def test_an_empty_vault_is_no_trouble(vault: Vault, folder: Path) -> None:
    assert (vault.list(), vault.problems, vault.locked, vault.has_password) == ([], (), False, False)
    assert not folder.exists(), "nothing is made before something is kept"
    assert vault.clock.wall_ns() // NS_PER_S == 1_700_000_000
