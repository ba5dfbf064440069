"""Fixtures for tests that drive the window against twins; import them in a conftest."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import qasync
from PySide6.QtWidgets import QApplication

from app.twin_process import TwinLine, TwinProcess
from app.ui import theme as look
from tests.lab.desk import Desk, Play
from tests.lab.fault_proxy import FaultProxy

Story = Callable[[Desk], Coroutine[Any, Any, None]]
Lab = Callable[..., None]
"""`lab(story, line=..., **options of Desk)`: a desk behind a fault proxy, live when the story begins, then closed."""

LONGEST_S = 150


@pytest.fixture
def play(qapp: QApplication) -> Iterator[Play]:
    look.apply(qapp, look.build())
    loop = qasync.QEventLoop(qapp)

    def run(work: Coroutine[Any, Any, None]) -> None:
        loop.run_until_complete(asyncio.wait_for(work, LONGEST_S))
        assert not asyncio.all_tasks(loop)

    yield run
    loop.close()
    # A widget freed later, while another test's loop runs, would be freed in the middle of that test.
    gc.collect()


@pytest.fixture
def lab(play: Play, twin_line: TwinLine, tmp_path: Path) -> Lab:
    def run(story: Story, line: TwinLine = twin_line, **options: Any) -> None:
        play(_run(Desk(tmp_path, FaultProxy(line.rest), **options), line, story))

    return run


async def _run(desk: Desk, line: TwinLine, story: Story) -> None:
    proxy = desk.proxy
    await proxy.start()
    try:
        await desk.open(line)
        try:
            await story(desk)
        finally:
            proxy.heal()
            await desk.close(cancel=False)
    finally:
        await proxy.stop()


@pytest.fixture(scope="module")
def twin_line() -> Iterator[TwinLine]:
    """A Poloniex twin that serves all tests of a file."""
    process = TwinProcess("poloniex", seed=5)
    yield process.read_line()
    process.stop()
