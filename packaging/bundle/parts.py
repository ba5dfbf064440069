"""Whose files the frozen folder holds: wheels by what they recorded, the interpreter's libraries by dpkg."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from bundle.contents import INTERPRETER
from bundle.sbom import Part

_LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
_CLASSIFIER = "License :: OSI Approved :: "


def installed() -> dict[str, Distribution]:
    """Every installed distribution, by name as the lock writes it."""
    return {str(canonicalize_name(each.name)): each for each in distributions()}


def owners(sources: Iterable[str]) -> dict[str, Distribution]:
    """The installed distributions that own any of these files."""
    wanted = {os.path.normpath(source) for source in sources}

    def owns(distribution: Distribution) -> bool:
        return any(os.path.normpath(str(file.locate())) in wanted for file in distribution.files or ())

    return {name: distribution for name, distribution in installed().items() if owns(distribution)}


def licence_of(distribution: Distribution) -> str:
    """The licence in the words of the distribution, shortened to one line; empty where it says nothing."""
    about = distribution.metadata
    for field in ("License-Expression", "License"):
        said = about[field] if field in about else ""
        if said and "\n" not in said and len(said) < 100:
            return said
    classified = [name.removeprefix(_CLASSIFIER) for name in about.get_all("Classifier") or () if _CLASSIFIER in name]
    return ", ".join(classified)


def licence_files(distribution: Distribution) -> list[Path]:
    """Its licence texts, from its metadata folder; sorted."""
    files = [file for file in distribution.files or () if ".dist-info" in file.parts[0]]
    return sorted(Path(str(file.locate())) for file in files if _LICENCE_FILE.search("/".join(file.parts[1:])))


def interpreter_parts(folder: Path) -> tuple[list[Part], dict[str, list[Path]]]:
    """Python itself and the build machine's libraries beside it, with their licence texts where the system has them."""
    version = platform.python_version()
    parts = [Part(name="CPython", version=version, purl=f"pkg:generic/python@{version}")]
    texts = {"CPython": [path for path in (Path(sysconfig.get_path("stdlib"), "LICENSE.txt"),) if path.is_file()]}
    for path in sorted(folder.glob("lib*.so*")):
        if path.is_symlink() or path.name.removeprefix("lib").partition(".so")[0] not in INTERPRETER:
            continue
        package, release = _debian_package(path.name)
        purl = f"pkg:deb/debian/{package}@{release}" if package else f"pkg:generic/{path.name}"
        parts.append(Part(name=package or path.name, version=release or "unknown", purl=purl))
        notice = Path(f"/usr/share/doc/{package}/copyright")
        texts[package or path.name] = [notice] if package and notice.is_file() else []
    return parts, texts


def _debian_package(library: str) -> tuple[str, str]:
    """The package that owns a library, and its version; empty on other systems."""
    try:
        said = subprocess.run(["dpkg-query", "-S", f"*/{library}"], capture_output=True, text=True).stdout
        package = said.partition(":")[0]
        if not package:
            return "", ""
        shown = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Version}\n", package], capture_output=True, text=True, check=True
        ).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return "", ""
    return package, shown.split("\n")[0]
