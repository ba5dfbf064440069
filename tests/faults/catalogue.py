"""The faults that the desk must bear, and what the trader then sees. A test's name starts with the id it shows."""

from __future__ import annotations

import re

TRANSPORT = {
    "T1": "TCP reset or close: RECONNECT and an aging book within 250 ms; reconciled when back",
    "T2": "packets vanish: aging after 2 s, STALE within 6 s, market orders blocked, the socket given up",
    "T3": "pings answered, order events stop: asked by REST within 45 s, missed fills marked recovered",
    "T4": "computer slept: told within 1 s, every socket dropped, everything reconciled within 10 s",
    "T5": "planned end of a connection: the next is open first, no grey flash",
    "T6": "an hour's outage: countdown, at most 1 handshake a second and 30 in 5 minutes, others unaffected",
    "T7": "HTTP 418: BANNED with countdown, blocked, no request until then, also after a restart",
    "T8": "HTTP 429: requests pause as told, one line, no second 429",
    "T9": "no name lookup while an order is sent: NOT_PLACED, never UNKNOWN",
    "T10": "certificate not trusted: OFF, named, no way to ignore it, no credential sent",
    "T11": "a gateway's HTML page answers an order: UNKNOWN, the page only as text",
    "T12": "a flood or a blocked screen: lag told, trades skipped counted, order events kept",
    "T13": "redirect to another host: refused and named, no key sent there",
    "T14": "proxy in the environment: the same for REST and streams, or refused with words",
    "T15": "the local address disappears: as T1, names looked up anew, no restart needed",
}
PROTOCOL = {
    "P1": "a gap in a book: invalid in the same frame, RESYNC, live within 3 s",
    "P2": "checksum mismatch: invalid and asked again; three in a minute: alarm and a clean minute",
    "P3": "checksums stop: 'sequence only', one line, no resync loop",
    "P4": "crossed for 500 ms or 3 updates: invalid, resync; a momentary cross is not shown",
    "P5": "a snapshot on the stream replaces, no ghost levels",
    "P6": "a snapshot older than the first change is asked for again; never a half-built book",
    "P7": "unreadable messages: counted and shown, the feed goes on; ten in 10 s reconnect",
    "P8": "an unknown field: badge once, nothing else",
    "P9": "an unknown order state: that row says so and is asked about within 2 s, others go on",
    "P10": "bad numbers: level dropped and counted; tiny ones shown in full; no chart sees NaN",
    "P11": "a message too big, or a bomb: 1009, RECONNECT, alarm, little memory",
    "P12": "the same channel twice: no trade doubled, one line",
    "P13": "messages of an old connection: thrown away, the book never goes back",
    "P14": "market halted or delisted: badge, blocked, the order stays and is asked about, no zero prices",
    "P15": "trading rules change: the next order knows within 60 s; a refusal reloads at once",
    "P16": "one of many subscriptions refused: only that market says so",
    "P17": "hostile error text: plain, stripped, cut, 'Exchange says:'",
    "P18": "a message for the wrong market: dropped and counted, no foreign level",
    "P19": "a bad compressed block: as P7, pings still answered",
    "P20": "the login ends in the session: AUTH within 1 s, one new login, then AUTH-FAILED, no loop",
}
TIME = {
    "C1": "the computer's clock is 90 s wrong: works, told in the status bar, no timestamp refusal",
    "C2": "the wall clock steps: no reconnect, nothing sent again, offset anew within 2 s, event times rise",
    "C3": "an asymmetric line: blocked with 'clock uncertainty' above 1 s, reading goes on",
    "C4": "milliseconds become microseconds: times right, badge",
    "C5": "a timestamp refusal arrives: REJECTED 'clock', one sample, not sent again",
    "C6": "time zone changes: shown times change, nothing else",
    "C7": "an event from the future: taken, clamped for charts, alarm when it lasts",
}
ORDERS = {
    "O1": "answer lost, stream alive: OPEN by the stream, the time-out changes nothing",
    "O2": "answer lost, stream dead: UNKNOWN with proof time, market blocked, found within 2 s of the first answer",
    "O3": "request never arrived: NOT_PLACED by proof after the proof time, 'Place again' offered",
    "O4": "request held 4 s and delivered: never NOT_PLACED, ends OPEN",
    "O5": "no network for 10 minutes: stays UNKNOWN, nothing sent again, resolved within 3 s after",
    "O6": "a new order while one is unknown: the unknown one first, wait, check now, or typed consent",
    "O7": "double click, key repeat: one intent, 'already sending'",
    "O8": "the fill before the answer: FILLED at once by our id",
    "O9": "old fills replayed: totals unchanged, counted",
    "O10": "a late 'open' after FILLED: stays FILLED, counted",
    "O11": "cancel meets a fill: FILLED after asking, 'Filled before cancel'",
    "O12": "cancel's answer lost: 'not confirmed', asked again, the exchange's state in the end",
    "O13": "partly filled, then cancelled: x of y filled, rest cancelled; balance agrees",
    "O14": "remainder expires: EXPIRED x of y, never a failure",
    "O15": "placed or cancelled elsewhere: EXTERNAL, cancel after confirmation",
    "O16": "an event for an unknown id: EXTERNAL row, details within 2 s",
    "O17": "open here, unknown there: LOST, not final, asked every 30 s, may be archived",
    "O18": "'duplicate client order id': proof of existence, asked, true state",
    "O19": "no balance, no permission: REJECTED with reasons in plain words",
    "O20": "cancel all, some fail: receipt, 'Retry n', progress",
    "O21": "fills exceed the order: FILLED, OVERFILLED with true numbers",
    "O22": "FILLED but details missing: badge, asked for, nothing invented, average incomplete",
    "O23": "one trade id, two prices: first kept, ID-CONFLICT",
    "O24": "safety timer lapsed in sleep: told how many orders it cancelled",
    "O25": "plug-in without our ids: UNKNOWN, candidates offered, market blocked until picked",
    "O26": "cancel while sending: queued, sent by our id or after the answer",
}
PERSISTENCE = {
    "S1": "killed after the intent was written: UNKNOWN, then NOT_PLACED by proof, nothing at the exchange",
    "S2": "killed after sending: UNKNOWN at once, one order",
    "S3": "killed before the answer was written: as S2, id found by ours",
    "S4": "killed for 10 minutes while fills stream: all found, totals equal",
    "S5": "disk full: blocked, nothing sent, cancels allowed",
    "S6": "the disk refuses to sync: as S5, reopened for reading, copy offered",
    "S7": "torn journal: n of m read, no trading until reconciled",
    "S8": "second copy: refuses to trade, names the first",
    "S9": "HTX after three days: asked by order id and fills, or 'too old to prove'",
    "S10": "new version: migrated on a copy, downgrade refused, old file kept",
}
RESOURCES = {
    "L1": "50 markets for long: memory flat, MB in the status bar",
    "L2": "a busy computer: lag told, books aging above 2 s, cancels first",
    "L3": "few file descriptors: the limit is named, open connections live on",
    "L4": "capture for days: bounded, oldest dropped and counted, logs rotate",
    "L5": "little disk: capture stops first, journal last, banner",
    "L6": "one connector fails: only it is OFF, the report is redacted",
    "L7": "keyring hangs: window usable, 'waiting for keyring', password or cancel",
}
SECURITY = {
    "X1": "no keyring: encrypted file with a password offered, plain ones refused by name",
    "X2": "key may withdraw: red badge, once a dialog, typed consent",
    "X3": "read-only key: READ ONLY, no way to an order endpoint",
    "X4": "any IP may trade: amber badge",
    "X5": "shared files: 'redacted: n fields', no canary",
    "X6": "exception while signing: no header, body or locals",
    "X7": "settings point to a foreign host: refused, keys not loaded",
    "X8": "a web page posts to the local service: 403, counted",
    "X9": "DNS rebinding: 403 before the body is read",
    "X10": "the plug-in's port is taken: no key sent, pid named",
    "X11": "certificate issuer changed: one confirmation before signed traffic",
    "X12": "key pasted: clipboard cleared after 10 s, field never shows it",
    "X13": "server text: as P17, no update prompt",
    "X14": "tampered wheel: the build stops",
    "X15": "crash: no core file",
    "X16": "replay: nothing can be sent",
    "X17": "key by argument or environment: refused with words",
    "X18": "diagnostics: ids hashed, amounts off",
}
CATALOGUE: dict[str, str] = {**TRANSPORT, **PROTOCOL, **TIME, **ORDERS, **PERSISTENCE, **RESOURCES, **SECURITY}
_IDS = re.compile(r"test_((?:[tpcolsx][0-9]+_)+)")


def ids_of(test: str) -> list[str]:
    """The faults that a test of this name shows: "test_s5_s6_without_a_disk" shows S5 and S6."""
    hit = _IDS.match(test)
    return hit[1].upper().rstrip("_").split("_") if hit else []
