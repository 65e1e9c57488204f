"""The rules of money: what could lose, double or misplace an amount, found before anything is sent."""

from __future__ import annotations

import re

from engine.config.channel import ChannelFile
from engine.config.channel_rows import CallRow, StepRow
from engine.config.spec import Word
from engine.core.outcome import Outcome
from engine.parties.contract import Op
from engine.pipeline.field_map import FieldMap
from engine.site.data import missing, shape_of, steps_of
from engine.site.names import op_of, used_calls
from engine.site.parts import Parts

UNITS = frozenset({"yuan", "yuan_number", "fen", "fen_of_yuan", "fen_of_fen"})
HERE = "here:"  # the terminal collects: nobody is called
AMOUNT = re.compile(r"(?:^|_)(?:amount|amt|sumamt|fee|cash|money|total|fund)$|_pay$|^refund$", re.IGNORECASE)


def check_money(parts: Parts) -> None:
    """Every channel and every map; problems are noted in `parts`."""
    for channel in parts.channels.values():
        for call in channel.calls.values():
            _call(parts, channel, call)
        for role, word in used_calls(channel):
            _role(parts, channel, role, word)
        if channel.kind == "settle":
            for step in channel.steps:
                if step.verb == "do":
                    _leg(parts, channel, step, final=False)
                elif step.verb == "observe" and (carrier := channel.calls.get(step.word("by") or "")) is not None:
                    _inputs(parts, channel, step, carrier)
            for step in channel.final:
                if step.verb == "do":
                    _leg(parts, channel, step, final=True)
                elif (again := step.word("again")) is not None:
                    parts.wrong("E420", again.mark, name="again")
    _amounts(parts)


def too_short(parts: Parts) -> None:
    """Nobody waits for an answer longer than the request may take effect: one of the two is not what was agreed."""
    longest: dict[str, CallRow] = {}
    for channel in parts.channels.values():
        for call in channel.calls.values():
            op = op_of(parts, call)
            if channel.kind == "settle" and op is not None and op.changes:
                held = longest.setdefault(str(call.to), call)
                longest[str(call.to)] = max(held, call, key=lambda one: one.wait)
    for name, entry in parts.engine.parties.items() if parts.engine else ():
        waits = min(longest[name].wait, entry.wait_max) if name in longest else 0.0
        if entry.late_max is not None and entry.late_max < waits and entry.url != HERE:
            parts.wrong("W515", entry.marks.get("late_max", entry.mark), party=name, late=f"{entry.late_max:g}s",
                        call=longest[name].name, waits=f"{waits:g}s")  # fmt: skip


def _call(parts: Parts, channel: ChannelFile, call: CallRow) -> None:
    op = op_of(parts, call)
    if call.fact is not None:
        if call.repeats is not None:
            parts.wrong("E404", call.repeats.mark, name=call.name)
        if op is not None and op.changes:
            parts.wrong("E403", call.op.mark, name=call.name, op=call.op)
    elif call.repeats is None and "repeats" not in call.marks:
        parts.wrong("E401", call.name.mark, name=call.name)
    elif op is not None and op.changes:
        if call.repeats == "freely":
            parts.wrong("E402", call.repeats.mark, name=call.name, op=call.op)
        if call.repeats == "same_number" and not op.number and _done(channel, call):
            parts.wrong("E405", call.repeats.mark, name=call.name, op=call.op)
    if op is not None and op.money:
        _refusals(parts, call, op)


def _done(channel: ChannelFile, call: CallRow) -> bool:
    """It is a leg of its own; a call that only stops or undoes names the other leg's number."""
    return any(role == "do" and word == call.name for role, word in used_calls(channel))


def _refusals(parts: Parts, call: CallRow, op: Op) -> None:
    made = parts.maps.get(str(call.read))
    for row in made.rows if made else ():
        if row.outcome is Outcome.REFUSED and not row.because.strip():
            parts.wrong("E418", row.mark, op=op.name, code=row.code)


def _role(parts: Parts, channel: ChannelFile, role: str, word: Word) -> None:
    call = channel.calls.get(word)
    if call is None:
        return
    if role == "ask":
        if call.fact is None:
            parts.wrong("E406", word.mark, name=word)
        return
    if call.fact is not None:
        parts.wrong("E407", word.mark, name=word, role=role)
        return
    op = op_of(parts, call)
    if role in ("stop", "undo") and op is not None and not op.changes:
        parts.wrong("E408", word.mark, name=word, op=call.op, role=role)
    if role == "stop" and call.repeats == "never":
        parts.wrong("E410", word.mark, name=word)
    if role == "undo" and call.repeats == "never" and call.ask is None:
        parts.wrong("E415", word.mark, name=word)


