"""The folder of account files: private to the user, written so that a power cut loses nothing. Knows no format."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from app.credentials.errors import VaultError, VaultExposed
from app.credentials.record import LONGEST_RECORD

SUFFIX = ".account"
BACKUP_SUFFIX = ".bak"
_HAS_MODES = sys.platform != "win32"


class VaultFolder:
    """Every operation raises VaultExposed while others may look in, and VaultError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """File names of the accounts, also of those of which only the backup is left."""
        try:
            self._check_folder()
            found = {entry.name.removesuffix(BACKUP_SUFFIX) for entry in self.path.iterdir()}
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _refused(self.path, "read", error) from None
        return sorted(name for name in found if name.endswith(SUFFIX))

    def read(self, name: str) -> bytes | None:
        """None where there is no such file."""
        path = self.path / name
        try:
            self._check_folder()
            # Opened first and judged by its descriptor, so that nothing can be swapped in between.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(path, "read", error) from None
        with open(descriptor, "rb") as file:
            _check(path, os.fstat(file.fileno()), 0o600)
            try:
                return file.read(LONGEST_RECORD + 1)
            except OSError as error:
                raise _refused(path, "read", error) from None

    def read_backup(self, name: str) -> bytes | None:
        return self.read(name + BACKUP_SUFFIX)

    def write(self, name: str, data: bytes, *, keep_backup: bool = True) -> None:
        """Replace the file in one step; what stood there before becomes the backup."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_folder()
            before = self.read(name) if keep_backup else None
            if before is not None:
                self._replace(name + BACKUP_SUFFIX, before)
            self._replace(name, data)
        except OSError as error:
            raise _refused(self.path / name, "written", error) from None

    def remove(self, name: str) -> None:
        try:
            for path in (self.path / name, self.path / (name + BACKUP_SUFFIX)):
                path.unlink(missing_ok=True)
            self._sync_folder()
        except OSError as error:
            raise _refused(self.path / name, "removed", error) from None

    def _replace(self, name: str, data: bytes) -> None:
        # Made for its owner alone (0600) before it has any content.
        descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".new", dir=self.path)
        try:
            with open(descriptor, "wb") as file:
                if _HAS_MODES:
                    os.fchmod(file.fileno(), 0o600)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._sync_folder()

    def _sync_folder(self) -> None:
        if not _HAS_MODES:
            return
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _check_folder(self) -> None:
        _check(self.path, os.stat(self.path), 0o700)


def _check(path: Path, found: os.stat_result, mode: int) -> None:
    if not _HAS_MODES:
        return
    if found.st_uid != os.geteuid():
        raise VaultExposed(f"{path} belongs to another user: it is not used")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise VaultExposed(f"{path} is open to other users of this computer: run  chmod {mode:o} '{path}'")


def _refused(path: Path, what: str, error: OSError) -> VaultError:
    return VaultError(f"{path} cannot be {what}: {error.strerror or type(error).__name__}")
