"""`depthdesk accounts` as a user or a script runs it: prompts, pipes, refusals, and what is never accepted."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.accounts_command import EXIT_KEY, main
from app.cli import EXIT_DATA, EXIT_USAGE
from app.connectors.spec import Credentials, Domain, ExchangeSpec
from app.core.permissions import KeyPermissions
from app.credentials.account_info import Lock
from app.credentials.accounts import Accounts
from app.credentials.consent import CONSENT
from app.credentials.key_check import KeyCheck
from app.credentials.key_input import Answers, Terminal, read_input
from app.credentials.system_keyring import KeyringState
from app.twin_process import TwinLine, TwinProcess
from tests.lab.forward_proxy import ForwardProxy

PASSWORD = "correct horse battery"
KEYS = {"api_key": "canary-key-1234", "secret_key": "canary-secret-5678"}
GOOD = KeyCheck(
    ok=True,
    words="Poloniex accepts this key: it may read and trade.",
    permissions=KeyPermissions(read=True, trade=True, withdraw=False),
    checked_ms=1_700_000_000_000,
)


class Shelf:
    def __init__(self) -> None:
        self.items: dict[str, bytes] = {}
        self.found = KeyringState(True, "Shelf")

    async def state(self) -> KeyringState:
        return self.found

    async def get(self, item: str) -> bytes | None:
        return self.items.get(item)

    async def put(self, item: str, key: bytes) -> None:
        self.items[item] = key

    async def delete(self, item: str) -> None:
        self.items.pop(item, None)


class Command:
    """Runs the command against the real vault in a folder; the exchange answers with `told`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.shelf = Shelf()
        self.told = GOOD
        self.asked: list[tuple[str, str, str]] = []
        self._capsys = capsys
        self.out = self.err = ""

    def vault(self, folder: Path | None = None) -> Accounts:
        return Accounts(folder or self.folder / "accounts", keyring=self.shelf)

    def __call__(self, *arguments: str, types: str | dict[str, str] = "", env: dict[str, str] | None = None) -> int:
        text = json.dumps(types) if isinstance(types, dict) else types
        code = main(
            [*arguments, "--profile", str(self.folder)],
            check=self._check,
            accounts=self.vault,
            ask=lambda: read_input(io.StringIO(text)),
            environment=env or {},
        )
        self.out, self.err = self._capsys.readouterr()
        assert "canary" not in self.out + self.err and PASSWORD not in self.out + self.err
        return code

    async def _check(self, spec: ExchangeSpec, domain: Domain, keys: Credentials) -> KeyCheck:
        self.asked.append((spec.name, domain.name, keys.api_key))
        return self.told


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


# -- adding


def test_json_on_standard_input_is_checked_and_kept(command: Command) -> None:
    assert command("add", "poloniex", types=KEYS) == 0
    assert command.asked == [("poloniex", "main", "canary-key-1234")]
    fingerprint = command.vault().find("poloniex").key_fingerprint
    assert command.out == (
        f"poloniex is kept: Poloniex (main), key {fingerprint}, under the system's keyring; checked; "
        "read yes, trade yes, transfer not reported, withdraw no, IP-bound not reported.\n"
    )


def test_lines_on_standard_input_are_taken_in_the_order_of_the_questions(command: Command) -> None:
    typed = f"{KEYS['api_key']}\n{KEYS['secret_key']}\n{PASSWORD}\n"
    assert command("add", "poloniex", "--label", "Night desk", "--password", types=typed) == 0
    kept = command.vault().find("night desk")
    assert (kept.label, kept.lock, kept.permissions) == ("Night desk", Lock.PASSWORD, GOOD.permissions)


def test_a_key_file_takes_as_many_lines_as_it_has() -> None:
    pem = "-----BEGIN EC PRIVATE KEY-----\nMHcC\nAQEE\n-----END EC PRIVATE KEY-----"
    lines = read_input(io.StringIO(f"name\n{pem}\nnext\n"))
    assert [lines.secret(name, "") for name in ("api_key", "secret_key", "vault_password")] == ["name", pem, "next"]


