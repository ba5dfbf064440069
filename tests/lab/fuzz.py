"""Feeds spoilt messages to every reader of foreign bytes: `python -m tests.lab.fuzz --seconds 60`.

Real messages of the twins (`corpus`) are cut, spliced, bit-flipped and changed in their structure; what comes of them
is applied to real books, orders and balances, and read as a screen reads. Whatever a reader raises beyond what it
declares (`msgspec.DecodeError`, `ValueError`; for answers `VenueError` too; for captures `NotASession`) is a fault. A
found one is printed with its bytes, so that it can become a test.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
import traceback
import warnings
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from tests.lab.corpus_of_twins import EXCHANGES
from tests.lab.fuzz_targets import CaptureTarget, PluginTarget, RestTarget, ServiceTarget, StreamTarget, Target

_GZIP = b"\x1f\x8b"
_EVIL: tuple[Any, ...] = (
    None,
    True,
    "",
    "NaN",
    "Infinity",
    "-1",
    "1e999",
    "1e-999",
    "9" * 400,
    "0",
    "\u202e\u0000",
    "-",
    "A-B-C",
    "x" * 5_000,
    0,
    -1,
    2**63,
    2**64,
    -(2**63) - 1,
    1.5,
    1e308,
    [],
    {},
    [[]],
    [None],
    {"": None},
)


class Mutator:
    """Spoils messages; the same seed spoils the same way."""

    def __init__(self, random: Random, corpus: list[bytes]) -> None:
        self._random = random
        self._corpus = corpus

    def __call__(self, data: bytes) -> bytes:
        random = self._random
        packed = data.startswith(_GZIP)
        if packed and random.random() < 0.85:
            data = gzip.decompress(data)
        else:
            packed = False
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            data = self._by_structure(data) if random.random() < 0.7 else self._by_bytes(data)
        return gzip.compress(data, 1, mtime=0) if packed else data

    def _by_bytes(self, data: bytes) -> bytes:
        random = self._random
        at = random.randrange(len(data) + 1)
        end = min(len(data), at + random.choice((1, 2, 8, 64)))
        match random.randrange(6):
            case 0:
                return data[:at]
            case 1:
                return data[:at] + data[end:]
            case 2:
                return data[:at] + random.randbytes(end - at) + data[end:]
            case 3:
                return data[:end] + data[at:]
            case 4:
                other = random.choice(self._corpus)
                return data[:at] + other[random.randrange(len(other) + 1) :]
        flipped = bytearray(data)
        if flipped:
            flipped[at % len(flipped)] ^= 1 << random.randrange(8)
        return bytes(flipped)

    def _by_structure(self, data: bytes) -> bytes:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return self._by_bytes(data)
        spots = list(_spots(value))
        if not spots:
            return msgspec.json.encode(self._random.choice(_EVIL))
        holder, key = self._random.choice(spots)
        match self._random.randrange(7):
            case 0 | 1 | 2:
                holder[key] = self._random.choice(_EVIL)
            case 3:
                del holder[key]
            case 4:
                other_holder, other_key = self._random.choice(spots)
                holder[key] = other_holder[other_key] if other_holder is not holder[key] else None
            case 5 if isinstance(holder, list):
                holder[key:key] = [holder[key]] * self._random.choice((1, 3, 50))
            case 5:
                holder[f"{key}X"] = holder.pop(key)
            case 6:
                nested: Any = holder[key]
                for _ in range(self._random.choice((1, 30, 3_000))):
                    nested = [nested]
                holder[key] = nested
        try:
            return msgspec.json.encode(value)
        except (RecursionError, ValueError, OverflowError):
            return self._by_bytes(data)


def _spots(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    if depth > 6:
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(inner):
        yield value, key
        yield from _spots(each, depth + 1)


class Finding(Struct):
    target: str
    seed: int
    error: str
    place: str
    data: bytes


def make_target(name: str, random: Random) -> Target:
    if name == "capture":
        return CaptureTarget(random)
    if name == "fmz.service":
        return ServiceTarget(random)
    if name == "fmz.client":
        return PluginTarget(random)
    exchange, _, side = name.partition(".")
    return RestTarget(exchange, side, random) if side == "rest" else StreamTarget(exchange, side, random)


TARGETS = (
    *(f"{exchange}.{side}" for exchange in EXCHANGES for side in ("public", "private", "rest")),
    "capture",
    "fmz.client",
    "fmz.service",
)


def fuzz(name: str, seconds: float, seed: int, most: int = 10**9) -> tuple[int, list[Finding]]:
    """How many messages were fed, and what was raised that must not be: each place in the code once."""
    random = Random(f"{name} {seed}")
    target = make_target(name, random)
    mutate = Mutator(random, target.corpus)
    choose = getattr(target, "choose", None) or (lambda: random.choice(target.corpus))
    found: dict[str, Finding] = {}
    end, fed = time.monotonic() + seconds, 0
    try:
        while fed < most and time.monotonic() < end:
            fed += 1
            data = mutate(choose())
            try:
                target.feed(data)
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{Path(where.filename).name}:{where.lineno}"
                error_words = f"{type(error).__name__}: {str(error)[:160]}"
                found.setdefault(place, Finding(name, seed, error_words, place, data))
    finally:
        target.close()
    return fed, list(found.values())


def figures(seconds: float, seed: int) -> dict[str, Any]:
    """Every target for so long."""
    warnings.simplefilter("ignore", ResourceWarning)
    fed, found = dict[str, int](), list[str]()
    for name in TARGETS:
        fed[name], findings = fuzz(name, seconds, seed)
        found += [f"{one.target} {one.place} {one.error}" for one in findings]
    return {"targets": len(fed), "messages": sum(fed.values()), "uncaught": len(found), "first uncaught": found[:5]}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each target")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ResourceWarning)
    worst = 0
    for name in options.target or TARGETS:
        fed, findings = fuzz(name, options.seconds, options.seed)
        print(f"{name:18} {fed:>10,} messages, {len(findings)} uncaught", flush=True)
        for finding in findings:
            worst = 1
            print(f"    {finding.place} {finding.error}\n    {b64encode(finding.data[:2_000]).decode()}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
