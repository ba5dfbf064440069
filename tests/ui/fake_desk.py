"""A desk without a network for widget tests: real core objects, answers on command. No Qt, no asyncio.

`FakeDesk()` with `desk.add("poloniex", paper=True)` gives an exchange; fill it with `market`, `book`, `give`, `order`,
`fill`; what the screen asked for is in `submitted`, `cancel_asked` and `reconnected`. Times come from `desk.clock`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from app.core import gate as gates
from app.core import trading_rule
from app.core.account import AccountBook, FeeSchedule, TradeFee, estimate_fee
from app.core.arming import Arming
from app.core.cancellation import CancellationReceipt, CancellationResult, CancelOutcome
from app.core.clock import NS_PER_MS, ManualClock
from app.core.effects import Effect
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.freshness import Freshness
from app.core.gate import Gate
from app.core.key_standing import Mark
from app.core.links import LinkState, LinkStatus
from app.core.market import CandleSeries, TradeTape
from app.core.notices import Notices
from app.core.order_book import BookState, OrderBook
from app.core.order_tracker import FillRecord, OrderTracker
from app.core.orders import InFlightOrder, OrderIntent
from app.core.past import HistoryState
from app.core.requests import SignedRequest
from app.core.trading_rule import OrderDraft, Problem, TradingRule
from app.core.types import (
    Balance,
    BookSnapshot,
    Fill,
    OrderType,
    OrderUpdate,
    Side,
    Ticker,
    TimeInForce,
    VenueState,
)

START_MS = 1_760_000_000_000
"""2025-10-09 08:53:20 UTC, where the desk's clock starts."""


class FakeFeed(Struct):
    pair: str
    gaps: int = 0
    resyncs: int = 0
    crossed: int = 0
    messages: int = 0
    last_recv_ns: int = 0


class FakePast:
    """Satisfies `app.ui.desk.PastOrders`; `load_older` is only counted."""

    def __init__(self) -> None:
        self.state = HistoryState.WAITING
        self.version = 0
        self.orders = self.fills = self.since_ms = self.undescribed = self.kept_days = self.order_days = 0
        self.reason = ""
        self.next_days: int | None = 7
        self.asked = 0

    def tell(self, state: HistoryState, **facts: Any) -> None:
        self.state = state
        for name, value in facts.items():
            setattr(self, name, value)
        self.version += 1

    def load_older(self) -> None:
        self.asked += 1


