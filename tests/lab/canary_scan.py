"""Looks for secrets in every spelling: in files, packed ones unpacked, and in what a process shows of itself."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from urllib.parse import quote, quote_plus

import zstandard

_SHORTEST = 6
"""A shorter spelling would be found by chance."""
_PROC = Path("/proc")


def parts(secret: str) -> list[str]:
    """The secret, and each line of a key in PEM: that may be written anew."""
    rows = secret.splitlines() if secret.startswith("-----") else []
    return [secret, *(row for row in rows if row and not row.startswith("-----"))]


def spellings(secret: str) -> dict[str, set[bytes]]:
    """By name: as it is, base64 (also inside of something longer), hex, URL-quoted, JSON-escaped, UTF-16."""
    raw = secret.encode()
    as_json = {json.dumps(secret), json.dumps(secret, ensure_ascii=False)}
    found = {
        "raw": {raw},
        "base64": {core for shift in range(3) for core in _base64_cores(raw, shift)},
        "hex": {raw.hex().encode(), raw.hex().upper().encode()},
        "url": {each.encode() for each in (quote(secret), quote(secret, safe=""), quote_plus(secret))},
        "json": {text[1:-1].replace("/", slash).encode() for text in as_json for slash in ("/", "\\/")},
        "utf-16": {secret.encode("utf-16-le"), secret.encode("utf-16-be")},
    }
    # Numbers of a quoted character may be written in small letters.
    found["url"] |= {form.lower() for form in found["url"] if b"%" in form}
    return {name: {form for form in forms if len(form) >= _SHORTEST} for name, forms in found.items()}


def _base64_cores(raw: bytes, shift: int) -> Iterator[bytes]:
    """The characters that are the same whatever stands `shift` bytes before it and after it."""
    whole = b64encode(bytes(shift) + raw)
    core = whole[ceil(shift * 8 / 6) : (shift + len(raw)) * 8 // 6]
    yield core
    yield core.translate(bytes.maketrans(b"+/", b"-_"))


class Scan:
    """`hits` say where, which secret (by the name given to it) and in which spelling; never the secret itself."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self.files = 0
        self.bytes = 0
        self.hits: set[str] = set()
        self._forms = {
            (name, spelling): forms
            for name, secret in secrets.items()
            for spelling, forms in spellings(secret).items()
            if secret
        }

    def look(self, where: str, content: bytes) -> None:
        self.bytes += len(content)
        for (name, spelling), forms in self._forms.items():
            if any(form in content for form in forms):
                self.hits.add(f"{where}: {name} as {spelling}")

    def folder(self, folder: Path) -> None:
        """Every file below, its name too, and what is packed in it."""
        for file in sorted(folder.rglob("*")):
            where = str(file.relative_to(folder))
            self.look(f"name of {where}", where.encode())
            if file.is_file():
                self.files += 1
                content = file.read_bytes()
                self.look(where, content)
                self.look(f"{where}, unpacked", unpacked(content))

    def process(self, pid: int) -> bool:
        """Its command line and environment. False when it is gone."""
        try:
            name = (_PROC / str(pid) / "comm").read_text().strip()
            for what in ("cmdline", "environ"):
                self.look(f"{what} of {name}", (_PROC / str(pid) / what).read_bytes())
        except OSError:
            return False
        return True


def unpacked(content: bytes) -> bytes:
    """What a zstd or gzip file holds, up to the place where it breaks off."""
    out = bytearray()
    try:
        if content.startswith(b"\x28\xb5\x2f\xfd"):
            reader = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
            while part := reader.read(1 << 20):
                out += part
        elif content.startswith(b"\x1f\x8b"):
            out += zlib.decompressobj(wbits=31).decompress(content)
    except (zstandard.ZstdError, zlib.error):
        pass
    return bytes(out)


def family(pid: int) -> set[int]:
    """The process and everything that it started, as far as it still runs."""
    parents: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                # The name in brackets may hold anything.
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    found, grown = {pid}, True
    while grown:
        children = {child for child, parent in parents.items() if parent in found} - found
        found |= children
        grown = bool(children)
    return found
