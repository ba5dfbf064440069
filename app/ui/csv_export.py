"""Rows as a CSV file that no spreadsheet runs as formulas: exact decimals, UTC times. No tables, no dialogs."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from datetime import UTC
from decimal import Decimal
from pathlib import Path

from app.ui.format import moment

Value = str | Decimal | int | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def iso_time(ms: int) -> str:
    """ "2026-11-20T14:03:22.123Z"; empty where the exchange gave no time."""
    if ms <= 0:
        return ""
    return f"{moment(ms, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def field(value: Value) -> str:
    """Numbers plain and exact; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    text = "".join(char for char in value if char.isprintable())
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or value.startswith(_FORMULA) else text


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Value]]) -> int:
    """Write all or nothing and return how many rows; readable by the owner only. Raises OSError."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.part")
    count = 0
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(header)
            for row in rows:
                writer.writerow([field(value) for value in row])
                count += 1
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return count
