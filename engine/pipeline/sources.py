"""Sources: `path | filter argument … | else value`, compiled into one callable over the names.

A value that is missing (no such name, null, or empty text where an object was expected) raises Absent on its way
through; `else` and `optional` catch it. So a missing path without either rejects the row and names the path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.config.problems import Mark, nearest
from engine.config.tree import Scalar
from engine.pipeline.compiling import LEFT_OUT, Compiling, Run, Scope, piece
from engine.pipeline.filters import FILTERS, SPECIAL, BadArgument, Filter, text
from engine.pipeline.paths import left_out, or_else, or_null, or_reject, path_getter, soft_getter
from engine.pipeline.tables import column_of, counted, table_now, table_row

_NAME = r"[^\W\d][\w-]*"
PATH = re.compile(rf"{_NAME}(?:\.(?:{_NAME}|[0-9][\w-]*))*")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,15})", re.ASCII)
_ARGUMENT = re.compile(r"\s*(?:'([^']*)'|([^\s']+))")
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "true": lambda: True,
    "false": lambda: False,
    "[]": list,
}


@dataclass(frozen=True, slots=True)
class Source:
    """A compiled source. `path`: what it reads ("" for a literal); `filters`: their names, of a `table` with what it
    looks up (`table sex.code`); `sure`: it always has a
    value (or is left out), so the path may be missing."""

    run: Run
    path: str
    filters: tuple[str, ...]
    mark: Mark
    sure: bool = False


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    quoted: bool
    mark: Mark


def compile_source(work: Compiling, scalar: Scalar) -> Source | None:
    """The source of a scalar, or None after noting every problem in it."""
    if scalar.text.count("'") % 2:
        at = scalar.text.rfind("'")
        work.wrong("E613", piece(scalar, at, 1), text=scalar.text[at:])
        return None
    parts = _split(scalar.text)
    offset, body = parts[0]
    head = _head(work, scalar, offset, body)
    if head is None:
        return None
    return _filtered(work, scalar, head, parts[1:])


def add_filters(work: Compiling, scalar: Scalar, source: Source) -> Source | None:
    """The source with the filters of a `then:` behind it (`then: yuan | else '0.00'`)."""
    return _filtered(work, scalar, source, _split(scalar.text))


def _filtered(work: Compiling, scalar: Scalar, source: Source, parts: list[tuple[int, str]]) -> Source | None:
    run, sure, names, good = source.run, source.sure, list(source.filters), True
    optional = null = False
    for offset, body in parts:
        words = _words(scalar, offset, body)
        if not words:
            work.wrong("E614", piece(scalar, offset, max(1, len(body))), name="")
            good = False
            continue
        name = words[0].text
        names.append(" ".join(word.text for word in words) if name == "table" else name)
        if name == "optional" and len(words) == 1:
            optional = True
        elif name == "or_null" and len(words) == 1 and source.path:
            optional = null = True
        elif name == "else":
            found = _else(work, run, words, source.path if len(names) == 1 else "")
            sure = sure or len(words) == 2
            good = good and found is not None
            run = found or run
        else:
            step = _step(work, words)
            good = good and step is not None
            run = step(run) if step is not None else run
    if optional:
        run = soft_getter(source.path, _nothing) if names == ["optional"] and source.path else left_out(run)
    if null:
        run = or_null(source.path, run)
    if source.path:
        work.read(source.path, source.mark, needed=not (sure or optional))
    return Source(run, source.path, tuple(names), source.mark, sure or optional) if good else None


def _nothing(data: Scope) -> Any:
    return LEFT_OUT


def _split(body: str) -> list[tuple[int, str]]:
    """The parts between `|`, each with its offset; quotes protect."""
    parts: list[tuple[int, str]] = []
    start, quoted = 0, False
    for i, char in enumerate(body):
        if char == "'":
            quoted = not quoted
        elif char == "|" and not quoted:
            parts.append((start, body[start:i]))
            start = i + 1
    parts.append((start, body[start:]))
    return parts


def _words(scalar: Scalar, offset: int, body: str) -> list[_Word]:
    words = []
    for match in _ARGUMENT.finditer(body):
        quoted = match.group(1) is not None
        found = match.group(1) if quoted else match.group(2)
        at = offset + match.start(1 if quoted else 2)
        words.append(_Word(found, quoted, piece(scalar, at, max(1, len(found)))))
    return words


def _head(work: Compiling, scalar: Scalar, offset: int, body: str) -> Source | None:
    word = body.strip()
    mark = piece(scalar, offset + len(body) - len(body.lstrip()), max(1, len(word)))
    return value_of(work, word, mark)


def value_of(work: Compiling, word: str, mark: Mark) -> Source | None:
    """A path or a literal; None after noting that it is neither."""
    if len(word) >= 2 and word[0] == word[-1] == "'" and "'" not in word[1:-1]:
        literal = word[1:-1]
        return Source(lambda data: literal, "", (), mark, True)
    if _WHOLE.fullmatch(word):
        number = int(word)
        return Source(lambda data: number, "", (), mark, True)
    if word in _CONSTANTS:
        fresh = _CONSTANTS[word]
        return Source(lambda data: fresh(), "", (), mark, True)
    if PATH.fullmatch(word):
        return Source(path_getter(word), word, (), mark)
    hint = f"'{word}'" if word and word[0].isdigit() else ""
    work.wrong("E613", mark, hint=hint, text=word)
    return None


def _argument(work: Compiling, word: _Word, needed: bool = True) -> Source | None:
    """A filter's argument that is a path or a literal; the path is noted as read."""
    source = value_of(work, f"'{word.text}'" if word.quoted else word.text, word.mark)
    if source is not None and source.path:
        work.read(source.path, word.mark, needed)
    return source


