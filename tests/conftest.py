"""No test ever needs a display, and none keeps the servers of another alive."""

import os
from collections.abc import Iterator

import pytest
from aiohttp import web_app

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True, scope="module")
def past_servers_freed() -> Iterator[None]:
    """aiohttp remembers 1,024 routes behind middlewares, and every route of a twin holds all its markets."""
    yield
    web_app._cached_build_middleware.cache_clear()
