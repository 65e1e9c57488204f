"""Ledgers of parties that serve none, as spreadsheets: one CSV a party in a directory, `PARTY.csv` by its name in
engine.yaml. What they must hold and how stands in docs/books.md.

A table is believed whole or not at all: all mistakes are told at once, each with file, line, cell and what to write.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engine.config.problems import nearest
from engine.core.money import BadAmount, fen_of, fen_of_yuan
from engine.core.times import instant_of, instant_of_rfc3339
from engine.runtime.books_columns import AMOUNTS, HEADS, KINDS, REQUIRED, STATES, Mistake, both
from engine.runtime.books_parties import BOOKED
from engine.runtime.books_view import LedgerRow, Limits, Role

FILE_BYTES: Final = 64 << 20
MISTAKES_MAX: Final = 100  # of one table: then the rest is not read
CLOCKS: Final = Limits(skew_s=60.0)  # the clock of who wrote a spreadsheet may be a minute behind ours
NOBODY: Final[Mapping[str, Role]] = MappingProxyType({})
_COLUMNS: Final = tuple(HEADS.values())
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .xls begin
_FIRST: Final = {"lock": "released", "register": "done", "order": "closed"}  # where nothing is said: nothing is left
_TIME: Final = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.ASCII
)


class BadLedgers(ValueError):
    """What is wrong with the tables, a line each: `his.csv:3:1: …`."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


@dataclass(slots=True)
class CsvLedger:
    """One party's table, read. `also`: other connections to the same party (HL7), whose doings stand in it."""

    party: str
    role: Role
    found: list[LedgerRow] = field(default_factory=list)
    also: tuple[str, ...] = ()

    async def rows(self) -> Sequence[LedgerRow]:
        """The whole ledger, in the order of its lines."""
        return self.found


def csv_ledgers(folder: Path, roles: Mapping[str, Role], silent: Mapping[str, Role] = NOBODY) -> list[CsvLedger]:
    """The tables of this directory, as `ledgers_of` reads them. Errors: BadLedgers, OSError."""
    files = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    if not files:
        raise BadLedgers([Mistake(str(folder), 0, 0, "没有 csv 文件", "no csv file there")])
    return ledgers_of(((file.name, _content(file)) for file in files), roles, silent)


def _content(file: Path) -> bytes:
    """One byte more than is read of a file tells that it is too long."""
    with file.open("rb") as there:
        return there.read(FILE_BYTES + 1)


def ledgers_of(
    tables: Iterable[tuple[str, bytes]],
    roles: Mapping[str, Role],
    silent: Mapping[str, Role] = NOBODY,
    *,
    file_bytes: int = FILE_BYTES,
    rows_max: int | None = None,
) -> list[CsvLedger]:
    """The ledgers in these tables, a file's name and content each. `roles`: parties of engine.yaml that have a part in
    the books; `silent`: those of them at which no ledger can be read: without a table of their own they stand in the
    first one of their role. `rows_max`: of all together. Errors: BadLedgers with everything that is wrong."""
    wrong: list[Mistake] = []
    made: dict[str, CsvLedger] = {}
    left = rows_max
    for name, data in tables:
        party = _party(name, roles, wrong)
        if party is None:
            continue
        if party in made:
            wrong.append(Mistake(name, 0, 0, "同名的表格交了两份", "two tables of this name"))
        elif len(data) > file_bytes:
            wrong.append(Mistake(name, 0, 0, f"超过 {file_bytes:,} 字节", f"longer than {file_bytes:,} bytes"))
        else:
            made[party] = CsvLedger(party, roles[party])
            table = _Table(name, made[party], left)
            table.read(data)
            wrong += table.wrong
            left = None if left is None else left - table.count
    if wrong:
        raise BadLedgers(wrong)
    first = {ledger.role: ledger for ledger in reversed(made.values())}
    for name, role in silent.items():
        if name not in made and role in first:
            first[role].also += (name,)
    return list(made.values())


def _party(name: str, roles: Mapping[str, Role], wrong: list[Mistake]) -> str | None:
    """Whose table it is, by its name."""
    party, dot, kind = name.rpartition(".")
    if not dot or kind.lower() != "csv":
        wrong.append(Mistake(name, 0, 0, "不是 .csv 文件；请另存为 CSV", "no .csv file; save it as CSV"))
        return None
    if party in roles:
        return party
    meant = nearest(party, roles)
    listed = [f"{one}.csv" for one in roles]
    zh, en = f"文件名应为 {'、'.join(listed)}", f"the names are {', '.join(listed)}"
    if meant:
        zh, en = f"是否应为 {meant}.csv？", f"did you mean {meant}.csv?"
    shown = _shown(party)
    wrong.append(Mistake(name, 0, 0, f"没有叫“{shown}”的一方；{zh}", f'no party is called "{shown}"; {en}'))
    return None


