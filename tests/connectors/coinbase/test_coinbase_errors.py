from __future__ import annotations

from collections.abc import Callable

import pytest

from app.connectors.coinbase import SPEC
from app.connectors.coinbase.errors import KINDS, good_body, read_error, refusal_of
from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

Reply = Callable[..., Response]
K = ErrorKind

EXPECTED = {
    K.REJECTED: """INVALID_ARGUMENT INVALID_LIMIT_PRICE_POST_ONLY INVALID_LIMIT_PRICE_POSTONLY GEOFENCING_RESTRICTION
        INVALID_ORDER_CONFIG UNSUPPORTED_ORDER_CONFIGURATION INVALID_CANCEL_REQUEST COMMANDER_REJECTED_CANCEL_ORDER""",
    K.AUTH: "PERMISSION_DENIED UNAUTHENTICATED UNAUTHORIZED",
    K.NOT_FOUND: "NOT_FOUND UNKNOWN_CANCEL_ORDER",
    K.UNAVAILABLE: "INTERNAL",
    K.SLOW_DOWN: "RESOURCE_EXHAUSTED RATE_LIMIT_EXCEEDED",
    K.RULES_CHANGED: """INVALID_PRICE_PRECISION INVALID_SIZE_PRECISION INVALID_QUOTE_SIZE_PRECISION
        INVALID_BASE_SIZE_TOO_SMALL INVALID_BASE_SIZE_TOO_LARGE INVALID_QUOTE_SIZE_TOO_SMALL
        INVALID_QUOTE_SIZE_TOO_LARGE""",
    K.MARKET_CLOSED: "NOT_ALLOWED_BY_MARKET_STATE UNTRADABLE_PRODUCT ORDER_ENTRY_DISABLED",
    K.DUPLICATE_ID: "DUPLICATE_CLIENT_ORDER_ID",
    K.ALREADY_DONE: "DUPLICATE_CANCEL_REQUEST",
}
WORDS = [(word, kind) for kind, words in EXPECTED.items() for word in words.split()]


@pytest.mark.parametrize(("word", "kind"), WORDS)
def test_every_word_with_and_without_preview(reply: Reply, word: str, kind: ErrorKind) -> None:
    for spelled in (word, f"PREVIEW_{word}"):
        error = refusal_of([spelled], "", reply("", 200))
        assert (error.kind, error.code) == (kind, spelled)
        assert error.words


def test_the_table_holds_nothing_untested() -> None:
    assert {word for word, _ in WORDS} == set(KINDS)


@pytest.mark.parametrize(
    "word", ["INSUFFICIENT_FUND", "INSUFFICIENT_FUNDS", "PREVIEW_INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUNDS"]
)
def test_too_little_money_in_every_spelling(reply: Reply, word: str) -> None:
    error = refusal_of([word], "Insufficient balance in source account", reply("", 200))
    assert (error.kind, error.words) == (K.REJECTED, "Insufficient balance in source account")


def test_unlisted_word_leaves_the_outcome_unknown(reply: Reply) -> None:
    error = refusal_of(["PREVIEW_SOMETHING_NEW"], "", reply("", 200))
    assert (error.kind, error.kind.is_definite, error.words) == (K.UNKNOWN, False, "PREVIEW_SOMETHING_NEW")


