"""WeChat Pay as a party: which bytes each operation is, and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.parties import wire
from engine.parties.bills import BillRow, day_span
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.funds import FundRow
from engine.parties.wechat import bills, calls, certificates, funds, med_ins, outcomes, v2, v3
from engine.parties.wechat.keys import Merchant, Settings, opened, same_serial

_V2: Final = {"micropay": "/pay/micropay", "order_query": "/pay/orderquery", "reverse": "/secapi/pay/reverse"}
# What an answer is worth nothing without.
_MUST_HOLD: Final = {
    "native": "code_url", "jsapi": "prepay_id", "prepay": "prepay_id", "mini": "prepay_id", "h5": "h5_url",
    "codepay": "trade_state",
    "trade_bill": "download_url", "flow_bill": "download_url", "echo": "encrypted_echo_message",
    med_ins.ORDER: "mix_trade_no", med_ins.QUERY: "mix_trade_no",
}  # fmt: skip
_NUMBER_FIELD: Final = {"trade": "out_trade_no", "mixed": "out_trade_no", "refund": "out_refund_no"}


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
        method, target, tree = calls.request_of(call.op, wire.body_of(call), merchant)
        body = b"" if tree is None else json_text.print_json(tree)
        serial = v3.sealing_serial(merchant) if calls.needs_serial(call.op, wire.body_of(call)) else ""
        return HttpRequest(
            method, target, v3.headers(merchant, method, target, body, call.now, call.nonce, serial), body
        )

    def _v2_fields(self, call: Outgoing) -> dict[str, Any]:
        fields = wire.body_of(call)
        if call.op == "micropay":
            return {"spbill_create_ip": call.settings.plain.client_ip, **fields}
        return fields

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
        if call.op in ("refund", "abnormal_refund"):
            status = tree.get("status")
            return Answer(True, "OK" if status == "SUCCESS" else f"REFUND_{status}", body=tree)
        if tree.get("mchid", merchant.plain.mchid) != merchant.plain.mchid:
            return wire.not_intact("another merchant's answer")
        wanted = _MUST_HOLD.get(call.op)
        if wanted and not isinstance(tree.get(wanted), str):
            return wire.not_intact(f"no {wanted}")
        if call.op in ("jsapi", "prepay", "mini"):
            appid = calls.appid_of(call.op, merchant)
            sheet = v3.jsapi_sheet(merchant, appid, tree["prepay_id"], call.now, call.nonce)
            return Answer(intact=True, code="OK", body={**tree, "sheet": sheet})
        if call.op == "codepay":
            if tree.get("out_trade_no") != call.number:
                return wire.not_intact("another order's answer")
            return Answer(True, "OK" if tree["trade_state"] == "SUCCESS" else str(tree["trade_state"]), body=tree)
        asked = wire.body_of(call).get("out_trade_no")
        if call.op in (med_ins.ORDER, med_ins.QUERY) and tree.get("out_trade_no", asked) != asked:
            return wire.not_intact("another order's answer")
        if call.op == "echo" and not v3.echoed(merchant, wire.body_of(call), tree):
            return wire.not_intact("not what was said")
        return Answer(intact=True, code="OK", body=tree)

    def verify(self, settings: Merchant, request: HttpRequest, now: float) -> Heard | NotHeard:
        return v3.callback(settings, request, now)

    def with_keys(self, opened: Merchant, body: Any) -> Merchant:
        return certificates.added(opened, body)

    def has_key(self, opened: Merchant, name: str) -> bool:
        return same_serial(name) in opened.verify_keys

    def hands_out(self, name: str) -> bool:
        return certificates.hands_out(name)

    # Its bills

    bill_op = "trade_bill"
    no_bill = frozenset({"NO_STATEMENT_EXIST"})
    bill_slack_s = 0.0

    def bill_span(self, opened: Merchant, day: str) -> tuple[float, float]:
        return day_span(day)

    def bill_ask(self, opened: Merchant, day: str, now: float) -> dict[str, Any]:
        return {"bill_date": day, "bill_type": "ALL"}

    def bill_hosts(self, opened: Merchant) -> frozenset[str]:
        return frozenset()

    def bill_link(self, answer: Answer) -> str:
        return str(answer.body["download_url"])

    def bill_request(self, opened: Merchant, link: str, now: float, nonce: str) -> HttpRequest:
        target = calls.link_target(link)
        return HttpRequest("GET", target, v3.headers(opened, "GET", target, b"", now, nonce))

    def bill_rows(self, opened: Merchant, day: str, answer: Answer, content: bytes) -> list[BillRow]:
        return bills.rows_of(answer.body, content, opened.plain.mchid)

    def bill_fee(self, opened: Merchant) -> int | None:
        return opened.plain.fee_bp

    # Its accounts

    fund_op = "flow_bill"

    def fund_accounts(self, opened: Merchant) -> Sequence[str]:
        return opened.plain.fund_accounts

    def fund_ask(self, opened: Merchant, account: str, day: str) -> dict[str, Any]:
        return {"bill_date": day, "account_type": account}

    def fund_rows(self, opened: Merchant, day: str, answer: Answer, content: bytes) -> list[FundRow]:
        return funds.rows_of(answer.body, content, day)

    # Its self-test

    probe_op = "echo"
    probe_good = frozenset({"OK"})

    def probe_ask(self, opened: Merchant, now: float, nonce: str) -> dict[str, Any]:
        return {"echo_message": nonce}


PARTY: Final = WeChatPay()
