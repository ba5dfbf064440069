"""One copy of the program per data file: a lock that dies with its process. No waiting, no network file systems."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.store.disk_words import StoreInUse

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        # A locked byte cannot be read by others on Windows, so the lock sits far behind the holder's number.
        os.lseek(descriptor, 4096, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class InstanceLock:
    """Held from `take` to `release`; the file stays, because removing it would let two processes lock two files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises StoreInUse with the holder's process number, or OSError when the file cannot be made."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _take(descriptor)
        except OSError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise StoreInUse(holder) from None
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _holder(descriptor: int) -> int:
    os.lseek(descriptor, 0, os.SEEK_SET)
    digits = os.read(descriptor, 20).strip()
    return int(digits) if digits.isdigit() else 0
