"""A provider of short messages as a party: templates with parameters, as Alibaba Cloud's dysmsapi 2017-05-25.

Requests are signed by ACS3-HMAC-SHA256 over method, headers and the form's hash. The provider sends what it is asked to
send, as often as it is asked: our number travels as OutId, and `find` looks for it among what went to that phone on a
day. `find` answers FOUND or NOT_FOUND, and PARTIAL where the day's list is longer than one page. Later the provider
pushes reports (SmsReport): what the operator said of each message.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

from pydantic import BaseModel, Field

from engine.codecs import form, json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.settings import PartySettings

VERSION: Final = "2017-05-25"
ACTIONS: Final = {"send": "SendSms", "find": "QuerySendDetails"}
PAGE: Final = 50
KEY_LEAST: Final = 16
FORM: Final = "application/x-www-form-urlencoded"
_PHONE: Final = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
_LIMITS: Final = ("isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL", "Throttling*")
_OURS: Final = (  # what only people can mend: credit, rights, signature, template
    "isv.AMOUNT_NOT_ENOUGH", "isv.OUT_OF_SERVICE", "isp.RAM_PERMISSION_DENY", "isv.ACCOUNT_ABNORMAL",
    "isv.ACCOUNT_NOT_EXISTS", "isv.PRODUCT_UN_SUBSCRIPT", "SignatureDoesNotMatch", "InvalidAccessKeyId*",
    "InvalidTimeStamp.Expired", "SignatureNonceUsed",
)  # fmt: skip


class Settings(PartySettings):
    """The connection to the provider of short messages."""

    callback_keys: ClassVar[tuple[str, ...]] = ("report_key",)

    access_key_id: str = Field(min_length=4, max_length=128)
    """账号的 AccessKey ID；用只能发短信的子账号
    · the account's AccessKey id; of an account that may only send"""
    access_key_secret: str = Field(min_length=8, repr=False)
    """账号的 AccessKey 密钥（ACS3-HMAC-SHA256 签名）
    · the account's AccessKey secret (signs by ACS3-HMAC-SHA256)"""
    sign_name: str = Field(min_length=2, max_length=20)
    """短信前的签名，须在平台审核通过，不写【】
    · the signature before every text, approved by the provider, without its brackets"""
    report_key: str = Field(default="", max_length=128, repr=False)
    """状态报告推送地址里的口令（…?key=口令），16 字以上；平台不签名，凭它认得是平台。空：不收报告
    · the word in the address that reports are pushed to (…?key=WORD), 16 characters or more: the provider signs
    none of them. Empty: no report is believed"""
    host: str = Field(default="dysmsapi.aliyuncs.com", pattern=r"^[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$")
    """平台的主机名，参与签名；与 url 里的相同，经代理访问时写平台自己的
    · the provider's name, part of what is signed: as in url, or its own where url is a proxy's"""


