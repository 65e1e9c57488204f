"""Ledgers of parties that serve none, as spreadsheets: one CSV a party in a directory, `PARTY.csv` by its name in
engine.yaml. What they must hold and how stands in docs/books.md.

A file is believed whole or not at all: all mistakes are told at once, each with file, line and what to write.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engine.config.problems import nearest
from engine.core.money import BadAmount, fen_of, fen_of_yuan
from engine.core.times import instant_of, instant_of_rfc3339
from engine.runtime.books_view import LedgerRow, Role

FILE_BYTES: Final = 64 << 20
NOBODY: Final[Mapping[str, Role]] = MappingProxyType({})
HEADS: Final = {
    "种类": "kind", "编号": "no", "时间": "at", "状态": "state", "账单号": "bill", "关联号": "ref",
    "对方编号": "party_no",
    "金额(元)": "amount_yuan", "金额(分)": "amount_fen", "现金(元)": "cash_yuan", "现金(分)": "cash_fen",
    "个账(元)": "account_yuan", "个账(分)": "account_fen",
}  # fmt: skip
"""Column names as the desk writes them, and what they are called here."""
_COLUMNS: Final = tuple(HEADS.values())
KINDS: Final[Mapping[Role, Mapping[str, str]]] = {
    Role.HIS: {
        "入账": "book", "作废": "void", "收款": "charge", "锁定": "lock", "结算": "settle", "开票": "issue",
        "登记": "register",
    },
    Role.INSURANCE: {"登记": "register", "上传": "upload", "结算": "settle", "撤销": "cancel"},
    Role.PAYMENT: {"下单": "order", "收款": "charge", "退款": "refund", "冲正": "reverse", "关单": "close"},
    Role.INVOICE: {"开票": "issue", "冲红": "write_off"},
}  # fmt: skip
STATES: Final = {
    "有效": "done", "已作废": "void", "未撤销": "open", "未支付": "open", "锁定中": "live", "已上传": "uploaded",
    "已释放": "released", "已撤销": "cancelled", "已关单": "closed", "已冲红": "written_off", "已退款": "refunded",
    "已使用": "used", "已支付": "paid",
}  # fmt: skip
_FIRST: Final = {"lock": "released", "register": "done", "order": "closed"}  # where nothing is said: nothing is left
_TIME: Final = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.ASCII
)


class BadLedgers(ValueError):
    """What is wrong with the files, a line each: `his.csv:3: …`."""


@dataclass(slots=True)
class CsvLedger:
    """One party's file, read. `also`: other connections to the same party (HL7), whose doings stand in it."""

    party: str
    role: Role
    found: list[LedgerRow] = field(default_factory=list)
    also: tuple[str, ...] = ()

    async def rows(self) -> Sequence[LedgerRow]:
        """The whole ledger, in the order of its lines."""
        return self.found


def csv_ledgers(folder: Path, roles: Mapping[str, Role], silent: Mapping[str, Role] = NOBODY) -> list[CsvLedger]:
    """The ledgers of this directory; `roles`: parties of engine.yaml that have a part in the books; `silent`: those of
    them at which no ledger can be read: without a file of their own they stand in the first file of their role. Errors:
    BadLedgers with everything that is wrong."""
    wrong: list[str] = []
    made: list[CsvLedger] = []
    files = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    if not files:
        raise BadLedgers(f"{folder}: 没有 csv 文件 · no csv file there")
    for file in files:
        if file.stem not in roles:
            meant = nearest(file.stem, roles)
            hint = f"；是否应为 {meant}.csv？ · did you mean {meant}.csv?" if meant else ""
            wrong.append(f"{file.name}: engine.yaml 没有这个要对账的连接 · no party of engine.yaml with books{hint}")
            continue
        ledger = CsvLedger(file.stem, roles[file.stem])
        for number, row in _lines(file, wrong):
            _row(ledger, row, f"{file.name}:{number}", wrong)
        made.append(ledger)
    if wrong:
        raise BadLedgers("\n".join(wrong))
    told = {ledger.party for ledger in made}
    first = {ledger.role: ledger for ledger in reversed(made)}
    for name, role in silent.items():
        if name not in told and role in first:
            first[role].also += (name,)
    return made


