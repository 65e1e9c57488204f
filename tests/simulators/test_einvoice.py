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
        ({"totalAmt": True}, "参数totalAmt应为数字"), ({"totalAmt": float("nan")}, "参数data解析失败"),
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
    assert (state["state"], state["isScarlet"], state["scarletBillNo"]) == ("2", "1", "0000000002")
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
    assert bureau.refused("turnPaper", **bureau.paper(bill, "00000002")) == "该票据已换开纸质票据00000001"
    assert bureau.state(bill)["pBillNo"] == number
    assert "请先收回并作废纸质票据" in bureau.refused("writeOffEBill", **bureau.write_off(bill))
    assert bureau("reTurnPaper", **bureau.paper(bill, "00000002"))["pBillNo"] == "00000002"
    assert bureau.refused("invalidPaper", **bureau.void_paper(number)) == "该纸质票据已作废"
    red = bureau("invalidPaper", **bureau.void_paper("00000002"))
    assert red["eScarletBillNo"]
    assert bureau.refused("writeOffEBill", **bureau.write_off(bill)) == "该票据已冲红"
    assert bureau.refused("invalidPaper", **bureau.void_paper("00000002")) == "该纸质票据已作废"
    assert bureau("getPaperBillNo", placeCode="K01", pBillBatchCode=batch)["pBillNo"] == "00000003"
    kinds = [(r["kind"], r["no"], r["party_no"], r["state"]) for r in bureau.desk.rows()]
    assert kinds == [
        ("issue", "S1", "0000000001", "written_off"),
        ("notice", "S1", "00000001", "void"), ("void", "S1", "00000001", "done"),
        ("notice", "S1", "00000002", "void"), ("void", "S1", "00000002", "done"),
        ("write_off", "S1", "0000000002", "done"),
    ]  # fmt: skip


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


PAGE = {"pageNo": 1, "pageSize": 200}


def test_totals_of_a_day(bureau: Caller) -> None:
    bills = [bureau.issue(f"S{n}") for n in range(3)]
    bureau("invEBillRegistration", **outpatient("R1", busType="06"))
    bureau("writeOffEBill", **bureau.write_off(bills[0]))
    day = bureau("checkTotalData", busDate="2026-11-22", **PAGE)
    assert (day["allTotalNum"], day["allTotalAmt"], len(day["billNoList"])) == (4, "4800.00", 4)
    second = bureau("checkTotalData", busDate="20261122", pageNo=2, pageSize=3)
    assert (second["copyNum"], second["totalAmt"]) == (1, "1200.00")
    assert (second["allTotalNum"], second["allTotalAmt"]) == (4, "4800.00")
    assert bureau("checkTotalData", busDate="2026-11-23", **PAGE)["allTotalNum"] == 0
    red = bureau("checkWriteOffData", busDate="2026-11-22", busType="02", **PAGE)
    assert (red["allTotalNum"], red["allTotalAmt"]) == (1, "1200.00")
    assert bureau("checkWriteOffData", busDate="2026-11-22", busType="06", **PAGE)["allTotalNum"] == 0
    assert bureau.refused("checkTotalData", busDate="22.11.2026", **PAGE) == "参数busDate格式应为yyyy-MM-dd"
    assert bureau.refused("checkTotalData", busDate="2026-13-01", **PAGE) == "参数busDate格式应为yyyy-MM-dd"


def test_flushes_count_on_the_day_they_were_made(bureau: Caller) -> None:
    bill = bureau.issue()
    bureau.desk.sim("clock", {"advance": 86400})
    bureau("writeOffEBill", **bureau.write_off(bill))
    counted = [bureau("checkWriteOffData", busDate=day, **PAGE)["allTotalNum"] for day in ("2026-11-22", "2026-11-23")]
    assert counted == [0, 1]


DAY = {"busBgnDate": "20261122000000000", "busEndDate": "20261122235959999", **PAGE}


def test_the_list_tells_blue_red_and_paper_apart(bureau: Caller) -> None:
    flushed, printed, voided, plain = (bureau.issue(f"S{n}") for n in range(4))
    bureau("writeOffEBill", **bureau.write_off(flushed))
    bureau("turnPaper", **bureau.paper(printed, "00000001"))
    bureau("turnPaper", **bureau.paper(voided, "00000002"))
    bureau("invalidPaper", **bureau.void_paper("00000002"))
    blank = {"pBillNoStart": "00000009", "pBillNoEnd": "00000009", "pBillBatchCode": bureau.card["paper_batch"]}
    void = bureau.void_paper("")
    bureau("invalidBlankBillNo", **{name: value for name, value in {**void, **blank}.items() if name != "pBillNo"})

    def seen(kind: str | None) -> list[tuple[str, str]]:
        rows = bureau("getBillByBusDate", **DAY, **({"dataType": kind} if kind else {}))["billList"]
        return [(row.get("busNo", row.get("pBillNo", "")), row["state"]) for row in rows]

    assert seen("1") == [("S0", "2"), ("S2", "2"), ("S3", "1")]
    assert seen("2") == [("S0", "3")]
    assert seen("3") == [("S1", "1")]
    assert seen("4") == [("S2", "3")]
    assert seen("5") == [("00000009", "2")]
    assert seen(None) == [("S0", "2"), ("S0", "3"), ("S1", "1"), ("S2", "2"), ("S2", "3"), ("S3", "1")]
    assert plain["billNo"] == "0000000004"
    registration = bureau("invEBillRegistration", **outpatient("R1", busType="06"))
    rows = bureau("getBillByBusDate", **DAY, busType="06")["billList"]
    told = [(row["busNo"], row["billNo"], row["totalAmt"]) for row in rows]
    assert told == [("R1", registration["billNo"], "1200.00")]
    assert bureau.refused("getBillByBusDate", **DAY, dataType="6") == "参数dataType的值6不在允许范围"


