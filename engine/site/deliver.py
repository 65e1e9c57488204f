"""Deliver channels at load: names that lead somewhere, data that is there, nothing that moves money; then compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.codecs.hl7_fields import FieldReader
from engine.codecs.hl7_tables import VERSIONS, tables
from engine.config.channel import ChannelFile
from engine.config.channel_deliver import DeliverFile
from engine.config.channel_rows import CallRow
from engine.config.party_tls import SECURE
from engine.config.problems import Mark, Problem, nearest
from engine.config.source_parts import DATABASES
from engine.config.spec import Word, mark_of
from engine.parties.contract import OutcomeRow
from engine.pipeline.condition import Condition, compile_condition
from engine.pipeline.field_map import FieldMap
from engine.site.data import closed, missing, nearest_path, shape_of_schema
from engine.site.deliver_spec import DeliverSpec, Destination, Names
from engine.site.names import op_of
from engine.site.parts import Parts

HL7_DOORS = ("mllp", "drop", "sftp")
"""Where HL7 messages come in: over the network, or in files."""
ADDRESSES = {
    "mllp": ("mllp://", "mllps://"),
    "his_hl7": ("mllp://", "mllps://"),
    "files": ("file:///", "sftp://"),
    "table": tuple(DATABASES),
    "qingdao_legacy": ("tcp://", "tcps://", "http://", "https://"),
    "till": ("here:",),
}
"""How the address of a kind of party begins, where it is not HTTP."""
ALWAYS = ("message", "hospital", "now", "own")
MESSAGE, OWN = ("id", "kind", "source", "control", "at"), ("number",)
"""What maps and conditions may read as `message` and `own`."""
_SURE = {"message": closed(MESSAGE), "own": closed(OWN)}


def check_deliver(parts: Parts) -> None:
    """Every deliver channel, and every `tell` of the others; problems are noted in `parts`."""
    taken: dict[tuple[str, str], Mark] = {}
    for channel in parts.channels.values():
        if channel.deliver is not None:
            _listens(parts, channel.deliver, taken)
            _unanswered(parts, channel.deliver)
            _receivers(parts, channel)
            _data(parts, channel, channel.deliver)
        for step in (*channel.steps, *channel.final):
            if step.verb == "tell":
                _told(parts, step.name)
        _ends(parts, channel)
        _before_the_end(parts, channel)
    _addresses(parts)


def _unanswered(parts: Parts, deliver: DeliverFile) -> None:
    """`ack: delivered` where nobody waits for an answer."""
    listen = deliver.listen
    door = parts.engine.listeners.get(listen.at) if parts.engine is not None and listen.at is not None else None
    fetched = next((kind for kind in ("drop", "sftp", "poll") if door is not None and getattr(door, kind)), "")
    what = "tell" if listen.tell else fetched
    if listen.ack == "delivered" and what:
        parts.wrong("W522", listen.marks.get("ack", listen.mark), at=listen.at or "tell", what=what)


def _told(parts: Parts, name: Word) -> None:
    fit = [key for key, one in parts.channels.items() if one.deliver is not None and one.deliver.listen.tell]
    if name not in fit and ("channel", str(name)) not in parts.broken:
        parts.wrong("E334", name.mark, name=name, hint=nearest(name, fit))


def _ends(parts: Parts, channel: ChannelFile) -> None:
    """Who is told at the end exists, and hears of each end once."""
    heard: set[tuple[str, str]] = set()
    for row in channel.ends:
        _told(parts, row.tell)
        for at in row.at:
            if (str(row.tell), str(at)) in heard:
                parts.wrong("E338", at.mark, name=row.tell, end=at)
            heard.add((str(row.tell), str(at)))


def _before_the_end(parts: Parts, channel: ChannelFile) -> None:
    """Who is told by a step reads nothing of an end, unless a condition looks whether it is there."""
    steps = (step for one in parts.channels.values() for step in (*one.steps, *one.final))
    told = {str(step.name) for step in steps if step.verb == "tell"}
    if channel.deliver is None or str(channel.name) not in told:
        return
    rows = channel.deliver.to.values()
    texts = [text for text in (channel.deliver.when, *channel.let.values(), *(row.when for row in rows)) if text]
    if any("present('ended" in text for text in texts):
        return
    for text in texts:
        if "ended." in text:
            parts.wrong("E331", text.mark, path="ended", what="when", hint="")
    for call in channel.calls.values():
        made = parts.maps.get(str(call.send))
        for path, mark in made.reads.items() if made is not None else ():
            if path.partition(".")[0] == "ended":
                parts.wrong("E331", mark, path=path, what=f"{call.name}.send", hint="")


def _listens(parts: Parts, deliver: DeliverFile, taken: dict[tuple[str, str], Mark]) -> None:
    listen = deliver.listen
    if listen.at is not None and parts.engine is not None:
        door = parts.engine.listeners.get(listen.at)
        wanted = HL7_DOORS if listen.messages else ("poll",) if listen.rows else ("http",)
        unread = door is None and listen.at in parts.engine.written
        fit = [name for name, one in parts.engine.listeners.items() if any(getattr(one, kind) for kind in wanted)]
        if not unread and listen.at not in fit:
            parts.wrong("E308", listen.at.mark, name=listen.at, hint=nearest(listen.at, fit))
    if listen.schema is not None and listen.schema not in parts.schemas and (
        "schema", str(listen.schema)
    ) not in parts.broken:  # fmt: skip
        parts.wrong("E304", listen.schema.mark, name=listen.schema, hint=nearest(listen.schema, parts.schemas))
    for event in listen.messages:
        first = taken.setdefault((str(listen.at), str(event)), event.mark)
        if first != event.mark:
            parts.wrong("E333", event.mark, at=listen.at, event=event, file=first.file, line=first.line)


def _receivers(parts: Parts, channel: ChannelFile) -> None:
    assert channel.deliver is not None
    for call in channel.calls.values():
        op = op_of(parts, call)
        if op is not None and (op.money or op.session):
            parts.wrong("E332", call.op.mark, op=call.op)
        entry = parts.engine.parties.get(call.to) if parts.engine else None
        _shared(parts, channel.deliver, call)
        ask = channel.deliver.to[call.name].ask if call.name in channel.deliver.to else None
        if ask is not None and entry is not None and entry.kind in set(parts.parties):
            ops = parts.parties[entry.kind].ops
            if ask not in ops:
                parts.wrong("E306", ask.mark, kind=entry.kind, op=ask, hint=nearest(ask, ops))
            elif ops[ask].changes:
                parts.wrong("E403", ask.mark, name=call.name, op=ask)
        if call.send is None and entry is not None and call.op != "forward":
            zh, en = "不是原文转发的接收方", "a receiver that does not forward"
            parts.wrong("E202", call.mark, name="send", zh=zh, en=en, example="adt_event")


def _shared(parts: Parts, deliver: DeliverFile, call: CallRow) -> None:
    """Several processes send to one party: each needs a part of its window."""
    if not deliver.spread or parts.engine is None or str(parts.engine.store).startswith("postgres"):
        return
    entry, processes = parts.engine.parties.get(call.to), parts.engine.limits.processes
    if entry is not None and entry.window < processes:
        parts.wrong("E336", call.to.mark, party=call.to, window=entry.window, processes=processes)


def _addresses(parts: Parts) -> None:
    """HL7 parties have an MLLP address, those that are written to a directory's or a database's, the others HTTP."""
    for name, entry in parts.engine.parties.items() if parts.engine else ():
        wanted = ADDRESSES.get(entry.kind, ("http://", "https://"))
        if not entry.url.startswith(wanted):
            shown = ", ".join(wanted)
            parts.wrong("E335", entry.marks.get("url", entry.mark), party=name, kind=entry.kind, wanted=shown)
        scheme = entry.url.partition(":")[0]
        if entry.tls is not None and scheme not in SECURE:
            secure = f"{scheme}s" if f"{scheme}s" in SECURE else ""
            hint = entry.url.replace(scheme, secure, 1) if secure else ""
            parts.wrong("E337", entry.marks.get("url", entry.mark), party=name, url=entry.url, hint=hint)


def _data(parts: Parts, channel: ChannelFile, deliver: DeliverFile) -> None:
    """What keys, conditions and maps read is there."""
    root = {"hl7": "hl7", "json": "request"}.get(_form(deliver))
    for path, mark, what in reads_of(parts, channel, deliver):
        head = path.partition(".")[0].partition("[")[0]
        if head in channel.let or (head in ALWAYS and what != "key"):
            lost = missing(_SURE, path) if head in _SURE and root is not None else None
            if lost is not None:
                parts.wrong("E331", mark, path=path, what=what, hint=nearest_path(lost[0], lost))
            continue
        if root is not None and head != root and not (root == "request" and head == "client"):
            hint = nearest(head, (root, *ALWAYS, *map(str, channel.let)))
            parts.wrong("E331", mark, path=path, what=what, hint=path.replace(head, hint, 1) if hint else "")
        elif root == "hl7":
            try:
                FieldReader([path])
            except ValueError as no:
                parts.wrong("E523", mark, path=path, detail=str(no))
            else:
                _segments(parts, path, mark)
        elif root == "request" and (lost := missing(_request(parts, deliver), path)) is not None:
            parts.wrong("E331", mark, path=path, what=what, hint=nearest_path(path, lost))


def _request(parts: Parts, deliver: DeliverFile) -> dict[str, Any]:
    """What `request` holds: what its schema allows, or the columns of the view."""
    listen = deliver.listen
    door = parts.engine.listeners.get(listen.at) if parts.engine is not None and listen.at is not None else None
    schema = parts.schemas.get(str(listen.schema))
    if listen.rows and door is not None and door.poll is not None:
        return {"request": closed(door.poll.columns), "client": {}}
    return {"request": shape_of_schema(schema.content) if schema is not None else None, "client": {}}


def _segments(parts: Parts, path: str, mark: Mark) -> None:
    """A segment that no version has is never there: a key of it would be empty, and nothing be kept in order."""
    for name in path.split(".")[1:]:
        segment = name[:3]
        if not segment.startswith("Z") and not any(segment in tables(version).SEGMENTS for version in VERSIONS):
            detail = f"HL7 {VERSIONS[0]}–{VERSIONS[-1]}"
            parts.wrong("E523", mark, path=path, detail=detail, hint=nearest(segment, _USUAL))
            return


_USUAL = ("MSH", "EVN", "PID", "PV1", "PV2", "OBR", "OBX", "ORC", "SCH", "FT1", "DG1", "IN1", "NK1", "MRG", "MFE")


def reads_of(parts: Parts, channel: ChannelFile, deliver: DeliverFile) -> Iterator[tuple[str, Mark, str]]:
    """Each path that its keys, conditions and maps read: (path, its place, who reads it)."""
    for word, what in ((deliver.key, "key"), (deliver.patient, "patient"), (deliver.visit, "visit")):
        if word is not None:
            yield str(word), word.mark, what
    conditions = [(deliver.when, "when"), *((row.when, "when") for row in deliver.to.values())]
    for text, what in [*conditions, *((text, "let") for text in channel.let.values())]:
        made = compile_condition(text, text.mark) if text is not None else None
        if isinstance(made, Problem):
            parts.found.append(made)
        elif made is not None:
            yield from ((path, made.place(path), what) for path in sorted(made.paths))
    for call in channel.calls.values():
        for name in (call.send,):
            found = parts.maps.get(str(name))
            if found is not None:
                yield from ((path, mark, f"{call.name}.send") for path, mark in found.reads.items())


def _form(deliver: DeliverFile) -> str:
    return "hl7" if deliver.listen.messages else "tell" if deliver.listen.tell else "json"


def compiled_deliver(parts: Parts, channel: ChannelFile) -> DeliverSpec | None:
    """The channel of parts in which lint found no mistake; None for other kinds."""
    deliver = channel.deliver
    if deliver is None:
        return None
    listen = deliver.listen
    paths = {path for path, _, _ in reads_of(parts, channel, deliver)}
    return DeliverSpec(
        form=_form(deliver),
        at=str(listen.at or ""),
        events=tuple(str(event) for event in listen.messages),
        request=listen.request,
        schema=str(listen.schema or ""),
        once_by=tuple(str(path) for path in listen.once_by),
        ack_delivered=listen.ack == "delivered",
        answer_within=listen.answer_within,
        check=listen.check != "no",
        full=listen.check == "full",
        reader=FieldReader(path for path in paths if _form(deliver) == "hl7"),
        roots=frozenset(path.partition(".")[0].partition("[")[0] for path in paths) - {*ALWAYS, *channel.let},
        key=_getter(deliver.key) if deliver.key is not None else None,
        patient=_getter(deliver.patient),
        visit=_getter(deliver.visit),
        when=_condition(deliver.when),
        lets=tuple((str(name), made) for name, text in channel.let.items() if (made := _condition(text)) is not None),
        to={str(name): made for name, made in _destinations(parts, channel, deliver)},
        retry=deliver.retry,
        hold=deliver.dead == "hold",
        spread=deliver.spread,
        ordered_by=str(deliver.key or ""),
    )


def _destinations(parts: Parts, channel: ChannelFile, deliver: DeliverFile) -> Iterator[tuple[str, Destination]]:
    seen: dict[str, int] = {}
    for name, row in deliver.to.items():
        call = row.call
        entry = parts.engine.parties.get(call.to) if parts.engine else None
        count = seen[call.to] = seen.get(call.to, -1) + 1
        made: FieldMap | None = parts.maps.get(str(call.read))
        rows = made.rows if made is not None else ()
        yield str(name), Destination(
            name=str(name),
            party=str(call.to),
            op=str(call.op),
            send=parts.maps.get(str(call.send)),
            when=_condition(row.when),
            wait=call.wait if entry is None else min(call.wait, entry.wait_max),
            repeats=call.repeats != "never",
            rows=tuple(OutcomeRow(one.code, one.outcome, frozenset(), one.text, one.because) for one in rows),
            suffix="" if not count else f"-{count}",
            ask=str(row.ask or ""),
        )


def _condition(text: Word | None) -> Condition | None:
    made = None if text is None else compile_condition(text, mark_of(text))
    return made if isinstance(made, Condition) else None


def _getter(path: Word | None) -> Callable[[Names], str]:
    """The value at a path as text, "" when there is none."""
    if path is None:
        return lambda names: ""
    steps = str(path).split(".")
    if len(steps) == 2:  # as most are
        one, two = steps

        def get_two(names: Names) -> str:
            here = names.get(one)
            value = here.get(two) if isinstance(here, dict) else None
            return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""

        return get_two

    def get(names: Names) -> str:
        here: Any = names
        for step in steps:
            if not isinstance(here, dict):
                return ""
            here = here.get(step)
        return here if isinstance(here, str) else str(here) if isinstance(here, int) else ""

    return get
