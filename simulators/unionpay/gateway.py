"""The gateway's doors: what is asked, whether it may be, and the signed answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from simulators.base.wire import Req, Resp, text_resp
from simulators.base.world import BEIJING
from simulators.unionpay import day_file, sign
from simulators.unionpay.book import ISSUER, TEXTS, Declined, Txn, moment

if TYPE_CHECKING:
    from simulators.unionpay.party import UnionPaySim

Fields = dict[str, str]
FRONT, BACK, QUERY = ("/gateway/api/" + name for name in ("frontTransReq.do", "backTransReq.do", "queryTrans.do"))
OPS = {
    (BACK, "01", "07"): "qr", (BACK, "01", "06"): "scan", (BACK, "31", "00"): "undo", (BACK, "04", "00"): "refund",
    (BACK, "99", "01"): "reverse", (QUERY, "00", "00"): "query", ("/", "76", "01"): "file",
    (FRONT, "01", "01"): "front", (BACK, "95", "00"): "certificate",
}
PATHS = {path for path, _, _ in OPS}
_ALWAYS = ("version", "encoding", "signMethod", "txnType", "txnSubType", "bizType", "accessType", "merId", "txnTime")
_MONEY = ("channelType", "orderId", "txnAmt", "currencyCode")
NEEDED = {
    "qr": (*_MONEY, "backUrl"), "scan": (*_MONEY, "backUrl", "qrNo", "termId"), "front": (*_MONEY, "backUrl"),
    "undo": (*_MONEY, "backUrl"), "refund": (*_MONEY, "backUrl"), "reverse": ("channelType", "orderId"),
    "query": (), "file": ("settleDate", "fileType"), "certificate": ("channelType", "orderId", "certType"),
}
FORMS = {
    "orderId": r"[0-9A-Za-z]{8,40}", "txnTime": r"[0-9]{14}", "txnAmt": r"[1-9][0-9]{0,11}", "currencyCode": "156",
    "channelType": "0[78]", "accessType": "[012]", "backUrl": r"https?://[^&\s]{1,256}", "payTimeout": r"[0-9]{14}",
    "qrNo": r"62[0-9]{17}", "termId": r"[0-9A-Za-z]{8}", "settleDate": r"[0-9]{4}", "fileType": "00",
    "certType": "0[12]",
    "encoding": "(?i:UTF-8|GBK)", "bizType": r"[0-9]{6}", "origQryId": r"[0-9]{21}",
    "origOrderId": r"[0-9A-Za-z]{8,40}", "origTxnTime": r"[0-9]{14}", "reqReserved": r".{1,1024}",
}  # fmt: skip


def asked(req: Req) -> Fields:
    """A request's fields, {} when it is no form."""
    return sign.read_form(req.body) or {}


def encoding_of(given: Fields) -> str:
    """The encoding to answer and tell in: the merchant's, in its own letters."""
    encoding = given.get("encoding", "")
    return encoding if encoding and re.fullmatch(FORMS["encoding"], encoding) else "UTF-8"


def op_of(req: Req) -> str:
    """The operation's name; the path itself when there is none."""
    given = asked(req)
    return OPS.get((req.path, given.get("txnType", ""), given.get("txnSubType", "")), req.path)


def match_of(req: Req) -> dict[str, str]:
    """What faults may match on."""
    return match_of_fields(asked(req))


def match_of_fields(given: Fields) -> dict[str, str]:
    """The same of fields already read."""
    names = {"orderId": "no", "reqReserved": "bill", "origQryId": "orig", "qrNo": "auth_code", "settleDate": "date"}
    return {ours: given[theirs] for theirs, ours in names.items() if theirs in given}


