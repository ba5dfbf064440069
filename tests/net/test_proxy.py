"""One way for requests and streams, from the settings or the environment, or none at all."""

from __future__ import annotations

import pytest

from app.net.proxy import NO_PROXY, Proxy, proxy_for

OUTSIDE = ("https://api.example", "wss://ws.example/stream")


@pytest.mark.parametrize(
    ("setting", "told", "url"),
    [
        ("", {}, None),
        ("", {"https": "http://proxy.corp:8080"}, "http://proxy.corp:8080"),
        ("", {"all": "proxy.corp:8080"}, "http://proxy.corp:8080"),
        ("", {"http": "http://only.plain:1"}, None),
        ("", {"https": "http://proxy.corp:8080", "no": ".example"}, None),
        ("none", {"https": "http://proxy.corp:8080"}, None),
        ("http://mine:3128", {"https": "http://proxy.corp:8080"}, "http://mine:3128"),
    ],
)
def test_the_settings_go_before_the_environment(setting: str, told: dict[str, str], url: str | None) -> None:
    assert proxy_for(OUTSIDE, setting, told) == Proxy(url)


def test_our_own_computer_is_never_reached_through_a_proxy() -> None:
    twin = ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws")
    assert proxy_for(twin, "http://mine:3128", {"all": "http://proxy.corp:8080"}) == NO_PROXY


def test_two_ways_for_one_exchange_are_none() -> None:
    told = {"https": "http://proxy.corp:8080", "no": "ws.example"}
    found = proxy_for(OUTSIDE, "", told)
    assert found.url is None
    assert found.refusal == (
        "not connected: the environment asks for no proxy and proxy proxy.corp:8080 for the same exchange"
    )


@pytest.mark.parametrize("kind", ["socks5", "socks4", "https"])
def test_a_kind_that_not_both_can_use_is_refused(kind: str) -> None:
    found = proxy_for(OUTSIDE, f"{kind}://proxy.corp:1080", {})
    assert found.url is None and f"the {kind} proxy proxy.corp:1080, set by the settings" in found.refusal


def test_a_password_in_the_address_is_never_shown() -> None:
    found = proxy_for(OUTSIDE, "http://user:secret@proxy.corp:8080", {})
    assert found.words == "via proxy proxy.corp:8080" and "secret" not in repr(found)