def authorization(secret: str, key_id: str, headers: dict[str, str]) -> str:
    """The header that proves a POST to `/` with these headers (lower-case names, the body's hash among them)."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{headers['x-acs-content-sha256']}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    made = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={made}"


class Sms:
    """The send map makes PhoneNumbers, TemplateCode and TemplateParam (an object of texts)."""

    kind = "sms"
    about = About("engine", "短信平台", "the short message provider", simulator="sms")
    settings: type[BaseModel] = Settings
    ops: Final = {
        "send": Op("send", "发送短信", "send a short message", changes=True),
        "find": Op("find", "查询是否已发送", "look whether it was sent"),
    }
    outcomes: Final = (
        OutcomeRow("OK", Outcome.ACCEPTED, frozenset({"send"})),
        OutcomeRow("FOUND", Outcome.ACCEPTED, frozenset({"find"})),
        OutcomeRow("NOT_FOUND", Outcome.REFUSED, frozenset({"find"})),
        *(OutcomeRow(code, Outcome.UNKNOWN) for code in (*_LIMITS, *_OURS)),  # later, under the same number
        OutcomeRow("isv.*", Outcome.REFUSED, frozenset({"send"})),
    )

    def open(self, settings: Settings) -> Settings:
        if settings.report_key and len(settings.report_key) < KEY_LEAST:
            raise ValueError(f"report_key: {KEY_LEAST} characters or more")
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        settings: Settings = call.settings
        fields = self._send(call) if call.op == "send" else self._find(call)
        body = form.print_form(fields)
        at = datetime.fromtimestamp(int(call.now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        once = f"{call.op} {call.number} {call.now} {call.made}"  # a question of one instant for each day asked about
        drawn = "" if call.op == "send" else call.nonce  # sent twice in one instant, the second is refused unread
        nonce = drawn or hashlib.sha256(once.encode()).hexdigest()[:32]
        signed = {
            "content-type": FORM, "host": settings.host, "x-acs-action": ACTIONS[call.op],
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(), "x-acs-date": at,
            "x-acs-signature-nonce": nonce, "x-acs-version": VERSION,
        }  # fmt: skip
        proof = authorization(settings.access_key_secret, settings.access_key_id, signed)
        headers = tuple((name, value) for name, value in signed.items() if name != "host")
        return HttpRequest("POST", "/", (*headers, ("accept", "application/json"), ("Authorization", proof)), body)

    def _send(self, call: Outgoing) -> dict[str, str]:
        body = wire.body_of(call)
        given = body.get("TemplateParam")
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise ValueError("TemplateParam: an object of texts is wanted")
        return {
            "PhoneNumbers": _phone(body), "SignName": call.settings.sign_name,
            "TemplateCode": str(body.get("TemplateCode", "")), "TemplateParam": json_text.print_json(given).decode(),
            "OutId": call.number,
        }  # fmt: skip

    def _find(self, call: Outgoing) -> dict[str, str]:
        day = beijing(call.made or call.now, "%Y%m%d")
        return {"PhoneNumber": _phone(wire.body_of(call)), "SendDate": day, "PageSize": str(PAGE), "CurrentPage": "1"}

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        tree = wire.object_of(reply.body)
        if isinstance(tree, str):
            return wire.not_intact(tree)
        code, text = tree.get("Code"), tree.get("Message")
        if not isinstance(code, str) or not code:
            return wire.not_intact("no Code")
        told = text[:200] if isinstance(text, str) else ""
        if code == "OK" and reply.status != 200:
            return wire.not_intact(f"OK with HTTP {reply.status}")
        if code != "OK" or call.op == "send":
            return Answer(True, code, told, tree)
        return _found(call, tree)

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        """A push of reports: a list of objects. The provider signs nothing here; who pushes shows that he knows the
        address, whose key nobody else was given."""
        if not settings.report_key:
            return wire.no_callbacks(settings, request, now)
        given = parse_qs(request.query, keep_blank_values=True).get("key", [])
        right = len(given) == 1 and hmac.compare_digest(given[0].encode(), settings.report_key.encode())
        if not right:
            return NotHeard(_said(401, 401, "unauthorized"), "wrong report key")
        try:
            reports = json_text.parse(request.body, max_bytes=wire.MAX_REPLY)
        except Undecodable as no:
            return NotHeard(_said(400, 400, "malformed"), no.code)
        if not isinstance(reports, list) or not all(isinstance(one, dict) for one in reports):
            return NotHeard(_said(400, 400, "a list of reports is wanted"), "not a list of reports")
        return Heard("report", reports, _said(200, 0, "接收成功"), _said(503, 1, "later"))


def _said(status: int, code: int, text: str) -> HttpReply:
    """What the provider is told; anything but code 0 makes it push the same again."""
    return HttpReply(status, (("Content-Type", wire.JSON),), json_text.print_json({"code": code, "msg": text}))


def _phone(body: dict[str, Any]) -> str:
    phone = body.get("PhoneNumbers")
    if not isinstance(phone, str) or not _PHONE.fullmatch(phone):
        raise ValueError("PhoneNumbers: one mobile number of mainland China is wanted")
    return phone


def _found(call: Outgoing, tree: dict[str, Any]) -> Answer:
    inside = tree.get("SmsSendDetailDTOs")
    rows = inside.get("SmsSendDetailDTO") if isinstance(inside, dict) else None
    total = tree.get("TotalCount")
    if not isinstance(rows, list) or not str(total).isdecimal() or not all(isinstance(row, dict) for row in rows):
        return wire.not_intact("not a list of what was sent")
    if any(row.get("OutId") == call.number for row in rows):
        return Answer(True, "FOUND", body=tree)
    return Answer(True, "NOT_FOUND" if int(str(total)) <= len(rows) else "PARTIAL", body=tree)


PARTY: Final = Sms()
