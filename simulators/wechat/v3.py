"""The v3 interface: who may ask, what is asked, and the signed answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from simulators.base.wire import Req, Resp
from simulators.wechat import fields, med_ins, sign
from simulators.wechat.book import Order, Terms
from simulators.wechat.courier import AGES, Notice, spoiled_headers
from simulators.wechat.forms import order_form, payment_of
from simulators.wechat.identity import Signer, same_serial
from simulators.wechat.reasons import OLD_SPELLING, Refusal

if TYPE_CHECKING:
    from simulators.wechat.party import WeChatSim

CLOCK_TOLERANCE = 300
SEALED = frozenset({"abnormal_refund", "echo", "med_ins"})  # operations whose fields may be sealed
REPLAY_SECONDS = 600
PLACE = "/v3/pay/transactions/"
BY_NO = PLACE + "out-trade-no/"
BY_ID = PLACE + "id/"
REFUNDS = "/v3/refund/domestic/refunds"
STATIC: dict[tuple[str, str], str] = {
    **{("POST", PLACE + product): product for product in ("native", "jsapi", "h5", "app", "codepay")},
    ("POST", REFUNDS): "refund",
    ("GET", "/v3/certificates"): "certificates",
    ("POST", "/v3/security/echo"): "echo",
    ("POST", med_ins.PATH): "med_ins",
    ("POST", med_ins.NOTIFY): "med_ins_refunded",
    ("GET", "/v3/bill/tradebill"): "tradebill",
    ("GET", "/v3/bill/fundflowbill"): "fundflowbill",
    ("GET", "/v3/billdownload/file"): "download",
}
_LETTERS = sign.NONCE_LETTERS


def op_of(req: Req) -> str:
    """The operation's name; the path itself when there is none."""
    if (op := STATIC.get((req.method, req.path))) is not None:
        return op
    path = req.path
    if path.startswith(BY_NO):
        if req.method == "POST":
            for tail, op in (("/close", "close"), ("/reverse", "reverse")):
                if path.endswith(tail):
                    return op
        return "query" if req.method == "GET" else path
    if path.startswith(BY_ID) and req.method == "GET":
        return "query"
    if path.startswith((med_ins.BY_NO, med_ins.BY_MIX)) and req.method == "GET":
        return "med_ins_query"
    if path.startswith(REFUNDS + "/"):
        if req.method == "POST" and path.endswith("/apply-abnormal-refund"):
            return "abnormal_refund"
        return "refund_query" if req.method == "GET" else path
    return path


def match_of(op: str, req: Req) -> dict[str, str]:
    """What faults may match on: no, refund_no, transaction_id, attach."""
    found: dict[str, str] = {}
    body = req.json if req.body else None
    if isinstance(body, dict):
        names = (("out_trade_no", "no"), ("out_refund_no", "refund_no"), ("transaction_id", "transaction_id"),
                 ("attach", "attach"))
        found = {ours: str(body[theirs]) for theirs, ours in names if theirs in body}
    if req.path.startswith(BY_NO):
        found["no"] = req.path[len(BY_NO) :].split("/")[0]
    elif req.path.startswith(BY_ID):
        found["transaction_id"] = req.path[len(BY_ID) :]
    elif req.path.startswith(med_ins.BY_NO):
        found["no"] = req.path[len(med_ins.BY_NO) :]
    elif op == "refund_query":
        found["refund_no"] = req.path[len(REFUNDS) + 1 :]
    return found


