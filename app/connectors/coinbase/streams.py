"""Which streams run on which connection, and whose they are: -USDC and -USD share one book. No messages are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from app.connectors.coinbase.protocol import (
    BOOKS_A_LINK,
    CHANNELS,
    FIVE_MINUTES,
    channel_message,
    is_symbol,
    quote_of,
    to_symbol,
)
from app.core.effects import Channel, Send, Subscription

_OWN_BOOK = frozenset({"USDT-USDC", "EURC-USDC"})
"""-USDC markets with a book of their own; the trading rules tell the others."""


class BookNames:
    """The market under whose name a market's data comes: `BTC-USD` for `BTC-USDC`."""

    def __init__(self) -> None:
        self._aliases: dict[str, str] = {}

    def learn(self, symbol: str, alias: str) -> None:
        """As the list of markets tells; "" for a market with a book of its own."""
        self._aliases[symbol] = alias or symbol

    def __getitem__(self, symbol: str) -> str:
        known = self._aliases.get(symbol)
        if known is not None:
            return known
        return symbol if symbol in _OWN_BOOK else _in_dollars(symbol)


class PairsOf(dict[str, tuple[str, ...]]):
    """The pairs that a message about a symbol is for; one that nobody asked for is for itself."""

    def __missing__(self, symbol: str) -> tuple[str, ...]:
        if not is_symbol(symbol):
            raise ValueError(f"not a Coinbase spot symbol: {symbol[:40]!r}")
        return (symbol,)


class Streams:
    """What has been asked for on the open connections.

    `pairs` is read by the hot path. Two pairs of one book share its streams and a connection.
    """

    def __init__(self) -> None:
        self.names = BookNames()
        self.pairs = PairsOf()
        self.polled: dict[Subscription, int] = {}
        """Bars that are not streamed, and the exchange time (ms) when they were last asked for."""
        self._holders: dict[tuple[Channel, str], dict[str, None]] = {}
        self._links: dict[str, int] = {}

    def link_number(self, pair: str) -> int:
        """0 for the first connection, which takes ten books before the next is used."""
        market = _in_dollars(pair)
        number = self._links.get(market)
        if number is None:
            taken = list(self._links.values())
            number = next(n for n in range(len(taken) + 1) if taken.count(n) < BOOKS_A_LINK)
            self._links[market] = number
        return number

    def forget_link(self, number: int) -> None:
        """A fresh connection carries nothing yet."""
        gone = [key for key in self._holders if self._links.get(_in_dollars(key[1])) == number]
        for key in gone:
            del self._holders[key]

    def subscribe(self, subscriptions: Iterable[Subscription]) -> Iterator[Send]:
        again: list[str] = []
        wanted: dict[Channel, list[str]] = {}
        for subscription in subscriptions:
            channel, pair = subscription.channel, to_symbol(subscription.pair)
            if channel is Channel.CANDLES and subscription.interval != FIVE_MINUTES:
                self.polled.setdefault(subscription, 0)
                continue
            symbol = self.names[pair]
            holders = self._holders.setdefault((channel, symbol), {})
            shared = bool(holders.keys() - {pair})
            holders[pair] = None
            symbols = wanted.setdefault(channel, [])
            if shared and channel is not Channel.BOOK:
                continue
            if symbol not in symbols:
                symbols.append(symbol)
                if shared:
                    # A snapshot comes only with a new subscription.
                    again.append(symbol)
        self._read_anew()
        if again:
            yield _message("unsubscribe", Channel.BOOK, again)
        for channel, symbols in wanted.items():
            if symbols:
                yield _message("subscribe", channel, symbols)

    def unsubscribe(self, subscriptions: Sequence[Subscription]) -> Iterator[Send]:
        ended: dict[Channel, list[str]] = {}
        for subscription in subscriptions:
            self.polled.pop(subscription, None)
            for key in self._held(subscription):
                del self._holders[key][subscription.pair]
                if not self._holders[key]:
                    del self._holders[key]
                    ended.setdefault(key[0], []).append(key[1])
        self._read_anew()
        carried = {_in_dollars(symbol) for _, symbol in self._holders}
        for subscription in subscriptions:
            if subscription.channel is Channel.BOOK and _in_dollars(subscription.pair) not in carried:
                self._links.pop(_in_dollars(subscription.pair), None)
        for channel, symbols in ended.items():
            yield _message("unsubscribe", channel, symbols)

    def resync(self, subscription: Subscription) -> Iterator[Send]:
        """One new snapshot, under the name that the rules tell by now."""
        before = self._held(subscription)
        symbol = self.names[to_symbol(subscription.pair)]
        for key in before:
            if key[1] != symbol:
                del self._holders[key][subscription.pair]
        self._holders.setdefault((subscription.channel, symbol), {})[subscription.pair] = None
        self._read_anew()
        yield _message("unsubscribe", subscription.channel, [key[1] for key in before] or [symbol])
        yield _message("subscribe", subscription.channel, [symbol])

    def due(self, now_ms: int, every_ms: int) -> list[Subscription]:
        """Bars to ask for now; each is due again after `every_ms`. Old times change nothing."""
        due = [wanted for wanted, last_ms in self.polled.items() if now_ms >= last_ms + every_ms]
        for wanted in due:
            self.polled[wanted] = now_ms
        return due

    def confirmed(self, channel: Channel, symbol: str) -> list[str]:
        """The pairs whose stream this is."""
        return list(self._holders.get((channel, symbol), ())) or [symbol]

    def _held(self, subscription: Subscription) -> list[tuple[Channel, str]]:
        return [
            key
            for key, holders in self._holders.items()
            if key[0] is subscription.channel
            and subscription.pair in holders
            and (subscription.channel is not Channel.CANDLES or subscription.interval == FIVE_MINUTES)
        ]

    def _read_anew(self) -> None:
        pairs: dict[str, dict[str, None]] = {}
        for (_, symbol), holders in self._holders.items():
            pairs.setdefault(symbol, {}).update(holders)
        self.pairs.clear()
        self.pairs.update({symbol: tuple(holders) for symbol, holders in pairs.items() if holders})


def _in_dollars(symbol: str) -> str:
    return symbol[:-1] if quote_of(symbol) == "USDC" else symbol


def _message(kind: str, channel: Channel, symbols: list[str]) -> Send:
    return Send(channel_message(kind, CHANNELS[channel], symbols))
