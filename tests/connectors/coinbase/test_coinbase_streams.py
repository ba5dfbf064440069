"""-USDC markets that share the book of their -USD twin, and books spread over connections."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.connectors.coinbase.public import CoinbasePublic
from app.core.effects import Channel, Send, Subscribed, Subscription
from app.core.requests import Response
from app.core.types import BookDiff, BookSnapshot, Trade

Reply = Callable[..., Response]


def book_of(pair: str) -> Subscription:
    return Subscription(Channel.BOOK, pair)


def trades_of(pair: str) -> Subscription:
    return Subscription(Channel.TRADES, pair)


def sent(effects: Any) -> list[tuple[str, str, list[str]]]:
    messages = [json.loads(effect.payload) for effect in effects if isinstance(effect, Send)]
    return [(message["type"], message["channel"], message["product_ids"]) for message in messages]


def pairs(public: CoinbasePublic, product: str = "BTC-USD", kind: str = "update") -> list[str]:
    message = {
        "channel": "l2_data",
        "timestamp": "",
        "sequence_num": 0,
        "events": [{"type": kind, "product_id": product, "updates": []}],
    }
    effects = public.on_message(json.dumps(message).encode(), 1)
    return [effect.pair for effect in effects if isinstance(effect, BookDiff | BookSnapshot)]


def learn(public: CoinbasePublic, reply: Reply, aliases: dict[str, str]) -> None:
    rows = [
        {"product_id": name, "alias": alias, "base_increment": "0.1", "price_increment": "0.01", "status": "online"}
        for name, alias in aliases.items()
    ]
    public.get_trading_rules().parse(reply(json.dumps({"products": rows})))


def test_a_usdc_pair_gets_the_data_of_its_usd_book(public: CoinbasePublic) -> None:
    assert sent(public.subscribe([book_of("BTC-USDC"), trades_of("BTC-USDC")])) == [
        ("subscribe", "level2", ["BTC-USD"]),
        ("subscribe", "market_trades", ["BTC-USD"]),
    ]
    assert pairs(public) == ["BTC-USDC"]
    trade = {"trade_id": "1", "product_id": "BTC-USD", "price": "1", "size": "1", "side": "BUY", "time": ""}
    message = {"channel": "market_trades", "sequence_num": 1, "events": [{"type": "update", "trades": [trade]}]}
    assert [e.pair for e in public.on_message(json.dumps(message).encode(), 1) if isinstance(e, Trade)] == ["BTC-USDC"]
    told = {"channel": "subscriptions", "events": [{"subscriptions": {"level2": ["BTC-USD"]}}]}
    assert list(public.on_message(json.dumps(told).encode(), 1)) == [Subscribed((book_of("BTC-USDC"),))]


@pytest.mark.parametrize("pair", ["USDT-USDC", "EURC-USDC", "BTC-EUR", "BTC-USDT"])
def test_pairs_with_a_book_of_their_own(public: CoinbasePublic, pair: str) -> None:
    assert sent(public.subscribe([book_of(pair)])) == [("subscribe", "level2", [pair])]
    assert pairs(public, pair) == [pair]


def test_the_list_of_markets_knows_better(public: CoinbasePublic, reply: Reply) -> None:
    assert sent(public.subscribe([book_of("AUDD-USDC")])) == [("subscribe", "level2", ["AUDD-USD"])]
    learn(public, reply, {"AUDD-USDC": "", "ODD-USDC": "EVEN-USD"})
    assert sent(public.resync(book_of("AUDD-USDC"))) == [
        ("unsubscribe", "level2", ["AUDD-USD"]),
        ("subscribe", "level2", ["AUDD-USDC"]),
    ]
    assert pairs(public, "AUDD-USDC") == ["AUDD-USDC"]
    assert sent(public.subscribe([book_of("ODD-USDC")])) == [("subscribe", "level2", ["EVEN-USD"])]
    assert pairs(public, "EVEN-USD") == ["ODD-USDC"]


def test_both_pairs_of_one_book(public: CoinbasePublic) -> None:
    list(public.subscribe([book_of("BTC-USD"), trades_of("BTC-USD")]))
    assert sent(public.subscribe([book_of("BTC-USDC"), trades_of("BTC-USDC")])) == [
        ("unsubscribe", "level2", ["BTC-USD"]),
        ("subscribe", "level2", ["BTC-USD"]),
    ], "the second pair needs a snapshot too; its trades come already"
    assert pairs(public, kind="snapshot") == ["BTC-USD", "BTC-USDC"]
    assert public.link_for(book_of("BTC-USD")) == public.link_for(book_of("BTC-USDC"))
    assert sent(public.unsubscribe([book_of("BTC-USD"), trades_of("BTC-USD")])) == []
    assert pairs(public) == ["BTC-USDC"]
    assert sent(public.unsubscribe([book_of("BTC-USDC"), trades_of("BTC-USDC")])) == [
        ("unsubscribe", "level2", ["BTC-USD"]),
        ("unsubscribe", "market_trades", ["BTC-USD"]),
    ]
    assert pairs(public) == ["BTC-USD"], "nobody asked: the message speaks for itself"


def test_a_fresh_connection_is_asked_for_everything_once(public: CoinbasePublic) -> None:
    wanted = [book_of("BTC-USD"), book_of("BTC-USDC"), trades_of("BTC-USD"), trades_of("BTC-USDC")]
    for _ in range(2):
        list(public.on_open(public.link_for(wanted[0]), 1))
        assert sent(public.subscribe(wanted)) == [
            ("subscribe", "level2", ["BTC-USD"]),
            ("subscribe", "market_trades", ["BTC-USD"]),
        ]


def test_ten_books_a_connection_and_places_are_given_back(public: CoinbasePublic) -> None:
    books = [book_of(f"C{n}-USD") for n in range(21)]
    names = [public.link_for(book).name for book in books]
    assert names == ["public"] * 10 + ["public-2"] * 10 + ["public-3"]
    assert public.link_for(trades_of("C10-USDC")).name == "public-2", "all of a pair is on one connection"
    list(public.subscribe(books))
    list(public.unsubscribe([books[3], trades_of("C3-USD")]))
    assert public.link_for(book_of("NEW-USD")).name == "public"
    assert public.link_for(books[20]).name == "public-3"


def test_one_connection_lost_leaves_the_others_alone(public: CoinbasePublic) -> None:
    books = [book_of(f"C{n}-USD") for n in range(11)]
    links = [public.link_for(book) for book in books]
    list(public.subscribe(books))
    list(public.on_open(links[10], 1))
    assert sent(public.subscribe([books[10]])) == [("subscribe", "level2", ["C10-USD"])]
    assert sent(public.unsubscribe([books[0]])) == [("unsubscribe", "level2", ["C0-USD"])]


@pytest.mark.parametrize("pair", ["", "BTC", "-USD", "BTC-", "BIT-28NOV25-CDE"])
def test_what_is_no_pair_is_refused(public: CoinbasePublic, pair: str) -> None:
    with pytest.raises(ValueError):
        public.subscribe([book_of(pair)])
