"""The two ways this HIS is asked: the signed JSON gateway, and SOAP with one string. The business knows of neither."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

from simulators.base.objection import Objection
from simulators.base.soap import Broken, fault
from simulators.base.wire import Req, Resp, json_resp, text_resp
from simulators.base.world import SimWorld
from simulators.his import soap
from simulators.his.answers import Habits, Refusal
from simulators.his.gateway import Guard

SPOILS = frozenset(
    {"fault_after_commit", "gbk_bytes", "cut_reply", "other_unit", "success_text", "says_duplicate", "null_lists"}
)
_IN_THE_TREE = frozenset({"wrong_amount", "other_unit", "success_text", "says_duplicate", "null_lists"})
MONEY = frozenset({
    "amount", "cash", "fund", "account", "balance", "relief", "otherFund", "commercial", "self", "fee", "price",
    "deposit", "depositLeft", "suggested", "returned", "left",
})  # fmt: skip
GATEWAY = "/gateway/"
_REFUSALS = {
    "refuse_business": ("BUSINESS_REFUSED", "业务受理失败，请到窗口办理"),
    "not_enough_balance": ("NOT_ENOUGH_BALANCE", "账户余额不足"),
    "token_expired": ("TOKEN_EXPIRED", "授权已过期，请重新获取"),
}


class Turned(Exception):
    """Turned away at the door, with the answer to give."""

    def __init__(self, resp: Resp, objection: Objection | None = None) -> None:
        super().__init__(objection.said if objection else "")
        self.resp, self.objection = resp, objection


class Style(Protocol):
    """One admitted request: its body, and how its answers are written."""

    body: Any

    def accepted(self, data: dict[str, Any]) -> Resp: ...
    def refused(self, refusal: Refusal) -> Resp: ...


class JsonStyle:
    """A request to the gateway; answers are signed over its nonce."""

    def __init__(self, world: SimWorld, guard: Guard, habits: Habits, req: Req, nonce: str) -> None:
        self._world, self._guard, self._habits, self._nonce = world, guard, habits, nonce
        self.body = req.json

    def accepted(self, data: dict[str, Any]) -> Resp:
        return self.signed(self._habits.accepted(data))

    def refused(self, refusal: Refusal) -> Resp:
        return self.signed(self._habits.refused(refusal))

    def signed(self, resp: Resp) -> Resp:
        """With the reply's own signature."""
        resp.headers.update(self._guard.headers(str(int(self._world.signing())), self._nonce, resp.body))
        return resp


class SoapStyle:
    """A call of the one method."""

    def __init__(self, habits: Habits, asked: soap.Asked) -> None:
        self._habits, self._asked = habits, asked
        self.body = asked.params

    def accepted(self, data: dict[str, Any]) -> Resp:
        return soap.reply(self._asked, {"code": "0", "msg": "成功", "data": data}, self._habits)

    def refused(self, refusal: Refusal) -> Resp:
        tree = {"code": refusal.code, "msg": refusal.msg, "data": refusal.data or None}
        return soap.reply(self._asked, tree, self._habits)


