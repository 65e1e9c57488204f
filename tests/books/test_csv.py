"""The books from spreadsheets, for parties that serve no ledger: the same judgement, and every mistake told at once."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.money import yuan_of_fen
from engine.parties.registry import PARTIES
from engine.runtime.books import Books, check_books, silent_parties, simulator_ledgers
from engine.runtime.books_csv import BadLedgers, csv_ledgers
from engine.runtime.books_view import Limits, Role
from tests.books.test_live import Town
from tests.rig.lab import PARTIES as SIMULATED

ROLES = {"his": Role.HIS, "nhsa": Role.INSURANCE, "wechat": Role.PAYMENT, "einvoice": Role.INVOICE}
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
        "his.csv:2: kind: “bok”", "did you mean book", "his.csv:3: no: ", "his.csv:3: at: ",
        "his.csv:3: amount_yuan: “12.345”", "his.csv:4: 3 格，应为 4", "nhsa.csv:1: 没有“number”",
        "nhsa.csv:1: 缺少“no”列", "nhsa.csv:1: 缺少“amount_yuan / amount_fen”",
        "wechta.csv: ", "did you mean wechat.csv", "weixin.csv: ", "einvoice.csv: 第 0 字节",
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
