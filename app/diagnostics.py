"""What a trader may send to others when something is wrong: states and counters, no key, no amount, no id as it is."""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from collections.abc import Iterator

from app.connectors.exchange import Exchange
from app.core.notices import NoticeLevel
from app.summary import program_version
from app.workspace import Workspace

_NEWEST = 20


def diagnostics(workspace: Workspace) -> str:
    """Plain text. Texts of events are left out: the exchange's words may hold anything."""
    return "\n".join(_lines(workspace)) + "\n"


def hashed(word: str) -> str:
    """The same word gives the same eight digits, and nobody gets back to it from them."""
    return hashlib.sha256(word.encode()).hexdigest()[:8]


def _lines(workspace: Workspace) -> Iterator[str]:
    log = workspace.log
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    yield f"Depthdesk {program_version()} on {system}"
    yield f"messages: {log.last_seq} received or sent, {len(log)} kept, {log.dropped} dropped"
    store = workspace.store
    yield f"journal: {'none' if store is None else 'failing' if store.failure else 'sound'}"
    for exchange in workspace.exchanges.values():
        yield from _exchange(exchange)
    yield f"alarms: {', '.join(sorted(code for code, _ in workspace.notices.alarms)) or 'none'}"
    yield f"last {_NEWEST} warnings and errors, by place:"
    serious = [notice for notice in workspace.notices.items if notice.level is not NoticeLevel.INFO]
    for (level, place), count in Counter((n.level.value, _place(n.source)) for n in serious[-_NEWEST:]).items():
        yield f"  {count} {level} {place}"


def _exchange(exchange: Exchange) -> Iterator[str]:
    kind = "paper" if exchange.paper else "live"
    account = f"account {hashed(exchange.key)}" if exchange.has_account else "no account"
    ready = "ready" if exchange.ready else "not ready"
    yield f"{exchange.name}: {kind}, {exchange.venue.domain.name}, {account}, {ready}"
    missing = [name for name, met in exchange.status_dict.items() if not met]
    if missing:
        yield f"  waits for: {', '.join(missing)}"
    offset, bound = exchange.clock_offset_ms, exchange.clock_bound_ms
    yield f"  clock: {'unknown' if offset is None else f'{offset:.0f} ms'}, bound {bound}"
    for link in exchange.links:
        yield (
            f"  {link.name.rpartition('/')[2]}: {link.state.value}, {link.attempts} attempts, epoch {link.epoch}, "
            f"{link.messages} messages, {link.unknown} unknown"
        )
    for pair, feed in exchange.feeds.items():
        state = exchange.freshness(pair).state
        yield f"  {pair}: {state}, {feed.gaps} gaps, {feed.resyncs} resyncs, {feed.crossed} crossed"
    for order in exchange.orders.open:
        yield f"  order {hashed(order.key)} on {order.pair}: {order.state.value}"


def _place(source: str) -> str:
    """Without the account's label."""
    exchange, _, rest = source.partition("/")
    return "/".join(part for part in (exchange.partition(":")[0], rest) if part)
