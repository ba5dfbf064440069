"""The two depth curves as pixels, and the exact cost of walking one. Floats become pixels only; money stays Decimal."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.types import Level

Floats = NDArray[np.float64]


_REMEMBER = 200_000


class _Floats(dict[str, float]):
    """Most levels keep their strings from frame to frame: looking one up is three times cheaper than reading it."""

    def __missing__(self, text: str) -> float:
        value = self[text] = float(text)
        return value


_known = _Floats()


class Curve(NamedTuple):
    """One side inside the range, best first: prices, cumulated base amounts; `ends` if the known book ends inside."""

    prices: Floats
    totals: Floats
    ends: bool

    def __bool__(self) -> bool:
        return bool(len(self.prices))


def curve(levels: Sequence[Level], limit: float, buy: bool) -> Curve:
    """The levels of a side up to the price `limit`."""
    sign = -1.0 if buy else 1.0
    count = bisect_right(levels, sign * limit, key=lambda level: sign * float(level[0]))
    if len(_known) > _REMEMBER:
        _known.clear()
    flat = np.fromiter(map(_known.__getitem__, chain.from_iterable(levels[:count])), np.float64, 2 * count)
    return Curve(flat[0::2], np.cumsum(flat[1::2]), count == len(levels))


def steps(xs: Floats, ys: Floats, edge: float | None, floor: float) -> tuple[Floats, Floats]:
    """A step polygon in pixels through levels at `xs` (best first) of heights `ys`, one corner pair per pixel column.

    It starts on `floor` at the best price and runs on to `edge`, or drops to the floor where the book ends (None).
    """
    columns = np.rint(xs)
    keep = np.empty(len(columns), dtype=bool)
    keep[-1] = True
    np.not_equal(columns[:-1], columns[1:], out=keep[:-1])
    xs, ys = columns[keep], ys[keep]
    x = np.repeat(xs, 2)
    y = np.empty(2 * len(ys))
    y[0], y[1::2], y[2::2] = floor, ys, ys[:-1]
    if edge is not None:
        x, y = np.append(x, (edge, edge)), np.append(y, (ys[-1], floor))
    else:
        x, y = np.append(x, x[-1]), np.append(y, floor)
    return x, y


class Reach(NamedTuple):
    """What a market order takes that walks one side as far as `price`.

    `slippage` is the mean's distance from the best price as a fraction of it; `distance` that of `price` from the mid.
    """

    price: str
    base: Decimal
    quote: Decimal
    average: Decimal
    slippage: Decimal
    distance: Decimal


def reach(levels: Sequence[Level], count: int, mid: Decimal) -> Reach | None:
    """Exact, over the best `count` levels of a side."""
    base = quote = Decimal(0)
    for price, amount in levels[:count]:
        size = Decimal(amount)
        base += size
        quote += size * Decimal(price)
    if not base or not mid:
        return None
    best, last = Decimal(levels[0][0]), levels[count - 1][0]
    average = quote / base
    return Reach(last, base, quote, average, abs(average - best) / best, (Decimal(last) - mid) / mid)


class Held:
    """The largest value of the last two seconds, so that a scale does not pump."""

    def __init__(self, keep_ns: int = 2_000_000_000) -> None:
        self._keep_ns = keep_ns
        self._values: deque[tuple[int, float]] = deque()

    def add(self, now_ns: int, value: float) -> float:
        values = self._values
        while values and now_ns - values[0][0] > self._keep_ns:
            values.popleft()
        while values and values[-1][1] <= value:
            values.pop()
        values.append((now_ns, value))
        return values[0][1]

    def clear(self) -> None:
        self._values.clear()
