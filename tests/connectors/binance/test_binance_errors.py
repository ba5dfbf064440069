from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from app.connectors.binance import SPEC
from app.connectors.binance.errors import KINDS, read_error
from app.core.errors import ErrorKind
from app.core.requests import Response

Reply = Callable[..., Response]

TABLE = {
    ErrorKind.AUTH: [-1002, -1022, -2014, -2015],
    ErrorKind.CLOCK: [-1021],
    ErrorKind.SLOW_DOWN: [-1003, -1015, -1034],
    ErrorKind.UNAVAILABLE: [-1006, -1007, -1008, -1016],
    ErrorKind.UNKNOWN: [-2021],
    ErrorKind.NOT_FOUND: [-2013, -2026],
    ErrorKind.MARKET_CLOSED: [-1121],
    ErrorKind.RULES_CHANGED: [-1111],
    ErrorKind.REJECTED: [-1010, -1013, -1014, -1020, -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1112]
    + [-1114, -1115, -1116, -1117, -1118, -1119, -1120, -1127, -1128, -1130, -2010, -2011, -2022, -2035, -2038]
    + [-2039, -2043],
}


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in TABLE.items() for code in codes])
def test_every_code(reply: Reply, kind: ErrorKind, code: int) -> None:
    error = read_error(reply(json.dumps({"code": code, "msg": "said so"}), 400))
    assert error is not None
    assert (error.kind, error.code, error.words, error.status, error.frame) == (kind, str(code), "said so", 400, 7)


def test_no_code_is_left_untested() -> None:
    assert {code for codes in TABLE.values() for code in codes} == set(KINDS)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (-1013, "Filter failure: PRICE_FILTER", ErrorKind.RULES_CHANGED),
        (-1013, "Filter failure: LOT_SIZE", ErrorKind.RULES_CHANGED),
        (-1013, "Filter failure: MARKET_LOT_SIZE", ErrorKind.RULES_CHANGED),
        (-1013, "Filter failure: NOTIONAL", ErrorKind.RULES_CHANGED),
        (-1013, "Filter failure: MIN_NOTIONAL", ErrorKind.RULES_CHANGED),
        (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", ErrorKind.REJECTED),
        (-1013, "Filter failure: MAX_NUM_ORDERS", ErrorKind.REJECTED),
        (-2010, "Account has insufficient balance for requested action.", ErrorKind.REJECTED),
        (-2010, "Duplicate order sent.", ErrorKind.DUPLICATE_ID),
        (-2010, "Market is closed.", ErrorKind.MARKET_CLOSED),
        (-2010, "Order would immediately match and take.", ErrorKind.REJECTED),
        (-2010, "Order would trigger immediately.", ErrorKind.REJECTED),
        (-2011, "Unknown order sent.", ErrorKind.NOT_FOUND),
        (-2011, "Order was not canceled due to cancel restrictions.", ErrorKind.REJECTED),
    ],
)
def test_some_codes_say_what_happened_in_their_words(reply: Reply, code: int, words: str, kind: ErrorKind) -> None:
    error = read_error(reply(json.dumps({"code": code, "msg": words}), 400))
    assert error is not None
    assert (error.kind, error.words) == (kind, words)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"code":-9999,"msg":"novelty"}', ErrorKind.UNKNOWN),
        (400, '{"msg":"novelty"}', ErrorKind.UNKNOWN),
        (400, '{"code":"E7","msg":"novelty"}', ErrorKind.UNKNOWN),
        (429, '{"code":-1003,"msg":"Too much request weight used"}', ErrorKind.SLOW_DOWN),
        (429, "slow down", ErrorKind.SLOW_DOWN),
        (418, '{"code":-1003,"msg":"Way too much request weight used; IP banned until 1."}', ErrorKind.BANNED),
        (418, "", ErrorKind.BANNED),
        (500, '{"code":-2010,"msg":"Account has insufficient balance"}', ErrorKind.UNAVAILABLE),
        (503, '{"code":-1008,"msg":"Server is currently overloaded"}', ErrorKind.UNAVAILABLE),
        (502, "<html>Bad Gateway</html>", ErrorKind.UNAVAILABLE),
        (403, "<html>WAF</html>", ErrorKind.UNAVAILABLE),
        (410, "", ErrorKind.UNAVAILABLE),
        (302, "", ErrorKind.UNAVAILABLE),
        (400, "[1]", ErrorKind.UNAVAILABLE),
        (400, "[" * 100_000, ErrorKind.UNAVAILABLE),
    ],
)
def test_http_states(reply: Reply, status: int, body: str, kind: ErrorKind) -> None:
    error = read_error(reply(body, status))
    assert error is not None
    assert error.kind is kind
    assert error.words and "<" not in error.words


