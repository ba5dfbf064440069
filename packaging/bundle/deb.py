"""Writes Debian binary packages without dpkg, so that any build machine can and the result is the same on each.

Format: deb(5) of dpkg 1.21; an `ar` archive of debian-binary, control.tar.xz and data.tar.xz, in this order.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from bundle.archive import Entry, tar_xz

_MEMBER = "{name:<16}{epoch:<12}{uid:<6}{gid:<6}{mode:<8}{size:<10}`\n"


class BadField(ValueError):
    """A control field that dpkg would not read; the text names it."""


def control_text(fields: Mapping[str, str]) -> str:
    """The control file. Lines after the first of a value are indented, empty ones become a dot. Raises BadField."""
    told = []
    for name, value in fields.items():
        first, *more = value.strip().split("\n")
        if not first or not name.isascii() or ":" in name or " " in name:
            raise BadField(f"control field {name!r} cannot have the value {value!r}")
        told.append(f"{name}: {first}\n" + "".join(f" {line.strip() or '.'}\n" for line in more))
    return "".join(told)


def installed_kib(entries: Iterable[Entry]) -> int:
    """Installed-Size: every file rounded up to KiB, as dpkg-gencontrol counts; links and the like one each."""
    return sum(1 if entry.source is None else -(-entry.source.stat().st_size // 1024) for entry in entries)


def checksums(entries: Iterable[Entry]) -> str:
    """The md5sums file, which `dpkg --verify` reads."""
    told = []
    for entry in sorted(entries, key=lambda entry: entry.place):
        if entry.source is not None:
            with entry.source.open("rb") as file:
                told.append(f"{hashlib.file_digest(file, 'md5').hexdigest()}  {entry.place}\n")
    return "".join(told)


def deb(fields: Mapping[str, str], entries: list[Entry], epoch: int) -> bytes:
    """The package as bytes. `fields` are the control fields but Installed-Size. Raises BadField."""
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder, "control")
        control.write_text(control_text({**fields, "Installed-Size": str(installed_kib(entries))}))
        sums = Path(folder, "md5sums")
        sums.write_text(checksums(entries))
        about = tar_xz([Entry("control", control), Entry("md5sums", sums)], epoch, prefix="./")
    members = {"debian-binary": b"2.0\n", "control.tar.xz": about, "data.tar.xz": tar_xz(entries, epoch, prefix="./")}
    return ar(members, epoch)


def ar(members: Mapping[str, bytes], epoch: int) -> bytes:
    """A common `ar` archive; names of at most 16 characters, each member padded to an even length."""
    packed = [b"!<arch>\n"]
    for name, data in members.items():
        head = _MEMBER.format(name=name, epoch=epoch, uid=0, gid=0, mode="100644", size=len(data)).encode()
        assert len(head) == 60, name
        packed += [head, data, b"\n" * (len(data) % 2)]
    return b"".join(packed)
