"""What the screen may read of the desk and ask of it: the typed seam between widgets and exchanges. No widgets."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from app.core.account import AccountBook, FeeSchedule, TradeFee
from app.core.amendment import AmendOffer
from app.core.arming import Arming
from app.core.cancellation import CancellationReceipt
from app.core.effects import Effect
from app.core.frames import Frame, FrameLog
from app.core.freshness import Freshness
from app.core.gate import Gate
from app.core.holds import Hold
from app.core.key_standing import Mark
from app.core.kill_switch import Expiry, KillSwitchState
from app.core.links import LinkStatus
from app.core.market import CandleSeries, TradeTape
from app.core.notices import Notices
from app.core.order_book import OrderBook
from app.core.order_preview import OrderPreview
from app.core.order_tracker import FillRecord, OrderTracker
from app.core.orders import InFlightOrder
from app.core.past import HistoryState
from app.core.reports import Reports
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


class PastOrders(Protocol):
    """How much of an account's past is known; see `HistoryState`."""

    state: HistoryState
    version: int
    orders: int
    fills: int
    """Reports that the loading under way, or the last one, has brought."""
    since_ms: int
    """Exchange time up to which the past is known; 0 before the first loading."""
    reason: str
    """Why the last loading ended early; foreign text."""
    undescribed: int
    """Executions left out because the exchange no longer tells their orders."""

    @property
    def next_days(self) -> int | None:
        """How many days the next wish would reach back; None when there is no further one."""
        ...

    @property
    def kept_days(self) -> int:
        """How long the exchange tells an account's past; 0: it names no limit."""
        ...

    @property
    def order_days(self) -> int:
        """The same of orders alone, where it is shorter than of executions; else 0."""
        ...

    def load_older(self) -> None: ...


class OrderChangesView(Protocol):
    """Changing open orders of one account. Prices quote, amounts whole base amounts (what is filled is included)."""

    def offer(self, order: InFlightOrder) -> AmendOffer:
        """What can be changed now, or why nothing can."""
        ...

    def draft(self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> OrderDraft:
        """The order as it would be, not rounded."""
        ...

    def check(self, order: InFlightOrder, draft: OrderDraft) -> list[Problem]:
        """Why it cannot become this (quantized) order."""
        ...

    def amend(self, order: InFlightOrder, draft: OrderDraft) -> None:
        """Send the change; what becomes of it is in `InFlightOrder.change`. Raises ValueError in the trader's words."""
        ...


class KillSwitchView(Protocol):
    """An exchange's own cancel-all timer of one account; see `KillSwitchState`."""

    least_s: int
    most_s: int
    state: KillSwitchState
    seconds: int
    trouble: str
    """Why it is not armed, renewed or disarmed; foreign text."""
    expiries: list[Expiry]
    version: int

    @property
    def every_s(self) -> float: ...
    def every(self, seconds: int) -> float:
        """Seconds between renewals of a timer of that length."""
        ...

    @property
    def remaining_s(self) -> float:
        """Until it fires; 0 while off."""
        ...

    def beat(self) -> None:
        """The screen is alive: without this it is not renewed."""
        ...

    def arm(self, seconds: int) -> None: ...
    def disarm(self) -> None: ...


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
    def kind(self) -> str:
        """PAPER, LIVE, or LAB for a server of the user's own; in lower case a tone of the theme."""
        ...

    @property
    def no_orders(self) -> str:
        """Why no order can be sent from here at all, or empty; not being signed in is no such reason."""
        ...

    @property
    def asks_by_our_id(self) -> bool:
        """False where only the trader can tell what became of an order without an answer."""
        ...

    @property
    def arming(self) -> Arming:
        """Whether real money may be traded with now."""
        ...

    @property
    def marks(self) -> Sequence[Mark]:
        """Warnings about the account's key."""
        ...

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

    @property
    def new_fields(self) -> Mapping[str, int]:
        """Fields that the exchange began to send, with the message that held each first."""
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
    def history(self) -> PastOrders | None:
        """None without an account."""
        ...

    @property
    def kill_switch(self) -> KillSwitchView | None:
        """None without an account, and where the exchange has none."""
        ...

    @property
    def changes(self) -> OrderChangesView | None:
        """None without an account."""
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

    @property
    def can_preview(self) -> bool:
        """Whether the exchange checks an order without taking it."""
        ...

    def preview(self, draft: OrderDraft) -> Coroutine[Any, Any, OrderPreview]:
        """Have the exchange check the order; nothing is placed."""
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

    @property
    def reports(self) -> Reports | None:
        """What stream and REST say, side by side; None without an account."""
        ...

    @property
    def holds(self) -> Mapping[str, Hold]:
        """What the exchange holds back of each asset, against what open orders explain."""
        ...

    def ask_account(self) -> None: ...
    def take_rest(self, kind: str, key: str) -> Coroutine[Any, Any, None]:
        """Ask again about one "balance" or "order" and believe the answer."""
        ...

    def reconnect(self, link_name: str) -> None:
        """Drop this connection and open it again now."""
        ...

    @property
    def banned_until_ns(self) -> int:
        """Wall time until which the exchange wants nothing from our address; 0 when it does not ban us."""
        ...

    @property
    def via(self) -> str:
        """ "via proxy host:port" where requests and streams go through one, else empty."""
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
    def loop_lag_s(self) -> float:
        """How late the program ran at worst in the last two seconds."""
        ...

    @property
    def log(self) -> FrameLog: ...
    @property
    def notices(self) -> Notices: ...
    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run this in the background; a failure becomes a notice."""
        ...

    def prices_in_usd(self) -> Mapping[str, tuple[Decimal, str]]:
        """Value of one unit and where the price comes from ("Poloniex ticker"), by asset, as of now; unpriced assets
        are not in it.
        """
        ...
