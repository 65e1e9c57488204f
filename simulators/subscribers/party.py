"""The subscribers as a server: any POST of JSON or XML over HTTP, any HL7 message over MLLP."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from xml.sax.saxutils import escape

from simulators.base.faults import COMMON, Faults
from simulators.base.menu import Section
from simulators.base.mllp_side import ACK_FAULTS
from simulators.base.objection import Objection
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp, json_resp
from simulators.base.world import SimWorld
from simulators.subscribers import said
from simulators.subscribers.door import SubscribersDoor
from simulators.subscribers.inbox import Inbox
from simulators.subscribers.reading import NAMES, Malformed, Told, read_json, read_xml

_NUMBER_HEADERS = ("x-message-no", "idempotency-key")
_REFUSALS = {  # fault: HTTP status, code, text
    "refuse_business": (200, "2001", "业务受理失败"),
    "token_expired": (401, "4001", "令牌已过期"),
    "http_400": (400, "1000", "请求无效"),
    "http_429": (429, "4290", "请求过于频繁"),
}


class SubscribersSim(SimParty):
    """One server plays all subscribers: the first part of the path (`/emr/messages`) or MSH-5 says which one."""

    name = "subscribers"
    default_port = 8741
    mllp_port = 8742
    own_refusals = frozenset({"http_400", "http_429"})
    own_faults = ACK_FAULTS
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.faults = Faults((COMMON - said.MEANINGLESS) | self.own_refusals | self.own_faults)
        self._secret = world.keys.secret("subscribers")
        self.inbox = Inbox(self.ledger)
        self.mllp = self._door = SubscribersDoor(self, self.inbox)
        self.reset()

    def reset(self) -> None:
        self.inbox.clear()
        self.signed = False
        self.names = dict(NAMES)

    def op_of(self, req: Req) -> str:
        """The subscriber: `emr` for /emr/messages, `post` for /."""
        return req.path.strip("/").partition("/")[0] or "post"

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        try:
            told = self._read(req)
        except Malformed:
            return {}
        return {"no": told.number, "patient": told.patient, "visit": told.visit, "event": told.event}

    def _read(self, req: Req) -> Told:
        told = (read_xml if _is_xml(req) else read_json)(req.body, self.names)
        number = next((req.headers[name] for name in _NUMBER_HEADERS if req.headers.get(name)), "")
        return Told(number, told.patient, told.visit, told.event, told.damaged) if number else told

    def serve(self, op: str, req: Req) -> Resp:
        """Answers code 0 and a receipt; the same again gets the same receipt, other content under its number 422."""
        if req.method not in ("POST", "PUT"):
            return _reply(req, 405, "1005", "请用POST")
        if not self._well_signed(req):
            wanted = "hex HMAC-SHA256(secret, X-Message-No LF body)"
            self.objected(Objection("1006", "签名错误", "X-Signature", wanted, req.headers.get("x-signature", "")))
            return _reply(req, 401, "1006", "签名错误")
        try:
            told = self._read(req)
        except Malformed as wrong:
            self.objected(Objection("1001", str(wrong), "body"))
            return _reply(req, 400, "1001", str(wrong))
        if told.damaged:
            return _reply(req, 422, "1002", "文本含替换字符U+FFFD")
        receipt = self.inbox.take(
            op, told.number, req.body, patient=told.patient, visit=told.visit, event=told.event
        )  # fmt: skip
        if receipt.how == "conflict":
            return _reply(req, 422, "1003", "消息编号重复且内容不同", receipt.no)
        return _reply(req, 200, "0", "成功" if receipt.how == "done" else "重复消息", receipt.no)

    def _well_signed(self, req: Req) -> bool:
        """Lower-case hex HMAC-SHA256 over number, LF, body; without a signature too, unless one is demanded."""
        sign = req.headers.get("x-signature", "")
        if not sign:
            return not self.signed
        text = req.headers.get("x-message-no", "").encode() + b"\n" + req.body
        return hmac.compare_digest(hmac.new(self._secret.encode(), text, hashlib.sha256).hexdigest(), sign)

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        return _reply(req, *_REFUSALS[kind])

    def card(self, base_url: str) -> dict[str, Any]:
        """Addresses of the usual ones; any other name works as well."""
        return {
            "base_url": base_url, "secret": self._secret,
            "emr": f"{base_url}/emr/messages", "platform": f"{base_url}/platform/messages",
            "report": f"{base_url}/report/messages", "queue": f"{base_url}/queue/messages",
            "applications": ["LIS", "RIS"], "names": {what: list(names) for what, names in self.names.items()},
        }  # fmt: skip

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """`counts`; `set` {"names": {"number": ["uuid"]}} (where it looks for what), {"signed": true} (demanded),
        {"unsaid": "utf-8"} (the codec of HL7 messages that declare no character set)."""
        name = body.get("act")
        if name == "counts":
            return self.inbox.counts()
        if name != "set":
            raise ValueError(f"unknown act {name!r}; there are counts, set")
        if unknown := body.keys() - {"act", "names", "signed", "unsaid"}:
            raise ValueError(f"unknown field: {', '.join(sorted(unknown))}")
        signed, names = body.get("signed", self.signed), body.get("names", {})
        unsaid = body.get("unsaid", self._door.default)
        if unsaid not in ("utf-8", "gb18030"):
            raise ValueError("unsaid: utf-8 or gb18030")
        if not isinstance(signed, bool):
            raise ValueError("signed: true or false")
        if not isinstance(names, dict) or names.keys() - NAMES.keys():
            raise ValueError(f"names: an object of {', '.join(NAMES)}")
        if not all(isinstance(one, list) and all(isinstance(name, str) for name in one) for one in names.values()):
            raise ValueError("names: each a list of names")
        self.signed, self._door.default = signed, unsaid
        self.names.update({what: tuple(wanted) for what, wanted in names.items()})
        known = {what: list(wanted) for what, wanted in self.names.items()}
        return {"signed": signed, "unsaid": unsaid, "names": known}


def _is_xml(req: Req) -> bool:
    return "xml" in req.headers.get("content-type", "") or req.body.lstrip()[:1] == b"<"


def _reply(req: Req, status: int, code: str, text: str, receipt: str = "") -> Resp:
    """In the caller's own format."""
    fields = {"code": code, "message": text, **({"receipt": receipt} if receipt else {})}
    more = {"Retry-After": "5"} if status in (429, 503) else {}
    if not _is_xml(req):
        return json_resp(fields, status, more)
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?><response>{inside}</response>'.encode()
    return Resp(status, body, {"Content-Type": "application/xml;charset=utf-8", **more})
