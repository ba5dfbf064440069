"""`make bench`: every figure that the project promises, measured here and now."""

from __future__ import annotations

from tests.bench import book_path, every_exchange, window
from tests.bench.figures import report

if __name__ == "__main__":
    paths = [*book_path.measure(), *every_exchange.measure()]
    report([*paths, *window.under_load(), *window.six_markets(), *window.start(), *window.click()])
