"""Adding an account, for the dialog and the command alike: read fields, check, consent, keep. No prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.connectors.spec import CredentialField, Credentials, Domain, ExchangeSpec
from app.core.clock import NS_PER_MS, Clock, SystemClock
from app.credentials.account_info import AccountInfo, Lock, good_label
from app.credentials.accounts import Accounts
from app.credentials.errors import VaultError
from app.credentials.key_check import Check, KeyCheck, check_key
from app.credentials.lab import LAB, lab_domain

_LONGEST_FIELD = 16 * 1024
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*-----END [A-Z0-9 ]+-----", re.DOTALL)


class KeyRefused(VaultError):
    """The key is not kept: it was not checked or not found good, or its consent is missing."""


class AccountSetup:
    """`exchanges` are those offered; `twins` adds a running paper twin by exchange name: addresses as in `Header.lab`.

    Raises HostRefused for a twin that is not on this computer.
    """

    def __init__(
        self,
        accounts: Accounts,
        exchanges: Mapping[str, ExchangeSpec],
        check: Check = check_key,
        *,
        twins: Mapping[str, dict[str, str]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.accounts = accounts
        self.exchanges = exchanges
        self._check = check
        self._twins = twins or {}
        self._labs = {name: lab_domain(addresses, exchanges[name]) for name, addresses in self._twins.items()}
        self._clock = clock or SystemClock()

    def domains(self, exchange: str) -> dict[str, Domain]:
        found = dict(self.exchanges[exchange].domains)
        if lab := self._labs.get(exchange):
            found = {lab.name: lab} | found
        return found

    def free_label(self, exchange: str) -> str:
        """A name nobody has yet: the exchange's, with a number where needed."""
        try:
            taken = {info.label.casefold() for info in self.accounts.list()}
        except VaultError:
            return exchange
        names = [exchange, *(f"{exchange} {number}" for number in range(2, len(taken) + 3))]
        return next(name for name in names if name.casefold() not in taken)

    def label_problem(self, label: str) -> str:
        """Why no account can be kept under this name, or empty."""
        try:
            label = good_label(label)
            taken = any(info.label.casefold() == label.casefold() for info in self.accounts.list())
        except VaultError as error:
            return str(error)
        return "there is an account of that name already" if taken else ""

    def password_state(self) -> tuple[bool, bool]:
        """Whether the vault has a password, and whether it has been given."""
        try:
            has_password = self.accounts.has_password
            return has_password, has_password and not self.accounts.locked
        except VaultError:
            return False, False

    def problems(self, exchange: str, values: Mapping[str, str]) -> dict[str, str]:
        """What is wrong with the fields as they stand, by field name; never quotes a value."""
        found: dict[str, str] = {}
        for field in self.exchanges[exchange].credential_fields:
            if words := _problem(field, _value(field, values)):
                found[field.name] = words
        return found

    async def check(self, exchange: str, domain: str, values: Mapping[str, str]) -> KeyCheck:
        """Ask the exchange. Call it with fields that have no problems."""
        spec = self.exchanges[exchange]
        return await self._check(spec, self.domains(exchange)[domain], self._credentials(exchange, values))

    async def keep(
        self,
        exchange: str,
        domain: str,
        label: str,
        values: Mapping[str, str],
        lock: Lock,
        *,
        password: str = "",
        check: KeyCheck | None,
        consent: bool = False,
    ) -> AccountInfo:
        """Put the account into the vault. `check` None keeps it marked "not checked". Raises VaultError."""
        if problems := self.problems(exchange, values):
            raise KeyRefused("; ".join(problems.values()))
        if check is not None and not check.ok:
            raise KeyRefused("the exchange did not find this key good")
        if check is not None and check.permissions.can_move_money_away and not consent:
            raise KeyRefused("this key can move money away, and that was not accepted")
        return await self.accounts.add(
            exchange=exchange,
            domain=domain,
            label=label,
            credentials=self._credentials(exchange, values),
            lock=lock,
            password=password,
            permissions=None if check is None else check.permissions,
            checked_ms=0 if check is None else check.checked_ms,
            consent_ms=self._clock.wall_ns() // NS_PER_MS if consent else 0,
            lab=self._twins[exchange] if domain == LAB and exchange in self._twins else None,
        )

    def _credentials(self, exchange: str, values: Mapping[str, str]) -> Credentials:
        fields = self.exchanges[exchange].credential_fields
        given = {field.name: _value(field, values) for field in fields}
        return Credentials(
            api_key=given["api_key"], secret_key=given.get("secret_key", ""), passphrase=given.get("passphrase", "")
        )


def takes_pem(field: CredentialField) -> bool:
    """Whether the field may hold a key file of several lines."""
    return "PEM" in field.title or "private key" in field.title.casefold() and field.name == "secret_key"


def _value(field: CredentialField, values: Mapping[str, str]) -> str:
    value = values.get(field.name, "")
    return value.strip("\r\n") if field.name == "passphrase" else value.strip()


def _problem(field: CredentialField, value: str) -> str:
    name = field.title.partition(" (")[0].partition(",")[0]
    if not value:
        return "" if field.optional else f"{name} is missing"
    if len(value) > _LONGEST_FIELD:
        return f"{name} has {len(value)} characters: that is no key"
    if "-----BEGIN" in value:
        if not takes_pem(field):
            return f"{name} is no key file (PEM) on this exchange"
        return "" if _PEM.search(value) else f"{name}: the end of the key file (-----END …) is missing"
    if any(not letter.isprintable() or letter.isspace() for letter in value) and field.name != "passphrase":
        return f"{name} has blanks or line ends in it: copy it again"
    return ""
