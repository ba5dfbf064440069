"""Whatever a client sends as an order is either an order or an error code; nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.paper.dialects.poloniex import open_twin
from app.paper.dialects.poloniex_errors import MESSAGES, ApiError
from app.paper.orders import OrderKind, StopKind

TWIN = open_twin(1, ManualClock())

words = st.sampled_from(
    ["BTC_USDT", "BTC-USDT", "BUY", "SELL", "MARKET", "LIMIT", "STOP", "TRAILING_STOP", "GTC", "FOK", "10%", ""]
)
numbers = st.one_of(
    st.decimals().map(str), st.floats(), st.integers(), st.sampled_from(["1", "0.001", "90000", "1e30"])
)
values = st.one_of(words, numbers, st.none(), st.booleans(), st.text(max_size=5), st.lists(st.integers(), max_size=2))
names = (
    "symbol side type timeInForce price quantity amount clientOrderId stpMode stopPrice trailingOffset "
    "limitOffset operator slippageTolerance accountType"
).split()
valid = {"symbol": "BTC_USDT", "side": "BUY", "price": "90000", "quantity": "0.001", "amount": "100", "stopPrice": "5"}
bodies = st.one_of(
    st.dictionaries(st.sampled_from(names), values).map(lambda changes: valid | changes),
    st.dictionaries(st.sampled_from(names), values),
    values,
)


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_every_body_becomes_an_order_or_a_code(body: Any) -> None:
    try:
        order = TWIN.rules.order(body, "1001")
        assert order.pair == "BTC-USDT"
        assert (order.lots > 0) != (order.cells > 0)
        assert (order.ticks > 0) == (order.kind is not OrderKind.MARKET)
    except ApiError as error:
        assert error.code in MESSAGES and error.status == 400


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_every_smart_body_becomes_a_stop_or_a_code(body: Any) -> None:
    try:
        stop = TWIN.rules.stop(body, "1001")
        assert (stop.lots > 0) != (stop.cells > 0)
        assert stop.stop_ticks > 0 or stop.kind.is_trailing
        assert (stop.ticks > 0) == (stop.kind is StopKind.STOP_LIMIT)
    except ApiError as error:
        assert error.code in MESSAGES and error.status == 400
