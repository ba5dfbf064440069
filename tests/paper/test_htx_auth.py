"""HTX signatures and logins: the sheet's texts, and what the twin says to wrong ones; limits and their headers."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

import pytest

from app.paper.accounts import Credentials
from app.paper.dialects.htx_auth import is_signed, signing_text
from app.paper.dialects.htx_limits import Allowance
from app.paper.server import main

from .htx_client import encoded, running, sign

ORDERS = {
    "AccessKeyId": "e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx",
    "SignatureMethod": "HmacSHA256",
    "SignatureVersion": "2",
    "Timestamp": "2017-05-11T15:19:30",
    "order-id": "1234567890",
}
LOGIN = {
    "accessKey": "0664b695-rfhfg2mkl3-abbf6c5d-49810",
    "signatureMethod": "HmacSHA256",
    "signatureVersion": "2.1",
    "timestamp": "2019-12-05T11:53:03",
}


@pytest.mark.parametrize(
    ("path", "fields", "signature"),
    [
        ("/v1/order/orders", ORDERS, "ivo/oPja0MscX+K/xTSDAJ9GU4ziMusmm6tIk8JzpEw="),
        ("/ws/v2", LOGIN, "ONIYhTdF36/ge2nWTBsm3t7i88XrHY38D86fTOHSzkY="),
    ],
)
def test_the_sheets_vectors(path: str, fields: dict[str, str], signature: str) -> None:
    text = signing_text("GET", "api.huobi.pro", path, list(fields.items())[::-1])
    assert text.decode() == f"GET\napi.huobi.pro\n{path}\n{encoded(fields)}"
    assert is_signed(text, "SECRET", signature) and sign("SECRET", text.decode()) == signature
    assert not any(is_signed(text, "SECRET", wrong) for wrong in ("", "ÄÖ", signature[:-2], signature.lower()))


@pytest.mark.asyncio
async def test_wrong_credentials_have_their_texts() -> None:
    async with running() as here:
        trader = here.trader
        key, secret = trader.key, trader.secret
        for name, value, text in (
            ("key", "nobody", "Incorrect Access key"),
            ("secret", "guess", "Verification failure"),
        ):
            setattr(trader, name, value)
            reply = await trader.get("/v1/account/accounts")
            assert (trader.status, reply["status"], reply["err-code"]) == (200, "error", "api-signature-not-valid")
            assert text in reply["err-msg"]
            second = await trader.get("/v2/reference/transact-fee-rate", {"symbols": "btcusdt"})
            assert (second["code"], second["data"]) == (1003, None)
            trader.key, trader.secret = key, secret
        assert (await trader.public("/v1/account/accounts"))["err-code"] == "api-signature-not-valid"


@pytest.mark.asyncio
@pytest.mark.parametrize(("skew_s", "status"), [(-55, "ok"), (55, "ok"), (-65, "error"), (65, "error")])
async def test_a_minute_around_server_time(skew_s: float, status: str) -> None:
    async with running() as here:
        here.trader.skew_s = skew_s
        assert (await here.trader.get("/v1/account/accounts"))["status"] == status


@pytest.mark.asyncio
async def test_what_belongs_to_the_text() -> None:
    async with running() as here:
        trader = here.trader
        path, wanted = "/v1/order/matchresults", {"symbol": "btcusdt", "types": "buy-limit,sell limit"}
        good = trader.signed("GET", path, wanted)
        assert "sell%20limit" in good and (await trader.send("GET", good, None))["status"] == "ok"
        assert (await trader.send("GET", good.replace("btcusdt", "ethusdt"), None))["status"] == "error"
        first, *rest = good.partition("?")[2].split("&")
        shuffled = f"{path}?" + "&".join([*rest, first])
        assert (await trader.send("GET", shuffled, None))["status"] == "ok", "the server sorts"
        for host, status in (
            ("127.0.0.1", "ok"),
            (trader.rest.removeprefix("http://"), "ok"),
            ("api.huobi.pro", "error"),
        ):
            trader.host = host
            assert (await trader.get("/v1/account/accounts"))["status"] == status, host
        trader.host = "127.0.0.1"
        place = trader.signed("POST", "/v2/algo-orders/cancel-all-after", {})
        assert (await trader.send("POST", place, '{"timeout":"0"}'))["code"] == 200, "bodies are not signed"
        milliseconds = trader.stamp() + ".000"
        fields = {"AccessKeyId": trader.key, "SignatureMethod": "HmacSHA256", "SignatureVersion": "2"}
        query = encoded(fields | {"Timestamp": milliseconds})
        signature = quote(sign(trader.secret, f"GET\n127.0.0.1\n/v1/account/accounts\n{query}"), safe="")
        reply = await trader.send("GET", f"/v1/account/accounts?{query}&Signature={signature}", None)
        assert reply["err-code"] == "api-signature-not-valid"


@pytest.mark.asyncio
async def test_a_read_only_key_reads_and_does_not_trade() -> None:
    async with running() as here:
        trader = here.trader
        key = here.twin.desk.keys["read-only"]
        trader.key, trader.secret = key.api_key, key.secret_key
        refused = await trader.try_order("btcusdt", "buy-limit", "0.01", "90000")
        assert "API key has no permission" in refused["err-msg"]
        stream = await here.logged_in("/ws/trade")
        await stream.say({"cid": "1", "ch": "create-order", "params": {}})
        assert (await stream.next())["err-code"] == "api-signature-not-valid"


@pytest.mark.asyncio
async def test_a_second_account_sees_only_its_own() -> None:
    async with running() as here:
        trader = here.trader
        keys = Credentials(api_key="second", secret_key="other")
        here.twin.desk.accounts.open("2002", 2, here.twin.desk.account.fees, keys, {"USDT": Decimal(100)})
        order_id = await trader.order("btcusdt", "buy-limit", "0.01", "90000")
        first, trader.account = trader.account, ""
        trader.key, trader.secret = keys.api_key, keys.secret_key
        assert await trader.balance("usdt") == ("100", "0")
        assert (await trader.get(f"/v1/order/orders/{order_id}"))["err-code"] == "base-record-invalid"
        balance = await trader.get(f"/v1/account/accounts/{first}/balance")
        assert balance["err-code"] == "account-get-accounts-inexistent-error"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "wrong",
    [{"accessKey": "x"}, {"signature": "x"}, {"signatureVersion": "2"}, {"timestamp": "now"}, {"authType": "web"}],
)
async def test_a_failed_login(wrong: dict[str, str]) -> None:
    async with running() as here:
        stream = await here.connect("/ws/v2")
        assert (await stream.subscribe("orders#*"))["code"] == 2002
        reply = await stream.log_in(here.trader, **wrong)
        assert reply == {"action": "req", "code": 2002, "ch": "auth", "message": "auth.fail"}
        assert (await stream.log_in(here.trader))["code"] == 200


@pytest.mark.asyncio
async def test_a_login_signs_the_path_and_a_key_has_ten() -> None:
    async with running() as here:
        trade = await here.connect("/ws/trade")
        trade.path = "/ws/v2"
        assert (await trade.log_in(here.trader))["code"] == 2002
        streams = [await here.logged_in() for _ in range(10)]
        late = await here.connect("/ws/v2")
        assert (await late.log_in(here.trader))["code"] == 4000
        await streams[0].socket.close()
        for _ in range(49):
            await late.say({"action": "sub", "ch": "x"})
        codes = [(await late.next())["code"] for _ in range(49)]
        assert set(codes) == {2002}
        await late.say({"action": "sub", "ch": "x"})
        assert (await late.next())["code"] == 4000


@pytest.mark.asyncio
async def test_limits_and_their_headers() -> None:
    async with running() as here:
        trader = here.trader
        here.twin.allowances["fills"] = Allowance(3, 60_000)
        left = []
        for _ in range(3):
            await trader.data("/v1/order/matchresults")
            left.append(trader.headers["X-HB-RateLimit-Requests-Remain"])
        assert left == ["2", "1", "0"] and 0 < int(trader.headers["X-HB-RateLimit-Requests-Expire"]) <= 60_000
        refused = await trader.get("/v1/order/matchresults")
        assert (refused["status"], refused["err-code"]) == ("error", "base-request-exceed-frequency-limit")
        here.twin.allowances["other"] = Allowance(1, 60_000, True)
        assert (await trader.public("/v1/common/timestamp"))["status"] == "ok"
        refused = await trader.public("/v1/common/timestamp")
        assert (trader.status, refused["err-msg"]) == (429, "429 too many request")
        assert (await trader.public("/v2/market-status"))["code"] == 429


def test_the_command_knows_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["htx", "--key", "rsa"]) == 2
    assert "hmac, read-only" in capsys.readouterr().err
