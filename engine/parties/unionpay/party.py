"""UnionPay as a party: which form each operation is, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from engine.codecs import form
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.bills import BadBill, BillRow, day_span
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.unionpay import day_file, envelope, outcomes, signing
from engine.parties.unionpay.keys import BY_CERTIFICATE, Merchant, Settings, opened

_BACK: Final = "/gateway/api/backTransReq.do"
_QUERY: Final = "/gateway/api/queryTrans.do"
_TARGET: Final = {"query": _QUERY, "file": "/"}
_NOTIFIED: Final = frozenset({"qr", "scan", "undo", "refund"})
_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"),)
_FORM: Final = (("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"),)
_SAYS: Final = {"01": "consume", "31": "undo", "04": "refund", "99": "reverse"}


class UnionPay:
    """Send maps write order number, time and amount; merchant, type, addresses and signature come from here.

    A transaction's key is merId, orderId *and* txnTime: every map makes `txnTime` of the leg's own instant, so that
    the inquiry after a lost answer knows it too. The file server has another address: a connection of its own.
    """

    kind = "unionpay"
    about = About("payment", "银联", "UnionPay", role="payment", simulator="unionpay")
    settings: type[BaseModel] = Settings
    ops = outcomes.OPS
    outcomes = outcomes.OUTCOMES

    def open(self, settings: Settings) -> Merchant:
        return opened(settings)

    def build(self, call: Outgoing) -> HttpRequest:
        if self.ops[call.op].number:
            wire.own_number(call, "orderId")
        merchant: Merchant = call.settings
        fields = _fields(merchant, call)
        fields["signature"] = signing.signature(merchant, fields)
        return HttpRequest("POST", _TARGET.get(call.op, _BACK), _FORM, form.print_form(fields))

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        merchant: Merchant = call.settings
        if reply.status != 200:
            return wire.not_intact(f"HTTP {reply.status}")
        try:
            fields = envelope.parse(reply.body)
        except Undecodable as error:
            return wire.not_intact(f"{error.code}: {error}")
        fault = signing.fault_of(merchant, fields, call.now)
        if fault:
            return wire.not_intact(fault)
        fault = _mixed_up(merchant, call, fields)
        if fault:
            return wire.not_intact(fault)
        code, body = fields.get("respCode", ""), _shown(fields)
        if call.op == "qr" and code == "00" and not fields.get("qrCode"):
            return wire.not_intact("no qrCode")
        if call.op == "file" and code == "00":
            content = day_file.opened(fields.get("fileContent", ""))
            if isinstance(content, str):
                return wire.not_intact(content)
            body = {**body, "files": content}
        return Answer(intact=True, code=code, text=fields.get("respMsg", ""), body=body)

    def verify(self, settings: Merchant, request: HttpRequest, now: float) -> Heard | NotHeard:
        """A notice is a signed form; the platform counts HTTP 200 as heard, whatever the body says."""
        try:
            fields = form.parse(request.body)
        except Undecodable as error:
            return NotHeard(_reply(400), error.code)
        fault = signing.fault_of(settings, fields, now)
        if fault:
            return NotHeard(_reply(401), fault)
        if fields.get("merId") != settings.plain.mer_id:
            return NotHeard(_reply(403), "another merchant's message")
        kind = _SAYS.get(fields.get("txnType", ""))
        if kind is None or not fields.get("orderId") or not fields.get("respCode"):
            return NotHeard(_reply(400), "no notice of a transaction")
        return Heard(
            kind=kind,
            body=_shown(fields),
            accepted=_reply(200, b"ok"),
            failed=_reply(500),
            number=fields["orderId"],
            id=f"{fields.get('queryId', '')}.{fields['respCode']}",
        )

    # Its bills

    bill_op = "file"
    no_bill = frozenset({"98"})
    bill_slack_s = 1800.0

    def bill_span(self, opened: Merchant, day: str) -> tuple[float, float]:
        return day_span(day, (24 - opened.plain.clearing_hour) * 3600.0)

    def bill_ask(self, opened: Merchant, day: str, now: float) -> dict[str, Any]:
        return {"txnTime": beijing(now, "%Y%m%d%H%M%S"), "settleDate": day[5:7] + day[8:10]}

    def bill_hosts(self, opened: Merchant) -> frozenset[str]:
        return frozenset()

    def bill_link(self, answer: Answer) -> str:
        return ""

    def bill_request(self, opened: Merchant, link: str, now: float, nonce: str) -> HttpRequest:
        raise BadBill("the answer holds the bill")

    def bill_rows(self, opened: Merchant, day: str, answer: Answer, content: bytes) -> list[BillRow]:
        return day_file.bill_rows(answer.body["files"], day, opened.plain.mer_id)

    def bill_fee(self, opened: Merchant) -> int | None:
        return opened.plain.fee_bp

    # Its self-test: a transaction nobody ever made is answered, signed, with "there is none"

    probe_op = "query"
    probe_good = frozenset({"34"})

    def probe_ask(self, opened: Merchant, now: float, nonce: str) -> dict[str, Any]:
        return {"orderId": f"PROBE{nonce}", "txnTime": beijing(now, "%Y%m%d%H%M%S")}


def _fields(merchant: Merchant, call: Outgoing) -> dict[str, str]:
    """All fields of a request but the signature, as text; ValueError names one that the gateway could not read."""
    plain, (kind, sub) = merchant.plain, outcomes.KINDS[call.op]
    made = {
        "version": signing.VERSION,
        "encoding": "UTF-8",
        "signMethod": plain.sign_method,
        "txnType": kind,
        "txnSubType": sub,
        "bizType": "000000",
        "accessType": plain.access_type,
        "merId": plain.mer_id,
    }
    if plain.sign_method == BY_CERTIFICATE:
        made["certId"] = merchant.cert_id
    if call.op not in ("query", "file"):
        made["channelType"] = plain.channel_type
    if call.op in _NOTIFIED:
        made |= {"backUrl": plain.back_url, "currencyCode": "156"}
    if call.op == "scan":
        made["termId"] = plain.term_id
    if call.op == "file":
        made["fileType"] = "00"
    for name, value in wire.body_of(call).items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(f"{name}: text or a whole number is wanted")
        text = str(value)
        if name in made or name == "signature":
            raise ValueError(f"{name}: comes from the connection, not from the map")
        if "&" in text or any(ord(sign) < 32 for sign in text):
            raise ValueError(f"{name}: no & and no control characters (use base64 in reqReserved)")
        if text:
            made[name] = text
    return made


def _mixed_up(merchant: Merchant, call: Outgoing, fields: Mapping[str, str]) -> str:
    """Why a well-signed answer is not the one to this request; "" when it is. A refusal may leave fields out."""
    if fields.get("merId", merchant.plain.mer_id) != merchant.plain.mer_id:
        return "another merchant's answer"
    sent = wire.body_of(call)
    for name in ("orderId", "txnTime", "settleDate") if call.op == "file" else ("orderId", "txnTime"):
        if name in sent and fields.get(name, str(sent[name])) != str(sent[name]):
            return f"the answer to another {name}"
    if fields.get("respCode") == "00" and call.op not in ("file",):
        kind, sub = outcomes.KINDS[call.op]
        if (fields.get("txnType"), fields.get("txnSubType")) != (kind, sub):
            return "the answer to another kind of request"
        if any(name in sent and name not in fields for name in ("orderId", "txnTime")):
            return "an answer without its order"
    return ""


def _shown(fields: Mapping[str, str]) -> dict[str, Any]:
    """What maps see: without signature, certificate and packed file."""
    hidden = ("signature", "signPubKeyCert", "fileContent")
    return {name: value for name, value in fields.items() if name not in hidden}


def _reply(status: int, body: bytes = b"") -> HttpReply:
    return HttpReply(status, _TEXT, body)


PARTY: Final = UnionPay()
