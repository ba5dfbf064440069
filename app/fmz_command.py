"""`depthdesk fmz-serve`: connects exchanges without a window and serves them as an FMZ plug-in. No Qt, no protocol.

The first line on stdout is a JSON object with the address and the pairing of this run. Nothing is printed and no key is
made when the port is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from app.account_desk import AccountDesk
from app.cli import EXIT_DATA, EXIT_USAGE
from app.config import ConfigError, Paths, load_config
from app.connectors.registry import UnknownExchange, exchange_spec
from app.core.journal import JournalError
from app.credentials.core_dumps import forbid_core_dumps
from app.credentials.errors import VaultError
from app.credentials.key_input import InputEnded, answers
from app.credentials.sealing import random_bytes
from app.services.fmz_service import FmzService, PortTaken
from app.services.pairing import Pairing, Permissions, RawRule, new_keys, raw_rule
from app.store.database import Store
from app.store.disk_words import StoreInUse
from app.store.paper_journal import drop_paper_journal, paper_journal
from app.twin_process import TwinError, TwinProcess, read_twin_line
from app.workspace import Workspace


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal (or, if asked so, the end of stdin); returns the exit code."""
    forbid_core_dumps()
    try:
        found = _parser().parse_args(arguments)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else EXIT_USAGE
    if not (found.paper or found.twin or found.public or found.account):
        return _say("say what to serve: --paper, --twin, --public or --account", EXIT_USAGE)
    try:
        return asyncio.run(_serve(found))
    except (UnknownExchange, ConfigError, InputEnded) as error:
        return _say(str(error), EXIT_USAGE)
    except (PortTaken, TwinError, VaultError, StoreInUse, JournalError) as error:
        return _say(str(error), EXIT_DATA)


async def _serve(found: argparse.Namespace) -> int:
    paths = Paths(found.profile)
    paper_only = not found.account
    store = Store.open(paper_journal(paths.state) if paper_only else paths.journal_file)
    workspace = Workspace(paths, load_config(paths.settings_file), store=store)
    keys = new_keys(random_bytes)
    permissions = Permissions(trade=found.trade, raw=tuple(found.raw))
    service = FmzService(
        lambda: workspace.exchanges,
        Pairing(keys, permissions, workspace.clock),
        workspace.clock,
        workspace.notices,
        port=found.port,
        undocumented=found.undocumented,
        content_type_may_be_missing=found.no_content_type,
    )
    workspace.notices.added.connect(lambda notice: print(f"{notice.source}: {notice.text}", file=sys.stderr))
    done = _ending(found.until_stdin_closes)
    try:
        # The port comes first: where it is taken, nothing is connected and no key is opened.
        await service.start()
        workspace.start()
        await _connect(workspace, found)
        if found.trade:
            # There is no window to arm them in: who starts the service with this option has.
            for exchange in workspace.exchanges.values():
                exchange.arming.arm()
        line = {
            "url": service.url,
            "paths": service.paths,
            "access_key": keys.access_key,
            "secret_key": keys.secret_key,
            "header": "X-Depthdesk-Token",
            "trade": permissions.trade,
        }
        print(json.dumps(line, separators=(",", ":")), flush=True)
        await done.wait()
    finally:
        await service.stop()
        await workspace.close()
        if paper_only:
            drop_paper_journal(paths.state)
    return 0


async def _connect(workspace: Workspace, found: argparse.Namespace) -> None:
    for name in found.paper:
        spec = exchange_spec(name)
        await workspace.open_paper(spec.name, TwinProcess(spec.name))
    if found.twin:
        twin = read_twin_line(found.twin)
        spec = exchange_spec(twin.exchange)
        await workspace.open_exchange(spec, twin.domain(), twin.credentials(), pairs=[spec.default_pair])
    for name in found.public:
        await workspace.open_public(name)
    if found.account:
        await _connect_accounts(workspace, found.account)


async def _connect_accounts(workspace: Workspace, labels: Sequence[str]) -> None:
    desk = AccountDesk(workspace)
    for label in labels:
        info = desk.vault.find(label)
        locked = desk.vault.is_locked(info)
        password = answers().secret("vault_password", "Password of the vault: ") if locked else ""
        await desk.connect(info, password)


def _ending(until_stdin_closes: bool) -> asyncio.Event:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, done.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(done.set))
    if until_stdin_closes:
        threading.Thread(target=_wait_for_end, args=(loop, done.set), name="stdin", daemon=True).start()
    return done


def _wait_for_end(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
    """In a thread, because no loop can wait for every kind of stdin on every system."""
    try:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(end)
    except (OSError, RuntimeError):
        pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="depthdesk fmz-serve",
        description="Serve connected exchanges on 127.0.0.1 by the FMZ custom protocol. The client gets a pairing made "
        "for this run; keys stay here. Reading only, unless --trade is given.",
        allow_abbrev=False,
    )
    parser.add_argument("--paper", action="append", default=[], metavar="EXCHANGE", help="a paper twin, started here")
    parser.add_argument("--twin", default="", metavar="LINE", help="a running paper twin: the first line it printed")
    parser.add_argument("--public", action="append", default=[], metavar="EXCHANGE", help="its real public markets")
    parser.add_argument("--account", action="append", default=[], metavar="NAME", help="an account of the vault")
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="0 or absent: a free port")
    parser.add_argument("--trade", action="store_true", help="let the client place and cancel orders")
    parser.add_argument(
        "--raw", type=_raw, action="append", default=[], metavar="VERB:/PATH", help="sign raw calls below this path"
    )
    parser.add_argument(
        "--undocumented", action="store_true", help="also answer markets and tickers, in a form of ours"
    )
    parser.add_argument("--no-content-type", action="store_true", help="for clients that send no Content-Type")
    parser.add_argument("--until-stdin-closes", action="store_true", help="leave when stdin ends")
    parser.add_argument("--profile", type=Path, metavar="DIR", help="the folder that the program was given")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _raw(text: str) -> RawRule:
    try:
        return raw_rule(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _say(words: str, code: int) -> int:
    print(f"depthdesk fmz-serve: {words}", file=sys.stderr)
    return code
