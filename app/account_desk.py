"""The accounts of the vault on a running desk: opened, locked, watched for their rights, closed. No Qt, no prompts.

An account is shown with public data first, under the name it will have; its key takes over when it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import EXCHANGES
from app.connectors.spec import Domain, ExchangeSpec
from app.connectors.venue import TROUBLE
from app.core.errors import ErrorKind
from app.core.key_standing import KeyStanding
from app.core.permissions import KeyPermissions
from app.core.requests import VenueError
from app.core.signal import Signal
from app.credentials.account_info import AccountInfo, Lock
from app.credentials.accounts import Accounts
from app.credentials.core_dumps import forbid_core_dumps
from app.credentials.errors import NoSuchAccount, VaultError, VaultLocked
from app.credentials.lab import domain_of
from app.net.state_file import save_state
from app.net.waiting import happens
from app.workspace import Workspace

CHECK_EVERY_S = 24 * 3600.0
_AGAIN_S = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Between questions for a key's rights that were not answered."""
_REFUSED_AGAIN_S = 60.0
_LAB_AGAIN_S = 1.0
_LAB_WITHIN_S = 2.0
_LOCKED = "LOCKED: unlock the accounts to trade (Ctrl+L)"


class Phase(StrEnum):
    CLOSED = "closed"
    OPENING = "opening"
    """Its key, or its exchange, is waited for."""
    LOCKED = "locked"
    OPEN = "open"
    FAILED = "failed"


class AccountRow(Struct, frozen=True, kw_only=True):
    """One account as it stands; `since_ns` is the boot time at which this began, `words` say what for or why."""

    info: AccountInfo
    phase: Phase = Phase.CLOSED
    words: str = ""
    since_ns: int = 0
    standing: KeyStanding = KeyStanding()

    @property
    def key(self) -> str:
        """As in `Workspace.exchanges`."""
        return self.info.key

    @property
    def waits_for_keyring(self) -> bool:
        return self.phase is Phase.OPENING and self.info.lock is Lock.KEYRING and not self.words


def remembered_accounts(paths: Paths) -> tuple[str, ...]:
    """Names of the accounts that were open when the program was last used."""
    try:
        return tuple(msgspec.json.decode(_memory(paths).read_bytes(), type=list[str]))
    except (OSError, msgspec.DecodeError):
        return ()


def _memory(paths: Paths) -> Path:
    return paths.state / "open-accounts.json"


