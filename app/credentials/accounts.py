"""All kept accounts: list, unlock, load, add, remove. Keys leave it as `Credentials` only; no exchange is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from app.connectors.spec import Credentials
from app.core.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from app.core.permissions import KeyPermissions
from app.credentials.account_info import AccountInfo, Lock, good_label, info_of, is_named_right
from app.credentials.errors import (
    KeyringUnusable,
    NameRefused,
    NoSuchAccount,
    RecordDamaged,
    VaultError,
    VaultLocked,
    WeakPassword,
    WrongPassword,
)
from app.credentials.record import VERSION, Header, Kdf, Record, file_name, fingerprint, take_apart
from app.credentials.sealing import (
    KEY_BYTES,
    NONCE_BYTES,
    SALT_BYTES,
    RandomBytes,
    key_of_keyring,
    key_of_password,
    password_kdf,
    random_bytes,
    seal,
    unseal,
)
from app.credentials.strength import MIN_LENGTH
from app.credentials.system_keyring import KeyringState, SystemKeyring, WrappingKeys
from app.credentials.vault_folder import VaultFolder

_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 60.0
_BACKUP_WORDS = "its file is damaged; the backup beside it is used"


class Accounts:
    """The vault of one profile, in `Paths.data / "accounts"`.

    Accounts under a password share one password. Every method raises VaultError where the vault refuses.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keyring: WrappingKeys | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        new_bytes: RandomBytes = random_bytes,
        on_remark: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._folder = VaultFolder(folder)
        self._keyring = keyring or SystemKeyring()
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._new_bytes = new_bytes
        self._busy = asyncio.Lock()
        self._opened: dict[bytes, bytes] = {}
        """Sealing keys of the password just given, by salt. Dropped by `lock`."""
        self._wrong = 0
        self._not_before_ns = 0
        self.on_remark = on_remark
        """Told, in the user's words, when something was mended or is left over."""
        self.problems: tuple[str, ...] = ()
        """Files that the last `list` could not read as accounts."""

    def __repr__(self) -> str:
        return f"Accounts({self._folder.path})"

    # -- reading

    def list(self) -> list[AccountInfo]:
        """Every account by name; needs no key and opens nothing."""
        found: list[AccountInfo] = []
        problems: list[str] = []
        for file in self._folder.names():
            try:
                found.append(self._info(file))
            except VaultError as error:
                problems.append(str(error) if file in str(error) else f"{file}: {error}")
        self.problems = tuple(problems)
        return sorted(found, key=lambda info: info.label.casefold())

    def find(self, label: str) -> AccountInfo:
        """Raises NoSuchAccount."""
        wanted = " ".join(label.split()).casefold()
        for info in self.list():
            if info.label.casefold() == wanted:
                return info
        raise NoSuchAccount("there is no account of that name")

    def is_locked(self, info: AccountInfo) -> bool:
        """Whether the password has to be given before this account can be loaded."""
        if info.lock is Lock.KEYRING:
            return False
        return all(record.header.salt not in self._opened for record, _ in self._records(info.file))

    @property
    def locked(self) -> bool:
        """Whether any account waits for the password."""
        return any(self.is_locked(info) for info in self.list())

    @property
    def has_password(self) -> bool:
        """Whether a vault password was chosen: further accounts under a password use the same one."""
        return any(info.lock is Lock.PASSWORD for info in self.list())

    @property
    def wait_s(self) -> float:
        """How long until another password is tried."""
        return max(0.0, (self._not_before_ns - self._clock.boot_ns()) / NS_PER_S)

    async def keyring_state(self) -> KeyringState:
        return await self._keyring.state()

    # -- opening

    async def unlock(self, password: str) -> None:
        """Open all accounts kept under this password. Raises WrongPassword, after which the next try has to wait."""
        async with self._busy:
            await self._unlock(password)

    def lock(self) -> None:
        """Forget the keys of the password."""
        self._opened.clear()

    async def load(self, info: AccountInfo, password: str = "") -> Credentials:
        """The keys. Raises VaultLocked where a password is missing and RecordDamaged where no copy opens."""
        return (await self.open(info, password))[1]

    async def open(self, info: AccountInfo, password: str = "") -> tuple[AccountInfo, Credentials]:
        """The keys, with what the record proves of the account: rights and consent of a mere listing may be forged."""
        if self.is_locked(info):
            if not password:
                raise VaultLocked
            await self.unlock(password)
        record, credentials = await self._open(info)
        return info_of(record.header, info.file), credentials

    # -- changing

    async def add(
        self,
        *,
        exchange: str,
        domain: str,
        label: str,
        credentials: Credentials,
        lock: Lock,
        password: str = "",
        permissions: KeyPermissions | None = None,
        checked_ms: int = 0,
        consent_ms: int = 0,
        lab: dict[str, str] | None = None,
    ) -> AccountInfo:
        """Keep an account, and prove that it can be read back. `lab` as in `Header`."""
        async with self._busy:
            label = good_label(label)
            self._check_new(exchange, domain, label, credentials)
            header = Header(
                kdf=Kdf.KEYRING,
                params={},
                salt=self._new_bytes(SALT_BYTES),
                nonce=self._new_bytes(NONCE_BYTES),
                created_ms=self._clock.wall_ns() // NS_PER_MS,
                exchange=exchange,
                domain=domain,
                label=label,
                key_fingerprint=fingerprint(credentials.api_key),
                permissions=permissions or KeyPermissions(),
                checked_ms=checked_ms,
                consent_ms=consent_ms,
                lab=lab or {},
            )
            if lock is Lock.KEYRING:
                header = replace(header, keyring_item=f"account {self._new_bytes(8).hex()}")
                wrapping = self._new_bytes(KEY_BYTES)
                await self._keyring.put(header.keyring_item, wrapping)
                key = key_of_keyring(wrapping, header.salt)
            else:
                header, key = await self._under_password(header, password)
            file = file_name(exchange, domain, label)
            try:
                self._write(file, header, credentials, key)
            except VaultError:
                if header.keyring_item:
                    await self._forget_item(header.keyring_item)
                raise
            return info_of(header, file)

    async def note_check(
        self, info: AccountInfo, permissions: KeyPermissions, checked_ms: int, consent_ms: int | None = None
    ) -> AccountInfo:
        """Remember what the exchange told of the key. The account must be open; the version before is the backup."""
        async with self._busy:
            record, credentials = await self._open(info)
            header = replace(
                record.header,
                version=VERSION,
                nonce=self._new_bytes(NONCE_BYTES),
                permissions=permissions,
                checked_ms=checked_ms,
                consent_ms=info.consent_ms if consent_ms is None else consent_ms,
            )
            self._write(info.file, header, credentials, await self._key(header))
            return info_of(header, info.file)

    async def change_password(self, old: str, new: str) -> int:
        """Put all accounts under another password; returns how many. Nothing opens with the old one afterwards.

        Raises WrongPassword, WeakPassword and, with everything as it was, VaultError where the disk refuses.
        """
        if len(new) < MIN_LENGTH:
            raise WeakPassword(f"the vault password needs at least {MIN_LENGTH} characters")
        async with self._busy:
            await self._unlock(old)
            infos = [info for info in self.list() if info.lock is Lock.PASSWORD]
            opened = [(info, *await self._open(info)) for info in infos]
            salt = self._new_bytes(SALT_BYTES)
            kdf, params = password_kdf()
            key = await asyncio.to_thread(key_of_password, new, kdf, params, salt)
            written: list[tuple[AccountInfo, Record]] = []
            try:
                for info, record, credentials in opened:
                    nonce = self._new_bytes(NONCE_BYTES)
                    header = replace(record.header, version=VERSION, kdf=kdf, params=params, salt=salt, nonce=nonce)
                    written.append((info, record))
                    self._write(info.file, header, credentials, key)
            except VaultError:
                for info, record in written:
                    self._folder.write(info.file, record.line + record.sealed, keep_backup=False)
                raise
            self._opened = {salt: key}
            for info in infos:
                # The version before stands under the old password: it must not stay as the backup.
                data = self._folder.read(info.file)
                try:
                    self._folder.write(info.file, data or b"")
                except VaultError as error:
                    self.on_remark(f"{info.label}: its backup still opens with the old password: {error}")
            return len(infos)

    async def remove(self, label: str) -> None:
        """Forget an account for good: its file, its backup and its key in the keyring."""
        async with self._busy:
            info = self.find(label)
            items = {record.header.keyring_item for record, _ in self._records(info.file)} - {""}
            self._folder.remove(info.file)
            for item in items:
                await self._forget_item(item)

    # -- inside

    def _info(self, file: str) -> AccountInfo:
        for record, trouble in self._records(file):
            return info_of(record.header, file, trouble)
        raise RecordDamaged(f"{file} and its backup cannot be read as an account")

    def _records(self, file: str) -> Iterator[tuple[Record, str]]:
        """The readable copies, the newest first, each with what is to be said of it."""
        trouble = ""
        for read in (self._folder.read, self._folder.read_backup):
            data = read(file)
            if data is not None:
                try:
                    record = take_apart(data)
                except RecordDamaged:
                    record = None
                if record is not None and is_named_right(record.header, file):
                    yield record, trouble
            trouble = _BACKUP_WORDS

    async def _open(self, info: AccountInfo) -> tuple[Record, Credentials]:
        for record, trouble in self._records(info.file):
            try:
                credentials = unseal(record, await self._key(record.header))
            except RecordDamaged:
                continue
            if trouble or record.line + record.sealed != self._folder.read(info.file):
                self._folder.write(info.file, record.line + record.sealed, keep_backup=False)
                self.on_remark(f"{info.label}: {_BACKUP_WORDS} and was put in its place")
            return record, credentials
        raise RecordDamaged(f"{info.label}: its file was changed or cut off, and no backup opens; add the key again")

    async def _key(self, header: Header) -> bytes:
        if header.kdf is not Kdf.KEYRING:
            if header.salt not in self._opened:
                raise VaultLocked
            return self._opened[header.salt]
        wrapping = await self._keyring.get(header.keyring_item)
        if wrapping is None:
            raise KeyringUnusable(
                f"{header.label}: the keyring no longer has the key of this account; remove it and add it again"
            )
        return key_of_keyring(wrapping, header.salt)

    async def _unlock(self, password: str) -> None:
        while (wait_s := self.wait_s) > 0:
            await self._sleep(wait_s)
        records = [
            record
            for info in self.list()
            if info.lock is Lock.PASSWORD
            for record, _ in self._records(info.file)
            if record.header.kdf is not Kdf.KEYRING
        ]
        opened: dict[bytes, bytes] = {}
        for salt in {record.header.salt for record in records}:
            same = [record for record in records if record.header.salt == salt]
            for kdf, params in {(each.header.kdf, tuple(sorted(each.header.params.items()))) for each in same}:
                try:
                    key = await asyncio.to_thread(key_of_password, password, kdf, dict(params), salt)
                except RecordDamaged:
                    continue
                if any(_opens(record, key) for record in same):
                    opened[salt] = key
        if not opened:
            self._wrong += 1
            delay_s = min(_FIRST_DELAY_S * 2 ** (self._wrong - 1), _LONGEST_DELAY_S)
            self._not_before_ns = self._clock.boot_ns() + round(delay_s * NS_PER_S)
            raise WrongPassword
        self._wrong = 0
        self._opened |= opened

    async def _under_password(self, header: Header, password: str) -> tuple[Header, bytes]:
        """One password, one salt: the header takes over those of the accounts that are there."""
        old = [info for info in self.list() if info.lock is Lock.PASSWORD]
        if old:
            if password:
                await self._unlock(password)
            for info in old:
                for record, _ in self._records(info.file):
                    if key := self._opened.get(record.header.salt):
                        found = record.header
                        return replace(header, kdf=found.kdf, params=found.params, salt=found.salt), key
            raise VaultLocked
        if len(password) < MIN_LENGTH:
            raise WeakPassword(f"the vault password needs at least {MIN_LENGTH} characters")
        kdf, params = password_kdf()
        key = await asyncio.to_thread(key_of_password, password, kdf, params, header.salt)
        self._opened[header.salt] = key
        return replace(header, kdf=kdf, params=params), key

    def _write(self, file: str, header: Header, credentials: Credentials, key: bytes) -> None:
        self._folder.write(file, seal(header, credentials, key))
        written = self._folder.read(file)
        if written is None or unseal(take_apart(written), key) != credentials:
            raise RecordDamaged(f"{header.label}: the disk did not keep what was written")

    def _check_new(self, exchange: str, domain: str, label: str, credentials: Credentials) -> None:
        for info in self.list():
            if info.label.casefold() == label.casefold():
                raise NameRefused(f"there is an account called {info.label} already")
            same_place = (info.exchange, info.domain) == (exchange, domain)
            if same_place and info.key_fingerprint == fingerprint(credentials.api_key):
                raise NameRefused(f"this key is kept already, as {info.label}")
        if self._folder.read(file_name(exchange, domain, label)) is not None:
            raise NameRefused("a damaged file stands where this account would be kept; choose another name")

    async def _forget_item(self, item: str) -> None:
        try:
            await self._keyring.delete(item)
        except KeyringUnusable as error:
            self.on_remark(f"the item {item!r} is left in the keyring: {error}")


def _opens(record: Record, key: bytes) -> bool:
    try:
        unseal(record, key)
    except RecordDamaged:
        return False
    return True
