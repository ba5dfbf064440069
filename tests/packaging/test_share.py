"""Menu entry, icons, description and manual, as a desktop looks for them."""

from __future__ import annotations

import configparser
import gzip
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bundle import share
from PySide6.QtGui import QImage

from app.cli import parse

ROOT = Path(__file__).parents[2]
EPOCH = 1_767_225_600


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share")
    share.fill(folder, ROOT, "1.2.3", EPOCH)
    return folder


def test_the_menu_entry_starts_the_program_with_options_it_has(filled: Path) -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(filled / "applications/depthdesk.desktop")
    main = entry["Desktop Entry"]
    assert (main["Type"], main["Name"], main["Icon"], main["Terminal"]) == (
        "Application", "Depthdesk", "depthdesk", "false",
    )  # fmt: skip
    assert main["Categories"].endswith(";")
    assert main["StartupWMClass"] == "depthdesk"
    actions = [name for name in main["Actions"].split(";") if name]
    assert [f"Desktop Action {name}" for name in actions] == entry.sections()[1:]
    for section in entry.sections():
        program, *arguments = entry[section]["Exec"].split()
        assert program == "depthdesk"
        parse(arguments)


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="the validator is not here")
def test_the_validator_is_content(filled: Path) -> None:
    done = subprocess.run(
        ["desktop-file-validate", filled / "applications/depthdesk.desktop"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_icons_of_every_size_show_the_drawing(filled: Path) -> None:
    for size in share.ICON_SIZES:
        image = QImage(str(filled / f"icons/hicolor/{size}x{size}/apps/depthdesk.png"))
        assert (image.width(), image.height()) == (size, size)
        assert image.pixelColor(0, 0).alpha() == 0, "the corner is rounded"
        step = max(1, size // 32)
        seen = {image.pixel(x, y) for x in range(0, size, step) for y in range(0, size, step)}
        assert len(seen) > 20
        middle = image.pixelColor(size // 4, size * 3 // 5)
        assert middle.green() > middle.red(), "bids are green and on the left"
    drawing = filled / "icons/hicolor/scalable/apps/depthdesk.svg"
    assert drawing.read_bytes() == (ROOT / "resources/icons/depthdesk.svg").read_bytes()


def test_the_description_names_this_release(filled: Path) -> None:
    component = ElementTree.parse(filled / "metainfo/depthdesk.metainfo.xml").getroot()
    release = component.find("releases/release")
    assert release is not None and release.attrib == {"version": "1.2.3", "date": "2026-01-01"}
    assert component.findtext("launchable") == "depthdesk.desktop"
    assert component.findtext("project_license") == "Apache-2.0"


def test_manual_and_news_are_packed_without_a_date(filled: Path) -> None:
    manual = (filled / "man/man1/depthdesk.1.gz").read_bytes()
    assert manual[4:8] == bytes(4)
    text = gzip.decompress(manual).decode()
    for command in ("twin", "accounts", "fmz-serve"):
        assert f"depthdesk {command}" in text
    news = gzip.decompress((filled / "doc/depthdesk/NEWS.md.gz").read_bytes())
    assert news == (ROOT / "CHANGELOG.md").read_bytes()


def test_every_part_is_in_the_copyright_with_its_text(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    (texts / "a").mkdir(parents=True)
    (texts / "LICENSE").write_text("first")
    (texts / "a/LICENSE").write_text("second")
    found = [texts / "LICENSE", texts / "a/LICENSE"]
    share.write_copyright(tmp_path / "share", ROOT / "packaging/licenses", ["yarl 1.25.1: Apache-2.0"], {"yarl": found})
    folder = tmp_path / "share/doc/depthdesk"
    assert "\n  yarl 1.25.1: Apache-2.0\n" in (folder / "copyright").read_text()
    assert (folder / "licenses/yarl/LICENSE").read_text() == "first"
    assert (folder / "licenses/yarl/1-LICENSE").read_text() == "second"
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (folder / "licenses/LGPL-3.txt").read_text()
