"""The e-invoice platform as its callers meet it: the signed wrapper, issue, flush, paper, day checks."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from memory_http import Answer, Desk, open_desk, request_bytes

from simulators.einvoice import EinvoiceSim
from simulators.einvoice.envelope import sign


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass
class Caller:
    """Wraps and signs as the documentation says, and checks every reply's signature."""

    desk: Desk
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.card = self.desk.sim("card.json").json

    def sign(self, data: str, noise: str) -> str:
        text = f"appid={self.card['app_id']}&data={data}&noise={noise}&key={self.card['key']}&version=1.0"
        return hashlib.md5(text.encode()).hexdigest().upper()

    def wrapped(self, body: object, **changed: object) -> bytes:
        data, noise = b64(json.dumps(body)), "0f3c2b1a4d5e46f798a0b1c2d3e4f506"
        outer = {
            "appid": self.card["app_id"], "data": data, "noise": noise, "version": "1.0",
            "sign": self.sign(data, noise), **changed,
        }
        return json.dumps({k: v for k, v in outer.items() if v is not None}).encode()

    def raw(self, service: str, body: object, **changed: object) -> Answer:
        path = self.card["path"].replace("{service}", service)
        return self.desk.ask("POST", path, self.wrapped(body, **changed))

    def opened(self, answer: Answer) -> tuple[str, Any]:
        assert answer.status == 200
        outer = answer.json
        assert outer["sign"] == self.sign(outer["data"], outer["noise"])
        inner = json.loads(base64.b64decode(outer["data"]))
        text = base64.b64decode(inner["message"]).decode("utf-8")
        return inner["result"], json.loads(text) if inner["result"] == "S0000" else text

    def __call__(self, service: str, **body: object) -> Any:
        result, message = self.opened(self.raw(service, body))
        assert result == "S0000", message
        return message

    def refused(self, service: str, **body: object) -> str:
        result, message = self.opened(self.raw(service, body))
        assert result != "S0000"
        return str(message)

    def issue(self, bus_no: str = "S1", **changed: object) -> dict[str, Any]:
        return dict(self("invoiceEBillOutpatient", **outpatient(bus_no, **changed)))

    def write_off(self, bill: dict[str, Any]) -> dict[str, object]:
        return {
            "billBatchCode": bill["billBatchCode"], "billNo": bill["billNo"], "reason": "退费", "operator": "K01",
            "busDateTime": "20261122080100000", "placeCode": "K01",
        }

    def state(self, bill: dict[str, Any]) -> dict[str, Any]:
        return dict(self(
            "getEBillStatesByBillInfo", billBatchCode=bill["billBatchCode"], billNo=bill["billNo"]
        ))

    def paper(self, bill: dict[str, Any], number: str, service: str = "turnPaper") -> dict[str, object]:
        return {
            "billBatchCode": bill["billBatchCode"], "billNo": bill["billNo"],
            "pBillBatchCode": self.card["paper_batch"], "pBillNo": number, "busDateTime": "20261122080200000",
            "placeCode": "K01", "operator": "K01",
        }

    def void_paper(self, number: str) -> dict[str, object]:
        return {
            "pBillBatchCode": self.card["paper_batch"], "pBillNo": number, "placeCode": "K01", "author": "K01",
            "reason": "退费", "busDateTime": "20261122080300000",
        }


def outpatient(bus_no: str = "S1", **changed: object) -> dict[str, object]:
    return {
        "busNo": bus_no, "busType": "02", "payer": "测试甲", "busDateTime": "20261122080000000", "placeCode": "K01",
        "payee": "K01", "author": "K01", "totalAmt": "1200.00", "cardType": "1101", "cardNo": "A12345678",
        "payerType": "1", "medCareTypeCode": "01", "fundPay": 125, "balancedNumber": "Z1",
        "otherInfo": [{"infoNo": "1", "infoName": "医保编号", "infoValue": "x"}],
        "payChannelDetail": [
            {"payChannelCode": "05", "payChannelValue": 1075.00}, {"payChannelCode": "11", "payChannelValue": "125"},
        ],
        "chargeDetail": [
            {"sortNo": 1, "chargeCode": "05", "chargeName": "治疗费", "unit": "次", "number": 2, "std": "400.00",
             "amt": "800.00", "selfAmt": "0.00"},
            {"sortNo": "2", "chargeCode": "09", "chargeName": "西药费", "amt": 400, "selfAmt": 50.5},
        ],
        "listDetail": [{"chargeCode": "05", "chargeName": "治疗费", "name": "根管治疗", "amt": "800.00"}],
        **changed,
    }


