"""Signatures and logins: the sheet's vectors, and what the twin says to wrong ones."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal

import aiohttp
import pytest

from app.paper.accounts import Credentials
from app.paper.dialects.okx_auth import is_signed, signing_text

from .okx_client import OkxTrader, running, sign

SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
AT = "2020-12-08T09:08:57.715Z"
ORDER = b'{"instId":"BTC-USDT","tdMode":"cash","clOrdId":"abc123","side":"buy","ordType":"limit","px":"2.15","sz":"2"}'
VECTORS = [
    (
        "chNOOS4KvNXR_Xq4k4c9qsfoKWvnDecLATCRlcBwyKDYnWgO",
        (AT, "GET", "/api/v5/account/balance", b""),
        "PJ61e1nb2F2Qd7D8SPiaIcx2gjdELc+o0ygzre9z33k=",
    ),
    (SECRET, (AT, "GET", "/api/v5/account/balance?ccy=BTC", b""), "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="),
    (SECRET, (AT, "POST", "/api/v5/trade/order", ORDER), "2oOgCr0VilpiE4aX5JT0tcpBFH5T596+a8jJGExGNhk="),
    (SECRET, ("1704876947", "GET", "/users/self/verify", b""), "5/36BgGV6m/6pmdc20zdqk0mzF5ZalmzzPD2fo3wavU="),
]


@pytest.mark.parametrize(("secret", "call", "signature"), VECTORS)
def test_the_sheets_vectors(secret: str, call: tuple[str, str, str, bytes], signature: str) -> None:
    text = signing_text(*call)
    assert is_signed(text, secret, signature) and sign(secret, text.decode()) == signature
    assert not is_signed(text + b" ", secret, signature)
    assert not is_signed(text, secret.swapcase(), signature)
    assert not any(is_signed(text, secret, wrong) for wrong in ("", "nonsense", "ÄÖ", signature[:-1]))


@pytest.mark.asyncio
async def test_wrong_credentials_have_their_codes() -> None:
    async with running() as here:
        trader = here.trader
        good = trader.key, trader.secret, trader.passphrase
        for name, value, code, message in (
            ("key", "NOBODY", "50111", "Invalid OK-ACCESS-KEY"),
            ("key", "12345678-12345678-12345678-12345678", "50119", "API key doesn't exist"),
            ("secret", "guess", "50113", "Invalid Sign"),
            ("passphrase", "guess", "50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.'),
        ):
            setattr(trader, name, value)
            assert await trader.get("/account/balance") == {"code": code, "msg": message, "data": []}
            assert trader.status == 401
            trader.key, trader.secret, trader.passphrase = good
        for header, code in (("KEY", "50103"), ("PASSPHRASE", "50104"), ("SIGN", "50106"), ("TIMESTAMP", "50107")):
            trader.headers = {f"OK-ACCESS-{header}": ""}
            assert ((await trader.get("/account/balance"))["code"], trader.status) == (code, 401)
        trader.headers = {"OK-ACCESS-TIMESTAMP": str(time.time())}
        assert (await trader.get("/account/balance"))["code"] == "50112"


@pytest.mark.asyncio
@pytest.mark.parametrize(("skew_ms", "code"), [(-29_000, "0"), (29_000, "0"), (-31_000, "50102"), (31_500, "50102")])
async def test_thirty_seconds_around_server_time(skew_ms: int, code: str) -> None:
    async with running() as here:
        here.trader.skew_ms = skew_ms
        assert (await here.trader.get("/account/balance"))["code"] == code


@pytest.mark.asyncio
async def test_query_and_body_belong_to_the_signature() -> None:
    async with running() as here:
        trader = here.trader
        headers = trader.signed("GET", "/api/v5/account/balance", "")
        async with trader.session.get(f"{trader.rest}/api/v5/account/balance?ccy=BTC", headers=headers) as reply:
            assert (await reply.json())["code"] == "50113"
        headers = trader.signed("GET", "/api/v5/account/balance", "{}")
        async with trader.session.get(f"{trader.rest}/api/v5/account/balance", headers=headers) as reply:
            assert (await reply.json())["code"] == "50113"
        signed, sent = '{"timeOut":"0"}', '{"timeOut": "0"}'
        headers = trader.signed("POST", "/api/v5/trade/cancel-all-after", signed) | {"Content-Type": "application/json"}
        for body, code in ((sent, "50113"), (signed, "0")):
            path = f"{trader.rest}/api/v5/trade/cancel-all-after"
            async with trader.session.post(path, headers=headers, data=body) as reply:
                assert (await reply.json())["code"] == code


@pytest.mark.asyncio
async def test_this_is_not_the_demo_environment() -> None:
    async with running() as here:
        here.trader.headers = {"x-simulated-trading": "1"}
        assert (await here.trader.get("/account/balance"))["code"] == "50101"
        assert (await here.trader.public("/market/ticker", instId="BTC-USDT"))["code"] == "0"


@pytest.mark.asyncio
async def test_a_read_only_key_reads_and_does_not_trade() -> None:
    async with running() as here:
        trader = here.trader
        assert (await trader.data("/account/config"))[0]["perm"] == "read_only,trade"
        assert list(here.twin.desk.keys) == ["hmac", "read-only"]
        key = here.twin.desk.keys["read-only"]
        trader.key, trader.secret = key.api_key, key.secret_key
        assert (await trader.data("/account/config"))[0]["perm"] == "read_only"
        reply = await trader.post("/trade/cancel-all-after", {"timeOut": "0"})
        assert reply["code"] == "50120"
        stream = await here.logged_in()
        await stream.say("order", {"instIdCode": 10000}, id="1")
        assert (await stream.next())["code"] == "50120"


@pytest.mark.asyncio
async def test_a_second_account_sees_only_its_own_orders() -> None:
    async with running() as here:
        keys = Credentials(api_key="A" * 36, secret_key="other", passphrase="two")
        here.twin.desk.accounts.open("2002", 2, here.twin.desk.account.fees, keys, {"USDT": Decimal(100)})
        order_id = await here.trader.order("BTC-USDT", "buy", "limit", "0.01", "90000")
        trader = here.trader
        trader.key, trader.secret, trader.passphrase = keys.api_key, keys.secret_key, keys.passphrase
        assert await trader.data("/trade/orders-pending") == []
        assert (await trader.get("/trade/order", instId="BTC-USDT", ordId=order_id))["code"] == "51603"
        assert await trader.balance("USDT") == ("100", "0")


@pytest.mark.asyncio
async def test_a_login_signs_whole_seconds() -> None:
    async with running() as here:
        stream = await here.connect("private")
        assert (await stream.subscribe("orders", instType="SPOT"))["code"] == "60011"
        reply = await stream.log_in(here.trader)
        assert reply == {"event": "login", "code": "0", "msg": "", "connId": reply["connId"]}
        assert (await stream.log_in(here.trader))["code"] == "60010"
        assert (await stream.subscribe("orders", instType="SPOT"))["event"] == "subscribe"
        public = await here.connect("public")
        assert (await public.log_in(here.trader))["code"] == "60008"
        assert (await (await here.connect("business")).log_in(here.trader))["code"] == "0"
        now = f"{here.trader.now_ms() / 1000:.3f}"
        signature = sign(here.trader.secret, now + "GET/users/self/verify")
        exact = await (await here.connect("private")).log_in(here.trader, timestamp=now, sign=signature)
        assert exact["code"] == "0", "the exchange's own example has decimals"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"apiKey": ""}, "60001"),
        ({"sign": ""}, "60002"),
        ({"passphrase": ""}, "60003"),
        ({"timestamp": "now"}, "60004"),
        ({"timestamp": "1704876947000"}, "60004"),
        ({"timestamp": "1704876947"}, "60006"),
        ({"apiKey": "NOBODY"}, "60005"),
        ({"apiKey": "12345678-12345678-12345678-12345678"}, "60032"),
        ({"passphrase": "guess"}, "60024"),
        ({"sign": "guess"}, "60007"),
    ],
)
async def test_a_failed_login_ends_the_connection(wrong: dict[str, str], code: str) -> None:
    async with running() as here:
        stream = await here.connect("private")
        reply = await stream.log_in(here.trader, **wrong)
        assert (reply["event"], reply["code"]) == ("error", code)
        async with asyncio.timeout(3):
            closed = await stream.socket.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 4001)


@pytest.mark.asyncio
async def test_limits_count_in_windows_of_two_seconds() -> None:
    async with running() as here:
        trader: OkxTrader = here.trader
        answers = [(await trader.get("/account/config"))["code"] for _ in range(6)]
        assert answers == ["0"] * 5 + ["50011"] and trader.status == 429
        assert (await trader.get("/account/balance"))["code"] == "0"
        codes = [(await trader.public("/public/time"))["code"] for _ in range(11)]
        assert codes == ["0"] * 10 + ["50011"]
