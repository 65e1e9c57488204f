"""From checked parts to a Channel: maps by name, conditions compiled, the settlement's plan."""

from __future__ import annotations

from engine.config.channel import ChannelFile
from engine.config.channel_every import Bills, Statement
from engine.config.channel_rows import CallRow, Hear, StepRow
from engine.config.engine_parts import Limits
from engine.parties.contract import OutcomeRow
from engine.pipeline.condition import Condition, compile_condition
from engine.saga.case import End
from engine.saga.plan import CallRule, Ending, Plan, Repeats, Step, StepKind
from engine.site.deliver import compiled_deliver
from engine.site.flow import conditions_of
from engine.site.hl7 import compiled_hl7
from engine.site.names import op_of
from engine.site.parts import Parts
from engine.site.site import BillsSpec, CallSpec, Channel, Hears, StatementSpec
from engine.site.soap import compiled_soap

LATE_MAX = 120.0  # seconds; only for calls that move no money (lint asks for the agreed value where they do)


def compiled(parts: Parts, channel: ChannelFile) -> Channel:
    """The channel of parts in which lint found no mistake."""
    lets = {str(name): compile_condition(text, text.mark) for name, text in channel.let.items()}
    return Channel(
        name=str(channel.name),
        kind=channel.kind,
        title=channel.title,
        listen=channel.listen,
        lets={name: made for name, made in lets.items() if isinstance(made, Condition)},
        conditions=dict(conditions_of(channel)),
        calls={str(name): _call(parts, call) for name, call in channel.calls.items()},
        answers=parts.maps.get(str(channel.answers)),
        amounts=parts.maps.get(str(channel.amounts)),
        hears=tuple(_hears(hear) for hear in channel.hears),
        plan=_plan(parts, channel) if channel.kind == "settle" else None,
        call=str(channel.call or ""),
        every=channel.every,
        do=tuple(str(name) for name in channel.do),
        keep=channel.keep,
        lines=str(channel.lines or "").replace("[]", ""),
        hl7=compiled_hl7(parts, channel.hl7),
        deliver=compiled_deliver(parts, channel),
        soap=compiled_soap(channel.soap),
        do_if={str(deed.call): str(deed.condition) for deed in channel.deeds if deed.condition is not None},
        more={str(deed.call): str(deed.more) for deed in channel.deeds if deed.more is not None},
        statement=_statement(parts, channel.statement),
        bills=_bills(channel.bills),
        tables={str(name): str(path) for name, path in channel.tables.items()},
    )


def _bills(written: Bills | None) -> BillsSpec | None:
    return None if written is None else BillsSpec(tuple(str(name) for name in written.parties), written.days)


def _statement(parts: Parts, written: Statement | None) -> StatementSpec | None:
    if written is None:
        return None
    agreed = compile_condition(written.agreed, written.agreed.mark)
    assert isinstance(agreed, Condition), "lint has read it"
    return StatementSpec(
        party=str(written.party),
        settled=frozenset(str(name) for name in written.settled),
        row=parts.maps[written.row],
        groups=tuple({str(name): str(value) for name, value in group.items()} for group in written.groups),
        agreed=agreed,
        differs=str(written.differs or ""),
        theirs=str(written.theirs or ""),
        equal=tuple(str(name) for name in written.equal),
        days=written.days,
    )


def _call(parts: Parts, call: CallRow) -> CallSpec:
    op = op_of(parts, call)
    entry = parts.engine.parties.get(call.to) if parts.engine else None
    send, read, fact = (parts.maps.get(str(name)) for name in (call.send, call.read, call.fact))
    rows = [row for made in (read, fact) if made is not None for row in made.rows]
    return CallSpec(
        name=str(call.name),
        party=str(call.to),
        op=str(call.op),
        send=send,
        read=read,
        fact=fact,
        wait=call.wait if entry is None else min(call.wait, entry.wait_max),
        repeats=str(call.repeats or "freely"),
        ask=str(call.ask or ""),
        amount=str(call.amount or ""),
        number=op.number if op else "",
        rows=tuple(OutcomeRow(row.code, row.outcome, frozenset(), row.text, row.because) for row in rows),
        bulky=bool(op and op.bulky),
    )


def _hears(hear: Hear) -> Hears:
    return Hears(
        event=str(hear.event),
        request=hear.request,
        schema=str(hear.schema or ""),
        once_by=tuple(str(path) for path in hear.once_by),
        at=str(hear.at or ""),
        party=str(hear.party or ""),
        fact=str(hear.fact or ""),
        used_once=tuple(str(path) for path in hear.used_once),
    )


def _plan(parts: Parts, channel: ChannelFile) -> Plan:
    steps = [_step(channel, step, final=False) for step in channel.steps]
    steps += [_step(channel, step, final=True) for step in channel.final]
    rules = {str(name): _rule(parts, call) for name, call in channel.calls.items()}
    limit = parts.engine.limits.attempts if parts.engine else Limits().attempts
    ends = tuple(Ending(str(row.tell), frozenset(End(str(at)) for at in row.at)) for row in channel.ends)
    return Plan(str(channel.name), tuple(steps), rules, limit, ends)


def _rule(parts: Parts, call: CallRow) -> CallRule:
    op = op_of(parts, call)
    entry = parts.engine.parties.get(call.to) if parts.engine else None
    late = entry.late_max if entry is not None and entry.late_max is not None else LATE_MAX
    return CallRule(
        name=str(call.name),
        party=str(call.to),
        op=str(call.op),
        repeats=Repeats(call.repeats or "freely"),
        ask=str(call.ask or ""),
        number=op.number if op else "",
        changes=op.changes if op else True,
        money=op.money if op else True,
        question=op.question if op else False,
        late_max=late,
    )


def _step(channel: ChannelFile, step: StepRow, *, final: bool) -> Step:
    def word(name: str) -> str:
        return str(step.word(name) or "")

    maps = step.maps or ((channel.amounts,) if step.verb == "work" and channel.amounts else ())
    return Step(
        key=str(step.name),
        kind=StepKind(step.verb),
        final=final,
        call=str(step.name) if step.verb == "do" else "",
        ask=word("ask"),
        stop=word("stop"),
        undo=word("undo"),
        undo_first=word("undone") == "first",
        again=word("again"),
        go_on=word("refused") == "go_on",
        answer=word("answer"),
        condition=word("if"),
        each=word("for_each"),
        each_as=word("as"),
        gather=word("gather"),
        maps=tuple(str(name) for name in maps),
        must_equal=word("must_equal"),
        within=step.within,
        by=word("by"),
        party=word("party"),
    )
