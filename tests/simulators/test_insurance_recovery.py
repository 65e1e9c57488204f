"""When the hospital does not know: 2601, 5203 and 5201 after lost, late and spoiled answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from insurance_hospital import PEOPLE, Hospital

from simulators.insurance.paths import PATHS

P1 = PEOPLE["P0001"].psn_no


@pytest.fixture
def hospital() -> Hospital:
    made = Hospital()
    made.sign_in()
    return made


def ready(hospital: Hospital, account: str = "0") -> tuple[str, dict[str, Any]]:
    """A visit just before 2207A: mdtrt_id and the complete message."""
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    asked = hospital.data_2206("P0001", mdtrt_id, hospital.upload("P0001", mdtrt_id, "visit1"), account)
    return mdtrt_id, hospital.message("2207A", hospital.data_2207(hospital.ok("2206A", asked), asked))


def raw(hospital: Hospital, message: dict[str, Any]) -> bytes:
    return hospital.http("POST", PATHS[message["infno"]][0], json.dumps(message).encode())


def test_a_settlement_whose_answer_was_lost_is_found_by_5203(hospital: Hospital) -> None:
    mdtrt_id, message = ready(hospital)
    assert hospital.ask("P0001", mdtrt_id) is None
    hospital.fault("2207A", "timeout_after_commit", match={"bill": "MZ1", "no": message["msgid"]})
    assert raw(hospital, message) == b""
    found = hospital.ask("P0001", mdtrt_id)
    assert found is not None
    assert (found["medins_setl_id"], found["refd_setl_flag"], str(found["cash_payamt"])) == (
        message["msgid"], "0", "1075.00",
    )
    again = hospital.send(message)  # the stored answer, no second settlement
    assert again["output"]["setlinfo"]["setl_id"] == found["setl_id"]
    assert len(hospital.rows("settle")) == 1


def test_2601_takes_a_committed_settlement_back_and_may_be_repeated(hospital: Hospital) -> None:
    mdtrt_id, message = ready(hospital, account="1")
    hospital.send(message)
    assert hospital.reverse("P0001", message["msgid"], "2207A")["infcode"] == 0
    assert hospital.reverse("P0001", message["msgid"], "2207A")["infcode"] == 0
    assert hospital.ask("P0001", mdtrt_id) is None
    assert hospital.sums("P0001") == (0, 0)
    assert [r["state"] for r in hospital.rows("settle")] == ["reversed"]
    assert [(r["ref"], r["bill"]) for r in hospital.rows("reverse")] == [(message["msgid"], "MZ1")]
    assert "已冲正" in hospital.send(message)["err_msg"]  # the original again: dead
    # the visit is free: quote and settle anew, with the account as it was
    asked = hospital.data_2206("P0001", mdtrt_id, 1200.0, "1")
    output = hospital.ok("2207A", hospital.data_2207(hospital.ok("2206A", asked), asked))
    assert str(output["setlinfo"]["acct_pay"]) == "320.50"


def test_2601_before_the_late_original_is_a_tombstone(hospital: Hospital) -> None:
    mdtrt_id, message = ready(hospital)
    hospital.fault("2207A", "late_commit", seconds=60)
    assert raw(hospital, message) == b""
    hospital.clock.advance(30)
    assert hospital.reverse("P0001", message["msgid"], "2207A")["infcode"] == 0
    hospital.clock.advance(60)
    assert hospital.ask("P0001", mdtrt_id) is None
    assert hospital.rows("settle") == []
    assert hospital.sums("P0001") == (0, 0)
    assert "已冲正" in hospital.send(message)["err_msg"]
    assert hospital.reverse("P0001", message["msgid"], "2207A")["infcode"] == 0


def test_a_late_original_without_2601_takes_effect(hospital: Hospital) -> None:
    mdtrt_id, message = ready(hospital)
    hospital.fault("2207A", "late_commit", seconds=60)
    raw(hospital, message)
    assert hospital.ask("P0001", mdtrt_id) is None
    hospital.clock.advance(61)
    assert hospital.ask("P0001", mdtrt_id) is not None


def test_2601_of_a_refused_original_succeeds_and_buries_it(hospital: Hospital) -> None:
    _, message = ready(hospital)
    wrong = {**message, "input": {"data": {**message["input"]["data"], "inscp_scp_amt": 1}}}
    assert hospital.send(wrong)["infcode"] == -1
    assert hospital.reverse("P0001", message["msgid"], "2207A")["infcode"] == 0


def test_2601_of_an_unknown_msgid_may_be_an_error_elsewhere(hospital: Hospital) -> None:
    hospital.act("set", reverse_of_unknown="error")
    answer = hospital.reverse("P0001", hospital.msgid(), "2207A")
    assert answer["infcode"] == -1
    assert "未查询到原交易" in answer["err_msg"]


def test_2601_after_2208_is_refused_in_the_captured_words(hospital: Hospital) -> None:
    mdtrt_id, message = ready(hospital)
    setl_id = hospital.send(message)["output"]["setlinfo"]["setl_id"]
    hospital.cancel("P0001", mdtrt_id, setl_id)
    answer = hospital.reverse("P0001", message["msgid"], "2207A")
    assert (answer["infcode"], answer["output"], answer["inf_refmsgid"]) == (-1, None, None)
    assert answer["err_msg"].startswith("FSI-FSI-调用业务基础子系统冲正失败:")
    assert answer["err_msg"].endswith("退费结算标志不为未退费，不能办理冲正交易[模块_4412][模块_40]")


def test_2601_refuses_what_is_not_reversible_or_not_the_original(hospital: Hospital) -> None:
    _, message = ready(hospital)
    hospital.send(message)
    cases = (("P0001", "2204", "不支持冲正"), ("P0001", "2208", "原交易编号"), ("P0003", "2207A", "人员"))
    for who, infno, text in cases:
        answer = hospital.reverse(who, message["msgid"], infno)
        assert answer["infcode"] == -1
        assert text in answer["err_msg"]
    assert [r["state"] for r in hospital.rows("settle")] == ["done"]


def test_2601_of_a_cancellation_brings_the_settlement_back(hospital: Hospital) -> None:
    mdtrt_id, message = ready(hospital, account="1")
    setl_id = hospital.send(message)["output"]["setlinfo"]["setl_id"]
    cancel = hospital.message("2208", {"data": {"setl_id": setl_id, "mdtrt_id": mdtrt_id, "psn_no": P1}})
    hospital.send(cancel)
    assert hospital.reverse("P0001", cancel["msgid"], "2208")["infcode"] == 0
    found = hospital.ask("P0001", mdtrt_id)
    assert found is not None
    assert (found["setl_id"], found["refd_setl_flag"]) == (setl_id, "0")
    assert str(hospital.sums("P0001")[0]) == "125.00"
    assert hospital.sim.bureau.balances[P1] == 0
    assert [(r["kind"], r["state"]) for r in hospital.rows() if r["kind"] in ("settle", "cancel")] == [
        ("settle", "done"), ("cancel", "reversed"),
    ]
    hospital.cancel("P0001", mdtrt_id, setl_id)  # and it can be cancelled again


def test_2601_of_a_cancellation_after_the_lines_are_gone_is_refused(hospital: Hospital) -> None:
    mdtrt_id, message = ready(hospital)
    setl_id = hospital.send(message)["output"]["setlinfo"]["setl_id"]
    cancel = hospital.message("2208", {"data": {"setl_id": setl_id, "mdtrt_id": mdtrt_id, "psn_no": P1}})
    hospital.send(cancel)
    hospital.ok("2205", {"data": {"psn_no": P1, "mdtrt_id": mdtrt_id, "chrg_bchno": "0000"}})
    assert "不能办理冲正" in hospital.reverse("P0001", cancel["msgid"], "2208")["err_msg"]
    assert hospital.sums("P0001") == (0, 0)


def test_5203_after_a_refund(hospital: Hospital) -> None:
    mdtrt_id, output = hospital.settled("P0001", "MZ1", "visit1")
    setl_id = output["setlinfo"]["setl_id"]
    negative = hospital.cancel("P0001", mdtrt_id, setl_id)["setlinfo"]["setl_id"]
    found = hospital.ask("P0001", mdtrt_id)
    assert found is not None
    assert (found["setl_id"], found["refd_setl_flag"], str(found["medfee_sumamt"])) == (setl_id, "1", "1200.00")
    found = hospital.ask("P0001", mdtrt_id, negative)
    assert found is not None
    assert (found["refd_setl_flag"], str(found["medfee_sumamt"])) == ("1", "-1200.00")
    assert hospital.ask("P0001", mdtrt_id, "1") is None
    assert hospital.ask("P0003", mdtrt_id) is None
    assert hospital.ask("P0001", "1" * 30) is None


def test_5201_finds_a_registration_whose_answer_was_lost(hospital: Hospital) -> None:
    hospital.fault("2201", "reset_after_commit", match={"bill": "MZ1"})
    assert raw(hospital, hospital.message("2201", hospital.data_2201("P0001", "MZ1"))) == b""
    given = {"data": {"psn_no": P1, "ipt_otp_no": "MZ1", "begntime": "2026-11-22", "endtime": "2026-11-22"}}
    rows = hospital.ok("5201", given)["mdtrtinfo"]
    assert [(r["ipt_otp_no"], r["insutype"]) for r in rows] == [("MZ1", "310")]
    given["data"]["ipt_otp_no"] = "MZ2"
    assert hospital.ok("5201", given) == {"mdtrtinfo": []}
    given["data"] |= {"ipt_otp_no": "", "begntime": "2026-11-23"}
    assert hospital.ok("5201", given) == {"mdtrtinfo": []}
    gone = {"data": {"psn_no": P1, "mdtrt_id": rows[0]["mdtrt_id"], "ipt_otp_no": "MZ1"}}
    hospital.ok("2202", gone)
    assert hospital.ok("5201", {"data": {"psn_no": P1}}) == {"mdtrtinfo": []}


@pytest.mark.parametrize(
    "kind", ["refuse_connection", "reset_before_commit", "timeout_before_commit", "html", "http_500", "http_502",
             "refuse_business", "token_expired", "not_enough_balance"],
)
def test_misfortunes_before_the_work_leave_no_trace(hospital: Hospital, kind: str) -> None:
    mdtrt_id, message = ready(hospital)
    hospital.fault("2207A", kind)
    reply = raw(hospital, message)
    if kind in ("refuse_business", "token_expired", "not_enough_balance"):
        answer = json.loads(reply.partition(b"\r\n\r\n")[2])
        assert (answer["infcode"], answer["output"]) == (-1, None)
        assert ("签到" in answer["err_msg"]) == (kind == "token_expired")
    assert hospital.ask("P0001", mdtrt_id) is None
    assert hospital.rows("settle") == []
    assert hospital.send(message)["infcode"] == 0  # used up: the same message goes through


@pytest.mark.parametrize(
    "kind", ["reset_after_commit", "timeout_after_commit", "half_reply", "empty_body", "infcode_string", "warn_msg",
             "null_vs_empty", "wrong_refmsgid", "wrong_amount", "mojibake_name", "duplicate_reply", "bad_signature"],
)
def test_misfortunes_after_the_work_leave_the_settlement(hospital: Hospital, kind: str) -> None:
    mdtrt_id, message = ready(hospital)
    hospital.fault("2207A", kind)
    raw(hospital, message)
    assert hospital.ask("P0001", mdtrt_id) is not None


def spoiled(hospital: Hospital, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The spoiled reply and the true one (the stored answer)."""
    _, message = ready(hospital)
    hospital.fault("2207A", kind)
    bad = json.loads(raw(hospital, message).partition(b"\r\n\r\n")[2], parse_float=Decimal)
    return bad, hospital.send(message)


