"""`make package`: freezes the program, starts it, and packs it. Everything goes to build/package."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tomllib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bundle import share
from bundle.archive import Entry, entries_of, tar_xz
from bundle.contents import PROGRAM, UnknownLibrary, is_stripped
from bundle.deb import deb
from bundle.elf import forget_build_paths, libraries_of, needs_of
from bundle.locks import read_lock
from bundle.parts import installed, interpreter_parts, licence_files, licence_of, owners
from bundle.sbom import as_text, installed_hashes, sbom
from bundle.smoke import SmokeError, smoke

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build/package"
_WORK = ROOT / "build/package-work"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_NO_DATE = 1_767_225_600
"""2026-01-01, for a source archive without history."""
_DESCRIPTION = """trading monitor whose correctness can be seen
For people who watch accounts on a screen, place and cancel orders by hand,
and debug exchange streams with their eyes. Every number has an age and a
source; gaps, resyncs and crossed books are shown, never patched over.

Begins with a paper twin of an exchange on this computer: no key and no
network needed."""


def main() -> int:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return _say(f"packages are made for {' and '.join(_ARCHITECTURES)}, not for {machine}")
    epoch = _epoch()
    os.environ.update(SOURCE_DATE_EPOCH=str(epoch), PYTHONHASHSEED="0")
    share.clean(OUT)
    _step("freezing the program")
    sources = _freeze(version)
    folder = OUT / PROGRAM
    for path in libraries_of(folder / "_internal"):
        if is_stripped(path.relative_to(folder / "_internal").as_posix()):
            subprocess.run(["strip", "--strip-unneeded", path], check=True)
        forget_build_paths(path)
    try:
        depends = needs_of(folder).packages()
        _step("starting it")
        first_book_s = smoke(folder / PROGRAM, version)
    except (UnknownLibrary, SmokeError) as error:
        return _say(str(error))
    _step(f"it showed a live book after {first_book_s:.2f} s; packing")
    name = f"{PROGRAM}-{version}-linux-{machine}"
    parts = OUT / f"{name}.cdx.json"
    _tell_parts(parts, version, epoch, sources)
    share.fill(OUT / "share", ROOT, version, epoch)
    fields = {
        "Package": PROGRAM,
        "Version": version,
        "Section": "misc",
        "Priority": "optional",
        "Architecture": _ARCHITECTURES[machine],
        "Maintainer": os.environ.get("DEBEMAIL") or "Depthdesk maintainers <maintainers@depthdesk.invalid>",
        "Depends": ", ".join(depends),
        "Recommends": "ca-certificates, fonts-dejavu-core | fonts-liberation, xdg-desktop-portal",
        "Description": _DESCRIPTION,
    }
    archives = (OUT / f"{name}.tar.xz", OUT / f"{PROGRAM}_{version}_{_ARCHITECTURES[machine]}.deb")
    with ProcessPoolExecutor(2) as workers:
        packed = (
            workers.submit(_tar, f"{PROGRAM}-{version}", epoch),
            workers.submit(_deb, fields, epoch),
        )
        for archive, data in zip(archives, packed, strict=True):
            archive.write_bytes(data.result())
    listed = sorted([*archives, parts])
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in listed]
    (OUT / "SHA256SUMS").write_text("".join(sums))
    for path in listed:
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path.relative_to(ROOT)}")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{size / 1e6:8.2f} MB  {folder.relative_to(ROOT)}/")
    return 0


def _freeze(version: str) -> list[str]:
    """Run PyInstaller; returns the files of the build machine that went in."""
    metadata = share.clean(_WORK / f"{PROGRAM}-{version}.dist-info") / "METADATA"
    metadata.write_text(f"Metadata-Version: 2.1\nName: {PROGRAM}\nVersion: {version}\n")
    sources = _WORK / "sources.json"
    subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "ERROR"]
        + ["--distpath", OUT, "--workpath", _WORK / "pyinstaller", ROOT / "packaging/depthdesk.spec"],
        check=True,
        env=os.environ | {"DEPTHDESK_METADATA": str(metadata.parent), "DEPTHDESK_SOURCES": str(sources)},
    )
    found: list[str] = json.loads(sources.read_text())
    return found


def _tell_parts(place: Path, version: str, epoch: int, sources: list[str]) -> None:
    """The list of parts, the copyright file and the licences."""
    lock = [each for each in read_lock(ROOT / "requirements-package.lock") if each.applies()]
    inside = owners(sources)
    licences = {name: licence_of(each) for name, each in installed().items()}
    own, texts = interpreter_parts(OUT / PROGRAM / "_internal")
    shipped = [each for each in lock if each.name in inside]
    told = sbom(
        version,
        epoch,
        shipped,
        [each for each in lock if each.name not in inside],
        installed_hashes(json.loads((ROOT / "build/package-venv/installed.json").read_text())),
        licences,
        own,
    )
    place.write_text(as_text(told))
    texts |= {name: licence_files(each) for name, each in inside.items()}
    lines = [f"{each.name} {each.version}: {licences.get(each.name) or 'see its text'}" for each in shipped]
    lines += [f"{each.name} {each.version}: see its text" for each in own]
    lines.append("PyInstaller's bootloader: GPL-2.0-or-later with an exception for programs packed with it")
    share.write_copyright(OUT / "share", ROOT / "packaging/licenses", sorted(lines, key=str.lower), texts)


def _tar(top: str, epoch: int) -> bytes:
    return tar_xz([*entries_of(OUT / PROGRAM, top), *entries_of(OUT / "share", f"{top}/share")], epoch)


def _deb(fields: dict[str, str], epoch: int) -> bytes:
    entries = [
        *entries_of(OUT / PROGRAM, f"usr/lib/{PROGRAM}"),
        *entries_of(OUT / "share", "usr/share"),
        Entry(f"usr/bin/{PROGRAM}", link=f"../lib/{PROGRAM}/{PROGRAM}"),
    ]
    return deb(fields, entries, epoch)


def _epoch() -> int:
    """SOURCE_DATE_EPOCH, or the time of the commit, in s."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    try:
        said = subprocess.run(["git", "log", "-1", "--format=%ct"], capture_output=True, text=True, cwd=ROOT).stdout
    except FileNotFoundError:
        said = ""
    return int(said) if said.strip() else _NO_DATE


def _step(words: str) -> None:
    print(f"depthdesk: {words}", file=sys.stderr, flush=True)


def _say(words: str) -> int:
    _step(words)
    return 1


if __name__ == "__main__":
    sys.exit(main())
