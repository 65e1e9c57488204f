"""The v3 interface beyond orders: refunds, certificates, the key self-test, bills."""

from __future__ import annotations

import gzip
import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulators.base.wire import Req, Resp
from simulators.base.world import BEIJING
from simulators.wechat import bills, fields, sign, wrong_bills, wrong_funds
from simulators.wechat.courier import Notice
from simulators.wechat.forms import refund_form
from simulators.wechat.reasons import Refusal

if TYPE_CHECKING:
    from simulators.wechat.party import WeChatSim

REFUND_PATH = "/v3/refund/domestic/refunds/"
BILL_AGE_DAYS = 92


class Money:
    """Doors of the v3 interface that are not about placing and ending orders."""

    def __init__(self, party: WeChatSim) -> None:
        self.party = party
        self.links: dict[str, tuple[float, bytes]] = {}  # token of a bill, with the end of its life
        self.wrong = wrong_bills.WrongBills(lambda fault: party.take_fault("tradebill", fault) is not None)

    def refund(self, req: Req) -> dict[str, Any]:
        """POST /v3/refund/domestic/refunds."""
        body = fields.check(fields.REFUND, req.json)
        by_no, by_id = body.get("out_trade_no") or "", body.get("transaction_id") or ""
        if bool(by_no) == bool(by_id):
            raise Refusal("param", "transaction_id和out_trade_no必须且只能填写一个")
        refund, again = self.party.book.refund(
            body["out_refund_no"], body["amount"]["refund"], body["amount"]["total"], out_trade_no=by_no,
            transaction_id=by_id, reason=body.get("reason") or "", notify_url=body.get("notify_url") or "",
            funds=body.get("funds_account") or "UNSETTLED", serial=req.headers.get("wechatpay-serial", ""),
        )
        if not again:
            self.party.refund_accepted(refund)
        return refund_form(refund)

    def refund_query(self, req: Req) -> dict[str, Any]:
        """GET /v3/refund/domestic/refunds/{out_refund_no}."""
        return refund_form(self.party.book.find_refund(req.path[len(REFUND_PATH) :]))

    def abnormal(self, req: Req) -> dict[str, Any]:
        """POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund."""
        body = fields.check(fields.ABNORMAL, req.json)
        refund = self.party.book.find_refund(refund_id=req.path[len(REFUND_PATH) :].split("/")[0])
        if refund.no != body["out_refund_no"]:
            raise Refusal("no_refund")
        if body["type"] == "USER_BANK_CARD":
            self._sealed_fields(req, body, "bank_account", "real_name")
        before = refund.status
        self.party.book.retry_abnormal(refund, body["type"])
        if before == "ABNORMAL":
            self.party.refund_accepted(refund)
        return refund_form(refund)

    def _sealed_fields(self, req: Req, body: dict[str, Any], *names: str) -> None:
        for name in names:
            if not body.get(name):
                raise Refusal("param", f"输入源“/body/{name}”必填性规则校验失败，此字段为必填项")
            self.opened(req, body[name], name)

    def opened(self, req: Req, text: str, name: str) -> str:
        """A sensitive field in clear; Refusal when it was not sealed for the key the request names."""
        signer = self.party.identity.signer(
            self.party.settings.verify, req.headers.get("wechatpay-serial", "")
        )
        clear = sign.oaep_open(signer.key, text) if signer else None
        if clear is None:
            raise Refusal("param", f"敏感字段“/body/{name}”解密失败", {"field": f"/{name}", "location": "body"})
        return clear

    def certificates(self, req: Req) -> dict[str, Any]:
        """GET /v3/certificates: sealed with the APIv3 key."""
        identity = self.party.identity
        if self.party.settings.verify == "pubkey":
            raise Refusal("no_refund", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥")
        return {"data": [
            {
                "serial_no": s.serial, "effective_time": s.effective, "expire_time": s.expires,
                "encrypt_certificate": identity.seal(s.certificate.encode("ascii"), "certificate"),
            }
            for s in identity.certificates
        ]}

    def echo(self, req: Req) -> dict[str, Any]:
        """POST /v3/security/echo: both keys tested without an order."""
        body = fields.check(fields.ECHO, req.json)
        form: dict[str, Any] = {"echo_message": body["echo_message"]}
        if sealed := body.get("encrypted_echo_message"):
            clear = self.opened(req, sealed, "encrypted_echo_message")
            form["encrypted_echo_message"] = sign.oaep_seal(self.party.identity.merchant_public, clear)
        if url := body.get("notify_url"):
            self.party.courier.tell(Notice(
                "echo", "SECURITY_ECHO.SUCCESS", "回声", url, "security_echo", "",
                {"mchid": self.party.identity.mchid, **form}, {"no": body["echo_message"]},
            ))
        return form

    # Bills

    def trade_bill(self, req: Req) -> dict[str, Any]:
        """GET /v3/bill/tradebill: where yesterday's trades can be fetched."""
        kind = req.query.get("bill_type", "ALL")
        if kind not in ("ALL", "SUCCESS", "REFUND"):
            raise Refusal("param", "bill_type不是合法的枚举值")
        return self._link(req, "tradebill", *self.trades_of(kind, self._day(req)))

    def trades_of(self, kind: str, span: tuple[float, float]) -> tuple[str, bool]:
        """The trade bill of a day, and whether anything happened on it."""
        party = self.party
        rows = bills.trade_rows(party.book, *span, party.identity.mchid, party.book.fee_bp)
        told = self.wrong.rows(rows, datetime.fromtimestamp(span[0], BEIJING).date())
        return bills.trade_bill(told, kind, self.wrong.form()), bool(rows or told)

    def flow_bill(self, req: Req) -> dict[str, Any]:
        """GET /v3/bill/fundflowbill: movements of the merchant's account."""
        account = req.query.get("account_type", "BASIC")
        if account not in ("BASIC", "OPERATION", "FEES"):
            raise Refusal("param", "account_type不是合法的枚举值")
        return self._link(req, "fundflowbill", *self.flows_of(account, self._day(req)))

    def flows_of(self, account: str, span: tuple[float, float]) -> tuple[str, bool]:
        """The fund flow bill of a day, and whether anything moved on it."""
        start, end = span
        flows = [f for f in self.party.book.flows if start <= f.at < end and account == "BASIC"]
        told = wrong_funds.told(flows, lambda fault: self.party.take_fault("fundflowbill", fault) is not None)
        return bills.flow_bill(told, self.party.identity.mchid), bool(flows)

    def _day(self, req: Req) -> tuple[float, float]:
        if req.query.get("tar_type", "") not in ("", "GZIP"):
            raise Refusal("param", "tar_type不是合法的枚举值")
        return self.day(req.query.get("bill_date", ""), "%Y-%m-%d")

    def day(self, text: str, form: str) -> tuple[float, float]:
        """First and last instant of the day a bill is asked for; Refusal when its bill is not there."""
        try:
            start = datetime.strptime(text, form).replace(tzinfo=BEIJING)
        except ValueError:
            raise Refusal("param", "bill_date格式不正确").at("bill_date", form, text) from None
        now = self.party.world.moment()
        age = (now.date() - start.date()).days
        if age < 1 or age > BILL_AGE_DAYS:
            raise Refusal("param", "bill_date只能是昨天至三个月内的日期")
        if age == 1 and now.hour < self.party.settings.bill_hour:
            raise Refusal("bill_creating")
        return start.timestamp(), (start + timedelta(days=1)).timestamp()

    def file(self, op: str, text: str, any_rows: bool) -> tuple[bytes, set[str]]:
        """A bill's bytes as the faults in force want them, and those faults; Refusal when there is no bill."""
        wrong = {fault for fault in wrong_bills.FILES if self.party.take_fault(op, fault) is not None}
        if not any_rows or "bill_none" in wrong:
            raise Refusal("no_bill")
        if "bill_creating" in wrong:
            raise Refusal("bill_creating")
        return wrong_bills.garbage(text) if "bill_garbage" in wrong else text.encode("utf-8"), wrong

    def _link(self, req: Req, op: str, text: str, any_rows: bool) -> dict[str, Any]:
        content, wrong = self.file(op, text, any_rows)
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if "bill_bad_hash" in wrong:
            digest = digest[::-1]
        zipped = req.query.get("tar_type") == "GZIP"
        token = f"{self.party.world.rng.getrandbits(256):064x}"
        now = self.party.world.now()
        until = now + (0.0 if "bill_link_expired" in wrong else self.party.settings.link_seconds)
        packed = gzip.compress(content, mtime=0) if zipped else content
        self.links = {t: kept for t, kept in self.links.items() if kept[0] > now}
        self.links[token] = (until, wrong_bills.bomb() if "bill_bomb" in wrong else packed)
        base = self.party.settings.public_base or f"http://{req.headers.get('host', '127.0.0.1')}"
        tail = "&tartype=gzip" if zipped else ""
        url = f"{base}/v3/billdownload/file?token={token}{tail}"
        return {"hash_type": "SHA1", "hash_value": digest, "download_url": url}

    def download(self, req: Req) -> Resp:
        """GET of a download link, signed by the merchant; the answer carries no signature."""
        until, content = self.links.get(req.query.get("token", ""), (0.0, b""))
        if until <= self.party.world.now():
            raise Refusal("bill_link")
        kind = "application/x-gzip" if req.query.get("tartype") == "gzip" else "text/plain;charset=utf-8"
        return Resp(200, content, {"Content-Type": kind})
