"""Rows `[target, source]` and what a source may be: a text, or one of the forms when, join, pick, each, sum, rows,
list, add. Compiled into one callable that makes an object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.config.problems import Mark, nearest
from engine.config.tree import Map, Node, Scalar, Seq
from engine.pipeline.compiling import CODE, LEFT_OUT, Compiling, Form, RowInfo, Run, Scope
from engine.pipeline.condition import Condition, ConditionFailed
from engine.pipeline.paths import left_out, or_else, or_reject
from engine.pipeline.rejected import Absent, MapRejected, kind_of, wrong
from engine.pipeline.sources import Source, add_filters, compile_source
from engine.pipeline.tables import column_of, counted, table_now, table_row

_TARGET = re.compile(r"[^\W\d][\w:-]*|@[\w:-]+|#text|[0-9]\w*")


@dataclass(frozen=True, slots=True)
class Row:
    """One compiled row: the field it makes, how, and what to say when it cannot."""

    name: str
    run: Run
    mark: Mark
    path: str
    target: str


@dataclass(slots=True)
class _Branch:
    """Fields below one part of dotted targets (`a.b`, `a.c`)."""

    mark: Mark
    parts: dict[str, _Branch | Row]


def compile_rows(work: Compiling, node: Node | None, what: Mark) -> Run | None:
    """The object that rows make; None after noting problems. Accepts `[[target, source], …]` or
    `{target: source, …}`."""
    before = len(work.found)
    root = _Branch(what, {})
    for key, value, mark in _pairs(work, node, what):
        steps = key.text.split(".")
        if not all(_TARGET.fullmatch(step) for step in steps):
            work.wrong("E620", key.mark, text=key.text)
            continue
        target = f"{work.target}.{key.text}" if work.target else key.text
        outer, work.target = work.target, target
        source = compile_value(work, value)
        work.target = outer
        if source is None:
            continue
        work.makes.setdefault(target, key.mark)
        work.infos.append(RowInfo(target, mark, work.full(source.path) if source.path else "", source.filters))
        _place(work, root, key, steps, Row(steps[-1], source.run, mark, source.path, target))
    return None if len(work.found) > before else _object(root, nested=False)


def _pairs(work: Compiling, node: Node | None, what: Mark) -> Iterator[tuple[Scalar, Node, Mark]]:
    if isinstance(node, Map):
        for key, value in node.entries:
            yield key, value, key.mark
        return
    if not isinstance(node, Seq):
        work.wrong("E612", node.mark if node else what, zh="[目标, 来源] 的列表", en="a list of [target, source]")
        return
    for item in node.items:
        if isinstance(item, Seq) and len(item.items) == 2 and isinstance(item.items[0], Scalar):
            yield item.items[0], item.items[1], item.mark
        else:
            work.wrong("E612", item.mark, zh="[目标, 来源]", en="[target, source]")


def _place(work: Compiling, root: _Branch, key: Scalar, steps: list[str], row: Row) -> None:
    here = root
    for step in steps[:-1]:
        below = here.parts.setdefault(step, _Branch(key.mark, {}))
        if isinstance(below, Row):
            work.wrong("E619", key.mark, name=key.text, line=below.mark.line)
            return
        here = below
    last = here.parts.get(steps[-1])
    if last is not None:
        work.wrong("E619", key.mark, name=key.text, line=last.mark.line)
        return
    here.parts[steps[-1]] = row


def _object(branch: _Branch, nested: bool) -> Run:
    plan: list[tuple[str, Run, Row | None]] = []
    for name, part in branch.parts.items():
        plan.append((name, part.run, part) if isinstance(part, Row) else (name, _object(part, nested=True), None))

    def make(data: Scope) -> Any:
        made: dict[str, Any] = {}
        for name, run, row in plan:
            try:
                value = run(data)
            except MapRejected as rejected:
                if row is not None:
                    rejected.seen_at(row.mark, row.path, row.target)
                raise
            except ConditionFailed as failed:
                raise undecided(failed, row.target if row else "") from None
            if value is not LEFT_OUT:
                made[name] = value
        # an object that only dotted targets made is left out with its last field; one asked for by `rows` stays
        return made if made or not nested else LEFT_OUT

    return make


def undecided(failed: ConditionFailed, target: str = "") -> MapRejected:
    """The refusal for a condition that could not be decided, at the condition's place."""
    rejected = MapRejected("E-CONDITION", failed.mark, f"{failed.text}: {failed.detail}")
    rejected.target = target
    return rejected


