"""Exchanges of one's own making that know their books exactly and speak a true wire: the oracles of `book_oracle`.

They share nothing with the connectors. Sources: the exchanges' own pages on their book channels, as quoted in each
connector's protocol table: Poloniex book_lv2, Binance depth@100ms with REST depth, OKX books.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from random import Random
from typing import Any

LEVELS = 40
SHOWN = 20
_REMEMBERED = 4_000

Picture = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
"""The best levels of bids and asks."""


class OracleBook:
    """One market's truth: a random walk, and every state it was in of late, by number."""

    def __init__(self, random: Random, start: int, exponent: int) -> None:
        self._random = random
        self._exponent = exponent
        self._mid = random.randrange(20_000, 90_000)
        self.bids: dict[int, str] = {}
        self.asks: dict[int, str] = {}
        self.id = start
        self.pictures: OrderedDict[Picture, int] = OrderedDict()
        """States of late and the number each had last."""
        for step in range(1, LEVELS + 1):
            self.bids[self._mid - step] = self._size()
            self.asks[self._mid + step] = self._size()
        self._remember()

    def _size(self) -> str:
        return f"{self._random.randrange(1, 5_000_000) / 1e4:.8f}"

    def spell(self, price: int) -> str:
        return f"{price // 10**self._exponent}.{price % 10**self._exponent:0{self._exponent}d}000000"

    def step(self) -> tuple[list[list[str]], list[list[str]]]:
        """Change one to four levels; returns the changes as (bids, asks)."""
        random = self._random
        changed: tuple[dict[int, str], dict[int, str]] = ({}, {})
        for _ in range(random.randrange(1, 5)):
            side = random.randrange(2)
            book = (self.bids, self.asks)[side]
            if random.random() < 0.35 and len(book) > LEVELS // 2:
                price = random.choice(list(book))
                del book[price]
                changed[side][price] = "0.00000000"
                continue
            touch = min(self.asks) if side == 0 else max(self.bids)
            price = touch - random.randrange(1, LEVELS) if side == 0 else touch + random.randrange(1, LEVELS)
            book[price] = changed[side][price] = self._size()
        for side, book in enumerate((self.bids, self.asks)):
            while len(book) > LEVELS:
                worst = min(book) if side == 0 else max(book)
                del book[worst]
                changed[side][worst] = "0.00000000"
        self.id += 1
        self._remember()
        bids, asks = ([[self.spell(price), size] for price, size in levels.items()] for levels in changed)
        return bids, asks

    def levels(self) -> tuple[list[list[str]], list[list[str]]]:
        return (
            [[self.spell(price), self.bids[price]] for price in sorted(self.bids, reverse=True)],
            [[self.spell(price), self.asks[price]] for price in sorted(self.asks)],
        )

    def _remember(self) -> None:
        bids = tuple((self.spell(p), self.bids[p]) for p in sorted(self.bids, reverse=True)[:SHOWN])
        asks = tuple((self.spell(p), self.asks[p]) for p in sorted(self.asks)[:SHOWN])
        picture = (bids, asks)
        self.pictures.pop(picture, None)
        self.pictures[picture] = self.id
        if len(self.pictures) > _REMEMBERED:
            self.pictures.popitem(last=False)


class OracleVenue:
    """Its markets, what it answers to our messages and requests, and the message of one change."""

    name = ""
    depth_path = ""

    def __init__(self, random: Random, pairs: list[str]) -> None:
        self.books = {pair: OracleBook(random, random.randrange(10_000, 10_000_000), 2) for pair in pairs}
        self.pairs = {self.symbol(pair): pair for pair in pairs}
        self.subscribed: set[str] = set()

    def symbol(self, pair: str) -> str:
        raise NotImplementedError

    def on_message(self, message: dict[str, Any]) -> list[bytes]:
        """Answers to one of ours."""
        raise NotImplementedError

    def change(self, pair: str) -> bytes:
        """The next change of the market, as a message."""
        raise NotImplementedError

    def on_disconnect(self) -> None:
        self.subscribed.clear()

    def rest_book(self, query: dict[str, str]) -> Any:
        raise NotImplementedError


