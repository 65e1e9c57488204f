"""The municipal platform as a party: `{head, body}` as GB18030 XML inside one SOAP method, and back.

The serial number 交易流水号 (time and four digits) is our number: under it a transaction takes effect once, is asked
for, and is reversed. Every transaction carries the operator's business cycle 业务周期号, which the sign-in brings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from engine.codecs.errors import Undecodable
from engine.codecs.soap_cdata import parse_inner, print_inner
from engine.core.http import HttpReply, HttpRequest
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.described import Described, unread
from engine.parties.municipal import operations, outcomes
from engine.parties.municipal.settings import Settings


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings with their description compiled."""

    plain: Settings
    described: Described


class Municipal:
    """The send map makes the body of the inner document; read maps see the body of the answer."""

    kind = "municipal"
    about = About(
        "insurance", "市医保平台", "the municipal insurance platform", role="insurance", simulator="municipal"
    )
    settings: type[BaseModel] = Settings
    ops = operations.OPS
    outcomes = outcomes.OUTCOMES

    def open(self, settings: Settings) -> Opened:
        return Opened(settings, settings.opened(operations.CODES))

    def build(self, call: Outgoing) -> HttpRequest:
        opened: Opened = call.settings
        settings, code = opened.plain, self._code(opened.plain, call.op)
        head = {
            "jybh": code, "czybh": settings.operator, "ywzqh": call.session.get("ywzqh", ""), "jylsh": call.number,
            "yljgbh": settings.hospital, "jysj": beijing(call.now),
        }  # fmt: skip
        body = wire.body_of(call)
        if call.op == "sign_in":
            body = {"czyxm": settings.operator_name, **body}
        if body.get("yjybh") in self.ops:  # a map names the transaction as channels do
            body = {**body, "yjybh": self._code(settings, body["yjybh"])}
        text = print_inner("input", {"head": head, "body": body}, settings.charset)
        return settings.asked(opened.described, code, text)

    def _code(self, settings: Settings, op: str) -> str:
        return settings.codes.get(op, operations.CODES[op])

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        opened: Opened = call.settings
        values = opened.described.values(opened.plain.method, reply)
        if isinstance(values, Answer):
            return values
        try:
            root, tree = parse_inner(str(values.get(opened.plain.output_field) or ""), operations.LISTS)
        except Undecodable as no:
            return unread(reply, no)
        return self._answer(call, root, tree)

    def _answer(self, call: Outgoing, root: str, tree: dict[str, Any]) -> Answer:
        head, body = tree.get("head"), tree.get("body")
        code = head.get("appcode") if isinstance(head, dict) else None
        if not isinstance(head, dict) or not isinstance(code, str) or not code.strip():
            return wire.not_intact(f"{root}: no appcode")
        echoed, code = head.get("jylsh"), code.strip()
        if echoed and echoed != call.number:
            return wire.not_intact(f"the answer is about {str(echoed)[:40]!r}, not about our serial number")
        text = head.get("appmsg")
        text = text if isinstance(text, str) else ""
        body = body if isinstance(body, dict) else {}
        if code != "0":
            lost = code == outcomes.SESSION_LOST and call.op != "sign_in"
            return Answer(intact=True, code=code, text=text, body=body, session_lost=lost)
        needed = operations.NEEDED.get(call.op)
        if needed is not None and not body.get(needed):
            return wire.not_intact(f"appcode 0 but no {needed}")
        return Answer(intact=True, code=code, text=text, body=body)

    def verify(self, settings: Opened, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


PARTY: Final = Municipal()
