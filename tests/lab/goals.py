"""The twelve numeric goals: what is promised, how a run of a given size is made, and how its figures read."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

Figures = dict[str, Any]
Told = tuple[str, bool]
"""Words with the figure, and whether the goal is met in it."""
MIB = 1 << 20


class Goal(Struct, frozen=True, kw_only=True):
    """`run` makes a run of so many units; a whole one has `whole` of them, each taking about `unit_s` here.

    `share` is the part of the time given to all goals that this one gets; `size` says units in words, `command` is what
    makes one such run alone.
    """

    title: str
    promise: str
    command: str
    size: str
    whole: int
    unit_s: float
    share: float
    run: Callable[[int], Figures]
    tell: Callable[[Figures], Iterator[Told]]
    least: int = 1
    wanted: str = ""
    """What the goal asks for, where it is more than the size of `whole` units; such a goal is never reached in full."""

    def units(self, hours: float) -> int:
        """As many as fit into its part of so many hours."""
        return max(self.least, min(self.whole, int(hours * 3_600 * self.share / self.unit_s)))

    def size_words(self, units: int) -> str:
        return self.size.format(units, tenth=max(1, units // 10))

    def command_words(self, units: int) -> str:
        return self.command.format(units, tenth=max(1, units // 10), minutes=units / 60)


def within(words: str, value: float, limit: float, unit: str = "ms") -> Told:
    return f"{words} {value:,g}{unit and ' '}{unit} (goal {limit:,g})", value <= limit


def none(count: int, what: str) -> Told:
    return f"{count:,} {what}", count == 0


def _p99(spread: dict[str, float], words: str, limit: float) -> Told:
    if not spread.get("count"):
        return f"{words}: none seen", False
    return within(f"{words} p99", spread["p99"], limit)


# -- each laboratory module is imported where it runs: some of them change the program they measure


def _orders(seeds: int) -> Figures:
    from tests.lab.order_outcome import figures

    return figures(range(seeds))


def _tell_orders(told: Figures) -> Iterator[Told]:
    yield f"{told['orders']:,} orders in {told['runs']:,} runs, {told['crashes']:,} crashes", True
    yield none(told["duplicates"], "duplicates")
    yield none(told["wrong_ends"], "wrong ends")
    yield none(told["diverged"], "ledgers that differ")
    yield _worst(told["found_ms"], "live ones found", 3_000)
    yield _worst(told["proved_ms"], "absent ones proved after the proof time", 3_000)


def _worst(by_profile: dict[str, dict[str, float]], words: str, limit: float) -> Told:
    """The p99 of each profile; the slowest of them counts."""
    values = [spread["p99"] for spread in by_profile.values() if spread.get("count")]
    if not values:
        return f"{words}: none seen", False
    return f"{words} p99 {min(values):,g} to {max(values):,g} ms by profile (goal {limit:,g})", max(values) <= limit


def _facts(lists: int) -> Figures:
    from tests.lab.order_facts import figures

    return figures(lists)


def _tell_facts(told: Figures) -> Iterator[Told]:
    yield f"{told['lists']:,} lists of {told['orders']:,} orders", True
    yield none(told["wrong"], "ended another way, lost or doubled a quantity")


def _dead_lines(trials: int) -> Figures:
    from tests.lab import blackhole

    return blackhole.figures(blackhole.run(trials, max(1, trials // 10)))


def _tell_dead_lines(told: Figures) -> Iterator[Told]:
    for name, words, limit in (
        ("closed", "closed socket grey", 250),
        ("silent", "silent link grey", 2_000),
        ("dead", "silent link dead", 6_000),
    ):
        spread = told[f"{name}_ms"]
        yield (
            f"{words} p50 {spread['p50']:,g}, p99 {spread['p99']:,g}, worst {spread['max']:,g} ms of "
            f"{spread['count']:,} (goal {limit:,} for each)",
            spread["max"] <= limit,
        )


def _sleeps(cycles: int) -> Figures:
    from tests.lab.suspend_cycles import run

    return run(cycles, 1).figures()


def _tell_sleeps(told: Figures) -> Iterator[Told]:
    yield within("banner, worst", told["banner_ms"]["max"], 1_000)
    yield within("reconciled, worst", told["ready_ms"]["max"], 10_000)
    yield none(told["stale_as_live"], f"of {told['frames']:,} frames with an old price shown as live")
    yield none(told["resent"], "orders sent again")


def _books(updates: int) -> Figures:
    from tests.lab.book_oracle import Tally, run_all

    whole = Tally()
    for _, tally in run_all(updates, range(4), markets=8):
        whole.add(tally)
    return whole.figures()


def _tell_books(told: Figures) -> Iterator[Told]:
    yield f"{told['updates']:,} updates, {told['compared']:,} live books compared", True
    yield none(told["wrong"], "wrong books shown as live")
    yield _p99(told["resync_ms"], "live again", 3_000)


def _outages(hours: int) -> Figures:
    from tests.lab import outage

    with tempfile.TemporaryDirectory() as folder:
        return outage.figures(outage.run(float(hours), 1, Path(folder)))


def _tell_outages(told: Figures) -> Iterator[Told]:
    yield f"{told['outages']:,} outages, {told['bans']:,} bans, {told['restarts']:,} restarts", True
    yield within("handshakes in 5 minutes at one host, most", told["most_in_5_min"], 30, "")
    yield f"closest two {told['closest_s']:g} s apart (goal 1, less the way there)", told["closest_s"] >= 0.99
    yield none(told["while_banned"], "handshakes or requests while banned")
    yield within("live after the exchange is back, worst", told["first_back_s"]["max"], 31, "s")


def _kills(rounds: int) -> Figures:
    from tests.lab.kill9 import measure

    with tempfile.TemporaryDirectory() as folder:
        return measure(rounds, 1, Path(folder)).figures()


def _tell_kills(told: Figures) -> Iterator[Told]:
    yield f"{told['acknowledged']:,} acknowledged in {told['rounds']:,} kills", True
    yield none(told["lost"], "lost")
    yield none(told["doubled"], "doubled")
    yield none(told["damaged"], "journals not sound")
    by = f"each of {told['syncs']} sync points failed (EIO) and killed, by {told['swept_by']}"
    yield (by, True) if told["swept_by"] else ("sync points not swept: neither gcc nor strace works here", False)
    disk = told["disk_ms"]
    words, met = _p99(told["commit_ms"], "commit", 5)
    yield f"{words}; a bare sync of this disk took p50 {disk['p50']:g}, p99 {disk['p99']:g} ms meanwhile", met


def _flood(seconds: int) -> Figures:
    from tests.lab.flood import run

    return run(20_000, float(seconds), 100_000)


def _tell_flood(told: Figures) -> Iterator[Told]:
    rate = told["messages a second"]
    yield f"{rate:,.0f} messages a second (goal 20,000)", rate >= 19_800
    yield within("memory growth", round(told["memory growth, MiB"], 1), 64, "MiB")
    yield within("loop late p99", round(told["loop late p99, ms"], 1), 50)
    yield within("cancel to the socket p99", round(told["cancel p99, ms"], 1), 100)
    yield within("a bomb of 60 MiB costs", round(told["bomb, MiB"], 1), 8, "MiB")


def _fuzz(seconds: int) -> Figures:
    from tests.lab.fuzz import figures

    return figures(float(seconds), 1)


def _tell_fuzz(told: Figures) -> Iterator[Told]:
    yield f"{told['messages']:,} messages into {told['targets']} readers", True
    yield none(told["uncaught"], "uncaught")


def _canary(parts: int) -> Figures:
    from tests.lab import canary, canary_suite

    with tempfile.TemporaryDirectory() as folder:
        figures = canary.measure(Path(folder)).figures()
    if parts > 1:
        with tempfile.TemporaryDirectory() as folder:
            figures["suite"] = canary_suite.measure(Path(folder)).figures()
    return figures


def _tell_canary(told: Figures) -> Iterator[Told]:
    yield (
        f"{told['secrets']} secrets looked for in {told['files']} files ({told['bytes'] / MIB:.0f} MiB) and in "
        f"{told['looks']:,} looks at {told['processes']} processes, {told['orders']} orders placed",
        True,
    )
    yield none(len(told["hits"]), "found")
    yield none(len(told["missing"]), "files that should have been there and were not")
    if suite := told.get("suite"):
        yield (
            f"after {suite['tests']:,} tests {suite['secrets']} secrets looked for in {suite['files']:,} files "
            f"({suite['bytes'] / MIB:.0f} MiB)",
            True,
        )
        yield none(len(suite["hits"]), "found but for what tests write themselves")
        yield none(len(suite["failed"]), "failed tests")


def _forged(_requests: int) -> Figures:
    """The tests themselves: each forged request is one of them."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        tests = "tests/services/test_local_requests.py"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, f"--junitxml={report}"],
            capture_output=True,
        )
        cases = list(xml.parse(report).getroot().iter("testcase"))
    forged = [case for case in cases if case.get("name", "").startswith("test_a_forged_request_is_refused[")]
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return {"forged": len(forged), "others": len(cases) - len(forged), "failed": len(bad)}


