"""Problems and differences of a configuration as a page may show them: bounded, and without what may be a secret or a
person's number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.config.covered import SECRET_CODES, covered_lines, unknown_names
from engine.config.problems import LINE_MAX, Problem, window
from engine.masking.values import Masker
from engine.site.changes import HIDDEN, Change, Row
from engine.site.files import ENGINE_FILE

PROBLEMS_SHOWN = 200
PARTS_SHOWN, ROWS_OF_PART, ROWS_SHOWN = 200, 100, 1000
_KEY = re.compile(r"""([\w-]+)["']?\s*:\s*[\[|>"'-]*\s*$""")  # the name before a value


@dataclass(frozen=True, slots=True)
class Told:
    """One problem of lint with its line of the file in three pieces, the middle one to be marked; what may be a secret
    in it is masked. `source`: whether there is such a line."""

    item: Problem
    source: bool = False
    before: str = ""
    marked: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part that differs (`change`, without its rows), with the rows that are shown, how many there are and how many
    are not shown. `closed`: none is, for the file could not be read and what in it is a secret is not known."""

    change: Change
    rows: tuple[Row, ...]
    count: int
    more: int
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """The parts that are shown, and how many are not."""

    parts: tuple[Part, ...] = ()
    more: int = 0


NONE = Difference()


def told_problems(problems: Sequence[Problem], files: Mapping[str, bytes]) -> tuple[Told, ...]:
    """The first of them, each with its line."""
    shown = problems[:PROBLEMS_SHOWN]
    names = {one.file for one in shown if one.file in files}
    lines = {name: covered_lines(name, files[name].decode("utf-8", "replace"), problems) for name in names}
    return tuple(_told(one, lines.get(one.file, [])) for one in shown)


def _told(item: Problem, lines: Sequence[str]) -> Told:
    if not 1 <= item.line <= len(lines) or item.col < 1:
        return Told(item)
    source, col = window(lines[item.line - 1], item.col)
    masked = Masker().text(source)
    if masked != source:
        return Told(item, True, masked)
    begin, end = col - 1, col - 1 + item.width
    return Told(item, True, source[:begin], source[begin:end] or " ", source[end:])


def unknown_words(problems: Iterable[Problem], files: Mapping[str, bytes]) -> frozenset[str]:
    """Names in engine.yaml that lint does not know (by its name `pasword: …` is no secret), and those under which it
    found one in clear."""
    lines = files.get(ENGINE_FILE, b"").decode("utf-8", "replace").splitlines()
    found = {name for _, name, _ in unknown_names(problems, {ENGINE_FILE: lines})}
    for one in problems:
        if one.file == ENGINE_FILE and one.code in SECRET_CODES and 1 <= one.line <= len(lines):
            key = _KEY.search(lines[one.line - 1][: one.col - 1])
            found |= {key[1]} if key else set()
    return frozenset(found)


def told_changes(changed: Sequence[Change], unknown: Iterable[str] = ()) -> Difference:
    """The first of them. `unknown`: names whose values may be secrets."""
    words = frozenset(unknown)
    parts, left = [], ROWS_SHOWN
    for change in changed[:PARTS_SHOWN]:
        closed = change.kind == "node" and change.name == ENGINE_FILE
        shown = () if closed else change.rows[: min(ROWS_OF_PART, left)]
        left -= len(shown)
        rows = tuple(_row(one, change.name in words or _named(one.at, words)) for one in shown)
        count = len(change.rows)
        parts.append(Part(replace(change, rows=()), rows, count, count - len(shown), closed))
    return Difference(tuple(parts), max(0, len(changed) - PARTS_SHOWN))


def _named(path: str, unknown: frozenset[str]) -> bool:
    """Whether a path of engine.yaml leads through a name nobody knows."""
    return any(one.partition("[")[0] in unknown for one in path.split("."))


def _row(row: Row, covered: bool) -> Row:
    if covered:
        return Row(row.at, row.old and HIDDEN, row.new and HIDDEN)
    return Row(_shown(row.at), _shown(row.old), _shown(row.new))


def _shown(text: str) -> str:
    """Masked before it is cut: half a number is a person's as well."""
    return Masker().text(text[: 4 * LINE_MAX])[:LINE_MAX] + ("…" if len(text) > LINE_MAX else "")
