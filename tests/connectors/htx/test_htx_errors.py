"""What HTX' refusals come to."""

from __future__ import annotations

import json

import pytest

from app.connectors.htx import SPEC
from app.connectors.htx.errors import KINDS
from app.core.errors import ErrorKind
from app.core.requests import VenueError
from tests.connectors.htx.conftest import Reply

K = ErrorKind
SHEET = {
    "account-frozen-balance-insufficient-error": K.REJECTED,
    "order-accountbalance-error": K.REJECTED,
    "dw-insufficient-balance": K.REJECTED,
    "order-orderstate-error": K.ALREADY_DONE,
    "order-queryorder-invalid": K.NOT_FOUND,
    "base-record-invalid": K.NOT_FOUND,
    "base-not-found": K.NOT_FOUND,
    "invalid.client.order.id": K.UNKNOWN,
    "api-signature-not-valid": K.AUTH,
    "api-signature-check-failed": K.AUTH,
    "login-required": K.AUTH,
    "order-limitorder-amount-min-error": K.RULES_CHANGED,
    "order-marketorder-amount-min-error": K.RULES_CHANGED,
    "order-value-min-error": K.RULES_CHANGED,
    "order-orderprice-precision-error": K.RULES_CHANGED,
    "order-orderamount-precision-error": K.RULES_CHANGED,
    "order-limitorder-price-max-error": K.REJECTED,
    "order-limitorder-price-min-error": K.REJECTED,
    "order-invalid-price": K.REJECTED,
    "order-etp-nav-price-max-error": K.REJECTED,
    "base-symbol-trade-disabled": K.MARKET_CLOSED,
    "order-disabled": K.MARKET_CLOSED,
    "cancel-disabled": K.MARKET_CLOSED,
    "base-symbol-error": K.MARKET_CLOSED,
    "order-holding-limit-failed": K.REJECTED,
    "base-request-exceed-frequency-limit": K.SLOW_DOWN,
    "rate-too-many-requests": K.SLOW_DOWN,
    "429 too many request": K.SLOW_DOWN,
    "gateway-internal-error": K.UNAVAILABLE,
    "timeout": K.UNAVAILABLE,
    "system-maintenance": K.UNAVAILABLE,
    "base-system-error": K.UNAVAILABLE,
    "never-heard-of": K.UNKNOWN,
}
V2 = {1003: K.AUTH, 4000: K.SLOW_DOWN, 429: K.SLOW_DOWN, 500: K.UNAVAILABLE, 100: K.UNAVAILABLE, 2002: K.UNKNOWN}


def refused(reply: Reply, body: object, status: int = 200) -> VenueError:
    error = SPEC.read_error(reply(body if isinstance(body, str) else json.dumps(body), status))
    assert error is not None
    return error


@pytest.mark.parametrize(("word", "kind"), SHEET.items())
def test_words_of_v1(reply: Reply, word: str, kind: ErrorKind) -> None:
    error = refused(reply, {"status": "error", "err-code": word, "err-msg": "their words", "data": None})
    assert (error.kind, error.code, error.words, error.frame) == (kind, word, "their words", 7)


@pytest.mark.parametrize(("code", "kind"), V2.items())
def test_codes_of_v2(reply: Reply, code: int, kind: ErrorKind) -> None:
    error = refused(reply, {"code": code, "message": "their words", "data": None})
    assert (error.kind, error.code, error.words) == (kind, str(code), "their words")


def test_every_listed_word_has_a_meaning_in_words() -> None:
    assert all(words for _, words in KINDS.values())


def test_http_200_alone_proves_nothing(reply: Reply) -> None:
    assert SPEC.read_error(reply([])) is None
    assert SPEC.read_error(reply('{"code":200,"data":[]}')) is None
    assert refused(reply, {"status": "error"}).kind is K.UNKNOWN


def test_the_state_of_a_closed_order_is_told_in_words(reply: Reply) -> None:
    body = {
        "status": "error",
        "err-code": "order-orderstate-error",
        "err-msg": "Incorrect order state",
        "order-state": 7,
    }
    error = refused(reply, body)
    assert (error.kind, error.words) == (K.ALREADY_DONE, "Incorrect order state (order is cancelled)")


@pytest.mark.parametrize(("status", "kind"), [(429, K.SLOW_DOWN), (500, K.UNAVAILABLE), (502, K.UNAVAILABLE)])
def test_http_states_without_explanation(reply: Reply, status: int, kind: ErrorKind) -> None:
    assert refused(reply, "<html>busy</html>", status).kind is kind


def test_a_broken_server_leaves_the_outcome_unknown_whatever_it_says(reply: Reply) -> None:
    error = refused(reply, {"status": "error", "err-code": "order-invalid-price"}, 503)
    assert (error.kind, error.words) == (K.UNAVAILABLE, "the price is outside the limits")


def test_deep_nesting_is_no_crash(reply: Reply) -> None:
    assert refused(reply, "[" * 50_000, 500).kind is K.UNAVAILABLE
    assert SPEC.read_error(reply("[" * 50_000)) is None
