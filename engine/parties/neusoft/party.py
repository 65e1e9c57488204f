"""Neusoft's `BUSINESS_HANDLE(inputData, outputData)` as a party.

In: transaction, hospital, operator, business cycle, our flow number, centre code, parameters, online flag, each with
`^` behind it. Out: the centre's flow number, the online flag, parameters. It returns 0, or another number and the
words of an error in place of the answer. Our flow number is `yyyyMMddHHmmss-hospital-serial`; maps know it as the
engine drew it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from engine.codecs.delimited import Separators
from engine.codecs.errors import Undecodable
from engine.codecs.fixed_layout import BadLayout, read_layouts
from engine.codecs.fixed_length import Part
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, OutcomeRow, Outgoing
from engine.parties.described import FAULT
from engine.parties.functions import LOST_LINE, Bridge, BridgeSettings
from engine.parties.municipal import operations

FUNCTION: Final = "BUSINESS_HANDLE"
FUNCTIONS: Final = {FUNCTION: (("inputData",), ("result", "outputData"))}
LAYOUTS: Final = "schemas/layouts/"
_NUMBER: Final = 18  # our number: time (14) and serial (4)
_CHANGES: Final = frozenset(name for name, op in operations.OPS.items() if op.changes)
_READS: Final = frozenset(operations.OPS) - _CHANGES
MESSAGES: Final = tuple(f"{name}.{side}" for name in operations.OPS for side in ("request", "reply"))


class Settings(BridgeSettings):
    """The connection to the bridge."""

    layout: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """各交易的入参与出参：schemas/layouts/NAME.csv 的 NAME
    · the fields of every transaction: NAME of schemas/layouts/NAME.csv"""
    hospital: str = Field(pattern=r"^[0-9A-Za-z]{1,20}$")
    """医疗机构编号，也是流水号的中间一段
    · the institution's number, also the middle part of flow numbers"""
    operator: str = Field(min_length=1, max_length=20)
    """操作员编号
    · the operator's number"""
    center: str = Field(default="0000", max_length=20)
    """中心编码，由经办机构告知
    · the centre's code, as the institution says"""
    online: str = Field(default="1", max_length=4)
    """入参之后的联机标志
    · the online flag behind the parameters"""
    charset: Literal["GBK", "GB18030"] = "GBK"
    """动态库缓冲区的字符集；它写不出的字会被拒绝，长度也按它计
    · what the library's buffers hold; a character it has not is refused, and lengths count its bytes"""
    escape: Literal["refuse", "fullwidth"] = "refuse"
    """值里有分隔符（^ | $）时：refuse 拒绝，fullwidth 换成全角
    · a value with a separator in it (^ | $): refuse it, or write its full-width twin"""
    lost: str = Field(default="业务周期号无效", min_length=2)
    """中心表示签到已失效、什么也没执行的文字（含有即是）；见到它就重新签到
    · words by which the centre says that the sign-in is gone and nothing was executed; a new sign-in follows"""
    codes: dict[str, str] = Field(default_factory=dict)
    """中心改用的交易编号，本引擎的操作名: 对方的编号；没写的用通常的
    · transaction codes that differ here, our operation: their code; the others are the usual ones"""

    @field_validator("layout")
    @classmethod
    def _is_there(cls, name: str, info: ValidationInfo) -> str:
        context: Any = info.context or {}
        if "files" in context:
            layouts(name, context["files"].get(f"{LAYOUTS}{name}.csv"))
        return name


