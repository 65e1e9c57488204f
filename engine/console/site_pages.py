"""Values of the pages that draw the configuration and the machine's tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.console.node import Door, Node
from engine.saga.case import CASE, CaseEvent, CaseState
from engine.saga.legs import FORWARD, UNDO, LegEvent, LegState, Row
from engine.site.site import CallSpec, Channel, Site

_UNDO_STATES = (LegState.READY, LegState.SENT, LegState.UNSURE, LegState.OK, LegState.NO, LegState.MANUAL)


def doors_by_listener(doors: Sequence[Door]) -> dict[tuple[str, str], list[Door]]:
    """(listener, address) → its doors: of those that several channels share one, of the console's own the first."""
    found: dict[tuple[str, str], list[Door]] = {}
    for door in doors:
        if not door.name.startswith("console_") or door.template == "/console/":
            kept = found.setdefault((door.listener, door.address), [])
            if door not in kept:
                kept.append(door)
    return found


def channels_values(site: Site) -> dict[str, Any]:
    """The list of channels."""
    rows = [
        {
            "channel": channel,
            "parties": sorted({call.party for call in channel.calls.values()}),
            "entrance": entrance(channel),
            "steps": len(channel.plan.steps) if channel.plan is not None else 0,
        }
        for channel in site.channels.values()
    ]
    return {"rows": rows, "site": site}


def entrance(channel: Channel) -> tuple[str, str]:
    """What starts a channel: (method, path), (listener, events), ("tell", "") by settlements, ("every", hour)."""
    deliver = channel.deliver
    if channel.listen is not None:
        return channel.listen.request.method, channel.listen.request.path
    if channel.every is not None:
        hours, seconds = divmod(channel.every.seconds, 3600)
        return "every", f"{hours:02d}:{seconds // 60:02d}"
    if deliver is not None and deliver.request is not None:
        return deliver.request.method, deliver.request.path
    if deliver is not None and deliver.form != "tell":
        return deliver.at, " ".join(sorted({re.sub(r"\^.*", "^*", event) for event in deliver.events}))
    return "tell" if deliver is not None else "", ""


Place = tuple[str, str, str]
"""A listener that is no HTTP one: (its name, its kind, its address)."""


def other_places(site: Site) -> list[tuple[Place, list[Channel]]]:
    """Where HL7 messages, files and rows come in, and the channels that take them."""
    found = []
    for name, door in site.engine.listeners.items():
        kind = next((one for one in ("mllp", "drop", "sftp", "poll") if getattr(door, one) is not None), "")
        if kind:
            address = ":".join(map(str, door.mllp)) if door.mllp is not None else ""
            takers = [
                one for one in site.channels.values()
                if name in (one.hl7.at if one.hl7 else "", one.deliver.at if one.deliver else "")
            ]  # fmt: skip
            found.append(((name, kind, address), takers))
    return found


def channel_values(channel: Channel, node: Node) -> dict[str, Any]:
    """One channel: its steps, its calls, and for each call what an answer means."""
    steps = channel.plan.steps if channel.plan is not None else ()
    return {
        "channel": channel,
        "starts": entrance(channel),
        "steps": [step for step in steps if not step.final],
        "final": [step for step in steps if step.final],
        "ends": channel.plan.ends if channel.plan is not None else (),
        "calls": [_call(spec, node) for spec in channel.calls.values()],
    }


def _call(spec: CallSpec, node: Node) -> dict[str, Any]:
    theirs = [row for row in node.outcomes(spec.party) if not row.ops or spec.op in row.ops]
    return {
        "spec": spec,
        "op": node.ops(spec.party).get(spec.op),
        "rows": [("site", row) for row in spec.rows] + [("party", row) for row in theirs],
    }


def states_values() -> dict[str, Any]:
    """The settlement's table and the two of a leg, as rows of events and columns of states."""
    return {
        "cases": [(state, _moves(state)) for state in CaseState],
        "leg_states": tuple(LegState),
        "forward": _matrix(FORWARD, tuple(LegState)),
        "undo": _matrix(UNDO, _UNDO_STATES),
        "undo_states": _UNDO_STATES,
    }


def _moves(state: CaseState) -> list[tuple[CaseEvent, CaseState]]:
    return [(event, after) for (at, event), after in CASE.items() if at is state]


def _matrix(
    table: Mapping[tuple[LegState, LegEvent], Row], states: Sequence[LegState]
) -> list[tuple[LegEvent, list[Row | None]]]:
    rows = []
    for event in LegEvent:
        cells = [table.get((state, event)) for state in states]
        if any(cells):
            rows.append((event, cells))
    return rows
