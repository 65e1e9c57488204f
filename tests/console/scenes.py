"""The settlements an operator meets in a night, as scripts for the stage."""

from __future__ import annotations

from engine.core.outcome import Fact, Outcome
from engine.saga.events import Cancelled

from .stage import GOOD, Play, Says, pay, reason_of
from .town import Patient

SILENT = Says(Outcome.UNKNOWN, 10.0, code="SILENT", text="10 秒内没有应答")
WAITING = Says(Outcome.ACCEPTED, 0.3, Fact.WAITING)
NOT_THERE = Says(Outcome.ACCEPTED, 0.3, Fact.NOT_THERE, code="ORDERNOTEXIST", text="订单不存在")
SELF_PAY = {"total": 20000, "fund": 0, "account": 0, "relief": 0, "other": 0, "cash": 20000}


def settled(**more: object) -> Play:
    """Everything goes well."""
    return Play(events=((21.4, pay()),), **more)  # type: ignore[arg-type]  # keywords are Play's own


def slow_payment() -> Play:
    """The payment's answer is lost; the inquiry finds it."""
    says = {"pay.code": (SILENT,), "pay.code_query": (WAITING, GOOD)}
    return Play(says=says, events=((18.0, pay()),), patient=Patient("P0002", "测试乙"), terminal=("kiosk", "K07"))


def paid_again() -> Play:
    """The first payment never arrived: stopped, fenced, asked, and paid in a second round."""
    says = {
        "pay.code": (SILENT, GOOD),
        "pay.code_query": (NOT_THERE,),
        "pay.reverse": (GOOD,),
    }
    return Play(says=says, events=((15.0, pay()), (75.0, pay())), patient=Patient("P0006", "测试己"))


def undone() -> Play:
    """The HIS will not book it: insurance and money go back."""
    no = Says(Outcome.REFUSED, 0.2, code="BILL_CHANGED", text="账单内容已变化，请重新查询")
    return Play(says={"his.settle": (no,)}, events=((24.0, pay()),), patient=Patient("P0004", "测试丁"))


def manual() -> Play:
    """The refund is refused: a person has to look."""
    no = Says(Outcome.REFUSED, 0.2, code="AMOUNT_MISMATCH", text="金额不符")
    refund = Says(Outcome.REFUSED, 0.4, code="NOT_ENOUGH", text="商户账户余额不足，测试庚的退款未受理")
    return Play(
        says={"his.settle": (no,), "pay.refund": (refund,)}, events=((24.0, pay()),), patient=Patient("P0007", "测试庚")
    )


def rejected() -> Play:
    """A rule says no before anything is charged."""
    return Play(refuse={"nhsa_rules_person": "E-UNMAPPED"}, patient=Patient("P0003", "测试丙"))


def expired() -> Play:
    """Nobody chooses how to pay."""
    return Play(insured=False, amounts=SELF_PAY, patient=Patient("P0005", "测试戊"), terminal=("phone", "WX01"))


def cancelled() -> Play:
    """The patient walks away."""
    return Play(events=((12.0, Cancelled(reason_of("E-CANCELLED"))),), insured=False, amounts=SELF_PAY)


def no_invoice() -> Play:
    """All is settled, but the invoice is refused."""
    no = Says(Outcome.REFUSED, 0.4, code="E0012", text="开票点未启用")
    return Play(says={"einvoice.issue": (no,)}, events=((19.0, pay()),), terminal=("room", "R203"))


def planted() -> Play:
    """A patient whose name is a script, and a party that answers with one."""
    evil = "<script>alert(1)</script>"
    no = Says(Outcome.REFUSED, 0.2, code="<b>X</b>", text=f"{evil} 拒绝")
    return Play(says={"his.lock": (no,)}, patient=Patient("P0009", evil))


def insurance_down() -> Play:
    """The insurance platform does not answer at all."""
    dead = Says(None, 3.0, code="NOT-SENT", text="connection refused")
    return Play(says={"nhsa.person": (dead,)})


def waiting() -> Play:
    """The patient is looking at the amounts."""
    return Play(patient=Patient("P0008", "测试𠮷"), terminal=("window", "W02"))


def stuck() -> Play:
    """The insurance's settlement is unknown and its inquiry too."""
    lost = Says(Outcome.UNKNOWN, 30.0, code="SILENT", text="30 秒内没有应答")
    unclear = Says(Outcome.UNKNOWN, 20.0, Fact.UNKNOWN, code="SILENT", text="20 秒内没有应答")
    return Play(
        says={"nhsa.settle": (lost,), "nhsa.settled": (unclear,), "nhsa.reverse": (unclear,)}, events=((16.0, pay()),)
    )
