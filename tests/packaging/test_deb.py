"""The .deb as dpkg reads it: members, modes, owners, fields; and the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from bundle.archive import Entry, tar_xz
from bundle.deb import BadField, ar, checksums, control_text, deb, installed_kib

FIELDS = {
    "Package": "depthdesk",
    "Version": "0.1.0",
    "Architecture": "amd64",
    "Maintainer": "Nobody <nobody@example.invalid>",
    "Depends": "libc6 (>= 2.36), libegl1",
    "Description": "short\nlong line\n\nafter an empty one",
}
EPOCH = 1_767_225_600


def members(package: bytes) -> dict[str, bytes]:
    """The members of an `ar` archive, read by its definition and not by what wrote it."""
    assert package[:8] == b"!<arch>\n"
    found, at = {}, 8
    while at < len(package):
        head = package[at : at + 60].decode()
        assert head[58:] == "`\n"
        assert (head[16:28].strip(), head[28:34].strip(), head[34:40].strip()) == (str(EPOCH), "0", "0")
        size = int(head[48:58])
        found[head[:16].strip()] = package[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    return found


def opened(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:xz") as archive:
        names = archive.getnames()
        assert names == sorted(names) and len(set(names)) == len(names)
        return {info.name: info for info in archive}


def test_members_come_in_the_order_dpkg_wants(entries: list[Entry]) -> None:
    found = members(deb(FIELDS, entries, EPOCH))
    assert list(found) == ["debian-binary", "control.tar.xz", "data.tar.xz"]
    assert found["debian-binary"] == b"2.0\n"
    assert list(opened(found["control.tar.xz"])) == [".", "./control", "./md5sums"]


def test_files_belong_to_root_with_modes_of_their_kind(entries: list[Entry]) -> None:
    data = opened(members(deb(FIELDS, entries, EPOCH))["data.tar.xz"])
    assert {name: (info.mode, info.isdir()) for name, info in data.items()} == {
        ".": (0o755, True),
        "./usr": (0o755, True),
        "./usr/bin": (0o755, True),
        "./usr/bin/depthdesk": (0o777, False),
        "./usr/lib": (0o755, True),
        "./usr/lib/depthdesk": (0o755, True),
        "./usr/lib/depthdesk/_internal": (0o755, True),
        "./usr/lib/depthdesk/_internal/libx.so.1": (0o644, False),
        "./usr/lib/depthdesk/depthdesk": (0o755, False),
    }
    assert data["./usr/bin/depthdesk"].linkname == "../lib/depthdesk/depthdesk"
    assert {(info.uid, info.gid, info.uname, info.gname, info.mtime) for info in data.values()} == {
        (0, 0, "root", "root", EPOCH)
    }


def test_the_same_files_give_the_same_bytes(entries: list[Entry]) -> None:
    first = deb(FIELDS, entries, EPOCH)
    for entry in entries:
        if entry.source is not None:
            entry.source.touch()
    assert deb(FIELDS, entries[::-1], EPOCH) == first
    assert deb(FIELDS, entries, EPOCH + 1) != first


def test_control_folds_long_values_and_dots_empty_lines() -> None:
    assert control_text(FIELDS).splitlines()[-4:] == ["Description: short", " long line", " .", " after an empty one"]


@pytest.mark.parametrize("name, value", [("Package", ""), ("Package", " \n "), ("Pack age", "x"), ("A:B", "x")])
def test_control_refuses_what_dpkg_cannot_read(name: str, value: str) -> None:
    with pytest.raises(BadField, match=name):
        control_text({name: value})


def test_installed_size_rounds_every_file_up(entries: list[Entry]) -> None:
    assert installed_kib(entries) == 2 + 1 + 1


def test_checksums_are_of_the_files_alone(entries: list[Entry]) -> None:
    program = b"\x7fELF" + bytes(2000)
    assert checksums(entries) == (
        f"{hashlib.md5(b'x').hexdigest()}  usr/lib/depthdesk/_internal/libx.so.1\n"
        f"{hashlib.md5(program).hexdigest()}  usr/lib/depthdesk/depthdesk\n"
    )


def test_odd_members_are_padded() -> None:
    packed = ar({"a": b"123", "b": b"4"}, EPOCH)
    assert len(packed) == 8 + 60 + 4 + 60 + 2
    assert members(packed) == {"a": b"123", "b": b"4"}


def test_one_place_is_not_filled_twice(entries: list[Entry]) -> None:
    with pytest.raises(AssertionError, match="usr/bin/depthdesk twice"):
        tar_xz([*entries, Entry("usr/bin/depthdesk", link="elsewhere")], EPOCH)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg is not here to judge")
def test_dpkg_reads_it(entries: list[Entry], tmp_path: Path) -> None:
    package = tmp_path / "depthdesk.deb"
    package.write_bytes(deb(FIELDS, entries, EPOCH))

    def dpkg(*arguments: str | Path) -> str:
        return subprocess.run(["dpkg-deb", *arguments], capture_output=True, text=True, check=True).stdout

    assert dpkg("--field", package, "Package", "Depends", "Installed-Size").splitlines() == [
        "Package: depthdesk",
        "Depends: libc6 (>= 2.36), libegl1",
        "Installed-Size: 4",
    ]
    assert dpkg("--field", package, "Description") == "short\n long line\n .\n after an empty one\n"
    dpkg("--extract", package, tmp_path / "root")
    assert (tmp_path / "root/usr/bin/depthdesk").resolve() == tmp_path / "root/usr/lib/depthdesk/depthdesk"
    assert (tmp_path / "root/usr/bin/depthdesk").read_bytes() == b"\x7fELF" + bytes(2000)