class _Table:
    """One table being read: its rows go into the ledger, what is wrong is kept; `count`: rows it has."""

    def __init__(self, name: str, ledger: CsvLedger, rows_max: int | None) -> None:
        self.name, self.ledger, self.rows_max = name, ledger, rows_max
        self.wrong: list[Mistake] = []
        self.count = 0
        self.line = 1
        self.heads: list[str] = []

    def read(self, data: bytes) -> None:
        """All of it, or as far as it can be read."""
        text = self.text(data)
        if text is None:
            return
        try:
            for row in self.lines(text):
                self.row(row)
                if len(self.wrong) >= MISTAKES_MAX:
                    self.add(0, "错误太多，后面的没有再看", "too many mistakes: the rest was not read")
                    return
        except csv.Error:  # a quote that nothing ends
            self.add(1, "从这里起不成表格，引号没有配对？", "no table from here on; a quote that nothing ends?")

    def add(self, col: int, zh: str, en: str) -> None:
        self.wrong.append(Mistake(self.name, self.line, col, zh, en))

    def text(self, data: bytes) -> str | None:
        """What it says; None for bytes that are no text."""
        if data.startswith(_WORKBOOKS):
            zh, en = "这是 Excel 工作簿；请另存为 CSV", "this is an Excel workbook; save it as CSV"
            self.wrong.append(Mistake(self.name, 0, 0, zh, en))
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            try:
                return data.decode("gb18030")  # as a spreadsheet saves it here
            except UnicodeDecodeError as no:
                before = data[: no.start]
                self.line, col = before.count(b"\n") + 1, before.rpartition(b"\n")[2].count(b",") + 1
                at = f"第 {no.start} 字节", f"byte {no.start}"
                self.add(col, f"{at[0]}既不是 UTF-8 也不是 GB18030", f"{at[1]} is neither UTF-8 nor GB18030")
                return None

    def lines(self, text: str) -> Iterator[dict[str, str]]:
        """Each row by our names of the columns. Nothing when the head is wrong. Errors: csv.Error."""
        table = csv.reader(io.StringIO(text, newline=""))
        self.heads = heads = [_head(name) for name in next(table, [])]
        if not self.good_heads():
            return
        self.line = table.line_num + 1
        for cells in table:
            if any(cell.strip() for cell in cells):
                self.count += 1
                if self.rows_max is not None and self.count > self.rows_max:
                    self.add(0, "一次交的行数太多", "too many rows at once")
                    return
                if len(cells) == len(heads):
                    yield dict(zip(heads, (cell.strip() for cell in cells), strict=True))
                else:
                    has, wants = len(cells), len(heads)
                    self.add(min(has, wants) + 1, f"{has} 格，应为 {wants} 格", f"{has} cells, not {wants}")
            self.line = table.line_num + 1

    def good_heads(self) -> bool:
        """Whether the columns can be read."""
        heads = self.heads
        sign = next((one for one in (";", "\t", "|") if one in heads[0]), "") if len(heads) == 1 else ""
        if sign:
            shown = "Tab" if sign == "\t" else sign
            self.add(1, f"用“{shown}”分隔；请用逗号分隔的 CSV", f'separated by "{shown}"; write it with commas')
            return False
        for col, name in enumerate(heads[: len(_COLUMNS) * 2], 1):
            if name not in _COLUMNS:
                self.unknown(col, name, HEADS, "没有“{}”这一列", 'no column "{}"')
            elif heads.index(name) < col - 1:
                zh, en = both(name, HEADS)
                self.add(col, f"“{zh}”写了两次", f'"{en}" is given twice')
        missing = [both(name, HEADS) for name in REQUIRED if name not in heads]
        if not set(AMOUNTS) & set(heads):
            yuan, fen = (both(name, HEADS) for name in AMOUNTS)
            missing.append((f"{yuan[0]} 或 {fen[0]}", f"{yuan[1]} or {fen[1]}"))
        for zh, en in missing:
            self.add(len(heads) + 1, f"缺少“{zh}”列", f'the column "{en}" is missing')
        return not self.wrong

    def unknown(self, col: int, text: str, words: Mapping[str, str], zh: str, en: str) -> None:
        """A word that is none of these, with the nearest one that is."""
        meant = nearest(text[:30], (*words.values(), *words)) or _like(text, words)
        near = both(meant, words) if meant else None
        self.add(
            col, zh.format(_shown(text)) + (f"；是否应为“{near[0]}”？" if near else ""),
            en.format(_shown(text)) + (f'; did you mean "{near[1]}"?' if near else ""),
        )  # fmt: skip

    def row(self, row: Mapping[str, str]) -> None:
        """One entry of the ledger."""
        before, role = len(self.wrong), self.ledger.role
        kind = self.word("kind", row["kind"], KINDS[role])
        state = self.word("state", row["state"], STATES) if row.get("state") else _FIRST.get(kind, "done")
        if not row["no"]:
            self.wrong_in("no", "编号是空的", "the number is empty")
        at = self.instant(row["at"])
        amount, cash, account = (self.fen(row, name) for name in ("amount", "cash", "account"))
        if len(self.wrong) > before:
            return
        ref = row.get("ref", "")
        if role is Role.HIS and kind in BOOKED and cash is not None:
            ref = str(cash)  # where a HIS's ledger says what the patient paid
        self.ledger.found.append(LedgerRow(
            kind=kind, no=row["no"], at=at, amount=amount or 0, state=state, bill=row.get("bill", ""), ref=ref,
            party_no=row.get("party_no", ""), cash=cash, account=account,
        ))  # fmt: skip

    def wrong_in(self, name: str, zh: str, en: str) -> None:
        head = both(name, HEADS)
        self.add(self.heads.index(name) + 1, f"{head[0]}：{zh}", f"{head[1]}: {en}")

    def word(self, name: str, text: str, words: Mapping[str, str]) -> str:
        found = words.get(text, text)
        if found not in words.values():
            head, listed = both(name, HEADS), [both(one, words) for one in dict.fromkeys(words.values())]
            one_of = "、".join(zh for zh, _ in listed), ", ".join(en for _, en in listed)
            self.unknown(
                self.heads.index(name) + 1, text, words,
                f"{head[0]}：“{{}}”不在其中：{one_of[0]}", f'{head[1]}: "{{}}" is none of {one_of[1]}',
            )  # fmt: skip
        return found

    def instant(self, text: str) -> float:
        """Beijing time as spreadsheets write it, or RFC 3339. Without seconds: the minute's last, for what was done in
        it was done by then."""
        try:
            match = _TIME.fullmatch(text)
            if match is None:
                return instant_of_rfc3339(text)
            year, month, day, hour, minute, second = match.groups()
            written = f"{year}-{int(month):02d}-{int(day):02d} {int(hour):02d}:{minute}:{second or '59'}"
            return instant_of(written, "%Y-%m-%d %H:%M:%S")
        except ValueError:
            like = "2026-11-22 10:15:00"
            self.wrong_in("at", f"“{_shown(text)}”不是时间；写成 {like}", f'"{_shown(text)}" is no time; write {like}')
            return 0.0

    def fen(self, row: Mapping[str, str], name: str) -> int | None:
        """The amount of a column, whichever unit its head names; None where nothing is said."""
        units: tuple[tuple[str, str, Callable[[object], int]], ...]
        units = ("yuan", "元", fen_of_yuan), ("fen", "分", fen_of)
        for unit, zh, read in units:
            text = row.get(f"{name}_{unit}", "").replace(",", "")
            if text:
                try:
                    return read(text)
                except BadAmount:
                    said = f"“{_shown(text)}”不是金额（{zh}）", f'"{_shown(text)}" is no amount in {unit}'
                    self.wrong_in(f"{name}_{unit}", *said)
        return None


def _shown(text: str) -> str:
    """The beginning of what somebody wrote, on one line and without signs that move a terminal."""
    return "".join(sign if sign.isprintable() else "�" for sign in text[:30])


def _like(text: str, words: Iterable[str]) -> str:
    """The Chinese word that shares half its signs, or "": 入帐 is not near enough to 入账 for `nearest`."""
    return next(iter(difflib.get_close_matches(text[:30], words, n=1, cutoff=0.5)), "")


def _head(name: str) -> str:
    plain = name.strip().replace("（", "(").replace("）", ")")
    return HEADS.get(plain, plain)