class _Held:
    """Awaiting it parks the coroutine until `FakeDesk.release`."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class FakeExchange:
    """One account on one exchange; satisfies `app.ui.desk.ExchangeView`."""

    def __init__(self, desk: FakeDesk, key: str, title: str, paper: bool, has_account: bool) -> None:
        self._desk = desk
        self.key = key
        self.title = title
        self.paper = paper
        self.kind = "PAPER" if paper else "LIVE"
        self.no_orders = ""
        self.marks: tuple[Mark, ...] = ()
        self.arming = Arming(needed=False)
        self.asks_by_our_id = True
        self.has_account = has_account
        self.ready = True
        self.status_dict: dict[str, bool] = {"order books": True, "trading rules": True, "account": has_account}
        self.links: list[LinkStatus] = [LinkStatus(f"{key}/public", f"wss://{key}.invalid/public")]
        self.links[0].note(desk.clock.wall_ns(), LinkState.LIVE)
        self.trading_rules: dict[str, TradingRule] = {}
        self.trading_rules_version = 0
        self.tickers: dict[str, Ticker] = {}
        self.tickers_version = 0
        self.order_books: dict[str, OrderBook] = {}
        self.feeds: dict[str, FakeFeed] = {}
        self.new_fields: dict[str, int] = {}
        self.intervals: tuple[str, ...] = ("1m", "5m", "1h", "1d")
        self.account = AccountBook()
        self.orders = OrderTracker()
        self._fills: list[FillRecord] = []
        self.orders.filled.connect(self._fills.append)
        self.history: FakePast | None = FakePast() if has_account else None
        self.fees = FeeSchedule(maker=Decimal("0.001"), taker=Decimal("0.002"), source="account tier")
        self.banned_until_ns = 0
        self.via = ""
        self.clock_offset_ms: float | None = 12.0
        self.clock_bound_ms: float | None = 20.0
        self.rates: dict[str, float] = {"orders": 0.1}
        self.watched: list[str] = []
        self.stale: dict[str, Freshness] = {}
        self.account_fresh = Freshness("live", "stream, 0.4 s", 0.4)
        self.gate_now = gates.OPEN
        self.explained: dict[int, list[Effect]] = {}
        self.submitted: list[OrderDraft] = []
        self.consents: list[str] = []
        self.checked: list[str] = []
        self.cancel_asked: list[str] = []
        self.cancel_outcomes: dict[str, tuple[CancelOutcome, str]] = {}
        """What becomes of a cancel of that order key; the default is CANCELED."""
        self.hold_cancels = False
        self.reconnected: list[str] = []
        self.can_preview = False
        self.kill_switch: Any = None
        self.changes: Any = None
        """Tests of changing orders put something here that satisfies `OrderChangesView`."""
        self._tapes: dict[str, TradeTape] = {}
        self._candles: dict[tuple[str, str], CandleSeries] = {}
        self._number = 0

    # -- what tests set up ---------------------------------------------------------------------------------------------

    def market(self, pair: str, tick: str = "0.01", lot: str = "0.0001", **limits: Any) -> TradingRule:
        """List a market; `limits` are further fields of `TradingRule`."""
        base, quote = pair.split("-")
        rule = TradingRule(
            pair=pair,
            symbol=f"{base}_{quote}",
            base=base,
            quote=quote,
            min_price_increment=Decimal(tick),
            min_base_amount_increment=Decimal(lot),
            **{"frame": self.frame(b'{"symbol":"%s_%s"}' % (base.encode(), quote.encode())).seq, **limits},
        )
        self.trading_rules[pair] = rule
        self.trading_rules_version += 1
        return rule

    def book(self, pair: str, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> OrderBook:
        """Replace the book; best level first or not, as the wire would."""
        book = self.order_books.setdefault(pair, OrderBook(pair))
        frame = self.frame(b'{"channel":"book_lv2"}')
        book.apply_snapshot(BookSnapshot(pair=pair, bids=list(bids), asks=list(asks), frame=frame.seq))
        book.set_state(BookState.LIVE)
        self.feeds.setdefault(pair, FakeFeed(pair)).messages += 1
        return book

    def ticker(self, pair: str, last: str, **more: Any) -> Ticker:
        ticker = Ticker(pair=pair, last=Decimal(last), exchange_ms=self.now_ms, **more)
        self.tickers[pair] = ticker
        self.tickers_version += 1
        return ticker

    def give(self, asset: str, total: str, available: str | None = None, source: str = "stream") -> Balance:
        """Report a balance; without `available` all of it is free."""
        frame = self.frame(b'{"currency":"%s"}' % asset.encode(), "private")
        balance = Balance(
            asset=asset,
            total=Decimal(total),
            available=Decimal(total if available is None else available),
            exchange_ms=self.now_ms,
            frame=frame.seq,
            source=source,
        )
        self.account.apply(balance)
        return balance

    def order(
        self,
        pair: str,
        side: Side = Side.BUY,
        price: str | None = "100",
        amount: str | None = "1",
        *,
        type: OrderType = OrderType.LIMIT,
        state: VenueState | None = VenueState.OPEN,
        filled: str | None = None,
        external: bool = False,
        reason: str = "",
        stop_price: str | None = None,
    ) -> InFlightOrder:
        """An order and the exchange's report about it; `state=None` leaves it SUBMITTING."""
        update_only: dict[str, Any] = {
            "pair": pair,
            "side": side,
            "type": type,
            "price": None if price is None else Decimal(price),
            "amount": None if amount is None else Decimal(amount),
            "stop_price": None if stop_price is None else Decimal(stop_price),
        }
        if external and state is not None:
            return self.report(
                exchange_order_id=self._next_id(900_000), state=state, filled=filled, reason=reason, **update_only
            )
        order = self._start(OrderDraft(time_in_force=TimeInForce.GTC, **update_only))
        if state is not None:
            self.report(order, state=state, filled=filled, reason=reason)
        return order

    def report(
        self, order: InFlightOrder | None = None, *, state: VenueState, filled: str | None = None, **fields: Any
    ) -> InFlightOrder:
        """An order report from the private stream, with its frame."""
        frame = self.frame(b'{"channel":"orders","state":"%s"}' % state.value.encode(), "private")
        if order is not None:
            fields.setdefault("exchange_order_id", order.exchange_order_id or self._next_id(100_000))
            fields |= {"client_order_id": order.client_order_id, "pair": order.pair}
        update = OrderUpdate(
            state=state,
            filled=None if filled is None else Decimal(filled),
            venue_word=state.name,
            exchange_ms=self.now_ms,
            frame=frame.seq,
            source="stream",
            **fields,
        )
        return self.orders.apply(update, self.now_ms)

    def fill(
        self,
        order: InFlightOrder,
        price: str,
        amount: str,
        *,
        fee: str | None = "0.001",
        fee_asset: str = "USDT",
        maker: bool | None = True,
    ) -> Fill:
        """An execution of that order, with its frame."""
        fill = Fill(
            pair=order.pair,
            exchange_order_id=order.exchange_order_id,
            client_order_id=order.client_order_id,
            trade_id=self._next_id(500_000),
            side=order.side,
            price=Decimal(price),
            amount=Decimal(amount),
            fee=None if fee is None else Decimal(fee),
            fee_asset=fee_asset,
            maker=maker,
            exchange_ms=self.now_ms,
            id_space="stream",
            frame=self.frame(b'{"channel":"orders","tradeId":"%d"}' % self._number, "private").seq,
        )
        self.orders.apply_fill(fill, self.now_ms)
        return fill

    def lose_answer(self, order: InFlightOrder, reason: str = "no answer within 5 s") -> None:
        """The order becomes UNKNOWN."""
        order.mark_ambiguous(self.now_ms, reason, self.frame(b"", "rest", FrameKind.CONTROL).seq)
        self.orders.touch(order)

    def reject(self, order: InFlightOrder, reason: str) -> None:
        order.mark_rejected(self.now_ms, reason, self.frame(b'{"code":21604}', "rest", FrameKind.REST).seq)
        self.orders.touch(order)

    def frame(self, payload: bytes, link: str = "public", kind: FrameKind = FrameKind.WS) -> Frame:
        return self._desk.log.add(f"{self.key}/{link}", 1, Direction.IN, kind, payload)

    @property
    def now_ms(self) -> int:
        return self._desk.clock.wall_ns() // NS_PER_MS

    # -- what the screen reads and asks (ExchangeView) -----------------------------------------------------------------

    def tape(self, pair: str) -> TradeTape:
        return self._tapes.setdefault(pair, TradeTape(pair))

    def candles(self, pair: str, interval: str) -> CandleSeries:
        return self._candles.setdefault((pair, interval), CandleSeries(pair, interval))

    def watch(self, pair: str) -> None:
        self.watched.append(pair)

    def unwatch(self, pair: str) -> None:
        self.watched.remove(pair)

    def freshness(self, pair: str) -> Freshness:
        return self.stale.get(pair, Freshness("live", "live", 0.1))

    def account_freshness(self) -> Freshness:
        return self.account_fresh

    def level_frame(self, pair: str, side: Side, price: str) -> int | None:
        book = self.order_books.get(pair)
        return None if book is None else book.level_frame(side, price)

    def explain(self, frame: Frame) -> Sequence[Effect]:
        return self.explained.get(frame.seq, [])

    @property
    def fills(self) -> Sequence[FillRecord]:
        return self._fills

    def quantize(self, draft: OrderDraft) -> OrderDraft:
        return trading_rule.quantize(self.trading_rules[draft.pair], draft)

    def check(self, draft: OrderDraft) -> list[Problem]:
        rule = self.trading_rules[draft.pair]
        price = self._market_price(draft)
        problems = trading_rule.check(rule, draft, price)
        asset = rule.quote if draft.side is Side.BUY else rule.base
        needed = trading_rule.notional(draft, price) if draft.side is Side.BUY else draft.amount
        held = self.account.balances.get(asset)
        free = held.available if held else Decimal(0)
        if needed is not None and needed > free:
            problems.append(Problem("balance", f"needs {needed:f} {asset}, {free:f} is free"))
        return problems

    def gate(self, draft: OrderDraft, despite: Iterable[str] = ()) -> Gate:
        return self.gate_now

    def get_fee(self, draft: OrderDraft) -> TradeFee | None:
        rule = self.trading_rules[draft.pair]
        price = draft.price or self._market_price(draft)
        if price is None:
            return None
        amount = draft.amount if draft.amount is not None else (draft.quote_amount or Decimal(0)) / price
        return estimate_fee(self.fees, rule.base, rule.quote, draft.type, draft.side, amount, price)

    def dry_run(self, draft: OrderDraft) -> SignedRequest:
        rule = self.trading_rules[draft.pair]
        size = f'"quantity":"{draft.amount:f}"' if draft.amount is not None else f'"amount":"{draft.quote_amount:f}"'
        price = f',"price":"{draft.price:f}"' if draft.price is not None else ""
        body = f'{{"symbol":"{rule.symbol}","side":"{draft.side}","type":"{draft.type}",{size}{price}}}'
        return SignedRequest(
            target="/orders",
            headers={"key": "key 7f3a…", "signTimestamp": str(self.now_ms), "signature": "(redacted)"},
            body=body.encode(),
            signed_text=f"POST\n/orders\nrequestBody={body}&signTimestamp={self.now_ms}",
            now_ms=self.now_ms,
        )

    def submit(self, draft: OrderDraft, despite: Iterable[str] = ()) -> str:
        self.submitted.append(draft)
        self.consents += despite
        return self._start(draft).client_order_id

    def check_order_now(self, key: str) -> None:
        self.checked.append(key)

    def archive_order(self, key: str) -> None:
        order = self.orders.get(key)
        assert order is not None
        order.mark_archived(self.now_ms)
        self.orders.touch(order)

    async def cancel(self, key: str) -> CancellationReceipt:
        return await self.cancel_all(keys=[key])

    async def cancel_all(
        self, pair: str | None = None, side: Side | None = None, keys: Iterable[str] | None = None
    ) -> CancellationReceipt:
        wanted = None if keys is None else set(keys)
        orders = [
            order
            for order in self.orders.open
            if (pair is None or order.pair == pair)
            and (side is None or order.side is side)
            and (wanted is None or order.key in wanted)
        ]
        self.cancel_asked += [order.key for order in orders]
        for order in orders:
            order.mark_cancel_requested(self.now_ms)
            self.orders.touch(order)
        if self.hold_cancels:
            await _Held()
        return CancellationReceipt(tuple(self._cancel(order) for order in orders))

    def reconnect(self, link_name: str) -> None:
        self.reconnected.append(link_name)

    def rate_usage(self) -> Mapping[str, float]:
        return self.rates

    # ------------------------------------------------------------------------------------------------------------------

    def _start(self, draft: OrderDraft) -> InFlightOrder:
        order = self.orders.start(
            OrderIntent(
                client_order_id=f"k{self.key[:3]}{self._next_id(10_000)}",
                pair=draft.pair,
                side=draft.side,
                type=draft.type,
                time_in_force=draft.time_in_force,
                price=draft.price,
                amount=draft.amount,
                quote_amount=draft.quote_amount,
                stop_price=draft.stop_price,
                created_ms=self.now_ms,
                proof_ms=self.now_ms + 60_000,
            )
        )
        order.mark_sent(self.now_ms, self.frame(b'{"side":"%s"}' % draft.side.encode(), "rest", FrameKind.REST).seq)
        self.orders.touch(order)
        return order

    def _next_id(self, series: int) -> str:
        self._number += 1
        return str(series + self._number)

    def _cancel(self, order: InFlightOrder) -> CancellationResult:
        outcome, words = self.cancel_outcomes.get(order.key, (CancelOutcome.CANCELED, ""))
        if outcome is CancelOutcome.CANCELED:
            self.report(order, state=VenueState.CANCELED)
        elif outcome is CancelOutcome.UNKNOWN:
            order.mark_cancel_ambiguous(self.now_ms, words or "no answer")
            self.orders.touch(order)
        elif outcome is CancelOutcome.REFUSED:
            order.mark_cancel_refused(self.now_ms, words)
            self.orders.touch(order)
        return CancellationResult(order.key, order.pair, outcome, words)

    def _market_price(self, draft: OrderDraft) -> Decimal | None:
        book = self.order_books.get(draft.pair)
        best = None if book is None else (book.best_ask if draft.side is Side.BUY else book.best_bid)
        return None if best is None else Decimal(best)


