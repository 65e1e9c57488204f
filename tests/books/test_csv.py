"""The books from spreadsheets, for parties that serve no ledger: the same judgement, and every mistake told at once."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.money import yuan_of_fen
from engine.parties.registry import PARTIES
from engine.runtime.books import Books, check_books, silent_parties, simulator_ledgers
from engine.runtime.books_columns import HEADS, KINDS, STATES, template
from engine.runtime.books_csv import BadLedgers, csv_ledgers, ledgers_of
from engine.runtime.books_view import Limits, Role
from tests.books.test_live import Town
from tests.rig.lab import PARTIES as SIMULATED

ROLES = {"his": Role.HIS, "nhsa": Role.INSURANCE, "wechat": Role.PAYMENT, "einvoice": Role.INVOICE}
HEAD_LINE = b"kind,no,at,amount_yuan\n"
HEAD = ("种类", "编号", "时间", "状态", "账单号", "关联号", "对方编号", "金额（元）", "现金(元)", "个账(元)")
CHINESE = {"book": "入账", "settle": "结算", "charge": "收款", "issue": "开票", "done": "有效"}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    town.do(town.lab.open)
    yield town
    town.do(town.lab.close)


def written(town: Town, folder: Path, party: str, edit: Callable[[dict[str, Any]], bool] = lambda row: True) -> None:
    """A party's ledger as its desk would write it: yuan, Beijing time, GBK. `edit` changes a row or (False) leaves it
    out."""
    engine = town.lab.engine
    assert engine is not None
    simulator = PARTIES[engine.sites.current.engine.parties[party].kind].about.simulator
    assert simulator in SIMULATED
    rows = [dict(row) for row in town.lab.ledger(simulator)]
    with (folder / f"{party}.csv").open("w", encoding="gb18030", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEAD)
        for row in rows:
            if row["kind"] in ("message", "notice") or not edit(row):
                continue
            at = row["at"][:19].replace("T", " ").replace("-", "/")
            cash = int(row["ref"]) if party == "his" and row["kind"] == "book" else row.get("cash")
            out.writerow([
                CHINESE.get(row["kind"], row["kind"]), row["no"], at, CHINESE.get(row["state"], row["state"]),
                row["bill"], row["ref"], row["party_no"], f"{row['amount'] // 100:,}.{row['amount'] % 100:02d}",
                "" if cash is None else yuan_of_fen(cash),
                "" if row.get("account") is None else yuan_of_fen(row["account"]),
            ])  # fmt: skip


def judged(town: Town, folder: Path) -> Books:
    engine = town.lab.engine
    assert engine is not None
    sources: list[Any] = [*csv_ledgers(folder, ROLES)]
    read = {source.party for source in sources}
    parties = engine.sites.current.engine.parties
    others = {name: (entry.kind, entry.url) for name, entry in parties.items() if name not in read}
    sources += simulator_ledgers(engine.world, others)
    return town.do(lambda: check_books(engine.world, engine.store, sources, limits=Limits(skew_s=60.0)))


def kinds(books: Books) -> list[str]:
    return sorted(one.kind for one in books.differences)


def test_the_same_books_from_spreadsheets(town: Town, tmp_path: Path) -> None:
    assert town.do(lambda: town.settle("B20261122001"))["state"] == "settled"
    assert town.do(lambda: town.settle("B20261122003", leave=True))["state"] in ("undone", "rejected")
    for party in ROLES:
        written(town, tmp_path, party)
    books = judged(town, tmp_path)
    assert (books.checked, books.open, kinds(books)) == (2, 0, [])


def _dearer(row: dict[str, Any]) -> bool:
    row["amount"] += row["kind"] == "book"
    return True


def _cash(row: dict[str, Any]) -> bool:
    if row["kind"] == "book":
        row["ref"] = str(int(row["ref"]) - 1)
    return True


@pytest.mark.parametrize(("party", "edit", "found"), [
    ("his", lambda row: row["kind"] != "book", "his_missing"),
    ("his", _dearer, "his_amount_differs"),
    ("his", _cash, "his_amount_differs"),
    ("nhsa", lambda row: row["kind"] != "settle", "insurance_missing"),
    ("einvoice", lambda row: False, "invoice_missing"),
])  # fmt: skip
def test_what_a_spreadsheet_does_not_hold_or_holds_otherwise_is_a_difference(
    town: Town, tmp_path: Path, party: str, edit: Callable[[dict[str, Any]], bool], found: str
) -> None:
    town.do(lambda: town.settle("B20261122001"))
    written(town, tmp_path, party, edit)
    assert kinds(judged(town, tmp_path)) == [found]


def test_a_booking_nobody_here_asked_for_is_told(town: Town, tmp_path: Path) -> None:
    town.do(lambda: town.settle("B20261122001"))
    written(town, tmp_path, "his")
    with (tmp_path / "his.csv").open("a", encoding="gb18030") as file:
        file.write("入账,S999999,2026/9/21 22:15,有效,B9,,R9,12.00,12.00,\r\n")
    assert kinds(judged(town, tmp_path)) == ["unknown_number"]


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "his.csv").write_text(
        "kind,no,at,amount_yuan\nbok,S1,2026-11-22 10:15,12.00\nbook,,2026-11-22,12.345\nbook,S2,2026-11-22 10:15:00\n"
    )
    (tmp_path / "nhsa.csv").write_text("kind,number,at,amount\n")
    (tmp_path / "weixin.csv").write_text("kind\n")
    (tmp_path / "wechta.csv").write_text("kind\n")
    (tmp_path / "einvoice.csv").write_bytes(b"\xff\xff\n")
    with pytest.raises(BadLedgers) as no:
        csv_ledgers(tmp_path, ROLES)
    said = str(no.value).split("\n")
    for wanted in (
        "his.csv:2:1: 种类（kind）：“bok”", "是否应为“入账（book）”", 'did you mean "book (入账)"',
        "his.csv:3:2: 编号（no）：", "his.csv:3:3: 时间（at）：", "his.csv:3:4: 金额(元)（amount_yuan）：“12.345”",
        "his.csv:4:4: 3 格，应为 4 格",
        "nhsa.csv:1:2: 没有“number”", "nhsa.csv:1:5: 缺少“编号（no）”列",
        "缺少“金额(元)（amount_yuan） 或 金额(分)（amount_fen）”",
        "wechta.csv: ", "did you mean wechat.csv", "weixin.csv: ", "文件名应为 his.csv、",
        "einvoice.csv:1:1: 第 0 字节",
    ):  # fmt: skip
        assert any(wanted in line for line in said), (wanted, said)


def test_nothing_there_is_said(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadLedgers, match="no csv file"):
            csv_ledgers(folder, ROLES)


def test_the_his_s_table_tells_of_its_hl7_connection_too(tmp_path: Path) -> None:
    """Bookings by HL7 stand in the HIS's own table: without that, one it lost was compared with nothing."""
    parties = {"his": ("his", "http://127.0.0.1:8701"), "his_hl7": ("his_hl7", "mllp://127.0.0.1:8702"),
               "wechat": ("wechat", "http://127.0.0.1:8721")}  # fmt: skip
    silent = silent_parties(parties)
    assert silent == {"his_hl7": Role.HIS}
    table = "kind,no,at,amount_fen\nbook,S1,2026-11-22 10:00:00,100\n"
    (tmp_path / "his.csv").write_text(table)
    roles = {**ROLES, "his_hl7": Role.HIS}
    assert [(one.party, one.also) for one in csv_ledgers(tmp_path, roles, silent)] == [("his", ("his_hl7",))]
    (tmp_path / "his_hl7.csv").write_text(table)
    assert all(one.also == () for one in csv_ledgers(tmp_path, roles, silent)), "it has a table of its own"


