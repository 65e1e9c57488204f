"""Forms over lists: `each` (with where, but_not, group_by, batch), `pick` and `sum`.

Every item is looked at once and in order. A refusal inside a list names the item (`his.bill.items[3].code`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.config.tree import Map, Node, Scalar
from engine.pipeline.compiling import LEFT_OUT, Compiling, Form, Run, Scope
from engine.pipeline.condition import Condition, ConditionFailed
from engine.pipeline.condition_text import ITEMS
from engine.pipeline.paths import left_out, or_else
from engine.pipeline.rejected import Absent, MapRejected, kind_of, wrong
from engine.pipeline.rows import compile_rows, compile_value, otherwise_of, summand, undecided
from engine.pipeline.sources import Source, compile_source

_AS = re.compile(r"(?P<list>.*?)\s+as\s+(?P<alias>\S+)\s*", re.DOTALL)
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_STANDARD = frozenset(
    {"request", "client", "settlement", "hospital", "own", "of", "now", "answer", "code", "text", "made"}
)
MOST_IN_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class _Walk:
    """The list a form goes over: its source, the name of an item, and which items count."""

    source: Source
    alias: str
    where: Condition | _ButNot | None
    path: str

    def items(self, data: Scope) -> list[Any]:
        found = self.source.run(data)
        if type(found) is not list:
            rejected = wrong(f"{kind_of(found)} is no list; `| list` makes one of a single value")
            rejected.path = self.path
            raise rejected
        return found

    def lost(self, rejected: MapRejected, i: int, path: str = "") -> None:
        """Say in which item it happened; `path` is what was read when the refusal does not know."""
        rejected.path = rejected.path or path
        rejected.inside(self.alias, f"{self.path}[{i}]")


@dataclass(frozen=True, slots=True)
class _ButNot:
    """Which items count: those whose key is not among the listed values, and that fit `where` too. The values are
    looked at once for the whole walk, so that two long lists cost their lengths, not their product."""

    listed: Run
    by: Run
    where: Condition | None
    name: str  # under which one walk keeps the values among its names; no path can be written so

    def test(self, scope: Scope) -> bool:
        known = scope.get(self.name)
        if known is None:
            listed = self.listed(scope)
            if type(listed) is not list:
                raise wrong(f"but_not met {kind_of(listed)}; a list of texts or whole numbers is wanted")
            known = scope[self.name] = frozenset(map(_group, listed))
        return _group(self.by(scope)) not in known and (self.where is None or self.where.test(scope))


class _Inside:
    """While compiling what is inside a list, an item's name means the items of its path."""

    def __init__(self, work: Compiling, alias: str, path: str) -> None:
        self.work, self.alias = work, alias
        self.origin = work.full(path) + ITEMS if path else ""

    def __enter__(self) -> None:
        self.work.aliases[self.alias] = self.origin

    def __exit__(self, *_: object) -> None:
        del self.work.aliases[self.alias]


def _walk(work: Compiling, node: Node | None) -> tuple[Source, str, str] | None:
    """`PATH [| filters] [as NAME]` → source, name of an item, path."""
    if not isinstance(node, Scalar):
        if node is not None:
            work.wrong("E612", node.mark, zh="路径 as 名称", en="path as name")
        return None
    match = _AS.fullmatch(node.text)
    body, alias = (match["list"], match["alias"]) if match else (node.text, "it")
    mark = node.mark
    if body != node.text and mark.width in (len(node.text), len(node.text) + 2):
        mark = type(mark)(mark.file, mark.line, mark.col, mark.width - len(node.text) + len(body))
    source = compile_source(work, Scalar(body, mark, node.quoted))
    if not _ALIAS.fullmatch(alias) or alias in work.aliases or alias in _STANDARD:
        work.wrong("E625", node.mark, name=alias)
        return None
    return None if source is None else (source, alias, source.path)


