"""The list of parts names exactly what the locks name, with the file that was installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundle.locks import BadLock, Locked, read_lock
from bundle.sbom import NotFromTheLock, Part, as_text, installed_hashes, sbom

ROOT = Path(__file__).parents[2]
PACKAGE = read_lock(ROOT / "requirements-package.lock")
RUNTIME = read_lock(ROOT / "requirements.lock")
LINUX = {"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux", "platform_system": "Linux"}
EPOCH = 1_767_225_600


def applying(lock: list[Locked]) -> list[Locked]:
    return [each for each in lock if each.applies(LINUX)]


def installed(lock: list[Locked]) -> dict[str, str]:
    return {each.name: min(each.hashes) for each in lock}


def test_the_list_equals_the_lock() -> None:
    lock = applying(PACKAGE)
    runtime = {each.name for each in applying(RUNTIME)}
    shipped = [each for each in lock if each.name in runtime]
    tools = [each for each in lock if each.name not in runtime]
    told = sbom("0.1.0", EPOCH, shipped, tools, installed(lock), {"aiohttp": "Apache-2.0 AND MIT"})
    listed = {part["name"]: part for part in told["components"]}
    assert {(part["name"], part["version"]) for part in told["components"]} == {
        (each.name, each.version) for each in lock
    }
    for each in lock:
        assert listed[each.name]["purl"] == f"pkg:pypi/{each.name}@{each.version}"
        assert listed[each.name]["hashes"] == [{"alg": "SHA-256", "content": min(each.hashes)}]
        assert listed[each.name]["scope"] == ("required" if each.name in runtime else "excluded")
    assert listed["pyinstaller"]["scope"] == "excluded" and listed["pyside6-essentials"]["scope"] == "required"
    assert listed["aiohttp"]["licenses"] == [{"license": {"name": "Apache-2.0 AND MIT"}}]
    [root] = told["dependencies"]
    assert set(root["dependsOn"]) == {f"pkg:pypi/{each.name}@{each.version}" for each in shipped}
    assert root["ref"] == told["metadata"]["component"]["bom-ref"]


def test_the_package_lock_holds_what_is_tested() -> None:
    """What is packed has the versions and files that `make run` installs and `make test` tests."""
    packed = {(each.name, each.version, each.marker): each.hashes for each in PACKAGE}
    assert {(each.name, each.version, each.marker): each.hashes for each in RUNTIME}.items() <= packed.items()


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_locks_name_no_server(lock: Path) -> None:
    assert "://" not in lock.read_text()


def test_systems_get_only_their_own() -> None:
    names = {each.name for each in applying(PACKAGE)}
    assert {"secretstorage", "jeepney", "pyinstaller"} <= names
    assert not names & {"pywin32-ctypes", "pefile", "macholib"}
    assert [each.version for each in applying(PACKAGE) if each.name == "numpy"] == ["2.4.6"]


def test_a_file_that_is_not_in_the_lock_is_refused() -> None:
    lock = applying(PACKAGE)
    with pytest.raises(NotFromTheLock, match=r"yarl .* 0{64} is not in the lock"):
        sbom("0.1.0", EPOCH, lock, [], installed(lock) | {"yarl": "0" * 64}, {})


def test_the_same_parts_give_the_same_text_and_number() -> None:
    lock = applying(PACKAGE)
    part = Part(name="libffi8", version="3.4.4-1", purl="pkg:deb/debian/libffi8@3.4.4-1")
    first = sbom("0.1.0", EPOCH, lock, [], installed(lock), {}, [part])
    again = sbom("0.1.0", EPOCH, lock[::-1], [], installed(lock), {}, [part])
    assert as_text(first) == as_text(again) and json.loads(as_text(first)) == first
    assert first["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"
    assert sbom("0.1.1", EPOCH, lock, [], installed(lock), {}, [part])["serialNumber"] != first["serialNumber"]
    assert first["components"][0] == {
        "type": "library",
        "bom-ref": "pkg:deb/debian/libffi8@3.4.4-1",
        "name": "libffi8",
        "version": "3.4.4-1",
        "scope": "required",
        "purl": "pkg:deb/debian/libffi8@3.4.4-1",
    }


def test_pip_tells_what_it_installed() -> None:
    told = {
        "metadata": {"name": "PySide6_Essentials"},
        "download_info": {"url": "file:///x.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
    }
    assert installed_hashes({"install": [told]}) == {"pyside6-essentials": "ab"}


@pytest.mark.parametrize("line", ["yarl>=1 --hash=sha256:" + "0" * 64, "yarl==1.25.1", "-r other.lock"])
def test_a_lock_without_versions_or_hashes_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "x.lock").write_text(line + "\n")
    with pytest.raises(BadLock, match="x.lock"):
        read_lock(tmp_path / "x.lock")
