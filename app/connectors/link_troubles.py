"""What ends a connection in a way the trader must hear of: our error, a lost login, a message too big. No sockets."""

from __future__ import annotations

import asyncio

from app.core.clock import Clock
from app.core.effects import Reconnect
from app.core.links import LinkState, LinkStatus
from app.core.notices import Notices
from app.net.transport import LinkLost

HEALTHY_S = 60.0
"""So long a connection must hold before its earlier troubles are forgotten."""
_TOO_BIG = 1009
_MOST_LOGINS_ENDED = 2
_INTERNAL, _AUTH, _SIZE = "INTERNAL-ERROR", "AUTH-FAILED", "MESSAGE-TOO-BIG"


class LinkTroubles:
    """Of one link, over all its connections. A login that held and ended is tried once more, then only on request."""

    def __init__(self, status: LinkStatus, clock: Clock, notices: Notices) -> None:
        self._status = status
        self._clock = clock
        self._notices = notices
        self._had_login = False
        self.logins_ended = 0
        """Logins that the exchange ended since a connection last held for a minute."""

    def on_lost(self, lost: LinkLost) -> None:
        if lost.code == _TOO_BIG:
            self._notices.raise_alarm(_SIZE, self._status.name, str(lost))

    def on_failed(self, error: Exception) -> str:
        """An error of ours: the connection stays off until the trader asks. Returns why, in words."""
        reason = f"internal error ({type(error).__name__}): restart connector"
        self._status.note(self._clock.wall_ns(), LinkState.FAILED, reason)
        self._notices.raise_alarm(_INTERNAL, self._status.name, reason)
        report = {"message": f"{self._status.name} failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(report)
        return reason

    def on_told_to_reconnect(self, told: Reconnect) -> bool:
        """Whether the next attempt may come at once, as after a login's first end."""
        if not told.login:
            return False
        self.logins_ended += 1
        if self.logins_ended < _MOST_LOGINS_ENDED:
            self._had_login = True
            return True
        self._had_login = False
        self._status.note(self._clock.wall_ns(), LinkState.REFUSED, told.reason)
        return False

    def on_login_refused(self, words: str) -> str:
        """Returns why, in words."""
        self._had_login = self._had_login or self._status.state is LinkState.LIVE
        reason = f"login refused: {words}"
        self._status.note(self._clock.wall_ns(), LinkState.REFUSED, reason)
        return reason

    def may_log_in_again(self, reason: str) -> bool:
        """After a refusal: once, if the login held before. Otherwise an alarm says that only the trader can mend it."""
        if self._had_login:
            self._had_login = False
            self._status.note(self._clock.wall_ns(), LinkState.AUTH, reason)
            self._notices.warning(self._status.name, f"{reason}: logging in once more")
            return True
        self._notices.raise_alarm(_AUTH, self._status.name, reason)
        return False

    def on_served(self) -> None:
        """A connection is over: remember whether its login held."""
        if self._status.state is LinkState.LIVE:
            self._had_login = True

    def on_healthy(self) -> None:
        self.logins_ended = 0
        self._notices.end_alarm(_SIZE, self._status.name, f"{HEALTHY_S:.0f} s without")

    def on_asked_again(self) -> None:
        """The trader wants another attempt."""
        self.logins_ended = 0
        for code in (_INTERNAL, _AUTH):
            self._notices.end_alarm(code, self._status.name, "asked to try again")
