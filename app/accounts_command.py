"""`depthdesk accounts`: list, add and remove accounts on the command line. Keys come from a prompt or standard input.

Never from the command line or the environment: both can be read by other programs and stay in histories.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from app.cli import EXIT_DATA, EXIT_USAGE
from app.config import ConfigError, Paths, load_config
from app.connectors.registry import CLOSED, EXCHANGES, UnknownExchange, exchange_spec
from app.connectors.spec import Domain, ExchangeSpec
from app.core.clock import NS_PER_MS, SystemClock
from app.credentials.account_info import AccountInfo, Lock
from app.credentials.accounts import Accounts
from app.credentials.consent import CONSENT, is_consent
from app.credentials.core_dumps import forbid_core_dumps
from app.credentials.errors import VaultError
from app.credentials.key_check import Check, KeyCheck, check_key
from app.credentials.key_input import Answers, InputEnded, answers
from app.credentials.setup import AccountSetup, takes_pem
from app.credentials.strength import password_strength
from app.dates import utc_date
from app.net.issuers import Issuers, Trust
from app.twin_process import TwinError, read_twin_line

EXIT_KEY = 6
"""The exchange did not find the key good, or the user did not accept what it may do."""
EXIT_INTERRUPTED = 130

_NOT_HERE = (
    "keys, secrets and passwords are never taken from the {where}: {why}.\n"
    "Run  depthdesk accounts add EXCHANGE  and type them when asked, or send them to its standard input.\n"
    "If a key was in it just now, treat that key as known to others and make a new one."
)
_ON_ARGV = _NOT_HERE.format(
    where="command line", why="every program of this computer can read it there, and the shell keeps it"
)
_IN_ENVIRONMENT = _NOT_HERE.format(
    where="environment", why="every program started from here inherits it, and crash reports copy it"
)
_LOOKS_SECRET = re.compile(r"^-{0,2}[a-z-]*(key|secret|pass|token|credential)", re.IGNORECASE)
_SECRET_VARIABLE = re.compile(r"^DEPTHDESK_\w*(KEY|SECRET|PASS|TOKEN|CREDENTIAL)")


class _Refused(Exception):
    """Ends the command with these words and this exit code."""

    def __init__(self, words: str, code: int = EXIT_DATA) -> None:
        super().__init__(words)
        self.code = code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # The usual message quotes what was typed, and that may be a key.
        self.exit(EXIT_USAGE, f"depthdesk: {_without_values(message)}\nTry: {self.prog} --help\n")


def _without_values(message: str) -> str:
    if "required" in message or "expected" in message:
        return message
    argument = re.match(r"argument [\w/, -]+: ", message)
    if argument is not None:
        return f"{argument.group()}this value is not possible"
    return "there is a word too many.\n" + _ON_ARGV


def main(
    arguments: Sequence[str],
    *,
    check: Check | None = None,
    accounts: Callable[[Path], Accounts] = Accounts,
    ask: Callable[[], Answers] = answers,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run the command; returns the exit code. Everything said goes to stdout, everything refused to stderr.

    `check` stands in for the question to the exchange, which goes the way that the settings name.
    """
    forbid_core_dumps()
    try:
        if any(_LOOKS_SECRET.match(word) for word in arguments if word.startswith("-") and word != "--password"):
            raise _Refused(_ON_ARGV, EXIT_USAGE)
        if any(_SECRET_VARIABLE.match(name) for name in (os.environ if environment is None else environment)):
            raise _Refused(_IN_ENVIRONMENT, EXIT_USAGE)
        found = _parser().parse_args(arguments)
        vault = accounts(Paths(found.profile).data / "accounts")
        vault.on_remark = lambda words: print(f"depthdesk: {words}", file=sys.stderr)
        if found.what == "list":
            return _list(vault)
        if found.what == "password":
            return asyncio.run(_change_password(vault, ask))
        if found.what == "remove":
            return asyncio.run(_remove(vault, found.label, found.yes, ask))
        return asyncio.run(_add(vault, found, check or _check_as_set(Paths(found.profile)), ask))
    except _Refused as refused:
        return _say(str(refused), refused.code)
    except VaultError as error:
        return _say(str(error), EXIT_DATA)
    except ConfigError as error:
        return _say(str(error), EXIT_USAGE)
    except InputEnded as error:
        return _say(str(error), EXIT_USAGE)
    except (KeyboardInterrupt, EOFError):
        return _say("stopped; nothing was kept", EXIT_INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="depthdesk accounts", description="The accounts in the vault.", allow_abbrev=False)
    commands = parser.add_subparsers(
        dest="what", required=True, metavar="list|add|remove|password", parser_class=_Parser
    )
    show = commands.add_parser("list", help="show every account; no key is opened", allow_abbrev=False)
    add = commands.add_parser(
        "add",
        help="keep an account",
        allow_abbrev=False,
        description="Asks for the keys without showing them, or reads them from standard input: one JSON object with "
        "the fields api_key, secret_key, passphrase, vault_password and consent as needed, or one line for each "
        "question. The key is checked on the exchange before it is kept.",
    )
    add.add_argument("exchange", metavar="EXCHANGE")
    add.add_argument("--domain", default="", metavar="D", help="such as main or a test network; the first by default")
    add.add_argument("--label", default="", metavar="L", help="what the account is called; the exchange by default")
    add.add_argument("--no-check", action="store_true", help="do not ask the exchange; keep it marked not checked")
    add.add_argument("--password", action="store_true", help="keep it under a password instead of the system's keyring")
    add.add_argument("--twin", default="", metavar="LINE", help="use a running paper twin: the first line it printed")
    remove = commands.add_parser("remove", help="forget an account", allow_abbrev=False)
    remove.add_argument("label", metavar="LABEL")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    password = commands.add_parser(
        "password",
        help="choose another password for the vault",
        allow_abbrev=False,
        description="Asks for the old password and the new one, or reads them from standard input: one JSON object "
        "with vault_password and new_password, or one line for each.",
    )
    for each in (show, add, remove, password):
        each.add_argument("--profile", type=Path, metavar="DIR", help="the folder that the program was given")
    return parser


