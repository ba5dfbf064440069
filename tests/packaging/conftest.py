"""A folder with one file of each kind, as the frozen program has them."""

from pathlib import Path

import pytest
from bundle.archive import Entry


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    program = tmp_path / "depthdesk"
    program.write_bytes(b"\x7fELF" + bytes(2000))
    program.chmod(0o700)
    library = tmp_path / "libx.so.1"
    library.write_bytes(b"x")
    library.chmod(0o666)
    return [
        Entry("usr/lib/depthdesk/depthdesk", program),
        Entry("usr/lib/depthdesk/_internal/libx.so.1", library),
        Entry("usr/bin/depthdesk", link="../lib/depthdesk/depthdesk"),
    ]