def test_an_outcome_nobody_told_is_not_called_a_refusal(reply: Reply) -> None:
    unclear = [(400, -1006), (400, -1007), (400, -1008), (500, -1121), (504, -1007), (400, -9999), (409, -2021)]
    for status, code in unclear:
        error = read_error(reply(json.dumps({"code": code, "msg": "?"}), status))
        assert error is not None and not error.kind.is_definite
    for code in (-2011, -2013):
        error = read_error(reply(json.dumps({"code": code, "msg": "Unknown order sent."}), 400))
        assert error is not None and error.kind is ErrorKind.NOT_FOUND and not error.kind.is_definite


def test_without_words_of_theirs_ours_are_shown(reply: Reply) -> None:
    error = read_error(reply('{"code":-1007,"msg":""}', 400))
    assert error is not None and error.words == "Binance timed out inside: the outcome is unknown"


def test_a_good_reply_is_no_error(reply: Reply) -> None:
    assert read_error(reply('{"code":-2013}')) is None


def test_headers_tell_what_is_used(reply: Reply) -> None:
    headers = {
        "x-mbx-used-weight": "9",
        "x-mbx-used-weight-1m": "123",
        "x-mbx-order-count-10s": "4",
        "x-mbx-order-count-1d": "many",
    }
    assert list(SPEC.read_usage(reply("{}", headers=headers))) == [("weight-1m", 123), ("orders-10s", 4)]
    assert list(SPEC.read_usage(reply("{}"))) == []


def test_every_bucket_named_in_a_request_is_declared() -> None:
    assert [(limit.bucket, limit.units, limit.per_s) for limit in SPEC.rate_limits] == [
        ("weight-1m", 6_000, 60),
        ("orders-10s", 50, 10),
        ("orders-1d", 160_000, 86_400),
        ("book-snapshots", 1_875, 60),
    ]


def test_a_twin_gets_the_real_paths() -> None:
    assert SPEC.sockets_of_twin("ws://127.0.0.1:8001/anything?x=1", "ws://127.0.0.1:8002") == {
        "public": "ws://127.0.0.1:8001/stream",
        "private": "ws://127.0.0.1:8002/ws-api/v3",
    }


def test_deployments_of_the_sheet() -> None:
    hosts = {name: (domain.rest[""], *domain.sockets.values()) for name, domain in SPEC.domains.items()}
    assert hosts == {
        "main": (
            "https://api.binance.com",
            "wss://stream.binance.com:9443/stream",
            "wss://ws-api.binance.com:443/ws-api/v3",
        ),
        "demo": (
            "https://demo-api.binance.com",
            "wss://demo-stream.binance.com/stream",
            "wss://demo-ws-api.binance.com/ws-api/v3",
        ),
        "testnet": (
            "https://testnet.binance.vision",
            "wss://stream.testnet.binance.vision/stream",
            "wss://ws-api.testnet.binance.vision/ws-api/v3",
        ),
        "data": ("https://data-api.binance.vision", "wss://data-stream.binance.vision/stream"),
    }
    assert SPEC.private(SPEC.domains["data"], None).link is None  # type: ignore[arg-type]
