"""What the engine can do for such an exchange: fees in quote, two wallets on one book, several keys, and any body."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.types import Side
from app.paper.accounts import Fees
from app.paper.desk import UnknownKey
from app.paper.dialects.coinbase import open_twin
from app.paper.dialects.coinbase_errors import MESSAGES, ApiError, OrderRefused
from app.paper.dialects.coinbase_records import Kind
from app.paper.dialects.coinbase_wire import milliseconds, stamp, stamp_ns
from app.paper.events import BookChange, Execution
from app.paper.orders import Order, OrderKind, StopKind, StopOrder
from app.paper.rate_limits import RateLimits
from app.paper.server import main

TWIN = open_twin(1, ManualClock())
DOLLAR = 10**18


def test_a_reserve_is_held_only_where_fees_are_in_quote() -> None:
    assert Fees(maker=Decimal("0.001"), taker=Decimal("0.002")).reserve(DOLLAR) == 0
    assert Fees(maker=Decimal("0.001"), taker=Decimal("0.002"), in_quote=True).reserve(DOLLAR) == DOLLAR // 500


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-300, 300), st.integers(1, 10**8)), min_size=1, max_size=12))
def test_fees_in_quote_conserve_every_asset(steps: list[tuple[bool, int, int]]) -> None:
    desk = open_twin(3, ManualClock()).desk
    account, venue = desk.account, desk.venue
    start = {asset: balance.total for asset, balance in account.balances.items()}
    middle = venue.last_ticks["ETH-USD"]
    for buys, offset, lots in steps:
        side = Side.BUY if buys else Side.SELL
        order = Order(
            order_id=0, owner="1001", pair="ETH-USD", side=side, kind=OrderKind.LIMIT, ticks=middle + offset, lots=lots
        )
        venue.place(order)
        venue.amend(order, middle - offset, lots + 7)
    fills = venue.ledger("1001").fills
    atoms = venue.instruments["ETH-USD"].quote_atoms_per_cell
    bought = sum(f.lots if f.order.side is Side.BUY else -f.lots for f in fills)
    paid = sum(f.ticks * f.lots * (1 if f.order.side is Side.BUY else -1) for f in fills) * atoms
    fees = sum(f.fee_atoms for f in fills)
    assert {f.fee_asset for f in fills} <= {"USD"}
    assert account.balance("ETH").total == start["ETH"] + bought * 10**10
    assert account.balance("USD").total == start["USD"] - paid - fees
    venue.cancel_all("1001")
    assert account.balance("USD").hold == account.balance("ETH").hold == 0
    assert min(account.balance("USD").available, account.balance("ETH").available) >= 0


def test_two_pairs_share_a_book_but_not_their_wallets() -> None:
    desk = open_twin(2, ManualClock()).desk
    venue = desk.venue
    best = venue.books["ETH-USD"].bids.best()
    assert best is not None and venue.books["ETH-USDC"] is venue.books["ETH-USD"]
    order = Order(
        order_id=0, owner="1001", pair="ETH-USDC", side=Side.BUY, kind=OrderKind.LIMIT, ticks=best + 1, lots=100
    )
    venue.drain()
    venue.place(order)
    stop = StopOrder(
        order_id=0,
        owner="1001",
        pair="ETH-USDC",
        side=Side.SELL,
        kind=StopKind.STOP,
        rises=False,
        stop_ticks=best + 1,
        lots=50,
    )
    venue.place_stop(stop)
    venue.take("ETH-USD", Side.SELL, best + 1, 100)
    events = venue.drain()
    assert {event.pair for event in events if isinstance(event, BookChange | Execution)} == {"ETH-USD"}
    assert order.filled_lots == 100 and desk.account.balance("USDC").total < 20_000 * DOLLAR
    assert desk.account.balance("USD").total == 50_000 * DOLLAR
    assert stop.triggered_order_id, "a stop on one pair sees the trades of the other"


def test_an_account_is_introduced_by_any_of_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    desk = open_twin(7, ManualClock()).desk
    assert desk.credentials is desk.keys["ecdsa"]
    desk.choose_key("ed25519")
    assert desk.credentials is desk.keys["ed25519"]
    for credentials in desk.keys.values():
        found = desk.accounts.by_key(credentials.api_key)
        assert found is not None and found[1] is desk.account
    with pytest.raises(UnknownKey, match="ecdsa, ed25519, view-only"):
        desk.choose_key("rsa")
    assert main(["coinbase", "--key", "rsa"]) == 2
    assert "'rsa'" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "coinbase: ecdsa, ed25519, view-only" in " ".join(capsys.readouterr().out.split())


def test_the_process_names_the_key_that_was_asked_for() -> None:
    start = "import sys; from app.paper.server import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", start, "coinbase", "--key", "ed25519", "--until-stdin-closes"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    first = json.loads(ended.stdout)
    port = first["rest"].removeprefix("http://127.0.0.1:")
    assert (first["ws_public"], first["ws_private"]) == (f"ws://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/user")
    assert (first["exchange"], first["passphrase"], first["pairs"][0]) == ("coinbase", "", "BTC-USD")
    assert len(base64.b64decode(first["secret_key"])) == 64 and ended.returncode == 0


def test_the_same_seed_opens_the_same_account() -> None:
    first, second, other = open_twin(7, ManualClock()), open_twin(7, ManualClock()), open_twin(8, ManualClock())
    assert first.desk.keys == second.desk.keys
    assert first.desk.keys["ecdsa"].secret_key != other.desk.keys["ecdsa"].secret_key
    assert first.desk.venue.last_ticks == second.desk.venue.last_ticks
    assert "PRIVATE" not in repr(first.desk.credentials)


def test_what_is_left_of_a_rate_limit() -> None:
    limits = RateLimits({"public": 2.0}, ManualClock())
    assert limits.remaining("me", "public") == 2
    limits.allow("me", "public")
    assert (limits.remaining("me", "public"), limits.remaining("you", "public")) == (1, 2)


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (1700000000000, "2023-11-14T22:13:20Z"),
        (1700000000120, "2023-11-14T22:13:20.12Z"),
        (1700000000007, "2023-11-14T22:13:20.007Z"),
    ],
)
def test_times_have_no_trailing_zeros(time_ms: int, text: str) -> None:
    assert stamp(time_ms) == text
    assert milliseconds(text) == time_ms
    assert stamp_ns(time_ms * 1_000_000 + 1).startswith(text[:19])


words = st.sampled_from(["BTC-USD", "BTC-USDC", "BUY", "SELL", "STOP_DIRECTION_STOP_UP", "2030-01-01T00:00:00Z", ""])
numbers = st.one_of(
    st.decimals().map(str), st.floats(), st.integers(), st.sampled_from(["1", "0.001", "90000", "1e30"])
)
values = st.one_of(words, numbers, st.none(), st.booleans(), st.text(max_size=5), st.lists(st.integers(), max_size=2))
valid = {"base_size": "0.001", "limit_price": "90000", "stop_price": "200000", "end_time": "2099-01-01T00:00:00Z"}
names = [*valid, "quote_size", "post_only", "stop_direction", "stop_trigger_price"]
kinds = st.sampled_from(
    "market_market_ioc limit_limit_gtc limit_limit_gtd limit_limit_fok sor_limit_ioc stop_limit_stop_limit_gtc "
    "stop_limit_stop_limit_gtd trigger_bracket_gtc trigger_bracket_gtd market_market_fok twap_limit_gtd x".split()
)
terms = st.dictionaries(st.sampled_from(names), values).map(lambda changes: valid | changes)
configurations = st.one_of(st.dictionaries(kinds, st.one_of(terms, values), max_size=2), values)
bodies = st.fixed_dictionaries(
    {"product_id": st.one_of(st.just("BTC-USD"), values), "side": st.one_of(st.just("BUY"), values)},
    optional={"order_configuration": configurations},
)


@settings(max_examples=300, deadline=None)
@given(bodies)
def test_every_body_becomes_an_order_or_a_reason(body: Any) -> None:
    try:
        record = TWIN.rules.record(body, TWIN.desk.account, "portfolio")
    except OrderRefused as refused:
        assert refused.reason in MESSAGES
        json.dumps(refused.body(None))
    except ApiError as error:
        assert (error.status, error.error) == (400, "INVALID_ARGUMENT")
    else:
        assert (record.order.lots > 0) != (record.order.cells > 0)
        assert (record.order.ticks > 0) == (record.kind is not Kind.MARKET)
