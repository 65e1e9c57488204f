"""医保移动支付 as a party: the send map makes the data of a transaction, read maps see the data of its answer."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.mobile_pay import envelope, operations, outcomes
from engine.parties.mobile_pay.operations import ORDER, REFUND
from engine.parties.mobile_pay.settings import Opened, Settings, opened

_JSON: Final = (("Content-Type", wire.JSON),)
_OWN: Final = {ORDER: "orgBizSer", REFUND: "appRefdSn"}
_HEARD: Final = json_text.print_json({"code": "0", "message": "成功", "success": True})


class MobilePay:
    """`orgCodg` comes from the connection. A refusal may come unsigned; a yes may not."""

    kind = "mobile_pay"
    about = About(
        "insurance", "医保移动支付平台", "the mobile insurance payment", role="insurance", simulator="mobile_pay"
    )
    settings: type[BaseModel] = Settings
    ops = operations.OPS
    outcomes = outcomes.OUTCOMES

    def open(self, settings: Settings) -> Opened:
        return opened(settings)

    def build(self, call: Outgoing) -> HttpRequest:
        if call.op in _OWN:
            wire.own_number(call, _OWN[call.op])
        here: Opened = call.settings
        data = wire.body_of(call)
        if call.op != REFUND:
            data = {"orgCodg": here.plain.org_code, **data}
        target = here.plain.prefix + here.plain.paths.get(call.op, operations.PATHS[call.op])
        return HttpRequest("POST", target, _JSON, json_text.print_json(envelope.sealed(here, data, call.now)))

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.status != 200:
            return wire.not_intact(f"HTTP {reply.status}")
        tree = wire.object_of(reply.body)
        if isinstance(tree, str):
            return wire.not_intact(tree)
        code = tree.get("code")
        if isinstance(code, bool) or not isinstance(code, int | str) or str(code).strip() == "":
            return wire.not_intact("no code")
        code, text = str(code).strip(), tree.get("message")
        text = text if isinstance(text, str) else ""
        signed = bool(tree.get("signData"))
        if code != "0" and not signed:
            return Answer(intact=True, code=code, text=text, body={})
        try:
            data = envelope.data_of(call.settings, tree)
        except envelope.Distrusted as why:
            return wire.not_intact(str(why))
        if code != "0":
            return Answer(intact=True, code=code, text=text, body=data)
        return self._good(call, data, text)

    def _good(self, call: Outgoing, data: dict[str, Any], text: str) -> Answer:
        if missing := [name for name in operations.NEEDED.get(call.op, ()) if data.get(name) in (None, "")]:
            return wire.not_intact(f"code 0 but no {missing[0]}")
        asked = wire.body_of(call).get("payOrdId")
        if asked and data.get("payOrdId", asked) != asked:
            return wire.not_intact("another order's answer")
        code = f"{outcomes.REFUND_STATE}{data.get('refStatus', '')}" if call.op == REFUND else "0"
        return Answer(intact=True, code=code, text=text, body=data)

    def verify(self, settings: Opened, request: HttpRequest, now: float) -> Heard | NotHeard:
        """6302. The platform's time is checked, so that an old notice cannot be played again for ever."""
        tree = wire.object_of(request.body)
        if isinstance(tree, str):
            return NotHeard(_refused(400, "报文不是 JSON"), tree.partition(":")[0])
        if not envelope.fresh(settings, tree, now):
            return NotHeard(_refused(401, "timestamp 超出允许范围"), "stale")
        try:
            data = envelope.data_of(settings, tree)
        except envelope.Distrusted as why:
            return NotHeard(_refused(401, "验签失败"), str(why))
        number, order = data.get("medOrgOrd"), data.get("payOrdId")
        return Heard(
            kind=operations.TOLD,
            body=data,
            accepted=HttpReply(200, _JSON, _HEARD),
            failed=_refused(500, "暂时无法处理"),
            number=number if isinstance(number, str) else "",
            id=order if isinstance(order, str) else "",
        )


def _refused(status: int, why: str) -> HttpReply:
    return HttpReply(status, _JSON, json_text.print_json({"code": "-1", "message": why, "success": False}))


PARTY: Final = MobilePay()