class Styles:
    """Reads a request in its style, and spoils a reply in the same."""

    def __init__(self, world: SimWorld, app_id: str, secret: str, habits: Habits) -> None:
        self._world, self._secret, self._habits = world, secret, habits
        self._guard = Guard(app_id, secret)

    def op_of(self, req: Req) -> str:
        """The operation's name in either style; `wsdl`; or the path."""
        if req.path != soap.PATH:
            return req.path.removeprefix(GATEWAY)
        if req.method in ("GET", "HEAD"):
            return "wsdl" if "wsdl" in {name.lower() for name in req.query} else req.path
        try:
            return soap.opened(req, self._habits).op
        except Broken:
            return req.path

    def body_of(self, req: Req) -> dict[str, Any]:
        """The request's fields, for faults to match on; empty when it has none."""
        if req.path != soap.PATH:
            return req.json if isinstance(req.json, dict) else {}
        try:
            return soap.opened(req, self._habits).params
        except Broken:
            return {}

    def admit(self, op: str, req: Req) -> Style:
        """The request's style; Turned when it does not come through the door."""
        if req.path == soap.PATH:
            return self._soap(op, req)
        try:
            if req.method != "POST" or not req.path.startswith(GATEWAY):
                raise Refusal("OPERATION_UNKNOWN", "不支持的操作")
            self._guard.admit(req, self._world.signing())
        except Refusal as refusal:
            why = refusal.objection(refusal.code, refusal.msg)
            raise Turned(self._habits.refused(refusal), why) from None
        return self.of_gateway(req)

    def _soap(self, op: str, req: Req) -> Style:
        if req.method in ("GET", "HEAD"):
            here = f"http://{req.headers.get('host', '')}{soap.PATH}"
            if op == "wsdl":
                raise Turned(text_resp(soap.SERVICE.replace("@ADDRESS@", here), 200, "text/xml;charset=utf-8"))
            raise Turned(text_resp("use POST, or GET with ?wsdl", 405), Objection("HTTP 405", "use POST"))
        try:
            asked = soap.opened(req, self._habits)
        except Broken as broken:
            why = Objection(f"SOAP {broken.version}", str(broken), "Envelope")
            raise Turned(fault(broken.version, broken.who, str(broken)), why) from None
        style, refusal = SoapStyle(self._habits, asked), asked.wrong
        if refusal is None and asked.head["token"] != self._secret:
            refusal = Refusal("TOKEN_INVALID", "令牌无效").at("token", "the token of the card", asked.head["token"])
        if refusal is not None:
            raise Turned(style.refused(refusal), refusal.objection(refusal.code, refusal.msg))
        return style

    def of_gateway(self, req: Req) -> JsonStyle:
        """The style of a request to the gateway, whoever sent it."""
        return JsonStyle(self._world, self._guard, self._habits, req, req.headers.get("x-nonce", ""))

    def spoiled(self, kind: str, req: Req, resp: Resp | None) -> Resp:
        """A refusal (`resp` None) or a true reply made wrong, in the style of the request."""
        if req.path == soap.PATH:
            return self._spoiled_soap(kind, req, resp)
        style = self.of_gateway(req)
        if resp is None:
            return style.refused(Refusal(*_REFUSALS[kind]))
        if kind == "bad_signature":
            resp.headers["X-Sign"] = "0" * 64
            return resp
        if kind == "fault_after_commit":
            return text_resp("java.lang.NullPointerException", 500)
        if kind == "gbk_bytes":
            return style.signed(Resp(resp.status, resp.body.decode("utf-8").encode("gb18030"), resp.headers))
        if kind == "cut_reply":
            return style.signed(Resp(resp.status, _cut(resp.body), resp.headers))
        reply = json.loads(resp.body)
        self._changed(kind, reply)
        if kind == "success_text":
            reply["success"] = "true" if reply["success"] in (True, "1", "true") else "false"
        elif kind == "says_duplicate":
            reply["success"] = self._habits.reply("DUPLICATE", "", None)["success"]
        return style.signed(json_resp(reply))

    def _spoiled_soap(self, kind: str, req: Req, resp: Resp | None) -> Resp:
        try:
            asked = resp.asked if isinstance(resp, soap.SoapResp) else soap.opened(req, self._habits)
        except Broken as broken:
            return fault(broken.version, broken.who, str(broken))
        assert asked is not None
        if resp is None:
            return SoapStyle(self._habits, asked).refused(Refusal(*_REFUSALS[kind]))
        if kind == "fault_after_commit" or not isinstance(resp, soap.SoapResp):
            return fault(asked.version, "server", "java.lang.NullPointerException")
        if kind == "bad_signature":  # there is none: the answer is about another request
            asked.head["msgId"] = "0" * 32
        elif kind in _IN_THE_TREE:
            self._changed(kind, resp.tree)
        elif kind == "gbk_bytes":
            return Resp(resp.status, resp.body.decode("utf-8", "replace").encode("gb18030"), resp.headers)
        elif kind == "cut_reply":
            return Resp(resp.status, _cut(resp.body), resp.headers)
        return soap.reply(asked, resp.tree, self._habits)

    def _changed(self, kind: str, reply: dict[str, Any]) -> None:
        """A true reply whose content says otherwise."""
        if kind == "wrong_amount":
            self._one_fen_more(reply)
        elif kind == "other_unit":
            reply["data"] = self._in_the_other_unit(reply["data"])
        elif kind == "null_lists":
            reply["data"] = _without_lists(reply["data"])
        elif kind == "says_duplicate":
            reply.update(code="DUPLICATE", msg="重复的请求", data=None)

    def _in_the_other_unit(self, tree: Any) -> Any:
        """Every amount as a house of the other unit would write it."""
        if isinstance(tree, list):
            return [self._in_the_other_unit(one) for one in tree]
        if not isinstance(tree, dict):
            return tree
        shift = Decimal("0.01") if self._habits.amounts_in == "fen" else Decimal(100)
        form = ".2f" if self._habits.amounts_in == "fen" else "f"
        return {
            name: format((Decimal(value) * shift).normalize(), form)
            if name in MONEY and isinstance(value, str) and value else self._in_the_other_unit(value)
            for name, value in tree.items()
        }  # fmt: skip

    def _one_fen_more(self, reply: Mapping[str, Any]) -> None:
        data = reply["data"] or {}
        for place in [data, *(data.get("bills") or [])]:
            if "amount" in place:
                place["amount"] = self._habits.money(self._habits.read_money("amount", place["amount"]) + 1)


def _without_lists(tree: Any) -> Any:
    """Every list as null, as some houses write an empty one."""
    if isinstance(tree, dict):
        return {name: None if isinstance(value, list) else _without_lists(value) for name, value in tree.items()}
    return tree


def _cut(body: bytes) -> bytes:
    """Two thirds of it, at a character's end."""
    return body[: len(body) * 2 // 3].decode("utf-8", "ignore").encode("utf-8")
