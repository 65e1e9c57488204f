"""The gateway's transactions, keyed by orderId *and* txnTime for ever. Amounts are fen, times business unix seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.base.ledger import Ledger, Row
from simulators.base.objection import Objecting
from simulators.base.world import BEIJING, SimWorld
from simulators.unionpay.settings import Settings

REFUND_LIFE = 335 * 86400.0  # eleven months
ISSUER = "6216261000000000018"

TEXTS = {
    "00": "成功[0000000]", "01": "交易失败。详情请咨询95516[5000001]", "03": "交易通讯超时，请发起查询交易[2000003]",
    "04": "交易状态未明，请查询对账结果[2000004]", "05": "交易已受理，请稍后查询交易结果[2000005]",
    "10": "报文格式错误[6100010]", "11": "验证签名失败[9100004]", "12": "订单重复[2010002]",
    "13": "报文交易要素缺失[6131413]", "30": "交易未通过，请尝试使用其他银联卡支付或联系95516[2030030]",
    "31": "商户状态不正确[6100031]", "32": "无此交易权限[6100032]", "33": "交易金额超限[2030033]",
    "34": "查无此交易[2600000]", "35": "原交易不存在或状态不正确[2040004]", "36": "与原交易信息不符[2050004]",
    "37": "已超过最大查询次数或操作过于频繁[2600037]", "38": "银联风险受限[2030038]",
    "39": "交易不在受理时间范围内[2030039]",
    "42": "扣款成功但交易超过规定支付时间[2050042]", "64": "卡上的余额不足[1000064]", "98": "文件不存在[7000098]",
    "99": "通用错误[9999999]",
}  # fmt: skip


class Declined(Objecting):
    """The gateway says no: a response code, and what about it."""

    def __init__(self, code: str, about: str = "") -> None:
        super().__init__(about)
        self.code, self.about = code, about

    @property
    def text(self) -> str:
        """The respMsg."""
        return f"{self.about}{TEXTS[self.code]}" if self.about else TEXTS[self.code]


def moment(at: float) -> str:
    """yyyyMMddHHmmss in Beijing time."""
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y%m%d%H%M%S")


@dataclass
class Payment:
    """The payer's money, once."""

    query_id: str
    trace_no: str
    at: float


@dataclass
class Txn:
    """One transaction. `state`: open (a QR nobody paid), doubt, done, failed; `code`: its origRespCode."""

    op: str
    order_id: str
    txn_time: str
    amount: int
    at: float
    row: Row
    fields: dict[str, str]
    query_id: str
    trace_no: str
    state: str = "doubt"
    code: str = "05"
    expires: float = 0.0
    qr: str = ""
    orig: Txn | None = None
    undone: bool = False  # taken back whole by an undo or a reversal
    done_at: float = 0.0
    payments: list[Payment] = field(default_factory=list)
    backs: list[Txn] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        return self.order_id, self.txn_time

    @property
    def bill(self) -> str:
        return self.fields.get("reqReserved", "")