def said(data: bytes, name: str = "his.csv", **limits: int) -> str:
    """What is wrong with one table."""
    with pytest.raises(BadLedgers) as no:
        ledgers_of([(name, data)], ROLES, **limits)
    return str(no.value)


def test_what_a_spreadsheet_program_may_have_made_of_it() -> None:
    workbook = "his.csv: 这是 Excel 工作簿；请另存为 CSV · this is an Excel workbook; save it as CSV"
    assert said(b"PK\x03\x04....") == workbook
    assert said(b"", "his.xlsx") == "his.xlsx: 不是 .csv 文件；请另存为 CSV · no .csv file; save it as CSV"
    for sign, shown in ((";", ";"), ("\t", "Tab")):
        assert said(f"kind{sign}no{sign}at{sign}amount_yuan\n".encode()).startswith(f"his.csv:1:1: 用“{shown}”分隔")
    long = HEAD_LINE + b'"' + b"x" * 200_000 + b"\n"
    assert "his.csv:2:1: 从这里起不成表格" in said(long), "a quote that nothing ends"
    assert "his.csv:2:2: 1 格，应为 4 格" in said(HEAD_LINE + b'"book,S1\nbook,S2,,1\n'), "the line at which it begins"
    assert "his.csv:3:2: 第 " in said(HEAD_LINE + b"book,S1,2026-11-22 10:15:00,1\nbook,\xff\xff,\n")
    assert said(b"").count("his.csv:1:") == 4, "an empty file lacks each column"