def test_fillers_say_nothing_but_an_unknown_order_does(reply: Reply) -> None:
    codes = ["UNKNOWN_FAILURE_REASON", None, "", "NEWER_WORD", "PREVIEW_UNTRADABLE_PRODUCT"]
    assert refusal_of(codes, "", reply("", 200)).code == "PREVIEW_UNTRADABLE_PRODUCT"
    assert refusal_of(["UNKNOWN_CANCEL_FAILURE_REASON"], "", reply("", 200)).kind is K.UNKNOWN
    assert refusal_of(["UNKNOWN_CANCEL_ORDER"], "", reply("", 200)).kind is K.NOT_FOUND


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "words"),
    [
        (
            400,
            '{"error":"INVALID_ARGUMENT","code":3,"message":"bad size","error_details":"bad size","details":[]}',
            K.REJECTED,
            "INVALID_ARGUMENT",
            "bad size",
        ),
        (
            403,
            '{"error":"PERMISSION_DENIED","code":7,"message":"Missing required scopes","details":[]}',
            K.AUTH,
            "PERMISSION_DENIED",
            "Missing required scopes",
        ),
        (403, '{"message":"Missing required scopes"}', K.AUTH, "HTTP 403", "Missing required scopes"),
        (
            404,
            '{"error":"NOT_FOUND","code":5,"message":"order not found"}',
            K.NOT_FOUND,
            "NOT_FOUND",
            "order not found",
        ),
        (500, '{"error":"INTERNAL","code":13,"message":"oops"}', K.UNAVAILABLE, "INTERNAL", "oops"),
        (
            429,
            '{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}',
            K.SLOW_DOWN,
            "rate_limit_exceeded",
            "Too many requests",
        ),
        (429, '{"errors":[{"id":"resource_exhausted"}]}', K.SLOW_DOWN, "resource_exhausted", "too many requests"),
        (401, '{"errors":[{"id":"unauthorized","message":"no"}]}', K.AUTH, "unauthorized", "no"),
        (400, '{"error":"unheard_of","message":"?"}', K.UNKNOWN, "unheard_of", "?"),
    ],
)
def test_both_bodies(reply: Reply, status: int, body: str, kind: ErrorKind, code: str, words: str) -> None:
    error = read_error(reply(body, status))
    assert error is not None
    assert (error.kind, error.code, error.words, error.status, error.frame) == (kind, code, words, status, 7)


def test_plain_unauthorized_names_what_may_be_wrong(reply: Reply) -> None:
    error = read_error(reply("Unauthorized\n", 401))
    assert error is not None
    assert error.kind is K.AUTH
    assert "clock" in error.words


@pytest.mark.parametrize(
    ("status", "kind"),
    [(502, K.UNAVAILABLE), (503, K.UNAVAILABLE), (403, K.UNKNOWN), (404, K.UNKNOWN), (429, K.SLOW_DOWN)],
)
@pytest.mark.parametrize("body", ["<html>busy</html>", "", "[" * 100_000, '{"errors":[]}', '{"error":5}'])
def test_a_page_without_words_proves_nothing(reply: Reply, status: int, kind: ErrorKind, body: str) -> None:
    error = read_error(reply(body, status))
    assert error is not None
    assert (error.kind, error.words) == (kind, "HTTP " + str(status) + " without a readable explanation")


def test_missing_wallet_is_explained(reply: Reply) -> None:
    error = refusal_of(["SOME_WORD"], "account is not available", reply("", 200))
    assert error.kind is K.REJECTED
    assert error.words.startswith("account is not available (")
    assert "USDC wallet" in error.words


def test_good_replies_are_no_errors(reply: Reply) -> None:
    assert read_error(reply("", 204)) is None
    assert good_body(reply("{}")) == b"{}"
    with pytest.raises(VenueError):
        good_body(reply("Unauthorized", 401))


def test_usage_from_headers(reply: Reply) -> None:
    def usage(**headers: str) -> list[tuple[str, int]]:
        return list(SPEC.read_usage(reply("", headers={f"x-ratelimit-{name}": text for name, text in headers.items()})))

    assert usage(limit="30", remaining="24", reset="1") == [("private", 6)]
    assert usage(limit="10", remaining="10", reset="1") == [("public", 0)]
    assert usage(limit="77", remaining="1") == []
    assert usage(limit="30", remaining="many") == []
    assert usage() == []


def test_spec_names_and_windows() -> None:
    assert (SPEC.name, SPEC.default_pair, SPEC.signing_window_ms) == ("coinbase", "BTC-USD", 120_000)
    assert SPEC.sockets_of_twin("ws://127.0.0.1:1/a", "ws://127.0.0.1:1/b") == {
        "public": "ws://127.0.0.1:1/a",
        "private": "ws://127.0.0.1:1/b",
    }
    assert SPEC.domains["main"].sockets == {
        "public": "wss://advanced-trade-ws.coinbase.com",
        "private": "wss://advanced-trade-ws-user.coinbase.com",
    }
