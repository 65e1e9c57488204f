"""The daily comparison with the insurance: silent when both agree, a task and the books' lines for all that differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.times import beijing
from engine.runtime import statement
from engine.runtime.books import check_books
from engine.store.periods import period
from engine.store.statement_rows import statement_rows
from tests.edge.town import Town
from tests.flow.days import settled

NIGHT = 16 * 3600.0  # from the morning to after the next day's 02:30


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.end()


def refunded(town: Town, no: str) -> None:
    kiosk = town.lab.terminal("K01", "C01")
    town.do(kiosk.refund(no, {"request_no": f"R{no}", "reason_code": "wrong"}))
    town.pass_time(60.0)
    assert town.do(kiosk.show(no))[1]["state"] == "undone"


def books(town: Town) -> list[Any]:
    engine = town.lab.engine
    assert engine is not None
    found = town.do(check_books(engine.world, engine.store, ()))
    return [one for one in found.differences if one.kind.startswith("statement")]


def asked(town: Town, *ops: str) -> list[str]:
    """What was asked of the bureau, without the comparison of the day before the engine's first."""
    rows = town.lab.parties["insurance"].exchanges.rows
    found = [row.op for row in rows if row.op in ops and b'"plc"' not in row.request]  # no directories
    return found[1:] if "3201" in ops else found


def test_a_day_on_which_both_agree_leaves_nothing(town: Town) -> None:
    settled(town, "B90001")
    refunded(town, settled(town, "B90002"))
    settled(town, "B90003", "P0006")
    town.pass_time(NIGHT)
    assert asked(town, "3201", "3202", "9101", "9102") == ["3201"]
    assert books(town) == []
    assert town.tasks("statement_differs") == []
    today = beijing(town.now, "%Y-%m-%d")
    assert town.read(lambda conn: period(conn, "insurance_reconciliation", today)).state == "done"


def bureau(town: Town) -> Any:
    return town.lab.parties["insurance"].bureau  # type: ignore[attr-defined]  # the simulator's own memory


def test_each_kind_of_difference_is_found_by_its_row(town: Town) -> None:
    same, there, here, differs = (settled(town, f"B9000{n}", p) for n, p in enumerate(
        ("P0001", "P0006", "P0008", "P0001"), 1))  # fmt: skip
    by_no = dict(zip((same, there, here, differs), bureau(town).settlements.values(), strict=True))
    del bureau(town).settlements[by_no[here].setl_id]
    object.__setattr__(by_no[differs].amounts, "account", 1)
    # one the bureau has and nobody here knows
    extra = by_no[there]
    stray = type(extra)(
        "900001", extra.visit, extra.amounts, extra.told, extra.year, extra.setl_time, "H3702000000020261122999999",
        "2207A", 9, extra.row,
    )  # fmt: skip
    bureau(town).settlements["900001"] = stray
    town.pass_time(NIGHT)
    assert asked(town, "3201", "3202", "9101", "9102") == ["3201", "9101", "3202", "9102"]
    found = {(one.kind, one.settlement_no) for one in books(town)}
    assert found == {("statement_there", ""), ("statement_here", here), ("statement_differs", differs)}
    assert [task["side"] for task in town.tasks("statement_differs")] == ["nhsa"]


