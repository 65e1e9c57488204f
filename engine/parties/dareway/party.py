"""Dareway's web methods as a party: `login` hands out a token, `invoke` takes it with a method and JSON.

`hisjyh` is our number. resultcode 0 is good; -6 says that nobody knows: the method `ask_for_si` with `p_hisjyh` tells
what became of it. An ordinary outpatient settlement is one call with all its lines (`settle_mz`), tried out before
(`settle_mz_pre`), taken back by its number there (`destroy_mz`). There is no reversal by our number: what is unknown
is asked for until nothing of it can arrive any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, Field

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.described import FAULT
from engine.parties.functions import LOST_LINE, Bridge, BridgeSettings

# name: (method, zh, en, what it changes: "" nothing · "m" money, element a good answer must have)
_TABLE: Final = {
    "login": ("login", "登录取令牌", "sign in for a token", "", "token"),
    "person": ("query_basic_info", "获取人员基本信息", "read a person", "", "grbh"),
    "quote": ("settle_mz_pre", "门诊预结算", "quote a settlement", "", "zje"),
    "settle": ("settle_mz", "门诊结算", "settle", "m", "jshid"),
    "cancel": ("destroy_mz", "撤销门诊结算", "cancel a settlement", "m", ""),
    "ask": ("ask_for_si", "问询交易结果", "ask what became of a transaction", "", ""),
}
METHODS: Final = {name: row[0] for name, row in _TABLE.items()}
_NEEDED: Final = {name: row[4] for name, row in _TABLE.items() if row[4]}
_OPS: Final = {
    name: Op(name, zh, en, changes=what != "", money=what == "m", number="msgid", session=name != "login")
    for name, (_, zh, en, what, _needed) in _TABLE.items()
}
_CHANGES: Final = frozenset({"settle", "cancel"})
_UNSURE: Final = ("超时", "系统异常")
FUNCTIONS: Final = {
    "login": (("usercode", "password"), ("result",)),
    "invoke": (("sbjgbh", "token", "hisjyh", "method", "jsonPara", "yybm"), ("result",)),
}
NOT_FOUND: Final = "NOT_FOUND"
SESSION: Final = "SESSION"


class Settings(BridgeSettings):
    """The connection to the bridge."""

    sbjgbh: str = Field(min_length=1, max_length=20)
    """社保经办机构编号；映射可按病人另写
    · the insurance institution that is asked; a map may say the patient's"""
    yybm: str = Field(min_length=1, max_length=20)
    """本院在经办机构的医院编码
    · the hospital's code at the institution"""
    user: str = Field(min_length=1, max_length=40)
    """登录（login）的用户名
    · the user of login"""
    password: str = Field(min_length=1, max_length=100, repr=False)
    """登录（login）的口令
    · the password of login"""
    lost: str = "-8"
    """表示登录已失效、什么也没执行的 resultcode；见到它就重新登录
    · the resultcode that says the token is gone and nothing was executed; a new login follows"""
    not_found: str = "-7"
    """ask_for_si 用来说“没见过这个交易号”的 resultcode
    · the resultcode by which ask_for_si says that it never saw the number"""
    undone: str = "-21"
    """destroy_mz 用来说“这笔结算早已撤销”的 resultcode
    · the resultcode by which destroy_mz says that the settlement is gone already"""
    methods: dict[str, str] = Field(default_factory=dict)
    """本地改用的方法名，本引擎的操作名: 对方的方法名；没写的用通常的
    · method names that differ here, our operation: their name; the others are the usual ones"""


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings with the description compiled."""

    plain: Settings
    bridge: Bridge


class Dareway:
    """The send map makes the parameters of the method; read maps see the answer's fields."""

    kind = "dareway"
    about = About("insurance", "地纬医保接口", "the Dareway interface", role="insurance", simulator="dareway")
    settings: type[BaseModel] = Settings
    ops = _OPS
    outcomes = (
        OutcomeRow("0", Outcome.ACCEPTED),
        OutcomeRow(f"{FAULT}*", Outcome.UNKNOWN),
        OutcomeRow("-6", Outcome.UNKNOWN),  # nobody knows: ask_for_si with the same number
        OutcomeRow(SESSION, Outcome.REFUSED, because="no living token: nothing is executed without one"),
        OutcomeRow("UNDONE", Outcome.ACCEPTED, frozenset({"cancel"}), because="already undone"),
        OutcomeRow(NOT_FOUND, Outcome.REFUSED, frozenset({"ask"})),
        *(OutcomeRow("-*", Outcome.UNKNOWN, _CHANGES, text) for text in _UNSURE),
        *LOST_LINE,
        OutcomeRow("-1", Outcome.REFUSED, because="a refusal in words of a complete answer: nothing was stored"),
        OutcomeRow("-*", Outcome.UNKNOWN, _CHANGES | {"ask"}),
        OutcomeRow("-*", Outcome.REFUSED, frozenset(_OPS) - _CHANGES - {"ask"}),
    )

    def open(self, settings: Settings) -> Opened:
        for name in settings.methods:
            if name not in self.ops:
                raise ValueError(f"methods: {name}: there is {', '.join(self.ops)}")
        return Opened(settings, settings.describe(FUNCTIONS))

    def build(self, call: Outgoing) -> HttpRequest:
        opened: Opened = call.settings
        settings = opened.plain
        if call.op == "login":
            return opened.bridge.request("login", {"usercode": settings.user, "password": settings.password})
        body = wire.body_of(call)
        values = {
            "sbjgbh": str(body.get("sbjgbh") or settings.sbjgbh), "token": call.session.get("token", ""),
            "hisjyh": call.number, "method": settings.methods.get(call.op, METHODS[call.op]),
            "jsonPara": json_text.print_json({n: v for n, v in body.items() if n != "sbjgbh"}).decode(),
            "yybm": settings.yybm,
        }  # fmt: skip
        return opened.bridge.request("invoke", values)

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        opened: Opened = call.settings
        told = opened.bridge.told("login" if call.op == "login" else "invoke", reply)
        if isinstance(told, Answer):
            return told
        tree = wire.object_of(told["result"].encode())
        if isinstance(tree, str):
            return wire.not_intact(tree)
        code, text = tree.get("resultcode"), tree.get("resulttext")
        if isinstance(code, bool) or not isinstance(code, str | int) or not str(code).strip():
            return wire.not_intact("no resultcode")
        return self._answer(call, opened.plain, tree, str(code).strip(), text if isinstance(text, str) else "")

    def _answer(self, call: Outgoing, settings: Settings, tree: dict[str, Any], code: str, text: str) -> Answer:
        if code == settings.lost and call.op != "login":
            return Answer(True, SESSION, text, session_lost=True)
        if call.op == "ask" and code == settings.not_found:
            return Answer(True, NOT_FOUND, text, {})
        if call.op == "cancel" and code == settings.undone:
            return Answer(True, "UNDONE", text, {})
        if code != "0":
            return Answer(True, code, text[:200])
        if call.op == "login":
            tree = {"token": text}
        elif tree.get("hisjyh") not in (None, "", call.number) and call.op != "ask":
            return wire.not_intact("the answer is not about our number")
        needed = _NEEDED.get(call.op)
        if needed is not None and not tree.get(needed):
            return wire.not_intact(f"resultcode 0 but no {needed}")
        return Answer(True, "0", "" if call.op == "login" else text, tree)

    def verify(self, settings: Opened, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


PARTY: Final = Dareway()
