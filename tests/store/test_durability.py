"""Every commit that was acknowledged is there after kill -9; a disk error ends the recording, not the truth."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from app.store.database import Store
from tests.store.entries import run, start

ENDLESS = """
    store = Store.open({path!r})
    number = {first}
    while True:
        store.journal("okx").append(note(EntryKind.SENT, number - 1))
        await store.journal("okx").commit(intent(number))
        print(key(number), flush=True)
        number += 1
"""


@pytest.mark.parametrize("seed", range(3))
def test_no_acknowledged_commit_is_lost_by_kill_9(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged: list[str] = []
    for round in range(4):
        child = start(ENDLESS.format(path=str(path), first=1 + round * 1_000_000))
        assert child.stdout is not None
        for _ in range(chance.randrange(1, 300)):
            acknowledged.append(child.stdout.readline().strip())
        child.kill()
        acknowledged += child.stdout.read().split()[:-1]
        child.wait()
        child.stdout.close()

        store = Store.open(path)
        assert store.failure == ""
        kept = [entry.key for entry in asyncio.run(store.entries("okx")) if entry.intent is not None]
        asyncio.run(store.close())
        assert set(acknowledged) <= set(kept)
        assert len(kept) == len(set(kept))


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

UNTIL_REFUSED = """
    store = Store.open({path!r})
    journal = store.journal("okx")
    for number in range(1, 100):
        try:
            await journal.commit(intent(number))
        except JournalError as error:
            print(error)
            break
        print(key(number))
    journal.append(note(EntryKind.SENT, 1))
    print(store.read_only, journal.failure != "", store.unwritten)
    await store.retry()
    await store.close()
"""


@needs_strace
@pytest.mark.parametrize("when", [9, 14, 23])
def test_a_failed_sync_stops_the_recording_for_good(path: Path, when: int) -> None:
    inject = ["strace", "-f", "-o", "/dev/null", "-e", f"inject=fdatasync,fsync:error=EIO:when={when}+"]
    *acknowledged, words, state = run(UNTIL_REFUSED.format(path=str(path)), *inject).splitlines()
    assert words == "the disk reported an error (SQLITE_IOERR_FSYNC)"
    assert state == "True True 1"

    store = Store.open(path)
    kept = [entry.key for entry in asyncio.run(store.entries("okx"))]
    asyncio.run(store.close())
    assert set(acknowledged) <= set(kept)


@needs_strace
@pytest.mark.parametrize("when", range(1, 12))
def test_killed_at_each_sync(path: Path, when: int) -> None:
    inject = ["strace", "-f", "-o", "/dev/null", "-e", f"inject=fdatasync,fsync:signal=SIGKILL:when={when}"]
    body = """
        store = Store.open({path!r})
        for number in range(1, 20):
            await store.journal("okx").commit(intent(number))
            print(key(number), flush=True)
    """
    with pytest.raises(AssertionError):
        run(body.format(path=str(path)), *inject)
    store = Store.open(path)
    entries = asyncio.run(store.entries("okx"))
    assert store.failure == ""
    assert [entry.key for entry in entries] == [f"k{number:026d}" for number in range(1, len(entries) + 1)]
    asyncio.run(store.close())
