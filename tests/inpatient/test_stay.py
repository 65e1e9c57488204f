"""A stay from the admission note to the discharge, with deposits returned and collected; and back again."""

from __future__ import annotations

import pytest

from tests.inpatient.ward import FEES, Ward

CODE = {"kind": "wechat_code", "auth_code": "134000000000000001"}
CASH = {"kind": "cash"}


def admitted(ward: Ward, patient: str = "P0001", identity: str = "insured") -> str:
    answer = ward.admit(patient, identity=identity)
    assert answer["state"] == "settled", answer
    return str(answer["numbers"]["stay"])


def test_an_insured_patient_gets_the_rest_of_the_deposits_back(ward: Ward) -> None:
    stay = admitted(ward)
    assert [row["state"] for row in ward.ledger("insurance", "register")] == ["open"]
    paid = ward.deposit(stay, 300000, CODE)
    assert paid["state"] == "settled"
    assert paid["numbers"]["his"].startswith("YJ")
    ward.treat(stay)
    quoted = ward.quote(stay)
    assert quoted["state"] == "quoted", quoted
    own = quoted["amounts"]["cash"]
    assert quoted["amounts"]["total"] == 260000
    assert 0 < own < 260000
    assert quoted["deposit"] == {"paid": 300000, "used": own, "collect": 0, "back": 300000 - own}
    ward.choose(quoted, {"kind": "deposit"})
    settled = ward.rest(quoted)
    assert settled["state"] == "settled", settled
    backs = ward.ledger("wechat", "refund")
    assert [row["amount"] for row in backs] == [300000 - own]
    assert backs[0]["ref"] == paid["numbers"]["trade"]
    assert ward.stay_of(stay).left() == 0
    assert ward.books() == []


def test_what_the_deposits_lack_is_collected_first(ward: Ward) -> None:
    stay = admitted(ward)
    ward.deposit(stay, 50000, CODE)
    ward.treat(stay)
    quoted = ward.quote(stay)
    own = quoted["amounts"]["cash"]
    assert quoted["deposit"]["collect"] == own - 50000
    ward.choose(quoted, CODE)
    settled = ward.rest(quoted)
    assert settled["state"] == "settled", settled
    assert [row["amount"] for row in ward.ledger("wechat", "charge")] == [50000, own - 50000]
    assert ward.ledger("wechat", "refund") == []
    assert ward.books() == []


def test_a_self_paid_stay_needs_no_insurance(ward: Ward) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    ward.deposit(stay, 260000, CODE, "P0005")
    ward.treat(stay)
    quoted = ward.quote(stay, "P0005", "self_pay")
    assert quoted["deposit"] == {"paid": 260000, "used": 260000, "collect": 0, "back": 0}
    ward.choose(quoted, {"kind": "deposit"})
    assert ward.rest(quoted)["state"] == "settled"
    assert ward.ledger("insurance", "register") == []
    assert ward.books() == []


def test_deposits_by_two_ways_go_back_newest_first_and_the_rest_at_the_window(ward: Ward) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    first = ward.deposit(stay, 100000, CODE, "P0005")
    cash = ward.deposit(stay, 100000, CASH, "P0005")
    last = ward.deposit(stay, 200000, {"kind": "wechat_code", "auth_code": "134000000000000002"}, "P0005")
    ward.charge(stay, ("K0101", "1"), ("K0003", "1"))  # 250 yuan
    ward.leave(stay)
    quoted = ward.quote(stay, "P0005", "self_pay")
    assert quoted["deposit"]["back"] == 375000
    ward.choose(quoted, {"kind": "deposit"})
    settled = ward.rest(quoted)
    assert settled["state"] == "settled", settled
    assert {row["ref"]: row["amount"] for row in ward.ledger("wechat", "refund")} == {
        last["numbers"]["trade"]: 200000, first["numbers"]["trade"]: 100000,
    }  # fmt: skip
    assert settled["give_back"]["kind"] == "cash"
    assert settled["give_back"]["amount"] == 75000
    assert cash["state"] == "settled"
    assert ward.books() == []


