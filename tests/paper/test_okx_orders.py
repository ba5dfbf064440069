"""Order entry of the OKX twin over REST: what is accepted, what each rule answers, what happens to the money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.core.types import Side
from app.paper.dialects.okx_limits import PER_USER

from .okx_client import OkxTrader, Running, running

LIMIT = {"instId": "BTC-USDT", "side": "buy", "ordType": "limit", "px": "95000", "sz": "0.01"}


async def best(trader: OkxTrader, pair: str, side: str) -> tuple[Decimal, Decimal]:
    (book,) = (await trader.public("/market/books", instId=pair))["data"]
    price, size = book[side][0][:2]
    return Decimal(price), Decimal(size)


@pytest.mark.asyncio
async def test_a_resting_order_from_place_to_cancel() -> None:
    async with running() as here:
        trader = here.trader
        reply = await trader.post("/trade/order", LIMIT | {"tdMode": "cash", "clOrdId": "abc123", "tag": "t1"})
        (row,) = reply["data"]
        assert (trader.status, reply["code"], reply["msg"]) == (200, "0", "")
        assert row == {
            "ordId": row["ordId"],
            "clOrdId": "abc123",
            "tag": "t1",
            "ts": row["ts"],
            "sCode": "0",
            "sMsg": "",
            "subCode": "",
        }
        assert len(row["ordId"]) == 19 and int(reply["outTime"]) >= int(reply["inTime"]) > 10**15
        assert await trader.balance("USDT") == ("49050", "950")
        order = await trader.look_up("BTC-USDT", row["ordId"])
        expected = {
            "state": "live",
            "px": "95000",
            "sz": "0.01",
            "accFillSz": "0",
            "avgPx": "",
            "fillPx": "",
            "fee": "0",
        }
        expected |= {
            "clOrdId": "abc123",
            "tag": "t1",
            "ordType": "limit",
            "side": "buy",
            "tdMode": "cash",
            "tgtCcy": "",
        }
        assert order.items() >= (expected | {"instType": "SPOT", "cancelSource": "", "stpMode": "cancel_maker"}).items()
        assert (await trader.data("/trade/order", instId="BTC-USDT", clOrdId="abc123")) == [order]
        reply = await trader.post("/trade/cancel-order", {"instId": "BTC-USDT", "clOrdId": "abc123"})
        assert (reply["code"], reply["data"][0]["ordId"], reply["data"][0]["sCode"]) == ("0", row["ordId"], "0")
        order = await trader.look_up("BTC-USDT", row["ordId"])
        assert (order["state"], order["cancelSource"]) == ("canceled", "1")
        assert await trader.balance("USDT") == ("50000", "0")
        again = await trader.post("/trade/cancel-order", {"instId": "BTC-USDT", "ordId": row["ordId"]})
        assert (trader.status, again["code"], again["data"][0]["sCode"]) == (200, "1", "51400")


@pytest.mark.asyncio
async def test_market_sizes_are_quote_for_buys_and_base_for_sells_unless_told() -> None:
    async with running() as here:
        trader = here.trader
        bought = await trader.look_up("BTC-USDT", await trader.order("BTC-USDT", "buy", "market", "1000"))
        assert (bought["state"], bought["sz"], bought["tgtCcy"], bought["px"]) == ("filled", "1000", "quote_ccy", "")
        filled, average = Decimal(bought["accFillSz"]), Decimal(bought["avgPx"])
        assert 999 < filled * average <= 1000
        assert (Decimal(bought["fee"]), bought["feeCcy"]) == (-filled * Decimal("0.001"), "BTC")
        assert await trader.balance("BTC") == (str((Decimal("1.5") + filled + Decimal(bought["fee"])).normalize()), "0")
        sold = await trader.look_up("BTC-USDT", await trader.order("BTC-USDT", "sell", "market", "0.02"))
        assert (sold["state"], sold["accFillSz"], sold["tgtCcy"], sold["feeCcy"]) == (
            "filled", "0.02", "base_ccy", "USDT",
        )  # fmt: skip
        by_base = await trader.order("BTC-USDT", "buy", "market", "0.03", tgtCcy="base_ccy")
        assert (await trader.look_up("BTC-USDT", by_base))["accFillSz"] == "0.03"
        by_quote = await trader.order("BTC-USDT", "sell", "market", "500", tgtCcy="quote_ccy")
        order = await trader.look_up("BTC-USDT", by_quote)
        assert 499 < Decimal(order["accFillSz"]) * Decimal(order["avgPx"]) <= 500


@pytest.mark.asyncio
async def test_accepted_is_not_resting() -> None:
    async with running() as here:
        trader = here.trader
        price, size = await best(trader, "BTC-USDT", "asks")
        maker = await trader.look_up(
            "BTC-USDT", await trader.order("BTC-USDT", "buy", "post_only", "0.01", str(price + 10))
        )
        assert (maker["state"], maker["cancelSource"], maker["accFillSz"]) == ("canceled", "31", "0")
        more = str(size + Decimal("0.001"))
        fok = await trader.look_up("BTC-USDT", await trader.order("BTC-USDT", "buy", "fok", more, str(price)))
        assert (fok["state"], fok["cancelSource"], fok["accFillSz"]) == ("canceled", "13", "0")
        ioc = await trader.look_up("BTC-USDT", await trader.order("BTC-USDT", "buy", "ioc", more, str(price)))
        assert (ioc["state"], ioc["cancelSource"], Decimal(ioc["accFillSz"])) == ("canceled", "14", size)
        assert await trader.data("/trade/orders-pending") == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"instId": "NO-SUCH"}, "51001"),
        ({"instId": None}, "50014"),
        ({"side": "long"}, "51000"),
        ({"ordType": "optimal_limit_ioc"}, "51000"),
        ({"ordType": None}, "50014"),
        ({"tdMode": None}, "50014"),
        ({"tdMode": "cross"}, "51010"),
        ({"px": "95000.01"}, "51000"),
        ({"px": "0"}, "51000"),
        ({"px": "NaN"}, "51000"),
        ({"px": None}, "50014"),
        ({"sz": "0.000001"}, "51020"),
        ({"sz": "0.010000001"}, "51121"),
        ({"sz": "-1"}, "51000"),
        ({"sz": True}, "51000"),
        ({"sz": "10"}, "51008"),
        ({"side": "sell", "px": "99000", "sz": "2"}, "51008"),
        ({"px": "150000"}, "51137"),
        ({"side": "sell", "px": "50000"}, "51138"),
        ({"sz": "400"}, "51203"),
        ({"clOrdId": "has-hyphen"}, "51000"),
        ({"clOrdId": "has_underscore"}, "51000"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"tag": "x" * 17}, "51000"),
        ({"stpMode": "none"}, "51000"),
        ({"ordType": "fok", "stpMode": "cancel_both"}, "51000"),
        ({"tradeQuoteCcy": "USDC"}, "51000"),
        ({"attachAlgoOrds": [{"slTriggerPx": "1"}]}, "51000"),
        ({"slippagePct": "0.01"}, "51000"),
        ({"ordType": "market", "sz": "0.5"}, "51020"),
        ({"ordType": "market", "sz": "2000000"}, "51202"),
        ({"ordType": "market", "sz": "11", "tgtCcy": "base_ccy"}, "51201"),
        ({"ordType": "market", "sz": "60000"}, "51008"),
        ({"ordType": "market", "tgtCcy": "usd"}, "51000"),
    ],
)
async def test_a_refusal_hides_in_the_row(change: dict[str, Any], code: str) -> None:
    async with running() as here:
        trader = here.trader
        body = {k: v for k, v in (LIMIT | {"tdMode": "cash"} | change).items() if v is not None}
        reply = await trader.post("/trade/order", body)
        assert (trader.status, reply["code"], reply["msg"]) == (200, "1", "All operations failed")
        (row,) = reply["data"]
        assert (row["sCode"], row["ordId"]) == (code, "") and row["sMsg"]
        assert await trader.balance("USDT") == ("50000", "0")


@pytest.mark.asyncio
async def test_hyphenless_uuid_fits_and_ids_are_unique_among_open_orders() -> None:
    async with running() as here:
        trader, name = here.trader, "0f8fad5bd9cb469fa16570867728950e"
        first = await trader.order("BTC-USDT", "buy", "limit", "0.01", "95000", clOrdId=name)
        assert (await trader.try_order(**LIMIT, clOrdId=name))["sCode"] == "51016"
        await trader.post("/trade/cancel-order", {"instId": "BTC-USDT", "ordId": first})
        second = await trader.order("BTC-USDT", "buy", "limit", "0.01", "95000", clOrdId=name)
        (found,) = await trader.data("/trade/order", instId="BTC-USDT", clOrdId=name)
        assert found["ordId"] == second != first


@pytest.mark.asyncio
async def test_px_amend_type_moves_a_price_to_the_limit() -> None:
    async with running() as here:
        (limit,) = (await here.trader.public("/public/price-limit", instId="ETH-USDT"))["data"]
        order_id = await here.trader.order("ETH-USDT", "sell", "limit", "0.1", "1000", pxAmendType="1")
        assert (await here.trader.look_up("ETH-USDT", order_id))["px"] == limit["sellLmt"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("mode", "maker_state", "taker_fills"),
    [("cancel_maker", "canceled", True), ("cancel_taker", "live", False), ("cancel_both", "canceled", False)],
)
async def test_self_trade_prevention(mode: str, maker_state: str, taker_fills: bool) -> None:
    async with running() as here:
        trader = here.trader
        bid, _ = await best(trader, "ETH-USDT", "bids")
        price = str(bid + Decimal("0.01"))
        maker = await trader.order("ETH-USDT", "buy", "limit", "0.1", price)
        taker = await trader.order("ETH-USDT", "sell", "ioc", "0.1", str(bid), stpMode=mode)
        made, took = await trader.look_up("ETH-USDT", maker), await trader.look_up("ETH-USDT", taker)
        assert made["state"] == maker_state
        assert made["cancelSource"] == ("32" if maker_state == "canceled" else "")
        assert (took["state"] == "filled", took["cancelSource"]) == (taker_fills, "" if taker_fills else "32")


@pytest.mark.asyncio
async def test_amending_keeps_the_id_and_counts_what_is_filled() -> None:
    async with running() as here:
        trader = here.trader
        bid, _ = await best(trader, "ETH-USDT", "bids")
        price = str(bid + Decimal("0.01"))
        order_id = await trader.order("ETH-USDT", "buy", "limit", "0.5", price, clOrdId="mine")

        async def amend(**change: Any) -> str:
            reply = await trader.post("/trade/amend-order", {"instId": "ETH-USDT", "ordId": order_id} | change)
            return str(reply["data"][0]["sCode"])

        here.hit("ETH-USDT", Side.SELL, price, "0.2")
        assert await amend(newSz="0.3") == "0"
        order = await trader.look_up("ETH-USDT", order_id)
        assert (order["state"], order["sz"], order["accFillSz"]) == ("partially_filled", "0.3", "0.2")
        assert (await trader.balance("USDT"))[1] == str((Decimal(price) * Decimal("0.1")).normalize())
        assert await amend(newPx=str(bid - 100), newSz="1") == "0"
        order = await trader.look_up("ETH-USDT", order_id)
        assert (order["px"], order["sz"], order["clOrdId"]) == (str(bid - 100), "1", "mine")
        assert (await trader.balance("USDT"))[1] == str(((bid - 100) * Decimal("0.8")).normalize())
        assert await amend() == "51500"
        assert await amend(newSz="100") == "51502"
        assert await amend(newSz="0.00001") == "51020"
        assert await amend(newPx="9999") == "51137"
        assert await amend(newSz="0.2") == "0"
        assert (await trader.look_up("ETH-USDT", order_id))["state"] == "filled"
        assert await amend(newSz="0.4") == "51503"
        assert (await trader.balance("USDT"))[1] == "0"


@pytest.mark.asyncio
async def test_an_amended_price_may_take_but_not_of_a_post_only_order() -> None:
    async with running() as here:
        trader = here.trader
        ask, _ = await best(trader, "ETH-USDT", "asks")
        shy = await trader.order("ETH-USDT", "buy", "post_only", "0.001", str(ask - 50))
        body = {"instId": "ETH-USDT", "ordId": shy, "newPx": str(ask)}
        assert (await trader.post("/trade/amend-order", body))["data"][0]["sCode"] == "51511"
        assert (await trader.look_up("ETH-USDT", shy))["state"] == "live"
        assert (await trader.post("/trade/amend-order", body | {"cxlOnFail": True}))["data"][0]["sCode"] == "51511"
        assert (await trader.look_up("ETH-USDT", shy))["state"] == "canceled"
        bold = await trader.order("ETH-USDT", "buy", "limit", "0.001", str(ask - 50))
        await trader.post("/trade/amend-order", body | {"ordId": bold})
        order = await trader.look_up("ETH-USDT", bold)
        assert (order["state"], order["avgPx"]) == ("filled", str(ask.normalize()))


@pytest.mark.asyncio
async def test_batches_say_how_much_went_well() -> None:
    async with running() as here:
        trader = here.trader
        good, bad = LIMIT | {"tdMode": "cash"}, LIMIT | {"tdMode": "cash", "sz": "0"}
        mixed = await trader.post("/trade/batch-orders", [good, bad, good])
        assert mixed["code"] == "2" and [row["sCode"] for row in mixed["data"]] == ["0", "51000", "0"]
        assert (await trader.post("/trade/batch-orders", [bad]))["code"] == "1"
        names = [{"instId": "BTC-USDT", "ordId": row["ordId"]} for row in mixed["data"] if row["ordId"]]
        amended = await trader.post("/trade/amend-batch-orders", [name | {"newSz": "0.02"} for name in names])
        assert amended["code"] == "0"
        cancelled = await trader.post("/trade/cancel-batch-orders", names)
        assert cancelled["code"] == "0" and await trader.data("/trade/orders-pending") == []
        for path, code in (
            ("batch-orders", "51111"),
            ("cancel-batch-orders", "51406"),
            ("amend-batch-orders", "51501"),
        ):
            assert (await trader.post(f"/trade/{path}", [good] * 21))["code"] == code


@pytest.mark.asyncio
async def test_bodies_must_be_json_objects_with_a_type() -> None:
    async with running() as here:
        trader = here.trader
        for data, kind, code in (
            ("", "application/json", "50000"),
            ("{", "application/json", "50002"),
            ("[]", "application/json", "50002"),
            ("{}", "text/plain", "50006"),
        ):
            headers = trader.signed("POST", "/api/v5/trade/order", data) | {"Content-Type": kind}
            async with trader.session.post(f"{trader.rest}/api/v5/trade/order", headers=headers, data=data) as reply:
                assert (reply.status, (await reply.json())["code"]) == (400, code)
        assert (await trader.post("/trade/cancel-order", {"instId": "BTC-USDT"}))["data"][0]["sCode"] == "51003"
        assert (await trader.post("/trade/order-precheck", LIMIT))["code"] == "51010"
        assert (await trader.post("/trade/mass-cancel", {}))["code"] == "51411"


@pytest.mark.asyncio
async def test_a_deadline_in_the_past() -> None:
    async with running() as here:
        trader = here.trader
        for deadline_ms, code in ((-1, "50036"), (5000, "0")):
            trader.headers = {"expTime": str(trader.now_ms() + deadline_ms)}
            assert (await trader.post("/trade/order", LIMIT | {"tdMode": "cash"}))["code"] == code


@pytest.mark.asyncio
async def test_cancel_all_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PER_USER, "trade/cancel-all-after", 10)
    async with running() as here:
        trader = here.trader
        for seconds in ("5", "121", "soon"):
            assert (await trader.post("/trade/cancel-all-after", {"timeOut": seconds}))["code"] == "51000"
        order_id = await trader.order("BTC-USDT", "buy", "limit", "0.01", "95000")
        (row,) = (await trader.post("/trade/cancel-all-after", {"timeOut": "10"}))["data"]
        assert 9_000 < int(row["triggerTime"]) - int(row["ts"]) <= 10_000
        armed = here.twin.desk.kill_switches.status("1001")
        assert armed is not None and armed.cancels_ms == int(row["triggerTime"])
        here.twin.desk.kill_switches.arm("1001", 0)
        here.twin.desk.kill_switches.fire_due()
        order = await trader.look_up("BTC-USDT", order_id)
        assert (order["state"], order["cancelSource"]) == ("canceled", "20")
        assert (await trader.post("/trade/cancel-all-after", {"timeOut": "0"}))["data"][0]["triggerTime"] == "0"


@pytest.mark.asyncio
async def test_instrument_states_and_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as here:
        trader = here.trader
        for state, code in (("suspend", "51022"), ("preopen", "51021"), ("post_only", "51022"), ("live", "0")):
            here.twin.rules.states["BTC-USDT"] = state
            assert (await trader.try_order(**LIMIT))["sCode"] == code
        here.twin.rules.states["BTC-USDT"] = "post_only"
        assert (await trader.try_order(**LIMIT | {"ordType": "post_only"}))["sCode"] == "0"
        assert await refused_after_a_minute_of_orders(here) == "50011"
        monkeypatch.setattr("app.paper.dialects.okx_rules.MAX_OPEN_PER_PAIR", 0)
        assert (await trader.try_order(**LIMIT | {"instId": "ETH-USDT", "px": "3500"}))["sCode"] == "51174"
        monkeypatch.setattr("app.paper.dialects.okx_trading.ORDERS_PER_ACCOUNT", 1)
        assert (await trader.post("/trade/order", LIMIT | {"instId": "ETH-USDT"}))["code"] == "50061"


async def refused_after_a_minute_of_orders(here: Running) -> str:
    """Sixty orders of one instrument are allowed in two seconds, another instrument has its own sixty."""
    body = {"instId": "SOL-USDT", "ordId": "1"}
    codes = [(await here.trader.post("/trade/cancel-order", body))["code"] for _ in range(61)]
    assert codes[:60] == ["1"] * 60 and here.trader.status == 429
    assert (await here.trader.post("/trade/cancel-order", body | {"instId": "ETH-USDT"}))["code"] == "1"
    return str(codes[60])
