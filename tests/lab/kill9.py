"""No acknowledged order intent may be lost: `python -m tests.lab.kill9 --rounds 5000`.

Rounds: a process commits intents to a real journal (`Store`) and tells each one whose commit returned; it is killed
with SIGKILL at a random moment, opening included; the journal is opened again and counted. Sweep: the n-th fsync or
fdatasync of a process fails with EIO, or kills it, for every n that a short life has; then the same count. Killing a
process leaves the kernel's cache, so rounds show nothing about a power cut: that the commit waits for its sync is what
the sweep shows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct, field

from app.core.journal import EntryKind
from app.store.database import Store
from tests.lab.figures import spread
from tests.store.entries import PROJECT, intent, key, note, program

GOAL_MS = 5.0
ACCOUNT = "okx"
LONGEST_LIFE_S = 0.12
ROUNDS_A_FILE = 40
COMMITS_OF_A_LIFE = 12
_TOLD = struct.Struct("<QQ")
"""Number of an intent, and ns its commit took."""
_NAME = "tests.lab.kill9"
_SHORT_LIFE = """
    try:
        store = Store.open({path!r})
    except JournalError as error:
        print("refused:", error)
        return
    for number in range(1, {commits} + 1):
        try:
            await store.journal({account!r}).commit(intent(number))
        except JournalError as error:
            print("refused:", error, flush=True)
        else:
            print(number, flush=True)
    await store.close()
