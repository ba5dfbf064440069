from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from app.connectors.okx.errors import KINDS, good_body, read_error
from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

Reply = Callable[..., Response]

SHEET = {
    ErrorKind.SLOW_DOWN: "50011 50040 50061 60014",
    ErrorKind.UNAVAILABLE: "50001 50004 50013 50026 51054 60015 63999 64008",
    ErrorKind.AUTH: "50101 50103 50105 50110 50111 50113 50114 50119 50120 60001 60002 60003 60005 "
    "60007 60009 60024 60032",
    ErrorKind.CLOCK: "50102 50112 60004 60006",
    ErrorKind.REJECTED: "51000 51006 51008 51116 51127 51131 51137 51138 51201 51202 51203 54084 54085 "
    "60008 60010 60011 60012 60013 60018 60019",
    ErrorKind.DUPLICATE_ID: "51016",
    ErrorKind.RULES_CHANGED: "51020 51120 51121",
    ErrorKind.MARKET_CLOSED: "51001 51021 51022",
    ErrorKind.ALREADY_DONE: "51400 51401 51402 51410 51503 51509 51510",
    ErrorKind.NOT_FOUND: "51603",
}


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in SHEET.items() for code in codes.split()])
def test_every_code_of_the_sheet(reply: Reply, kind: ErrorKind, code: str) -> None:
    error = read_error(reply(json.dumps({"code": code, "msg": "said so", "data": []})))
    assert error is not None
    assert (error.kind, error.code, error.words, error.status, error.frame) == (kind, code, "said so", 200, 7)


def test_no_code_is_left_untested() -> None:
    assert {code for codes in SHEET.values() for code in codes.split()} == set(KINDS)


@pytest.mark.parametrize("code", ["50100", "50106", "50115", "50118"])
def test_the_rest_of_the_authentication_block(reply: Reply, code: str) -> None:
    error = read_error(reply(json.dumps({"code": code, "msg": "", "data": []}), 401))
    assert error is not None and error.kind is ErrorKind.AUTH and error.words


def test_without_words_of_theirs_ours_are_shown(reply: Reply) -> None:
    error = read_error(reply('{"code":"51008","msg":"","data":[]}'))
    assert error is not None and error.words == "the balance is too low"


def test_an_id_that_may_be_in_use_leaves_the_order_unknown(reply: Reply) -> None:
    error = read_error(reply('{"code":"51000","msg":"Parameter clOrdId error","data":[]}'))
    assert error is not None
    assert error.kind is ErrorKind.UNKNOWN and not error.kind.is_definite


def test_refusals_of_rows_are_left_to_who_reads_the_rows(reply: Reply) -> None:
    text = '{"code":"1","msg":"All operations failed","data":[{"sCode":"51008","sMsg":"Insufficient balance"}]}'
    assert read_error(reply(text)) is None
    assert read_error(reply(text.replace('"code":"1"', '"code":"2"'))) is None
    error = read_error(reply(text, 400))
    assert error is not None
    assert (error.kind, error.code, error.words) == (ErrorKind.REJECTED, "51008", "Insufficient balance")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, '{"code":"98765","msg":"novelty","data":[]}', ErrorKind.UNKNOWN),
        (200, '{"code":"1","msg":"Operation failed","data":[]}', ErrorKind.UNKNOWN),
        (200, '{"code":"1","msg":"","data":{}}', ErrorKind.UNKNOWN),
        (200, '{"code":50111,"msg":"Invalid OK-ACCESS-KEY"}', ErrorKind.AUTH),
        (401, '{"code":"98765","msg":"novelty"}', ErrorKind.AUTH),
        (400, '{"code":"51000","msg":"Parameter sz error","data":[]}', ErrorKind.REJECTED),
        (429, '{"code":"50011","msg":"Too Many Requests"}', ErrorKind.SLOW_DOWN),
        (429, "slow down", ErrorKind.SLOW_DOWN),
        (500, '{"code":"51008","msg":"Insufficient balance"}', ErrorKind.UNAVAILABLE),
        (503, '{"code":"50001","msg":"Service temporarily unavailable"}', ErrorKind.UNAVAILABLE),
        (502, "<html>Bad Gateway</html>", ErrorKind.UNAVAILABLE),
        (404, "[]", ErrorKind.UNAVAILABLE),
        (404, "[" * 100_000, ErrorKind.UNAVAILABLE),
        (302, "", ErrorKind.UNAVAILABLE),
        (400, '{"code":"0","msg":"","data":[]}', ErrorKind.UNAVAILABLE),
    ],
)
def test_http_states(reply: Reply, status: int, body: str, kind: ErrorKind) -> None:
    error = read_error(reply(body, status))
    assert error is not None
    assert error.kind is kind
    assert error.words and "<" not in error.words


def test_an_outcome_nobody_told_is_not_called_a_refusal(reply: Reply) -> None:
    for status, body in ((500, "{}"), (200, '{"code":"50004","msg":"timeout"}'), (200, '{"code":"7","msg":"?"}')):
        error = read_error(reply(body, status))
        assert error is not None and not error.kind.is_definite


def test_a_good_reply_is_no_error(reply: Reply) -> None:
    assert read_error(reply([{"sCode": "51008"}])) is None
    assert good_body(reply("not json")) == b"not json"
    with pytest.raises(VenueError):
        good_body(reply('{"code":"50111","msg":"Invalid OK-ACCESS-KEY","data":[]}', 401))
