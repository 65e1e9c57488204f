"""The v2 interface (XML): orders, payment codes, queries, reversal, refunds, bills, on the same order book.

`return_code` tells of the talk, `result_code` and `err_code` of the business; every answer but a
failed talk is signed the way the request was.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from simulators.base.objection import Objecting
from simulators.base.wire import Req, Resp
from simulators.base.world import BEIJING
from simulators.wechat import sign
from simulators.wechat.book import Order, Payment, Refund, Terms
from simulators.wechat.courier import Notice
from simulators.wechat.envelope import read_xml, write_xml
from simulators.wechat.fields import REFUND_NO, TRADE_NO, URL
from simulators.wechat.forms import STATE_TEXT, TRADE_TYPE, payment_of
from simulators.wechat.reasons import Refusal
from simulators.wechat.secure import TLS
from simulators.wechat.v2_orders import BILL_ERRORS, PRODUCT, Orders, print_of

if TYPE_CHECKING:
    from simulators.wechat.party import WeChatSim

Fields = dict[str, str]
PATHS = {
    "/pay/micropay": "micropay", "/pay/orderquery": "query", "/pay/closeorder": "close",
    "/secapi/pay/reverse": "reverse", "/secapi/pay/refund": "refund", "/pay/refundquery": "refund_query",
    "/pay/unifiedorder": "order", "/pay/downloadbill": "tradebill", "/pay/downloadfundflow": "fundflowbill",
}
# Needed fields and the longest value in bytes; the platform ignores what it does not know.
NEEDED = {
    "micropay": ("body", "out_trade_no", "total_fee", "spbill_create_ip", "auth_code"),
    "query": (), "close": ("out_trade_no",), "reverse": (), "refund_query": (),
    "refund": ("out_refund_no", "total_fee", "refund_fee"), "tradebill": ("bill_date",),
    "fundflowbill": ("bill_date", "account_type"),
    "order": ("body", "out_trade_no", "total_fee", "spbill_create_ip", "notify_url", "trade_type"),
}
LONGEST = {
    "appid": 32, "mch_id": 32, "nonce_str": 32, "sign": 64, "sign_type": 32, "body": 128, "detail": 6000,
    "attach": 127, "out_trade_no": 32, "fee_type": 16, "spbill_create_ip": 64, "goods_tag": 32,
    "auth_code": 128, "device_info": 32, "time_start": 14, "time_expire": 14, "transaction_id": 32,
    "out_refund_no": 64, "refund_id": 32, "refund_desc": 80, "notify_url": 256, "refund_account": 30,
}
REFUND_STATE = {"SUCCESS": "SUCCESS", "PROCESSING": "PROCESSING", "ABNORMAL": "CHANGE", "CLOSED": "REFUNDCLOSE"}
FUNDS = {"REFUND_SOURCE_UNSETTLED_FUNDS": "UNSETTLED", "REFUND_SOURCE_RECHARGE_FUNDS": "AVAILABLE"}
BILLS = ("tradebill", "fundflowbill")
PAGE = 10  # refunds a query shows at once


class TalkFailed(Objecting):
    """return_code FAIL: the request was not understood or not signed by the merchant."""


def moment(at: float) -> str:
    """yyyyMMddHHmmss in Beijing time."""
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y%m%d%H%M%S")


def op_of(req: Req) -> str:
    """The operation's name: that of the v3 interface where there is one."""
    op = PATHS[req.path]
    return PRODUCT.get((read_xml(req.body) or {}).get("trade_type", ""), "native") if op == "order" else op


def match_of(req: Req) -> dict[str, str]:
    """What faults may match on."""
    given = read_xml(req.body) or {}
    names = (("out_trade_no", "no"), ("out_refund_no", "refund_no"), ("transaction_id", "transaction_id"),
             ("auth_code", "auth_code"), ("attach", "attach"))
    return {ours: given[theirs] for theirs, ours in names if theirs in given}


