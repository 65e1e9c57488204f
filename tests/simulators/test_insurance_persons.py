"""Persons, institutions, signing (签约), stays: what stands before a settlement."""

from __future__ import annotations

from typing import Any

import pytest
from insurance_hospital import PEOPLE, Hospital

from simulators.town import CROWD


@pytest.fixture
def hospital() -> Hospital:
    made = Hospital()
    made.sign_in()
    return made


def data_1101(kind: str, number: str, **more: Any) -> dict[str, Any]:
    return {"data": {"mdtrt_cert_type": kind, "mdtrt_cert_no": number, "psn_cert_type": "01", **more}}


def test_1101_by_card_id_and_token(hospital: Hospital) -> None:
    person = PEOPLE["P0001"]
    by_card = hospital.ok("1101", data_1101("03", person.card_no, card_sn=person.card_sn))
    assert by_card == hospital.ok("1101", data_1101("02", person.id_no))
    token = hospital.act("make_ec_token", person="P0001", seconds=60)["token"]
    assert by_card == hospital.ok("1101", data_1101("01", token))
    base = by_card["baseinfo"]
    assert (base["psn_no"], base["certno"], base["psn_name"]) == (person.psn_no, person.id_no, "测试甲")
    assert base["age"] == 46
    assert [(r["insutype"], r["psn_insu_stas"]) for r in by_card["insuinfo"]] == [("310", "1"), ("390", "4")]
    assert str(by_card["insuinfo"][0]["balc"]) == "320.50"
    assert by_card["insuinfo"][0]["insuplc_admdvs"] == "370200"


def test_1101_lists_stopped_rows_so_that_the_first_one_is_wrong(hospital: Hospital) -> None:
    rows = hospital.ok("1101", data_1101("02", PEOPLE["P0002"].id_no))["insuinfo"]
    assert [(r["insutype"], r["psn_insu_stas"]) for r in rows] == [("310", "4"), ("390", "1")]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (data_1101("03", PEOPLE["P0001"].card_no), "card_sn不能为空"),
        (data_1101("03", PEOPLE["P0001"].card_no, card_sn="SIMSN0002"), "卡识别码"),
        (data_1101("03", "A0000000", card_sn="SIMSN0002"), "未查询到"),
        (data_1101("02", "370202190001010017"), "未查询到"),
        (data_1101("02", PEOPLE["P0005"].id_no), "未查询到"),  # self-pay, not insured
        (data_1101("01", "ECTOKEN" + PEOPLE["P0001"].id_no), "未查询到"),  # never shown
        (data_1101("99", "x"), "凭证类型"),
        (data_1101("02", PEOPLE["P0001"].id_no, psn_name="测试乙"), "姓名"),
        (data_1101("02", PEOPLE["P0001"].id_no, certno=PEOPLE["P0002"].id_no), "证件号码"),
        (data_1101("", "x"), "mdtrt_cert_type不能为空"),
    ],
)
def test_1101_refuses(hospital: Hospital, given: dict[str, Any], text: str) -> None:
    assert text in hospital.no("1101", given)


def test_tokens_expire_and_may_be_for_one_use(hospital: Hospital) -> None:
    token = hospital.act("make_ec_token", person="P0001", seconds=60)["token"]
    hospital.clock.advance(60)
    assert "已失效" in hospital.no("1101", data_1101("01", token))
    hospital.act("make_ec_token", person="P0001")
    hospital.act("set", one_use_tokens=True)
    assert hospital.ok("1101", data_1101("01", token))
    assert "已失效" in hospital.no("1101", data_1101("01", token))


def test_a_credential_of_somebody_else_is_refused_at_registration(hospital: Hospital) -> None:
    given = hospital.data_2201("P0001", "MZ1")
    other = PEOPLE["P0002"]
    given["data"] |= {"mdtrt_cert_no": other.card_no, "card_sn": other.card_sn}
    assert "不是同一人" in hospital.no("2201", given)


def test_institution_and_dictionary(hospital: Hospital) -> None:
    found = hospital.ok("1201", {"medinsinfo": {"fixmedins_type": "1", "fixmedins_code": "H37020000000"}})["medinsinfo"]
    assert [(m["fixmedins_name"], m["hosp_lv"]) for m in found] == [("模拟口腔医院", "02")]
    assert "未查询到" in hospital.no("1201", {"medinsinfo": {"fixmedins_code": "H1"}})
    rows = hospital.ok("1901", {"data": {"type": "insutype"}})["list"]
    labels = {r["value"]: r["label"] for r in rows}
    assert (labels["310"], labels["390"]) == ("职工基本医疗保险", "城乡居民基本医疗保险")
    assert hospital.ok("1901", {"data": {"type": "nothing"}}) == {"list": []}