def compile_value(work: Compiling, node: Node) -> Source | None:
    """A source: a text or a form."""
    if isinstance(node, Scalar):
        return compile_source(work, node)
    if isinstance(node, Seq) or not node.entries:
        work.wrong("E612", node.mark, zh="来源：文字或 {when|join|pick|each|sum|rows|list|add: …}",
                   en="a source: a text or {when|join|pick|each|sum|rows|list|add: …}")  # fmt: skip
        return None
    form = next((name for name in node.names() if name in work.forms and name != "rows"), None)
    other = next((key for key, _ in node.entries if key.text not in ("rows", "optional", "then")), None)
    if form is None and other is not None:  # `rows` beside a misspelt `each` is no object of its own
        work.wrong("E610", other.mark, hint=nearest(other.text, work.forms), where="来源 source", name=other.text)
        return None
    form = form or "rows"
    before = len(work.found)
    run = work.forms[form](work, node)
    if run is None or len(work.found) > before:
        return None
    source = Source(run, "", (), node.mark, True)
    if node.get("optional") is not None and work.word(node.get("optional"), ("yes", "no"), "no") == "yes":
        source = Source(left_out(run), "", (), node.mark, True)
    then = node.get("then")
    if then is None:
        return source
    if not isinstance(then, Scalar):
        work.wrong("E612", then.mark, zh="过滤器", en="filters")
        return None
    return add_filters(work, then, source)


def _rows(work: Compiling, node: Map) -> Run | None:
    """`{rows: [[target, source], …]}`: an object inside the object."""
    work.keys(node, ("rows", "optional", "then"), (), "rows")
    return compile_rows(work, node.get("rows"), node.mark)


def _when(work: Compiling, node: Map) -> Run | None:
    """`{when: [["condition", source], …], else: source}`; no row and no else refuses."""
    work.keys(node, ("when", "else", "then", "optional"), (), "when")
    listed = node.get("when")
    choices: list[tuple[Condition, Run]] = []
    for item in listed.items if isinstance(listed, Seq) else ():
        if not isinstance(item, Seq) or len(item.items) != 2:
            work.wrong("E612", item.mark, zh='["条件", 来源]', en='["condition", source]')
            continue
        condition = work.condition(item.items[0], item.mark)
        source = compile_value(work, item.items[1])
        if condition is not None and source is not None:
            choices.append((condition, source.run))
    if not isinstance(listed, Seq) or not listed.items:
        work.wrong("E612", listed.mark if listed else node.mark, zh='["条件", 来源] 的列表',
                   en='a list of ["condition", source]')  # fmt: skip
    otherwise = otherwise_of(work, node)

    def choose(data: Scope) -> Any:
        for condition, run in choices:
            if condition.test(data):
                return run(data)
        raise Absent("E-MAP-NONE", detail="no row of `when` applies")

    return otherwise(choose) if otherwise else choose


def otherwise_of(work: Compiling, node: Map) -> Any:
    """What `else:` of a form adds: a refusal for a code, another source for anything else; None without it."""
    chosen = node.get("else")
    if chosen is None:
        return None
    if isinstance(chosen, Scalar):
        word = chosen.text.removeprefix("reject ").strip()
        if CODE.fullmatch(word) or word != chosen.text:
            code = work.code(word, chosen.mark)
            return None if code is None else lambda run: or_reject(run, code)
    source = compile_value(work, chosen)
    if source is None:
        return None
    fallback = source.run
    return lambda run: or_else(run, fallback)


