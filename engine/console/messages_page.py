"""Messages of deliver channels: what waits and what people stopped, the list, and one message with both sides' bytes.

In the list a person is found by a number that is typed in a form: the address then holds its keyed hash, never it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from engine.console.asked import Asked, NoSuchPage
from engine.console.next_words import discard_command, replay_command, resend_command, resume_command
from engine.core.times import instant_of
from engine.masking.bodies import Shown, show_exchange
from engine.masking.values import Masker
from engine.runtime.deliver_hands import AGAIN, By, NotDone, about_money, standing
from engine.runtime.handing import TOLD_SOURCE
from engine.store import lists_messages as lists
from engine.store.contract import Connection
from engine.store.ids import SHIFT
from engine.store.messages import Kept, Tried, attempts_of, due_of, message, message_bytes

Values = Mapping[str, Any]
PAGE = 50
WAITING = 200  # rows of what waits
ACTS = 10  # rows of what people did
REPLAY_MAX = 1000  # messages of one replay from a page; more on the command line
SHOWN = 20  # attempts of a message that are shown with their bytes, the newest
PERSONS = ("patient", "visit")
ENDS = frozenset({"refused", "pending", "unknown", "not_sent", "silent", "asked"})
"""With what a reason begins that an attempt left: its outcome, or how it failed."""
DAY = 86_400.0


NAMES = ("channel", "state", "kind", "control", "day", *PERSONS)


def query_of(given: Mapping[str, str]) -> dict[str, str]:
    """What a query asks for, by the list's filters."""
    return {name: given.get(name, "").strip()[:64] for name in NAMES}


def wanted_of(
    query: Mapping[str, str], *, before: int | None = None, limit: int = PAGE + 1
) -> tuple[lists.Asked, bool]:
    """Which messages a query asks for, and whether its day is none."""
    said = query_of(query)
    bad_day, since = False, None
    if said["day"]:
        try:
            since = instant_of(said["day"], "%Y-%m-%d")
        except ValueError:
            bad_day = True
    return lists.Asked(
        channel=said["channel"], state=said["state"] if said["state"] in lists.STATES else "", kind=said["kind"],
        control=said["control"], patient=_hash(said["patient"]), visit=_hash(said["visit"]), since=since,
        until=None if since is None else since + DAY, after_id=before, limit=limit,
    ), bad_day  # fmt: skip


async def messages(asked: Asked) -> Values:
    """The list, newest first, by channel, state, kind, the sender's number, day (Beijing) or person."""
    query = query_of(asked.query)
    before = asked.place("before")
    wanted, bad_day = wanted_of(query, before=before)

    def look(conn: Connection) -> Seen:
        with asked.node.beside() as others:
            stores = [conn, *others]
            rows = [row for one in stores for row in lists.list_messages(one, wanted)]
            waiting = together(row for one in stores for row in lists.list_outbox(one, limit=WAITING))
            acts = [row for one in stores for row in lists.list_hands(one, ACTS)]
        rows, acts = (sorted(some, key=lambda row: -row["id"]) for some in (rows, acts))
        return Seen(rows[: PAGE + 1], waiting, lists.list_switches(conn), acts[:ACTS])

    seen = await asked.store.read(look)
    rows = seen.rows
    kept = {name: value for name, value in query.items() if value}
    more = urlencode({**kept, "before": rows[PAGE - 1]["id"]}) if len(rows) > PAGE else None
    person = next((name for name in PERSONS if getattr(wanted, name)), "")
    return {
        "rows": rows[:PAGE], "waiting": seen.waiting, "stopped": [(row, _resume(row["what"])) for row in seen.stopped],
        "held": {row["what"] for row in seen.stopped},
        "query": query, "states": lists.STATES, "channels": _channels(asked), "bad_day": bad_day, "person": person,
        "persons": PERSONS, "kept": urlencode(kept), "more": more, "first": before is None, "kind_of": asked.kind,
        "why": why, "acts": seen.acts, "may_stop": _may_stop(asked), "again": wanted.state in ("", *AGAIN),
        "typed_replay": replay_command(wanted.channel, wanted.state), "refresh": 0,
    }  # fmt: skip


def _may_stop(asked: Asked) -> list[tuple[str, str, list[str]]]:
    """What a person may stop, and how: (state, channel or party, their names)."""
    found = [one.deliver for one in asked.node.site().channels.values() if one.deliver is not None]
    parties = sorted({dest.party for one in found for dest in one.to.values()})
    channels = _channels(asked)
    return [("paused", "channel", channels), ("killed", "channel", channels), ("paused", "party", parties)]


async def replay(asked: Asked) -> Values:
    """What a replay of what the list's filters show would do: how many, of which channels, what not and why."""
    wanted, bad_day = wanted_of(asked.query, limit=REPLAY_MAX + 1)
    query = query_of(asked.query)
    dry, no = None, None
    if asked.node.hands is not None and not bad_day:
        try:
            dry = await asked.node.hands.replay(wanted, "", True, By("", ""))
        except NotDone as refused:
            no = refused
    many = dry is not None and dry["count"] + dry["left_out"] + dry["waiting"] > REPLAY_MAX
    return {
        "query": query, "kept": urlencode({name: value for name, value in query.items() if value}), "dry": dry,
        "no": no, "many": many, "most": REPLAY_MAX, "bad_day": bad_day,
        "typed": replay_command(wanted.channel, wanted.state), "refresh": 0,
    }  # fmt: skip


