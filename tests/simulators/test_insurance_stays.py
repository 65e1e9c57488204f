"""A stay: admission, lines, discharge, settlement, and the whole way back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from insurance_hospital import PEOPLE, Hospital
from insurance_stay import admitted, back, data_2303, data_2401, fee, left, one, settled

WHO = "P0001"
PSN = PEOPLE[WHO].psn_no


@pytest.fixture
def hospital() -> Hospital:
    made = Hospital()
    made.sign_in()
    return made


def stayed(hospital: Hospital, number: str = "ZY1") -> str:
    """A discharged stay with lines of 3000.00, all in scope."""
    mdtrt_id = admitted(hospital, WHO, number)
    lines = [fee(hospital, WHO, mdtrt_id, "1", "K0001", "5"), fee(hospital, WHO, mdtrt_id, "2", "K0006", "4")]
    hospital.ok("2301", {"feedetail": lines})
    hospital.ok("2301", {"feedetail": [back(hospital, WHO, mdtrt_id, "3", "K0006", "1", "2"),
                                       fee(hospital, WHO, mdtrt_id, "4", "K0007", "5")]})
    left(hospital, WHO, mdtrt_id)
    return mdtrt_id


def stay_counters(hospital: Hospital) -> tuple[Decimal, Decimal]:
    rows = hospital.ok("5206", {"data": {"psn_no": PSN, "cum_ym": ""}})["cuminfo"]
    by_kind = {row["cum_type_code"]: row["cum"] for row in rows}
    return by_kind["ZY01"], by_kind["ZY02"]


def test_a_stay_from_admission_to_settlement(hospital: Hospital) -> None:
    mdtrt_id = stayed(hospital)
    info = settled(hospital, WHO, mdtrt_id, 3000.0)["setlinfo"]
    # 800.00 deductible, 85 % of the other 2200.00
    names = ("act_pay_dedc", "fund_pay_sumamt", "psn_part_amt", "psn_cash_pay", "clr_type", "med_type")
    assert [str(info[name]) for name in names] == ["800.00", "1870.00", "1130.00", "1130.00", "21", "21"]
    assert stay_counters(hospital) == (Decimal("1870.00"), Decimal("1.00"))
    assert hospital.sums(WHO) == (0, 0)  # the counters of 门诊统筹 are others
    hospital.clock.advance(86400)
    hospital.sign_in()
    second = settled(hospital, WHO, stayed(hospital, "ZY2"), 3000.0)["setlinfo"]
    assert str(second["act_pay_dedc"]) == "400.00"  # half of it from the second stay on


def test_the_whole_way_back_leaves_nothing(hospital: Hospital) -> None:
    mdtrt_id = stayed(hospital)
    setl_id = settled(hospital, WHO, mdtrt_id, 3000.0)["setlinfo"]["setl_id"]
    assert "已结算" in hospital.no("2405", one(WHO, mdtrt_id))
    negative = hospital.ok("2305", one(WHO, mdtrt_id, setl_id=setl_id))["setlinfo"]
    assert (str(negative["medfee_sumamt"]), str(negative["fund_pay_sumamt"])) == ("-3000.00", "-1870.00")
    assert "已退费" in hospital.no("2305", one(WHO, mdtrt_id, setl_id=setl_id))
    assert "已办理出院" in hospital.no("2404", one(WHO, mdtrt_id))
    hospital.ok("2405", one(WHO, mdtrt_id))
    assert "未结算的费用明细" in hospital.no("2404", one(WHO, mdtrt_id))
    hospital.ok("2302", one(WHO, mdtrt_id, feedetl_sn="0000"))
    assert "没有未结算" in hospital.no("2302", one(WHO, mdtrt_id, feedetl_sn="0000"))
    hospital.ok("2404", one(WHO, mdtrt_id))
    assert stay_counters(hospital) == (0, 0)
    assert hospital.ok("5303", {"data": {"psn_no": PSN}})["data"] == []
    assert {row["state"] for row in hospital.rows("upload")} == {"deleted"}
    assert [row["state"] for row in hospital.rows("register")] == ["cancelled"]


def test_a_person_in_hospital_is_told_and_not_admitted_twice(hospital: Hospital) -> None:
    mdtrt_id = admitted(hospital, WHO, "ZY1")
    found = hospital.ok("5303", {"data": {"psn_no": PSN}})["data"]
    assert [(row["mdtrt_id"], row["ipt_otp_no"], row["med_type"]) for row in found] == [(mdtrt_id, "ZY1", "21")]
    assert "在院信息" in hospital.no("2401", data_2401(hospital, WHO, "ZY2"))
    assert "在院信息" in hospital.no("2401", data_2401(hospital, "P0004", "ZY3"))  # in hospital since yesterday
    told = hospital.ok("5202", one(WHO, mdtrt_id))["diseinfo"]
    assert [(row["inout_diag_type"], row["diag_code"], row["maindiag_flag"]) for row in told] == [("2", "K04.500", "1")]
    hospital.ok("2403", {
        "adminfo": {**data_2401(hospital, WHO, "ZY1", adm_bed="08")["mdtrtinfo"], "mdtrt_id": mdtrt_id,
                    "ipt_otp_no": "ZY1"},
        "diseinfo": data_2401(hospital, WHO, "ZY1")["diseinfo"],
    })
    assert hospital.ok("5303", {"data": {"psn_no": PSN}})["data"][0]["dscg_bed"] == "08"


def test_no_settlement_before_discharge_and_none_unquoted(hospital: Hospital) -> None:
    mdtrt_id = admitted(hospital, WHO, "ZY1")
    hospital.ok("2301", {"feedetail": [fee(hospital, WHO, mdtrt_id, "1", "K0001")]})
    asked = data_2303(WHO, mdtrt_id, 400.0)
    quoted = hospital.ok("2303", asked)
    assert (quoted["setlinfo"]["setl_id"], quoted["setlinfo"]["clr_optins"]) == (None, None)
    assert "未办理出院" in hospital.no("2304", hospital.data_2207(quoted, asked))
    left(hospital, WHO, mdtrt_id)
    assert "预结算" in hospital.no("2304", hospital.data_2207(quoted, asked))  # 2402 ended the quote
    assert "合计" in hospital.no("2303", data_2303(WHO, mdtrt_id, 401.0))


def test_lines_are_taken_back_up_to_what_is_left(hospital: Hospital) -> None:
    mdtrt_id = admitted(hospital, WHO, "ZY1")
    hospital.ok("2301", {"feedetail": [fee(hospital, WHO, mdtrt_id, "1", "K0008", "3")]})

    def taken(sn: str, item: str, qty: str, origin: str = "1") -> dict[str, object]:
        return {"feedetail": [back(hospital, WHO, mdtrt_id, sn, item, qty, origin)]}

    split = hospital.ok("2301", taken("2", "K0008", "2"))["result"][0]
    assert (str(split["preselfpay_amt"]), str(split["inscp_scp_amt"])) == ("-100.00", "-400.00")
    assert "剩余数量" in hospital.no("2301", taken("3", "K0008", "2"))
    assert "不一致" in hospital.no("2301", taken("3", "K0001", "1"))
    assert "未查询到" in hospital.no("2301", taken("3", "K0008", "1", "9"))
    assert "数量或单价" in hospital.no("2301", {"feedetail": [fee(hospital, WHO, mdtrt_id, "3", "K0008", cnt=-1.0)]})
    assert "已有退费明细" in hospital.no("2302", one(WHO, mdtrt_id, feedetl_sn="1"))
    hospital.ok("2302", one(WHO, mdtrt_id, feedetl_sn="2"))
    hospital.ok("2302", one(WHO, mdtrt_id, feedetl_sn="1"))


def test_outpatient_and_inpatient_transactions_do_not_mix(hospital: Hospital) -> None:
    stay, visit = admitted(hospital, WHO, "ZY1"), hospital.open_visit("P0003", "MZ1")
    assert "住院就诊" in hospital.no("2204", {"feedetail": [hospital.line(WHO, stay, "1", "K0001")]})
    assert "不是住院就诊" in hospital.no("2301", {"feedetail": [fee(hospital, "P0003", visit, "1", "K0001")]})


def test_2601_takes_back_admission_settlement_and_its_cancellation(hospital: Hospital) -> None:
    message = hospital.message("2401", data_2401(hospital, WHO, "ZY1"))
    hospital.send(message)
    assert hospital.reverse(WHO, message["msgid"], "2401")["infcode"] == 0
    assert hospital.reverse(WHO, message["msgid"], "2401")["infcode"] == 0
    assert "已冲正" in hospital.send(message)["err_msg"]
    mdtrt_id = stayed(hospital, "ZY1")
    asked = data_2303(WHO, mdtrt_id, 3000.0)
    settle = hospital.message("2304", hospital.data_2207(hospital.ok("2303", asked), asked))
    setl_id = hospital.send(settle)["output"]["setlinfo"]["setl_id"]
    cancel = hospital.message("2305", one(WHO, mdtrt_id, setl_id=setl_id))
    hospital.send(cancel)
    assert stay_counters(hospital) == (0, 0)
    assert "不为未退费" in hospital.reverse(WHO, settle["msgid"], "2304")["err_msg"]
    assert hospital.reverse(WHO, cancel["msgid"], "2305")["infcode"] == 0
    assert stay_counters(hospital) == (Decimal("1870.00"), Decimal("1.00"))
    assert hospital.reverse(WHO, settle["msgid"], "2304")["infcode"] == 0
    assert stay_counters(hospital) == (0, 0)
    assert hospital.ask(WHO, mdtrt_id) is None


def test_an_admission_that_holds_lines_is_not_reversed(hospital: Hospital) -> None:
    message = hospital.message("2401", data_2401(hospital, WHO, "ZY1"))
    mdtrt_id = hospital.send(message)["output"]["result"]["mdtrt_id"]
    hospital.ok("2301", {"feedetail": [fee(hospital, WHO, mdtrt_id, "1", "K0001")]})
    assert "费用明细" in hospital.reverse(WHO, message["msgid"], "2401")["err_msg"]
    assert len(hospital.ok("5303", {"data": {"psn_no": PSN}})["data"]) == 1
