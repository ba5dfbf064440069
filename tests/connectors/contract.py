"""What every registered exchange must do, told once. `test_contract.py` runs it for each of them against its twin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.connectors.spec import Credentials
from app.core.cancellation import CancelOutcome
from app.core.effects import Unknown
from app.core.errors import ErrorKind
from app.core.frames import Direction, FrameKind
from app.core.order_book import BookState
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder
from app.core.requests import Response, VenueError
from app.core.trading_rule import OrderDraft, check
from app.core.types import OrderType, Side
from app.store.database import Store
from app.twin_process import TwinLine
from app.workspace import Workspace
from tests.until import until

T = TypeVar("T")
FAR = Decimal("0.97")


class Venue:
    """One exchange on its twin: a real workspace, real sockets, a real journal."""

    def __init__(self, workspace: Workspace, exchange: Exchange, pair: str, credentials: Credentials) -> None:
        self.workspace = workspace
        self.exchange = exchange
        self.pair = pair
        self.credentials = credentials
        self.failures: list[BaseException] = []
        workspace.on_error = lambda name, error: self.failures.append(error)

    @classmethod
    async def open(cls, line: TwinLine, folder: Path) -> Venue:
        workspace = Workspace(Paths(folder), store=Store.open(Paths(folder).journal_file))
        workspace.start()
        spec = exchange_spec(line.exchange)
        pair = spec.default_pair if spec.default_pair in line.pairs else line.pairs[0]
        credentials = line.credentials()
        exchange = await workspace.open_exchange(spec, line.domain(), credentials, pairs=[pair])
        venue = cls(workspace, exchange, pair, credentials)
        await until(lambda: exchange.ready, 20, f"{line.exchange} to be ready: {exchange.status_dict}")
        return venue

    async def close(self) -> None:
        await self.exchange.cancel_all()
        await self.workspace.close()
        assert self.failures == [], self.failures

    @property
    def base(self) -> str:
        return self.pair.split("-")[0]

    @property
    def quote(self) -> str:
        return self.pair.split("-")[1]

    def balance(self, asset: str) -> tuple[Decimal, Decimal]:
        found = self.exchange.account.balances[asset]
        return found.total, found.available

    def resting(self, side: Side, type: OrderType = OrderType.LIMIT, amount: str = "0.01") -> OrderDraft:
        """An order that stays in the book: 3 % away from the middle."""
        mid = self.exchange.order_books[self.pair].mid
        assert mid is not None
        price = mid * FAR if side is Side.BUY else mid / FAR
        draft = OrderDraft(pair=self.pair, side=side, type=type, price=price, amount=Decimal(amount))
        return self.exchange.quantize(draft)

    def place(self, draft: OrderDraft) -> InFlightOrder:
        order = self.exchange.orders.get(self.exchange.submit(draft))
        assert order is not None
        return order


async def reaches(order: InFlightOrder, state: OrderState, within_s: float = 10.0) -> None:
    try:
        await until(lambda: order.state is state, within_s)
    except AssertionError:
        raise AssertionError(f"{order.key} is {order.state}, not {state}: {order.history}") from None


async def book_follows_its_stream(venue: Venue) -> None:
    book, feed = venue.exchange.order_books[venue.pair], venue.exchange.feeds[venue.pair]
    version = book.version
    await until(lambda: book.version > version + 5, 20, "five more changes")
    assert book.state is BookState.LIVE and not book.crossed and feed.gaps == 0
    assert len(book.bids) >= 10 and len(book.asks) >= 10
    prices = [Decimal(price) for price, _ in book.bids]
    assert prices == sorted(set(prices), reverse=True), "best first, and no price in two spellings"
    assert all(Decimal(amount) > 0 for _, amount in (*book.bids, *book.asks))
    assert venue.exchange.feeds[venue.pair].refused == ""


async def a_gap_is_healed(venue: Venue) -> None:
    """Every way a venue can lose a message ends in a stale book first and a new one after."""
    feed = venue.exchange.feeds[venue.pair]
    resyncs, snapshots = feed.resyncs, feed.book.snapshots
    feed.sync.gap("made by the test")
    venue.exchange.order_book_tracker._on_gap(feed, "made by the test", 0)
    assert feed.book.stale and venue.exchange.freshness(venue.pair).state == "resync"
    await until(lambda: not feed.book.stale, 20, "a new book")
    assert feed.resyncs == resyncs + 1 and feed.book.snapshots > snapshots


async def market_data_comes(venue: Venue) -> None:
    exchange = venue.exchange
    rule = exchange.trading_rules[venue.pair]
    assert (rule.base, rule.quote) == (venue.base, venue.quote) and rule.min_price_increment > 0
    assert rule.symbol and rule.order_types >= {OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER}
    await until(lambda: venue.pair in exchange.tickers, 15, "tickers")
    assert exchange.tickers[venue.pair].last > 0
    await until(lambda: exchange.tape(venue.pair).total > 0, 20, "trades")
    series = exchange.candles(venue.pair, exchange.intervals[0])
    await until(lambda: len(series.candles) > 50, 20, "candles")
    starts = [candle.start_ms for candle in series.candles]
    assert starts == sorted(set(starts))
    assert all(Decimal(c.low) <= Decimal(c.open) <= Decimal(c.high) for c in series.candles)
    markets = await exchange.order_book_tracker.data_source.get_active_exchange_markets()
    assert {market.pair for market in markets} == set(exchange.trading_rules)
    assert any(market.usd_volume for market in markets)
    snapshot = await exchange.order_book_tracker.data_source.get_snapshot(venue.pair)
    assert snapshot.bids and snapshot.asks and Decimal(snapshot.bids[0][0]) < Decimal(snapshot.asks[0][0])


async def a_limit_order_rests_and_is_cancelled(venue: Venue, side: Side) -> None:
    asset = venue.quote if side is Side.BUY else venue.base
    total, available = venue.balance(asset)
    draft = venue.resting(side)
    order = venue.place(draft)
    await reaches(order, OrderState.OPEN)
    assert order.exchange_order_id and order.terms.price == draft.price and order.terms.amount == draft.amount
    assert OrderFlag.EXTERNAL not in order.flags and not order.fills
    held = draft.amount if side is Side.SELL else draft.amount * draft.price  # type: ignore[operator]
    await until(lambda: venue.balance(asset)[1] <= available - held, what="the hold")  # type: ignore[operator]
    assert venue.balance(asset)[0] == total
    receipt = await venue.exchange.cancel(order.key)
    assert [result.outcome for result in receipt.results] == [CancelOutcome.CANCELED]
    assert order.state is OrderState.CANCELED
    await until(lambda: venue.balance(asset) == (total, available), what="the hold to be released")


async def a_post_only_order_that_would_take_does_not_trade(venue: Venue) -> None:
    ask = Decimal(venue.exchange.order_books[venue.pair].asks[4][0])
    draft = OrderDraft(pair=venue.pair, side=Side.BUY, type=OrderType.LIMIT_MAKER, price=ask, amount=Decimal("0.002"))
    order = venue.place(draft)
    await until(lambda: order.is_done, what="its end")
    assert order.state in (OrderState.REJECTED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.FAILED)
    assert order.filled == 0


async def a_market_order_fills(venue: Venue, side: Side) -> None:
    rule = venue.exchange.trading_rules[venue.pair]
    by_quote = side is Side.BUY and rule.market_buy_by_quote
    base_before = venue.balance(venue.base)[0]
    draft = OrderDraft(
        pair=venue.pair,
        side=side,
        type=OrderType.MARKET,
        amount=None if by_quote else Decimal("0.002"),
        quote_amount=Decimal("200") if by_quote else None,
    )
    order = venue.place(draft)
    await reaches(order, OrderState.FILLED)
    await until(lambda: order.fills and not order.fills_missing, 15, "every execution")
    moved = sum((fill.amount for fill in order.fills), Decimal(0))
    fees = sum((fill.fee or Decimal(0) for fill in order.fills if fill.fee_asset == venue.base), Decimal(0))
    expected = base_before + (moved - fees if side is Side.BUY else -moved)
    await until(lambda: venue.balance(venue.base)[0] == expected, 15, f"{expected} {venue.base}")
    if by_quote:
        assert Decimal("150") < order.filled_quote <= Decimal("200")
    else:
        assert order.filled == Decimal("0.002")
    for fill in order.fills:
        assert fill.side is side and fill.fee is not None and fill.fee > 0 and fill.maker is False
        frame = venue.workspace.log.get(fill.frame)
        assert frame is not None and frame.direction is Direction.IN
    assert len({(fill.id_space, fill.trade_id) for fill in order.fills}) == len(order.fills)


async def cancel_all_leaves_nothing(venue: Venue) -> None:
    orders = [venue.place(venue.resting(Side.BUY, amount=amount)) for amount in ("0.002", "0.003")]
    orders.append(venue.place(venue.resting(Side.SELL, OrderType.LIMIT_MAKER)))
    for order in orders:
        await reaches(order, OrderState.OPEN)
    sells = await venue.exchange.cancel_all(venue.pair, side=Side.SELL)
    assert [result.outcome for result in sells.results] == [CancelOutcome.CANCELED]
    rest = await venue.exchange.cancel_all()
    assert {result.key for result in rest.results} == {orders[0].key, orders[1].key}
    assert rest.left_over == () and venue.exchange.orders.open == []


async def orders_placed_elsewhere_are_shown(venue: Venue, line: TwinLine, folder: Path) -> None:
    """A second desk on the same account: each sees the other's order, and the restart finds its own."""
    order = venue.place(venue.resting(Side.BUY))
    await reaches(order, OrderState.OPEN)
    other = await Venue.open(line, folder)
    try:
        seen = next((o for o in other.exchange.orders.open if o.exchange_order_id == order.exchange_order_id), None)
        assert seen is not None and OrderFlag.EXTERNAL in seen.flags
        assert (seen.side, seen.terms.price, seen.terms.amount) == (order.side, order.terms.price, order.terms.amount)
        receipt = await other.exchange.cancel(seen.key)
        assert [result.outcome for result in receipt.results] == [CancelOutcome.CANCELED]
        await reaches(order, OrderState.CANCELED)
    finally:
        await other.close()


