"""Codes that no code table has, wherever a map reads: callbacks, inquiries, statements, HL7, reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.cli.listing_unmapped import unmapped_rows
from tests.doors.his import His
from tests.edge.town import BILL, CASH, PATIENT, Town
from tests.flow.days import settled
from tests.flow.test_terminal_money import CARD, VOID
from tests.rig.lab import ROOT
from tests.sms.hospital import EXAMPLE, SmsLab
from tests.sms.test_reports import push, report, told_once

NIGHT = 16 * 3600.0  # from the morning to after the next day's 02:30
NewTown = Callable[..., Town]


def _map(name: str, row: str, folder: str = "mappings") -> dict[str, bytes]:
    """The site's map with this row before its others."""
    whole = (ROOT / folder / f"{name}.map.yaml").read_bytes()
    assert b"\nmake:\n" in whole
    return {f"mappings/{name}.map.yaml": whole.replace(b"\nmake:\n", f"\nmake:\n  - {row}\n".encode(), 1)}


def _told(town: Town) -> list[tuple[str, str, str]]:
    """What `engine list unmapped` shows: table, code, the map."""
    town.pass_time(6.0)
    rows: list[dict[str, Any]] = town.read(lambda conn: unmapped_rows([conn], None, 50))
    return [(row["table"], row["code"], row["place"].partition(":")[0]) for row in rows]


def _listed(code: str, name: str) -> list[tuple[str, str, str]]:
    return [("opter_type", code, f"mappings/{name}.map.yaml")]


def test_in_a_callback(new_town: NewTown) -> None:
    made = _map("wechat_paid_fact", "[bank, answer.bank_type | table opter_type.opter_type]")
    town = new_town(more=made)
    no = town.paying()
    assert town.callback(town.notice(town.plain(f"{no}P1"))).status == 200
    assert _told(town) == _listed("OTHERS", "wechat_paid_fact")


def test_in_what_a_callback_means(new_town: NewTown) -> None:
    """The settlement is found; only the comparison with it looks the code up."""
    whole = (ROOT / "mappings/wechat_paid_fact.map.yaml").read_bytes()
    made = whole + b"  - [bank, answer.bank_type | table opter_type.opter_type, of.number]\n"
    town = new_town(more={"mappings/wechat_paid_fact.map.yaml": made})
    no = town.paying()
    assert town.callback(town.notice(town.plain(f"{no}P1"))).status == 200
    assert _told(town) == _listed("OTHERS", "wechat_paid_fact")


def test_in_the_answer_to_an_inquiry(new_town: NewTown) -> None:
    made = _map("wechat_v3_fact", "[state, answer.trade_state | table opter_type.opter_type]")
    town = new_town(more=made)
    town.expected_errors.add("answer_not_read")
    no = town.paying()
    town.lab.act("wechat", "pay", no=f"{no}P1")
    town.pass_time(60.0)
    assert _told(town) == _listed("SUCCESS", "wechat_v3_fact")


def test_in_a_bill_for_the_daily_comparison(new_town: NewTown) -> None:
    made = _map("nhsa_statement_row", "[odd, leg.call | table opter_type.opter_type]")
    town = new_town(more=made)
    settled(town, "B90001")
    town.pass_time(NIGHT)
    assert _told(town) == _listed("nhsa.settle", "nhsa_statement_row")


@pytest.mark.parametrize(("name", "value", "code"), [
    ("hl7_start", "hl7.ZJS_6 | optional", "window"), ("hl7_answer", "word", "quoted"),
])  # fmt: skip
def test_in_what_a_his_says_by_hl7_and_what_it_is_answered(
    new_town: NewTown, name: str, value: str, code: str
) -> None:
    path = f"mappings/{name}.map.yaml"
    whole = (ROOT / path).read_text()
    first = value.partition(" ")[0]
    assert f" {value}]" in whole
    made = whole.replace(f" {value}]", f" {first} | table credential.mdtrt_cert_type]", 1)
    town = new_town(more={path: made.encode()})
    town.expected_errors.add("hl7_answer_map")
    order = town.lab.bill_request(PATIENT, BILL, request_no="H-1")
    His(town).ask("PRE", order={**order, "terminal": {"kind": "window", "id": "W01"}, "operator": "C001"})
    assert _told(town) == [("credential", code, path)]


def test_in_the_answer_to_a_terminal(new_town: NewTown) -> None:
    made = _map("outpatient_answer", "[numbers.odd, settlement.client | table opter_type.opter_type]")
    town = new_town(more=made)
    town.quoted()
    assert _told(town) == _listed("K01", "outpatient_answer")


def test_in_what_a_terminal_says_it_gave_back(new_town: NewTown) -> None:
    made = _map("till_returned_fact", "[odd, answer.proof.terminal | table opter_type.opter_type]")
    town = new_town(more=made)
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business", times=5)
    no = town.quoted()
    town.choose(no, CARD)
    town.pass_time(60.0)
    owed = town.show(no).json["give_back"]
    body = {"return_no": "1", "back_no": owed["no"], "amount": CASH, "proof": VOID}
    assert town.ask("POST", f"/v1/settlements/{no}/returned", body).status == 400
    assert _told(town) == _listed(VOID["terminal"], "till_returned_fact")


def test_in_a_delivery_report(new_town: NewTown) -> None:
    class Odd(SmsLab):
        def files(self) -> dict[str, bytes]:
            folder = str((EXAMPLE / "mappings").relative_to(ROOT))
            made = _map("sms_report_fact", "[odd, answer.err_code | table opter_type.opter_type]", folder)
            return {**super().files(), **made}

    town = new_town(lab=Odd)
    _, message = told_once(town)
    push(town, [report(message)])
    assert _told(town) == _listed("DELIVERED", "sms_report_fact")