class FakeDesk:
    """Satisfies `app.ui.desk.Desk`. `spawn` runs work at once, up to the point where it waits."""

    def __init__(self) -> None:
        self.clock = ManualClock(START_MS * NS_PER_MS)
        self.loop_lag_s = 0.0
        self.log = FrameLog(self.clock)
        self.notices = Notices(self.clock)
        self.exchanges: dict[str, FakeExchange] = {}
        self.usd: dict[str, tuple[Decimal, str]] = {"USD": (Decimal(1), "USD"), "USDT": (Decimal(1), "USDT as USD")}
        self._waiting: list[tuple[Coroutine[Any, Any, Any], str]] = []

    def add(self, key: str, title: str = "", *, paper: bool = True, has_account: bool = True) -> FakeExchange:
        exchange = FakeExchange(self, key, title or key.capitalize(), paper, has_account)
        self.exchanges[key] = exchange
        return exchange

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        try:
            work.send(None)
        except StopIteration:
            return
        except Exception as error:
            self.notices.error(name, str(error))
            return
        self._waiting.append((work, name))

    def release(self) -> None:
        """Let parked work go on."""
        waiting, self._waiting = self._waiting, []
        for work, name in waiting:
            self.spawn(work, name)

    def prices_in_usd(self) -> Mapping[str, tuple[Decimal, str]]:
        return self.usd