class V3:
    """Checks, executes and answers v3 requests; the business of refunds and bills is beside it."""

    def __init__(self, party: WeChatSim) -> None:
        from simulators.wechat.v3_money import Money

        self.party = party
        self.nonces: dict[str, float] = {}
        self.codes: dict[str, str] = {}  # living tails of code_url and prepay_id, to out_trade_no
        self.money = Money(party)
        self.med_ins = med_ins.MedIns(party)
        self._doors: dict[str, Callable[[Req], dict[str, Any] | Resp | None]] = {
            "query": self._query, "close": self._close, "reverse": self._reverse, "refund": self.money.refund,
            "refund_query": self.money.refund_query, "abnormal_refund": self.money.abnormal,
            "certificates": self.money.certificates, "echo": self.money.echo,
            "tradebill": self.money.trade_bill, "fundflowbill": self.money.flow_bill,
            "download": self.money.download, "med_ins": self.med_ins.order, "med_ins_query": self.med_ins.query,
            "med_ins_refunded": self.med_ins.refunded,
        }

    # Asking

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        """Execute and answer, signed."""
        signer: Signer | None = None
        try:
            self._authorised(req)
            signer = self._answering(op, req)
            if op in fields.ORDERS:
                return self._order(op, req, signer)
            door = self._doors.get(op)
            if door is None:
                return self.refused(req, Refusal("param", "请求的接口不存在"), signer, status=404)
            form = door(req)
            if isinstance(form, Resp):
                return form
            return self.early(op, self.answer(form, signer), req)
        except Refusal as refusal:
            code = f"{refusal.reason.status} {refusal.reason.code}"
            self.party.objected(refusal.objection(code, refusal.text))
            return self.refused(req, refusal, signer)

    def early(self, op: str, resp: Resp, req: Req) -> Resp | Deferred[Resp]:
        """Fault callback_before_reply: a refund ends and is told before its request is answered."""
        if op != "refund":
            return resp
        body = req.json
        return self.party.refund_early(str(body["out_refund_no"]), resp)

    def _authorised(self, req: Req) -> None:
        settings, identity = self.party.settings, self.party.identity
        if not req.headers.get("accept") or not req.headers.get("user-agent"):
            raise Refusal("param", "Http头缺少Accept或User-Agent").at("Accept, User-Agent", "both headers, not empty")
        given = sign.read_authorization(req.headers.get("authorization", ""))
        if given is None:
            wanted = f'{sign.SCHEMA} mchid="…",nonce_str="…",timestamp="…",serial_no="…",signature="…"'
            text = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
            raise Refusal("sign", text).at("Authorization", wanted, req.headers.get("authorization", ""))
        if given.mchid != identity.mchid or not same_serial(given.serial, identity.merchant_serial):
            wanted = f"mchid {identity.mchid}, serial_no {identity.merchant_serial}"
            refusal = Refusal("sign", "商户证书序列号有误，请使用签名私钥匹配的证书序列号")
            raise refusal.at("Authorization", wanted, f"mchid {given.mchid}, serial_no {given.serial}")
        now = self.party.world.signing()
        if abs(now - given.timestamp) > CLOCK_TOLERANCE:
            refusal = Refusal("sign", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
            raise refusal.at("Authorization timestamp", f"within 300 s of {int(now)}", given.timestamp)
        message = sign.request_message(req.method, req.target, str(given.timestamp), given.nonce, req.body)
        if not sign.rsa_verify(identity.merchant_public, message, given.signature):
            shown = message[:256].decode("utf-8", "replace")
            raise Refusal("sign", detail={
                "field": "signature", "location": "authorization", "detail": {"issue": "sign not match"},
                "sign_information": {"method": req.method, "url": req.target,
                                     "truncated_sign_message": shown, "sign_message_length": len(message)},
            }).at("Authorization signature", f"SHA256-RSA2048 over {shown!r}", given.signature)
        if settings.refuse_replay:
            self._once(given.nonce, now)

    def _once(self, nonce: str, now: float) -> None:
        if self.nonces.get(nonce, 0.0) > now - REPLAY_SECONDS:
            raise Refusal("sign", "Http头Authorization中的nonce_str已被使用")
        if len(self.nonces) > 20000:
            self.nonces = {n: at for n, at in self.nonces.items() if at > now - REPLAY_SECONDS}
        self.nonces[nonce] = now

    def _answering(self, op: str, req: Req) -> Signer:
        """The key the request names. One that is not the platform's only matters where fields may be sealed with it:
        some clients send their own certificate's number with every request."""
        identity, verify = self.party.identity, self.party.settings.verify
        signer = identity.signer(verify, req.headers.get("wechatpay-serial", ""))
        if signer is None and op not in SEALED:
            signer = identity.signer(verify)
        if signer is None:
            raise Refusal("param", "平台证书序列号Wechatpay-Serial错误", {"field": "Wechatpay-Serial"})
        if req.method == "POST" and "json" not in req.headers.get("content-type", ""):
            raise Refusal("param", "Http头Content-Type必须为application/json")
        return signer

    # Answering

    def answer(
        self, form: dict[str, Any] | None, signer: Signer | None = None, *, status: int = 200, number: int = 0
    ) -> Resp:
        """A signed answer; None is a 204."""
        body = b""
        if form is None:
            status = 204
        else:
            body = json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        identity = self.party.identity
        chosen = signer or identity.signer(self.party.settings.verify) or identity.by_public_key
        request_id = f"08{self.party.world.rng.getrandbits(96):024X}-{number}"
        return Resp(status, body, {
            "Content-Type": "application/json; charset=utf-8", "Request-ID": request_id,
            **identity.headers(chosen, body),
        })

    def refused(
        self, req: Req, refusal: Refusal, signer: Signer | None = None, *, status: int = 0
    ) -> Resp:
        """A refusal in the platform's shape, its number at the end of Request-ID."""
        reason = refusal.reason
        code = OLD_SPELLING.get(reason.code, reason.code) if self.party.settings.old_spelling else reason.code
        form: dict[str, Any] = {"code": code, "message": refusal.text}
        if refusal.detail is not None:
            form["detail"] = refusal.detail
        return self.answer(form, signer, status=status or reason.status, number=reason.number)

    def spoiled(self, kind: str, resp: Resp) -> Resp:
        """A true answer made wrong: amount with a valid signature, or the signature itself."""
        identity = self.party.identity
        if "Wechatpay-Signature" not in resp.headers:
            return resp
        if kind == "wrong_amount":
            form = json.loads(resp.body) if resp.body else {}
            amount = form.get("amount") if isinstance(form, dict) else None
            if not isinstance(amount, dict):
                return resp
            changed = {k: v + 1 if isinstance(v, int) and v else v for k, v in amount.items()}
            body = json.dumps({**form, "amount": changed}, ensure_ascii=False, separators=(",", ":")).encode()
            signer = next(s for s in identity.live("mixed") if s.serial == resp.headers["Wechatpay-Serial"])
            return replace(resp, body=body, headers={**resp.headers, **identity.headers(signer, body)})
        if kind == "unsigned":
            return replace(resp, headers={
                k: v for k, v in resp.headers.items() if not k.startswith("Wechatpay-")
            })
        if kind in AGES:
            signer = next(s for s in identity.live("mixed") if s.serial == resp.headers["Wechatpay-Serial"])
            return replace(resp, headers={**resp.headers, **identity.headers(signer, resp.body, age=AGES[kind])})
        return replace(resp, headers=spoiled_headers(resp.headers, (kind,)))

    # Orders

    def _order(self, op: str, req: Req, signer: Signer) -> Resp | Deferred[Resp]:
        if op == "codepay" and not self.party.settings.codepay:
            raise Refusal("no_auth")
        body = fields.check(fields.ORDERS[op], req.json)
        self._ours(body["mchid"], body["appid"])
        terms = self._terms(op, body, req.headers.get("wechatpay-serial", ""))
        no = body["out_trade_no"]
        if op == "codepay":
            order = self.party.codepay.pay(no, terms, body["payer"]["auth_code"])
            form = order_form(order, self.party.identity.mchid, payment_of(order))
            return self.answer(form, signer)
        order, again = self.party.book.place(no, terms)
        resp = self.answer(self.ticket(op, order), signer)
        return resp if again else self.party.order_placed(op, order, resp)

    def _ours(self, mchid: str, appid: str = "") -> None:
        if mchid != self.party.identity.mchid:
            raise Refusal("mchid")
        if appid and appid not in (self.party.identity.appid, self.party.identity.mini_appid):
            raise Refusal("appid")

    def _terms(self, op: str, body: dict[str, Any], serial: str) -> Terms:
        expires: float | None = None
        if text := body.get("time_expire"):
            try:
                expires = datetime.fromisoformat(text).timestamp()
            except (ValueError, OverflowError):
                raise Refusal("param", "输入源“/body/time_expire”映射到值字段“交易结束时间”格式不正确") from None
        print_ = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
        return Terms(
            product=op, appid=body["appid"], description=body["description"], total=body["amount"]["total"],
            print_=print_, attach=body.get("attach") or "", notify_url=body.get("notify_url") or "",
            openid=(body.get("payer") or {}).get("openid", ""), expires=expires,
            device=(body.get("scene_info") or {}).get("device_id") or "", serial=serial,
        )

    def ticket(self, op: str, order: Order) -> dict[str, Any]:
        """The way to pay; a new one kills the one given before."""
        world = self.party.world
        self.codes.pop(order.code, None)
        if op == "native":
            order.code = "".join(world.rng.choices(_LETTERS, k=9))
            form = {"code_url": f"weixin://wxpay/bizpayurl?pr={order.code}"}
        else:
            order.code = f"wx{world.stamp('%d%H%M%S')}{world.rng.getrandbits(88):022x}0000"
            form = {"prepay_id": order.code}
        if op == "h5":
            page = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb"
            form = {"h5_url": f"{page}?prepay_id={order.code}&package={world.rng.getrandbits(31)}"}
        order.code_at = world.now()
        self.codes[order.code] = order.no
        return form

    def _query(self, req: Req) -> dict[str, Any]:
        if "mchid" not in req.query:
            raise Refusal("param", "输入源“/query/mchid”映射到字段“商户号”必填性规则校验失败，此字段为必填项")
        self._ours(req.query["mchid"])
        if req.path.startswith(BY_ID):
            number = req.path[len(BY_ID) :]
            order = self.party.book.find(transaction_id=number)
            return order_form(order, self.party.identity.mchid, payment_of(order, number))
        order = self.party.book.find(req.path[len(BY_NO) :])
        return order_form(order, self.party.identity.mchid, payment_of(order))

    def _close(self, req: Req) -> None:
        body = fields.check(fields.CLOSE, req.json)
        self._ours(body["mchid"])
        self.party.book.close(req.path[len(BY_NO) : -len("/close")])

    def _reverse(self, req: Req) -> dict[str, Any]:
        if not self.party.settings.codepay:
            raise Refusal("no_auth")
        body = fields.check(fields.REVERSE, req.json)
        self._ours(body["mchid"], body["appid"])
        no = req.path[len(BY_NO) : -len("/reverse")]
        self.party.book.reverse(no)
        return {"appid": body["appid"], "mchid": body["mchid"], "out_trade_no": no}

    def paid_notice(self, order: Order, number: str) -> Notice:
        """TRANSACTION.SUCCESS of one payment."""
        plain = order_form(order, self.party.identity.mchid, payment_of(order, number))
        return Notice(
            "paid", "TRANSACTION.SUCCESS", "支付成功", order.terms.notify_url, "transaction", "transaction",
            plain, {"no": order.no, "transaction_id": number, "attach": order.terms.attach},
            origin=order.terms.product, serial=order.terms.serial,
        )
