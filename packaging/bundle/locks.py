"""Reads the lock files that pip installs from: which versions, of which files, on which systems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>.+))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class BadLock(ValueError):
    """A lock file this program cannot read; the text says where."""


@dataclass(frozen=True, kw_only=True)
class Locked:
    """One distribution of a lock; `hashes` are the SHA-256 of every file of it that may be installed."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]

    def applies(self, environment: Mapping[str, str] | None = None) -> bool:
        """Whether it is installed on this system, or in the environment of these PEP 508 names."""
        return not self.marker or Marker(self.marker).evaluate(dict(environment) if environment else None)


def read_lock(path: Path) -> list[Locked]:
    """All distributions of a lock, in its order, for every system. Raises BadLock."""
    found = []
    for entry in path.read_text().replace("\\\n", " ").splitlines():
        if not entry.strip():
            continue
        requirement, *_ = entry.partition(" --hash=")
        match = _LINE.fullmatch(requirement.strip())
        hashes = frozenset(_HASH.findall(entry))
        if match is None or not hashes:
            raise BadLock(f"{path.name}: {requirement.strip()!r} is not a version with its hashes")
        found.append(
            Locked(
                name=canonicalize_name(match["name"]),
                version=match["version"],
                marker=(match["marker"] or "").strip(),
                hashes=hashes,
            )
        )
    return found