@pytest.fixture
def bureau() -> Caller:
    return Caller(open_desk(EinvoiceSim))


def test_the_published_vector_signs_right() -> None:
    data = b64('{"billBatchCode":"37060126","billNo":"0000000001"}')
    assert sign("SIMAPP", data, "0f3c2b1a4d5e46f798a0b1c2d3e4f506", "SIMKEY") == "50DABA9C28828A021966DDE7CAA26DD2"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"sign": "0" * 32}, "签名验证失败"), ({"appid": "OTHER"}, "应用帐号不存在"),
        ({"version": "2.0"}, "版本号错误"),
        ({"noise": None}, "参数noise不能为空"), ({"noise": "other"}, "签名验证失败"), ({"data": 5}, "参数data不能为空"),
        ({"extra": "1"}, "未知参数extra"),
    ],
)
def test_wrappers_that_are_wrong(bureau: Caller, changed: dict[str, object], text: str) -> None:
    answer = bureau.raw("getBillByBusNo", {"busNo": "S1"}, **changed)
    result, message = bureau.opened(answer)
    assert (result != "S0000", message) == (True, text)


def test_lower_case_signatures_are_not_accepted(bureau: Caller) -> None:
    body = json.loads(bureau.wrapped({"busNo": "S1"}))
    answer = bureau.raw("getBillByBusNo", {"busNo": "S1"}, sign=body["sign"].lower())
    assert bureau.opened(answer)[1] == "签名验证失败"


def test_data_that_is_no_json_in_base64(bureau: Caller) -> None:
    for data in ("!!!", b64("[]"), b64("{"), b64('{"busNo":"a"')):
        answer = bureau.raw("getBillByBusNo", {}, data=data, sign=bureau.sign(data, "n"), noise="n")
        assert bureau.opened(answer)[1] == "参数data解析失败"
    raw = bureau.desk.ask("POST", bureau.card["path"].replace("{service}", "getBillByBusNo"), b"not json")
    assert bureau.opened(raw)[1] == "请求报文格式错误"


def test_addresses_that_do_not_exist(bureau: Caller) -> None:
    assert bureau.raw("issueEverything", {}).status == 404
    assert bureau.desk.ask("POST", "/medical/invoiceEBillOutpatient", bureau.wrapped({})).status == 404
    assert bureau.desk.ask("GET", "/medical-web/api/medical/getBillByBusNo").status == 405


def test_an_issued_bill(bureau: Caller) -> None:
    bill = bureau.issue()
    assert (bill["billBatchCode"], bill["billNo"], bill["billBusDate"]) == ("37060126", "0000000001", "20261122")
    assert (len(bill["random"]), bill["createTime"]) == (6, "20261122080000000")
    assert base64.b64decode(bill["billQRCode"]).decode() == bill["pictureUrl"]
    (row,) = bureau.desk.rows()
    assert (row["kind"], row["no"], row["party_no"], row["amount"]) == ("issue", "S1", "0000000001", 120000)


def test_the_same_business_number_is_the_same_bill(bureau: Caller) -> None:
    first = bureau.issue()
    assert bureau.issue(busDateTime="20261122090000000") == first
    assert len(bureau.desk.rows()) == 1
    assert "重复" in bureau.refused("invoiceEBillOutpatient", **outpatient(payer="测试乙"))
    other_amount = outpatient(totalAmt="45.00", chargeDetail=[{**LINES[0], "amt": "45.00"}],
                              payChannelDetail=[{"payChannelCode": "05", "payChannelValue": "45.00"}])
    assert "重复" in bureau.refused("invoiceEBillOutpatient", **other_amount)
    assert bureau.issue("S2")["billNo"] == "0000000002"


def test_registrations_have_a_service_of_their_own(bureau: Caller) -> None:
    assert bureau("invEBillRegistration", **outpatient(busType="06"))["billNo"] == "0000000001"
    assert bureau.refused("invEBillRegistration", **outpatient("S2")) == "参数busType的值02不在允许范围"
    assert bureau.refused("invoiceEBillOutpatient", **outpatient("S2", busType="06")).startswith("参数busType")