def test_a_settlement_that_makes_no_row_is_named_by_its_message(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when our answer was lost and the settlement still waits for a person at the day's end."""
    no = settled(town, "B90001")
    (mine,) = bureau(town).settlements.values()
    monkeypatch.setattr(statement, "called_between", lambda *_: [])
    town.pass_time(NIGHT)
    rows = town.read(statement_rows)
    assert [(row.verdict, row.number, row.msgid, row.settlement_no) for row in rows] == [
        ("there", mine.setl_id, mine.msgid, no)
    ]


def test_a_day_is_compared_again_until_both_agree(town: Town) -> None:
    settled(town, "B90001")
    (made,) = bureau(town).settlements.values()
    del bureau(town).settlements[made.setl_id]
    town.pass_time(NIGHT)
    assert [one.kind for one in books(town)] == ["statement_here"]
    bureau(town).settlements[made.setl_id] = made  # the office has found it
    town.pass_time(86_400.0)
    assert books(town) == []
    assert asked(town, "3201") == ["3201"] * 3  # the day, the day again, the next day


def open_tasks(town: Town) -> list[dict[str, Any]]:
    return [one for one in town.tasks("statement_differs") if one["closed_at"] is None]


def test_the_task_of_a_difference_closes_itself_once_nothing_is_left_over(town: Town) -> None:
    settled(town, "B90001")
    settled(town, "B90002", "P0006")
    first, second = list(bureau(town).settlements.values())
    for one in (first, second):
        del bureau(town).settlements[one.setl_id]
    town.pass_time(NIGHT)
    (task,) = open_tasks(town)
    bureau(town).settlements[first.setl_id] = first  # the office has found one of two
    town.pass_time(86_400.0)
    assert [one["id"] for one in open_tasks(town)] == [task["id"]], "one is still missing"
    bureau(town).settlements[second.setl_id] = second
    town.pass_time(86_400.0)
    assert books(town) == []
    assert open_tasks(town) == []
    del bureau(town).settlements[second.setl_id]
    settled(town, "B90003", "P0008")
    third = list(bureau(town).settlements.values())[-1]
    del bureau(town).settlements[third.setl_id]
    town.pass_time(86_400.0)
    (again,) = open_tasks(town)
    assert again["id"] != task["id"], "another difference is another task"


FAULTS = (
    "html", "empty_body", "reset_after_commit", "timeout_before_commit", "timeout_after_commit", "half_reply",
    "refuse_business", "token_expired", "infcode_string", "warn_msg", "null_vs_empty", "slow",
)  # fmt: skip


def test_nights_of_misfortune_at_every_call_end_with_the_same_books(town: Town) -> None:
    for day, fault in enumerate(FAULTS):
        no = settled(town, f"B91{day:03d}")
        lost = bureau(town).settlements.popitem()
        for op in ("3201", "9101", "3202", "9102"):
            town.lab.fault("insurance", op, fault, seconds=20)
        town.pass_time(NIGHT)
        assert [(one.kind, one.settlement_no) for one in books(town)] == [("statement_here", no)], fault
        assert not town.lab.parties["insurance"].faults.orders, fault
        bureau(town).settlements.update([lost])
        town.pass_time(86_400.0 - NIGHT)


def test_a_broken_file_is_fetched_again(town: Town) -> None:
    settled(town, "B90001")
    bureau(town).settlements.clear()
    town.lab.fault("insurance", "9102", "broken_file")
    town.pass_time(NIGHT)
    assert asked(town, "9102") == ["9102", "9102"]
    assert [one.kind for one in books(town)] == ["statement_here"]


@pytest.mark.parametrize("included", [False, True])
def test_the_account_inside_or_outside_the_fund(tmp_path: Path, included: bool) -> None:
    edit = (('fund_includes_account: "no" ', 'fund_includes_account: "yes"'),) if included else ()
    town = Town(tmp_path, edit=edit)
    town.lab.act("insurance", "set", fund_includes_account=included)
    kiosk = town.lab.terminal("K01", "C01")
    town.lab.act("his", "new_bill", patient="P0001", template="visit4", bill="B90009")
    _, quoted = town.do(kiosk.settle(town.lab.bill_request("P0001", "B90009")))
    choice = {"choice_no": "1", "kind": "insurance_account"}
    assert town.do(kiosk.pay(str(quoted["settlement_no"]), choice))[1]["state"] == "settled"
    town.pass_time(NIGHT)
    assert (books(town), asked(town, "3201", "3202")) == ([], ["3201"])
    town.end()