class Book:
    """All transactions of one merchant; `on_end` hears each that was done or failed."""

    def __init__(
        self, world: SimWorld, ledger: Ledger, settings: Settings, on_end: Callable[[Txn], None]
    ) -> None:
        self.world, self.ledger, self.settings, self.on_end = world, ledger, settings, on_end
        self.txns: dict[tuple[str, str], Txn] = {}
        self.codes: dict[str, Txn] = {}
        self._serial = 0

    def _numbers(self) -> tuple[str, str]:
        """A queryId (21 digits) and a traceNo (6)."""
        self._serial += 1
        return f"{moment(self.world.now())}{self._serial:07d}", f"{self._serial % 1_000_000:06d}"

    def open(self, op: str, fields: dict[str, str], *, kind: str, state: str = "processing") -> Txn:
        """Take a new transaction in; Declined 12 when its number and time are taken."""
        key = (fields["orderId"], fields["txnTime"])
        if key in self.txns:
            raise Declined("12")
        query_id, trace_no = self._numbers()
        amount = int(fields["txnAmt"])
        row = self.ledger.add(
            kind, no=key[0], party_no=query_id, amount=amount, state=state, bill=fields.get("reqReserved", "")
        )
        txn = Txn(op, *key, amount, self.world.now(), row, fields, query_id, trace_no)
        self.txns[key] = txn
        return txn

    def find(self, order_id: str, txn_time: str = "", query_id: str = "") -> Txn | None:
        """By queryId, by number and time, or (without a time) the newest of that number."""
        if query_id:
            return next((t for t in self.txns.values() if query_id in (t.query_id, *_paid_ids(t))), None)
        if txn_time:
            return self.txns.get((order_id, txn_time))
        return next((t for t in reversed(self.txns.values()) if t.order_id == order_id), None)

    def age(self, txn: Txn) -> None:
        """A QR that nobody paid in time is over."""
        if txn.state == "open" and self.world.now() >= txn.expires:
            txn.state, txn.code = "failed", "01"
            self.ledger.change(txn.row, state="closed")

    def charge(self, txn: Txn, code: str = "00") -> Payment:
        """The payer's money comes: a charge in the ledger. The first makes the transaction done."""
        query_id, trace_no = (txn.query_id, txn.trace_no) if not txn.payments else self._numbers()
        payment = Payment(query_id, trace_no, self.world.now())
        txn.payments.append(payment)
        self.ledger.add(
            "charge", no=txn.order_id, party_no=query_id, amount=txn.amount, bill=txn.bill, ref=txn.txn_time
        )
        self.ledger.change(txn.row, state="paid")
        if len(txn.payments) == 1:
            self._over(txn, "done", code)
        return payment

    def fail(self, txn: Txn, code: str) -> None:
        """It ends without money."""
        self.ledger.change(txn.row, state="failed")
        self._over(txn, "failed", code)

    def finish(self, txn: Txn) -> None:
        """A refund or an undo is done."""
        if txn.state != "doubt":
            return
        self.ledger.change(txn.row, state="done")
        if txn.op == "undo" and txn.orig is not None:
            txn.orig.undone = True
        self._over(txn, "done", "00")

    def _over(self, txn: Txn, state: str, code: str) -> None:
        txn.state, txn.code, txn.done_at = state, code, self.world.now()
        self.on_end(txn)

    def back(self, op: str, fields: dict[str, str]) -> Txn:
        """A refund (any part, repeatedly) or an undo (whole, the same clearing day); Declined when it cannot be."""
        if (fields["orderId"], fields["txnTime"]) in self.txns:
            raise Declined("12")
        orig = self.find(fields.get("origOrderId", ""), fields.get("origTxnTime", "-"), fields.get("origQryId", ""))
        if orig is None or orig.op not in ("qr", "scan", "front") or orig.state != "done" or orig.undone:
            raise Declined("35")
        amount, now = int(fields["txnAmt"]), self.world.now()
        spent = sum(one.amount for one in orig.backs if one.state != "failed")
        if op == "undo":
            if amount != orig.amount or spent:
                raise Declined("36")
            if self.settle_date(now) != self.settle_date(orig.done_at):
                raise Declined("35")
        elif spent + amount > orig.amount:
            raise Declined("36")
        elif now > orig.done_at + REFUND_LIFE:
            raise Declined("35")
        txn = self.open(op, fields, kind="refund")
        txn.orig = orig
        self.ledger.change(txn.row, ref=orig.order_id, bill=orig.bill)
        orig.backs.append(txn)
        return txn

    def reverse(self, txn: Txn) -> None:
        """冲正: the charge under this number is taken back whole; money that is still coming will not come."""
        if txn.undone:
            return
        if any(one.state != "failed" for one in txn.backs):
            raise Declined("35")
        paid = txn.amount * len(txn.payments)
        self.ledger.add(
            "reverse", no=txn.order_id, party_no=txn.query_id, amount=paid, state="done" if paid else "closed",
            bill=txn.bill, ref=txn.txn_time,
        )
        txn.undone, txn.state, txn.code, txn.done_at = True, "failed", "01", self.world.now()
        self.ledger.change(txn.row, state="reversed" if paid else "closed")

    def settle_date(self, at: float) -> str:
        """yyyyMMdd of the clearing day: what comes after its end belongs to the next."""
        when = datetime.fromtimestamp(at, BEIJING)
        if when.hour >= self.settings.cut_hour:
            when += timedelta(days=1)
        return when.strftime("%Y%m%d")


def _paid_ids(txn: Txn) -> list[str]:
    return [payment.query_id for payment in txn.payments]