def _tell_forged(told: Figures) -> Iterator[Told]:
    yield f"{told['forged']} forged requests, {told['others']} other tests of the service", told["forged"] >= 40
    yield none(told["failed"], "accepted or failed")


def _clocks(requests: int) -> Figures:
    from tests.lab.clock_trials import figures

    return figures(requests, 10, 1)


def _tell_clocks(told: Figures) -> Iterator[Told]:
    yield f"{told['requests']:,} signed, {told['steps']:,} clock steps, {told['sleeps']:,} sleeps", True
    yield none(told["refused"], "outside the exchange's window")
    yield none(told["outside_bound"], "times outside the bound")
    yield within("known again, worst", told["relock_ms"]["max"], 2_000)


_MODULE = "python -m tests.lab."
GOALS = {
    "F1": Goal(
        title="Orders",
        promise="No order twice and no wrong end when requests and answers are lost, late or doubled",
        command=_MODULE + "order_outcome --seeds {0}",
        size="{0:,} seeds for each of 5 kinds of exchange",
        whole=10_000,
        unit_s=0.04,
        share=0.2,
        run=_orders,
        tell=_tell_orders,
    ),
    "F2": Goal(
        title="Order facts",
        promise="The same reports in any order, any of them twice, end the same",
        command=_MODULE + "order_facts --lists {0}",
        size="{0:,} lists",
        whole=1_000_000,
        unit_s=0.0001,
        share=0.06,
        run=_facts,
        tell=_tell_facts,
    ),
    "F3": Goal(
        title="Dead lines",
        promise="A dead line turns grey in time",
        command=_MODULE + "blackhole --closed {0} --silent {tenth}",
        size="{0:,} closed, {tenth:,} silent",
        whole=1_000,
        wanted="1,000 closed, 1,000 silent",
        unit_s=2.0,
        share=0.1,
        least=10,
        run=_dead_lines,
        tell=_tell_dead_lines,
    ),
    "F4": Goal(
        title="Sleep",
        promise="After sleep: told, everything asked again, and no old price shown as live",
        command=_MODULE + "suspend_cycles --cycles {0}",
        size="{0:,} cycles",
        whole=200,
        unit_s=3.0,
        share=0.06,
        least=5,
        run=_sleeps,
        tell=_tell_sleeps,
    ),
    "F5": Goal(
        title="Books",
        promise="A wrong book is never shown as live, with 1 % of messages lost, doubled, swapped or spoilt",
        command=_MODULE + "book_oracle --updates {0} --seeds 0:4 --markets 8",
        size="{0:,} updates, 8 markets, 4 seeds, 6 exchanges",
        whole=100_000_000,
        wanted="100,000,000 updates, 50 markets",
        unit_s=0.00025,
        share=0.1,
        least=10_000,
        run=_books,
        tell=_tell_books,
    ),
    "F6": Goal(
        title="Outages",
        promise="Handshakes stay within the budget, and nothing is sent while banned",
        command=_MODULE + "outage --virtual-hours {0}",
        size="{0} virtual hours",
        whole=24,
        unit_s=1.2,
        share=0.03,
        run=_outages,
        tell=_tell_outages,
    ),
    "F7": Goal(
        title="Journal",
        promise="No acknowledged intent is lost to kill -9 or a failing disk",
        command=_MODULE + "kill9 --rounds {0}",
        size="{0:,} kills and every sync point",
        whole=5_000,
        unit_s=0.11,
        share=0.12,
        least=20,
        run=_kills,
        tell=_tell_kills,
    ),
    "F8": Goal(
        title="Floods",
        promise="20,000 messages a second and a bomb cost neither memory nor the cancel button",
        command=_MODULE + "flood --rate 20000 --minutes {minutes:g}",
        size="{0:,} s",
        whole=1_800,
        unit_s=1.6,
        share=0.08,
        least=20,
        run=_flood,
        tell=_tell_flood,
    ),
    "F9": Goal(
        title="Spoilt messages",
        promise="No reader of foreign bytes raises what it does not declare",
        command=_MODULE + "fuzz --seconds {0} --seed 1",
        size="{0:,} s for each reader",
        whole=28_800,
        unit_s=21.0,
        share=0.1,
        run=_fuzz,
        tell=_tell_fuzz,
    ),
    "F10": Goal(
        title="Secrets",
        promise="No secret in anything that the program leaves behind, nor in argv or environment of a process",
        command=_MODULE + "canary",
        size="the first {0} of 2: a life of the real commands on 3 exchanges, a run of all tests",
        whole=2,
        unit_s=300.0,
        share=0.02,
        run=_canary,
        tell=_tell_canary,
    ),
    "F11": Goal(
        title="Local requests",
        promise="No forged request of this computer is taken",
        command="python -m pytest tests/services/test_local_requests.py",
        size="{0} forged requests",
        whole=40,
        unit_s=0.5,
        share=0.02,
        least=40,
        run=_forged,
        tell=_tell_forged,
    ),
    "F12": Goal(
        title="Clocks",
        promise="No request is signed outside the exchange's window, whatever the computer's clock does",
        command=_MODULE + "clock_trials --requests {0}",
        size="{0:,} requests, 10 computers",
        whole=100_000,
        unit_s=0.0004,
        share=0.03,
        least=1_000,
        run=_clocks,
        tell=_tell_clocks,
    ),
}
