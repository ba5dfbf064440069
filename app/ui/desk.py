"""What the screen may read of the desk and ask of it: the typed seam between widgets and exchanges. No widgets."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from app.core.account import AccountBook, FeeSchedule, TradeFee
from app.core.cancellation import CancellationReceipt
from app.core.effects import Effect
from app.core.frames import Frame, FrameLog
from app.core.freshness import Freshness
from app.core.gate import Gate
from app.core.links import LinkStatus
from app.core.market import CandleSeries, TradeTape
from app.core.notices import Notices
from app.core.order_book import OrderBook
from app.core.order_tracker import FillRecord, OrderTracker
from app.core.requests import SignedRequest
from app.core.trading_rule import OrderDraft, Problem, TradingRule
from app.core.types import Side, Ticker


class FeedStatus(Protocol):
    """Figures of one book stream."""

    pair: str
    gaps: int
    resyncs: int
    crossed: int
    messages: int
    last_recv_ns: int


class ExchangeView(Protocol):
    """One exchange, or one account on it. Everything is read by version; nothing here blocks."""

    @property
    def key(self) -> str:
        """Unique on the desk: "poloniex", or "poloniex:label" for a named account."""
        ...

    @property
    def title(self) -> str: ...
    @property
    def paper(self) -> bool: ...
    @property
    def has_account(self) -> bool: ...
    @property
    def ready(self) -> bool: ...
    @property
    def status_dict(self) -> Mapping[str, bool]: ...
    @property
    def links(self) -> Sequence[LinkStatus]: ...
    @property
    def trading_rules(self) -> Mapping[str, TradingRule]: ...
    @property
    def trading_rules_version(self) -> int: ...
    @property
    def tickers(self) -> Mapping[str, Ticker]: ...
    @property
    def tickers_version(self) -> int: ...
    @property
    def order_books(self) -> Mapping[str, OrderBook]: ...
    @property
    def feeds(self) -> Mapping[str, FeedStatus]: ...
    @property
    def intervals(self) -> Sequence[str]: ...
    def tape(self, pair: str) -> TradeTape: ...
    def candles(self, pair: str, interval: str) -> CandleSeries: ...
    def watch(self, pair: str) -> None:
        """Track this market's book and trades from now on."""
        ...

    def unwatch(self, pair: str) -> None: ...
    def freshness(self, pair: str) -> Freshness: ...
    def account_freshness(self) -> Freshness:
        """How far balances and orders can be trusted; words such as "stream, 0.4 s" or "polled, 5 s ago"."""
        ...

    def level_frame(self, pair: str, side: Side, price: str) -> int | None: ...
    def explain(self, frame: Frame) -> Sequence[Effect]:
        """Read the frame again: what our source makes of it. Empty for messages that carry nothing."""
        ...

    @property
    def account(self) -> AccountBook: ...
    @property
    def orders(self) -> OrderTracker: ...
    @property
    def fills(self) -> Sequence[FillRecord]:
        """Every execution known, oldest first."""
        ...

    @property
    def fees(self) -> FeeSchedule: ...
    def quantize(self, draft: OrderDraft) -> OrderDraft: ...
    def check(self, draft: OrderDraft) -> list[Problem]:
        """Why the (quantized) order would be refused: market rules and free balance."""
        ...

    def gate(self, draft: OrderDraft, despite: Iterable[str] = ()) -> Gate: ...
    def get_fee(self, draft: OrderDraft) -> TradeFee | None: ...
    def dry_run(self, draft: OrderDraft) -> SignedRequest:
        """The request as it would leave now, with the text that is signed; the signature itself is redacted."""
        ...

    def submit(self, draft: OrderDraft, despite: Iterable[str] = ()) -> str:
        """Place the order; returns our client order id at once. Its row is in `orders` before this returns.

        `despite`: orders in doubt that the trader has looked for elsewhere.
        """
        ...

    def check_order_now(self, key: str) -> None:
        """Ask at once for an order whose outcome is unknown."""
        ...

    def archive_order(self, key: str) -> None:
        """Put away an order that the exchange does not know."""
        ...

    def cancel(self, key: str) -> Coroutine[Any, Any, CancellationReceipt]: ...
    def cancel_all(
        self, pair: str | None = None, side: Side | None = None, keys: Iterable[str] | None = None
    ) -> Coroutine[Any, Any, CancellationReceipt]:
        """Cancel every open order that matches; the receipt tells each one's outcome."""
        ...

    def reconnect(self, link_name: str) -> None:
        """Drop this connection and open it again now."""
        ...

    @property
    def clock_offset_ms(self) -> float | None: ...
    @property
    def clock_bound_ms(self) -> float | None: ...
    def rate_usage(self) -> Mapping[str, float]:
        """Share of each request budget in use, 0 to 1."""
        ...


class Desk(Protocol):
    """All connected exchanges and accounts."""

    @property
    def exchanges(self) -> Mapping[str, ExchangeView]: ...
    @property
    def log(self) -> FrameLog: ...
    @property
    def notices(self) -> Notices: ...
    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run this in the background; a failure becomes a notice."""
        ...

    def price_in_usd(self, asset: str) -> tuple[Decimal, str] | None:
        """Value of one unit and where the price comes from ("BTC-USDT, poloniex ticker"), or None when unpriced."""
        ...
