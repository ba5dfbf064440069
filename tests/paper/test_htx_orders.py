"""Order entry of the HTX twin over REST: what is accepted, what each rule answers, what happens to the money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.core.types import Side

from .htx_client import HtxTrader, Running, running


async def refusal(trader: HtxTrader, *terms: str, **more: str) -> str:
    reply = await trader.try_order(*terms, **more)
    assert (reply["status"], reply["data"]) == ("error", None), reply
    return str(reply["err-code"])


@pytest.mark.asyncio
async def test_a_resting_order_from_place_to_cancel() -> None:
    async with running() as here:
        trader = here.trader
        order_id = await trader.order("btcusdt", "buy-limit", "0.01", "95000.1", client_order_id="app-1")
        assert len(order_id) == 15 and await trader.balance("usdt") == ("49049.999", "950.001")
        account = int(await trader.spot_id())
        (row,) = await trader.data("/v1/order/openOrders", {"account-id": account, "symbol": "btcusdt"})
        expected = {"id": int(order_id), "symbol": "btcusdt", "account-id": account, "client-order-id": "app-1"}
        expected |= {"amount": "0.01", "price": "95000.1", "type": "buy-limit", "source": "spot-api"}
        zeros = {"filled-amount": "0", "filled-cash-amount": "0", "filled-fees": "0"}
        assert row == expected | zeros | {"state": "submitted", "created-at": row["created-at"]}
        order = await trader.look_up(order_id)
        assert "filled-amount" not in order and (order["field-amount"], order["field-cash-amount"]) == ("0", "0")
        assert await trader.data("/v1/order/orders/getClientOrder", {"clientOrderId": "app-1"}) == order
        assert await trader.cancel(order_id) == {"status": "ok", "data": order_id}
        assert (await trader.look_up(order_id))["state"] == "canceled"
        assert await trader.balance("usdt") == ("50000", "0")
        again = await trader.cancel(order_id)
        assert (again["err-code"], again["order-state"]) == ("order-orderstate-error", 7)
        assert (await trader.cancel("123"))["err-code"] == "base-record-invalid"


@pytest.mark.asyncio
async def test_a_market_buy_counts_value_and_a_sale_base() -> None:
    async with running() as here:
        trader = here.trader
        bought = await trader.look_up(await trader.order("ethusdt", "buy-market", "1000.12345678"))
        assert (bought["type"], bought["amount"], bought["state"]) == ("buy-market", "1000.12345678", "filled")
        assert Decimal("995") < Decimal(bought["field-cash-amount"]) <= Decimal("1000.12345678")
        amount, fee = Decimal(bought["field-amount"]), Decimal(bought["field-fees"])
        assert fee == amount * Decimal("0.002")
        assert Decimal((await trader.balance("eth"))[0]) == 12 + amount - fee
        sold = await trader.look_up(await trader.order("ethusdt", "sell-market", "0.5"))
        assert (sold["field-amount"], sold["state"]) == ("0.5", "filled")
        fills = await trader.data("/v1/order/matchresults", {"symbol": "ethusdt"})
        assert {(f["role"], f["fee-currency"], f["type"]) for f in fills} == {
            ("taker", "eth", "buy-market"),
            ("taker", "usdt", "sell-market"),
        }
        mine = await trader.data(f"/v1/order/orders/{bought['id']}/matchresults")
        assert sum(Decimal(f["filled-amount"]) for f in mine) == amount
        assert sum(Decimal(f["filled-fees"]) for f in mine) == fee


@pytest.mark.asyncio
async def test_every_rule_has_its_code() -> None:
    async with running() as here:
        trader = here.trader
        for terms, code in (
            (("nosuch", "buy-limit", "0.01", "90000"), "base-symbol-error"),
            (("btcusdt", "buy-iceberg", "0.01", "90000"), "validation-format-error"),
            (("btcusdt", "buy-limit", "0.01"), "validation-constraints-required"),
            (("btcusdt", "buy-limit", "x", "90000"), "validation-format-error"),
            (("btcusdt", "buy-limit", "0.00009", "90000"), "order-limitorder-amount-min-error"),
            (("btcusdt", "buy-limit", "1001", "90000"), "order-limitorder-amount-max-error"),
            (("btcusdt", "sell-market", "0.00009"), "order-marketorder-amount-min-error"),
            (("btcusdt", "sell-market", "101"), "order-marketorder-amount-max-error"),
            (("btcusdt", "buy-limit", "0.0001", "90000"), "order-value-min-error"),
            (("btcusdt", "buy-market", "9.99"), "order-value-min-error"),
            (("btcusdt", "buy-market", "1000001"), "order-value-max-error"),
            (("btcusdt", "buy-limit", "0.01", "90000.123"), "order-orderprice-precision-error"),
            (("btcusdt", "buy-limit", "0.0100001", "90000"), "order-orderamount-precision-error"),
            (("btcusdt", "buy-market", "100.123456789"), "order-orderamount-precision-error"),
            (("btcusdt", "buy-limit", "0.01", "120000"), "order-limitorder-price-buy-max-error"),
            (("btcusdt", "sell-limit", "0.01", "80000"), "order-limitorder-price-sell-min-error"),
            (("btcusdt", "buy-limit", "1", "90000"), "account-frozen-balance-insufficient-error"),
        ):
            if terms == ("btcusdt", "buy-limit", "0.0001", "90000"):
                terms = ("btcusdt", "buy-limit", "0.0001", "9000")
            assert await refusal(trader, *terms) == code, terms
        good = ("btcusdt", "buy-limit", "0.01", "90000")
        assert await refusal(trader, *good, source="margin-api") == "validation-format-error"
        assert await refusal(trader, *good, client_order_id="a b") == "validation-format-error"
        assert await refusal(trader, *good, account_id="1") == "account-get-accounts-inexistent-error"
        await trader.order(*good, client_order_id="twice")
        assert await refusal(trader, *good, client_order_id="twice") == "invalid.client.order.id"
        assert await trader.balance("usdt") == ("49100", "900")


@pytest.mark.asyncio
async def test_halts() -> None:
    async with running() as here:
        trader = here.trader
        order_id = await trader.order("btcusdt", "buy-limit", "0.01", "90000")
        good = ("btcusdt", "buy-limit", "0.01", "90000")
        here.twin.market.states["BTC-USDT"] = "suspend"
        assert await refusal(trader, *good) == "base-symbol-trade-disabled"
        here.twin.market.states.clear()
        for status, cancelled in ((2, "cancel-disabled"), (3, None)):
            here.twin.market.market_status = {"marketStatus": status}
            assert await refusal(trader, *good) == "order-disabled"
            assert (await trader.cancel(order_id)).get("err-code") == cancelled


@pytest.mark.asyncio
async def test_maker_immediate_and_whole_orders() -> None:
    async with running() as here:
        trader = here.trader
        bid, ask = here.best("LTC-USDT")
        for kind, price, amount, state in (
            ("buy-limit-maker", ask, "1", "canceled"),
            ("buy-limit-maker", bid, "1", "submitted"),
            ("buy-ioc", bid - 1, "1", "canceled"),
            ("buy-ioc", ask, "300", "partial-canceled"),
            ("buy-limit-fok", ask, "300", "canceled"),
            ("buy-limit-fok", ask + 2, "1", "filled"),
        ):
            order_id = await trader.order("ltcusdt", kind, amount, str(price))
            order = await trader.look_up(order_id)
            assert (order["type"], order["state"]) == (kind, state)


@pytest.mark.asyncio
async def test_a_maker_is_filled_in_parts() -> None:
    async with running() as here:
        trader = here.trader
        bid, _ = here.best("BTC-USDT")
        price = str(bid + Decimal("0.01"))
        order_id = await trader.order("btcusdt", "buy-limit", "0.02", price)
        here.hit("BTC-USDT", Side.SELL, price, "0.005")
        order = await trader.look_up(order_id)
        assert (order["state"], order["field-amount"], order["finished-at"]) == ("partial-filled", "0.005", 0)
        assert (await trader.data(f"/v1/order/orders/{order_id}/matchresults"))[0]["role"] == "maker"
        await trader.cancel(order_id)
        assert (await trader.look_up(order_id))["state"] == "partial-canceled"
        assert (await trader.cancel(order_id))["order-state"] == 5


@pytest.mark.asyncio
async def test_stop_limit_waits_under_its_own_id() -> None:
    async with running() as here:
        trader = here.trader
        bid, ask = here.best("BTC-USDT")
        terms = ("btcusdt", "sell-stop-limit", "0.01", str(bid - 100))
        assert await refusal(trader, *terms, stop_price=str(ask), operator="lte") == "order-stop-order-hit-trigger"
        assert await refusal(trader, *terms, stop_price=str(bid - 50)) == "validation-constraints-required"
        order_id = await trader.order(*terms, stop_price=str(bid - 50), operator="lte")
        (row,) = await trader.data("/v1/order/openOrders", {"account-id": await trader.spot_id(), "symbol": "btcusdt"})
        assert (row["state"], row["type"], row["operator"]) == ("created", "sell-stop-limit", "lte")
        here.hit("BTC-USDT", Side.SELL, str(bid - 60), "999")
        order = await trader.look_up(order_id)
        assert order["type"] == "sell-limit" and order["state"] in ("submitted", "filled", "partial-filled")


@pytest.mark.asyncio
async def test_batches() -> None:
    async with running() as here:
        trader = here.trader
        account = await trader.spot_id()
        good = {"account-id": account, "symbol": "btcusdt", "type": "buy-limit", "amount": "0.01", "price": "90000"}
        rows = await trader.post("/v1/order/batch-orders", [good | {"client-order-id": "b1"}, good | {"price": "x"}])
        first, second = rows["data"]
        assert (first["client-order-id"], second["err-code"]) == ("b1", "validation-format-error")
        assert (await trader.post("/v1/order/batch-orders", [good] * 11))["err-code"] == "validation-format-error"
        other = await trader.order("btcusdt", "buy-limit", "0.01", "90000", client_order_id="b2")
        reply = await trader.post("/v1/order/orders/batchcancel", {"order-ids": [other, "77"]})
        (failed,) = reply["data"]["failed"]
        assert reply["data"]["success"] == [other]
        assert (failed["order-id"], failed["err-code"], failed["order-state"]) == ("77", "base-not-found", -1)
        reply = await trader.post("/v1/order/orders/batchcancel", {"client-order-ids": ["b1", "b2"]})
        assert reply["data"]["success"] == ["b1"] and reply["data"]["failed"][0]["order-state"] == 7
        assert (await trader.post("/v1/order/orders/batchcancel", {}))["status"] == "error"


@pytest.mark.asyncio
async def test_cancel_by_client_id_says_a_number() -> None:
    async with running() as here:
        trader = here.trader
        path = "/v1/order/orders/submitCancelClientOrder"
        await trader.order("btcusdt", "buy-limit", "0.01", "90000", client_order_id="c1")
        states = [await trader.post(path, {"client-order-id": name}) for name in ("c1", "c1", "nobody")]
        assert states == [{"status": "ok", "data": n} for n in (10, 7, 0)]


@pytest.mark.asyncio
async def test_cancel_all_in_portions() -> None:
    async with running() as here:
        trader = here.trader
        for symbol, price in (("btcusdt", "90000"), ("btcusdt", "90001"), ("ethusdt", "3400"), ("ltcusdt", "100")):
            await trader.order(symbol, "buy-limit", "0.2" if symbol != "btcusdt" else "0.01", price)
        path, account = "/v1/order/orders/batchCancelOpenOrders", await trader.spot_id()
        body = {"account-id": account, "symbol": "btcusdt,ethusdt", "side": "buy", "size": "2"}
        first = (await trader.post(path, body))["data"]
        assert first["success-count"] == 2 and first["next-id"] > 0
        assert (await trader.post(path, body))["data"] == {"success-count": 1, "failed-count": 0, "next-id": -1}
        (left,) = await trader.data("/v1/order/openOrders", {"account-id": account})
        assert left["symbol"] == "ltcusdt"
        assert (await trader.post(path, {"side": "sell"}))["data"]["success-count"] == 0


@pytest.mark.asyncio
async def test_history_and_paging() -> None:
    async with running() as here:
        trader = here.trader
        ids = [int(await trader.order("btcusdt", "buy-limit", "0.01", "90000")) for _ in range(4)]
        for order_id in ids[:2]:
            await trader.cancel(str(order_id))
        query: dict[str, Any] = {"symbol": "btcusdt", "states": "canceled,filled"}
        assert [row["id"] for row in await trader.data("/v1/order/orders", query)] == ids[1::-1]
        assert [row["id"] for row in await trader.data("/v1/order/history")] == ids[1::-1]
        account = await trader.spot_id()
        page = {"account-id": account, "symbol": "btcusdt", "size": 1}
        assert [r["id"] for r in await trader.data("/v1/order/openOrders", page)] == ids[3:]
        older = await trader.data("/v1/order/openOrders", page | {"from": ids[3], "direct": "next"})
        newer = await trader.data("/v1/order/openOrders", page | {"from": ids[2], "direct": "prev"})
        assert ([r["id"] for r in older], [r["id"] for r in newer]) == ([ids[2]], [ids[3]])
        now = here.twin.desk.venue.now_ms()
        wide = {"start-time": now - 49 * 3_600_000, "end-time": now}
        assert (await trader.get("/v1/order/orders", query | wide))["status"] == "error"
        old = {"start-time": now - 200 * 86_400_000}
        assert (await trader.get("/v1/order/matchresults", old))["err-code"] == "base-date-limit-error"
        forgotten = here.twin.desk.venue.ledger("1001").orders[ids[0]]
        forgotten.updated_ms -= 3 * 3_600_000
        assert (await trader.get(f"/v1/order/orders/{ids[0]}"))["err-code"] == "base-record-invalid"
        assert (await trader.cancel(str(ids[0])))["order-state"] == -1


@pytest.mark.asyncio
async def test_fees_and_balance_rows() -> None:
    async with running() as here:
        trader = here.trader
        rate = await trader.get("/v2/reference/transact-fee-rate", {"symbols": "btcusdt,ethusdt"})
        assert rate["success"] is True and rate["data"][1] == {
            "symbol": "ethusdt",
            "makerFeeRate": "0.002",
            "takerFeeRate": "0.002",
            "actualMakerRate": "0.002",
            "actualTakerRate": "0.002",
        }
        too_many = await trader.get("/v2/reference/transact-fee-rate", {"symbols": ",".join(["btcusdt"] * 11)})
        assert too_many["code"] == 2002
        data = await trader.data(f"/v1/account/accounts/{await trader.spot_id()}/balance")
        kinds = [row["type"] for row in data["list"] if row["currency"] == "btc"]
        assert (data["type"], kinds) == ("spot", ["trade", "frozen", "lock", "bank"])


async def algo(here: Running, **more: str) -> Any:
    body = {"accountId": await here.trader.spot_id(), "symbol": "btcusdt", "orderSide": "sell", "orderType": "limit"}
    body |= {"orderPrice": "92000", "orderSize": "0.01", "timeInForce": "gtc", "clientOrderId": "a1"} | more
    return await here.trader.post("/v2/algo-orders", body)


@pytest.mark.asyncio
async def test_conditional_orders() -> None:
    async with running() as here:
        trader = here.trader
        bid, _ = here.best("BTC-USDT")
        near = {"stopPrice": str(bid - 50), "orderPrice": str(bid - 100)}
        assert await algo(here, **near) == {"code": 200, "data": {"clientOrderId": "a1"}}
        assert (await algo(here, **near))["code"] == 2002, "the same client id"
        assert (await algo(here, stopPrice="93000", clientOrderId="a2", timeInForce="boc"))["code"] == 2002
        await algo(here, stopPrice="93000", clientOrderId="a3", orderType="market", trailingRate="0.01")
        rows = await trader.data("/v2/algo-orders/opening", {"symbol": "btcusdt"})
        assert [(r["clientOrderId"], r["orderStatus"]) for r in rows] == [("a3", "created"), ("a1", "created")]
        assert await trader.balance("btc") == ("1.5", "0")
        reply = await trader.post("/v2/algo-orders/cancellation", {"clientOrderIds": ["a3", "zz"]})
        assert reply["data"] == {"accepted": ["a3"], "rejected": ["zz"]}
        here.hit("BTC-USDT", Side.SELL, str(bid - 60), "999")
        found = await trader.data("/v2/algo-orders/specific", {"clientOrderId": "a1"})
        assert found["orderStatus"] == "triggered" and await trader.data("/v2/algo-orders/opening") == []
        order = await trader.look_up(found["orderId"])
        assert (order["type"], order["client-order-id"], order["amount"]) == ("sell-limit", "a1", "0.01")
        history = await trader.data("/v2/algo-orders/history", {"symbol": "btcusdt", "orderStatus": "canceled"})
        assert [row["clientOrderId"] for row in history] == ["a3"]


@pytest.mark.asyncio
async def test_cancel_all_after() -> None:
    async with running() as here:
        trader = here.trader
        path = "/v2/algo-orders/cancel-all-after"
        for seconds in ("4", "soon", ""):
            assert (await trader.post(path, {"timeout": seconds}))["code"] == 2002
        order_id = await trader.order("btcusdt", "buy-limit", "0.01", "90000")
        armed = (await trader.post(path, {"timeout": "10"}))["data"]
        assert 9_900 <= armed["triggerTime"] - armed["currentTime"] <= 10_000
        here.twin.desk.kill_switches.arm("1001", 0)
        here.twin.desk.kill_switches.fire_due()
        assert (await trader.look_up(order_id))["state"] == "canceled"
        assert (await trader.post(path, {"timeout": "0"}))["data"]["triggerTime"] == 0
