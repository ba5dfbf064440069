"""Keeps keys out of core files and away from other programs' debuggers. Nothing else of the process is changed."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """No core file after a crash, and on Linux no attaching by other programs of the same user."""
    if sys.platform == "win32":
        return
    import resource

    # A container may forbid even the lowering of a limit; the key matters less than starting at all.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