class Gateway:
    """Checks, executes and answers."""

    def __init__(self, party: UnionPaySim) -> None:
        self.party = party
        self._doors: dict[str, Callable[[Fields], Fields]] = {
            "qr": self._qr, "scan": self._scan, "front": self._qr, "undo": self._back, "refund": self._back,
            "reverse": self._reverse, "query": self._query, "file": self._file,
            "certificate": self._certificate,
        }

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        """Execute and answer."""
        if req.path not in PATHS:
            return text_resp("404 Not Found", 404)
        if req.method != "POST":
            return text_resp("405 Method Not Allowed", 405)
        given = asked(req)
        try:
            self._check(op, given)
            form = self._doors[op](given)
        except Declined as no:
            self.party.objected(no.objection(no.code, no.text))
            return self.answer(given, {"respCode": no.code, "respMsg": no.text})
        if op == "front":
            return text_resp(_page(given), content_type="text/html;charset=UTF-8")
        resp = self.answer(given, {"respCode": "00", "respMsg": TEXTS["00"], **form})
        return self.party.ordered(op, given, resp)

    def answer(self, given: Fields, form: Fields, spoil: str = "") -> Resp:
        """The signed answer, not URL-encoded; it repeats what names the transaction."""
        echoed = (
            "version", "encoding", "bizType", "txnType", "txnSubType", "accessType", "merId", "orderId", "txnTime",
            "txnAmt", "currencyCode", "reqReserved", "settleDate", "fileType",
        )
        whole = {name: given[name] for name in echoed if given.get(name)}
        whole |= {"version": "5.1.0", "encoding": encoding_of(given), **form}
        method = given.get("signMethod", "01")
        made = self.party.identity.signed(whole, method, spoil)
        return Resp(200, sign.write_raw(made), {"Content-Type": f"text/html;charset={made['encoding']}"})

    def _check(self, op: str, given: Fields) -> None:
        if not given:
            raise Declined("10")
        if op not in self._doors:
            raise Declined("32")
        for name in (*_ALWAYS, *NEEDED[op]):
            if not given.get(name):
                raise Declined("13", f"[{name}]").at(name, FORMS.get(name, "required"))
        if given["version"] != "5.1.0":
            raise Declined("10", "[version]").at("version", "5.1.0", given["version"])
        if given["merId"] != self.party.identity.mer_id:
            raise Declined("31").at("merId", self.party.identity.mer_id, given["merId"])
        if not self.party.identity.asked_well(given):
            wanted = sign.HOW.get(given["signMethod"], "signMethod 01, 11 or 12")
            raise Declined("11").at("signature", f"{wanted}: {sign.text(given)}", given.get("signature", ""))
        for name, value in given.items():
            if value and ("&" in value or re.fullmatch(FORMS.get(name, "(?s:.*)"), value) is None):
                raise Declined("10", f"[{name}]").at(name, FORMS.get(name, "no &"), value)
        if op not in ("query", "reverse", "file"):
            self._on_time(given["txnTime"])

    def _on_time(self, stamp: str) -> None:
        try:
            at = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).timestamp()
        except ValueError:
            raise Declined("10", "[txnTime]").at("txnTime", "yyyyMMddHHmmss", stamp) from None
        if abs(at - self.party.world.signing()) > self.party.settings.txn_time_seconds:
            wanted = f"within {self.party.settings.txn_time_seconds:.0f} s of {moment(self.party.world.signing())}"
            raise Declined("10", "[txnTime]无效 ").at("txnTime", wanted, stamp)

    # The business

    def _qr(self, given: Fields) -> Fields:
        book, settings, now = self.party.book, self.party.settings, self.party.world.now()
        expires = now + settings.qr_seconds
        if limit := given.get("payTimeout"):
            try:
                expires = datetime.strptime(limit, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).timestamp()
            except ValueError:
                raise Declined("10", "[payTimeout]") from None
            if expires <= now:
                raise Declined("10", "[payTimeout]")
        txn = book.open(op_name(given), given, kind="order", state="open")
        txn.state, txn.expires = "open", expires
        txn.qr = f"https://qr.95516.com/00010000/{self.party.world.rng.getrandbits(104):026x}"
        book.codes[txn.qr] = txn
        self.party.order_waits(txn)
        return {"qrCode": txn.qr}

    def _scan(self, given: Fields) -> Fields:
        behaviour = self.party.payers.get(given["qrNo"], SCANNED.get(given["qrNo"][-2:], "pays"))
        if behaviour == "poor":
            raise Declined("64")
        txn = self.party.book.open("scan", given, kind="order", state="processing")
        self.party.scanned(txn, behaviour)
        return {"queryId": txn.query_id}

    def _back(self, given: Fields) -> Fields:
        if not given.get("origQryId") and not (given.get("origOrderId") and given.get("origTxnTime")):
            raise Declined("13", "[origQryId]")
        txn = self.party.book.back(op_name(given), given)
        self.party.back_accepted(txn)
        return {"queryId": txn.query_id, **_origin(txn)}

    def _reverse(self, given: Fields) -> Fields:
        txn = self.party.book.find(given["orderId"], given["txnTime"])
        if txn is None or txn.op != "scan":
            raise Declined("34")
        self.party.book.reverse(txn)
        return {"queryId": txn.query_id}

    def _query(self, given: Fields) -> Fields:
        book = self.party.book
        if not given.get("orderId") and not given.get("queryId"):
            raise Declined("13", "[orderId]")
        txn = book.find(given.get("orderId", ""), given["txnTime"], given.get("queryId", ""))
        if txn is None:
            raise Declined("34")
        book.age(txn)
        unpaid = txn.op in ("qr", "front") and not txn.payments
        if unpaid and self.party.settings.unpaid == "not_found":
            raise Declined("34")
        form = {"origRespCode": txn.code, "origRespMsg": TEXTS[txn.code], "txnAmt": str(txn.amount)}
        return form if unpaid else {**form, **self.details(txn)}

    def _file(self, given: Fields) -> Fields:
        return day_file.answer(self.party, given["settleDate"])

    def _certificate(self, given: Fields) -> Fields:
        """加密公钥更新查询: the certificate with whose key clients hide card numbers."""
        return {"certType": given["certType"], "encryptPubKeyCert": self.party.identity.gateway_pem}

    def details(self, txn: Txn) -> Fields:
        """What a query's answer and a notice tell of a transaction."""
        settle_date = self.party.book.settle_date(txn.done_at or txn.at)
        return {
            "queryId": txn.query_id, "traceNo": txn.trace_no, "traceTime": moment(txn.done_at or txn.at)[4:],
            "settleDate": settle_date[4:], "settleAmt": str(txn.amount), "settleCurrencyCode": "156",
            "accNo": f"{ISSUER[:6]}******{ISSUER[-4:]}", "payCardType": "01", **_origin(txn),
            **({"reqReserved": txn.fields["reqReserved"]} if txn.fields.get("reqReserved") else {}),
        }


# How a payment code's holder behaves, by its last two digits.
SCANNED = {"01": "password", "02": "poor", "03": "walks", "04": "fails"}


def op_name(given: Fields) -> str:
    """The operation of a request already checked."""
    kind = (given["txnType"], given["txnSubType"])
    return next(op for (_, *both), op in OPS.items() if tuple(both) == kind)


def _origin(txn: Txn) -> Fields:
    if txn.orig is None:
        return {}
    return {
        "origQryId": txn.orig.query_id, "origOrderId": txn.orig.order_id, "origTxnTime": txn.orig.txn_time,
    }


def _page(given: Fields) -> str:
    """What a browser shows after a front consume: the cashier, whose payer is played by the act `pay`."""
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>银联在线支付</title></head><body>'
        f"<h1>银联在线支付</h1><p>订单 {escape(given['orderId'])}</p><p>金额 {int(given['txnAmt'])} 分</p>"
        "</body></html>"
    )