LINES = [{"sortNo": 1, "chargeCode": "05", "chargeName": "治疗费", "amt": "1200.00"}]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"busNo": ""}, "参数busNo不能为空"), ({"busNo": "x" * 51}, "参数busNo长度超过50"),
        ({"busNo": 5}, "参数busNo应为字符串"),
        ({"payer": None}, "参数payer不能为空"),
        ({"busDateTime": "2026-11-22 08:00"}, "参数busDateTime格式应为yyyyMMddHHmmssSSS"),
        ({"busDateTime": "20261322080000000"}, "参数busDateTime格式应为yyyyMMddHHmmssSSS"),
        ({"totalAmt": "1200.001"}, "参数totalAmt应为两位小数以内的金额"),
        ({"totalAmt": "1,200"}, "参数totalAmt应为两位小数以内的金额"),
        ({"totalAmt": True}, "参数totalAmt应为数字"), ({"totalAmt": float("nan")}, "参数totalAmt应为数字"),
        ({"tel": "123456789012"}, "参数tel长度超过11"), ({"payerType": "3"}, "参数payerType的值3不在允许范围"),
        ({"chargeDetail": []}, "参数chargeDetail不能为空"), ({"chargeDetail": ["x"]}, "参数chargeDetail应为列表"),
        ({"chargeDetail": [{"sortNo": 1, "chargeCode": "05", "amt": 1200}]}, "参数chargeDetail[1].chargeName不能为空"),
        ({"chargeDetail": [{**LINES[0], "colour": "red"}]}, "未知参数chargeDetail[1].colour"),
        ({"chargeDetail": [{**LINES[0], "number": "1.00001"}]}, "参数chargeDetail[1].number应为四位小数以内的数字"),
        ({"chargeDetail": [{**LINES[0], "sortNo": "1.5"}]}, "参数chargeDetail[1].sortNo应为整数"),
        ({"payChannelDetail": [{"payChannelCode": "99", "payChannelValue": 1200}]},
         "参数payChannelDetail[1].payChannelCode的值99不在允许范围"),
        ({"chargeDetail": [{**LINES[0], "amt": "1199.99"}]}, "收费项目金额合计与开票总金额不一致"),
        ({"payChannelDetail": [{"payChannelCode": "05", "payChannelValue": "1199.99"}]},
         "交费渠道金额合计与开票总金额不一致"),
        ({"totalAmt": "0.00"}, "开票金额必须大于0"), ({"colour": "red"}, "未知参数colour"),
    ],
)
def test_every_field_is_checked(bureau: Caller, changed: dict[str, object], text: str) -> None:
    assert bureau.refused("invoiceEBillOutpatient", **outpatient(**changed)) == text
    assert bureau.desk.rows() == []


def test_a_flush_makes_a_red_bill_once(bureau: Caller) -> None:
    bill = bureau.issue()
    red = bureau("writeOffEBill", **bureau.write_off(bill))
    assert red["eScarletBillNo"] == "0000000002"
    assert bureau.refused("writeOffEBill", **bureau.write_off(bill)) == "该票据已冲红"
    state = bureau.state(bill)
    assert (state["state"], state["isScarlet"], state["eScarletBillNo"]) == ("2", "1", "0000000002")
    issued, flushed = bureau.desk.rows()
    assert issued["state"] == "written_off"
    assert (flushed["kind"], flushed["no"], flushed["amount"], flushed["party_no"], flushed["ref"]) == (
        "write_off", "S1", 120000, "0000000002", "0000000001"
    )
    assert bureau.issue()["billNo"] == "0000000001"  # a flushed number stays used: a new bill needs a new one


def test_flushing_what_is_not_there(bureau: Caller) -> None:
    bill = bureau.issue()
    assert bureau.refused("writeOffEBill", **bureau.write_off({**bill, "billNo": "9"})) == "票据不存在"
    red = bureau("writeOffEBill", **bureau.write_off(bill))
    red_as_bill = {"billBatchCode": red["eScarletBillBatchCode"], "billNo": red["eScarletBillNo"]}
    assert bureau.refused("writeOffEBill", **bureau.write_off(red_as_bill)) == "票据不存在"
    assert bureau.refused("writeOffEBill", **{**bureau.write_off(bill), "reason": ""}) == "参数reason不能为空"