def small_desk(*, paper: bool = True) -> tuple[FakeDesk, FakeExchange]:
    """One Poloniex account with BTC-USDT and ETH-USDT, books and balances: enough for most tests."""
    desk = FakeDesk()
    exchange = desk.add("poloniex", "Poloniex", paper=paper)
    types = frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER})
    every = frozenset(TimeInForce)
    exchange.market(
        "BTC-USDT",
        tick="0.1",
        lot="0.0001",
        min_order_size=Decimal("0.0001"),
        min_notional_size=Decimal(5),
        order_types=types,
        times_in_force=every,
        market_buy_by_quote=True,
        min_quote_amount_increment=Decimal("0.01"),
    )
    exchange.market("ETH-USDT", tick="0.01", lot="0.001", order_types=types, times_in_force=every)
    exchange.book("BTC-USDT", [("66999.8", "0.8"), ("66999.5", "1.2")], [("67000.1", "0.5"), ("67000.4", "2.1")])
    exchange.book("ETH-USDT", [("3500.10", "12"), ("3500.00", "4")], [("3500.30", "9"), ("3500.50", "30")])
    exchange.ticker("BTC-USDT", "67000.1", change=Decimal("0.0124"))
    exchange.ticker("ETH-USDT", "3500.30", change=Decimal("-0.0042"))
    exchange.give("USDT", "10000", "10000")
    exchange.give("BTC", "0.5", "0.5")
    desk.usd |= {
        "BTC": (Decimal("67000.1"), "BTC-USDT, poloniex ticker"),
        "ETH": (Decimal("3500.30"), "ETH-USDT, poloniex ticker"),
    }
    return desk, exchange
