"""What the user says of a plug-in of the FMZ protocol: checked field by field, kept in a file. No keys."""

from __future__ import annotations

import os
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from app.connectors.fmz.protocol import MOST_DECIMALS, to_pair
from app.connectors.fmz.service import (
    LONGEST_S,
    SHORTEST_S,
    MarketOrders,
    PluginDomain,
    PluginMarket,
    is_loopback,
    plugin_domain,
)
from app.credentials.account_info import good_label
from app.credentials.errors import VaultError

_DECIMALS = re.compile(r"[0-9]{1,2}")
_MOST_PAIRS = 20


class PluginForm(Struct, kw_only=True):
    """The fields as they were typed. `confirmation` is needed for addresses beyond this computer."""

    label: str = ""
    address: str = "http://127.0.0.1:6666"
    path: str = "/OKX"
    pairs: str = "BTC-USDT"
    every: str = "1"
    market_orders: MarketOrders = "off"
    has_markets: bool = False
    paper: bool = False
    confirmation: str = ""


class PluginSettings(Struct, frozen=True, kw_only=True):
    """One plug-in as it is kept. `program` is what listened there when the user said that it is the plug-in."""

    label: str
    address: str
    path: str
    pairs: tuple[PluginMarket, ...]
    every_s: float = 1.0
    market_orders: MarketOrders = "off"
    has_markets: bool = False
    paper: bool = False
    confirmed: bool = False
    program: str = ""

    @property
    def name(self) -> str:
        """What follows "fmz:" in the key of the open exchange."""
        return "".join(self.label.split())

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def port(self) -> int:
        """0 where the address names none."""
        return urlsplit(self.address).port or 0

    @property
    def local(self) -> bool:
        return is_loopback(self.host)

    def domain(self) -> PluginDomain:
        """Raises ValueError, as settings edited by hand may be wrong."""
        return plugin_domain(
            self.address,
            self.path,
            self.pairs,
            confirmed=self.confirmed,
            paper=self.paper,
            market_orders=self.market_orders,
            has_markets=self.has_markets,
            every_s=self.every_s,
        )


def consent_words(address: str) -> str:
    """What has to be typed before keys leave this computer; empty for an address on it, or for none at all."""
    host = _host(address)
    return f"send my keys to {host}" if host and not is_loopback(host) else ""


def read_form(form: PluginForm) -> tuple[PluginSettings | None, dict[str, str]]:
    """The settings, or by field why there are none: label, address, path, pairs, every, confirmation."""
    problems: dict[str, str] = {}
    label, every_s = "", 1.0
    try:
        label = good_label(form.label)
    except VaultError as error:
        problems["label"] = str(error)
    try:
        every_s = _seconds(form.every)
    except ValueError as error:
        problems["every"] = str(error)
    pairs: tuple[PluginMarket, ...] = ()
    try:
        pairs = _pairs(form.pairs, form.has_markets)
    except ValueError as error:
        problems["pairs"] = str(error)
    wanted = consent_words(form.address)
    consented = bool(wanted) and " ".join(form.confirmation.split()).casefold() == wanted.casefold()
    settings = PluginSettings(
        label=label,
        address=form.address.strip().rstrip("/"),
        path=form.path.strip(),
        pairs=pairs,
        every_s=every_s,
        market_orders=form.market_orders,
        has_markets=form.has_markets,
        paper=form.paper,
        confirmed=consented,
    )
    try:
        plugin_domain(settings.address, "/OKX", [PluginMarket("BTC-USDT")], confirmed=True)
        if settings.local and not settings.port:
            problems["address"] = "the port is missing, such as http://127.0.0.1:6666"
        elif wanted and not consented:
            problems["confirmation"] = f"{settings.host} is not this computer: type “{wanted}” to allow it"
    except ValueError as error:
        problems["address"] = str(error)
    try:
        plugin_domain("http://127.0.0.1:1", settings.path, [PluginMarket("BTC-USDT")])
    except ValueError as error:
        problems["path"] = str(error)
    return (None if problems else settings), problems


def pair_words(market: PluginMarket) -> str:
    """As it is typed: ETH-USDT, or ETH-USDT:2:4 with the decimals of price and amount."""
    if market.price_decimals is None or market.amount_decimals is None:
        return market.pair
    return f"{market.pair}:{market.price_decimals}:{market.amount_decimals}"


class PluginFile:
    """`plugins.json` of one profile. A file that cannot be read is put aside and never written over."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> list[PluginSettings]:
        """Raises ValueError, in the user's words, after a damaged file was put aside; OSError where it is not read."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        try:
            return msgspec.json.decode(data, type=list[PluginSettings])
        except (msgspec.DecodeError, RecursionError) as error:
            aside = self._path.with_suffix(".broken")
            os.replace(self._path, aside)
            raise ValueError(f"{self._path} cannot be read ({error}); it is kept as {aside.name}") from None

    def save(self, plugins: list[PluginSettings]) -> None:
        """Replace the file in one step. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(plugins)))
        os.replace(beside, self._path)


def _host(address: str) -> str:
    try:
        return urlsplit(address.strip()).hostname or ""
    except ValueError:
        return ""


def _seconds(text: str) -> float:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not Decimal(str(SHORTEST_S)) <= value <= Decimal(str(LONGEST_S)):
        raise ValueError(f"{text.strip()[:20] or 'nothing'} is not {SHORTEST_S:g} to {LONGEST_S:g} seconds")
    return float(value)


def _pairs(text: str, has_markets: bool) -> tuple[PluginMarket, ...]:
    found: dict[str, PluginMarket] = {}
    for word in text.replace(",", " ").replace(";", " ").split():
        symbol, *decimals = word.split(":")
        try:
            pair = to_pair(symbol.replace("/", "-"))
        except ValueError:
            raise ValueError(f"{symbol[:40]} is not a pair such as BTC-USDT") from None
        if len(decimals) not in (0, 2) or not all(_DECIMALS.fullmatch(each) for each in decimals):
            raise ValueError(f"{word[:40]}: decimals are two numbers, of price and amount, such as BTC-USDT:2:6")
        price, amount = (int(each) for each in decimals) if decimals else (None, None)
        if max(price or 0, amount or 0) > MOST_DECIMALS:
            raise ValueError(f"{word[:40]}: {MOST_DECIMALS} decimals are the most")
        found[pair] = PluginMarket(pair, price, amount)
    if len(found) > _MOST_PAIRS:
        raise ValueError(f"{len(found)} pairs: {_MOST_PAIRS} are the most, because each is asked for by itself")
    if not found and not has_markets:
        raise ValueError("the protocol has no list of markets: name at least one, such as BTC-USDT")
    return tuple(found.values())