# -- list


def _list(vault: Accounts) -> int:
    found = vault.list()
    if not found:
        print("No accounts. Add one: depthdesk accounts add EXCHANGE")
    rows = [("NAME", "EXCHANGE", "KEY", "KEPT BY", "CHECKED", "RIGHTS")]
    rows += [
        (
            info.label,
            f"{info.exchange} ({_place(info)})",
            info.key_fingerprint,
            info.lock.value,
            utc_date(info.checked_ms) if info.checked else "not checked",
            info.permissions.words(),
        )
        for info in found
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    for row in rows if found else ():
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))
    for words in [f"{info.label}: {info.trouble}" for info in found if info.trouble] + list(vault.problems):
        print(f"depthdesk: {words}", file=sys.stderr)
    return EXIT_DATA if vault.problems else 0


def _place(info: AccountInfo) -> str:
    return f"lab {urlsplit(info.lab.get('rest', '')).netloc}" if info.lab else info.domain


# -- remove


async def _remove(vault: Accounts, label: str, yes: bool, ask: Callable[[], Answers]) -> int:
    info = vault.find(label)
    if not yes:
        typed = ask().line("label", f"The keys of {info.label} are kept nowhere else. Type its name to forget them: ")
        if " ".join(typed.split()).casefold() != info.label.casefold():
            raise _Refused("not the same name; nothing was removed", EXIT_USAGE)
    await vault.remove(info.label)
    print(f"{info.label} is forgotten. Delete the key on {info.exchange} as well if it is not used elsewhere.")
    return 0


# -- password


async def _change_password(vault: Accounts, ask: Callable[[], Answers]) -> int:
    if not vault.has_password:
        raise _Refused("no account is kept under a password")
    answers = ask()
    old = answers.secret("vault_password", "Password of the vault: ")
    new = _new_password(answers, "new_password", "New password (nobody can recover it): ")
    count = await vault.change_password(old, new)
    print(f"The password is changed for {count} account{'s' if count > 1 else ''}.")
    return 0


# -- add


