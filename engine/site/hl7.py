"""The `hl7` part of channels: every name and place must lead somewhere, amounts are in the declared unit; compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.codecs.hl7_fields import ROOT, FieldReader, Place, place, place_of
from engine.codecs.hl7_tables import shape_of, structure_of, tables
from engine.config.channel import ChannelFile
from engine.config.channel_hl7 import AskRow, Hl7Rows
from engine.config.hl7_profile import Profile
from engine.config.mllp_parts import loopback
from engine.config.problems import Mark, nearest
from engine.pipeline.code_table import CodeTable
from engine.pipeline.field_map import FieldMap
from engine.pipeline.schema_check import Schema
from engine.site.data import missing, nearest_path, shape_of_schema
from engine.site.hl7_spec import Hl7Ask, Hl7Spec
from engine.site.parts import Parts

DEEDS = ("start", "cancel", "refund", "show")
CODES_MOST = 12  # codes told to who wrote another one; a longer table is looked up, not read
WRITTEN = "2.4"  # the version whose segments are known by name
NAMES = ("hl7", "hospital", "now")
"""What the maps that read a message see."""
ANSWER_NAMES = ("answer", "word", "hospital", "now")
"""What the map of the answer sees."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """In whose terms places are written: the profile (None: it is missing or wrong, which is told elsewhere), and the
    segments that such a message usually has."""

    profile: Profile | None
    usual: tuple[str, ...]


def _usual(message: str) -> tuple[str, ...]:
    code, _, event = message.partition("^")
    structure = structure_of(WRITTEN, code, event, "")
    rows = shape_of(WRITTEN, structure) if structure else ()
    return tuple(row.segments[0] for row in rows if row.rule == "known") or tuple(tables(WRITTEN).SEGMENTS)


def check_hl7(parts: Parts) -> None:
    """Every channel's `hl7`; problems are noted in `parts`."""
    seen: dict[tuple[str, str, str], Mark] = {}
    for channel in parts.channels.values():
        rows = channel.hl7
        if rows is None:
            continue
        _listener(parts, rows)
        terms = _Terms(_profile(parts, rows), _usual(str(rows.message)))
        _place(parts, str(rows.action), rows.action.mark, terms)
        for ask in rows.asks:
            _ask(parts, channel, ask, terms)
            key = (str(rows.at), str(rows.message), str(ask.when))
            if key in seen:
                parts.wrong("E525", ask.when.mark, code=ask.when, file=seen[key].file, line=seen[key].line)
            seen.setdefault(key, ask.when.mark)
        _answer(parts, parts.map(rows.answer), terms)
    _open_doors(parts)


def _listener(parts: Parts, rows: Hl7Rows) -> None:
    if parts.engine is None:
        return
    door = parts.engine.listeners.get(rows.at)
    fit = [name for name, one in parts.engine.listeners.items() if one.mllp is not None]
    if door is None and rows.at not in parts.engine.written:
        parts.wrong("E308", rows.at.mark, name=rows.at, hint=nearest(rows.at, fit))
    elif door is not None and door.mllp is None:
        parts.wrong("E521", rows.at.mark, name=rows.at, hint=nearest(rows.at, fit))


def _profile(parts: Parts, rows: Hl7Rows) -> Profile | None:
    found = parts.profiles.get(str(rows.profile))
    if found is None and ("profile", str(rows.profile)) not in parts.broken:
        parts.wrong("E522", rows.profile.mark, name=rows.profile, hint=nearest(rows.profile, parts.profiles))
    return found


def _ask(parts: Parts, channel: ChannelFile, ask: AskRow, terms: _Terms) -> None:
    events = [str(hear.event) for hear in channel.hears if hear.request is not None]
    if ask.do not in (*DEEDS, *events):
        parts.wrong("E526", ask.do.mark, text=ask.do, hint=nearest(ask.do, [*DEEDS, *events]))
    made = parts.map(ask.read)
    if made is None:
        return
    _reads(parts, made, terms)
    schema = _schema_of(parts, channel, ask)
    content = schema.content if schema is not None else {}
    shape = shape_of_schema(content) if schema is not None else None
    if ask.do == "start":
        needed = [name for name in content.get("required", []) if not _makes(made, name)]
    else:
        shape = {"no": {}, "of": {}, "body": shape}
        needed = [] if _makes(made, "no") or _makes(made, "of") else ["no"]
        needed += [] if ask.do == "show" or _makes(made, "body") else ["body"]
        if _makes(made, "body") and not parts.stored:
            needed += [f"body.{name}" for name in content.get("required", []) if not _makes(made, f"body.{name}")]
    for target in needed:
        parts.wrong("E524", ask.read.mark, name=ask.read, target=target, what=ask.do)
    if shape is None or parts.stored:
        return
    for target, mark in made.makes.items():
        lost = missing(shape, target)
        if lost is not None:
            hint = nearest_path(target, lost)
            parts.wrong("E528", mark, name=ask.read, target=target, what=ask.do, hint=hint)