def data_2505(who: str, code: str = "H37020000099", begin: str = "2026-11-22") -> dict[str, Any]:
    return {"data": {
        "psn_no": PEOPLE[who].psn_no, "biz_appy_type": "07", "begndate": begin, "fix_srt_no": "1",
        "fixmedins_code": code, "fixmedins_name": "模拟社区卫生服务中心",
    }}


def test_signing_once_a_year_and_taking_it_back(hospital: Hospital) -> None:
    ask = {"data": {"psn_no": PEOPLE["P0003"].psn_no, "biz_appy_type": "07"}}
    assert "不能早于" in hospital.no("2505", data_2505("P0003", begin="2026-11-21"))
    number = hospital.ok("2505", data_2505("P0003"))["result"]["trt_dcla_detl_sn"]
    assert "每年只能变更一次" in hospital.no("2505", data_2505("P0003", "H37020000098"))
    assert len(hospital.ok("5302", ask)["psnfixmedin"]) == 1
    back = {"data": {"trt_dcla_detl_sn": number, "psn_no": PEOPLE["P0003"].psn_no, "memo": ""}}
    assert hospital.ok("2506", back) is None
    assert hospital.ok("5302", ask) == {"psnfixmedin": []}
    assert "未查询到" in hospital.no("2506", back)


def test_a_change_in_another_year_ends_the_old_one(hospital: Hospital) -> None:
    hospital.clock.advance(60 * 86400)
    hospital.sign_in()
    hospital.ok("2505", data_2505("P0001", "H37020000098", "2027-02-01"))
    rows = hospital.ok("5302", {"data": {"psn_no": PEOPLE["P0001"].psn_no}})["psnfixmedin"]
    assert [(r["fixmedins_code"], r["begndate"], r["enddate"]) for r in rows] == [
        ("H37020000099", "2026-01-05", "2027-01-31"), ("H37020000098", "2027-02-01", "2099-12-31"),
    ]


def test_open_stays_and_empty_inquiries(hospital: Hospital) -> None:
    def ask(infno: str, who: str) -> Any:
        return hospital.ok(infno, {"data": {"psn_no": PEOPLE[who].psn_no, "begntime": "2026-11-01 00:00:00"}})

    stay = ask("5303", "P0004")["data"][0]
    assert (stay["psn_name"], stay["begndate"], stay["med_type"]) == ("测试丁", "2026-11-21", "21")
    assert ask("5303", "P0007")["data"][0]["med_type"] == "28"
    assert ask("5303", "P0001") == {"data": []}
    hospital.act("discharge", person="P0004")
    hospital.act("admit", person="P0001")
    assert ask("5303", "P0004") == {"data": []}
    assert len(ask("5303", "P0001")["data"]) == 1
    assert ask("5205", "P0001") == ask("5301", "P0001") == {"feedetail": []}
    assert ask("5304", "P0001") == {"refmedin": []}
    assert "未查询到人员编号" in hospital.no("5301", {"data": {"psn_no": "1" * 26}})


def test_2001_tells_the_reason(hospital: Hospital) -> None:
    def ask(who: str, insutype: str = "310", med_type: str = "11") -> tuple[str, Any]:
        row = hospital.ok("2001", {"data": {
            "psn_no": PEOPLE[who].psn_no, "insutype": insutype, "fixmedins_code": "H37020000000",
            "med_type": med_type, "begntime": "2026-11-22 09:00:00",
        }})["trtinfo"][0]
        return row["trt_enjymnt_flag"], row["trt_chk_rslt"]

    assert ask("P0001") == ("1", None)
    assert ask("P0003") == ("0", "参保人未办理门诊统筹签约")
    assert ask("P0004")[0] == ask("P0007")[0] == "0"
    assert ask("P0002", "390")[0] == "0"
    assert ask("P0001", med_type="14")[0] == "0"
    with pytest.raises(AssertionError, match="暂停参保"):
        ask("P0002", "310")


def test_every_person_of_the_crowd_is_insured_and_signed(hospital: Hospital) -> None:
    last = CROWD[-1]
    found = hospital.ok("1101", data_1101("03", last.card_no, card_sn=last.card_sn))
    assert found["insuinfo"][0]["psn_insu_stas"] == "1"
    assert len(hospital.ok("5302", {"data": {"psn_no": last.psn_no}})["psnfixmedin"]) == 1
