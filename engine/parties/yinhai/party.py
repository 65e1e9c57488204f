"""Yinhai's `yh_interface_call` as a party, with its second phase.

A transaction answers a pair: jylsh, its number, and jyyzm, its check code. A settlement takes effect only when that
pair is confirmed (`confirm`); until then it can be called off by jylsh (`cancel_call`), and the library tells which of
its transactions nobody has confirmed (`uncertain`). Other transactions take effect at once. An appcode below zero is a
failure in words. The transaction number of ours is an element of the input, under the name the site has agreed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from engine.codecs.errors import Undecodable
from engine.codecs.soap_cdata import parse_inner, print_inner
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.described import FAULT
from engine.parties.functions import LOST_LINE, Bridge, BridgeSettings
from engine.parties.municipal import operations

FUNCTIONS: Final = {
    "yh_interface_call": (
        ("astr_jybh", "astr_jysr_xml"),
        ("astr_jylsh", "astr_jyyzm", "astr_jysc_xml", "aint_appcode", "astr_appmsg"),
    ),
    "yh_interface_confirm": (("astr_jylsh", "astr_jyyzm"), ("aint_appcode", "astr_appmsg")),
    "yh_interface_cancel": (("astr_jylsh",), ("aint_appcode", "astr_appmsg")),
    "yh_interface_getuncertaintytrade": (("astr_jybh",), ("astr_jgxml", "aint_appcode", "astr_appmsg")),
}
_SECOND: Final = {
    "confirm": "yh_interface_confirm",
    "cancel_call": "yh_interface_cancel",
    "uncertain": "yh_interface_getuncertaintytrade",
}
_OPS: Final = {
    **{name: op for name, op in operations.OPS.items() if name != "reverse"},
    "settle": Op("settle", "结算（待确认）", "prepare a settlement", changes=True, number="msgid", session=True),
    "confirm": Op(
        "confirm", "确认交易", "confirm a transaction", changes=True, money=True, number="msgid", session=True
    ),
    "cancel_call": Op("cancel_call", "取消交易", "call a transaction off", changes=True, number="msgid", session=True),
    "uncertain": Op("uncertain", "查询未确认的交易", "transactions nobody has confirmed", number="msgid", session=True),
}
_NEEDED: Final = {**operations.NEEDED, "settle": "zje"}  # its number is jylsh
_CHANGES: Final = frozenset(name for name, op in _OPS.items() if op.changes)
_UNDOES: Final = frozenset({"unregister", "cancel", "cancel_call"})
_UNSURE: Final = ("超时", "系统异常")
_REFUSED: Final = "a refusal in words of a complete answer: nothing was stored under our number"


class Settings(BridgeSettings):
    """The connection to the bridge."""

    hospital: str = Field(min_length=1, max_length=20)
    """医疗机构编号（yljgbh）
    · the institution's number (yljgbh)"""
    operator: str = Field(min_length=1, max_length=20)
    """操作员编号（czybh）
    · the operator's number (czybh)"""
    operator_name: str = Field(min_length=1, max_length=50)
    """操作员姓名，签到时报（czyxm）
    · the operator's name, told at the sign-in (czyxm)"""
    charset: Literal["GBK", "GB18030", "UTF-8"] = "GBK"
    """入参 XML 声明的字符集；它写不出的字会被拒绝
    · what the XML of the input declares; a character it has not is refused"""
    serial: str = Field(default="yyjylsh", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,30}$")
    """入参里放我方流水号的元素名，与经办机构约定
    · the element of the input that carries our number, as agreed with the institution"""
    lost: int = Field(default=-91, lt=0)
    """表示签到已失效、什么也没执行的 appcode；见到它就重新签到
    · the appcode that says the sign-in is gone and nothing was executed; a new sign-in follows"""
    codes: dict[str, str] = Field(default_factory=dict)
    """本地改用的交易编号，本引擎的操作名: 对方的编号；没写的用通常的
    · transaction codes that differ here, our operation: their code; the others are the usual ones"""


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings with the description compiled."""

    plain: Settings
    bridge: Bridge


class Yinhai:
    """The send map makes the elements of the input; read maps see those of the output, and jylsh and jyyzm."""

    kind = "yinhai"
    about = About("insurance", "银海医保接口", "the Yinhai interface", role="insurance", simulator="yinhai")
    settings: type[BaseModel] = Settings
    ops = _OPS
    outcomes = (
        OutcomeRow("0", Outcome.ACCEPTED),
        OutcomeRow(f"{FAULT}*", Outcome.UNKNOWN),
        OutcomeRow("SESSION", Outcome.REFUSED, because="no living sign-in: the centre executes nothing without one"),
        *(OutcomeRow("-*", Outcome.UNKNOWN, _CHANGES, text) for text in _UNSURE),
        *LOST_LINE,
        OutcomeRow("-6", Outcome.UNKNOWN),
        OutcomeRow("-12", Outcome.UNKNOWN, _CHANGES),  # our number is there with other content
        OutcomeRow("-21", Outcome.ACCEPTED, _UNDOES, because="already undone"),
        OutcomeRow("-22", Outcome.ACCEPTED, frozenset({"unload"}), because="nothing is left to withdraw"),
        # A confirmation that was refused may be one that was given before: only the list of the unconfirmed tells.
        OutcomeRow("-*", Outcome.UNKNOWN, frozenset({"confirm", "cancel"})),
        OutcomeRow("-*", Outcome.REFUSED, because=_REFUSED),
    )

    def open(self, settings: Settings) -> Opened:
        for name in settings.codes:
            if name not in self.ops:
                raise ValueError(f"codes: {name}: there is {', '.join(self.ops)}")
        return Opened(settings, settings.describe(FUNCTIONS))

    def _code(self, settings: Settings, op: str) -> str:
        return settings.codes.get(op, operations.CODES[op])

    def build(self, call: Outgoing) -> HttpRequest:
        opened: Opened = call.settings
        settings, body = opened.plain, wire.body_of(call)
        if call.op == "uncertain":
            return opened.bridge.request(_SECOND[call.op], {"astr_jybh": self._code(settings, "settle")})
        if call.op in _SECOND:
            names = FUNCTIONS[_SECOND[call.op]][0]
            values = {name: str(body.get(name.removeprefix("astr_"), "")) for name in names}
            return opened.bridge.request(_SECOND[call.op], values)
        if body.get("yjybh") in self.ops:
            body = {**body, "yjybh": self._code(settings, body["yjybh"])}
        head = {
            "czybh": settings.operator, "ywzqh": call.session.get("ywzqh", ""), "yljgbh": settings.hospital,
            settings.serial: call.number,
        }  # fmt: skip
        if call.op == "sign_in":
            head["czyxm"] = settings.operator_name
        if taken := sorted(head.keys() & body.keys()):
            raise ValueError(f"{call.op}: {taken[0]} is the engine's own element")
        text = print_inner("input", {**head, **body}, settings.charset)
        values = {"astr_jybh": self._code(settings, call.op), "astr_jysr_xml": text}
        return opened.bridge.request("yh_interface_call", values, cdata=("astr_jysr_xml",))

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        opened: Opened = call.settings
        told = opened.bridge.told(_SECOND.get(call.op, "yh_interface_call"), reply)
        if isinstance(told, Answer):
            return told
        appcode = told["aint_appcode"].strip()
        if not appcode.lstrip("-").isdecimal():
            return wire.not_intact("no appcode")
        text = told["astr_appmsg"][:200]
        if int(appcode) < 0:
            lost = int(appcode) == opened.plain.lost and call.op != "sign_in"
            return Answer(True, "SESSION" if lost else appcode, text, session_lost=lost)
        try:
            body = self._body(call, opened.plain, told)
        except Undecodable as no:
            return Answer(False, no.code.upper(), no.text)
        if isinstance(body, str):
            return wire.not_intact(body)
        return Answer(True, "0", text, body)

    def _body(self, call: Outgoing, settings: Settings, told: dict[str, str]) -> dict[str, Any] | str:
        """The decoded output, or why it cannot be believed."""
        if call.op in ("confirm", "cancel_call"):
            return {}
        _, tree = parse_inner(told.get("astr_jysc_xml") or told.get("astr_jgxml") or "", ("row",))
        if call.op == "uncertain":
            rows = [row for row in tree.get("row", []) if isinstance(row, dict)]
            return {"row": [{**row, "serial": row.get(settings.serial, "")} for row in rows]}
        if tree.get(settings.serial) not in (None, "", call.number):
            return "the answer is not about our number"
        tree |= {"jylsh": told["astr_jylsh"], "jyyzm": told["astr_jyyzm"]}
        if call.op == "settle" and not (tree["jylsh"] and tree["jyyzm"]):
            return "no pair of jylsh and jyyzm to confirm by"
        needed = _NEEDED.get(call.op)
        return tree if needed is None or tree.get(needed) else f"appcode {told['aint_appcode']} but no {needed}"

    def verify(self, settings: Opened, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


PARTY: Final = Yinhai()
