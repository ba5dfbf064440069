"""The file in which bans and handshakes outlive the program, so that a restart is no way around them. No policy."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from app.net.reconnect import BudgetState


def load_hosts(path: Path) -> dict[str, BudgetState]:
    """Budgets by host; none where the file is missing or not ours: it holds nothing that must not be lost."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, BudgetState])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def save_hosts(path: Path, states: dict[str, BudgetState]) -> None:
    """Replace the file as a whole. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(states))
    os.replace(draft, path)
