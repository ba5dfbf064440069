"""Runs a paper twin as a child process and reads the line in which it names itself. No Qt, no engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from app.connectors.registry import exchange_spec
from app.connectors.spec import Credentials, Domain

_SHUTDOWN_S = 3.0


class TwinError(RuntimeError):
    """The twin did not come up; the text says why in the user's words."""


class TwinLine(Struct, frozen=True, kw_only=True):
    """The first line a twin prints. `passphrase` is empty where the exchange has none."""

    exchange: str
    rest: str
    ws_public: str
    ws_private: str
    api_key: str
    secret_key: str
    passphrase: str
    pairs: list[str]

    def __repr__(self) -> str:
        return f"TwinLine({self.exchange} at {self.rest})"

    def domain(self) -> Domain:
        spec = exchange_spec(self.exchange)
        return Domain(
            name="paper",
            title="Paper",
            rest={name: self.rest for name in spec.domains["main"].rest},
            sockets=spec.sockets_of_twin(self.ws_public, self.ws_private),
            paper=True,
        )

    def addresses(self) -> dict[str, str]:
        """By the names they have in the line."""
        return {"rest": self.rest, "ws_public": self.ws_public, "ws_private": self.ws_private}

    def credentials(self) -> Credentials:
        return Credentials(api_key=self.api_key, secret_key=self.secret_key, passphrase=self.passphrase)


def read_twin_line(line: str | bytes) -> TwinLine:
    """Raises TwinError when the text is not a twin's first line."""
    try:
        return msgspec.json.decode(line, type=TwinLine)
    except (msgspec.DecodeError, ValueError) as error:
        raise TwinError(f"this is not the first line of a paper twin: {error}") from error


class TwinProcess:
    """A twin that ends with us: it watches its standard input, which closes however we end."""

    def __init__(
        self, exchange: str, *, seed: int | None = None, rate: int | None = None, port: int = 0, key: str = ""
    ) -> None:
        """`key`: which of the account's keys it names, such as "read-only"; the first when nothing is said."""
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "app"]
        command = [*program, "twin", exchange, "--until-stdin-closes", "--port", str(port)]
        if seed is not None:
            command += ["--seed", str(seed)]
        if rate is not None:
            command += ["--rate", str(rate)]
        if key:
            command += ["--key", key]
        root = Path(__file__).resolve().parent.parent
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def read_line(self) -> TwinLine:
        """Wait for the twin to serve. Blocks; raises TwinError when it ended instead."""
        assert self._process.stdout is not None and self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
            raise TwinError(f"the paper twin did not start: {said[-1] if said else 'it said nothing'}")
        return read_twin_line(line)

    def stop(self) -> None:
        """End the twin and wait for it."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(_SHUTDOWN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
