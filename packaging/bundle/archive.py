"""Tar archives that come out the same from the same files: sorted, owned by root, of one given time."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Iterable
from pathlib import Path

from bundle.contents import is_program

_PRESET = 6


class Entry:
    """One file, or link, or folder of an archive; `place` has no leading slash."""

    def __init__(self, place: str, source: Path | None = None, link: str = "") -> None:
        self.place = place
        self.source = source
        self.link = link


def entries_of(folder: Path, under: str) -> list[Entry]:
    """The files and links of a folder, to be placed under `under`."""
    found = []
    for path in sorted(folder.rglob("*")):
        place = f"{under}/{path.relative_to(folder).as_posix()}"
        if path.is_symlink():
            found.append(Entry(place, link=path.readlink().as_posix()))
        elif path.is_file():
            found.append(Entry(place, path))
    return found


def tar_xz(entries: Iterable[Entry], epoch: int, prefix: str = "") -> bytes:
    """An archive with the folders above its files, all of the time `epoch`, in s.

    `prefix` goes before every name ("./" for Debian); with one, the root itself is in the archive too.
    """
    packed = io.BytesIO()
    with (
        lzma.open(packed, "wb", preset=_PRESET) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        placed = _with_folders(entries) | ({"": None} if prefix else {})
        for place, entry in sorted(placed.items()):
            info = _info(f"{prefix}{place}" if place else prefix.rstrip("/"), epoch)
            if entry is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            elif entry.source is None:
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
                archive.addfile(info)
            else:
                info.size = entry.source.stat().st_size
                info.mode = 0o755 if is_program(place) else 0o644
                with entry.source.open("rb") as file:
                    archive.addfile(info, file)
    return packed.getvalue()


def _with_folders(entries: Iterable[Entry]) -> dict[str, Entry | None]:
    """Every place with its entry, every folder above one with None."""
    placed: dict[str, Entry | None] = {}
    for entry in entries:
        assert entry.place not in placed, f"{entry.place} twice"
        placed[entry.place] = entry
        parts = entry.place.split("/")[:-1]
        for depth in range(len(parts)):
            placed.setdefault("/".join(parts[: depth + 1]), None)
    return placed


def _info(name: str, epoch: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime = epoch
    info.uname = info.gname = "root"
    return info