def _lines(file: Path, wrong: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with its line, by our names of the columns. Nothing when the head is wrong."""
    if file.stat().st_size > FILE_BYTES:
        wrong.append(f"{file.name}: 超过 {FILE_BYTES} 字节 · longer than that")
        return
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")  # as a spreadsheet saves it here
        except UnicodeDecodeError as no:
            wrong.append(f"{file.name}: 第 {no.start} 字节既不是 UTF-8 也不是 GB18030 · neither, at this byte")
            return
    table = csv.reader(io.StringIO(text, newline=""))
    heads = [_head(name) for name in next(table, [])]
    before = len(wrong)
    for name in heads:
        if name not in _COLUMNS:
            meant = nearest(name, (*_COLUMNS, *HEADS))
            hint = f"；是否应为“{meant}”？ · did you mean {meant}?" if meant else ""
            wrong.append(f"{file.name}:1: 没有“{name}”这一列 · no such column{hint}")
        elif heads.count(name) > 1:
            wrong.append(f"{file.name}:1: “{name}”写了两次 · given twice")
    missing = [name for name in ("kind", "no", "at") if name not in heads]
    if not {"amount_yuan", "amount_fen"} & set(heads):
        missing.append("amount_yuan / amount_fen")
    wrong.extend(f"{file.name}:1: 缺少“{name}”列 · this column is missing" for name in missing)
    if len(wrong) > before:
        return
    for cells in table:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(heads):
            wrong.append(f"{file.name}:{table.line_num}: {len(cells)} 格，应为 {len(heads)} · cells, not as many")
            continue
        yield table.line_num, dict(zip(heads, (cell.strip() for cell in cells), strict=True))


def _head(name: str) -> str:
    plain = name.strip().replace("（", "(").replace("）", ")")
    return HEADS.get(plain, plain)


def _row(ledger: CsvLedger, row: Mapping[str, str], where: str, wrong: list[str]) -> None:
    before = len(wrong)
    kind = _word(row["kind"], KINDS[ledger.role], "kind", where, wrong)
    state = _word(row.get("state", ""), STATES, "state", where, wrong) if row.get("state") else _FIRST.get(kind, "done")
    if not row["no"]:
        wrong.append(f"{where}: no: 编号是空的 · the number is empty")
    at = _instant(row["at"], where, wrong)
    amount, cash, account = (_fen(row, name, where, wrong) for name in ("amount", "cash", "account"))
    if len(wrong) > before:
        return
    ref = row.get("ref", "")
    if ledger.role is Role.HIS and kind == "book" and cash is not None:
        ref = str(cash)  # where a HIS's ledger says what the patient paid
    ledger.found.append(LedgerRow(
        kind=kind, no=row["no"], at=at, amount=amount or 0, state=state, bill=row.get("bill", ""), ref=ref,
        party_no=row.get("party_no", ""), cash=cash, account=account,
    ))  # fmt: skip


def _word(text: str, words: Mapping[str, str], what: str, where: str, wrong: list[str]) -> str:
    found = words.get(text, text)
    if found not in words.values():
        meant = nearest(text, (*words.values(), *words))
        hint = f"；是否应为“{meant}”？ · did you mean {meant}?" if meant else ""
        listed = ", ".join(dict.fromkeys(words.values()))
        wrong.append(f"{where}: {what}: “{text}”不在 {listed} 之中 · is none of these{hint}")
    return found


def _instant(text: str, where: str, wrong: list[str]) -> float:
    """Beijing time as spreadsheets write it, or RFC 3339. Without seconds: the minute's last, for what was done in it
    was done by then."""
    try:
        match = _TIME.fullmatch(text)
        if match is None:
            return instant_of_rfc3339(text)
        year, month, day, hour, minute, second = match.groups()
        written = f"{year}-{int(month):02d}-{int(day):02d} {int(hour):02d}:{minute}:{second or '59'}"
        return instant_of(written, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        wrong.append(f"{where}: at: “{text[:30]}”不是时间 · no time; 2026-11-22 10:15:00")
        return 0.0


def _fen(row: Mapping[str, str], name: str, where: str, wrong: list[str]) -> int | None:
    """The amount of a column, whichever unit its head names; None where nothing is said."""
    units: tuple[tuple[str, Callable[[object], int]], ...] = (("yuan", fen_of_yuan), ("fen", fen_of))
    for unit, read in units:
        text = row.get(f"{name}_{unit}", "").replace(",", "")
        if text:
            try:
                return read(text)
            except BadAmount:
                wrong.append(f"{where}: {name}_{unit}: “{text[:20]}”不是金额 · no amount in {unit}")
    return None
