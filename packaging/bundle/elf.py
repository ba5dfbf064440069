"""Reads with `objdump` what the libraries of a folder need, so that no dependency is left to luck.

Layout of ELF files: the System V ABI, chapters 4 and 5, https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
"""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from bundle.contents import LIBC, package_of

_NEEDED = re.compile(r"^\s+NEEDED\s+(\S+)", re.MULTILINE)
_GLIBC = re.compile(r"\bGLIBC_(\d+)\.(\d+)")
_MAGIC = b"\x7fELF"
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 5, 15, 29


class Needs:
    """What the libraries of a folder want from outside it."""

    def __init__(self, libraries: Iterable[str], glibc: tuple[int, int]) -> None:
        self.libraries = sorted(libraries)
        self.glibc = glibc
        """The oldest C library it runs with."""

    def packages(self) -> list[str]:
        """Debian's names for them, sorted. Raises UnknownLibrary."""
        names = {package_of(library) for library in self.libraries} - {LIBC}
        return [f"{LIBC} (>= {self.glibc[0]}.{self.glibc[1]})", *sorted(names)]


def libraries_of(folder: Path) -> list[Path]:
    """The ELF files of a folder, sorted; each once, however many links lead to it."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path))


def needs_of(folder: Path) -> Needs:
    """Raises subprocess.CalledProcessError for a damaged library."""
    inside = {path.name for path in folder.rglob("*.so*")}
    wanted: set[str] = set()
    glibc = (2, 0)
    for path in libraries_of(folder):
        said = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
        found, newest = read_needs(said)
        wanted |= found
        glibc = max(glibc, newest)
    return Needs(wanted - inside, glibc)


def read_needs(said: str) -> tuple[set[str], tuple[int, int]]:
    """The libraries and the newest C library version that `objdump -p` names."""
    versions = [(int(major), int(minor)) for major, minor in _GLIBC.findall(said)]
    return set(_NEEDED.findall(said)), max(versions, default=(2, 0))


def forget_build_paths(path: Path) -> bool:
    """Empty a search path that names folders of the build machine; whether there was one.

    It would be searched on the user's machine too, where anybody may own those folders. Paths relative to the library
    itself stay. 64-bit little-endian files only.
    """
    data = path.read_bytes()
    for place in _search_paths(data):
        if data[place : place + 1] == b"/":
            # One byte is enough, and leaves alone what the linker merged into the end of this string.
            with path.open("r+b") as file:
                file.seek(place)
                file.write(b"\0")
            return True
    return False


def _search_paths(data: bytes) -> list[int]:
    """The offsets of the strings of DT_RPATH and DT_RUNPATH."""
    table, size, count = (*struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54))
    loaded, dynamic = [], (0, 0)
    for at in range(table, table + size * count, size):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, at)
        if kind == _PT_LOAD:
            loaded.append((address, offset, length))
        elif kind == _PT_DYNAMIC:
            dynamic = offset, length
    entries = [struct.unpack_from("<QQ", data, at) for at in range(dynamic[0], sum(dynamic), 16)]
    strings = next((value for tag, value in entries if tag == _DT_STRTAB), 0)
    start = next((offset - address for address, offset, length in loaded if address <= strings < address + length), 0)
    return [start + strings + value for tag, value in entries if tag in (_DT_RPATH, _DT_RUNPATH)]


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _MAGIC