def _else(work: Compiling, run: Run, words: list[_Word], bare: str) -> Run | None:
    """`else VALUE` or `else reject CODE`; `bare` is the path when it stands right behind one."""
    if len(words) == 3 and words[1].text == "reject" and not words[1].quoted:
        code = work.code(words[2].text, words[2].mark)
        return None if code is None else or_reject(run, code)
    if len(words) != 2:
        work.wrong("E615", words[0].mark, name="else", zh="写成 else 值 或 else reject 代码",
                   en="write else VALUE or else reject CODE")  # fmt: skip
        return None
    fallback = _argument(work, words[1])
    if fallback is None:
        return None
    return soft_getter(bare, fallback.run) if bare else or_else(run, fallback.run)


def _step(work: Compiling, words: list[_Word]) -> Callable[[Run], Run] | None:
    name = words[0]
    if name.text == "table":
        return _table(work, words)
    if name.text == "concat":
        return _concat(work, words)
    spec = FILTERS.get(name.text)
    if spec is None or name.quoted:
        work.wrong("E614", name.mark, hint=nearest(name.text, [*FILTERS, *SPECIAL]), name=name.text)
        return None
    try:
        step = spec.build([word.text for word in words[1:]])
    except BadArgument as bad:
        mark = words[1].mark if len(words) > 1 else name.mark
        work.wrong("E615", mark, hint=bad.meant, name=name.text, zh=bad.zh, en=bad.en)
        return None
    return lambda run: _applied(run, step)


def _applied(run: Run, step: Filter) -> Run:
    return lambda data: step(run(data))


def _concat(work: Compiling, words: list[_Word]) -> Callable[[Run], Run] | None:
    if len(words) != 2:
        work.wrong("E615", words[0].mark, name="concat", zh="要 1 个参数", en="1 argument needed")
        return None
    other = _argument(work, words[1])
    if other is None:
        return None
    more = other.run
    return lambda run: lambda data: text(run(data)) + text(more(data))


def _table(work: Compiling, words: list[_Word]) -> Callable[[Run], Run] | None:
    """`table NAME.COLUMN [with PATH …] [at PATH]`."""
    if len(words) < 2 or words[1].text.count(".") != 1:
        work.wrong("E615", words[0].mark, name="table", zh="写成 table 表名.列名", en="write table NAME.COLUMN")
        return None
    name, column = words[1].text.split(".")
    table = work.table(name, words[1].mark)
    with_words, at_word, rest = [], None, words[2:]
    if rest and rest[0].text == "with":
        rest = rest[1:]
        while rest and rest[0].text != "at":
            with_words.append(rest.pop(0))
    if len(rest) == 2 and rest[0].text == "at":
        at_word = rest[1]
    elif rest:
        work.wrong("E615", rest[0].mark, hint=nearest(rest[0].text, ["with", "at"]), name="table",
                   zh="列名后面只能是 with 和 at", en="only with and at follow the column")  # fmt: skip
        return None
    more = [_argument(work, word) for word in with_words]
    at = _argument(work, at_word) if at_word else None
    if table is None or (at_word and at is None):
        return None
    index = column_of(work, table, column, words[1].mark)
    if index is None or not counted(work, table, 1 + len(more), words[1].mark):
        return None
    when = at.run if at else table_now(work, table, words[1].mark)
    others = [source.run for source in more if source is not None]
    if len(others) != len(more):
        return None

    def step(run: Run) -> Run:
        row = table_row(table, [run, *others], when)
        return lambda data: row(data)[index]

    return step