def _wire(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class PoloniexOracle(OracleVenue):
    name = "poloniex"
    depth_path = ""

    def symbol(self, pair: str) -> str:
        return pair.replace("-", "_")

    def on_message(self, message: dict[str, Any]) -> list[bytes]:
        answers = []
        if message.get("channel") == ["book_lv2"]:
            for symbol in message["symbols"]:
                pair = self.pairs[symbol]
                if message["event"] == "unsubscribe":
                    self.subscribed.discard(pair)
                    continue
                self.subscribed.add(pair)
                bids, asks = self.books[pair].levels()
                answers.append(_wire({"event": "subscribe", "channel": "book_lv2", "symbols": [symbol]}))
                answers.append(self._book("snapshot", pair, bids, asks, self.books[pair].id - 1))
        return answers

    def change(self, pair: str) -> bytes:
        before = self.books[pair].id
        return self._book("update", pair, *self.books[pair].step(), before)

    def _book(self, action: str, pair: str, bids: Any, asks: Any, before: int) -> bytes:
        row = {
            "symbol": self.symbol(pair),
            "createTime": 1,
            "asks": asks,
            "bids": bids,
            "lastId": before,
            "id": self.books[pair].id,
            "ts": 2,
        }
        return _wire({"channel": "book_lv2", "data": [row], "action": action})


class BinanceOracle(OracleVenue):
    name = "binance"
    depth_path = "/api/v3/depth"

    def symbol(self, pair: str) -> str:
        return pair.replace("-", "")

    def on_message(self, message: dict[str, Any]) -> list[bytes]:
        for stream in message.get("params", ()):
            symbol, _, kind = stream.partition("@")
            if kind.startswith("depth"):
                pair = self.pairs[symbol.upper()]
                (self.subscribed.add if message["method"] == "SUBSCRIBE" else self.subscribed.discard)(pair)
        return [_wire({"result": None, "id": message["id"]})]

    def change(self, pair: str) -> bytes:
        book = self.books[pair]
        first = book.id + 1
        bids, asks = book.step()
        event = {"e": "depthUpdate", "E": 1, "s": self.symbol(pair), "U": first, "u": book.id, "b": bids, "a": asks}
        return _wire({"stream": f"{self.symbol(pair).lower()}@depth@100ms", "data": event})

    def rest_book(self, query: dict[str, str]) -> Any:
        book = self.books[self.pairs[query["symbol"]]]
        bids, asks = book.levels()
        return {"lastUpdateId": book.id, "bids": bids, "asks": asks}


class OkxOracle(OracleVenue):
    name = "okx"
    depth_path = "/api/v5/market/books"

    def symbol(self, pair: str) -> str:
        return pair

    def on_message(self, message: dict[str, Any]) -> list[bytes]:
        answers = []
        for arg in message.get("args", ()):
            answers.append(_wire({"event": message["op"], "arg": arg, "connId": "a1"}))
            if arg["channel"] != "books":
                continue
            pair = arg["instId"]
            if message["op"] == "unsubscribe":
                self.subscribed.discard(pair)
                continue
            self.subscribed.add(pair)
            bids, asks = self.books[pair].levels()
            answers.append(self._book("snapshot", pair, bids, asks, -1))
        return answers

    def change(self, pair: str) -> bytes:
        before = self.books[pair].id
        bids, asks = self.books[pair].step()
        return self._book("update", pair, bids, asks, before)

    def _book(self, action: str, pair: str, bids: Any, asks: Any, before: int) -> bytes:
        row = {
            "asks": [[*level, "0", "1"] for level in asks],
            "bids": [[*level, "0", "1"] for level in bids],
            "ts": "1790000000085",
            "checksum": 0,
            "prevSeqId": before,
            "seqId": self.books[pair].id,
        }
        arg = {"channel": "books", "instId": pair}
        return _wire({"arg": arg, "action": action, "data": [row]})

    def rest_book(self, query: dict[str, str]) -> Any:
        book = self.books[query["instId"]]
        bids, asks = book.levels()
        row = {"asks": asks, "bids": bids, "ts": "1790000000085", "seqId": book.id}
        return {"code": "0", "msg": "", "data": [row]}


ORACLES: dict[str, type[OracleVenue]] = {kind.name: kind for kind in (PoloniexOracle, BinanceOracle, OkxOracle)}
