"""The HTX twin's account stream: orders, clearings with fees, balances in their modes; and orders over a socket."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.core.types import Side

from .htx_client import running


@pytest.mark.asyncio
async def test_an_order_from_creation_to_cancellation() -> None:
    async with running() as here:
        stream = await here.logged_in()
        ack = await stream.subscribe("orders#btcusdt")
        assert ack == {"action": "sub", "code": 200, "ch": "orders#btcusdt", "data": {}}
        order_id = int(await here.trader.order("btcusdt", "buy-limit", "0.01", "90000", client_order_id="o1"))
        created = await stream.push("orders#btcusdt")
        expected = {"eventType": "creation", "orderStatus": "submitted", "orderId": order_id, "symbol": "btcusdt"}
        expected |= {"type": "buy-limit", "orderPrice": "90000", "orderSize": "0.01", "clientOrderId": "o1"}
        assert created.items() >= expected.items() and created["accountId"] == int(await here.trader.spot_id())
        await here.trader.cancel(str(order_id))
        gone = await stream.push("orders#btcusdt")
        assert (gone["eventType"], gone["orderStatus"], gone["remainAmt"]) == ("cancellation", "canceled", "0.01")
        assert gone["execAmt"] == "0" and gone["lastActTime"] >= created["orderCreateTime"]


@pytest.mark.asyncio
async def test_a_maker_fill_and_its_fee() -> None:
    async with running() as here:
        stream = await here.logged_in()
        await stream.subscribe("trade.clearing#*#0")
        await stream.subscribe("orders#*")
        bid, _ = here.best("BTC-USDT")
        price = str((bid + Decimal("0.01")).normalize())
        await here.trader.order("btcusdt", "buy-limit", "0.02", price)
        here.hit("BTC-USDT", Side.SELL, price, "0.005")
        trade = await stream.until(lambda f: f.get("ch") == "orders#*" and f["data"]["eventType"] == "trade")
        data = trade["data"]
        assert (data["tradePrice"], data["tradeVolume"], data["aggressor"]) == (price, "0.005", False)
        assert (data["execAmt"], data["remainAmt"], data["orderStatus"]) == ("0.005", "0.015", "partial-filled")
        assert "transactFee" not in data
        cleared = await stream.push("trade.clearing#*#0")
        assert (cleared["transactFee"], cleared["feeCurrency"], cleared["tradeId"]) == (
            "0.00001",
            "btc",
            data["tradeId"],
        )
        assert (cleared["orderType"], cleared["orderSide"], cleared["source"]) == ("buy-limit", "buy", "spot-api")


@pytest.mark.asyncio
async def test_a_push_may_name_the_concrete_symbol() -> None:
    async with running() as here:
        here.twin.user_feed.names_symbols = True
        stream = await here.logged_in()
        await stream.subscribe("orders#*")
        order_id = await here.trader.order("ethusdt", "buy-limit", "0.1", "3400")
        assert (await stream.push("orders#ethusdt"))["orderId"] == int(order_id)


@pytest.mark.asyncio
async def test_a_market_buy_speaks_in_value() -> None:
    async with running() as here:
        stream = await here.logged_in()
        await stream.subscribe("orders#ethusdt")
        await here.trader.order("ethusdt", "buy-market", "500")
        created = await stream.push("orders#ethusdt")
        assert created["orderValue"] == "500" and "orderSize" not in created and "orderPrice" not in created
        filled = (await stream.until(lambda f: f["data"].get("orderStatus") == "filled"))["data"]
        assert Decimal("495") < Decimal(filled["execAmt"]) <= 500
        assert Decimal(filled["execAmt"]) + Decimal(filled["remainAmt"]) == 500


@pytest.mark.asyncio
async def test_clearings_of_cancellations_only_in_mode_one() -> None:
    async with running() as here:
        stream = await here.logged_in()
        for mode in "01":
            await stream.subscribe(f"trade.clearing#ethusdt#{mode}")
        await here.trader.cancel(await here.trader.order("ethusdt", "buy-limit", "0.1", "3400"))
        cleared = await stream.push("trade.clearing#ethusdt#1")
        assert (cleared["eventType"], cleared["orderStatus"], cleared["remainAmt"]) == (
            "cancellation",
            "canceled",
            "0.1",
        )
        assert not [f for f in stream.seen if f.get("ch") == "trade.clearing#ethusdt#0" and f["action"] == "push"]


@pytest.mark.asyncio
async def test_balances_in_three_modes() -> None:
    async with running() as here:
        stream = await here.logged_in()
        await stream.subscribe("accounts.update#2")
        first = [await stream.push("accounts.update#2") for _ in range(8)]
        usdt = next(row for row in first if row["currency"] == "usdt")
        assert (usdt["balance"], usdt["available"], usdt["accountType"]) == ("50000", "50000", "trade")
        assert {(row["changeType"], row["changeTime"]) for row in first} == {(None, None)}
        both, total, apart = [await here.logged_in() for _ in range(3)]
        for mode, socket in (("2", both), ("0", total), ("1", apart)):
            await socket.subscribe(f"accounts.update#{mode}")
            await socket.until(lambda f: f["data"].get("currency") == "shib")
        order_id = await here.trader.order("btcusdt", "buy-limit", "0.01", "90000")
        held = await both.push("accounts.update#2")
        assert (held["balance"], held["available"], held["changeType"]) == ("50000", "49100", "order.place")
        free = await apart.push("accounts.update#1")
        assert free["available"] == "49100" and "balance" not in free
        await here.trader.cancel(order_id)
        back = await both.push("accounts.update#2")
        assert (back["available"], back["changeType"]) == ("50000", "order.cancel")
        assert int(back["seqNum"]) > int(held["seqNum"])
        await here.trader.order("btcusdt", "sell-market", "0.5")
        moved = await total.push("accounts.update#0")
        assert moved["changeType"] == "order.match" and "available" not in moved


@pytest.mark.asyncio
async def test_conditional_orders_speak_late() -> None:
    async with running() as here:
        stream = await here.logged_in()
        await stream.subscribe("orders#*")
        bid, _ = here.best("BTC-USDT")
        waiting = {"stop_price": str(bid - 50), "operator": "lte"}
        stop = await here.trader.order("btcusdt", "sell-stop-limit", "0.01", str(bid - 100), **waiting)
        dropped = await here.trader.order(
            "btcusdt", "sell-stop-limit", "0.01", str(bid - 100), client_order_id="gone", **waiting
        )
        await here.trader.cancel(dropped)
        deleted = await stream.push("orders#*")
        assert (deleted["eventType"], deleted["clientOrderId"], deleted["orderStatus"]) == (
            "deletion",
            "gone",
            "canceled",
        )
        here.hit("BTC-USDT", Side.SELL, str(bid - 60), "999")
        created = await stream.push("orders#*")
        assert (created["eventType"], created["type"], created["orderId"]) == ("creation", "sell-limit", int(stop))


@pytest.mark.asyncio
async def test_a_trigger_without_funds_is_rejected() -> None:
    async with running() as here:
        stream = await here.logged_in()
        await stream.subscribe("orders#*")
        bid, _ = here.best("BTC-USDT")
        body = {"accountId": await here.trader.spot_id(), "symbol": "btcusdt", "orderSide": "sell", "orderSize": "5"}
        body |= {"orderType": "limit", "orderPrice": str(bid), "clientOrderId": "t1", "stopPrice": str(bid - 1)}
        assert (await here.trader.post("/v2/algo-orders", body))["code"] == 200
        here.hit("BTC-USDT", Side.SELL, str(bid - 60), "999")
        row = await stream.push("orders#*")
        assert (row["eventType"], row["orderStatus"], row["clientOrderId"]) == ("trigger", "rejected", "t1")
        assert row["errCode"] == 1002 and row["errMessage"]
        found = await here.trader.data("/v2/algo-orders/specific", {"clientOrderId": "t1"})
        assert found["orderStatus"] == "rejected"


@pytest.mark.asyncio
async def test_words_that_are_not_known_and_unsubscribing() -> None:
    async with running() as here:
        stream = await here.logged_in()
        for channel in ("orders", "orders#nosuch", "accounts.update#3", "trade.clearing#btcusdt#2", 5):
            await stream.say({"action": "sub", "ch": channel})
            assert (await stream.next())["code"] == 2001
        await stream.say("nonsense")
        assert (await stream.next())["code"] == 2001
        await stream.subscribe("orders#*")
        await stream.say({"action": "unsub", "ch": "orders#*"})
        assert await stream.next() == {"action": "unsub", "code": 200, "ch": "orders#*", "data": {}}
        assert not here.twin.user_feed.listens("orders", "1001")


@pytest.mark.asyncio
async def test_pings_of_a_signed_socket() -> None:
    async with running() as here:
        here.twin.sockets.hurry = 200
        stream = await here.logged_in()
        while sum(f.get("action") == "ping" for f in stream.seen) < 4:
            await stream.subscribe("orders#*")
        ping = next(f for f in stream.seen if f.get("action") == "ping")
        assert ping == {"action": "ping", "data": {"ts": ping["data"]["ts"]}} and not stream.socket.closed


@pytest.mark.asyncio
async def test_orders_over_the_socket() -> None:
    async with running() as here:
        stream = await here.connect("/ws/trade")
        await stream.say({"cid": "0", "ch": "create-order", "params": {}})
        assert (await stream.next())["err-code"] == "login-required"
        await stream.log_in(here.trader)
        body = {"account-id": await here.trader.spot_id(), "symbol": "btcusdt", "type": "buy-limit"}
        body |= {"amount": "0.01", "price": "90000"}
        await stream.say({"cid": "1", "ch": "create-order", "params": body})
        placed = await stream.next()
        assert placed == {"status": "ok", "data": placed["data"], "cid": "1"}
        assert (await here.trader.look_up(placed["data"]))["state"] == "submitted"
        await stream.say({"cid": "2", "ch": "create-batchorder", "params": [body, body | {"amount": "0"}]})
        good, bad = (await stream.next())["data"]
        assert good["order-id"] and bad["err-code"] == "validation-format-error"
        await stream.say({"cid": "3", "ch": "cancel", "params": {"order-ids": [placed["data"]]}})
        assert (await stream.next())["data"]["success"] == [placed["data"]]
        await stream.say({"cid": "4", "ch": "cancelall", "params": {}})
        assert (await stream.next())["data"]["success-count"] == 1
        await stream.say({"cid": "5", "ch": "amend", "params": {}})
        assert (await stream.next())["status"] == "error"