def test_a_second_account_gets_a_name_of_its_own(command: Command) -> None:
    command("add", "poloniex", types=KEYS)
    assert command("add", "poloniex", types=KEYS) == EXIT_DATA
    assert command.err == "depthdesk: this key is kept already, as poloniex\n"
    assert command("add", "poloniex", types=KEYS | {"api_key": "canary-other-key"}) == 0
    assert [info.label for info in command.vault().list()] == ["poloniex", "poloniex 2"]


def test_a_key_that_the_exchange_refuses_is_not_kept(command: Command) -> None:
    command.told = KeyCheck(ok=False, words="The exchange refused this key.")
    assert command("add", "poloniex", types=KEYS) == EXIT_KEY
    assert command.err == "depthdesk: not kept: The exchange refused this key.\n"
    assert command.vault().list() == []


def test_without_a_check_it_is_marked_so(command: Command) -> None:
    assert command("add", "poloniex", "--no-check", types=KEYS) == 0
    assert command.asked == [] and command.out.endswith("; not checked.\n")
    command("list")
    assert "not checked" in command.out and "rights not reported" in command.out


@pytest.mark.parametrize("consent", ["", "yes", None])
def test_a_key_that_may_withdraw_needs_the_whole_sentence(command: Command, consent: str | None) -> None:
    command.told = KeyCheck(ok=True, words="ok", permissions=KeyPermissions(read=True, withdraw=True), checked_ms=1)
    typed = KEYS if consent is None else KEYS | {"consent": consent}
    assert command("add", "poloniex", types=typed) == (EXIT_USAGE if consent is None else EXIT_KEY)
    assert command.vault().list() == []
    assert command("add", "poloniex", types=KEYS | {"consent": CONSENT}) == 0
    assert command.vault().find("poloniex").may_trade


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"api_key": "canary"}, "the JSON on standard input has no field secret_key"),
        (KEYS | {"secret_key": "canary secret"}, "Secret key has blanks or line ends in it: copy it again"),
        (KEYS | {"api_key": ""}, "API key is missing"),
        ('{"api_key": canary', "standard input is not one JSON object with text fields"),
        ("canary\n", "standard input ended before secret_key"),
        ("", "standard input ended before api_key"),
    ],
)
def test_what_is_missing_is_named_and_never_quoted(command: Command, typed: Any, words: str) -> None:
    assert command("add", "poloniex", types=typed) in (EXIT_USAGE, EXIT_KEY)
    assert command.err == f"depthdesk: {words}\n"


# -- the vault


def test_without_a_keyring_a_password_is_offered_and_nothing_kept_in_silence(command: Command) -> None:
    command.shelf.found = KeyringState(False, "", "this computer offers no keyring")
    assert command("add", "poloniex", types=KEYS) == EXIT_DATA
    assert command.err == (
        "depthdesk: this computer offers no keyring. To keep the account under a password of yours instead, "
        "add --password\n"
    )
    assert not list(command.folder.rglob("*"))
    assert command("add", "poloniex", "--password", types=KEYS | {"vault_password": PASSWORD}) == 0


def test_a_weak_or_another_password_keeps_nothing(command: Command) -> None:
    assert command("add", "poloniex", "--password", types=KEYS | {"vault_password": "short"}) == EXIT_DATA
    assert "at least 10 characters" in command.err
    command("add", "poloniex", "--password", types=KEYS | {"vault_password": PASSWORD})
    other = {"api_key": "canary-b", "secret_key": "canary-c", "vault_password": "canary another one"}
    assert command("add", "poloniex", "--password", types=other) == EXIT_DATA
    assert command.err == "depthdesk: this password does not open the vault\n"
    assert len(command.vault().list()) == 1


# -- X17: never from the command line or the environment


@pytest.mark.parametrize(
    "arguments",
    [
        ("--api-key", "canary-1"),
        ("--api-key=canary-1",),
        ("--secret", "canary-1"),
        ("-key", "canary-1"),
        ("--passphrase", "canary-1"),
        ("--password=canary-1",),
        ("canary-1",),
        ("canary-1", "canary-2"),
    ],
)
def test_x17_a_key_on_the_command_line_is_refused_with_the_reason(command: Command, arguments: tuple[str, ...]) -> None:
    try:
        code = command("add", "poloniex", *arguments, types=KEYS)
    except SystemExit as end:
        code = end.code  # type: ignore[assignment]
        command.err = command._capsys.readouterr().err
    assert code == EXIT_USAGE
    assert "never taken from the command line: every program of this computer can read it there" in command.err
    assert "canary" not in command.err and "treat that key as known to others" in command.err
    assert command.vault().list() == []


