"""The e-invoice platform as a party: `{appid, data, noise, version, sign}` around Base64 JSON, both ways.

busNo, our number for the issue, is the platform's idempotency key. Every reply's signature is verified.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing

_SERVICES: Final = {
    "issue": "invoiceEBillOutpatient",
    "find": "getBillByBusNo",
    "state": "getEBillStatesByBillInfo",
    "write_off": "writeOffEBill",
}
_OPS: Final = {op.name: op for op in (
    Op("issue", "开具门诊票据", "issue an outpatient invoice", changes=True, money=True, number="bus"),
    Op("find", "按业务号查询票据", "find an invoice by our number"),
    Op("state", "查询票据状态", "ask for an invoice's state"),
    Op("write_off", "冲红票据", "write off an invoice", changes=True, money=True),
)}  # fmt: skip
_CHANGES: Final = frozenset({"issue", "write_off"})


class Settings(BaseModel):
    """The connection to the e-invoice platform; `service` is the first part of the path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app_id: str = Field(min_length=1, max_length=64)
    key: str = Field(min_length=4, repr=False)
    service: str = Field(default="medical-web", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    version: str = "1.0"


def signature(app_id: str, data: str, noise: str, key: str, version: str) -> str:
    """Upper hex MD5 over the five in their fixed order, `data` in its Base64 form."""
    text = f"appid={app_id}&data={data}&noise={noise}&key={key}&version={version}"
    return hashlib.md5(text.encode()).hexdigest().upper()


def _rows() -> tuple[OutcomeRow, ...]:
    unknown = tuple(
        OutcomeRow("*", Outcome.UNKNOWN, _CHANGES, text)
        for text in ("超时", "系统异常", "系统繁忙", "处理中", "已存在", "已开票", "重复")
    )
    return (
        OutcomeRow("S0000", Outcome.ACCEPTED),
        OutcomeRow("*", Outcome.ACCEPTED, frozenset({"write_off"}), "已冲红", because="already written off"),
        OutcomeRow("*", Outcome.ACCEPTED, frozenset({"write_off"}), "已经冲红", because="already written off"),
        *unknown,
        OutcomeRow("E*", Outcome.REFUSED, because="a business refusal in a signed reply: nothing was issued"),
    )


class EInvoice:
    """Read maps see the decoded `message`: the bill's fields."""

    kind = "einvoice"
    about = About("einvoice", "电子票据平台", "the e-invoice platform", role="invoice", simulator="einvoice")
    settings: type[BaseModel] = Settings
    ops = _OPS
    outcomes = _rows()

    def open(self, settings: Settings) -> Settings:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        settings = call.settings
        if call.op == "issue":
            wire.own_number(call, "busNo")
        data = base64.b64encode(json_text.print_json(wire.body_of(call))).decode()
        envelope = {
            "appid": settings.app_id,
            "data": data,
            "noise": call.nonce,
            "version": settings.version,
            "sign": signature(settings.app_id, data, call.nonce, settings.key, settings.version),
        }
        return HttpRequest(
            "POST",
            f"/{settings.service}/api/medical/{_SERVICES[call.op]}",
            (("Content-Type", wire.JSON),),
            json_text.print_json(envelope),
        )

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.status != 200:
            return wire.not_intact(f"HTTP {reply.status}")
        outer = wire.object_of(reply.body)
        if isinstance(outer, str):
            return wire.not_intact(outer)
        fault = self._fault(call.settings, outer)
        if fault:
            return wire.not_intact(fault)
        inner = _decoded(outer["data"])
        if not isinstance(inner, dict) or not isinstance(inner.get("result"), str):
            return wire.not_intact("no result inside data")
        return _answer(inner["result"], inner.get("message"))

    def _fault(self, settings: Settings, outer: dict[str, Any]) -> str:
        data, noise, sign = (outer.get(name) for name in ("data", "noise", "sign"))
        if not (isinstance(data, str) and isinstance(noise, str) and isinstance(sign, str)):
            return "not a signed reply"
        wanted = signature(settings.app_id, data, noise, settings.key, settings.version)
        return "" if hmac.compare_digest(wanted.encode(), sign.upper().encode()) else "bad signature"

    def verify(self, settings: Settings, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def _bytes(text: object) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None


def _decoded(text: object) -> dict[str, Any] | str:
    data = _bytes(text)
    return "not Base64" if data is None else wire.object_of(data)


def _answer(result: str, message: object) -> Answer:
    """`message` is Base64 of JSON on success and of plain words on failure."""
    if result == "S0000":
        body = _decoded(message) if message else {}
        if isinstance(body, str):
            return wire.not_intact(f"S0000 but its message is unreadable: {body}")
        return Answer(intact=True, code=result, body=body)
    data = _bytes(message)
    text = str(message or "") if data is None else data.decode("utf-8", "replace")
    return Answer(intact=True, code=result, text=text)


PARTY: Final = EInvoice()
