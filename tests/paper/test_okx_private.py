"""The private and business sockets: orders, balances, stop orders, order entry, in the sheet's words and types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.core.types import Side

from .okx_client import OkxStream, Running, running


async def rows(stream: OkxStream, channel: str) -> list[dict[str, Any]]:
    """Everything said on a channel since the last call."""
    return [f["data"][0] for f in await stream.drain() if "data" in f and f["arg"]["channel"] == channel]


async def listening(here: Running, *channels: dict[str, Any]) -> OkxStream:
    """Logged in and subscribed; what came first is read already."""
    stream = await here.logged_in()
    for channel in channels:
        assert (await stream.subscribe(**channel))["event"] == "subscribe"
    await stream.drain()
    return stream


ORDERS = {"channel": "orders", "instType": "SPOT"}
ACCOUNT = {"channel": "account", "extraParams": '{"updateInterval":"0"}'}


@pytest.mark.asyncio
async def test_orders_have_no_snapshot_and_say_how_many_listen() -> None:
    async with running() as here:
        await here.trader.order("BTC-USDT", "buy", "limit", "0.01", "95000")
        first, second = await here.logged_in(), await here.logged_in()
        await first.subscribe(**ORDERS)
        await second.subscribe(**ORDERS)
        (count,) = await second.drain()
        assert count == {
            "event": "channel-conn-count",
            "channel": "orders",
            "connCount": "2",
            "connId": count["connId"],
        }
        assert [f["event"] for f in await first.drain()] == ["channel-conn-count"]


@pytest.mark.asyncio
async def test_place_then_cancel() -> None:
    async with running() as here:
        stream = await listening(here, ORDERS, ACCOUNT)
        order_id = await here.trader.order("BTC-USDT", "buy", "limit", "0.01", "95000", clOrdId="app1")
        frames = await stream.drain()
        assert [f["arg"]["channel"] for f in frames] == ["orders", "account"]
        assert frames[0]["arg"] == {"channel": "orders", "instType": "SPOT", "uid": "10001"}
        (placed,) = frames[0]["data"]
        expected = {
            "ordId": order_id,
            "clOrdId": "app1",
            "state": "live",
            "px": "95000",
            "sz": "0.01",
            "ordType": "limit",
        }
        expected |= {"accFillSz": "0", "fillSz": "0", "fillPx": "", "tradeId": "", "fillTime": "", "execType": ""}
        expected |= {
            "fee": "0",
            "feeCcy": "BTC",
            "fillFee": "0",
            "cancelSource": "",
            "reqId": "",
            "code": "0",
            "lever": "",
        }
        assert placed.items() >= expected.items()
        assert all(isinstance(v, str) for k, v in placed.items() if k != "attachAlgoOrds")
        (account,) = frames[1]["data"]
        (held,) = account["details"]
        assert frames[1]["eventType"] == "event_update"
        assert [held[k] for k in ("ccy", "eq", "cashBal", "availBal", "frozenBal", "availEq")] == [
            "USDT", "50000", "50000", "49050", "950", "",
        ]  # fmt: skip
        await here.trader.post("/trade/cancel-order", {"instId": "BTC-USDT", "ordId": order_id})
        frames = await stream.drain()
        (canceled,) = frames[0]["data"]
        assert (canceled["state"], canceled["cancelSource"]) == ("canceled", "1")
        assert frames[1]["data"][0]["details"][0]["availBal"] == "50000"


@pytest.mark.asyncio
async def test_one_item_for_each_fill_with_cumulative_fee() -> None:
    async with running() as here:
        stream = await listening(here, ORDERS)
        order_id = await here.trader.order("BTC-USDT", "buy", "market", "45000")
        placed, *fills = await rows(stream, "orders")
        assert (placed["state"], placed["avgPx"], placed["tgtCcy"]) == ("live", "0", "quote_ccy")
        assert len(fills) > 1 and len({f["tradeId"] for f in fills}) == len(fills)
        amount = fee = Decimal(0)
        for fill in fills:
            amount += Decimal(fill["fillSz"])
            fee += Decimal(fill["fillFee"])
            assert (Decimal(fill["accFillSz"]), Decimal(fill["fee"])) == (amount, fee)
            assert Decimal(fill["fillFee"]) == -Decimal(fill["fillSz"]) * Decimal("0.001")
            assert (fill["execType"], fill["fillFeeCcy"], fill["feeCcy"]) == ("T", "BTC", "BTC")
            assert int(fill["fillTime"]) > 0
        assert [f["state"] for f in fills] == ["partially_filled"] * (len(fills) - 1) + ["filled"]
        listed = await here.trader.data("/trade/fills", instType="SPOT", ordId=order_id)
        assert [f["tradeId"] for f in listed] == [f["tradeId"] for f in fills][::-1]
        assert [f["fee"] for f in listed] == [f["fillFee"] for f in fills][::-1], "per fill in the list"
        assert (await here.trader.look_up("BTC-USDT", order_id))["fee"] == fills[-1]["fee"], "cumulative in the order"


@pytest.mark.asyncio
async def test_a_resting_order_is_hit_as_maker_and_pays_less() -> None:
    async with running() as here:
        stream = await listening(here, ORDERS, {"channel": "balance_and_position"})
        (ticker,) = (await here.trader.public("/market/ticker", instId="ETH-USDT"))["data"]
        price = str(Decimal(ticker["askPx"]) - Decimal("0.01"))
        await here.trader.order("ETH-USDT", "sell", "post_only", "0.5", price)
        await stream.drain()
        here.hit("ETH-USDT", Side.BUY, price, "0.2")
        frames = await stream.drain()
        (fill,) = frames[0]["data"]
        cost = Decimal(price) * Decimal("0.2")
        assert (fill["state"], fill["execType"], fill["fillSz"]) == ("partially_filled", "M", "0.2")
        assert (Decimal(fill["fillFee"]), fill["fillFeeCcy"]) == (-cost * Decimal("0.0008"), "USDT")
        (change,) = frames[1]["data"]
        assert frames[1]["arg"]["channel"] == "balance_and_position" and change["eventType"] == "filled"
        totals = {row["ccy"]: Decimal(row["cashBal"]) for row in change["balData"]}
        assert totals == {"ETH": Decimal("11.8"), "USDT": 50000 + cost + Decimal(fill["fillFee"])}


@pytest.mark.asyncio
async def test_a_post_only_order_that_would_take_is_told_as_canceled_31() -> None:
    async with running() as here:
        stream = await listening(here, ORDERS)
        (limit,) = (await here.trader.public("/public/price-limit", instId="ETH-USDT"))["data"]
        await here.trader.order("ETH-USDT", "buy", "post_only", "0.1", limit["buyLmt"])
        assert [(r["state"], r["cancelSource"]) for r in await rows(stream, "orders")] == [
            ("live", ""),
            ("canceled", "31"),
        ]


@pytest.mark.asyncio
async def test_an_amendment_is_told_with_its_request_id() -> None:
    async with running() as here:
        stream = await listening(here, ORDERS)
        order_id = await here.trader.order("BTC-USDT", "buy", "limit", "0.01", "95000")
        body = {"instId": "BTC-USDT", "ordId": order_id, "newSz": "0.02", "newPx": "94000", "reqId": "r1"}
        (answer,) = (await here.trader.post("/trade/amend-order", body))["data"]
        assert (answer["sCode"], answer["reqId"]) == ("0", "r1")
        _, amended = await rows(stream, "orders")
        told = [amended[k] for k in ("amendResult", "amendSource", "reqId", "sz", "px", "state", "ordId")]
        assert told == ["0", "1", "r1", "0.02", "94000", "live", order_id]
        await here.trader.post("/trade/cancel-order", {"instId": "BTC-USDT", "ordId": order_id})
        (canceled,) = await rows(stream, "orders")
        assert (canceled["reqId"], canceled["amendResult"]) == ("", "")


@pytest.mark.asyncio
async def test_channels_can_be_narrowed() -> None:
    async with running() as here:
        stream = await listening(
            here, ORDERS | {"instId": "ETH-USDT"}, {"channel": "orders", "instType": "MARGIN"}, ACCOUNT | {"ccy": "SOL"}
        )
        await here.trader.order("BTC-USDT", "buy", "limit", "0.01", "95000")
        await here.trader.order("ETH-USDT", "buy", "limit", "0.1", "3500")
        frames = await stream.drain()
        assert [f["data"][0]["instId"] for f in frames] == ["ETH-USDT"]
        assert frames[0]["arg"]["instId"] == "ETH-USDT"


@pytest.mark.asyncio
async def test_the_account_is_told_at_once_and_regularly_unless_that_is_declined() -> None:
    async with running() as here:
        often, seldom = await here.logged_in(), await here.logged_in()
        await often.subscribe("account")
        first = await often.data("account")
        assert (first["eventType"], first["curPage"], first["lastPage"]) == ("snapshot", 1, True)
        (account,) = first["data"]
        assert len(account["details"]) == 8 and Decimal(account["totalEq"]) > 250_000
        await seldom.subscribe(**ACCOUNT)
        await seldom.data("account")
        here.twin.feed.tell_accounts()
        assert (await often.data("account"))["eventType"] == "snapshot"
        assert await seldom.drain() == []
        assert (await seldom.subscribe("account", extraParams="{"))["code"] == "60013"
        assert (await seldom.subscribe("fills"))["code"] == "64003"


@pytest.mark.asyncio
async def test_thirty_connections_for_a_channel() -> None:
    async with running() as here:
        for _ in range(30):
            await (await here.logged_in()).subscribe(**ORDERS)
        last = await here.logged_in()
        assert (await last.subscribe(**ORDERS))["event"] == "subscribe"
        (refused,) = await last.drain()
        assert (refused["event"], refused["connCount"]) == ("channel-conn-count-error", "30")
        await here.trader.order("BTC-USDT", "buy", "limit", "0.01", "95000")
        assert await last.drain() == []


@pytest.mark.asyncio
async def test_order_entry_over_the_socket_names_instruments_by_number() -> None:
    async with running() as here:
        stream = await listening(here, ORDERS)
        terms = {"tdMode": "cash", "side": "buy", "ordType": "limit", "px": "95000", "sz": "0.01"}

        async def ask(op: str, *args: dict[str, Any], **more: Any) -> dict[str, Any]:
            await stream.say(op, *args, id="1512", **more)
            reply: dict[str, Any] = await stream.until(lambda f: "op" in f)
            assert (reply["id"], reply["op"]) == ("1512", op)
            return reply

        named = await ask("order", terms | {"instId": "BTC-USDT"})
        assert (named["code"], named["data"][0]["sCode"]) == ("1", "50014")
        for wrong, code in (("10000", "51000"), (77, "51001")):
            assert (await ask("order", terms | {"instIdCode": wrong}))["data"][0]["sCode"] == code
        placed = await ask("order", terms | {"instIdCode": 10000, "instId": "ETH-USDT", "clOrdId": "ws1"})
        (row,) = placed["data"]
        assert (placed["code"], row["sCode"], row["clOrdId"]) == ("0", "0", "ws1")
        assert (await here.trader.look_up("BTC-USDT", row["ordId"]))["state"] == "live", "instId is ignored"
        name = {"instIdCode": 10000, "ordId": row["ordId"]}
        assert (await ask("amend-order", name | {"newSz": "0.02"}))["code"] == "0"
        assert (await ask("cancel-order", name))["code"] == "0"
        assert (await ask("cancel-order", name))["data"][0]["sCode"] == "51400"
        mixed = await ask("batch-orders", terms | {"instIdCode": 10000}, terms | {"instIdCode": 10000, "sz": "9"})
        assert mixed["code"] == "2" and [r["sCode"] for r in mixed["data"]] == ["0", "51008"]
        gone = await ask("batch-cancel-orders", {"instIdCode": 10000, "ordId": mixed["data"][0]["ordId"]})
        assert gone["code"] == "0"
        assert (await ask("order", terms | {"instIdCode": 10000}, expTime="1"))["code"] == "50036"
        assert (await ask("order", terms, terms))["code"] == "60013"


STOP = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "trigger", "sz": "0.01"}


@pytest.mark.asyncio
async def test_a_trigger_order_waits_and_releases_an_ordinary_one() -> None:
    async with running() as here:
        trader = here.trader
        orders = await listening(here, ORDERS)
        stream = await here.logged_in("business")
        await stream.subscribe("orders-algo", instType="SPOT")
        (ticker,) = (await trader.public("/market/ticker", instId="BTC-USDT"))["data"]
        trigger = str(Decimal(ticker["askPx"]) + 10)
        body = STOP | {"triggerPx": trigger, "orderPx": "95000", "triggerPxType": "last", "algoClOrdId": "stop1"}
        reply = await trader.post("/trade/order-algo", body)
        (row,) = reply["data"]
        assert (reply["code"], row["sCode"], row["algoClOrdId"]) == ("0", "0", "stop1")
        assert (await trader.post("/trade/order-algo", body))["data"][0]["sCode"] == "51068"
        assert await trader.balance("USDT") == ("50000", "0"), "funds are held on triggering"
        (waiting,) = await trader.data("/trade/orders-algo-pending", ordType="trigger")
        told = [waiting[k] for k in ("algoId", "state", "triggerPx", "ordPx", "sz", "ordType", "side")]
        assert told == [row["algoId"], "live", trigger, "95000", "0.01", "trigger", "buy"]
        assert await rows(orders, "orders") == []
        here.hit("BTC-USDT", Side.BUY, "200000", "3")
        (placed,) = await rows(orders, "orders")
        assert (placed["algoId"], placed["algoClOrdId"], placed["source"], placed["state"]) == (
            row["algoId"], "stop1", "6", "live",
        )  # fmt: skip
        live, effective = await rows(stream, "orders-algo")
        assert (live["state"], effective["state"], effective["ordId"]) == ("live", "effective", placed["ordId"])
        (one,) = await trader.data("/trade/order-algo", algoId=row["algoId"])
        assert (one["state"], one["ordIdList"]) == ("effective", [placed["ordId"]])
        assert await trader.data("/trade/orders-algo-history", ordType="trigger", state="effective") == [one]
        order = await trader.look_up("BTC-USDT", placed["ordId"])
        assert (order["px"], order["sz"], order["algoId"]) == ("95000", "0.01", row["algoId"])


@pytest.mark.asyncio
async def test_take_profit_and_stop_loss() -> None:
    async with running() as here:
        trader = here.trader
        (ticker,) = (await trader.public("/market/ticker", instId="BTC-USDT"))["data"]
        last = Decimal(ticker["last"])
        base = STOP | {"ordType": "conditional", "side": "sell"}
        gain, loss = {"tpTriggerPx": str(last + 50), "tpOrdPx": "-1"}, {"slTriggerPx": str(last - 50), "slOrdPx": "-1"}
        for change, code in (
            (gain, "0"),
            (loss, "0"),
            ({"tpTriggerPx": str(last - 50), "tpOrdPx": "-1"}, "51279"),
            ({"slTriggerPx": str(last + 50), "slOrdPx": "-1"}, "51280"),
            (gain | {"side": "buy", "sz": "100"}, "51277"),
            (loss | {"side": "buy", "sz": "100"}, "51278"),
            ({"slTriggerPx": str(last - 50)}, "50014"),
            ({"slTriggerPx": str(last - 50), "slOrdPx": "-1", "slTriggerPxType": "mark"}, "51000"),
            (gain | {"ordType": "oco"}, "51000"),
        ):
            assert (await trader.post("/trade/order-algo", base | change))["data"][0]["sCode"] == code, change
        kept, hit = await trader.data("/trade/orders-algo-pending", ordType="conditional")
        assert (kept["slTriggerPx"], kept["slOrdPx"], hit["tpTriggerPx"]) == (str(last - 50), "-1", str(last + 50))
        here.hit("BTC-USDT", Side.BUY, "200000", "3")
        (done,) = await trader.data("/trade/orders-algo-history", ordType="conditional", state="effective")
        assert (done["algoId"], done["actualSide"]) == (hit["algoId"], "tp")
        order = await trader.look_up("BTC-USDT", done["ordId"])
        assert (order["state"], order["ordType"], order["source"]) == ("filled", "market", "7")
        names = [{"instId": "BTC-USDT", "algoId": a} for a in (kept["algoId"], done["algoId"])]
        cancelled = await trader.post("/trade/cancel-algos", names)
        assert cancelled["code"] == "2" and [r["sCode"] for r in cancelled["data"]] == ["0", "51400"]
        assert (await trader.post("/trade/cancel-algos", names * 6))["code"] == "51406"


@pytest.mark.asyncio
async def test_a_stop_without_funds_fails_when_it_triggers() -> None:
    async with running() as here:
        (ticker,) = (await here.trader.public("/market/ticker", instId="BTC-USDT"))["data"]
        body = STOP | {"sz": "9", "triggerPx": ticker["askPx"], "orderPx": "-1"}
        (row,) = (await here.trader.post("/trade/order-algo", body))["data"]
        here.hit("BTC-USDT", Side.BUY, ticker["askPx"], "3")
        (failed,) = await here.trader.data("/trade/order-algo", algoId=row["algoId"])
        assert (failed["state"], failed["failCode"]) == ("order_failed", "51008")
        assert (await here.trader.get("/trade/orders-algo-history", ordType="trigger"))["code"] == "50015"
        assert (await here.trader.get("/trade/orders-algo-pending"))["code"] == "50014"
