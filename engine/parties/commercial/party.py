"""A commercial insurer's direct claims as a party: one gateway, `service` says what is wanted, `bizContent` is JSON.

The signature covers all fields of the envelope but `sign` itself, sorted, both ways; an answer names the nonce it
answers. claimNo, our number of a claim, is the insurer's key: the same again is answered as before, and a withdrawal
also buries a number that never arrived, so that it can take no effect afterwards.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.commercial.settings import Opened, Settings, opened
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.rsa2 import canonical

SERVICES: Final = {
    "policy": "policy.query",
    "quote": "claim.trial",
    "claim": "claim.settle",
    "state": "claim.query",
    "withdraw": "claim.withdraw",
}
_OPS: Final = {op.name: op for op in (
    Op("policy", "查询可直赔的保单", "policies that pay directly"),
    Op("quote", "理赔试算", "try a claim out"),
    Op("claim", "直赔结算", "claim", changes=True, money=True, number="claim"),
    Op("state", "按理赔号查询", "ask for a claim by our number"),
    Op("withdraw", "撤销直赔", "withdraw a claim", changes=True, money=True, number="void"),
)}  # fmt: skip
_LOOKS: Final = frozenset({"policy", "quote"})
_NO: Final = "a business refusal in a signed answer: nothing was paid"
_SAID: Final = (
    "3001",  # no such policy, or it is not in force
    "3002",  # not covered
    "3003",  # waiting period
    "3004",  # the year's limit is used up
    "3005",  # the amounts do not add up
    "3006",  # the hospital is not in the network
    "3007",  # to be decided by a person at the insurer: not directly
)
_OURS: Final = {"claim": "claimNo", "withdraw": "withdrawNo"}
_NUMBERS: Final = {"claim": ("claimNo",), "state": ("claimNo", "withdrawNo"), "withdraw": ("claimNo",)}
_NEEDED: Final = {"policy": "policies", "quote": "payAmount", "claim": "payAmount", "withdraw": "status"}


def _rows() -> tuple[OutcomeRow, ...]:
    return (
        OutcomeRow("0000", Outcome.ACCEPTED),
        OutcomeRow("1001", Outcome.PENDING),
        OutcomeRow("2002", Outcome.ACCEPTED, frozenset({"withdraw"}), because="already withdrawn"),
        OutcomeRow("2002", Outcome.REFUSED, frozenset({"claim"}), because="that number was withdrawn: it pays nothing"),
        OutcomeRow("2003", Outcome.REFUSED, frozenset({"withdraw"}), because="paid out: the insurer's person decides"),
        *(OutcomeRow(code, Outcome.REFUSED, _LOOKS | {"claim"}, because=_NO) for code in _SAID),
        OutcomeRow("4*", Outcome.REFUSED, _LOOKS),
    )


class Commercial:
    """The send map makes `bizContent`; read maps see the decoded `bizContent` of the answer."""

    kind = "commercial"
    about = About(
        "insurance", "商业保险公司", "the commercial insurer", role="commercial", simulator="commercial"
    )  # fmt: skip
    settings: type[BaseModel] = Settings
    ops = _OPS
    outcomes = _rows()

    def open(self, settings: Settings) -> Opened:
        return opened(settings)

    def build(self, call: Outgoing) -> HttpRequest:
        connection: Opened = call.settings
        plain = connection.plain
        if call.op in _OURS:
            wire.own_number(call, _OURS[call.op])
        fields = {
            "appId": plain.app_id,
            "hospitalCode": plain.hospital,
            "service": SERVICES[call.op],
            "version": "1.0",
            "timestamp": beijing(call.now, "%Y-%m-%d %H:%M:%S"),
            "nonce": call.nonce,
            "signType": plain.sign_type,
            "bizContent": json_text.print_json(wire.body_of(call)).decode(),
        }
        fields["sign"] = connection.sign(canonical(fields))
        return HttpRequest("POST", plain.path, (("Content-Type", wire.JSON),), json_text.print_json(fields))

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.status != 200:
            return wire.not_intact(f"HTTP {reply.status}")
        outer = wire.object_of(reply.body)
        if isinstance(outer, str):
            return wire.not_intact(outer)
        fields = {name: value for name, value in outer.items() if isinstance(value, str)}
        if fields.keys() != outer.keys() or not fields.get("code"):
            return wire.not_intact("not an answer of the gateway")
        if not call.settings.proves(canonical(fields, "sign"), fields.get("sign", "")):
            return wire.not_intact("bad signature")
        if fields.get("nonce") != call.nonce:
            return wire.not_intact("an answer to another request")
        return _answer(call, fields)

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def _answer(call: Outgoing, fields: dict[str, str]) -> Answer:
    code, text = fields["code"], fields.get("message", "")[:200]
    content = fields.get("bizContent", "")
    body = wire.object_of(content.encode()) if content else {}
    if isinstance(body, str):
        return wire.not_intact(f"bizContent: {body}")
    if code != "0000":
        return Answer(True, code, text, body)
    needed = _NEEDED.get(call.op)
    if needed is not None and needed not in body:
        return wire.not_intact(f"0000 but no {needed}")
    ours = wire.body_of(call)
    if any(body.get(name) != ours[name] for name in _NUMBERS.get(call.op, ()) if name in ours):
        return wire.not_intact("the answer is about another number")
    return Answer(True, code, text, body)


PARTY: Final = Commercial()
