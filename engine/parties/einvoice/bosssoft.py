"""The Bosssoft wrapper (博思): `{appid, data, noise, version, sign}` around Base64 JSON, both ways; every reply's
signature is verified. busNo, our number, is the platform's idempotency key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, OutcomeRow
from engine.parties.einvoice.port import CHANGES, WRITE_OFFS, Platform
from engine.parties.settings import PartySettings

GOOD: Final = "S0000"
SERVICES: Final = {
    "issue": "invoiceEBillOutpatient",
    "issue_registration": "invEBillRegistration",
    "issue_inpatient": "invEBillHospitalized",
    "issue_checkup": "invEBillCheckUp",
    "voucher": "invoicePayMentVoucher",
    "write_off": "writeOffEBill",
    "voucher_back": "writeOffPayMentVoucher",
    "find": "getBillByBusNo",
    "state": "getEBillStatesByBillInfo",
    "day_list": "getBillByBusDate",
    "totals": "checkTotalData",
    "write_off_totals": "checkWriteOffData",
    "paper_batches": "getValidBillBatchCode",
    "paper_next": "getPaperBillNo",
    "paper_exchange": "turnPaper",
    "paper_again": "reTurnPaper",
    "paper_void": "invalidPaper",
    "paper_void_blank": "invalidBlankBillNo",
}
_EXCHANGES: Final = frozenset({"paper_exchange", "paper_again"})
_TROUBLE: Final = ("超时", "系统异常", "系统繁忙", "处理中", "已存在", "已开票", "重复")


class Settings(PartySettings):
    """The connection to the e-invoice platform."""

    app_id: str = Field(min_length=1, max_length=64)
    """票据平台分配的应用账号（appid）
    · the application's id given by the platform (appid)"""
    key: str = Field(min_length=4, repr=False)
    """签名密钥：请求与应答的 MD5 签名都用它
    · the key of both sides' MD5 signatures"""
    service: str = Field(default="medical-web", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """路径的第一段，即平台的服务名：/medical-web/api/medical/…
    · the first part of the path, the platform's service: /medical-web/api/medical/…"""
    version: str = "1.0"
    """信封里的版本号，也在签名里；以平台的接口文档为准
    · the envelope's version, which is signed too; as the platform's document says"""


def signature(app_id: str, data: str, noise: str, key: str, version: str) -> str:
    """Upper hex MD5 over the five in their fixed order, `data` in its Base64 form."""
    text = f"appid={app_id}&data={data}&noise={noise}&key={key}&version={version}"
    return hashlib.md5(text.encode()).hexdigest().upper()


def _rows() -> tuple[OutcomeRow, ...]:
    flushed = "already written off"
    return (
        OutcomeRow(GOOD, Outcome.ACCEPTED),
        OutcomeRow("*", Outcome.ACCEPTED, WRITE_OFFS, "已冲红", because=flushed),
        OutcomeRow("*", Outcome.ACCEPTED, WRITE_OFFS, "已经冲红", because=flushed),
        OutcomeRow("*", Outcome.ACCEPTED, frozenset({"paper_void"}), "已作废", because="already voided"),
        OutcomeRow("*", Outcome.UNKNOWN, frozenset({"paper_void"}), "冲红"),
        OutcomeRow("*", Outcome.UNKNOWN, frozenset({"paper_void_blank"}), "已作废"),
        OutcomeRow("*", Outcome.UNKNOWN, _EXCHANGES, "已换开"),
        *(OutcomeRow("*", Outcome.UNKNOWN, CHANGES, text) for text in _TROUBLE),
        OutcomeRow("E*", Outcome.REFUSED, because="a business refusal in a signed reply: nothing was done"),
    )


def wrap(settings: Settings, service: str, body: Mapping[str, Any], nonce: str) -> HttpRequest:
    """The signed request of one service."""
    data = base64.b64encode(json_text.print_json(body)).decode()
    envelope = {
        "appid": settings.app_id,
        "data": data,
        "noise": nonce,
        "version": settings.version,
        "sign": signature(settings.app_id, data, nonce, settings.key, settings.version),
    }
    target = f"/{settings.service}/api/medical/{service}"
    return HttpRequest("POST", target, (("Content-Type", wire.JSON),), json_text.print_json(envelope))


def unwrap(settings: Settings, reply: HttpReply) -> Answer:
    """What a signed reply says."""
    outer = wire.object_of(reply.body)
    if isinstance(outer, str):
        return wire.not_intact(outer)
    fault = _fault(settings, outer)
    if fault:
        return wire.not_intact(fault)
    inner = _decoded(outer["data"])
    if not isinstance(inner, dict) or not isinstance(inner.get("result"), str):
        return wire.not_intact("no result inside data")
    return _answer(inner["result"], inner.get("message"))


def _fault(settings: Settings, outer: dict[str, Any]) -> str:
    data, noise, sign = (outer.get(name) for name in ("data", "noise", "sign"))
    if not (isinstance(data, str) and isinstance(noise, str) and isinstance(sign, str)):
        return "not a signed reply"
    wanted = signature(settings.app_id, data, noise, settings.key, settings.version)
    return "" if hmac.compare_digest(wanted.encode(), sign.upper().encode()) else "bad signature"


def _bytes(text: object) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None


def _decoded(text: object) -> dict[str, Any] | str:
    data = _bytes(text)
    return "not Base64" if data is None else wire.object_of(data)


def _answer(result: str, message: object) -> Answer:
    """`message` is Base64 of JSON on success and of plain words on failure; some leave the Base64 away."""
    if result != GOOD:
        return Answer(intact=True, code=result, text=_words(message))
    body = _message(message)
    if isinstance(body, str):
        return wire.not_intact(f"S0000 but its message is unreadable: {body}")
    return Answer(intact=True, code=result, body=body)


def _message(message: object) -> dict[str, Any] | str:
    if not message:
        return {}
    if isinstance(message, dict):
        return message
    if isinstance(message, str) and message.lstrip().startswith("{"):
        return wire.object_of(message.encode())
    return _decoded(message)


def _words(message: object) -> str:
    data = _bytes(message)
    try:
        return str(message or "") if data is None else data.decode("utf-8")
    except UnicodeDecodeError:  # plain words that happen to look like Base64
        return str(message)


BOSSSOFT: Final = Platform(
    kind="einvoice",
    about=About("einvoice", "电子票据平台", "the e-invoice platform", role="invoice", simulator="einvoice"),
    settings=Settings,
    services=SERVICES,
    number="busNo",
    outcomes=_rows(),
    wrap=wrap,
    unwrap=unwrap,
)