def test_x17_a_key_in_the_environment_is_refused_with_the_reason(command: Command) -> None:
    assert command("add", "poloniex", types=KEYS, env={"DEPTHDESK_API_KEY": "canary"}) == EXIT_USAGE
    assert "never taken from the environment: every program started from here inherits it" in command.err
    assert command.vault().list() == []


def test_x17_a_key_in_the_exchanges_place_is_not_repeated(command: Command) -> None:
    assert command("add", "canary-1234", types=KEYS) == EXIT_USAGE
    assert command.err.startswith("depthdesk: no such exchange. Known exchanges: poloniex")
    assert command("add", "bittrex") == EXIT_USAGE
    assert "Bittrex closed in December 2023" in command.err


# -- list and remove


def test_the_list_names_everything_but_the_key(command: Command) -> None:
    assert command("list") == 0 and command.out.startswith("No accounts.")
    command("add", "poloniex", "--label", "main desk", types=KEYS)
    assert command("list") == 0
    head, row = command.out.splitlines()
    assert head.split() == ["NAME", "EXCHANGE", "KEY", "KEPT", "BY", "CHECKED", "RIGHTS"]
    assert row.startswith("main desk  poloniex (main)  ")
    assert row.endswith(
        "keyring  2023-11-14  read yes, trade yes, transfer not reported, withdraw no, IP-bound not reported"
    )


def test_an_exposed_file_is_reported_by_the_list(command: Command) -> None:
    command("add", "poloniex", types=KEYS)
    file = next(command.folder.rglob("*.account"))
    file.chmod(0o644)
    assert command("list") == EXIT_DATA
    assert f"run  chmod 600 '{file}'" in command.err


def test_removal_asks_for_the_name(command: Command) -> None:
    command("add", "poloniex", types=KEYS)
    assert command("remove", "poloniex", types="polonix\n") == EXIT_USAGE
    assert len(command.vault().list()) == 1
    assert command("remove", "Poloniex", types="poloniex\n") == 0
    assert command.vault().list() == [] and command.shelf.items == {}
    assert command("remove", "poloniex", "--yes") == EXIT_DATA
    assert command.err == "depthdesk: there is no account of that name\n"


# -- as a process


@pytest.fixture(scope="module")
def twin() -> Iterator[TwinLine]:
    process = TwinProcess("poloniex", seed=3)
    try:
        yield process.read_line()
    finally:
        process.stop()


def line_of(twin: TwinLine) -> str:
    return json.dumps({name: getattr(twin, name) for name in twin.__struct_fields__})


