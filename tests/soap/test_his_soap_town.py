"""The shipped settlement with its HIS behind SOAP: the same flow, the same books, whatever the string is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.site.files import read_files
from engine.site.load import load
from engine.site.site import Site
from tests.edge.town import CASH, CODE, REST, START, Town
from tests.rig.agreement import compared, lines_of
from tests.soap.his_site import FILES, ROOT, edit

AMOUNTS = {"total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": CASH}
FORMS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "xml": ({}, {}),
    "json": ({"content": "json"}, {}),
    "soap 1.2": ({"version": '"1.2"'}, {}),
    "gb18030 declared": ({"charset": "GB18030"}, {"soap_charset": "GB18030"}),
    "gbk as latin-1": ({"charset": "GBK", "carried": "latin1"}, {"soap_charset": "GBK", "soap_carries": "latin1"}),
    "base64": ({"carried": "base64"}, {"soap_carries": "base64"}),
    "json in base64": ({"content": "json", "carried": "base64"}, {"soap_carries": "base64"}),
    "gbk bytes": ({"reply_bytes": "GBK"}, {"soap_bytes": "gbk"}),
    "lists that repeat": ({}, {"soap_rows": "repeat"}),
    "yuan": ({"amounts": "yuan"}, {"amounts_in": "yuan"}),
    "yuan, absent lists": ({"amounts": "yuan"}, {"amounts_in": "yuan", "empty_list": "absent"}),
}


def soap_town(new_town: Callable[..., Town], habits: dict[str, str] | None = None, **settings: str) -> Town:
    town = new_town(edit=edit(**settings), more=FILES)
    for name, value in (habits or {}).items():
        town.lab.act("his", "set", **{name: value})
    return town


def by_soap(town: Town) -> bool:
    """Every call of the HIS went through the one method."""
    asked = [row.request[:80] for row in town.lab.parties["his"].exchanges.rows]
    return bool(asked) and all(b"/services/HisService" in head for head in asked)


def agreed(town: Town) -> None:
    town.pass_time(600.0)
    books = town.do(compared(town.lab.engine))
    assert lines_of(books) == []


@pytest.mark.parametrize("form", FORMS)
def test_the_whole_settlement_and_its_refund(new_town: Callable[..., Town], form: str) -> None:
    settings, habits = FORMS[form]
    town = soap_town(new_town, habits, **settings)
    no = town.quoted()
    assert town.show(no).json["amounts"] == AMOUNTS
    assert town.choose(no, CODE).state == "settled"
    assert by_soap(town)
    assert [row["amount"] for row in town.ledger("his", "book")] == [120000]
    assert town.kept() == CASH
    assert [row["amount"] for row in town.ledger("einvoice", "issue")] == [120000]
    back = town.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "B1", "reason_code": "patient"},
                    client="C01")  # fmt: skip
    assert back.status in (200, 202)
    assert town.rest(no)["state"] == "undone"
    assert town.kept() == 0
    agreed(town)


@pytest.mark.parametrize("form", [
    form for form, (_, habits) in FORMS.items()
    if habits.keys() & {"soap_carries", "soap_bytes", "amounts_in"}
])  # fmt: skip
def test_a_string_carried_otherwise_than_declared_moves_nothing(new_town: Callable[..., Town], form: str) -> None:
    """The same habits without their settings: no name goes garbled into a visit, no amount wrong by a hundred."""
    town = soap_town(new_town, FORMS[form][1])
    reply = town.ask("POST", START, town.bill_request())
    answer = town.rest(reply.json["settlement_no"]) if reply.state not in REST else reply.json
    assert (answer["state"], answer["reason"]["side"]) == ("rejected", "his"), answer
    assert not town.ledger("wechat")
    assert not town.ledger("insurance", "register")
    agreed(town)


UNCERTAIN = (  # the answer tells nothing; what is true must be found out
    "timeout_after_commit", "timeout_before_commit", "half_reply", "late_commit", "http_500", "html",
    "fault_after_commit", "gbk_bytes", "cut_reply", "bad_signature", "says_duplicate",
)  # fmt: skip
SOME = ("timeout_after_commit", "fault_after_commit", "cut_reply", "refuse_business")


def settled_or_not(town: Town, *, back: bool = False) -> dict[str, Any]:
    reply = town.ask("POST", START, town.bill_request(), client="C01")
    no = str(reply.json["settlement_no"])
    for _ in range(60):
        if town.show(no, client="C01").state != "working":
            break
        town.pass_time(5.0)
    if town.show(no, client="C01").state == "quoted":
        town.choose(no, CODE, client="C01")
    answer = town.rest(no, client="C01")
    if back and answer["state"] == "settled":
        wish = {"request_no": "B1", "reason_code": "patient"}
        assert town.ask("POST", f"/v1/settlements/{no}/refunds", wish, client="C01").status in (200, 202)
        answer = town.rest(no, client="C01")
    return answer


@pytest.mark.parametrize(("op", "fault"), [
    *(("balance.and.pay.bill", fault) for fault in UNCERTAIN), *(("lock.bill", fault) for fault in SOME),
    *(("void.pay.bill", fault) for fault in SOME if fault != "refuse_business"),
])  # fmt: skip
def test_whatever_a_change_is_answered_with_all_agree_in_the_end(
    new_town: Callable[..., Town], op: str, fault: str
) -> None:
    town = soap_town(new_town)
    town.lab.fault("his", op, fault, seconds=40.0)
    answer = settled_or_not(town, back=op == "void.pay.bill")
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    assert len(booked) == (1 if answer["state"] == "settled" else 0)
    assert town.kept() == (CASH if answer["state"] == "settled" else 0)
    agreed(town)


def test_a_his_that_calls_a_repeat_a_duplicate_is_asked_by_number(new_town: Callable[..., Town]) -> None:
    town = soap_town(new_town, {"duplicates": "refuse"})
    town.lab.fault("his", "balance.and.pay.bill", "timeout_after_commit", seconds=40.0)
    assert settled_or_not(town)["state"] == "settled"
    assert [row["amount"] for row in town.ledger("his", "book")] == [120000]
    agreed(town)


def test_the_description_beside_the_example_is_what_the_simulator_serves(new_town: Callable[..., Town]) -> None:
    from simulators.his.soap import SERVICE

    shipped = FILES["schemas/wsdl/his_v1.wsdl"].decode()
    assert shipped == SERVICE.replace("@ADDRESS@", "http://his.example/services/HisService")


def test_the_switched_site_has_nothing_to_complain_of() -> None:
    files = {**read_files(ROOT), **FILES}
    text = files["engine.yaml"].decode()
    for old, new in edit():
        assert old in text
        text = text.replace(old, new)
    site = load({**files, "engine.yaml": text.encode()})
    assert isinstance(site, Site), site
    assert site.engine.parties["his"].kind == "his_soap"
