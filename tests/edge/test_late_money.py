"""Money that comes or goes late: a refund the platform works on for long, news of a payment that is no longer true.

Judged by the calls the parties had, by their ledgers, and by the tasks a person sees.
"""

from __future__ import annotations

from tests.edge.town import CASH, Town


def _calls(town: Town, party: str) -> list[str]:
    return [exchange.op for exchange in town.lab.parties[party].exchanges.rows]


def _refund_no(town: Town) -> str:
    return next(iter(town.wechat.book.refunds))


def _slow_refund(town: Town) -> str:
    """Paid by QR code, then the HIS refuses: all goes back, and the platform works on the refund for ever."""
    town.lab.fault("wechat", "refund", "refund_stuck")
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    no = town.paying()
    town.lab.act("wechat", "pay", no=f"{no}P1")
    town.callback(town.notice(town.plain(f"{no}P1")))
    town.sim.run(lambda: bool(town.ledger("wechat", "refund")) or "refund" in _calls(town, "wechat"), 120.0)
    return no


def test_a_refund_the_platform_works_on_does_not_hold_the_bill_for_a_day(town: Town) -> None:
    no = _slow_refund(town)
    town.pass_time(800.0)
    assert not town.tasks()
    assert "2202" not in _calls(town, "insurance")
    town.pass_time(200.0)
    assert [task["kind"] for task in town.tasks()] == ["undo_slow"]
    assert town.tasks()[0]["side"] == "wechat"
    calls = _calls(town, "insurance")
    assert calls.index("2205") < calls.index("2202"), "uploads first, then the registration"
    assert "unlock.bill" in _calls(town, "his")
    assert town.show(no).state == "working", "the money itself is not back"
    page = town.ask("GET", "/metrics", headers=[]).body.decode()
    assert 'engine_tasks_total{kind="undo_slow"} 1.0' in page
    town.lab.act("wechat", "finish_refund", no=_refund_no(town))
    assert town.rest(no)["state"] == "undone"
    assert town.kept() == 0
    assert not [task for task in town.tasks() if task["closed_at"] is None], "the task closes itself"
    assert _calls(town, "wechat").count("refund") == 1


def test_a_slow_refund_outlives_the_process_and_is_told_once(town: Town) -> None:
    no = _slow_refund(town)
    town.pass_time(1000.0)
    town.kill()
    town.rise()
    town.pass_time(2000.0)
    assert [task["kind"] for task in town.tasks()] == ["undo_slow"]
    town.lab.act("wechat", "finish_refund", no=_refund_no(town))
    assert town.rest(no)["state"] == "undone"


def test_news_of_a_payment_that_is_not_there_gives_nothing_back_and_calls_nobody(town: Town) -> None:
    no = town.paying()
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "PATIENT"})
    assert town.rest(no)["state"] == "undone"
    asked = _calls(town, "wechat").count("query")
    for _ in range(3):
        assert town.callback(town.notice(town.plain(f"{no}P1"))).status == 200
        town.pass_time(120.0)
    assert _calls(town, "wechat").count("query") > asked, "it is asked about"
    assert "refund" not in _calls(town, "wechat")
    assert not town.tasks()
    assert town.show(no).state == "undone"


def test_late_money_is_found_by_the_question_asked_again_after_a_death(town: Town) -> None:
    no = town.paying()
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "PATIENT"})
    assert town.rest(no)["state"] == "undone"
    town.lab.act("wechat", "pay_after_close", no=f"{no}P1")
    assert town.kept() == CASH
    town.lab.fault("wechat", "query", "timeout_before_commit", times=1)
    assert town.callback(town.notice(town.plain(f"{no}P1"))).status == 200
    town.pass_time(1.0)
    town.kill()
    town.rise()
    town.pass_time(600.0)
    assert town.kept() == 0
    assert [task["kind"] for task in town.tasks()] == ["late_payment"]
