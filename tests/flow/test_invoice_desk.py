"""The example of the invoice desk, laid over the shipped site, among the simulators: registration invoices, paper,
deposit vouchers, inpatient invoices, and the nights in which the platform's list is compared with ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.store.statement_rows import statement_rows
from tests.edge.town import Reply, Town
from tests.rig.agreement import compared

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "einvoice"
BATCH, PAPERS = "37060126", "37010126"
DESK = {"campus": "main", "terminal": {"kind": "window", "id": "W01"}, "operator": "收费员甲"}
PERSON = {"id": "P0001", "name": "测试甲", "id_no": "370202198003120113"}
NIGHT = 6 * 3600.0  # from the evening, at which a town begins, to after 03:10


def example() -> Mapping[str, bytes]:
    """The example's files; its engine.yaml is the shipped one."""
    return {
        f"{folder.name}/{path.name}": path.read_bytes()
        for folder in EXAMPLE.iterdir() if folder.is_dir()
        for path in folder.iterdir() if not path.name.endswith(".test.yaml")
    }  # fmt: skip


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path, more=example())
    yield made
    made.end()


def ask(town: Town, address: str, body: dict[str, Any]) -> dict[str, Any]:
    """A desk's request, to its rest."""
    reply: Reply = town.ask("POST", address, {**DESK, **body}, client="C01")
    assert reply.status in (200, 202), reply.body.decode()
    if reply.state in ("settled", "undone", "rejected", "quoted"):
        return reply.json
    return town.rest(str(reply.json["settlement_no"]), client="C01")


def refund(town: Town, no: str) -> dict[str, Any]:
    body = {"request_no": f"R{no}", "reason_code": "p"}
    reply = town.ask("POST", f"/v1/settlements/{no}/refunds", body, client="C01")
    assert reply.status in (200, 202), reply.body.decode()
    town.pass_time(60.0)
    return town.show(no, client="C01").json


def books(town: Town) -> list[tuple[str, str]]:
    found = town.do(compared(town.lab.engine, ("his", "einvoice", "wechat", "nhsa")))
    return [(one.kind, one.settlement_no) for one in found.differences]


def platform(town: Town) -> Any:
    return town.lab.parties["einvoice"]


def registered(town: Town, bill: str = "G20261122001") -> dict[str, Any]:
    """A registration paid in cash at the desk."""
    town.lab.act("his", "new_bill", patient="P0001", template="visit1", bill=bill)
    body = {"request_no": bill, "patient": {"id": "P0001"}, "bills": [bill]}
    quoted = ask(town, "/v1/registration/settlements", body)
    town.choose(quoted["settlement_no"], {"choice_no": "1", "kind": "cash"}, client="C01")
    town.pass_time(60.0)
    answer: dict[str, Any] = town.show(quoted["settlement_no"], client="C01").json
    assert answer["state"] == "settled", answer
    return answer


def invoice_of(answer: dict[str, Any]) -> str:
    return f"{answer['invoice']['code']}-{answer['invoice']['number']}"


def exchange(town: Town, invoice: str, paper: str, no: str = "P1", **more: str) -> dict[str, Any]:
    body = {"request_no": no, "invoice": invoice, "paper": f"{PAPERS}-{paper}", **more}
    return ask(town, "/v1/einvoice/papers", body)


def void(town: Town, invoice: str, paper: str, no: str = "V1") -> dict[str, Any]:
    body = {"request_no": no, "invoice": invoice, "paper": f"{PAPERS}-{paper}", "reason": "退费"}
    return ask(town, "/v1/einvoice/papers/void", body)


def voucher(town: Town, receipt: str = "YJ0001", **more: object) -> dict[str, Any]:
    return ask(town, "/v1/einvoice/vouchers", {
        "request_no": receipt, "receipt": receipt, "person": PERSON, "stay": {"no": "ZY0001", "admitted": "2026-11-20"},
        "amount": 300000, "balance": 300000, "channels": [{"code": "05", "amount": 300000}], **more,
    })  # fmt: skip


def stay(town: Town, vouchers: list[dict[str, Any]], receipt: str = "ZY0001") -> dict[str, Any]:
    return ask(town, "/v1/einvoice/stays", {
        "request_no": receipt, "receipt": receipt, "person": PERSON, "checker": "复核员乙", "vouchers": vouchers,
        "stay": {"no": "ZY0001", "admitted": "2026-11-20", "left": "2026-11-22"},
        "amounts": {"total": 500000, "fund": 200000, "account": 0, "other": 0, "cash": 300000},
        "channels": [{"code": "11", "amount": 200000}, {"code": "05", "amount": 300000}],
        "lines": [{"sort": 1, "code": "06", "name": "手术费", "amount": 500000}],
    })  # fmt: skip


