"""Reads a code table's CSV file; every mistake at its line and column."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import engine.pipeline.codes_table  # noqa: F401 - declares the codes used here
from engine.config.problems import Mark, Problem, nearest, problem
from engine.pipeline.code_table import FIRST_DAY, LAST_DAY, CodeTable, Key, Row, Span

MAX_BYTES = 64 << 20
MAX_PROBLEMS = 200  # of one file: enough to see the pattern

_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|/([0-9]{1,2})/([0-9]{1,2}))", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()
_FORMULA_SIGNS = "=+@"
_SHORTENED = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]+", re.ASCII)  # what a spreadsheet makes of a long number
_SPACE = r"(?:[^\S\r\n]|[\u200b\u2060\ufeff])"  # full-width ones, and those that take no room
_LOOSE = re.compile(rf'(?:^|[,"]){_SPACE}|{_SPACE}(?=[,"\r\n]|\Z)', re.MULTILINE)
_ENDS = re.compile(rf"\A{_SPACE}+|{_SPACE}+\Z")
_COLUMN = re.compile(r"(from|to)_[A-Za-z_][A-Za-z0-9_]*")
_FIXED = ("note", "valid_from", "valid_to")


def read_code_table(data: bytes, file: str, name: str, *, stored: bool = False) -> CodeTable | list[Problem]:
    """The table of a file's bytes (UTF-8 with or without byte order mark, LF or CRLF), or all its problems. One that is
    `stored` was judged when it was new."""
    if len(data) > MAX_BYTES:
        return [problem("E713", Mark(file, 1, 1), most=MAX_BYTES)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        before = data[: bad.start]
        col = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        return [problem("E701", Mark(file, before.count(b"\n") + 1, col))]
    reading = _Reading(text, file)
    reading.shortened = not stored and _SHORTENED.search(text) is not None
    reading.loose = not stored and _LOOSE.search(text) is not None
    table = reading.table(name)
    return table if table is not None and not reading.problems else reading.problems


class _Reading:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.problems: list[Problem] = []
        self.always: dict[Key, Row] = {}
        self.spans: dict[Key, list[Span]] = {}
        self.days: dict[str, int | None] = {}
        self.shortened = False  # whether some cell may be a long number that a spreadsheet wrote its own way
        self.loose = False  # whether some cell may begin or end with a space
        self.begin, self.end = 1, 1  # the lines of the record being read
        self._lines: list[str] | None = None

    def table(self, name: str) -> CodeTable | None:
        reader = csv.reader(io.StringIO(self.text, newline=""), strict=True)
        try:
            head = next(reader, [])
            self.end = reader.line_num
            self.heading(head)
            if not self.problems:
                self.rows(reader, head)
        except csv.Error as bad:
            self.problems.append(problem("E712", Mark(self.file, max(1, reader.line_num), 1), detail=str(bad)))
        if self.problems:
            return None
        keys = tuple(column[5:] for column in head if column.startswith("from_"))
        columns = tuple(column[3:] for column in head if column.startswith("to_"))
        size = len(self.always) + sum(map(len, self.spans.values()))
        return CodeTable(name, self.file, keys, columns, bool(self.spans), size, self.always, self.spans)

    def heading(self, head: list[str]) -> None:
        if len(head) == 1 and (sign := next((one for one in ";\t|" if one in head[0]), "")):
            self.add("E716", 0, sign={"\t": "tab"}.get(sign, sign))
            return
        seen: set[str] = set()
        for i, column in enumerate(head):
            if column in seen:
                self.add("E704", i, name=column)
            elif column not in _FIXED and not _COLUMN.fullmatch(column):
                self.add("E703", i, hint=_meant(column, head), name=column)
            seen.add(column)
        for prefix in ("from_", "to_"):
            if not any(column.startswith(prefix) for column in head):
                self.add("E702", 0, what=f"{prefix}…")

    def rows(self, reader: Any, head: list[str]) -> None:
        """The loop over all rows; kept lean, since a table may have hundreds of thousands."""
        width = len(head)
        froms = [i for i, column in enumerate(head) if column.startswith("from_")]
        tos = [i for i, column in enumerate(head) if column.startswith("to_")]
        start = head.index("valid_from") if "valid_from" in head else -1
        end = head.index("valid_to") if "valid_to" in head else -1
        only = froms[0] if len(froms) == 1 else -1
        check_formulas = any(sign in self.text for sign in _FORMULA_SIGNS)
        always, problems = self.always, self.problems
        for row in reader:
            self.begin = self.end + 1
            self.end = reader.line_num
            if len(row) != width or not any(row):
                if any(row):
                    self.add("E705", 0, has=len(row), wants=width)
                continue
            if check_formulas:
                self.formulas(row)
            if self.shortened:
                self.numbers(row, (*froms, *tos))
            if self.loose:
                self.spaces(row, (*froms, *tos))
            key: Key = row[only] if only >= 0 else tuple(row[i] for i in froms)
            found = tuple([row[i] for i in tos])
            if not (key if only >= 0 else any(key)):
                self.add("E711", froms[0])
            elif (start >= 0 and row[start]) or (end >= 0 and row[end]):
                self.span(key, found, row, start, end)
            elif key in always or key in self.spans:
                self.twice(key, froms)
            else:
                always[key] = found
            if len(problems) >= MAX_PROBLEMS:
                return

    def formulas(self, row: list[str]) -> None:
        for i, cell in enumerate(row):
            if cell[:1] and cell[0] in _FORMULA_SIGNS:
                self.add("E706", i, sign=cell[0])

    def numbers(self, row: list[str], columns: tuple[int, ...]) -> None:
        for i in columns:
            if _SHORTENED.fullmatch(row[i]):
                self.add("E714", i, text=row[i][:24])

    def spaces(self, row: list[str], columns: tuple[int, ...]) -> None:
        for i in columns:
            disarmed = row[i][:1] == " " and row[i][1:2] in _FORMULA_SIGNS  # so that no spreadsheet runs it
            if _ENDS.search(row[i][disarmed:]):
                self.add("E715", i, text=_ENDS.sub("", row[i])[:24])

    def span(self, key: Key, found: Row, row: list[str], start: int, end: int) -> None:
        first = self.day(row, start, FIRST_DAY)
        last = self.day(row, end, LAST_DAY)
        if first is None or last is None:
            return
        if last < first:
            self.add("E710", end)
            return
        if key in self.always:
            self.add("E708", start, key=_shown(key), line=self.line_of(key))
            return
        spans = self.spans.setdefault(key, [])
        for other_first, other_last, _ in spans:
            if first <= other_last and other_first <= last:
                code = "E707" if (first, last) == (other_first, other_last) else "E708"
                line = self.line_of(key, (other_first, other_last))
                self.add(code, max(start, 0), key=_shown(key), line=line)
                return
        spans.append((first, last, found))

    def day(self, row: list[str], column: int, empty: int) -> int | None:
        text = row[column] if column >= 0 else ""
        if not text:
            return empty
        if text not in self.days:
            self.days[text] = _day(text)
        day = self.days[text]
        if day is None:
            self.add("E709", column, text=text[:20])
        return day

    def twice(self, key: Key, froms: list[int]) -> None:
        code = "E707" if key in self.always else "E708"
        self.add(code, froms[0], key=_shown(key), line=self.line_of(key))

    def line_of(self, key: Key, span: tuple[int, int] | None = None) -> int:
        """The line of the earlier row with this key: a second reading, only when there is a mistake to tell."""
        reader = csv.reader(io.StringIO(self.text, newline=""), strict=True)
        head = next(reader)
        froms = [i for i, column in enumerate(head) if column.startswith("from_")]
        line = reader.line_num + 1
        for row in reader:
            if len(row) == len(head):
                this: Key = row[froms[0]] if len(froms) == 1 else tuple(row[i] for i in froms)
                if this == key and (span is None or self._span_of(head, row) == span):
                    return line
            line = reader.line_num + 1
        return 1

    def _span_of(self, head: list[str], row: list[str]) -> tuple[int | None, int | None]:
        first = row[head.index("valid_from")] if "valid_from" in head else ""
        last = row[head.index("valid_to")] if "valid_to" in head else ""
        return (self.days.get(first) if first else FIRST_DAY), (self.days.get(last) if last else LAST_DAY)

    def add(self, code: str, cell: int, *, hint: str = "", **values: object) -> None:
        self.problems.append(problem(code, self.place(cell), hint=hint, **values))

    def place(self, cell: int) -> Mark:
        """Line and column of a cell of the record being read: it may span lines, cells may be quoted."""
        if self._lines is None:
            self._lines = re.split(r"\r\n|\r|\n", self.text)
        line, col, found, quoted = self.begin, 1, 0, False
        begins = (line, col)
        for char in "\n".join(self._lines[self.begin - 1 : self.end]):
            if found == cell:
                break
            if char == '"':
                quoted = not quoted
            elif char == "\n":
                line, col = line + 1, 0
            elif char == "," and not quoted:
                found += 1
                begins = (line, col + 1)
            col += 1
        return Mark(self.file, begins[0], begins[1], 1)


def _meant(column: str, head: list[str]) -> str:
    """The column that was probably meant, "" when nobody can say."""
    plain = column.strip()
    if plain != column and (plain in _FIXED or _COLUMN.fullmatch(plain)):
        return plain
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", plain):
        return ""
    if begun := next((one for one in _begun(plain) if _COLUMN.fullmatch(one) and one not in head), ""):
        return begun
    return nearest(column, [name for name in (*_FIXED, f"from_{plain}", f"to_{plain}") if name not in head])


def _begun(column: str) -> Iterator[str]:
    """What a slip in `from_` or `to_` may have been meant to be: a letter twice, two letters the other way round, one
    that is missing, one too many."""
    head = range(min(6, len(column)))
    yield from (column[:i] + column[i + 1 :] for i in head if column[i : i + 1] == column[i + 1 : i + 2])
    yield from (column[:i] + column[i + 1 : i + 2] + column[i] + column[i + 2 :] for i in head)
    yield from (column[:i] + letter + column[i:] for i in head for letter in "fromt_")
    yield from (column[:i] + column[i + 1 :] for i in head)


def _day(text: str) -> int | None:
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        year, *rest = (int(part) for part in match.groups() if part is not None)
        return date(year, rest[0], rest[1]).toordinal() - _EPOCH
    except ValueError:
        return None


def _shown(key: Key) -> str:
    return key if isinstance(key, str) else " + ".join(key)
