"""What people were asked to do: once for each thing, closed by what ends it or by a person who says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.cli.listing import Wanted
from engine.cli.listing_tasks import draw_tasks, task_rows
from tests.edge.town import CASH, Reply, Town


def _late(town: Town) -> str:
    """Cancelled, and then the payer pays all the same."""
    no = town.paying()
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "PATIENT"})
    assert town.rest(no)["state"] == "undone"
    town.lab.act("wechat", "pay_after_close", no=f"{no}P1")
    return no


def _open(town: Town) -> list[str]:
    return [task["kind"] for task in town.tasks() if task["closed_at"] is None]


def _close(town: Town, task: Any, *, client: str = "OPS", **body: str) -> Reply:
    words = {"by": "财务甲", "reason": "商户平台已退", **body}
    return town.ask("POST", f"/v1/tasks/{task}/close", words, client=client)


def _decide(town: Town, no: str, legs: dict[str, str]) -> Reply:
    body = {"request_no": f"d{int(town.now)}", "by": "财务甲", "reason": "商户平台已退款", "legs": legs}
    return town.ask("POST", f"/v1/settlements/{no}/resolve", body, client="OPS")


def test_late_money_that_went_back_needs_nobody_any_more(town: Town) -> None:
    no = _late(town)
    assert town.callback(town.notice(town.plain(f"{no}P1"))).status == 200
    town.pass_time(600.0)
    assert town.kept() == 0
    (task,) = town.tasks()
    assert (task["kind"], task["closed_by"]) == ("late_payment", "engine")


def _refund_refused(town: Town) -> tuple[str, str]:
    """Late money whose refund the platform refuses: (settlement, its refund leg)."""
    no = _late(town)
    town.lab.fault("wechat", "refund", "not_enough_balance", times=1)
    assert town.callback(town.notice(town.plain(f"{no}P1"))).status == 200
    town.pass_time(600.0)
    assert town.kept() == CASH
    assert _open(town) == ["late_payment", "undo_refused"]
    assert town.show(no).state == "undone"
    return no, str(town.tasks("undo_refused")[0]["leg_id"])


def test_a_settlement_at_rest_is_decided_about_and_tries_once_more(town: Town) -> None:
    no, leg = _refund_refused(town)
    refused = _close(town, town.tasks("undo_refused")[0]["id"])
    assert (refused.status, refused.code) == (409, "E-UNDECIDED"), "what stands still is decided, not closed away"
    assert _decide(town, no, {}).code == "E-UNDECIDED"
    assert _decide(town, no, {leg: "again"}).status == 200
    town.pass_time(600.0)
    assert town.kept() == 0
    assert (_open(town), town.show(no).state) == ([], "undone")


def test_a_settlement_at_rest_learns_that_a_person_gave_the_money_back(town: Town) -> None:
    no, leg = _refund_refused(town)
    assert _decide(town, no, {leg: "done"}).status == 200
    town.pass_time(60.0)
    assert (_open(town), town.show(no).state) == ([], "undone")
    assert len(town.ledger("wechat", "refund")) == 0, "the engine sends nothing after that"
    assert _decide(town, no, {leg: "again"}).code == "E-STATE", "nothing waits any more"


def _told(town: Town) -> Any:
    """A task of no settlement: somebody pays under a number that is not ours."""
    assert town.callback(town.notice(town.plain("S0000000000000000P1"))).status in (200, 500)
    town.pass_time(5.0)
    (task,) = town.tasks("callback_unknown")
    return task["id"]


def test_a_task_is_closed_by_a_person_once_and_who_and_why_are_kept(town: Town) -> None:
    task = _told(town)
    assert _close(town, task, client="K01").status == 403
    assert _close(town, task, by="").code == "E-FIELD"
    assert _close(town, "nonsense").code == "E-NO-TASK"
    assert _close(town, 17).code == "E-NO-TASK"
    reply = _close(town, task)
    assert (reply.status, reply.json["kind"]) == (200, "callback_unknown")
    assert _close(town, task).code == "E-TASK-CLOSED"
    (row,) = town.tasks()
    assert row["closed_by"] == "财务甲"
    deeds = town.select("SELECT kind, what, by_whom FROM hands")
    assert [(one["kind"], one["by_whom"]) for one in deeds] == [("task", "财务甲")]


def test_what_was_done_is_listed_with_who_and_why(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    task = _told(town)
    assert _close(town, task).status == 200
    for state, count in (("", 0), ("closed", 1)):
        rows = town.read(lambda conn, state=state: task_rows(conn, Wanted(state=state, limit=50), None))
        assert len(rows) == count
    draw_tasks(rows, {"wechat": "wechat"}, town.now)
    said = capsys.readouterr().out
    assert f"✓ {task}" in said
    assert "财务甲: 商户平台已退" in said
    assert "engine" not in said, "nothing is left to type"


def test_a_settlements_task_closed_by_hand_stands_in_its_trail(town: Town) -> None:
    town.lab.fault("wechat", "refund", "refund_stuck")
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    no = town.paying()
    town.lab.act("wechat", "pay", no=f"{no}P1")
    town.callback(town.notice(town.plain(f"{no}P1")))
    town.pass_time(1200.0)
    (task,) = town.tasks("undo_slow")
    assert _close(town, task["id"]).status == 200
    lines = town.select("SELECT kind, detail FROM trail ORDER BY id")
    (line,) = [json.loads(one["detail"]) for one in lines if one["kind"] == "Task closed"]
    assert (line["kind"], line["by"]) == ("undo_slow", "财务甲")
    town.lab.act("wechat", "finish_refund", no=next(iter(town.wechat.book.refunds)))
    assert town.rest(no)["state"] == "undone"