def test_a_registration_has_its_invoice_and_loses_it_with_the_refund(town: Town) -> None:
    answer = registered(town)
    (bill,) = platform(town).register.by_bus_no.values()
    assert (bill.bus_type, bill.amount, bill.no) == ("06", answer["amounts"]["total"], answer["invoice"]["number"])
    assert books(town) == []
    assert refund(town, answer["settlement_no"])["state"] == "undone"
    assert bill.red is not None
    assert books(town) == []


def test_paper_goes_out_at_the_desk_and_comes_back_before_the_refund(town: Town) -> None:
    answer = registered(town)
    invoice = invoice_of(answer)
    reply = town.ask("GET", f"/v1/einvoice/papers/next?batch={PAPERS}", client="C01")
    assert reply.json["paper"] == f"{PAPERS}-00000001"
    done = exchange(town, invoice, "00000001")
    assert (done["state"], done["numbers"]) == ("settled", {"invoice": invoice, "paper": f"{PAPERS}-00000001"})
    assert exchange(town, invoice, "00000001")["settlement_no"] == done["settlement_no"]  # the same request again
    state = town.ask("GET", f"/v1/einvoice/state?invoice={invoice}", client="C01").json
    assert (state["on_paper"], state["paper"], state["flushed"]) == ("1", f"{PAPERS}-00000001", "0")
    assert exchange(town, invoice, "00000002", "P2")["reason"]["code"] == "E-INVOICE-ON-PAPER"
    assert exchange(town, invoice, "00000003", "P3", again="yes")["state"] == "settled"
    assert void(town, invoice, "00000001")["reason"]["code"] == "E-PAPER-OTHER"
    assert void(town, invoice, "00000003", "V2")["state"] == "settled"
    assert [kind for kind, _ in books(town)] == ["invoice_missing"]  # voided, not yet refunded
    assert refund(town, answer["settlement_no"])["state"] == "undone"  # written off already: that is done
    assert books(town) == []
    assert town.tasks() == []


def test_a_refund_with_the_paper_still_out_is_off(town: Town) -> None:
    answer = registered(town)
    exchange(town, invoice_of(answer), "00000001")
    back = refund(town, answer["settlement_no"])
    assert back["state"] == "settled"
    assert (back["reason"]["code"], back["reason"]["side"]) == ("E-REFUND-REFUSED", "einvoice")
    assert town.lab.ledger("his", "void") == []
    assert town.tasks() == []


def test_where_voiding_a_paper_leaves_the_invoice_the_refund_writes_it_off(town: Town) -> None:
    town.lab.act("einvoice", "set", paper_void_flushes=False)
    answer = registered(town)
    exchange(town, invoice_of(answer), "00000001")
    assert void(town, invoice_of(answer), "00000001")["state"] == "settled"
    assert refund(town, answer["settlement_no"])["state"] == "undone"
    assert books(town) == []


def test_a_blank_paper_is_voided_once(town: Town) -> None:
    body = {"request_no": "B1", "paper": f"{PAPERS}-00000005", "reason": "卡纸"}
    assert ask(town, "/v1/einvoice/papers/blank", body)["state"] == "settled"
    again = ask(town, "/v1/einvoice/papers/blank", {**body, "request_no": "B1"})
    assert again["state"] == "settled"
    assert platform(town).stock.papers["00000005"].voided


def test_a_deposit_has_its_voucher_which_the_inpatient_invoice_uses(town: Town) -> None:
    kept = voucher(town)
    assert kept["numbers"]["voucher"] == "00000001"
    used = {"code": kept["numbers"]["voucher_code"], "number": kept["numbers"]["voucher"], "amount": 300000}
    answer = stay(town, [used])
    assert answer["state"] == "settled"
    bills = {bill.bus_type: bill for bill in platform(town).register.by_bus_no.values()}
    assert (bills["07"].left, bills["01"].amount) == (0, 500000)
    assert books(town) == []
    assert refund(town, answer["settlement_no"])["state"] == "undone"
    assert refund(town, kept["settlement_no"])["state"] == "undone"
    assert books(town) == []


LOST = (
    "reset_before_commit", "timeout_before_commit", "html", "http_500", "reset_after_commit", "timeout_after_commit",
    "half_reply", "bad_signature", "plain_message", "plain_words", "done_before", "late_commit",
)  # fmt: skip


def settled_or_not(town: Town, work: Callable[[], dict[str, Any]], there: Callable[[], bool]) -> str:
    """Whatever a call meets, what the desk hears in the end is what the platform has."""
    answer = work()
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    town.pass_time(900.0)
    assert there() == (answer["state"] == "settled"), answer
    return str(answer["state"])


@pytest.mark.parametrize("fault", LOST)
def test_whatever_an_exchange_meets_desk_and_platform_agree(town: Town, fault: str) -> None:
    invoice = invoice_of(registered(town))
    papers = platform(town).stock.papers
    town.lab.fault("einvoice", "turnPaper", fault, seconds=40.0)
    settled_or_not(town, lambda: exchange(town, invoice, "00000001"), lambda: "00000001" in papers)
    state = void_state(town, invoice, fault)
    assert state in ("settled", "rejected")


