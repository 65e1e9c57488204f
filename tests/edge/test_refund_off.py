"""A refund that HIS does not allow, at the doors: two that ask at once, a process that dies meanwhile, days that close.

Judged by what HIS and the platforms were asked, by their ledgers, by the books, and by what each desk is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.cli.showing import story
from engine.runtime.room import ASKED_MAX
from tests.doors.his import His
from tests.edge.town import BILL, CASH, CODE, PATIENT, START, Asked, Reply, Town
from tests.rig.agreement import compared
from tests.sms.test_page import USERS, page

DAY = 86_400.0
DESK = "H01"


def _settled(town: Town) -> str:
    order = town.lab.bill_request(PATIENT, BILL, request_no="H-1")
    no = str(town.ask("POST", START, order, client=DESK).json["settlement_no"])
    assert town.choose(no, CODE, client=DESK).state == "settled"
    return no


def _begin(town: Town, no: str, request_no: str, *, client: str = DESK) -> Asked:
    body = {"request_no": request_no, "lines": [], "reason_code": "DOCTOR_CHANGED"}
    return town.begin("POST", f"/v1/settlements/{no}/refunds", body, client=client)


def _refund(town: Town, no: str, request_no: str) -> dict[str, Any]:
    _begin(town, no, request_no).reply()
    return town.rest(no, client=DESK)


def _cancel(town: Town, no: str, request_no: str) -> Reply:
    body = {"request_no": request_no, "reason_code": "X"}
    return town.ask("POST", f"/v1/settlements/{no}/cancel", body, client=DESK)


def _window_only(town: Town, only: bool = True) -> None:
    town.lab.act("his", "set", refund_at_window_only=only)


def _voids(town: Town) -> list[str]:
    return [one.op for one in town.lab.parties["his"].exchanges.rows if one.op == "void.pay.bill"]


def _open_tasks(town: Town) -> list[str]:
    return [str(task["kind"]) for task in town.tasks() if task["closed_at"] is None]


def _books(town: Town) -> list[tuple[str, str]]:
    """What four ledgers and the store disagree on."""

    async def checked() -> list[tuple[str, str]]:
        books = await compared(town.lab.engine)
        return [(line.kind, line.settlement_no) for line in books.differences]

    found: list[tuple[str, str]] = town.do(checked())
    return found


def _off(answer: dict[str, Any]) -> bool:
    return (answer["state"], answer["reason"]["code"]) == ("settled", "E-REFUND-REFUSED")


def test_two_desks_that_ask_at_once_hear_the_same_no_of_one_void(town: Town) -> None:
    no = _settled(town)
    _window_only(town)
    town.lab.fault("his", "void.pay.bill", "slow", seconds=4)
    mine, theirs = _begin(town, no, "r1"), _begin(town, no, "r1", client="C01")
    ack = His(town).ask("REFUND", zjs={2: "r2", 3: no, 13: "X"})
    assert (ack.code, ack.state, ack.field("ZJA", 22)) == ("AE", "settled", "E-REFUND-REFUSED")
    for asked in (mine, theirs):
        assert _off(asked.reply().json)
    assert len(_voids(town)) == 1
    assert (_open_tasks(town), _books(town)) == ([], [])
    _window_only(town, False)
    for request_no in ("r1", "r2"):
        assert _off(_refund(town, no, request_no)), "the same request is the same refund"
    assert _refund(town, no, "r3")["state"] == "undone"
    for request_no in ("r1", "r2", "r3"):
        assert _refund(town, no, request_no)["state"] == "undone", "as it stands now"
    assert (len(_voids(town)), town.kept(), _books(town)) == (2, 0, [])


def test_two_desks_that_ask_at_once_when_it_is_allowed_refund_once(town: Town) -> None:
    no = _settled(town)
    asked = [_begin(town, no, f"r{n}", client=client) for n, client in enumerate((DESK, "C01", DESK))]
    for one in asked:
        one.reply()
    assert town.rest(no, client=DESK)["state"] == "undone"
    assert (len(_voids(town)), len(town.ledger("wechat", "refund")), town.kept(), _books(town)) == (1, 1, 0, [])


@pytest.mark.parametrize("fault", ["slow", "timeout_before_commit", "half_reply"])
def test_a_process_that_dies_while_his_is_asked_leaves_the_no_to_a_person(town: Town, fault: str) -> None:
    no = _settled(town)
    _window_only(town)
    town.lab.fault("his", "void.pay.bill", fault, **({"seconds": 6} if fault == "slow" else {}))
    _begin(town, no, "r1")
    town.sim.run(lambda: bool(_voids(town)), 10.0)
    town.kill()
    town.pass_time(30.0)
    town.rise()
    answer = town.rest(no, client=DESK)
    assert (answer["state"], _open_tasks(town), _books(town)) == ("manual", ["undo_refused"], [])
    told = town.read(lambda conn: story(conn, no))
    (choice,) = told["decide"]
    assert [one["word"] for one in choice["words"]][-1] == "off"
    word = {"request_no": "d1", "by": "测试甲", "reason": "窗口查明没有退", "legs": {str(choice["leg"]): "off"}}
    for _ in range(2):
        stands = town.ask("POST", f"/v1/settlements/{no}/resolve", word, client="OPS")
        assert (stands.status, stands.state, stands.code) == (200, "settled", "E-RESOLVED")
    town.kill()
    town.rise()
    assert (town.rest(no, client=DESK)["state"], _open_tasks(town), _books(town)) == ("settled", [], [])
    _window_only(town, False)
    assert _refund(town, no, "r2")["state"] == "undone"
    assert (town.kept(), _open_tasks(town), _books(town)) == (0, [], [])


def test_a_process_that_dies_after_the_no_knows_it(town: Town) -> None:
    no = _settled(town)
    _window_only(town)
    assert _off(_refund(town, no, "r1"))
    town.kill()
    town.rise()
    assert _off(town.rest(no, client=DESK))
    assert _off(_refund(town, no, "r1"))
    assert len(_voids(town)) == 1
    assert _off(_refund(town, no, "r2"))
    assert (len(_voids(town)), _open_tasks(town), _books(town)) == (2, [], [])


def test_a_void_made_at_the_window_is_found_behind_a_no_in_other_words(town: Town) -> None:
    no = _settled(town)

    def other_words(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "success": False, "code": "BUSINESS_REFUSED", "msg": "该结算已在窗口作废"}

    town.rewrite("his", "void.pay.bill", other_words)
    assert _refund(town, no, "r1")["state"] == "undone"
    assert (len(_voids(town)), town.kept(), _open_tasks(town), _books(town)) == (1, 0, [], [])
    assert town.select("SELECT because FROM legs WHERE call = 'his.void'") == [{"because": "declined"}]


def test_the_days_close_over_a_refund_that_was_off(town: Town) -> None:
    no = _settled(town)
    _window_only(town)
    assert _off(_refund(town, no, "r1"))
    town.pass_time(1.5 * DAY)
    assert (_open_tasks(town), _books(town)) == ([], [])
    _window_only(town, False)
    assert _refund(town, no, "r2")["state"] == "undone"
    town.pass_time(1.5 * DAY)
    assert (_open_tasks(town), _books(town), town.kept()) == ([], [], 0)


def test_a_refund_asked_while_the_invoice_is_still_made_is_asked_again_under_its_number(town: Town) -> None:
    town.lab.fault("einvoice", "invoiceEBillOutpatient", "timeout_before_commit", times=3)
    order = town.lab.bill_request(PATIENT, BILL, request_no="H-1")
    no = str(town.ask("POST", START, order, client=DESK).json["settlement_no"])
    town.choose(no, CODE, client=DESK)
    early = _begin(town, no, "r1").reply()
    assert (early.status, early.code) == (409, "E-NOT-FINISHED")
    town.pass_time(600.0)
    _window_only(town)
    assert _off(_refund(town, no, "r1"))
    assert (town.ledger("einvoice", "write_off"), _open_tasks(town), _books(town)) == ([], [], [])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_console_shows_that_it_stands_and_why(new_town: Callable[..., Town], lang: str) -> None:
    town = new_town(edit=((USERS, ""),))
    no = _settled(town)
    _window_only(town)
    assert _off(_refund(town, no, "r1"))
    words = {"zh": "退费没有获准", "en": "The refund was not allowed"}[lang]
    shown = page(town, f"/console/settlements/{no}?lang={lang}")
    assert words in shown
    assert words in page(town, f"/console/settlements?lang={lang}")
    told = town.read(lambda conn: story(conn, no))
    assert (told["state"], told["tasks"], told["decide"]) == ("settled", [], [])
    assert [leg["state"] for leg in told["legs"] if leg["undo"]] == ["no"]
    assert town.kept() == CASH


def test_a_settlement_is_asked_back_so_often_and_no_more(town: Town) -> None:
    """A client that asks under ever new numbers: what it costs HIS, and what is kept of it, has an end."""
    no = _settled(town)
    _window_only(town)
    for n in range(ASKED_MAX):
        assert _off(_refund(town, no, f"r{n}"))
    more = _begin(town, no, "one-more").reply()
    assert (more.status, more.code) == (409, "E-ASKED-MANY")
    assert (len(_voids(town)), _open_tasks(town)) == (ASKED_MAX, [])
    again = _begin(town, no, "r7").reply().json
    assert _off(again), "what it asked before is still answered"
    for n in range(ASKED_MAX):
        assert _cancel(town, no, f"c{n}").state == "settled"
    more = _cancel(town, no, "c-more")
    assert (more.status, more.code, more.json["settlement_no"]) == (409, "E-ASKED-MANY", no)
    ack = His(town).ask("REFUND", zjs={2: "one-more", 3: no, 13: "X"})
    assert (ack.code, ack.field("ZJA", 22)) == ("AE", "E-ASKED-MANY")


def test_the_meter_counts_each_settlement_that_settled_once(town: Town) -> None:
    no = _settled(town)
    _window_only(town)
    assert _off(_refund(town, no, "r1"))
    assert _off(_refund(town, no, "r2"))
    assert town.lab.engine is not None
    shown = town.lab.engine.meters.page().decode()
    row = 'engine_settlements_total{{channel="outpatient_settlement",state="{}"}} {}'
    assert row.format("settled", "1.0") in shown
    assert row.format("refund_off", "2.0") in shown
