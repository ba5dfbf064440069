"""A market made of real core objects filled by a seeded walk, and small ways to change it. No exchange behind it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from PySide6.QtGui import QColor, QImage

from app.core.freshness import Freshness
from app.core.market import CandleSeries, TradeTape
from app.core.order_book import BookState, OrderBook
from app.core.trading_rule import TradingRule
from app.core.types import BookDiff, BookSnapshot, Candle, Fill, Level, Side, Trade
from app.ui.market_view import OwnOrder

START_MS = 1_795_000_000_000
LIVE = Freshness("live", "LIVE", 0.1)
_INTERVAL_MS = {"1m": 60_000, "5m": 300_000, "1h": 3_600_000, "1d": 86_400_000}


def has_colour(picture: QImage, colour: QColor) -> bool:
    """Whether any pixel has exactly that colour."""
    flat = picture.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(flat.constBits(), np.uint32).reshape(flat.height(), flat.bytesPerLine() // 4)
    return bool(np.any(pixels[:, : flat.width()] & 0xFFFFFF == colour.rgb() & 0xFFFFFF))


def has_green(picture: QImage) -> bool:
    """Whether anything in the picture is greenish, however faded: the colour of a bid in the dark theme."""
    flat = picture.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(flat.constBits(), np.uint8).reshape(flat.height(), flat.bytesPerLine())
    pixels = rows[:, : flat.width() * 3].reshape(-1, 3).astype(int)
    return bool(np.any(pixels[:, 1] - pixels[:, 0] > 30))


class FakeMarket:
    """Satisfies `MarketView`. The best bid is 67000.0 and the best ask 67000.1 until something is changed."""

    def __init__(
        self,
        levels: int = 200,
        trades: int = 500,
        bars: int = 300,
        seed: int = 7,
        tick: str = "0.1",
        mid: str = "67000",
    ) -> None:
        self.random = random.Random(seed)
        self.tick = Decimal(tick)
        self._pair = "BTC-USDT"
        self.is_paper = False
        self.fresh = LIVE
        self.orders: list[OwnOrder] = []
        self.fills: list[Fill] = []
        self.orders_version = 0
        self.trading_rule: TradingRule | None = TradingRule(
            pair=self._pair,
            symbol="BTC_USDT",
            base="BTC",
            quote="USDT",
            min_price_increment=self.tick,
            min_base_amount_increment=Decimal("0.0001"),
        )
        self.order_book: OrderBook | None = OrderBook(self._pair)
        self.trade_tape = TradeTape(self._pair)
        self.series: dict[str, CandleSeries] = {}
        self._bars = bars
        self._mid = Decimal(mid)
        self._last = self._mid
        self._trade_ms = START_MS
        self._frame = 100
        if levels:
            self.snapshot(*self.sides(levels))
        for _ in range(trades):
            self.trade()

    @property
    def pair(self) -> str:
        return self._pair

    @property
    def exchange(self) -> str:
        return "poloniex"

    @property
    def paper(self) -> bool:
        return self.is_paper

    @property
    def kind(self) -> str:
        return "PAPER" if self.is_paper else "LIVE"

    @property
    def rule(self) -> TradingRule | None:
        return self.trading_rule

    @property
    def book(self) -> OrderBook | None:
        return self.order_book

    @property
    def tape(self) -> TradeTape:
        return self.trade_tape

    @property
    def intervals(self) -> Sequence[str]:
        return tuple(_INTERVAL_MS)

    def candles(self, interval: str) -> CandleSeries:
        if interval not in self.series:
            series = self.series[interval] = CandleSeries(self._pair, interval)
            series.backfill(self._walk(interval))
        return self.series[interval]

    def own_orders(self) -> Sequence[OwnOrder]:
        return self.orders

    @property
    def own_orders_version(self) -> int:
        return self.orders_version

    def own_fills(self) -> Sequence[Fill]:
        return self.fills

    def freshness(self) -> Freshness:
        return self.fresh

    def level_frame(self, side: Side, price: str) -> int | None:
        return self.order_book.level_frame(side, price) if self.order_book else None

    # What a test does to the market.

    def sides(self, levels: int) -> tuple[list[Level], list[Level]]:
        def side(sign: int) -> list[Level]:
            price = self._mid if sign < 0 else self._mid + self.tick
            made = []
            for step in range(levels):
                made.append((f"{price:f}", self.amount(1 + step / 40)))
                price += sign * self.tick * (1 if step < 20 else self.random.choice((1, 1, 2, 3)))
            return made

        return side(-1), side(+1)

    def amount(self, weight: float = 1.0) -> str:
        return f"{min(40.0, self.random.lognormvariate(-1.4, 1.1) * weight):.4f}"

    def snapshot(self, bids: list[Level], asks: list[Level]) -> None:
        assert self.order_book is not None
        self._frame += 1
        self.order_book.apply_snapshot(
            BookSnapshot(pair=self._pair, bids=bids, asks=asks, last_id=1, exchange_ms=START_MS, frame=self._frame)
        )
        self.order_book.set_state(BookState.LIVE)

    def change(self, bids: Sequence[Level] = (), asks: Sequence[Level] = ()) -> int:
        """One message of new amounts; returns its frame number."""
        assert self.order_book is not None
        self._frame += 1
        self.order_book.apply_diff(
            BookDiff(pair=self._pair, bids=list(bids), asks=list(asks), exchange_ms=START_MS, frame=self._frame)
        )
        return self._frame

    def stir(self, changes: int = 20) -> None:
        """New amounts at some of the best levels of both sides."""
        assert self.order_book is not None
        bids, asks = self.order_book.top(60)
        self.change(
            [(price, self.amount()) for price, _ in self.random.sample(bids, min(changes, len(bids)))],
            [(price, self.amount()) for price, _ in self.random.sample(asks, min(changes, len(asks)))],
        )

    def trade(
        self, price: str | None = None, amount: str | None = None, taker: Side | None = None, ms: int | None = None
    ) -> Trade:
        self._last += self.random.choice((-1, 0, 0, 1)) * self.tick
        self._trade_ms += self.random.choice((0, 3, 40, 170, 600))
        self._frame += 1
        made = Trade(
            pair=self._pair,
            trade_id=str(self.trade_tape.total + 1),
            taker=taker or self.random.choice((Side.BUY, Side.SELL)),
            price=price or f"{self._last:f}",
            amount=amount or self.amount(),
            exchange_ms=ms or self._trade_ms,
            frame=self._frame,
        )
        self.trade_tape.add(made)
        return made

    def own(self, side: Side, price: str, remaining: str) -> OwnOrder:
        order = OwnOrder(f"own-{len(self.orders)}", side, Decimal(price), Decimal(remaining))
        self.orders.append(order)
        self.orders_version += 1
        return order

    def fill(self, side: Side, price: str, amount: str, ms: int) -> None:
        self.fills.append(
            Fill(
                pair=self._pair,
                exchange_order_id="1",
                trade_id=str(len(self.fills)),
                side=side,
                price=Decimal(price),
                amount=Decimal(amount),
                exchange_ms=ms,
            )
        )
        self.orders_version += 1

    def tick_bar(self, interval: str = "1m", close: str | None = None) -> Candle:
        """The forming bar moves."""
        series = self.candles(interval)
        bar = series.candles[-1]
        price = Decimal(close) if close else Decimal(bar.close) + self.random.choice((-2, -1, 0, 1, 2)) * self.tick
        moved = Candle(
            pair=bar.pair,
            interval=interval,
            start_ms=bar.start_ms,
            open=bar.open,
            high=f"{max(Decimal(bar.high), price):f}",
            low=f"{min(Decimal(bar.low), price):f}",
            close=f"{price:f}",
            volume=f"{Decimal(bar.volume) + Decimal(self.amount()):f}",
        )
        series.add(moved)
        return moved

    def _walk(self, interval: str) -> list[Candle]:
        step_ms = _INTERVAL_MS[interval]
        first = (START_MS // step_ms - self._bars + 1) * step_ms
        swing = 60 * (step_ms / 60_000) ** 0.5
        closes, drift = [], 0.0
        level = 0.0
        for _ in range(self._bars):
            drift = 0.92 * drift + self.random.gauss(0, 0.12)
            level += self.random.gauss(drift, 0.55)
            closes.append(level)
        shift = closes[-1] if closes else 0.0
        made, before = [], None
        for at, close in enumerate(closes):
            end = self._price((close - shift) * swing)
            start = before if before is not None else end
            reach = Decimal(str(round(abs(self.random.gauss(0, 0.5)) * swing, 1)))
            drop = Decimal(str(round(abs(self.random.gauss(0, 0.5)) * swing, 1)))
            made.append(
                Candle(
                    pair=self._pair,
                    interval=interval,
                    start_ms=first + at * step_ms,
                    open=f"{start:f}",
                    high=f"{max(start, end) + reach:f}",
                    low=f"{min(start, end) - drop:f}",
                    close=f"{end:f}",
                    volume=f"{self.random.lognormvariate(2.0, 0.6) * (1 + abs(float(end - start)) / swing):.4f}",
                )
            )
            before = end
        return made

    def _price(self, offset: float) -> Decimal:
        return self._mid + Decimal(round(offset / float(self.tick))) * self.tick