async def one_message(asked: Asked) -> Values:
    """One message: what it is, what is still to be done, every attempt, and what a person may do or type."""
    text = asked.parts["no"]
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NoSuchPage(text)

    def look(conn: Connection) -> tuple[Whole | None, lists.Rows, set[str]]:
        with asked.node.beside() as others:
            stores = [conn, *others]
            acts = [row for one in stores for row in lists.hands_of(one, int(text))]
            found = next(filter(None, (whole(one, int(text)) for one in stores)), None)
        return found, acts, {row["what"] for row in lists.list_switches(conn)}

    found, acts, held = await asked.store.read(look)
    if found is None:
        raise NoSuchPage(text)
    kept, dead = found.kept, [row["dest"] for row in found.due if row["state"] == "dead"]
    parties = _parties(asked, kept.channel)
    return {
        "m": found, "settlement": kept.control if kept.source.startswith(TOLD_SOURCE) else "", "kind_of": asked.kind,
        "party_of": parties, "shown": SHOWN, "why": why, "seen": standing(kept, found.due),
        "offer": _offer(asked, found, bool(dead)), "dests": dead or sorted(parties), "receivers": sorted(parties),
        "money": _money(asked, kept),
        "acts": sorted(acts, key=lambda row: -row["id"]), "held": held,
        "typed": [resend_command(kept.id), *([discard_command(kept.id)] if dead else [])], "refresh": 0,
    }  # fmt: skip


def _money(asked: Asked, kept: Kept) -> bool:
    return about_money(asked.node.site(), kept.channel, kept.kind)


def _offer(asked: Asked, found: Whole, dead: bool) -> str:
    """Which button sends it again, or why there is none: dead (under its own number), copy (under a new one), or
    channel, open, money, gone."""
    if found.kept.channel not in _channels(asked):
        return "channel"
    if dead:
        return "dead"
    if found.kept.state == "open":
        return "open"
    return "money" if _money(asked, found.kept) else "gone" if found.body is None else "copy"


def person_query(form: Mapping[str, str], index: Callable[[str, str], int]) -> str:
    """Where the list of a person's or visit's messages is, of the form that asks for it: `index(kind, number)` makes
    its keyed hash. "" when it asks for nobody."""
    kind, number = form.get("as", ""), form.get("number", "").strip()[:64]
    return urlencode({kind: index(kind, number)}) if kind in PERSONS and number else ""


def _hash(text: str) -> int:
    return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) else 0


def _channels(asked: Asked) -> list[str]:
    return [name for name, one in asked.node.site().channels.items() if one.deliver is not None]


def _parties(asked: Asked, channel: str) -> Mapping[str, str]:
    """Receiver → party, as the channel now is."""
    found = asked.node.site().channels.get(channel)
    return {} if found is None or found.deliver is None else {one.name: one.party for one in found.deliver.to.values()}


def _resume(what: str) -> str:
    return resume_command(what.partition(" ")[2])


def why(reason: str) -> tuple[str, str]:
    """Why something is not delivered, apart: what became of the last attempt, and what else is said of it ("" and all
    of it where no attempt was made)."""
    head, _, rest = reason.partition(" ")
    head = head.rstrip(":")
    return (head, rest) if head in ENDS else ("", reason)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the list's page reads: messages, what waits, what people stopped, and what they did last."""

    rows: lists.Rows
    waiting: list[Waiting]
    stopped: lists.Rows
    acts: lists.Rows


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one receiver has not got, in all processes: how many `messages` in how many `lanes`, since when the oldest
    was taken in, when the next is tried, the most `tries`, and a reason."""

    channel: str
    dest: str
    party: str
    state: str
    messages: int
    lanes: int
    oldest_at: float
    next_at: float
    tries: int
    reason: str


def together(rows: Iterable[Mapping[str, Any]]) -> list[Waiting]:
    """The rows of all processes' stores as one list, dead letters first."""
    found: dict[tuple[str, str, str], Waiting] = {}
    for row in rows:
        key = row["state"], row["channel"], row["dest"]
        one = Waiting(
            row["channel"], row["dest"], row["party"], row["state"], row["messages"], row["lanes"],
            (row["oldest"] >> SHIFT) / 1000, row["next_at"] or 0.0, row["tries"], Masker().text(row["reason"] or ""),
        )  # fmt: skip
        other = found.get(key)
        found[key] = one if other is None else replace(
            one, messages=one.messages + other.messages, lanes=one.lanes + other.lanes,
            oldest_at=min(one.oldest_at, other.oldest_at), next_at=min(one.next_at, other.next_at),
            tries=max(one.tries, other.tries), reason=one.reason or other.reason,
        )  # fmt: skip
    return [found[key] for key in sorted(found)]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, with both sides as an operator may read them; None where nothing is kept or shown."""

    row: Tried
    sent: Shown | None
    reply: Shown | None


@dataclass(frozen=True, slots=True)
class Whole:
    """One message with all that is known of it, masked. `body` None: its time is over. `covered`: values covered."""

    kept: Kept
    body: Shown | None
    due: list[Mapping[str, Any]]
    attempts: list[Attempt]
    covered: int


def whole(conn: Connection, no: int) -> Whole | None:
    """A message of this store, opened and masked here, beside the reactor; None when there is none."""
    kept = message(conn, no)
    if kept is None:
        return None
    masker = Masker(str(no))
    bytes_there = message_bytes(conn, [no])
    body, _, _ = show_exchange(bytes_there[no][1] if bytes_there else None, None, masker)
    tried = attempts_of(conn, no)
    attempts = [
        _attempt(one, masker) if place < SHOWN else Attempt(one, None, None)
        for place, one in enumerate(reversed(tried))
    ]
    due: list[Mapping[str, Any]] = [{**row, "reason": masker.text(row["reason"])} for row in due_of(conn, no)]
    return Whole(kept, body, due, attempts, masker.count)


def _attempt(one: Tried, masker: Masker) -> Attempt:
    sent, reply, _ = show_exchange(one.sent or None, one.reply or None, masker)
    return Attempt(one, sent, reply)
