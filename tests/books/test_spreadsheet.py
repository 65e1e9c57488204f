"""The workbook of `engine books --excel`, read as a spreadsheet program reads it: parts, cells, numbers, text."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from engine.cli.books import _write, books
from engine.cli.say import CannotRun, WrongUse
from engine.runtime.spreadsheet import Cell, write_workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _cells(path: Path, sheet: int = 1) -> dict[str, tuple[str, str]]:
    """Place → (kind, what it holds)."""
    with zipfile.ZipFile(path) as book:
        assert book.testzip() is None
        for name in book.namelist():
            etree.fromstring(book.read(name))
        root = etree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    return {str(cell.get("r")): (str(cell.get("t", "n")), "".join(cell.itertext())) for cell in root.iter(f"{MAIN}c")}


def test_text_stays_text_and_fen_become_yuan(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [
        ["单号", "金额"], ["=1+1", 107_500], ["4200001234567890123456789012", -5], ["<甲 & 乙>\x00", None]
    ]  # fmt: skip
    write_workbook(tmp_path / "a.xlsx", [("差异", rows)])
    found = _cells(tmp_path / "a.xlsx")
    assert found["A2"] == ("inlineStr", "=1+1")
    assert found["A3"] == ("inlineStr", "4200001234567890123456789012")
    assert found["A4"] == ("inlineStr", "<甲 & 乙>\ufffd")
    assert (found["B2"], found["B3"]) == (("n", "1075.00"), ("n", "-0.05"))
    assert "B4" not in found


def test_columns_are_as_wide_as_what_they_hold_and_long_texts_break(tmp_path: Path) -> None:
    write_workbook(tmp_path / "a.xlsx", [("a", [["n", "单号", "x"], ["", "结算单据号码", "y" * 500]])])
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        root = etree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        styles = etree.fromstring(book.read("xl/styles.xml"))
    widths = [int(str(one.get("width"))) for one in root.iter(f"{MAIN}col")]
    assert widths == [10, 14, 62]
    cell = next(one for one in root.iter(f"{MAIN}c") if one.get("r") == "C2")
    style = styles.find(f"{MAIN}cellXfs")[int(str(cell.get("s")))]
    assert style.find(f"{MAIN}alignment").get("wrapText") == "1"
    assert styles.find(f"{MAIN}cellStyles") is not None, "a style by default, which readers ask for"


def test_columns_past_z_and_a_text_without_end(tmp_path: Path) -> None:
    write_workbook(tmp_path / "a.xlsx", [("a", [["x"] * 28]), ("b", [["y" * 40_000]])])
    assert {"Z1", "AA1", "AB1"} < set(_cells(tmp_path / "a.xlsx"))
    assert len(_cells(tmp_path / "a.xlsx", 2)["A1"][1]) == 32_767


def test_the_workbook_of_the_books(tmp_path: Path) -> None:
    one = {"kind": "fund_missing", "settlement_no": "S1", "bill": "B1", "text": "没有", "en": "none", "next": "查",
           "next_en": "ask", "due": 120_000, "amount": 0}  # fmt: skip
    day = {"party": "wechat", "account": "BASIC", "day": "2026-11-21", "rows": 0, "taken": 0, "given_back": 0, "fee": 0,
           "withdrawn": 0, "other": 0}  # fmt: skip
    bare = {name: said for name, said in one.items() if name not in ("due", "amount")}
    days = [day, day | {"opening": 1, "closing": 2, "taken": 1}]
    _write(tmp_path / "a.xlsx", _found([one, bare, bare | {"amount": 5}], days), "2026-11-23 18:00:00", "2026-11-22")
    found = _cells(tmp_path / "a.xlsx")
    assert [found[place][1] for place in ("A2", "G2", "H2", "J2")] == ["S1", "查", "fund_missing", "ask"]
    assert [found[place] for place in ("D2", "E2", "F2")] == [("n", "1200.00"), ("n", "0.00"), ("n", "-1200.00")]
    assert not {"D3", "E3", "F3", "D4", "F4"} & set(found), "what nobody told stays empty"
    assert found["E4"] == ("n", "0.05")
    moved = _cells(tmp_path / "a.xlsx", 2)
    assert "D2" not in moved
    assert (moved["D3"], moved["J3"]) == (("n", "0.01"), ("n", "0.02"))
    assert _cells(tmp_path / "a.xlsx", 3)["B3"] == ("inlineStr", "2026-11-22")


def _found(differences: list[dict[str, Any]], funds: list[dict[str, Any]]) -> dict[str, Any]:
    return {"checked": 9, "open": 0, "expected": 0, "funds": funds, "differences": differences}


def test_a_place_that_cannot_be_written_and_another_kind_of_file(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="nowhere"):
        _write(tmp_path / "nowhere" / "a.xlsx", _found([], []), "", "")
    with pytest.raises(WrongUse, match="xlsx"):
        books(tmp_path, "", False, excel=str(tmp_path / "a.csv"))
