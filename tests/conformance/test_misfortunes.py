"""Every misfortune that a simulator declares does something: its list ends otherwise, or is told otherwise, with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.conformance.running import Line
from tests.conformance.ground import ROOT, Memory, standing
from tests.conformance.test_lists import KINDS

BY_HTTP = frozenset({
    "bad_signature", "cut_reply", "fault_after_commit", "gbk_bytes", "not_enough_balance", "null_lists", "other_unit",
    "says_duplicate", "success_text", "token_expired",
})  # fmt: skip
"""Of the HIS's gateway and its SOAP: its MLLP door has no such answers."""
ELSEWHERE = {"booking_fails", "callback_dead"}  # a HIS that leads: tests/his_led; nobody hears callbacks here at all


def played(kind: str, **order: Any) -> tuple[list[Line], Memory, Any]:
    """The list with one misfortune."""
    with tempfile.TemporaryDirectory() as folder:
        run, ground = standing(kind, Path(folder))
        fault = ground.party.faults.add({"seconds": 45, **order}) if order else None
        lines = run.play()
    ground.clock.pump([1.0] * 90)  # what is late comes
    return lines, ground, fault


def mark(lines: list[Line], ground: Memory) -> tuple[Any, ...]:
    """All that an outside person could notice."""
    books = [(row.kind, row.no, row.amount, row.state) for row in ground.party.ledger.rows]
    rows = [(row.direction, row.op, row.outcome, row.request if row.direction == "out" else b"", row.at)
            for row in ground.party.exchanges.rows]  # fmt: skip
    return [(line.op, line.result, line.code) for line in lines], ground.transcript, books, rows


@cache
def clean(kind: str) -> tuple[tuple[Any, ...], frozenset[str]]:
    """The list without any: what there is to notice, and the operations it meets."""
    lines, ground, _ = played(kind)
    return mark(lines, ground), frozenset(row.op for row in ground.party.exchanges.rows)


def declared() -> Iterator[tuple[str, str, str]]:
    """Each misfortune with an operation of the list where it can happen; "" when the list meets none."""
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            party = standing(kind, Path(folder))[1].party
        met = clean(kind)[1]
        for name, told in party.fault_menu().items():
            if kind == "his_hl7" and name in BY_HTTP:
                continue
            if name in ELSEWHERE or name.startswith("bill_"):  # a list asks for bills of a day on which nothing was
                yield kind, name, ""
            elif told.ops:
                yield kind, name, next((op for op in told.ops if op in met), "")
            else:
                yield kind, name, "*"


CASES = list(declared())


@pytest.mark.parametrize(("kind", "fault", "op"), [case for case in CASES if case[2]])
def test_a_misfortune_of_the_menu_does_something(kind: str, fault: str, op: str) -> None:
    before, _ = clean(kind)
    lines, ground, order = played(kind, op=op, fault=fault, times=None)
    assert order.used > 0, f"{fault} never happened at {op}"
    assert mark(lines, ground) != before, f"{fault} at {op} changes nothing"


MONEY = {
    "wechat": ("query", "refund", "refund_query", "micropay", "codepay"), "alipay": ("query", "pay"),
    "unionpay": ("query", "qr"),
    "his": ("query.wait.balance.bill.item.list", "query.pay.bill", "pre.balance.bill", "pre.reg", "query.reg",
            "query.inhos.deposit", "query.pay.order", "balance.and.pay.bill"),
    "einvoice": ("getBillByBusNo",), "commercial": ("claim.settle", "claim.query"), "municipal": ("2410",),
    "neusoft": ("2410",), "yinhai": ("2410",), "dareway": ("settle_mz",),
    "mobile_pay": ("6301",), "qingdao_legacy": ("YL001",), "nhsa": ("2206A", "2207A"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "op"), [(kind, op) for kind, ops in MONEY.items() for op in ops])
def test_another_amount_than_was_asked_for_is_on_the_sheet(kind: str, op: str) -> None:
    """A whole list passed while every answer told a fen more: an amount was held to be a number only."""
    lines, _, order = played(kind, op=op, fault="wrong_amount", times=None)
    assert order.used > 0
    odd = [line for line in lines if line.result != "passed"]
    assert odd
    assert all(line.differences or line.why for line in odd)


def test_what_no_list_meets_is_met_by_another_test() -> None:
    """Bills and HL7 acknowledgements: their own tests order them by name."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    unmet = {fault for _, fault, op in CASES if not op}
    assert {fault for fault in unmet if not any(f'"{fault}"' in text for text in texts)} == set()
