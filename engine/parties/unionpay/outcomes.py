"""What UnionPay's answers mean.

Not listed, and therefore unknown: 01 (failed *or suspicious*), 03, 04 (in doubt), 12 (the number is taken: what stands
there must be asked for), 37, 99 and whatever comes new. Query, never guess.
"""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import Op, OutcomeRow

_PAY: Final = frozenset({"qr", "scan"})
_BACK: Final = frozenset({"undo", "refund"})
_ASK: Final = frozenset({"query"})
_FILE: Final = frozenset({"file"})


def _op(name: str, zh: str, en: str, *, changes: bool = False, money: bool = False, number: str = "") -> Op:
    return Op(name, zh, en, changes=changes, money=money, number=number)


OPS: Final = {
    op.name: op
    for op in (
        _op("qr", "申请消费二维码", "order for a QR code", changes=True, money=True, number="trade"),
        _op("scan", "二维码消费（付款码）", "charge a payment code", changes=True, money=True, number="trade"),
        _op("reverse", "冲正付款码消费", "reverse a payment code order", changes=True, money=True),
        _op("undo", "消费撤销（当日全额）", "undo a charge of today, whole", changes=True, money=True, number="refund"),
        _op("refund", "退货", "refund", changes=True, money=True, number="refund"),
        _op("query", "交易状态查询", "ask for a transaction"),
        _op("file", "对账文件下载", "fetch a day's file"),
    )
}

# txnType, txnSubType of each.
KINDS: Final = {
    "qr": ("01", "07"), "scan": ("01", "06"), "reverse": ("99", "01"), "undo": ("31", "00"),
    "refund": ("04", "00"), "query": ("00", "00"), "file": ("76", "01"),
}  # fmt: skip

_FORM: Final = ("10", "11", "13", "31", "32")  # never executed: format, signature, missing field, merchant, permission
_ISSUER: Final = tuple(str(code) for code in range(60, 80))


def _rows() -> tuple[OutcomeRow, ...]:
    yes, no, wait = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING
    money = _PAY | _BACK
    form = "the gateway's own no: the request was not taken in"
    final = "declined for good: this number was not and will not be charged"
    return (
        *(OutcomeRow(code, wait, money, because="taken in; done is what the query or the notice says") for code in (
            "00", "A6", "05")),
        OutcomeRow("00", yes),
        OutcomeRow("A6", yes, because="done, with a defect of the platform's own"),
        *(OutcomeRow(code, no, because=form) for code in _FORM),
        *(OutcomeRow(code, no, _PAY, because=final) for code in ("30", "33", "38", "39", *_ISSUER)),
        *(OutcomeRow(code, no, _BACK, because="the gateway will not give back under this number") for code in (
            "30", "33", "35", "36", "39")),
        OutcomeRow("42", wait, _PAY, because="paid after the allowed time: the query says what stands"),
        OutcomeRow("34", no, _ASK, because="no such transaction now"),
        OutcomeRow("98", no, _FILE, because="no file for that day"),
    )  # fmt: skip


OUTCOMES: Final = _rows()