def compile_each(work: Compiling, node: Map) -> Run | None:
    """`{each: list as it, where: …, but_not: list, by: source, group_by: …, batch: N, rows: [[…]] | take: source}`.
    `but_not`: values (texts, whole numbers); an item whose `by` is among them does not count."""
    allowed = ("each", "where", "but_not", "by", "group_by", "batch", "rows", "take", "then", "optional")
    work.keys(node, allowed, (), "each")
    walked = _walk(work, node.get("each"))
    if walked is None:
        return None
    source, alias, path = walked
    batch = work.number(node.get("batch"), MOST_IN_BATCH)
    grouped = node.get("group_by") is not None or node.get("batch") is not None
    rows, take, group = node.get("rows"), node.get("take"), node.get("group_by")
    if rows is not None and take is not None:
        work.wrong("E612", take.mark, zh="rows 或 take，不能两个都写", en="rows or take, not both")
    outer = work.target
    if grouped:
        for name in ("key", "no"):
            work.makes.setdefault(f"{outer}[].{name}", node.mark)
    work.target = f"{outer}[].rows[]" if grouped else f"{outer}[]"
    with _Inside(work, alias, path):
        counts = _counts(work, node)
        build_path = ""
        build: Run | None = lambda data: data[alias]  # noqa: E731 - without rows and take the items themselves
        if rows is not None:
            build = compile_rows(work, rows, node.mark)
        elif take is not None:
            taken = compile_value(work, take)
            build = taken.run if taken else None
            build_path = taken.path if taken else ""
        key = compile_value(work, group) if group is not None else None
    work.target = outer
    if build is None or (group is not None and key is None):
        return None
    walk = _Walk(source, alias, counts, path)
    if grouped:
        return _in_batches(walk, build, key.run if key else None, batch, key.path if key else build_path)
    return _over(walk, build, build_path)


def _counts(work: Compiling, node: Map) -> Condition | _ButNot | None:
    """Which items of a list count, by `where` and by `but_not` with `by`; problems are noted."""
    where = work.condition(node.get("where"), node.mark) if node.get("where") is not None else None
    listed, by = node.get("but_not"), node.get("by")
    if listed is None and by is None:
        return where
    if listed is None or by is None:
        work.wrong("E612", node.mark, zh="but_not 与 by 要一起写", en="but_not and by together")
        return None
    gone, key = compile_value(work, listed), compile_value(work, by)
    return _ButNot(gone.run, key.run, where, f" but not {id(node)}") if gone and key else None


def _over(walk: _Walk, visit: Run, path: str = "") -> Callable[[Scope], list[Any]]:
    """What `visit`, which reads `path`, makes of every item that counts, in order."""
    alias = walk.alias
    test = None if walk.where is None else walk.where.test

    def over(data: Scope) -> list[Any]:
        scope = dict(data)
        made = []
        for i, item in enumerate(walk.items(data)):
            scope[alias] = item
            try:
                if test is not None and not test(scope):
                    continue
                value = visit(scope)
            except MapRejected as rejected:
                walk.lost(rejected, i, path)
                raise
            except ConditionFailed as failed:
                raise _lost_in(walk, failed, i) from None
            if value is not LEFT_OUT:
                made.append(value)
        return made

    return over


def _in_batches(walk: _Walk, build: Run, key: Run | None, batch: int, path: str) -> Run:
    """A list of {key, no, rows}: groups in the order of their first item, each cut into batches; `no` counts all."""

    def named(scope: Scope) -> Any:
        name = "" if key is None else _group(key(scope))
        value = build(scope)
        return value if value is LEFT_OUT else (name, value)

    over = _over(walk, named, path)

    def each(data: Scope) -> list[Any]:
        groups: dict[Any, list[Any]] = {}
        for name, value in over(data):
            groups.setdefault(name, []).append(value)
        cut: list[Any] = []
        for name, rows in groups.items():
            step = batch or len(rows)
            for start in range(0, len(rows), step):
                cut.append({"key": name, "no": len(cut) + 1, "rows": rows[start : start + step]})
        return cut

    return each


def _group(value: Any) -> Any:
    if type(value) is str or type(value) is int:
        return value
    raise wrong(f"group_by met {kind_of(value)}; a group is named by a text or a whole number")


