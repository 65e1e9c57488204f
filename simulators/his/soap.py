"""The HIS's SOAP door: one method with a service code and one string parameter, answered by one string.

Written by hand on the standard library's parser, so that a mistake of the engine's codec cannot hide here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from xml.sax.saxutils import escape

from simulators.base import soap as envelope
from simulators.base.wire import Req, Resp, loads
from simulators.his.answers import Habits, Refusal

PATH = "/services/HisService"
NS = "http://his.example/services"
HEAD = ("serviceCode", "token", "msgId", "time")
CODES = {
    "query.patient.info": "QueryCardInfo", "query.wait.balance.bill.list": "QueryToPayList",
    "query.wait.balance.bill.item.list": "QueryToPayDetail", "lock.bill": "LockBill", "unlock.bill": "UnLockBill",
    "balance.and.pay.bill": "DoPay", "query.pay.bill": "QueryPayRecord", "void.pay.bill": "CancelPay",
    "pre.balance.bill": "PreBalance", "query.ebill": "QueryEBill", "cancel.pre.balance.bill": "CancelPreBalance",
    "query.check.inhos.status": "QueryInpatient", "register.inhos": "RegisterInpatient",
    "query.register.inhos": "QueryRegisterInpatient", "cancel.register.inhos": "CancelRegisterInpatient",
    "insure.inhos": "InsureInpatient", "pay.inhos.deposit": "RechargeInpatientDeposit",
    "query.inhos.deposit": "QueryRechargeRecords", "void.inhos.deposit": "CancelInpatientDeposit",
    "back.inhos.deposit": "ReturnInpatientDeposit", "query.inhos.back": "QueryReturnRecords",
    "confirm.pre.balance.bill": "ConfirmPreBalance",
    "set.patient.info": "CreateCardInfo",
    "query.reg.schedule.list": "QuerySch",
    "pre.reg": "DoPreReg",
    "lock.reg": "LockReg",
    "unlock.reg": "UnLockReg",
    "reg": "DoReg",
    "query.reg": "QueryRegRecord",
    "take.reg": "TakeReg",
    "cancel.reg": "CancelReg",
    "query.zy.pre.out.hos.self": "QueryPreOutHos",
    "query.lis.report": "QueryLisReport",
    "query.pacs.check.result": "QueryPacsResult",
    "create.pay.order": "CreatePayOrder",
    "query.pay.order": "QueryPayOrder",
    "cancel.pay.order": "CancelPayOrder",
    "refund.pay.order": "RefundPayOrder",
    "query.day.bill": "QueryDayBill",
    "upload.operation.state": "UploadState",
    "monitor.sign.in": "MonitorSignIn",
}  # fmt: skip
OPS = {code: op for op, code in CODES.items()}
SERVICE = (files("simulators.his") / "service.wsdl").read_text(encoding="utf-8")
_ENCODINGS = {"UTF-8": "utf-8", "GBK": "gbk", "GB18030": "gb18030"}
_DECLARED = re.compile(r"\s*<\?xml[^?]*?encoding=[\"']([A-Za-z0-9-]+)[\"'][^?]*\?>")


@dataclass
class Asked:
    """One call. `xml`: the string holds XML, JSON otherwise; `wrong`: why its document cannot be used."""

    version: str
    code: str
    xml: bool = True
    head: dict[str, str] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    wrong: Refusal | None = None

    @property
    def op(self) -> str:
        """The operation's name, as in the JSON gateway; the code itself when there is none."""
        return OPS.get(self.code, self.code)


@dataclass
class SoapResp(Resp):
    """A reply that remembers what it says, so that it can be said wrongly."""

    asked: Asked | None = None
    tree: dict[str, Any] = field(default_factory=dict)


def opened(req: Req, habits: Habits) -> Asked:
    """The call in a request; Broken when it is no good envelope."""
    version, method, values = envelope.asked(req, NS)
    if method != "callService":
        raise envelope.Broken("没有这个方法，只有callService", version)
    if values.keys() != {"serviceCode", "param"}:
        raise envelope.Broken("callService的参数为serviceCode和param，不带命名空间", version)
    asked = Asked(version, values["serviceCode"])
    try:
        _read(asked, _uncarried(values["param"], habits))
    except Refusal as refusal:
        asked.wrong = refusal
    return asked


