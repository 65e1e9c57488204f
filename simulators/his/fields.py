"""Which fields each operation takes: required or not, and how long at most; the gateway knows no others."""

from __future__ import annotations

from typing import Any

from simulators.his.answers import Refusal
from simulators.his.inhos_fields import FIELDS as OF_STAYS

# name -> (required, longest)
Fields = dict[str, tuple[bool, int]]
_CARD: Fields = {"cardType": (False, 2), "cardNo": (False, 64)}

OPERATIONS: dict[str, Fields] = {
    "query.patient.info": {
        "patientId": (False, 32), **_CARD, "searchType": (False, 2), "patientName": (False, 50),
    },
    "query.wait.balance.bill.list": {"patientId": (True, 32), **_CARD, "billType": (False, 4)},
    "query.wait.balance.bill.item.list": {
        "patientId": (True, 32), "billNo": (True, 32), **_CARD, "billType": (False, 4),
    },
    "lock.bill": {"billNo": (True, 32), "lockNo": (True, 64), "amount": (True, 16), "expireTime": (True, 19)},
    "unlock.bill": {"billNo": (True, 32), "lockNo": (True, 64)},
    "balance.and.pay.bill": {
        "billNo": (True, 32), "settleNo": (True, 64), "lockNo": (True, 64), "amount": (True, 16),
        "cash": (True, 16), "fund": (True, 16), "account": (True, 16), "tradeMode": (True, 4),
        "outTradeNo": (False, 64), "transNo": (False, 64), "expireTime": (True, 19), "preNo": (False, 64),
        "commercial": (False, 16), "commercialNo": (False, 64),  # what a commercial insurer pays, and its claim
        # The slip of a card paid at the terminal's POS.
        "posTransNo": (False, 32), "bankTransNo": (False, 64), "posIndexNo": (False, 32),
        "sellerAccountNo": (False, 32), "bankCardNo": (False, 32),
        "deposit": (False, 16),  # of `cash`: what the deposits of a stay pay
    },
    "query.pay.bill": {"settleNo": (True, 64)},
    "void.pay.bill": {"settleNo": (True, 64), "voidNo": (True, 64), "reason": (True, 200)},
}
# Where the HIS leads: it quotes with the insurance inside, and settles under that quote's number.
OPERATIONS["pre.balance.bill"] = {
    "billNo": (True, 32), "preNo": (True, 64), "lockNo": (True, 64), "patientId": (True, 32), "tradeMode": (True, 4),
    "ybCardType": (False, 2), "ybCardNo": (False, 64), "ybCardSn": (False, 64), "useAccount": (False, 1),
    "oldPreNo": (False, 64),
}
OPERATIONS["query.ebill"] = {"settleNo": (True, 64)}
OPERATIONS["cancel.pre.balance.bill"] = {"preNo": (True, 64)}
OPERATIONS |= OF_STAYS
OPERATIONS["confirm.pre.balance.bill"] = {"preNo": (True, 64), "confirmNo": (False, 64), "transNo": (False, 64)}
_PATIENT: Fields = {"patientId": (True, 32)}
_PAID: Fields = {"tradeMode": (True, 4), "outTradeNo": (False, 64), "accountNo": (False, 64), "operId": (False, 32)}
_NO: Fields = {"settleNo": (True, 64)}
_VOID: Fields = {**_NO, "voidNo": (True, 64), "reason": (True, 200)}
_ORDER: Fields = {"outTradeNo": (True, 64)}
OPERATIONS |= {
    "set.patient.info": {
        "patientName": (True, 50), "idNo": (True, 18), "phone": (False, 20), "gender": (False, 1),
        "birth": (False, 10), "createNo": (False, 64), **_CARD,
    },
    "query.reg.schedule.list": {"deptCode": (False, 32), "date": (False, 10)},
    "pre.reg": {**_PATIENT, "scheduleNo": (True, 32)},
    "lock.reg": {**_PATIENT, "scheduleNo": (True, 32), "lockNo": (True, 64), "expireTime": (True, 19)},
    "unlock.reg": {"lockNo": (True, 64)},
    "reg": {
        **_PATIENT, **_NO, "lockNo": (True, 64), "amount": (True, 16), "expireTime": (True, 19), **_PAID,
        "cash": (False, 16), "fund": (False, 16), "account": (False, 16), "transNo": (False, 64),
    },
    "query.reg": _NO,
    "take.reg": {**_NO, "takeNo": (False, 64)},
    "cancel.reg": _VOID,
    "query.zy.pre.out.hos.self": {**_PATIENT, "inhosNo": (True, 32)},
    "query.lis.report": {**_PATIENT, "startDate": (False, 10), "endDate": (False, 10)},
    "query.pacs.check.result": {**_PATIENT, "startDate": (False, 10), "endDate": (False, 10)},
    "create.pay.order": {**_ORDER, "amount": (True, 16), "subject": (False, 100)},
    "query.pay.order": _ORDER,
    "cancel.pay.order": _ORDER,
    "refund.pay.order": {**_ORDER, "outRefundNo": (True, 64), "fee": (True, 16), "reason": (False, 200)},
    "query.day.bill": {"date": (True, 10)},
    "upload.operation.state": {**_NO, "uploadNo": (False, 64), "state": (True, 16), "text": (False, 200)},
    "monitor.sign.in": {"terminalId": (True, 32), "time": (False, 19)},
}
WITH_INSURANCE = ("balance.and.pay.bill", "reg")
PRE_MODES = ("MIC", "CA")
TRADE_MODES = ("CASH", "WX", "ZFB", "YL", "YB", "DB", "QYK", "CA")


def checked(op: str, body: Any) -> dict[str, str]:
    """The text fields of a request, absent ones as ""; Refusal names the field that is wrong."""
    if not isinstance(body, dict):
        raise Refusal("PARAM_INVALID", "请求报文不是JSON对象")
    spec = OPERATIONS[op]
    extra = {"insurance"} if op in WITH_INSURANCE else set()
    if unknown := sorted(body.keys() - spec.keys() - extra):
        raise Refusal("PARAM_INVALID", f"未知参数{unknown[0]}", field=unknown[0]).at(unknown[0],
            f"only {', '.join(spec)}", body[unknown[0]])
    texts = {}
    for name, (required, longest) in spec.items():
        value = body.get(name)
        if value is None or value == "":
            if required:
                raise Refusal("PARAM_INVALID", f"参数{name}不能为空", field=name).at(name, _form(required, longest))
            value = ""
        if not isinstance(value, str):
            wanted = _form(required, longest)
            raise Refusal("PARAM_INVALID", f"参数{name}应为字符串", field=name).at(name, wanted, value)
        if len(value) > longest:
            wanted = _form(required, longest)
            raise Refusal("PARAM_INVALID", f"参数{name}超过{longest}个字符", field=name).at(name, wanted, value)
        texts[name] = value
    return texts


def _form(required: bool, longest: int) -> str:
    return f"text of at most {longest} characters{', required' if required else ''}"


def insurance_of(body: dict[str, Any]) -> tuple[str, str] | None:
    """mdtrtId and setlId of a payment request, None when it is self-pay."""
    value = body.get("insurance")
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != {"mdtrtId", "setlId"}:
        raise Refusal("PARAM_INVALID", "参数insurance应含mdtrtId和setlId", field="insurance")
    numbers = (value["mdtrtId"], value["setlId"])
    if not all(isinstance(n, str) and 0 < len(n) <= 64 for n in numbers):
        raise Refusal("PARAM_INVALID", "参数insurance的编号应为1至64个字符", field="insurance")
    return numbers
