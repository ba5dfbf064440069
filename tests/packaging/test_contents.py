"""What stays in the frozen folder, what goes, and what the user's system is asked for."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bundle.contents import QT_MODULES, SYSTEM, UnknownLibrary, is_stripped, is_wanted, package_of
from bundle.elf import Needs, forget_build_paths, needs_of, read_needs

from app import preflight

APP = Path(__file__).parents[2] / "app"


@pytest.mark.parametrize(
    "place",
    [
        "PySide6/QtWidgets.abi3.so",
        "PySide6/Qt/lib/libQt6XcbQpa.so.6",
        "PySide6/Qt/lib/libicudata.so.73",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqwayland.so",
        "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/libpyside6.abi3.so.6.11",
        "numpy.libs/libscipy_openblas64_-32a4b2a6.so",
        "libscipy_openblas64_-32a4b2a6.so",
        "libQt6Core.so.6",
        "libpython3.11.so.1.0",
        "libffi.so.8",
        "libsqlite3.so.0",
        "resources/icons/depthdesk.svg",
        "keyring-25.7.0.dist-info/entry_points.txt",
    ],
)
def test_stays(place: str) -> None:
    assert is_wanted(place)


@pytest.mark.parametrize(
    "place",
    [
        "PySide6/QtNetwork.abi3.so",
        "PySide6/Qt/lib/libQt6Network.so.6",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "PySide6/Qt/plugins/tls/libqopensslbackend.so",
        "PySide6/Qt/translations/qtbase_de.qm",
        "libQt6Network.so.6",
        "libgtk-3.so.0",
        "libssl.so.3",
        "libstdc++.so.6",
        "libX11.so.6",
        "libreadline.so.8",
        "pyqtgraph/icons/peegee/peegee_512px.png",
        "keyring-25.7.0.dist-info/RECORD",
    ],
)
def test_goes(place: str) -> None:
    assert not is_wanted(place)


def test_openblas_and_qt_are_never_stripped() -> None:
    assert not is_stripped("numpy.libs/libscipy_openblas64_-32a4b2a6.so")
    assert not is_stripped("numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so")
    assert not is_stripped("PySide6/Qt/lib/libQt6Core.so.6")
    assert is_stripped("libpython3.11.so.1.0") and is_stripped("zstandard/backend_c.cpython-311-x86_64-linux-gnu.so")


def test_every_qt_module_of_the_program_is_shipped() -> None:
    used = {
        line.split()[1].partition(".")[2]
        for path in APP.rglob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith("from PySide6.")
    }
    assert used == {"QtCore", "QtGui", "QtSvg", "QtWidgets"} and used <= set(QT_MODULES)


def test_the_start_check_and_the_package_name_the_same_packages() -> None:
    checked = {**preflight._FOR_ANY, **preflight._FOR_X11}
    assert checked.items() <= SYSTEM.items()


def test_needs_become_debian_names() -> None:
    said = (
        "  NEEDED               libEGL.so.1\n  NEEDED   libm.so.6\n 0x09 0x00 03 GLIBC_2.9\n 0x06 0x00 02 GLIBC_2.34\n"
    )
    libraries, glibc = read_needs(said)
    assert (libraries, glibc) == ({"libEGL.so.1", "libm.so.6"}, (2, 34))
    assert Needs(libraries, glibc).packages() == ["libc6 (>= 2.34)", "libegl1"]


def test_a_library_nobody_brings_is_named() -> None:
    with pytest.raises(UnknownLibrary, match=r"libgtk-3\.so\.0"):
        package_of("libgtk-3.so.0")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with a search path of the build machine, as a Python of one's own has them."""
    if shutil.which("gcc") is None or shutil.which("objdump") is None or sys.platform != "linux":
        pytest.skip("gcc and objdump are not here to make and read a library")
    source = tmp_path / "seven.c"
    source.write_text('char *getenv(const char *); int seven(void) { return getenv("NOT=SET") ? 0 : 7; }\n')
    made = tmp_path / "libseven.so.1"
    search = "-Wl,--enable-new-dtags,-rpath,/home/builder/lib"
    subprocess.run(["gcc", "-shared", "-fPIC", search, "-Wl,-soname,libseven.so.1", "-o", made, source], check=True)
    return made


def test_search_paths_of_the_build_machine_are_emptied(library: Path) -> None:
    def dynamic() -> str:
        return subprocess.run(["objdump", "-p", library], capture_output=True, text=True, check=True).stdout

    assert "/home/builder/lib" in dynamic()
    assert forget_build_paths(library) is True
    assert "/home/builder" not in dynamic() and "libc.so.6" in dynamic()
    assert forget_build_paths(library) is False
    assert ctypes.CDLL(str(library)).seven() == 7


def test_what_is_inside_is_not_asked_for(library: Path, tmp_path: Path) -> None:
    user = tmp_path / "user.so"
    source = tmp_path / "user.c"
    source.write_text("int seven(void); int eight(void) { return seven() + 1; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", user, source, library], check=True)
    needs = needs_of(tmp_path)
    assert needs.libraries == ["libc.so.6"]
    assert needs.packages() in (["libc6 (>= 2.2)"], ["libc6 (>= 2.17)"])  # the first of amd64, the first of arm64