def void_state(town: Town, invoice: str, fault: str) -> str:
    """The paper back, with the same misfortune."""
    papers = platform(town).stock.papers
    if "00000001" not in papers:
        return "rejected"
    town.lab.fault("einvoice", "invalidPaper", fault, seconds=40.0)
    return settled_or_not(town, lambda: void(town, invoice, "00000001"), lambda: bool(papers["00000001"].voided))


@pytest.mark.parametrize("fault", LOST)
def test_whatever_a_voucher_meets_it_is_issued_once_and_written_off_once(town: Town, fault: str) -> None:
    town.lab.fault("einvoice", "invoicePayMentVoucher", fault, seconds=40.0)
    register = platform(town).register
    answer = voucher(town)
    town.pass_time(900.0)
    live = [bill for bill in register.by_bus_no.values() if bill.red is None]
    assert len(live) == (1 if answer["state"] == "settled" else 0), answer
    if not live:
        return
    town.lab.fault("einvoice", "writeOffPayMentVoucher", fault, seconds=40.0)
    refund(town, answer["settlement_no"])
    town.pass_time(900.0)
    assert town.show(answer["settlement_no"], client="C01").state == "undone"
    assert live[0].red is not None
    assert len(town.lab.ledger("einvoice", "write_off")) == 1
    assert books(town) == []


# --- the nights


def left(town: Town) -> list[tuple[str, str, str]]:
    return [(row.verdict, row.number, row.text) for row in town.read(statement_rows)]


def test_a_night_on_which_both_agree_leaves_nothing(town: Town) -> None:
    registered(town, "G1")
    assert refund(town, registered(town, "G2")["settlement_no"])["state"] == "undone"
    voucher(town)
    town.pass_time(NIGHT)
    assert left(town) == []
    assert town.tasks("statement_differs") == []
    asked = [row.op for row in platform(town).exchanges.rows][-9:]
    assert asked == ["checkTotalData", "checkWriteOffData", "getBillByBusDate"] * 3


def test_each_kind_of_difference_is_found_and_goes_with_its_cause(town: Town) -> None:
    same, flushed, gone = (registered(town, f"G{n}") for n in range(3))
    register = platform(town).register
    number = {one["settlement_no"]: f"{one['settlement_no']}E1" for one in (same, flushed, gone)}
    town.lab.act("einvoice", "flush", no=number[flushed["settlement_no"]])
    lost = register.by_bus_no.pop(number[gone["settlement_no"]])
    stray = town.lab.act("einvoice", "issue", amount=700, place="001")["busNo"]
    town.pass_time(NIGHT)
    assert sorted(left(town)) == sorted([
        ("unlike", number[flushed["settlement_no"]], "refunded 0 ≠ 1"),
        ("unlisted", number[gone["settlement_no"]], "total 120000, refunded 0"),
        ("listed", stray, "total 700, refunded 0"),
    ])  # fmt: skip
    assert len(town.tasks("statement_differs")) == 1
    told = {kind for kind, _ in books(town)}
    assert {"statement_unlike", "statement_unlisted", "statement_listed"} <= told
    register.by_bus_no[lost.bus_no] = lost
    del register.by_bus_no[stray]
    refund(town, flushed["settlement_no"])
    town.pass_time(86_400.0)
    assert [row for row in left(town) if row[1]] == []


def test_a_long_list_is_read_to_its_end(town: Town) -> None:
    registered(town)
    for _ in range(450):
        town.lab.act("einvoice", "issue", amount=1, place="001")
    town.pass_time(NIGHT)
    assert len([row for row in left(town) if row[0] == "listed"]) == 450
    assert not [row for row in left(town) if row[0] != "listed"]


@pytest.mark.parametrize("op", ["checkTotalData", "checkWriteOffData", "getBillByBusDate"])
@pytest.mark.parametrize("fault", ["html", "timeout_before_commit", "plain_words", "bad_signature", "wrong_amount"])
def test_a_night_of_misfortune_is_done_again(town: Town, op: str, fault: str) -> None:
    registered(town)
    town.lab.fault("einvoice", op, fault, seconds=20.0)
    town.pass_time(NIGHT)
    if fault != "wrong_amount":
        assert left(town) == []
    town.pass_time(86_400.0)
    assert left(town) == []


def test_an_invoice_issued_after_midnight_counts_on_the_day_of_its_business(town: Town) -> None:
    town.pass_time(3600.0)  # late in the evening
    for op in ("invEBillRegistration", "getBillByBusDate"):
        town.lab.fault("einvoice", op, "http_500", times=None)
    answer = registered(town)
    town.pass_time(2 * 3600.0)
    assert platform(town).register.by_bus_no == {}
    platform(town).faults.clear()
    town.pass_time(2.5 * 3600.0)
    (bill,) = platform(town).register.by_bus_no.values()
    assert bill.bus_time[:8] < bill.created[:8], answer
    assert left(town) == []