def test_states_and_finding_by_business_number(bureau: Caller) -> None:
    assert bureau.refused("getBillByBusNo", busNo="S1") == "票据不存在"
    bill = bureau.issue()
    state = bureau.state(bill)
    assert (state["state"], state["isScarlet"], state["isPrtPaper"], state["totalAmt"]) == ("1", "0", "0", "1200.00")
    found = bureau("getBillByBusNo", busNo="S1")
    assert {name: found[name] for name in bill} == bill
    assert bureau.refused("getEBillStatesByBillInfo", billBatchCode="37060126", billNo="9") == "票据不存在"


def test_a_state_query_on_a_flushed_bill_may_break(bureau: Caller) -> None:
    bill = bureau.issue()
    query = {"billBatchCode": bill["billBatchCode"], "billNo": bill["billNo"]}
    bureau.desk.sim("act", {"act": "set", "state_query_500": True})
    assert bureau.raw("getEBillStatesByBillInfo", query).status == 200
    bureau("writeOffEBill", **bureau.write_off(bill))
    assert bureau.raw("getEBillStatesByBillInfo", query).status == 500
    bureau.desk.sim("act", {"act": "set", "state_query_500": False})
    assert bureau.raw("getEBillStatesByBillInfo", query).status == 200
    bureau.desk.fault("state_500", op="getEBillStatesByBillInfo")
    assert [bureau.raw("getEBillStatesByBillInfo", query).status for _ in range(2)] == [500, 200]


def test_paper_must_be_taken_back_before_the_flush(bureau: Caller) -> None:
    bill = bureau.issue()
    batch = bureau.card["paper_batch"]
    number = bureau("getPaperBillNo", placeCode="K01", pBillBatchCode=batch)["pBillNo"]
    assert number == "00000001"
    assert bureau("turnPaper", **bureau.paper(bill, number))["pBillNo"] == number
    assert bureau.refused("turnPaper", **bureau.paper(bill, "00000002")) == "该票据已换开纸质票据"
    assert bureau.state(bill)["pBillNo"] == number
    assert "请先收回并作废纸质票据" in bureau.refused("writeOffEBill", **bureau.write_off(bill))
    assert bureau("reTurnPaper", **bureau.paper(bill, "00000002"))["pBillNo"] == "00000002"
    assert bureau.refused("invalidPaper", **bureau.void_paper(number)) == "该纸质票据已作废"
    red = bureau("invalidPaper", **bureau.void_paper("00000002"))
    assert red["eScarletBillNo"]
    assert bureau.refused("writeOffEBill", **bureau.write_off(bill)) == "该票据已冲红"
    assert bureau.refused("invalidPaper", **bureau.void_paper("00000002")) == "该纸质票据已作废"
    assert bureau("getPaperBillNo", placeCode="K01", pBillBatchCode=batch)["pBillNo"] == "00000003"
    assert [r["kind"] for r in bureau.desk.rows()] == ["issue", "write_off"]


def test_paper_numbers_run_out_and_blank_ones_are_voided(bureau: Caller) -> None:
    batch = bureau.card["paper_batch"]
    blank = {
        "pBillBatchCode": batch, "pBillNoStart": "00000001", "pBillNoEnd": "00000002", "placeCode": "K01",
        "author": "K01", "reason": "污损", "busDateTime": "20261122080000000",
    }
    bureau("invalidBlankBillNo", **blank)
    assert bureau.refused("invalidBlankBillNo", **blank) == "纸质票据号已使用或已作废"
    assert bureau("getPaperBillNo", placeCode="K01", pBillBatchCode=batch)["pBillNo"] == "00000003"
    bureau.desk.sim("act", {"act": "set", "paper_left": 0})
    assert bureau.refused("getPaperBillNo", placeCode="K01", pBillBatchCode=batch) == "无可用纸质票据号"
    bill = bureau.issue()
    assert bureau.refused("turnPaper", **bureau.paper(bill, "00000001")) == "纸质票据号已使用或已作废"
    assert bureau.refused("turnPaper", **bureau.paper(bill, "00000003")) == "纸质票据号不在领用范围"
    assert bureau.refused("reTurnPaper", **bureau.paper(bill, "00000003")) == "该票据尚未换开"
    assert bureau("getValidBillBatchCode", placeCode="K01")["billBatchList"][0]["pBillBatchCode"] == batch


