"""Registrations at the bureau (med_type 12): a fixed share, once a day and department, outside all counters."""

from __future__ import annotations

from typing import Any

import pytest
from insurance_hospital import Hospital

FEE = 15.0


@pytest.fixture
def hospital() -> Hospital:
    made = Hospital()
    made.sign_in()
    return made


def registered(
    hospital: Hospital, who: str = "P0001", number: str = "GH1", insutype: str = "310", account: str = "0",
    dept: str = "KQ01",
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A registration as far as its quote: mdtrt_id, what 2206A was asked, its answer."""
    visit = hospital.data_2201(who, number, insutype)
    visit["data"]["dept_code"] = dept
    mdtrt_id = str(hospital.ok("2201", visit)["data"]["mdtrt_id"])
    hospital.ok("2203A", hospital.data_2203(who, mdtrt_id, "Z01.200", "12"))
    hospital.ok("2204", {"feedetail": [hospital.line(who, mdtrt_id, sn, item) for sn, item in
                                       (("1", "G0001"), ("2", "G0002"))]})  # fmt: skip
    asked = hospital.data_2206(who, mdtrt_id, FEE, account, med_type="12", insutype=insutype)
    return mdtrt_id, asked, hospital.call("2206A", asked)


def settled(hospital: Hospital, *args: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    mdtrt_id, asked, quoted = registered(hospital, *args, **more)
    info = hospital.ok("2207A", hospital.data_2207(quoted["output"], asked))["setlinfo"]
    assert isinstance(info, dict)
    return mdtrt_id, info


def parts(info: dict[str, Any]) -> tuple[str, ...]:
    names = ("medfee_sumamt", "fulamt_ownpay_amt", "inscp_scp_amt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
    return tuple(str(info[name]) for name in names)


@pytest.mark.parametrize(
    ("who", "insutype", "fund", "cash", "kind"),
    [
        ("P0001", "310", "8.00", "7.00", "310100"), ("P0002", "390", "5.00", "10.00", "390100"),
        ("P0003", "310", "8.00", "7.00", "310100"),  # not signed: no 门诊统筹, but a registration
    ],
)
def test_the_fund_pays_its_share(
    hospital: Hospital, who: str, insutype: str, fund: str, cash: str, kind: str
) -> None:
    before = hospital.sums(who)
    mdtrt_id, asked, quoted = registered(hospital, who, insutype=insutype)
    assert parts(quoted["output"]["setlinfo"]) == ("15.00", "5.00", "10.00", fund, "0.00", cash)
    (row,) = quoted["output"]["setldetail"]
    assert (row["fund_pay_type"], str(row["fund_payamt"])) == (kind, fund)
    info = hospital.ok("2207A", hospital.data_2207(quoted["output"], asked))["setlinfo"]
    assert parts(info) == parts(quoted["output"]["setlinfo"])
    assert hospital.sums(who) == before, "no yearly counter moves"
    back = hospital.cancel(who, mdtrt_id, info["setl_id"])["setlinfo"]
    assert str(back["fund_pay_sumamt"]) == f"-{fund}"
    assert hospital.sums(who) == before


def test_the_account_pays_the_persons_part_and_gets_it_back(hospital: Hospital) -> None:
    mdtrt_id, info = settled(hospital, account="1")
    assert parts(info)[3:] == ("8.00", "7.00", "0.00")
    assert str(info["balc"]) == "313.50"
    assert str(hospital.cancel("P0001", mdtrt_id, info["setl_id"])["setlinfo"]["balc"]) == "320.50"


def test_once_a_day_and_department(hospital: Hospital) -> None:
    mdtrt_id, info = settled(hospital)
    _, _, again = registered(hospital, number="GH2")
    assert parts(again["output"]["setlinfo"])[3:] == ("0.00", "0.00", "15.00")
    assert "同日同科室" in again["warn_msg"]
    assert parts(settled(hospital, number="GH3", dept="KQ02")[1])[3] == "8.00"
    hospital.cancel("P0001", mdtrt_id, info["setl_id"])
    assert parts(settled(hospital, number="GH4")[1])[3] == "8.00", "the first one was cancelled"
    hospital.clock.advance(86400)
    hospital.sign_in()
    assert parts(settled(hospital, number="GH5")[1])[3] == "8.00"


def test_not_while_in_hospital_and_a_strict_bureau_refuses(hospital: Hospital) -> None:
    _, _, quoted = registered(hospital, "P0004")
    assert parts(quoted["output"]["setlinfo"])[3] == "0.00"
    assert "住院期间" in quoted["warn_msg"]
    hospital.act("set", not_entitled="refuse")
    _, _, refused = registered(hospital, "P0004", number="GH2")
    assert (refused["infcode"], "住院期间" in refused["err_msg"]) == (-1, True)


def test_2001_says_who_may_register(hospital: Hospital) -> None:
    def asked(who: str) -> dict[str, Any]:
        visit = hospital.data_2201(who, "GH9")["data"]
        given = {**{n: visit[n] for n in ("psn_no", "insutype", "begntime")}, "fixmedins_code": "H37020000000",
                 "med_type": "12"}  # fmt: skip
        found = hospital.ok("2001", {"data": given})["trtinfo"][0]
        assert isinstance(found, dict)
        return found

    assert asked("P0003")["trt_enjymnt_flag"] == "1"
    assert (asked("P0004")["trt_enjymnt_flag"], "住院期间" in asked("P0004")["trt_chk_rslt"]) == ("0", True)
