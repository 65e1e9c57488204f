"""WeChat Pay as a party: which bytes each operation is, and what came back."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from pydantic import BaseModel

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.wechat import certificates, outcomes, v2, v3
from engine.parties.wechat.keys import Merchant, Settings, opened, same_serial

_ORDERS: Final = "/v3/pay/transactions"
_REFUNDS: Final = "/v3/refund/domestic/refunds"
_V2: Final = {"micropay": "/pay/micropay", "order_query": "/pay/orderquery", "reverse": "/secapi/pay/reverse"}
_NUMBER_FIELD: Final = {"trade": "out_trade_no", "refund": "out_refund_no"}


class WeChatPay:
    """Send maps write the fields of the order; appid, mchid, notify_url and signatures come from the connection."""

    kind = "wechat"
    about = About("payment", "支付平台", "the payment platform", role="payment", simulator="wechat")
    settings: type[BaseModel] = Settings
    ops = outcomes.OPS
    outcomes = outcomes.OUTCOMES
    keys_op = "certificates"

    def open(self, settings: Settings) -> Merchant:
        return opened(settings)

    def build(self, call: Outgoing) -> HttpRequest:
        number = self.ops[call.op].number
        if number:
            wire.own_number(call, _NUMBER_FIELD[number])
        merchant: Merchant = call.settings
        if call.op in _V2:
            if not merchant.plain.api_v2_key:
                raise ValueError("api_v2_key: payment codes need it")
            return HttpRequest(
                "POST",
                _V2[call.op],
                (("Content-Type", "text/xml; charset=utf-8"),),
                v2.body(merchant.plain, self._v2_fields(call), call.nonce),
            )
        method, target, tree = self._v3(call, merchant.plain)
        body = b"" if tree is None else json_text.print_json(tree)
        return HttpRequest(
            method, target, v3.headers(merchant, method, target, body, call.now, call.nonce), body
        )

    def _v2_fields(self, call: Outgoing) -> dict[str, Any]:
        fields = wire.body_of(call)
        if call.op == "micropay":
            return {"spbill_create_ip": call.settings.plain.client_ip, **fields}
        return fields

    def _v3(self, call: Outgoing, plain: Settings) -> tuple[str, str, dict[str, Any] | None]:
        body = wire.body_of(call)
        ours = {"appid": plain.appid, "mchid": plain.mchid}
        if call.op in ("native", "jsapi"):
            return "POST", f"{_ORDERS}/{call.op}", {**ours, "notify_url": plain.notify_url, **body}
        if call.op == "refund":
            return "POST", _REFUNDS, {"notify_url": plain.notify_url, **body}
        if call.op == "refund_query":
            return "GET", f"{_REFUNDS}/{_path(body, 'out_refund_no')}", None
        if call.op == self.keys_op:
            return "GET", "/v3/certificates", None
        order = f"{_ORDERS}/out-trade-no/{_path(body, 'out_trade_no')}"
        if call.op == "query":
            return "GET", f"{order}?mchid={plain.mchid}", None
        return "POST", f"{order}/close", {"mchid": plain.mchid}

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        merchant: Merchant = call.settings
        if call.op in _V2:
            return v2.read(merchant.plain, reply)
        if call.op == self.keys_op and reply.status == 200:
            return certificates.read(merchant, reply, call.now)
        good = 200 <= reply.status < 300
        fault = v3.fault_of(merchant, reply, call.now)
        # A refusal may come unsigned (a 401 cannot be signed for an unknown merchant); a yes may not, and what
        # is signed must be signed well.
        if fault and (good or fault != "not signed"):
            serial = v3.unknown_key(fault, reply)
            return Answer(intact=False, code="", text=f"{fault} {serial}".strip(), unknown_key=serial)
        if reply.status == 204:
            return Answer(intact=True, code="OK", body={})
        tree = wire.object_of(reply.body)
        if isinstance(tree, str):
            return wire.not_intact(tree)
        if not good:
            code, text = tree.get("code"), tree.get("message")
            return Answer(
                intact=reply.status < 500 or isinstance(code, str),
                code=code if isinstance(code, str) else "",
                text=text if isinstance(text, str) else "",
                body=tree,
            )
        return self._good(call, merchant, tree)

    def _good(self, call: Outgoing, merchant: Merchant, tree: dict[str, Any]) -> Answer:
        if call.op == "refund":
            status = tree.get("status")
            return Answer(True, "OK" if status == "SUCCESS" else f"REFUND_{status}", body=tree)
        if tree.get("mchid", merchant.plain.mchid) != merchant.plain.mchid:
            return wire.not_intact("another merchant's answer")
        if call.op == "native" and not isinstance(tree.get("code_url"), str):
            return wire.not_intact("no code_url")
        if call.op == "jsapi":
            prepay_id = tree.get("prepay_id")
            if not isinstance(prepay_id, str):
                return wire.not_intact("no prepay_id")
            tree = {**tree, "sheet": v3.jsapi_sheet(merchant, prepay_id, call.now, call.nonce)}
        return Answer(intact=True, code="OK", body=tree)

    def verify(self, settings: Merchant, request: HttpRequest, now: float) -> Heard | NotHeard:
        return v3.callback(settings, request, now)

    def with_keys(self, opened: Merchant, body: Any) -> Merchant:
        return certificates.added(opened, body)

    def has_key(self, opened: Merchant, name: str) -> bool:
        return same_serial(name) in opened.verify_keys

    def hands_out(self, name: str) -> bool:
        return certificates.hands_out(name)


def _path(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field}: the send map must name the order asked for")
    return quote(value, safe="")


PARTY: Final = WeChatPay()
