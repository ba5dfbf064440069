from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from app.connectors.poloniex.errors import KINDS, read_error
from app.core.errors import ErrorKind
from app.core.requests import Response

Reply = Callable[..., Response]

SHEET = {
    ErrorKind.REJECTED: [601, 602, 21310, 21311, 21315, 21322, 21330, 21342, 21343, 21344, 21345, 21350, 21351, 21353]
    + [21354, 21355, 21356, 21360, 21601, 21709, 21721, 24105],
    ErrorKind.NOT_FOUND: [21301, 25013, 25014, 25015, 25020],
    ErrorKind.ALREADY_DONE: [21304, 21305, 21359],
    ErrorKind.DUPLICATE_ID: [21312, 25004],
    ErrorKind.RULES_CHANGED: [21335, 21336, 21337],
    ErrorKind.MARKET_CLOSED: [10040, 10041, 21340, 21341, 21348, 21352, 24101],
    ErrorKind.UNAVAILABLE: [500, 603, 24201],
}


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in SHEET.items() for code in codes])
def test_every_code_of_the_sheet(reply: Reply, kind: ErrorKind, code: int) -> None:
    error = read_error(reply(json.dumps({"code": code, "message": "said so"}), 400))
    assert error is not None
    assert (error.kind, error.code, error.words, error.status, error.frame) == (kind, str(code), "said so", 400, 7)


def test_no_code_is_left_untested() -> None:
    assert {code for codes in SHEET.values() for code in codes} == set(KINDS)


def test_without_words_of_theirs_ours_are_shown(reply: Reply) -> None:
    error = read_error(reply('{"code":21709,"message":""}', 400))
    assert error is not None and error.words == "the balance is too low"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"code":98765,"message":"novelty"}', ErrorKind.UNKNOWN),
        (400, '{"message":"novelty"}', ErrorKind.UNKNOWN),
        (400, '{"code":"E7","message":"novelty"}', ErrorKind.UNKNOWN),
        (401, '{"code":401,"message":"Unauthorized"}', ErrorKind.AUTH),
        (403, '{"code":403,"message":"Forbidden"}', ErrorKind.AUTH),
        (408, '{"code":408,"message":"Request Timeout"}', ErrorKind.CLOCK),
        (400, '{"code":400,"message":"Invalid signTimestamp"}', ErrorKind.CLOCK),
        (400, '{"code":601,"message":"Timestamp is ahead of the server"}', ErrorKind.CLOCK),
        (400, '{"code":400,"message":"recvWindow exceeded"}', ErrorKind.CLOCK),
        (429, '{"code":429,"message":"Too many requests"}', ErrorKind.SLOW_DOWN),
        (429, "slow down", ErrorKind.SLOW_DOWN),
        (500, '{"code":21709,"message":"Low available balance"}', ErrorKind.UNAVAILABLE),
        (502, "<html>Bad Gateway</html>", ErrorKind.UNAVAILABLE),
        (503, "", ErrorKind.UNAVAILABLE),
        (403, "<html>Access denied</html>", ErrorKind.UNAVAILABLE),
        (408, "<html>Request Timeout</html>", ErrorKind.UNAVAILABLE),
        (302, "", ErrorKind.UNAVAILABLE),
        (400, "[1]", ErrorKind.UNAVAILABLE),
    ],
)
def test_http_states(reply: Reply, status: int, body: str, kind: ErrorKind) -> None:
    error = read_error(reply(body, status))
    assert error is not None
    assert error.kind is kind
    assert error.words and "<" not in error.words


def test_an_outcome_nobody_told_is_not_called_a_refusal(reply: Reply) -> None:
    for status, body in ((500, "{}"), (502, "<html>"), (400, '{"code":98765,"message":"?"}'), (408, "proxy")):
        error = read_error(reply(body, status))
        assert error is not None and not error.kind.is_definite


def test_a_good_reply_is_no_error(reply: Reply) -> None:
    assert read_error(reply('[{"code":21301}]')) is None
