"""From registration to settlement and back: what the bureau takes in which order, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from insurance_hospital import PEOPLE, Hospital

P1 = PEOPLE["P0001"].psn_no


@pytest.fixture
def hospital() -> Hospital:
    made = Hospital()
    made.sign_in()
    return made


def data_2202(mdtrt_id: str, number: str) -> dict[str, Any]:
    return {"data": {"psn_no": P1, "mdtrt_id": mdtrt_id, "ipt_otp_no": number}}


def data_2205(mdtrt_id: str, batch: str = "0000") -> dict[str, Any]:
    return {"data": {"psn_no": P1, "mdtrt_id": mdtrt_id, "chrg_bchno": batch}}


def test_one_live_registration_for_one_number(hospital: Hospital) -> None:
    first = hospital.open_visit("P0001", "MZ1")
    assert "不能重复登记" in hospital.no("2201", hospital.data_2201("P0003", "MZ1"))
    assert hospital.ok("2202", data_2202(first, "MZ1")) is None
    assert "已撤销" in hospital.no("2202", data_2202(first, "MZ1"))
    second = hospital.open_visit("P0001", "MZ1")
    assert second != first
    rows = [(r["no"], r["party_no"], r["state"], r["bill"]) for r in hospital.rows("register")]
    assert rows == [("MZ1", first, "cancelled", "MZ1"), ("MZ1", second, "open", "MZ1")]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"psn_no": "37020000000000000009999999"}, "未查询到人员编号"), ({"insutype": "390"}, "未正常参加"),
        ({"atddr_no": "D000"}, "医保医师"), ({"begntime": "2026/11/22"}, "begntime日期格式"),
        ({"ipt_otp_no": ""}, "ipt_otp_no不能为空"), ({"dept_name": "科" * 101}, "dept_name超过长度限制100"),
        ({"mdtrt_cert_no": "A9"}, "未查询到"),
    ],
)
def test_registration_refused(hospital: Hospital, change: dict[str, str], text: str) -> None:
    given = hospital.data_2201("P0001", "MZ1")
    given["data"] |= change
    assert text in hospital.no("2201", given)
    assert hospital.rows() == []


@pytest.mark.parametrize("icd", ["", "K04", "牙痛", "Z99.999X", "k04.001", "Q99.001"])
def test_a_diagnosis_must_be_a_national_code(hospital: Hospital, icd: str) -> None:
    mdtrt_id = hospital.ok("2201", hospital.data_2201("P0001", "MZ1"))["data"]["mdtrt_id"]
    assert "诊断代码" in hospital.no("2203A", hospital.data_2203("P0001", mdtrt_id, icd))
    assert "诊断代码" in hospital.no("2203", hospital.data_2203("P0001", mdtrt_id, icd))


def test_visit_info_refused(hospital: Hospital) -> None:
    mdtrt_id = hospital.ok("2201", hospital.data_2201("P0001", "MZ1"))["data"]["mdtrt_id"]
    assert "医疗类别" in hospital.no("2203A", hospital.data_2203("P0001", mdtrt_id, med_type="1403"))
    given = hospital.data_2203("P0001", mdtrt_id)
    given["diseinfo"][0]["vali_flag"] = "0"
    assert "有效的诊断" in hospital.no("2203A", given)
    given["diseinfo"] = []
    assert "diseinfo不能为空" in hospital.no("2203A", given)
    assert "未查询到就诊ID" in hospital.no("2203A", hospital.data_2203("P0001", "1" * 30))
    assert "未查询到就诊ID" in hospital.no("2203A", hospital.data_2203("P0003", mdtrt_id))  # another person's visit


def test_upload_splits_each_line(hospital: Hospital) -> None:
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    items = (("1", "K0001"), ("2", "K0008"), ("3", "K0101"), ("4", "K0201"))
    lines = [hospital.line("P0001", mdtrt_id, number, item) for number, item in items]
    rows = hospital.ok("2204", {"feedetail": lines})["result"]
    told = [
        tuple(str(r[k]) for k in (
            "feedetl_sn", "chrgitm_lv", "selfpay_prop", "fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt",
            "inscp_scp_amt", "pric_uplmt_amt",
        ))
        for r in rows
    ]
    assert told == [
        ("1", "01", "0.0000", "0.00", "0.00", "0.00", "400.00", "999999.00"),
        ("2", "02", "0.2000", "0.00", "0.00", "50.00", "200.00", "999999.00"),
        ("3", "03", "1.0000", "100.00", "0.00", "0.00", "0.00", "999999.00"),
        ("4", "01", "0.0000", "0.00", "50.00", "0.00", "250.00", "250.00"),
    ]
    row = hospital.rows("upload")[0]
    assert (row["amount"], row["state"], row["bill"], row["ref"]) == (105000, "uploaded", "MZ1", mdtrt_id)
    fees = hospital.ok("5204", {"data": {"psn_no": P1, "mdtrt_id": mdtrt_id}})
    assert [f["feedetl_sn"] for f in fees] == ["1", "2", "3", "4"]
    assert fees[0]["setl_id"] is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"med_list_codg": "N0"}, "第2行[2]医保目录编码[N0]不存在"),
        ({"medins_list_codg": "K0002"}, "未与医保目录编码对照"),
        ({"det_item_fee_sumamt": 400.01}, "不一致"), ({"det_item_fee_sumamt": "400.001"}, "小数位数"),
        ({"cnt": 0}, "数量或单价"), ({"cnt": -1, "det_item_fee_sumamt": -400}, "数量或单价"),
        ({"feedetl_sn": "1"}, "流水号重复"), ({"dise_codg": "M01600"}, "病种编码必须一致"),
        ({"bilg_dr_codg": "D1"}, "医保医师"), ({"mdtrt_id": "9"}, "与本批次不一致"),
        ({"pric": "abc"}, "不是有效的数值"),
        ({"pric": True}, "不是有效的数值"), ({"hosp_appr_flag": None}, "hosp_appr_flag不能为空"),
        ({"det_item_fee_sumamt": 10**14}, "超过长度限制16,2"),
    ],
)
def test_one_bad_line_refuses_the_whole_upload(hospital: Hospital, change: dict[str, Any], text: str) -> None:
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    bad = {**hospital.line("P0001", mdtrt_id, "2", "K0001"), **change}
    lines = [hospital.line("P0001", mdtrt_id, "1", "K0001"), bad]
    assert text in hospital.no("2204", {"feedetail": lines})
    assert hospital.ok("5204", {"data": {"psn_no": P1, "mdtrt_id": mdtrt_id}}) == []
    assert hospital.rows("upload") == []


def test_line_numbers_are_unique_in_the_visit_and_batches_are_limited(hospital: Hospital) -> None:
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    hospital.ok("2204", {"feedetail": [hospital.line("P0001", mdtrt_id, "1", "K0001")]})
    assert "流水号重复" in hospital.no("2204", {"feedetail": [hospital.line("P0001", mdtrt_id, "1", "K0002")]})
    other = hospital.open_visit("P0003", "MZ2")
    hospital.ok("2204", {"feedetail": [hospital.line("P0003", other, "1", "K0001")]})
    many = [hospital.line("P0001", mdtrt_id, f"x{n}", "K0002") for n in range(101)]
    assert "不能超过100条" in hospital.no("2204", {"feedetail": many})
    assert "feedetail不能为空" in hospital.no("2204", {"feedetail": []})


def test_numbers_may_come_as_text(hospital: Hospital) -> None:
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    line = hospital.line("P0001", mdtrt_id, "1", "K0001", cnt="2.0000", det_item_fee_sumamt="800.00", pric="400.000000")
    assert str(hospital.ok("2204", {"feedetail": [line]})["result"][0]["inscp_scp_amt"]) == "800.00"


def test_taking_lines_back_by_batch_or_all(hospital: Hospital) -> None:
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    lines = [hospital.line("P0001", mdtrt_id, f"{n}", "K0001", chrg_bchno=f"B{n}") for n in (1, 2, 3)]
    hospital.ok("2204", {"feedetail": lines})
    assert hospital.ok("2205", data_2205(mdtrt_id, "B2")) is None
    left = hospital.ok("5204", {"data": {"psn_no": P1, "mdtrt_id": mdtrt_id}})
    assert [f["chrg_bchno"] for f in left] == ["B1", "B3"]
    assert "没有未结算" in hospital.no("2205", data_2205(mdtrt_id, "B2"))
    assert "未结算的费用明细" in hospital.no("2202", data_2202(mdtrt_id, "MZ1"))
    hospital.ok("2205", data_2205(mdtrt_id))
    assert [r["state"] for r in hospital.rows("upload")] == ["deleted"] * 3
    hospital.ok("2202", data_2202(mdtrt_id, "MZ1"))


def test_presettlement_stores_nothing(hospital: Hospital) -> None:
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    total = hospital.upload("P0001", mdtrt_id, "visit1")
    first = hospital.ok("2206", hospital.data_2206("P0001", mdtrt_id, total))
    second = hospital.ok("2206A", hospital.data_2206("P0001", mdtrt_id, total))
    for output in (first, second):
        info = output["setlinfo"]
        assert [info[k] for k in ("setl_id", "setl_time", "clr_way", "clr_optins")] == [None] * 4
        assert str(info["fund_pay_sumamt"]) == "125.00"
    assert hospital.sums("P0001") == (0, 0)
    assert hospital.rows("settle") == []
    detail = first["setldetail"][0]
    assert (detail["fund_pay_type"], str(detail["crt_payb_lmt_amt"])) == ("310100", "1700.00")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"medfee_sumamt": 1199.99}, "明细合计为1200.00"), ({"med_type": "14"}, "医疗类别"),
        ({"insutype": "390"}, "险种"), ({"psn_setlway": "9"}, "个人结算方式"),
        ({"acct_used_flag": "2"}, "个人账户使用标志"),
        ({"chrg_bchno": "B0"}, "收费批次号"),
        ({"mdtrt_cert_no": PEOPLE["P0002"].card_no, "card_sn": ""}, "不是同一人"),
    ],
)
def test_presettlement_refused(hospital: Hospital, change: dict[str, Any], text: str) -> None:
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    total = hospital.upload("P0001", mdtrt_id, "visit1")
    assert text in hospital.no("2206A", hospital.data_2206("P0001", mdtrt_id, total, **change))


def test_presettlement_needs_visit_info_and_lines(hospital: Hospital) -> None:
    mdtrt_id = hospital.ok("2201", hospital.data_2201("P0001", "MZ1"))["data"]["mdtrt_id"]
    assert "未上传就诊信息" in hospital.no("2206A", hospital.data_2206("P0001", mdtrt_id, 0))
    hospital.ok("2203A", hospital.data_2203("P0001", mdtrt_id))
    assert "没有可结算" in hospital.no("2206A", hospital.data_2206("P0001", mdtrt_id, 0))


def quoted(hospital: Hospital) -> tuple[str, dict[str, Any]]:
    """A visit ready for 2207A: mdtrt_id and the 2207A input."""
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    asked = hospital.data_2206("P0001", mdtrt_id, hospital.upload("P0001", mdtrt_id, "visit1"))
    return mdtrt_id, hospital.data_2207(hospital.ok("2206A", asked), asked)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fulamt_ownpay_amt": 99.99}, "fulamt_ownpay_amt与预结算不一致"),
        ({"inscp_scp_amt": 0}, "inscp_scp_amt与预结算"),
        ({"preselfpay_amt": ""}, "preselfpay_amt不能为空"), ({"acct_used_flag": "1"}, "acct_used_flag与预结算不一致"),
        ({"medfee_sumamt": 1200.01}, "明细合计"), ({"psn_setlway": "02"}, "psn_setlway与预结算不一致"),
    ],
)
def test_settlement_must_repeat_the_presettlement(hospital: Hospital, change: dict[str, Any], text: str) -> None:
    _, given = quoted(hospital)
    given["data"] |= change
    assert text in hospital.no("2207A", given)
    assert hospital.rows("settle") == []


def test_settlement_needs_a_fresh_presettlement(hospital: Hospital) -> None:
    mdtrt_id, given = quoted(hospital)
    hospital.ok("2204", {"feedetail": [hospital.line("P0001", mdtrt_id, "9", "K0002")]})
    given["data"]["medfee_sumamt"] += 25
    assert "请重新预结算" in hospital.no("2207A", given)


def test_blank_echo_is_a_setting(hospital: Hospital) -> None:
    _, given = quoted(hospital)
    given["data"] |= {"fulamt_ownpay_amt": "", "preselfpay_amt": ""}
    hospital.act("set", echo_required=False)
    assert hospital.ok("2207A", given)


def test_settlement_and_everything_after_it(hospital: Hospital) -> None:
    mdtrt_id, given = quoted(hospital)
    message = hospital.message("2207A", given)
    output = hospital.send(message)["output"]
    info = output["setlinfo"]
    assert info["medins_setl_id"] == message["msgid"]
    assert (info["clr_optins"], info["clr_way"], info["clr_type"]) == ("370200", "1", "11")
    row = hospital.rows("settle")[0]
    assert {k: row[k] for k in ("no", "party_no", "amount", "state", "bill", "ref", "fund", "account", "cash")} == {
        "no": message["msgid"], "party_no": info["setl_id"], "amount": 120000, "state": "done", "bill": "MZ1",
        "ref": mdtrt_id, "fund": 12500, "account": 0, "cash": 107500,
    }
    assert "已结算" in hospital.no("2207A", given)
    assert "已结算" in hospital.no("2206A", hospital.data_2206("P0001", mdtrt_id, 1200.0))
    assert "已结算" in hospital.no("2205", data_2205(mdtrt_id))
    assert "已结算" in hospital.no("2202", data_2202(mdtrt_id, "MZ1"))
    assert "已结算" in hospital.no("2204", {"feedetail": [hospital.line("P0001", mdtrt_id, "9", "K0001")]})
    assert "已结算" in hospital.no("2203A", hospital.data_2203("P0001", mdtrt_id))
    assert len(hospital.rows("settle")) == 1
    hospital.cancel("P0001", mdtrt_id, info["setl_id"])
    twice = {"data": {"setl_id": info["setl_id"], "mdtrt_id": mdtrt_id, "psn_no": P1}}
    assert "已退费" in hospital.no("2208", twice)
    hospital.ok("2205", data_2205(mdtrt_id))
    hospital.ok("2202", data_2202(mdtrt_id, "MZ1"))
    kinds = [(r["kind"], r["state"], r["amount"]) for r in hospital.rows()]
    assert kinds == [
        ("register", "cancelled", 0), ("upload", "deleted", 120000), ("settle", "cancelled", 120000),
        ("cancel", "done", -120000),
    ]
    assert hospital.rows("cancel")[0]["fund"] == -12500


def test_cancel_needs_the_right_settlement(hospital: Hospital) -> None:
    mdtrt_id, output = hospital.settled("P0001", "MZ1", "visit1")
    setl_id = output["setlinfo"]["setl_id"]
    other, _ = hospital.settled("P0001", "MZ2", "visit2")
    for wrong in ({"setl_id": "1"}, {"mdtrt_id": other}, {"psn_no": PEOPLE["P0003"].psn_no}):
        given = {"data": {"setl_id": setl_id, "mdtrt_id": mdtrt_id, "psn_no": P1, **wrong}}
        assert "未查询到" in hospital.no("2208", given)
    negative = hospital.cancel("P0001", mdtrt_id, setl_id)["setlinfo"]
    assert "未查询到" in hospital.no(
        "2208", {"data": {"setl_id": negative["setl_id"], "mdtrt_id": mdtrt_id, "psn_no": P1}}
    )


def test_last_in_first_out_where_the_bureau_insists(hospital: Hospital) -> None:
    hospital.act("set", refund_order="lifo")
    first = hospital.settled("P0001", "MZ1", "visit1")
    second = hospital.settled("P0001", "MZ2", "visit2")
    given = {"data": {"setl_id": first[1]["setlinfo"]["setl_id"], "mdtrt_id": first[0], "psn_no": P1}}
    assert "逆序" in hospital.no("2208", given)
    hospital.cancel("P0001", second[0], second[1]["setlinfo"]["setl_id"])
    assert hospital.ok("2208", given)
    assert hospital.sums("P0001") == (0, 0)


def test_policy_and_counters_may_change_between_quote_and_settlement(hospital: Hospital) -> None:
    _, given = quoted(hospital)
    hospital.act("change_policy", ratio_bp=6000)
    info = hospital.ok("2207A", given)["setlinfo"]
    assert (str(info["fund_pay_sumamt"]), str(info["psn_cash_pay"])) == ("150.00", "1050.00")
    assert str(info["pool_prop_selfpay"]) == "0.6000"
    hospital.act("set_counter", person="P0003", fund_used=169000, deductible_used=80000, balance=500)
    hospital.act("sign_community", person="P0003")
    _, output = hospital.settled("P0003", "MZ3", "visit2", account="1")
    assert [str(output["setlinfo"][k]) for k in ("hifp_pay", "acct_pay", "psn_cash_pay")] == ["10.00", "5.00", "485.00"]


def test_a_catalogue_change_moves_an_item_into_scope(hospital: Hospital) -> None:
    hospital.act("change_item", code="K0101", level="01")
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    rows = hospital.ok("2204", {"feedetail": [hospital.line("P0001", mdtrt_id, "1", "K0101")]})["result"]
    assert str(rows[0]["inscp_scp_amt"]) == "100.00"


def test_day_statement(hospital: Hospital) -> None:
    mdtrt_id, output = hospital.settled("P0001", "MZ1", "visit1", account="1")
    hospital.settled("P0001", "MZ2", "visit2")
    _, gone = hospital.settled("P0006", "MZ3", "visit2")
    assert hospital.reverse("P0006", gone["setlinfo"]["medins_setl_id"], "2207A")["infcode"] == 0

    def verdict(total: float, fund: float, account: float, count: int, end: str = "2026-11-22") -> str:
        row = hospital.ok("3201", {"data": {
            "insutype": "310", "clr_type": "11", "setl_optins": "370200", "stmt_begndate": "2026-11-22",
            "stmt_enddate": end, "medfee_sumamt": total, "fund_pay_sumamt": fund, "acct_pay": account,
            "fixmedins_setl_cnt": count,
        }})["stmtinfo"]
        assert row["setl_optins"] == "370200"
        return str(row["stmt_rslt"])

    assert verdict(1700, 375, 320.5, 2) == verdict(1700, 375, 320.5, 2, "2026-11-22 23:59:59") == "0"
    assert verdict(1200, 125, 320.5, 1) == "1"
    assert verdict(1700, 375, 320.5, 3) == "2"
    assert verdict(1700, 375.01, 320.5, 2) == "3"
    hospital.cancel("P0001", mdtrt_id, output["setlinfo"]["setl_id"])
    assert verdict(500, 250, 0, 3) == "0"
    hospital.act("set", statement_counts_refunds=False)
    assert verdict(500, 250, 0, 1) == "0"
