"""How much memory this program holds, by the system's account."""

from __future__ import annotations

import os
import sys

if sys.platform == "linux":

    def resident_bytes() -> int:
        """0 where the system does not tell."""
        try:
            with open("/proc/self/statm", "rb") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return 0

else:

    def resident_bytes() -> int:
        """The most it ever held, as nothing else is told here; 0 where not even that is."""
        try:
            import resource
        except ImportError:
            return 0
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