def _leg(parts: Parts, channel: ChannelFile, step: StepRow, *, final: bool) -> None:
    call = channel.calls.get(step.name)
    if call is None or call.fact is not None:
        return
    op = op_of(parts, call)
    again = step.word("again")
    refused = step.word("refused")
    for name, word in (("again", again), ("refused", refused)):
        if final and word is not None:
            parts.wrong("E420", word.mark, name=name)
    if refused is not None and (again is not None or step.word("for_each") is not None):
        other = "again" if again is not None else "for_each"
        parts.wrong("E216", refused.mark, one=other, other="refused")
    if op is not None and op.changes:
        if step.word("ask") is None and (op.money or call.repeats != "same_number"):
            parts.wrong("E412", step.name.mark, name=step.name)
        if op.money and not final and step.word("undo") is None:
            parts.wrong("E413", step.name.mark, name=step.name)
        entry = parts.engine.parties.get(call.to) if parts.engine else None
        if op.money and step.word("stop") is None and entry is not None and entry.late_max is None:
            parts.wrong("E414", step.name.mark, name=step.name, party=call.to)
    undone = step.word("undone")
    if undone is not None and step.word("undo") is None:
        parts.wrong("E202", undone.mark, name="undo", zh="写了 undone 的步骤", en="a step with `undone`",
                    example="his.void")  # fmt: skip
    _inputs(parts, channel, step, call)


def _inputs(parts: Parts, channel: ChannelFile, step: StepRow, call: CallRow) -> None:
    """What stop, ask and undo send must be known although answers were lost."""
    for role in ("ask", "stop", "undo"):
        aside = channel.calls.get(step.word(role) or "")
        if aside is None:
            continue
        _input(parts, channel, step, call, role, aside)
        asked = channel.calls.get(aside.ask or "")
        if asked is not None:
            _input(parts, channel, step, call, "undo", asked)


def _input(parts: Parts, channel: ChannelFile, step: StepRow, call: CallRow, role: str, aside: CallRow) -> None:
    made = parts.maps.get(str(aside.send))
    item = step.word("as")
    for path, mark in made.reads.items() if made else ():
        if item is not None and role == "undo" and steps_of(path)[0] == item:
            parts.wrong("E417", mark, role=f"{channel.name} · {aside.name}", path=path,
                        why="撤销时它指的已是最后一项，请用 of.batch_no",
                        why_en="when undoing it stands for the last item; use of.batch_no")  # fmt: skip
            continue
        path = _ungathered(channel, path)
        source = _source(channel, path)
        if source is None:
            continue
        if source.name == call.name and role in ("ask", "stop"):
            parts.wrong("E417", mark, role=f"{channel.name} · {aside.name}", path=path,
                        why="那正是可能丢失的应答",
                        why_en="that is the very answer that may be lost")  # fmt: skip
        elif not _found_out(parts, channel, source, path):
            parts.wrong("E417", mark, role=f"{channel.name} · {aside.name}", path=path,
                        why=f"“{source.name}”的应答丢失后，查询得不到它",
                        why_en=f'after a lost answer of "{source.name}" its inquiry does not bring it')  # fmt: skip


def _ungathered(channel: ChannelFile, path: str) -> str:
    """A path into a gathered list as one into the call whose outputs it holds."""
    root, *below = steps_of(path)
    for step in (*channel.steps, *channel.final):
        if step.word("gather") == root:
            return ".".join((str(step.name), *below))
    return path


def _source(channel: ChannelFile, path: str) -> CallRow | None:
    """The call whose output a path reads."""
    for name, call in channel.calls.items():
        if path == name or path.startswith(f"{name}."):
            return call
    return None


def _found_out(parts: Parts, channel: ChannelFile, source: CallRow, path: str) -> bool:
    """Whether a call's output has a path both when it was answered and when only its inquiry told."""
    rest = path[len(source.name) + 1 :]
    for step in (*channel.steps, *channel.final):
        if step.verb == "do" and step.name == source.name:
            ask = channel.calls.get(step.word("ask") or "")
            maps = [source.read, ask.fact] if ask is not None else [source.read]
            return all(_gives(parts.maps.get(str(name)), rest, parts, name) for name in maps)
    return True


def _gives(made: FieldMap | None, rest: str, parts: Parts, name: Word | None) -> bool:
    if made is None:
        return name is not None and ("map", str(name)) in parts.broken
    return missing(shape_of(made), rest) is None if rest else bool(made.makes)


def _amounts(parts: Parts) -> None:
    """Amounts that come from or go to a party say their unit."""
    sends: set[str] = set()
    reads: set[str] = set()
    for channel in parts.channels.values():
        for call in channel.calls.values():
            sends.add(str(call.send))
            reads.update((str(call.read), str(call.fact)))
        reads.update(str(hear.fact) for hear in channel.hears)
    for name in sorted((sends | reads) & set(parts.maps)):
        for info in parts.maps[name].infos:
            last = steps_of(info.target)[-1:] or [""]
            if not info.path or AMOUNT.search(last[0]) is None or UNITS & set(info.filters):
                continue
            if name in sends or info.path.partition(".")[0] == "answer":
                parts.wrong("E416", info.mark, target=info.target)
