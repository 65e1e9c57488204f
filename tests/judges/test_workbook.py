"""The workbook of `engine books --excel` before `openpyxl`: amounts are numbers in yuan, headings stay in view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor as real_reactor  # noqa: TID251 - the judge is a process

from engine.cli.books import _write
from engine.runtime.books import Books
from engine.runtime.books_compare import compare
from tests.books.good import good_day
from tests.judges.judge import Judge

reactor: Any = real_reactor


async def _read(path: Path) -> list[dict[str, Any]]:
    judge = Judge(reactor, "openpyxl", "workbook.py")
    try:
        sheets: list[dict[str, Any]] = await judge.ask("read", path=str(path))
    finally:
        await judge.close()
    return sheets


@pytest_twisted.ensureDeferred
async def test_finance_finds_both_sides_amounts_as_numbers(tmp_path: Path) -> None:
    day = good_day()
    day.spoil("his", "book", "S1", amount=999)
    day.spoil("nhsa", "settle", "MS13", amount=1_000_001)
    day.drop("einvoice", "issue", "S1E1")
    found = Books(5, 1, tuple(compare(day.view(), day.books()))).json()
    _write(tmp_path / "a.xlsx", found, "2026-11-23 18:00:00", "")
    sheets = await _read(tmp_path / "a.xlsx")
    assert [one["name"] for one in sheets] == ["差异 differences", "资金账户 accounts", "核对 compared"]
    heads, *rows = sheets[0]["rows"]
    assert [cell[0].split(" · ")[0] for cell in heads[:7]] == [
        "结算单", "账单", "说明", "应为（元）", "实为（元）", "相差（元）", "下一步"
    ]  # fmt: skip
    by_kind = {row[7][0]: row for row in rows}
    total = day.kept["S1"].total
    spoiled = {"his_amount_differs": 999, "insurance_amount_differs": 1_000_001, "invoice_missing": 0}
    for kind, amount in spoiled.items():
        cells = by_kind[kind][3:6]
        assert [cell[1] for cell in cells] == ["n", "n", "n"], kind
        assert {cell[2] for cell in cells} == {"#,##0.00"}
        assert [round(cell[0] * 100) for cell in cells] == [total, amount, amount - total], kind
    for sheet in sheets:
        assert sheet["frozen"] == "A2"
        assert all(10 <= width <= 62 for width in sheet["widths"])
        assert sheet["page"] == ["landscape", 0, True], "printed, no column falls off the page"
    assert sheets[0]["filter"] == "A1:J4"
    assert sheets[1]["filter"] is None, "nothing to filter"
    said = {row[0][0].split(" · ")[0]: row[1][0] for row in sheets[2]["rows"]}
    assert (said["时间（北京）"], said["核对笔数"], said["差异"]) == ("2026-11-23 18:00:00", "5", "3")
    assert said["结算自"] == "全部 · all"
