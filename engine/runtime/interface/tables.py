"""The tables of the interface document, read out of a site: fields of schemas, HL7 places, calls to the HIS, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.errors import ERRORS
from engine.parties.registry import PARTIES
from engine.pipeline.rejected import TEXTS
from engine.runtime.interface.words import ASKS, EVENT, REPEATS, Both
from engine.site.hl7_spec import Hl7Spec
from engine.site.site import Channel, Site

Tree = Any


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a request: its path, what it may hold, whether it must be there (`when` says in which case)."""

    path: str
    about: Both
    form: str
    required: bool
    when: str = ""


def schema_rows(site: Site, name: str) -> list[FieldRow]:
    """The fields of a request's JSON Schema."""
    return rows_of(json.loads(site.files[f"schemas/{name}.json"]))


def rows_of(schema: Tree) -> list[FieldRow]:
    """The fields of a JSON Schema."""
    return list(_fields(schema, schema, "", _conditional(schema)))


def _fields(root: Tree, node: Tree, path: str, needed: Mapping[str, str]) -> Iterator[FieldRow]:
    required = set(node.get("required", []))
    for name, below in node.get("properties", {}).items():
        below = _resolved(root, below)
        here = f"{path}.{name}" if path else name
        yield FieldRow(here, _about(below, name), _form(below), name in required, needed.get(name, ""))
        yield from _fields(root, below, here, _conditional(below))
        item = _resolved(root, below.get("items", {}))
        if isinstance(item, dict) and item.get("properties"):
            yield from _fields(root, item, f"{here}[]", _conditional(item))


def _resolved(root: Tree, node: Tree) -> Tree:
    ref = node.get("$ref", "") if isinstance(node, dict) else ""
    for step in ref.removeprefix("#/").split("/") if ref.startswith("#/") else ():
        root = root[step]
    return root if ref.startswith("#/") else node


def _about(node: Tree, name: str) -> Both:
    title, _, english = str(node.get("title", name)).partition("· ")
    return Both(title.strip(), str(node.get("description") or english or name))


def _conditional(node: Tree) -> dict[str, str]:
    """Fields needed in one case only (`if` … `then: required`, alone or in `allOf`), and in which."""
    found: dict[str, str] = {}
    for rule in (node, *node.get("allOf", ())):
        tests = rule.get("if", {}).get("properties", {})
        words = {name: test.get("enum", [test["const"]] if "const" in test else []) for name, test in tests.items()}
        case = ", ".join(f"{name} = {' / '.join(map(str, of))}" for name, of in words.items() if of)
        found |= dict.fromkeys(rule.get("then", {}).get("required", []), case) if case else {}
    return found


def _form(node: Tree) -> str:
    if "enum" in node:
        return " · ".join(str(word) for word in node["enum"])
    parts = [str(node.get("type", ""))]
    if "minimum" in node or "maximum" in node:
        parts.append(f"{node.get('minimum', '')}–{node.get('maximum', '')}")
    low, high = node.get("minLength", node.get("minItems")), node.get("maxLength", node.get("maxItems"))
    if low is not None or high is not None:
        parts.append(f"{low}" if low == high else f"{low or 0}–{high if high is not None else '∞'}")
    if "pattern" in node:
        parts.append(str(node["pattern"]))
    return " ".join(part for part in parts if part)


def target_rows(channel: Channel) -> list[str]:
    """What an answer channel's map makes, in its order."""
    call = channel.calls.get(channel.call)
    made = channel.answers or (call.read if call is not None else None)
    return [] if made is None else list(made.makes)


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a HL7 message: its code, what it asks, and which part of the order stands where."""

    code: str
    about: Both
    rows: tuple[tuple[str, str], ...]


def actions(spec: Hl7Spec) -> list[Action]:
    """Every action of a channel's HL7."""
    return [
        Action(code, ASKS.get(ask.what, EVENT), tuple((part, str(at)) for part, at in ask.places.items()))
        for code, ask in spec.asks.items()
    ]


def answer_places(spec: Hl7Spec) -> list[tuple[str, str]]:
    """(place, what of the answer) of the acknowledgement's Z segments."""
    return [(row.target.replace("_", "-", 1).replace("_", "."), row.path) for row in spec.answer.infos]


@dataclass(frozen=True, slots=True)
class HisCall:
    """One thing the engine asks of the HIS."""

    op: str
    about: Both
    repeats: Both
    wait: float
    ask: str


def his_calls(site: Site) -> list[HisCall]:
    """Every operation of the HIS that a channel calls, once."""
    found: dict[str, HisCall] = {}
    for channel in site.channels.values():
        if channel.kind == "deliver":  # notices: the HIS may take them or not
            continue
        asked = {step.call: step.ask for step in channel.plan.steps} if channel.plan is not None else {}
        for call in channel.calls.values():
            entry = site.engine.parties.get(call.party)
            party = PARTIES.get(entry.kind) if entry is not None else None
            if party is None or party.about.side != "his" or call.op not in party.ops:
                continue
            op, ask = party.ops[call.op], channel.calls.get(call.ask or asked.get(call.name, ""))
            row = HisCall(call.op, Both(op.zh, op.en), REPEATS[call.repeats], call.wait, ask.op if ask else "")
            if call.op not in found or (row.ask and not found[call.op].ask):
                found[call.op] = row
    return list(found.values())


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One stable code."""

    code: str
    side: str
    says: Both
    next: Both


def errors(site: Site) -> list[ErrorRow]:
    """Every code a caller may meet: the engine's own, and what the site's maps say."""
    rows = [ErrorRow(code, one.side, Both(one.zh, one.en), Both(one.next, one.next_en)) for code, one in ERRORS.items()]
    texts = {code: text for made in site.maps.values() for code, text in made.texts.items()} | dict(TEXTS)
    rows += [
        ErrorRow(code, text.side, Both(text.zh, text.en), Both(text.next, text.next_en))
        for code, text in sorted(texts.items())
        if code not in ERRORS
    ]
    return rows
