"""The envelope: what every call must carry, and the three shapes of an answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.base.objection import Objecting
from simulators.base.wire import Resp
from simulators.insurance.fields import Refusal, clean, fields
from simulators.insurance.money import dump
from simulators.insurance.settings import Settings
from simulators.insurance.state import Bureau
from simulators.town import ADMDVS, FIXMEDINS_CODE, FIXMEDINS_NAME

_ENVELOPE = fields(
    "infno C5 Y; msgid C30 Y; mdtrtarea_admvs C6 Y; insuplc_admdvs C6 N; recer_sys_code C10 Y; dev_no C100 N;"
    "dev_safe_info C2000 N; cainfo C1024 N; signtype C10 N; infver C6 Y; opter_type C3 Y; opter C30 Y;"
    "opter_name C50 Y; inf_time DT Y; fixmedins_code C12 Y; fixmedins_name C200 Y; sign_no C30 N"
)
# Fields of single provinces; taken and not used.
_EXTRAS = frozenset({
    "input", "fixmedins_soft_fcty", "enc_type", "serv_code", "serv_sign", "medins_code", "insur_code",
})
_NAMES = frozenset(f.name for f in _ENVELOPE) | _EXTRAS
_MSGID = re.compile(r"[A-Z]\d{11}20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d\d{4}\Z")
_JSON = {"Content-Type": "application/json;charset=utf-8"}
MAX_INPUT = 40000  # characters of `input`, as the document has it


class Malformed(Objecting):
    """Answered with the short error object: no refmsg fields, an extra `type`."""


@dataclass(slots=True)
class Call:
    """A call that passed the envelope; `digest` is of what must not change under one msgid."""

    infno: str
    msgid: str
    insuplc: str
    opter: str
    sign_no: str
    input: Mapping[str, Any]
    psn_no: str
    digest: bytes
    received: str  # refmsg_time
    warnings: list[str] = field(default_factory=list)


def open_envelope(message: object, settings: Settings, received: str) -> Call:
    """Check all fields of the envelope; Malformed says which one is wrong."""
    if not isinstance(message, dict):
        raise Malformed("报文格式错误")
    try:
        head = clean(message, _ENVELOPE)
    except Refusal as wrong:
        raise Malformed(wrong.text).at(wrong.field, wrong.expected, wrong.got) from None
    given = message.get("input")
    if not isinstance(given, dict):
        raise Malformed("input不能为空")
    _check_values(head, settings)
    if settings.unknown_fields == "refuse" and (unknown := message.keys() - _NAMES):
        raise Malformed(f"存在未定义的字段{','.join(sorted(unknown))}")
    # Sorted and without the envelope: a repeat may carry another inf_time or sign_no.
    content = json.dumps(given, sort_keys=True, default=str)
    if len(content) > MAX_INPUT * 6 and head["infno"] != "9101":  # escapes count six; a file may be longer
        raise Malformed(f"input超过长度限制{MAX_INPUT}")
    psn_no = _psn_no(given)
    if psn_no and not head["insuplc_admdvs"]:
        raise Malformed("insuplc_admdvs不能为空")
    digest = hashlib.blake2b(f"{head['infno']}\n{content}".encode(), digest_size=16).digest()
    return Call(
        head["infno"], head["msgid"], head["insuplc_admdvs"], head["opter"], head["sign_no"], given, psn_no,
        digest, received,
    )


def _check_values(head: Mapping[str, str], settings: Settings) -> None:
    code = head["fixmedins_code"]
    checks = (
        (code == FIXMEDINS_CODE, f"定点医药机构编号[{code}]不存在"),
        (len(head["fixmedins_name"]) <= settings.name_length, f"fixmedins_name超过长度限制{settings.name_length}"),
        (head["fixmedins_name"] == FIXMEDINS_NAME, "定点医药机构名称与编号不一致"),
        (len(head["msgid"]) == 30 and bool(_MSGID.match(head["msgid"])), "msgid格式不正确"),
        (head["msgid"].startswith(code), "msgid与定点医药机构编号不一致"),
        (head["mdtrtarea_admvs"] == ADMDVS, f"就医地医保区划[{head['mdtrtarea_admvs']}]不正确"),
        (head["infver"] in settings.infver, f"接口版本号[{head['infver']}]不正确"),
        (head["recer_sys_code"] in settings.recer_sys_code, f"接收方系统代码[{head['recer_sys_code']}]不正确"),
        (head["opter_type"] in ("1", "2", "3"), f"经办人类别[{head['opter_type']}]不正确"),
        (len(head["inf_time"]) == 19, "inf_time日期格式不正确"),
    )
    for good, text in checks:
        if not good:
            raise Malformed(text)


def _psn_no(given: Mapping[str, Any]) -> str:
    """The first psn_no of the input's nodes, "" when it has none."""
    for node in given.values():
        first = node[0] if isinstance(node, list) and node else node
        if isinstance(first, dict) and first.get("psn_no"):
            return str(first["psn_no"])
    return ""


def moment(bureau: Bureau) -> str:
    """yyyyMMddHHmmssSSS, Beijing time."""
    return bureau.world.stamp("%Y%m%d%H%M%S%f")[:17]


def success(bureau: Bureau, call: Call, output: object) -> Resp:
    """infcode 0; `output` as the transaction has it, null for many changes."""
    as_text = bureau.settings.infcode_as == "text"
    now = moment(bureau)
    return _answer({
        "output": output, "infcode": "0" if as_text else 0, "warn_msg": ";".join(call.warnings) or None,
        "cainfo": None, "err_msg": "success" if call.infno in ("9001", "9002") else None,
        "refmsg_time": call.received, "signtype": None, "respond_time": now,
        "inf_refmsgid": f"{ADMDVS}{now[:14]}{bureau.number():010d}", "enctype": "",
    })


def failure(bureau: Bureau, received: str, text: str) -> Resp:
    """A business failure: infcode -1, output and inf_refmsgid null; `text` with prefix and module codes."""
    as_text = bureau.settings.infcode_as == "text"
    return _answer({
        "output": None, "infcode": "-1" if as_text else -1, "warn_msg": None, "cainfo": None,
        "err_msg": text[:200],
        "refmsg_time": received, "signtype": None, "respond_time": moment(bureau), "inf_refmsgid": None,
        "enctype": None,
    })


def malformed(bureau: Bureau, reason: str) -> Resp:
    """The short error object."""
    bureau.errors += 1
    text = f"FSI-FSI-交易报文不正确：{reason}！,异常流水号:{bureau.errors}"
    return _answer({"type": "error", "infcode": -1, "err_msg": text})


def business_text(refused: Refusal) -> str:
    """err_msg of a refusal: prefix, text, bracketed module codes."""
    return f"FSI-{refused.text}[模块_{refused.module}][模块_40]"


def _answer(obj: object) -> Resp:
    return Resp(200, dump(obj), dict(_JSON))
