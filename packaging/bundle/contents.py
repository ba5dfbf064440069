"""What goes into the frozen folder and what the user's system has to bring. Names only; nothing is read or written.

The line is drawn by who should update a library: the display, TLS and the C++ runtime are the system's (its OpenSSL
knows where its certificates are, its Mesa needs a C++ runtime at least as new as itself); what only the interpreter
uses comes along.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

PROGRAM = "depthdesk"
LIBC = "libc6"
SYSTEM = {
    "ld-linux-x86-64.so.2": LIBC,
    "ld-linux-aarch64.so.1": LIBC,
    "libc.so.6": LIBC,
    "libdl.so.2": LIBC,
    "libm.so.6": LIBC,
    "libpthread.so.0": LIBC,
    "librt.so.1": LIBC,
    "libutil.so.1": LIBC,
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libcrypto.so.3": "libssl3",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgcc_s.so.1": "libgcc-s1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libssl.so.3": "libssl3",
    "libstdc++.so.6": "libstdc++6",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libz.so.1": "zlib1g",
    "libzstd.so.1": "libzstd1",
}
"""Libraries the system brings, and the Debian package that holds each."""

INTERPRETER = ("bz2", "expat", "ffi", "lzma", "mpdec", "sqlite3", "uuid")
"""Libraries of the build machine that come along beside libpython: lib<name>."""

QT_MODULES = ("QtCore", "QtGui", "QtOpenGL", "QtOpenGLWidgets", "QtSvg", "QtWidgets")
"""pyqtgraph imports the OpenGL ones and gives up without them, though we let it paint nothing with OpenGL."""
QT_LIBRARIES = ("Core", "DBus", "Gui", "OpenGL", "OpenGLWidgets", "Svg", "WaylandClient", "Widgets", "XcbQpa")
QT_PLUGINS = {
    "iconengines/libqsvgicon.so",
    "imageformats/libqsvg.so",
    "platforminputcontexts/libcomposeplatforminputcontextplugin.so",
    "platforminputcontexts/libibusplatforminputcontextplugin.so",
    "platforms/libqoffscreen.so",
    "platforms/libqwayland.so",
    "platforms/libqxcb.so",
    "platformthemes/libqxdgdesktopportal.so",
    "wayland-decoration-client/libadwaita.so",
    "wayland-decoration-client/libbradient.so",
    "wayland-shell-integration/libxdg-shell.so",
}
"""No OpenGL plug-ins: every window is painted by the raster engine. No gtk3 theme: it pulls in all of GTK."""

NEVER_IMPORTED = [
    "PySide6.QtDBus",
    "PySide6.QtNetwork",
    "PySide6.QtTest",
    "_curses",
    "_dbm",
    "_gdbm",
    "_tkinter",
    "cffi",
    "crypt",
    "curses",
    "ensurepip",
    "lib2to3",
    "matplotlib",
    "nis",
    "numpy.distutils",
    "numpy.f2py",
    "ossaudiodev",
    "pip",
    "pycparser",
    "pyqtgraph.canvas",
    "pyqtgraph.console",
    "pyqtgraph.dockarea",
    "pyqtgraph.examples",
    "pyqtgraph.flowchart",
    "pyqtgraph.jupyter",
    "pyqtgraph.opengl",
    "readline",
    "setuptools",
    "tkinter",
    "zstandard._cffi",
    "zstandard.backend_cffi",
]
"""Left out although somebody mentions them. `readline` is under the GPL."""

_NEVER_STRIPPED = ("numpy/", "numpy.libs/", "PySide6/", "shiboken6/")
"""The wheel's OpenBLAS is no longer page-aligned after `strip` and refuses to load; Qt comes without debug symbols."""

_OF_THE_INSTALLATION = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")
"""What pip wrote; it names the folder it installed to."""

_RENAMED = re.compile(r"-[0-9a-f]{8}")
"""A library that a wheel brought under a name of its own."""


class UnknownLibrary(ValueError):
    """A library that is neither the system's nor listed to come along; the text names it."""


def is_wanted(place: str) -> bool:
    """Whether the file at this place of the folder is shipped."""
    path = PurePosixPath(place)
    if path.parts[:3] == ("PySide6", "Qt", "plugins"):
        return "/".join(path.parts[3:]) in QT_PLUGINS
    if path.parts[:3] == ("PySide6", "Qt", "lib") or path.name.startswith("libQt6"):
        return path.name.startswith("libicu") or path.name in {f"libQt6{name}.so.6" for name in QT_LIBRARIES}
    if path.parts[0] == "PySide6" and path.name.startswith("Qt"):
        return path.name.partition(".")[0] in QT_MODULES
    if path.parts[:2] == ("PySide6", "Qt") or path.parts[:2] == ("pyqtgraph", "icons"):
        return False
    if path.parts[0].endswith(".dist-info") and path.name in _OF_THE_INSTALLATION:
        return False
    if path.suffix == ".pyi" or path.name.startswith("_multiarray_tests."):
        return False
    if len(path.parts) == 1 and re.match(r"lib.*\.so", path.name):
        return _comes_along(path.name)
    return True


def is_stripped(place: str) -> bool:
    """Whether debug symbols may be taken from the library at this place of the folder."""
    path = PurePosixPath(place)
    return ".so" in path.name and not place.startswith(_NEVER_STRIPPED) and _of_wheel_or_python(path)


def package_of(library: str) -> str:
    """The Debian package of a system library. Raises UnknownLibrary."""
    if library not in SYSTEM:
        raise UnknownLibrary(f"{library}: no Debian package is named for it in packaging/bundle/contents.py")
    return SYSTEM[library]


def _of_wheel_or_python(path: PurePosixPath) -> bool:
    return len(path.parts) > 1 or path.name.startswith("libpython3") or ".cpython-" in path.name


def _comes_along(name: str) -> bool:
    """What else was collected is the system's, or was wanted by a plug-in that is left out; `elf` looks again."""
    stem = name.removeprefix("lib").partition(".so")[0]
    ours = stem in INTERPRETER or name.startswith(("libpython3", "libicu", "libpyside6", "libshiboken6"))
    return ours or _RENAMED.search(name) is not None


def is_program(place: str) -> bool:
    """Whether the file at this place of an archive is started rather than read: the one of the program's own name."""
    return PurePosixPath(place).name == PROGRAM and "share" not in PurePosixPath(place).parts
