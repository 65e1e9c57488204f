"""What each page shows: from the question to the values its template lays out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from engine.console import reading
from engine.console.asked import Asked, NoSuchPage
from engine.console.books_page import books
from engine.console.case_page import settlement
from engine.console.config_pages import config, explain, turn
from engine.console.messages_page import messages, one_message, replay
from engine.console.next_words import commands
from engine.console.site_pages import channel_values, channels_values, doors_by_listener, other_places, states_values
from engine.console.tables_page import tables
from engine.console.texts.tasks import TEXTS as TASK_TEXTS
from engine.core.errors import ERRORS
from engine.core.times import beijing, instant_of
from engine.masking.values import Masker
from engine.runtime.answers import code_told
from engine.runtime.reasons import text_of_maps
from engine.saga.case import CaseState
from engine.saga.plan import Step
from engine.site.site import Site
from engine.store import pages as lists
from engine.store.contract import Connection
from engine.store.site_versions import Turn, in_flight_of, pins
from engine.store.site_versions import history as turns_of
from engine.store.tasks import OpenTask, open_tasks
from engine.store.unmapped import unmapped_codes

Values = Mapping[str, Any]
TASKS_SHOWN = 200
CODES = 500  # codes without a counterpart on their page
KNOWN = frozenset(name.removeprefix("means.") for name in TASK_TEXTS if name.startswith("means."))
"""Kinds of task that the page has words of their own for."""
TILES: Mapping[str, tuple[str, ...]] = {
    "settled": ("settled",), "moving": ("forward", "waiting", "final"), "back": ("back",), "undone": ("undone",),
    "rejected": ("rejected",), "manual": ("manual",),
}  # fmt: skip
"""The first page's tiles, and the states each counts."""


def midnight_of(now: float) -> float:
    """The first instant of the day, in Beijing."""
    return instant_of(beijing(now, "%Y-%m-%d"), "%Y-%m-%d")


async def overview(asked: Asked) -> Values:
    """Today's counts, what needs a person, what is under way, each party's health, this node."""
    node, site = asked.node, asked.node.site()
    parties = tuple(site.engine.parties)
    seen = await asked.store.read(lambda conn: lists.overview(conn, asked.now, midnight_of(asked.now), parties))
    flights, kinds = node.in_flight(), Counter(asked.kind(name) for name in parties)
    health = [
        {
            "name": name, "kind": asked.kind(name), "alone": kinds[asked.kind(name)] == 1,
            "counts": seen.health.get(name, {}), "took": seen.slow.get(name),
            "flight": flights.get(name, (0, 0)), "last": seen.last_good.get(name),
            "look": _look(seen.health.get(name, {})),
        }
        for name in parties
    ]  # fmt: skip
    tiles = []
    for name, states in TILES.items():
        found = [seen.today[state] for state in states if state in seen.today]
        tiles.append((name, sum(count for count, _ in found), sum(total for _, total in found)))
    return {
        "seen": seen, "health": health, "tiles": tiles, "today": beijing(asked.now, "%Y-%m-%d"), "site": site,
        "listeners": doors_by_listener(node.doors()), "refresh": 10,
    }  # fmt: skip


def _look(counts: Mapping[str, int]) -> str:
    """A party's health at a glance: unknown and unsent calls weigh, refusals do not."""
    good = sum(counts.get(name, 0) for name in lists.HEARD)
    bad = counts.get("unknown", 0) + counts.get("not_sent", 0)
    if not good and not bad:
        return "dim"
    return "good" if not bad else "warn" if good >= bad * 4 else "bad"


def reason_words(site: Site, code: str, language: str) -> str:
    """What a reason's code says, without the detail that only the settlement itself knows; "" when that is all. Codes
    of a site's maps have their words there, as the site now has them."""
    said = ERRORS.get(code) or text_of_maps(site, code)
    words = "" if said is None else (said.zh if language == "zh" else said.en)
    return re.sub(r"\s*[(（]?\{detail\}[)）]?\s*", "", words).strip("：:；; ") if said else code


async def settlements(asked: Asked) -> Values:
    """The list, newest first, by state, day (Beijing), bill or any number of ours."""
    query = {name: asked.query.get(name, "").strip()[:64] for name in ("state", "day", "bill", "number")}
    states = ("open", *CaseState)
    day, bad_day = None, False
    if query["day"]:
        try:
            day = instant_of(query["day"], "%Y-%m-%d")
        except ValueError:
            bad_day = True
    state = query["state"] if query["state"] in states else ""
    clients = tuple(asked.node.site().engine.clients)
    wanted = lists.Wanted(state, query["bill"], day, query["number"], asked.place("before"), clients)
    rows, more = await asked.store.read(lambda conn: lists.settlement_page(conn, wanted))
    kept = {name: value for name, value in query.items() if value}
    return {
        "rows": rows, "query": query, "states": states, "bad_day": bad_day, "first": wanted.before is None,
        "reasons": lambda code, state: reason_words(asked.node.site(), code_told(code, state), asked.language),
        "kept": urlencode(kept),
        "more": None if more is None else urlencode({**kept, "before": more}),
        "refresh": 15 if wanted.before is None else 0,
    }  # fmt: skip


