"""Small writes and an invented settlement for the store's tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.saga.case import Case, CaseState, Reason
from engine.saga.legs import Leg, LegState
from engine.store import Write

NAME = "测试甲"
ID_NO = "110101199001010007"


def new_counter(name: str, value: int) -> Write:
    return Write("counter_open", {"name": name, "value": value}, rows=1)


def counter(name: str, before: int, value: int) -> Write:
    return Write("counter_reserve", {"name": name, "before": before, "value": value}, rows=1)


def bill_hold(no: str, bill: str) -> Write:
    return Write("bill_hold", {"settlement_no": no, "bill": bill}, rows=1)


def some_case(no: str = "S1", **changes: Any) -> Case:
    case = Case(
        no=no,
        channel="outpatient_settlement",
        site_hash="h" * 64,
        client="kiosk",
        request_no=f"R-{no}",
        created_at=1_795_000_000.125,
        data={
            "request": {"patient": {"id": "P0001", "name": NAME}, "bills": ["B1"], "$d": "a key of ours"},
            "his": {"bill": {"items": [{"qty": Decimal("1.50"), "code": "010", "amount": 1200, "x": None, "y": True}]}},
            "odd": ["$", "$d", {"$d": "1"}, {"$$d": []}, {}, [], "", Decimal("1E+2"), -1, 10**15, "\ud83c"],
        },
        state=CaseState.FORWARD,
        version=1,
        cursor=3,
        item=2,
        attempt=2,
        cause=Reason("E-X", "原因", "cause", "his", "下一步", "next"),
        notice=Reason("E-Y", "提示", "notice", "patient"),
        cause_kind="refused",
        pending={"kind": "wechat_code", "auth_code": "134"},
        wait_until=1_795_000_300.5,
        final_at=None,
    )
    case.legs = [
        some_leg(1, LegState.OK, evidence=9_000_000_000_000),
        some_leg(2, LegState.SENT, text=NAME + "余额不足"),
    ]
    for name, value in changes.items():
        setattr(case, name, value)
    return case


def some_leg(id: int, state: LegState, **changes: Any) -> Leg:
    leg = Leg(
        id=id,
        step=f"step {id}",
        call="pay.code",
        number=f"N{id}",
        created_at=1_795_000_001.0,
        state=state,
        amount=107_500,
        sent_at=1_795_000_002.25,
        deadline_at=1_795_000_032.0,
        stopped=True,
        asks=2,
        tries=1,
        because="refused",
        code="NOTENOUGH",
        param_hash="f" * 64,
        repeats_heard=1,
    )
    for name, value in changes.items():
        setattr(leg, name, value)
    return leg