def test_the_day_list_pages(bureau: Caller) -> None:
    for n in range(5):
        bureau.issue(f"S{n}", placeCode="K02" if n == 4 else "K01")
    period = {"busBgnDate": "20261122000000000", "busEndDate": "20261122235959999", "pageSize": 2}
    pages = [bureau("getBillByBusDate", **period, pageNo=n, placeCode="K01") for n in (1, 2, 3)]
    assert [p["total"] for p in pages] == [4, 4, 4]
    assert [[b["busNo"] for b in p["billList"]] for p in pages] == [["S0", "S1"], ["S2", "S3"], []]
    before = {**period, "busBgnDate": "20261121000000000", "busEndDate": "20261121235959999", "pageNo": 1}
    assert bureau("getBillByBusDate", **before)["total"] == 0
    assert "pageNo" in bureau.refused("getBillByBusDate", **period, pageNo=0)
    assert bureau("getBillByBusDate", **period, pageNo=1, dataType="2")["total"] == 0


def test_totals_of_a_day_are_compared(bureau: Caller) -> None:
    bills = [bureau.issue(f"S{n}") for n in range(3)]
    bureau("writeOffEBill", **bureau.write_off(bills[0]))
    same = bureau("checkTotalData", busDate="20261122", copyNum=3, allTotalAmt="3600.00")
    assert (same["isSame"], same["copyNum"], same["allTotalAmt"]) == ("1", 3, "3600.00")
    assert bureau("checkTotalData", busDate="20261122", copyNum=3, allTotalAmt="3599.99")["isSame"] == "0"
    assert bureau("checkTotalData", busDate="20261123", copyNum="0", allTotalAmt="0")["isSame"] == "1"
    assert bureau("checkWriteOffData", busDate="20261122", copyNum=1, allTotalAmt=1200)["isSame"] == "1"
    assert bureau("checkWriteOffData", busDate="20261122", copyNum=2, allTotalAmt=1200)["isSame"] == "0"


def test_flushes_count_on_the_day_they_were_made(bureau: Caller) -> None:
    bill = bureau.issue()
    bureau.desk.sim("clock", {"advance": 86400})
    bureau("writeOffEBill", **bureau.write_off(bill))
    assert bureau("checkWriteOffData", busDate="20261122", copyNum=0, allTotalAmt=0)["isSame"] == "1"
    assert bureau("checkWriteOffData", busDate="20261123", copyNum=1, allTotalAmt=1200)["isSame"] == "1"


def test_faults_speak_the_wrappers_language(bureau: Caller) -> None:
    bureau.desk.fault("not_enough_balance", op="invoiceEBillOutpatient")
    assert bureau.refused("invoiceEBillOutpatient", **outpatient()) == "无可用票据号，请先领用票据"
    assert bureau.desk.rows() == []
    bureau.desk.fault("bad_signature", op="invoiceEBillOutpatient", match={"no": "S1"})
    outer = bureau.raw("invoiceEBillOutpatient", outpatient()).json
    assert outer["sign"] != bureau.sign(outer["data"], outer["noise"])
    assert len(bureau.desk.rows()) == 1
    bureau.desk.fault("wrong_amount", op="getBillByBusNo")
    assert [bureau("getBillByBusNo", busNo="S1")["totalAmt"] for _ in range(2)] == ["1200.01", "1200.00"]


def test_a_lost_issue_reply_is_found_by_the_business_number(bureau: Caller) -> None:
    bureau.desk.fault("reset_after_commit", op="invoiceEBillOutpatient")
    path = bureau.card["path"].replace("{service}", "invoiceEBillOutpatient")
    connection = bureau.desk.connect()
    assert connection.send(request_bytes("POST", path, bureau.wrapped(outpatient()))) == b""
    assert connection.aborted
    found = bureau("getBillByBusNo", busNo="S1")["billNo"]
    assert bureau.issue()["billNo"] == found
    assert len(bureau.desk.rows()) == 1


def test_a_reset_forgets_bills_but_not_the_key(bureau: Caller) -> None:
    bureau.issue()
    bureau.desk.sim("reset", {})
    assert bureau.refused("getBillByBusNo", busNo="S1") == "票据不存在"
    assert bureau.desk.sim("card.json").json["key"] == bureau.card["key"]


@pytest.mark.parametrize(
    "wrong",
    [{"act": "x"}, {"act": "set", "y": 1}, {"act": "set", "paper_left": -1}, {"act": "set", "state_query_500": 1}],
)
def test_unknown_acts_are_refused(bureau: Caller, wrong: dict[str, object]) -> None:
    assert bureau.desk.sim("act", wrong).status == 400
