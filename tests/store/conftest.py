"""A journal file in an empty directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.clock import ManualClock
from app.store.database import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "orders.db"


@pytest.fixture
def open_store(path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the file; what a test leaves open is closed after it."""
    opened: list[Store] = []

    def open_one() -> Store:
        store = Store.open(path, ManualClock())
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        if not store._closed:
            store._worker.submit(store._close).result()
            store._worker.shutdown()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()
