"""What a party's answer means, as far as a site says it: outcome rows, facts, and values that must equal ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.config.problems import Mark
from engine.config.tree import Map, Node, Scalar, Seq
from engine.core.outcome import Fact, Outcome
from engine.pipeline.compiling import LEFT_OUT, Compiling, Run
from engine.pipeline.condition import Condition, ConditionFailed
from engine.pipeline.rejected import MapRejected
from engine.pipeline.rows import compile_value, undecided

_OUTCOMES = tuple(outcome.value for outcome in Outcome)
_FACTS = tuple(fact.value for fact in Fact)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A site's row of an outcome table: a code (`*` at the end: prefix), optionally a piece of the party's text, and
    what it means; `because` tells why."""

    code: str
    text: str
    outcome: Outcome
    because: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Difference:
    """A value of the party that is not ours."""

    name: str
    theirs: Any
    ours: Any


@dataclass(frozen=True, slots=True)
class FactFound:
    """What an answer says of one of our numbers. `must_equal`: the party's values that were compared with ours;
    `differs`: those that are not equal, which is a person's case."""

    fact: Fact
    must_equal: Mapping[str, Any] = field(default_factory=dict)
    differs: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class FactRow:
    """When this holds, the fact is so."""

    when: Condition
    fact: Fact


@dataclass(frozen=True, slots=True)
class _Equal:
    name: str
    theirs: Run
    ours: Run
    mark: Mark


@dataclass(frozen=True, slots=True)
class Facts:
    """The fact rows of a map, in order, and what must equal when the number is there."""

    rows: tuple[FactRow, ...]
    equals: tuple[_Equal, ...]

    def find(self, names: Mapping[str, Any]) -> FactFound:
        """The first row that holds; UNKNOWN when none does. MapRejected when a row cannot be decided, or when a value
        that must equal ours is not in the answer: such an answer says nothing we may act on."""
        for row in self.rows:
            try:
                holds = row.when.test(names)
            except ConditionFailed as failed:
                raise undecided(failed) from None
            if holds:
                return self._compared(names) if row.fact is Fact.THERE else FactFound(row.fact)
        return FactFound(Fact.UNKNOWN)

    def _compared(self, names: Mapping[str, Any]) -> FactFound:
        theirs: dict[str, Any] = {}
        differs = []
        for equal in self.equals:
            try:
                value, ours = equal.theirs(names), equal.ours(names)  # type: ignore[arg-type]  # read, never written
            except MapRejected as rejected:
                rejected.seen_at(equal.mark, "", equal.name)
                raise
            except ConditionFailed as failed:
                raise undecided(failed, equal.name) from None
            if value is LEFT_OUT or ours is LEFT_OUT:
                continue
            theirs[equal.name] = value
            if not _equal(value, ours):
                differs.append(Difference(equal.name, value, ours))
        return FactFound(Fact.THERE, theirs, tuple(differs))


def _equal(a: Any, b: Any) -> bool:
    if type(a) is type(b):
        return bool(a == b)
    numbers = (int, Decimal)
    return type(a) in numbers and type(b) in numbers and bool(a == b)


def compile_answers(work: Compiling, node: Node | None) -> tuple[AnswerRow, ...]:
    """`answers: [{code: …, text: …, is: refused, because: …}, …]`."""
    rows = []
    for item in _rows_of(work, node, "{code, is}"):
        if not work.keys(item, ("code", "text", "is", "because"), ("code", "is"), "answers"):
            continue
        outcome = work.word(item.get("is"), _OUTCOMES, Outcome.UNKNOWN.value)
        rows.append(
            AnswerRow(_text(item, "code"), _text(item, "text"), Outcome(outcome), _text(item, "because"), item.mark)
        )
    return tuple(rows)


def compile_facts(work: Compiling, node: Node | None, must_equal: Node | None) -> Facts | None:
    """`fact: [{when: …, is: there}, …]` and `must_equal: [[name, theirs, ours], …]`."""
    if node is None:
        if must_equal is not None:
            work.wrong("E627", must_equal.mark)
        return None
    rows = []
    for item in _rows_of(work, node, "{when, is}"):
        if not work.keys(item, ("when", "is", "note"), ("when", "is"), "fact"):
            continue
        condition = work.condition(item.get("when"), item.mark)
        fact = work.word(item.get("is"), _FACTS, Fact.UNKNOWN.value)
        if condition is not None:
            rows.append(FactRow(condition, Fact(fact)))
    equals = []
    listed = must_equal.items if isinstance(must_equal, Seq) else ()
    if must_equal is not None and not isinstance(must_equal, Seq):
        work.wrong("E612", must_equal.mark, zh="[名称, 对方的值, 我方的值] 的列表", en="a list of [name, theirs, ours]")
    for row in listed:
        if not isinstance(row, Seq) or len(row.items) != 3 or not isinstance(row.items[0], Scalar):
            work.wrong("E612", row.mark, zh="[名称, 对方的值, 我方的值]", en="[name, theirs, ours]")
            continue
        theirs, ours = compile_value(work, row.items[1]), compile_value(work, row.items[2])
        if theirs is not None and ours is not None:
            equals.append(_Equal(row.items[0].text, theirs.run, ours.run, row.mark))
    return Facts(tuple(rows), tuple(equals))


def _rows_of(work: Compiling, node: Node | None, shape: str) -> list[Map]:
    if node is None:
        return []
    if not isinstance(node, Seq):
        work.wrong("E612", node.mark, zh=f"{shape} 的列表", en=f"a list of {shape}")
        return []
    for item in node.items:
        if not isinstance(item, Map):
            work.wrong("E612", item.mark, zh=shape, en=shape)
    return [item for item in node.items if isinstance(item, Map)]


def _text(node: Map, name: str) -> str:
    value = node.get(name)
    return value.text if isinstance(value, Scalar) else ""
