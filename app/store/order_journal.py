"""The journal of one account, as `core.journal.OrderJournal` asks for it. No SQL: the store writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.core.journal import JournalEntry

if TYPE_CHECKING:
    from app.store.database import Store


class AccountJournal:
    """What `Store.journal` hands out. `append` keeps its place in the order before any later `commit`."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self.account = account

    async def commit(self, entry: JournalEntry) -> None:
        """Return only when the entry is on the disk, and everything appended before it. Raises JournalError."""
        await self._store.commit(self.account, entry)

    def append(self, entry: JournalEntry) -> None:
        """Write soon, without waiting. What cannot be written stays in memory and is tried again with the next."""
        self._store.append(self.account, entry)

    @property
    def failure(self) -> str:
        return self._store.failure