def test_a_settled_stay_is_taken_back_whole_and_settled_anew(ward: Ward) -> None:
    stay = admitted(ward)
    ward.deposit(stay, 300000, CODE)
    ward.treat(stay)
    quoted = ward.quote(stay)
    ward.choose(quoted, {"kind": "deposit"})
    ward.rest(quoted)
    own = quoted["amounts"]["cash"]
    back = ward.refund(quoted)
    assert back["state"] == "undone", back
    assert ward.stay_of(stay).state == "leaving"
    assert ward.stay_of(stay).left() == own, "what went back to the patient does not come again"
    assert [row["state"] for row in ward.ledger("insurance", "upload")] == ["deleted"]
    assert ward.books() == []
    again = ward.quote(stay)
    assert again["deposit"] == {"paid": own, "used": own, "collect": 0, "back": 0}
    ward.choose(again, {"kind": "deposit"})
    assert ward.rest(again)["state"] == "settled"
    assert ward.books() == []


def test_an_admission_is_withdrawn_and_the_note_used_again(ward: Ward) -> None:
    answer = ward.admit()
    assert ward.refund(answer)["state"] == "undone"
    assert [row["state"] for row in ward.ledger("insurance", "register")] == ["cancelled"]
    again = ward.admit()
    assert again["state"] == "settled"
    assert again["numbers"]["stay"] != answer["numbers"]["stay"]
    assert ward.books() == []


def test_drugs_given_back_are_negative_lines_and_uploads_happen_once(ward: Ward) -> None:
    stay = admitted(ward)
    ward.charge(stay, ("K0008", "2"), ("K0001", "3"))
    first = ward.rest(ward.post("fees", ward.request(stay=stay, upload_no=f"{stay}-1")))
    assert first["state"] == "settled", first
    ward.charge(stay, ("K0008", "-1"), origin="1")
    second = ward.rest(ward.post("fees", ward.request(stay=stay, upload_no=f"{stay}-2")))
    assert second["state"] == "settled"
    assert [row["amount"] for row in ward.ledger("insurance", "upload")] == [170000, -25000]
    ward.leave(stay)
    quoted = ward.quote(stay)
    assert quoted["amounts"]["total"] == 145000
    assert len(ward.ledger("insurance", "upload")) == 2, "nothing was left to upload"
    changed = ward.rest(ward.post("changes", ward.request(stay=stay, change_no=f"{stay}-c1")))
    assert changed["state"] == "settled"
    back = ward.town.ask(
        "POST", f"/v1/settlements/{changed['settlement_no']}/refunds", {"request_no": "RX", "reason_code": "patient"},
        client="C01",
    )  # fmt: skip
    assert (back.status, back.code) == (409, "E-NO-WAY-BACK"), "a change has no way back and is not called undone"


def test_a_deposit_is_given_back_whole_while_it_is_whole(ward: Ward) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    paid = ward.deposit(stay, 100000, CODE, "P0005")
    assert ward.refund(paid)["state"] == "undone"
    assert ward.stay_of(stay).left() == 0
    assert [row["amount"] for row in ward.ledger("wechat", "refund")] == [100000]
    assert ward.books() == []


@pytest.mark.parametrize(("what", "code"), [("early", "E-NOT-LEAVING"), ("self", "E-STAY-NOT-INSURED")])
def test_what_is_not_ready_is_refused_with_words(ward: Ward, what: str, code: str) -> None:
    patient, identity = ("P0001", "insured") if what == "early" else ("P0005", "self_pay")
    stay = admitted(ward, patient, identity)
    ward.charge(stay, *FEES)
    if what == "self":
        ward.leave(stay)
    answer = ward.quote(stay, patient)
    assert (answer["state"], answer["reason"]["code"]) == ("rejected", code)
    assert ward.books() == []


def test_the_night_compares_stays_with_the_insurance_too(ward: Ward) -> None:
    stay = admitted(ward)
    ward.treat(stay)
    quoted = ward.quote(stay)
    ward.choose(quoted, CODE)
    assert ward.rest(quoted)["state"] == "settled"
    ward.town.pass_time(8 * 3600.0)
    asked = [row.request for row in ward.town.lab.parties["insurance"].exchanges.rows if row.op == "3201"]
    assert any(b'"clr_type":"21"' in one and b'"fixmedins_setl_cnt":1' in one for one in asked), asked
    assert [row["kind"] for row in ward.town.tasks()] == []
    assert ward.books() == []