class AccountDesk:
    """`exchanges` are those that accounts may be of. What is long or may fail runs in the background of `workspace`."""

    def __init__(
        self,
        workspace: Workspace,
        vault: Accounts | None = None,
        *,
        exchanges: Mapping[str, ExchangeSpec] = EXCHANGES,
        on_keys: Callable[[], None] = forbid_core_dumps,
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        self.vault = vault or Accounts(workspace.paths.data / "accounts")
        self.vault.on_remark = lambda words: workspace.notices.warning("accounts", words)
        self.exchanges = exchanges
        self.changed: Signal[str] = Signal()
        """A row is another than before; carries the account's name."""
        self.shown: Signal[str] = Signal()
        """Another object stands in `Workspace.exchanges` under this key."""
        self.consent_needed: Signal[AccountInfo] = Signal()
        """This key can move money away, and that was not accepted: no order leaves before."""
        self.pair_for: Callable[[str], str] = lambda key: ""
        """The market that the user last watched under this key, or empty."""
        self._workspace = workspace
        self.on_keys = on_keys
        """Called before a key comes into memory."""
        self._check_every_s = check_every_s
        self._rows: dict[str, AccountRow] = {}
        self._opening: dict[str, asyncio.Task[Any]] = {}
        self._watching: dict[str, asyncio.Task[Any]] = {}
        self._wanted = list(remembered_accounts(workspace.paths))
        self._asked_consent: set[str] = set()

    # -- reading

    def rows(self) -> list[AccountRow]:
        """Every account of the vault, by name. Raises VaultError where the folder cannot be read."""
        rows = []
        for info in self.vault.list():
            row = self._rows.get(info.label)
            # What an open record has proven counts more than a listing.
            rows.append(row if row is not None else AccountRow(info=info, standing=info.standing))
        return rows

    def row(self, label: str) -> AccountRow | None:
        return self._rows.get(label)

    @property
    def used_rows(self) -> tuple[AccountRow, ...]:
        """Of the accounts that were opened in this run, whatever became of them."""
        return tuple(self._rows.values())

    @property
    def locked(self) -> bool:
        """Whether an account that should be open waits to be unlocked."""
        return any(row.phase is Phase.LOCKED for row in self._rows.values())

    @property
    def holds_keys(self) -> bool:
        return any(row.phase in (Phase.OPEN, Phase.OPENING) for row in self._rows.values())

    @property
    def needs_password(self) -> bool:
        """Whether a locked account waits for the password of the vault, not for a click."""
        return any(row.phase is Phase.LOCKED and self.vault.is_locked(row.info) for row in self._rows.values())

    # -- opening

    def open_remembered(self, labels: tuple[str, ...] = ()) -> None:
        """Open these accounts, or those that were open last, or all when nothing is remembered."""
        for label in labels or tuple(self._wanted) or tuple(row.info.label for row in self.rows()):
            try:
                self.open(label)
            except NoSuchAccount:
                self._want(label, False)
                self._workspace.notices.warning("accounts", f"there is no account {label!r} any more")

    def open(self, label: str, password: str = "") -> None:
        """Begin to open an account; what becomes of it is in `rows`. Raises NoSuchAccount, VaultError."""
        info = self.vault.find(label)
        if (before := self._opening.pop(info.label, None)) is not None:
            before.cancel()
        row = self._rows.get(info.label)
        if row is not None and row.phase is Phase.OPEN:
            return
        self._want(info.label, True)
        self._set(info, Phase.OPENING)
        self._opening[info.label] = self._workspace.spawn(self._open(info, password), f"open {info.key}")

    async def _open(self, info: AccountInfo, password: str) -> None:
        try:
            spec = self._spec(info)
            domain = domain_of(info, spec)
            self._refuse_strangers(info)
            await self._stand_in(info, spec, domain, "Waiting for this account's key")
            if domain.lab:
                await self._until_lab_answers(info, domain)
            if self.vault.is_locked(info) and not password:
                raise VaultLocked
            await self.connect(info, password)
        except VaultLocked:
            self._set(info, Phase.LOCKED, "waits for the password of the vault")
            self._bar(info.key, _LOCKED)
        except (VaultError, ValueError) as error:
            self._set(info, Phase.FAILED, str(error))
            self._bar(info.key, f"{info.label} is not open: {error}")
            self._workspace.notices.error(info.key, f"the account is not open: {error}")
        finally:
            if self._opening.get(info.label) is asyncio.current_task():
                del self._opening[info.label]

    async def connect(self, info: AccountInfo, password: str = "") -> Exchange:
        """Open the keys and connect the account at once. Raises VaultError, and ValueError for keys of another kind."""
        self.on_keys()
        proved, keys = await self.vault.open(info, password)
        spec = self._spec(proved)
        # A listing may be forged; what the keys were sealed with may not.
        domain = domain_of(proved, spec)
        before = self._workspace.exchanges.get(proved.key)
        pairs = list(before.order_books) if before is not None else []
        exchange = await self._workspace.open_exchange(
            spec,
            domain,
            keys,
            proved.label,
            pairs or [self.pair_for(proved.key) or spec.default_pair],
            standing=proved.standing,
            instead=True,
            lasting=True,
        )
        self._set(proved, Phase.OPEN, standing=proved.standing)
        self.shown.emit(proved.key)
        self._watch(proved, exchange)
        return exchange

    async def _stand_in(self, info: AccountInfo, spec: ExchangeSpec, domain: Domain, why: str) -> None:
        """Public data under the account's name."""
        before = self._workspace.exchanges.get(info.key)
        if before is not None and not before.has_account:
            before.trading.bar(why)
            return
        pairs = list(before.order_books) if before is not None else [self.pair_for(info.key) or spec.default_pair]
        await self._workspace.open_exchange(spec, domain, None, info.label, pairs, no_orders=why, instead=True)
        self.shown.emit(info.key)

    async def _until_lab_answers(self, info: AccountInfo, domain: Domain) -> None:
        where = urlsplit(domain.rest[""])
        while True:
            try:
                async with asyncio.timeout(_LAB_WITHIN_S):
                    _, writer = await asyncio.open_connection(where.hostname, where.port)
            except OSError:
                command = f"depthdesk twin {info.exchange} --port {where.port}"
                self._set(info, Phase.OPENING, f"nothing answers at {where.netloc}: start the twin again ({command})")
                await asyncio.sleep(_LAB_AGAIN_S)
            else:
                writer.close()
                self._set(info, Phase.OPENING)
                return

    def _spec(self, info: AccountInfo) -> ExchangeSpec:
        spec = self.exchanges.get(info.exchange)
        if spec is None:
            raise VaultError(f"this version of the program has no exchange called {info.exchange}")
        return spec

    def _refuse_strangers(self, info: AccountInfo) -> None:
        there = self._workspace.exchanges.get(info.key)
        ours = self._rows.get(info.label)
        if there is not None and (there.has_account or ours is None or not there.no_orders):
            raise VaultError(f"{info.key} is open already without this account: close that first")

    # -- locking and closing

    def lock(self, why: str = "") -> None:
        """Forget every key: no order can leave from now on, and the accounts show public data until unlocked."""
        held = [row for row in self._rows.values() if row.phase in (Phase.OPEN, Phase.OPENING)]
        self.vault.lock()
        for row in held:
            if (task := self._opening.pop(row.info.label, None)) is not None:
                task.cancel()
            self._stop_watching(row.info.label)
            self._bar(row.key, _LOCKED)
            self._set(row.info, Phase.LOCKED, why or "locked", standing=row.standing)
            self._workspace.spawn(self._put_away(row.info), f"lock {row.key}")
        if held:
            self._workspace.notices.info("accounts", f"{why or 'Locked'}: keys are forgotten, market data goes on")

    async def _put_away(self, info: AccountInfo) -> None:
        there = self._workspace.exchanges.get(info.key)
        if there is not None and there.has_account:
            spec = self._spec(info)
            await self._stand_in(info, spec, domain_of(info, spec), _LOCKED)

    async def unlock(self, password: str) -> None:
        """Open what waits for the password. Raises WrongPassword."""
        await self.vault.unlock(password)
        self.open_locked()

    def open_locked(self) -> None:
        """Open again what is locked, once its password was given."""
        for row in list(self._rows.values()):
            if row.phase is Phase.LOCKED:
                self.open(row.info.label)

    async def close(self, label: str) -> None:
        """Disconnect an account and do not open it at the next start."""
        info = self.vault.find(label)
        self._want(info.label, False)
        if (task := self._opening.pop(info.label, None)) is not None:
            task.cancel()
            await asyncio.wait([task])
        self._stop_watching(info.label)
        if self._rows.pop(info.label, None) is not None and info.key in self._workspace.exchanges:
            await self._workspace.close_exchange(info.key)
        self.changed.emit(info.label)

    async def remove(self, label: str) -> None:
        """Close an account and forget its keys for good. Raises NoSuchAccount, VaultError."""
        await self.close(label)
        await self.vault.remove(label)
        self.changed.emit(label)

    async def cancel(self, label: str) -> None:
        """Wait no longer for a key; the public data stays."""
        row = self._rows.get(label)
        task = self._opening.pop(label, None)
        if row is None or task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        self._set(row.info, Phase.FAILED, "cancelled")
        self._bar(row.key, f"{label} is not open: cancelled")

    # -- rights

    async def accept_rights(self, label: str) -> None:
        """The user typed that this key may move money away. Raises VaultError."""
        row = self._rows[label]
        now_ms = self._workspace.clock.wall_ns() // 1_000_000
        checked_ms = row.standing.checked_ms or now_ms
        info = await self.vault.note_check(row.info, row.standing.permissions, checked_ms, now_ms)
        self._apply(info, row.standing.refused)

    def _watch(self, info: AccountInfo, exchange: Exchange) -> None:
        self._stop_watching(info.label)
        self._watching[info.label] = self._workspace.spawn(self._watch_key(info.label, exchange), f"rights {info.key}")

    def _stop_watching(self, label: str) -> None:
        if (task := self._watching.pop(label, None)) is not None:
            task.cancel()

    async def _watch_key(self, label: str, exchange: Exchange) -> None:
        """Ask for the key's rights now, every day, and whenever the exchange refuses the key."""
        again = asyncio.Event()
        exchange.venue.on_key_refused = lambda error: again.set()
        failures = 0
        # The first question also proves that the key may read, where the exchange tells nothing of keys.
        prove = True
        while True:
            try:
                rights = await exchange.trading.get_permissions(prove=prove)
            except VenueError as error:
                if error.kind is ErrorKind.AUTH:
                    await self._on_refused(label, error)
                    prove = True
                    await asyncio.sleep(_REFUSED_AGAIN_S)
                    continue
                wait_s = _AGAIN_S[min(failures, len(_AGAIN_S) - 1)]
                failures += 1
            except TROUBLE:
                wait_s = _AGAIN_S[min(failures, len(_AGAIN_S) - 1)]
                failures += 1
            else:
                failures = 0
                await self._on_told(label, rights)
                wait_s = self._check_every_s
            if prove := await happens(again, wait_s):
                again.clear()
                # Other calls of the same moment are refused as well: one question answers them all.
                await asyncio.sleep(_AGAIN_S[0])
                again.clear()

    async def _on_refused(self, label: str, error: VenueError) -> None:
        row = self._rows[label]
        if not row.standing.refused:
            self._workspace.notices.error(row.key, f"the exchange refuses this key: {error}", error.frame)
        self._apply(row.info, str(error))

    async def _on_told(self, label: str, rights: KeyPermissions | None) -> None:
        row = self._rows[label]
        info = row.info
        if rights is None and not info.permissions.reported:
            rights = KeyPermissions(read=True)
        if rights is not None:
            if rights != row.standing.permissions:
                self._workspace.notices.info(row.key, f"Rights of the key: {rights.words()}")
            now_ms = self._workspace.clock.wall_ns() // 1_000_000
            # What was told counts at once; writing it down may wait for the keyring.
            info = replace(info, permissions=rights, checked_ms=now_ms)
            self._apply(info, "")
            try:
                await self.vault.note_check(info, rights, now_ms)
            except VaultError as error:
                self._workspace.notices.warning(row.key, f"the key's rights were not written down: {error}")
        else:
            self._apply(info, "")
        if info.standing.needs_consent and label not in self._asked_consent:
            self._asked_consent.add(label)
            self._workspace.notices.error(row.key, "This key can move money away: no orders before you accept that")
            self.consent_needed.emit(info)

    def _apply(self, info: AccountInfo, refused: str) -> None:
        row = self._rows.get(info.label)
        if row is None or row.phase is not Phase.OPEN:
            return
        standing = replace(info.standing, refused=refused)
        self._workspace.exchanges[info.key].trading.set_standing(standing)
        self._set(info, Phase.OPEN, standing=standing)

    # -- small parts

    def _bar(self, key: str, why: str) -> None:
        if (there := self._workspace.exchanges.get(key)) is not None:
            there.trading.bar(why)

    def _set(self, info: AccountInfo, phase: Phase, words: str = "", standing: KeyStanding | None = None) -> None:
        before = self._rows.get(info.label)
        same = before is not None and before.phase is phase
        since_ns = before.since_ns if same and before is not None else self._workspace.clock.boot_ns()
        self._rows[info.label] = AccountRow(
            info=info, phase=phase, words=words, since_ns=since_ns, standing=standing or info.standing
        )
        if self._rows[info.label] != before:
            self.changed.emit(info.label)

    def _want(self, label: str, wanted: bool) -> None:
        if (label in self._wanted) is wanted:
            return
        if wanted:
            self._wanted.append(label)
        else:
            self._wanted.remove(label)
        path = _memory(self._workspace.paths)
        try:
            save_state(path, self._wanted)
        except OSError as error:
            self._workspace.notices.warning("accounts", f"open accounts are not remembered: {error.strerror}")