def _uncarried(text: str, habits: Habits) -> str:
    encoding = _ENCODINGS[habits.soap_charset]
    try:
        if habits.soap_carries == "latin1":
            return text.encode("latin-1").decode(encoding)
        if habits.soap_carries == "base64":
            return base64.b64decode(text, validate=True).decode(encoding)
    except (UnicodeError, binascii.Error):
        raise _unreadable(f"param应为{habits.soap_carries}形式") from None
    return text


def _unreadable(why: str) -> Refusal:
    return Refusal("PARAM_INVALID", why, field="param")


def _read(asked: Asked, text: str) -> None:
    """Head and params of the document, XML or JSON by its first character."""
    tree: Any
    if text.lstrip()[:1] == "{":
        asked.xml = False
        try:
            tree = loads(text)
        except ValueError:
            raise _unreadable("JSON解析失败") from None
    else:
        tree = _xml(text)
    params = tree.get("params")
    asked.head = {name: str(tree.get(name, "")) for name in HEAD}
    asked.params = {} if params in (None, "") else params
    if unknown := sorted(tree.keys() - {*HEAD, "params"}):
        raise Refusal("PARAM_INVALID", f"未知参数{unknown[0]}", field=unknown[0])
    if not isinstance(asked.params, dict):
        raise _unreadable("params应为对象")
    if asked.head["serviceCode"] != asked.code:
        raise Refusal("PARAM_INVALID", "serviceCode与报文中的不一致", field="serviceCode")


def _xml(text: str) -> dict[str, Any]:
    declared = _DECLARED.match(text)
    if declared is None or declared[1].upper() not in _ENCODINGS:
        raise _unreadable(f"XML声明的encoding应为{'、'.join(_ENCODINGS)}")
    try:
        text.encode(_ENCODINGS[declared[1].upper()])
        if "<!DOCTYPE" in text.upper():
            raise _unreadable("不允许DTD")
        root = ElementTree.fromstring(text[declared.end() :])  # noqa: S314 - a DOCTYPE is refused above
    except UnicodeEncodeError as no:
        raise _unreadable(f"字符{text[no.start]}不在{declared[1]}中") from None
    except ElementTree.ParseError as no:
        raise _unreadable(f"XML解析失败: {no}") from None
    if root.tag != "request":
        raise _unreadable("根节点应为request")
    found = _tree(root)
    return found if isinstance(found, dict) else {}


def _tree(element: ElementTree.Element) -> Any:
    if not len(element):
        return element.text or ""
    if all(child.tag == "row" for child in element):
        return [_tree(child) for child in element]
    made: dict[str, Any] = {}
    for child in element:
        if child.tag in made:
            raise _unreadable(f"{child.tag}重复")
        made[child.tag] = _tree(child)
    return made


def reply(asked: Asked, tree: Mapping[str, Any], habits: Habits) -> SoapResp:
    """The method's answer: `{resultCode, resultMsg, msgId, data}` in the form it was asked in."""
    whole = {"resultCode": tree["code"], "resultMsg": tree["msg"], "msgId": asked.head.get("msgId", ""),
             "data": tree["data"]}  # fmt: skip
    if asked.xml:
        text = f'<?xml version="1.0" encoding="{habits.soap_charset}"?>' + _written("response", whole, habits)
    else:
        text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    data = text.encode(_ENCODINGS[habits.soap_charset], "replace")
    if habits.soap_carries == "latin1":
        text = data.decode("latin-1")
    elif habits.soap_carries == "base64":
        text = base64.b64encode(data).decode("ascii")
    else:
        text = data.decode(_ENCODINGS[habits.soap_charset])
    element = f'<m:callServiceResponse xmlns:m="{NS}"><result>{escape(text)}</result></m:callServiceResponse>'
    resp = envelope.answered(asked.version, element, "gb18030" if habits.soap_bytes == "gbk" else "utf-8")
    return SoapResp(resp.status, resp.body, resp.headers, asked, dict(tree))


def _written(name: str, value: Any, habits: Habits) -> str:
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_written(key, one, habits) for key, one in value.items())}</{name}>"
    if isinstance(value, list):
        if habits.soap_rows == "repeat":
            return "".join(_written(name, one, habits) for one in value)
        return f"<{name}>{''.join(_written('row', one, habits) for one in value)}</{name}>"
    return f"<{name}>{'' if value is None else escape(str(value))}</{name}>"
