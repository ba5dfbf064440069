"""What recorded messages and replies mean, and how they are applied as live ones are. It asks and sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from app.connectors.market_list import MarketList
from app.connectors.order_book_tracker_data_source import OrderBookTrackerDataSource
from app.connectors.side_link import private_reader
from app.connectors.spec import PrivateSource, PublicSource
from app.connectors.venue import Venue
from app.core.account import AccountBook
from app.core.effects import AccountEvent, Effect, MarketEvent
from app.core.journal import OrderLedger
from app.core.requests import Call
from app.core.trading_rule import TradingRule
from app.core.types import Balance, BalanceDelta, Fill, OrderUpdate


class Recorded:
    """The way of a recording into one exchange."""

    def __init__(
        self,
        venue: Venue,
        public: PublicSource,
        private: PrivateSource | None,
        markets: MarketList,
        books: OrderBookTrackerDataSource,
        account: AccountBook,
        ledger: OrderLedger,
    ) -> None:
        self._venue = venue
        self._public = public
        self._private = private
        self._markets = markets
        self._books = books
        self._account = account
        self._ledger = ledger

    def read(self, link_name: str, data: bytes, frame: int) -> Iterable[Effect]:
        """What a message of that connection means. Raises msgspec.DecodeError or ValueError when it cannot be read."""
        return (private_reader(self._private, link_name) or self._public.on_message)(data, frame)

    def calls(self) -> Iterator[Call[Any]]:
        """Calls whose recorded replies `take` understands."""
        yield self._public.get_trading_rules()
        yield self._public.get_tickers()
        if self._private is not None:
            yield self._private.get_balances()
            yield self._private.get_open_orders()
            yield self._private.get_fills(0)
            yield self._private.get_order_history(0)
        for pair in self._markets.trading_rules:
            yield self._public.get_snapshot(pair)

    def take(self, fact: MarketEvent | AccountEvent | TradingRule | Balance) -> None:
        """Apply one fact."""
        wall_ms = self._venue.wall_ms()
        if isinstance(fact, TradingRule):
            self._markets.add_rule(fact)
        elif isinstance(fact, Balance):
            self._account.apply(fact)
        elif isinstance(fact, BalanceDelta):
            self._account.apply_delta(fact)
        elif isinstance(fact, OrderUpdate):
            self._ledger.update(fact, wall_ms)
        elif isinstance(fact, Fill):
            self._ledger.fill(fact, wall_ms)
        else:
            self._books.apply(fact)