def start(home: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PYTHON_KEYRING"))}
    return subprocess.run(
        [sys.executable, "-m", "app", "accounts", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean | {"HOME": str(home)},
        **more,
    )


@pytest.mark.parametrize(("secret", "code"), [("", 0), ("wrong", EXIT_KEY)], ids=["good", "wrong"])
def test_on_a_running_twin_from_start_to_end(twin: TwinLine, tmp_path: Path, secret: str, code: int) -> None:
    keys = {"api_key": twin.api_key, "secret_key": secret or twin.secret_key, "vault_password": PASSWORD}
    done = start(tmp_path, "add", "poloniex", "--password", "--twin", line_of(twin), input=json.dumps(keys))
    assert done.returncode == code, done.stderr
    if code:
        assert "The exchange refused this key" in done.stderr and not list(tmp_path.rglob("*.account"))
        return
    assert done.stdout.startswith(f"poloniex is kept: Poloniex (lab {urlsplit(twin.rest).netloc}), key ")
    assert [path.parent.name for path in tmp_path.rglob("*.account")] == ["accounts"]
    assert f"poloniex  poloniex (lab {urlsplit(twin.rest).netloc})" in start(tmp_path, "list").stdout
    assert start(tmp_path, "remove", "poloniex", "--yes").returncode == 0
    assert not list(tmp_path.rglob("*.account"))


def test_the_key_is_checked_by_the_proxy_of_the_settings(twin: TwinLine, tmp_path: Path) -> None:
    """The proxy leads to a server that is not the exchange: nothing signed may get there, and no other way is tried."""

    async def story() -> tuple[subprocess.CompletedProcess[str], list[str]]:
        proxy = ForwardProxy(urlsplit(twin.rest).netloc)
        await proxy.start()
        (tmp_path / "config.toml").write_text(f'[network]\nproxy = "http://{proxy.address}"\n')
        words = ("add", "poloniex", "--password", "--profile", str(tmp_path))
        try:
            typed = json.dumps({**KEYS, "vault_password": PASSWORD})
            return await asyncio.to_thread(start, tmp_path, *words, input=typed), proxy.connects
        finally:
            await proxy.stop()

    done, connects = asyncio.run(story())
    assert done.returncode == EXIT_KEY and "not kept" in done.stderr, done.stderr
    assert set(connects) == {"api.poloniex.com:443"}
    assert not list(tmp_path.rglob("*.account"))


def test_settings_that_cannot_be_read_keep_nothing(command: Command, twin: TwinLine) -> None:
    (command.folder / "config.toml").write_text("[network]\nproxy = 7\n")
    done = start(command.folder, "add", "poloniex", "--profile", str(command.folder), input=json.dumps(KEYS))
    assert done.returncode == EXIT_USAGE and "config.toml" in done.stderr and "network.proxy" in done.stderr
    assert command.vault().list() == [] and "canary" not in done.stdout + done.stderr


def test_a_terminal_shows_nothing_of_what_is_typed(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "accounts", "add", "poloniex", "--no-check", "--password", "--profile", tmp_path],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(follower)
    screen = ""
    try:
        for prompt, typed in (
            ("API key: ", KEYS["api_key"]),
            ("Secret key: ", KEYS["secret_key"]),
            ("recover it): ", PASSWORD),
            ("Again: ", PASSWORD),
        ):
            screen += _read_until(leader, prompt)
            os.write(leader, f"{typed}\n".encode())
        screen += _read_until(leader, "not checked.")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    assert "This password is strong." in screen or "This password is good." in screen
    assert "Leave WITHDRAW and TRANSFER off" in screen
    assert "canary" not in screen and PASSWORD not in screen


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read_until(leader: int, words: str) -> str:
    seen = ""
    while words not in seen:
        assert select.select([leader], [], [], 30)[0], f"waiting for {words!r}, saw {seen!r}"
        seen += os.read(leader, 4096).decode()
    return seen


def test_a_key_file_can_be_pasted_into_the_terminal() -> None:
    lines = iter(["-----BEGIN PRIVATE KEY-----", "MC4C", "-----END PRIVATE KEY-----", "after"])
    terminal = Terminal(lambda prompt: next(lines))
    assert terminal.secret("secret_key", "", pem=True).splitlines() == [
        "-----BEGIN PRIVATE KEY-----",
        "MC4C",
        "-----END PRIVATE KEY-----",
    ]
    assert terminal.secret("passphrase", "") == "after"


def test_an_interrupted_question_keeps_nothing(command: Command) -> None:
    class Impatient(Terminal):
        def secret(self, name: str, prompt: str, *, pem: bool = False, optional: bool = False) -> str:
            raise KeyboardInterrupt

    ask: Callable[[], Answers] = Impatient
    code = main(["add", "poloniex", "--profile", str(command.folder)], accounts=command.vault, ask=ask, environment={})
    assert code == 130 and command.vault().list() == []


# -- the vault's password


def test_the_password_is_changed_and_never_repeated(command: Command) -> None:
    assert command("password", types="") == EXIT_DATA and "no account is kept under a password" in command.err
    assert command("add", "poloniex", "--password", types={**KEYS, "vault_password": PASSWORD}) == 0
    new = "another good one 7"
    assert command("password", types={"vault_password": PASSWORD, "new_password": "short"}) == EXIT_DATA
    assert "at least 10 characters" in command.err
    assert command("password", types={"vault_password": new, "new_password": new}) == EXIT_DATA
    assert "this password does not open the vault" in command.err
    assert command("password", types={"vault_password": PASSWORD, "new_password": new}) == 0
    assert command.out.endswith("The password is changed for 1 account.\n") and new not in command.out
    vault = command.vault()
    asyncio.run(vault.unlock(new))
    assert not vault.locked
