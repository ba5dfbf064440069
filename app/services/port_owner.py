"""Which process listens on a port, as far as this system lets us see. Opens and ends nothing."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

_LISTENING = "0A"


class PortOwner(Struct, frozen=True):
    """`process` is 0 and `program` empty where they cannot be seen; `ours`: it runs as the same user as this one."""

    process: int
    program: str
    ours: bool

    @property
    def words(self) -> str:
        """Such as "process 1234 (python3)", or "another program" where it cannot be seen."""
        return f"process {self.process} ({self.program})" if self.process else "another program"


def port_owner(port: int) -> PortOwner | None:
    """Who listens there; None when nobody does, or where this system does not tell."""
    listeners = _listeners(port)
    if not listeners:
        return None
    ours = all(user == os.getuid() for _, user in listeners)
    sockets = {f"socket:[{inode}]" for inode, _ in listeners}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if sockets & {_target(link) for link in (process / "fd").iterdir()}:
                return PortOwner(int(process.name), (process / "comm").read_text().strip()[:40], ours)
        except OSError:
            continue
    return PortOwner(0, "", ours)


def owner_words(port: int) -> str:
    owner = port_owner(port)
    return "another program" if owner is None else owner.words


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        # Closed since it was listed, as the one that lists.
        return ""


def _listeners(port: int) -> list[tuple[str, int]]:
    """Socket number and user of each."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        wanted = (row for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port)
        found += [(row[9], int(row[7])) for row in wanted]
    return found
