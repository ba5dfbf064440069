"""The file in which bans and handshakes outlive the program, so that a restart is no way around them. No policy."""

from __future__ import annotations

from pathlib import Path

from app.net.reconnect import BudgetState
from app.net.state_file import load_state, save_state


def load_hosts(path: Path) -> dict[str, BudgetState]:
    """Budgets by host; none where the file is missing or not ours."""
    return load_state(path, dict[str, BudgetState]) or {}


def save_hosts(path: Path, states: dict[str, BudgetState]) -> None:
    """Replace the file as a whole. Raises OSError."""
    save_state(path, states)