def _lost_in(walk: _Walk, failed: ConditionFailed, i: int) -> MapRejected:
    rejected = undecided(failed)
    rejected.path = f"{walk.path}[{i}]"
    return rejected


def compile_pick(work: Compiling, node: Map) -> Run | None:
    """`{pick: list as it, where: …, found: exactly_one | first | any, take: path, else: CODE | source}`.

    exactly_one (the default): none or several refuse. first: the first of at least one. any: the first, and without
    one the row is left out. `else` says what happens when none fits; a missing list has none that fits then."""
    work.keys(node, ("pick", "where", "found", "take", "else", "then", "optional"), (), "pick")
    walked = _walk(work, node.get("pick"))
    found = work.word(node.get("found"), ("exactly_one", "first", "any"), "exactly_one")
    otherwise = otherwise_of(work, node)
    if walked is None:
        return None
    source, alias, path = walked
    if otherwise is not None or found == "any":
        source = Source(or_else(source.run, lambda data: []), path, source.filters, source.mark, True)
        work.must.discard(work.full(path))
    taken: Source | None = None
    with _Inside(work, alias, path):
        where = work.condition(node.get("where"), node.mark) if node.get("where") is not None else None
        take = node.get("take")
        if isinstance(take, Scalar):
            head = take.text.split("|")[0].strip()
            inner = take.text if re.split(r"\W", head)[0] == alias or head[:1] in "'" else f"{alias}.{take.text}"
            taken = compile_source(work, Scalar(inner, take.mark, take.quoted))
        elif take is not None:
            taken = compile_value(work, take)
        if take is not None and taken is None:
            return None
    run = _picked(_Walk(source, alias, where, path), found, taken.run if taken else None)
    if otherwise is not None:
        return otherwise(run)  # type: ignore[no-any-return]  # otherwise_of adds to a Run and gives a Run
    return left_out(run) if found == "any" else run


def _picked(walk: _Walk, found: str, take: Run | None) -> Run:
    alias, where = walk.alias, walk.where

    def pick(data: Scope) -> Any:
        items = walk.items(data)
        scope = dict(data)
        chosen = []
        for i, item in enumerate(items):
            scope[alias] = item
            try:
                fits = where is None or where.test(scope)
            except ConditionFailed as failed:
                raise _lost_in(walk, failed, i) from None
            if fits:
                chosen.append((i, item))
                if found != "exactly_one":
                    break
        if not chosen:
            raise Absent("E-MAP-NONE", detail=f"none of {len(items)} items fits", path=walk.path)
        if len(chosen) > 1:
            raise MapRejected("E-MAP-MANY", None, f"{len(chosen)} of {len(items)} items fit", walk.path)
        i, item = chosen[0]
        if take is None:
            return item
        scope[alias] = item
        try:
            return take(scope)
        except MapRejected as rejected:
            walk.lost(rejected, i)
            if isinstance(rejected, Absent):  # the item is there: `else` is for none that fits
                raise MapRejected(rejected.code, None, rejected.detail, rejected.path, rejected.about) from None
            raise

    return pick


def compile_sum(work: Compiling, node: Map) -> Run | None:
    """`{sum: list as it, of: source, where: …, but_not: list, by: source}`: exact; whole numbers and Decimals only; 0
    for an empty list."""
    if not work.keys(node, ("sum", "of", "where", "but_not", "by", "then", "optional"), ("of",), "sum"):
        return None
    walked = _walk(work, node.get("sum"))
    if walked is None:
        return None
    source, alias, path = walked
    with _Inside(work, alias, path):
        counts = _counts(work, node)
        of = node.get("of")
        value = compile_value(work, of) if of is not None else None
    if value is None:
        return None
    run = value.run
    over = _over(_Walk(source, alias, counts, path), lambda scope: summand(run(scope)), value.path)
    return lambda data: sum(over(data))


FORMS: dict[str, Form] = {"each": compile_each, "pick": compile_pick, "sum": compile_sum}
