"""A disk that takes no more: nothing is acknowledged, nothing is lost from memory, and room makes it work again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.store.entries import run

OWN_MOUNTS = ["unshare", "-m"] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["unshare", "-rm"]


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


def on_small_disk(directory: Path, body: str) -> str:
    """Run with a disk of 512 KiB mounted on `directory`, seen by that program only."""
    directory.mkdir()
    mount = f'mount -t tmpfs -o size=512k none "{directory}" && exec "$@"'
    return run(body, *OWN_MOUNTS, "sh", "-c", mount, "sh")


needs_mount = pytest.mark.skipif(not can_mount(), reason="needs the right to mount a tmpfs")

FILL_THE_DISK = """
    import os, pathlib
    disk = pathlib.Path({disk!r})
    store = Store.open(disk / "orders.db")
    journal = store.journal("okx")
    await journal.commit(intent(1))
    ballast = open(disk / "ballast", "wb", buffering=0)
    try:
        while True:
            ballast.write(bytes(1024))
    except OSError:
        ballast.close()
    acknowledged = 1
    try:
        while True:
            await journal.commit(intent(acknowledged + 1))
            acknowledged += 1
    except JournalError as error:
        print(error)
"""


@needs_mount
def test_full_disk_refuses_then_recovers_by_itself(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    out = on_small_disk(
        disk,
        FILL_THE_DISK.format(disk=str(disk))
        + """
    journal.append(note(EntryKind.CANCEL_REQUESTED, 1))
    await store.retry()
    print(journal.failure, store.read_only, store.unwritten)
    os.remove(disk / "ballast")
    await store.retry()
    print(repr(journal.failure), store.unwritten)
    await journal.commit(intent(9999))
    await store.close()

    store = Store.open(disk / "orders.db")
    kinds = [(entry.kind.value, entry.key) for entry in await store.entries("okx")]
    print(kinds[:acknowledged] == [("intent", key(n)) for n in range(1, acknowledged + 1)])
    print(kinds[-2:] == [("cancel requested", key(1)), ("intent", key(9999))], len(kinds) == acknowledged + 2)
    await store.close()
""",
    )
    assert out.splitlines() == [
        "the disk is full",
        "the disk is full False 1",
        "'' 0",
        "True",
        "True True",
    ]


@needs_mount
def test_closing_on_a_full_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    out = on_small_disk(
        disk,
        FILL_THE_DISK.format(disk=str(disk))
        + """
    journal.append(intent(9999))
    await store.close()
    print(store.failure, store.unwritten)
    os.remove(disk / "ballast")
    store = Store.open(disk / "orders.db")
    print(len(await store.entries("okx")) == acknowledged, store.failure == "")
    await store.close()
""",
    )
    assert out.splitlines()[1:] == ["the disk is full 1", "True True"]


@needs_mount
def test_damaged_file_without_room_for_a_copy_stays_as_it_is(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    out = on_small_disk(
        disk,
        FILL_THE_DISK.format(disk=str(disk))
        + """
    os.remove(disk / "ballast")
    await store.close()
    file = disk / "orders.db"
    broken = bytes(4096) + file.read_bytes()[4096:]
    file.write_bytes(broken)
    try:
        with open(disk / "ballast", "wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1024))
    except OSError:
        pass
    try:
        Store.open(file)
    except JournalError as error:
        print(error)
    print(file.read_bytes() == broken)
""",
    )
    assert out.splitlines()[1:] == [
        "the journal is damaged and no copy of it can be kept "
        "(the disk reported an error (No space left on device)); nothing was changed",
        "True",
    ]


@needs_mount
def test_read_only_disk_can_be_read_and_refuses_orders(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    out = on_small_disk(
        disk,
        f"""
        import subprocess
        store = Store.open({str(disk)!r} + "/orders.db")
        await store.journal("okx").commit(intent(1))
        await store.close()
        subprocess.run(["mount", "-o", "remount,ro", {str(disk)!r}], check=True)
        store = Store.open({str(disk)!r} + "/orders.db")
        print(store.read_only, store.failure)
        print([entry.key for entry in await store.entries("okx")] == [key(1)])
        try:
            await store.journal("okx").commit(intent(2))
        except JournalError as error:
            print(error)
        await store.close()
        """,
    )
    assert out.splitlines() == [
        "True the journal file may not be written",
        "True",
        "the journal file may not be written",
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_file_size_limit_is_told_and_loses_nothing(tmp_path: Path) -> None:
    out = run(
        f"""
        import resource
        store = Store.open({str(tmp_path / "orders.db")!r})
        journal = store.journal("okx")
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        acknowledged = 0
        try:
            while True:
                await journal.commit(intent(acknowledged + 1))
                acknowledged += 1
        except JournalError as error:
            print(error)
        kept = [entry.key for entry in await store.entries("okx")]
        print(store.read_only, kept == [key(number) for number in range(1, acknowledged + 1)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await journal.commit(intent(acknowledged + 1))
        print(repr(journal.failure), len(await store.entries("okx")) == acknowledged + 1)
        await store.close()
        """
    )
    assert out.splitlines() == [
        "the disk refused to write (quota, size limit or fault)",
        "False True",
        "'' True",
    ]
