"""Asks an exchange whether a key is good and what it may do. It places nothing, moves nothing and keeps nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct

from app.connectors.spec import Credentials, Domain, ExchangeSpec, PrivateSource
from app.core.clock import NS_PER_MS, Clock, SystemClock
from app.core.errors import ErrorKind
from app.core.frames import FrameLog
from app.core.permissions import KeyPermissions
from app.core.requests import NoAnswer, NotSent, Response, VenueError
from app.net.issuers import Trust
from app.net.proxy import proxy_for
from app.net.rate_limiter import Bucket, RateLimiter
from app.net.redaction import Redactor
from app.net.rest import RestClient
from app.net.server_clock import ServerClock

_FRAMES, _BYTES = 64, 64 << 20
_CLOCK_OFF_MS = 1_000.0
_LONGEST_WORDS = 200

_FAULTS = {
    ErrorKind.AUTH: "The exchange refused this key. Check that key and secret belong together and were copied whole, "
    "that the key may read, and that it is allowed from this computer's address",
    ErrorKind.CLOCK: "The exchange refused the time of the request: set this computer's clock",
    ErrorKind.SLOW_DOWN: "The exchange asks to wait before another request: try again in a minute",
    ErrorKind.BANNED: "The exchange has banned this computer's address for a while: try again later",
    ErrorKind.UNAVAILABLE: "The exchange is busy or out of order: nothing is known of the key yet",
}


class KeyCheck(Struct, frozen=True, kw_only=True):
    """What came of asking. `words` are for the user, plain text; `checked_ms` is 0 when the exchange did not answer."""

    ok: bool
    words: str
    permissions: KeyPermissions = KeyPermissions()
    checked_ms: int = 0
    clock_offset_ms: float | None = None
    """How far the exchange's clock is ahead of this computer's."""


Check = Callable[[ExchangeSpec, Domain, Credentials], Awaitable[KeyCheck]]


async def check_key(
    spec: ExchangeSpec,
    domain: Domain,
    credentials: Credentials,
    clock: Clock | None = None,
    *,
    proxy: str = "",
    trust: Trust | None = None,
) -> KeyCheck:
    """Ask for server time, balances and, where the exchange tells them, the key's rights. No key makes it raise.

    `proxy` as in the settings. A host whose certificate has another issuer than `trust` knows gets nothing signed.
    """
    clock = clock or SystemClock()
    redactor = Redactor(spec.secret_fields)
    for secret in (credentials.api_key, credentials.secret_key, credentials.passphrase):
        if secret:
            redactor.protect(secret)
    try:
        auth = spec.auth(credentials, domain)
    except ValueError as error:
        return KeyCheck(ok=False, words=_sentence(f"This is no key of {spec.title}: {redactor.text(str(error))}"))
    server_clock = ServerClock(clock)
    times = [(0, 0)]
    rest = RestClient(
        domain.rest,
        FrameLog(clock, _FRAMES, _BYTES),
        clock,
        RateLimiter([Bucket(limit.bucket, limit.units, limit.per_s) for limit in spec.rate_limits], clock),
        redactor,
        auth.generate_auth_dict,
        server_clock.now_ms,
        f"{spec.name}/key check",
        spec.read_error,
        slow_down_s=spec.slow_down_s,
        proxy=proxy_for(domain.rest.values(), proxy),
        trust=trust,
    )

    def on_exchange(response: Response, sent_ns: int, received_ns: int) -> None:
        times[0] = (sent_ns, received_ns)

    rest.on_exchange = on_exchange
    try:
        server_ms = await rest.perform(spec.public(domain).get_server_time())
        server_clock.add_sample(times[0][0], server_ms, spec.server_time_resolution_ms, times[0][1])
        private = spec.private(domain, auth)
        await rest.perform(private.get_balances())
        permissions = await _permissions(rest, private)
    except (VenueError, NotSent, NoAnswer) as error:
        words = _words_of(error, spec.title, redactor)
        return KeyCheck(ok=False, words=_with_clock(words, server_clock), clock_offset_ms=server_clock.offset_ms)
    finally:
        await rest.close()
    return KeyCheck(
        ok=permissions.read is not False,
        words=_with_clock(_good_words(spec.title, permissions), server_clock),
        permissions=permissions,
        checked_ms=clock.wall_ns() // NS_PER_MS,
        clock_offset_ms=server_clock.offset_ms,
    )


async def _permissions(rest: RestClient, private: PrivateSource) -> KeyPermissions:
    """A key that has just read the balances may read, whatever else is told."""
    call = private.get_permissions()
    if call is None:
        return KeyPermissions(read=True)
    return await rest.perform(call)


def _good_words(title: str, permissions: KeyPermissions) -> str:
    if permissions.read is False:
        return f"{title} knows this key, but it may not read: balances and orders could not be shown."
    if permissions.trade is False:
        return f"{title} accepts this key, for reading only: no orders can be placed with it."
    if permissions.trade is None:
        return f"{title} accepts this key: its balances were read. Whether it may trade is not reported."
    return f"{title} accepts this key: it may read and trade."


def _words_of(error: VenueError | NotSent | NoAnswer, title: str, redactor: Redactor) -> str:
    if isinstance(error, NotSent):
        return _sentence(f"{title} could not be asked: {redactor.text(str(error))}")
    if isinstance(error, NoAnswer):
        return _sentence(f"{title} gave no answer: {redactor.text(str(error))}")
    fault = _FAULTS.get(error.kind, f"{title} refused the question")
    return f"{fault}. It said: {_plain(redactor.text(str(error)))}"


def _with_clock(words: str, clock: ServerClock) -> str:
    offset_ms = clock.offset_ms
    if offset_ms is None or abs(offset_ms) < _CLOCK_OFF_MS:
        return words
    direction = "behind" if offset_ms > 0 else "ahead of"
    return f"{words} This computer's clock is {abs(offset_ms) / 1000:.1f} s {direction} the exchange's."


def _sentence(words: str) -> str:
    return _plain(words).rstrip(".") + "."


def _plain(words: str) -> str:
    """Foreign text on one line, without invisible characters."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
    return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 1] + "…"
