"""Which process listens on a port, as far as this system lets us see. Opens and ends nothing."""

from __future__ import annotations

import os
from pathlib import Path

_LISTENING = "0A"


def owner_words(port: int) -> str:
    """Such as "process 1234 (python3)", or "another program" where it cannot be seen."""
    inodes = _inodes(port)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = {_target(link) for link in (process / "fd").iterdir()}
            if any(f"socket:[{inode}]" in links for inode in inodes):
                return f"process {process.name} ({(process / 'comm').read_text().strip()[:40]})"
        except OSError:
            continue
    return "another program"


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        # Closed since it was listed, as the one that lists.
        return ""


def _inodes(port: int) -> list[str]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        found += [row[9] for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port]
    return found
