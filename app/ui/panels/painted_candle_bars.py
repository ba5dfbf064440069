"""Bars as arrays for drawing, brought up to date cheaply, and the rectangles they become. Pixels only; no painting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.market import CandleSeries
from app.core.types import Candle

Floats = NDArray[np.float64]
START, OPEN, HIGH, LOW, CLOSE, VOLUME = range(6)


class Bars:
    """Columns start (ms), open, high, low, close, volume (base); `closed_version` is that of all but the last."""

    def __init__(self) -> None:
        self.candles: list[Candle] = []
        self.table: Floats = np.empty((0, 6))
        self.closed_version = 0
        self.step_ms = 60_000.0
        self._seen: tuple[int, int] | None = None
        self._first: Candle | None = None
        self._before_last: Candle | None = None

    def __len__(self) -> int:
        return len(self.table)

    def forget(self) -> None:
        self.candles, self.table, self._seen = [], np.empty((0, 6)), None
        self.closed_version += 1

    def take(self, series: CandleSeries) -> bool:
        """Returns whether anything changed."""
        seen = (id(series), series.version)
        if seen == self._seen:
            return False
        same_series = self._seen is not None and self._seen[0] == seen[0]
        self._seen = seen
        candles = self.candles = series.candles
        count = len(candles)
        if (
            same_series
            and count == len(self.table) > 1
            and candles[0] is self._first
            and candles[-2] is self._before_last
        ):
            self.table[-1] = _row(candles[-1])
            return True
        self.table = np.array([_row(candle) for candle in candles], dtype=np.float64).reshape(count, 6)
        self.closed_version += 1
        self._first = candles[0] if candles else None
        self._before_last = candles[-2] if count > 1 else None
        if count > 1:
            self.step_ms = float(np.median(np.diff(self.table[:, START]))) or 60_000.0
        return True

    def x(self, ms: float) -> float:
        """Place of a time on the axis, counted in bars from the first."""
        # Plain floats and bools: a numpy bool given to a Qt signal crashes PySide 6.11.
        return float((ms - self.table[0, START]) / self.step_ms) if len(self.table) else 0.0

    def ms(self, x: float) -> float:
        return float(self.table[0, START] + x * self.step_ms) if len(self.table) else 0.0

    def xs(self) -> Floats:
        return (self.table[:, START] - self.table[0, START]) / self.step_ms if len(self.table) else np.empty(0)

    def between(self, left: float, right: float) -> tuple[int, int]:
        """First and one past the last bar that touches that part of the axis."""
        xs = self.xs()
        return int(np.searchsorted(xs, left - 1)), int(np.searchsorted(xs, right + 1))

    def nearest(self, x: float) -> int:
        """The bar closest to that place; -1 without bars."""
        xs = self.xs()
        if not len(xs):
            return -1
        at = int(np.searchsorted(xs, x))
        return at - 1 if at == len(xs) or (at > 0 and x - xs[at - 1] <= xs[at] - x) else at


def _row(candle: Candle) -> tuple[float, ...]:
    return (
        float(candle.start_ms),
        float(candle.open),
        float(candle.high),
        float(candle.low),
        float(candle.close),
        float(candle.volume),
    )


class Scale(NamedTuple):
    """From values to pixels: x = x0 + bar * per_bar, y = y0 - price * per_price, volumes grow up from `floor`."""

    x0: float
    per_bar: float
    y0: float
    per_price: float
    floor: int
    per_volume: float


Box = tuple[int, int, int, int]


class Boxes(NamedTuple):
    """Rectangles (x, y, width, height) in pixels of up bars and of down bars."""

    up: list[Box]
    down: list[Box]
    volume_up: list[Box]
    volume_down: list[Box]


def boxes(table: Floats, xs: Floats, scale: Scale) -> Boxes:
    """Wick and body of each bar, and its volume. A bar that closes where it opened counts as up."""
    if not len(table):
        return Boxes([], [], [], [])
    body = body_width(scale.per_bar)
    middle = np.rint(scale.x0 + xs * scale.per_bar).astype(int)
    ups = table[:, CLOSE] >= table[:, OPEN]

    def y(column: Floats) -> NDArray[np.int_]:
        return np.rint(scale.y0 - column * scale.per_price).astype(int)

    high, low, one, two = y(table[:, HIGH]), y(table[:, LOW]), y(table[:, OPEN]), y(table[:, CLOSE])
    top, bottom = np.minimum(one, two), np.maximum(one, two)
    wicks = np.column_stack((middle, high, np.ones_like(middle), np.maximum(1, low - high + 1)))
    left = middle - body // 2
    wide = np.full_like(middle, body)
    bodies = np.column_stack((left, top, wide, np.maximum(1, bottom - top + 1)))
    tall = np.rint(table[:, VOLUME] * scale.per_volume).astype(int)
    tall = np.maximum(tall, table[:, VOLUME] > 0)
    volumes = np.column_stack((left, scale.floor - tall, wide, tall))
    # Bodies one pixel wide are drawn by their wicks alone.
    parts = [wicks, bodies] if body > 1 else [wicks]

    def listed(which: NDArray[np.bool_]) -> list[Box]:
        return [tuple(box) for part in parts for box in part[which].tolist()]

    return Boxes(
        listed(ups),
        listed(~ups),
        [tuple(box) for box in volumes[ups].tolist()],
        [tuple(box) for box in volumes[~ups].tolist()],
    )


def body_width(per_bar: float) -> int:
    """Odd, so that the wick is in the middle; about seven tenths of the room."""
    wide = int(per_bar * 0.72)
    return max(1, wide - 1 + wide % 2) if wide > 2 else max(1, min(wide, 1))


def volume_top(table: Floats, first: int, last: int) -> float:
    """The largest volume of those bars, rounded up in steps of a quarter, so that a growing bar rarely rescales all."""
    most = float(table[first:last, VOLUME].max()) if last > first else 0.0
    return float(1.25 ** np.ceil(np.log(most) / np.log(1.25) - 1e-9)) if most > 0 else 0.0


def price_span(table: Floats, first: int, last: int) -> tuple[float, float]:
    """Lowest and highest price of those bars, opened up where they are equal."""
    part = table[first:last]
    if not len(part):
        return 0.0, 1.0
    low, high = float(part[:, LOW].min()), float(part[:, HIGH].max())
    if high <= low:
        reach = abs(high) * 0.001 or 1.0
        low, high = low - reach, high + reach
    return low, high
