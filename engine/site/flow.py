"""Walks a channel from step to step and checks that every map and condition reads what is known there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.config.channel import ChannelFile
from engine.config.channel_every import Deed
from engine.config.channel_rows import CallRow, StepRow
from engine.config.problems import Mark, Problem, nearest
from engine.config.spec import Word
from engine.parties.bills import KeepsBills
from engine.pipeline.condition import Condition, compile_condition
from engine.pipeline.field_map import FieldMap
from engine.site.data import (
    LEG,
    ROW,
    SETTLEMENT,
    SUMS,
    Growing,
    below,
    closed,
    copied,
    missing,
    nearest_path,
    put,
    shape_of,
    shape_of_schema,
    shape_of_tree,
)  # fmt: skip
from engine.site.hl7 import hl7_names
from engine.site.parts import Parts


def check_flow(parts: Parts) -> None:
    """Every channel; problems are noted in `parts`."""
    for channel in parts.channels.values():
        if channel.deliver is not None:
            continue  # see `deliver`
        _Flow(parts, channel).check()


class _Flow:
    def __init__(self, parts: Parts, channel: ChannelFile) -> None:
        self.parts, self.channel = parts, channel
        hospital = shape_of_tree(parts.engine.hospital) if parts.engine else None
        known = {"hospital": hospital, "now": {}}
        if channel.listen is not None:
            schema = parts.schemas.get(str(channel.listen.schema))
            known.update(client={}, request=shape_of_schema(schema.content) if schema else None)
        if channel.kind == "settle":
            known["settlement"] = closed(SETTLEMENT)
        self.data = Growing({**{str(name): {} for name in channel.let}, **known})

    def check(self) -> None:
        if self.channel.kind == "settle":
            self._settle()
        else:
            self._plain()
        whole = self.data
        lines = self.channel.lines
        if lines is not None:
            self._path(lines, whole.known, lines.mark, "lines", "lines")
        self._lets(whole.known)
        self._numbers()
        for hear in self.channel.hears:
            made = self.parts.maps.get(str(hear.fact))
            if made is not None:
                names = {"answer": None, "code": {}, "text": {}, "of": closed(LEG), "hospital": whole.known["hospital"]}
                self._reads(made, names, f"{hear.event}")
        for used, seen in hl7_names(self.channel.hl7) if self.channel.hl7 is not None else ():
            made = self.parts.maps.get(used)
            if made is not None:
                shapes: dict[str, Any] = {name: None if name in ("hl7", "answer") else {} for name in seen}
                self._reads(made, {**shapes, "hospital": whole.known["hospital"]}, "hl7")
        self._learn_undone()
        if self.channel.kind == "settle":
            self.parts.ends[str(self.channel.name)] = whole.known
        for name in (self.channel.answers,):
            made = self.parts.maps.get(str(name))
            if made is not None:
                self._reads(made, whole.known, "answers")

    def _lets(self, known: dict[str, Any]) -> None:
        """They are decided in their order: each reads those above it."""
        reserved = ("hospital", "now", "client", "request", "settlement")
        seen = {name: shape for name, shape in known.items() if name not in self.channel.let or name in reserved}
        for name, text in self.channel.let.items():
            self._condition(text, seen)
            seen[str(name)] = {}

    def _numbers(self) -> None:
        """What tells repeats apart, and what is held alone, are parts of the request."""
        listen = self.channel.listen
        asked = [(listen.schema, (*listen.once_by, *((listen.one_live,) if listen.one_live else ())))] if listen else []
        asked += [(hear.schema, (*hear.once_by, *hear.used_once)) for hear in self.channel.hears if hear.request]
        for name, words in asked:
            schema = self.parts.schemas.get(str(name))
            shape = shape_of_schema(schema.content) if schema is not None else None
            names = {**(shape or {}), "request": shape, "client": {}, "no": {}}
            for word in words if shape is not None else ():
                self._path(str(word), names, word.mark, str(name), str(name))

    # answer and every: calls one after another

    def _plain(self) -> None:
        if self.channel.statement is not None:
            self.data.known.update(day={}, group=None, sums=closed(SUMS), rows=None)
        if self.channel.tables:
            self.data.known["tables"] = {name: closed(("version",)) for name in self.channel.tables}
        deeds = self.channel.deeds if self.channel.call is None else (Deed(self.channel.call),)
        for deed in deeds:
            call = self.channel.calls.get(deed.call)
            if deed.condition is not None:
                self._condition(deed.condition, self.data.known)
            if call is None:
                continue
            if self.channel.kind == "every":
                self.data.known.update(own={"number": None}, page={})
            self._sends(call, self.data.known)
            reads = {**self.data.known, "answer": None, "code": {}, "text": {}}
            made = self.parts.maps.get(str(call.read))
            if made is not None:
                self._reads(made, reads, f"{call.name}.read")
            self._learn(call)
            if deed.more is not None:
                self._condition(deed.more, self.data.known)
        for name in ("own", "page"):
            self.data.known.pop(name, None)
        self._kept()

    def _kept(self) -> None:
        """What a statement and the tables read of the calls' results."""
        statement = self.channel.statement
        if statement is not None:
            self._condition(statement.agreed, self.data.known)
            for what, path in (("differs", statement.differs), ("theirs", statement.theirs)):
                if path is not None:
                    self._path(path, self.data.known, path.mark, what, what)
            made = self.parts.map(statement.row)
            wanted = (*ROW, *(statement.equal if statement.theirs is not None else ()))
            there = {target.partition(".")[0] for target in made.makes} if made is not None else set(wanted)
            lost = [name for name in dict.fromkeys(wanted) if name not in there]
            if lost:
                self.parts.wrong("E530", statement.row.mark, name=statement.row, target=", ".join(lost))
            steps = {str(step.name) for one in self.parts.channels.values() for step in (*one.steps, *one.final)}
            unread = any(kind == "channel" for kind, _ in self.parts.broken)  # its steps may be those that are meant
            for name in statement.settled if steps and not unread else ():
                if name not in steps:
                    self.parts.wrong("E531", name.mark, name=name, hint=nearest(name, sorted(steps)))
            if self.parts.engine is not None and statement.party not in self.parts.engine.written:
                near = nearest(statement.party, self.parts.engine.parties)
                self.parts.wrong("E305", statement.party.mark, name=statement.party, hint=near)
        for name in self.channel.bills.parties if self.channel.bills is not None else ():
            self._keeps_bills(name)
        for path in self.channel.tables.values():
            self._path(path, self.data.known, path.mark, "tables", "tables")

    def _keeps_bills(self, name: Word) -> None:
        engine = self.parts.engine
        if engine is None:
            return
        fit = [key for key, one in engine.parties.items() if isinstance(self.parts.parties.get(one.kind), KeepsBills)]
        if name not in engine.written:
            self.parts.wrong("E305", name.mark, name=name, hint=nearest(name, fit))
        elif name in engine.parties and name not in fit:
            self.parts.wrong("E532", name.mark, name=name, hint=nearest(name, fit))

    # settle: step by step

    def _settle(self) -> None:
        steps = (*self.channel.steps, *self.channel.final)
        for step in steps:
            for name in self._names_of(step):
                self.data.later.setdefault(name, step.mark)
        for step in steps:
            self._step(step)

    def _names_of(self, step: StepRow) -> Iterator[str]:
        if step.verb in ("do", "work", "await", "observe"):
            yield str(step.name)
        for word in ("as", "gather"):
            name = step.word(word)
            if name is not None:
                yield str(name)

    def _step(self, step: StepRow) -> None:
        condition = step.word("if")
        if condition is not None:
            self._condition(condition, self.data.known)
        match step.verb:
            case "do":
                self._do(step)
            case "await":
                hear = next((one for one in self.channel.hears if one.event == step.name), None)
                schema = self.parts.schemas.get(str(hear.schema)) if hear else None
                self._now_known(step.name, shape_of_schema(schema.content) if schema else None)
                if hear is None:  # misspelt, which is told elsewhere
                    self._now_known(nearest(step.name, [one.event for one in self.channel.hears]) or step.name, None)
            case "check":
                for made in self._maps(step.maps):
                    self._reads(made, self.data.known, "check")
            case _:
                names = step.maps or ((self.channel.amounts,) if self.channel.amounts else ())
                for made in self._maps(names):
                    self._reads(made, self.data.known, f"{step.name}")
                    self._now_known(step.name, shape_of(made))
                if step.name not in self.data.known:
                    self._now_known(step.name, None)  # its map is missing or wrong, which is told elsewhere
                self._aside(step)

    def _do(self, step: StepRow) -> None:
        call = self.channel.calls.get(step.name)
        each, item = step.word("for_each"), step.word("as")
        if each is not None:
            self._path(each, self.data.known, each.mark, "for_each", "for_each")
            if item is not None:
                self._now_known(item, copied(below(self.data.known, each)))
        if call is not None:
            self._sends(call, self.data.with_leg())
            self._learn(call, self.channel.calls.get(step.word("ask") or ""))
            if call.amount is not None:
                self._path(call.amount, self.data.with_leg(), call.amount.mark, call.name, call.name)
            for name in (call.read, call.fact):
                made = self.parts.maps.get(str(name))
                if made is not None:
                    self._reads(made, self.data.with_answer(), f"{call.name}.read")
        else:
            self._now_known(step.name, None)
        self._aside(step)
        if item is not None:
            self.data.known.pop(str(item), None)
        self._gathered(step, call)

    def _aside(self, step: StepRow) -> None:
        """What finds out, stops and undoes it."""
        for aside in self._asides(step):
            self._sends(aside, self.data.with_leg(), aside=True)
            if aside.amount is not None:
                self._path(aside.amount, self.data.with_leg(), aside.amount.mark, aside.name, aside.name)
            for name in (aside.read, aside.fact):
                made = self.parts.maps.get(str(name))
                if made is not None:
                    self._reads(made, self.data.with_answer(), f"{aside.name}.read")

    def _gathered(self, step: StepRow, call: CallRow | None) -> None:
        """The list of what each item's call made."""
        gathered = step.word("gather")
        if gathered is None or call is None:
            return
        if call.read is None:
            self.parts.wrong("E202", gathered.mark, name="read", zh=f"gather 的调用 {call.name}",
                             en=f"{call.name}, which is gathered,", example="einvoice_issued")  # fmt: skip
        self._now_known(gathered, copied(below(self.data.known, call.name)))

    def _asides(self, step: StepRow) -> Iterator[CallRow]:
        for role in ("ask", "stop", "undo"):
            call = self.channel.calls.get(step.word(role) or "")
            if call is not None:
                yield call
                asked = self.channel.calls.get(call.ask or "")
                if asked is not None:
                    yield asked

    def _learn(self, call: CallRow, ask: CallRow | None = None) -> None:
        """A call's output: what its read map makes, and what its inquiry brings besides."""
        made = [self.parts.maps.get(str(name)) for name in (call.read, ask.fact if ask else None) if name is not None]
        if any(one is None for one in made):
            self._now_known(call.name, None)  # the map itself is wrong: nothing more is said about it
            return
        self._now_known(call.name, {})
        for one in made:
            put(self.data.known, call.name, shape_of(one))

    def _learn_undone(self) -> None:
        """What going back brings: the answers of undos, and what a terminal tells of them."""
        told = [self.parts.maps.get(str(hear.fact)) for hear in self.channel.hears if hear.request and hear.fact]
        for step in self.channel.steps:
            undo = self.channel.calls.get(step.word("undo") or "")
            if undo is not None and undo.read is not None:
                self._learn(undo, self.channel.calls.get(undo.ask or ""))
                for made in told:
                    put(self.data.known, undo.name, shape_of(made))

    def _now_known(self, name: str, shape: dict[str, object] | None) -> None:
        put(self.data.known, str(name), shape)
        self.data.later.pop(str(name), None)

    # what reads

    def _sends(self, call: CallRow, names: dict[str, object], *, aside: bool = False) -> None:
        made = self.parts.maps.get(str(call.send))
        if made is not None:
            self._reads(made, names, call.name, aside=aside)

    def _maps(self, names: Iterable[Word]) -> Iterator[FieldMap]:
        for name in names:
            made = self.parts.maps.get(name)
            if made is not None:
                yield made

    def _reads(self, made: FieldMap, names: dict[str, object], who: str, *, aside: bool = False) -> None:
        """`aside`: the map stops, asks or undoes, perhaps for several steps; what it reads only in some cases may
        belong to a later one of them."""
        where = f"{self.channel.name} · {who}"
        sure = {info.path for info in made.infos}
        for path, mark in made.reads.items():
            free = path.startswith("hospital.") and path not in made.must_read
            if not free and not (aside and path not in sure and self._later(path)):
                self._path(path, names, mark, where, where)

    def _condition(self, text: Word, names: dict[str, object]) -> None:
        made = compile_condition(text, text.mark)
        if isinstance(made, Problem):
            self.parts.found.append(made)
            return
        where = f"{self.channel.name} · if"
        for path in sorted(made.paths):
            self._path(path, names, made.place(path), where, where)

    def _path(self, path: str, names: dict[str, object], mark: Mark, where: str, where_en: str) -> None:
        lost = missing(names, path)
        if lost is None or (mark, path) in self.parts.told:
            return
        self.parts.told.add((mark, path))
        part, beside = lost
        later = self._later(path)
        if later is not None:
            self.parts.wrong("E314", mark, path=path, line=later.line)
            return
        hint = nearest_path(part, lost)
        shown = ", ".join(beside[:12]) + (" …" if len(beside) > 12 else "")
        self.parts.wrong("E313", mark, path=part, hint=hint, where=f"{where}，可用：{shown or '（无）'}",
                         where_en=f"{where_en}, there is: {shown or '(nothing)'}")  # fmt: skip

    def _later(self, path: str) -> Mark | None:
        for name, mark in self.data.later.items():
            if path == name or path.startswith((f"{name}.", f"{name}[")):
                return mark
        return None


def conditions_of(channel: ChannelFile) -> Iterator[tuple[str, Condition]]:
    """Every `if:` of a channel's steps, compiled, by its text; those that cannot be read are left out."""
    texts = [step.word("if") for step in (*channel.steps, *channel.final)]
    for deed in channel.deeds:
        texts += (deed.condition, deed.more)
    for text in texts:
        if text is not None:
            made = compile_condition(text, text.mark)
            if isinstance(made, Condition):
                yield str(text), made
