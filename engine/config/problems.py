"""What lint says: every mistake at once, each at its place, with the word that was probably meant.

A code is declared once, as data: its sentence in Chinese and English, its story, and a fixed example
for `engine explain CODE`. Codes that start with W are advice and fail nothing; all others are errors.
E1xx reading YAML · E2xx shape of a file · E3xx names · E4xx money · E5xx a whole file and files together ·
E6xx maps and conditions · E7xx code tables · E8xx schemas.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.config.covered import covered_lines


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file: 1-based line and column in characters; `width` characters to underline."""

    file: str
    line: int
    col: int
    width: int = 1


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of mistake. `zh` and `en` are templates (`{name}`); `story_*` says why it matters and what
    to do; `wrong` and `right` are the fixed example."""

    code: str
    zh: str
    en: str
    story_zh: str
    story_en: str
    wrong: str
    right: str


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake at its place, ready to print in either language. Sorts by file, line, column."""

    file: str
    line: int
    col: int
    code: str
    zh: str
    en: str
    hint: str = ""
    width: int = 1

    @property
    def severity(self) -> str:
        """`warning` for advice (codes W…), else `error`."""
        return "warning" if self.code.startswith("W") else "error"


CODES: dict[str, Code] = {}


def declare(*codes: Code) -> None:
    """Add kinds of mistakes to the one list; a code means one thing only."""
    for code in codes:
        if CODES.setdefault(code.code, code) != code:
            raise ValueError(f"the problem code {code.code} is declared twice")


def problem(code: str, mark: Mark, /, *, hint: str = "", **values: object) -> Problem:
    """The problem `code` at `mark`, sentences filled with `values`. An undeclared code raises KeyError."""
    kind = CODES[code]
    zh, en = kind.zh.format(**values), kind.en.format(**values)
    return Problem(mark.file, mark.line, mark.col, code, zh, en, hint, max(1, mark.width))


def nearest(word: str, valid: Iterable[str]) -> str:
    """The valid word most like `word`, or "" when none is near."""
    known = list(valid)
    folded = word.strip().lower().replace("-", "_")
    for name in known:
        if name.lower() == folded:
            return name
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return found[0] if found else ""


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted by place, each once."""
    return sorted(set(problems))


def failing(problems: Iterable[Problem]) -> list[Problem]:
    """Those that are errors, not advice."""
    return [item for item in problems if item.severity == "error"]


def as_json(item: Problem) -> dict[str, Any]:
    """The form of `engine lint --json` and of the console."""
    return {
        "file": item.file,
        "line": item.line,
        "col": item.col,
        "code": item.code,
        "severity": item.severity,
        "zh": item.zh,
        "en": item.en,
        "hint": item.hint,
        "width": item.width,
    }


LINE_MAX = 240  # characters of a source line that are shown
_MEANT = {"zh": "；是否应为“{hint}”？", "en": '; did you mean "{hint}"?'}


def render(item: Problem, sources: Mapping[str, str], lang: str = "zh") -> str:
    """`file:line:col  CODE  what to write`, then the source line and a caret when the source is known. What may be a
    secret in clear is masked in the line, its columns stay."""
    return _drawn(item, _covered([item], sources).get(item.file, ()), lang)


def _covered(problems: Sequence[Problem], sources: Mapping[str, str]) -> dict[str, list[str]]:
    """The lines of the files they are in, as they may be shown."""
    names = {item.file for item in problems if item.file in sources}
    return {name: covered_lines(name, sources[name], problems) for name in names}


def _drawn(item: Problem, lines: Sequence[str], lang: str) -> str:
    text = item.zh if lang == "zh" else item.en
    if item.hint:
        text += _MEANT["zh" if lang == "zh" else "en"].format(hint=item.hint)
    head = f"{item.file}:{item.line}:{item.col}  {item.code}  {text}"
    if not 1 <= item.line <= len(lines) or item.col < 1:
        return head
    source, col = window(lines[item.line - 1], item.col)
    before, marked = source[: col - 1], source[col - 1 : col - 1 + item.width]
    number = f"{item.line:>5} | "
    caret = " " * _columns(before) + "^" * max(1, _columns(marked))
    return f"{head}\n{number}{source.expandtabs(1)}\n{' ' * 5} | {caret}"


def window(source: str, col: int) -> tuple[str, int]:
    """What of a long line is shown, and the column in it: a cell of megabytes hides every other problem."""
    begin = max(0, col - 1 - LINE_MAX // 2) if len(source) > LINE_MAX else 0
    shown = source[begin : begin + LINE_MAX]
    before, after = "…" if begin else "", "…" if begin + LINE_MAX < len(source) else ""
    return before + shown + after, col - begin + len(before)


def _columns(text: str) -> int:
    """Terminal columns: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def render_all(problems: Iterable[Problem], sources: Mapping[str, str], lang: str = "zh") -> str:
    """Every problem in order, one blank line apart, and nothing for none."""
    ordered = in_order(problems)
    lines = _covered(ordered, sources)
    return "\n\n".join(_drawn(item, lines.get(item.file, ()), lang) for item in ordered)