"""
"""Tells each number whose commit returned."""
_SHIM = Path(__file__).with_name("failing_sync.c")


class Outcome(Struct):
    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    damaged: int = 0
    """Journals that did not open as sound."""
    commit_ms: list[float] = field(default_factory=list)
    killed_while_opening: int = 0
    """Rounds that ended before the first commit."""
    syncs: int = 0
    """Sync points of a short life, each failed once and each killed at once."""
    refused: int = 0
    """Lives of the sweep that said that an order cannot be recorded."""
    disk_ms: list[float] = field(default_factory=list)
    """A bare write of 4 KiB with its sync, in the same folder: what the disk itself took."""
    swept_by: str = ""
    """What spoilt the syncs; empty when there was no sweep."""

    def add(self, other: Outcome) -> None:
        for name in ("rounds", "acknowledged", "lost", "doubled", "damaged", "killed_while_opening"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def figures(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__struct_fields__}
        return told | {"commit_ms": spread(self.commit_ms), "disk_ms": spread(self.disk_ms)}


# -- rounds


def rounds(count: int, seed: int, folder: Path) -> Outcome:
    """Kill and count so many times. The journal file is a new one now and then, so that counting stays quick."""
    chance, outcome = Random(seed), Outcome()
    # Children are forked from a process of one thread that has imported everything.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_NAME])
    for start in range(0, count, ROUNDS_A_FILE):
        path, acknowledged = folder / f"orders{start}.db", set[int]()
        for nth in range(min(ROUNDS_A_FILE, count - start)):
            acknowledged |= _killed(context, path, 1 + nth * 1_000_000, chance, outcome)
            _count(path, acknowledged, outcome)
            outcome.rounds += 1
            outcome.disk_ms.append(_bare_sync_ms(folder / "bare"))
        outcome.acknowledged += len(acknowledged)
    return outcome


def _killed(context: ForkServerContext, path: Path, first: int, chance: Random, outcome: Outcome) -> set[int]:
    """One life; numbers of the intents whose commit returned."""
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_commit_for_ever, args=(path, first, writer))
    child.start()
    writer.close()
    with reader:
        # From its first sign of life on: starting takes longer than opening and a commit.
        reader.recv_bytes()
        time.sleep(chance.uniform(0.0, LONGEST_LIFE_S))
        child.kill()
        child.join()
        told = []
        while True:
            try:
                told.append(_TOLD.unpack(reader.recv_bytes()))
            except EOFError:
                break
    outcome.commit_ms += [took / 1e6 for _, took in told]
    outcome.killed_while_opening += not told
    return {number for number, _ in told}


def _bare_sync_ms(path: Path) -> float:
    with path.open("wb", buffering=0) as file:
        file.write(bytes(4096))
        began = time.perf_counter()
        os.fdatasync(file.fileno())
        return (time.perf_counter() - began) * 1e3


def _commit_for_ever(path: Path, first: int, writer: Any) -> None:
    async def work() -> None:
        writer.send_bytes(b"alive")
        store, number = Store.open(path), first
        journal = store.journal(ACCOUNT)
        while True:
            began = time.perf_counter_ns()
            await journal.commit(intent(number))
            writer.send_bytes(_TOLD.pack(number, time.perf_counter_ns() - began))
            journal.append(note(EntryKind.SENT, number))
            number += 1

    asyncio.run(work())


def _count(path: Path, acknowledged: set[int], outcome: Outcome) -> None:
    kept, sound = _kept(path)
    outcome.damaged += not sound
    outcome.lost += len({key(number) for number in acknowledged} - set(kept))
    outcome.doubled += len(kept) - len(set(kept))


def _kept(path: Path) -> tuple[list[str], bool]:
    """Keys of the intents in the journal, and whether it opened as sound."""

    async def read() -> tuple[list[str], bool]:
        store = Store.open(path)
        try:
            entries = await store.entries(ACCOUNT)
            return [e.key for e in entries if e.intent is not None], not store.failure and not store.unreadable
        finally:
            await store.close()

    return asyncio.run(read())


# -- the sweep


class Spoiler:
    """Makes the n-th sync of a program fail or kill: with a preloaded library where gcc is, else with strace."""

    def __init__(self, folder: Path) -> None:
        """`name` stays empty where the machine has neither, or where neither works."""
        self._library = folder / "failing_sync.so"
        self.name = next((name for name in ("preload", "strace") if self._works(name)), "")

    def run(self, nth: int, how: str, *command: str) -> subprocess.CompletedProcess[str]:
        """`how` is "eio" or "kill"; `nth` counts from 1."""
        return self._run(self.name, nth, how, *command)

    def _run(self, name: str, nth: int, how: str, *command: str) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ)
        if name == "preload":
            environment |= {"LD_PRELOAD": str(self._library), "LAB_SYNC_NTH": str(nth), "LAB_SYNC_HOW": how}
        else:
            fault = "error=EIO" if how == "eio" else "signal=SIGKILL"
            trace = ["strace", "-f", "-o", os.devnull, "-e", f"inject=fsync,fdatasync:{fault}:when={nth}"]
            command = (*trace, *command)
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60)

    def _works(self, name: str) -> bool:
        if name == "preload":
            if shutil.which("gcc") is None:
                return False
            built = subprocess.run(
                ["gcc", "-shared", "-fPIC", "-O1", "-o", str(self._library), str(_SHIM), "-ldl"], capture_output=True
            )
            if built.returncode:
                return False
        elif shutil.which("strace") is None:
            return False
        program = "import os; os.fsync(os.open('.', os.O_RDONLY))"
        return "Errno 5" in self._run(name, 1, "eio", sys.executable, "-c", program).stderr


def sweep(folder: Path, first: int = 1, last: int = 10_000) -> Outcome:
    """Fail and kill at every sync point from `first` to `last`, or to the end of a short life.

    `swept_by` of what is returned is empty where nothing here can spoil a sync.
    """
    outcome, spoiler = Outcome(), Spoiler(folder)
    outcome.swept_by = spoiler.name
    if not spoiler.name:
        return outcome
    for nth in range(first, last + 1):
        whole = 0
        for how in ("eio", "kill"):
            path = folder / f"{how}{nth}.db"
            life = program(_SHORT_LIFE.format(path=str(path), commits=COMMITS_OF_A_LIFE, account=ACCOUNT))
            done = spoiler.run(nth, how, sys.executable, "-c", life)
            said = done.stdout.split("\n")
            told = {int(line) for line in said if line.isdigit()}
            outcome.refused += any(line.startswith("refused") for line in said)
            whole += how == "kill" and done.returncode == 0
            outcome.acknowledged += len(told)
            _count(path, told, outcome)
        if whole:
            # Nobody was killed: the life has fewer syncs than that.
            break
        outcome.syncs += 1
    return outcome


# -- both


def measure(count: int, seed: int, folder: Path) -> Outcome:
    """Rounds and the whole sweep."""
    outcome, swept = rounds(count, seed, folder), sweep(folder)
    outcome.add(swept)
    outcome.syncs, outcome.refused, outcome.swept_by = swept.syncs, swept.refused, swept.swept_by
    return outcome


def is_kept(outcome: Outcome) -> bool:
    sound = not (outcome.lost or outcome.doubled or outcome.damaged)
    return sound and spread(outcome.commit_ms).get("p99", 0.0) <= GOAL_MS


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {_NAME}", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="on the disk to be tried; the system's temporary one by default")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        outcome = measure(asked.rounds, asked.seed, Path(folder))
    print(json.dumps(outcome.figures()))
    return 0 if is_kept(outcome) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
