"""The command line as a typed value. It starts nothing."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from app.connectors.registry import EXCHANGES, UnknownExchange, exchange_spec
from app.summary import program_version

EXIT_USAGE = 2
EXIT_LIBRARY = 3
EXIT_DISPLAY = 4
EXIT_DATA = 5

_PAIR = re.compile(r"[^\s-]+-[^\s-]+")
_SIZE = re.compile(r"(\d{3,5})x(\d{3,5})")


class Options(Struct, frozen=True, kw_only=True):
    """What to do. Exactly one of `paper`, `connect`, `replay` and `accounts` says where the data comes from."""

    paper: tuple[str, ...] = ()
    connect: str = ""
    replay: Path | None = None
    accounts: tuple[str, ...] | None = None
    """Names of kept accounts; empty for those that were open last."""
    chosen: bool = False
    """Whether the user said where the data comes from; else a paper twin is meant, unless accounts were open."""
    twin: str = ""
    pair: str = ""
    profile: Path | None = None
    record: Path | None = None
    offscreen: bool = False
    screenshot: Path | None = None
    size: tuple[int, int] | None = None
    theme: str = ""
    seconds: float | None = None
    summary: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"depthdesk: {message}\nTry: depthdesk --help\n")


def _exchange(name: str) -> str:
    try:
        spec = exchange_spec(name)
    except UnknownExchange as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if spec.name not in EXCHANGES:
        raise argparse.ArgumentTypeError(f"{spec.title}: it has no address of its own, so it cannot be opened by name")
    return spec.name


def _exchanges(text: str) -> tuple[str, ...]:
    names = list(EXCHANGES) if text == "all" else text.split(",")
    return tuple(dict.fromkeys(_exchange(name.strip()) for name in names))


def _pair(text: str) -> str:
    pair = text.upper()
    if not _PAIR.fullmatch(pair):
        raise argparse.ArgumentTypeError(f"{text!r} is not a pair such as BTC-USDT")
    return pair


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 10 * 365 * 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1920x1080")
    return int(match[1]), int(match[2])


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return path


def _new_file(text: str) -> Path:
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r}")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    return path


def _recording(text: str) -> Path:
    path = _new_file(text)
    if path.exists():
        raise argparse.ArgumentTypeError(f"{text!r} exists already; recordings are never overwritten")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="depthdesk",
        description="A desktop trading monitor whose correctness can be seen. Without options: paper trading on a "
        "market of its own, no key and no network needed.",
        epilog="depthdesk twin NAME runs a paper twin alone; see depthdesk twin --help.",
        allow_abbrev=False,
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--paper",
        nargs="?",
        const=("poloniex",),
        type=_exchanges,
        metavar="EXCHANGE",
        help="trade on the paper twin of this exchange, of several (a,b), or of all; poloniex when nothing is said",
    )
    source.add_argument("--connect", type=_exchange, metavar="EXCHANGE", help="show the real exchange's public markets")
    source.add_argument("--replay", type=_existing, metavar="FILE", help="play a recorded session; nothing is sent")
    source.add_argument(
        "--accounts",
        nargs="?",
        const="",
        metavar="NAMES",
        help="open these accounts of the vault (a,b), or those that were open last; this is also what happens without "
        "options where accounts were open last",
    )
    parser.add_argument("--twin", default="", metavar="LINE", help="use a running twin: the first line it printed")
    parser.add_argument("--pair", type=_pair, metavar="BASE-QUOTE", help="the market to open")
    parser.add_argument("--profile", type=Path, metavar="DIR", help="keep settings and records in this folder only")
    parser.add_argument("--record", type=_recording, metavar="FILE", help="record every message to this new file")
    parser.add_argument("--offscreen", action="store_true", help="run without a display")
    parser.add_argument("--screenshot", type=_new_file, metavar="FILE", help="save a picture of the window and exit")
    parser.add_argument("--size", type=_size, metavar="WxH", help="window size, such as 1366x768")
    parser.add_argument("--theme", choices=("dark", "light", "system"), default="", help="instead of the setting")
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="exit after N seconds")
    parser.add_argument("--summary", action="store_true", help="print the final state as one JSON object at exit")
    parser.add_argument("--version", action="version", version=f"depthdesk {program_version()}")
    return parser


def parse(arguments: list[str]) -> Options:
    """Ends the program with exit code 2 and one clear line when an option is wrong."""
    parser = _parser()
    found = parser.parse_args(arguments)
    by_name = found.accounts is not None
    if found.twin and (found.connect or found.replay or by_name or len(found.paper or ()) > 1):
        parser.error("argument --twin: goes with one --paper exchange only")
    chosen = bool(found.paper or found.connect or found.replay or found.twin) or by_name
    names = tuple(filter(None, map(str.strip, found.accounts.split(",")))) if by_name else None
    paper = found.paper or (() if found.connect or found.replay or by_name else ("poloniex",))
    given = {"paper": paper, "connect": found.connect or "", "pair": found.pair or ""}
    return Options(**{**vars(found), **given, "accounts": names, "chosen": chosen})