def deposit(bus_no: str = "D1", **changed: object) -> dict[str, object]:
    return {
        "busType": "07", "busNo": bus_no, "payer": "测试甲", "busDateTime": "20261122080000000", "placeCode": "K01",
        "payee": "K01", "drawee": "测试甲", "author": "K01", "cardType": "1101", "cardNo": "A12345678",
        "amt": "3000.00", "ownAcBalance": "3000.00", "hospitalNo": "ZY0001", "inHospitalDate": "2026-11-22",
        "payChannelDetail": [{"payChannelCode": "05", "payChannelValue": "3000.00"}], **changed,
    }


def inpatient(bus_no: str = "I1", **changed: object) -> dict[str, object]:
    return {
        **outpatient(bus_no, busType="01"), "checker": "K02", "hospitalNo": "ZY0001", "inHospitalDate": "2026-11-20",
        "outHospitalDate": "2026-11-22", **changed,
    }


def back(voucher: dict[str, Any], **changed: object) -> dict[str, object]:
    return {
        "busType": "07", "billBatchCode": voucher["billBatchCode"], "billNo": voucher["billNo"], "reason": "退预交",
        "operator": "K01", "busDateTime": "20261122090000000", "placeCode": "K01", "amt": "3000.00",
        "voucherBatchCode": voucher["voucherBatchCode"], "voucherNo": voucher["voucherNo"], **changed,
    }


def test_a_deposit_voucher_is_issued_once_and_written_off_once(bureau: Caller) -> None:
    voucher = bureau("invoicePayMentVoucher", **deposit())
    assert bureau("invoicePayMentVoucher", **deposit()) == voucher
    assert (voucher["voucherBatchCode"], len(voucher["voucherNo"])) == (bureau.card["voucher_batch"], 8)
    assert "重复" in bureau.refused("invoicePayMentVoucher", **deposit(payer="测试乙"))
    uneven = deposit("D2", amt="2999.99")
    assert bureau.refused("invoicePayMentVoucher", **uneven) == "交费渠道金额合计与开票总金额不一致"
    assert bureau.refused("writeOffEBill", **bureau.write_off(voucher)) == "预交金凭证请使用预交金退款接口冲销"
    assert bureau.refused("writeOffPayMentVoucher", **back(voucher, amt="1.00")) == "退款金额与预交金凭证金额不一致"
    assert bureau.refused("writeOffPayMentVoucher", **back(voucher, voucherNo="9")) == "预交金凭证号码与票据不符"
    assert bureau("writeOffPayMentVoucher", **back(voucher))["eScarletBillNo"]
    assert bureau.refused("writeOffPayMentVoucher", **back(voucher)) == "该票据已冲红"
    assert [(r["kind"], r["no"], r["amount"], r["state"]) for r in bureau.desk.rows()] == [
        ("issue", "D1", 300000, "written_off"), ("write_off", "D1", 300000, "done"),
    ]  # fmt: skip


def used(voucher: dict[str, Any], amount: str) -> dict[str, object]:
    return {"voucherBatchCode": voucher["voucherBatchCode"], "voucherNo": voucher["voucherNo"], "voucherAmt": amount}


def test_an_inpatient_invoice_uses_up_deposits(bureau: Caller) -> None:
    voucher = bureau("invoicePayMentVoucher", **deposit())
    much = inpatient("I0", payMentVoucher=[used(voucher, "3000.01")])
    assert bureau.refused("invEBillHospitalized", **much).endswith("余额不足")
    bill = bureau("invEBillHospitalized", **inpatient(payMentVoucher=[used(voucher, "1200.00")]))
    assert bureau("invEBillHospitalized", **inpatient(payMentVoucher=[used(voucher, "1200.00")])) == bill
    assert bureau.refused("writeOffPayMentVoucher", **back(voucher)) == "该预交金凭证已用于住院结算，不能退款冲销"
    bureau("writeOffEBill", **bureau.write_off(bill))
    bureau("writeOffPayMentVoucher", **back(voucher))
    late = inpatient("I2", payMentVoucher=[used(voucher, "1.00")])
    assert bureau.refused("invEBillHospitalized", **late).endswith("已退款冲销")
    stranger = inpatient("I3", payMentVoucher=[{**used(voucher, "1.00"), "voucherNo": "99999999"}])
    assert bureau.refused("invEBillHospitalized", **stranger) == "预交金凭证99999999不存在"
    assert bureau.refused("invEBillHospitalized", **inpatient("I4", checker=None)) == "参数checker不能为空"
    undated = inpatient("I4", inHospitalDate="20.11.2026")
    assert bureau.refused("invEBillHospitalized", **undated) == "参数inHospitalDate格式应为yyyy-MM-dd"
    assert bureau("invEBillCheckUp", **outpatient("T1", busType="05"))["billNo"]