def _schema_of(parts: Parts, channel: ChannelFile, ask: AskRow) -> Schema | None:
    """What the order must be that a map makes of the message."""
    named = {str(hear.event): str(hear.schema) for hear in channel.hears if hear.request is not None}
    named |= {"cancel": "cancel_request", "refund": "refund_request"}
    if channel.listen is not None:
        named["start"] = str(channel.listen.schema)
    return parts.schemas.get(named.get(str(ask.do), ""))


def _makes(made: FieldMap, name: str) -> bool:
    return any(target == name or target.startswith((f"{name}.", f"{name}[")) for target in made.makes)


def _reads(parts: Parts, made: FieldMap, terms: _Terms) -> None:
    for path, mark in made.reads.items():
        root, _, rest = path.partition(".")
        if root == ROOT and rest:
            for name in rest.split("."):
                _place(parts, name.partition("[")[0], mark, terms)


def _answer(parts: Parts, made: FieldMap | None, terms: _Terms) -> None:
    if made is None:
        return
    for target, mark in made.makes.items():
        _place(parts, target, mark, terms)
    for row in made.infos:
        if terms.profile is None or not row.path.startswith("answer.amounts."):
            continue
        unit, in_yuan = terms.profile.amounts, "yuan" in row.filters
        if in_yuan != (unit == "yuan"):
            detail = "经过 yuan（元） · is in yuan" if in_yuan else "没有经过 yuan（分） · is in fen"
            parts.wrong("E527", row.mark, unit=unit, detail=detail)


def _place(parts: Parts, name: str, mark: Mark, terms: _Terms) -> None:
    """A name such as PID_3_1, or a segment's own (FT1)."""
    if (mark, name) in parts.told:
        return
    hint, detail = "", ""
    known, profile, segment = tables(WRITTEN).SEGMENTS, terms.profile, name[:3]
    if segment.startswith("Z"):
        if profile is None:
            return
        fields = profile.segments.get(segment)
        if fields is None:
            detail, hint = f"{profile.name}: {', '.join(profile.segments)}", nearest(segment, profile.segments)
        elif len(name) > 3 and _number(name) not in fields.fields:
            numbers = sorted(fields.fields)
            detail = f"{segment}-{numbers[0]} … {segment}-{numbers[-1]}"
    elif segment not in known:
        detail, hint = f"HL7 {WRITTEN}", nearest(segment, [*terms.usual, *(profile.segments if profile else ())])
    if not detail and len(name) > 3:
        try:
            place(name)
        except ValueError:
            detail = "PID-3.1 → PID_3_1"
    if detail:
        parts.told.add((mark, name))
        parts.wrong("E523", mark, path=name, detail=detail, hint=hint)


def _number(name: str) -> int:
    number = name[4:].partition("_")[0]
    return int(number) if number.isascii() and number.isdigit() else 0


def _open_doors(parts: Parts) -> None:
    """A plain MLLP listener that strangers reach: the name a message gives proves nothing, of events neither."""
    if parts.engine is None or parts.stored:
        return
    for name, door in parts.engine.listeners.items():
        proven = door.tls is not None and door.tls.ca is not None
        if door.mllp is not None and not (proven or door.peers or loopback(door.mllp[0])):
            parts.wrong("W521", door.marks.get("mllp", door.mark), name=name)


def hl7_names(rows: Hl7Rows) -> Iterable[tuple[str, tuple[str, ...]]]:
    """The maps an `hl7` part uses, and what each sees."""
    for ask in rows.asks:
        yield str(ask.read), NAMES
    yield str(rows.answer), ANSWER_NAMES


def compiled_hl7(parts: Parts, rows: Hl7Rows | None) -> Hl7Spec | None:
    """The part in which lint found no mistake."""
    if rows is None:
        return None
    code, _, event = str(rows.message).partition("^")
    return Hl7Spec(
        at=str(rows.at),
        message=(code, event),
        profile=parts.profiles[str(rows.profile)],
        action=place(str(rows.action)),
        asks={str(ask.when): _compiled(str(ask.do), parts.maps[str(ask.read)], parts.tables) for ask in rows.asks},
        answer=parts.maps[str(rows.answer)],
    )


def _compiled(what: str, made: FieldMap, known: Mapping[str, CodeTable]) -> Hl7Ask:
    places: dict[str, Place] = {}
    for row in made.infos:
        if row.path.startswith(f"{ROOT}.") and "[]" not in row.path.rpartition(".")[2]:
            try:
                places[row.target.removeprefix("body.")] = place_of(row.path)
            except ValueError:  # a whole segment
                continue
    lists = [path for path in made.reads if path.startswith(f"{ROOT}.") and "[]." in path]
    whole = [row.target.removeprefix("body.") for row in made.infos if not row.path]
    if len(lists) == len(whole) == 1:  # the one list of the order comes from the one list of the message
        places[whole[0]] = place_of(lists[0])
    return Hl7Ask(what, made, FieldReader(made.reads), places, _codes(made, known))


def _codes(made: FieldMap, known: Mapping[str, CodeTable]) -> dict[str, list[tuple[str, str]]]:
    """Part of the order → the message's own codes for it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in made.infos:
        for one in row.filters:
            name, _, column = one.removeprefix("table ").partition(".")
            if one.startswith("table ") and name in known and (told := known[name].told(column, CODES_MOST)):
                found[row.target.removeprefix("body.")] = told
    return found
