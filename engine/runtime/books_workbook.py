"""The books as a workbook for the finance office: what `engine books --excel` writes and the console hands out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from engine.runtime.spreadsheet import Cell, Sheets

HEADS: Final = (
    "结算单 · settlement", "账单 · bill", "说明", "应为（元） · due", "实为（元） · found", "相差（元） · apart",
    "下一步", "种类 · kind", "what", "next step",
)  # fmt: skip
ACCOUNTS: Final = (
    "渠道 · party", "账户 · account", "日期 · day", "期初 · opening", "收款 · taken", "退款 · given back",
    "手续费 · fees", "提现 · withdrawn", "其他 · other", "期末 · closing",
)  # fmt: skip


def sheets_of(
    found: Mapping[str, Any], at: str, since: str = "", *, days: str = "", by: str = "",
    tables: Mapping[str, int] = MappingProxyType({}),
) -> Sheets:  # fmt: skip
    """Three sheets of the document `engine books --json` prints: every difference with its amounts and next step, the
    accounts' days, and what was compared when: a day without differences is filed too. `at`: when; `since` or `days`:
    of which settlements, as a person says it; `by`: who asked for it; `tables`: parties whose book was handed in as a
    table → its rows."""
    of = ("结算单日期 · settlements of", days) if days else ("结算自 · settlements since", since or "全部 · all")
    return [
        ("差异 differences", [HEADS, *(_difference(one) for one in found["differences"])]),
        ("资金账户 accounts", [ACCOUNTS, *(_account(day) for day in found["funds"])]),
        ("核对 compared", [
            ("核对 · compared", ""),
            ("时间（北京） · at (Beijing)", at),
            of,
            ("核对笔数 · checked", str(found["checked"])),
            ("其中进行中 · of those open", str(found["open"])),
            ("有款项在未读的日子 · with money on days not read", str(found["expected"])),
            ("差异 · differences", str(len(found["differences"]))),
            *([("核对人 · by", by)] if by else []),
            *(("对方导出的表格 · a table handed in", f"{name}.csv（{rows} 行 rows）") for name, rows in tables.items()),
        ]),
    ]  # fmt: skip


def apart(one: Mapping[str, Any]) -> int | None:
    """By how much what was found differs from what was due, fen; None where nobody told both."""
    due, amount = one.get("due"), one.get("amount")
    return None if due is None or amount is None else int(amount) - int(due)


def _difference(one: Mapping[str, Any]) -> list[Cell]:
    return [
        one["settlement_no"], one["bill"], one["text"], one.get("due"), one.get("amount"), apart(one), one["next"],
        one["kind"], one["en"], one["next_en"],
    ]  # fmt: skip


def _account(day: Mapping[str, Any]) -> list[Cell]:
    return [
        day["party"], day["account"], day["day"], day.get("opening"), day["taken"], day["given_back"], day["fee"],
        day["withdrawn"], day["other"], day.get("closing"),
    ]  # fmt: skip