async def asking_tells_the_same_as_the_stream(venue: Venue) -> None:
    order = venue.place(venue.resting(Side.BUY))
    await reaches(order, OrderState.OPEN)
    assert await _patiently(lambda: venue.exchange.get_order(order.key)) is order
    assert order.state is OrderState.OPEN and OrderFlag.ID_CONFLICT not in order.flags
    await venue.exchange.cancel(order.key)
    assert await _patiently(lambda: venue.exchange.get_order(order.key)) is order
    assert order.state is OrderState.CANCELED
    tracker = venue.exchange.user_stream_tracker
    assert tracker is not None
    fills = sum(len(o.fills) for o in venue.exchange.orders)
    an_hour_ago = venue.workspace.clock.wall_ns() // 1_000_000 - 3_600_000
    await _patiently(lambda: tracker.load_history(an_hour_ago))
    assert sum(len(o.fills) for o in venue.exchange.orders) >= fills
    for one in venue.exchange.orders:
        assert one.terms.amount is None or one.filled <= one.terms.amount, "no execution is counted twice"


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Another desk on the account may have used up its budget; ours then waits by itself and asks again."""
    for _ in range(4):
        try:
            return await ask()
        except VenueError as error:
            if error.kind is not ErrorKind.SLOW_DOWN:
                raise
    raise AssertionError("told to slow down four times")


async def the_dry_run_shows_what_is_signed_and_no_secret(venue: Venue) -> None:
    signed = venue.exchange.dry_run(venue.resting(Side.BUY))
    assert signed.signed_text and (signed.body or signed.target)
    _no_secret(venue, [signed.target, signed.signed_text, signed.body.decode(), *signed.headers.values()])


async def no_secret_is_logged(venue: Venue) -> None:
    for frame in venue.workspace.log.newest_first():
        _no_secret(venue, [frame.payload.decode(errors="replace"), frame.path])


def _no_secret(venue: Venue, texts: Iterable[str]) -> None:
    secrets = [s for s in (venue.credentials.secret_key, venue.credentials.passphrase) if s]
    secrets += [line for s in secrets for line in s.splitlines() if len(line) > 16 and "-----" not in line]
    for text in texts:
        for secret in secrets:
            assert secret not in text


async def every_message_can_be_read_again(venue: Venue) -> None:
    """`explain` has no side effects and knows every message that came."""
    before = {pair: book.version for pair, book in venue.exchange.order_books.items()}
    unknown = []
    frames = [f for f in venue.workspace.log.newest_first() if f.kind is FrameKind.WS and f.direction is Direction.IN]
    for frame in frames[:2_000]:
        unknown += [(frame.payload[:200], e) for e in venue.exchange.explain(frame) if isinstance(e, Unknown)]
    assert frames and unknown == []
    assert {pair: book.version for pair, book in venue.exchange.order_books.items()} == before


def strange_messages_do_no_harm(venue: Venue) -> None:
    """Unknown fields are ignored; anything else may raise ValueError or DecodeError only."""
    public = venue.exchange._public
    for data in (b"", b"\xff\xfe", b"{", b"[]", b"null", b"1", b'{"unheard":"of"}', b"[" * 50_000, b'{"data":[{}]}'):
        try:
            list(public.on_message(data, 1))
        except (msgspec.DecodeError, ValueError):
            pass
    for body in (b"<html>busy</html>", b"", b"[]", b"{}", b"null"):
        for status in (200, 400, 401, 404, 418, 429, 500, 503):
            response = Response(status=status, headers={}, body=body, frame=1, sent_ms=0, received_ms=0)
            error = venue.exchange.venue.spec.read_error(response)
            assert error is None or isinstance(error, VenueError)
            if status >= 500:
                assert error is not None and not error.kind.is_definite, "an order's outcome stays unknown"


def rules_quantise_to_the_safe_side(venue: Venue) -> None:
    for rule in venue.exchange.trading_rules.values():
        price = rule.min_price_increment * Decimal("1234.5")
        amount = Decimal("7.123456789")
        for side in Side:
            draft = OrderDraft(pair=rule.pair, side=side, type=OrderType.LIMIT, price=price, amount=amount)
            sent = venue.exchange.quantize(draft)
            assert sent.price is not None and sent.amount is not None
            assert sent.price <= price if side is Side.BUY else sent.price >= price
            assert sent.price % rule.min_price_increment == 0 and sent.amount <= amount
            assert not [p for p in check(rule, sent) if p.field == "type"]


async def a_signature_is_stable(venue: Venue) -> None:
    private = venue.exchange._private
    assert private is not None
    request = private.get_balances().request
    auth = venue.exchange.venue.spec.auth(venue.credentials, venue.exchange.venue.domain)
    first, again = (auth.generate_auth_dict(request, 1_700_000_000_000) for _ in range(2))
    # A nonce may differ; what is asked for may not.
    assert (first.target, first.body, len(first.signed_text)) == (again.target, again.body, len(again.signed_text))
    assert first.signed_text
    assert first.target.startswith(request.path)
