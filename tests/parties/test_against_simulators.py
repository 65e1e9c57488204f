"""The shipped operations and maps against the simulated town: every operation's bytes are understood and answered."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.outcome import Fact, Outcome
from engine.parties.registry import PARTIES
from engine.pipeline.rejected import MapRejected

from .bench import CALLS, MAPS, Town, Walk, paid, quoted, signed_in

OK, NO, WAIT, UNKNOWN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING, Outcome.UNKNOWN


def test_an_insured_bill_is_settled_booked_and_invoiced(town: Town) -> None:
    walk = quoted(town)
    assert walk.names["due"] == {
        "total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": 107500
    }  # fmt: skip
    paid(walk, "wechat_code", auth_code="134567890123456789")
    assert walk.do("pay.code")[0] is OK
    assert walk.ask("pay.code_query", of="pay.code")[0] is Fact.THERE
    assert walk.do("nhsa.settle")[0] is OK
    same = ("total", "fund", "account", "relief", "other", "cash")
    assert [walk.names["nhsa"]["settle"][n] for n in same] == [walk.names["nhsa"]["quote"][n] for n in same]
    fact, found = walk.ask("nhsa.settled", of="nhsa.settle")
    assert (fact, found) == (Fact.THERE, walk.names["nhsa"]["settle"])
    assert walk.do("his.settle")[0] is OK
    fact, found = walk.ask("his.paid", of="his.settle")
    assert (fact, found) == (Fact.THERE, walk.names["his"]["settle"])
    walk.work("charges", "bill_charges")
    assert walk.do("einvoice.issue")[0] is OK
    fact, found = walk.ask("einvoice.find", of="einvoice.issue")
    assert (fact, found) == (Fact.THERE, walk.names["einvoice"]["issue"])
    answer = MAPS["outpatient_answer"].run(walk.names)
    assert answer["numbers"] == {
        "his": walk.names["his"]["settle"]["receipt"], "insurance": walk.names["nhsa"]["settle"]["setl_id"],
        "trade": f"{walk.no}P1", "invoice": walk.names["einvoice"]["issue"]["number"],
    }  # fmt: skip
    booked = [row for row in town.sims["his"].ledger.since(0)["rows"] if row["kind"] == "book"]
    assert [(row["amount"], row["ref"]) for row in booked] == [(120000, "107500")]


def test_everything_is_undone_in_reverse_and_found_undone(town: Town) -> None:
    walk = paid(quoted(town), "wechat_code", auth_code="134567890123456789")
    for call in ("pay.code", "nhsa.settle", "his.settle"):
        assert walk.do(call)[0] is OK
    walk.work("charges", "bill_charges")
    assert walk.do("einvoice.issue")[0] is OK
    assert walk.do("einvoice.write_off", of="einvoice.issue")[0] is OK
    assert walk.do("einvoice.write_off", of="einvoice.issue")[0] is OK  # already flushed
    assert walk.ask("einvoice.state", of="einvoice.write_off")[0] is Fact.THERE
    assert walk.do("his.void", of="his.settle")[0] is OK
    assert walk.do("his.void", of="his.settle")[0] is OK  # already void
    assert walk.ask("his.voided", of="his.void")[0] is Fact.THERE
    assert walk.ask("his.paid", of="his.settle")[0] is Fact.CLOSED
    assert walk.ask("nhsa.cancelled", of="nhsa.settle")[0] is Fact.NOT_THERE
    assert walk.do("nhsa.cancel", of="nhsa.settle")[0] is OK
    assert walk.do("nhsa.cancel", of="nhsa.settle")[0] is OK  # already refunded
    assert walk.ask("nhsa.cancelled", of="nhsa.cancel")[0] is Fact.THERE
    assert walk.ask("nhsa.settled", of="nhsa.settle")[0] is Fact.CLOSED
    assert walk.do("nhsa.unload")[0] is OK
    assert walk.do("nhsa.unload")[0] is OK  # nothing left
    assert walk.ask("nhsa.fees", of="nhsa.upload", batch=walk.names["batches"]["rows"][0])[0] is Fact.NOT_THERE
    assert walk.do("nhsa.unregister", of="nhsa.register")[0] is OK
    assert walk.ask("nhsa.visits", of="nhsa.register")[0] is Fact.NOT_THERE
    assert walk.do("pay.refund", of="pay.code")[0] is WAIT
    assert walk.ask("pay.refund_query", of="pay.refund")[0] is Fact.WAITING
    town.world.advance(3)
    assert walk.ask("pay.refund_query", of="pay.refund")[0] is Fact.THERE
    assert walk.do("pay.refund", of="pay.code")[0] is OK  # the same number again: the same refund
    assert walk.do("his.unlock", of="his.lock")[0] is OK
    live = [row for row in town.sims["wechat"].ledger.since(0)["rows"] if row["kind"] in ("charge", "refund")]
    assert sorted((row["kind"], row["amount"]) for row in live) == [("charge", 107500), ("refund", 107500)]


def test_a_settlement_of_unknown_outcome_is_reversed_for_good(town: Town) -> None:
    walk = paid(quoted(town), "cash")
    assert walk.do("nhsa.settle")[0] is OK
    assert walk.do("nhsa.reverse", of="nhsa.settle")[0] is OK
    assert walk.ask("nhsa.settled", of="nhsa.settle")[0] is Fact.NOT_THERE
    walk.sent["nhsa.settle"] = {"number": walk.number("nhsa.settle")}
    assert walk.do("nhsa.reverse", of="nhsa.settle")[0] is OK  # one that never came: it cannot come later


def test_the_registration_is_found_by_its_own_number(town: Town) -> None:
    walk = quoted(town)
    fact, found = walk.ask("nhsa.visits", of="nhsa.register")
    assert (fact, found) == (Fact.THERE, walk.names["nhsa"]["register"])


def test_the_personal_account_pays_the_share(town: Town) -> None:
    town.sims["his"].act({"act": "new_bill", "patient": "P0001", "template": "visit4", "bill": "B900"})
    walk = quoted(town, bill="B900")
    assert walk.names["due"]["cash"] == 20000
    paid(walk, "insurance_account")
    walk.names["by_account"] = True
    assert walk.do("nhsa.quote_account")[0] is OK
    assert walk.work("due", "outpatient_due_account")["account"] == 20000
    assert walk.do("nhsa.settle_account")[0] is OK
    assert walk.do("his.settle")[0] is OK
    walk.work("charges", "bill_charges")
    assert walk.do("einvoice.issue")[0] is OK
    assert MAPS["outpatient_answer"].run(walk.names)["numbers"]["insurance"]


def test_an_account_that_does_not_cover_the_share_is_refused_with_a_reason(town: Town) -> None:
    walk = paid(quoted(town), "insurance_account")
    assert walk.do("nhsa.quote_account")[0] is OK
    with pytest.raises(MapRejected) as caught:
        walk.work("due", "outpatient_due_account")
    assert caught.value.code == "E-ACCOUNT-SHORT"


@pytest.mark.parametrize("kind", ["cash", "wechat_code"])
def test_a_self_pay_bill_needs_no_insurance(town: Town, kind: str) -> None:
    walk = Walk(town, "P0005", "B20261122005", identity="self_pay", kind="typed_id")
    assert walk.do("his.bill")[0] is OK
    assert walk.do("his.lock")[0] is OK
    walk.check("bill_rules")
    assert walk.work("due", "outpatient_due")["cash"] == 20000
    paid(walk, kind, auth_code="134567890123456789")
    if kind == "wechat_code":
        assert walk.do("pay.code")[0] is OK
    assert walk.do("his.settle")[0] is OK
    walk.work("charges", "bill_charges")
    assert walk.do("einvoice.issue")[0] is OK
    walk.names["pay_choice"]["kind"] = "insurance_account"
    with pytest.raises(MapRejected, match="E-ACCOUNT-SELF-PAY"):
        walk.check("pay_rules")


@pytest.mark.parametrize(
    ("patient", "bill", "rules", "code"),
    [
        ("P0002", "B20261122002", "nhsa_rules_person", "E-NO-EMPLOYEE"),
        ("P0003", "B20261122003", "nhsa_rules_signed", "E-NOT-SIGNED"),
        ("P0004", "B20261122004", "nhsa_rules_stay", "E-IN-HOSPITAL"),
        ("P0007", "B20261122007", "nhsa_rules_stay", "E-DAY-WARD"),
    ],
)
def test_who_may_not_use_pooling_is_told_why(town: Town, patient: str, bill: str, rules: str, code: str) -> None:
    walk = Walk(town, patient, bill)
    assert walk.do("his.bill")[0] is OK
    assert walk.do("nhsa.person")[0] is OK
    if rules != "nhsa_rules_person":
        walk.check("nhsa_rules_person")
        assert walk.do("nhsa.signed")[0] is OK
    if rules == "nhsa_rules_stay":
        walk.check("nhsa_rules_signed")
        assert walk.do("nhsa.stay")[0] is OK
    with pytest.raises(MapRejected) as caught:
        walk.check(rules)
    assert caught.value.code == code
    text = MAPS[rules].text_of(code)
    assert text.side == "patient"
    assert "自费" in text.next
    if code == "E-NOT-SIGNED":
        assert all(way in text.next for way in ("掌上办", "网上办", "现场办"))


@pytest.mark.parametrize(
    ("begin", "end", "code"),
    [
        ("2026-11-22", "2026-11-22", ""),
        ("2026-11-23", "2099-12-31", "E-SIGN-NOT-YET"),
        ("2026-01-01", "2026-11-21", "E-SIGN-ENDED"),
    ],
)
def test_a_signing_counts_from_its_day_to_its_end(town: Town, begin: str, end: str, code: str) -> None:
    walk = Walk(town, "P0001", "B20261122001")
    assert walk.do("his.bill")[0] is OK
    answer = {"psnfixmedin": [{"fixmedins_code": "H1", "fixmedins_name": "社区", "begndate": begin, "enddate": end}]}
    walk.names["nhsa"] = {"signed": MAPS["nhsa_signed"].run({"answer": answer})}
    if not code:
        walk.check("nhsa_rules_signed")
        walk.names["hospital"] = {**walk.names["hospital"], "specialist": "no"}
        code = "E-SIGNED-ELSEWHERE"
    with pytest.raises(MapRejected) as caught:
        walk.check("nhsa_rules_signed")
    assert caught.value.code == code


def test_another_persons_card_is_refused(town: Town) -> None:
    walk = Walk(town, "P0006", "B20261122001")
    walk.names["request"]["patient"]["id"] = "P0001"
    assert walk.do("his.bill")[0] is OK
    assert walk.do("nhsa.person")[0] is OK
    with pytest.raises(MapRejected, match="E-NOT-SELF"):
        walk.check("nhsa_rules_person")


def test_a_typed_id_does_not_open_insurance(town: Town) -> None:
    walk = Walk(town, "P0001", "B20261122001", kind="typed_id")
    with pytest.raises(MapRejected, match="E-CREDENTIAL"):
        walk.do("nhsa.person")


def test_a_bill_without_diagnosis_is_found_before_it_blocks(town: Town) -> None:
    town.sims["his"].act({"act": "new_bill", "patient": "P0001", "template": "no_diagnosis", "bill": "B901"})
    walk = Walk(town, "P0001", "B901")
    assert walk.do("his.bill")[0] is OK
    with pytest.raises(MapRejected, match="E-NO-DIAGNOSIS"):
        walk.check("nhsa_rules_bill")
    walk.names["his"]["bill"]["diagnoses"] = [{"code": "牙痛", "name": "牙痛"}]
    with pytest.raises(MapRejected, match="E-BAD-DIAGNOSIS"):
        walk.check("nhsa_rules_bill")


def test_an_id_card_opens_insurance_too(town: Town) -> None:
    walk = Walk(town, "P0001", "B20261122001", kind="id_card")
    del walk.names["request"]["patient"]["credential"]["card_sn"]
    assert walk.do("his.bill")[0] is OK
    assert walk.do("nhsa.person")[0] is OK
    walk.check("nhsa_rules_person")
    assert walk.do("nhsa.register")[0] is OK


# --- the other operations and the parties' own faults


def test_bills_of_a_patient(town: Town) -> None:
    names: dict[str, Any] = {"request": {"patient": "P0001"}}
    outcome, answer = town.call("his", "query.wait.balance.bill.list", MAPS["his_bills_query"].run(names))
    assert outcome is OK
    made = MAPS["his_bills"].run({**names, "answer": answer.body})
    assert made["total"] == 120000
    assert [row["bill"] for row in made["bills"]] == ["B20261122001"]
    outcome, answer = town.call("his", "query.wait.balance.bill.list", {"patientId": "P0999"})
    assert (outcome, answer.body) == (OK, {"bills": []})


@pytest.mark.parametrize("empty", ["null", "list", "absent"])
@pytest.mark.parametrize("flag", ["bool", "1", "true"])
@pytest.mark.parametrize("unit", ["fen", "yuan"])
def test_every_habit_of_the_his_reads_the_same(empty: str, flag: str, unit: str) -> None:
    town = Town()
    his = town.sims["his"]
    for name, value in (("empty_list", empty), ("success_as", flag), ("amounts_in", unit)):
        his.act({"act": "set", name: value})
    town.opened["his"] = town.opened["his"].model_copy(update={"amounts": unit})
    his.act({"act": "new_bill", "patient": "P0001", "template": "no_diagnosis", "bill": "B901"})
    walk = Walk(town, "P0001", "B901")
    assert walk.do("his.bill")[0] is OK
    bill = walk.names["his"]["bill"]
    assert (bill["amount"], bill["diagnoses"], bill["items"][0]["price_yuan"]) == (20000, [], "200.00")
    assert walk.do("his.lock")[0] is OK
    assert town.call("his", "query.wait.balance.bill.list", {"patientId": "P0999"})[1].body == {"bills": []}


def test_a_patient_is_found_by_card(town: Town) -> None:
    outcome, answer = town.call("his", "query.patient.info", {"cardType": "6", "cardNo": "P0001"})
    assert (outcome, answer.body["patientName"]) == (OK, "测试甲")
    assert town.call("his", "query.patient.info", {"cardType": "6", "cardNo": "P9999"})[0] is NO


@pytest.mark.parametrize(
    ("op", "data", "node"),
    [
        ("2001", {"insutype": "310", "fixmedins_code": "H37020000000", "med_type": "11",
                  "begntime": "2026-11-22 10:00:00"}, "trtinfo"),
        ("5206", {"cum_ym": "202611"}, "cuminfo"),
        ("5301", {}, "feedetail"),
    ],
)  # fmt: skip
def test_the_other_inquiries_of_the_insurance(town: Town, op: str, data: dict[str, Any], node: str) -> None:
    psn_no = next(p["psn_no"] for p in town.sims["nhsa"].card("x")["persons"] if p["id"] == "P0001")
    body = {"insuplc_admdvs": "370200", "input": {"data": {"psn_no": psn_no, **data}}}
    outcome, answer = town.call("nhsa", op, body, "H37020000000202611221000000001")
    assert (outcome, node in answer.body) == (OK, True)


def test_institution_signing_and_sign_out(town: Town) -> None:
    body: dict[str, Any] = {"input": {"medinsinfo": {"fixmedins_code": "H37020000000"}}}
    assert town.call("nhsa", "1201", body, "H37020000000202611221000000001")[0] is OK
    psn_no = next(p["psn_no"] for p in town.sims["nhsa"].card("x")["persons"] if p["id"] == "P0003")
    asked = {
        "psn_no": psn_no, "biz_appy_type": "07", "begndate": "2026-11-22", "fix_srt_no": "1",
        "fixmedins_code": "H37020000099", "fixmedins_name": "模拟社区卫生服务中心",
    }  # fmt: skip
    body = {"insuplc_admdvs": "370200", "input": {"data": asked}}
    outcome, answer = town.call("nhsa", "2505", body, "H37020000000202611221000000002")
    assert outcome is OK
    body["input"] = {"data": {"psn_no": psn_no, "trt_dcla_detl_sn": answer.body["result"]["trt_dcla_detl_sn"]}}
    assert town.call("nhsa", "2506", body, "H37020000000202611221000000003")[0] is OK
    out = {"input": {"signOut": {"sign_no": town.session["sign_no"], "opter_no": "ENGINE01"}}}
    assert town.call("nhsa", "9002", out, "H37020000000202611221000000004")[0] is OK
    person = {"input": {"data": {"mdtrt_cert_type": "02", "mdtrt_cert_no": "x"}}}
    outcome, answer = town.call("nhsa", "1101", person, "H37020000000202611221000000005")
    assert answer.session_lost


@pytest.mark.parametrize("profile", ["none", "tif", "x-ca", "csb", "apikey"])
def test_each_gateway_lets_us_in(profile: str) -> None:
    town = Town()
    sim = town.sims["nhsa"]
    sim.gateway.profile = profile
    s = sim.gateway.secrets
    keys = {
        "none": ("", ""), "tif": (s.tif_paasid, s.tif_token), "x-ca": (s.xca_key, s.xca_secret),
        "csb": (s.csb_access_key, s.csb_secret), "apikey": ("", s.apikey),
    }[profile]  # fmt: skip
    update = {"profile": profile, "access_key": keys[0], "secret": keys[1]}
    town.opened["nhsa"] = town.opened["nhsa"].model_copy(update=update)
    signed_in(town)
    town.opened["nhsa"] = town.opened["nhsa"].model_copy(update={"secret": "wrong", "profile": "tif"})
    outcome, _ = town.call("nhsa", "9001", MAPS["nhsa_9001"].run({}), "H37020000000202611221000000009")
    assert outcome is not OK or profile == "none"


@pytest.mark.parametrize("template", ["path", "infno", "base"])
def test_each_path_template_is_understood(template: str) -> None:
    town = Town()
    town.sims["nhsa"].bureau.settings.path_template = template
    town.opened["nhsa"] = town.opened["nhsa"].model_copy(update={"path_template": template})
    signed_in(town)


def test_every_call_of_the_shipped_channels_names_an_operation_and_maps_that_exist() -> None:
    for row in CALLS.values():
        assert row.op in PARTIES[row.to].ops
        assert all(name in MAPS for name in row.maps)