def layouts(name: str, data: bytes | None) -> dict[str, tuple[Part, ...]]:
    """The transactions of a layout file. ValueError: no such file, a mistake in it, a transaction missing."""
    if data is None:
        raise ValueError(f"there is no {LAYOUTS}{name}.csv")
    try:
        found = read_layouts(data)
    except BadLayout as no:
        raise ValueError(f"{LAYOUTS}{name}.csv: {no}") from None
    if missing := [one for one in MESSAGES if one not in found]:
        raise ValueError(f"{LAYOUTS}{name}.csv: there is no message {missing[0]}")
    return found


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings with description and layouts compiled."""

    plain: Settings
    bridge: Bridge
    messages: Mapping[str, tuple[Part, ...]]
    marks: Separators


class Neusoft:
    """The send map makes the parameters by name; read maps see those of the answer."""

    kind = "neusoft"
    about = About("insurance", "东软医保接口", "the Neusoft interface", role="insurance", simulator="neusoft")
    settings: type[BaseModel] = Settings
    ops = operations.OPS
    outcomes = (
        OutcomeRow("0", Outcome.ACCEPTED),
        OutcomeRow(f"{FAULT}*", Outcome.UNKNOWN),
        # Words are all there is, and the library speaks of a lost line and of a refusal alike: a site says which
        # of its centre's words mean that nothing was done.
        OutcomeRow("SESSION", Outcome.REFUSED, because="no living sign-in: the centre executes nothing without one"),
        OutcomeRow("-*", Outcome.UNKNOWN, _CHANGES),
        *LOST_LINE,
        OutcomeRow("-*", Outcome.REFUSED, _READS),
    )

    def open(self, settings: Settings) -> Opened:
        for name in settings.codes:
            if name not in self.ops:
                raise ValueError(f"codes: {name}: there is {', '.join(self.ops)}")
        data = settings.file(f"{LAYOUTS}{settings.layout}.csv")
        marks = Separators(escape=settings.escape, charset=settings.charset)
        return Opened(settings, settings.describe(FUNCTIONS), layouts(settings.layout, data), marks)

    def build(self, call: Outgoing) -> HttpRequest:
        opened: Opened = call.settings
        settings, marks = opened.plain, opened.marks
        body = dict(wire.body_of(call))
        if body.get("yjybh") in self.ops:  # a map names the transaction as channels do
            body["yjybh"] = self._code(settings, body["yjybh"])
        if body.get("yjylsh"):
            body["yjylsh"] = flow(settings, str(body["yjylsh"]))
        head = (
            self._code(settings, call.op), settings.hospital, settings.operator, call.session.get("ywzqh", ""),
            flow(settings, call.number), settings.center,
        )  # fmt: skip
        layout = opened.messages[f"{call.op}.request"]
        parts = [marks.value(f"part {place}", part) for place, part in enumerate(head, 1)]
        text = marks.joined([*parts, marks.record(layout, body), marks.value("online", settings.online)])
        return opened.bridge.request(FUNCTION, {"inputData": text})

    def _code(self, settings: Settings, op: str) -> str:
        return settings.codes.get(op, operations.CODES[op])

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        opened: Opened = call.settings
        told = opened.bridge.told(FUNCTION, reply)
        if isinstance(told, Answer):
            return told
        result, output = told["result"].strip(), told["outputData"]
        if not result.lstrip("-").isdecimal():
            return wire.not_intact("no result of the function")
        if result != "0":
            text = output.strip("\x00 \r\n^")[:200]
            lost = opened.plain.lost in text and call.op != "sign_in"
            code = "SESSION" if lost else result if result.startswith("-") else f"-{result}"
            return Answer(True, code, text, session_lost=lost)
        try:
            parts = opened.marks.split(output, 3)
            body: dict[str, Any] = dict(opened.marks.fields(opened.messages[f"{call.op}.reply"], parts[2]))
        except Undecodable as no:
            return Answer(False, no.code.upper(), no.text)
        if "\ufffd" in output:
            return wire.not_intact("a replacement character: the bridge has lost a character")
        if body.get("yjylsh"):
            body["yjylsh"] = number_of(str(body["yjylsh"]))
        needed = operations.NEEDED.get(call.op)
        if needed is not None and not body.get(needed):
            return wire.not_intact(f"result 0 but no {needed}")
        return Answer(True, "0", "", body)

    def verify(self, settings: Opened, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def flow(settings: Settings, number: str) -> str:
    """Our number as the interface wants it: yyyyMMddHHmmss-hospital-serial."""
    if len(number) != _NUMBER or not number.isdecimal():
        return number
    return f"{number[:14]}-{settings.hospital}-{number[14:]}"


def number_of(flow: str) -> str:
    """A flow number of ours as the engine drew it; any other as it is."""
    parts = flow.split("-")
    return parts[0] + parts[2] if len(parts) == 3 else flow


PARTY: Final = Neusoft()