async def one_settlement(asked: Asked) -> Values:
    """One settlement: its legs, calls, plan, numbers and trail."""
    no = asked.parts["no"]
    found = await asked.store.read(lambda conn: reading.whole(conn, no, asked.versions))
    if found is None:
        raise NoSuchPage(no)
    return settlement(asked, found)


async def tasks(asked: Asked) -> Values:
    """What is open, oldest first."""
    after = asked.place("after") or 0

    def look(conn: Connection) -> tuple[list[OpenTask], dict[str, tuple[str, dict[int, str]]]]:
        found = open_tasks(conn, after, TASKS_SHOWN + 1)
        return found, lists.standing(conn, {one.settlement_no for one in found if one.settlement_no})

    rows, standing = await asked.store.read(look)
    more = rows[TASKS_SHOWN - 1].id if len(rows) > TASKS_SHOWN else None
    typed = {one.id: commands(one.id, one.settlement_no, *standing.get(one.settlement_no or "", ("", {})))
             for one in rows}  # fmt: skip
    return {
        "rows": rows[:TASKS_SHOWN], "more": more, "known": KNOWN, "kind_of": asked.kind, "typed": typed, "refresh": 15,
    }  # fmt: skip


async def calls(asked: Asked) -> Values:
    """The list of calls, newest first, by party and outcome."""
    site = asked.node.site()
    outcomes = ("accepted", "refused", "pending", "unknown", "not_sent", "running")
    party, outcome = asked.query.get("party", ""), asked.query.get("outcome", "")
    outcome = outcome if outcome in outcomes else ""
    before = asked.place("before")
    rows, more = await asked.store.read(lambda conn: lists.call_page(conn, party, outcome, asked.now, before))
    kept = {name: value for name, value in (("party", party), ("outcome", outcome)) if value}
    return {
        "rows": rows, "party": party, "outcome": outcome, "outcomes": outcomes, "parties": tuple(site.engine.parties),
        "kind_of": asked.kind, "title_of": asked.title, "first": before is None, "kept": urlencode(kept),
        "more": None if more is None else urlencode({**kept, "before": more}), "refresh": 0,
    }  # fmt: skip


async def one_call(asked: Asked) -> Values:
    """One call with both sides' bytes, persons masked."""
    call_id = asked.parts["id"]
    if not (call_id.isascii() and call_id.isdigit() and len(call_id) < 19):
        raise NoSuchPage(call_id)
    found = await asked.store.read(lambda conn: reading.one_call(conn, int(call_id)))
    if found is None:
        raise NoSuchPage(call_id)
    return {"call": found, "kind_of": asked.kind, "title_of": asked.title, "refresh": 0}


async def channels(asked: Asked) -> Values:
    """The list of channels."""
    site = asked.node.site()
    kinds = Counter(entry.kind for entry in site.engine.parties.values())
    return {**channels_values(site), "kind_of": asked.kind, "kinds": kinds, "refresh": 0}


async def one_channel(asked: Asked) -> Values:
    """One channel: its steps, its calls, what their answers mean."""
    channel = asked.node.site().channels.get(asked.parts["name"])
    if channel is None:
        raise NoSuchPage(asked.parts["name"])
    made = channel_values(channel, asked.node)
    calls = channel.calls

    def done(step: Step) -> str:
        """What a step's call does at its party."""
        return asked.title(calls[step.call].party, calls[step.call].op) if step.call in calls else ""

    return {**made, "done": done, "kind_of": asked.kind, "title_of": asked.title, "refresh": 0}


async def routes(asked: Asked) -> Values:
    """Where the node is reached, and what for."""
    site = asked.node.site()
    titles = {name: channel.title for name, channel in site.channels.items()}
    return {
        "listeners": doors_by_listener(asked.node.doors()), "places": other_places(site), "titles": titles,
        "kind_of": asked.kind, "failing": asked.node.failing(), "refresh": 0,
    }  # fmt: skip


async def history(asked: Asked) -> Values:
    """Which configuration was in force when, by whom and why, newest first."""

    def look(conn: Connection) -> tuple[list[Turn], dict[int, int]]:
        turns = turns_of(conn)
        return turns, in_flight_of(turns, pins(conn))

    turns, in_flight = await asked.store.read(look)
    return {"turns": turns, "in_flight": in_flight, "refresh": 0}


async def codes(asked: Asked) -> Values:
    """Codes that had no row in a code table, the most frequent first; what looks like a person's number is covered."""
    found = await asked.store.read(lambda conn: unmapped_codes(conn, CODES))
    covered = [replace(one, code=Masker().text(one.code)) for one in found]
    return {"codes": covered, "most": CODES, "refresh": 0}


async def states(asked: Asked) -> Values:
    """What the states mean, drawn from the machine's tables."""
    return {**states_values(), "refresh": 0}


PAGE_TABLE: Mapping[str, Callable[[Asked], Awaitable[Values]]] = {
    "overview": overview,
    "settlements": settlements,
    "tables": tables,
    "settlement": one_settlement,
    "tasks": tasks,
    "calls": calls,
    "call": one_call,
    "messages": messages,
    "one_message": one_message,
    "replay": replay,
    "channels": channels,
    "channel": one_channel,
    "routes": routes,
    "history": history,
    "codes": codes,
    "config": config,
    "turn": turn,
    "explain": explain,
    "states": states,
    "books": books,
}
"""Page (its template's name) → what makes its values."""