def test_a_table_with_nothing_right_in_it_is_given_up() -> None:
    lines = said(HEAD_LINE + b"bok,S1,2026-11-22 10:15:00,1\n" * 5000).split("\n")
    assert len(lines) == 101
    assert lines[-1].startswith("his.csv:101:0: 错误太多")
    assert len(said((",".join(f"c{n}" for n in range(5000)) + "\n").encode()).split("\n")) < 40


def test_rows_and_bytes_have_a_limit() -> None:
    row = b"book,S1,2026-11-22 10:15:00,1\n"
    assert ledgers_of([("his.csv", HEAD_LINE + row * 5)], ROLES, rows_max=5)[0].found[4].no == "S1"
    assert said(HEAD_LINE + row * 6, rows_max=5) == "his.csv:7:0: 一次交的行数太多 · too many rows at once"
    table = ("nhsa.csv", HEAD_LINE + row.replace(b"book", b"settle"))
    with pytest.raises(BadLedgers, match=r"nhsa\.csv:2:0: 一次交的行数太多"):
        ledgers_of([("his.csv", HEAD_LINE + row * 5), table], ROLES, rows_max=5)
    assert said(HEAD_LINE + row, file_bytes=40) == "his.csv: 超过 40 字节 · longer than 40 bytes"
    with pytest.raises(BadLedgers, match="同名的表格交了两份"):
        ledgers_of([("his.csv", HEAD_LINE), ("his.csv", HEAD_LINE)], ROLES)


def test_a_commercial_insurer_s_table_is_read() -> None:
    """It was a KeyError."""
    table = "种类,编号,时间,金额(元)\n理赔,C1,2026-11-22 10:15:00,12.00\n撤销,C1,2026-11-22 10:16:00,12.00\n".encode()
    ledger = ledgers_of([("insurer.csv", table)], {"insurer": Role.COMMERCIAL})[0]
    assert [(row.kind, row.no, row.amount) for row in ledger.found] == [("settle", "C1", 1200), ("cancel", "C1", 1200)]


CELLS = st.sampled_from([
    "种类", "编号", "时间", "金额(元)", "kind", "no", "at", "amount_fen", "book", "入账", "S1", "2026-11-22 10:15", "1",
    "",
])  # fmt: skip
ROWS = st.lists(st.lists(CELLS | st.text(max_size=6), max_size=5), max_size=6)


@given(st.binary(max_size=200) | ROWS.map(lambda rows: "\n".join(",".join(row) for row in rows).encode()))
def test_whatever_is_handed_in_is_read_or_refused(data: bytes) -> None:
    try:
        found, wrong = ledgers_of([("his.csv", data)], ROLES)[0].found, []
    except BadLedgers as no:
        found, wrong = [], str(no).split("\n")
    assert all(line.startswith("his.csv") for line in wrong)
    assert all(row.no and row.kind in KINDS[Role.HIS].values() for row in found)


@pytest.mark.parametrize("role", KINDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_empty_table_to_fill_is_one_that_can_be_read(role: Role, language: str) -> None:
    (ledger,) = ledgers_of([("it.csv", template(role, language))], {"it": role})
    assert ledger.found == []


def test_the_page_about_tables_names_every_column_and_word() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "books.md").read_text(encoding="utf-8")
    words = [*STATES, *STATES.values(), *(word for words in KINDS.values() for pair in words.items() for word in pair)]
    for name in (*(head.partition("(")[0] for head in HEADS), *HEADS.values(), *words):
        assert name in page, name
