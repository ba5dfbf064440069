"""Lab accounts name this computer only, and another password leaves nothing that opens with the old one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from msgspec.structs import replace

from app.connectors.registry import exchange_spec
from app.connectors.spec import Credentials
from app.credentials.account_info import AccountInfo, Lock
from app.credentials.accounts import Accounts
from app.credentials.errors import RecordDamaged, VaultError, WeakPassword, WrongPassword
from app.credentials.lab import LAB, HostRefused, domain_of
from app.credentials.record import take_apart

SPEC = exchange_spec("poloniex")
HERE = {"rest": "http://127.0.0.1:4711", "ws_public": "ws://127.0.0.1:4711/a", "ws_private": "ws://[::1]:4711/b"}
OLD, NEW = "correct horse battery", "another good one 7"
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def keep(vault: Accounts, label: str, **more: Any) -> AccountInfo:
    keys = Credentials(api_key=f"key of {label}", secret_key="canary")
    given = {"exchange": "poloniex", "domain": "main", "label": label, "credentials": keys, "lock": Lock.PASSWORD}
    return run(vault.add(**{**given, "password": OLD, **more}))


def test_a_lab_account_keeps_its_addresses_and_comes_back(tmp_path: Path) -> None:
    keep(Accounts(tmp_path), "bench", domain=LAB, lab=HERE)
    info, _ = run(Accounts(tmp_path).open(Accounts(tmp_path).find("bench"), OLD))
    domain = domain_of(info, SPEC)
    assert (domain.lab, domain.paper, domain.rest) == (True, True, {"": HERE["rest"]})
    assert domain.sockets == {"public": HERE["ws_public"], "private": HERE["ws_private"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"rest": "http://evil.example:80"},
        {"rest": "https://api.poloniex.com"},
        {"rest": "http://127.0.0.1.evil.example:80"},
        {"rest": "http://user@127.0.0.1:80"},
        {"rest": "http://127.0.0.1"},
        {"ws_private": "ws://10.0.0.1:4711/b"},
        {"ws_public": "http://127.0.0.1:4711"},
        {"rest": "http://127.0.0.1:99999999"},
        {"more": "http://127.0.0.1:1"},
    ],
)
def test_a_host_that_is_not_this_computer_is_refused(tmp_path: Path, changed: dict[str, str]) -> None:
    info = keep(Accounts(tmp_path), "bench", domain=LAB, lab=HERE)
    with pytest.raises(HostRefused):
        domain_of(replace(info, lab=HERE | changed), SPEC)


def test_a_production_account_takes_no_address_and_only_known_domains(tmp_path: Path) -> None:
    info = keep(Accounts(tmp_path), "real")
    assert domain_of(info, SPEC) is SPEC.domains["main"]
    for forged in (replace(info, lab=HERE), replace(info, domain="paper"), replace(info, domain=LAB)):
        with pytest.raises(HostRefused):
            domain_of(forged, SPEC)


def test_an_address_changed_in_the_file_opens_no_key(tmp_path: Path) -> None:
    """The header is sealed with the keys, and an account of one place answers to that place's file name only."""
    info = keep(Accounts(tmp_path), "bench", domain=LAB, lab=HERE)
    path = tmp_path / info.file
    path.write_bytes(path.read_bytes().replace(b"127.0.0.1:4711", b"127.0.0.1:4712"))
    vault = Accounts(tmp_path)
    assert vault.find("bench").lab["rest"].endswith(":4712")
    with pytest.raises((RecordDamaged, WrongPassword)):
        run(vault.open(vault.find("bench"), OLD))


def test_accounts_of_the_version_before_are_read(tmp_path: Path) -> None:
    keep(Accounts(tmp_path), "old")
    record = take_apart((tmp_path / Accounts(tmp_path).find("old").file).read_bytes())
    line = record.line.replace(b'"version":2', b'"version":1').replace(b',"lab":{}', b"")
    assert line != record.line and take_apart(line + record.sealed).header.lab == {}


def test_another_password_opens_everything_and_the_old_one_nothing(tmp_path: Path) -> None:
    vault = Accounts(tmp_path)
    for label in ("one", "two"):
        keep(vault, label)
    assert run(vault.change_password(OLD, NEW)) == 2
    assert run(vault.load(vault.find("one"))).secret_key == "canary", "it stays open here"
    fresh = Accounts(tmp_path)
    run(fresh.unlock(NEW))
    assert not fresh.locked and run(fresh.load(fresh.find("two"))).secret_key == "canary"
    with pytest.raises(WrongPassword):
        run(Accounts(tmp_path).unlock(OLD))
    # Neither do the backups, with the files gone.
    for path in tmp_path.glob("*.account"):
        path.unlink()
    with pytest.raises(VaultError):
        run(Accounts(tmp_path).unlock(OLD))


def test_a_wrong_or_weak_password_changes_nothing(tmp_path: Path) -> None:
    vault = Accounts(tmp_path)
    keep(vault, "one")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(WeakPassword):
        run(vault.change_password(OLD, "short"))
    with pytest.raises(WrongPassword):
        run(Accounts(tmp_path).change_password("wrong wrong wrong", NEW))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_disk_that_refuses_in_the_middle_leaves_the_old_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Accounts(tmp_path)
    for label in ("one", "two", "three"):
        keep(vault, label)
    written: list[str] = []
    write = vault._folder.write

    def failing(name: str, data: bytes, *, keep_backup: bool = True) -> None:
        if keep_backup:
            written.append(name)
            if len(written) == 2:
                raise VaultError("the disk is full")
        write(name, data, keep_backup=keep_backup)

    monkeypatch.setattr(vault._folder, "write", failing)
    with pytest.raises(VaultError, match="disk is full"):
        run(vault.change_password(OLD, NEW))
    fresh = Accounts(tmp_path)
    run(fresh.unlock(OLD))
    assert not fresh.locked
    salts = {take_apart(path.read_bytes()).header.salt for path in tmp_path.glob("*.account")}
    assert len(salts) == 1


def test_the_record_says_nothing_in_clear_but_its_header(tmp_path: Path) -> None:
    info = keep(Accounts(tmp_path), "bench", domain=LAB, lab=HERE)
    line, _, sealed = (tmp_path / info.file).read_bytes().partition(b"\n")
    assert msgspec.json.decode(line)["lab"] == HERE and b"canary" not in line + sealed
