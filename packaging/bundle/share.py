"""The files that a desktop looks for: menu entry, icons, description for software centres, manual, copyright."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
_NAME = "depthdesk"


def fill(share: Path, root: Path, version: str, epoch: int) -> None:
    """Write the folder that becomes /usr/share, but what `write_copyright` adds. `root` is the checkout."""
    linux = root / "packaging/linux"
    _write(share / f"applications/{_NAME}.desktop", (linux / f"{_NAME}.desktop").read_bytes())
    _write(share / f"metainfo/{_NAME}.metainfo.xml", metainfo(linux, version, epoch).encode())
    _write(share / f"man/man1/{_NAME}.1.gz", _gzip((linux / f"{_NAME}.1").read_bytes()))
    _write(share / f"doc/{_NAME}/NEWS.md.gz", _gzip((root / "CHANGELOG.md").read_bytes()))
    drawing = root / f"resources/icons/{_NAME}.svg"
    _write(share / f"icons/hicolor/scalable/apps/{_NAME}.svg", drawing.read_bytes())
    paint_icons(drawing, share / "icons/hicolor")


def metainfo(linux: Path, version: str, epoch: int) -> str:
    text = (linux / f"{_NAME}.metainfo.xml").read_text()
    day = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d")
    return text.replace("@VERSION@", version).replace("@DATE@", day)


def paint_icons(drawing: Path, theme: Path) -> None:
    """One PNG of each of ICON_SIZES under `theme`, painted by Qt from the SVG. Needs no QApplication."""
    from PySide6.QtCore import QRectF, Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    renderer = QSvgRenderer(str(drawing))
    for size in ICON_SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        place = theme / f"{size}x{size}/apps/{_NAME}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        if not image.save(str(place)):
            raise OSError(f"cannot write {place}")


def write_copyright(share: Path, licences: Path, parts: Iterable[str], texts: dict[str, list[Path]]) -> None:
    """`parts` are lines naming each part with its licence; `texts` the licence files of each part."""
    folder = share / f"doc/{_NAME}"
    told = [
        "Depthdesk is under the Apache License, Version 2.0: /usr/share/common-licenses/Apache-2.0 on Debian,",
        "https://www.apache.org/licenses/LICENSE-2.0 elsewhere.",
        "",
        "It comes with these parts, each under its own licence, whose text is in the folder licenses beside this file:",
        "",
        *(f"  {part}" for part in parts),
        "",
        "Qt, PySide6 and Shiboken are used under the LGPL, version 3 (licenses/LGPL-3.txt, which builds on",
        "licenses/GPL-3.txt), unmodified, as shared libraries in _internal/PySide6 and _internal/shiboken6: they may",
        "be replaced by your own build of the same version. Their source is at https://download.qt.io/official_releases/.",
    ]
    _write(folder / "copyright", ("\n".join(told) + "\n").encode())
    for text in sorted(licences.iterdir()):
        _write(folder / "licenses" / text.name, text.read_bytes())
    for part, files in sorted(texts.items()):
        for index, file in enumerate(files):
            name = file.name if index == 0 else f"{index}-{file.name}"
            _write(folder / "licenses" / part / name, file.read_bytes())


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


def _write(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def clean(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
