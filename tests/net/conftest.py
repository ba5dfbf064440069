"""Fixtures for the tests of app/net; what they are made of is in loopback.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.net.loopback import Certificate, VirtualTime, Wire


@pytest.fixture
def virtual() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path, "Grey Proxy Ltd")
