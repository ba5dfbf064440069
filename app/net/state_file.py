"""A small JSON file in which something outlives the program. It holds nothing that must not be lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def load_state(path: Path, kind: type[T]) -> T | None:
    """What the file holds; None where it is missing or not ours."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def save_state(path: Path, state: Any) -> None:
    """Replace the file as a whole. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(state))
    os.replace(draft, path)