async def _add(vault: Accounts, found: argparse.Namespace, check: Check, ask: Callable[[], Answers]) -> int:
    spec, twins = _exchange(found.exchange), _twin(found.twin, found.exchange)
    setup = AccountSetup(vault, EXCHANGES, check, twins=twins)
    domain = found.domain or next(iter(setup.domains(spec.name)))
    if domain not in setup.domains(spec.name):
        raise _Refused(f"{spec.title} has no such domain; it has {', '.join(setup.domains(spec.name))}", EXIT_USAGE)
    label = found.label or setup.free_label(spec.name)
    if words := setup.label_problem(label):
        raise _Refused(words, EXIT_USAGE)
    lock = await _lock(vault, found.password)
    answers = ask()
    _explain(answers, spec, setup.domains(spec.name)[domain])
    values = {
        field.name: answers.secret(field.name, f"{field.title}: ", pem=takes_pem(field), optional=field.optional)
        for field in spec.credential_fields
    }
    if problems := setup.problems(spec.name, values):
        raise _Refused("; ".join(problems.values()), EXIT_KEY)
    checked: KeyCheck | None = None
    consent = False
    if not found.no_check:
        checked = await setup.check(spec.name, domain, values)
        answers.tell(checked.words)
        if not checked.ok:
            raise _Refused(f"not kept: {checked.words}", EXIT_KEY)
        answers.tell(f"Rights: {checked.permissions.words()}")
        consent = _consent(answers, checked, spec)
    password = _password(vault, answers) if lock is Lock.PASSWORD else ""
    info = await setup.keep(spec.name, domain, label, values, lock, password=password, check=checked, consent=consent)
    print(_kept(info, spec))
    return 0


def _check_as_set(paths: Paths) -> Check:
    """By the proxy of the settings, and signing nothing for a host whose certificate has another issuer than before.

    Raises ConfigError.
    """
    clock = SystemClock()
    issuers = Issuers(paths.issuers_file, lambda: clock.wall_ns() // NS_PER_MS)
    return partial(check_key, proxy=load_config(paths.settings_file).network.proxy, trust=Trust(issuers))


def _exchange(name: str) -> ExchangeSpec:
    try:
        return exchange_spec(name)
    except UnknownExchange as error:
        # What was typed is not repeated: it may be a key in the wrong place.
        words = str(error) if name.lower() in CLOSED else f"no such exchange. Known exchanges: {', '.join(EXCHANGES)}"
        raise _Refused(words, EXIT_USAGE) from None


def _twin(line: str, exchange: str) -> dict[str, dict[str, str]]:
    if not line:
        return {}
    try:
        twin = read_twin_line(line)
    except TwinError:
        raise _Refused("argument --twin: this is not the first line of a paper twin", EXIT_USAGE) from None
    if twin.exchange != exchange.lower():
        raise _Refused(f"argument --twin: that twin is one of {twin.exchange}", EXIT_USAGE)
    return {twin.exchange: twin.addresses()}


async def _lock(vault: Accounts, password: bool) -> Lock:
    """The keyring unless a password is asked for; never a password in silence."""
    if password:
        return Lock.PASSWORD
    state = await vault.keyring_state()
    if not state.usable:
        raise _Refused(f"{state.words}. To keep the account under a password of yours instead, add --password")
    return Lock.KEYRING


def _explain(answers: Answers, spec: ExchangeSpec, domain: Domain) -> None:
    answers.tell(
        f"{spec.title}, {domain.title}. The key needs the right to READ, and to TRADE if orders are to be placed. "
        "Leave WITHDRAW and TRANSFER off, and bind it to this computer's address where the exchange offers that."
    )


def _consent(answers: Answers, checked: KeyCheck, spec: ExchangeSpec) -> bool:
    if not checked.permissions.can_move_money_away:
        return False
    typed = answers.line(
        "consent",
        f"This key can move money away from {spec.title}. Depthdesk never does that and does not need the right: "
        f'better make a key without it. To keep this one all the same, type "{CONSENT}": ',
    )
    if not is_consent(typed):
        raise _Refused("not kept: this key can move money away, and that was not accepted", EXIT_KEY)
    return True


def _password(vault: Accounts, answers: Answers) -> str:
    if vault.has_password:
        return answers.secret("vault_password", "Password of the vault: ")
    return _new_password(answers, "vault_password", "Choose a password for the vault (nobody can recover it): ")


def _new_password(answers: Answers, name: str, question: str) -> str:
    password = answers.secret(name, question)
    strength = password_strength(password)
    answers.tell(f"This password is {strength.words}.")
    if strength.score and answers.repeats and answers.secret(name, "Again: ") != password:
        raise _Refused("the two passwords differ; nothing was kept", EXIT_USAGE)
    return password


def _kept(info: AccountInfo, spec: ExchangeSpec) -> str:
    state = f"checked; {info.permissions.words()}" if info.checked else "not checked"
    where = "the system's keyring" if info.lock is Lock.KEYRING else "the vault's password"
    return f"{info.label} is kept: {spec.title} ({_place(info)}), key {info.key_fingerprint}, under {where}; {state}."


def _say(words: str, code: int) -> int:
    print(f"depthdesk: {words}", file=sys.stderr)
    return code