def test_no_voucher_is_used_twice_and_none_pays_more_than_the_patients_part(bureau: Caller) -> None:
    voucher, other = bureau("invoicePayMentVoucher", **deposit()), bureau("invoicePayMentVoucher", **deposit("D2"))
    twice = [used(voucher, "1600.00"), used(voucher, "1600.00")]
    assert bureau.refused("invEBillHospitalized", **inpatient("I1", payMentVoucher=twice)).endswith("余额不足")
    much = inpatient("I1", payMentVoucher=[used(voucher, "800.00"), used(other, "200.01")], ownPay="1000.00")
    assert bureau.refused("invEBillHospitalized", **much) == "抵扣的预交金凭证合计大于个人支付金额"
    just = inpatient("I1", payMentVoucher=[used(voucher, "1000.00")], ownPay="1000.00")
    bureau("invEBillHospitalized", **just)
    rest = inpatient("I2", payMentVoucher=[used(voucher, "2000.01")])
    assert bureau.refused("invEBillHospitalized", **rest).endswith("余额不足"), "what the first invoice used is gone"
    assert bureau.refused("writeOffPayMentVoucher", **back(voucher)) == "该预交金凭证已用于住院结算，不能退款冲销"
    assert bureau("getBillByBusNo", busNo="D2")["voucherNo"] == other["voucherNo"]
    assert "voucherNo" not in bureau("getBillByBusNo", busNo="I1")


def test_where_a_voided_paper_leaves_its_invoice_standing(bureau: Caller) -> None:
    bureau.desk.sim("act", {"act": "set", "paper_void_flushes": False})
    bill = bureau.issue()
    bureau("turnPaper", **bureau.paper(bill, "00000001"))
    assert bureau("invalidPaper", **bureau.void_paper("00000001")) == {}
    state = bureau.state(bill)
    assert (state["state"], state["isPrtPaper"]) == ("1", "0")
    assert bureau("writeOffEBill", **bureau.write_off(bill))["eScarletBillNo"]


def test_the_platforms_own_people_act(bureau: Caller) -> None:
    bill = bureau.issue()
    assert bureau.desk.sim("act", {"act": "exchange", "no": "S1"}).json["pBillNo"] == "00000001"
    assert bureau.state(bill)["isPrtPaper"] == "1"
    assert bureau.desk.sim("act", {"act": "flush", "no": "S1"}).status == 409  # the paper first
    assert bureau.desk.sim("act", {"act": "flush", "no": "S9"}).status == 409
    other = bureau.issue("S2")
    bureau.desk.sim("act", {"act": "flush", "no": "S2"})
    assert bureau.state(other)["isScarlet"] == "1"
    stray = bureau.desk.sim("act", {"act": "issue", "amount": 500}).json
    assert bureau("getBillByBusNo", busNo=stray["busNo"])["totalAmt"] == "5.00"
    assert bureau.desk.sim("act", {"act": "issue", "amount": 0}).status == 400


def inner(answer: Answer) -> dict[str, Any]:
    return dict(json.loads(base64.b64decode(answer.json["data"])))


def test_messages_that_are_not_as_agreed(bureau: Caller) -> None:
    bureau.desk.fault("plain_message", times=2)
    good = inner(bureau.raw("invoiceEBillOutpatient", outpatient()))
    assert (good["result"], json.loads(good["message"])["billNo"]) == ("S0000", "0000000001")
    bad = inner(bureau.raw("getBillByBusNo", {"busNo": "S9"}))
    assert (bad["result"], bad["message"]) == ("E0009", "票据不存在")
    bureau.desk.fault("plain_words", op="invoiceEBillOutpatient")
    words = inner(bureau.raw("invoiceEBillOutpatient", outpatient("S2")))
    assert (words["result"], base64.b64decode(words["message"]).decode()) == ("S0000", "操作成功")
    assert len(bureau.desk.rows()) == 2


def test_what_was_done_is_told_as_done_before(bureau: Caller) -> None:
    bill = bureau.issue("S0")
    for op, body, text in (
        ("invoiceEBillOutpatient", outpatient(), "业务流水号重复，已开票"),
        ("turnPaper", bureau.paper(bill, "00000001"), "该票据已换开纸质票据"),
        ("invalidPaper", bureau.void_paper("00000001"), "该纸质票据已作废"),
    ):
        bureau.desk.fault("done_before", op=op)
        assert bureau.refused(op, **body) == text
    assert bureau.state(bill)["isScarlet"] == "1"
    bureau.desk.fault("done_before", op="writeOffEBill")
    assert bureau.refused("writeOffEBill", **bureau.write_off(bureau.issue())) == "该票据已冲红"


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
