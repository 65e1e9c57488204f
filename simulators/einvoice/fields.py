"""Fields of the requests: required, kind, length; and what the platform computes from them (sums).

Kinds: text; date (yyyy-MM-dd or yyyyMMdd); time17 (yyyyMMddHHmmssSSS); money (14,2 in yuan, number or
text); number (14,4); count (a whole number); rows (a list of objects with fields of their own).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from simulators.base.world import BEIJING
from simulators.einvoice.envelope import Failure


@dataclass(frozen=True)
class Field:
    """One field of a request; `rows` describes the objects of a list."""

    kind: str = "text"
    longest: int = 100
    required: bool = False
    rows: dict[str, Field] | None = None
    among: tuple[str, ...] = ()


def _texts(spec: str, *, required: bool = False) -> dict[str, Field]:
    """`name:length name:length` as text fields."""
    pairs = (piece.split(":") for piece in spec.split())
    return {name: Field("text", int(length), required) for name, length in pairs}


def _moneys(spec: str, *, required: bool = False) -> dict[str, Field]:
    return {name: Field("money", 15, required) for name in spec.split()}


_TIME = Field("time17", 17, True)
_PLACE = Field("text", 50, True)
_CHARGE = {
    "sortNo": Field("count", 10, True), **_texts("chargeCode:50 chargeName:100", required=True),
    **_texts("unit:20 remark:200"), "std": Field("number", 20), "number": Field("number", 20),
    **_moneys("amt", required=True), **_moneys("selfAmt"),
}
_DETAIL = {
    **_texts("chargeCode:50 chargeName:100 name:100", required=True),
    **_texts("listDetailNo:60 code:50 unit:20 medicalCareType:60 medCareItemCode:60 medCareItemName:100"),
    "std": Field("number", 20), "number": Field("number", 20),
    **_moneys("amt", required=True), **_moneys("selfAmt"),
}
_CHANNEL = {
    "payChannelCode": Field("text", 20, True, among=("02", "04", "05", "07", "11")),
    "payChannelValue": Field("money", 15, True),
}
_VISIT = {
    **_texts("alipayCode:50 weChatOrderNo:50 openID:50 tel:11 email:50 idCardNo:25"),
    "payerType": Field("text", 1, among=("1", "2")),
    **_texts("medicalInstitution:30 medCareInstitution:60 medCareAreaCode:6 medicalCareType:60"),
    "medCareTypeCode": Field("text", 30, among=("01", "02", "03", "04", "05", "06", "07", "90", "99")),
    **_texts("medicalInsuranceID:30 consultationDate:10 patientCategory:60 patientCategoryCode:30"),
    **_texts("patientNo:30 patientId:50 caseNumber:50 sex:4 age:10"),
}
_BUSINESS = {
    **_texts("busNo:50 payer:100 placeCode:50 payee:50 author:100 cardType:10 cardNo:50", required=True),
    "busDateTime": _TIME, **_moneys("totalAmt", required=True),
    **_texts("checker:100 remark:200"), **_VISIT, **_texts("balancedNumber:100"),
    **_moneys("accountPay fundPay otherfundPay ownPay selfConceitedAmt selfPayAmt selfCashPay"),
    **_moneys("reimbursementAmt ownAcBalance"),
    "otherInfo": Field("rows", rows={**_texts("infoNo:50 infoName:100 infoValue:400")}),
    "payChannelDetail": Field("rows", required=True, rows=_CHANNEL),
    "chargeDetail": Field("rows", required=True, rows=_CHARGE),
    "listDetail": Field("rows", rows=_DETAIL),
    "isArrears": Field("text", 1, among=("0", "1")),
}
_STAY = {
    **_texts("category:60 categoryCode:30 leaveCategory:60 leaveCategoryCode:30 hospitalNo:30 visitNo:30"),
    "inHospitalDate": Field("date", 10), "outHospitalDate": Field("date", 10),
}
_CONSUMED = {
    **_texts("voucherBatchCode:50 voucherNo:20", required=True), "voucherAmt": Field("money", 15, True),
}
_DEPOSIT = {
    "busType": Field("text", 20, True, among=("07", "08")),
    **_texts("busNo:50 payer:100 placeCode:50 payee:50 author:100 cardType:10 cardNo:50", required=True),
    "busDateTime": _TIME, **_moneys("amt", required=True), **_moneys("ownAcBalance"),
    **_texts("drawee:100 tel:11 email:50 idCardNo:25 patientId:50 patientNo:30 caseNumber:50 remark:200"),
    **_STAY, "payChannelDetail": Field("rows", required=True, rows=_CHANNEL),
}
_PAPER = {**_texts("pBillBatchCode:50 pBillNo:20", required=True)}
_EBILL = {**_texts("billBatchCode:50 billNo:20", required=True)}
_PERIOD = {"busBgnDate": _TIME, "busEndDate": _TIME, "placeCode": Field("text", 50)}
_PAGED = {"pageNo": Field("count", 6, True), "pageSize": Field("count", 4, True)}
_TYPE = {"busType": Field("text", 20, among=("01", "02", "03", "04", "05", "06", "07", "08"))}
_COUNTED = {"busDate": Field("date", 10, True), "placeCode": Field("text", 50), **_PAGED}
_RED = {**_EBILL, **_texts("reason:200 operator:60", required=True), "busDateTime": _TIME, "placeCode": _PLACE}
_EXCHANGE = {**_EBILL, **_PAPER, "busDateTime": _TIME, "placeCode": _PLACE, **_texts("operator:60", required=True)}
_VOID = {"placeCode": _PLACE, "busDateTime": _TIME, **_texts("author:100 reason:200", required=True)}


def _issue(*types: str, **more: Field) -> dict[str, Field]:
    return {"busType": Field("text", 20, True, among=types), **_BUSINESS, **more}


SERVICES: dict[str, dict[str, Field]] = {
    "invoiceEBillOutpatient": _issue("02", "03", "04"),
    "invEBillRegistration": _issue("06"),
    "invEBillHospitalized": {
        **_issue("01"), **_STAY, "checker": Field("text", 100, True),
        "payMentVoucher": Field("rows", rows=_CONSUMED),
    },
    "invEBillCheckUp": _issue("05"),
    "invoicePayMentVoucher": _DEPOSIT,
    "writeOffEBill": _RED,
    "writeOffPayMentVoucher": {
        "busType": Field("text", 20, True, among=("07", "08")), **_RED,
        **_texts("voucherBatchCode:50 voucherNo:20 remark:200"), **_moneys("amt", required=True),
        **_moneys("ownAcBalance"),
    },
    "getEBillStatesByBillInfo": _EBILL,
    "getBillByBusNo": {**_texts("busNo:50", required=True)},
    "getBillByBusDate": {**_PERIOD, "dataType": Field("text", 1, among=("1", "2", "3", "4", "5")), **_TYPE, **_PAGED},
    "checkTotalData": _COUNTED,
    "checkWriteOffData": {**_COUNTED, **_TYPE},
    "getValidBillBatchCode": {"placeCode": _PLACE},
    "getPaperBillNo": {"placeCode": _PLACE, **_texts("pBillBatchCode:50", required=True)},
    "turnPaper": _EXCHANGE,
    "reTurnPaper": _EXCHANGE,
    "invalidPaper": {**_PAPER, **_VOID},
    "invalidBlankBillNo": {**_texts("pBillBatchCode:50 pBillNoStart:20 pBillNoEnd:20", required=True), **_VOID},
}
_MONEY = re.compile(r"-?\d{1,12}(\.\d{1,2})?", re.ASCII)


def fen(value: Any) -> int:
    """A checked amount in yuan (number or text) as fen."""
    return int(Decimal(str(value)) * 100)


def checked(service: str, body: dict[str, Any]) -> dict[str, Any]:
    """The request as it is when every field is in order; Failure names the first that is not."""
    _check_object("", SERVICES[service], body)
    return body


def _check_object(where: str, spec: dict[str, Field], body: dict[str, Any]) -> None:
    if unknown := sorted(body.keys() - spec.keys()):
        raise Failure("E0006", f"未知参数{where}{unknown[0]}").at(where + unknown[0], f"only {', '.join(spec)}")
    for name, field in spec.items():
        value = body.get(name)
        if value is None or value in ("", []):
            if field.required:
                raise Failure("E0005", f"参数{where}{name}不能为空").at(where + name, _form(field))
            continue
        _check_value(where + name, field, value)


def _form(field: Field) -> str:
    kind = {
        "text": f"text of at most {field.longest} characters", "date": "yyyy-MM-dd or yyyyMMdd",
        "time17": "yyyyMMddHHmmssSSS", "money": "yuan with at most two decimals", "number": "a number (14,4)",
        "count": f"a whole number of at most {field.longest} digits", "rows": "list of objects",
    }[field.kind]
    among = f", one of {' '.join(field.among)}" if field.among else ""
    return f"{kind}{among}{', required' if field.required else ''}"


def _check_value(name: str, field: Field, value: Any) -> None:
    if field.kind == "rows":
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise Failure("E0006", f"参数{name}应为列表").at(name, _form(field), value)
        for place, row in enumerate(value, 1):
            _check_object(f"{name}[{place}].", field.rows or {}, row)
        return
    if field.kind in ("money", "number", "count"):
        _check_number(name, field, value)
        return
    if not isinstance(value, str):
        raise Failure("E0006", f"参数{name}应为字符串").at(name, _form(field), value)
    if len(value) > field.longest:
        raise Failure("E0006", f"参数{name}长度超过{field.longest}").at(name, _form(field), value)
    if field.among and value not in field.among:
        raise Failure("E0006", f"参数{name}的值{value}不在允许范围").at(name, _form(field), value)
    if field.kind == "date":
        _check_date(name, value)
    if field.kind == "time17":
        _check_time(name, value)


def _check_number(name: str, field: Field, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise Failure("E0006", f"参数{name}应为数字").at(name, _form(field), value)
    if field.kind == "money":
        if not _MONEY.fullmatch(str(value)):
            raise Failure("E0006", f"参数{name}应为两位小数以内的金额").at(name, _form(field), value)
        return
    if field.kind == "count":
        if not re.fullmatch(rf"\d{{1,{field.longest}}}", str(value), re.ASCII):
            raise Failure("E0006", f"参数{name}应为整数").at(name, _form(field), value)
        return
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Failure("E0006", f"参数{name}应为数字").at(name, _form(field), value) from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -4 or len(str(value)) > field.longest:
        raise Failure("E0006", f"参数{name}应为四位小数以内的数字").at(name, _form(field), value)


def _check_time(name: str, value: str) -> None:
    try:
        if len(value) != 17 or not (value.isascii() and value.isdecimal()):
            raise ValueError(value)
        datetime.strptime(value[:14], "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
    except ValueError:
        raise Failure("E0006", f"参数{name}格式应为yyyyMMddHHmmssSSS").at(name, "yyyyMMddHHmmssSSS", value) from None


def _check_date(name: str, value: str) -> None:
    try:
        if not re.fullmatch(r"\d{8}|\d{4}-\d\d-\d\d", value, re.ASCII):
            raise ValueError(value)
        datetime.strptime(value.replace("-", ""), "%Y%m%d").replace(tzinfo=BEIJING)
    except ValueError:
        raise Failure("E0006", f"参数{name}格式应为yyyy-MM-dd").at(name, "yyyy-MM-dd or yyyyMMdd", value) from None


def check_sums(body: dict[str, Any]) -> int:
    """Total of an invoice or a deposit in fen; Failure when charge lines or payment channels do not add up to it."""
    total = fen(body["totalAmt"] if "totalAmt" in body else body["amt"])
    if total <= 0:
        raise Failure("E0007", "开票金额必须大于0")
    if "chargeDetail" in body and sum(fen(row["amt"]) for row in body["chargeDetail"]) != total:
        raise Failure("E0007", "收费项目金额合计与开票总金额不一致")
    if sum(fen(row["payChannelValue"]) for row in body["payChannelDetail"]) != total:
        raise Failure("E0007", "交费渠道金额合计与开票总金额不一致")
    return total
