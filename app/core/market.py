"""What a market shows besides its book: the newest trades and the bars. No charts, no I/O."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator

from app.core.types import Candle, Trade


class TradeTape:
    """The newest public trades of one pair, oldest first; a trade id is taken only once."""

    def __init__(self, pair: str, keep: int = 10_000) -> None:
        self.pair = pair
        self.version = 0
        self.total = 0
        """Trades taken since the start, also those no longer kept."""
        self.repeated = 0
        self._trades: deque[Trade] = deque(maxlen=keep)
        self._ids: deque[str] = deque()
        self._seen: set[str] = set()
        self._keep = keep

    def __len__(self) -> int:
        return len(self._trades)

    def __iter__(self) -> Iterator[Trade]:
        return iter(self._trades)

    @property
    def last(self) -> Trade | None:
        return self._trades[-1] if self._trades else None

    def newest(self, n: int) -> list[Trade]:
        """The newest `n`, newest first."""
        count = min(n, len(self._trades))
        newest = reversed(self._trades)
        return [next(newest) for _ in range(count)]

    def add(self, trade: Trade) -> bool:
        """Returns whether the trade was new."""
        if trade.trade_id and trade.trade_id in self._seen:
            self.repeated += 1
            return False
        if trade.trade_id:
            self._seen.add(trade.trade_id)
            self._ids.append(trade.trade_id)
            if len(self._ids) > self._keep:
                self._seen.discard(self._ids.popleft())
        self._trades.append(trade)
        self.total += 1
        self.version += 1
        return True

    def backfill(self, trades: Iterable[Trade]) -> None:
        """Older trades, fetched after the stream began; those already here are kept."""
        older: list[Trade] = []
        for trade in trades:
            if trade.trade_id not in self._seen:
                older.append(trade)
                if trade.trade_id:
                    self._seen.add(trade.trade_id)
        merged = sorted([*older, *self._trades], key=lambda trade: trade.exchange_ms)
        self._trades = deque(merged, maxlen=self._keep)
        self._ids = deque(trade.trade_id for trade in self._trades if trade.trade_id)
        self._seen = set(self._ids)
        self.total += len(older)
        self.version += 1


class CandleSeries:
    """Bars of one pair and interval, oldest first, one per start time; the last one is still forming."""

    def __init__(self, pair: str, interval: str, keep: int = 2_000) -> None:
        self.pair = pair
        self.interval = interval
        self.version = 0
        self.candles: list[Candle] = []
        self._keep = keep

    def add(self, candle: Candle) -> None:
        """Insert the bar, or replace the one with the same start."""
        candles = self.candles
        index = bisect_left(candles, candle.start_ms, key=lambda bar: bar.start_ms)
        if index < len(candles) and candles[index].start_ms == candle.start_ms:
            candles[index] = candle
        else:
            candles.insert(index, candle)
            del candles[: -self._keep]
        self.version += 1

    def backfill(self, candles: Iterable[Candle]) -> None:
        """Bars fetched over REST; a bar already set by the stream is newer and stays."""
        known = {candle.start_ms: candle for candle in candles}
        known.update((candle.start_ms, candle) for candle in self.candles)
        self.candles = [known[start] for start in sorted(known)][-self._keep :]
        self.version += 1