def test_what_is_wrong_in_spoiled_replies(hospital: Hospital) -> None:
    def once(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
        hospital.control("/sim/reset", {})
        hospital.sign_no = ""
        return spoiled(hospital, kind)

    bad, true = once("wrong_amount")
    info, good = bad["output"]["setlinfo"], true["output"]["setlinfo"]
    assert info["psn_cash_pay"] == good["psn_cash_pay"] + 1
    assert {k: v for k, v in info.items() if k != "psn_cash_pay"} == {
        k: v for k, v in good.items() if k != "psn_cash_pay"
    }
    bad, _ = once("infcode_string")
    assert bad["infcode"] == "0"
    bad, _ = once("warn_msg")
    assert (bad["infcode"], bad["warn_msg"][:2]) == (0, "提示")
    bad, true = once("null_vs_empty")
    assert (bad["err_msg"], true["err_msg"]) == ("", None)
    bad, true = once("wrong_refmsgid")
    assert bad["inf_refmsgid"] != true["inf_refmsgid"]
    bad, _ = once("mojibake_name")
    assert bad["output"]["setlinfo"]["psn_name"] not in ("", "测试甲")



def test_a_fault_finds_the_reversal_by_the_bill_of_its_original(hospital: Hospital) -> None:
    _, message = ready(hospital)
    hospital.send(message)
    hospital.fault("2601", "refuse_business", match={"bill": "MZ2"})
    assert hospital.reverse("P0001", message["msgid"], "2207A")["infcode"] == 0
    hospital.fault("2601", "refuse_business", match={"bill": "MZ1", "person": "P0001", "opter": "K01"})
    assert hospital.reverse("P0001", message["msgid"], "2207A")["infcode"] == -1
