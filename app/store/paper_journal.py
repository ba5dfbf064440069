"""Journals of twins that live only as long as one window: made, dropped, and swept up after a crash. No orders here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_FOLDER = "paper"


def paper_journal(state: Path) -> Path:
    """A journal file for this process; folders left behind by processes that are gone are removed."""
    folder = state / _FOLDER
    if folder.is_dir():
        for left in folder.iterdir():
            if left.name.isdigit() and not _runs(int(left.name)):
                shutil.rmtree(left, ignore_errors=True)
    return folder / str(os.getpid()) / "orders.db"


def drop_paper_journal(state: Path) -> None:
    """Remove this process's folder. Call after the store is closed."""
    shutil.rmtree(state / _FOLDER / str(os.getpid()), ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