class V2:
    """Checks, executes and answers v2 requests."""

    def __init__(self, party: WeChatSim) -> None:
        self.party = party
        self._doors: dict[str, Callable[[Fields], Fields]] = {
            "micropay": self._micropay, "query": self._query, "close": self._close, "reverse": self._reverse,
            "refund": self._refund, "refund_query": self._refund_query,
        }
        self.orders = Orders(party)

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        """Execute and answer."""
        try:
            given = self._checked(op, req)
        except TalkFailed as failed:
            self.party.objected(failed.objection("FAIL", str(failed)))
            return self._xml({"return_code": "FAIL", "return_msg": str(failed)})
        try:
            if op in BILLS:
                return self.orders.bill(op, given)
            if op not in self._doors:
                return self._order(op, given)
            form = self._doors[op](given)
        except Refusal as refusal:
            self.party.objected(refusal.objection(refusal.reason.err_code, refusal.text))
            return self.refused(op, given, refusal)
        resp = self._answer(given, {"result_code": "SUCCESS", **form})
        return self.party.refund_early(given["out_refund_no"], resp) if op == "refund" else resp

    # Asking

    def _checked(self, op: str, req: Req) -> Fields:
        if req.method != "POST":
            raise TalkFailed("请使用post方法")
        given = read_xml(req.body)
        if given is None:
            raise TalkFailed("XML格式错误")
        identity = self.party.identity
        for name in ("appid", "mch_id", "nonce_str", "sign"):
            if not given.get(name):
                raise TalkFailed(f"缺少参数{name}").at(name, "required")
        if given["mch_id"] != identity.mchid:
            raise TalkFailed("mch_id参数格式错误").at("mch_id", identity.mchid, given["mch_id"])
        if given["appid"] not in (identity.appid, identity.mini_appid):
            raise TalkFailed("appid和mch_id不匹配")
        if given.get("sign_type", "MD5") not in ("MD5", "HMAC-SHA256"):
            raise TalkFailed("sign_type参数格式错误")
        if given["sign"] != sign.v2_sign(given, identity.api_v2_key, given.get("sign_type") or "MD5"):
            text = sign.v2_text(given, "…")
            raise TalkFailed("签名错误").at("sign", f"{given.get('sign_type') or 'MD5'} over {text}", given["sign"])
        secured = req.path.startswith("/secapi/") and self.party.settings.v2_certificate
        if secured and not req.peer.startswith(TLS):
            raise TalkFailed("请使用API证书访问")
        for name in NEEDED[PATHS[req.path]]:
            if not given.get(name):
                raise TalkFailed(f"缺少参数{name}").at(name, "required")
        for name, value in given.items():
            if len(value.encode("utf-8")) > LONGEST.get(name, 6000):
                raise TalkFailed(f"{name}参数长度有误").at(name, f"at most {LONGEST.get(name, 6000)} bytes", value)
        return given

    def _whole(self, given: Fields, name: str) -> int:
        text = given[name]
        if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) < 1:
            raise Refusal("param", f"{name}参数格式错误").at(name, "whole fen above 0", text)
        return int(text)

    def _number(self, given: Fields) -> tuple[str, str]:
        no, transaction_id = given.get("out_trade_no", ""), given.get("transaction_id", "")
        if not no and not transaction_id:
            raise Refusal("param", "缺少参数out_trade_no或transaction_id")
        return no, transaction_id

    # Answering

    def _xml(self, form: Fields) -> Resp:
        return Resp(200, write_xml(form), {"Content-Type": "text/xml; charset=utf-8"})

    def _answer(self, given: Fields, form: Fields) -> Resp:
        identity = self.party.identity
        whole = {
            "return_code": "SUCCESS", "return_msg": "OK", "appid": given.get("appid") or identity.appid,
            "mch_id": identity.mchid, "nonce_str": f"{self.party.world.rng.getrandbits(64):016X}", **form,
        }
        if device := given.get("device_info"):
            whole["device_info"] = device
        sign_type = "HMAC-SHA256" if given.get("sign_type") == "HMAC-SHA256" else "MD5"
        if "sign_type" in given:
            whole["sign_type"] = sign_type
        whole["sign"] = sign.v2_sign(whole, identity.api_v2_key, sign_type)
        return self._xml(whole)

    def refused(self, op: str, given: Fields, refusal: Refusal, *, recall: str = "N") -> Resp:
        """result_code FAIL with the platform's err_code; of a bill, an unsigned document in place of the file."""
        if op in BILLS:
            number = BILL_ERRORS.get(refusal.name, "20100")
            return self._xml({"return_code": "FAIL", "return_msg": refusal.reason.err_code, "error_code": number})
        form = {"result_code": "FAIL", "err_code": refusal.reason.err_code, "err_code_des": refusal.text}
        if op == "reverse":
            form["recall"] = recall
        return self._answer(given, form)

    def refuse(self, op: str, req: Req, refusal: Refusal, *, recall: str = "N") -> Resp:
        """A refusal before anything was executed, signed as the request asks for."""
        return self.refused(op, read_xml(req.body) or {}, refusal, recall=recall)

    def spoiled(self, kind: str, req: Req, resp: Resp) -> Resp:
        """A true answer made wrong: amount with a valid sign, or the sign itself."""
        if kind == "clock_skew":
            return resp  # nothing here tells a time
        form = read_xml(resp.body) or {}
        if kind == "wrong_amount" and "sign" in form:
            for name in ("total_fee", "cash_fee", "refund_fee", "refund_fee_0"):
                if name in form:
                    form[name] = str(int(form[name]) + 1)
            sign_type = "MD5" if len(form["sign"]) == 32 else "HMAC-SHA256"
            form["sign"] = sign.v2_sign(form, self.party.identity.api_v2_key, sign_type)
        elif kind == "unsigned":
            form.pop("sign", None)
        elif "sign" in form:
            form["sign"] = form["sign"][::-1]
        return self._xml(form)

    # The business

    def _micropay(self, given: Fields) -> Fields:
        no = given["out_trade_no"]
        if len(no) < 6 or not TRADE_NO.fullmatch(no):
            raise Refusal("param", "out_trade_no参数格式错误")
        terms = Terms(
            product="micropay", appid=given["appid"], description=given["body"],
            total=self._whole(given, "total_fee"), attach=given.get("attach", ""),
            device=given.get("device_info", ""), expires=self._expires(given),
            print_=print_of(given),
        )
        order = self.party.codepay.pay(no, terms, given["auth_code"])
        if order.state == "USERPAYING":
            raise Refusal("paying")
        return self._paid_form(order)

    def _order(self, op: str, given: Fields) -> Resp | Deferred[Resp]:
        order, again, ways = self.orders.place(given, self._whole(given, "total_fee"), self._expires(given))
        resp = self._answer(given, {"result_code": "SUCCESS", **ways})
        return resp if again else self.party.order_placed(op, order, resp)

    def paid_notice(self, order: Order, payment: Payment) -> Notice:
        """The callback of an order placed here."""
        return self.orders.paid_notice(order, payment, self._paid_form(order, payment.transaction_id))

    def _expires(self, given: Fields) -> float | None:
        text = given.get("time_expire", "")
        if not text:
            return None
        try:
            return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).timestamp()
        except ValueError:
            raise Refusal("param", "time_expire参数格式错误") from None

    def _paid_form(self, order: Order, transaction_id: str = "") -> Fields:
        payment = payment_of(order, transaction_id)
        total = str(order.terms.total)
        form = {"out_trade_no": order.no, "trade_type": TRADE_TYPE[order.terms.product], "total_fee": total,
                "attach": order.terms.attach}
        if payment is not None:
            form |= {
                "openid": payment.openid, "is_subscribe": "N", "bank_type": payment.bank_type,
                "fee_type": "CNY", "cash_fee": total, "cash_fee_type": "CNY",
                "transaction_id": payment.transaction_id, "time_end": moment(payment.at),
            }
        return form

    def _query(self, given: Fields) -> Fields:
        no, transaction_id = self._number(given)
        order = self.party.book.find(no, transaction_id)
        return {
            **self._paid_form(order, transaction_id), "trade_state": order.state,
            "trade_state_desc": STATE_TEXT[order.state],
        }

    def _close(self, given: Fields) -> Fields:
        order = self.party.book.find(given["out_trade_no"])
        if order.state == "CLOSED":
            raise Refusal("closed")
        self.party.book.close(order.no)
        return {"result_msg": "OK"}

    def _reverse(self, given: Fields) -> Fields:
        no, transaction_id = self._number(given)
        self.party.book.reverse(no, transaction_id)
        return {"recall": "N"}

    def _refund(self, given: Fields) -> Fields:
        no, transaction_id = self._number(given)
        if not REFUND_NO.fullmatch(given["out_refund_no"]):
            raise Refusal("param", "out_refund_no参数格式错误")
        url = given.get("notify_url", "")
        if url and not URL.fullmatch(url):
            raise Refusal("param", "notify_url参数格式错误")
        refund, again = self.party.book.refund(
            given["out_refund_no"], self._whole(given, "refund_fee"), self._whole(given, "total_fee"),
            out_trade_no=no, transaction_id=transaction_id, reason=given.get("refund_desc", ""),
            notify_url=url, funds=FUNDS.get(given.get("refund_account", ""), "UNSETTLED"), version="v2",
        )
        if not again:
            self.party.refund_accepted(refund)
        fee, total = str(refund.amount), str(refund.order.terms.total)
        return {
            "transaction_id": refund.transaction_id, "out_trade_no": refund.order.no,
            "out_refund_no": refund.no, "refund_id": refund.refund_id, "refund_fee": fee,
            "coupon_refund_fee": "0", "total_fee": total, "cash_fee": total, "cash_refund_fee": fee,
            "coupon_refund_count": "0",
        }

    def _refund_query(self, given: Fields) -> Fields:
        book = self.party.book
        if given.get("refund_id") or given.get("out_refund_no"):
            one = book.find_refund(given.get("out_refund_no", ""), given.get("refund_id", ""))
            order, shown = one.order, [one]
        else:
            order = book.find(*self._number(given))
            offset = given.get("offset") or "0"
            if not offset.isdecimal():
                raise Refusal("param", "offset参数格式错误")
            shown = order.refunds[int(offset) : int(offset) + PAGE]
            if not shown:
                raise Refusal("no_refund")
        total = str(order.terms.total)
        form = {
            "transaction_id": shown[0].transaction_id, "out_trade_no": order.no, "total_fee": total,
            "fee_type": "CNY", "cash_fee": total, "refund_count": str(len(shown)),
            "total_refund_count": str(len(order.refunds)),
        }
        for i, refund in enumerate(shown):
            form |= self._refund_row(refund, i)
        return form

    def _refund_row(self, refund: Refund, i: int) -> Fields:
        row = {
            "out_refund_no": refund.no, "refund_id": refund.refund_id, "refund_channel": refund.channel,
            "refund_fee": str(refund.amount), "refund_status": REFUND_STATE[refund.status],
            "refund_recv_accout": refund.account,  # the platform's own spelling
            "refund_account": next(k for k, v in FUNDS.items() if v == refund.funds),
        }
        if refund.status == "SUCCESS":
            row["refund_success_time"] = datetime.fromtimestamp(refund.done_at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")
        return {f"{name}_{i}": value for name, value in row.items()}

    def refund_notice(self, refund: Refund) -> Notice:
        """The v2 refund callback: unsigned, its content sealed with the v2 key."""
        identity = self.party.identity
        inner = {
            "out_refund_no": refund.no, "out_trade_no": refund.order.no,
            "refund_account": next(k for k, v in FUNDS.items() if v == refund.funds),
            "refund_fee": str(refund.amount), "refund_id": refund.refund_id, "refund_recv_accout": refund.account,
            "refund_request_source": "API", "refund_status": REFUND_STATE[refund.status],
            "settlement_refund_fee": str(refund.amount), "settlement_total_fee": str(refund.order.terms.total),
            "total_fee": str(refund.order.terms.total), "transaction_id": refund.transaction_id,
        }
        if refund.status == "SUCCESS":
            done = datetime.fromtimestamp(refund.done_at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")
            inner["success_time"] = done
        content = write_xml(inner).replace(b"<xml>", b"<root>").replace(b"</xml>", b"</root>")

        def body(spoil: tuple[str, ...]) -> bytes:
            return write_xml({
                "return_code": "SUCCESS", "appid": identity.appid, "mch_id": identity.mchid,
                "nonce_str": f"{self.party.world.rng.getrandbits(64):016x}",
                "req_info": sign.v2_seal(identity.api_v2_key, content),
            })

        return Notice(
            "refunded", "", "", refund.notify_url, "", "", {},
            {"no": refund.order.no, "refund_no": refund.no}, origin="refund", xml=body,
        )