def _join(work: Compiling, node: Map) -> Run | None:
    """`{join: TABLE, by: path | [paths], take: column, at: path, found: exactly_one | any, else: CODE | source}`."""
    allowed = ("join", "by", "take", "at", "found", "else", "then", "optional")
    if not work.keys(node, allowed, ("by",), "join"):
        return None
    name, by, take, at = node.get("join"), node.get("by"), node.get("take"), node.get("at")
    if not isinstance(name, Scalar) or isinstance(by, Map) or by is None:
        work.wrong("E612", node.mark, zh="代码表名称和路径", en="a code table's name and a path")
        return None
    table = work.table(name.text, name.mark)
    keys = [compile_value(work, item) for item in (by.items if isinstance(by, Seq) else (by,))]
    at_source = compile_value(work, at) if at is not None else None
    found = work.word(node.get("found"), ("exactly_one", "first", "any"), "exactly_one")
    otherwise = otherwise_of(work, node)
    if table is None or not counted(work, table, len(keys), by.mark):
        return None
    runs = [key.run for key in keys if key is not None]
    if len(runs) != len(keys) or (at is not None and at_source is None):
        return None
    row = table_row(table, runs, at_source.run if at_source else table_now(work, table, name.mark))
    if take is None:
        columns = table.columns
        run: Run = lambda data: dict(zip(columns, row(data), strict=True))  # noqa: E731 - one of two shapes of the same
    else:
        column = take.text if isinstance(take, Scalar) else ""
        index = column_of(work, table, column, take.mark)
        if index is None:
            return None
        position = index
        run = lambda data: row(data)[position]  # noqa: E731 - the other shape
    if otherwise is not None:
        return otherwise(run)  # type: ignore[no-any-return]  # otherwise_of adds to a Run and gives a Run
    return left_out(run) if found == "any" else run


def _list(work: Compiling, node: Map) -> Run | None:
    """`{list: [source, …]}`: a list written out; optional sources without a value are left out."""
    work.keys(node, ("list", "then", "optional"), (), "list")
    listed = node.get("list")
    if not isinstance(listed, Seq):
        work.wrong("E612", listed.mark if listed else node.mark, zh="来源的列表", en="a list of sources")
        return None
    outer, work.target = work.target, work.target + "[]"
    sources = [compile_value(work, item) for item in listed.items]
    work.target = outer
    runs = [source.run for source in sources if source is not None]
    return lambda data: [value for run in runs if (value := run(data)) is not LEFT_OUT]


def _add(work: Compiling, node: Map) -> Run | None:
    """`{add: [source, …], less: [source, …]}`: exact sums of fen (or quantities)."""
    work.keys(node, ("add", "less", "then", "optional"), (), "add")
    signed: list[tuple[int, Run]] = []
    for name, sign in (("add", 1), ("less", -1)):
        listed = node.get(name)
        if listed is None:
            continue
        for item in listed.items if isinstance(listed, Seq) else (listed,):
            source = compile_value(work, item)
            if source is not None:
                signed.append((sign, source.run))

    def total(data: Scope) -> int | Decimal:
        made: int | Decimal = 0
        for sign, run in signed:
            made += sign * summand(run(data))
        return made

    return total


def summand(value: Any) -> int | Decimal:
    """A value that may be added: a whole number (fen) or a Decimal. Text is refused: say its unit first."""
    if type(value) is int or (type(value) is Decimal and value.is_finite()):
        return value
    raise wrong(f"{kind_of(value)} cannot be added; say its unit first (`| fen_of_yuan`, `| decimal 4`)")


FORMS: dict[str, Form] = {"when": _when, "join": _join, "rows": _rows, "list": _list, "add": _add}
