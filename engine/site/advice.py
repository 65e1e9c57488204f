"""What is odd but not wrong: things nobody uses, waits longer than the promise, sign-ins that are missing."""

from __future__ import annotations

from engine.config.channel import ChannelFile
from engine.config.problems import failing
from engine.config.spec import mark_of
from engine.site.callers import shared_secrets, unheard
from engine.site.hl7 import hl7_names
from engine.site.money import too_short
from engine.site.names import op_of, used_calls
from engine.site.parts import ENGINE_SCHEMAS, Parts


def check_advice(parts: Parts) -> None:
    """Sign-ins always; the rest only when nothing is wrong, for a mistake elsewhere makes things look unused."""
    _sign_ins(parts)
    if failing(parts.found):
        return
    _unused(parts)
    _plausible(parts)
    unheard(parts)
    shared_secrets(parts)
    too_short(parts)
    for channel in parts.channels.values():
        _calls(parts, channel)
        _waits(parts, channel)


def _sign_ins(parts: Parts) -> None:
    if any(kind == "channel" for kind, _ in parts.broken):
        return
    signed = {
        str(channel.calls[name].to)
        for channel in parts.channels.values()
        if channel.keep == "session"
        for name in channel.do
        if name in channel.calls
    }
    told: set[str] = set()
    for channel in parts.channels.values():
        for call in channel.calls.values():
            op = op_of(parts, call)
            if op is not None and op.session and call.to not in signed | told:
                told.add(str(call.to))
                parts.wrong("E519", call.op.mark, party=call.to, op=call.op)


def _plausible(parts: Parts) -> None:
    """A HIS that is wrong by a hundred is wrong everywhere alike: only a limit shows it."""
    engine = parts.engine
    settles = any(channel.kind == "settle" for channel in parts.channels.values())
    if engine is not None and engine.profile == "production" and settles and engine.limits.bill_max is None:
        parts.wrong("W512", engine.limits.mark if engine.limits.mark.line else engine.mark)


def _unused(parts: Parts) -> None:
    maps: set[str] = set()
    schemas: set[str] = set(ENGINE_SCHEMAS)
    parties: set[str] = set()
    for channel in parts.channels.values():
        for call in channel.calls.values():
            maps.update(str(name) for name in call.maps)
            parties.add(str(call.to))
        for step in (*channel.steps, *channel.final):
            maps.update(str(name) for name in step.maps)
            parties.add(str(step.word("party")))
        for hear in channel.hears:
            maps.add(str(hear.fact))
            schemas.add(str(hear.schema))
            parties.add(str(hear.party))
        maps.update((str(channel.answers), str(channel.amounts)))
        if channel.statement is not None:
            maps.add(str(channel.statement.row))
        if channel.hl7 is not None:
            maps.update(name for name, _ in hl7_names(channel.hl7))
        if channel.listen is not None:
            schemas.add(str(channel.listen.schema))
    tables = {table for made in parts.maps.values() for table in made.tables}
    for code, kind, names, used in (
        ("W501", "map", parts.maps, maps),
        ("W502", "table", parts.tables, tables),
        ("W503", "schema", parts.schemas, schemas),
    ):
        for name in sorted(set(names) - used):
            parts.wrong(code, parts.places[kind, name], name=name)
    for name, entry in parts.engine.parties.items() if parts.engine else ():
        if name not in parties:
            parts.wrong("W507", mark_of(name) if mark_of(name).line else entry.mark, name=name)


def _calls(parts: Parts, channel: ChannelFile) -> None:
    used = {str(word) for _, word in used_calls(channel)} | set(channel.deliver.to if channel.deliver else ())
    for name in channel.calls:
        if name not in used:
            parts.wrong("W504", mark_of(name), name=name)
    awaited = {str(step.name) for step in channel.steps if step.verb == "await"}
    for hear in channel.hears:
        if hear.request is not None and hear.fact is None and hear.event not in awaited:
            parts.wrong("W505", hear.event.mark, name=hear.event)


def _waits(parts: Parts, channel: ChannelFile) -> None:
    """How long the calls up to the first answer may take, against what the caller was promised."""
    if channel.listen is None:
        return
    waits = 0.0
    for step in channel.steps:
        if step.verb == "await":
            break
        call = channel.calls.get(step.name)
        waits += call.wait if call is not None and step.verb == "do" else 0.0
    if channel.call is not None and channel.call in channel.calls:
        waits = channel.calls[channel.call].wait
    if waits > channel.listen.answer_within:
        mark = channel.listen.marks.get("answer_within", channel.listen.mark)
        parts.wrong("W510", mark, waits=f"{waits:g}s", within=f"{channel.listen.answer_within:g}s")
